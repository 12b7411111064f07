"""The trace of a picture as one self-contained HTML page."""

from dataclasses import dataclass
from pathlib import Path

from mediafp.report.evidence_page import SMALL, MatchCard, build_card, display_name, render_template, thumbnail_uri
from mediafp.report.evidence_source import EvidenceSource
from mediafp.types.matches import Trace

MAX_DRAWN_SIGHTINGS = 100
"""Places that are drawn; all are listed by `mediafp trace`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRow:
    """One place in which the picture was seen, as the template draws it."""

    number: int
    date: str
    who: str
    least_cut: bool
    card: MatchCard


def write_trace(out: Path, trace: Trace, source: EvidenceSource) -> None:
    """Writes the page; the query and all references are assets of `source`. Raises OSError where it cannot."""
    answer, least_cut = trace.result, trace.source
    assert answer.sha256 is not None, "only what was read is traced"
    rows = []
    for number, one in enumerate(trace.entries[:MAX_DRAWN_SIGHTINGS], 1):
        seen = one.sightings[0] if one.sightings else None
        rows.append(
            TraceRow(
                number=number,
                date=one.first_seen or "no date",
                who=" on ".join(text for text in (seen.account, seen.platform) if text) if seen else "",
                least_cut=least_cut is not None and one.match is least_cut.match,
                card=build_card(answer, one.match, source, {}),
            )
        )
    more = (least_cut.extent or 1.0) - 1 if least_cut else 0.0
    handles = dict.fromkeys(
        handle for one in trace.entries if one.match.placement for handle in one.match.placement.handles
    )
    page = render_template(
        "trace_page.html.j2",
        title=f"Trace of {display_name(answer.query)}",
        thumb=thumbnail_uri(source.thumbnail(answer.sha256), 2 * SMALL),
        rows=rows,
        source={"name": display_name(least_cut.match.uris[0]), "more": f"{more * 100:.0f} % more than the query"}
        if least_cut
        else None,
        handles=list(handles),
        turned_down=[
            (display_name(m.uris[0]), thumbnail_uri(source.thumbnail(m.sha256), SMALL), m.probability, "; ".join(m.why))
            for m in answer.near_misses
        ],
    )
    out.write_text(page, encoding="utf-8", errors="replace")
