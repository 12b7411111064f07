"""Messages between this program and its worker processes, and their encoding as bytes.

A worker that an attacker took over can send anything. Results are therefore MessagePack of fixed types, which msgspec
checks while it decodes them, and never pickles; `validation` checks their values. Every text, list and table has a greatest
length here, which msgspec checks before it creates the entries, and every message has one that depends on the task.
"""

import os
import struct
from collections.abc import Iterable, Sequence
from typing import Annotated, Final, Literal

import msgspec
import numpy as np

from mediafp.engine.comparison.messages import AssetAnswer, AssetRequest, PairResult, PairTask
from mediafp.ingest.archives.members import MAX_MEMBERS, MAX_NAME_CHARS, MAX_NUMBER_CHARS
from mediafp.ingest.limits import MAX_AUDIO_SECONDS
from mediafp.types.contents import (
    CLUE_CHARS,
    CLUE_NAME_CHARS,
    MAX_ASSET_ROWS,
    MAX_CLUES,
    MAX_OCR_LINES,
    MAX_PROPERTIES,
    MAX_VIDEO_TEXT_LINES,
    MAX_WARNINGS,
    PROPERTY_CHARS,
    VIDEO_TEXT_CHARS,
    WARNING_CHARS,
)
from mediafp.types.errors import ErrorKind
from mediafp.types.fingerprint_types import OWN_SPANS, VECTOR_DTYPES, AnyFingerprintType
from mediafp.types.jpeg import MAX_THUMBNAIL_JPEG_BYTES, MAX_THUMBNAIL_SIDE
from mediafp.types.media import AUDIO_SAMPLE_RATE, MAX_AUDIO_TRACKS, MAX_SPEECH_CHANNELS, MAX_TRACK_NUMBER, Kind
from mediafp.types.sightings import Trust
from mediafp.types.web_captures import MAX_PAGE_TITLE_CHARS, MAX_URL_CHARS

