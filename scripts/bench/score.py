"""Score results of mediafp, or of plain_whisper.py, on a labelled set; prints one figure per line.

    .venv/bin/mediafp match SET/queries --min-probability 0 --json > RESULTS    (images, videos)
    .venv/bin/mediafp cluster --json > CLUSTERS                                 (videos)
    .venv/bin/mediafp transcribe SET --json > RESULTS                           (speech)
    .venv/bin/python scripts/bench/score.py images SET RESULTS
    .venv/bin/python scripts/bench/score.py videos SET RESULTS [--clusters CLUSTERS]
    .venv/bin/python scripts/bench/score.py speech SET RESULTS [--matches MATCHES]

SET contains refs/ and queries/ (images, videos) and truth.json:

    images  `queries`: name → {`reference`: name or null, `edit`, `quad`: corners or null, `handle`: name or null}
    videos  `queries`: name → list of {`reference`, `edit`}; `dump`: {`labels`: name → group, `traps`: name → list of names}
    speech  `files`: list of {`sha256`, `kind`, `seconds`, `passages`: list of {`start`, `end`, `language`, `text`, `speech`:
            list of [start, end]}}; `pairs`: list of [i, j, `same` or another relation, text id]

"Found" counts queries whose reference scores above every wrong pair of the set.
"""

import argparse
import itertools
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from opencc import OpenCC

from mediafp.types.geometry import intersection_area, polygon_area
from mediafp.types.tokens import CJK

Item = dict[str, Any]
Figures = dict[str, float]
Pairs = list[tuple[float, bool]]
"""Score of each reported pair, and whether it is a true one."""
MIN_IOU = 0.9
"""Intersection over union of two footprints from which a placement counts as right."""
GRID_SECONDS = 0.02
"""Step of the time grid on which languages are compared."""
NUMERALS = str.maketrans("0123456789幺两〇", "零一二三四五六七八九一二零")
LANGUAGES = {"zh": 1, "yue": 2, "en": 3}
"""Numbers of the languages on the grid; 0 is silence, -1 another language."""


