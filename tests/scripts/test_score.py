"""scripts/bench/score.py computes the measured figures of a labelled set."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def score() -> ModuleType:
    spec = importlib.util.spec_from_file_location("score", Path(__file__).parents[2] / "scripts" / "bench" / "score.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_results(folder: Path, *lines: dict) -> Path:
    (folder / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "results.jsonl"


def match(reference: str, probability: float, **values: object) -> dict:
    placement = {"quad": [[0, 0], [10, 0], [10, 10], [0, 10]], "handles": ["@a"]}
    line = {
        "sha256": reference,
        "uris": [f"/x/{reference}"],
        "relation": "copy",
        "verdict": "copy",
        "placement": placement,
    }
    return line | {"probability": probability} | values


def test_ranking_figures_count_ties_against_the_tool(score: ModuleType) -> None:
    assert score.ranking_figures([(0.9, True), (0.8, False)], 1) == ({"micro_ap": 1.0}, 0.8)
    assert score.ranking_figures([(0.9, True), (0.9, False)], 1) == ({"micro_ap": 0.5}, 0.9)


def test_footprint_iou_compares_corners_in_order(score: ModuleType) -> None:
    square = [[0, 0], [10, 0], [10, 10], [0, 10]]
    assert score.footprint_iou(square, square) == 1
    assert score.footprint_iou([[1, 0], [11, 0], [11, 10], [1, 10]], square) == pytest.approx(90 / 110)
    mirrored = [square[1], square[0], square[3], square[2]]
    assert score.footprint_iou(mirrored, square) == 0


def test_words_have_one_form_for_numbers_and_characters(score: ModuleType) -> None:
    assert score.words("35 GRAMS") == score.words("三十五 grams") == ["三", "五", "grams"]
    assert score.words("學習") == score.words("学习")
    assert score.edit_distance(["a", "b", "c"], ["a", "c", "d"]) == 2


def test_score_images_reports_found_placed_and_wrong(score: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "refs").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "refs" / name).touch()
    quad = [[0, 0], [10, 0], [10, 10], [0, 10]]
    truth = {
        "q1.jpg": {"reference": "a.jpg", "edit": "crop", "quad": quad, "handle": "@a"},
        "q2.jpg": {"reference": "b.jpg", "edit": "blur", "quad": None, "handle": None},
        "q3.jpg": {"reference": None, "edit": "crop", "quad": None, "handle": None},
    }
    (tmp_path / "truth.json").write_text(json.dumps({"queries": truth}))
    results = write_results(
        tmp_path,
        {"query": "q1.jpg", "matches": [match("a.jpg", 0.95)]},
        {"query": "q2.jpg", "matches": [match("b.jpg", 0.6)]},
        {"query": "q3.jpg", "matches": [match("a.jpg", 0.7)]},
    )
    figures = score.score_images(tmp_path, results)
    assert (figures["all.found"], figures["crop.found"], figures["blur.found"]) == (0.5, 1.0, 0.0)
    assert (figures["all.placed"], figures["all.handle"]) == (1.0, 1.0)
    assert (figures["negatives_called_copy"], figures["negatives_at_half"]) == (1, 1)


def test_score_clusters_counts_joined_traps(score: ModuleType, tmp_path: Path) -> None:
    cluster = {"id": "c1", "members": [{"uris": ["/x/a.mp4"]}, {"uris": ["/x/b.mp4"]}]}
    (tmp_path / "clusters.json").write_text(json.dumps({"clusters": [cluster]}))
    labels = {"a.mp4": "one", "b.mp4": "two", "c.mp4": "three"}
    figures = score.score_clusters(
        tmp_path / "clusters.json", {"labels": labels, "traps": {"intro": ["a.mp4", "b.mp4"]}}
    )
    assert figures["joined_intro"] == 1
    assert (figures["bcubed_recall"], round(figures["bcubed_precision"], 3)) == (1.0, 0.667)


def test_score_speech_reports_errors_and_languages(score: ModuleType, tmp_path: Path) -> None:
    part = {"start": 0.0, "end": 2.0, "language": "en", "text": "one two three four", "speech": [[0.0, 2.0]]}
    files = [
        {"sha256": "a", "kind": "spliced", "seconds": 2.0, "passages": [part]},
        {"sha256": "b", "kind": "real", "seconds": 2.0, "passages": [part]},
        {"sha256": "c", "kind": "nonspeech", "seconds": 2.0, "passages": []},
    ]
    (tmp_path / "truth.json").write_text(json.dumps({"files": files, "pairs": [[0, 1, "same", "s1"]]}))
    segment = {"start": 0.0, "end": 1.0, "language": "en", "text": "one two three"}
    lines = [{"sha256": name, "seconds": 1.0, "segments": [segment]} for name in ("a", "b", "c")]
    results = write_results(tmp_path, *lines)
    figures = score.score_speech(tmp_path, results, None)
    assert figures["error.en.real"] == figures["error.en.spliced"] == 0.25
    assert figures["language_by_time"] == pytest.approx(0.5, abs=0.02)
    assert (figures["files_without_speech_with_text"], figures["time_ratio"]) == (1, 0.5)
    same = match("b", 0.9, relation="same_script")
    (tmp_path / "matches.jsonl").write_text(json.dumps({"sha256": "a", "matches": [same]}) + "\n")
    assert score.score_speech(tmp_path, results, tmp_path / "matches.jsonl")["same_text.found"] == 1
