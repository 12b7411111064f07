"""The order of the entries of a trace, and its source."""

import re
from dataclasses import replace

import pytest
from sample_matches import sample_match, sample_placement

from mediafp.case.trace import build_trace
from mediafp.cli.trace import _print_trace
from mediafp.report.jsonl import trace_to_json
from mediafp.types.matches import HandleReadings, Match, QueryResult, TextLine, TraceEntry
from mediafp.types.sightings import Clue, Sighting


def make_match(
    name: str, covered: float | None, *seen: Sighting, shown: float = 1.0, verdict: str = "copy", **placed: object
) -> Match:
    corners = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    placement = sample_placement(quad=corners, overlap=corners, covered=covered, shown=shown, **placed)
    coverage = (shown, covered or 1.0)
    return sample_match(
        sha256=name,
        uris=(f"{name}.jpg",),
        verdict=verdict,
        coverage=coverage,
        placement=placement if covered else None,
        sightings=seen or (make_sighting(name),),
    )


def make_sighting(name: str, posted: str | None = None, captured: str | None = None, uri: str = "") -> Sighting:
    return Sighting(sha256=name, uri=uri or f"{name}.jpg", posted_at=posted, captured_at=captured)


def no_rectangles(sha256: str) -> list[list[tuple[float, float]]]:
    return []


def result_of(*matches: Match) -> QueryResult:
    return QueryResult(query="q.jpg", sha256="q", kind="image", error=None, matches=matches)


def test_build_trace_orders_entries_by_date_and_those_without_last() -> None:
    old, new = make_sighting("a", "2020-01-01T00:00:00Z", uri="old.jpg"), make_sighting("a", "2024-01-01T00:00:00Z")
    trace = build_trace(
        result_of(
            make_match("c", 1.0),
            make_match("b", 1.0, make_sighting("b", captured="2019-01-01T00:00:00Z")),
            make_match("a", 1.0, old, new),
        ),
        no_rectangles,
    )
    assert [entry.match.sha256 for entry in trace.entries] == ["b", "a", "c"]
    dates = ["2019-01-01T00:00:00Z", "2020-01-01T00:00:00Z", None]
    assert [entry.first_seen for entry in trace.entries] == dates
    assert trace.first_posted == old


def test_trace_states_posts_that_may_be_earlier_than_the_first_one() -> None:
    def perhaps_first(*posted: str) -> tuple[str | None, list[str | None]]:
        matches = [make_match(str(n), 1.0, make_sighting(str(n), time)) for n, time in enumerate(posted)]
        trace = build_trace(result_of(*matches), no_rectangles)
        return trace.first_posted.posted_at if trace.first_posted else None, [
            seen.posted_at for seen in trace.perhaps_first
        ]

    exact, later = "2024-05-01T08:00:00Z", "2024-05-01T08:00:01Z"
    assert perhaps_first(later, exact) == (exact, [])
    assert perhaps_first("2024-05-01", exact) == ("2024-05-01", [exact])
    assert perhaps_first("2024-05-01", "2024-05-02T11:59:59Z") == ("2024-05-01", ["2024-05-02T11:59:59Z"])
    assert perhaps_first("2024-05-01", "2024-05-02T12:00:00Z") == ("2024-05-01", [])
    assert perhaps_first("2024-05-01T22:00:00", exact) == (exact, ["2024-05-01T22:00:00"])
    assert perhaps_first("2024-05-01T22:00:01", exact) == (exact, []), "no clock is ahead by more than 14 hours"
    assert perhaps_first(exact, "2024") == ("2024", [exact])
    assert perhaps_first() == (None, [])


def test_one_account_is_not_earlier_than_itself() -> None:
    posts = [replace(make_sighting(day, day), account="a", platform="x") for day in ("2024-05-01", "2024-05-02")]
    other = replace(posts[1], account="b")
    trace = build_trace(result_of(make_match("m", 1.0, *posts, other)), no_rectangles)
    assert trace.first_posted == posts[0] and trace.perhaps_first == (other,)


@pytest.mark.parametrize(
    ("first", "second", "is_other"),
    [
        ({"account": "a", "account_id": "7"}, {"account_id": "7"}, False),
        ({"account": "a", "account_id": "7"}, {"account": "b", "account_id": "7"}, False),
        ({"account": "Sample"}, {"account": "@sample"}, False),
        ({"url": "https://example.org/1"}, {"url": "https://example.org/1"}, False),
        ({"account_name": "A B"}, {"account_name": "A B"}, False),
        ({"account": "a", "account_id": "7"}, {"account": "a", "account_id": "8"}, True),
        ({"url": "https://example.org/1"}, {"url": "https://example.org/2"}, True),
        ({}, {}, True),
    ],
)
def test_account_and_post_that_are_named_in_two_ways_are_one(
    first: dict[str, str], second: dict[str, str], is_other: bool
) -> None:
    seen = [
        replace(make_sighting("m", "2024-05-01", uri=f"/{number}.jpg"), platform="x", **fields)
        for number, fields in enumerate((first, second))
    ]
    trace = build_trace(result_of(make_match("m", 1.0, *seen)), no_rectangles)
    assert trace.first_posted == seen[0] and trace.perhaps_first == ((seen[1],) if is_other else ())


