"""Captures of long pages and transparent images match what they show, as queries and as references, in new and in old stores."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from analysed_files import add_analysed, analyse, by_name, kept_matches, search_matches
from mixed_stores import open_references
from PIL import Image, ImageDraw, ImageFont, ImageOps

from mediafp.case.comparison.run import run_comparisons
from mediafp.case.exchange import asset_hashes
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.geometry import homography_from_corners, image_corners, transform_points
from mediafp.types.matches import Match, Placement
from mediafp.types.runs import FileAnalysis

PHOTO_BOX = (60, 2_900, 660, 3_300)
"""Where the page shows the photograph that is asked about."""


def capture(photos: dict[str, np.ndarray]) -> Image.Image:
    page = Image.new("RGB", (720, 5_200), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(24)
    for y in (*range(40, 900, 40), *range(1_500, 2_850, 40), *range(3_350, 5_150, 40)):
        draw.text((40, y), "lerbar contan minrus pordis vigem rustan baris conder", "black", font)
    page.paste(Image.fromarray(photos["cat"]).resize((640, 480)), (40, 960))
    left, top, right, bottom = PHOTO_BOX
    page.paste(ImageOps.fit(Image.fromarray(photos["coffee"]), (right - left, bottom - top)), (left, top))
    return page


def with_banner(photos: dict[str, np.ndarray]) -> Image.Image:
    """Return another page, with one image of the first."""
    page = Image.new("RGB", (720, 4_000), "#f4f4f4")
    page.paste(capture(photos).crop(PHOTO_BOX), (60, 200))
    page.paste(Image.fromarray(photos["rocket"]).resize((600, 400)), (30, 900))
    page.paste(Image.fromarray(photos["temple"]).resize((600, 900)), (90, 1_900))
    return page


def article(photos: dict[str, np.ndarray], name: str, words: str) -> Image.Image:
    """Return a page of one site, with its header and footer, a photograph and a text."""
    page = Image.new("RGB", (720, 2_600), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(24)
    for name_of_site, top, height in (("temple", 0, 380), (name, 420, 480), ("rocket", 2_300, 300)):
        page.paste(ImageOps.fit(Image.fromarray(photos[name_of_site]), (720, height)), (0, top))
    chosen = words.split()
    for line, y in enumerate(range(940, 2_260, 40)):
        draw.text((40, y), " ".join(chosen[(line * 7 + n * (line + 3)) % len(chosen)] for n in range(7)), "black", font)
    return page


def cut_out(photo: np.ndarray) -> Image.Image:
    image = ImageOps.fit(Image.fromarray(photo), (480, 360)).convert("RGBA")
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).ellipse((70, 10, 410, 350), fill=255)
    image.putalpha(mask)
    return image


def panorama(photos: dict[str, np.ndarray]) -> Image.Image:
    """Return three photographs side by side, as one of 3:1."""
    image = Image.new("RGB", (1_200, 400))
    for n, name in enumerate(("rocket", "coffee", "temple")):
        image.paste(ImageOps.fit(Image.fromarray(photos[name]), (400, 400)), (n * 400, 0))
    return image


def cut_from_panorama(photos: dict[str, np.ndarray]) -> Image.Image:
    """Return the middle of the panorama on another ground, in two thirds of its size."""
    image = panorama(photos)
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).ellipse((120, 40, 1_080, 360), fill=255)
    ground = ImageOps.fit(Image.fromarray(photos["cat"]), image.size)
    return Image.composite(image, ground, mask).resize((900, 300))


def transparent_page() -> Image.Image:
    """Return a long page of black and white lines of text on nothing."""
    image = Image.new("RGBA", (720, 2_600))
    draw, font, rng = ImageDraw.Draw(image), ImageFont.load_default(26), np.random.default_rng(3)
    words = ["lerbar", "contan", "minrus", "pordis", "vigem", "rustan", "baris", "conder", "alume", "tirok"]
    for line, y in enumerate(range(20, 2_560, 42)):
        draw.text((30, y), " ".join(rng.choice(words, 6)), "white" if line % 2 else "black", font)
    return image


def emblem() -> Image.Image:
    image = Image.new("RGBA", (400, 400), (255, 255, 255, 0))
    draw = ImageDraw.Draw(image)
    draw.ellipse((30, 30, 370, 370), outline="white", width=14)
    draw.polygon([(120, 260), (200, 90), (290, 250), (210, 200)], "white")
    draw.text((110, 290), "VIGEM RUSTAN", "white", ImageFont.load_default(26))
    return image


def on_colour(image: Image.Image, colour: str) -> Image.Image:
    ground = Image.new("RGBA", image.size, colour)
    return Image.alpha_composite(ground, image).convert("RGB")


@pytest.fixture(scope="module")
def analyses(photos: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileAnalysis]:
    folder = tmp_path_factory.mktemp("media")
    images = {
        "page.jpg": capture(photos),
        "again.jpg": capture(photos).resize((540, 3_900)),
        "site.jpg": with_banner(photos),
        "article.jpg": article(photos, "coffee", "lerbar contan minrus pordis vigem rustan baris conder"),
        "shared.jpg": article(photos, "coffee", "lerbar contan minrus pordis vigem rustan baris conder").resize(
            (500, 1_806)
        ),
        "next.jpg": article(photos, "flower", "alume tirok wenda zoril mabek ostin quarl fendis hupra"),
        "photo.jpg": ImageOps.fit(Image.fromarray(photos["coffee"]), (450, 300)),
        "other.jpg": Image.fromarray(photos["temple"]).resize((480, 320)),
        "panorama.jpg": panorama(photos),
        "cut-panorama.jpg": cut_from_panorama(photos),
        "cutout.png": cut_out(photos["flower"]),
        "navy.jpg": on_colour(cut_out(photos["flower"]), "#14224a").resize((400, 300)),
        "white.jpg": on_colour(cut_out(photos["flower"]), "white").resize((360, 270)),
        "whole.jpg": ImageOps.fit(Image.fromarray(photos["flower"]), (480, 360)),
        "lines.png": transparent_page(),
        "lines-grey.jpg": on_colour(transparent_page(), "#808080").resize((540, 1_950)),
        "lines-white.jpg": on_colour(transparent_page(), "white").resize((540, 1_950)),
        "emblem.png": emblem(),
        "emblem.jpg": on_colour(emblem(), "#5a1414").resize((300, 300)),
    }
    found = {}
    for name, image in images.items():
        image.save(folder / name, quality=88)
        found[name] = analyse(folder / name)
    return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "store", create=True) as created:
        yield created


def searched(store: SqliteStore, query: FileAnalysis) -> dict[str, Match]:
    """Return the copies of a query that is not in the store, by the name of the reference."""
    return by_name(match for match in search_matches(store, query) if match.verdict == "copy")


def kept(store: SqliteStore, query: FileAnalysis) -> dict[str, Match]:
    """Return the kept copies of an asset, by the name of the other one."""
    return by_name(match for match in kept_matches(store, query) if match.verdict == "copy")


def corners(placement: Placement) -> np.ndarray:
    return np.array([np.min(placement.overlap, axis=0), np.max(placement.overlap, axis=0)]).reshape(-1)


def test_photograph_is_found_and_placed_in_a_long_page(store: SqliteStore, analyses: dict[str, FileAnalysis]) -> None:
    add_analysed(store, analyses, "page.jpg", "other.jpg")
    matches = searched(store, analyses["photo.jpg"])
    assert matches.keys() == {"page.jpg"}
    match = matches["page.jpg"]
    assert match.rows == (0, 0) and match.why[0].startswith("matched by the part of the reference from ")
    assert match.placement and not match.placement.mirrored
    assert np.abs(corners(match.placement) - PHOTO_BOX).max() < 8
    assert match.placement.covered == pytest.approx(600 * 400 / (720 * 5_200), rel=0.05)
    assert match.coverage[1] == match.placement.covered
    hashes = asset_hashes(store, analyses["page.jpg"].asset, "page.jpg")
    assert len(hashes.rows["pdq"].vectors) == 1, "other tools get the hash of the whole page"
    assert store.check_integrity() == []


def test_long_page_as_a_query_finds_what_it_shows(store: SqliteStore, analyses: dict[str, FileAnalysis]) -> None:
    add_analysed(store, analyses, "photo.jpg", "other.jpg")
    matches = searched(store, analyses["page.jpg"])
    assert matches.keys() == {"photo.jpg"}
    placement = matches["photo.jpg"].placement
    assert placement and placement.covered > 0.95
    to_query = homography_from_corners(np.array(placement.quad), image_corners(720, 5_200))
    in_page = transform_points(to_query, np.array(placement.overlap))
    assert np.abs([*in_page.min(axis=0), *in_page.max(axis=0)] - np.array(PHOTO_BOX)).max() < 8


def test_kept_matches_of_a_long_page_are_told_from_both_sides(
    store: SqliteStore, analyses: dict[str, FileAnalysis]
) -> None:
    add_analysed(store, analyses, "page.jpg", "photo.jpg", "other.jpg")
    list(run_comparisons(store, open_references(store)))
    there, back = kept(store, analyses["photo.jpg"]), kept(store, analyses["page.jpg"])
    assert there.keys() == {"page.jpg"} and back.keys() == {"photo.jpg"}
    placed, seen = there["page.jpg"].placement, back["photo.jpg"].placement
    assert placed and seen and np.abs(corners(placed) - PHOTO_BOX).max() < 8
    assert there["page.jpg"].rows == back["photo.jpg"].rows == (0, 0)
    assert (placed.covered, placed.shown) == pytest.approx((seen.shown, seen.covered), abs=0.01)


def test_two_captures_of_one_page_are_copies_and_two_pages_with_one_image_are_possible(
    store: SqliteStore, analyses: dict[str, FileAnalysis]
) -> None:
    add_analysed(store, analyses, "again.jpg", "site.jpg")
    found = by_name(match for match in search_matches(store, analyses["page.jpg"]) if match.probability >= 0.4)
    assert found["again.jpg"].verdict == "copy" and min(found["again.jpg"].coverage) > 0.9
    assert (found["site.jpg"].verdict, found["site.jpg"].probability) == ("possible", 0.49)
    add_analysed(store, analyses, "page.jpg")
    list(run_comparisons(store, open_references(store)))
    assert kept(store, analyses["page.jpg"]).keys() == {"again.jpg"}
    assert min(kept(store, analyses["again.jpg"])["page.jpg"].coverage) > 0.9


def test_pages_of_one_site_are_no_copies_of_each_other(store: SqliteStore, analyses: dict[str, FileAnalysis]) -> None:
    add_analysed(store, analyses, "article.jpg")
    assert searched(store, analyses["shared.jpg"]).keys() == {"article.jpg"}
    assert not searched(store, analyses["next.jpg"])
    add_analysed(store, analyses, "next.jpg", "shared.jpg")
    list(run_comparisons(store, open_references(store)))
    assert kept(store, analyses["article.jpg"]).keys() == {"shared.jpg"}
    assert not kept(store, analyses["next.jpg"])


def test_long_photograph_on_another_ground_is_a_copy_as_its_sections_agree(
    store: SqliteStore, analyses: dict[str, FileAnalysis]
) -> None:
    add_analysed(store, analyses, "panorama.jpg", "other.jpg")
    match = searched(store, analyses["cut-panorama.jpg"])["panorama.jpg"]
    assert match.placement and np.abs(corners(match.placement) - (0, 0, 1_200, 400)).max() < 6
    assert min(match.coverage) > 0.98 and any(reason.startswith("compared in") for reason in match.why)
    add_analysed(store, analyses, "cut-panorama.jpg")
    list(run_comparisons(store, open_references(store)))
    assert min(kept(store, analyses["cut-panorama.jpg"])["panorama.jpg"].coverage) > 0.98


def test_page_that_an_older_version_stored_keeps_its_row(store: SqliteStore, analyses: dict[str, FileAnalysis]) -> None:
    new = analyses["page.jpg"]
    properties = {name: value for name, value in new.asset.properties.items() if name != "pages"}
    old = replace(
        new,
        asset=replace(new.asset, properties=properties),
        thumbnails=new.thumbnails[:1],
        fingerprints=tuple(
            replace(f, spans=f.spans[:1], vectors=f.vectors[:1], quality=f.quality[:1])
            if len(f.vectors) == len(new.asset.pages)
            else f
            for f in new.fingerprints
        ),
    )
    add_analysed(store, {"page.jpg": old}, "page.jpg")
    assert store.check_integrity() == [] and "page.jpg" not in searched(store, analyses["photo.jpg"])
    # The same bytes are the same asset; nothing of it is lost or read anew.
    assert searched(store, new)["page.jpg"].sha256 == new.asset.sha256
    assert len(open_references(store)().embeddings(new.asset.sha256)) == 1


@pytest.mark.parametrize("query", ["navy.jpg", "white.jpg", "whole.jpg"])
def test_cut_out_matches_itself_on_a_ground_and_the_whole(
    store: SqliteStore, analyses: dict[str, FileAnalysis], query: str
) -> None:
    add_analysed(store, analyses, "cutout.png", "other.jpg")
    assert searched(store, analyses[query]).keys() == {"cutout.png"}
    add_analysed(store, analyses, query)
    list(run_comparisons(store, open_references(store)))
    assert kept(store, analyses["cutout.png"]).keys() == kept(store, analyses[query]).keys() ^ {"cutout.png", query}


def test_cut_out_as_a_query_finds_its_grounds_and_the_whole(
    store: SqliteStore, analyses: dict[str, FileAnalysis]
) -> None:
    add_analysed(store, analyses, "navy.jpg", "white.jpg", "whole.jpg", "other.jpg")
    assert searched(store, analyses["cutout.png"]).keys() == {"navy.jpg", "white.jpg", "whole.jpg"}


def test_long_transparent_page_matches_itself_on_both_of_its_grounds(
    store: SqliteStore, analyses: dict[str, FileAnalysis]
) -> None:
    lines = analyses["lines.png"].asset
    # Its sections are those on grey: on white they show other lines.
    assert lines.properties["ground"] == "grey" and [page.ground for page in lines.pages[:3]] == [None, "white", None]
    names = {"lines-grey.jpg", "lines-white.jpg"}
    add_analysed(store, analyses, "lines.png", "other.jpg")
    for name in names:
        assert searched(store, analyses[name]).keys() == {"lines.png"}
    add_analysed(store, analyses, *names)
    assert searched(store, analyses["lines.png"]).keys() >= names
    list(run_comparisons(store, open_references(store)))
    assert kept(store, analyses["lines.png"]).keys() == names


def test_long_second_page_with_a_damaged_thumbnail_is_compared_by_its_sections(
    store: SqliteStore, analyses: dict[str, FileAnalysis], photos: dict[str, np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / "two.tiff"
    Image.fromarray(photos["rocket"]).save(path, save_all=True, append_images=[capture(photos)])
    analysis = analyse(path)
    assert [page.number for page in analysis.asset.pages[:2]] == [1, 2]
    thumbnails = tuple(replace(one, jpeg=one.jpeg[:40]) if one.position == 1 else one for one in analysis.thumbnails)
    add_analysed(store, analyses, "again.jpg")
    for query in (analysis, replace(analysis, thumbnails=thumbnails)):
        match = searched(store, query)["again.jpg"]
        assert match.rows == (1, 0) and min(match.coverage) > 0.99
        assert any(reason.startswith("compared in ") for reason in match.why)


def test_white_drawing_on_nothing_matches_in_both_directions(
    store: SqliteStore, analyses: dict[str, FileAnalysis]
) -> None:
    add_analysed(store, analyses, "emblem.png", "other.jpg")
    assert searched(store, analyses["emblem.jpg"]).keys() == {"emblem.png"}
    add_analysed(store, analyses, "emblem.jpg")
    assert "emblem.jpg" in searched(store, analyses["emblem.png"])
    assert analyses["emblem.png"].asset.properties["ground"] == "black"
