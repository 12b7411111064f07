"""Long images have sections: blocks that plain space separates, and overlapping tiles."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_files import decode_whole
from PIL import Image, ImageDraw, ImageFont

from mediafp.ingest.image_pixels import render
from mediafp.ingest.limits import MAX_PAGE_PARTS
from mediafp.ingest.page_blocks import find_blocks
from mediafp.ingest.page_sections import MAX_CUT_PIXELS, MAX_TILES, cut_factor, is_long, tile_boxes
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.types.contents import check_thumbnail
from mediafp.types.geometry import Box
from mediafp.types.media import Asset
from mediafp.types.pages import parse_pages
from mediafp.types.rectangles import box_iou


def capture(photos: dict[str, np.ndarray], ground: str, ink: str, card: str | None) -> tuple[Image.Image, list[Box]]:
    """Return the capture of a page with three photographs between lines of text, and where they are."""
    page = Image.new("RGB", (720, 4_000), ground)
    draw, font, boxes = ImageDraw.Draw(page), ImageFont.load_default(24), []
    for number, name in enumerate(("cat", "coffee", "rocket")):
        left, top, width = 40 + 60 * number, 300 + 1_300 * number, 600 - 90 * number
        height = round(width * photos[name].shape[0] / photos[name].shape[1])
        if card:
            draw.rectangle((10, top - 200, 710, top + height + 200), card)
        for y in (*range(top - 180, top - 50, 40), *range(top + height + 30, top + height + 180, 40)):
            draw.text((40, y), "lerbar contan minrus pordis vigem rustan baris", ink, font)
        page.paste(Image.fromarray(photos[name]).resize((width, height)), (left, top))
        boxes.append((left, top, left + width, top + height))
    return page, boxes


@pytest.mark.parametrize(
    ("ground", "ink", "card"), [("white", "black", None), ("#15202b", "white", None), ("#e6e6e6", "black", "white")]
)
def test_photographs_of_a_page_are_blocks(
    photos: dict[str, np.ndarray], ground: str, ink: str, card: str | None
) -> None:
    page, boxes = capture(photos, ground, ink, card)
    found = find_blocks(np.asarray(page), 32)
    assert all(max(box_iou(box, block) for block in found) > 0.93 for box in boxes)
    # The cards are blocks too, and lines of text are none.
    assert len(found) <= 2 * len(boxes) + 1


def test_limit_keeps_the_largest_blocks(photos: dict[str, np.ndarray]) -> None:
    page, boxes = capture(photos, "white", "black", None)
    (block,) = find_blocks(np.asarray(page), 1)
    assert box_iou(block, boxes[0]) > 0.93


def test_images_without_space_between_them_are_blocks(photos: dict[str, np.ndarray]) -> None:
    shots = [photos[name][:400, :600] for name in ("cat", "flower", "coffee", "temple", "rocket")]
    shots = [np.asarray(Image.fromarray(shot).resize((600, 400))) for shot in shots]
    for strip, flip in ((np.concatenate(shots), False), (np.concatenate(shots, 1).copy(), True)):
        found = find_blocks(strip, 32)
        for number in range(len(shots)):
            box = (600 * number, 0, 600 * number + 600, 400) if flip else (0, 400 * number, 600, 400 * number + 400)
            assert max(box_iou(box, block) for block in found) > 0.95


@pytest.mark.parametrize("size", [(1_080, 2_430), (720, 9_000), (9_000, 720), (600, 60_000), (1_000, 120_000)])
def test_tiles_cover_a_page_and_overlap_by_a_third(size: tuple[int, int]) -> None:
    boxes = tile_boxes(*size)
    along = int(size[1] >= size[0])
    assert 2 <= len(boxes) <= MAX_TILES
    assert boxes[0][:2] == (0, 0) and boxes[-1][2:] == size
    for before, after in itertools.pairwise(boxes):
        assert before[2 + along] - after[along] >= (before[2 + along] - before[along]) / 3 - 2
        assert after[2 + along] > before[2 + along]


def test_screens_of_phones_are_not_long_and_captures_of_pages_are() -> None:
    assert not any(map(is_long, [(1_080, 2_400), (2_400, 1_080), (1_170, 2_532), (20_000, 50), (1, 1)]))
    assert all(map(is_long, [(1_080, 2_700), (720, 9_000), (3_000, 1_000)]))


def test_long_page_is_cut_at_a_size_that_fits_in_memory() -> None:
    for size in ((1_080, 9_000), (1_000, 120_000), (600, 200_000), (128, 900_000)):
        factor = cut_factor(size)
        assert size[0] * size[1] / factor**2 <= MAX_CUT_PIXELS


@pytest.mark.parametrize(("name", "turned"), [("a.jpg", False), ("a.png", False), ("a.jpg", True), ("a.tif", False)])
def test_sections_are_frames_whose_boxes_are_in_the_pixels_of_the_page(
    tmp_path: Path, photos: dict[str, np.ndarray], name: str, turned: bool
) -> None:
    page, boxes = capture(photos, "white", "black", None)
    if turned:
        # Wide, and stored on its side.
        boxes = [(top, 720 - right, bottom, 720 - left) for left, top, right, bottom in boxes]
        page = page.transpose(Image.Transpose.ROTATE_90)
        exif = Image.Exif()
        exif[0x0112] = 6
        page.transpose(Image.Transpose.ROTATE_90).save(tmp_path / name, exif=exif, quality=90)
    else:
        page.save(tmp_path / name, quality=90, compress_level=1)
    media, frames = decode_whole(tmp_path / name)
    asset = Asset(sha256="0" * 64, kind="image", bytes=1, properties=media.properties)
    whole, *sections = asset.pages
    assert whole.size == page.size and len(frames) == 1 + len(sections) <= 1 + MAX_PAGE_PARTS
    assert all(max(box_iou(box, section.box) for section in sections) > 0.93 for box in boxes)
    for row, (section, frame) in enumerate(zip(sections, frames[1:], strict=True), 1):
        shown = page.crop(section.box).resize(frame.pixels.shape[1::-1], Image.Resampling.BOX)
        assert np.abs(frame.pixels.astype(int) - np.asarray(shown)).mean() < 6
        check_thumbnail(asset, row, encode_thumbnail(frame.pixels, 512))
    check_thumbnail(asset, 0, encode_thumbnail(frames[0].pixels, 512))


def test_plain_parts_of_a_page_have_no_tile(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    page = Image.new("RGB", (600, 6_000), "white")
    page.paste(Image.fromarray(photos["cat"]).resize((500, 375)), (50, 100))
    page.save(tmp_path / "a.png", compress_level=1)
    media, _ = decode_whole(tmp_path / "a.png")
    _, block, *tiles = parse_pages(str(media.properties["pages"]))
    assert box_iou(block.box, (50, 100, 550, 475)) > 0.95
    assert [tile.box[1] for tile in tiles] == [0]


def test_pages_of_a_file_share_the_limit(
    tmp_path: Path, photos: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, _ = capture(photos, "white", "black", None)
    small = page.resize((180, 1_000))
    small.save(tmp_path / "a.tif", save_all=True, append_images=[small.resize((200, 1_100))])
    media, frames = decode_whole(tmp_path / "a.tif")
    pages = parse_pages(str(media.properties["pages"]))
    assert len(frames) == len(pages) and [page.number for page in pages if page.is_whole] == [1, 2]
    assert {page.number for page in pages[2:]} == {1, 2}
    monkeypatch.setattr("mediafp.ingest.pages.MAX_PAGE_PARTS", 3)
    media, frames = decode_whole(tmp_path / "a.tif")
    assert [page.number for page in parse_pages(str(media.properties["pages"]))] == [1, 2, 1, 1, 1]
    assert len(frames) == 5


def capture_of_phone(photos: dict[str, np.ndarray]) -> Image.Image:
    """Return the page of a profile with a round picture of 150 pixels."""
    page, mask = Image.new("RGB", (1_080, 2_160), "white"), Image.new("L", (150, 150))
    face = Image.fromarray(photos["cat"][:300, :300]).resize((150, 150), Image.Resampling.LANCZOS)
    ImageDraw.Draw(mask).ellipse((0, 0, 149, 149), 255)
    page.paste(face, (340, 250), mask)
    ImageDraw.Draw(page).text((40, 700), "lerbar contan minrus pordis", "black", ImageFont.load_default(40))
    return page


@pytest.mark.parametrize(("name", "turned"), [("a.png", False), ("a.jpg", False), ("a.jpg", True), ("a.tif", False)])
def test_small_picture_on_the_capture_of_a_phone_keeps_its_detail(
    tmp_path: Path, photos: dict[str, np.ndarray], name: str, turned: bool
) -> None:
    """The page is decoded at half its size, or less; the profile picture on it is not."""
    page = capture_of_phone(photos)
    exif = Image.Exif()
    if turned:
        exif[0x0112] = 6
    stored = page.transpose(Image.Transpose.ROTATE_90) if turned else page
    stored.save(tmp_path / name, quality=95, compress_level=1, exif=exif)
    media, (whole, picture) = decode_whole(tmp_path / name)
    asset = Asset(sha256="0" * 64, kind="image", bytes=1, properties=media.properties)
    assert whole.pixels.shape[0] == 1_080 and box_iou(asset.pages[1].box, (340, 250, 490, 400)) > 0.85
    height, width = picture.pixels.shape[:2]
    assert (width, height) == asset.pages[1].size and min(width, height) >= 140
    shown = np.asarray(page.crop(asset.pages[1].box).resize((width, height)))
    assert np.abs(picture.pixels.astype(int) - shown).mean() < 5
    # What is lost at half the size is the finest detail.
    inner = np.s_[height // 4 : -height // 4, width // 4 : -width // 4]
    details = [np.abs(np.diff(pixels[inner].astype(int), axis=1)).mean() for pixels in (picture.pixels, shown)]
    assert details[0] > 0.9 * details[1]


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_small_picture_is_cut_from_the_reduced_page_where_the_page_does_not_fit_in_memory(
    tmp_path: Path, photos: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The file was lost, of which the page itself had been read."""

    def fail_at_full_size(image: Image.Image, orientation: int, *, factor: int | None = None, **kwargs: Any) -> object:
        if factor is not None:
            raise MemoryError
        return render(image, orientation, **kwargs)

    monkeypatch.setattr("mediafp.ingest.page_rows.render", fail_at_full_size)
    page = capture_of_phone(photos)
    page.save(tmp_path / name, append_images=[page] if name == "a.tif" else [], save_all=name == "a.tif")
    media, frames = decode_whole(tmp_path / name)
    pages = parse_pages(str(media.properties["pages"]))
    small = [one.pixels for one, page in zip(frames, pages, strict=True) if max(page.size) < 200]
    assert small and all(70 <= max(pixels.shape[:2]) <= 80 for pixels in small)
    assert media.warnings[0] == (
        "skipped the detail of small images on page 1: its full size cannot be read (it does not fit in memory)"
    )
    assert len(media.warnings) == len(small)


def test_page_that_takes_long_is_not_decoded_twice(
    tmp_path: Path, photos: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel ends a worker that uses more CPU time than one file may, and the file would be lost."""
    monkeypatch.setattr("mediafp.ingest.images.MAX_REPEATED_CPU_SECONDS", 0.0)
    capture_of_phone(photos).save(tmp_path / "a.jpg", quality=95)
    media, (_, picture) = decode_whole(tmp_path / "a.jpg")
    assert 70 <= max(picture.pixels.shape[:2]) <= 80
    assert [warning.partition(":")[0] for warning in media.warnings] == ["skipped the detail of small images on page 1"]
