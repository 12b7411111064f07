"""The only module that joins the stages: a file to an intake, a query to its answer, a store to its clusters."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from mediafp import weights
from mediafp.errors import MediaError, StoreError, TooLargeMedia, UnreadableMedia
from mediafp.evidence import Answer, Clustering, Edge, Match
from mediafp.fingerprint import Fingerprint
from mediafp.fingerprints.pdq import Pdq
from mediafp.fingerprints.registry import fingerprint_type
from mediafp.ingest.open import open_media
from mediafp.ingest.sidecars import read_sidecars
from mediafp.ingest.thumbnails import thumbnail, unpack_thumbnail
from mediafp.ingest.walk import sha256_of
from mediafp.matching.group import group
from mediafp.matching.pictures import Pair as PicturePair
from mediafp.matching.pictures import PictureQuery, match_picture
from mediafp.matching.pictures import compare as compare_picture
from mediafp.matching.place import Sketch, query_sketch
from mediafp.matching.search import Vectors, half_views
from mediafp.matching.videos import Pair as VideoPair
from mediafp.matching.videos import VideoQuery, match_video, share
from mediafp.matching.videos import compare as compare_video
from mediafp.media import Asset, Frame, Kind, Media, Pixels, Sighting
from mediafp.settings import FLAT_STD, FOLD_COSINE, FRAME_THUMBNAIL_SIDE, THUMBNAIL_SIDE
from mediafp.store.index import Index
from mediafp.store.records import Intake, Store, Thumbnail

EMBEDDING = "sscd_distilled"
STORED = (EMBEDDING, "pdq")
"""The types that ingest computes; the first one finds candidates and folds alike frames."""
BATCH_FRAMES = 16
SKETCHES_KEPT = 4000
"""Placement points held in memory, about 260 kB each with the thumbnail."""
CLUSTER_AT = 0.5
"""Probability from which a match becomes an edge of the clustering."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """One file, decoded and fingerprinted: all that ingest stores and that a query needs."""

    asset: Asset
    fingerprints: tuple[Fingerprint, ...]
    thumbnails: tuple[Thumbnail, ...]
    warnings: tuple[str, ...]
    picture: Pixels | None
    """The first picture of an image, full size; None of a video."""

    def fingerprint(self, type: str) -> Fingerprint:
        """The rows of one type."""
        return next(f for f in self.fingerprints if f.type == type)


def read(path: Path, *, full_decode: bool = False) -> Reading | None:
    """The file's asset, fingerprints and thumbnails; None where it is not media at all. Raises MediaError."""
    sha256, size = sha256_of(path)
    media = open_media(path, full_decode=full_decode)
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


def take_in(path: Path, *, full_decode: bool = False, sidecars: bool = True) -> Intake | None:
    """All that the file adds to a store; None where it is not media. Raises MediaError."""
    try:
        before = path.stat()
    except OSError as error:
        raise UnreadableMedia(f"{os.fspath(path)!r} cannot be read: {error.strerror}") from error
    reading = read(path, full_decode=full_decode)
    if reading is None:
        return None
    fields, warnings = see(path, reading.asset.sha256) if sidecars else (_plain(path, reading.asset.sha256), [])
    return Intake(
        path=os.path.abspath(path),
        bytes=before.st_size,
        modified_ns=before.st_mtime_ns,
        asset=reading.asset,
        sighting=fields,
        fingerprints=reading.fingerprints,
        thumbnails=reading.thumbnails,
        warnings=(*reading.warnings, *warnings),
    )


def see(path: Path, sha256: str) -> tuple[Sighting, list[str]]:
    """The sighting of a file with what its sidecars say, and warnings about them."""
    fields, warnings = read_sidecars(path)
    told = {name: getattr(fields, name) for name in fields.__dataclass_fields__}
    return replace(_plain(path, sha256), **told), warnings


def _plain(path: Path, sha256: str) -> Sighting:
    return Sighting(sha256=sha256, uri=os.path.abspath(path))


