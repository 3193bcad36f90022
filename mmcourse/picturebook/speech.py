"""Spoken sentences: recorded words of many voices, concatenated with varied pace, level, pauses and noise.

The clips were rendered once by `data/render_voices.py` and ship as `voices.ogg` with the index `voices.json`; they are
decoded when first used. `data/DATASHEET.md` describes the voices and their limits.
"""

import difflib
import json
from functools import cache
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from mmcourse.assets import asset, repair_command
from mmcourse.picturebook.scene import stream
from mmcourse.picturebook.sentence import WORDS, split_words
from mmcourse.renamed import new_value

SAMPLE_RATE = 16_000
LOUDNESS = 0.08  # root mean square of a clip
GROUPS = ("train", "held_out", "far")

# The training voices that the text-to-speech model speaks with: every fourth in alphabetical order, so all accents. The
# recogniser that evaluates them is trained on the other training voices.
SPEAKING_VOICES = (
    "en+Alex",
    "en+m5",
    "en-029+f2",
    "en-gb-scotland+Andrea",
    "en-gb-scotland+m8",
    "en-gb-x-gbclan+f4",
    "en-gb-x-gbcwmd+boris",
    "en-gb-x-rp+Denis",
    "en-gb-x-rp+marcelo",
    "en-us+ed",
    "en-us-nyc+Jacky",
    "en-us-nyc+norbert",
)

# What `speak` varies: pace of the sentence and of each word, level in decibels, pauses in seconds, noise in decibels.
PACE, WORD_PACE = (0.88, 1.14), (0.95, 1.05)
LEVEL, WORD_LEVEL = (-3, 2), (-2, 2)
BREAK, COMMA = (-0.02, 0.08), (0.15, 0.35)
EDGE = (0.03, 0.08)
SIGNAL_TO_NOISE = (15, 40)
PLAIN_COMMA = 0.2


def voices(group: str) -> tuple[str, ...]:
    """The names of the voices of a group: 'train', 'held_out' or 'far' (another speech engine)."""
    group = new_value("group", group)
    if group not in GROUPS:
        raise ValueError(f"group is {group!r}; expected one of {', '.join(GROUPS)}")
    return tuple(voice["name"] for voice in _index()["voices"] if voice["group"] == group)


def clip(word: str, voice: str) -> Tensor:
    """One word in one voice, unchanged: (samples,) float32 at 16 kHz, in [-1, 1]."""
    start, length = _position(word, voice)
    return _bank()[start : start + length].float() / 32768


def speak(
    sentence: str, voice: str, seed: int = 0, varied: bool = True, signal_to_noise: float | None = None
) -> Tensor:
    """A sentence read aloud: (samples,) float32 at 16 kHz, in [-1, 1]; the same for the same arguments.

    `varied` changes pace, level and pauses and adds noise, drawn with `seed`; without it the clips are concatenated,
    with a pause of 0.2 s at a comma. `signal_to_noise` replaces the drawn level of the noise, in decibels, and nothing
    else. ValueError for an empty sentence, an unknown word or an unknown voice.
    """
    if signal_to_noise is not None and not varied:
        raise ValueError("signal_to_noise is given and varied is False; expected varied=True, which adds noise")
    if not varied:
        parts = _parts(sentence)
        silence = torch.zeros(round(PLAIN_COMMA * SAMPLE_RATE))
        sounds = [sound for words in parts for sound in (*(clip(word, voice) for word in words), silence)]
        return torch.cat(sounds[:-1])
    return speak_with_times(sentence, voice, seed, signal_to_noise)[0]


