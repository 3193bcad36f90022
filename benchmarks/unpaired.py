"""Lesson 13's speech to text with a GAN: `python -m benchmarks.unpaired` writes `data/tables/13_unpaired.csv`.

A generator learns from spoken sentences and from the text of other pages, never from pairs of both; five seeds, with
the words' boundaries given and estimated from the sound. About half an hour on one core; not in `make bench`.
"""

import dataclasses
import random
from collections import Counter
from pathlib import Path

import torch
from torch import Tensor
from torchmetrics.functional.text import word_error_rate

from mmcourse.data.audio import LogMel
from mmcourse.data.segments import (
    SegmentClusters,
    centred_by_voice,
    estimated_times,
    fitted_prominence,
    relative_cepstra,
    segment_vectors,
)
from mmcourse.files import write_whole
from mmcourse.models.unpaired import SegmentGenerator, SequenceDiscriminator
from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.sentence import split_words
from mmcourse.picturebook.speech import SAMPLE_RATE, speak_with_times, voices
from mmcourse.tasks.unpaired import tokens, uneven, vocabulary
from mmcourse.training.device import describe_device, seed_everything
from mmcourse.training.unpaired import Recipe, Sequences, TextCriterion, fit_unpaired, transcribe

TABLE = Path(__file__).resolve().parent.parent / "data" / "tables" / "13_unpaired.csv"
SEEDS = range(5)
VOICES = voices("train")[::4]  # twelve
TEXT, SPOKEN, TEST = (101, 160_000), (202, 90_000), 12_000  # seed and pages of two books; pages of the test book
CLUSTERS = 128
RECIPE = Recipe()
COLUMNS = "method,boundaries,seed,selected step,perplexity / usage²,WER: training voices,WER: held-out voices,failed"


class Speech:
    """Sentences read aloud by some voices: log-mels, boundaries of words, voices; sentences for evaluation only."""

    def __init__(self, sentences: list[str], speakers: tuple[str, ...], seed: int):
        rng, log_mel = random.Random(seed), LogMel()
        self.sentences, self.voices, self.mels, self.times = sentences, [], [], []
        for i, sentence in enumerate(sentences):
            self.voices.append(rng.choice(speakers))
            sound, times = speak_with_times(sentence, self.voices[-1], seed=10_000 * seed + i)
            self.mels.append(log_mel.raw(sound[None])[0])
            self.times.append(times / SAMPLE_RATE)

    def vectors(self, threshold: float | None) -> list[Tensor]:
        """Segment vectors of each sentence; with a threshold, between boundaries estimated from the sound."""
        times = self.times if threshold is None else [estimated_times(mel, threshold) for mel in self.mels]
        rows = [segment_vectors(relative_cepstra(mel), t) for mel, t in zip(self.mels, times, strict=True)]
        return centred_by_voice(rows, self.voices)


def sentences(split: str, pages: int, seed: int = 0) -> list[str]:
    """Sentences of the pages that `uneven` keeps."""
    book = PictureBook(split, pages, seed=seed)
    return [book.sentences[page] for page in uneven(book)]


def clusters_named_by_labels(fitted: list[Tensor], speech: Speech, words: tuple[str, ...]) -> Tensor:
    """The weights of a generator that names each cluster by its most frequent word, which requires transcripts.

    Boundaries must be the given ones. No generator of kernel 1 can be better with these clusters.
    """
    counts = torch.zeros(len(words), CLUSTERS)
    for rows, sentence in zip(fitted, speech.sentences, strict=True):
        for cluster, word in zip(rows, split_words(sentence), strict=True):
            counts[words.index(word)] += cluster
    return counts[..., None]


def error(transcripts: list[list[int]], references: list[str], words: tuple[str, ...]) -> float:
    """Word error rate over all sentences."""
    return word_error_rate([" ".join(words[w] for w in row) for row in transcripts], references).item()


