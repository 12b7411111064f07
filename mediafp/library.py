"""A query to its answer, a store to its clusters: joins the store and the matching."""

from collections.abc import Callable, Iterator
from functools import cache, cached_property, lru_cache

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from mediafp import weights
from mediafp.errors import StoreError
from mediafp.evidence import Clustering, Edge, Link, Match, Segment, link
from mediafp.fingerprint import CROPS, Fingerprint
from mediafp.fingerprints.crops import crops_version
from mediafp.fingerprints.pdq import Pdq
from mediafp.fingerprints.registry import fingerprint_type
from mediafp.fingerprints.words import VERSION as WORDS
from mediafp.fingerprints.words import words_fingerprint
from mediafp.ingest.thumbnails import unpack_thumbnail
from mediafp.matching.group import group
from mediafp.matching.pictures import Pair as PicturePair
from mediafp.matching.pictures import PictureQuery, match_picture
from mediafp.matching.pictures import compare as compare_picture
from mediafp.matching.place import Sketch, query_sketch
from mediafp.matching.script_index import Scripts
from mediafp.matching.scripts import match_scripts
from mediafp.matching.search import Vectors, background_level
from mediafp.matching.videos import Pair as VideoPair
from mediafp.matching.videos import VideoQuery, match_video
from mediafp.matching.videos import compare as compare_video
from mediafp.matching.views import views_of
from mediafp.matching.written import Lines, QueryText, with_text
from mediafp.media import Asset, Kind, Pixels
from mediafp.pipeline import EMBEDDING, STORED, Reading, listen
from mediafp.reading.speech import SpeechOptions
from mediafp.store import texts, transcripts
from mediafp.store.index import Index
from mediafp.store.records import Store

