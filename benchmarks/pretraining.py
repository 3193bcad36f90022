"""Lesson 05's learning curve: `python -m benchmarks.pretraining` writes `data/tables/05_pretraining.csv`.

The word-order task with 10 to 1,000 labels: language models pretrained on text without labels and fine-tuned, the same
networks from random weights, and a bag of words. Labels are those of pages that pretraining did not see. Ten minutes on
one core; not in `make bench`.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import mean

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse import PictureBook, evaluate, fit
from mmcourse.data.language import LanguageBatches, mask_tokens, next_tokens, token_loss
from mmcourse.data.text import PAD, SentenceBatches, lengths
from mmcourse.files import write_whole
from mmcourse.models.language_model import LanguageModel
from mmcourse.models.textcnn import BagOfWords
from mmcourse.models.transformer import TransformerClassifier
from mmcourse.picturebook.sentence import END, MASK, START, VOCABULARY
from mmcourse.tasks.relation import word_order
from mmcourse.tasks.titles import sentences_with_titles
from mmcourse.training.device import describe_device, seed_everything

TABLE = Path(__file__).resolve().parent.parent / "data" / "tables" / "05_pretraining.csv"
SEEDS = range(3)
LABELS = (10, 30, 100, 300, 1_000)
PAGES, LABELLED = 20_000, 4_000
V = len(VOCABULARY)
NEXT = partial(next_tokens, start=START, end=END)
MASKED = partial(mask_tokens, vocabulary_size=V, mask=MASK, special=MASK + 1)


def with_end(tokens: Tensor) -> Tensor:
    """<end> after every sentence, where a GPT would continue with the title.   (B, T) -> (B, T + 1)"""
    return F.pad(tokens, (0, 1)).scatter(1, lengths(tokens)[:, None], END)


def pretrained(sequences, causal: bool, seed: int) -> LanguageModel:
    """A language model trained on these texts, as in the lesson."""
    model = LanguageModel(V, causal=causal)
    batches = LanguageBatches(sequences, NEXT if causal else MASKED, seed=seed)
    fit(model, batches, loss=token_loss, metrics=(), epochs=5, lr=4e-3, clip=1.0, verbose=False)
    return model


def classifier(model: LanguageModel | None, causal: bool) -> TransformerClassifier:
    """A classifier whose encoder starts from the language model's weights, or from random ones."""
    found = TransformerClassifier(2, V, positions="rotary", std=0.1, causal=causal, pooling="last" if causal else "max")
    if model is not None:
        found.encoder.load_state_dict(model.encoder.state_dict())
    return found


def curve(make: Callable[[], nn.Module], labelled: tuple, test: SentenceBatches, lr: float, seed: int) -> list[float]:
    """Accuracy on the test split for each number of labels; a smaller set is part of a larger one."""
    order = torch.randperm(len(labelled[1]), generator=torch.Generator().manual_seed(seed))
    found = []
    for n in LABELS:
        tokens, labels = (part[order[:n]] for part in labelled)
        model = make()
        fit(model, SentenceBatches(tokens, labels, size=16, seed=seed), epochs=20, lr=lr, verbose=False)
        found.append(evaluate(model, test)["accuracy"])
    return found


def main() -> None:
    test_tokens, test_labels, _ = word_order(PictureBook("test", 2_000, objects=2))
    test = SentenceBatches(with_end(test_tokens), test_labels, shuffle=False)
    results: dict[str, list[list[float]]] = {}
    for seed in SEEDS:
        seed_everything(seed)
        book = PictureBook("train", PAGES + LABELLED, objects=2, seed=seed)
        tokens, labels, pages = word_order(book)
        fresh = pages >= PAGES
        labelled = with_end(tokens[fresh]), labels[fresh]
        titled = sentences_with_titles(book)[:PAGES]
        alone = [row[row != PAD].tolist() for row in book.tokens[:PAGES]]
        models = {
            "GPT: sentences and titles": (pretrained(titled, True, seed), True),
            "GPT: sentences alone": (pretrained(alone, True, seed), True),
            "BERT: sentences and titles": (pretrained(titled, False, seed), False),
            "not pretrained: causal as GPT": (None, True),
            "not pretrained: bidirectional as BERT": (None, False),
        }
        makers = {name: (partial(classifier, *pair), 1e-3) for name, pair in models.items()}
        makers["bag of words"] = (partial(BagOfWords, 2, V), 5e-3)
        for name, (make, lr) in makers.items():
            results.setdefault(name, []).append(curve(make, labelled, test, lr, seed))
            print(seed, name, [round(value, 3) for value in results[name][-1]], flush=True)
    rows = [
        f"# Measured by benchmarks/pretraining.py: word order on the test split after fine-tuning with so many labels; "
        f"pretrained on {PAGES:,} pages.",
        f"# Mean of {len(SEEDS)} seeds, lowest and highest in brackets. {describe_device()}",
        ",".join(["network", *(f'"{n:,} labels"' for n in LABELS)]),
    ]
    rows += [",".join([name, *map(formatted, zip(*found, strict=True))]) for name, found in results.items()]
    write_whole(TABLE, "\n".join(rows) + "\n")
    print("stored; now renew the checksums: python data/checksums.py")


def formatted(values: tuple[float, ...]) -> str:
    """'0.765 (0.760 to 0.770)'."""
    return f"{mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


if __name__ == "__main__":
    main()