class Library:
    """An open store made ready for matching: its rows in memory, its thumbnails on demand (a `Shelf`)."""

    def __init__(self, store: Store) -> None:
        self._store = store
        embedding, pdq = (fingerprint_type(name) for name in STORED)
        stale = store.versions(EMBEDDING) - {embedding.version}
        if stale:
            raise StoreError(
                f"the store holds fingerprints of another model version ({', '.join(sorted(stale))});"
                " versions never compare: take its files into a new store"
            )
        self._index = Index(
            store.fingerprints(EMBEDDING, embedding.version), metric=embedding.metric, width=embedding.width
        )
        self._pdq = {f.sha256: f.vectors for f in store.fingerprints("pdq", pdq.version)}
        self._assets = {asset.sha256: asset for asset in store.assets()}
        self.assets, self.owner, self.row = self._index.assets, self._index.owner, self._index.row
        self.background: Vectors = np.load(weights.find("background"))["vectors"]
        self.search = self._index.search
        # The products are small: BLAS threads spin longer than they work, which doubled the CPU time of a query.
        self._blas = ThreadpoolController()
        self._sketch = lru_cache(maxsize=SKETCHES_KEPT)(self._make_sketch)

    def kind(self, sha256: str) -> Kind:
        """Picture or video."""
        return self._assets[sha256].kind

    def uris(self, sha256: str) -> tuple[str, ...]:
        """Where it was seen."""
        return self._store.uris(sha256)

    def duration(self, sha256: str) -> float:
        """Seconds of a video, by its header or else its last kept frame."""
        return _duration(self._assets[sha256], self.spans(sha256))

    def embeddings(self, sha256: str) -> Vectors:
        """Unit vectors (N, 512)."""
        return self._index.fingerprints[sha256].vectors  # type: ignore[return-value]

    def spans(self, sha256: str) -> npt.NDArray[np.float64]:
        """Seconds (N, 2) of the rows."""
        return self._index.fingerprints[sha256].spans

    def pdq(self, sha256: str) -> npt.NDArray[np.uint8]:
        """PDQ rows (N, 32)."""
        return self._pdq[sha256]  # type: ignore[return-value]

    def sketch(self, sha256: str, row: int) -> Sketch | None:
        """One row's picture made ready for placement."""
        return self._sketch(sha256, row)

    def _make_sketch(self, sha256: str, row: int) -> Sketch | None:
        jpeg = self._store.thumbnail_at(sha256, row)
        return Sketch(unpack_thumbnail(jpeg), _size(self._assets[sha256])) if jpeg else None

    def match(self, reading: Reading) -> list[Match]:
        """Matches of a file that was read, by falling probability."""
        return self._match(self._query(reading))

    def _match(self, query: PictureQuery | VideoQuery) -> list[Match]:
        with self._blas.limit(limits=1, user_api="blas"):
            return match_picture(query, self) if isinstance(query, PictureQuery) else match_video(query, self)

    def compare(self, reading: Reading) -> list[PicturePair] | list[VideoPair]:
        """The candidates of a file that was read, with what was measured of each; calibration is fitted on it."""
        query = self._query(reading)
        with self._blas.limit(limits=1, user_api="blas"):
            return compare_picture(query, self) if isinstance(query, PictureQuery) else compare_video(query, self)

    def match_stored(self, asset: Asset) -> list[Match]:
        """Matches of an asset that the store itself holds, without itself."""
        if asset.kind == "video":
            rows = self._index.fingerprints[asset.sha256]
            query = _video_query(asset, rows, self.pdq(asset.sha256), lambda row: self._sketch(asset.sha256, row))
            return self._match(query)
        jpeg = self._store.thumbnail_at(asset.sha256, 0)
        if not jpeg:
            return []
        return self._match(_picture_query(asset, unpack_thumbnail(jpeg), self.embeddings(asset.sha256)))

    def _query(self, reading: Reading) -> PictureQuery | VideoQuery:
        if reading.picture is not None:
            rows: Vectors = reading.fingerprint(EMBEDDING).vectors  # type: ignore[assignment]
            return _picture_query(reading.asset, reading.picture, rows)
        size, jpegs = _size(reading.asset), {t.position: t.jpeg for t in reading.thumbnails}

        @cache
        def sketch(row: int) -> Sketch | None:
            return Sketch(unpack_thumbnail(jpegs[row]), size) if row in jpegs else None

        pdq: npt.NDArray[np.uint8] = reading.fingerprint("pdq").vectors  # type: ignore[assignment]
        return _video_query(reading.asset, reading.fingerprint(EMBEDDING), pdq, sketch)

    def relations(self) -> Iterator[tuple[Asset, list[Match]]]:
        """Every asset with its matches among the others, each asset once."""
        for asset in self._assets.values():
            yield asset, self.match_stored(asset)