FULL = "sscd"
"""The model that looks again at what is in doubt."""
SKETCHES_KEPT = 1000
"""Placement points held in memory, about 260 kB each with the thumbnail."""
CLUSTER_AT = 0.5
"""Probability above which a match becomes an edge of the clustering; two pictures on one template are at it."""


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
        self._hashes = Index(store.fingerprints("pdq", pdq.version), metric=pdq.metric, width=pdq.width)
        self._crops = Index(
            store.fingerprints(CROPS, crops_version(embedding)),
            metric=embedding.metric,
            width=embedding.width,
            kept=False,
        )
        self._assets = {asset.sha256: asset for asset in store.assets()}
        if not self._assets.keys() == self._index.fingerprints.keys() == self._hashes.fingerprints.keys():
            raise StoreError("the store lacks fingerprints of some of its assets; see: mediafp verify")
        self.assets, self.owner, self.row = self._index.assets, self._index.owner, self._index.row
        with np.load(weights.find("background")) as bank:
            self.background: Vectors = bank[EMBEDDING]
            self._full_background: Vectors = bank[FULL]
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

    def embeddings(self, sha256: str) -> Vectors:
        """Unit vectors (N, 512)."""
        return self._index.fingerprints[sha256].vectors  # type: ignore[return-value]

    def quality(self, sha256: str) -> npt.NDArray[np.float32]:
        """How far from plain the rows' pictures are (N,), 0..1."""
        return self._index.fingerprints[sha256].quality

    def spans(self, sha256: str) -> npt.NDArray[np.float64]:
        """Seconds (N, 2) of the rows."""
        return self._index.fingerprints[sha256].spans

    def pdq(self, sha256: str) -> npt.NDArray[np.uint8]:
        """PDQ rows (N, 32)."""
        return self._hashes.fingerprints[sha256].vectors  # type: ignore[return-value]

    def near_crops(self, queries: Vectors, count: int) -> list[dict[str, float]]:
        """Of each query row the assets whose crops are among the nearest, and the cosine of the nearest of each."""
        index = self._crops
        found = zip(*index.search(queries, count), strict=True)
        # The best comes last, and stays.
        return [
            {
                index.assets[owner]: float(score)
                for owner, score in zip(index.owner[rows][::-1], scores[::-1], strict=True)
            }
            for rows, scores in found
        ]

    def near_hashes(self, hashes: npt.NDArray[np.uint8], distance: int) -> set[tuple[str, int]]:
        """The assets and rows whose PDQ hash lies within so many bits of one of these (N, 32)."""
        index = self._hashes
        return {(index.assets[index.owner[n]], int(index.row[n])) for n in index.within(hashes, distance)}

    def embed_fully(self, pictures: list[Pixels]) -> tuple[Vectors, npt.NDArray[np.float32]]:
        """Unit vectors (N, 512) of the full model, and the likeness (N,) of each to unrelated pictures."""
        vectors: Vectors = fingerprint_type(FULL).extract(pictures)[0]  # type: ignore[assignment]
        return vectors, background_level(vectors, self._full_background)

    @cached_property
    def scripts(self) -> Scripts:
        """The words of all that was transcribed, held ready for matching; words of an older version are made anew."""
        made = []
        for words in transcripts.scripts(self._store):
            if words.version != WORDS:
                said = transcripts.transcript_of(self._store, words.sha256)
                assert said, "what has words has a transcript"
                words = words_fingerprint(words.sha256, said)
            made.append(words)
        return Scripts(made)

    def sketch(self, sha256: str, row: int) -> Sketch | None:
        """One row's picture made ready for placement."""
        return self._sketch(sha256, row)

    def _make_sketch(self, sha256: str, row: int) -> Sketch | None:
        jpeg = self._store.thumbnail_at(sha256, row)
        return Sketch(unpack_thumbnail(jpeg), _size(self._assets[sha256])) if jpeg else None

    def text_of(self, match: Match) -> Lines | None:
        """The lines of text of a match's picture; None where nobody has looked for any."""
        return texts.text_of(self._store, match.sha256)

    def match(
        self,
        reading: Reading,
        words: Fingerprint | None = None,
        text_of: Callable[[Match], Lines | None] | None = None,
    ) -> list[Match]:
        """Matches of a file that was read, by falling probability; first of all the asset with the same bytes.

        `words` are those of its transcript, where it was listened to; `text_of` reads the text of a match's picture,
        in place of what the store holds.
        """
        found = self._match(self._query(reading)) + (match_scripts(words, self) if words else [])
        text = QueryText(lines=reading.text.lines, size=_size(reading.asset)) if reading.text else None
        found = _sorted([with_text(match, text, text_of or self.text_of) for match in found])
        sha256 = reading.asset.sha256
        if sha256 not in self._assets:
            return found
        return [self._same_bytes(reading, found), *(match for match in found if match.sha256 != sha256)]

    def _same_bytes(self, reading: Reading, found: list[Match]) -> Match:
        """The match of a file with itself in the store, which needs no measuring."""
        sha256, kind = reading.asset.sha256, reading.asset.kind
        placement = next((match.placement for match in found if match.sha256 == sha256), None)
        spans = self.spans(sha256)
        whole = (float(spans[0, 0]), float(spans[-1, 1])) if len(spans) else (0.0, 0.0)
        segment = Segment(channel="picture", query=whole, reference=whole, speed=1.0, mirrored=False, score=1.0)
        return Match(
            sha256=sha256,
            uris=self.uris(sha256),
            kind=kind,
            relation="copy" if kind == "image" else "same_video",
            verdict="copy",
            probability=1.0,
            coverage=(1.0, 1.0),
            placement=placement if kind == "image" else None,
            segments=(segment,) if kind == "video" and len(spans) else (),
            why=("the bytes are identical",),
        )

    def words(self, reading: Reading, speech: SpeechOptions) -> Fingerprint | None:
        """The words of a file, as its transcript in the store has them, else listened to. Raises ModelError."""
        kept = self.scripts.fingerprints.get(reading.asset.sha256)
        if kept or reading.sound is None:
            return kept
        said = transcripts.best(self._store, reading.sound.sha256)
        return words_fingerprint(reading.asset.sha256, said) if said else listen(reading.sound, speech).words

    def _match(self, query: PictureQuery | VideoQuery, without: str | None = None) -> list[Match]:
        with self._blas.limit(limits=1, user_api="blas"):
            if isinstance(query, PictureQuery):
                return match_picture(query, self, without=without)
            return match_video(query, self, without=without)

    def compare(self, reading: Reading) -> list[PicturePair] | list[VideoPair]:
        """The candidates of a file that was read, with what was measured of each; calibration is fitted on it."""
        query = self._query(reading)
        with self._blas.limit(limits=1, user_api="blas"):
            return compare_picture(query, self) if isinstance(query, PictureQuery) else compare_video(query, self)

    def match_stored(self, asset: Asset) -> list[Match]:
        """Matches of an asset that the store itself holds, without itself."""
        if asset.kind == "video":
            rows = self._index.fingerprints[asset.sha256]
            query = _video_query(rows, self.pdq(asset.sha256), lambda row: self._sketch(asset.sha256, row))
            words = self.scripts.fingerprints.get(asset.sha256)
            said = match_scripts(words, self, without=asset.sha256) if words else []
            return _sorted(self._match(query, without=asset.sha256) + said)
        jpeg = self._store.thumbnail_at(asset.sha256, 0)
        if not jpeg:
            return []
        rows = self._index.fingerprints[asset.sha256]
        found = self._match(_picture_query(asset, unpack_thumbnail(jpeg), rows), without=asset.sha256)
        lines = texts.text_of(self._store, asset.sha256)
        text = QueryText(lines=lines, size=_size(asset)) if lines else None
        return _sorted([with_text(match, text, self.text_of) for match in found])

    def _query(self, reading: Reading) -> PictureQuery | VideoQuery:
        if reading.picture is not None:
            return _picture_query(reading.asset, reading.picture, reading.fingerprint(EMBEDDING))
        size, jpegs = _size(reading.asset), {t.position: t.jpeg for t in reading.thumbnails}

        @cache
        def sketch(row: int) -> Sketch | None:
            return Sketch(unpack_thumbnail(jpegs[row]), size) if row in jpegs else None

        pdq: npt.NDArray[np.uint8] = reading.fingerprint("pdq").vectors  # type: ignore[assignment]
        return _video_query(reading.fingerprint(EMBEDDING), pdq, sketch)

    def relations(self) -> Iterator[tuple[Asset, list[Match]]]:
        """Every asset with its matches among the others, each asset once."""
        for asset in self._assets.values():
            yield asset, self.match_stored(asset)


