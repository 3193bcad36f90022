"""Questions in a message about what an answer's code does stay only where the code does it."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from types import CodeType, FunctionType

from torch import nn

from mmcourse.exercises.answers import _LIBRARIES

# A question after a colon, a semicolon or a full stop; code in backticks may contain any of these signs.
QUESTION = re.compile(r"(?P<before>[:;.,]) (?P<words>(?:[Ii]s|[Aa]re|[Dd]oes|[Ww]as|[Ww]ere)\b(?:`[^`]*`|[^`:;?])*)\?")
NAMED = ("squeeze", "empty", "detach", "no_grad", "item", "flatten", "cat", "relu", "softmax", "argmax", "clamp")
WITHOUT = re.compile(r"\b(missing|forgotten|left out|not)\b")  # such a question is about what the code lacks


def without_unfounded_questions(message: str, answer) -> str:
    """The message without questions about a `return` in a loop, a `squeeze` or such that the answer does not have."""
    functions = list(own_functions(answer))
    if not functions:
        return message
    names = {name for function in functions for code in codes(function.__code__) for name in code.co_names}

    def kept(found: re.Match) -> str:
        words = found["words"]
        if WITHOUT.search(words):
            return found[0]
        asked = [name for name in NAMED if re.search(rf"`[^`]*\b{name}\b[^`]*`", words)]
        if "`return`" in words and "loop" in words:
            ends = (ast.Return, ast.Break) if "`break`" in words else (ast.Return,)
            true = any(in_a_loop(function, ends) for function in functions) or bool(names & set(asked))
        else:
            true = not asked or bool(names & set(asked))
        if true:
            return found[0]
        rest = message[found.end() :]
        return "." if rest.startswith(" ") and found["before"] != "," else ""

    return QUESTION.sub(kept, message)


def own_functions(answer) -> Iterator[FunctionType]:
    """The learner's functions that an answer, a function, a class or a model, consists of or uses by name."""
    todo, met = [answer], set()
    while todo:
        one = todo.pop()
        if isinstance(one, nn.Module):
            todo.append(type(one))
            continue
        if isinstance(one, type) and not in_a_library(one):
            members = [member for member in vars(one).values() if isinstance(member, FunctionType)]
            todo += [*members, *one.__bases__] if one not in met else []
            met.add(one)
            continue
        one = inspect.unwrap(one) if callable(one) else one
        one = getattr(one, "__func__", one)
        if not isinstance(one, FunctionType) or one in met or one.__code__.co_filename.startswith(_LIBRARIES):
            continue
        met.add(one)
        yield one
        used = {name for code in codes(one.__code__) for name in code.co_names}
        todo += [one.__globals__[name] for name in used if name in one.__globals__]
        for cell in one.__closure__ or ():
            try:
                todo.append(cell.cell_contents)
            except ValueError:  # not assigned yet
                continue


def in_a_library(kind: type) -> bool:
    """Whether a class is torch's, Python's or the course's."""
    return kind.__module__.split(".")[0] in ("torch", "builtins", "mmcourse", "numpy", "collections")


def codes(code: CodeType) -> Iterator[CodeType]:
    """The code and all code nested in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def in_a_loop(function: FunctionType, ends: tuple) -> bool:
    """Whether a function has a `return` or such inside a loop; True where its source is not known."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return True
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While)]
    return any(isinstance(node, ends) for loop in loops for node in ast.walk(loop))
