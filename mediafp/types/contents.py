"""The invariants of what is stored of an asset, on which all later code relies.

They are stated here alone. The worker checks its own results, the engine checks what workers send, the readers of a store
leave out what breaks them, and `verify` names it. Every function raises ValueError with the reason.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mediafp.types.fingerprint_types import FingerprintDeclaration, check_rows
from mediafp.types.fingerprints import Fingerprint, TimedRows, Vectors
from mediafp.types.jpeg import thumbnail_size
from mediafp.types.matches import Point, TextLine
from mediafp.types.media import MAX_TRACK_NUMBER, Asset, Kind
from mediafp.types.pages import Page
from mediafp.types.sightings import Clue
from mediafp.types.transcripts import Transcript, TranscriptSegment
from mediafp.types.video_text import VideoTextLine

if TYPE_CHECKING:
    from mediafp.types.arrays import Float64Array

MAX_SECONDS: Final = 1e9
"""Greatest time and duration, seconds. Chosen: an animation of 5,000 frames may last 432 million, and times stay exact to a
tenth of a microsecond."""
MAX_AUDIO_EXTENT: Final = 14_460.0
"""Seconds from the first to the last row of an audio track: it has four hours at most (`ingest.limits`). Chosen, not measured."""
MAX_SPAN_OVERLAP_SECONDS: Final = 1e-3
"""Overlap of a row with the one before that rounding may cause, seconds. Chosen, not measured."""
MAX_ASSET_PIXELS: Final[dict[Kind, int]] = {"image": 120_000_000, "video": 144_000_000}
"""Greatest product of width and height: that of the largest image, and of the largest video frame with its pixels made
square."""
MAX_ASSET_ROWS: Final[dict[Kind, int]] = {"image": 128, "video": 36_000}
"""Greatest number of kept frames, and thereby of their rows and thumbnails; of an image 64 pages, and 64 sections and further
renderings of them."""
MAX_PROPERTIES: Final = 32
"""Properties of one asset. Chosen, not measured."""
PROPERTY_CHARS: Final = 4_000
"""Characters in the name of a property, or in its text. Chosen: the 128 rows of an image with their sizes have fewer."""
MAX_PROPERTY_NUMBER: Final = 1 << 53
"""Greatest whole number of a property: larger ones are not exact in JSON."""
MAX_FPS: Final = 480.0
"""Greatest frame rate that a video may state, frames per second."""
MAX_WARNINGS: Final = 200
"""Warnings of one file that are kept. Chosen, not measured."""
WARNING_CHARS: Final = 2_000
"""Characters of a warning, an error message or a line of text that are kept. Chosen, not measured."""
MAX_CLUES: Final = 64
"""Clues in the content of one file that are kept. Chosen, not measured."""
CLUE_CHARS: Final = 500
"""Characters of a clue's value that are kept. Chosen, not measured."""
CLUE_NAME_CHARS: Final = 80
"""Characters of the kind and of the source of a clue. Chosen, not measured."""
MAX_OCR_LINES: Final = 1_000
"""Lines of text in one image that are kept. Chosen, not measured."""
MAX_VIDEO_TEXT_LINES: Final = 10_000
"""Lines of text on screen in one video that are kept: three hours of subtitles that change every second. Chosen, not
measured."""
VIDEO_TEXT_CHARS: Final = 300
"""Characters of a line of text on screen that are kept; the recogniser returns at most 240. Chosen, not measured."""
DURATION_TOLERANCE_SECONDS: Final = 2.0
"""Seconds by which a line of text on screen may outlast its video, whose duration is stated by the file. Chosen, not
measured."""
MAX_COORDINATE: Final = float(1 << 28)
"""Greatest coordinate of a line of text, pixels: more than the longest side of any image that is decoded."""
MAX_SEGMENT_CHARS: Final = 1 << 20
"""Characters of one transcript segment, which lasts less than a minute. Chosen, not measured."""
ASPECT_TOLERANCE_PIXELS: Final = 2.0
"""Pixels by which a side of an image's thumbnail may differ from the image's shape: it is rounded when the image is decoded
at reduced scale, and when the thumbnail is made."""
PROBABILITY_TOLERANCE: Final = 1e-3
"""Amount by which rounding may put a probability outside 0..1. Chosen, not measured."""
_NOT_TEXT: Final = re.compile("[\0\ud800-\udfff]")
"""NUL, at which C libraries end a text, and lone surrogates, which cannot be encoded."""
_NAMED_PROPERTIES: Final[Mapping[str, tuple[type, ...]]] = {
    "format": (str,),
    "codec": (str, type(None)),
    "width": (int, type(None)),
    "height": (int, type(None)),
    "fps": (int, float, type(None)),
    "duration": (int, float, type(None)),
    "has_sound": (bool,),
    "frames": (int,),
    "frames_sampled": (int,),
    "pages": (str,),
}
"""Types of the properties that later code reads or prints. Others may have any of the five types."""


