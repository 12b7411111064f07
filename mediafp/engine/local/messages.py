"""What a worker is told and what it answers, as bytes.

A worker that an attacker has taken over can send anything. So answers are MessagePack of fixed types, checked while
they are decoded (msgspec), never pickles; arrays are checked by their codec, and what they hold by `reading_of`.
"""

import os
import struct
from typing import Annotated, Literal

import msgspec

from mediafp.types.arrays import pack_arrays
from mediafp.types.errors import ErrorKind
from mediafp.types.matches import OcrResult
from mediafp.types.media import Kind
from mediafp.types.runs import FileAnalysis

MAX_WARNINGS, WARNING_CHARS = 200, 2_000
MESSAGE_BYTES = 512 << 20
"""Longest message; the thumbnails of one video are half of it at most."""
PART_BYTES = 4 << 20
"""Bytes of sound, or of an archive's entry, that come in one message."""
LENGTH = struct.Struct("<I")
EXIT_OUT_OF_MEMORY = 71
"""Exit status of a worker that has no memory left, not even to say so."""
RESTART_CPU_SECONDS = 900.0
"""CPU seconds after which a fresh worker takes the place of one."""
MAX_LINES = 1_000
Text = Annotated[str, msgspec.Meta(max_length=WARNING_CHARS)]
Name = Annotated[bytes, msgspec.Meta(max_length=1 << 16)]
Property = str | int | float | bool | None


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One file to read; its descriptor comes with it. `name` is its name's bytes, for messages alone."""

    what: Literal["read", "sound", "text", "unpack"]
    name: bytes
    sha256: str = ""
    full_decode: bool = False
    audio: bool = False
    text: bool = False
    image: bool = False
    crops: bool = False

    @property
    def shown(self) -> str:
        """The name, bytes that are no UTF-8 as surrogate escapes."""
        return os.fsdecode(self.name)


class MemberDecision(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the entry that was named is wanted."""

    wanted: bool


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The worker has started and is locked in."""


class DataChunk(msgspec.Struct, frozen=True, tag=True):
    """Samples (int16, little-endian) of the sound of the file, or bytes of an archive's entry, in order."""

    data: bytes


class PackedFingerprint(msgspec.Struct, frozen=True):
    """The vectors and quality of one type of fingerprint, packed."""

    name: str
    data: bytes


class PackedTextLine(msgspec.Struct, frozen=True):
    """A line of text in a picture: x and y of its four corners, pixels."""

    text: Text
    confidence: float
    box: tuple[float, float, float, float, float, float, float, float]


class AnalysisResult(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A file that was read; `sound_start` is set where parts of its sound came before, `text` where it was asked for.

    `crops` are the vectors and quality of a picture's crops, packed.
    """

    kind: Kind
    properties: dict[str, Property]
    warnings: list[str]
    spans: bytes
    rows: list[PackedFingerprint]
    thumbnails: list[bytes]
    image: bytes | None = None
    crops: bytes | None = None
    audio_start: float | None = None
    text: list[PackedTextLine] | None = None
    cpu: float = 0.0


class AudioResult(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The sound of a file; `sound_start` is None where it has none."""

    warnings: list[str]
    audio_start: float | None
    cpu: float = 0.0


class OcrTaskResult(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The text in a picture."""

    warnings: list[str]
    text: list[PackedTextLine]
    cpu: float = 0.0


class MemberStart(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The next entry of an archive; a `Take` is waited for, and where it is wanted, parts and a `Closed` follow."""

    name: Name


class MemberEnd(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The entry ended; `kind` and `message` say why it cannot be read, where that is so."""

    kind: ErrorKind | None = None
    message: Text = ""


class ArchiveEnd(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """There are no more entries."""

    cpu: float = 0.0


class Failure(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The file could not be read; `unmedia` where it is no media at all."""

    kind: ErrorKind
    message: Text
    not_media: bool = False
    cpu: float = 0.0


Result = (
    Ready | DataChunk | AnalysisResult | AudioResult | OcrTaskResult | MemberStart | MemberEnd | ArchiveEnd | Failure
)
_encoder = msgspec.msgpack.Encoder()
_answers = msgspec.msgpack.Decoder(Result)
_tasks = msgspec.msgpack.Decoder(Task)
_takes = msgspec.msgpack.Decoder(MemberDecision)


def encode(message: Result | Task | MemberDecision) -> bytes:
    """The message behind its length."""
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


def decode_result(data: bytes | bytearray) -> Result:
    """An answer. Raises ValueError where the bytes are none."""
    try:
        answer: Result = _answers.decode(data)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"no message: {error}") from error
    return answer


def decode_task(data: bytes | bytearray) -> Task:
    """A task."""
    return _tasks.decode(data)


def decode_decision(data: bytes | bytearray) -> MemberDecision:
    """An answer to `Opened`."""
    return _takes.decode(data)


def pack_analysis(reading: FileAnalysis, *, image: bool, cpu: float) -> AnalysisResult:
    """What was read, as a message."""
    first = reading.fingerprints[0]
    return AnalysisResult(
        kind=reading.asset.kind,
        properties=dict(reading.asset.properties),
        warnings=truncate_texts(reading.warnings),
        spans=pack_arrays(first.spans),
        rows=[PackedFingerprint(f.type, pack_arrays(f.vectors, f.quality)) for f in reading.fingerprints],
        thumbnails=[t.jpeg for t in reading.thumbnails],
        image=pack_arrays(reading.image) if image and reading.image is not None else None,
        crops=pack_arrays(reading.crops.vectors, reading.crops.quality) if reading.crops else None,
        audio_start=reading.audio.start if reading.audio else None,
        text=pack_lines(reading.text) if reading.text else None,
        cpu=cpu,
    )


def pack_lines(text: OcrResult) -> list[PackedTextLine]:
    """The lines of a text, as a message has them."""
    lines = text.lines[:MAX_LINES]
    return [
        PackedTextLine(
            truncate_texts([line.text])[0], line.confidence, (*line.box[0], *line.box[1], *line.box[2], *line.box[3])
        )
        for line in lines
    ]


def truncate_texts(warnings: tuple[str, ...] | list[str]) -> list[str]:
    """The warnings that are sent: a hostile file makes libraries say anything, at any length."""
    return [text[:WARNING_CHARS].encode("utf-8", "replace").decode() for text in warnings[:MAX_WARNINGS]]
