"""Remove the answers from a lesson: replace nbgrader's solution regions by nbgrader's stubs."""

import re

CODE_STUB = ("# YOUR CODE HERE", "raise NotImplementedError()")
TEXT_STUB = ("YOUR ANSWER HERE",)
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
_NEAR_MISS = re.compile(r"\b(BEGIN|END)\s+SOLUTIONS?\b", re.IGNORECASE)


class SourceError(ValueError):
    """A lesson's source cannot become a notebook; the message says where and why."""


def regions(source: str) -> list[tuple[int, int]]:
    """First and last line (both markers, counted from 0) of each solution in a cell.

    SourceError where markers are nested, unbalanced, misspelt, or hold nothing.
    """
    found, start = [], None
    lines = source.split("\n")
    for number, line in enumerate(lines):
        text = line.strip()
        if text == BEGIN:
            if start is not None:
                raise SourceError(f"'{BEGIN}' in line {number + 1} stands inside the one begun in line {start + 1}")
            start = number
        elif text == END:
            if start is None:
                raise SourceError(f"'{END}' in line {number + 1} ends a solution that never began")
            if not "".join(lines[start + 1 : number]).strip():
                raise SourceError(f"the solution in lines {start + 1} to {number + 1} is empty")
            found.append((start, number))
            start = None
        elif _NEAR_MISS.search(text):
            raise SourceError(f"{text!r} in line {number + 1} looks like a marker; write exactly '{BEGIN}' or '{END}'")
    if start is not None:
        raise SourceError(f"the solution begun in line {start + 1} has no '{END}'")
    return found


def cleared(source: str, kind: str = "code") -> str:
    """The learner's version of a cell: every solution replaced by a stub at the indentation of its first marker."""
    stub = CODE_STUB if kind == "code" else TEXT_STUB
    lines, kept, after = source.split("\n"), [], 0
    for start, end in regions(source):
        indent = lines[start][: len(lines[start]) - len(lines[start].lstrip())]
        kept += lines[after:start] + [indent + line for line in stub]
        after = end + 1
    return "\n".join(kept + lines[after:])


def hidden_markers(source: str) -> str:
    """A text cell of the answer copy: the markers stay for nbgrader, as comments that are not displayed."""
    return re.sub(rf"^[ \t]*({BEGIN}|{END})[ \t]*$", r"<!-- \1 -->", source, flags=re.MULTILINE)


def solution_lines(source: str) -> list[str]:
    """The lines of all solutions in a cell, without the markers, stripped."""
    lines = source.split("\n")
    return [line.strip() for start, end in regions(source) for line in lines[start + 1 : end] if line.strip()]