def check_text(text: object, max_chars: int, name: str) -> None:
    """Check that a value is text of limited length without lone surrogates and NUL characters."""
    if not isinstance(text, str) or len(text) > max_chars:
        raise ValueError(f"{name} is not a text of up to {max_chars} characters")
    if _NOT_TEXT.search(text):
        raise ValueError(f"{name} contains characters that no text has")


def check_clue(clue: Clue) -> None:
    """Check a clue in the content of a file."""
    check_text(clue.kind, CLUE_NAME_CHARS, "the kind of a clue")
    check_text(clue.value, CLUE_CHARS, "the value of a clue")
    check_text(clue.source, CLUE_NAME_CHARS, "the source of a clue")
    if clue.trust not in ("high", "medium", "low"):
        raise ValueError(f"the trust of a clue is {clue.trust!r}")


def check_time(seconds: object, name: str) -> None:
    """Check that a value is a time that a file can have."""
    if type(seconds) not in (int, float) or not abs(seconds) <= MAX_SECONDS:  # type: ignore[arg-type]
        raise ValueError(f"{name} is not a time of up to {MAX_SECONDS:.0f} s")


def check_asset(asset: Asset) -> None:
    """Check the properties of an asset."""
    properties = asset.properties
    if not isinstance(properties, Mapping) or len(properties) > MAX_PROPERTIES:
        raise ValueError(f"the properties are no table of up to {MAX_PROPERTIES}")
    for name, value in properties.items():
        _check_property(name, value)
    width, height = (properties.get(side) for side in ("width", "height"))
    if asset.kind == "image" and not (width and height):
        raise ValueError(f"an image of {width} x {height} pixels")
    # A bool is an int for `isinstance`, and NaN fails every comparison.
    sides = [side for side in (width, height) if side is not None]
    if len(sides) == 1 or any(side < 0 for side in sides) or math.prod(sides or [0]) > MAX_ASSET_PIXELS[asset.kind]:  # type: ignore[operator]
        raise ValueError(f"{width} x {height} pixels; the limit is {MAX_ASSET_PIXELS[asset.kind]}")
    for name, limit in (("duration", MAX_SECONDS), ("fps", MAX_FPS), ("frames_sampled", MAX_ASSET_ROWS["video"])):
        value = properties.get(name)
        if value is not None and not 0 <= float(value) <= limit:
            raise ValueError(f"the property {name} is {value}, not a number from 0 to {limit:.0f}")
    if "pages" in properties:
        _check_pages(asset)


def _check_pages(asset: Asset) -> None:
    pages, limit = asset.pages, MAX_ASSET_PIXELS["image"]
    if asset.kind != "image" or "frames" in asset.properties or not 1 < len(pages) <= MAX_ASSET_ROWS["image"]:
        raise ValueError(f"{len(pages)} pages of {asset.kind} {asset.sha256}")
    if pages[0] != Page(number=1, size=asset.size) or any(math.prod(page.size) > limit for page in pages):
        raise ValueError("pages whose sizes no image has")


