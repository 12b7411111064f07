"""What a worker is told and what it answers, as bytes.

A worker that an attacker has taken over can send anything. So answers are MessagePack of fixed types, checked while
they are decoded (msgspec), never pickles; arrays are checked by their codec, and what they hold by `reading_of`.
"""

import math
import os
import struct
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from mediafp.errors import ErrorKind
from mediafp.evidence import OcrResult, TextLine
from mediafp.fingerprint import MAX_CROPS_PER_IMAGE, REFERENCE_CROPS, Fingerprint, FingerprintType
from mediafp.fingerprints.crops import reference_crops_version
from mediafp.fingerprints.registry import fingerprint_type
from mediafp.media import Asset, Kind, Pixels
from mediafp.pipeline import SEARCH_TYPE, STORED_TYPES, FileAnalysis
from mediafp.reading.text import ocr_version
from mediafp.store.codec import pack_arrays, unpack_arrays
from mediafp.store.records import Thumbnail

MESSAGE_BYTES = 512 << 20
"""Longest message; the thumbnails of one video are half of it at most."""
PART_BYTES = 4 << 20
"""Bytes of sound, or of an archive's entry, that come in one message."""
LENGTH = struct.Struct("<I")
EXIT_OUT_OF_MEMORY = 71
"""Exit status of a worker that has no memory left, not even to say so."""
RESTART_CPU_SECONDS = 900.0
"""CPU seconds after which a fresh worker takes the place of one."""
MAX_WARNINGS, WARNING_CHARS = 200, 2_000
MAX_PROPERTIES, PROPERTY_CHARS = 32, 200
MAX_LINES = 1_000
MAX_COORDINATE = float(1 << 28)
"""Pixels: more than the longest side of any picture that is read."""
IMAGE_SIDE = 1 << 16
MAX_NORM = 1.01
"""Length of a vector, rounded to float16: one that is longer would be like everything."""
JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"

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


def validate_lines(lines: list[PackedTextLine]) -> OcrResult:
    """The text of a picture. Raises ValueError where it could not be that of any."""
    if len(lines) > MAX_LINES:
        raise ValueError("more lines than a picture has")
    made = []
    for line in lines:
        if not 0 <= line.confidence <= 1 or not all(abs(at) <= MAX_COORDINATE for at in line.box):
            raise ValueError("a line of text that is none")
        corners = tuple(zip(line.box[::2], line.box[1::2], strict=True))
        made.append(TextLine(text=line.text, box=corners, confidence=line.confidence))
    return OcrResult(version=ocr_version(), lines=tuple(made))


def truncate_texts(warnings: tuple[str, ...] | list[str]) -> list[str]:
    """The warnings that are sent: a hostile file makes libraries say anything, at any length."""
    return [text[:WARNING_CHARS].encode("utf-8", "replace").decode() for text in warnings[:MAX_WARNINGS]]


def validate_analysis(message: AnalysisResult, sha256: str, size: int) -> FileAnalysis:
    """A reading of the file with this SHA-256 and so many bytes, its sound apart.

    Raises ValueError where it could not be that of any file.
    """
    (spans,) = _arrays(message.spans, np.float64)
    if spans.ndim != 2 or spans.shape[1] != 2 or not np.isfinite(spans).all() or (spans[:, 1] < spans[:, 0]).any():
        raise ValueError("spans that are none")
    count = len(spans)
    if [row.name for row in message.rows] != list(STORED_TYPES) or len(message.thumbnails) != count:
        raise ValueError("rows or thumbnails are missing")
    if not all(jpeg.startswith(JPEG_START) and jpeg.endswith(JPEG_END) for jpeg in message.thumbnails):
        raise ValueError("a thumbnail that is none")
    if message.kind == "image" and not count:
        raise ValueError("a picture without a row")
    if message.kind != "image" and message.crops is not None:
        raise ValueError("crops of what is no picture")
    return FileAnalysis(
        asset=Asset(sha256=sha256, kind=message.kind, bytes=size, properties=_properties(message.properties)),
        fingerprints=tuple(_fingerprint(row, sha256, spans) for row in message.rows),
        thumbnails=tuple(
            Thumbnail(position=n, seconds=float(spans[n, 0]), jpeg=jpeg) for n, jpeg in enumerate(message.thumbnails)
        ),
        warnings=tuple(truncate_texts(message.warnings)),
        image=_image(message.image) if message.image else None,
        text=validate_lines(message.text) if message.text is not None else None,
        crops=_crops(message.crops, sha256) if message.crops is not None else None,
    )


def _fingerprint(row: PackedFingerprint, sha256: str, spans: npt.NDArray[np.float64]) -> Fingerprint:
    kind = fingerprint_type(row.name)
    vectors, quality = _vectors(row, kind)
    if len(vectors) != len(spans):
        raise ValueError(f"{row.name}: rows of another shape")
    return Fingerprint(
        sha256=sha256, type=row.name, version=kind.version, spans=spans.copy(), vectors=vectors, quality=quality
    )


def _crops(data: bytes, sha256: str) -> Fingerprint:
    kind = fingerprint_type(SEARCH_TYPE)
    vectors, quality = _vectors(PackedFingerprint(REFERENCE_CROPS, data), kind)
    if len(vectors) > MAX_CROPS_PER_IMAGE:
        raise ValueError(f"{REFERENCE_CROPS}: too many rows")
    spans = np.zeros((len(vectors), 2))
    return Fingerprint(
        sha256=sha256,
        type=REFERENCE_CROPS,
        version=reference_crops_version(kind),
        spans=spans,
        vectors=vectors,
        quality=quality,
    )


def _vectors(row: PackedFingerprint, kind: FingerprintType) -> list[npt.NDArray[Any]]:
    """The vectors and quality of as many rows as there are."""
    vectors, quality = _arrays(row.data, np.float16 if kind.metric == "cosine" else np.uint8, np.float32)
    if vectors.shape != (len(vectors) if vectors.ndim else 0, kind.columns) or quality.shape != vectors.shape[:1]:
        raise ValueError(f"{row.name}: rows of another shape")
    if not (np.isfinite(vectors).all() and np.isfinite(quality).all()):
        raise ValueError(f"{row.name}: values that are no numbers")
    if kind.metric == "cosine" and (np.linalg.norm(vectors.astype(np.float32), axis=1) > MAX_NORM).any():
        raise ValueError(f"{row.name}: a vector that is too long")
    if ((quality < 0) | (quality > 1)).any():
        raise ValueError(f"{row.name}: a quality that is none")
    return [vectors, quality]


def _image(data: bytes) -> Pixels:
    (pixels,) = _arrays(data, np.uint8)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or not 0 < min(pixels.shape) <= max(pixels.shape) <= IMAGE_SIDE:
        raise ValueError("a picture that is none")
    return pixels


def _arrays(data: bytes, *types: type[np.generic]) -> list[npt.NDArray[Any]]:
    arrays: list[npt.NDArray[Any]] = list(unpack_arrays(data))
    if [array.dtype for array in arrays] != [np.dtype(type) for type in types]:
        raise ValueError("arrays of other types")
    return arrays


def _properties(told: dict[str, Property]) -> dict[str, Property]:
    if len(told) > MAX_PROPERTIES:
        raise ValueError("too many properties")
    for name, value in told.items():
        if len(name) > PROPERTY_CHARS or (isinstance(value, str) and len(value) > PROPERTY_CHARS):
            raise ValueError("a property that is too long")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name} is no number")
    for side in ("width", "height"):
        if not isinstance(told.get(side), int | None):
            raise ValueError(f"{side} is no number of pixels")
    return told
