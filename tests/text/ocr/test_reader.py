"""OCR of images: marks on photographs, pages, images without text."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from watermarks import watermarked

from mediafp.text.ocr.reader import OcrReader, get_ocr_reader, ocr_version

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
    budget = iter((True, False))
    lines, complete = reader.read(np.asarray(image), image.size, lambda: next(budget))
    assert not complete and 0 < len(lines) < 14


def test_ocr_version_names_the_library_and_the_models() -> None:
    assert ocr_version().startswith("1-rapidocr3.")
