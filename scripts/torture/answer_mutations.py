"""Seeded mutations of what workers answer: lies that are well formed, lies that are not, and bytes that are no message.

lies.py imports it; it is not a program.
"""

import math
import random
import struct
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import msgspec
import numpy as np
from thumbnail_mutations import encode_image, flip_bits, forge_thumbnail, noise
from true_answers import Answer

from mediafp.engine.local.messages import LENGTH, PART_BYTES, DataChunk, ThumbnailPart, encode
from mediafp.types.arrays import CODES, MAGIC, pack_arrays, unpack_arrays

NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2, 63, 64, 65, 512, 513, 36_000, 36_001, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**64 - 1, -(2**63), 0.0, -0.0,
    0.5, 1e-300, 1e9, -1e9, 1.1e9, 1e306, 1e308, -1e308, math.nan, math.inf, -math.inf, True, False, None,
)  # fmt: skip
"""Numbers at and beyond limits."""
TEXTS: tuple[str, ...] = (
    "", "\0", "a\0b", "\\\\\\hello", "[/] [bold", "=1+1", "\u202egnp.exe", "\ufeff", "\u2066x\u2069", "<script>", "&lt;",
    "x" * 200, "x" * 201, "字" * 2_000, "字" * 2_001, "\U0010ffff", "\n\r\t\x1b[2J", "{{7*7}}", "../../etc/passwd",
    "words of a text that is searched",
)  # fmt: skip
"""Texts that some reader or writer of text may not expect."""
MAX_LIST_BYTES = 64 << 20
"""Bytes of repeated fingerprints: more than any message may have, and little enough to be written."""
Change = Callable[[random.Random, "Lie"], None]


class Lie:
    """An answer that is changed: its fields, its thumbnails, its samples, and then the messages themselves."""

    def __init__(self, answer: Answer) -> None:
        self.kind = answer.kind
        self.samples = answer.samples
        self.thumbnails = list(answer.thumbnails)
        self.result = deepcopy(answer.result)
        self.hangs_up = False

    def messages(self) -> list[bytes]:
        """Return the messages, each with its length before it."""
        samples = [
            encode(DataChunk(data=self.samples[start : start + PART_BYTES]))
            for start in range(0, len(self.samples), PART_BYTES)
        ]
        thumbnails = [
            encode(ThumbnailPart(jpegs=self.thumbnails[start : start + 50]))
            for start in range(0, len(self.thumbnails), 50)
        ]
        body = msgspec.msgpack.encode(self.result)
        return [*samples, *thumbnails, LENGTH.pack(len(body)) + body]


def make_lie(rng: random.Random, answer: Answer, others: list[Answer]) -> tuple[bytes, bool, str]:
    """Return the bytes of a lie, True if the worker has to end behind them, and the names of the changes."""
    lie = Lie(answer)
    # Most lies have one change: of several, the first one that is refused hides the others.
    names = rng.choices(list(CHANGES), k=rng.choice((1, 1, 1, 1, 2, 3)))
    for name in names:
        try:
            CHANGES[name](rng, lie)
        except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError, SyntaxError):
            # An earlier change has removed what this one changes.
            names = [*names, "(nothing)"]
    if rng.random() < 0.1:
        lie.thumbnails = list(rng.choice(others).thumbnails)
        names = [*names, "thumbnails of another"]
    try:
        messages = lie.messages()
    except (ValueError, TypeError, OverflowError, RecursionError, msgspec.MsgspecError):
        return LENGTH.pack(0), True, f"{names}: not encodable"
    data = b"".join(messages)
    if rng.random() < 0.15:
        data, name = _change_bytes(rng, messages)
        return data, True, f"{names} {name}"
    return data, lie.hangs_up, f"{names}"


# Fields --------------------------------------------------------------------------------------------
def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths to all values inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _paths(inner, (*path, key))


