"""Subwords by byte-pair encoding, learned with the `tokenizers` library. Lesson 05."""

from collections.abc import Iterable, Sequence

from mmcourse.data.text import PAD, UNKNOWN

START, END, MASK = 2, 3, 4
SPECIAL = ("<pad>", "<unk>", "<start>", "<end>", "<mask>")
CONTINUED = "##"  # before a piece that continues a word, as BERT writes it


class Subwords:
    """A vocabulary of subwords: whole words where they are frequent, pieces of them where they are rare.

    Special tokens come first: <pad>, <unk>, <start>, <end>, <mask> are 0 to 4. Pieces inside a word begin with '##'.
    Upper and lower case differ. Only a character that training texts lack, at the beginning of a word or inside one,
    becomes <unk>.
    """

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    @classmethod
    def of(cls, texts: Iterable[str], size: int = 4_000) -> "Subwords":
        """Learn merges from texts until there are `size` tokens, special ones and single characters included."""
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        if isinstance(texts, str):
            raise ValueError("texts is one text; expected a list of texts, e.g. Subwords.of([text])")
        texts = list(texts)
        if not any(text.strip() for text in texts):
            raise ValueError("texts holds no word. Likely cause: an empty training split")
        tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL[UNKNOWN], continuing_subword_prefix=CONTINUED))
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        tokenizer.decoder = decoders.WordPiece(prefix=CONTINUED, cleanup=False)
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            min_frequency=2,
            special_tokens=list(SPECIAL),
            continuing_subword_prefix=CONTINUED,
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer)

    def __len__(self) -> int:
        return self.tokenizer.get_vocab_size()

    def __repr__(self) -> str:
        return f"Subwords({len(self)} tokens)"

    def split(self, text: str) -> list[str]:
        """The pieces of a text."""
        return self.tokenizer.encode(text).tokens

    def encode(self, text: str) -> list[int]:
        """The pieces' positions in the vocabulary."""
        return self.tokenizer.encode(text).ids

    def encode_words(self, words: Sequence[str]) -> tuple[list[int], list[int]]:
        """The pieces of a sentence given as words, and the index of each word's first piece.

        A word that gives no piece, such as an empty one, counts as <unk>, so there is a first piece for each.
        """
        ids, first = [], []
        for word in words:
            first.append(len(ids))
            ids += self.encode(word) or [UNKNOWN]
        return ids, first

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some pieces, without padding and marks."""
        ids = [int(i) for i in ids]
        if outside := [i for i in ids if not 0 <= i < len(self)]:
            raise ValueError(f"token {outside[0]} is outside the vocabulary of {len(self)} subwords")
        return self.tokenizer.decode([i for i in ids if i not in (PAD, START, END, MASK)], skip_special_tokens=False)
