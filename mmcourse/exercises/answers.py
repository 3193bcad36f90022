"""Run what a learner handed in; stubs, exceptions and changed arguments become messages about the learner's code."""

import copy
import dis
import inspect
import linecache
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, TracebackType

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_LIBRARIES = tuple(
    str(folder)
    for folder in {
        Path(__file__).parents[1],
        Path(torch.__file__).parent,
        *(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    }
)


class Mistake(Exception):
    """The answer is wrong; the message names the mistake."""


class NotAttempted(Exception):
    """The stub is untouched."""


class Answer:
    """A learner's function, safe to call from a check.

    Arguments are copied before the call. An untouched stub raises `NotAttempted`; an exception in the learner's code,
    arguments that do not fit, a missing `return` and a changed argument raise `Mistake` with a message that says so.
    """

    def __init__(self, function: Callable):
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)
        self.first_call: tuple | None = None  # arguments, options and result of the first call that returned

    def __call__(self, *arguments, **options):
        self._fits(arguments, options)
        given, given_options = copied(arguments), copied(options)
        result = guarded(self.function, *given, name=self.name, **given_options)
        if result is Ellipsis:
            raise NotAttempted
        if result is None:
            code = getattr(inspect.unwrap(self.function), "__code__", None)
            if code is not None and is_stub(code):
                raise NotAttempted
            raise Mistake(f"`{self.name}` returned None: is the `return` missing, or not reached?")
        self._unchanged(arguments, given)
        if self.first_call is None:
            self.first_call = copied((arguments, options, result))
        return result

    def _fits(self, arguments, options) -> None:
        try:
            signature = inspect.signature(self.function)
        except (TypeError, ValueError):
            return
        try:
            signature.bind(*arguments, **options)
        except TypeError as error:
            count = len(arguments) + len(options)
            raise Mistake(
                f"`{self.name}{signature}` does not take the {count} argument{'s' * (count != 1)} it is called with "
                f"({error}): compare its first line with the exercise's"
            ) from None

    def _unchanged(self, before, after) -> None:
        try:
            names = list(inspect.signature(self.function).parameters)
        except (TypeError, ValueError):
            names = []
        for i, (old, new) in enumerate(zip(before, after, strict=True)):
            if not same(old, new):
                name = names[i] if i < len(names) else f"argument {i + 1}"
                remedy = "`.clone()` it first, or build a new tensor" if isinstance(old, Tensor) else "copy it first"
                raise Mistake(f"`{name}` was changed in place, so the caller's own data has changed as well: {remedy}")


def guarded(function: Callable, *arguments, name: str = "your code", **options):
    """Call a learner's code, directly or not. An exception becomes `NotAttempted` or `Mistake`; interrupts pass."""
    try:
        return function(*arguments, **options)
    except (NotAttempted, Mistake):
        raise
    except Exception as error:
        frame, number = learners_position(error.__traceback__)
        if isinstance(error, NotImplementedError) and frame is not None and raised_by_hand(error, frame, number):
            if is_stub(frame):
                raise NotAttempted from None
            raise Mistake(
                f"the line `raise NotImplementedError` in `{frame.co_name}` is still reached: delete it"
            ) from None
        raise Mistake(describe(error, frame, number, name)) from None


@contextmanager
def deadline(seconds: float, words: str) -> Iterator[None]:
    """In this context, any call of torch after `seconds` raises Mistake(words): for loops that may never end.

    Seconds of processor time, which a busy machine does not change. A loop without torch in it is not stopped.
    """
    with _Deadline(time.process_time() + seconds, words):
        yield


class _Deadline(TorchFunctionMode):
    def __init__(self, end: float, words: str):
        super().__init__()
        self.end, self.words = end, words

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if time.process_time() > self.end:
            raise Mistake(self.words)
        return function(*args, **(kwargs or {}))


def describe(error: Exception, frame: CodeType | None, number: int, name: str) -> str:
    """The exception and the learner's own line where it happened, in one line."""
    message = " ".join(str(error).split())
    message = message if len(message) <= 300 else message[:300] + " …"
    what = f"{type(error).__name__}: {message}".rstrip(": ").replace("`", "'")
    if frame is None:
        return f"`{name}` raised {what}"
    text = linecache.getline(frame.co_filename, number).strip().replace("`", "'")
    position = f"line {number}" + (f": `{text}`" if text else "")
    return f"{what} (in `{frame.co_name}`, {position})"


def learners_position(traceback: TracebackType | None) -> tuple[CodeType | None, int]:
    """The innermost code that is neither a library's nor the course's, and its line number."""
    found: tuple[CodeType | None, int] = (None, 0)
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not code.co_filename.startswith((*_LIBRARIES, "<frozen")):
            found = (code, traceback.tb_lineno)
        traceback = traceback.tb_next
    return found


def raised_by_hand(error: NotImplementedError, code: CodeType, number: int) -> bool:
    """Whether the learner's line raises the error, and not an operation that torch lacks for some dtype."""
    source = linecache.getline(code.co_filename, number)
    return "NotImplementedError" in source if source else not error.args


def is_stub(code: CodeType) -> bool:
    """Whether a function's body does nothing: it uses no argument, makes no variable and calls nothing."""
    arguments = code.co_argcount + code.co_kwonlyargcount
    arguments += bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    return (
        set(code.co_names) <= {"NotImplementedError"}
        and len(code.co_varnames) == arguments
        and not any(
            step.opname.startswith(("LOAD_FAST", "LOAD_DEREF", "FOR_ITER")) for step in dis.get_instructions(code)
        )
    )


def is_stub_class(kind) -> bool:
    """Whether a class's own methods all do nothing; `__init__` may call its parent's."""
    if not isinstance(kind, type):
        return False
    codes = {name: member.__code__ for name, member in vars(kind).items() if inspect.isfunction(member)}
    begun = {"super", "__init__", "NotImplementedError"}
    undone = [is_stub(code) or (name == "__init__" and set(code.co_names) <= begun) for name, code in codes.items()]
    return all(undone) and any(is_stub(code) or "NotImplementedError" in code.co_names for code in codes.values())


def copied(values):
    """A deep copy, tensors and their shapes included."""
    if isinstance(values, Tensor):
        return values.detach().clone().requires_grad_(values.requires_grad)
    if isinstance(values, tuple | list):
        return type(values)(copied(value) for value in values)
    if isinstance(values, dict):
        return {name: copied(value) for name, value in values.items()}
    return copy.deepcopy(values) if isinstance(values, set) else values


def same(old, new) -> bool:
    """Whether an argument is unchanged."""
    if isinstance(old, Tensor):
        return old.shape == new.shape and torch.equal(torch.nan_to_num(old.detach()), torch.nan_to_num(new.detach()))
    if isinstance(old, tuple | list):
        return len(old) == len(new) and all(same(a, b) for a, b in zip(old, new, strict=True))
    if isinstance(old, dict):
        return list(old) == list(new) and all(same(old[name], new[name]) for name in old)
    return not isinstance(old, set | int | float | str) or old == new
