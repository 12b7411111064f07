"""Time lines of two videos: lanes, ticks, bands and labels, at their places."""

import itertools
import re
from xml.etree import ElementTree

import pytest

from mediafp.report.timelines import Track, draw_timelines, order_segments, tick_seconds
from mediafp.types.letter_names import letter_name
from mediafp.types.matches import Segment, SegmentChannel
from mediafp.types.timestamps import format_time

Element = ElementTree.Element


def segment(
    query: tuple[float, float],
    reference: tuple[float, float],
    *,
    channel: SegmentChannel = "picture",
    speed: float = 1.0,
    mirrored: bool = False,
) -> Segment:
    return Segment(channel=channel, query=query, reference=reference, speed=speed, mirrored=mirrored, score=0.9)


def track(role: str, seconds: float, *, has_images: bool = True, has_audio: bool = True) -> Track:
    return Track(role=role, seconds=seconds, has_images=has_images, has_audio=has_audio)


def draw(*segments: Segment, query: float = 30.0, reference: float = 60.0) -> Element:
    return ElementTree.fromstring(
        draw_timelines(order_segments(segments), track("query", query), track("reference", reference))
    )


def of_class(drawing: Element, tag: str, name: str) -> list[Element]:
    return [each for each in drawing.iter(tag) if each.get("class") == name]


def texts(drawing: Element, name: str) -> list[str]:
    return [each.text or "" for each in of_class(drawing, "text", name)]


def extent(bar: Element) -> tuple[float, float]:
    start = float(bar.get("x", "nan"))
    return start, start + float(bar.get("width", "nan"))


def corners(band: Element) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (each.split(",") for each in band.get("points", "").split())]


def test_both_sides_have_one_scale_and_a_lane_for_pictures_and_for_voice() -> None:
    drawing = draw(segment((2, 12), (40, 50)))
    lanes = [extent(lane) for lane in of_class(drawing, "rect", "line")]
    assert len(lanes) == 4 and lanes[0] == lanes[1] and lanes[2] == lanes[3]
    (left, query_end), (_, reference_end) = lanes[0], lanes[2]
    unit = (reference_end - left) / 60
    assert query_end - left == pytest.approx(30 * unit, abs=0.2)
    upper, lower = of_class(drawing, "rect", "bar-picture")
    assert extent(upper) == pytest.approx((left + 2 * unit, left + 12 * unit), abs=0.2)
    assert extent(lower) == pytest.approx((left + 40 * unit, left + 50 * unit), abs=0.2)


@pytest.mark.parametrize(
    ("seconds", "step"), [(0.7, 0.1), (9.0, 1), (30, 5), (61, 10), (600, 60), (5400, 600), (93_600, 14_400)]
)
def test_ticks_are_round_numbers_of_seconds_minutes_or_hours(seconds: float, step: float) -> None:
    assert tick_seconds(seconds) == step
    drawing = draw(segment((0, seconds), (0, seconds)), query=seconds, reference=seconds)
    labels = [text for text in texts(drawing, "tick") if re.match(r"\d", text)]
    assert 2 * 5 <= len(labels) <= 2 * 11 and labels[: len(labels) // 2] == labels[len(labels) // 2 :]
    assert labels[1] == format_time(step).removesuffix("" if step < 1 else ".0")


def test_bands_of_another_order_cross_and_those_of_a_reversed_segment_cross_themselves() -> None:
    drawing = draw(segment((2, 8), (50, 56)), segment((10, 16), (5, 11)), segment((20, 28), (20, 28), speed=-1.0))
    bands = {band.get("fill"): corners(band) for band in of_class(drawing, "polygon", "band")}
    first, second, reversed_band = (bands[bar.get("fill")] for bar in of_class(drawing, "rect", "bar-picture")[::2])
    for band in (first, second, reversed_band):
        assert band[0][0] < band[1][0], "it starts as the bar of the query"
    assert first[0][0] < second[0][0] and first[5][0] > second[5][0]
    assert first[5][0] < first[4][0] and reversed_band[5][0] > reversed_band[4][0]


def test_labels_name_speed_direction_and_mirroring_only_where_the_query_changes_them() -> None:
    drawing = draw(
        segment((0, 8), (0, 8), speed=1.003),
        segment((10, 18), (20, 30), speed=1.25, mirrored=True),
        segment((20, 29), (40, 48.9), speed=-0.99),
    )
    assert sorted(texts(drawing, "label")) == ["A", "B × 1.25, mirrored", "C × 0.99, reversed"]
    assert texts(drawing, "letter") == ["A", "A", "B", "B", "C", "C"]


def test_voice_is_told_from_pictures_without_colour_and_named_after_them() -> None:
    drawing = draw(segment((0, 28), (10, 38), channel="voice"), segment((3, 8), (13, 18)))
    assert of_class(drawing, "rect", "bar-voice") and of_class(drawing, "rect", "bar-picture")
    woven = [each.get("fill") for each in drawing.iter() if each.get("class") == "weave"]
    assert woven == ["url(#voice-strokes)"] * 3, "two bars and the band"
    voice_y = {bar.get("y") for bar in of_class(drawing, "rect", "bar-voice")}
    assert not voice_y & {bar.get("y") for bar in of_class(drawing, "rect", "bar-picture")}
    assert texts(drawing, "letter") == ["A", "A", "B", "B"]
    assert [
        each.channel for each in order_segments([segment((0, 1), (0, 1), channel="voice"), segment((3, 8), (3, 8))])
    ] == [
        "picture",
        "voice",
    ]


def test_a_file_without_pictures_or_without_sound_says_so_in_its_lane() -> None:
    drawing = ElementTree.fromstring(
        draw_timelines(
            [segment((0, 9), (1, 10), channel="voice")],
            track("query", 9, has_images=False),
            track("reference", 20, has_audio=True),
        )
    )
    assert len(of_class(drawing, "rect", "absent")) == 1 and "no frames" in texts(drawing, "tick")
    assert "no audio" not in texts(drawing, "tick")
    silent = ElementTree.fromstring(
        draw_timelines([segment((0, 9), (1, 10))], track("query", 9, has_audio=False), track("reference", 20))
    )
    assert "no audio" in texts(silent, "tick")


def test_an_unknown_duration_leaves_room_for_the_segments() -> None:
    drawing = draw(segment((0, 9), (71, 80)), query=0.0, reference=0.0)
    width = float(drawing.get("viewBox", "").split()[2])
    assert all(extent(bar)[1] < width for bar in of_class(drawing, "rect", "bar-picture"))


def test_labels_of_many_segments_do_not_cover_one_another() -> None:
    drawing = draw(*(segment((n * 0.7, n * 0.7 + 0.6), (n * 1.4, n * 1.4 + 0.6)) for n in range(40)))
    rows: dict[str, list[tuple[float, float]]] = {}
    for label in of_class(drawing, "text", "label"):
        x, half = float(label.get("x", "nan")), 3 * len(label.text or "")
        rows.setdefault(label.get("y", ""), []).append((x - half, x + half))
    assert sum(map(len, rows.values())) > 30
    for row in rows.values():
        row.sort()
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(row))


def test_names_go_on_after_z() -> None:
    assert [letter_name(n) for n in (0, 25, 26, 27, 701, 702)] == ["A", "Z", "AA", "AB", "ZZ", "AAA"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00.0"), (62.46, "01:02.5"), (59.96, "01:00.0"), (3599.96, "1:00:00.0"), (93_723.4, "26:02:03.4")],
)
def test_format_time(seconds: float, text: str) -> None:
    assert format_time(seconds) == text