def _check_property(name: str, value: object) -> None:
    check_text(name, PROPERTY_CHARS, "the name of a property")
    if isinstance(value, str):
        check_text(value, PROPERTY_CHARS, f"the property {name}")
    types = _NAMED_PROPERTIES.get(name, (str, int, float, bool, type(None)))
    if type(value) not in types:
        raise ValueError(f"the property {name} is of type {type(value).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"the property {name} is not finite")
    if isinstance(value, int) and abs(value) > MAX_PROPERTY_NUMBER:
        raise ValueError(f"the property {name} is above {MAX_PROPERTY_NUMBER}")


def check_spans(asset: Asset, spans: "Float64Array") -> None:
    """Check the spans (N, 2) of the kept frames of an asset: their number, and that they follow each other in time."""
    import numpy as np

    _check_frame_count(asset, len(spans))
    if asset.kind == "image" and "frames" not in asset.properties and spans.any():
        raise ValueError("a still image with times")
    if not (np.abs(spans) <= MAX_SECONDS).all():
        raise ValueError(f"a span beyond {MAX_SECONDS:.0f} s")
    if (spans[:, 1] < spans[:, 0]).any():
        raise ValueError("a span that ends before it starts")
    if (spans[1:, 0] < spans[:-1, 1] - MAX_SPAN_OVERLAP_SECONDS).any():
        raise ValueError("spans that overlap or are not in order")


def _check_frame_count(asset: Asset, count: int) -> None:
    limit = MAX_ASSET_ROWS[asset.kind]
    if count > limit:
        raise ValueError(f"{count} frames, more than {limit}")
    if asset.kind == "image" and not count:
        raise ValueError("an image without a frame")
    if asset.kind == "image" and "frames" not in asset.properties and count != len(asset.pages):
        # Older versions kept animations as images, with their frames.
        raise ValueError(f"{count} frames of an image of {len(asset.pages)} pages")
    if count and not all(asset.size):
        raise ValueError("frames of a video without a size")


def check_fingerprint(asset: Asset, declaration: FingerprintDeclaration, fingerprint: Fingerprint) -> None:
    """Check one fingerprint of an asset against its type."""
    check_rows(declaration, TimedRows(fingerprint.spans, fingerprint.vectors, fingerprint.quality))
    if declaration.consumes == "frames":
        check_spans(asset, fingerprint.spans)
    elif not (abs(fingerprint.spans) <= MAX_SECONDS).all():
        raise ValueError(f"a span beyond {MAX_SECONDS:.0f} s")
    else:
        _check_own_spans(declaration, fingerprint)


def check_fingerprints(declaration: FingerprintDeclaration, owned: Sequence[tuple[Asset, Fingerprint]]) -> None:
    """Check fingerprints of one type at once, each with its asset, as `check_fingerprint` does one by one.

    An error does not state which one is damaged.
    """
    import numpy as np

    if not owned:
        return
    fingerprints = [fingerprint for _, fingerprint in owned]
    spans = np.concatenate([fingerprint.spans for fingerprint in fingerprints])
    vectors: Vectors = np.concatenate([fingerprint.vectors for fingerprint in fingerprints])
    quality = np.concatenate([fingerprint.quality for fingerprint in fingerprints])
    check_rows(replace(declaration, max_rows=None), TimedRows(spans, vectors, quality))
    if not (np.abs(spans) <= MAX_SECONDS).all():
        raise ValueError(f"a span beyond {MAX_SECONDS:.0f} s")
    for asset, fingerprint in owned:
        count = len(fingerprint.vectors)
        if declaration.max_rows is not None and count > declaration.max_rows:
            raise ValueError(f"{count} rows, more than {declaration.max_rows}")
        if declaration.consumes == "frames":
            _check_frame_count(asset, count)
            if count > 1 or asset.kind == "video" or fingerprint.spans.any():
                check_spans(asset, fingerprint.spans)
        else:
            _check_own_spans(declaration, fingerprint)


def _check_own_spans(declaration: FingerprintDeclaration, fingerprint: Fingerprint) -> None:
    """Check the spans of rows that are not those of frames."""
    spans = fingerprint.spans
    if declaration.consumes == "track" and (spans[1:, 0] < spans[:-1, 1] - MAX_SPAN_OVERLAP_SECONDS).any():
        raise ValueError("spans of a frame track that overlap or are not in order")
    # What lies between rows is filled in when two audio tracks are compared.
    if declaration.consumes == "audio" and len(spans) and float(spans.max() - spans.min()) > MAX_AUDIO_EXTENT:
        raise ValueError(f"rows of an audio track that last longer than {MAX_AUDIO_EXTENT:.0f} s")


def check_thumbnail(asset: Asset, row: int, jpeg: bytes) -> None:
    """Check the thumbnail of one row of an asset by its header: its form and size, and for an image its shape."""
    size = thumbnail_size(jpeg)
    if asset.kind == "image":
        row_size = asset.row_size(row)
        scale = max(size) / max(row_size)
        if any(
            abs(side - max(1.0, original * scale)) > ASPECT_TOLERANCE_PIXELS
            for side, original in zip(size, row_size, strict=True)
        ):
            raise ValueError(f"a thumbnail of {size[0]} x {size[1]} pixels of an image of another shape")


def check_warnings(warnings: object) -> None:
    """Check the warnings of an asset."""
    if not isinstance(warnings, Sequence) or isinstance(warnings, str) or len(warnings) > MAX_WARNINGS:
        raise ValueError(f"the warnings are no list of up to {MAX_WARNINGS}")
    for warning in warnings:
        check_text(warning, WARNING_CHARS, "a warning")


def check_text_lines(lines: Sequence[TextLine]) -> None:
    """Check the text in an image."""
    if len(lines) > MAX_OCR_LINES:
        raise ValueError(f"{len(lines)} lines of text, more than {MAX_OCR_LINES}")
    for line in lines:
        check_text(line.text, WARNING_CHARS, "a line of text")
        _check_line(line.confidence, line.box)


def _check_line(confidence: float, box: Sequence[Point]) -> None:
    if not 0 <= confidence <= 1:
        raise ValueError("a line of text with a confidence outside 0..1")
    if len(box) != 4 or not all(abs(value) <= MAX_COORDINATE for corner in box for value in corner):
        raise ValueError("a line of text with a corner out of range")


def check_video_text(lines: Sequence[VideoTextLine], asset: Asset | None = None) -> None:
    """Check the text on screen of a video; with the asset, that it is shown within the video's duration."""
    if len(lines) > MAX_VIDEO_TEXT_LINES:
        raise ValueError(f"{len(lines)} lines of text on screen, more than {MAX_VIDEO_TEXT_LINES}")
    duration = asset.properties.get("duration") if asset else None
    end = MAX_SECONDS if duration is None else float(duration) + DURATION_TOLERANCE_SECONDS
    for line in lines:
        check_text(line.text, VIDEO_TEXT_CHARS, "a line of text on screen")
        _check_line(line.confidence, line.box)
        for seconds in (line.start, line.end):
            check_time(seconds, "a time of a line of text on screen")
        if not 0 <= line.start <= line.end <= end:
            raise ValueError(f"a line of text on screen from {line.start} to {line.end} s of {end:.0f} s")


def check_transcript(transcript: Transcript) -> None:
    """Check a transcript."""
    for name in ("duration", "speech_seconds", "untranscribed_seconds"):
        check_time(getattr(transcript, name), f"the {name}")
    for name in ("model", "version"):
        if not isinstance(getattr(transcript, name), str):
            raise ValueError(f"the {name} is no text")
    for segment in transcript.segments:
        _check_segment(segment)


def _check_segment(segment: TranscriptSegment) -> None:
    for seconds in (segment.start, segment.end, *(time for span in segment.token_times for time in span)):
        check_time(seconds, "a time of a segment")
    for text in (segment.language, segment.text, *segment.flags):
        # Whisper may end a text in half a character, which is a lone surrogate then.
        if not isinstance(text, str) or len(text) > MAX_SEGMENT_CHARS:
            raise ValueError(f"a text of a segment is no text of up to {MAX_SEGMENT_CHARS} characters")
    for probability in (segment.language_probability, *segment.token_probabilities):
        if type(probability) not in (int, float) or not abs(probability - 0.5) <= 0.5 + PROBABILITY_TOLERANCE:
            raise ValueError("a segment with a probability outside 0..1")
    if type(segment.track) is not int or not 0 <= segment.track <= MAX_TRACK_NUMBER:
        raise ValueError("a segment of no audio track")
    if segment.channel is not None and (type(segment.channel) is not int or segment.channel < 0):
        raise ValueError("a segment of no channel")
