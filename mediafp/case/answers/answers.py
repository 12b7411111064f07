"""Answers: what is known of a file that was asked about, or of an asset of the case."""

import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import Final

from mediafp.case.answers.grouping import (
    Uses,
    count_accounts,
    group_footage,
    group_spoken,
    group_stretches,
    group_words,
)
from mediafp.case.answers.parts import crop, read_pixels
from mediafp.case.answers.spoken import WHOLE, main_language, spoken_between, stretches_of
from mediafp.case.answers.stored import stored_result
from mediafp.case.comparison.versions import comparison_versions
from mediafp.case.image_hashes import image_hashes
from mediafp.case.known_query import find_own_match
from mediafp.case.originals import open_original
from mediafp.case.quoted_scripts import quote_scripts
from mediafp.case.reports import write_trace_page
from mediafp.case.saved_queries import SavedQueries
from mediafp.case.stored_images import find_stored_rectangles
from mediafp.case.thumbnail_decoder import ThumbnailDecoder
from mediafp.case.trace import MIN_QUERY_SHOWN, build_trace
from mediafp.engine.interface import Engine
from mediafp.fingerprints.registry import fingerprint_type
from mediafp.ingest.files import open_file
from mediafp.report.names import display_name
from mediafp.store import Store
from mediafp.types.answers import Answer, Groupings, Spoken, Use, Words
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY
from mediafp.types.errors import UsageError
from mediafp.types.hashes import IMAGE_ALGORITHMS
from mediafp.types.kept_matches import KeptEdge
from mediafp.types.matches import JOINED_RELATIONS, Match, Placement, QueryResult, Relation, Trace
from mediafp.types.media import Asset, Pixels, TimeSpan
from mediafp.types.saved_queries import Box, QueryPart, SavedQuery

MAX_SOURCE_CANDIDATES: Final = 24
"""Images whose rectangles are looked for, to tell a page that contains the image from an image that is less cut: those that
show most. Each takes 10 ms. Chosen, not measured."""
MAX_QUOTED_VIDEOS: Final = 100
"""Videos of an image whose transcripts are read. Chosen, not measured."""
MAX_EVIDENCE_MATCHES: Final = 60
"""Matches of an evidence page: the images of more do not fit into one file. Chosen, not measured."""
KEPT_RESULTS: Final = 4
"""Results of assets that are kept until the store changes: with a thousand matches, one takes some 5 MB and .4 s of CPU time."""