MESSAGE_BYTES: Final = 16 << 20
"""Length of the longest message of a task that does not state another one. Text in an image has up to 8 MB, text on screen
13 MB, and a part of an audio track or of a member of an archive 4 MiB."""
PAIR_BYTES: Final = 4 << 20
"""Length of the longest message about a pair: a match of two photos has some 20 kB, each segment of two videos 150 bytes. Chosen,
not measured."""
FAILURE_BYTES: Final = 64 << 10
"""Length of the longest failure without warnings, and of all else in a message with pixels. Chosen, not measured."""
PIXEL_BYTES: Final = 3 * MAX_THUMBNAIL_SIDE * MAX_THUMBNAIL_SIDE
"""Bytes of the pixels of the largest thumbnail."""
ANALYSIS_BYTES: Final[dict[Kind, int]] = {"image": 32 << 20, "video": 24 << 20}
"""Length of the longest message about a file without its rows: the text of an image has up to 8 MB, its pixels 13 MB, the
text on screen of a video 13 MB. Chosen, not measured."""
SPAN_BYTES: Final = 16
"""Bytes of the time span of a row, two float64."""
QUALITY_BYTES: Final = 4
"""Bytes of the quality of a row, a float32."""
PART_BYTES: Final = 4 << 20
"""Bytes of audio, or of a member of an archive, in one message. Chosen, not measured."""
MAX_SAMPLES: Final = MAX_AUDIO_SECONDS * AUDIO_SAMPLE_RATE
"""Samples of one audio track."""
LENGTH: Final = struct.Struct("<I")
"""Length of a message, in bytes, which precedes it."""
NONCE_BYTES: Final = 16
"""Length of the random number that precedes a task, and each message of the worker about it: bytes that a worker sent
before it had a task are not taken for the answer. All zeros before the first task."""
EXIT_OUT_OF_MEMORY: Final = 71
"""Exit status of a worker that has no memory left, not even for a message."""
RESTART_CPU_SECONDS: Final = 900.0
"""CPU seconds after which a worker is replaced by a fresh one. Chosen, not measured."""
MAX_TYPES: Final = 64
"""Fingerprint types of one result. Chosen, not measured."""
MAX_FRAME_TIMES: Final = 64
"""Frames of one video that are read in one task: with `MESSAGE_BYTES`, each may have 250,000 bytes. Chosen, not measured."""
MAX_REPORTED_CPU_SECONDS: Final = 1e6
"""CPU seconds that a worker may state. Chosen: above `MAX_WORKER_CPU_SECONDS`."""
MAX_NAME_BYTES: Final = 4 * (MAX_NAME_CHARS + MAX_NUMBER_CHARS)
"""Bytes in the name of a member of an archive: UTF-8 has at most four for a character."""
Text = Annotated[str, msgspec.Meta(max_length=WARNING_CHARS)]
ScreenText = Annotated[str, msgspec.Meta(max_length=VIDEO_TEXT_CHARS)]
Name = Annotated[bytes, msgspec.Meta(max_length=MAX_NAME_BYTES)]
Url = Annotated[str, msgspec.Meta(max_length=MAX_URL_CHARS)]
UtcTime = Annotated[
    str, msgspec.Meta(max_length=20, pattern=r"\A(?:[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?\Z")
]
Warnings = Annotated[list[Text], msgspec.Meta(max_length=MAX_WARNINGS)]
Jpeg = Annotated[bytes, msgspec.Meta(max_length=MAX_THUMBNAIL_JPEG_BYTES)]
PropertyText = Annotated[str, msgspec.Meta(max_length=PROPERTY_CHARS)]
Property = PropertyText | int | float | bool | None
ClueName = Annotated[str, msgspec.Meta(max_length=CLUE_NAME_CHARS)]
ClueText = Annotated[str, msgspec.Meta(max_length=CLUE_CHARS)]
CpuSeconds = Annotated[float, msgspec.Meta(ge=0, le=MAX_REPORTED_CPU_SECONDS)]


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One file to process, whose descriptor is passed with the message, one pair of stored assets to compare, or a thumbnail."""

    what: Literal[
        "analyse",
        "read_audio",
        "read_frames",
        "run_ocr",
        "read_video_text",
        "unpack_archive",
        "compare",
        "decode_thumbnail",
    ]
    name: bytes
    """Name of the file, used in messages alone."""
    sha256: str = ""
    full_decode: bool = False
    audio: bool = False
    """Send the samples of the audio too."""
    ocr: bool = False
    image: bool = False
    reference_crops: bool = False
    matched_only: bool = False
    times: tuple[float, ...] = ()
    """Presentation times of the frames to read."""
    pair: PairTask | None = None
    """The pair to compare."""
    jpeg: bytes = b""
    """The thumbnail to decode."""
    max_message_bytes: int = MESSAGE_BYTES
    """Length of the longest message that the program accepts in reply."""

    @property
    def file_name(self) -> str:
        """Name of the file as text; bytes that are not UTF-8 become surrogate escapes."""
        return os.fsdecode(self.name)


def comparison_task(pair: PairTask) -> Task:
    """Return the task to compare a pair."""
    return Task(what="compare", name=b"", pair=pair, max_message_bytes=PAIR_BYTES)


def thumbnail_task(jpeg: bytes) -> Task:
    """Return the task to decode a thumbnail."""
    return Task(what="decode_thumbnail", name=b"", jpeg=jpeg, max_message_bytes=PIXEL_BYTES + FAILURE_BYTES)


class MemberDecision(msgspec.Struct, frozen=True, kw_only=True):
    """Reply to MemberStart: True if the member is wanted."""

    wanted: bool


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The worker has entered the sandbox and waits for tasks."""


class DataChunk(msgspec.Struct, frozen=True, tag=True):
    """Audio samples of the file (int16, little-endian), or bytes of a member of an archive, in order."""

    data: Annotated[bytes, msgspec.Meta(min_length=1, max_length=PART_BYTES)]