def speak_with_times(
    sentence: str, voice: str, seed: int = 0, signal_to_noise: float | None = None
) -> tuple[Tensor, Tensor]:
    """What `speak` returns, varied, and the first and last sample of each word, the last excluded.

    -> (samples,) float32 and (words, 2) int64. Neighbouring words may overlap by 20 ms. Errors as `speak` has them.
    """
    parts = _parts(sentence)
    rng = stream("speech", sentence, voice, seed)
    pace, level, at = rng.uniform(*PACE), rng.uniform(*LEVEL), rng.uniform(*EDGE) * SAMPLE_RATE
    placed = []
    for words in parts:
        for word in words:
            sound = clip(word, voice)
            length = round(len(sound) / (pace * rng.uniform(*WORD_PACE)))
            sound = interpolate(sound[None, None], size=length, mode="linear", align_corners=True)[0, 0]
            placed.append((int(at), sound.mul_(_gain(level + rng.uniform(*WORD_LEVEL)))))
            at += length + rng.uniform(*BREAK) * SAMPLE_RATE
        at += rng.uniform(*COMMA) * SAMPLE_RATE
    end = placed[-1][0] + len(placed[-1][1]) + int(rng.uniform(*EDGE) * SAMPLE_RATE)
    hiss = rng.choice(noises())
    first = rng.randrange(len(hiss))
    spoken = hiss.roll(-first)[:end] if first + end > len(hiss) else hiss[first : first + end]
    ratio = rng.uniform(*SIGNAL_TO_NOISE)
    ratio = ratio if signal_to_noise is None else signal_to_noise
    spoken = spoken * (LOUDNESS * _gain(level - ratio))
    for start, sound in placed:
        spoken[start : start + len(sound)] += sound
    return spoken.clamp_(-1, 1), torch.tensor([(start, start + len(sound)) for start, sound in placed])


def _parts(sentence: str) -> list[list[str]]:
    """The words between the commas of a sentence; ValueError where it has none."""
    parts = [words for words in map(split_words, sentence.split(",")) if words]
    if not parts:
        raise ValueError(f"sentence is {sentence!r}, which contains no word; expected at least one")
    return parts


def _gain(decibels: float) -> float:
    return 10 ** (decibels / 20)


def _position(word: str, voice: str) -> tuple[int, int]:
    """Start and length of a clip in the bank; ValueError, with similar known names, for an unknown word or voice."""
    positions = _positions()
    if voice not in positions:
        near = difflib.get_close_matches(str(voice), positions, 3, 0.4) or list(positions)[:3]
        raise ValueError(
            f"no voice is called {voice!r}; near to it: {', '.join(near)}. "
            "voices('train'), voices('held_out') and voices('far') list them all"
        )
    if word not in positions[voice]:
        near = difflib.get_close_matches(word, WORDS, 3, 0.5)
        hint = f"near to it: {', '.join(near)}. " if near else ""
        raise ValueError(
            f"no voice can say {word!r}; {hint}The vocabulary is fixed: the {len(WORDS)} words of "
            "mmcourse.picturebook.sentence.WORDS"
        )
    return positions[voice][word]


@cache
def _index() -> dict:
    """The index of the bank, read once."""
    try:
        index = json.loads(asset("voices.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(_damaged("voices.json", str(error))) from error
    if tuple(index["words"]) != WORDS:
        raise ValueError(_damaged("voices.json", "its words are not those of mmcourse.picturebook.sentence.WORDS"))
    return index


@cache
def _positions() -> dict[str, dict[str, tuple[int, int]]]:
    """Start and length of every clip, by voice and word: clips lie one after the other with `gap` samples between."""
    index = _index()
    lengths = [length for voice in index["voices"] for length in voice["lengths"]]
    starts = accumulate((length + index["gap"] for length in lengths), initial=0)
    positions = iter(zip(starts, lengths, strict=False))
    return {voice["name"]: dict(zip(WORDS, positions, strict=False)) for voice in index["voices"]}


@cache
def _bank() -> Tensor:
    """All clips in one row, decoded once: (samples,) int16."""
    import soundfile

    path, expected = asset("voices.ogg"), _index()["samples"]
    try:
        sound, _ = soundfile.read(path, dtype="int16")
    except soundfile.LibsndfileError as error:
        raise ValueError(_damaged(path, str(error))) from error
    if sound.shape != (expected,):
        raise ValueError(_damaged(path, f"it decodes to {len(sound):,} samples where voices.json expects {expected:,}"))
    return torch.from_numpy(sound)


def _damaged(path, why: str) -> str:
    return (
        f"{path} is damaged: {why}. A download or a copy was probably cut short. `mmcourse doctor` checks what the "
        f"course ships; to restore it: {repair_command()}"
    )


@cache
def noises() -> tuple[Tensor, Tensor]:
    """A minute of white and of pink noise, at unit power; `speak` uses a random part of it.

    From RandomState, whose numbers are the same in all versions of NumPy.
    """
    white = np.random.RandomState(0).standard_normal(2**20)
    spectrum = np.fft.rfft(white)
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[: 2**20 * 50 // SAMPLE_RATE] = 0
    pink = np.fft.irfft(spectrum)
    return tuple(torch.from_numpy((noise / noise.std()).astype(np.float32)) for noise in (white, pink))
