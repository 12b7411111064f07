"""Checks of the results of workers.

A result that passes has values that some file could have given; one that an attacker forged may still be untrue. The
checks are a chain: `messages` decodes fixed types of limited length, `process` limits the length of messages, of thumbnails
and of audio, `pool` counts a ValueError as a crash of the worker, `engine` checks that the result is of the requested kind,
and this module that it keeps the invariants of `types.contents`, as `verify` does in the store.
"""

from collections.abc import Sequence
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from mediafp.engine.local.messages import (
    AnalysisResult,
    PackedAudio,
    PackedFingerprint,
    PackedTextLine,
    PackedVideoTextLine,
    Task,
    truncate_texts,
)
from mediafp.engine.local.thumbnail_file import FiledThumbnail, ThumbnailFile
from mediafp.fingerprints.registry import computed_types, declaration, fingerprint_type
from mediafp.text.ocr.reader import ocr_version
from mediafp.text.ocr.video_text import video_text_version
from mediafp.types.arrays import Float64Array, unpack_arrays
from mediafp.types.contents import (
    check_asset,
    check_clue,
    check_fingerprint,
    check_spans,
    check_text_lines,
    check_thumbnail,
    check_time,
    check_video_text,
)
from mediafp.types.fingerprint_types import OWN_SPANS
from mediafp.types.fingerprints import Fingerprint, TimedRows
from mediafp.types.matches import OcrResult, Point, TextLine
from mediafp.types.media import MAX_SPEECH_CHANNELS, Asset, Audio, Kind, Pixels, Thumbnail
from mediafp.types.runs import FileAnalysis
from mediafp.types.sightings import Clue
from mediafp.types.video_text import VideoText, VideoTextLine

MAX_IMAGE_SIDE: Final = 1 << 11
"""Longest side of the pixels of an image, which are shrunk to 1,024 to 2,047."""
MAX_TEXT_DISTANCE: Final = 1.0
"""Distance of a line of text from its image, in sides of the image. Chosen: a quad that is turned may leave the image by a
part of its height."""


def validate_analysis(
    result: AnalysisResult, thumbnails: ThumbnailFile, task: Task, kinds: Sequence[Kind], size: int
) -> FileAnalysis:
    """Return the analysis in a worker's result, without the audio.

    Args:
        result: The result.
        thumbnails: The thumbnails that preceded it.
        task: The task that was sent.
        kinds: Kinds that the file may have by its signature.
        size: Bytes of the file.

    Raises:
        ValueError: It is not what the task requests, or no file could have given it.
    """
    kind = result.kind
    if kind not in kinds:
        raise ValueError(f"kind {kind!r} of a file of kind {' or '.join(kinds)}")
    if (result.text is not None) != (task.ocr and kind == "image"):
        raise ValueError("OCR text that was not requested, or none")
    if (result.video_text is not None) != (task.ocr and kind == "video" and not task.matched_only):
        raise ValueError("text on screen that was not requested, or none")
    if (result.image is not None) != (task.image and kind == "image"):
        raise ValueError("pixels that were not requested, or none")
    if result.audio and not (task.audio and kind == "video"):
        raise ValueError("audio that was not requested")
    asset = Asset(sha256=task.sha256, kind=kind, bytes=size, properties=result.properties)
    check_asset(asset)
    spans = _unpack_spans(result.spans)
    check_spans(asset, spans)
    names = [
        stored.name
        for stored in computed_types(kind, reference_crops=task.reference_crops, matched_only=task.matched_only)
    ]
    if [packed.name for packed in result.fingerprints] != names:
        raise ValueError(f"fingerprints of other types than {', '.join(names)}")
    clues = tuple(Clue(kind=c.kind, value=c.value, source=c.source, trust=c.trust) for c in result.clues)
    for clue in clues:
        check_clue(clue)
    return FileAnalysis(
        asset=asset,
        fingerprints=tuple(_validate_fingerprint(packed, asset, spans) for packed in result.fingerprints),
        thumbnails=tuple(_validate_thumbnails(thumbnails, asset, spans)),
        warnings=tuple(truncate_texts(result.warnings)),
        image=_validate_image(result.image) if result.image is not None else None,
        text=validate_lines(result.text, asset.size) if result.text is not None else None,
        video_text=validate_video_text(result.video_text, asset) if result.video_text is not None else None,
        clues=clues,
    )


