"""Changed regions of copies: they are found at their place, and edits of the whole picture are none."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from sample_matches import sample_match, sample_placement

from mediafp.matching.images.change_evidence import REASON_START, read_changes, with_changes
from mediafp.matching.images.changes import find_changes
from mediafp.matching.images.dense_grid import compare_densely
from mediafp.matching.images.placement import place_image
from mediafp.matching.images.text_evidence import QueryText, add_text_evidence
from mediafp.matching.local_features import LocalFeatures, query_features
from mediafp.matching.reversal import reverse_match
from mediafp.types.matches import Change, TextLine
from mediafp.types.media import Asset

LEFT, TOP, RIGHT, BOTTOM = BOX = (120, 90, 190, 150)
"""Altered part of the photograph of 400 × 300 pixels: 3.5 % of its area."""


@pytest.fixture(scope="module")
def photo(photos: dict[str, np.ndarray]) -> np.ndarray:
    return cv2.resize(photos["coffee"], (400, 300), interpolation=cv2.INTER_AREA)


def recompressed(pixels: np.ndarray) -> np.ndarray:
    small = cv2.resize(pixels, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 70])
    return np.ascontiguousarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[..., ::-1])


def changes_of(query: np.ndarray, reference: np.ndarray) -> tuple[Change, ...]:
    sides = query_features(query, query.shape[1::-1]), LocalFeatures(reference, reference.shape[1::-1])
    fit = place_image(*sides)
    assert fit is not None
    dense = compare_densely(*sides, fit.placement)
    assert dense is not None
    return find_changes(*sides, dense)


def iou(change: Change) -> float:
    (left, top), (right, bottom) = np.min(change.box, axis=0), np.max(change.box, axis=0)
    shared = max(0, min(right, RIGHT) - max(left, LEFT)) * max(0, min(bottom, BOTTOM) - max(top, TOP))
    return float(shared / ((right - left) * (bottom - top) + (RIGHT - LEFT) * (BOTTOM - TOP) - shared))


def with_sticker(photo: np.ndarray) -> np.ndarray:
    altered = photo.copy()
    cv2.rectangle(altered, BOX[:2], (RIGHT - 1, BOTTOM - 1), (250, 210, 40), -1)
    cv2.rectangle(altered, (LEFT + 2, TOP + 2), (RIGHT - 3, BOTTOM - 3), (20, 20, 20), 3)
    return altered


def test_sticker_lies_over_the_picture_at_its_place(photo: np.ndarray) -> None:
    (change,) = changes_of(recompressed(with_sticker(photo)), photo)
    assert iou(change) > 0.8
    assert (change.what, change.kind) == ("added", "overlay")


def test_page_along_two_edges_of_a_picture_is_no_change(photo: np.ndarray) -> None:
    """The box of a region along two edges is that of half the picture."""
    query = cv2.copyMakeBorder(photo[60:260, 80:340], 0, 6, 0, 6, cv2.BORDER_CONSTANT, value=(250, 250, 250))
    query[-3:, ::9] = query[::9, -3:] = 20
    assert not changes_of(recompressed(query), photo)


def test_sticker_of_a_colour_that_occurs_nowhere_else_is_found(photo: np.ndarray) -> None:
    """A map of colours could turn the yellow into the sky around it, of which it covers nothing else."""
    grey = np.repeat(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    grey[: len(grey) * 55 // 100] = (173, 181, 199)
    height, width = grey.shape[:2]
    covered = grey.copy()
    centre, axes = (width * 2 // 3, height // 3), (width // 10, height // 7)
    cv2.ellipse(covered, centre, axes, 0, 0, 360, (250, 230, 10), -1)
    (change,) = changes_of(recompressed(covered), grey)
    left, top = np.array(change.box).min(axis=0)
    right, bottom = np.array(change.box).max(axis=0)
    assert np.abs(np.array([left, right]) - (centre[0] - axes[0], centre[0] + axes[0])).max() < 0.03 * width
    assert np.abs(np.array([top, bottom]) - (centre[1] - axes[1], centre[1] + axes[1])).max() < 0.03 * height


def test_removed_sticker_is_told_as_removed(photo: np.ndarray) -> None:
    (change,) = changes_of(recompressed(photo), with_sticker(photo))
    assert iou(change) > 0.8 and change.what == "removed"


def test_part_of_another_photograph_is_found_in_a_mirrored_crop(
    photo: np.ndarray, photos: dict[str, np.ndarray]
) -> None:
    altered = photo.copy()
    altered[TOP:BOTTOM, LEFT:RIGHT] = photos["motorcycle"][100 : 100 + BOTTOM - TOP, 200 : 200 + RIGHT - LEFT]
    (change,) = changes_of(recompressed(altered[10:, 15:][:, ::-1]), photo)
    assert iou(change) > 0.7 and change.kind == "object"


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda p: p, id="recompressed"),
        pytest.param(lambda p: np.clip(p * 1.35, 0, 255).astype(np.uint8), id="brighter"),
        pytest.param(lambda p: np.clip((p * 1.0 - 128) * 1.5 + 128, 0, 255).astype(np.uint8), id="contrast"),
        pytest.param(lambda p: np.repeat(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY)[..., None], 3, 2), id="grey"),
        pytest.param(lambda p: (p * (1.0, 0.85, 0.6)).astype(np.uint8), id="colour filter"),
        pytest.param(lambda p: cv2.GaussianBlur(p, (0, 0), 2), id="blurred"),
        pytest.param(lambda p: cv2.copyMakeBorder(p, 25, 25, 25, 25, cv2.BORDER_CONSTANT), id="border"),
        pytest.param(lambda p: p[20:, 30:], id="cropped"),
    ],
)
def test_edit_of_the_whole_picture_changes_nothing_in_it(photo: np.ndarray, edit: object) -> None:
    assert changes_of(recompressed(edit(photo)), photo) == ()  # type: ignore[operator]


def test_round_picture_lacks_its_corners_which_are_no_changes(photo: np.ndarray) -> None:
    square = photo[:, 50:350]
    mask = cv2.circle(np.zeros((300, 300), np.uint8), (150, 150), 150, 1, -1)
    assert changes_of(recompressed(np.where(mask[..., None], square, 255).astype(np.uint8)), square) == ()


def line(text: str, left: float = 10, top: float = 60) -> TextLine:
    box = ((left, top), (left + 60, top), (left + 60, top + 10), (left, top + 10))
    return TextLine(text=text, box=box, confidence=0.9)


def changed(**fields: object) -> Change:
    values: dict[str, object] = {"what": "changed", "kind": "object", "box": line("").box}
    return Change(**(values | fields))  # type: ignore[arg-type]


def test_words_that_differ_make_a_change_of_text_and_its_reason() -> None:
    match = with_changes(sample_match(placement=sample_placement(), why=("x",)), (changed(),))
    query = QueryText(lines=[line("city hall burns"), line("elsewhere", top=2)], size=(100, 80))
    found = add_text_evidence(match, query, lambda _: [line("city hall opens"), line("elsewhere", top=2)])
    (change,) = found.changes
    assert (change.kind, change.before, change.after) == ("text", "city hall opens", "city hall burns")
    reason = f"{REASON_START}at the bottom, 8 % of it, the text “city hall opens” became “city hall burns”"
    assert found.why == (reason, "x")
    # What is known of a pair is completed again whenever it is read.
    assert add_text_evidence(found, query, lambda _: [line("city hall opens")]).why == found.why


def test_same_words_leave_the_kind_of_a_change() -> None:
    same = [("Same, words", np.array(line("").box))]
    assert read_changes([changed(kind="overlay")], same, [("same words", same[0][1])])[0].kind == "overlay"


def test_two_places_in_one_line_of_text_are_one_change() -> None:
    places = [changed(), replace(changed(), box=((70, 62), (88, 62), (88, 68), (70, 68)))]
    before, after = ([(text, np.array([(20, 60), (95, 60), (95, 70), (20, 70)]))] for text in ("@one", "@other"))
    (read,) = read_changes([replace(places[0], box=((30, 61), (50, 61), (50, 69), (30, 69))), places[1]], after, before)
    assert (read.before, read.after) == ("@one", "@other")
    assert read.box == ((30, 61), (88, 61), (88, 69), (30, 69))


def test_reversed_match_tells_the_change_from_the_other_side() -> None:
    match = with_changes(
        sample_match(placement=sample_placement(quad=((100, 0), (0, 0), (0, 80), (100, 80)), mirrored=True)),
        (changed(what="added", kind="text", after="new"),),
    )
    query, reference = (
        Asset(sha256=name * 64, kind="image", bytes=1, properties={"width": 100, "height": 80}) for name in "ba"
    )
    back = reverse_match(match, query, reference, ("b.jpg",))
    (change,) = back.changes
    assert (change.what, change.before, change.after) == ("removed", "new", None)
    assert np.min(change.box, axis=0).tolist() == [30, 60] and np.max(change.box, axis=0).tolist() == [90, 70]
    assert back.why == (f"{REASON_START}at the bottom, 8 % of it, the text “new” was removed",)


def test_copy_on_another_background_states_no_changes(photo: np.ndarray, photos: dict[str, np.ndarray]) -> None:
    """A few small places were stated, as if nothing else had changed."""
    other = cv2.resize(photos["temple"], (400, 300), interpolation=cv2.INTER_AREA)
    shape = np.zeros((300, 400, 1), np.uint8)
    cv2.ellipse(shape, (190, 150), (115, 95), 0, 0, 360, 1, -1)
    assert changes_of(recompressed(np.where(shape > 0, photo, other)), photo) == ()


def test_changes_that_do_not_explain_the_difference_are_not_stated(photo: np.ndarray) -> None:
    altered = photo.copy()
    cv2.rectangle(altered, (150, 100), (169, 119), (250, 210, 40), -1)
    query = recompressed(altered)
    sides = query_features(query, query.shape[1::-1]), LocalFeatures(photo, photo.shape[1::-1])
    fit = place_image(*sides)
    assert fit is not None
    dense = compare_densely(*sides, fit.placement)
    assert dense is not None and find_changes(*sides, dense)
    differs = np.zeros(dense.ncc.shape, bool)
    differs.flat[::3] = True
    assert find_changes(*sides, replace(dense, ncc=np.where(differs, 0, dense.ncc))) == ()
