"""Two long images are judged by all of their sections: pages that share a header or a photograph are no copies of each other."""

from dataclasses import replace

import numpy as np
import pytest
from fake_references import FakeAsset, FakeReferences, random_embeddings, random_hashes
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from mediafp.matching.images.long_images import LongQuery, are_long, match_long_images
from mediafp.matching.images.scoring import NEGATIVE_REASON, placement_reasons
from mediafp.matching.local_features import LocalFeatures
from mediafp.types.geometry import polygon_area
from mediafp.types.matches import Match, Placement, Point
from mediafp.types.media import Asset
from mediafp.types.pages import Page, format_pages

Photos = dict[str, np.ndarray]
WIDTH, TILE = 400, 600
WORDS = ["lerbar", "contan", "minrus", "pordis", "vigem", "rustan", "baris", "conder", "alume", "tirok"]


def text(height: int, seed: int) -> Image.Image:
    rng, image = np.random.default_rng(seed), Image.new("RGB", (WIDTH, height), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(20)
    for y in range(8, height - 24, 30):
        draw.text((20, y), " ".join(rng.choice(WORDS, 5)), "black", font)
    return image


def photo(photos: Photos, name: str, height: int) -> Image.Image:
    return ImageOps.fit(Image.fromarray(photos[name]), (WIDTH, height))


def page(*parts: Image.Image) -> Image.Image:
    """Return parts below each other."""
    image = Image.new("RGB", (WIDTH, sum(part.height for part in parts)), "white")
    top = 0
    for part in parts:
        image.paste(part, (0, top))
        top += part.height
    return image


def article(photos: Photos, name: str, seed: int) -> Image.Image:
    """Return a page of 400 × 2,000 pixels with the header and the footer of its site."""
    body = photo(photos, name, 300), text(900, seed)
    return page(photo(photos, "temple", 300), text(200, 1), *body, photo(photos, "rocket", 300))


class Long:
    """A long image with tiles of 1.5 times its shorter side, each of which has the next one's first third."""

    def __init__(self, sha256: str, image: Image.Image) -> None:
        self.image = image
        width, height = image.size
        shorter, longer = sorted(image.size)
        tile = shorter * TILE // WIDTH
        starts = [*range(0, longer - tile, shorter), longer - tile]
        size = (width, tile) if height > width else (tile, height)
        corners = [(0, start) if height > width else (start, 0) for start in starts]
        pages = [Page(number=1, size=image.size), *(Page(number=1, size=size, corner=corner) for corner in corners)]
        properties: dict[str, str | int] = {"width": width, "height": height, "pages": format_pages(pages)}
        self.asset = Asset(sha256=sha256 * 64, kind="image", bytes=1, properties=properties)
        self.pixels = {0: np.asarray(ImageOps.contain(image, (512, 512)))}
        self.pixels |= {
            row: np.asarray(ImageOps.contain(image.crop(page.box), (512, 512))) for row, page in enumerate(pages[1:], 1)
        }

    def features(self, row: int) -> LocalFeatures | None:
        return LocalFeatures(self.pixels[row], self.asset.row_size(row)) if row in self.pixels else None

    def query(self) -> LongQuery:
        return LongQuery(asset=self.asset, pdq=np.empty((0, 32), np.uint8), features=self.features)


class LongReferences(FakeReferences):  # type: ignore[misc]
    """References with the size of each section, as a store has them."""

    def __init__(self, reference: Long) -> None:
        rows = len(reference.pixels)
        fake = FakeAsset(
            "image", random_embeddings(rows, 1), random_hashes(rows, 2), np.zeros((rows, 2)), reference.pixels
        )
        super().__init__({reference.asset.sha256: fake}, full_model_similarity=0.7)
        self.reference = reference

    def local_features(self, sha256: str, row: int) -> LocalFeatures | None:
        return self.reference.features(row)


def box(left: float, top: float, right: float, bottom: float) -> tuple[Point, Point, Point, Point]:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def suggestion(
    reference: Long, *, rows: tuple[int, int] = (0, 0), probability: float = 0.9, shift: float = 0.0, why: str = "last"
) -> Match:
    """Return a match of two rows that places one on all of the other, `shift` pixels further down."""
    width, height = reference.asset.row_size(rows[1])
    placement = Placement(
        quad=box(0, shift, width, height + shift),
        overlap=box(0, max(0, shift), width, min(height, height + shift)),
        covered=1.0,
        shown=1.0,
        mirrored=False,
        rotation=0.0,
        scale=1.0,
        removed=(0.0, 0.0, 0.0, 0.0),
        inliers=12,
        correspondences=(((10.0, 20.0), (10.0, 20.0)),),
    )
    return Match(
        sha256=reference.asset.sha256,
        uris=("long.jpg",),
        kind="image",
        relation="copy",
        verdict="copy" if probability >= 0.5 else "possible",
        probability=probability,
        coverage=(1.0, 1.0),
        placement=placement,
        segments=(),
        why=(*placement_reasons(placement), why),
        rows=rows,
    )


def matched(query: Image.Image, reference: Image.Image, *suggested: dict[str, object]) -> Match:
    """Return the match of two long images, given what suggests it: by default both as wholes."""
    long, other = Long("1", query), Long("2", reference)
    matches = [suggestion(other, **one) for one in suggested or ({},)]  # type: ignore[arg-type]
    return match_long_images(matches, long.query(), other.asset, LongReferences(other))


def test_copy_is_confirmed_by_its_sections_with_keypoints_of_all_of_them(photos: Photos) -> None:
    reference = article(photos, "coffee", 2)
    match = matched(reference.resize((300, 1_500)), reference)
    assert (match.verdict, match.changes) == ("copy", ()) and match.probability > 0.95
    assert min(match.coverage) > 0.99 and match.placement
    assert match.why[0] == "compared in 5 of 5 sections that both images show"
    heights = np.array([place[1] for _, place in match.placement.correspondences])
    assert match.placement.inliers > 100 and np.diff(np.sort(heights), prepend=0, append=2_000).max() < 300


@pytest.mark.parametrize(
    "suggested", [{"probability": 0.99}, {"rows": (1, 1), "probability": 0.99}], ids=("wholes", "headers")
)
def test_pages_of_one_site_with_other_articles_are_no_copies(photos: Photos, suggested: dict[str, object]) -> None:
    match = matched(article(photos, "cat", 3), article(photos, "coffee", 2), suggested)
    assert match.verdict != "copy" and match.probability < 0.5
    if "rows" in suggested:
        assert match.probability == 0.49 and match.coverage == (0.3, 0.3)
        assert match.why[0] == "a part of the query and a part of the reference show the same, and both are larger"
    else:
        assert match.why[1].endswith(
            "of what the overlap shows differs, as in two pages of one site, or with one photograph"
        )


def test_pages_with_one_photograph_share_a_part(photos: Photos) -> None:
    reference = page(text(500, 1), photo(photos, "coffee", 300), text(1_000, 2))
    query = page(text(200, 3), photo(photos, "coffee", 300), text(1_000, 4))
    match = matched(query, reference, {"rows": (1, 1), "probability": 0.98, "shift": 300})
    assert (match.verdict, match.probability) == ("possible", 0.49)


def test_sections_of_a_copy_suggest_the_map_of_both(photos: Photos) -> None:
    reference = article(photos, "coffee", 2)
    match = matched(reference.resize((300, 1_500)), reference, {"rows": (3, 3), "probability": 0.98})
    assert match.verdict == "copy" and match.probability >= 0.98
    assert min(match.coverage) > 0.99 and match.rows == (0, 0)
    # The map of one section is off at the other end of the page; all of them together are not.
    assert match.placement and np.allclose(match.placement.quad, box(0, 0, WIDTH, 2_000), atol=4)


def test_page_without_photographs_is_the_same_if_most_of_its_length_is(photos: Photos) -> None:
    """A banner hides a part: as a drawing, less than all of it agrees."""
    reference = page(text(2_000, 5))
    covered = reference.copy()
    covered.paste(Image.new("RGB", (WIDTH, 140), "#333333"), (0, 900))
    match = matched(covered.resize((300, 1_500)), reference)
    assert match.verdict == "copy" and match.probability > 0.9
    assert matched(page(text(2_000, 6)), reference).probability < 0.1


def test_changes_of_all_sections_are_stated_once_in_pixels_of_the_page(photos: Photos) -> None:
    reference = article(photos, "coffee", 2)
    altered = reference.copy()
    # In what two sections show.
    altered.paste(photo(photos, "cat", 300).resize((260, 160)), (60, 420))
    match = matched(altered, reference)
    assert match.verdict == "copy" and len(match.changes) == 1
    corners = np.array(match.changes[0].box)
    assert np.allclose(corners.min(axis=0), (60, 420), atol=15) and np.allclose(
        corners.max(axis=0), (320, 580), atol=15
    )
    assert match.why[0].startswith("the same picture, changed here: at the top")


def test_best_of_several_maps_is_stated(photos: Photos) -> None:
    reference = page(photo(photos, "temple", 300), text(500, 1), photo(photos, "coffee", 400), text(800, 2))
    # Its header is the same, and the rest of it is 300 pixels further up.
    query = reference.crop((0, 300, WIDTH, 2_000))
    query.paste(photo(photos, "temple", 150), (0, 0))
    other = {"rows": (1, 1), "probability": 0.99}
    match = matched(query, reference, other, {"rows": (2, 2), "probability": 0.9, "shift": 300})
    assert match.verdict == "copy" and match.placement
    assert np.allclose(match.placement.quad, box(0, 300, WIDTH, 2_000), atol=8)
    assert match.placement.removed == pytest.approx((0, 0.15, 0, 0), abs=0.01)


def test_map_on_which_sections_agree_is_judged_before_more_probable_ones(photos: Photos) -> None:
    """A picture that is repeated on a page suggests a map for each pair of its places."""
    reference = article(photos, "coffee", 2)
    repeated = [{"rows": rows, "probability": 0.999} for rows in ((1, 2), (1, 4), (4, 1), (2, 4))]
    match = matched(reference.resize((300, 1_500)), reference, *repeated, *({"rows": (n, n)} for n in (2, 3)))
    assert match.verdict == "copy" and min(match.coverage) > 0.99
    assert matched(reference, reference, *repeated).probability == 0.49


def test_negative_is_compared_with_light_and_dark_exchanged(photos: Photos) -> None:
    reference = article(photos, "coffee", 2)
    negative = Image.fromarray(255 - np.asarray(reference))
    match = matched(negative, reference, {"why": NEGATIVE_REASON})
    assert match.verdict == "copy" and NEGATIVE_REASON in match.why
    assert matched(negative, reference).verdict != "copy"


def test_equal_hashes_without_a_placement_are_judged_as_wholes(photos: Photos) -> None:
    reference = article(photos, "coffee", 2)
    for query, is_copy in ((reference.resize((300, 1_500)), True), (article(photos, "cat", 3), False)):
        long, other = Long("1", query), Long("2", reference)
        by_hash = replace(suggestion(other), placement=None, why=("no placement joins the two images",))
        match = match_long_images([by_hash], long.query(), other.asset, LongReferences(other))
        assert (match.verdict == "copy") == is_copy
        assert bool(match.placement) == is_copy and (match.probability < 0.5) != is_copy


@pytest.mark.parametrize("form", range(8))
def test_equal_hashes_place_a_rotated_or_mirrored_page_without_keypoints(form: int) -> None:
    smooth = Image.fromarray(np.random.default_rng(1).integers(0, 255, (10, 3, 3)).astype(np.uint8))
    reference = smooth.resize((WIDTH, 1_600), Image.Resampling.BICUBIC)
    # The query of which the rotation or reflection `form` is the reference.
    pixels = np.rot90(np.asarray(reference), -form)
    query = Image.fromarray(np.ascontiguousarray(pixels[:, ::-1] if form >= 4 else pixels))
    long, other = Long("1", query), Long("2", reference)
    references = LongReferences(other)
    pdq = random_hashes(8, 3)
    pdq[form] = references.pdq(other.asset.sha256)[0]
    by_hash = replace(suggestion(other), placement=None, why=("no placement joins the two images",))
    match = match_long_images([by_hash], replace(long.query(), pdq=pdq), other.asset, references)
    assert match.verdict == "copy" and match.placement and match.probability > 0.95
    assert not any("keypoints" in reason for reason in match.why)
    corners = np.array(box(0, 0, WIDTH, 1_600))
    expected = {0: (0, 1, 2, 3), 1: (3, 0, 1, 2), 2: (2, 3, 0, 1), 3: (1, 2, 3, 0)}[form % 4]
    # Of the mirror image, the left and the right corners are exchanged.
    expected = tuple(expected[n] for n in (1, 0, 3, 2)) if form >= 4 else expected
    assert np.allclose(match.placement.quad, corners[list(expected)], atol=8)
    assert match.placement.mirrored == (form >= 4)


def test_blurred_copy_with_an_equal_hash_is_not_contradicted_by_its_sections(photos: Photos) -> None:
    reference = page(*(photo(photos, name, 400) for name in ("coffee", "cat", "temple", "rocket")))
    blurred = reference.filter(ImageFilter.GaussianBlur(14))
    long, other = Long("1", blurred), Long("2", reference)
    references = LongReferences(other)
    far = match_long_images([suggestion(other)], long.query(), other.asset, references)
    query = replace(long.query(), pdq=references.pdq(other.asset.sha256)[:1])
    match = match_long_images([suggestion(other)], query, other.asset, references)
    assert (match.verdict, match.probability) == ("copy", 0.9) and far.probability < 0.5
    assert match.why[0] == "one image is too blurred to be compared in sections"


def test_images_without_pictures_of_their_sections_share_a_part_at_most(photos: Photos) -> None:
    reference = article(photos, "coffee", 2)
    long, other = Long("1", reference), Long("2", reference)
    long.pixels.clear()
    match = match_long_images([suggestion(other)], long.query(), other.asset, LongReferences(other))
    assert (match.verdict, match.probability) == ("possible", 0.49)


def test_unlike_images_stay_unlike(photos: Photos) -> None:
    match = matched(article(photos, "cat", 3), page(text(2_000, 5)), {"probability": 0.01})
    assert (match.verdict, match.probability) == ("possible", 0.01)
    assert not any("part of" in reason for reason in match.why)


def test_sections_without_a_placement_are_below_one_half_too(photos: Photos) -> None:
    long, other = Long("1", article(photos, "cat", 3)), Long("2", page(text(2_000, 5)))
    by_hash = replace(suggestion(other, rows=(2, 2), probability=0.53), placement=None, verdict="possible")
    match = match_long_images([by_hash], long.query(), other.asset, LongReferences(other))
    assert (match.verdict, match.probability) == ("possible", 0.49)


def test_section_that_differs_as_a_whole_is_counted_and_no_changes_are_stated(photos: Photos) -> None:
    """Changes of the other sections would be taken for all that differs."""
    shown = [photo(photos, name, 400) for name in ("coffee", "cat", "temple", "rocket")]
    reference, query = (page(*shown, photo(photos, last, 400)) for last in ("flower", "cat"))
    ImageDraw.Draw(query).rectangle((100, 500, 200, 560), "yellow", "black", 4)
    match = matched(query, reference)
    assert match.verdict == "copy" and match.changes == ()
    assert match.why[0] == "compared in 5 of 5 sections that both images show, 1 of which differs for the most part"


def test_sections_of_a_very_long_page_are_chosen_evenly(photos: Photos) -> None:
    reference = page(*(photo(photos, name, 400) for name in ("coffee", "cat", "temple", "rocket", "flower") * 3))
    match = matched(reference.resize((300, 4_500)), reference)
    assert match.verdict == "copy" and match.why[0] == "compared in 8 of 15 sections that both images show"
    assert match.placement and polygon_area(np.array(match.placement.overlap)) > 0.99 * WIDTH * 6_000


def test_image_is_long_by_sections_as_wide_as_its_page(photos: Photos) -> None:
    long = Long("1", article(photos, "coffee", 2)).asset
    short = Asset(sha256="3" * 64, kind="image", bytes=1, properties={"width": 400, "height": 500})
    pages = Page(number=1, size=(720, 1_500)), Page(number=1, size=(90, 90), corner=(20, 300))
    # The capture of a phone with a small picture.
    capture = replace(short, properties={"width": 720, "height": 1_500, "pages": format_pages(pages)})
    assert are_long(long, long, (0, 3)) and are_long(long, long, (2, 1))
    assert not are_long(long, short, (0, 0)) and not are_long(capture, capture, (0, 0))
    # The shorter capture of a page is compared with a longer one as a whole, and what is small in it with a section.
    assert are_long(capture, long, (0, 0)) and are_long(long, capture, (0, 0))
    assert not are_long(capture, long, (1, 0)) and not are_long(capture, long, (0, 2))


@pytest.mark.parametrize(("name", "seed", "is_copy"), [("coffee", 2, True), ("cat", 3, False)], ids=("same", "other"))
def test_shorter_page_of_one_site_is_compared_in_sections(photos: Photos, name: str, seed: int, is_copy: bool) -> None:
    def start(name: str, seed: int) -> tuple[Image.Image, ...]:
        return photo(photos, "temple", 200), photo(photos, name, 200), text(400, seed)

    other = Long("2", page(*start("coffee", 2), text(1_200, 4)))
    pixels = np.asarray(ImageOps.contain(page(*start(name, seed)), (512, 512)))
    asset = Asset(sha256="1" * 64, kind="image", bytes=1, properties={"width": WIDTH, "height": 800})
    long = LongQuery(
        asset=asset, pdq=np.empty((0, 32), np.uint8), features=lambda row: LocalFeatures(pixels, asset.size)
    )
    suggested = suggestion(other)
    assert suggested.placement
    placed = replace(suggested.placement, quad=box(0, 0, WIDTH, 800), overlap=box(0, 0, WIDTH, 800))
    match = match_long_images([replace(suggested, placement=placed)], long, other.asset, LongReferences(other))
    assert (match.verdict == "copy") == (match.probability > 0.5) == is_copy
