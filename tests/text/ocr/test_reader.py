"""OCR of images: marks on photographs, pages, images without text."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from watermarks import watermarked

from mediafp.text.ocr.line_finder import FoundLines
from mediafp.text.ocr.reader import OcrReader, get_ocr_reader, ocr_version
from mediafp.text.ocr.regions import TextCells
from mediafp.text.ocr.video_text import video_text_version

CJK_FONT = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")


@pytest.fixture(scope="module")
def reader() -> OcrReader:
    return get_ocr_reader()


def read_lines(reader: OcrReader, image: Image.Image) -> list[str]:
    lines, complete = reader.read(np.asarray(image), image.size)
    assert complete
    return [line.text for line in lines]


@pytest.mark.parametrize("size", [14, 20, 28])
@pytest.mark.parametrize("name", ["portrait", "cat", "temple"])
def test_read_returns_a_watermark_at_the_bottom_of_a_photograph(
    reader: OcrReader, photos: dict[str, np.ndarray], name: str, size: int
) -> None:
    image = watermarked(photos[name], "@sample_user88", size, (0.4, 0.9))
    assert "@sample_user88" in " ".join(read_lines(reader, image))


@pytest.mark.parametrize("text", ["@样例用户", "微博 @張小魚", "抖音号: abc123"])
def test_read_returns_chinese_watermarks(reader: OcrReader, photos: dict[str, np.ndarray], text: str) -> None:
    if not CJK_FONT.is_file():
        pytest.skip(f"a CJK font is missing: {CJK_FONT}")
    lines = "".join(read_lines(reader, watermarked(photos["cat"], text, 22, (0.4, 0.9), CJK_FONT))).replace(" ", "")
    assert text.replace(" ", "").replace(":", "") in lines.replace(":", "").replace("：", "")


def test_read_returns_quads_in_pixels_of_the_original(reader: OcrReader, photos: dict[str, np.ndarray]) -> None:
    image = watermarked(photos["cat"], "@sample_user88", 24, (0.5, 0.88))
    for zoom in (1, 4):
        lines, _ = reader.read(np.asarray(image), (image.width * zoom, image.height * zoom))
        (line,) = [line for line in lines if "@sample_user88" in line.text]
        left, top = np.array(line.box).min(axis=0) / zoom
        right, bottom = np.array(line.box).max(axis=0) / zoom
        assert abs(left - image.width * 0.5) < 12 and abs(top - image.height * 0.88) < 14
        assert 20 < bottom - top < 48 and 120 < right - left < 240


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (1, 700), (700, 1), (2000, 5), (640, 480)])
def test_read_returns_no_lines_for_blank_images_of_any_size(reader: OcrReader, size: tuple[int, int]) -> None:
    for colour in ("white", "black", "red"):
        assert reader.read(np.asarray(Image.new("RGB", size, colour)), size) == ((), True)


def test_read_returns_lines_from_top_to_bottom_until_the_budget_is_spent(reader: OcrReader) -> None:
    image = Image.new("RGB", (620, 600), "white")
    draw = ImageDraw.Draw(image)
    for n in range(14):
        draw.text((20, 20 + 40 * n), f"line number {n} of this post", "black", ImageFont.load_default(24))
    texts = read_lines(reader, image)
    assert [f"number {n}" in text for n, text in enumerate(texts)] == [True] * 14
    calls = iter(range(100))
    assert reader.read(np.asarray(image), image.size, lambda: next(calls) >= 0)[1]
    budget = iter([True] * (next(calls) - 8) + [False])
    lines, complete = reader.read(np.asarray(image), image.size, lambda: next(budget))
    assert not complete and 0 < len(lines) < 14


def test_read_searches_no_region_after_the_budget_is_spent(
    reader: OcrReader, photos: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    def detect(bgr: np.ndarray, zoom: float) -> list[np.ndarray]:
        raise AssertionError(f"{bgr.shape} was searched for text")

    image = watermarked(photos["cat"], "@sample_user88", 20, (0.4, 0.9))
    monkeypatch.setattr(reader._finder._detector, "detect", detect)
    assert reader.read(np.asarray(image), image.size, lambda: False) == ((), False)


def test_edge_strips_of_tall_pages_are_searched_in_small_parts(
    reader: OcrReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    areas: list[float] = []

    def detect(bgr: np.ndarray, zoom: float) -> list[np.ndarray]:
        areas.append(bgr.shape[0] * bgr.shape[1] * zoom**2)
        return []

    monkeypatch.setattr(reader._finder._detector, "detect", detect)
    page = np.zeros((20_000, 736, 3), np.uint8)
    # Blocks that the screen takes for text at its scale.
    monkeypatch.setattr(reader._finder._screen, "find_text", lambda bgr: TextCells(np.ones((92, 4), np.uint8), 217.0))
    reader.read(page, (736, 20_000))
    assert areas and max(areas) <= 1_600_000


def test_ocr_version_names_the_library_and_the_models() -> None:
    assert ocr_version().startswith("2.2-rapidocr3.")


def test_text_on_screen_depends_on_lines_alone() -> None:
    """Frames get no further looks: what was read in a video stays valid."""
    assert video_text_version().endswith("-" + ocr_version().replace("2.2-", "2-", 1))


def with_quad(
    monkeypatch: pytest.MonkeyPatch, reader: OcrReader, left: float, top: float, right: float, bottom: float
) -> list[int]:
    """Make the reader find one line, and return the list to which the width of each recognised strip is appended."""
    quad = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    widths: list[int] = []
    recognise = reader._recogniser.recognise
    monkeypatch.setattr(reader._finder, "find", lambda bgr, within_budget: FoundLines([quad]))
    monkeypatch.setattr(
        reader._recogniser,
        "recognise",
        lambda strip, **options: (widths.append(strip.shape[1]), recognise(strip, **options))[1],
    )
    return widths


def test_handle_keeps_the_at_sign_that_its_quad_cuts_off(
    reader: OcrReader, photos: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = watermarked(photos["cat"], "@sample_user88", 24, (0.4, 0.9))
    left, top = image.width * 0.4, image.height * 0.9
    at_sign = ImageFont.load_default(24).getlength("@")
    with_quad(monkeypatch, reader, left + at_sign + 1, top, left + 185, top + 30)
    assert read_lines(reader, image) == ["@sample_user88"]


def test_line_beside_empty_ground_is_recognised_once(reader: OcrReader, monkeypatch: pytest.MonkeyPatch) -> None:
    image = Image.new("RGB", (400, 100), "white")
    ImageDraw.Draw(image).text((100, 30), "headline", "black", ImageFont.load_default(28))
    widths = with_quad(monkeypatch, reader, 96, 28, 220, 66)
    assert read_lines(reader, image) == ["headline"] and len(widths) == 1


def test_photograph_without_text_is_not_given_to_the_detection_model(
    reader: OcrReader, photos: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    def detect(bgr: np.ndarray, zoom: float) -> list[np.ndarray]:
        raise AssertionError(f"{bgr.shape} was searched for text")

    monkeypatch.setattr(reader._finder._detector, "detect", detect)
    assert read_lines(reader, Image.fromarray(photos["cat"])) == []


def test_long_line_is_found_as_one(reader: OcrReader, photos: dict[str, np.ndarray]) -> None:
    text = "share this long line before it is deleted"
    image = watermarked(photos["temple"], text, 20, (0.05, 0.5))
    assert text.replace(" ", "") in [line.replace(" ", "") for line in read_lines(reader, image)]
