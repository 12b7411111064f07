"""The page of two files beside each other: is it the same, how was it changed, what is missing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import Query
from starlette.exceptions import HTTPException

from mediafp.case.answers.grouping import is_certain
from mediafp.report import jsonl
from mediafp.report.timelines import order_segments
from mediafp.types.compared_pairs import ComparedFile, ComparedPair, LinePair, SpokenLine
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY
from mediafp.types.matches import Match, Segment, SegmentChannel
from mediafp.types.media import Asset
from mediafp.web.asking import Asking
from mediafp.web.media import Seconds
from mediafp.web.pair_media import add_pair_media
from mediafp.web.picture_stage import PictureStage, lay_out
from mediafp.web.said_words import read_said
from mediafp.web.site import Sha256, Site
from mediafp.web.stretch_lanes import LEFT, StretchLanes, lay_stretches
from mediafp.web.translation import page_text
from mediafp.web.views import View

Channel = Literal["picture", "video", "script"]
Arrangement = Literal["side", "slider", "blink", "fade"]
PICTURED: Final = frozenset(("copy", "image_in_video"))
"""Relations of an image: they are shown as pictures."""
MAX_FRAME_PAIRS: Final = 5
"""Pairs of frames that agree, one of each stretch of pictures, or more of few stretches. Chosen: one row of the page."""
MAX_LISTED_STRETCHES: Final = 60
"""Stretches in the table, the first ones. Chosen, not measured."""
As = Annotated[Channel | None, Query(alias="as")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One way to look at a pair."""

    channel: Channel
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The two pictures of a match, by their addresses."""

    match: Match
    query: str
    reference: str
    laid: str
    times: tuple[float | None, float | None]
    stage: PictureStage


@dataclass(frozen=True, slots=True, kw_only=True)
class FramePair:
    """Two seconds that show the same."""

    query: float
    reference: float


def add_compare(site: Site, asking: Asking) -> None:
    """Add the page of a pair, its object of the API, and its pictures."""
    pairs = site.case.pairs(site.queries)
    previews = site.case.previews(pairs)
    site.on_close(previews.close)
    add_pair_media(site, pairs, previews)

    def find(query: str, reference: str) -> ComparedPair:
        pair = pairs.find(query, reference)
        if pair is None:
            raise HTTPException(
                404, page_text("one of the two files is neither in the case nor kept as a query; ask again")
            )
        return replace(pair, query=named(pair.query), reference=named(pair.reference))

    def named(file: ComparedFile) -> ComparedFile:
        """Return a file of the case with the name that it had when it was received."""
        return (
            replace(file, name=site.file_name(file.sightings[0].uri)) if file.sightings and not file.asked_at else file
        )

    def compare(
        query: Sha256, reference: Sha256, channel: As = None, view: Arrangement = "side", t: Seconds = None
    ) -> View:
        pair = find(query, reference)
        address = f"/compare/{query}/{reference}"
        moment = {} if t is None else {"t": f"{t:.2f}"}
        tabs = [Tab(channel=one, href=f"{address}?{urlencode({'as': one, **moment})}") for one in _channels(pair)]
        shown = next((tab.channel for tab in tabs if tab.channel == channel), tabs[0].channel)
        position = pair.neighbours.index(reference) + 1 if reference in pair.neighbours else 0
        values: dict[str, object] = {
            "pair": pair,
            "tabs": tabs,
            "shown": shown,
            "view": view,
            "match": _match_of(pair, shown),
            "position": position,
            "previous": _neighbour(pair, position - 2, query),
            "next": _neighbour(pair, position, query),
        }
        if shown == "picture":
            values["picture"] = _picture(pair, t)
        elif shown == "video":
            values |= _video_values(pair, t)
            values["said"] = {
                side: read_said(pairs.transcript(file.asset.sha256))
                for side, file in (("query", pair.query), ("reference", pair.reference))
            }
            values["previews"] = {
                file.asset.sha256: previews.state(file.asset.sha256) for file in (pair.query, pair.reference)
            }
        return View(
            template="compare.html.j2",
            values=values,
            json=lambda: pair_to_json(pairs.quote(pair)),
            columns=_COLUMNS,
            rows=lambda: _rows(pair),
        )

    def compared(query: Sha256, reference: Sha256) -> jsonl.JsonObject:
        """Return two files with everything that joins them: matches seen from the first one, points, words, both sides."""
        return pair_to_json(pairs.quote(find(query, reference)))

    site.add_view("/compare/{query}/{reference}", compare)
    site.add_api("/compare/{query}/{reference}", compared)


def pair_to_json(pair: ComparedPair) -> jsonl.JsonObject:
    """Return a pair as an object: its matches with their points, its words, and both files."""
    words = pair.words
    return {
        "query": _file_to_json(pair.query),
        "reference": _file_to_json(pair.reference),
        "matches": [
            jsonl.match_to_json(match)
            | {"points": [[list(a), list(b)] for a, b in match.placement.correspondences] if match.placement else []}
            for match in pair.matches
        ],
        "decision": jsonl.match_decision_to_json(pair.decision) if pair.decision else None,
        "words": words
        and {
            "words": words.words,
            "equal_words": words.equal_words,
            "offset": list(words.offset) if words.offset else None,
            "lines": [_lines_to_json(line) for line in words.lines],
            "omitted_lines": words.omitted_lines,
        },
    }


def _file_to_json(file: ComparedFile) -> jsonl.JsonObject:
    return {
        "sha256": file.asset.sha256,
        "kind": file.asset.kind,
        "name": file.name,
        "bytes": file.asset.bytes,
        "properties": dict(file.asset.properties),
        "in_store": file.in_store,
        "asked_at": file.asked_at,
        "sightings": [jsonl.sighting_to_json(seen) for seen in file.sightings],
    }


def _lines_to_json(pair: LinePair) -> jsonl.JsonObject:
    def side(lines: Sequence[SpokenLine]) -> list[jsonl.JsonObject]:
        return [
            {
                "start": line.span[0],
                "end": line.span[1],
                "language": line.language,
                "text": line.text,
                "certainty": line.certainty,
                "runs": [{"text": run.text, "agreement": run.agreement, "doubt": run.doubt} for run in line.runs],
            }
            for line in lines
        ]

    return {"query": side(pair.query), "reference": side(pair.reference)}


_COLUMNS: Final = (
    *("relation", "verdict", "probability", "channel", "query_start", "query_end", "reference_start", "reference_end"),
    *("speed", "mirrored", "score", "why"),
)


def _rows(pair: ComparedPair) -> Iterable[Sequence[object]]:
    """Yield a row for each stretch of each match, and one for a match without any."""
    for match in pair.matches:
        head, why = (match.relation, match.verdict, match.probability), "; ".join(match.why)
        if not match.segments:
            yield (*head, *[None] * 8, why)
        for one in order_segments(match.segments):
            yield (
                *(*head, one.channel, *(one.query or (None, None)), *one.reference),
                *(one.speed, one.mirrored, one.score, why),
            )


def _channels(pair: ComparedPair) -> list[Channel]:
    """Return the ways to look at a pair: by the relations that hold, or by what the files are if none does."""
    channels: list[Channel] = []
    both_play = all(file.asset.kind == "video" for file in (pair.query, pair.reference))
    has_pictures = all(all(file.asset.size) for file in (pair.query, pair.reference))
    if has_pictures and (not both_play or any(match.placement for match in pair.matches)):
        channels.append("picture")
    if both_play:
        # The pictures of two videos are compared while they run.
        channels.insert(0, "video")
    if pair.words:
        channels.append("script")
        if all(match.relation == "same_script" for match in pair.matches):
            channels = ["script", *channels[:-1]]
    return channels or ["picture"]


def _match_of(pair: ComparedPair, channel: Channel) -> Match | None:
    """Return the match that a way to look at a pair is about."""
    wanted = {
        "picture": [m for m in pair.matches if m.placement] or [m for m in pair.matches if m.relation in PICTURED],
        "video": [m for m in pair.matches if m.relation not in PICTURED and m.relation != "same_script"],
        "script": [m for m in pair.matches if any(segment.channel == "script" for segment in m.segments)],
    }[channel]
    return next(iter(wanted), pair.matches[0] if pair.matches and channel != "picture" else None)


def _neighbour(pair: ComparedPair, index: int, query: str) -> str:
    """Return the address of another match of the query; "" if there is none."""
    if not pair.neighbours or not 0 <= index < len(pair.neighbours):
        return ""
    return f"/compare/{query}/{pair.neighbours[index]}"


def _picture(pair: ComparedPair, seconds: float | None) -> Picture | None:
    """Return the two pictures; None if one of the files has none."""
    query, reference = pair.query.asset, pair.reference.asset
    match = _match_of(pair, "picture")
    rows = match.rows if match else (0, 0)
    sizes = query.row_size(rows[0]), reference.row_size(rows[1])
    if not all((*sizes[0], *sizes[1])):
        return None
    times = _picture_times(match, query, reference, seconds)
    placement = match.placement if match else None
    if placement and None not in times:
        # They were found in one pair of frames, which need not be this one.
        placement = replace(placement, correspondences=())
    stage = lay_out(sizes[0], sizes[1], placement, match.changes if match else ())
    source = _source(query, rows[0], times[0])
    laid = ""
    if stage.overlay:
        quad, size = stage.overlay.warp
        asked = {
            "quad": ",".join(f"{value:g}" if abs(value) < 1e5 else f"{value:.0f}" for value in quad),
            "w": size[0],
            "h": size[1],
        }
        laid = f"/media/{query.sha256}/laid?{urlencode({**asked, **source})}"
    return Picture(
        match=match,  # type: ignore[arg-type]
        query=f"/media/{query.sha256}/frame?{urlencode(source)}",
        reference=f"/media/{reference.sha256}/frame?{urlencode(_source(reference, rows[1], times[1]))}",
        laid=laid,
        times=times,
        stage=stage,
    )


def _source(asset: Asset, row: int, seconds: float | None) -> dict[str, str]:
    if asset.kind == "image":
        return {"page": str(row)} if row else {}
    return {"t": f"{seconds or 0.0:.3f}"}


def _picture_times(
    match: Match | None, query: Asset, reference: Asset, seconds: float | None
) -> tuple[float | None, float | None]:
    """Return the seconds of the two frames that are compared; None of an image."""
    segment = next((one for one in (match.segments if match else ()) if one.channel == "picture"), None)
    if segment is None:
        return (None if query.kind == "image" else 0.0), (None if reference.kind == "image" else 0.0)
    if segment.query is None or reference.kind == "image":
        start, end = segment.query or segment.reference
        time = seconds if seconds is not None and start <= seconds <= end else (start + end) / 2
        return (None, time) if query.kind == "image" else (time, None)
    chosen = next(
        (one for one in match.segments if one.channel == "picture" and _has(one, seconds)) if match else iter(()), None
    )
    one = chosen or segment
    assert one.query is not None, "both are videos"
    time = seconds if chosen and seconds is not None else sum(one.query) / 2
    return time, one.reference_time(time)


def _has(segment: Segment, seconds: float | None) -> bool:
    return seconds is not None and segment.query is not None and segment.query[0] <= seconds <= segment.query[1]


def _video_values(pair: ComparedPair, seconds: float | None) -> dict[str, object]:
    """Return what the players need: the stretches of every relation, their drawing, and frames that agree."""
    stretches = order_segments(list(dict.fromkeys(s for match in pair.matches for s in match.segments if s.query)))
    durations = tuple(float(file.asset.properties.get("duration") or 0.0) for file in (pair.query, pair.reference))
    pictured = [one for one in stretches if one.channel == "picture"]
    # What the heading states is what holds; of a pair that is in doubt as a whole, what may hold.
    certain = [match for match in pair.matches if is_certain(match, DEFAULT_MIN_PROBABILITY)]
    stated = [one for match in certain or pair.matches for one in match.segments]
    lanes: StretchLanes | None = lay_stretches(stretches, (durations[0], durations[1])) if stretches else None
    first = stretches[0].query[0] if stretches and stretches[0].query else 0.0
    start = first if seconds is None else seconds
    at = next((one for one in stretches if _has(one, start)), None)
    return {
        "stretches": stretches[:MAX_LISTED_STRETCHES],
        "omitted_stretches": max(0, len(stretches) - MAX_LISTED_STRETCHES),
        "durations": durations,
        "lanes": lanes,
        "lanes_left": LEFT,
        "frame_pairs": _frame_pairs(pictured),
        "shared_seconds": {channel: _shared_seconds(stated, channel) for channel in ("picture", "voice", "script")},
        "is_certain": bool(certain),
        "is_same_video": any(match.relation == "same_video" for match in certain or pair.matches),
        "start": start,
        "reference_start": at.reference_time(start) if at else 0.0,
        "stretch_data": [
            {
                "channel": one.channel,
                "query": list(one.query or ()),
                "reference": list(one.reference),
                "reversed": one.speed < 0,
                "mirrored": one.mirrored,
            }
            for one in stretches
        ],
    }


def _shared_seconds(stretches: Sequence[Segment], channel: SegmentChannel | str) -> float:
    """Return the seconds of the query that stretches of a channel cover, each second once."""
    total, covered = 0.0, float("-inf")
    for start, end in sorted(one.query for one in stretches if one.channel == channel and one.query):
        total += max(0.0, end - max(start, covered))
        covered = max(covered, end)
    return total


def _frame_pairs(pictured: Sequence[Segment]) -> list[FramePair]:
    """Return seconds of stretches that show the same: the middle of each of many, several of few."""
    if not pictured:
        return []
    each = max(1, MAX_FRAME_PAIRS // len(pictured[:MAX_FRAME_PAIRS]))
    found = []
    for one in pictured[:MAX_FRAME_PAIRS]:
        assert one.query is not None, "an image has no stretches"
        start, end = one.query
        for number in range(each):
            time = start + (end - start) * (number + 0.5) / each
            found.append(FramePair(query=time, reference=one.reference_time(time)))
    return found[:MAX_FRAME_PAIRS]
