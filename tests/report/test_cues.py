"""Cues of subtitles: times that follow one another, whatever the segments are, and texts at their words."""

import random
import re
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest

from mediafp.report.cue_lines import LINE_WIDTH, text_width
from mediafp.report.cues import MIN_CUE_MILLISECONDS, Cue, make_cues
from mediafp.types.tokens import tokenise
from mediafp.types.transcripts import Transcript, TranscriptSegment

TEXTS = (
    "字幕。",
    "声音测试，请拨打110或者18601200909。" * 3,
    "This is said. " * 9,
    "yes",
    "二十五点五",
    "一二三四五" * 10,
    "x" * 90,
)
MARK = re.compile(r"\[(\d*)([LR]?)\] ")


def said(start: float, end: float, text: str, **more: object) -> TranscriptSegment:
    return TranscriptSegment(start=start, end=end, language="zh", language_probability=1, text=text, **more)  # type: ignore[arg-type]


def cues_of(*segments: TranscriptSegment) -> list[Cue]:
    return make_cues(
        Transcript(
            model="m", version="v", duration=60, speech_seconds=9, untranscribed_seconds=0, segments=tuple(segments)
        )
    )


def timed(segment: TranscriptSegment, rng: random.Random) -> TranscriptSegment:
    """Return a segment with word times, some of which run back or leave it."""
    starts = [rng.uniform(segment.start - 1, segment.end + 1) for _ in tokenise(segment.text)]
    return replace(segment, token_times=tuple((start, start + rng.uniform(0, 0.4)) for start in sorted(starts)))


def made_segments(seed: int, voices: list[tuple[int, int | None]]) -> list[TranscriptSegment]:
    rng = random.Random(seed)
    segments = []
    for _ in range(rng.randint(1, 9)):
        start = rng.uniform(-3, 20)
        track, channel = rng.choice(voices)
        end = start + rng.choice((0.0, 0.1, 1.0, 5.0, 12.0))
        segment = said(start, end, rng.choice(TEXTS), track=track, channel=channel)
        segments.append(timed(segment, rng) if rng.random() < 0.5 else segment)
    return segments


def voice_of(line: str, segments: list[TranscriptSegment]) -> tuple[int, int | None]:
    """Return the track and the channel that the mark of a line states; what it leaves out is that of all segments."""
    voices = {(segment.track, segment.channel) for segment in segments}
    if len(voices) == 1:
        return voices.pop()
    mark = MARK.match(line)
    assert mark
    number, side = mark.groups()
    (track,) = {int(number) - 1} if number else {track for track, _ in voices}
    return track, "LR".index(side) if side else None


@pytest.mark.parametrize(
    "voices", [[(0, None)], [(0, 0), (0, 1)], [(0, None), (1, None)], [(1, 0), (1, 1), (0, None), (3, None)]]
)
def test_any_segments_make_cues_in_order_with_all_their_text(voices: list[tuple[int, int | None]]) -> None:
    for seed in range(100):
        segments = made_segments(seed, voices)
        cues = cues_of(*segments)
        assert cues[0].start >= 0 and all(cue.end - cue.start >= MIN_CUE_MILLISECONDS for cue in cues)
        assert all(cue.end <= following.start for cue, following in pairwise(cues))
        shown = [[line for _, lines in cue.parts for line in lines] for cue in cues]
        assert all(1 <= len(lines) <= 2 and max(map(text_width, lines)) <= LINE_WIDTH for lines in shown)
        texts: dict[tuple[int, int | None], str] = defaultdict(str)
        for _, lines in (part for cue in cues for part in cue.parts):
            texts[voice_of(lines[0], segments)] += MARK.sub("", "".join(lines)).replace(" ", "")
        expected: dict[tuple[int, int | None], str] = defaultdict(str)
        for segment in sorted(segments, key=lambda one: one.start):
            expected[segment.track, segment.channel] += segment.text.replace(" ", "")
        assert texts == expected


def test_a_long_segment_is_cut_at_the_times_of_its_words() -> None:
    text = "一二三四五六七八九十" * 4
    numbers = tokenise(text)
    times = tuple((10 + n, 10.5 + n) for n in range(len(numbers)))
    first, second = cues_of(said(9, 60, text, token_times=times))
    place = len("".join(first.parts[0][1]))
    (token,) = [n for n, one in enumerate(numbers) if one.start <= place < one.end]
    assert (first.start, second.end) == (9_000, 60_000) and first.end == second.start
    assert 10 + token <= second.start / 1000 <= 10.5 + token


def test_a_cue_starts_with_its_first_word_whatever_stands_before_it() -> None:
    text = "字" * 17 + "，" + "“" + "音" * 30 + "”"
    times = tuple((float(n), n + 0.9) for n in range(47))
    cues = cues_of(said(0, 47, text, token_times=times))
    assert [cue.start for cue in cues] == [0, 17_000]
    assert cues[1].parts[0][1][0].startswith("“音")


def test_without_times_of_words_a_segment_is_cut_in_proportion() -> None:
    first, second = cues_of(said(5, 25, "字" * 40))
    assert (first.start, first.end, second.start, second.end) == (5_000, 15_000, 15_000, 25_000)


def test_a_segment_too_short_for_its_cues_pushes_the_next_one_back() -> None:
    *cues, last = cues_of(said(0, 0.1, "字" * 90), said(0.2, 1.5, "音"))
    assert [(cue.start, cue.end) for cue in cues] == [(0, 200), (200, 400), (400, 600)]
    assert (last.start, last.end) == (600, 1_500)


def test_voices_at_one_time_share_a_cue_and_others_have_two_lines() -> None:
    long = "字" * 30
    cues = cues_of(said(0, 4, long, channel=0), said(1, 3, "音", channel=1), said(8, 12, long, channel=1))
    assert [[line for _, lines in cue.parts for line in lines] for cue in cues] == [
        ["[L] " + "字" * 15, "[R] 音"],
        ["[L] " + "字" * 15],
        ["[R] " + "字" * 15, "字" * 15],
    ]
    assert [(cue.start, cue.end) for cue in cues] == [(0, 2_000), (2_000, 4_000), (8_000, 12_000)]


def test_many_voices_at_one_time_follow_each_other() -> None:
    cues = cues_of(*(said(0, 1, f"voice {track}", track=track) for track in range(4)))
    assert [[line for _, lines in cue.parts for line in lines] for cue in cues] == [
        ["[1] voice 0", "[2] voice 1"],
        ["[3] voice 2", "[4] voice 3"],
    ]
