"""Results of tasks as messages contain them."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from mediafp.engine.local.messages import (
    AnalysisResult,
    PackedAudio,
    PackedCapture,
    PackedClue,
    PackedFingerprint,
    PackedTextLine,
    PackedVideoTextLine,
    ThumbnailPart,
    truncate_texts,
)
from mediafp.fingerprints.registry import declaration
from mediafp.types.arrays import pack_arrays
from mediafp.types.contents import MAX_OCR_LINES, VIDEO_TEXT_CHARS
from mediafp.types.fingerprint_types import OWN_SPANS
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.matches import OcrResult
from mediafp.types.media import Audio, Thumbnail
from mediafp.types.runs import FileAnalysis
from mediafp.types.video_text import VideoText
from mediafp.types.web_captures import WebCapture

THUMBNAIL_PART_BYTES: Final = 1 << 20
"""Bytes of thumbnails from which on the next ones are sent in another message. Chosen, not measured."""


def pack_analysis(analysis: FileAnalysis, *, image: bool, cpu: float) -> AnalysisResult:
    """Return an analysis as a message, with its pixels only if `image`; the samples of its audio precede it."""
    frames = next(f for f in analysis.fingerprints if declaration(f.type).consumes == "frames")
    return AnalysisResult(
        kind=analysis.asset.kind,
        properties=dict(analysis.asset.properties),
        warnings=truncate_texts(analysis.warnings),
        spans=pack_arrays(frames.spans),
        fingerprints=[_pack_fingerprint(fingerprint) for fingerprint in analysis.fingerprints],
        image=pack_arrays(analysis.image) if image and analysis.image is not None else None,
        audio=pack_audio(analysis.audio),
        text=pack_lines(analysis.text) if analysis.text else None,
        video_text=pack_video_text(analysis.video_text) if analysis.video_text else None,
        clues=[PackedClue(clue.kind, clue.value, clue.source, clue.trust) for clue in analysis.clues],
        cpu=cpu,
    )


def pack_audio(audio: Iterable[Audio]) -> list[PackedAudio]:
    """Return what messages contain of audio besides its samples."""
    return [PackedAudio(len(one.samples), one.start, one.track, one.channel) for one in audio]


def pack_thumbnails(thumbnails: Iterable[Thumbnail]) -> Iterator[ThumbnailPart]:
    """Yield thumbnails as messages, in order."""
    part: list[bytes] = []
    for thumbnail in thumbnails:
        part.append(thumbnail.jpeg)
        if sum(map(len, part)) > THUMBNAIL_PART_BYTES:
            yield ThumbnailPart(jpegs=part)
            part = []
    if part:
        yield ThumbnailPart(jpegs=part)


def _pack_fingerprint(fingerprint: Fingerprint) -> PackedFingerprint:
    own_spans = [fingerprint.spans] if declaration(fingerprint.type).consumes in OWN_SPANS else []
    return PackedFingerprint(fingerprint.type, pack_arrays(*own_spans, fingerprint.vectors, fingerprint.quality))


def pack_lines(text: OcrResult) -> list[PackedTextLine]:
    """Return the first MAX_OCR_LINES lines of a text as messages contain them."""
    return [
        PackedTextLine(
            truncate_texts([line.text])[0], line.confidence, (*line.box[0], *line.box[1], *line.box[2], *line.box[3])
        )
        for line in text.lines[:MAX_OCR_LINES]
    ]


def pack_video_text(text: VideoText) -> list[PackedVideoTextLine]:
    """Return the lines of a text on screen as messages contain them."""
    return [
        PackedVideoTextLine(
            truncate_texts([line.text])[0][:VIDEO_TEXT_CHARS],
            line.start,
            line.end,
            line.confidence,
            (*line.box[0], *line.box[1], *line.box[2], *line.box[3]),
        )
        for line in text.lines
    ]


def pack_capture(capture: WebCapture) -> PackedCapture:
    """Return a capture as a message."""
    return PackedCapture(
        url=capture.url,
        captured_at=capture.captured_at,
        page_url=capture.page_url,
        page_title=capture.page_title,
        is_page_guessed=capture.is_page_guessed,
    )


def unpack_capture(packed: PackedCapture) -> WebCapture:
    """Return the capture in a message; raise ValueError if its time is none."""
    if packed.captured_at:
        datetime.fromisoformat(packed.captured_at)
    return WebCapture(
        url=packed.url,
        captured_at=packed.captured_at,
        page_url=packed.page_url,
        page_title=packed.page_title,
        is_page_guessed=packed.is_page_guessed,
    )