def baselines(text: list[Tensor], words: tuple[str, ...], judged: list[Speech]) -> dict[str, list[float]]:
    """Word error rates of transcripts that do not depend on the sound."""
    columns = [Counter(int(row[i]) for row in text if len(row) > i) for i in range(max(map(len, text)))]
    frequent = [column.most_common(1)[0][0] for column in columns]
    found: dict[str, list[float]] = {}
    for speech in judged:
        lengths = [len(split_words(sentence)) for sentence in speech.sentences]
        rows = {
            "most frequent word at each position": [frequent[:length] for length in lengths],
            "sentence of the text drawn at random": [text[i].tolist() for i in range(len(lengths))],
        }
        for name, transcripts in rows.items():
            found.setdefault(name, []).append(error(transcripts, speech.sentences, words))
    return found


def row(method, boundaries, seed, step, score, errors, failed) -> str:
    return ",".join([method, boundaries, str(seed), str(step), score, *(f"{value:.3f}" for value in errors), failed])


def main(seeds=SEEDS, recipe: Recipe = RECIPE, table: Path = TABLE) -> None:
    written = sentences("train", TEXT[1], TEXT[0])
    words = vocabulary(written)
    text = [tokens(sentence, words) for sentence in written]
    criterion = TextCriterion([row.tolist() for row in text], len(words))
    train = Speech(sentences("train", SPOKEN[1], SPOKEN[0]), VOICES, seed=1)
    tested = sentences("test", TEST)
    judged = [Speech(tested, VOICES, seed=2), Speech(tested, voices("held_out"), seed=3)]
    mean_length = sum(map(len, text)) / len(text)
    threshold = fitted_prominence(train.mels[:200], mean_length)
    found = baselines(text, words, judged)
    limit = found["most frequent word at each position"][0]
    rows = [row(name, "none needed", "", "", "", errors, "") for name, errors in found.items()]
    notes = [
        f"# Measured by benchmarks/unpaired.py: {len(train.sentences):,} spoken sentences by {len(VOICES)} voices, "
        f"{len(text):,} sentences of other pages as text; {len(tested)} test sentences; {recipe.steps:,} steps.",
        "# Checkpoints are selected by perplexity / usage² alone, without transcripts; features and recipe were "
        "chosen with transcripts of validation sentences, seed 0.",
        "# Failed: a word error rate above that of the most frequent word at each position. " + describe_device(),
        COLUMNS,
    ]
    prepared = {}
    for boundaries, valley in (("given", None), ("estimated", threshold)):
        vectors = train.vectors(valley)
        cluster = SegmentClusters(CLUSTERS).fit(vectors)
        fitted = cluster(vectors)
        tests = [Sequences.of(cluster(part.vectors(valley))) for part in judged]
        prepared[boundaries] = Sequences.of(fitted), tests
        if valley is None:
            named = SegmentGenerator(CLUSTERS, len(words))
            named.convolution.weight.data = clusters_named_by_labels(fitted, train, words)
            errors = [error(transcribe(named, t), part.sentences, words) for t, part in zip(tests, judged, strict=True)]
            rows.append(row("clusters named by labels (supervised)", boundaries, "", "", "", errors, ""))
            print(rows, flush=True)
    runs = {boundaries: [] for boundaries in prepared}
    for seed in seeds:
        for boundaries, (speech, tests) in prepared.items():
            seed_everything(seed)
            generator = SegmentGenerator(CLUSTERS, len(words))
            this = dataclasses.replace(recipe, merge=boundaries == "estimated")
            checkpoints = fit_unpaired(
                generator, SequenceDiscriminator(len(words)), speech, Sequences.of(text), criterion, this
            )
            best = min(checkpoints, key=lambda checkpoint: checkpoint.score)
            errors = [
                error(transcribe(generator, t, this.merge), part.sentences, words)
                for t, part in zip(tests, judged, strict=True)
            ]
            failed = "yes" if errors[0] > limit else "no"
            line = row("GAN", boundaries, seed, best.step, f"{best.score:.1f}", errors, failed)
            runs[boundaries].append((best.score, line))
            print(line, flush=True)
            lines = [*rows, *(line for found in runs.values() for _, line in found)]
            write_whole(table, "\n".join([*notes, *lines]) + "\n")
    for found in runs.values():
        lines.append(min(found)[1].replace("GAN,", "GAN: seed selected by perplexity / usage²,", 1))
    write_whole(table, "\n".join([*notes, *lines]) + "\n")
    print("stored; now renew the checksums: python data/checksums.py")


if __name__ == "__main__":
    main()