class ThumbnailPart(msgspec.Struct, frozen=True, tag=True):
    """JPEGs of the next kept frames, in order."""

    jpegs: Annotated[list[Jpeg], msgspec.Meta(min_length=1, max_length=MAX_ASSET_ROWS["video"])]


class PackedFingerprint(msgspec.Struct, frozen=True):
    """Rows of one fingerprint type as packed arrays.

    Vectors and quality; spans before them if the type has spans of its own. Rows of frames have the spans of the result, rows of
    a still image have none.
    """

    name: PropertyText
    data: bytes


class PackedTextLine(msgspec.Struct, frozen=True):
    """A line of text in an image; `box` is x and y of its four corners, in pixels."""

    text: Text
    confidence: float
    box: tuple[float, float, float, float, float, float, float, float]


class PackedVideoTextLine(msgspec.Struct, frozen=True):
    """A line of text on screen, shown from start to end, in presentation seconds; `box` as of PackedTextLine."""

    text: ScreenText
    start: float
    end: float
    confidence: float
    box: tuple[float, float, float, float, float, float, float, float]


class PackedClue(msgspec.Struct, frozen=True):
    """A clue in the metadata of a file."""

    kind: ClueName
    value: ClueText
    source: ClueName
    trust: Trust


VideoTextLines = Annotated[list[PackedVideoTextLine], msgspec.Meta(max_length=MAX_VIDEO_TEXT_LINES)]
TextLines = Annotated[list[PackedTextLine], msgspec.Meta(max_length=MAX_OCR_LINES)]


class PackedAudio(msgspec.Struct, frozen=True):
    """Audio whose samples precede the result, behind those of the audio before it in the list.

    Number of samples, presentation seconds of the first, number of the track, and of its channel unless it is the mix.
    """

    samples: Annotated[int, msgspec.Meta(ge=1, le=MAX_SAMPLES)]
    start: float
    track: Annotated[int, msgspec.Meta(ge=0, le=MAX_TRACK_NUMBER)]
    channel: Annotated[int, msgspec.Meta(ge=0, lt=MAX_SPEECH_CHANNELS)] | None


PackedAudios = Annotated[list[PackedAudio], msgspec.Meta(max_length=MAX_AUDIO_TRACKS * MAX_SPEECH_CHANNELS)]


