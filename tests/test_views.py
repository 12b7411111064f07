"""The views that a query is sought by, and the crops that are kept of a reference."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from mediafp.case.case import Case
from mediafp.fingerprints import registry
from mediafp.fingerprints.reference_crops import REFERENCE_CROPS, ReferenceCrops
from mediafp.fingerprints.sscd import Sscd
from mediafp.matching.candidates import Candidate, shortlist
from mediafp.matching.images.local_features import Box
from mediafp.matching.images.query_crops import half_boxes, make_query_crops
from mediafp.matching.images.rectangles import MAX_RECTANGLES, find_rectangles
from mediafp.types.matches import Match
from mediafp.types.media import Pixels
from mediafp.types.runs import AnalysisOptions, IngestOptions

EMBEDDING = Sscd("sscd_distilled")
CROPS = ReferenceCrops(EMBEDDING)
FRAME_TYPES = {"sscd_distilled", "pdq", "phash", "dhash"}


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    wide, tall = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0, wide) * max(0, tall)
    return shared / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - shared)


def pasted(canvas: Pixels, picture: Pixels, left: int, top: int, longest: int) -> tuple[Pixels, Box]:
    """The canvas with the picture on it, and where that is."""
    small = Image.fromarray(picture)
    small = ImageOps.scale(small, longest / max(small.size), Image.Resampling.LANCZOS)
    whole = Image.fromarray(canvas)
    whole.paste(small, (left, top))
    return np.asarray(whole), (left, top, left + small.width, top + small.height)


def page(grey: int = 245) -> Pixels:
    return np.full((1000, 640, 3), grey, np.uint8)


# Of the query -------------------------------------------------------------------------------------
@pytest.mark.parametrize("grey", [255, 200, 22])
def test_a_picture_on_a_page_is_a_rectangle(photos: dict[str, np.ndarray], grey: int) -> None:
    for name, picture in photos.items():
        shot, box = pasted(page(grey), picture, 60, 300, 420)
        assert max(overlap(box, found) for found in find_rectangles(shot)) > 0.85, name


def test_a_picture_on_another_is_a_rectangle(photos: dict[str, np.ndarray]) -> None:
    shot, box = pasted(photos["temple"], photos["cat"], 70, 40, 160)
    assert max(overlap(box, found) for found in find_rectangles(shot)) > 0.85


def test_every_picture_of_a_collage_is_a_rectangle(photos: dict[str, np.ndarray]) -> None:
    tiles = [np.asarray(ImageOps.fit(Image.fromarray(p), (300, 300))) for p in list(photos.values())[:4]]
    collage = np.vstack((np.hstack(tiles[:2]), np.hstack(tiles[2:])))
    found = find_rectangles(collage)
    for left, top in ((0, 0), (300, 0), (0, 300), (300, 300)):
        assert max(overlap((left, top, left + 300, top + 300), box) for box in found) > 0.85


@pytest.mark.parametrize("bar", [0, 255])
def test_what_lies_between_bars_is_a_rectangle(photos: dict[str, np.ndarray], bar: int) -> None:
    picture = photos["temple"]
    tall, wide = picture.shape[:2]
    boxed = np.pad(picture, ((tall // 4, tall // 3), (0, 0), (0, 0)), constant_values=bar)
    box = (0, tall // 4, wide, tall // 4 + tall)
    assert max(overlap(box, found) for found in find_rectangles(boxed)) > 0.9


def test_rectangles_lie_in_the_picture_and_are_few(photos: dict[str, np.ndarray]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (300, 400, 3), np.uint8)
    pictures = [*photos.values(), noise, noise[:1, :1], noise[:1], noise[:, :2], noise // 255, page()]
    # Of lines as on graph paper many rectangles can be made.
    paper = page()
    paper[::50], paper[:, ::50] = 0, 0
    for picture in (*pictures, paper):
        found = find_rectangles(picture)
        tall, wide = picture.shape[:2]
        assert len(found) <= MAX_RECTANGLES
        for left, top, right, bottom in found:
            assert 0 <= left < right <= wide and 0 <= top < bottom <= tall
    assert find_rectangles(page()) == []


def test_the_whole_comes_first_and_the_halves_last(photos: dict[str, np.ndarray]) -> None:
    shot, _ = pasted(page(), photos["cat"], 60, 300, 420)
    views, clear = make_query_crops(shot)
    assert views[0].box is None and views[0].pixels is shot
    assert [view.box for view in views[1:clear]] == find_rectangles(shot)
    assert [view.box for view in views[clear:]] == half_boxes(640, 1000)
    for view in views[1:]:
        assert view.box is not None
        left, top, right, bottom = view.box
        assert view.pixels.shape == (bottom - top, right - left, 3)


# Of the reference ---------------------------------------------------------------------------------
def test_a_small_crop_is_like_a_crop_and_not_like_the_whole(photos: dict[str, np.ndarray]) -> None:
    for name in ("cat", "temple", "portrait"):
        picture = photos[name]
        tall, wide = picture.shape[:2]
        tenth = picture[tall // 2 - tall // 6 : tall // 2 + tall // 6, wide // 2 - wide // 6 : wide // 2 + wide // 6]
        (query, whole), _ = EMBEDDING.extract([tenth, picture])
        crops, _ = CROPS.extract(picture)
        likeness = crops.astype(np.float32) @ query.astype(np.float32)
        assert likeness.max() > float(query.astype(np.float32) @ whole.astype(np.float32)) + 0.1, name


def test_plain_crops_are_not_kept(photos: dict[str, np.ndarray]) -> None:
    assert (CROPS.name, CROPS.version) == (REFERENCE_CROPS, f"1-{EMBEDDING.version}")
    assert 1 <= len(CROPS.extract(photos["cat"])[0]) <= CROPS.max_rows
    shot, _ = pasted(page(), photos["cat"], 0, 0, 300)
    assert 1 <= len(CROPS.extract(shot)[0]) < CROPS.max_rows
    for picture in (page(), np.zeros((1, 1, 3), np.uint8)):
        assert len(CROPS.extract(picture)[0]) == 0


def test_the_shortlist_takes_from_each_ranking_in_turn() -> None:
    def candidate(name: str, score: float, clear: float) -> Candidate:
        return Candidate(sha256=name, score=score, similarity=score, distinct_score=clear, query_row=0, row=0)

    found = [candidate("a", 0.9, -1.0), candidate("b", 0.5, 0.1), candidate("c", 0.4, 0.4), candidate("d", 0.1, 0.0)]
    crops = {"d": 0.6, "b": 0.5}
    assert [c.sha256 for c in shortlist(found, crops, 9)] == ["a", "c", "d", "b"]
    assert [c.sha256 for c in shortlist(found, crops, 2)] == ["a", "c"]
    assert [c.sha256 for c in shortlist(found, {}, 9)] == ["a", "c", "b", "d"]
    assert shortlist([], {}, 9) == []


# Together -----------------------------------------------------------------------------------------
def save(picture: Pixels, path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(picture).save(path, quality=85)
    return path


def ingest(case: Case, folder: Path, *, views: bool) -> list[str]:
    options = IngestOptions(jobs=1, analysis=AnalysisOptions(sidecars=False, reference_crops=views))
    return [outcome.status for outcome in case.ingest([folder], options)]


def found(case: Case, query: Path) -> dict[str, Match]:
    """What is called a copy, by file name."""
    (answer,) = case.match([query])
    return {Path(match.uris[0]).stem: match for match in answer.matches if match.verdict == "copy"}


def types(case: Case) -> list[set[str]]:
    return [{type for type, _ in case._store.fingerprint_types(asset.sha256)} for asset in case._store.assets()]


def test_what_was_taken_in_without_views_gets_them(case: Case, photos: dict[str, np.ndarray], tmp_path: Path) -> None:
    folder = tmp_path / "refs"
    save(photos["cat"], folder / "cat.jpg")
    assert ingest(case, folder, views=False) == ["added"]
    assert types(case) == [FRAME_TYPES]
    save(photos["temple"], folder / "temple.jpg")
    assert sorted(ingest(case, folder, views=True)) == ["added", "known"]
    assert types(case) == [FRAME_TYPES | {REFERENCE_CROPS}] * 2
    # They stay where a later run does without, and are no reason to read anything again.
    before = case._store.row("SELECT count(*) FROM log WHERE what = 'refreshed'")
    assert ingest(case, folder, views=False) == ingest(case, folder, views=True) == ["known"] * 2
    assert types(case) == [FRAME_TYPES | {REFERENCE_CROPS}] * 2
    assert case._store.row("SELECT count(*) FROM log WHERE what = 'refreshed'") == before == (1,)
    assert case._store.check_integrity(registry.declarations()) == []


def test_a_store_in_which_some_have_views_answers_for_all(
    case: Case, photos: dict[str, np.ndarray], tmp_path: Path
) -> None:
    save(photos["cat"], tmp_path / "a" / "cat.jpg")
    save(photos["temple"], tmp_path / "b" / "temple.jpg")
    ingest(case, tmp_path / "a", views=False)
    ingest(case, tmp_path / "b", views=True)
    for name in ("cat", "temple"):
        assert set(found(case, save(photos[name][20:, 20:], tmp_path / "q.jpg"))) == {name}


@pytest.mark.parametrize("views", [False, True])
def test_all_pictures_of_a_collage_are_found_and_placed(
    case: Case, photos: dict[str, np.ndarray], tmp_path: Path, views: bool
) -> None:
    names = [name for name in photos][:4]
    for name in photos:
        save(photos[name], tmp_path / "refs" / f"{name}.jpg")
    ingest(case, tmp_path / "refs", views=views)
    tiles = [np.asarray(ImageOps.fit(Image.fromarray(photos[name]), (300, 300))) for name in names]
    matches = found(case, save(np.vstack((np.hstack(tiles[:2]), np.hstack(tiles[2:]))), tmp_path / "q.jpg"))
    assert set(matches) == set(names)
    # Each lies in its own tile, and goes on beyond it where the tile cut it off.
    assert all(match.placement and match.placement.shown < 0.5 for match in matches.values())


def test_a_photo_is_found_in_a_reference_that_is_a_screenshot_of_it(
    case: Case, photos: dict[str, np.ndarray], tmp_path: Path
) -> None:
    for name in photos:
        save(pasted(page(), photos[name], 40, 260, 560)[0], tmp_path / "refs" / f"{name}.jpg")
    ingest(case, tmp_path / "refs", views=True)
    (match,) = found(case, save(photos["cat"], tmp_path / "q.jpg")).values()
    assert Path(match.uris[0]).stem == "cat"
    # The coordinates are those of the whole screenshot.
    assert match.placement is not None
    assert np.abs(np.array(match.placement.quad[0]) - (40, 260)).max() < 4
