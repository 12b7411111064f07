"""A file to what is kept of it: joins ingest and the fingerprints."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mediafp.errors import NoMedia, TooLargeMedia
from mediafp.evidence import PictureText
from mediafp.fingerprint import CROPS, Fingerprint
from mediafp.fingerprints.crops import crops_fingerprint, crops_version
from mediafp.fingerprints.registry import fingerprint_type
from mediafp.fingerprints.words import words_fingerprint
from mediafp.ingest.budget import SPENT, GoOn, without_end
from mediafp.ingest.open import open_media
from mediafp.ingest.probe import OpenFile
from mediafp.ingest.sidecars import Beside, read_sidecars
from mediafp.ingest.thumbnails import thumbnail
from mediafp.media import Asset, Frame, Kind, Media, Pixels, Sighting, Sound
from mediafp.reading.speech import SpeechOptions, transcriber
from mediafp.reading.text import text_reader, text_version
from mediafp.settings import FLAT_STD, FOLD_COSINE, FRAME_THUMBNAIL_SIDE, KEPT_BYTES, THUMBNAIL_SIDE
from mediafp.store.records import Intake, Thumbnail
from mediafp.store.transcripts import Spoken

EMBEDDING = "sscd_distilled"
STORED = (EMBEDDING, "pdq")
"""The types that ingest computes; the first one finds candidates and folds alike frames."""
READ = "2"
"""The version of how files are decoded and sampled; raise it when the same bytes give other rows."""
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
    text: PictureText | None = None
    """What stands in a picture, where it was asked for."""
    crops: Fingerprint | None = None
    """The crops of an image, where they were asked for."""

    def fingerprint(self, type: str) -> Fingerprint:
        """The rows of one type."""
        return next(f for f in self.fingerprints if f.type == type)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How to read files: every frame or what is cheap, sidecars or not, and how to listen (None: not at all).

    With `views` crops of each picture are kept too, so that a small part of it is found; with `text` what stands in it.
    """

    full_decode: bool = False
    views: bool = True
    sidecars: bool = True
    text: bool = True
    speech: SpeechOptions | None = None


def versions(kind: Kind, *, crops: bool) -> dict[str, str]:
    """The version of every type that ingest computes of a picture, with its crops or without, or of a video."""
    made = {name: fingerprint_type(name).version for name in STORED}
    return made | ({CROPS: crops_version(fingerprint_type(EMBEDDING))} if crops and kind == "image" else {})


def version(*, crops: bool) -> str:
    """The version of all that reading decides; a file that was taken in by another one is looked at again."""
    return ";".join((READ, *(f"{name}={version}" for name, version in versions("image", crops=crops).items())))


def read(
    file: OpenFile,
    sha256: str,
    *,
    full_decode: bool = False,
    sound: bool = False,
    crops: bool = False,
    text: bool = False,
    go_on: GoOn = without_end,
) -> Reading | None:
    """The file's asset, fingerprints and thumbnails, and with `text` what stands in a picture.

    None where it is not media at all. Raises MediaError.
    """
    media = open_media(file, full_decode=full_decode, sound=sound, go_on=go_on)
    if media is None:
        return None
    try:
        reading = _fingerprint(media, sha256, file.bytes, crops=crops)
        if not text or reading.picture is None:
            return reading
        written, warnings = _written(reading.picture, media, go_on)
        return replace(reading, text=written, warnings=(*reading.warnings, *warnings))
    except MemoryError as error:
        raise TooLargeMedia(f"{file.name}: there is not enough memory to decode it") from error


def read_text(file: OpenFile, *, go_on: GoOn = without_end) -> tuple[PictureText, list[str]]:
    """What stands in a picture, and warnings. Raises MediaError."""
    media = open_media(file, go_on=go_on)
    if media is None or media.kind != "image":
        raise NoMedia(f"{file.name!r} is no picture")
    return _written(next(media.frames).pixels, media, go_on)


def _written(picture: Pixels, media: Media, go_on: GoOn) -> tuple[PictureText, list[str]]:
    size = int(media.properties["width"] or 0), int(media.properties["height"] or 0)
    lines, whole = text_reader().read(picture, size, lambda: go_on(0.0))
    warnings = [] if whole else [f"only the {len(lines)} largest lines of text in it were read: {SPENT}"]
    return PictureText(version=text_version(), lines=lines), warnings


def _fingerprint(media: Media, sha256: str, size: int, *, crops: bool) -> Reading:
    video = media.kind == "video"
    types = [fingerprint_type(name) for name in STORED]
    spans: list[tuple[float, float]] = []
    rows: dict[str, list[tuple[npt.NDArray[np.generic], npt.NDArray[np.float32]]]] = {name: [] for name in STORED}
    thumbnails: list[Thumbnail] = []
    first: Pixels | None = None
    last: npt.NDArray[np.float32] | None = None
    seen = kept_bytes = 0
    end, cut = 0.0, False
    for batch in _batches(media):
        if kept_bytes > KEPT_BYTES:
            # The sound goes on.
            cut = True
            continue
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
            jpeg = thumbnail(frame.pixels, side)
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
            f"of the pictures only the first {end:.0f} s were kept: the limit is {KEPT_BYTES >> 20} MiB of them"
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
        crops=crops_fingerprint(sha256, first, types[0]) if crops and first is not None else None,
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


def intake(reading: Reading, sighting: Sighting, sidecar_warnings: Sequence[str] = ()) -> Intake:
    """All that a file that was read adds to a store."""
    return Intake(
        asset=reading.asset,
        sighting=sighting,
        fingerprints=(*reading.fingerprints, *([reading.crops] if reading.crops else [])),
        thumbnails=reading.thumbnails,
        warnings=reading.warnings,
        sidecar_warnings=tuple(sidecar_warnings),
    )


def listen(
    sound: Sound | None, speech: SpeechOptions, *, step: Callable[[float], object] = lambda share: None
) -> Spoken:
    """What is said in a sound; `step` is told the share that is done. Raises ModelError."""
    if sound is None:
        return Spoken(sound="")
    reader, sha256 = transcriber(speech), sound.sha256
    said = reader.transcribe(sound, step=step)
    return Spoken(sound=sha256, transcript=said, words=words_fingerprint(sha256, said), rank=reader.model.rank)


def see(uri: str, name: str, sha256: str, beside: Beside) -> tuple[Sighting, list[str]]:
    """The sighting of a file with what its sidecars say, and warnings about them."""
    fields, warnings = read_sidecars(name, beside)
    told = {field: getattr(fields, field) for field in fields.__dataclass_fields__}
    return Sighting(sha256=sha256, uri=uri, **told), warnings
