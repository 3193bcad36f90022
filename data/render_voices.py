"""Synthesise the Picture Book's voices: every word in every voice, as `voices.ogg` and `voices.json`.

A tool for contributors; learners do not need it. It runs the speech engines espeak-ng and flite (on Debian:
`apt-get install espeak-ng flite`), about a minute and a half on two idle cores:

    python data/render_voices.py [--out FOLDER]

The same engines and the same libsndfile give the same two files, bit for bit. DATASHEET.md describes them.
"""

import argparse
import io
import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
import torch
from torchaudio.functional import resample

from mmcourse.picturebook.scene import stream
from mmcourse.picturebook.sentence import WORDS
from mmcourse.picturebook.speech import LOUDNESS, SAMPLE_RATE

# British English is 'en' here: espeak-ng 1.51 ignores every variant that follows 'en-gb'.
ACCENTS = ("en", "en-us", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-us-nyc", "en-gb-x-gbclan", "en-gb-x-gbcwmd")
# espeak-ng's clear variants (no whisper, croak or robot), and only one of those that are nearly the same: adam, caleb
# and klatt differ in name only. No held-out variant is a near relative of a training one.
TRAIN = (
    "Alex Alicia Andrea Denis Diogo Jacky Marco Mario Michael Mike Tweaky adam anika antonio aunty boris "
    "david ed edward f1 f2 f3 f4 f5 grandma iven iven4 john m1 m2 m3 m4 m5 m7 m8 marcelo max norbert pablo "
    "paul pedro quincy robert shelby steph travis"
)
HELD_OUT = "Annie Gene belinda linda sandro victor"
FAR = "slt rms awb kal16"
# Alone, both engines read 'a' as the letter, and espeak-ng pronounces 'to' like 'two': these are the sounds within a
# sentence ('a fish', 'to the left').
PHONEMES = {"espeak-ng": {"a": "a#", "to": "t@"}, "flite": {"a": "pau ax pau"}}

PEAK = 0.6
GAP = SAMPLE_RATE // 100
VORBIS_LEVEL = 0.96  # 0 is the best and largest, 1 the smallest


@dataclass(frozen=True)
class Voice:
    """One speaker: its name, its group, and the engine's settings (pitch 0 to 99; pace in words a minute)."""

    name: str
    group: str
    engine: str
    variant: str
    accent: str | None = None
    pitch: int | None = None
    pace: int | None = None


def cast() -> list[Voice]:
    """All voices. Accents take turns; pitch and pace come from a random stream per variant."""
    voices = []
    for group, variants in (("train", TRAIN), ("held_out", HELD_OUT)):
        for i, variant in enumerate(variants.split()):
            rng, accent = stream("voice", variant), ACCENTS[i % len(ACCENTS)]
            voices.append(
                Voice(
                    f"{accent}+{variant}",
                    group,
                    "espeak-ng",
                    variant,
                    accent,
                    rng.randint(30, 70),
                    rng.randint(150, 195),
                )
            )
    return voices + [Voice(f"flite+{variant}", "far", "flite", variant) for variant in FAR.split()]


def engines() -> dict[str, str]:
    """The engines' versions; RuntimeError where one is missing or lacks a voice."""

    def output(*command):
        try:
            return subprocess.run(command, capture_output=True, text=True).stdout
        except FileNotFoundError:
            raise RuntimeError(f"{command[0]} is not installed; on Debian: apt-get install espeak-ng flite") from None

    known = set(re.findall(r"!v/(\S+)", output("espeak-ng", "--voices=variant")))
    missing = {*TRAIN.split(), *HELD_OUT.split()} - known | set(FAR.split()) - set(output("flite", "-lv").split())
    if missing:
        raise RuntimeError(f"these engines lack the voices {', '.join(sorted(missing))}")
    return {
        "espeak-ng": re.search(r"text-to-speech: (\S+)", output("espeak-ng", "--version"))[1],
        "flite": re.search(r"version: flite-(\S+)", output("flite", "--version"))[1],
    }


def check_variants(voices: list[Voice]) -> None:
    """RuntimeError where a variant has no effect; espeak-ng gives no error for one that it cannot apply."""
    for voice in voices:
        if voice.engine == "espeak-ng" and np.array_equal(
            synthesise(voice, "fish"), synthesise(replace(voice, variant="none"), "fish")
        ):
            raise RuntimeError(f"{voice.name} sounds like {voice.accent} without a variant")


def synthesise(voice: Voice, word: str) -> np.ndarray:
    """One word from the speech engine, at 16 kHz: (samples,) float32."""
    phonemes = PHONEMES[voice.engine].get(word)
    if voice.engine == "espeak-ng":
        command = [
            "espeak-ng",
            "-v",
            f"{voice.accent}+{voice.variant}",
            "-p",
            str(voice.pitch),
            "-s",
            str(voice.pace),
            "--stdout",
            f"[[{phonemes}]]" if phonemes else word,
        ]
    else:
        spoken = ["-p", phonemes] if phonemes else ["-t", word]
        command = ["flite", "-voice", voice.variant, *spoken, "-o", "/dev/stdout"]
    wave = subprocess.run(command, capture_output=True, check=True).stdout
    sound, rate = soundfile.read(io.BytesIO(wave), dtype="float32")
    return resample(torch.from_numpy(sound), rate, SAMPLE_RATE, lowpass_filter_width=32).numpy()


def trim(sound: np.ndarray, floor: float = 0.008) -> np.ndarray:
    """Without the silence around the word: 10 ms are kept before it and 20 ms after, with 4 ms of fade at both ends."""
    window, fade = SAMPLE_RATE // 100, SAMPLE_RATE // 250
    energy = np.sqrt(np.convolve(sound**2, np.ones(window) / window, "same"))
    loud = np.flatnonzero(energy > floor * np.abs(sound).max())
    sound = sound[max(0, loud[0] - window) : loud[-1] + 2 * window].copy()
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    sound[:fade] *= ramp
    sound[-fade:] *= ramp[::-1]
    return sound


def level(sound: np.ndarray) -> np.ndarray:
    """The sound at the loudness of all clips, with a limited peak, so that `speak` can raise the level."""
    return sound * min(LOUDNESS / np.sqrt(np.mean(sound**2)), PEAK / np.abs(sound).max())


def write_ogg(path: Path, sound: np.ndarray) -> None:
    """Write Vorbis in blocks of a second, since long arrays crash libsndfile, and set a fixed serial number."""
    kind = {"format": "OGG", "subtype": "VORBIS", "compression_level": VORBIS_LEVEL}
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, channels=1, **kind) as file:
        for start in range(0, len(sound), SAMPLE_RATE):
            file.write(sound[start : start + SAMPLE_RATE])
    fix_serial(path)


