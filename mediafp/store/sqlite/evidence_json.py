"""The evidence of a kept match as JSON, as the database contains it."""

import json
import math
from dataclasses import asdict
from typing import Any, get_args

from mediafp.store.sqlite.values import DAMAGE_ERRORS, canonical_json, replace_surrogates
from mediafp.types.contents import MAX_ASSET_ROWS, MAX_SECONDS, check_text_lines
from mediafp.types.matches import (
    Change,
    ChangeKind,
    ChangeType,
    Match,
    Placement,
    Point,
    Relation,
    Segment,
    SegmentChannel,
    TextLine,
    Verdict,
)
from mediafp.types.media import MAX_TRACK_NUMBER, Kind, TimeSpan

MAX_NUMBER = 1e12
"""Greatest number in evidence; a homography near its horizon gives large coordinates. Chosen, not measured."""


def encode_evidence(match: Match) -> str:
    """Return the placements, the segments, the reasons, the changes and the pages of a match as canonical JSON."""
    fields = {
        "placements": [asdict(placement) for placement in (match.placement, *match.more_placements) if placement],
        "segments": [_segment_fields(segment) for segment in match.segments],
        "why": match.why,
    }
    # Evidence of older versions has neither.
    pages = {"rows": match.rows} if any(match.rows) else {}
    changes = {"changes": [asdict(change) for change in match.changes]} if match.changes else {}
    return replace_surrogates(canonical_json(fields | pages | changes))


def _segment_fields(segment: Segment) -> dict[str, Any]:
    fields = asdict(segment)
    # Evidence of older versions has none of these.
    if not segment.translated:
        del fields["translated"]
    for name in ("tracks", "audio_channels"):
        if fields[name] is None:
            del fields[name]
    return fields


def decode_match(
    sha256: str,
    kind: Kind,
    uris: tuple[str, ...],
    evidence: str,
    *,
    relation: str,
    verdict: str,
    probability: float,
    coverage: tuple[float, float],
) -> Match:
    """Return a match from its stored values.

    Raises:
        ValueError: A value is damaged, or another error of `values.DAMAGE_ERRORS`.
    """
    known_relation: Relation = _choice(relation, get_args(Relation))
    known_verdict: Verdict = _choice(verdict, get_args(Verdict))
    if not all(0 <= number <= 1 for number in (probability, *coverage)):
        raise ValueError("a probability or a share is outside 0..1")
    fields = json.loads(evidence)
    placements = tuple(_placement(stored) for stored in fields["placements"])
    return Match(
        sha256=sha256,
        uris=uris,
        kind=kind,
        relation=known_relation,
        verdict=known_verdict,
        probability=probability,
        coverage=coverage,
        placement=placements[0] if placements else None,
        segments=tuple(_segment(stored) for stored in fields["segments"]),
        why=tuple(_text(reason) for reason in fields["why"]),
        more_placements=placements[1:],
        changes=tuple(_change(stored) for stored in fields.get("changes", ())),
        rows=_rows(fields.get("rows", (0, 0))),
    )


def check_match(match: Match) -> None:
    """Check that a match can be kept and read again. Raises ValueError."""
    try:
        decode_match(
            match.sha256,
            match.kind,
            match.uris,
            encode_evidence(match),
            relation=match.relation,
            verdict=match.verdict,
            probability=match.probability,
            coverage=match.coverage,
        )
    except DAMAGE_ERRORS as error:
        raise ValueError(f"no match has such values: {error}") from error


def _placement(stored: dict[str, Any]) -> Placement:
    quad, overlap = _points(stored["quad"]), _points(stored["overlap"])
    points = _points(stored["correspondences"])
    left, top, right, bottom = map(_share, stored["removed"])
    if len(quad) != 4 or len(overlap) < 3:
        raise ValueError(f"a placement with {len(quad)} corners and an overlap of {len(overlap)}")
    removed_text = tuple(
        TextLine(text=line["text"], box=_points(line["box"]), confidence=_share(line["confidence"]))
        for line in stored["removed_text"]
    )
    check_text_lines(removed_text)
    return Placement(
        quad=(quad[0], quad[1], quad[2], quad[3]),
        overlap=overlap,
        covered=_share(stored["covered"]),
        shown=_share(stored["shown"]),
        mirrored=_flag(stored["mirrored"]),
        rotation=_number(stored["rotation"]),
        scale=_number(stored["scale"]),
        removed=(left, top, right, bottom),
        inliers=int(_number(stored["inliers"])),
        correspondences=tuple(zip(points[::2], points[1::2], strict=True)),
        removed_text=removed_text,
        handles=tuple(_text(handle) for handle in stored["handles"]),
    )


