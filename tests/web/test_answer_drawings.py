"""Drawings and words of an answer state what the match does."""

from dataclasses import replace

import pytest
from sample_matches import sample_match, sample_placement

from mediafp.case.answers.changes import list_changes
from mediafp.case.answers.spoken import Stretch, main_language, spoken_between
from mediafp.types.answers import Change, Use
from mediafp.types.matches import Change as Alteration
from mediafp.types.matches import Match, Segment, TextLine
from mediafp.types.media import Asset
from mediafp.types.sightings import Sighting
from mediafp.types.transcripts import Transcript, TranscriptSegment
from mediafp.web.answer_drawings import BAR_HEIGHT, BAR_WIDTH, draw_bars, draw_cut
from mediafp.web.pages.answer import _days_before

IMAGE = Asset(sha256="a" * 64, kind="image", bytes=1, properties={"width": 400, "height": 300})
VIDEO = Asset(sha256="a" * 64, kind="video", bytes=1, properties={"width": 400, "height": 300, "duration": 20.0})
OVERLAP = ((40.0, 30.0), (360.0, 30.0), (360.0, 240.0), (40.0, 240.0))


def use_of(match: Match, asset: Asset) -> Use:
    return Use(match=match, asset=asset, is_query=False, changes=())


def test_outline_is_the_overlap_and_the_strip_shows_the_text_that_was_cut_away() -> None:
    mark = TextLine(
        text="by @owner", box=((250.0, 260.0), (390.0, 260.0), (390.0, 290.0), (250.0, 290.0)), confidence=0.9
    )
    placement = sample_placement(
        overlap=OVERLAP, covered=0.56, removed=(0.1, 0.1, 0.1, 0.2), removed_text=(mark,), handles=("@owner",)
    )
    cut = draw_cut(use_of(sample_match(placement=placement), IMAGE))
    assert cut and cut.outline == "40.0,30.0 360.0,30.0 360.0,240.0 40.0,240.0" and cut.strip_text == ("by @owner", 0.9)
    left, top, width, height = cut.strip or (0, 0, 0, 0)
    assert left <= 250 and top <= 260 and left + width >= 390 and top + height >= 290 and left + width <= 400
    without = draw_cut(use_of(sample_match(placement=replace(placement, removed_text=(), handles=())), IMAGE))
    assert without and without.strip == (0.0, 240.0, 400.0, 60.0) and without.strip_text is None
    assert draw_cut(use_of(sample_match(), IMAGE)) is None


def test_channels_of_a_video_lie_below_each_other_on_its_line() -> None:
    segments = tuple(
        Segment(channel=channel, query=(0.0, 5.0), reference=(10.0, 15.0), speed=1.0, mirrored=False, score=1.0)
        for channel in ("picture", "voice")
    )
    bars = draw_bars(use_of(sample_match(kind="video", relation="same_video", segments=segments), VIDEO))
    assert [bar.x for bar in bars] == [BAR_WIDTH / 2] * 2 and [bar.width for bar in bars] == [BAR_WIDTH / 4] * 2
    assert bars[0].y + bars[0].height <= bars[1].y and bars[1].y + bars[1].height <= BAR_HEIGHT


@pytest.mark.parametrize(
    ("placed", "changes"),
    [
        ({}, ()),
        ({"mirrored": True, "rotation": 90.0}, (Change("mirrored"), Change("turned", 90.0))),
        ({"shown": 0.4}, (Change("part", 0.4),)),
        ({"covered": 0.8}, (Change("more", 0.25),)),
        ({"covered": 0.1}, (Change("inside", 0.1),)),
        ({"scale": 0.5}, (Change("smaller", 0.5),)),
    ],
)
def test_changes_of_an_image_are_those_of_its_placement(placed: dict[str, object], changes: tuple[Change, ...]) -> None:
    match = sample_match(placement=sample_placement(**placed))
    assert list_changes(match, IMAGE, is_identical=False) == changes
    assert list_changes(match, IMAGE, is_identical=True) == (Change("identical"),)


def test_changes_of_an_image_count_the_places_that_were_altered() -> None:
    added = Alteration(box=((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0)), what="added", kind="text", after="FAKE")
    match = sample_match(placement=sample_placement(mirrored=True), changes=(added, added))
    assert list_changes(match, IMAGE, is_identical=False) == (Change("mirrored"), Change("altered", 2))


def test_changes_of_an_image_without_a_placement_are_not_known() -> None:
    """A confirmed match may have none, and nothing is known of what was done to it."""
    assert list_changes(sample_match(), IMAGE, is_identical=False) == (Change("unplaced"),)


def test_part_of_an_image_that_is_a_square_says_so() -> None:
    square = replace(IMAGE, properties={"width": 200, "height": 201})
    match = sample_match(placement=sample_placement(shown=0.27))
    assert list_changes(match, square, is_identical=False) == (Change("square", 0.27),)


def test_a_video_that_takes_twice_as_long_is_slower_and_a_script_is_not() -> None:
    segment = Segment(channel="picture", query=(0.0, 5.0), reference=(0.0, 10.0), speed=2.0, mirrored=True, score=1.0)
    match = sample_match(kind="video", relation="same_video", segments=(segment,))
    assert list_changes(match, VIDEO, is_identical=False) == (Change("mirrored"), Change("slower", 2.0))
    script = replace(match, relation="same_script", segments=(replace(segment, channel="script", mirrored=False),))
    assert list_changes(script, VIDEO, is_identical=False) == ()


def test_quotation_has_the_words_of_the_interval_alone() -> None:
    said = [(0.0, 4.0, "en", "before"), (5.0, 9.0, "zh", "海湾"), (9.0, 20.0, "zh", "上空")]
    transcript = Transcript(
        model="m",
        version="1",
        duration=20.0,
        speech_seconds=19.0,
        untranscribed_seconds=0.0,
        segments=tuple(
            TranscriptSegment(start=start, end=end, language=language, language_probability=1.0, text=text)
            for start, end, language, text in said
        ),
    )
    within, outside = [Stretch((4.5, 21.0))], [Stretch((30.0, 40.0))]
    quoted = spoken_between(transcript, within)
    assert quoted and quoted.text == "海湾 上空" and main_language(transcript, within) == "zh"
    assert spoken_between(transcript, outside) is None and main_language(transcript, outside) is None


@pytest.mark.parametrize(
    ("picture", "video", "days"),
    [
        ("2020-01-01", "2020-01-15", 14),
        ("2020-01-01T10:00:00Z", "2020-01-03T09:00:00Z", 1),
        ("2020-01-15", "2020-01-01", None),
        ("2020-01", "2020-01-15", None),
        ("2020-01-15", "2020", None),
    ],
)
def test_days_before_the_first_video_are_stated_of_times_that_are_exact_to_a_day(
    picture: str, video: str, days: int | None
) -> None:
    def posted(at: str, asset: Asset) -> Use:
        seen = Sighting(sha256=asset.sha256, uri="/a", posted_at=at)
        return use_of(sample_match(sightings=(seen,)), asset)

    assert _days_before(posted(picture, IMAGE), [posted(video, VIDEO)]) == days
