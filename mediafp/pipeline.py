"""A file to what is kept of it: joins ingest and the fingerprints."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mediafp.errors import TooLargeMedia, UnreadableMedia
from mediafp.fingerprint import Fingerprint
from mediafp.fingerprints.registry import fingerprint_type
from mediafp.fingerprints.words import words_fingerprint
from mediafp.ingest.open import open_media
from mediafp.ingest.sidecars import read_sidecars
from mediafp.ingest.sound import read_sound
from mediafp.ingest.thumbnails import thumbnail
from mediafp.ingest.walk import sha256_of
from mediafp.media import Asset, Frame, Media, Pixels, Sighting, Sound
from mediafp.reading.speech import SpeechOptions, transcriber
from mediafp.settings import FLAT_STD, FOLD_COSINE, FRAME_THUMBNAIL_SIDE, THUMBNAIL_SIDE
from mediafp.store.records import Intake, Thumbnail
from mediafp.store.transcripts import Spoken

EMBEDDING = "sscd_distilled"
STORED = (EMBEDDING, "pdq")
"""The types that ingest computes; the first one finds candidates and folds alike frames."""
BATCH_FRAMES = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """One file, decoded and fingerprinted: all that ingest stores and that a query needs."""

    asset: Asset
    fingerprints: tuple[Fingerprint, ...]
    thumbnails: tuple[Thumbnail, ...]
    warnings: tuple[str, ...]
    picture: Pixels | None
    """The first picture of an image, full size; None of a video."""
    sound: Sound | None = None
    """The sound track of a video, where it was asked for."""

    def fingerprint(self, type: str) -> Fingerprint:
        """The rows of one type."""
        return next(f for f in self.fingerprints if f.type == type)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How to read files: every frame or what is cheap, sidecars or not, and how to listen (None: not at all)."""

    full_decode: bool = False
    sidecars: bool = True
    speech: SpeechOptions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """All that one file adds to a store; `spoken` is None where nobody listened."""

    intake: Intake
    spoken: Spoken | None


def read(path: Path, *, full_decode: bool = False, sound: bool = False) -> Reading | None:
    """The file's asset, fingerprints and thumbnails; None where it is not media at all. Raises MediaError."""
    sha256, size = sha256_of(path)
    media = open_media(path, full_decode=full_decode, sound=sound)
    if media is None:
        return None
    try:
        return _fingerprint(media, sha256, size)
    except MemoryError as error:
        raise TooLargeMedia(f"{path.name}: there is not enough memory to decode it") from error


def _fingerprint(media: Media, sha256: str, size: int) -> Reading:
    video = media.kind == "video"
    types = [fingerprint_type(name) for name in STORED]
    spans: list[tuple[float, float]] = []
    rows: dict[str, list[tuple[npt.NDArray[np.generic], npt.NDArray[np.float32]]]] = {name: [] for name in STORED}
    thumbnails: list[Thumbnail] = []
    first: Pixels | None = None
    last: npt.NDArray[np.float32] | None = None
    seen = 0
    for batch in _batches(media):
        seen += len(batch)
        if first is None and not video:
            first = batch[0].pixels
        kept = [f for f in batch if not video or _spread(f.pixels) >= FLAT_STD]
        vectors, quality = types[0].extract([frame.pixels for frame in kept])
        chosen: list[int] = []
        for n, frame in enumerate(kept):
            row = vectors[n].astype(np.float32)
            # A run goes on only where no dropped frame lies between.
            if video and last is not None and float(row @ last) >= FOLD_COSINE and frame.start - spans[-1][1] < 1e-3:
                spans[-1] = (spans[-1][0], frame.end)
                continue
            last = row
            chosen.append(n)
            side = FRAME_THUMBNAIL_SIDE if video else THUMBNAIL_SIDE
            thumbnails.append(Thumbnail(position=len(spans), seconds=frame.start, jpeg=thumbnail(frame.pixels, side)))
            spans.append((frame.start, frame.end))
        rows[types[0].name].append((vectors[chosen], quality[chosen]))
        for kind in types[1:]:
            rows[kind.name].append(kind.extract([kept[n].pixels for n in chosen]))
    warnings = list(media.warnings)
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
                vectors=np.concatenate([part[0] for part in parts]).reshape(-1, kind.width),
                quality=np.concatenate([part[1] for part in parts]),
            )
        )
    properties = {**media.properties, "frames_sampled": seen} if video else media.properties
    return Reading(
        asset=Asset(sha256=sha256, kind=media.kind, bytes=size, properties=properties),
        fingerprints=tuple(fingerprints),
        thumbnails=tuple(thumbnails),
        warnings=tuple(warnings),
        picture=first,
        sound=media.sound,
    )


def _batches(media: Media) -> Iterator[list[Frame]]:
    batch: list[Frame] = []
    for frame in media.frames:
        batch.append(frame)
        if len(batch) == BATCH_FRAMES:
            yield batch
            batch = []
    if batch:
        yield batch


def _spread(picture: Pixels) -> float:
    return float(picture[::4, ::4].mean(axis=2, dtype=np.float32).std())


def take_in(path: Path, options: ReadOptions = ReadOptions()) -> Taken | None:
    """All that the file adds to a store; None where it is not media. Raises MediaError."""
    try:
        before = path.stat()
    except OSError as error:
        raise UnreadableMedia(f"{os.fspath(path)!r} cannot be read: {error.strerror}") from error
    reading = read(path, full_decode=options.full_decode, sound=options.speech is not None)
    if reading is None:
        return None
    sha256 = reading.asset.sha256
    fields, warnings = see(path, sha256) if options.sidecars else (_plain(path, sha256), [])
    intake = Intake(
        path=os.path.abspath(path),
        bytes=before.st_size,
        modified_ns=before.st_mtime_ns,
        asset=reading.asset,
        sighting=fields,
        fingerprints=reading.fingerprints,
        thumbnails=reading.thumbnails,
        warnings=reading.warnings,
        sidecar_warnings=tuple(warnings),
    )
    return Taken(intake=intake, spoken=listen(reading.sound, options.speech) if options.speech else None)


def listen(
    sound: Sound | None, speech: SpeechOptions, *, step: Callable[[float], object] = lambda share: None
) -> Spoken:
    """What is said in a sound; `step` is told the share that is done. Raises ModelError."""
    if sound is None:
        return Spoken(sound="")
    reader, sha256 = transcriber(speech), sound.sha256
    said = reader.transcribe(sound, step=step)
    return Spoken(sound=sha256, transcript=said, words=words_fingerprint(sha256, said), rank=reader.model.rank)


def hear(path: Path, speech: SpeechOptions) -> tuple[str, Spoken]:
    """A file's SHA-256 and what is said in it, its pictures left undecoded. Raises MediaError, ModelError."""
    sha256, _ = sha256_of(path)
    sound, warnings = read_sound(path)
    return sha256, replace(listen(sound, speech), warnings=tuple(warnings))


def see(path: Path, sha256: str) -> tuple[Sighting, list[str]]:
    """The sighting of a file with what its sidecars say, and warnings about them."""
    fields, warnings = read_sidecars(path)
    told = {name: getattr(fields, name) for name in fields.__dataclass_fields__}
    return replace(_plain(path, sha256), **told), warnings


def _plain(path: Path, sha256: str) -> Sighting:
    return Sighting(sha256=sha256, uri=os.path.abspath(path))
