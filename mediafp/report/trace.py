"""The trace of a picture as one self-contained HTML page."""

from dataclasses import dataclass
from pathlib import Path

from mediafp.evidence import Trace
from mediafp.report.page import SMALL, Card, card, name_of, render, small
from mediafp.report.source import EvidenceSource

DRAWN = 100
"""Places that are drawn; all are listed by `mediafp trace`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One place in which the picture was seen, as the template draws it."""

    number: int
    date: str
    who: str
    least_cut: bool
    card: Card


def write_trace(out: Path, trace: Trace, source: EvidenceSource) -> None:
    """Writes the page; the query and all references are assets of `source`. Raises OSError where it cannot."""
    answer, least_cut = trace.answer, trace.source
    assert answer.sha256 is not None, "only what was read is traced"
    rows = []
    for number, one in enumerate(trace.found[:DRAWN], 1):
        seen = one.sightings[0] if one.sightings else None
        rows.append(
            Row(
                number=number,
                date=one.first_seen or "no date",
                who=" on ".join(text for text in (seen.account, seen.platform) if text) if seen else "",
                least_cut=least_cut is not None and one.match is least_cut.match,
                card=card(answer, one.match, source, {}),
            )
        )
    more = (least_cut.extent or 1.0) - 1 if least_cut else 0.0
    handles = dict.fromkeys(
        handle for one in trace.found if one.match.placement for handle in one.match.placement.handles
    )
    page = render(
        "trace.html.j2",
        title=f"Trace of {name_of(answer.query)}",
        thumb=small(source.thumbnail(answer.sha256), 2 * SMALL),
        rows=rows,
        source={"name": name_of(least_cut.match.uris[0]), "more": f"{more * 100:.0f} % more than the query"}
        if least_cut
        else None,
        handles=list(handles),
        turned_down=[
            (name_of(m.uris[0]), small(source.thumbnail(m.sha256), SMALL), m.probability, "; ".join(m.why))
            for m in answer.turned_down
        ],
    )
    out.write_text(page, encoding="utf-8", errors="replace")
