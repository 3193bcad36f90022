"""Connectionist temporal classification (Graves et al. 2006): collapsing, the lattice of alignments, prefix search."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from mmcourse.show.diagrams.canvas import SIZE, SMALL, Canvas, Rect, measure
from mmcourse.show.diagrams.layers import Box, Layers, write_box
from mmcourse.show.diagrams.nodes import QUIET
from mmcourse.show.diagrams.sheet import MARGIN
from mmcourse.show.diagrams.spans import Span, span_rows

BLANK, EMPTY = "-", "∅"
UNUSED = "dashed: on no alignment"
LISTED = 8  # alignments that are written out, at most
# Probabilities of blank, a and b in three frames: the single most probable alignment is all blanks.
EXAMPLE = ((0.5, 0.4, 0.1), (0.5, 0.1, 0.4), (0.5, 0.1, 0.4))


def ctc_collapse(labels: Sequence[str] = "hhe-ll-loo-", blank: str = BLANK) -> None:
    """Display how the labels of 1 to 18 frames become a text: repeats are merged, then blanks are removed."""
    labels = list(labels)
    if not 1 <= len(labels) <= 18 or any(len(label) != 1 for label in labels):
        raise ValueError(f"the labels are {labels}; expected 1 to 18 labels of one character each")
    runs, start = [], 0  # (label, first frame, frame behind the last)
    for label, group in groupby(labels):
        runs.append((label, start, start := start + len(list(group))))
    text = "".join(label for label, *_ in runs if label != blank)
    frames = [(label, t, t + 1) for t, label in enumerate(labels)]
    rows = {"symbol of each frame": frames, "1  merge repeats": runs,
            f"2  remove blanks {blank}": [run for run in runs if run[0] != blank]}  # fmt: skip
    rows = {title: [Span(*run, "data" if run[0] == blank else "layer") for run in row] for title, row in rows.items()}
    told = "".join(label for label, *_ in runs)
    span_rows(rows | {"text": f"“{text}”"}).show(
        f"CTC's rule from the symbols of frames to a text, where {blank} is the blank. Diagram: {len(labels)} frames "
        f"{''.join(labels)} to {told} (repeats merged) to {text or 'nothing'} (blanks removed)."
    )


def ctc_lattice(
    target: str = "ab", frames: int = 3, probabilities=None, symbols: Sequence[str] = "-ab", blank: str = BLANK
) -> None:
    """Display all alignments of 1 to 6 frames with a target of 1 to 4 symbols: a lattice, and up to 8 paths.

    probabilities  (1 to 4 frames, symbols) array or tensor; then each state shows its probability p and the forward
                   variable alpha, and each path its probability
    symbols        the symbol of each column of the probabilities
    """
    if probabilities is not None:
        probabilities = _checked(probabilities, symbols)
        frames = len(probabilities)
        if missing := set(target) - set(symbols):
            raise ValueError(f"the symbols are {list(symbols)}; expected among them {sorted(missing)} of the target")
    states = extended(target, blank)
    need = len(target) + sum(a == b for a, b in zip(target, target[1:], strict=False))
    most = 6 if probabilities is None else 4
    if not 1 <= len(target) <= 4 or blank in target or not need <= frames <= most:
        raise ValueError(
            f"the target is {target!r} for {frames} frames; expected 1 to 4 symbols without blanks, and {need} to "
            f"{most} frames: one for each symbol, and one for a blank between equal neighbours"
        )
    paths = alignments(target, frames, blank)
    used = {(t, s) for path in paths for t, s in enumerate(path)}
    steps = {(t, path[t], path[t + 1]) for path in paths for t in range(frames - 1)}
    p, alpha = (None, None) if probabilities is None else _forward(states, probabilities, list(symbols))
    layers = Layers(
        [
            {(t, s): _state(symbol, (t, s) in used, p, alpha, t, s) for s, symbol in enumerate(states)}
            for t in range(frames)
        ],
        [((t, a), (t + 1, b), True) for t, a, b in sorted(steps)],
        [f"frame {t + 1}" for t in range(frames)],
        states,
        gap=(0.5 if frames < 5 else 0.28, 0.1),
    )
    listed = paths if len(paths) <= LISTED else []
    texts = ["".join(states[s] for s in path) for path in paths]
    scores = [] if p is None else [float(np.prod([p[t, s] for t, s in enumerate(path)])) for path in paths]
    side = _listing([(text, number(score)) for text, score in zip(texts, scores or [None] * len(texts), strict=True)]
                    if listed else [])  # fmt: skip
    wide, high = layers.size
    total = f"p({target}) = {number(sum(scores))}" if scores else ""
    head = f"{len(paths)} alignments" if len(paths) > 1 else "1 alignment"
    panel = max(side, measure(UNUSED, SMALL)[0], *(measure(text, SIZE, "bold")[0] for text in (head, total)))
    canvas = Canvas(2 * MARGIN + wide + 0.4 + panel, 2 * MARGIN + max(high, 0.6 + 0.27 * (len(listed) + bool(total))))
    layers.draw(canvas)
    left, y = MARGIN + wide + 0.4, MARGIN + 0.1
    canvas.text(left + measure(head, SIZE, "bold")[0] / 2, y, head, SIZE, "bold")
    for i in range(len(listed)):
        y += 0.27
        _write_alignment(canvas, left, y, texts[i], number(scores[i]) if scores else "")
    if total:
        canvas.text(left + measure(total, SIZE, "bold")[0] / 2, y + 0.3, total, SIZE, "bold")
    told = "; ".join(f"{text} {number(score)}" for text, score in zip(texts, scores, strict=True)) if scores else ""
    told = told or "; ".join(texts)
    if len(used) < frames * len(states):
        canvas.text(left + measure(UNUSED, SMALL)[0] / 2, y + 0.3 + 0.27 * bool(total), UNUSED, SMALL, colour=QUIET)
    canvas.show(
        f"The lattice of CTC for the target {target}, extended with blanks to {' '.join(states)}, over {frames} "
        f"frames; a path stays in a state, moves to the next, or skips a blank between different symbols. Diagram: "
        f"{head}{': ' + told if listed else ''}{'; their sum is ' + total if total else ''}."
    )


def extended(target: str, blank: str = BLANK) -> list[str]:
    """The target with a blank before, between and after its symbols."""
    return [blank, *(symbol for letter in target for symbol in (letter, blank))]


def alignments(target: str, frames: int, blank: str = BLANK) -> list[list[int]]:
    """All paths through the states of the extended target, one state for each frame, in order."""
    states, found = extended(target, blank), []

    def go_on(path: list[int]) -> None:
        if len(path) == frames:
            if path[-1] >= len(states) - 2:
                found.append(path)
            return
        s = path[-1]
        skip = s + 2 < len(states) and states[s + 2] != blank and states[s + 2] != states[s]
        for following in (s, s + 1, s + 2)[: 3 if skip else 2]:
            if following < len(states):
                go_on([*path, following])

    for start in (0, 1):
        go_on([start])
    return found


def prefix_beam(probabilities=EXAMPLE, symbols: Sequence[str] = "-ab", width: int = 2) -> None:
    """Display prefix beam search over 1 to 4 frames: alignments of the same prefix are summed, `width` prefixes kept.

    probabilities  (frames, symbols) array or tensor; symbols: the symbol of each column, the blank first
    """
    probabilities = _checked(probabilities, symbols)
    if not 1 <= len(probabilities) <= 4 or not 1 <= width <= 4:
        raise ValueError(f"{len(probabilities)} frames and width {width}; expected 1 to 4 of each")
    columns: list[dict] = [{(0, ""): Box(EMPTY, "1")}]
    links, told, merged = [], [], 0
    for t, step in enumerate(prefix_steps(probabilities, symbols, width), 1):
        ranked = sorted(step, key=lambda prefix: -step[prefix][0])
        column = {
            (t, prefix): Box(prefix or EMPTY, number(step[prefix][0]), "data" if i < width else "frozen", i)
            for i, prefix in enumerate(ranked)
        }
        links += [((t - 1, parent), (t, prefix), i < width) for i, prefix in enumerate(ranked)
                  for parent in step[prefix][1]]  # fmt: skip
        merged += sum(len(step[prefix][1]) > 1 for prefix in ranked)
        told.append(f"frame {t}: " + ", ".join(
            f"{prefix or 'empty'} {number(step[prefix][0])}{' pruned' * (i >= width)}"
            for i, prefix in enumerate(ranked)))  # fmt: skip
        columns.append(column)
    high = max(len(column) for column in columns)
    for column in columns[:1]:
        for box in column.values():
            box.row = (min(width, high) - 1) / 2
    each_line = 3 if len(probabilities) < 4 else 1  # in four wide columns the arrows would be flat
    titles = [f"after frame {t}\n{_in_lines(symbols, p, each_line)}" for t, p in enumerate(probabilities, 1)]
    layers = Layers(columns, links, ["start", *titles], gap=(0.75, 0.12))
    notes = (
        f"{EMPTY} empty prefix",
        f"{symbols[0]} blank",
        f"dashed: pruned (width {width})",
        "arrows that meet: summed",
    )
    note = (8 * " ").join(notes)
    wide, down = layers.size
    canvas = Canvas(2 * MARGIN + max(wide, measure(note, SMALL)[0]), 2 * MARGIN + down + 0.3)
    layers.draw(canvas, left=(canvas.sheet.right - wide) / 2)
    canvas.text(canvas.sheet.right / 2, canvas.sheet.bottom - MARGIN - 0.06, note, SMALL, colour=QUIET)
    canvas.show(
        f"Prefix beam search of width {width}: each prefix has the summed probability of all alignments that collapse "
        f"to it. Diagram: {'; '.join(told)}."
    )


def prefix_steps(probabilities: np.ndarray, symbols: Sequence[str], width: int) -> list[dict]:
    """For each frame, {prefix: (probability, the prefixes that it came from)}, of which `width` go on."""
    beams, steps = {"": (1.0, 0.0)}, []  # of alignments that end in a blank, and in the prefix's last symbol
    for frame in probabilities:
        ahead: dict[str, list[float]] = {}
        parents: dict[str, list[str]] = {}

        def add(prefix: str, parent: str, blank: float = 0.0, symbol: float = 0.0, ahead=ahead, parents=parents):
            if blank + symbol > 0:
                sums = ahead.setdefault(prefix, [0.0, 0.0])
                sums[0], sums[1] = sums[0] + blank, sums[1] + symbol
                if parent not in parents.setdefault(prefix, []):
                    parents[prefix].append(parent)

        for prefix, (blank, symbol) in beams.items():
            add(prefix, prefix, blank=(blank + symbol) * frame[0])
            for letter, p in zip(symbols[1:], frame[1:], strict=True):
                if prefix.endswith(letter):
                    add(prefix, prefix, symbol=symbol * p)
                add(prefix + letter, prefix, symbol=(blank if prefix.endswith(letter) else blank + symbol) * p)
        steps.append({prefix: (float(sum(sums)), parents[prefix]) for prefix, sums in ahead.items()})
        kept = sorted(ahead, key=lambda prefix: -sum(ahead[prefix]))[:width]  # noqa: B023
        beams = {prefix: tuple(ahead[prefix]) for prefix in kept}
    return steps


def number(p: float | None) -> str:
    """Three significant digits, two below 0.1; nothing for None."""
    return "" if p is None else f"{p:.3g}" if p >= 0.1 else f"{p:.2g}"


def _in_lines(symbols: Sequence[str], frame: np.ndarray, each_line: int) -> str:
    """The probability of each symbol in a frame, `each_line` of them to a line."""
    entries = [f"{symbol} {p:.2g}" for symbol, p in zip(symbols, frame, strict=True)]
    return "\n".join(", ".join(entries[i : i + each_line]) for i in range(0, len(entries), each_line))


def _checked(probabilities, symbols: Sequence[str]) -> np.ndarray:
    p = np.asarray(probabilities, dtype=float)
    if p.ndim != 2 or p.shape[1] != len(symbols):
        raise ValueError(f"probabilities have shape {p.shape} for {len(symbols)} symbols; expected (frames, symbols)")
    if p.min() < 0 or not np.allclose(p.sum(1), 1, atol=1e-4):
        raise ValueError(
            f"the probabilities of a frame sum to {p.sum(1).round(3).tolist()}; expected 1 for each frame. "
            "Log-probabilities need .exp() first"
        )
    return p


def _forward(states: list[str], probabilities: np.ndarray, symbols: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Probability of each state's symbol, and the forward variables.   -> (T, S), (T, S)"""
    p = probabilities[:, [symbols.index(state) for state in states]]
    alpha = np.zeros_like(p)
    alpha[0, :2] = p[0, :2]
    for t in range(1, len(p)):
        for s in range(len(states)):
            skip = s > 1 and s % 2 == 1 and states[s] != states[s - 2]
            alpha[t, s] = p[t, s] * alpha[t - 1, max(0, s - 1 - skip) : s + 1].sum()
    return p, alpha


def _state(symbol: str, used: bool, p: np.ndarray | None, alpha: np.ndarray | None, t: int, s: int) -> Box:
    kind = "frozen" if not used else "data" if symbol == BLANK else "layer"
    if p is None:
        return Box(symbol, kind=kind, row=s)
    return Box(f"$p$ = {number(p[t, s])}", f"$\\alpha$ = {number(alpha[t, s])}", kind, s)


def _listing(rows: list[tuple[str, str]]) -> float:
    """Width of the alignments that are written out."""
    return max((0.24 * len(text) + bool(score) * (0.12 + measure(score, SIZE)[0]) for text, score in rows), default=0)


def _write_alignment(canvas: Canvas, left: float, y: float, text: str, score: str) -> None:
    for i, symbol in enumerate(text):
        rect = Rect(left + 0.24 * i, y - 0.12, left + 0.24 * (i + 1), y + 0.12).grown(-0.01)
        kind = "data" if symbol == BLANK else "layer"
        write_box(canvas, rect, Box(symbol, kind=kind), f"alignment {text}, {i}")
    canvas.text(left + 0.24 * len(text) + 0.12 + measure(score, SIZE)[0] / 2, y, score)
