"""A file to what is kept of it: joins ingest and the fingerprints."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from mediafp.fingerprints.frames import DUPLICATE_FRAME_COSINE, MIN_FRAME_STD
from mediafp.fingerprints.reference_crops import fingerprint_reference_crops, reference_crops_version
from mediafp.fingerprints.registry import fingerprint_type
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.ingest.cpu_budget import CPU_LIMIT_MESSAGE, BudgetCheck, unlimited
from mediafp.ingest.files import OpenFile
from mediafp.ingest.limits import MAX_THUMBNAIL_BYTES
from mediafp.ingest.open_media import open_media
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.text.ocr.reader import get_ocr_reader, ocr_version
from mediafp.text.speech.transcriber import get_transcriber
from mediafp.types.errors import NotMedia, TooLargeMedia
from mediafp.types.fingerprints import REFERENCE_CROPS, Fingerprint
from mediafp.types.matches import OcrResult
from mediafp.types.media import Asset, Audio, DecodedMedia, Frame, Kind, Pixels, Thumbnail
from mediafp.types.runs import FileAnalysis, SpeechOptions
from mediafp.types.transcripts import TranscribedAudio

THUMBNAIL_SIDE: Final = 512
"""Longest side, pixels, of a picture's kept thumbnail; placement works on it."""
FRAME_THUMBNAIL_SIDE: Final = 320
"""Longest side, pixels, of a kept video frame's thumbnail."""
SEARCH_TYPE = "sscd_distilled"
STORED_TYPES = (SEARCH_TYPE, "pdq")
"""The types that ingest computes; the first one finds candidates and folds alike frames."""
DECODING_VERSION = "2"
"""The version of how files are decoded and sampled; raise it when the same bytes give other rows."""
BATCH_FRAMES = 16


def fingerprint_versions(kind: Kind, *, crops: bool) -> dict[str, str]:
    """The version of every type that ingest computes of a picture, with its crops or without, or of a video."""
    made = {name: fingerprint_type(name).version for name in STORED_TYPES}
    return made | (
        {REFERENCE_CROPS: reference_crops_version(fingerprint_type(SEARCH_TYPE))} if crops and kind == "image" else {}
    )


def analysis_version(*, crops: bool) -> str:
    """The version of all that reading decides; a file that was taken in by another one is looked at again."""
    return ";".join(
        (
            DECODING_VERSION,
            *(f"{name}={version}" for name, version in fingerprint_versions("image", crops=crops).items()),
        )
    )


def analyse_file(
    file: OpenFile,
    sha256: str,
    *,
    full_decode: bool = False,
    audio: bool = False,
    crops: bool = False,
    text: bool = False,
    within_budget: BudgetCheck = unlimited,
) -> FileAnalysis | None:
    """The file's asset, fingerprints and thumbnails, and with `text` what stands in a picture.

    None where it is not media at all. Raises MediaError.
    """
    media = open_media(file, full_decode=full_decode, audio=audio, within_budget=within_budget)
    if media is None:
        return None
    try:
        reading = _fingerprint(media, sha256, file.bytes, crops=crops)
        if not text or reading.image is None:
            return reading
        written, warnings = _written(reading.image, media, within_budget)
        return replace(reading, text=written, warnings=(*reading.warnings, *warnings))
    except MemoryError as error:
        raise TooLargeMedia(f"{file.name}: there is not enough memory to decode it") from error


def run_ocr(file: OpenFile, *, within_budget: BudgetCheck = unlimited) -> tuple[OcrResult, list[str]]:
    """What stands in a picture, and warnings. Raises MediaError."""
    media = open_media(file, within_budget=within_budget)
    if media is None or media.kind != "image":
        raise NotMedia(f"{file.name!r} is no picture")
    return _written(next(media.frames).pixels, media, within_budget)


def _written(image: Pixels, media: DecodedMedia, within_budget: BudgetCheck) -> tuple[OcrResult, list[str]]:
    size = int(media.properties["width"] or 0), int(media.properties["height"] or 0)
    lines, whole = get_ocr_reader().read(image, size, lambda: within_budget(0.0))
    warnings = [] if whole else [f"only the {len(lines)} largest lines of text in it were read: {CPU_LIMIT_MESSAGE}"]
    return OcrResult(version=ocr_version(), lines=lines), warnings