def test_readings_of_one_handle_are_merged_by_the_better_evidence() -> None:
    def readings(*read: tuple[str, float], account: str | None = None) -> list[tuple[str | None, tuple[str, ...]]]:
        matches = [
            make_match(
                str(number),
                0.5,
                replace(make_sighting(str(number)), account=account),
                handles=(handle,),
                removed_text=(TextLine(text=f"weibo {handle}", box=((0.0, 0.0),) * 4, confidence=confidence),),
            )
            for number, (handle, confidence) in enumerate(read)
        ]
        return [(one.best, one.readings) for one in build_trace(result_of(*matches), no_rectangles).handles]

    assert readings(("@sample_user88", 0.99), ("@sampIe_user88", 0.8)) == [
        ("@sample_user88", ("@sample_user88", "@sampIe_user88"))
    ]
    assert readings(("@sample_user88", 0.9), ("@sampIe_user88", 0.9)) == [(None, ("@sampIe_user88", "@sample_user88"))]
    assert readings(("@sample_user88", 0.8), ("@sampIe_user88", 0.9), account="Sample_User88") == [
        ("@sample_user88", ("@sample_user88", "@sampIe_user88"))
    ]
    assert readings(("@sample_user88", 0.9), ("@河边看书的人", 0.9)) == [
        ("@sample_user88", ("@sample_user88",)),
        ("@河边看书的人", ("@河边看书的人",)),
    ]
    both = ("@sample_user88", "@sampIe_user88")
    assert readings((both[1], 0.95), (both[0], 0.7), (both[0], 0.7)) == [(both[0], both)], "the copies vote"
    assert readings(("@sample_user88", 0.4)) == [(None, ("@sample_user88",))], "the looks at it disagreed"
    assert readings(("@sample_user88", 0.4), account="sample_user88") == [("@sample_user88", ("@sample_user88",))]
    assert HandleReadings(best=None, readings=both).text == "one of @sample_user88, @sampIe_user88"
    assert HandleReadings(best=None, readings=both[:1]).text == "perhaps @sample_user88"


def test_source_is_the_entry_with_the_largest_extent() -> None:
    trace = build_trace(
        result_of(make_match("same", 1.0), make_match("wide", 0.6), make_match("part", 1.0, shown=0.5)),
        no_rectangles,
    )
    assert trace.source and trace.source.match.sha256 == "wide"
    assert trace.source.extent == 1.667


def test_source_is_the_oldest_of_entries_with_nearly_the_same_extent() -> None:
    dates = {"new": "2024-01-01T00:00:00Z", "old": "2019-01-01T00:00:00Z"}
    trace = build_trace(
        result_of(
            *(
                make_match(name, covered, make_sighting(name, dates[name]))
                for name, covered in (("new", 0.6), ("old", 0.603))
            )
        ),
        no_rectangles,
    )
    assert trace.source and trace.source.match.sha256 == "old"


def test_source_is_a_copy_rather_than_a_possible_copy() -> None:
    trace = build_trace(
        result_of(make_match("copy", 0.8), make_match("doubtful", 0.3, verdict="possible")),
        no_rectangles,
    )
    assert trace.source and trace.source.match.sha256 == "copy"
    trace = build_trace(result_of(make_match("doubtful", 0.3, verdict="possible")), no_rectangles)
    assert trace.source and trace.source.match.sha256 == "doubtful"


def test_source_shows_the_whole_query_and_has_a_placement() -> None:
    trace = build_trace(
        result_of(make_match("part", 0.4, shown=0.5), make_match("unplaced", None)),
        no_rectangles,
    )
    assert trace.source is None and len(trace.entries) == 2


def test_build_trace_omits_other_images_of_the_same_scene() -> None:
    assert build_trace(result_of(make_match("a", 0.6, verdict="same_scene")), no_rectangles).entries == ()


def test_extent_excludes_the_page_around_an_image_in_a_screenshot() -> None:
    """The image in the screenshot is hardly larger than the query; the other reference shows half as much again."""
    rectangles = {"screenshot": [[(-0.2, -0.2), (9.4, -0.2), (9.4, 9.4), (-0.2, 9.4)]], "wide": []}
    result = result_of(make_match("screenshot", 0.2), make_match("wide", 0.66))
    trace = build_trace(result, rectangles.__getitem__)
    assert trace.source and trace.source.match.sha256 == "wide"
    assert {entry.match.sha256: entry.extent for entry in trace.entries} == {"screenshot": 1.138, "wide": 1.515}


