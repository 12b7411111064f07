"""Analysis of one file: decoding, fingerprints and OCR. A worker alone imports this module, since it decodes files."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, overload

import numpy as np

from mediafp.fingerprints.frames import FrameSelector
from mediafp.fingerprints.registry import SEARCH_TYPE, computed_types, frame_type
from mediafp.ingest.cpu_budget import CPU_LIMIT_MESSAGE, BudgetCheck, unlimited
from mediafp.ingest.files import OpenFile
from mediafp.ingest.limits import MAX_THUMBNAIL_BYTES
from mediafp.ingest.open_media import open_media
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.text.ocr.reader import get_ocr_reader, ocr_version
from mediafp.text.ocr.video_text import VideoTextReader
from mediafp.types.arrays import Float32Array
from mediafp.types.contents import check_asset, check_spans, check_time
from mediafp.types.errors import CorruptMedia, NotMedia, TooLargeMedia
from mediafp.types.fingerprint_types import AnyFingerprintType, AudioFingerprintType, no_rows
from mediafp.types.fingerprints import Fingerprint, TimedRows, Vectors
from mediafp.types.jpeg import MAX_THUMBNAIL_SIDE
from mediafp.types.matches import OcrResult
from mediafp.types.media import Asset, Audio, DecodedMedia, Frame, Pixels, Thumbnail, TimeSpan
from mediafp.types.runs import FileAnalysis
from mediafp.types.video_text import VideoText

MIN_AUDIO_LEVEL: Final = 33
"""Level (0..32767) that audio must reach in some sample, or else it is silent: -60 decibels. Chosen, not measured."""
BATCH_FRAMES = 16
"""Frames that are held in memory and fingerprinted at once. Chosen, not measured."""


def analyse_file(
    file: OpenFile,
    sha256: str,
    *,
    full_decode: bool = False,
    reference_crops: bool = False,
    ocr: bool = False,
    matched_only: bool = False,
    audio: bool = False,
    within_budget: BudgetCheck = unlimited,
) -> FileAnalysis | None:
    """Return the asset, fingerprints and thumbnails of a file; None if it is not media.

    Args:
        file: The open file.
        sha256: SHA-256 of its content.
        full_decode: Decode every frame of a video.
        reference_crops: Compute the reference crops and rectangles of an image.
        ocr: Run OCR on an image, or on the frames of a video unless `matched_only`.
        matched_only: Compute only the fingerprint types that matching compares.
        audio: Return the audio of a video as it is transcribed.
        within_budget: Checked while decoding; decoding ends early if it returns False.

    Raises:
        MediaError: The file cannot be decoded.
    """
    media = open_media(
        file, full_decode=full_decode, audio=True, detail=ocr and not matched_only, within_budget=within_budget
    )
    if media is None:
        return None
    try:
        types = computed_types(media.kind, reference_crops=reference_crops, matched_only=matched_only)
        # No match depends on the text on screen of a query.
        reader = VideoTextReader(within_budget) if ocr and media.kind == "video" and not matched_only else None
        if reader:
            media.frames = _read_text(media.frames, media, reader)
        analysis = _fingerprint(media, sha256, file.bytes, types)
        if audio and media.kind == "video":
            analysis = _with_audio(analysis, file, media, within_budget)
        if reader:
            video_text, warnings = reader.finish()
            return replace(analysis, video_text=video_text, warnings=(*analysis.warnings, *warnings))
        if not ocr or analysis.image is None:
            return analysis
        text, warnings = _run_ocr(analysis.image, media, within_budget)
        return replace(analysis, text=text, warnings=(*analysis.warnings, *warnings))
    except MemoryError as error:
        raise TooLargeMedia(f"{file.name}: there is not enough memory to decode it") from error


def run_ocr(file: OpenFile, *, within_budget: BudgetCheck = unlimited) -> tuple[OcrResult, list[str]]:
    """Return the text in an image, and warnings.

    Raises:
        MediaError: The file is not an image, or cannot be decoded.
    """
    media = open_media(file, within_budget=within_budget)
    if media is None or media.kind != "image":
        raise NotMedia(f"cannot run OCR on {file.name!r}: it is not an image; choose an image")
    return _run_ocr(next(media.frames).pixels, media, within_budget)


def read_video_text(file: OpenFile, *, within_budget: BudgetCheck = unlimited) -> tuple[VideoText, list[str]]:
    """Return the text on screen of a video, and warnings.

    Raises:
        MediaError: The file is not a video, or cannot be decoded.
    """
    media = open_media(file, detail=True, within_budget=within_budget)
    if media is None or media.kind != "video":
        raise NotMedia(f"cannot read the text on screen of {file.name!r}: it is not a video; choose a video")
    reader = VideoTextReader(within_budget)
    for _ in _read_text(media.frames, media, reader):
        pass
    return reader.finish()


def _read_text(frames: Iterator[Frame], media: DecodedMedia, reader: VideoTextReader) -> Iterator[Frame]:
    """Yield the frames of a video, each after its text was read, without their details."""
    for frame in frames:
        reader.add(frame, (int(media.properties["width"] or 0), int(media.properties["height"] or 0)))
        yield replace(frame, detail=None)


def _run_ocr(image: Pixels, media: DecodedMedia, within_budget: BudgetCheck) -> tuple[OcrResult, list[str]]:
    size = int(media.properties["width"] or 0), int(media.properties["height"] or 0)
    lines, is_complete = get_ocr_reader().read(image, size, lambda: within_budget(0.0))
    warnings = [] if is_complete else [f"skipped all but the {len(lines)} largest lines of text: {CPU_LIMIT_MESSAGE}"]
    return OcrResult(version=ocr_version(), lines=lines), warnings


def _fingerprint(media: DecodedMedia, sha256: str, size: int, types: Sequence[AnyFingerprintType]) -> FileAnalysis:
    """Return the analysis of decoded media with fingerprints of these types, without OCR."""
    is_video = media.kind == "video"
    selector = FrameSelector(frame_type(SEARCH_TYPE), is_video=is_video)
    parts: dict[str, list[tuple[Vectors, Float32Array]]] = {fingerprint_type.name: [] for fingerprint_type in types}
    thumbnails: list[Thumbnail] = []
    first: Pixels | None = None
    sampled = thumbnail_bytes = 0
    end, truncated = 0.0, False
    for batch in _batches(media):
        if thumbnail_bytes > MAX_THUMBNAIL_BYTES:
            # Decoding goes on for the audio.
            truncated = True
            continue
        sampled += len(batch)
        if first is None and not is_video:
            first = batch[0].pixels
        frames, vectors, quality = selector.select(batch)
        for frame in frames:
            jpeg = encode_thumbnail(frame.pixels, MAX_THUMBNAIL_SIDE)
            thumbnails.append(Thumbnail(position=len(thumbnails), seconds=frame.start, jpeg=jpeg))
            thumbnail_bytes += len(jpeg)
        for fingerprint_type in types:
            if fingerprint_type.name == SEARCH_TYPE:
                parts[fingerprint_type.name].append((vectors, quality))
            elif fingerprint_type.consumes == "frames":
                parts[fingerprint_type.name].append(fingerprint_type.extract([frame.pixels for frame in frames]))
        end = batch[-1].end
    warnings = list(media.warnings)
    if truncated:
        warnings.append(
            f"skipped the frames after {end:.0f} s: the limit is {MAX_THUMBNAIL_BYTES >> 20} MiB of thumbnails"
        )
    if is_video and sampled and not selector.spans:
        warnings.append("skipped all frames: each is of one colour, so that the video cannot be matched by its frames")
    warnings += _silence_warnings(media)
    rows = (
        _rows(fingerprint_type, parts[fingerprint_type.name], selector.spans, first, thumbnails, media)
        for fingerprint_type in types
    )
    asset = Asset(
        sha256=sha256,
        kind=media.kind,
        bytes=size,
        properties={**media.properties, "frames_sampled": sampled} if is_video else media.properties,
    )
    _check_statements(asset, selector.spans, media)
    return FileAnalysis(
        asset=asset,
        fingerprints=tuple(
            Fingerprint(
                sha256=sha256, type=fingerprint_type.name, version=fingerprint_type.version, **computed._asdict()
            )
            for fingerprint_type, computed in zip(types, rows, strict=True)
        ),
        thumbnails=tuple(thumbnails),
        warnings=tuple(warnings),
        image=first,
        clues=tuple(media.clues),
    )


def _check_statements(asset: Asset, spans: Sequence[TimeSpan], media: DecodedMedia) -> None:
    """Raise CorruptMedia if the size or a time of a file is one that no file has."""
    try:
        check_asset(asset)
        check_spans(asset, np.array(spans, np.float64).reshape(-1, 2))
        for track in _audio_tracks(media):
            check_time(track.start, "the start of the audio")
    except ValueError as error:
        raise CorruptMedia(f"cannot use what the file states: {error}; convert it first") from error


def _with_audio(
    analysis: FileAnalysis, file: OpenFile, media: DecodedMedia, within_budget: BudgetCheck
) -> FileAnalysis:
    """Return an analysis with the audio as it is transcribed."""
    # Loads PyAV, which a worker for images does without.
    from mediafp.ingest.speech_audio import separate_channels

    warnings: list[str] = []
    tracks = [*media.audio_tracks, *media.further_audio_tracks]
    separated = separate_channels(file, tracks, media.differing_tracks, warnings, within_budget)
    return replace(analysis, audio=tuple(separated), warnings=(*analysis.warnings, *warnings))


def _audio_tracks(media: DecodedMedia) -> list[Audio]:
    """Return the audio tracks of decoded media that are compared, in the order of the file."""
    return sorted([*media.audio_tracks, *media.further_audio_tracks], key=lambda audio: audio.track)


def _silence_warnings(media: DecodedMedia) -> list[str]:
    """Return a warning if there is audio, and all of it is silent, or one for each silent track."""
    tracks = _audio_tracks(media)
    silent = [audio.track + 1 for audio in tracks if _is_silent(audio)]
    if len(silent) == len(tracks):
        warning = "skipped the audio: it is silent, so that the video cannot be matched by it"
        return [warning] if tracks else []
    return [f"skipped audio track {number}: it is silent" for number in silent]


def _is_silent(audio: Audio) -> bool:
    return int(audio.samples.max(initial=0)) < MIN_AUDIO_LEVEL and int(audio.samples.min(initial=0)) > -MIN_AUDIO_LEVEL


def _rows(
    fingerprint_type: AnyFingerprintType,
    parts: Sequence[tuple[Vectors, Float32Array]],
    spans: Sequence[TimeSpan],
    image: Pixels | None,
    thumbnails: Sequence[Thumbnail],
    media: DecodedMedia,
) -> TimedRows:
    """Return the rows of one type: those of the kept frames, or those computed from what it consumes besides."""
    if fingerprint_type.consumes == "frames":
        parts = parts or [fingerprint_type.extract([])]
        vectors = np.concatenate([vectors for vectors, _ in parts]).reshape(-1, fingerprint_type.columns)
        quality = np.concatenate([quality for _, quality in parts])
        return TimedRows(np.array(spans, np.float64).reshape(-1, 2), vectors, quality)
    if fingerprint_type.consumes == "image" and image is not None:
        vectors, quality = fingerprint_type.extract(image)
        return TimedRows(np.zeros((len(vectors), 2)), vectors, quality)
    if fingerprint_type.consumes == "thumbnail" and thumbnails:
        vectors, quality = fingerprint_type.extract(decode_thumbnail(thumbnails[0].jpeg))
        return TimedRows(np.zeros((len(vectors), 2)), vectors, quality)
    if fingerprint_type.consumes == "frame_thumbnails" and thumbnails:
        return fingerprint_type.extract(_DecodedThumbnails(thumbnails), np.array(spans, np.float64).reshape(-1, 2))
    if fingerprint_type.consumes == "track" and media.frame_track is not None:
        return fingerprint_type.extract(media.frame_track)
    if fingerprint_type.consumes == "audio":
        return _audio_rows(fingerprint_type, _audio_tracks(media))
    return no_rows(fingerprint_type)


def _audio_rows(fingerprint_type: AudioFingerprintType, tracks: Sequence[Audio]) -> TimedRows:
    """Return the rows of the audio tracks one after the other; the last tracks are skipped if all have too many."""
    rows = [no_rows(fingerprint_type)]
    room = float("inf") if fingerprint_type.max_rows is None else fingerprint_type.max_rows
    for audio in tracks:
        found = fingerprint_type.extract(audio)
        room -= len(found.vectors)
        if room < 0 and len(rows) > 1:
            break
        rows.append(found)
    spans, vectors, quality = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    return TimedRows(spans, vectors, quality)


class _DecodedThumbnails(Sequence[Pixels]):
    """Thumbnails that are decoded each time they are asked for: those of a long video do not fit into memory."""

    def __init__(self, thumbnails: Sequence[Thumbnail]) -> None:
        self._thumbnails = thumbnails

    def __len__(self) -> int:
        return len(self._thumbnails)

    @overload
    def __getitem__(self, index: int) -> Pixels: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Pixels]: ...
    def __getitem__(self, index: int | slice) -> Pixels | Sequence[Pixels]:
        if isinstance(index, slice):
            return _DecodedThumbnails(self._thumbnails[index])
        return decode_thumbnail(self._thumbnails[index].jpeg)


def _batches(media: DecodedMedia) -> Iterator[list[Frame]]:
    batch: list[Frame] = []
    for frame in media.frames:
        batch.append(frame)
        if len(batch) == BATCH_FRAMES:
            yield batch
            batch = []
    if batch:
        yield batch
