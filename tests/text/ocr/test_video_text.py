"""Text on screen of videos: lines with their times, over still and moving footage."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from mediafp.text.ocr import video_text
from mediafp.text.ocr.merged_lines import merge_lines
from mediafp.text.ocr.video_text import VideoTextReader
from mediafp.types.media import Frame
from mediafp.types.video_text import VideoTextLine

SIZE = (480, 270)
SUBTITLES = ("Officials said nothing", "Who paid for the report", "The harbour was closed")
BOX = ((10.0, 10.0), (200.0, 10.0), (200.0, 30.0), (10.0, 30.0))


def frame(photo: np.ndarray, second: int, texts: Sequence[tuple[str, int]], *, shift: int = 0) -> Frame:
    """Return a frame of one second with texts at these heights, over a part of a photograph that is moved by `shift`."""
    picture = Image.fromarray(photo).resize((960, 720)).crop((shift, shift, SIZE[0] + shift, SIZE[1] + shift))
    draw = ImageDraw.Draw(picture)
    for text, top in texts:
        draw.text((60, top), text, "white", ImageFont.load_default(22), stroke_width=2, stroke_fill="black")
    return Frame(pixels=np.asarray(picture), start=float(second), end=second + 1.0)


def read(frames: Sequence[Frame]) -> tuple[list[tuple[str, float, float]], list[str]]:
    reader = VideoTextReader()
    for one in frames:
        reader.add(one, SIZE)
    text, warnings = reader.finish()
    return [(line.text, line.start, line.end) for line in text.lines], warnings


@pytest.mark.parametrize("step", [0, 37])
def test_each_line_is_read_once_with_its_times(
    photos: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    found: list[str] = []
    original = video_text.get_ocr_reader().read

    def read_and_note(*given: Any) -> Any:
        lines, is_complete = original(*given)
        found.extend(line.text for line in lines)
        return lines, is_complete

    monkeypatch.setattr(video_text.get_ocr_reader(), "read", read_and_note)
    frames = []
    for second in range(10):
        texts = [("JOHN MILLER", 150)] if second in range(2, 9) else []
        texts += [(SUBTITLES[second // 3], 225)] if second // 3 < 3 else []
        frames.append(frame(photos["flower"], second, texts, shift=step * second))
    lines, warnings = read(frames)
    assert warnings == []
    assert lines == [
        (SUBTITLES[0], 0.0, 2.5),
        ("JOHN MILLER", 1.5, 8.5),
        (SUBTITLES[1], 2.5, 5.5),
        (SUBTITLES[2], 5.5, 8.5),
    ]
    assert len(found) <= len(lines) + 2, "a line that stays is not read again"


def test_a_frame_that_lasts_is_read_without_another_one(photos: dict[str, np.ndarray]) -> None:
    page = frame(photos["cat"], 0, [("SLIDES", 60)])
    assert read([Frame(pixels=page.pixels, start=0.0, end=30.0)])[0] == [("SLIDES", 0.0, 30.0)]
    assert read([Frame(pixels=page.pixels, start=0.0, end=0.04)])[0] == [("SLIDES", 0.0, 0.04)]


def test_moving_footage_without_text_has_no_lines_and_a_video_without_frames_neither(
    photos: dict[str, np.ndarray],
) -> None:
    assert read([frame(photos["temple"], n, [], shift=20 * n) for n in range(6)]) == ([], [])
    assert read([]) == ([], [])


def test_frames_of_another_shape_end_the_lines_before(photos: dict[str, np.ndarray]) -> None:
    first = [frame(photos["cat"], n, [("HEADLINE", 60)]) for n in range(2)]
    turned = [Frame(pixels=np.rot90(one.pixels), start=one.start + 2, end=one.end + 2) for one in first]
    (headline, *_), _ = read([*first, *turned])
    assert headline == ("HEADLINE", 0.0, 1.5)


def test_a_warning_states_from_when_on_text_is_not_read(
    photos: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_text, "MAX_BUDGET", 5.0)
    monkeypatch.setattr(video_text, "BUDGET_PER_SECOND", 0.0)
    frames = [frame(photos["cat"], n, [(SUBTITLES[n // 3], 225)]) for n in range(9)]
    lines, warnings = read(frames)
    assert [text for text, _, _ in lines] == [SUBTITLES[0]]
    assert warnings == ["skipped a part of the text on screen from 3 s on: there is more of it than is read"]


def test_readings_of_one_line_are_merged_and_the_surest_one_is_kept() -> None:
    def line(text: str, start: float, end: float, confidence: float = 0.9) -> VideoTextLine:
        return VideoTextLine(text=text, start=start, end=end, box=BOX, confidence=confidence)

    merged = merge_lines([line("MADE IN CHlNA", 3, 4), line("MADE INCHINA", 0, 3, 0.99), line("MADE IN CHINA", 9, 10)])
    assert [(one.text, one.start, one.end) for one in merged] == [("MADE INCHINA", 0, 4), ("MADE IN CHINA", 9, 10)]
    assert len(merge_lines([line("12 dead", 0, 2), line("13 dead", 2, 4)])) == 2, "digits are no misreading"
    assert len(merge_lines([line("Who paid for it", 0, 2), line("The harbour is shut", 2, 4)])) == 2