@pytest.mark.parametrize(
    ("dates", "source", "equal"),
    [
        ((None, None, None), None, "abc"),
        (("2024-05-01", "2024-05-01", None), None, "abc"),
        (("2024-05-01", "2024-05-09", "2024-05-20"), "a", ""),
        (("2024-05-01T08:00:00Z", "2024-05-02", "2024-05-09"), "a", ""),
        (("2024-05-01", "2024-05-01T08:00:00Z", "2024-05-09"), "a", "b"),
        (("2024-05-01", "2024-05-09", None), "a", "c"),
    ],
)
def test_source_of_equally_complete_references_is_the_oldest_or_none(
    dates: tuple[str | None, ...], source: str | None, equal: str
) -> None:
    """The most probable one of those without a date is no more the source than the others."""
    matches = [
        replace(make_match(name, 0.6, make_sighting(name, date)), probability=0.9 + number / 100)
        for number, (name, date) in enumerate(zip("abc", dates, strict=True))
    ]
    narrow = make_match("narrow", 0.9, make_sighting("narrow", "2001-01-01"))
    trace = build_trace(result_of(narrow, *matches), no_rectangles)
    found = trace.source.match.sha256 if trace.source else None
    assert (found, sorted(one.match.sha256 for one in trace.equally_complete)) == (source, sorted(equal))
    stated = trace_to_json(trace)
    assert (stated["source"], sorted(stated["equally_complete"])) == (source, sorted(equal))


def test_references_that_may_be_the_source_are_printed_and_the_rest_of_them_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _print_trace(build_trace(result_of(*(make_match(name, 0.6) for name in "abcde")), no_rectangles))
    printed = " ".join(capsys.readouterr().out.split())
    stated = "equally complete, and no date decides which is the source: a.jpg, b.jpg, c.jpg and 2 more: see --json; they show"
    assert re.search(rf"{stated} \d+ % more than the query", printed)
    assert not re.search(r"(?<!is the) source: ", printed), "no reference is named the source"


@pytest.mark.parametrize(
    ("extent", "words"),
    [(1.0, "no more than the query"), (1.015, "no more than the query"), (1.25, "25 % more than the query")],
)
def test_extent_is_stated_in_the_same_words_everywhere(extent: float, words: str) -> None:
    """The page stated one percent more where the command line stated none: placements are not that exact."""
    assert TraceEntry(match=make_match("a", 0.6), first_seen=None, extent=extent).extent_words == words


@pytest.mark.parametrize(
    ("own", "other", "source", "equal"),
    [
        ("2021-05-03", "2024-05-09", "q", ""),
        ("2024-05-09", "2021-05-03", "a", ""),
        (None, "2021-05-03", "a", "q"),
        ("2021-05-03", None, "q", "a"),
        (None, None, None, "aq"),
    ],
)
def test_query_that_the_store_contains_may_be_the_source_and_the_first_post(
    own: str | None, other: str | None, source: str | None, equal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page of the answer stated it; `trace` named a later copy as the first post, or none as the source."""
    reference = make_match("a", 1.0, make_sighting("a", other))
    trace = build_trace(result_of(reference), no_rectangles, make_match("q", 1.0, make_sighting("q", own)))
    assert [entry.match.sha256 for entry in trace.entries] == ["a"]
    found = trace.source.match.sha256 if trace.source else None
    assert (found, sorted(one.match.sha256 for one in trace.equally_complete)) == (source, sorted(equal))
    dates = sorted(date for date in (own, other) if date)
    assert (trace.first_posted.posted_at if trace.first_posted else None) == (dates[0] if dates else None)
    _print_trace(trace)
    printed = " ".join(capsys.readouterr().out.split())
    assert ("source: q.jpg, the query itself: no reference shows more" in printed) == (source == "q")
    assert ("q.jpg (the query itself)" in printed) == ("q" in equal)


def test_query_is_no_source_where_nothing_else_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    trace = build_trace(result_of(), no_rectangles, make_match("q", 1.0))
    _print_trace(trace)
    assert not trace.entries and "source" not in capsys.readouterr().out


def test_clues_to_the_owner_are_those_of_each_possible_source(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a known source none was stated."""
    uid = Clue(kind="weibo_uid", value="1669879400", source="file name", trust="high")
    other = replace(uid, value="1000000000")
    device = replace(uid, kind="device", value="iPhone 12")
    matches = [
        replace(make_match(name, 0.6), clues=clues)
        for name, clues in (("a", (device, uid)), ("b", (uid,)), ("c", (other,)), ("d", ()))
    ]
    narrow = replace(make_match("narrow", 0.9), clues=(replace(uid, value="5555555555"),))
    trace = build_trace(result_of(*matches, narrow), no_rectangles)
    assert trace.source is None and len(trace.equally_complete) == 4
    stated = {clue.value: [one.match.sha256 for one in stating] for clue, stating in trace.owner_clues().items()}
    assert stated == {"1669879400": ["a", "b"], "1000000000": ["c"]}
    _print_trace(trace)
    printed = " ".join(capsys.readouterr().out.split())
    assert "clue to the owner: weibo uid 1669879400 (file name, trust: high), of a.jpg, b.jpg" in printed
    assert "clue to the owner: weibo uid 1000000000 (file name, trust: high), of c.jpg" in printed
    assert "clue to the owner: weibo uid 5555555555" not in printed
