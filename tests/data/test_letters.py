"""Letters: padding, capitals, and what no letter is."""

import pytest

from mmcourse.data.letters import LETTERS, N_LETTERS, letters
from mmcourse.picturebook.sentence import WORDS


def test_words_become_letters():
    assert letters(["cab", "Z'"]).tolist() == [[3, 1, 2], [26, 27, 0]]
    assert letters(WORDS).max() < N_LETTERS == len(LETTERS) + 1


@pytest.mark.parametrize(
    "words, says",
    [
        ("cab", "list of words"),
        ([], "one word at least"),
        (["a", ""], "a letter at least"),
        (["4"], "spelled out"),
        (["naïve"], "alphabet"),
    ],
)
def test_what_is_no_word_says_why(words, says):
    with pytest.raises(ValueError, match=says):
        letters(words)
