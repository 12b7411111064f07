"""A query to its answer, a store to its clusters: joins the store and the matching."""

from collections.abc import Callable, Iterator
from functools import cache, cached_property, lru_cache

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from mediafp.engine.analysis import transcribe_audio
from mediafp.fingerprints.pdq import Pdq
from mediafp.fingerprints.reference_crops import REFERENCE_CROPS
from mediafp.fingerprints.registry import RERANKING_TYPE, SEARCH_TYPE, fingerprint_type, frame_type
from mediafp.fingerprints.transcript import TYPE_VERSION as WORDS
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.ingest.thumbnails import decode_thumbnail
from mediafp.matching.candidates import Vectors, background_level
from mediafp.matching.images.compare import ImagePair as PicturePair
from mediafp.matching.images.compare import ImageQuery, match_image
from mediafp.matching.images.compare import compare_images as compare_picture
from mediafp.matching.images.local_features import LocalFeatures, query_features
from mediafp.matching.images.query_crops import make_query_crops
from mediafp.matching.images.text_evidence import QueryText, TextLines, add_text_evidence
from mediafp.matching.transcripts.compare import match_transcript
from mediafp.matching.transcripts.index import TranscriptIndex
from mediafp.matching.videos.compare import VideoPair as VideoPair
from mediafp.matching.videos.compare import VideoQuery, match_video
from mediafp.matching.videos.compare import compare_videos as compare_video
from mediafp.store.faiss_index import FaissIndex
from mediafp.store.sqlite import ocr_results, transcripts
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types import model_files
from mediafp.types.errors import StoreError
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.matches import Match, Segment
from mediafp.types.media import Asset, Kind, Pixels
from mediafp.types.runs import FileAnalysis, SpeechOptions

FEATURE_CACHE_SIZE = 1000
"""Placement points held in memory, about 260 kB each with the thumbnail."""


