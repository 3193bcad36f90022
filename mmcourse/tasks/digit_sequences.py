"""Sequences of spoken digits, joined from recordings of single ones: a recognition task on real voices. Lesson 13."""

import random
from collections.abc import Sequence

import torch
from torch import Tensor

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LENGTHS = (3, 5)  # digits in a sequence, from and to
PAUSE = (0.02, 0.15)  # seconds of silence between two digits


def digit_sequences(
    sounds: Sequence[Tensor],
    digits: Sequence[int],
    speakers: Sequence[str],
    count: int,
    seed: int = 0,
    rate: int = 8_000,
) -> tuple[list[Tensor], list[str]]:
    """`count` sequences of 3 to 5 recordings, each sequence by one speaker, with short pauses; and their words.

    Speakers take turns. -> (samples,) each, and 'two nine four' each. ValueError where there is no recording, or the
    three arguments differ in length.
    """
    if not len(sounds) == len(digits) == len(speakers) or not len(sounds):
        raise ValueError(
            f"{len(sounds)} sounds, {len(digits)} digits, {len(speakers)} speakers; expected as many of each, not 0"
        )
    rng = random.Random(seed)
    people = sorted(set(speakers))
    own = {person: [i for i, speaker in enumerate(speakers) if speaker == person] for person in people}
    spoken, written = [], []
    for number in range(count):
        chosen = rng.choices(own[people[number % len(people)]], k=rng.randint(*LENGTHS))
        parts = []
        for i in chosen:
            parts += [torch.zeros(round(rng.uniform(*PAUSE) * rate)), sounds[i]]
        spoken.append(torch.cat(parts))
        written.append(" ".join(NAMES[int(digits[i])] for i in chosen))
    return spoken, written
