"""Text on screen: lines of text in the frames of a video, each with the time in which it is shown."""

from dataclasses import dataclass

from mediafp.types.matches import Point


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoTextLine:
    """Line of text in the frames of a video, in presentation seconds."""

    text: str
    """The text as it was read; several readings of one line are not joined, but the most confident one is kept."""
    start: float
    end: float
    box: tuple[Point, ...]
    """Four corners in pixels of the displayed frame."""
    confidence: float
    """Confidence of the recognition, 0..1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoText:
    """Lines of text that one version of the reader found in a video, by their start, and from top to bottom."""

    version: str
    lines: tuple[VideoTextLine, ...]