def _change(stored: dict[str, Any]) -> Change:
    box = _points(stored["box"])
    if len(box) != 4:
        raise ValueError(f"a change with {len(box)} corners")
    return Change(
        box=box,
        what=_choice(stored["what"], get_args(ChangeType)),
        kind=_choice(stored["kind"], get_args(ChangeKind)),
        before=None if stored["before"] is None else _text(stored["before"]),
        after=None if stored["after"] is None else _text(stored["after"]),
    )


def _segment(stored: dict[str, Any]) -> Segment:
    return Segment(
        channel=_choice(stored["channel"], get_args(SegmentChannel)),
        query=None if stored["query"] is None else _span(stored["query"]),
        reference=_span(stored["reference"]),
        speed=_number(stored["speed"]),
        mirrored=_flag(stored["mirrored"]),
        score=_number(stored["score"]),
        # Matches that were kept before it was measured have none.
        weakest=None if stored.get("weakest") is None else _span(stored["weakest"]),
        tracks=_tracks(stored.get("tracks")),
        translated=_flag(stored.get("translated", False)),
        audio_channels=_audio_channels(stored.get("audio_channels")),
    )


def _tracks(stored: Any) -> tuple[int, int] | None:
    if stored is None:
        return None
    query, reference = stored
    if not all(type(track) is int and 0 <= track <= MAX_TRACK_NUMBER for track in (query, reference)):
        raise ValueError(f"{stored!r} are no audio tracks")
    return query, reference


def _audio_channels(stored: Any) -> tuple[int | None, int | None] | None:
    if stored is None:
        return None
    query, reference = stored
    if not all(channel is None or (type(channel) is int and channel >= 0) for channel in (query, reference)):
        raise ValueError(f"{stored!r} are no channels of audio tracks")
    return query, reference


def _rows(stored: Any) -> tuple[int, int]:
    query, reference = stored
    if not all(type(row) is int and 0 <= row < MAX_ASSET_ROWS["image"] for row in (query, reference)):
        raise ValueError(f"{stored!r} are no rows of images")
    return query, reference


def _choice(stored: str, known: tuple[Any, ...]) -> Any:
    if stored not in known:
        raise ValueError(f"{stored!r} is none of {known}")
    return stored


def _points(stored: Any) -> tuple[Point, ...]:
    # A command that reads no matches does not load it.
    import numpy as np

    points = np.array(stored, np.float64).reshape(-1, 2)
    # Written so that NaN is refused too.
    if not (np.abs(points) <= MAX_NUMBER).all():
        raise ValueError("a point is outside the plane")
    return tuple((x, y) for x, y in points.tolist())


def _span(stored: Any) -> TimeSpan:
    start, end = map(_number, stored)
    if max(abs(start), abs(end)) > MAX_SECONDS:
        raise ValueError(f"a segment from {start} to {end}")
    return start, end


def _number(stored: Any) -> float:
    # In this order: a whole number may be too large to be a float.
    if type(stored) not in (int, float) or abs(stored) > MAX_NUMBER or not math.isfinite(stored):
        raise ValueError(f"{stored!r} is no number of a match")
    return float(stored)


def _share(stored: Any) -> float:
    number = _number(stored)
    if not 0 <= number <= 1:
        raise ValueError(f"{number} is no share")
    return number


def _flag(stored: Any) -> bool:
    if not isinstance(stored, bool):
        raise TypeError(f"{stored!r} is neither true nor false")
    return stored


def _text(stored: Any) -> str:
    if not isinstance(stored, str):
        raise TypeError(f"a text is of type {type(stored).__name__}")
    return stored