class AnalysisResult(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Analysis of one file; its thumbnails precede it."""

    kind: Kind
    properties: Annotated[dict[PropertyText, Property], msgspec.Meta(max_length=MAX_PROPERTIES)]
    warnings: Warnings
    spans: bytes
    """Spans of the kept frames, packed."""
    fingerprints: Annotated[list[PackedFingerprint], msgspec.Meta(max_length=MAX_TYPES)]
    image: bytes | None = None
    """Pixels of an image, packed, if requested."""
    audio: PackedAudios = []
    """Audio of a video, if requested."""
    text: TextLines | None = None
    """Text in an image, if requested."""
    video_text: VideoTextLines | None = None
    """Text on screen of a video, if requested."""
    clues: Annotated[list[PackedClue], msgspec.Meta(max_length=MAX_CLUES)] = []
    cpu: CpuSeconds = 0.0
    """CPU seconds that the worker has used so far."""


class AudioResult(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Audio of one file."""

    warnings: Warnings
    audio: PackedAudios
    cpu: CpuSeconds = 0.0


class OcrTaskResult(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Text in one image."""

    warnings: Warnings
    text: TextLines
    cpu: CpuSeconds = 0.0


class FramesResult(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The frames of a video at the times of the task, as thumbnails; None where no frame could be decoded."""

    jpegs: Annotated[list[Jpeg | None], msgspec.Meta(max_length=MAX_FRAME_TIMES)]
    cpu: CpuSeconds = 0.0


class VideoTextResult(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Text on screen of one video."""

    warnings: Warnings
    lines: VideoTextLines
    cpu: CpuSeconds = 0.0


class PixelsResult(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The pixels of a thumbnail, RGB, row by row; its size is that of its header, which the program has read itself."""

    pixels: Annotated[bytes, msgspec.Meta(max_length=PIXEL_BYTES)]
    cpu: CpuSeconds = 0.0


class PackedCapture(msgspec.Struct, frozen=True):
    """Place and time at which a member of a web archive was fetched, with the fields of `WebCapture`."""

    url: Url
    captured_at: UtcTime
    page_url: Url
    page_title: Annotated[str, msgspec.Meta(max_length=MAX_PAGE_TITLE_CHARS)]
    is_page_guessed: bool


class MemberStart(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The next member of an archive; the worker waits for a MemberDecision and sends chunks and a MemberEnd if wanted."""

    name: Name
    capture: PackedCapture | None = None


class MemberEnd(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The end of a member; `kind` and `message` are set if it could not be unpacked."""

    kind: ErrorKind | None = None
    message: Text = ""


class ArchiveEnd(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The end of an archive, with the warnings about it as a whole, and the number of hidden names that were skipped."""

    warnings: Warnings = []
    hidden: Annotated[int, msgspec.Meta(ge=0, le=MAX_MEMBERS)] = 0
    cpu: CpuSeconds = 0.0


class Failure(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The file could not be processed; `not_media` if it is not media at all. An archive may have warnings."""

    kind: ErrorKind
    message: Text
    warnings: Warnings = []
    not_media: bool = False
    cpu: CpuSeconds = 0.0


Result = (
    Ready
    | DataChunk
    | ThumbnailPart
    | AnalysisResult
    | AudioResult
    | OcrTaskResult
    | FramesResult
    | VideoTextResult
    | PixelsResult
    | MemberStart
    | MemberEnd
    | ArchiveEnd
    | AssetRequest
    | PairResult
    | Failure
)
_encoder = msgspec.msgpack.Encoder()
_result_decoder = msgspec.msgpack.Decoder(Result)
_task_decoder = msgspec.msgpack.Decoder(Task)
_decision_decoder = msgspec.msgpack.Decoder(MemberDecision)
_answer_decoder = msgspec.msgpack.Decoder(AssetAnswer)


def analysis_bytes(kind: Kind, types: Iterable[AnyFingerprintType]) -> int:
    """Return the length of the longest message about a file, bytes.

    Args:
        kind: Kind of the file.
        types: The types whose rows are computed: those of `MAX_ASSET_ROWS` frames have 40 MB, and other packages add types.
            A type without a greatest number of rows has at most as many as the longest video has frames.
    """
    total = ANALYSIS_BYTES[kind] + MAX_ASSET_ROWS[kind] * SPAN_BYTES
    for computed in types:
        row_bytes = computed.columns * np.dtype(VECTOR_DTYPES[computed.metric]).itemsize + QUALITY_BYTES
        if computed.consumes in OWN_SPANS:
            row_bytes += SPAN_BYTES
        total += row_bytes * (MAX_ASSET_ROWS[kind] if computed.max_rows is None else computed.max_rows)
    return total


def encode(message: Result | Task | MemberDecision | AssetAnswer) -> bytes:
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


def decode_answer(data: bytes | bytearray) -> AssetAnswer:
    """Return the reply to an AssetRequest."""
    return _answer_decoder.decode(data)


def truncate_texts(texts: Sequence[str]) -> list[str]:
    """Return at most MAX_WARNINGS texts of at most WARNING_CHARS: a hostile file makes libraries emit any text of any length.

    Lone surrogates and NUL become question marks.
    """
    return [
        text[:WARNING_CHARS].replace("\0", "?").encode("utf-8", "replace").decode() for text in texts[:MAX_WARNINGS]
    ]
