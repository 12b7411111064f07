"""The drawings of two images side by side on the evidence page."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evidence_in_memory import BOX, COPY, PLACEMENT, MemorySource, Page, result_of, write

from mediafp.types.matches import Change


def drawn_images(text: str) -> list[tuple[float, float, float]]:
    """Return left edge, width and height of both images in the drawing of a pair."""
    (defined,) = Page(text).all("image")
    (drawing,) = re.findall(r'<svg class="pair".*?</svg>', text, re.DOTALL)
    placed = re.findall(r"translate\(([\d.]+)\) scale\(([\d.]+) ([\d.]+)\)", drawing)
    return [
        (float(x), float(across) * float(defined["width"]), float(down) * float(defined["height"]))
        for x, across, down in placed
    ]


def test_draw_side_by_side_labels_and_tints_removed_strips(tmp_path: Path, source: MemorySource) -> None:
    text = write(tmp_path, source, result_of(COPY))
    page = Page(text)
    (cut,) = page.all("text", "cut")
    label = re.search(r'class="cut"[^>]*>([^<]*)<', text)
    assert cut and label is not None
    assert all(part in label[1] for part in ("left 10 %", "right 10 %", "bottom 12 %")) and "top" not in label[1]
    red = re.findall(r"--cut:(#\w+)", text)[0]
    assert any(path.get("fill") == red for path in page.all("path")), "the strip is tinted red"
    assert re.search(r"svg \.cut \{[^}]*var\(--cut\)", text), "the label is red"


@pytest.mark.parametrize("removed", [(0.0, 0.0, 0.0, 0.0), (0.009, 0.0, 0.0, 0.002)])
def test_draw_side_by_side_has_no_red_without_removed_strips(
    tmp_path: Path, source: MemorySource, removed: tuple[float, float, float, float]
) -> None:
    whole = ((0.0, 0.0), (600.0, 0.0), (600.0, 400.0), (0.0, 400.0))
    text = write(
        tmp_path,
        source,
        result_of(replace(COPY, placement=replace(PLACEMENT, removed=removed, quad=whole, overlap=whole))),
    )
    page = Page(text)
    red = re.findall(r"--cut:(#\w+)", text)[0]
    assert not page.all("text", "cut")
    assert not any(path.get("fill") == red for path in page.all("path"))


def test_draw_side_by_side_outlines_the_overlap_in_both_images(tmp_path: Path, source: MemorySource) -> None:
    """The overlap is all of the query, and the overlap polygon in the reference, each scaled to the drawing."""
    text = write(tmp_path, source, result_of(COPY))
    images = drawn_images(text)
    outlines = [
        np.array([[float(v) for v in point.split(",")] for point in attributes["points"].split()])
        for attributes in Page(text).all("polygon")
    ]
    assert len(images) == len(outlines) == 2
    polygons = {}
    for outline in outlines:
        side = int(outline[:, 0].max() > images[1][0])
        x, width, height = images[side]
        polygons[side] = (outline - (x, 0)) / (width / 600, height / 400)
    # The overlap is the whole query: (600, 390) at scale .8 covers (480, 312) of the reference.
    assert polygons[1] == pytest.approx(np.array(PLACEMENT.overlap), abs=1)
    assert sorted(polygons[0].max(axis=0).tolist()) == pytest.approx([400, 600], abs=1)
    assert polygons[0].min(axis=0) == pytest.approx([0, 0], abs=1)


def test_draw_side_by_side_outlines_further_copies_and_perspective(tmp_path: Path, source: MemorySource) -> None:
    """The outline of a placement in perspective is not a parallelogram."""
    whole = ((0.0, 0.0), (600.0, 0.0), (600.0, 400.0), (0.0, 400.0))
    angled = replace(
        PLACEMENT, quad=((-300.0, -200.0), (900.0, -100.0), (900.0, 500.0), (-300.0, 600.0)), overlap=whole
    )
    aside = replace(PLACEMENT, quad=((-600.0, 0.0), (600.0, 0.0), (600.0, 800.0), (-600.0, 800.0)), overlap=whole)
    text = write(tmp_path, source, result_of(replace(COPY, placement=angled, more_placements=(aside,))))
    page, images = Page(text), drawn_images(text)
    middle, width = images[1][0], images[0][1]
    outlines = [
        np.array([[float(v) for v in point.split(",")] for point in attributes["points"].split()])
        for attributes in page.all("polygon")
    ]
    query_outlines = [outline * (600 / width, 400 / 320) for outline in outlines if outline[:, 0].max() < middle]
    assert len(outlines) == 3 and len(query_outlines) == 2
    first, second = query_outlines
    a, b, c, d = first
    assert np.abs(a + c - b - d).max() > 10, "a parallelogram"
    assert second == pytest.approx(np.array([(300, 0), (600, 0), (600, 200), (300, 200)]), abs=1.5)


def test_draw_side_by_side_joins_correspondences(tmp_path: Path, source: MemorySource) -> None:
    text = write(tmp_path, source, result_of(COPY))
    page = Page(text)
    (dots,), (joined,) = page.all("path", "dots"), page.all("path", "joined")
    assert dots["d"].count("M") == 2 * len(PLACEMENT.correspondences)
    lines = re.findall(r"M(\d+) \d+L(\d+) \d+", joined["d"])
    assert 0 < len(lines) <= len(PLACEMENT.correspondences)
    middle = drawn_images(text)[1][0]
    assert all(float(left) < middle <= float(right) + 0.5 for left, right in lines)


def test_draw_side_by_side_outlines_changes_with_sign_number_and_the_words_that_differ(
    tmp_path: Path, source: MemorySource
) -> None:
    changes = (
        Change(box=BOX, what="changed", kind="text", before="opens <at> noon", after="opens <at> night"),
        Change(box=BOX, what="added", kind="overlay"),
    )
    text = write(tmp_path, source, result_of(replace(COPY, changes=changes)))
    page = Page(text)
    assert len(page.all("g", "change")) == 4 and text.count(">≠1</text>") == text.count(">+2</text>") == 2
    # Of what was added, the outline is dashed in the reference alone.
    assert len(page.all("polygon", "missing")) == 1 and len(page.all("polygon", "shown")) == 3
    assert "opens &lt;at&gt; <mark>noon</mark>" in text and "opens &lt;at&gt; <mark>night</mark>" in text


def test_draw_side_by_side_draws_no_outline_without_a_placement(tmp_path: Path, source: MemorySource) -> None:
    text = write(tmp_path, source, result_of(replace(COPY, placement=None, verdict="possible")))
    page = Page(text)
    assert len(drawn_images(text)) == 2 and "possibly shows the same image as" in page.text
    assert not page.all("polygon") and not page.all("g", "points") and not page.all("text", "cut")
    assert page.all("span", "possible")