def _parent(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        value = value[key]
    return value


def _change_field(rng: random.Random, lie: Lie) -> None:
    path = rng.choice(list(_paths(lie.result)))
    _parent(lie.result, path)[path[-1]] = _any_value(rng)


def _change_number(rng: random.Random, lie: Lie) -> None:
    paths = [p for p in _paths(lie.result) if isinstance(_parent(lie.result, p)[p[-1]], int | float)]
    path = rng.choice(paths)
    _parent(lie.result, path)[path[-1]] = rng.choice(NUMBERS)


def _change_text(rng: random.Random, lie: Lie) -> None:
    paths = [p for p in _paths(lie.result) if isinstance(_parent(lie.result, p)[p[-1]], str)]
    path = rng.choice(paths)
    _parent(lie.result, path)[path[-1]] = rng.choice(TEXTS)


def _change_property(rng: random.Random, lie: Lie) -> None:
    properties = lie.result["properties"]
    name = rng.choice([*properties, "width", "height", "duration", "frames", "other", rng.choice(TEXTS)])
    properties[name] = rng.choice((rng.choice(NUMBERS), rng.choice(NUMBERS), rng.choice(TEXTS)))


def _change_size(rng: random.Random, lie: Lie) -> None:
    """Change the size and give every frame a thumbnail of its shape: a lie that no check can find."""
    width, height = rng.choice(
        ((1, 1), (1, 120_000_000), (120_000_000, 1), (10_000, 12_000), (3, 3), (1, 512), (4000, 7))
    )
    lie.result["properties"] |= {"width": width, "height": height}
    scale = min(1.0, 512 / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    lie.thumbnails = [encode_image(noise(rng, *size)) for _ in lie.thumbnails]


def _remove_field(rng: random.Random, lie: Lie) -> None:
    path = rng.choice(list(_paths(lie.result)))
    del _parent(lie.result, path)[path[-1]]


def _add_field(rng: random.Random, lie: Lie) -> None:
    lie.result[rng.choice(TEXTS)] = _any_value(rng)


def _fill_lists(rng: random.Random, lie: Lie) -> None:
    count = rng.choice((1, 64, 200, 201, 1_000, 1_001, 50_000))
    name = rng.choice(("warnings", "text", "fingerprints", "properties"))
    line = {"text": rng.choice(TEXTS), "confidence": 0.9, "box": [1.0, 1.0, 9.0, 1.0, 9.0, 5.0, 1.0, 5.0]}
    filling = {
        "warnings": [rng.choice(TEXTS)] * count,
        "text": [line] * count,
        "fingerprints": lie.result["fingerprints"] * min(count, 1 + MAX_LIST_BYTES // _packed_bytes(lie)),
        "properties": {str(n): n for n in range(count)},
    }
    lie.result[name] = filling[name]


def _packed_bytes(lie: Lie) -> int:
    """Return the bytes of all fingerprints of an answer, at least 1."""
    return sum(len(packed["data"]) for packed in lie.result["fingerprints"]) or 1


def _any_value(rng: random.Random) -> Any:
    deep: Any = []
    for _ in range(rng.choice((1, 30, 300))):
        deep = [deep]
    return rng.choice(
        (
            rng.choice(NUMBERS),
            rng.choice(TEXTS),
            [],
            {},
            b"",
            rng.randbytes(9),
            [rng.choice(NUMBERS)] * 9,
            {"a": 1},
            deep,
        )
    )


def _change_tag(rng: random.Random, lie: Lie) -> None:
    lie.result["type"] = rng.choice(
        ("Ready", "DataChunk", "AudioResult", "OcrTaskResult", "MemberEnd", "Failure", "x", 7)
    )
    lie.result |= {"kind": rng.choice(("oom", "corrupt", "image", "x")), "message": rng.choice(TEXTS)}
    lie.result |= {"not_media": rng.random() < 0.3, "data": b"xx"} if rng.random() < 0.5 else {}
    lie.hangs_up = True


def _change_kind(rng: random.Random, lie: Lie) -> None:
    lie.result["kind"] = rng.choice(("image", "video", "audio", None))


def _change_lines(rng: random.Random, lie: Lie) -> None:
    lines = lie.result["text"] or []
    line = {"text": rng.choice(TEXTS), "confidence": rng.choice(NUMBERS), "box": [0.0] * 8}
    line["box"] = [
        rng.choice((0, 1, 50, 400, -400, 401, 2**28, -1e9, 1e300, math.nan, rng.random() * 400)) for _ in range(8)
    ]
    lie.result["text"] = [*lines, line] if rng.random() < 0.7 else [line | {"confidence": 0.5}]


# Times, rows and arrays ------------------------------------------------------------------------------
def _change_audio(rng: random.Random, lie: Lie) -> None:
    lie.samples = rng.choice((lie.samples, lie.samples, b"", b"x", b"xx", rng.randbytes(3_200), bytes(64_000)))
    stated = {"samples": len(lie.samples) // 2, "start": 0.0, "track": 0, "channel": None}
    stated |= {rng.choice(list(stated)): rng.choice(NUMBERS)} if rng.random() < 0.8 else {}
    lie.result["audio"] = [stated] * rng.choice((0, 1, 1, 1, 2, 9))


def _change_array(rng: random.Random, lie: Lie) -> None:
    """Change one of the packed arrays: values, shape, data type or bytes."""
    holders = [(lie.result, "spans"), *((packed, "data") for packed in lie.result["fingerprints"])]
    holder, name = rng.choice([*holders, (lie.result, "image")] if lie.result.get("image") else holders)
    if rng.random() < 0.2:
        holder[name] = rng.choice(
            (
                b"",
                MAGIC,
                holder[name][:-1],
                holder[name] + b"x",
                rng.randbytes(50),
                MAGIC + b"\x01\x04\x02" + b"\xff" * 16,
            )
        )
        return
    arrays = [array.copy() for array in unpack_arrays(holder[name])]
    number = rng.randrange(len(arrays))
    array: Any = arrays[number]
    change = rng.randrange(8)
    if change == 0 and array.size:
        with np.errstate(all="ignore"):
            array.flat[rng.randrange(array.size)] = rng.choice(
                (0, 1, 255, *(() if array.dtype == "u1" else (math.nan, math.inf, -1, 9)))
            )
    elif change == 1:
        array = np.zeros_like(array)
    elif change == 2:
        array = array[::-1]
    elif change == 3:
        array = np.repeat(array, rng.choice((0, 2, 5)), axis=0)
    elif change == 4:
        with np.errstate(all="ignore"):
            array = array.astype(rng.choice(list(CODES.values())))
    elif change == 5:
        array = array.reshape(-1) if array.ndim > 1 else array[:, None]
    elif change == 6 and array.dtype != "u1":
        with np.errstate(all="ignore"):
            array = (array * np.float64(rng.choice((0.1, -1, 2, 1e6, 1e8, 1e9, 1e306)))).astype(array.dtype)
    else:
        rng_values = np.random.default_rng(rng.randrange(1 << 30))
        array = rng_values.integers(0, 256, array.shape, np.uint8).astype(array.dtype)
    arrays[number] = array
    holder[name] = pack_arrays(*arrays)


def _change_spans(rng: random.Random, lie: Lie) -> None:
    """Replace the spans by as many others."""
    (spans,) = unpack_arrays(lie.result["spans"])
    count = len(spans)
    starts = np.arange(count, dtype=np.float64)
    changed = rng.choice(
        (
            np.stack([starts, starts + 1], 1) * rng.choice((1e-9, 1e3, 1e6, 1e8, 1e307, -1.0)),
            np.zeros((count, 2)),
            np.stack([starts, starts + 5], 1),
            np.stack([starts - 1e9, starts - 1e9 + 1], 1),
            np.stack([starts[::-1], starts[::-1]], 1),
            np.full((count, 2), rng.choice((0.0, 1e9, math.nan))),
            np.concatenate((np.stack([starts, starts + 1], 1)[:-1], np.array([[count, 1e9]]))),
        )
    )
    lie.result["spans"] = pack_arrays(changed)


def _change_rows(rng: random.Random, lie: Lie) -> None:
    """Repeat or drop all rows, with their spans and thumbnails: a lie that is consistent."""
    (spans,) = unpack_arrays(lie.result["spans"])
    count = rng.choice((0, 1, 2, 30, 64, 65, 400, 5_000))
    chosen = np.arange(count) % max(1, len(spans))
    starts = np.arange(count, dtype=np.float64)
    lie.result["spans"] = pack_arrays(np.stack([starts, starts + 1], 1))
    lie.thumbnails = [lie.thumbnails[n] for n in chosen]
    if rng.random() < 0.5:
        lie.result["properties"]["frames"] = count
    for packed in lie.result["fingerprints"]:
        vectors, quality = unpack_arrays(packed["data"])
        if len(vectors) == len(spans):
            packed["data"] = pack_arrays(vectors[chosen], quality[chosen])


def _random_rows(rng: random.Random, lie: Lie) -> None:
    """Replace vectors by random ones of unit length, and hashes by random bits."""
    values = np.random.default_rng(rng.randrange(1 << 30))
    for packed in lie.result["fingerprints"]:
        vectors, quality = unpack_arrays(packed["data"])
        if vectors.dtype == np.uint8:
            packed["data"] = pack_arrays(values.integers(0, 256, vectors.shape, np.uint8), quality)
        else:
            rows = values.normal(size=vectors.shape)
            packed["data"] = pack_arrays(
                (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16), quality
            )


# Thumbnails ----------------------------------------------------------------------------------------
def _change_thumbnail(rng: random.Random, lie: Lie) -> None:
    number = rng.randrange(len(lie.thumbnails))
    lie.thumbnails[number] = forge_thumbnail(rng, lie.thumbnails[number])


def _change_thumbnail_count(rng: random.Random, lie: Lie) -> None:
    lie.thumbnails = rng.choice(
        (lie.thumbnails[:-1], lie.thumbnails * 2, lie.thumbnails[::-1], [], lie.thumbnails + lie.thumbnails[:1])
    )


# Bytes -----------------------------------------------------------------------------------------------
def _change_bytes(rng: random.Random, messages: list[bytes]) -> tuple[bytes, str]:
    """Return the messages with a change of their order or of their bytes, and its name."""
    data, number = b"".join(messages), rng.randrange(len(messages))
    changes: dict[str, Callable[[], bytes]] = {
        "cut": lambda: data[: rng.randrange(len(data))],
        "a bit": lambda: flip_bits(rng, data, len(data)),
        "a bit of the head": lambda: flip_bits(rng, messages[-1], 64),
        "a message twice": lambda: b"".join([*messages[: number + 1], *messages[number:]]),
        "a message missing": lambda: b"".join(messages[:number] + messages[number + 1 :]),
        "another order": lambda: b"".join(rng.sample(messages, len(messages))),
        "a length": lambda: LENGTH.pack(rng.choice((0, 1, 1 << 20, 1 << 29, 2**32 - 1))) + data[4:],
        "noise": lambda: rng.randbytes(rng.choice((1, 4, 5, 400))),
        "an endless list": lambda: _framed(b"\x82\xa4type\xaeAnalysisResult\xa8warnings\xdd\xff\xff\xff\xff"),
        "short warnings": lambda: _framed(
            b"\x82\xa4type\xaeAnalysisResult\xa8warnings\xdd" + struct.pack(">I", 4_000_000) + b"\xa2no" * 4_000_000
        ),
        "samples": lambda: encode(DataChunk(data=bytes(PART_BYTES))) * 2 + data,
        "a second result": lambda: data + messages[-1],
        "nothing": lambda: b"",
    }
    name = rng.choice(list(changes))
    return changes[name](), name


def _framed(body: bytes) -> bytes:
    return LENGTH.pack(len(body)) + body


CHANGES: dict[str, Change] = {
    "field": _change_field,
    "number": _change_number,
    "text": _change_text,
    "property": _change_property,
    "size": _change_size,
    "missing field": _remove_field,
    "further field": _add_field,
    "long list": _fill_lists,
    "tag": _change_tag,
    "kind": _change_kind,
    "lines": _change_lines,
    "audio": _change_audio,
    "array": _change_array,
    "spans": _change_spans,
    "rows": _change_rows,
    "random rows": _random_rows,
    "thumbnail": _change_thumbnail,
    "thumbnails": _change_thumbnail_count,
}
"""Changes of an answer, by their names."""