def _picture_query(asset: Asset, picture: Pixels, rows: Fingerprint) -> PictureQuery:
    views, clear = views_of(picture)
    parts, _ = fingerprint_type(EMBEDDING).extract([view.pixels for view in views[1:]])
    return PictureQuery(
        views=np.concatenate((rows.vectors[:1], parts)),
        boxes=tuple(view.box for view in views),
        clear=clear,
        quality=float(rows.quality[0]),
        pdq=Pdq().dihedral(picture),
        sketch=query_sketch(picture, _size(asset)),
    )


def _video_query(rows: Fingerprint, pdq: npt.NDArray[np.uint8], sketch: Callable[[int], Sketch | None]) -> VideoQuery:
    return VideoQuery(
        rows=rows.vectors,  # type: ignore[arg-type]
        quality=rows.quality,
        pdq=pdq,
        spans=rows.spans,
        sketch=sketch,
    )


def _sorted(found: list[Match]) -> list[Match]:
    return sorted(found, key=lambda m: (-m.probability, m.sha256, m.relation))


def edges_of(asset: Asset, matches: list[Match]) -> list[Edge]:
    """The likely matches of a stored asset as edges, from it to each other asset."""
    return [
        Edge(
            a=asset.sha256,
            b=match.sha256,
            relation=match.relation,
            probability=match.probability,
            coverage=match.coverage,
            segments=match.segments,
        )
        for match in matches
        if match.probability > CLUSTER_AT and match.verdict != "same_scene"
    ]


def cluster(store: Store, answers: list[tuple[Asset, list[Match]]]) -> Clustering:
    """The clusters of a store from its relations; of the two directions of a pair the likelier stands.

    Words alone join nothing: what is said under the same script may show anything else.
    """
    best: dict[Link, Edge] = {}
    for asset, matches in answers:
        for edge in edges_of(asset, matches):
            pair = link(edge.a, edge.b, edge.relation)
            if pair not in best or edge.probability > best[pair].probability:
                best[pair] = edge
    kinds = {asset.sha256: asset.kind for asset, _ in answers}
    return group(kinds, list(best.values()), {sha256: store.uris(sha256) for sha256 in kinds})


def _size(asset: Asset) -> tuple[int, int]:
    return int(asset.properties["width"] or 0), int(asset.properties["height"] or 0)
