"""Further looks at lines with a handle: agreement, marks in place of lines, underscores."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from mediafp.text.ocr.bright_strokes import bright_strokes
from mediafp.text.ocr.handle_looks import ReadLine, handle_looks, read_handles, unread_marks
from mediafp.text.ocr.recogniser import Reading, TextRecogniser
from mediafp.text.ocr.rectify import STRIP_HEIGHT, Quad


def quad(left: float, right: float, top: float = 0.0) -> Quad:
    return np.array([[left, top], [right, top], [right, top + 20], [left, top + 20]], np.float32)


def line(text: str, left: float = 0.0, right: float = 100.0, confidence: float = 0.9) -> ReadLine:
    return ReadLine(quad(left, right), text, confidence)


def no_look(at: Quad) -> list[Reading]:
    raise AssertionError("a line without a handle was looked at again")


def test_handle_is_the_one_on_which_most_looks_agree() -> None:
    looks = [("O @name", 0.9), ("@name.", 0.8), ("@nane", 0.99), ("name", 0.9)]
    (found,) = read_handles([line("by @nane")], [], lambda at: looks)
    assert found.text == "by @name" and found.confidence == pytest.approx(1.7 / 3), "a look that differs is a doubt"


def test_line_without_a_handle_is_not_looked_at_again() -> None:
    (found,) = read_handles([line("no handle here")], [line("strokes")], no_look)
    assert (found.text, found.confidence) == ("no handle here", 0.9)


def test_mark_replaces_what_it_covers_and_votes_with_it() -> None:
    def look(at: Quad) -> list[Reading]:
        return [("@sample_user", 0.8)] if at[1, 0] > 95 else [("@sample", 0.9)] * 3

    elsewhere = ReadLine(quad(0, 100, top=200), "headline", 0.9)
    found = read_handles(
        [line("user", 60, 100), line("@sample", 0, 60), elsewhere], [line("@sample_uscr", 0, 100)], look
    )
    assert [one.text for one in found] == ["@sample_user", "headline"], "a quad that cuts the handle off has no vote"


def test_mark_with_less_of_a_handle_replaces_nothing() -> None:
    found = read_handles([line("@sample_user", 0, 100)], [line("@s", 0, 100)], lambda at: [])
    assert [one.text for one in found] == ["@sample_user"]


def test_strokes_that_show_no_more_than_the_lines_are_not_read() -> None:
    lines = [line("headline", 0, 100), ReadLine(quad(0, 100, top=50), "@name", 0.9)]
    marks = [quad(0, 105), quad(0, 130), quad(0, 100, top=50), quad(0, 100, top=150)]
    assert [mark.tolist() for mark in unread_marks(lines, marks)] == [mark.tolist() for mark in marks[1:]]


def test_looks_differ_in_what_they_show_around_the_line() -> None:
    image = np.zeros((100, 400, 3), np.uint8)
    image[50:] = 255
    strips = list(handle_looks(image, np.array([[100, 30], [300, 30], [300, 50], [100, 50]], np.float32)))
    assert {strip.shape[0] for strip in strips} == {STRIP_HEIGHT} and len({strip.shape[1] for strip in strips}) >= 4
    below = [int(strip[-4, strip.shape[1] // 2, 0]) for strip in strips]
    assert min(below) == 0 and max(below) == 255, "some reach below the line, where underscores are"


def read_rows(text: str, underscores: dict[int, float]) -> tuple[str, str]:
    """Return what is read of columns with one character each (" " is a space, "." none), without and with underscores sought."""
    characters = ["@", "a", "b", "x", "_"]
    tokens = ["", *characters, " "]
    rows = np.zeros((len(text), len(tokens)), np.float32)
    for n, character in enumerate(text):
        rows[n, tokens.index("" if character == "." else character)] = 0.6
        rows[n, tokens.index("_")] += underscores.get(n, 0.0)
    recogniser = object.__new__(TextRecogniser)
    recogniser._set_characters(characters)
    recogniser._session = SimpleNamespace(
        run=lambda names, values: [rows[None].copy()], get_inputs=lambda: [SimpleNamespace(name="x")]
    )
    strip = np.zeros((STRIP_HEIGHT, 64, 3), np.uint8)
    return recogniser.recognise(strip)[0], recogniser.recognise(strip, find_underscores=True)[0]


@pytest.mark.parametrize(("text", "expected"), [("@a b", "@a_b"), ("xa b", "xa b")])
def test_underscore_behind_an_at_sign_is_preferred_to_a_space(text: str, expected: str) -> None:
    assert read_rows(text, {2: 0.3}) == (text, expected)


@pytest.mark.parametrize(
    ("text", "underscores", "expected"),
    [
        ("@a..b", {2: 0.01, 3: 0.03}, "@a_b"),
        ("@a..b", {2: 0.03, 3: 0.05}, "@a_b"),
        ("@ab", {1: 0.03}, "@a_b"),
        ("@a..b", {2: 0.01, 3: 0.01}, "@ab"),
        ("@a_b", {1: 0.1, 3: 0.1}, "@a_b"),
        ("@a b", {2: 0.05}, "@a b"),
        ("@ab.", {3: 0.1}, "@ab"),
        ("x..b", {1: 0.1}, "xb"),
        ("@a.b", {0: 0.3}, "@ab"),
        ("@a.b", {0: 0.3, 2: 0.03}, "@a_b"),
    ],
    ids=(
        *("between", "once", "no column of its own", "improbable", "read", "space", "underlined end", "no handle"),
        *("on the at sign", "on the at sign and between"),
    ),
)
def test_lost_underscore_is_found_between_two_characters_of_a_handle(
    text: str, underscores: dict[int, float], expected: str
) -> None:
    assert read_rows(text, underscores)[1] == expected


def test_bright_strokes_are_those_of_a_white_mark_on_coloured_ground() -> None:
    ground = np.zeros((60, 300, 3), np.uint8)
    ground[:, ::2] = (0, 200, 255)
    image = Image.fromarray(ground)
    ImageDraw.Draw(image).text((20, 15), "@sample", "white", ImageFont.load_default(24))
    drawn = np.asarray(image).min(axis=2) > 200
    strokes = bright_strokes(np.asarray(image))
    assert (
        strokes.shape == ground.shape
        and strokes[drawn].min() > 200
        and strokes[ground.min(axis=2) == 0][:300].max() < 255
    )
    assert np.median(strokes[:, 150:]) == 0, "coloured stripes are no white strokes"
