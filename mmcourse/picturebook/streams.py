"""Random streams whose numbers depend on their key alone, the same on every machine.

Every page of the Picture Book, and so every shipped model, depends on the keys of version 0.1. Splits and tasks were
renamed since then; KEYS maps the new names to the old keys, so that no page changes.
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
    """A separate random stream for this key, the same on every machine."""
    return random.Random(stream_seed(*key))