class StoredReferences:
    """An open store made ready for matching: its rows in memory, its thumbnails on demand (a `Shelf`)."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        embedding, pdq, crops = (fingerprint_type(name) for name in (SEARCH_TYPE, Pdq.name, REFERENCE_CROPS))
        stale = store.versions(SEARCH_TYPE) - {embedding.version}
        if stale:
            raise StoreError(
                f"the store holds fingerprints of another model version ({', '.join(sorted(stale))});"
                " versions never compare: take its files into a new store"
            )
        self._index = FaissIndex(
            store.fingerprints(SEARCH_TYPE, embedding.version), metric=embedding.metric, width=embedding.columns
        )
        self._hashes = FaissIndex(store.fingerprints("pdq", pdq.version), metric=pdq.metric, width=pdq.columns)
        self._crops = FaissIndex(
            store.fingerprints(crops.name, crops.version),
            metric=crops.metric,
            width=crops.columns,
            kept=False,
        )
        self._assets = {asset.sha256: asset for asset in store.assets()}
        if not self._assets.keys() == self._index.fingerprints.keys() == self._hashes.fingerprints.keys():
            raise StoreError("the store lacks fingerprints of some of its assets; see: mediafp verify")
        self.assets, self.owner, self.row = self._index.assets, self._index.owner, self._index.row
        with np.load(model_files.model_path("background")) as bank:
            self.background: Vectors = bank[SEARCH_TYPE]
            self._full_background: Vectors = bank[RERANKING_TYPE]
        self.search = self._index.search
        # The products are small: BLAS threads spin longer than they work, which doubled the CPU time of a query.
        self._blas = ThreadpoolController()
        self._sketch = lru_cache(maxsize=FEATURE_CACHE_SIZE)(self._make_sketch)

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

    def search_crops(self, queries: Vectors, count: int) -> list[dict[str, float]]:
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

    def search_hashes(self, hashes: npt.NDArray[np.uint8], distance: int) -> set[tuple[str, int]]:
        """The assets and rows whose PDQ hash lies within so many bits of one of these (N, 32)."""
        index = self._hashes
        return {(index.assets[index.owner[n]], int(index.row[n])) for n in index.range_search(hashes, distance)}

    def embed_with_full_model(self, images: list[Pixels]) -> tuple[Vectors, npt.NDArray[np.float32]]:
        """Unit vectors (N, 512) of the full model, and the likeness (N,) of each to unrelated pictures."""
        vectors: Vectors = frame_type(RERANKING_TYPE).extract(images)[0]  # type: ignore[assignment]
        return vectors, background_level(vectors, self._full_background)

    @cached_property
    def transcripts(self) -> TranscriptIndex:
        """The words of all that was transcribed, held ready for matching; words of an older version are made anew."""
        made = []
        for words in transcripts.transcript_fingerprints(self._store):
            if words.version != WORDS:
                said = transcripts.find_transcript(self._store, words.sha256)
                assert said, "what has words has a transcript"
                words = fingerprint_transcript(words.sha256, said)
            made.append(words)
        return TranscriptIndex(made)

    def local_features(self, sha256: str, row: int) -> LocalFeatures | None:
        """One row's picture made ready for placement."""
        return self._sketch(sha256, row)

    def _make_sketch(self, sha256: str, row: int) -> LocalFeatures | None:
        jpeg = self._store.row_thumbnail(sha256, row)
        return LocalFeatures(decode_thumbnail(jpeg), _size(self._assets[sha256])) if jpeg else None

    def text_of(self, match: Match) -> TextLines | None:
        """The lines of text of a match's picture; None where nobody has looked for any."""
        return ocr_results.ocr_lines(self._store, match.sha256)

    def match(
        self,
        reading: FileAnalysis,
        words: Fingerprint | None = None,
        text_of: Callable[[Match], TextLines | None] | None = None,
    ) -> list[Match]:
        """Matches of a file that was read, by falling probability; first of all the asset with the same bytes.

        `words` are those of its transcript, where it was listened to; `text_of` reads the text of a match's picture,
        in place of what the store holds.
        """
        found = self._match(self._query(reading)) + (match_transcript(words, self) if words else [])
        text = QueryText(lines=reading.text.lines, size=_size(reading.asset)) if reading.text else None
        found = _sorted([add_text_evidence(match, text, text_of or self.text_of) for match in found])
        sha256 = reading.asset.sha256
        if sha256 not in self._assets:
            return found
        return [self._same_bytes(reading, found), *(match for match in found if match.sha256 != sha256)]

    def _same_bytes(self, reading: FileAnalysis, found: list[Match]) -> Match:
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

    def transcript_fingerprint(self, reading: FileAnalysis, speech: SpeechOptions) -> Fingerprint | None:
        """The words of a file, as its transcript in the store has them, else listened to. Raises ModelError."""
        kept = self.transcripts.fingerprints.get(reading.asset.sha256)
        if kept or reading.audio is None:
            return kept
        said = transcripts.best_transcript(self._store, reading.audio.sha256)
        return (
            fingerprint_transcript(reading.asset.sha256, said)
            if said
            else transcribe_audio(reading.audio, speech).fingerprint
        )

    def _match(self, query: ImageQuery | VideoQuery, exclude: str | None = None) -> list[Match]:
        with self._blas.limit(limits=1, user_api="blas"):
            if isinstance(query, ImageQuery):
                return match_image(query, self, exclude=exclude)
            return match_video(query, self, exclude=exclude)

    def compare_with_references(self, reading: FileAnalysis) -> list[PicturePair] | list[VideoPair]:
        """The candidates of a file that was read, with what was measured of each; calibration is fitted on it."""
        query = self._query(reading)
        with self._blas.limit(limits=1, user_api="blas"):
            return compare_picture(query, self) if isinstance(query, ImageQuery) else compare_video(query, self)

    def match_stored(self, asset: Asset) -> list[Match]:
        """Matches of an asset that the store itself holds, without itself."""
        if asset.kind == "video":
            rows = self._index.fingerprints[asset.sha256]
            query = _video_query(rows, self.pdq(asset.sha256), lambda row: self._sketch(asset.sha256, row))
            words = self.transcripts.fingerprints.get(asset.sha256)
            said = match_transcript(words, self, exclude=asset.sha256) if words else []
            return _sorted(self._match(query, exclude=asset.sha256) + said)
        jpeg = self._store.row_thumbnail(asset.sha256, 0)
        if not jpeg:
            return []
        rows = self._index.fingerprints[asset.sha256]
        found = self._match(_image_query(asset, decode_thumbnail(jpeg), rows), exclude=asset.sha256)
        lines = ocr_results.ocr_lines(self._store, asset.sha256)
        text = QueryText(lines=lines, size=_size(asset)) if lines else None
        return _sorted([add_text_evidence(match, text, self.text_of) for match in found])

    def _query(self, reading: FileAnalysis) -> ImageQuery | VideoQuery:
        if reading.image is not None:
            return _image_query(reading.asset, reading.image, reading.fingerprint(SEARCH_TYPE))
        size, jpegs = _size(reading.asset), {t.position: t.jpeg for t in reading.thumbnails}

        @cache
        def sketch(row: int) -> LocalFeatures | None:
            return LocalFeatures(decode_thumbnail(jpegs[row]), size) if row in jpegs else None

        pdq: npt.NDArray[np.uint8] = reading.fingerprint("pdq").vectors  # type: ignore[assignment]
        return _video_query(reading.fingerprint(SEARCH_TYPE), pdq, sketch)

    def relations(self) -> Iterator[tuple[Asset, list[Match]]]:
        """Every asset with its matches among the others, each asset once."""
        for asset in self._assets.values():
            yield asset, self.match_stored(asset)


def _image_query(asset: Asset, image: Pixels, rows: Fingerprint) -> ImageQuery:
    views, clear = make_query_crops(image)
    parts, _ = frame_type(SEARCH_TYPE).extract([view.pixels for view in views[1:]])
    return ImageQuery(
        embeddings=np.concatenate((rows.vectors[:1], parts)),
        boxes=tuple(view.box for view in views),
        distinct_crops=clear,
        quality=float(rows.quality[0]),
        pdq=Pdq().dihedral_hashes(image),
        sketch=query_features(image, _size(asset)),
    )


def _video_query(
    rows: Fingerprint, pdq: npt.NDArray[np.uint8], sketch: Callable[[int], LocalFeatures | None]
) -> VideoQuery:
    return VideoQuery(
        embeddings=rows.vectors,  # type: ignore[arg-type]
        quality=rows.quality,
        pdq=pdq,
        spans=rows.spans,
        local_features=sketch,
    )


def _sorted(found: list[Match]) -> list[Match]:
    return sorted(found, key=lambda m: (-m.probability, m.sha256, m.relation))


def _size(asset: Asset) -> tuple[int, int]:
    return int(asset.properties["width"] or 0), int(asset.properties["height"] or 0)
