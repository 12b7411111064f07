"""The trace of an image as one self-contained HTML page."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markupsafe import Markup

from mediafp.report.cards import MatchCard, build_card
from mediafp.report.evidence_source import EvidenceSource
from mediafp.report.html import SMALL_SIDE, display_name, join_isolated, render_template, thumbnail_uri
from mediafp.types.matches import Trace, TraceEntry

MAX_DRAWN_ENTRIES: Final = 100
"""Entries that are drawn; `mediafp trace` lists all. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRow:
    """One entry of the trace as the template draws it."""

    number: int
    date: str
    account: Markup
    least_cut: bool
    card: MatchCard


def write_trace(path: Path, trace: Trace, source: EvidenceSource) -> None:
    """Write the page of a trace.

    Args:
        path: The page.
        trace: The trace; its query was analysed.
        source: The evidence; the query and all references are assets of it.

    Raises:
        OSError: The page cannot be written.
    """
    result, least_cut = trace.result, trace.source
    assert result.sha256 is not None, "a query that could not be analysed has no trace"
    extent = (least_cut.extent or 1.0) - 1 if least_cut else 0.0
    handles = dict.fromkeys(
        handle for entry in trace.entries if entry.match.placement for handle in entry.match.placement.handles
    )
    page = render_template(
        "trace_page.html.j2",
        title=f"Trace of {display_name(result.query)}",
        thumb=thumbnail_uri(source.thumbnail(result.sha256), 2 * SMALL_SIDE),
        rows=[_row(number, entry, trace, source) for number, entry in enumerate(trace.entries[:MAX_DRAWN_ENTRIES], 1)],
        source={"name": display_name(least_cut.match.uris[0]), "more": f"{extent * 100:.0f} % more than the query"}
        if least_cut
        else None,
        handles=list(handles),
        near_misses=[
            (
                display_name(match.uris[0]),
                thumbnail_uri(source.thumbnail(match.sha256), SMALL_SIDE),
                match.probability,
                join_isolated("; ", *match.why),
            )
            for match in result.near_misses
        ],
    )
    path.write_text(page, encoding="utf-8", errors="replace")


def _row(number: int, entry: TraceEntry, trace: Trace, source: EvidenceSource) -> TraceRow:
    sighting = entry.sightings[0] if entry.sightings else None
    parts = (sighting.account, sighting.platform) if sighting else ()
    return TraceRow(
        number=number,
        date=entry.first_seen or "no date",
        account=join_isolated(" on ", *parts),
        least_cut=trace.source is not None and entry.match is trace.source.match,
        card=build_card(trace.result, entry.match, source, {}),
    )