def read_lines(file: Path) -> list[Item]:
    """Return the objects of a file of JSON Lines."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]


def best_matches(lines: Iterable[Item], references: set[str]) -> dict[str, dict[str, Item]]:
    """Return the most probable match of each query with each reference, by file name, without matches of words."""
    best: dict[str, dict[str, Item]] = {}
    for line in lines:
        matches = best.setdefault(Path(line["query"]).name, {})
        for match in sorted(line["matches"] or [], key=lambda match: -match["probability"]):
            if match["relation"] != "same_script":
                names = [Path(uri).name for uri in match["uris"]]
                matches.setdefault(next((name for name in names if name in references), names[0]), match)
    return best


def ranking_figures(pairs: Pairs, total: int) -> tuple[Figures, float]:
    """Return micro average precision, and the score of the best wrong pair; ties are ranked wrong first."""
    ranked = np.array(sorted(pairs, key=lambda pair: (-pair[0], pair[1])), float).reshape(-1, 2)
    right = ranked[:, 1] == 1
    precision = right.cumsum() / np.arange(1, len(right) + 1)
    return {"micro_ap": float(precision[right].sum()) / total}, float(ranked[~right, 0].max(initial=-1))


def calibration_error(pairs: Pairs) -> float:
    """Return the expected calibration error over ten bins of equal width."""
    values = np.array(pairs, float).reshape(-1, 2)
    gaps = np.bincount(np.minimum(values[:, 0] * 10, 9).astype(int), values[:, 0] - values[:, 1])
    return float(np.abs(gaps).sum()) / max(1, len(values))


def footprint_iou(placed: list[list[float]], true: list[list[float]]) -> float:
    """Return the intersection over union of two quads; 0 if their corners do not correspond, as in a mirrored placement."""
    a, b = np.array(placed), np.array(true)
    shortest_side = np.linalg.norm(b - np.roll(b, 1, axis=0), axis=1).min()
    if np.linalg.norm(a - b, axis=1).max() >= shortest_side / 2:
        return 0.0
    shared = intersection_area(a, b)
    return float(shared / (polygon_area(a) + polygon_area(b) - shared))


def score_images(folder: Path, results: Path) -> Figures:
    """Return the figures of edited images: all together, then by edit."""
    truth: dict[str, Item] = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["queries"]
    best = best_matches(read_lines(results), {file.name for file in (folder / "refs").iterdir()})
    labelled = [(expected, best.get(query, {})) for query, expected in truth.items()]
    pairs = [
        [(m["probability"], name == expected["reference"]) for name, m in matches.items()]
        for expected, matches in labelled
    ]
    edited = [(expected, matches) for expected, matches in labelled if expected["reference"]]
    figures, highest_wrong = ranking_figures(list(itertools.chain(*pairs)), len(edited))
    figures["calibration_error"] = calibration_error([listing[0] for listing in pairs if listing])
    negatives = [matches.values() for expected, matches in labelled if not expected["reference"]]
    figures["negatives_called_copy"] = sum(any(m["verdict"] == "copy" for m in ms) for ms in negatives)
    figures["negatives_at_half"] = sum(any(m["probability"] >= 0.5 for m in ms) for ms in negatives)
    values: dict[str, list[float]] = defaultdict(list)
    for expected, matches in edited:
        match = matches.get(expected["reference"])
        placement = match["placement"] if match else None
        placed = placement and expected["quad"] and footprint_iou(placement["quad"], expected["quad"]) > MIN_IOU
        for edit in ("all", expected["edit"]):
            values[f"{edit}.found"].append(bool(match) and match["probability"] > highest_wrong if match else False)
            if expected["quad"]:
                values[f"{edit}.placed"].append(bool(placed))
            if expected["handle"]:
                values[f"{edit}.handle"].append(placement is not None and placement["handles"] == [expected["handle"]])
    return figures | {name: float(np.mean(value)) for name, value in values.items()}


def score_videos(folder: Path, results: Path, clusters: Path | None) -> Figures:
    """Return the shares of the edits that are found, and the figures of the clusters."""
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    best = best_matches(read_lines(results), {file.name for file in (folder / "refs").iterdir()})
    scores = {
        (query, name): 0.0 if match["verdict"] == "same_scene" else match["probability"]
        for query, matches in best.items()
        for name, match in matches.items()
    }
    true = {(query, pair["reference"]): pair["edit"] for query, pairs in truth["queries"].items() for pair in pairs}
    highest_wrong = max((score for key, score in scores.items() if key not in true), default=0.0)
    values: dict[str, list[float]] = defaultdict(list)
    for key, edit in true.items():
        for name in ("all", edit):
            values[f"{name}.found"].append(scores.get(key, 0.0) > highest_wrong)
    figures = {name: float(np.mean(value)) for name, value in values.items()}
    return figures | (score_clusters(clusters, truth["dump"]) if clusters else {})


def score_clusters(clusters: Path, truth: Item) -> Figures:
    """Return BCubed precision, recall and F, and the number of pairs that each trap joined."""
    groups = {name: name for name in truth["labels"]}
    for cluster in json.loads(clusters.read_text(encoding="utf-8"))["clusters"]:
        groups |= {Path(uri).name: cluster["id"] for member in cluster["members"] for uri in member["uris"]}
    names = list(truth["labels"])
    same_label, same_group = (
        np.array([[of[a] == of[b] for b in names] for a in names]) for of in (truth["labels"], groups)
    )
    both = same_label & same_group
    precision, recall = float((both.sum(1) / same_group.sum(1)).mean()), float((both.sum(1) / same_label.sum(1)).mean())
    joined = {
        f"joined_{trap}": float(sum(groups[a] == groups[b] for a, b in itertools.combinations(files, 2)))
        for trap, files in truth["traps"].items()
    }
    f = 2 * precision * recall / (precision + recall)
    return {"bcubed_precision": precision, "bcubed_recall": recall, "bcubed_f": f, **joined}


def edit_distance(reference: list[str], hypothesis: list[str]) -> int:
    """Return the number of insertions, deletions and substitutions between two lists of words."""
    row = list(range(len(hypothesis) + 1))
    for i, expected in enumerate(reference, 1):
        diagonal, row[0] = row[0], i
        for j, actual in enumerate(hypothesis, 1):
            diagonal, row[j] = row[j], min(diagonal + (expected != actual), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def words(text: str) -> list[str]:
    """Return the words and CJK characters of a text in comparable form: 35 and 三十五 both give 三 and 五."""
    simplified = "".join(map(_simplified, unicodedata.normalize("NFKC", text).casefold())).translate(NUMERALS)
    digits = re.sub("['’十百千零]", "", re.sub("(?<![一二三四五六七八九])十", "一", simplified))
    return re.findall(f"[{CJK}]|[^\\W_{CJK}]+", digits)


@cache
def _simplified(character: str) -> str:
    simple: str = OpenCC("t2s").convert(character)
    return simple


def score_speech(folder: Path, results: Path, matches: Path | None) -> Figures:
    """Return error rates by language and kind, languages by time, and the recall of equal texts by other voices."""
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    by_hash = {line["sha256"]: line for line in read_lines(results)}
    sums: dict[str, npt.NDArray[np.float64]] = defaultdict(lambda: np.zeros(2))
    counts = {"files_without_speech_with_text": 0.0, "texts_half_as_long_again": 0.0}
    for file in truth["files"]:
        line = by_hash.get(file["sha256"], {})
        segments = [segment for segment in line.get("segments", []) if segment["text"].strip()]
        sums["time_ratio"] += (line.get("seconds", 0.0), file["seconds"])
        if not file["passages"]:
            counts["files_without_speech_with_text"] += bool(segments)
            continue
        counts["texts_half_as_long_again"] += add_errors(file, segments, sums)
        if file["kind"] == "spliced":
            add_times(file, segments, sums)
    figures = {name: float(value / weight) for name, (value, weight) in sorted(sums.items()) if weight}
    return figures | counts | (score_texts(truth, read_lines(matches)) if matches else {})


def add_errors(file: Item, segments: list[Item], sums: dict[str, npt.NDArray[np.float64]]) -> int:
    """Add the errors of one file; return the number of texts that are half as long again as the speech.

    A segment of a spliced file counts for the passage that it overlaps most.
    """
    texts: list[list[str]] = [[] for _ in file["passages"]]
    for segment in segments:
        shared = [min(segment["end"], part["end"]) - max(segment["start"], part["start"]) for part in file["passages"]]
        texts[int(np.argmax(shared))].append(segment["text"])
    too_long = 0
    for part, texts_of_part in zip(file["passages"], texts, strict=True):
        if part["text"]:
            expected, actual = words(part["text"]), words(" ".join(texts_of_part))
            sums[f"error.{part['language']}.{file['kind']}"] += (edit_distance(expected, actual), len(expected))
            too_long += len(actual) > 1.5 * len(expected)
    return too_long


def add_times(file: Item, segments: list[Item], sums: dict[str, npt.NDArray[np.float64]]) -> None:
    """Add the languages by time, the speech without text and the start times of one spliced file."""
    truth, result = np.zeros((2, int(file["seconds"] / GRID_SECONDS) + 1), np.int8)
    for part in file["passages"]:
        for start, end in part["speech"]:
            truth[round(start / GRID_SECONDS) : round(end / GRID_SECONDS)] = LANGUAGES[part["language"]]
        nearest = min((abs(s["start"] - part["start"]) for s in segments), default=part["end"] - part["start"])
        sums["start_error_seconds"] += (nearest, 1)
    for segment in segments:
        number = LANGUAGES.get(segment["language"], -1)
        result[round(segment["start"] / GRID_SECONDS) : round(segment["end"] / GRID_SECONDS)] = number
    for name, number in LANGUAGES.items():
        for figure in ("language_by_time", f"language_by_time.{name}"):
            sums[figure] += (np.sum((truth == number) & (result == number)), np.sum(truth == number))
    sums["speech_without_text"] += (np.sum((truth != 0) & (result == 0)), np.sum(truth != 0))


def score_texts(truth: Item, lines: list[Item]) -> Figures:
    """Return the share of pairs with the same text that are found, as the mean over the texts."""
    index = {file["sha256"]: n for n, file in enumerate(truth["files"])}
    scores: dict[tuple[int, int], float] = defaultdict(float)
    for line in lines:
        for match in line["matches"] or []:
            i, j = sorted(index.get(sha256, -1) for sha256 in (line["sha256"], match["sha256"]))
            if match["relation"] == "same_script" and i >= 0 and i != j:
                scores[i, j] = max(scores[i, j], match["probability"])
    labelled: dict[tuple[int, int], tuple[str, str]] = {(i, j): (how, text) for i, j, how, text in truth["pairs"]}
    highest_wrong = max((value for pair, value in scores.items() if pair not in labelled), default=0.0)
    hits: dict[str, list[bool]] = defaultdict(list)
    for pair, (how, text) in labelled.items():
        if how == "same":
            hits[text].append(scores.get(pair, 0.0) > highest_wrong)
    return {"same_text.found": float(np.mean([np.mean(values) for values in hits.values()]))}


def main() -> None:
    """Print the figures of one set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind, extra in (("images", None), ("videos", "--clusters"), ("speech", "--matches")):
        command = kinds.add_parser(kind)
        command.add_argument("set", type=Path)
        command.add_argument("results", type=Path)
        if extra:
            command.add_argument(extra, type=Path, dest="extra")
    args = parser.parse_args()
    if args.kind == "images":
        figures = score_images(args.set, args.results)
    else:
        figures = (score_videos if args.kind == "videos" else score_speech)(args.set, args.results, args.extra)
    for name, value in figures.items():
        print(f"{name:36} {value:.4f}")


if __name__ == "__main__":
    main()
