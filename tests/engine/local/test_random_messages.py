"""Random and changed bytes of workers are decoded and validated, or rejected with a ValueError."""

import math
import random
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from worker_results import RESULTS, body, classify, crops, image_result, result

from mediafp.engine.local.messages import AnalysisResult
from mediafp.types.arrays import CODES, pack_arrays

SEED = 20_261_126
TRIES = 2_000


def test_random_bytes_are_decoded_or_rejected() -> None:
    rng = random.Random(SEED)
    starts = (b"", b"\x82", b"\x82\xa4type\xa9DataChunk", b"\x8a\xa4type\xaeAnalysisResult", b"\x84\xa4type\xa7Failure")
    for _ in range(TRIES):
        data = rng.choice(starts) + rng.randbytes(rng.randrange(200))
        assert classify(data) in ("no message", "another message")


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return the bytes with one to four changes: bits, bytes, and parts that are removed, doubled or copied elsewhere."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        start, length = rng.randrange(len(changed) + 1), rng.choice((1, 2, 8, 64))
        part = changed[start : start + length]
        change = rng.randrange(6)
        if change == 0 and part:
            changed[start] ^= 1 << rng.randrange(8)
        elif change == 1 and part:
            changed[start] = rng.choice((0x00, 0x7F, 0x80, 0xC0, 0xC1, 0xC6, 0xCB, 0xDB, 0xDD, 0xDF, 0xFF))
        elif change == 2:
            del changed[start : start + length]
        elif change == 3:
            changed[start:start] = part
        elif change == 4:
            changed[start:start] = rng.randbytes(length)
        else:
            target = rng.randrange(len(changed) + 1)
            changed[target : target + length] = part
    return bytes(changed)


def test_mutated_messages_are_decoded_or_rejected() -> None:
    rng = random.Random(SEED)
    valid = [
        body(message)
        for message in (
            *RESULTS,
            result(0),
            result(1),
            result(image=pack_arrays(np.zeros((2, 2, 3), "u1"))),
            image_result(crops(0)),
        )
    ]
    # Few changes of vectors make a result invalid, so most of these messages contain no vectors.
    weights = [1] * len(RESULTS) + [12, 4, 4, 4]
    classes = [classify(mutate(rng.choices(valid, weights)[0], rng)) for _ in range(TRIES)]
    assert set(classes) == {"no message", "another message", "invalid analysis", "valid analysis"}, (
        "the changes are neither too few nor too many"
    )
    assert min(classes.count(name) for name in set(classes)) > TRIES // 200


def random_values(rng: random.Random) -> Iterator[Any]:
    """Yield values of the types that fields have, valid ones and others."""
    while True:
        shape = [rng.choice((0, 1, 2, 3, 32)) for _ in range(rng.randint(1, 3))]
        array = np.full(shape, rng.choice((0, 1, math.nan, math.inf, -1)), "f8")
        with np.errstate(invalid="ignore"):
            packed = pack_arrays(array.astype(rng.choice(list(CODES.values()))))
        number = rng.choice((0, -1, 2**63 - 1, 2**64 - 1, 0.5, math.nan, math.inf, -0.0, 1e308, True, None, "x", ""))
        yield from (packed, [packed] * rng.randrange(5), number, {"width": number, "height": 48, "": number})


def test_results_with_random_fields_are_validated_or_rejected() -> None:
    rng = random.Random(SEED)
    values = random_values(rng)
    names = list(AnalysisResult.__struct_fields__)
    classes = []
    for _ in range(TRIES):
        fields = msgspec.to_builtins(result(rng.choice((0, 1, 3))), builtin_types=(bytes,))
        for name in rng.sample(names, rng.choice((1, 1, 2))):
            fields[name] = next(values)
        classes.append(classify(msgspec.msgpack.encode(fields)))
    assert {"no message", "invalid analysis", "valid analysis"} == set(classes)
