"""Output for the learner: HTML with plain text as an alternative in a notebook, plain text on a terminal."""

import html
import re
import sys

BADGES = {  # sign, background: a white sign has a contrast of at least 4.5 on each, with any colours of the page
    "right": ("✓", "#1b7a3d"),
    "wrong": ("✗", "#b3261e"),
    "untried": ("○", "#5f6672"),
    "note": ("!", "#8a5a00"),
}


def notebook():
    """IPython's shell in a Jupyter kernel, else None."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    shell = get_ipython()
    return shell if shell is not None and getattr(shell, "kernel", None) is not None else None


def show(plain: str, markup: str, **more) -> None:
    """Show one output once. `more`: further MIME types, with their slashes written as two underscores."""
    if notebook() is None:
        say(plain)
        return
    from IPython.display import display

    extra = {kind.replace("__", "/"): value for kind, value in more.items()}
    display({"text/plain": plain, "text/html": markup, **extra}, raw=True)


def say(text: str) -> None:
    """Print, also on a terminal that cannot encode a sign such as ✓."""
    try:
        print(text)
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding or "ascii"
        print(text.encode(encoding, "replace").decode(encoding))


def note(text: str) -> None:
    """Show a message that is not a verdict, such as a record that could not be stored."""
    show(f"! {plain_text(text)}", line("note", "", text))


def plain_text(text: str) -> str:
    """The text without the backticks around code."""
    return text.replace("`", "")


def marked_up(text: str) -> str:
    """Escaped HTML, `code` between backticks set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def badge(state: str) -> str:
    """A coloured sign that is legible on light and dark pages, and without colour."""
    sign, colour = BADGES[state]
    return (
        f'<span style="display:inline-block;min-width:1.5em;text-align:center;border-radius:3px;margin-right:.5em;'
        f'font-weight:bold;color:#fff;background:{colour}">{sign}</span>'
    )


def line(state: str, label: str, message: str) -> str:
    """One verdict as HTML: sign, label, message. Text keeps the page's own colour."""
    colour = BADGES[state][1]
    head = f"<b>{html.escape(label)}</b>&ensp;" if label else ""
    return (
        f'<div role="status" style="border-left:4px solid {colour};padding:.15em 0 .15em .6em;line-height:1.6">'
        f"{badge(state)}{head}{marked_up(message)}</div>"
    )
