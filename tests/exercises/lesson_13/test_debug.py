import torch

from mmcourse.exercises.checks import judge


class Buggy:
    blank = 0

    def __init__(self, letters=" abcdefghijklmnopqrstuvwxyz"):
        self.letters = letters
        self.n_outputs = len(letters)

    def encode(self, sentence):
        return torch.tensor([self.letters.index(letter) for letter in sentence], dtype=torch.int64)

    def decode(self, ids):
        kept = [i for i, before in zip(ids, [None, *ids], strict=False) if i != before and i != self.blank]
        return "".join(self.letters[i] for i in kept)


class Fixed(Buggy):
    def __init__(self, letters=" abcdefghijklmnopqrstuvwxyz"):
        super().__init__("\0" + letters)


class Shifted(Buggy):
    def __init__(self, letters):
        super().__init__(letters)
        self.n_outputs = len(letters) + 1

    def encode(self, sentence):
        return super().encode(sentence) + 1

    def decode(self, ids):
        kept = [i for i, before in zip(ids, [None, *ids], strict=False) if i != before and i != 0]
        return "".join(self.letters[i - 1] for i in kept)


class Last(Buggy):
    """The blank is the last index."""

    def __init__(self, letters):
        super().__init__(letters)
        self.blank = len(letters)
        self.n_outputs += 1


class Dictionary:
    """Written anew, with indices of any order."""

    def __init__(self, letters):
        self.index = {letter: i for i, letter in enumerate(sorted(letters), 1)}
        self.letter = {i: letter for letter, i in self.index.items()}
        self.blank, self.n_outputs = 0, len(letters) + 1

    def encode(self, sentence):
        return torch.tensor(list(map(self.index.get, sentence)), dtype=torch.long)

    def decode(self, ids):
        once = torch.unique_consecutive(torch.tensor(ids, dtype=torch.long)).tolist()
        return "".join(self.letter.get(i, "") for i in once)


def factory(letters):
    alphabet = Buggy("-" + letters)  # "-" may be a letter
    return alphabet


class OnlyOutputs(Buggy):
    def __init__(self, letters):
        super().__init__(letters)
        self.n_outputs += 1


class OnlyEncode(Shifted):
    def decode(self, ids):
        return Buggy.decode(self, ids)


class OnlyIndices(Shifted):
    def __init__(self, letters):
        super().__init__(letters)
        self.n_outputs = len(letters)


class ReplacedLetter(Buggy):
    """The first letter makes room for the blank."""

    def __init__(self, letters):
        super().__init__("-" + letters[1:])


class AtTheEnd(Buggy):
    """One more symbol, at the end, and the blank stays at 0."""

    def __init__(self, letters):
        super().__init__(letters + "-")


class WrittenBlank(Fixed):
    def decode(self, ids):
        kept = [i for i, before in zip(ids, [None, *ids], strict=False) if i != before]
        return "".join(self.letters[i] for i in kept)


class NotMerged(Fixed):
    def decode(self, ids):
        return "".join(self.letters[i] for i in ids if i != 0)


class BlanksFirst(Fixed):
    def decode(self, ids):
        kept = [i for i in ids if i != 0]
        return "".join(self.letters[i] for i, before in zip(kept, [None, *kept], strict=False) if i != before)


class MergedInEncode(Fixed):
    def encode(self, sentence):
        return torch.unique_consecutive(super().encode(sentence))


class BlankOutside(Buggy):
    blank = -1

    def __init__(self, letters):
        super().__init__(letters)
        self.n_outputs += 1


class EmptyIsFloat(Fixed):
    def encode(self, sentence):
        return torch.tensor([self.letters.index(letter) for letter in sentence])


class Written(Buggy):
    def __init__(self, letters):
        super().__init__("- abcdefghijklmnopqrstuvwxyz")


class Lists(Fixed):
    def encode(self, sentence):
        return super().encode(sentence).tolist()


class ListOfLetters(Fixed):
    def decode(self, ids):
        return list(super().decode(ids))


def test_fixed_alphabet(judged):
    judged(
        "13.debug",
        {
            "placeholder": Fixed,
            "shifted": Shifted,
            "last": Last,
            "dictionary": Dictionary,
        },
        {
            "a letter as the blank": (factory, None),
            "buggy": (Buggy, None),
            "only outputs": (OnlyOutputs, "which is the blank: the loss and the decoder"),
            "only encode": (OnlyEncode, None),
            "only indices": (OnlyIndices, "expected 6: one output for each letter"),
            "replaced letter": (ReplacedLetter, None),
            "at the end": (AtTheEnd, None),
            "written blank": (WrittenBlank, "the blank is written as"),
            "not merged": (NotMerged, "repeats are not merged"),
            "blanks first": (BlanksFirst, "blanks are removed before repeats are merged"),
            "merged in encode": (MergedInEncode, None),
            "blank outside": (BlankOutside, "the network needs one for it"),
            "empty": (EmptyIsFloat, "a tensor of an empty list is float32"),
            "written": (Written, None),
            "lists": (Lists, "`torch.stack` or `torch.tensor` makes one of a list"),
            "letters": (ListOfLetters, "expected a text (str)"),
        },
    )


def test_the_buggy_alphabet_is_named():
    assert "which is the blank: the loss and the decoder" in judge("13.debug", Buggy).message


def test_a_stub_of_the_class_is_no_try():
    class Stub(Buggy):
        def __init__(self, letters):
            # YOUR CODE HERE
            raise NotImplementedError()

    assert judge("13.debug", Stub).state == "untried"