class Answers:
    """The answers of a case. Several threads may use one object."""

    def __init__(
        self, store: Store, queries: SavedQueries, open_engine: Callable[[], Engine], thumbnails: ThumbnailDecoder
    ) -> None:
        """Use a store, the queries beside it, and an engine that is opened to search a part of an image."""
        self._store, self._queries, self._open_engine = store, queries, open_engine
        self._thumbnails = thumbnails
        # The rectangles in an image never change.
        self._rectangles = lru_cache(maxsize=1024)(partial(find_stored_rectangles, store, thumbnails.decode))
        # The orders and filters of an answer ask for the same result.
        self._results = lru_cache(maxsize=KEPT_RESULTS)(self._load_result)

    def find(self, sha256: str) -> Answer | None:
        """Return what is known of a query or an asset; None if it is neither.

        Of an uploaded file whose content is in the case, what the case knows now is the answer.
        """
        saved = self._queries.find(sha256)
        asset = next(iter(self._store.assets({sha256})), None)
        if asset and not (saved and saved.is_running):
            return self._stored_answer(asset, saved)
        return self._saved_answer(saved, asset) if saved else None

    def quote(self, answer: Answer) -> Answer:
        """Return an answer whose matches of scripts have the words of their passages, as `match` states them."""
        if answer.result is None:
            return answer
        transcript = None if answer.in_case else self._queries.transcript(answer.sha256)
        return replace(answer, result=quote_scripts(answer.result, transcript, self._store))

    def group(self, answer: Answer, min_probability: float = DEFAULT_MIN_PROBABILITY) -> Groupings:
        """Return the uses of an answer from a probability on; a file without a result has none."""
        result = answer.result or QueryResult(query=answer.name, sha256=answer.sha256, kind=answer.kind, error=None)
        matches = (*result.matches, *result.near_misses)
        assets = {asset.sha256: asset for asset in self._store.assets({match.sha256 for match in matches})}
        uses = Uses(answer.sha256, matches, assets, min_probability)
        edges = self._edges_among(uses.footage) if answer.kind == "image" else []
        return Groupings(
            pictures=tuple(uses.pictures),
            footage=group_stretches(uses.footage)
            if answer.kind == "video"
            else group_footage(uses.footage, _pairs(edges, JOINED_RELATIONS)),
            words=self._words(answer, uses.words),
            spoken=self._spoken(uses.footage, edges) if answer.kind == "image" else (),
            doubtful=tuple(uses.doubtful),
            scenes=tuple(uses.scenes),
            near_misses=tuple(uses.near_misses),
            accounts=count_accounts(uses.counted),
            trace=self._trace(result, uses.counted, is_image=answer.kind == "image"),
        )

    def frame_times(self, sha256: str, span: TimeSpan | None, count: int) -> list[float]:
        """Return the times of different kept frames of a query or a video in a span, or in all of it, at most some number."""
        analysis = self._queries.analysis(sha256)
        asset = analysis.asset if analysis else self._store.asset(sha256)
        start, end = span or (0.0, float(asset.properties.get("duration") or 0.0))
        wanted = [start + (end - start) * (place + 0.5) / count for place in range(count)]
        if analysis:
            kept = [one.seconds for one in analysis.thumbnails]
            return sorted({min(kept, key=lambda at: abs(at - seconds)) for seconds in wanted}) if kept else []
        found = (self._store.find_thumbnail(sha256, seconds) for seconds in wanted)
        return sorted({thumbnail.seconds for thumbnail in found if thumbnail})

    def add_part(self, sha256: str, box: Box, seconds: float | None = None) -> str:
        """Save a part of a query or an asset as a query of its own, and return the SHA-256 of that.

        Of an asset whose original is not at hand, the part is one of its kept frame.

        Args:
            sha256: The query or the asset.
            box: The part, in pixels of the image or of a frame of the video.
            seconds: Time of the frame; None for the first one.

        Raises:
            UsageError: There is no such file, it is not read yet, or the box is too small.
            MediaError: It cannot be decoded.
        """
        answer = self.find(sha256)
        if answer is None or answer.asset is None or not all(answer.asset.size):
            raise UsageError(
                f"cannot search a part of {sha256[:12]}: it was not read, or has no image; ask about the file again"
            )
        pixels, is_thumbnail = self._pixels(answer.asset, seconds or 0.0)
        is_video = answer.asset.kind == "video"
        at = (seconds or 0.0) if is_video else None
        part = QueryPart(sha256=sha256, box=box, seconds=at, is_thumbnail=is_thumbnail)
        return self._queries.add_part(part, crop(pixels, box, answer.asset.size), name=answer.name)

    def evidence_page(self, answer: Answer) -> bytes:
        """Return the surest matches of an answer with their evidence as one HTML page. Raises UsageError if there is none."""
        if answer.result is None or answer.asset is None or answer.is_running:
            raise UsageError("cannot write the evidence page: the file has no answer yet; wait for it")
        others = tuple(match for match in answer.result.matches if match.sha256 != answer.sha256)
        result = replace(
            answer.result,
            query=answer.name,
            matches=others[:MAX_EVIDENCE_MATCHES],
            more_matches=answer.result.more_matches + len(others[MAX_EVIDENCE_MATCHES:]),
        )
        own = find_own_match(self._store, answer.sha256)
        trace = build_trace(result, self._rectangles, own)
        analysis = None if answer.in_case else self._queries.analysis(answer.sha256)
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "evidence.html"
            write_trace_page(page, trace, self._store, self._thumbnails, analysis, paths=False)
            if len(list(page.parent.iterdir())) > 1:
                raise UsageError(
                    "cannot write the evidence as one page: its images are too large; use: mediafp trace --html"
                )
            return page.read_bytes()

    def _load_result(self, sha256: str, last_log_entry: tuple[int, str]) -> QueryResult:
        """Return the result of an asset after an entry of the custody log, which grows with every change of the store."""
        return stored_result(self._store, self._store.asset(sha256))

    def _stored_answer(self, asset: Asset, saved: SavedQuery | None) -> Answer:
        uri = next(iter(self._store.uris(asset.sha256)), None)
        is_compared = self._store.is_compared(asset.sha256, comparison_versions())
        result = self._results(asset.sha256, self._store.last_log_entry())
        return Answer(
            sha256=asset.sha256,
            name=saved.name if saved else display_name(uri or asset.sha256),
            uri=uri,
            kind=asset.kind,
            bytes=asset.bytes,
            asset=asset,
            in_case=True,
            was_asked=saved is not None,
            is_kept=True,
            asked_at=saved.asked_at if saved else None,
            state="done",
            seconds=saved.seconds if saved else None,
            files=None,
            error=None,
            result=result,
            text=result.text,
            part_of=saved.part_of if saved else None,
            hashes=self._stored_hashes(asset),
            is_compared=is_compared,
        )

    def _saved_answer(self, saved: SavedQuery, asset: Asset | None) -> Answer:
        known = saved.asset or asset
        return Answer(
            sha256=saved.sha256,
            name=saved.name,
            uri=None,
            kind=known.kind if known else None,
            bytes=saved.bytes,
            asset=known,
            in_case=asset is not None,
            was_asked=True,
            is_kept=self._queries.content_path(saved.sha256) is not None,
            asked_at=saved.asked_at,
            state=saved.state,
            seconds=saved.seconds,
            files=saved.files,
            error=saved.error,
            result=saved.result,
            text=saved.text,
            part_of=saved.part_of,
            hashes=saved.hashes,
        )

    def _stored_hashes(self, asset: Asset) -> Mapping[str, str]:
        if asset.kind != "image":
            return {}
        return image_hashes(
            chain.from_iterable(
                self._store.fingerprints(name, fingerprint_type(name).version, {asset.sha256})
                for name in IMAGE_ALGORITHMS
            )
        )

    def _edges_among(self, uses: Sequence[Use]) -> list[KeptEdge]:
        files = {use.asset.sha256 for use in uses}
        return list(self._store.kept_edges(DEFAULT_MIN_PROBABILITY, files)) if len(files) > 1 else []

    def _spoken(self, uses: Sequence[Use], edges: Sequence[KeptEdge]) -> tuple[Spoken, ...]:
        quotations = {}
        for use in uses[:MAX_QUOTED_VIDEOS]:
            transcript = self._store.find_transcript(use.asset.sha256)
            if transcript and (text := spoken_between(transcript, WHOLE)):
                quotations[use.asset.sha256] = main_language(transcript, WHOLE) or "und", text
        return group_spoken(uses, quotations, _pairs(edges, ("same_script", "same_voice", "same_video")))

    def _words(self, answer: Answer, uses: Sequence[Use]) -> tuple[Words, ...]:
        transcripts = {use.asset.sha256: self._store.find_transcript(use.asset.sha256) for use in uses}

        def language(use: Use) -> str | None:
            transcript = transcripts[use.asset.sha256]
            return main_language(transcript, stretches_of(use.match, "reference")) if transcript else None

        own = self._store.find_transcript(answer.sha256)
        groups = []
        for words in group_words(uses, language):
            first = words.uses[0]
            shown = transcripts[first.asset.sha256]
            groups.append(
                replace(
                    words,
                    query_text=spoken_between(own, stretches_of(first.match, "query")) if own else None,
                    reference_text=spoken_between(shown, stretches_of(first.match, "reference")) if shown else None,
                )
            )
        return tuple(groups)

    def _trace(self, result: QueryResult, counted: Iterable[Use], *, is_image: bool) -> Trace:
        """Return the trace of the counted uses; rectangles are looked for in the images that show most alone."""
        strongest = {use.asset.sha256: use.match for use in reversed(list(counted))}
        matches = tuple(sorted(strongest.values(), key=lambda match: (-match.probability, match.sha256)))
        trace = build_trace(replace(result, matches=matches, near_misses=()), lambda sha256: ())
        if not is_image:
            return replace(trace, source=None, equally_complete=())
        widest = sorted(filter(_may_be_source, matches), key=_shows_less)[:MAX_SOURCE_CANDIDATES]
        narrow = build_trace(replace(result, matches=tuple(widest), near_misses=()), self._rectangles)
        return replace(trace, source=narrow.source, equally_complete=narrow.equally_complete)

    def _pixels(self, asset: Asset, seconds: float) -> tuple[Pixels, bool]:
        """Return an image or a frame, and True if it is the kept one since the file is gone."""
        path = self._queries.content_path(asset.sha256)
        if path is not None:
            with open_file(path) as file:
                return read_pixels(file, asset, seconds, self._open_engine()), False
        with open_original(self._store, asset.sha256) as original:
            if original is not None:
                return read_pixels(original, asset, seconds, self._open_engine()), False
        jpeg = self._store.thumbnail(asset.sha256, seconds)
        if jpeg is None:
            raise UsageError(
                f"cannot search a part of {asset.sha256[:12]}: its file is gone, and no frame of it is kept; ask about the file"
            )
        # The part is a query and a page shows it: no worker that a file took over may change it.
        return self._thumbnails.decode_apart(jpeg), True


def _pairs(edges: Iterable[KeptEdge], relations: Collection[Relation]) -> list[tuple[str, str]]:
    return [(edge.a, edge.b) for edge in edges if edge.relation in relations]


def _may_be_source(match: Match) -> bool:
    return match.kind == "image" and match.placement is not None and match.placement.shown >= MIN_QUERY_SHOWN


def _shows_less(match: Match) -> float:
    placement: Placement | None = match.placement
    return placement.covered / max(placement.shown, 1e-6) if placement else 1.0
