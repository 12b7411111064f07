"""Messages between this program and its worker processes, and their encoding as bytes.

A worker that an attacker took over can send anything. Results are therefore MessagePack of fixed types, which msgspec
checks while it decodes them, and never pickles; `validation` checks their values.
"""

import os
import struct
from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec

from mediafp.fingerprints.registry import declaration
from mediafp.ingest.archives.members import MAX_NAME_CHARS, MAX_NUMBER_CHARS
from mediafp.types.arrays import pack_arrays
from mediafp.types.errors import ErrorKind
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.matches import OcrResult
from mediafp.types.media import Kind
from mediafp.types.runs import FileAnalysis

MAX_WARNINGS: Final = 200
"""Warnings of one file that are sent. Chosen, not measured."""
WARNING_CHARS: Final = 2_000
"""Characters of a warning, an error message or a line of text that are sent. Chosen, not measured."""
MESSAGE_BYTES: Final = 512 << 20
"""Length of the longest message; the thumbnails of one video are at most half of it."""
PART_BYTES: Final = 4 << 20
"""Bytes of audio, or of a member of an archive, in one message. Chosen, not measured."""
LENGTH: Final = struct.Struct("<I")
"""Length of a message, in bytes, which precedes it."""
NONCE_BYTES: Final = 16
"""Length of the random number that precedes a task, and each message of the worker about it: bytes that a worker sent
before it had a task are not taken for the answer. All zeros before the first task."""
EXIT_OUT_OF_MEMORY: Final = 71
"""Exit status of a worker that has no memory left, not even for a message."""
RESTART_CPU_SECONDS: Final = 900.0
"""CPU seconds after which a worker is replaced by a fresh one. Chosen, not measured."""
MAX_OCR_LINES: Final = 1_000
"""Lines of text in one image that are sent. Chosen, not measured."""
MAX_NAME_BYTES: Final = 4 * (MAX_NAME_CHARS + MAX_NUMBER_CHARS)
"""Bytes in the name of a member of an archive: UTF-8 has at most four for a character."""
Text = Annotated[str, msgspec.Meta(max_length=WARNING_CHARS)]
Name = Annotated[bytes, msgspec.Meta(max_length=MAX_NAME_BYTES)]
Property = str | int | float | bool | None


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One file to process; its file descriptor is passed with the message."""

    what: Literal["analyse", "read_audio", "run_ocr", "unpack_archive"]
    name: bytes
    """Name of the file, used in messages alone."""
    sha256: str = ""
    full_decode: bool = False
    audio: bool = False
    ocr: bool = False
    image: bool = False
    reference_crops: bool = False
    matched_only: bool = False

    @property
    def file_name(self) -> str:
        """Name of the file as text; bytes that are not UTF-8 become surrogate escapes."""
        return os.fsdecode(self.name)


class MemberDecision(msgspec.Struct, frozen=True, kw_only=True):
    """Reply to MemberStart: True if the member is wanted."""

    wanted: bool


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The worker has entered the sandbox and waits for tasks."""


class DataChunk(msgspec.Struct, frozen=True, tag=True):
    """Audio samples of the file (int16, little-endian), or bytes of a member of an archive, in order."""

    data: bytes


class PackedFingerprint(msgspec.Struct, frozen=True):
    """Rows of one fingerprint type as packed arrays.

    Vectors and quality; spans before them if the type consumes audio. Rows of frames have the spans of the result, rows of
    a still image have none.
    """

    name: str
    data: bytes


class PackedTextLine(msgspec.Struct, frozen=True):
    """A line of text in an image; `box` is x and y of its four corners, in pixels."""

    text: Text
    confidence: float
    box: tuple[float, float, float, float, float, float, float, float]


