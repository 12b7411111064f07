"""Animations are matched as videos and pages as images, as queries and as references, in new and in old stores."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from analysed_files import add_analysed, analyse, by_name, kept_matches, search_matches
from mixed_stores import open_references
from PIL import Image

from mediafp.case.comparison.run import run_comparisons
from mediafp.case.ingestion.known import KnownFiles
from mediafp.engine.versions import fingerprint_versions
from mediafp.fingerprints.registry import SEARCH_TYPE, computed_types
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.matches import Match
from mediafp.types.runs import FileAnalysis

SIZES = {"cat": (320, 240), "temple": (240, 360), "flower": (320, 240), "rocket": (300, 300), "coffee": (320, 200)}


@pytest.fixture(scope="module")
def media(photos: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files by name: pages of different sizes, an animation of three photographs, and stills of their parts."""
    folder = tmp_path_factory.mktemp("media")
    shots = {name: Image.fromarray(photos[name]).resize(size) for name, size in SIZES.items()}
    files = {name: folder / name for name in ("pages.tif", "asked.tif", "moving.gif", "again.png", "temple.jpg")}
    files |= {name: folder / name for name in ("coffee.jpg", "flower.jpg")}
    shots["cat"].save(files["pages.tif"], save_all=True, append_images=[shots["temple"]])
    shots["rocket"].save(files["asked.tif"], save_all=True, append_images=[shots["coffee"].resize((256, 160))])
    moving = [shots[name].resize((320, 240)) for name in ("cat", "flower", "rocket")]
    moving[0].save(files["moving.gif"], save_all=True, append_images=moving[1:], duration=1000)
    smaller = [shot.resize((240, 180)) for shot in moving]
    smaller[0].save(files["again.png"], save_all=True, append_images=smaller[1:], duration=1000)
    shots["temple"].crop((24, 36, 216, 324)).save(files["temple.jpg"], quality=90)
    shots["coffee"].save(files["coffee.jpg"], quality=90)
    moving[1].resize((280, 210)).save(files["flower.jpg"], quality=90)
    return files


@pytest.fixture(scope="module")
def analyses(media: dict[str, Path]) -> dict[str, FileAnalysis]:
    return {name: analyse(path) for name, path in media.items()}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "store", create=True) as created:
        yield created


def searched(store: SqliteStore, query: FileAnalysis) -> dict[str, Match]:
    """Return the probable matches of a query that is not in the store, by the name of the reference."""
    return by_name(match for match in search_matches(store, query) if match.probability >= 0.5)


def kept(store: SqliteStore, query: FileAnalysis) -> dict[str, Match]:
    """Return the kept matches of an asset, by the name of the other one."""
    return by_name(kept_matches(store, query))


def test_query_matches_the_second_page_of_a_stored_file(store: SqliteStore, analyses: dict[str, FileAnalysis]) -> None:
    add_analysed(store, analyses, "pages.tif", "coffee.jpg")
    match = searched(store, analyses["temple.jpg"])["pages.tif"]
    assert (match.relation, match.verdict) == ("copy", "copy") and match.rows == (0, 1)
    assert match.why[0] == "matched by page 2 of the reference"
    assert match.placement
    # In pixels of the page, which has another size than the first one.
    expected = ((24, 36), (216, 36), (216, 324), (24, 324))
    assert np.abs(np.array(match.placement.quad) - expected).max() < 3


def test_page_of_a_query_is_found(store: SqliteStore, analyses: dict[str, FileAnalysis]) -> None:
    add_analysed(store, analyses, "coffee.jpg", "temple.jpg")
    matches = searched(store, analyses["asked.tif"])
    assert matches.keys() == {"coffee.jpg"}
    match = matches["coffee.jpg"]
    assert match.relation == "copy" and match.why[0] == "matched by page 2 of the query" and match.placement
    assert np.abs(np.array(match.placement.quad) - ((0, 0), (320, 0), (320, 200), (0, 200))).max() < 3


