"""The trace of an image as one HTML page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markupsafe import Markup

from mediafp.report.cards import MatchCard, build_card
from mediafp.report.evidence_source import EvidenceSource
from mediafp.report.group_cards import MAX_EQUALLY_COMPLETE
from mediafp.report.html import write_page
from mediafp.report.isolation import isolate_name
from mediafp.report.names import account_name, clue_line, display_name, join_isolated
from mediafp.report.page_evidence import PageEvidence
from mediafp.report.page_images import PageImages
from mediafp.types.matches import Trace, TraceEntry, Verdict

MAX_OWNER_CLUES: Final = 3
"""Clues to owners that are listed if several references may be the source. Chosen, not measured."""
MAX_OPEN_ENTRIES: Final = 20
"""Entries whose cards are unfolded. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRow:
    """One entry of the trace as the template draws it."""

    number: int
    date: str
    account: Markup
    least_cut: bool
    image: Markup
    name: str
    verdict: Verdict
    probability: float


def write_trace(
    path: Path, trace: Trace, source: EvidenceSource, *, seal: tuple[int, str], paths: bool = False
) -> None:
    """Write the page of a trace, and the folder of its images if they are too large for one file.

    Args:
        path: The page.
        trace: The trace; its query was analysed.
        source: The evidence; the query and all references are assets of it.
        seal: Number and hash of the last entry of the custody log.
        paths: Show the whole paths of files, not only their names.

    Raises:
        OSError: The page or the folder cannot be written.
    """
    result, least_cut = trace.result, trace.source
    assert result.sha256 is not None, "a query that could not be analysed has no trace"
    query = result.sha256
    owners = list(trace.owner_clues().items()) if trace.entries else []
    numbered = list(enumerate(trace.entries, 1))
    # The query as a source has more sightings than its own entry, which lacks the path that was asked about.
    numbered.sort(key=lambda item: least_cut is None or item[1].match.sha256 != least_cut.match.sha256)

    def build_values(images: PageImages) -> Mapping[str, object]:
        evidence = PageEvidence(source, images, paths=paths)

        def cards() -> Iterator[tuple[int, MatchCard]]:
            for number, entry in numbered:
                yield number, build_card(result, entry.match, evidence, {}, {})

        return {
            "title": f"Trace of {display_name(result.query)}",
            "seal": seal,
            "query_image": evidence.image(query, label="the query"),
            "warnings": result.warnings,
            "total": len(trace.entries),
            "more_matches": result.more_matches,
            "rows": [_row(number, entry, trace, evidence) for number, entry in enumerate(trace.entries, 1)],
            "source": {
                "name": display_name(least_cut.match.uris[0]),
                "more": least_cut.extent_words,
                "is_query": trace.is_query(least_cut),
            }
            if least_cut and trace.entries
            else None,
            "equally_complete": _names(trace, trace.equally_complete),
            "more_equal": len(trace.equally_complete[MAX_EQUALLY_COMPLETE:]),
            "equal_extent": next((one.extent_words for one in trace.equally_complete), ""),
            "handles": [readings.text for readings in trace.handles],
            "first_posted": {
                "date": trace.first_posted.posted_at,
                "account": account_name(trace.first_posted),
                "name": display_name(trace.first_posted.uri),
                "is_repost": trace.first_posted.role == "repost",
                "perhaps_first": len(trace.perhaps_first),
            }
            if trace.first_posted
            else None,
            "owners": [
                (clue_line(clue), _names(trace, entries), len(entries[MAX_EQUALLY_COMPLETE:]))
                for clue, entries in owners[:MAX_OWNER_CLUES]
            ],
            "more_owners": len(owners[MAX_OWNER_CLUES:]),
            "is_tied": bool(trace.equally_complete),
            "cards": cards,
            "max_open": MAX_OPEN_ENTRIES,
            "near_misses": [
                (
                    display_name(match.uris[0]),
                    evidence.image(match.sha256),
                    match.probability,
                    join_isolated("; ", *match.why),
                )
                for match in result.near_misses
            ],
        }

    write_page(path, "trace_page.html.j2", build_values)


def _names(trace: Trace, entries: Sequence[TraceEntry]) -> list[Markup]:
    """Return the names of the first ones of some entries, and which of them is the traced image itself."""
    return [
        isolate_name(display_name(one.match.uris[0])) + (" (the image itself)" if trace.is_query(one) else "")
        for one in entries[:MAX_EQUALLY_COMPLETE]
    ]


def _row(number: int, entry: TraceEntry, trace: Trace, evidence: PageEvidence) -> TraceRow:
    match = entry.match
    return TraceRow(
        number=number,
        date=entry.first_seen or "no date",
        account=account_name(match.sightings[0]) if match.sightings else Markup(),
        least_cut=any(match.sha256 == one.match.sha256 for one in trace.perhaps_sources),
        image=evidence.image(match.sha256),
        name=display_name(match.uris[0]),
        verdict=match.verdict,
        probability=match.probability,
    )