class AnalysisResult(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Analysis of one file."""

    kind: Kind
    properties: dict[str, Property]
    warnings: list[str]
    spans: bytes
    """Spans of the kept frames, packed."""
    fingerprints: list[PackedFingerprint]
    thumbnails: list[bytes]
    """JPEG of each kept frame."""
    image: bytes | None = None
    """Pixels of an image, packed, if requested."""
    audio_start: float | None = None
    """Start of the audio in presentation seconds, if its samples preceded this message."""
    text: list[PackedTextLine] | None = None
    """Text in an image, if requested."""
    cpu: float = 0.0
    """CPU seconds that the worker has used so far."""


class AudioResult(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Audio of one file; `audio_start` is None if it has none."""

    warnings: list[str]
    audio_start: float | None
    cpu: float = 0.0


class OcrTaskResult(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Text in one image."""

    warnings: list[str]
    text: list[PackedTextLine]
    cpu: float = 0.0


class MemberStart(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The next member of an archive; the worker waits for a MemberDecision and sends chunks and a MemberEnd if wanted."""

    name: Name


class MemberEnd(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The end of a member; `kind` and `message` are set if it could not be unpacked."""

    kind: ErrorKind | None = None
    message: Text = ""


class ArchiveEnd(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The end of an archive."""

    cpu: float = 0.0


class Failure(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The file could not be processed; `not_media` if it is not media at all."""

    kind: ErrorKind
    message: Text
    not_media: bool = False
    cpu: float = 0.0


Result = (
    Ready | DataChunk | AnalysisResult | AudioResult | OcrTaskResult | MemberStart | MemberEnd | ArchiveEnd | Failure
)
_encoder = msgspec.msgpack.Encoder()
_result_decoder = msgspec.msgpack.Decoder(Result)
_task_decoder = msgspec.msgpack.Decoder(Task)
_decision_decoder = msgspec.msgpack.Decoder(MemberDecision)


def encode(message: Result | Task | MemberDecision) -> bytes:
    """Return the bytes of a message, preceded by their length."""
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


def decode_result(data: bytes | bytearray) -> Result:
    """Return the result that a worker sent; its values are not validated yet.

    Raises:
        ValueError: The bytes are not a message.
    """
    try:
        result: Result = _result_decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"the bytes are not a message: {error}") from error
    return result


def decode_task(data: bytes | bytearray) -> Task:
    """Return the task that a worker received."""
    return _task_decoder.decode(data)


def decode_decision(data: bytes | bytearray) -> MemberDecision:
    """Return the reply to a MemberStart."""
    return _decision_decoder.decode(data)


def pack_analysis(analysis: FileAnalysis, *, image: bool, cpu: float) -> AnalysisResult:
    """Return an analysis as a message, without the audio samples; with its pixels only if `image`."""
    frames = next(f for f in analysis.fingerprints if declaration(f.type).consumes == "frames")
    return AnalysisResult(
        kind=analysis.asset.kind,
        properties=dict(analysis.asset.properties),
        warnings=truncate_texts(analysis.warnings),
        spans=pack_arrays(frames.spans),
        fingerprints=[_pack_fingerprint(fingerprint) for fingerprint in analysis.fingerprints],
        thumbnails=[thumbnail.jpeg for thumbnail in analysis.thumbnails],
        image=pack_arrays(analysis.image) if image and analysis.image is not None else None,
        audio_start=analysis.audio.start if analysis.audio else None,
        text=pack_lines(analysis.text) if analysis.text else None,
        cpu=cpu,
    )


def _pack_fingerprint(fingerprint: Fingerprint) -> PackedFingerprint:
    own_spans = [fingerprint.spans] if declaration(fingerprint.type).consumes == "audio" else []
    return PackedFingerprint(fingerprint.type, pack_arrays(*own_spans, fingerprint.vectors, fingerprint.quality))


def pack_lines(text: OcrResult) -> list[PackedTextLine]:
    """Return the first MAX_OCR_LINES lines of a text as messages contain them."""
    return [
        PackedTextLine(
            truncate_texts([line.text])[0], line.confidence, (*line.box[0], *line.box[1], *line.box[2], *line.box[3])
        )
        for line in text.lines[:MAX_OCR_LINES]
    ]


def truncate_texts(texts: Sequence[str]) -> list[str]:
    """Return at most MAX_WARNINGS texts of at most WARNING_CHARS: a hostile file makes libraries emit any text of any length."""
    return [text[:WARNING_CHARS].encode("utf-8", "replace").decode() for text in texts[:MAX_WARNINGS]]
