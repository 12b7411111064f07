"""Media: assets, and decoded images, frames and audio."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, Final, Literal, Protocol

from mediafp.types.pages import Page, parse_pages
from mediafp.types.sightings import Clue

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Kind = Literal["image", "video"]
"""An audio file is a video without frames, and an animation one without audio."""
AUDIO_SAMPLE_RATE: Final = 16000
"""Samples per second of all audio: the input rate of Whisper and Silero."""
TRACK_SIDE: Final = 24
"""Pixels of a side of the frames of a frame track: enough to correlate an inset on a fifth of the area. Chosen, not
measured."""
MAX_AUDIO_TRACKS: Final = 4
"""Audio tracks of one file that are compared and transcribed, that which players play among them. Films in two languages
have two, broadcasts up to four. Chosen, not measured."""
MAX_TRACK_NUMBER: Final = 63
"""Greatest number of an audio track that is compared and transcribed besides the one that players play. Chosen: it has 6 bits."""
MAX_SPEECH_CHANNELS: Final = 2
"""Channels of one audio track that are transcribed one by one."""
MAX_TRACK_ROWS: Final = 36_000
"""Rows of a frame track, 21 MB: two hours at five a second. A longer video is sampled less often. Chosen, not measured."""
type Pixels = npt.NDArray[np.uint8]
"""RGB, shape (height, width, 3), uint8, sRGB values as decoded."""
type GreyPixels = npt.NDArray[np.uint8]
"""Grey levels, shape (height, width), uint8."""
TimeSpan = tuple[float, float]
"""Start and end in presentation seconds."""
IMAGE_SUFFIXES: Final = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".avif", ".heic", ".heif", ".bmp", ".tif", ".tiff",
    ".jxl", ".jp2", ".j2k", ".jpf", ".jpx",
))  # fmt: skip
VIDEO_SUFFIXES: Final = frozenset((
    ".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".mkv", ".webm", ".avi", ".flv", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg",
    ".vob", ".ogv", ".ogg", ".oga", ".opus", ".wmv", ".asf", ".wma", ".wav", ".flac", ".mp3", ".m4a", ".aac", ".aif", ".aiff",
    ".amr", ".h264", ".264", ".h265", ".hevc",
))  # fmt: skip
MEDIA_SUFFIXES: Final = IMAGE_SUFFIXES | VIDEO_SUFFIXES
"""Suffixes of media files. They only decide how a file with unknown content is reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """Content of one file, identified by the SHA-256 of its bytes."""

    sha256: str
    kind: Kind
    bytes: int
    """Size of the file."""
    properties: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    """Values from the decoder: `format`, `width`, `height` (upright, pixels), and for videos `duration` (seconds),
    `frames_sampled`, `codec` and others; for images of several pages `pages`."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels; 0 if unknown."""
        return int(self.properties.get("width") or 0), int(self.properties.get("height") or 0)

    @property
    def pages(self) -> tuple[Page, ...]:
        """Pages that were read of an image, one for each row; those of an image of one page are the image itself."""
        stated = self.properties.get("pages")
        return parse_pages(stated) if isinstance(stated, str) else (Page(number=1, size=self.size),)

    def row_size(self, row: int) -> tuple[int, int]:
        """Return width and height in pixels of what a row of an image or a frame shows."""
        pages = self.pages if self.kind == "image" else ()
        return pages[row].size if row < len(pages) else self.size

    def is_section(self, row: int) -> bool:
        """Return True for a row of a section of a long image."""
        pages = self.pages if self.kind == "image" else ()
        return row < len(pages) and pages[row].corner is not None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """Decoded still image or video frame, with its span in presentation seconds; 0 to 0 for a still image."""

    pixels: Pixels
    start: float
    end: float
    held_seconds: float = 0.0
    """Seconds for which this very frame of a video is displayed; the rest of its span shows others of its shot."""
    detail: Pixels | None = None
    """A video frame at a size at which its text can be read, if that was requested."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameTrack:
    """Small grey frames of a video at short even steps, which distinguish its moments; equal ones share a row."""

    spans: "npt.NDArray[np.float64]"
    """(T, 2), start and end of each row in presentation seconds."""
    pixels: "npt.NDArray[np.uint8]"
    """(T, TRACK_SIDE, TRACK_SIDE) grey levels: the whole frame as displayed, squeezed to a square."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Audio:
    """One audio track of a file, mixed down to mono, or one channel of it."""

    samples: "npt.NDArray[np.int16]"
    """(N,) at AUDIO_SAMPLE_RATE, read-only."""
    start: float
    """Presentation seconds of the first sample, on the clock of the frames."""
    track: int = 0
    """Number of the track among those of its file, from 0."""
    channel: int | None = None
    """Number of the channel, from 0, if it is one channel of a track whose channels differ in speech; None for the mix."""

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the samples, which identifies the audio whatever file it comes from."""
        import numpy as np

        return hashlib.sha256(np.ascontiguousarray(self.samples, "<i2")).hexdigest()

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / AUDIO_SAMPLE_RATE


@dataclass(slots=True, kw_only=True, eq=False)
class DecodedMedia:
    """Opened media file, decoded while its frames are iterated, which may raise MediaError.

    The other fields are complete once `frames` is exhausted: a damaged packet is noticed while decoding.
    """

    kind: Kind
    properties: dict[str, str | int | float | bool | None]
    frames: Iterator[Frame]
    """One frame of an image, or one for each of its pages; sampled frames of a video."""
    warnings: list[str] = field(default_factory=list)
    audio_tracks: list[Audio] = field(default_factory=list)
    """The audio track that players play, if it was requested and the file has one that can be decoded."""
    further_audio_tracks: list[Audio] = field(default_factory=list)
    """The other audio tracks, if they were requested, in the order of the file."""
    differing_tracks: list[int] = field(default_factory=list)
    """Numbers of those of these tracks whose two channels differ in what is said."""
    frame_tracks: list[FrameTrack] = field(default_factory=list)
    """The frame track of a video with frames."""
    clues: list[Clue] = field(default_factory=list)
    """Clues in the metadata of the file."""

    @property
    def audio(self) -> Audio | None:
        """Audio track that players play, once the frames are exhausted; None if there is none or it was not requested."""
        return self.audio_tracks[0] if self.audio_tracks else None

    @property
    def frame_track(self) -> FrameTrack | None:
        """Frame track, once the frames are exhausted; None if there is none."""
        return self.frame_tracks[0] if self.frame_tracks else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """Small JPEG of one image or kept frame."""

    position: int
    """Number of the kept frame, and of its rows in fingerprints of frames."""
    seconds: float
    """Presentation time; 0 for a still image."""
    jpeg: bytes


class SidecarFile(Protocol):
    """Opened sidecar file."""

    name: str
    bytes: int

    @property
    def stamp(self) -> object:
        """Value that changes if the sidecar changes."""

    def reader(self) -> BinaryIO:
        """Return a reader at the start of the file; the caller closes it."""

    def close(self) -> None:
        """Close the file."""


class SidecarFolder(Protocol):
    """A folder, on disk or in an archive, whose sidecars may be read."""

    path: str
    """Path of the folder, which distinguishes it from others."""

    def names(self) -> Sequence[str]:
        """Return the names of the files in it, sorted; none if it cannot be listed."""

    def paths_below(self) -> Iterator[str]:
        """Yield the paths of the files in it and in the folders below it, relative to it, in any order."""

    def open(self, name: str) -> SidecarFile | None:
        """Open a file in it by its name; None if there is none. Raises UnreadableMedia if it cannot be opened."""


SidecarFolders = Sequence[SidecarFolder]
"""The folder of a media file, and the folders above it that the user named with it, the nearest first."""