def fix_serial(path: Path) -> None:
    """Gives an Ogg stream the serial number 1 instead of a random one, so that a second run gives the same bytes.

    Page layout and checksum: RFC 3533, section 6.
    """
    table = []
    for value in range(256):
        value <<= 24
        for _ in range(8):
            value = (value << 1) ^ (0x104C11DB7 if value & 0x80000000 else 0)
        table.append(value)
    data, at = bytearray(path.read_bytes()), 0
    while at < len(data):
        segments = data[at + 26]
        end = at + 27 + segments + sum(data[at + 27 : at + 27 + segments])
        data[at + 14 : at + 18] = (1).to_bytes(4, "little")
        data[at + 22 : at + 26] = bytes(4)
        checksum = 0
        for byte in data[at:end]:
            checksum = ((checksum << 8) & 0xFFFFFFFF) ^ table[(checksum >> 24) ^ byte]
        data[at + 22 : at + 26] = checksum.to_bytes(4, "little")
        at = end
    path.write_bytes(data)


def render(voices: list[Voice], workers: int = 2) -> list[list[np.ndarray]]:
    """The finished clips: for each voice, one for each word."""

    def clip(job):
        return level(trim(synthesise(*job)))

    torch.set_num_threads(1)
    with ThreadPoolExecutor(workers) as pool:
        clips = list(pool.map(clip, [(voice, word) for voice in voices for word in WORDS]))
    return [clips[i : i + len(WORDS)] for i in range(0, len(clips), len(WORDS))]


def write_index(path: Path, voices: list[Voice], clips: list[list[np.ndarray]], samples: int, versions: dict) -> None:
    """Write the index: clips are ordered by voice, then by word, each followed by `gap` silent samples."""
    header = {
        "sample_rate": SAMPLE_RATE,
        "gap": GAP,
        "samples": samples,
        "engines": versions,
        "libsndfile": soundfile.__libsndfile_version__,
        "phonemes": PHONEMES,
        "words": WORDS,
    }
    rows = [asdict(voice) | {"lengths": [len(clip) for clip in row]} for voice, row in zip(voices, clips, strict=True)]
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in header.items()]
    body = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    path.write_text("{\n" + ",\n".join(lines) + ',\n"voices": [\n' + body + "\n]\n}\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder for voices.ogg and voices.json")
    folder = parser.parse_args().out
    versions, voices = engines(), cast()
    check_variants(voices)
    clips = render(voices)
    silence = np.zeros(GAP, np.float32)
    sound = np.concatenate([part for row in clips for clip in row for part in (clip, silence)]).astype(np.float32)
    write_ogg(folder / "voices.ogg.new", sound)
    write_index(folder / "voices.json.new", voices, clips, len(sound), versions)
    for name in ("voices.ogg", "voices.json"):
        os.replace(folder / f"{name}.new", folder / name)
    print(
        f"{len(voices)} voices x {len(WORDS)} words, {len(sound) / SAMPLE_RATE / 60:.0f} minutes, "
        f"{(folder / 'voices.ogg').stat().st_size / 1e6:.2f} MB"
    )


if __name__ == "__main__":
    main()
