"""What an answer counts is what it lists, whatever the matches are."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_matches import sample_match, sample_placement

from mediafp.case.answers.grouping import (
    Uses,
    count_accounts,
    count_standings,
    group_footage,
    group_stretches,
    order_uses,
)
from mediafp.types.decisions import Decision
from mediafp.types.matches import Match, Segment
from mediafp.types.media import Asset
from mediafp.types.sightings import Sighting

QUERY = "f" * 64
NAMES = [f"{number:064x}" for number in range(9)]
times = st.sampled_from([None, "2020", "2021-02-03", "2021-02-03T04:05:06Z"])


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    start, length = draw(st.integers(0, 50)), draw(st.integers(1, 20))
    return Segment(
        channel=draw(st.sampled_from(["picture", "voice", "script"])),
        query=(float(start), float(start + length)),
        reference=(0.0, float(length)),
        speed=1.0,
        mirrored=False,
        score=0.9,
    )


@st.composite
def matches(draw: st.DrawFn) -> Match:
    sha256 = draw(st.sampled_from([*NAMES, QUERY]))
    is_image = sha256 in NAMES[:4]
    seen = draw(st.lists(st.tuples(st.sampled_from([None, "a", "b"]), times, times), max_size=3))
    decided = draw(st.sampled_from([None, None, None, "confirm", "unsure"]))
    relations = (
        ["copy"] if is_image else ["same_video", "image_in_video", "shares_footage", "same_voice", "same_script"]
    )
    return replace(
        sample_match(
            sha256=sha256,
            kind="image" if is_image else "video",
            relation=draw(st.sampled_from(relations)),
            verdict=draw(st.sampled_from(["copy", "possible", "same_scene"])),
            probability=draw(st.floats(0, 1)),
            placement=sample_placement() if is_image else None,
            segments=() if is_image else tuple(draw(st.lists(segments(), min_size=1, max_size=3))),
        ),
        sightings=tuple(
            Sighting(sha256=sha256, uri=f"/x/{n}", account=name, posted_at=posted, removed_at=removed)
            for n, (name, posted, removed) in enumerate(seen)
        ),
        decision=Decision(
            subject="match", a=QUERY, b=sha256, decision=decided, note="", decided_by="me", decided_at="2026-01-01"
        )
        if decided
        else None,
    )


ASSETS = {
    name: Asset(
        sha256=name, kind="image" if name in NAMES[:4] else "video", bytes=1, properties={"width": 9, "height": 9}
    )
    for name in (*NAMES, QUERY)
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(matches(), max_size=30), st.floats(0, 1), st.sampled_from(["oldest", "biggest", "changed", "surest"]))
def test_every_file_is_listed_once_and_counted_only_if_it_is_certain(
    found: list[Match], least: float, order: str
) -> None:
    uses = Uses(QUERY, found, ASSETS, least)
    for section in (uses.pictures, uses.footage, uses.words):
        names = [use.asset.sha256 for use in section]
        assert len(names) == len(set(names))
        assert sorted(names) == sorted(use.asset.sha256 for use in order_uses(section, order))  # type: ignore[arg-type]
    for use in uses.counted:
        assert use.match.decision.decision == "confirm" if use.match.decision else use.match.verdict == "copy"
        assert use.match.decision or use.match.probability >= least
    counted = {use.asset.sha256 for use in uses.counted}
    others = [use.asset.sha256 for use in (*uses.doubtful, *uses.scenes, *uses.near_misses)]
    assert len(others) == len(set(others)) and not counted & set(others)
    assert counted | set(others) == {match.sha256 for match in found}
    stretches = group_stretches(uses.footage)
    assert sorted(use.asset.sha256 for one in stretches for use in one.uses) == sorted(
        u.asset.sha256 for u in uses.footage
    )
    assert sum(count_standings(uses.counted).values()) == len(counted)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(matches(), max_size=20), st.randoms())
def test_an_answer_does_not_depend_on_the_order_of_its_matches(found: list[Match], random: object) -> None:
    # Equal keys with other evidence would be told apart by their place alone.
    distinct = list({(match.probability, match.sha256, match.relation): match for match in found}.values())
    shuffled = list(distinct)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = Uses(QUERY, distinct, ASSETS, 0.5), Uses(QUERY, shuffled, ASSETS, 0.5)
    assert group_stretches(one.footage) == group_stretches(other.footage)
    assert (one.pictures, one.words, one.doubtful) == (other.pictures, other.words, other.doubtful)
    assert count_accounts(one.counted) == count_accounts(other.counted)


def test_videos_of_an_image_are_grouped_by_the_footage_they_share() -> None:
    found = [
        sample_match(sha256=name, kind="video", relation="image_in_video", segments=(_segment(0, 3),))
        for name in NAMES[4:8]
    ]
    uses = Uses(QUERY, found, ASSETS, 0.5).footage
    groups = group_footage(uses, [(NAMES[4], NAMES[6]), (NAMES[6], NAMES[7]), (NAMES[0], NAMES[5])])
    assert [[use.asset.sha256 for use in group.uses] for group in groups] == [
        [NAMES[4], NAMES[6], NAMES[7]],
        [NAMES[5]],
    ]


def test_a_short_excerpt_is_no_stretch_of_the_whole_video() -> None:
    spans = {NAMES[4]: (0, 60), NAMES[5]: (1, 59), NAMES[6]: (10, 19), NAMES[7]: (11, 19)}
    found = [
        sample_match(sha256=name, kind="video", relation="shares_footage", segments=(_segment(*span),))
        for name, span in spans.items()
    ]
    stretches = group_stretches(Uses(QUERY, found, ASSETS, 0.5).footage)
    assert [(one.span, len(one.uses)) for one in stretches] == [((0.0, 60.0), 2), ((10.0, 19.0), 2)]


def _segment(start: float, end: float) -> Segment:
    span = (float(start), float(end))
    return Segment(channel="picture", query=span, reference=span, speed=1.0, mirrored=False, score=0.9)