def _fingerprint(media: DecodedMedia, sha256: str, size: int, *, crops: bool) -> FileAnalysis:
    video = media.kind == "video"
    types = [fingerprint_type(name) for name in STORED_TYPES]
    spans: list[tuple[float, float]] = []
    rows: dict[str, list[tuple[npt.NDArray[np.generic], npt.NDArray[np.float32]]]] = {name: [] for name in STORED_TYPES}
    thumbnails: list[Thumbnail] = []
    first: Pixels | None = None
    last: npt.NDArray[np.float32] | None = None
    seen = kept_bytes = 0
    end, cut = 0.0, False
    for batch in _batches(media):
        if kept_bytes > MAX_THUMBNAIL_BYTES:
            # The sound goes on.
            cut = True
            continue
        seen += len(batch)
        if first is None and not video:
            first = batch[0].pixels
        kept = [f for f in batch if not video or _spread(f.pixels) >= MIN_FRAME_STD]
        vectors, quality = types[0].extract([frame.pixels for frame in kept])
        chosen: list[int] = []
        for n, frame in enumerate(kept):
            row = vectors[n].astype(np.float32)
            # A run goes on only where no dropped frame lies between.
            if (
                video
                and last is not None
                and float(row @ last) >= DUPLICATE_FRAME_COSINE
                and frame.start - spans[-1][1] < 1e-3
            ):
                spans[-1] = (spans[-1][0], frame.end)
                continue
            last = row
            chosen.append(n)
            side = FRAME_THUMBNAIL_SIDE if video else THUMBNAIL_SIDE
            jpeg = encode_thumbnail(frame.pixels, side)
            thumbnails.append(Thumbnail(position=len(spans), seconds=frame.start, jpeg=jpeg))
            kept_bytes += len(jpeg)
            spans.append((frame.start, frame.end))
        rows[types[0].name].append((vectors[chosen], quality[chosen]))
        for kind in types[1:]:
            rows[kind.name].append(kind.extract([kept[n].pixels for n in chosen]))
        end = batch[-1].end
    warnings = list(media.warnings)
    if cut:
        warnings.append(
            f"of the pictures only the first {end:.0f} s were kept: the limit is {MAX_THUMBNAIL_BYTES >> 20} MiB of them"
        )
    if video and seen and not spans:
        warnings.append("every frame is flat (one colour); the video cannot be matched by its pictures")
    times = np.array(spans, np.float64).reshape(-1, 2)
    fingerprints = []
    for kind in types:
        parts = rows[kind.name] or [kind.extract([])]
        fingerprints.append(
            Fingerprint(
                sha256=sha256,
                type=kind.name,
                version=kind.version,
                spans=times.copy(),
                vectors=np.concatenate([part[0] for part in parts]).reshape(-1, kind.columns),
                quality=np.concatenate([part[1] for part in parts]),
            )
        )
    properties = {**media.properties, "frames_sampled": seen} if video else media.properties
    return FileAnalysis(
        asset=Asset(sha256=sha256, kind=media.kind, bytes=size, properties=properties),
        fingerprints=tuple(fingerprints),
        thumbnails=tuple(thumbnails),
        warnings=tuple(warnings),
        image=first,
        audio=media.audio,
        crops=fingerprint_reference_crops(sha256, first, types[0]) if crops and first is not None else None,
    )


def _batches(media: DecodedMedia) -> Iterator[list[Frame]]:
    batch: list[Frame] = []
    for frame in media.frames:
        batch.append(frame)
        if len(batch) == BATCH_FRAMES:
            yield batch
            batch = []
    if batch:
        yield batch


def _spread(image: Pixels) -> float:
    return float(image[::4, ::4].mean(axis=2, dtype=np.float32).std())


def transcribe_audio(
    audio: Audio | None, speech: SpeechOptions, *, on_progress: Callable[[float], object] = lambda share: None
) -> TranscribedAudio:
    """What is said in a sound; `step` is told the share that is done. Raises ModelError."""
    if audio is None:
        return TranscribedAudio(audio_sha256="")
    reader, sha256 = get_transcriber(speech), audio.sha256
    said = reader.transcribe(audio, on_progress=on_progress)
    return TranscribedAudio(
        audio_sha256=sha256,
        transcript=said,
        fingerprint=fingerprint_transcript(sha256, said),
        model_rank=reader.model.rank,
    )