def _picture_query(asset: Asset, picture: Pixels, rows: Vectors) -> PictureQuery:
    crops, _ = fingerprint_type(EMBEDDING).extract(half_views(picture)[1:])
    return PictureQuery(
        sha256=asset.sha256,
        views=np.concatenate((rows[:1], crops)),
        pdq=Pdq().dihedral(picture),
        sketch=query_sketch(picture, _size(asset)),
    )


def _video_query(
    asset: Asset, rows: Fingerprint, pdq: npt.NDArray[np.uint8], sketch: Callable[[int], Sketch | None]
) -> VideoQuery:
    return VideoQuery(
        sha256=asset.sha256,
        rows=rows.vectors,  # type: ignore[arg-type]
        pdq=pdq,
        spans=rows.spans,
        sketch=sketch,
        duration=_duration(asset, rows.spans),
    )


def answer(path: Path, library: Library, *, top: int, least: float) -> Answer:
    """What the library knows of one file; an error is part of the answer."""
    name = os.fspath(path)
    try:
        reading = read(path)
    except MediaError as error:
        return Answer(query=name, sha256=None, kind=None, error=str(error), matches=())
    if reading is None:
        return Answer(query=name, sha256=None, kind=None, error="not a picture, video or sound file", matches=())
    found = [match for match in library.match(reading) if match.probability >= least]
    return Answer(
        query=name, sha256=reading.asset.sha256, kind=reading.asset.kind, error=None, matches=tuple(found[:top])
    )


def edges_of(asset: Asset, matches: list[Match], library: Library) -> list[Edge]:
    """The likely matches of a stored asset as edges, from it to each other asset."""
    edges = []
    for match in matches:
        if match.probability < CLUSTER_AT or match.verdict == "same_scene":
            continue
        if match.segments and match.segments[0].query is not None:
            coverage = tuple(
                share([times for s in match.segments if (times := getattr(s, side))], library.duration(sha256))
                for side, sha256 in (("query", asset.sha256), ("reference", match.sha256))
            )
        else:
            coverage = (1.0, match.placement.covered if match.placement else 1.0)
        edges.append(
            Edge(
                a=asset.sha256,
                b=match.sha256,
                relation=match.relation,
                probability=match.probability,
                coverage=(round(coverage[0], 4), round(coverage[1], 4)),
                segments=match.segments,
            )
        )
    return edges


def cluster(store: Store, answers: list[tuple[Asset, list[Match]]], library: Library) -> Clustering:
    """The clusters of a store from its relations; of the two directions of a pair the likelier stands."""
    best: dict[frozenset[str], Edge] = {}
    for asset, matches in answers:
        for edge in edges_of(asset, matches, library):
            pair = frozenset((edge.a, edge.b))
            if pair not in best or edge.probability > best[pair].probability:
                best[pair] = edge
    kinds = {asset.sha256: asset.kind for asset, _ in answers}
    return group(kinds, list(best.values()), {sha256: store.uris(sha256) for sha256 in kinds})


def _size(asset: Asset) -> tuple[int, int]:
    return int(asset.properties["width"] or 0), int(asset.properties["height"] or 0)


def _duration(asset: Asset, spans: npt.NDArray[np.float64]) -> float:
    told = asset.properties.get("duration")
    return float(told) if isinstance(told, (int, float)) and told > 0 else float(spans.max()) if len(spans) else 0.0
