"""What the widgets that take a typed sentence share: examples to choose from, and what is wrong with a sentence."""

import difflib

from mmcourse.picturebook.sentence import WORDS, split_words

LONGEST = 20  # words of a typed sentence: two phrases and a time of day have 18
EXAMPLES = (
    "a small red fish",
    "there is a big yellow star",
    "i see a large green umbrella",
    "look at the little purple bird",
    "here is a huge orange house",
    "a big white moon at night",
    "a small red fish above a big blue boat",
    "the big green tree is left of the small pink cat",
    "there is a tiny yellow bird over a large purple house",
)
ONE_OBJECT = EXAMPLES[:6]


def problem_with(sentence: str) -> str:
    """Why the Picture Book has no such sentence, as a message; '' where nothing is wrong."""
    return problem_of_length(sentence) or unknown_words(sentence)


def problem_of_length(sentence: str) -> str:
    """A message where a sentence is empty or too long, else ''."""
    words = split_words(sentence)
    if not words:
        return "The sentence is empty. Type some words, such as 'a small red fish'."
    if len(words) > LONGEST:
        return f"The sentence has {len(words)} words; at most {LONGEST} are possible here."
    return ""


def unknown_words(sentence: str) -> str:
    """A message that names the words outside the vocabulary, with similar ones inside it; '' where there are none."""
    unknown = list(dict.fromkeys(word for word in split_words(sentence) if word not in WORDS))
    if not unknown:
        return ""
    told = [_with_neighbours(word) for word in unknown[:3]]
    return (
        f"{'Not words' if len(unknown) > 1 else 'Not a word'} of the Picture Book: {'; '.join(told)}. "
        f"It has {len(WORDS)} words, such as {EXAMPLES[0].split()[-1]}, boat, red, small, above."
    )


def _with_neighbours(word: str) -> str:
    near = difflib.get_close_matches(word, WORDS, 3, 0.6)
    return f"'{word}'" + (f" (did you mean {' or '.join(near)}?)" if near else "")
