"""Random streams: numbers that depend on nothing but their key, the same on every machine.

Every page of the Picture Book, and with it every shipped model, rests on the keys as they were in version 0.1. Splits
and tasks have had other names since; KEYS says under which name a stream is still drawn, so that no page changes.
"""

import random
import zlib

KEYS = {
    "held_out_pairs": "unseen_pairs",
    "held_out_voices": "unseen_voices",
    "held_out_phrasings": "unseen_wordings",
    "image": "picture",
    "phrasings": "wordings",
    "corrupted": "spoilt",
    "masked names": "blots",
}


def stream_seed(*key) -> int:
    """The seed of this key's stream."""
    kept = tuple(KEYS.get(part, part) if isinstance(part, str) else part for part in key)
    return zlib.crc32(repr(kept).encode())


def stream(*key) -> random.Random:
    """A random stream of its own for this key, the same on every machine."""
    return random.Random(stream_seed(*key))
