"""Labels and formulas as plain words, for alt text."""

import re

_COMMANDS = {
    r"\odot": " times ", r"\times": " times ", r"\cdot": " times ", r"\top": " transposed", r"\sqrt": " root of ",
    r"\sim": " drawn from ", r"\to": " to ", r"\leq": " at most ", r"\ldots": " ... ", r"\dots": " ... ",
    r"\partial": " d", r"\Vert": "|", r"\|": "|", r"\,": " ", r"\;": " ", r"\ ": " ",
}  # fmt: skip
_ACCENTS = {r"\hat": "hat", r"\tilde": "tilde", r"\bar": "bar"}
_FONTS = re.compile(r"\\(mathrm|mathbf|mathcal|mathit|mathsf|text|left|right|big|Big)\b")
_SIGNS = {"×": " times ", "√": " root of ", "·": ",", "→": " to ", "ᵀ": " transposed"}


def plain(text: str) -> str:
    r"""A label without mathtext's signs: '$\hat x_{t-1}$' becomes 'x hat t-1'."""
    return " ".join(re.sub(r"\$([^$]*)\$", lambda found: _spoken(found[1]), _signs(text)).split())


def _signs(text: str) -> str:
    text = re.sub(r"(?<=\d) × (?=\d)", " by ", text)
    for sign, word in _SIGNS.items():
        text = text.replace(sign, word)
    return text.replace("\n", " ")


def _spoken(formula: str) -> str:
    formula = _FONTS.sub("", formula)
    for accent, word in _ACCENTS.items():
        formula = re.sub(rf"\{accent}\s*(\{{[^}}]*\}}|\\?\w)", rf"\1 {word}", formula)
    for command, word in sorted(_COMMANDS.items(), key=lambda pair: -len(pair[0])):
        formula = (
            formula.replace(command, word)
            if not command[-1].isalpha()
            else re.sub(re.escape(command) + r"(?![a-zA-Z])", word, formula)
        )
    formula = re.sub(r"\^\{?2\}?", " squared", formula).replace("_", " ").replace("^", " ")
    return re.sub(r"[{}\\]", "", formula)
