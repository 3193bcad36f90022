"""Lesson 02's stored table: sentiment of film reviews, by counts and by networks (`python -m benchmarks.sentiment`).

Every method is trained on the training split. Its settings were chosen on the validation split and on a third of
training and validation data, held out once; the test split is evaluated once. Networks on three seeds each, alone
and as an ensemble (the mean of their probabilities). Three minutes on one core; not in `make bench`.
"""

from pathlib import Path
from statistics import mean

import torch
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline
from torch import nn

from mmcourse import fit, predict
from mmcourse.data import real
from mmcourse.data.augment import mask_words
from mmcourse.data.text import SentenceBatches, Vocabulary, pad, split_words
from mmcourse.files import write_whole
from mmcourse.models.rnn import SentenceClassifier
from mmcourse.models.textcnn import TextCNN
from mmcourse.training.device import describe_device, seed_everything

TABLE = Path(__file__).resolve().parent.parent / "data" / "tables" / "02_sentiment.csv"
SEEDS = range(3)
KIM = 0.761  # CNN-rand on the same sentences: Kim 2014, Table 2
WORDS = {"tokenizer": split_words, "token_pattern": None}


def counting() -> dict[str, Pipeline]:
    """The methods that count words, which are deterministic, so each has one result."""
    single, pairs = CountVectorizer(binary=True, **WORDS), CountVectorizer(binary=True, ngram_range=(1, 2), **WORDS)
    return {
        "words, logistic regression": make_pipeline(single, LogisticRegression(C=0.3, max_iter=1000)),
        "words by tf-idf, logistic regression": make_pipeline(TfidfVectorizer(**WORDS), LogisticRegression(C=3.0)),
        "words, naive Bayes": make_pipeline(single, MultinomialNB()),
        "words and word pairs, naive Bayes": make_pipeline(pairs, MultinomialNB()),
    }


def networks(vocabulary: Vocabulary) -> dict[str, tuple]:
    """A function that makes each network, and its learning rate."""
    size = len(vocabulary)
    return {
        "TextCNN, random embeddings": (lambda: TextCNN(2, size, width=64, maps=64), 2e-3),
        "LSTM, random embeddings": (
            lambda: SentenceClassifier(2, size, width=64, cell="lstm", pooling="max", dropout=0.5, std=0.1),
            3e-3,
        ),
    }


def train(model: nn.Module, sequences: list, labels: torch.Tensor, lr: float, seed: int) -> nn.Module:
    """Train as in the lesson: five epochs with word dropout of 0.3."""
    batches = SentenceBatches(sequences, labels, seed=seed, transform=lambda tokens: mask_words(tokens, 0.3))
    fit(model, batches, epochs=5, lr=lr, verbose=False)
    return model


def main() -> None:
    reviews = {split: real.load("movie_reviews", split) for split in ("train", "validation", "test")}
    texts = {split: list(rows["text"]) for split, rows in reviews.items()}
    labels = {split: torch.tensor(rows["label"]) for split, rows in reviews.items()}
    rows = {}
    for name, pipeline in counting().items():
        pipeline.fit(texts["train"], labels["train"].numpy())
        rows[name] = [[float(pipeline.score(texts[s], labels[s].numpy()))] for s in ("validation", "test")]
        print(name, rows[name], flush=True)
    vocabulary = Vocabulary.of(texts["train"])
    encoded = {split: [vocabulary.encode(text) for text in each] for split, each in texts.items()}
    for name, (make, lr) in networks(vocabulary).items():
        rows[name] = [[], []]
        together = [0.0, 0.0]
        for seed in SEEDS:
            seed_everything(seed)
            model = train(make(), encoded["train"], labels["train"], lr, seed)
            for i, split in enumerate(("validation", "test")):
                probabilities = predict(model, pad(encoded[split])).softmax(dim=1)
                together[i] = together[i] + probabilities
                rows[name][i].append(fraction(probabilities, labels[split]))
            print(name, seed, [round(each[-1], 3) for each in rows[name]], flush=True)
        rows[f"{name.partition(',')[0]}, ensemble of three"] = [
            [fraction(together[i], labels[split])] for i, split in enumerate(("validation", "test"))
        ]
    lines = [
        f"# Measured by benchmarks/sentiment.py: accuracy; {len(texts['train']):,} training, "
        f"{len(texts['validation']):,} validation, {len(texts['test']):,} test sentences.",
        f"# Networks: mean of {len(SEEDS)} seeds, lowest and highest in brackets. Kim's result is from ten-fold",
        f"# cross-validation on the same sentences. {describe_device()}",
        "method,validation split,test split",
    ]
    lines += [",".join([name.replace(",", ":"), *map(summary, figures)]) for name, figures in rows.items()]
    lines += [f"Kim 2014: CNN-rand,,{KIM:.3f}"]
    write_whole(TABLE, "\n".join(lines) + "\n")
    print("stored; now renew the checksums: python data/checksums.py")


def fraction(probabilities: torch.Tensor, labels: torch.Tensor) -> float:
    """Accuracy.   (N, 2), (N,)"""
    return (probabilities.argmax(dim=1) == labels).float().mean().item()


def summary(results: list[float]) -> str:
    """'0.765 (0.760 to 0.770)', or a single result."""
    if len(results) == 1:
        return f"{results[0]:.3f}"
    return f"{mean(results):.3f} ({min(results):.3f} to {max(results):.3f})"


if __name__ == "__main__":
    main()