def test_kept_matches_of_pages_are_told_from_both_sides(store: SqliteStore, analyses: dict[str, FileAnalysis]) -> None:
    add_analysed(store, analyses, "pages.tif", "temple.jpg", "asked.tif", "coffee.jpg")
    list(run_comparisons(store, open_references(store)))
    there = kept(store, analyses["temple.jpg"])["pages.tif"]
    back = kept(store, analyses["pages.tif"])["temple.jpg"]
    assert (there.rows, back.rows) == ((0, 1), (1, 0)) and there.placement and back.placement
    assert there.why[0] == "matched by page 2 of the reference" and back.why[0] == "matched by page 2 of the query"
    assert np.abs(np.array(there.placement.quad) - ((24, 36), (216, 36), (216, 324), (24, 324))).max() < 3
    # The whole page lies around the part of it: its size is that of the page.
    assert np.abs(np.array(back.placement.quad) - ((-24, -36), (216, -36), (216, 324), (-24, 324))).max() < 4
    assert kept(store, analyses["asked.tif"])["coffee.jpg"].relation == "copy"
    assert store.check_integrity() == []


def test_animation_is_matched_as_a_video(store: SqliteStore, analyses: dict[str, FileAnalysis]) -> None:
    assert analyses["moving.gif"].asset.kind == "video"
    add_analysed(store, analyses, "moving.gif")
    found = searched(store, analyses["flower.jpg"])["moving.gif"]
    assert found.relation == "image_in_video" and found.kind == "video"
    assert [segment.reference for segment in found.segments] == [pytest.approx((1, 2))]
    assert searched(store, analyses["again.png"])["moving.gif"].relation == "same_video"
    add_analysed(store, analyses, "again.png", "flower.jpg")
    list(run_comparisons(store, open_references(store)))
    matches = kept(store, analyses["moving.gif"])
    assert {name: match.relation for name, match in matches.items()} == {
        "again.png": "same_video",
        "flower.jpg": "image_in_video",
    }
    assert store.check_integrity() == []


def as_image(analysis: FileAnalysis) -> FileAnalysis:
    """Return the analysis of an animation as older versions made it: an image with several frames."""
    properties = {name: analysis.asset.properties[name] for name in ("format", "width", "height")} | {"frames": 3}
    rows = {f.type: f for f in analysis.fingerprints}
    spans = rows[SEARCH_TYPE].spans
    fingerprints = []
    for computed in computed_types("image", reference_crops=True):
        vectors = np.ones((1, computed.columns), np.float16) / np.float16(np.sqrt(computed.columns))
        made = Fingerprint(
            sha256=analysis.asset.sha256,
            type=computed.name,
            version=computed.version,
            spans=np.zeros((1, 2)),
            vectors=vectors,
            quality=np.ones(1, np.float32),
        )
        fingerprints.append(rows.get(computed.name, made))
    assert len(spans) == 3
    return replace(
        analysis,
        asset=replace(analysis.asset, kind="image", properties=properties),
        fingerprints=tuple(fingerprints),
    )


def test_animation_that_an_older_version_stored_as_an_image_becomes_a_video(
    store: SqliteStore, analyses: dict[str, FileAnalysis]
) -> None:
    old, new = as_image(analyses["moving.gif"]), analyses["moving.gif"]
    known = KnownFiles(
        store, version="", retry_failed=False, ocr_version=None, video_text_version=None, transcription_version=None
    )

    def known_kind() -> str | None:
        return known.find_kind(new.asset.sha256, lambda kind: fingerprint_versions(kind, reference_crops=True))

    assert known_kind() is None
    add_analysed(store, {"moving.gif": old}, "moving.gif")
    add_analysed(store, analyses, "flower.jpg")
    list(run_comparisons(store, open_references(store)))
    assert store.check_integrity() == [] and store.asset(new.asset.sha256).kind == "image"
    assert kept(store, old)["flower.jpg"].relation == "copy"
    assert known_kind() is None, "it is to be analysed again"
    # A query with it does not fail before that.
    assert searched(store, new)["flower.jpg"].relation == "image_in_video"
    add_analysed(store, analyses, "moving.gif")
    assert known_kind() == "video" and store.asset(new.asset.sha256) == new.asset
    assert store.fingerprint_types(new.asset.sha256) == sorted((f.type, f.version) for f in new.fingerprints)
    assert kept(store, new) == {}
    list(run_comparisons(store, open_references(store)))
    assert kept(store, new)["flower.jpg"].relation == "image_in_video"
    assert store.check_integrity() == []
    assert [entry.details.get("kind") for entry in store.iter_log("refreshed")] == ["video"]
