"""Pages of an image as text."""

import pytest

from mediafp.types.contents import PROPERTY_CHARS, check_asset
from mediafp.types.media import Asset
from mediafp.types.pages import Page, format_pages, parse_pages, whole_row


def test_parse_pages_returns_the_formatted_pages() -> None:
    pages = (
        Page(number=1, size=(640, 480)),
        Page(number=3, size=(1, 120_000_000)),
        Page(number=4, size=(160, 120), is_thumbnail=True),
        Page(number=1, size=(640, 480), ground="black"),
        Page(number=1, size=(200, 480), corner=(0, 0)),
        Page(number=3, size=(1, 400), corner=(0, 119_999_600)),
    )
    assert parse_pages(format_pages(pages)) == pages
    assert [whole_row(pages, row) for row in range(7)] == [0, 1, 2, 0, 0, 1, 6]
    assert [page.box for page in pages[3:5]] == [(0, 0, 640, 480), (0, 0, 200, 480)]


def test_most_pages_of_the_largest_size_are_a_property() -> None:
    wholes = [Page(number=n, size=(120_000_000, 1)) for n in range(1, 65)]
    parts = [Page(number=64, size=(10_000_000, 1), corner=(110_000_000, 0))] * 64
    text = format_pages([*wholes, *parts])
    assert len(text) <= PROPERTY_CHARS
    check_asset(Asset(sha256="", kind="image", bytes=1, properties={"width": 120_000_000, "height": 1, "pages": text}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1:2x3 ",
        "0:2x3",
        "1:2x3 1:2x3",
        "1:0x3",
        "1:2x3,2:2x3",
        "1:٣x3",
        "1:2x3x4",
        "1:2x3:t",
        "1:2x3 2:2x3:black",
        "1:2x3 1:2x3+0+1",
        "1:2x3 1:1x1+-1+0",
        "1:2x3 1:1x1+0",
        "1:2x3 1:2x3:grey 2:2x3",
        "1:2x3:white",
        "1:2x3 1:2x3+0+0:grey",
    ],
)
def test_parse_pages_rejects_other_texts(text: str) -> None:
    with pytest.raises(ValueError):
        parse_pages(text)


@pytest.mark.parametrize(
    "properties",
    [
        {"pages": "1:64x48"},
        {"pages": "1:48x64 2:64x48"},
        {"pages": "2:64x48 3:64x48"},
        {"pages": "1:64x48 2:12000x12000"},
        {"pages": "1:64x48 2:64x48", "frames": 2},
        {"pages": " ".join(f"{n}:64x48" for n in range(1, 130))},
    ],
)
def test_check_asset_rejects_pages_that_no_image_has(properties: dict[str, int | str]) -> None:
    with pytest.raises(ValueError):
        check_asset(Asset(sha256="", kind="image", bytes=1, properties={"width": 64, "height": 48} | properties))
