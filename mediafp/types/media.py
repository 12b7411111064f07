"""What came in: assets, sightings and decoded pictures."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import BinaryIO, Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

Kind = Literal["image", "video"]
AUDIO_SAMPLE_RATE = 16000
"""Samples a second of all sound: what Whisper and Silero take."""
Pixels = npt.NDArray[np.uint8]
"""RGB, shape (height, width, 3), uint8, sRGB values as decoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file's content, named by the SHA-256 of its bytes.

    `properties` holds what the decoder said: `format`, `width`, `height` (upright, pixels), and for
    videos `duration` (seconds), `frames_sampled`, `codec`; JSON values only.
    """

    sha256: str
    kind: Kind
    bytes: int
    properties: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels; 0 if unknown."""
        return int(self.properties.get("width") or 0), int(self.properties.get("height") or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Where and when an asset was seen. Times are ISO 8601 in UTC; unknown fields are None.

    `uri` is the path under which it was taken in; bytes that are not UTF-8 are surrogate escapes.
    `source` names the sidecar's format, "" where there was none.
    """

    sha256: str
    uri: str
    account: str | None = None
    platform: str | None = None
    url: str | None = None
    title: str | None = None
    text: str | None = None
    posted_at: str | None = None
    captured_at: str | None = None
    removed_at: str | None = None
    views: int | None = None
    source: str = ""

    @property
    def date(self) -> str | None:
        """Time of posting, else of capture; None if neither is known."""
        return self.posted_at or self.captured_at

    @property
    def captions(self) -> list[str]:
        """What was written beside it."""
        return [text for text in (self.title, self.text) if text]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One decoded picture with the span of time that it stands for.

    `pixels` is (H, W, 3) uint8 RGB; `start` and `end` are presentation seconds. A still picture
    has start = end = 0.
    """

    pixels: Pixels
    start: float
    end: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Audio:
    """The first sound track, mono: `samples` (N,) int16 at SOUND_RATE, read-only.

    Sample n is heard at `start` + n / SOUND_RATE presentation seconds, on the clock of the frames.
    """

    samples: npt.NDArray[np.int16]
    start: float

    @cached_property
    def sha256(self) -> str:
        """Names the sound, whatever file it came in."""
        return hashlib.sha256(np.ascontiguousarray(self.samples, "<i2")).hexdigest()

    @property
    def duration(self) -> float:
        """How long it lasts."""
        return len(self.samples) / AUDIO_SAMPLE_RATE


@dataclass(slots=True, kw_only=True, eq=False)
class DecodedMedia:
    """An opened file: what it is, and its frames, decoded while they are asked for.

    A still picture yields one frame. `warnings`, `properties` and `heard` are complete once `frames` is
    exhausted (a skipped packet is noticed while decoding). `heard` holds the sound track where it was asked for and
    there is one. Raises `MediaError` while iterating.
    """

    kind: Kind
    properties: dict[str, str | int | float | bool | None]
    frames: Iterator[Frame]
    warnings: list[str] = field(default_factory=list)
    audio_tracks: list[Audio] = field(default_factory=list)

    @property
    def audio(self) -> Audio | None:
        """The sound track, once the frames are exhausted; None where there is none or it was not asked for."""
        return self.audio_tracks[0] if self.audio_tracks else None


TimeSpan = tuple[float, float]
IMAGE_SUFFIXES: Final = frozenset(
    (
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".apng",
        ".webp",
        ".gif",
        ".avif",
        ".heic",
        ".heif",
        ".bmp",
        ".tif",
        ".tiff",
        ".jxl",
    )
)
VIDEO_SUFFIXES: Final = frozenset(
    (
        ".mp4",
        ".m4v",
        ".mov",
        ".qt",
        ".3gp",
        ".3g2",
        ".mkv",
        ".webm",
        ".avi",
        ".flv",
        ".ts",
        ".m2ts",
        ".mts",
        ".mpg",
        ".mpeg",
        ".vob",
        ".ogv",
        ".ogg",
        ".oga",
        ".opus",
        ".wmv",
        ".asf",
        ".wma",
        ".wav",
        ".flac",
        ".mp3",
        ".m4a",
        ".aac",
        ".aif",
        ".aiff",
        ".amr",
        ".h264",
        ".264",
        ".h265",
        ".hevc",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """A small JPEG of one kept picture; `seconds` is its presentation time, 0 in a still."""

    position: int
    seconds: float
    jpeg: bytes


MEDIA_SUFFIXES: Final = IMAGE_SUFFIXES | VIDEO_SUFFIXES
"""Names that promise media. They only decide how a file of unknown bytes is reported."""


class SidecarFile(Protocol):
    """A sidecar that was opened; `stamp` changes when it does."""

    name: str
    bytes: int

    @property
    def stamp(self) -> object:
        """What changes when the sidecar does."""
        ...

    def reader(self) -> BinaryIO:
        """A reader at its start, closed by the caller."""
        ...

    def close(self) -> None:
        """Closes it."""
        ...


SiblingOpener = Callable[[str], SidecarFile | None]
"""Opens a file that lies beside the media file, by its name; None where there is none. Raises UnreadableMedia."""
