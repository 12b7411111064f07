"""The order of a trace, and the least-cut picture in it."""

from mediafp.case.trace import build_trace
from mediafp.types.matches import Match, Placement, QueryResult
from mediafp.types.media import Sighting


def match(name: str, covered: float | None, *, shown: float = 1.0, verdict: str = "copy") -> Match:
    corners = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    placement = covered and Placement(
        quad=corners, overlap=corners, covered=covered, shown=shown, mirrored=False, rotation=0.0, scale=1.0,
        removed=(0.0, 0.0, 0.0, 0.0), inliers=40,
    )  # fmt: skip
    return Match(
        sha256=name, uris=(f"{name}.jpg",), kind="image", relation="copy", verdict=verdict, probability=0.9,
        coverage=(shown, covered or 1.0), placement=placement or None, segments=(), why=(),
    )  # fmt: skip


def seen(name: str, posted: str | None = None, captured: str | None = None, uri: str = "") -> Sighting:
    return Sighting(sha256=name, uri=uri or f"{name}.jpg", posted_at=posted, captured_at=captured)


def bare(sha256: str) -> list[list[tuple[float, float]]]:
    """No rectangle stands out."""
    return []


def answer(*matches: Match) -> QueryResult:
    return QueryResult(query="q.jpg", sha256="q", kind="image", error=None, matches=matches)


def test_the_oldest_sighting_comes_first_and_those_without_a_date_last() -> None:
    sightings = {
        "a": [seen("a", "2024-01-01T00:00:00Z"), seen("a", "2020-01-01T00:00:00Z", uri="old.jpg")],
        "b": [seen("b", captured="2021-01-01T00:00:00Z")],
        "c": [seen("c")],
    }
    found = build_trace(answer(match("c", 1.0), match("b", 1.0), match("a", 1.0)), sightings.__getitem__, bare).entries
    assert [one.match.sha256 for one in found] == ["a", "b", "c"]
    assert [one.first_seen for one in found] == ["2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z", None]
    assert [s.uri for s in found[0].sightings] == ["old.jpg", "a.jpg"]


def test_the_source_shows_most_around_the_query() -> None:
    told = build_trace(
        answer(match("same", 1.0), match("wide", 0.6), match("part", 1.0, shown=0.5)), lambda s: [seen(s)], bare
    )
    assert told.source and told.source.match.sha256 == "wide"
    assert told.source.extent == 1.667


def test_of_pictures_that_show_as_much_the_oldest_is_the_source() -> None:
    dates = {"new": "2024-01-01T00:00:00Z", "old": "2019-01-01T00:00:00Z"}
    told = build_trace(answer(match("new", 0.6), match("old", 0.603)), lambda s: [seen(s, dates[s])], bare)
    assert told.source and told.source.match.sha256 == "old"


def test_a_copy_is_a_source_before_what_may_be_one() -> None:
    told = build_trace(
        answer(match("copy", 0.8), match("doubtful", 0.3, verdict="possible")), lambda s: [seen(s)], bare
    )
    assert told.source and told.source.match.sha256 == "copy"
    told = build_trace(answer(match("doubtful", 0.3, verdict="possible")), lambda s: [seen(s)], bare)
    assert told.source and told.source.match.sha256 == "doubtful"


def test_what_shows_only_a_part_of_the_query_or_has_no_placement_is_no_source() -> None:
    told = build_trace(answer(match("part", 0.4, shown=0.5), match("unplaced", None)), lambda s: [seen(s)], bare)
    assert told.source is None and len(told.entries) == 2


def test_another_picture_of_the_scene_is_not_traced() -> None:
    assert build_trace(answer(match("a", 0.6, verdict="same_scene")), lambda s: [seen(s)], bare).entries == ()


def test_what_lies_outside_of_the_frame_in_a_screenshot_is_no_more_of_the_picture() -> None:
    """The screenshot shows the query in a picture hardly larger; the other reference shows half as much again."""
    frames = {"screenshot": [[(-0.2, -0.2), (9.4, -0.2), (9.4, 9.4), (-0.2, 9.4)]], "wide": []}
    found = answer(match("screenshot", 0.2), match("wide", 0.66))
    told = build_trace(found, lambda s: [seen(s)], frames.__getitem__)
    assert told.source and told.source.match.sha256 == "wide"
    assert {one.match.sha256: one.extent for one in told.entries} == {"screenshot": 1.138, "wide": 1.515}
