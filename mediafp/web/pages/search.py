"""The search: where it was said, written, or used as a name."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated, Final, Literal, get_args
from urllib.parse import urlencode

from fastapi import Query

from mediafp.case import Case
from mediafp.report import jsonl
from mediafp.types.bounded_cache import BoundedCache
from mediafp.types.errors import StoreError, UsageError
from mediafp.types.found_speech import rate_hit
from mediafp.types.instants import time_key
from mediafp.types.search_results import FoundFile, SearchResult
from mediafp.types.sightings import Sighting
from mediafp.types.transcripts import SearchHit, SearchSource, Transcript, TranscriptSegment
from mediafp.types.written_words import quote_segments, segment_certainty
from mediafp.web.asking import Asking
from mediafp.web.facets import count_choices, filter_items
from mediafp.web.paging import Limit
from mediafp.web.said_words import hit_runs
from mediafp.web.site import Site
from mediafp.web.views import View

FILES_PER_PAGE: Final = 20
"""Files on one page. Chosen, not measured."""
LINES_PER_FILE: Final = 8
"""Places of one file that a page lists; the others are behind a link. Chosen, not measured."""
MAX_SEARCH_CHARS: Final = 400
"""Characters of a search: more words than any sentence has, and few enough for one query. Chosen, not measured."""
HIT_BYTES: Final = 2_000
"""Bytes in memory of one place with the sightings of its file. Estimated."""
CACHE_BYTES: Final = 32_000_000
"""Bytes of the results that are kept: of five searches with as many places as a result has. Chosen, not measured."""
SOURCES: Final = get_args(SearchSource)
TIMED: Final = ("speech", "screen")
"""Sources whose places have times."""
Text = Annotated[str, Query(max_length=MAX_SEARCH_CHARS)]
Chosen = Annotated[list[str], Query(max_length=50, default_factory=list)]
Sort = Literal["best", "oldest", "newest", "account"]
FACETS: Final[Mapping[str, Callable[[FoundFile], set[str]]]] = {
    "in": lambda file: {hit.source for hit in file.hits},
    "account": lambda file: {seen.account_label for seen in file.sightings if seen.account_label},
    "platform": lambda file: {seen.platform for seen in file.sightings if seen.platform},
    "state": lambda file: {_state(seen) for seen in file.sightings if seen.platform or seen.account_label},
    "month": lambda file: {
        seen.posted_at[:7] for seen in file.sightings if seen.posted_at and len(seen.posted_at) >= 7
    },
}
"""Values of a file by facet."""


def add_search(site: Site, asking: Asking) -> None:
    """Add the search."""
    # A search is asked for again with each page and each facet of its list.
    results = BoundedCache(_search, lambda result: HIT_BYTES * sum(len(one.hits) for one in result.files), CACHE_BYTES)

    def found_for(q: str, *sources: SearchSource) -> SearchResult:
        return results.get((site.case, site.case.revision(), q, sources))

    def search(
        *,
        q: Text = "",
        source: Annotated[list[str], Query(alias="in", max_length=len(SOURCES), default_factory=list)],
        account: Chosen,
        platform: Chosen,
        state: Chosen,
        month: Chosen,
        sort: Sort = "best",
        page: Annotated[int, Query(ge=1, le=1_000)] = 1,
        file: Annotated[str, Query(pattern="^([0-9a-f]{64})?$")] = "",
        place: Annotated[int, Query(ge=0, le=10_000)] = 0,
    ) -> View:
        chosen = {"in": source, "account": account, "platform": platform, "state": state, "month": month}
        query = [("q", q), *((name, value) for name, values in chosen.items() for value in values), ("sort", sort)]
        error = None
        result = SearchResult(files=(), is_complete=True, forms=())
        if q.strip():
            try:
                result = found_for(q)
            except StoreError:
                raise
            except UsageError as problem:
                error = str(problem)
        found = sorted_files([only_chosen(one, source) for one in filter_items(result.files, FACETS, chosen)], sort)
        shown = found[(page - 1) * FILES_PER_PAGE : page * FILES_PER_PAGE]
        peek_file = next((one for one in found if one.sha256 == file), shown[0] if shown else None)
        hits = [hit for one in found for hit in one.hits]
        transcripts = _transcripts(site, [*shown, peek_file] if peek_file else shown)
        return View(
            template="search.html.j2",
            values={
                "q": q,
                "error": error,
                "result": result,
                "hits": len(hits),
                "found": len(found),
                "accounts": len({name for one in found for name in FACETS["account"](one)}),
                "files": shown,
                "choices": count_choices(result.files, FACETS, chosen),
                "sort": sort,
                "page": page,
                "pages": -(-len(found) // FILES_PER_PAGE),
                "lines_per_file": LINES_PER_FILE,
                "address_with": lambda **changes: _address(query, changes),
                "runs": lambda hit: hit_runs(hit, transcripts.get(hit.sha256)),
                "has_doubts": any(s.token_probabilities for one in transcripts.values() for s in one.segments),
                "timed": TIMED,
                "peek": _peek(peek_file, place, transcripts) if peek_file else None,
            },
            json=lambda: map(jsonl.hit_to_json, _rated(site, found)),
            columns=("sha256", "uri", "source", "start", "end", "text", "certainty"),
            rows=lambda: (
                (hit.sha256, hit.uris[0], hit.source, hit.start, hit.end, hit.text, hit.certainty)
                for hit in _rated(site, found)
            ),
        )

    def search_api(
        *,
        q: Text,
        source: Annotated[list[SearchSource], Query(alias="in", max_length=len(SOURCES), default_factory=list)],
        limit: Limit = 100,
    ) -> Iterable[jsonl.JsonObject]:
        """Return the places with all words of a text, as `mediafp search` does, those of one file together."""
        result = found_for(q, *source)
        return list(map(jsonl.hit_to_json, islice(_rated(site, result.files), limit)))

    site.add_view("/search", search)
    site.add_api("/search", search_api)


def _search(asked: tuple[Case, int, str, tuple[SearchSource, ...]]) -> SearchResult:
    """Return the result of a search in a revision of a case."""
    case, _, text, sources = asked
    return case.search_files(text, sources or None)


def sorted_files(files: Sequence[FoundFile], sort: Sort) -> list[FoundFile]:
    """Return files in an order: as found, by their first date, or by their first account."""
    if sort == "account":
        return sorted(files, key=lambda one: min(FACETS["account"](one), default="\uffff"))
    if sort in ("oldest", "newest"):
        dated = sorted(
            (one for one in files if _date(one)), key=lambda one: time_key(_date(one) or ""), reverse=sort == "newest"
        )
        return [*dated, *(one for one in files if not _date(one))]
    return list(files)


def only_chosen(file: FoundFile, sources: Sequence[str]) -> FoundFile:
    """Return a file with the places of the chosen sources alone; with all of them if none is chosen."""
    if not sources:
        return file
    hits = tuple(hit for hit in file.hits if hit.source in sources)
    return FoundFile(sha256=file.sha256, kind=file.kind, uris=file.uris, sightings=file.sightings, hits=hits)


def _date(file: FoundFile) -> str | None:
    return min((seen.date for seen in file.sightings if seen.date), key=time_key, default=None)


def _state(sighting: Sighting) -> str:
    return "removed" if sighting.removed_at else "up"


def _address(query: Sequence[tuple[str, str]], changes: dict[str, object]) -> str:
    """Return the address of the search with some values replaced; None removes one."""
    kept = [(name, value) for name, value in query if name not in changes]
    return "/search?" + urlencode(
        [*kept, *((name, str(value)) for name, value in changes.items() if value is not None)]
    )


def _transcripts(site: Site, files: Sequence[FoundFile]) -> dict[str, Transcript]:
    """Return the transcripts of the files with a place in their speech."""
    spoken = {file.sha256 for file in files if any(hit.source == "speech" for hit in file.hits)}
    found = ((sha256, site.queries.evidence(sha256).transcript(sha256)) for sha256 in spoken)
    return {sha256: transcribed[0] for sha256, transcribed in found if transcribed}


def _rated(site: Site, files: Iterable[FoundFile]) -> Iterator[SearchHit]:
    """Yield the places of files, those in speech with the probability of their words."""
    for file in files:
        transcript = _transcripts(site, [file]).get(file.sha256)
        yield from (rate_hit(hit, transcript) for hit in file.hits)


def _peek(file: FoundFile, place: int, transcripts: Mapping[str, Transcript]) -> dict[str, object]:
    """Return the chosen place with its frame, and of speech the segments around it."""
    hit = file.hits[min(place, len(file.hits) - 1)]
    segment, before, after = None, None, None
    model = ""
    if hit.source == "speech" and (transcript := transcripts.get(file.sha256)) and transcript.segments:
        own = [s for s in transcript.segments if (s.track, s.channel) == (hit.track, hit.channel)]
        segments = own or list(transcript.segments)
        number = _nearest(segments, hit.start)
        segment, model = segments[number], transcript.model
        before = segments[number - 1] if number else None
        after = segments[number + 1] if number + 1 < len(segments) else None
    sides = {"before": before, "after": after}
    return {
        "file": file, "hit": hit, "segment": segment, "model": model,
        "certainty": segment_certainty(segment) if segment else None,
        **{name: quote_segments([side]) if side else None for name, side in sides.items()},
    }  # fmt: skip


def _nearest(segments: Sequence[TranscriptSegment], seconds: float) -> int:
    """Return the number of the segment that contains a time, or that is nearest to it."""
    return min(range(len(segments)), key=lambda n: max(segments[n].start - seconds, seconds - segments[n].end, 0))