def map_audio(packed: Sequence[PackedAudio], samples: BinaryIO) -> list[Audio]:
    """Return audio whose samples were written to a file, one after the other; they are memory-mapped, not loaded.

    Raises:
        ValueError: The samples are not as many as stated, or no file could have this audio.
    """
    samples.flush()
    count = sum(one.samples for one in packed)
    if 2 * count != samples.tell():
        raise ValueError(f"{samples.tell()} bytes of audio for {count} samples")
    by_track: dict[int, list[int | None]] = {}
    for one in packed:
        by_track.setdefault(one.track, []).append(one.channel)
    if any(channels not in ([None], [*range(MAX_SPEECH_CHANNELS)]) for channels in by_track.values()):
        raise ValueError("audio that is neither all of a track nor each of its channels")
    found, position = [], 0
    for one in packed:
        mapped = np.memmap(samples, "<i2", mode="r", offset=position, shape=(one.samples,))
        audio = Audio(samples=mapped, start=one.start, track=one.track, channel=one.channel)
        check_time(one.start, "the start of the audio")
        check_time(one.start + audio.duration, "the end of the audio")
        found.append(audio)
        position += mapped.nbytes
    return found


def validate_lines(lines: Sequence[PackedTextLine], size: tuple[int, int] | None = None) -> OcrResult:
    """Return the text of an image.

    Args:
        lines: The lines.
        size: Width and height of the image in pixels, if they are known.

    Raises:
        ValueError: No image could have this text.
    """
    valid = [TextLine(text=line.text, box=_validate_box(line.box, size), confidence=line.confidence) for line in lines]
    check_text_lines(valid)
    return OcrResult(version=ocr_version(), lines=tuple(valid))


def validate_video_text(lines: Sequence[PackedVideoTextLine], asset: Asset | None = None) -> VideoText:
    """Return the text on screen of a video.

    Args:
        lines: The lines.
        asset: The video, if its properties are known.

    Raises:
        ValueError: No video could have this text.
    """
    valid = [
        VideoTextLine(
            text=line.text,
            start=line.start,
            end=line.end,
            box=_validate_box(line.box, asset.size if asset else None),
            confidence=line.confidence,
        )
        for line in lines
    ]
    check_video_text(valid, asset)
    return VideoText(version=video_text_version(), lines=tuple(valid))


def _validate_box(box: Sequence[float], size: tuple[int, int] | None) -> tuple[Point, ...]:
    """Return the corners of a line of text in an image of this size. Raises ValueError if they are far outside it."""
    corners = tuple(zip(box[::2], box[1::2], strict=True))
    if size and any(
        not -MAX_TEXT_DISTANCE * side <= value <= (1 + MAX_TEXT_DISTANCE) * side
        for corner in corners
        for value, side in zip(corner, size, strict=True)
    ):
        raise ValueError("a line of text outside its image")
    return corners


def _validate_fingerprint(packed: PackedFingerprint, asset: Asset, frame_spans: Float64Array) -> Fingerprint:
    """Return a fingerprint that is as its type declares it, with the spans of the kept frames if it has one row for each."""
    declared = declaration(packed.name)
    if declared.consumes in OWN_SPANS:
        spans, *rows = unpack_arrays(packed.data)
    elif declared.consumes == "frames":
        spans, rows = frame_spans.copy(), unpack_arrays(packed.data)
    else:
        rows = unpack_arrays(packed.data)
        # Arrays without values may state any number of rows.
        spans = np.zeros((len(rows[0]) if rows and rows[0].size and rows[0].ndim else 0, 2))
    if len(rows) != 2:
        raise ValueError(f"{packed.name}: {len(rows)} arrays")
    untyped: list[npt.NDArray[Any]] = [spans, *rows]
    if not all(array.ndim for array in untyped):
        raise ValueError(f"{packed.name}: an array without dimensions")
    version = fingerprint_type(packed.name).version
    fingerprint = Fingerprint(sha256=asset.sha256, type=packed.name, version=version, **TimedRows(*untyped)._asdict())
    check_fingerprint(asset, declared, fingerprint)
    return fingerprint


def _validate_thumbnails(thumbnails: ThumbnailFile, asset: Asset, spans: Float64Array) -> list[Thumbnail]:
    if len(thumbnails) != len(spans):
        raise ValueError(f"{len(thumbnails)} thumbnails of {len(spans)} frames")
    for number in range(len(thumbnails)):
        check_thumbnail(asset, number, thumbnails.read(number))
    return [FiledThumbnail(position=n, seconds=float(spans[n, 0]), file=thumbnails) for n in range(len(spans))]


def _validate_image(data: bytes) -> Pixels:
    (pixels,) = _unpack(data, np.uint8)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or not 0 < min(pixels.shape) <= max(pixels.shape) <= MAX_IMAGE_SIDE:
        raise ValueError(f"invalid image shape {pixels.shape}")
    return pixels


def _unpack_spans(data: bytes) -> Float64Array:
    (spans,) = _unpack(data, np.float64)
    if spans.ndim != 2 or spans.shape[1] != 2:
        raise ValueError("invalid spans")
    return spans


def _unpack(data: bytes, dtype: type[np.generic]) -> list[npt.NDArray[Any]]:
    """Return the packed arrays. Raises ValueError if one has another data type."""
    arrays: list[npt.NDArray[Any]] = list(unpack_arrays(data))
    if any(array.dtype != np.dtype(dtype) for array in arrays):
        raise ValueError(f"arrays that are not {dtype.__name__}")
    return arrays
