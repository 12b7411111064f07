"""Fit models/calibration.json: features of a pair to the probability that both show the same media.

    .venv/bin/python scripts/calibrate.py --images SET[:N]... --shared-images SET[:N]... --videos SET[:N]...
        --transcripts SET:RESULTS.jsonl... --sounds SET...

A SET is a folder with refs/, queries/ and truth.json; SET:N uses every Nth query. In truth.json, `queries` maps the name of
a query to {"reference": NAME or null} (images) or to a list of {"reference": NAME, "segments": [{"channel": "picture" or
"voice"}]} (videos). Every query is compared; each candidate is one sample, true if truth.json names it. The model is a
logistic regression; a feature with a negative weight is dropped, since more evidence must not lower the probability. The
calibration error is cross-validated in groups of one source, so that no source is on both sides. The script prints the new
SHA-256 of the file, which belongs into models/manifest.toml.

The negatives of images need other photographs of one scene, and images that share a part: scripts/scene_frames.py and
scripts/shared_parts.py make such sets (the latter without charts: charts of one style share too much), which are given by
--shared-images: their false pairs count `SHARED_WEIGHT` times.

Sounds are fitted on sets that scripts/sound_edits.py writes. A reference is of the family that its name has up to "__"; of the
family of a true reference the others are skipped.

Transcripts are fitted on the output of `mediafp transcribe --json` (RESULTS.jsonl) for a set whose truth.json lists `files`,
each with its sha256, and `pairs` of files with words in common: [i, j, how, script]. A pair that is not listed is false; a
pair whose `how` is "unclear" is skipped.
"""

import argparse
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, fields
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from mediafp.case.case import open_case
from mediafp.case.matching import compare_analysis
from mediafp.case.references import StoredReferences
from mediafp.engine import analysis
from mediafp.fingerprints.sound_prints import SoundPrints
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.ingest.files import file_sha256, open_file
from mediafp.ingest.speech_audio import read_audio_tracks
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.matching import calibration
from mediafp.matching.images.compare import ImagePair
from mediafp.matching.sounds.compare import compare_sounds
from mediafp.matching.sounds.promise import pair_promise
from mediafp.matching.sounds.side import SoundSide
from mediafp.matching.transcripts.compare import compare_transcripts
from mediafp.matching.transcripts.index import TranscriptIndex
from mediafp.matching.videos.compare import VideoPair
from mediafp.types.errors import MediaError
from mediafp.types.runs import AnalysisOptions, IngestOptions
from mediafp.types.transcripts import Transcript, TranscriptSegment

TARGET = Path(__file__).parent.parent / "models" / "calibration.json"
FOLDS = 5
"""Folds of the cross-validation."""
REGULARISATION = {"videos": 5.0}
"""Inverse strength of the penalty of scikit-learn's LogisticRegression by kind, 1 unless it is named: its default. Few pairs of
unrelated videos align at all, and the penalty would keep the others near one half."""
FEATURES: dict[str, type[calibration.Features]] = {
    name: features for features, name in calibration.CALIBRATION_KEYS.items()
}
WEIGHTS = {"transcripts": "balanced", "sounds": "balanced", "videos": "balanced"}
"""Class weights by kind. In the development set up to 20 voices read one script, so that nine of ten candidates are true,
unlike in any store. Without the weights, five words in common would give a probability of one half. Of sounds and of videos,
hardly a false pair is a candidate."""
SHARED_WEIGHT = 3.0
"""Weight of a false pair of a set of images that share a room, a mark or a template. They are few in the development sets, and
many in a store: with weight 1 two photographs of one room, or under one tiled watermark, reach .72 and .81, with 3 both reach
.56, and of 433 copies with heavy edits as many are below one half, 10."""
Sample = tuple[tuple[float, ...], bool, str]
"""Features of a candidate pair, its truth, and the source that groups it."""


def image_or_video_samples(set_name: str, kind: str) -> list[Sample]:
    """Return a sample for every candidate of the queries of a set, SET or SET:N."""
    path, _, every = set_name.partition(":")
    folder = Path(path)
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["queries"]
    with tempfile.TemporaryDirectory() as store, open_case(store, create=True) as case:
        for _ in case.ingest([folder / "refs"], IngestOptions(analysis=AnalysisOptions(ocr=False))):
            pass
        # Two processes with half of the queries each, since placement is single-threaded.
        names = sorted(truth)[:: int(every or 1)]
        jobs = [(folder, kind, Path(store), names[n::2]) for n in range(2)]
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            return [sample for part in pool.map(_samples_of_part, jobs) for sample in part]


def _samples_of_part(job: tuple[Path, str, Path, list[str]]) -> list[Sample]:
    folder, kind, store, names = job
    cv2.setNumThreads(1)
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["queries"]
    with open_case(store) as case:
        references = StoredReferences(case._store, decode_thumbnail)
        return [
            sample
            for name in names
            for sample in _samples_of_query(folder / "queries" / name, truth[name], kind, references)
        ]


def _samples_of_query(query: Path, expected: Any, kind: str, references: StoredReferences) -> Iterator[Sample]:
    # A pair that shares audio alone is not a true pair of images.
    true_references = {
        pair["reference"]
        for pair in (expected if isinstance(expected, list) else [expected])
        if any(segment["channel"] == "picture" for segment in pair.get("segments", [{"channel": "picture"}]))
    } - {None}
    try:
        with open_file(query) as file:
            file_analysis = analysis.analyse_file(file, file_sha256(file))
    except MediaError:
        return
    if file_analysis is None or (kind == "videos") != (file_analysis.asset.kind == "video"):
        return
    pairs: list[ImagePair] | list[VideoPair] = compare_analysis(references, file_analysis)
    for pair in pairs:
        if not isinstance(pair.features, FEATURES[kind]):
            continue
        names = {Path(uri).name for uri in references.uris(pair.candidate.sha256)}
        group = min(names).split("__")[0]
        yield astuple(pair.features), bool(names & true_references), group


def transcript_samples(set_name: str) -> list[Sample]:
    """Return a sample for every candidate pair of a set, SET:RESULTS.jsonl, each pair once."""
    folder, _, results_file = set_name.rpartition(":")
    truth = json.loads((Path(folder) / "truth.json").read_text(encoding="utf-8"))
    number = {entry["sha256"]: n for n, entry in enumerate(truth["files"])}
    known = {(i, j): (how, script) for i, j, how, script in truth["pairs"]}
    with Path(results_file).open(encoding="utf-8") as lines:
        results = [result for line in lines if (result := json.loads(line))["sha256"] in number and not result["error"]]
    index = TranscriptIndex(fingerprint_transcript(result["sha256"], _transcript(result)) for result in results)
    samples: list[Sample] = []
    for sha256, fingerprint in index.fingerprints.items():
        for pair in compare_transcripts(fingerprint, index, exclude=sha256):
            i, j = number[sha256], number[pair.sha256]
            how, script = known.get((i, j), ("", _script(truth["files"][i])))
            if i < j and how != "unclear":
                samples.append((astuple(pair.features), bool(how), script))
    return samples


def sound_samples(set_name: str) -> list[Sample]:
    """Return a sample for every candidate pair of a set that aligns."""
    folder = Path(set_name)
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["queries"]
    queries, references = (_read_sounds(folder / name) for name in ("queries", "refs"))
    samples: list[Sample] = []
    for query, query_side in queries.items():
        true_references = {pair["reference"] for pair in truth[query]}
        families = {_family(name) for name in true_references}
        for reference, reference_side in references.items():
            is_true = reference in true_references
            if (
                (is_true or _family(reference) not in families)
                and pair_promise(query_side, reference_side) is not None
                and (comparison := compare_sounds(query_side, reference_side))
            ):
                samples.append((astuple(comparison.features), is_true, _family(query)))
    return samples


def _read_sounds(folder: Path) -> dict[str, SoundSide]:
    """Return the sounds of a folder."""
    sides = {}
    for path in sorted(folder.iterdir()):
        with open_file(path) as file:
            tracks, _ = read_audio_tracks(file)
        if tracks.audio:
            rows = SoundPrints().extract(tracks.audio[0])
            sides[path.name] = SoundSide(rows.spans, rows.vectors)
    return sides


def _family(name: str) -> str:
    """Return the source of a file of a set."""
    return Path(name).stem.split("__")[0]


def _script(entry: Any) -> str:
    """Return the first script of a file, which groups its false pairs."""
    return str(next((part["script"] for passage in entry["passages"] for part in passage["parts"]), ""))


def _transcript(result: Any) -> Transcript:
    segments = tuple(
        TranscriptSegment(
            start=segment["start"],
            end=segment["end"],
            language=segment["language"],
            language_probability=segment["language_probability"],
            text=segment["text"],
            flags=tuple(segment["flags"]),
        )
        for segment in result["segments"]
    )
    return Transcript(
        model=result["model"],
        version=result["model"],
        duration=result["duration"],
        speech_seconds=result["speech_seconds"],
        untranscribed_seconds=result["untranscribed_seconds"],
        segments=segments,
    )


def fit(kind: str, rows: list[Sample], shared: list[Sample]) -> dict[str, Any]:
    """Return the fitted numbers of one kind, with a description of the samples.

    Args:
        kind: Key of `FEATURES`.
        rows: Samples.
        shared: Samples whose false pairs count `SHARED_WEIGHT` times.
    """
    counts = [1.0] * len(rows) + [1.0 if true else SHARED_WEIGHT for _, true, _ in shared]
    rows = rows + shared
    values, labels, groups = (np.array(column) for column in zip(*rows, strict=True))
    weights = compute_sample_weight(WEIGHTS.get(kind), labels) * np.array(counts)
    parameters = {"logisticregression__sample_weight": weights}
    names = [field.name for field in fields(FEATURES[kind])]
    kept = list(range(len(names)))
    while True:
        regressor = LogisticRegression(C=REGULARISATION.get(kind, 1.0), max_iter=2000)
        model = make_pipeline(StandardScaler(), regressor)
        model.fit(values[:, kept], labels, **parameters)
        scaler, regression = model[0], model[1]
        worst = int(regression.coef_[0].argmin())
        if regression.coef_[0][worst] >= 0:
            break
        del kept[worst]
    folds = GroupKFold(FOLDS)
    held_out = cross_val_predict(
        model, values[:, kept], labels, groups=groups, cv=folds, method="predict_proba", params=parameters
    )[:, 1]
    bins = np.minimum((held_out * 10).astype(int), 9)
    error = sum(abs((weights * (held_out - labels))[bins == b].sum()) for b in set(bins)) / weights.sum()
    fitted = {
        "about": f"{len(rows)} candidate pairs, {int(labels.sum())} of them true, {len(set(groups))} sources",
        "held_out_calibration_error": round(float(error), 4),
        "features": [names[n] for n in kept],
        "mean": scaler.mean_.round(6).tolist(),
        "scale": scaler.scale_.round(6).tolist(),
        "coefficients": regression.coef_[0].round(6).tolist(),
        "intercept": round(float(regression.intercept_[0]), 6),
    }
    print(kind, json.dumps(fitted, indent=1))
    return fitted


COLLECTORS: dict[str, Callable[[str], list[Sample]]] = {"transcripts": transcript_samples, "sounds": sound_samples}
"""Functions that return the samples of a set, by kind; those of images and videos are `image_or_video_samples`."""


def main() -> None:
    """Fit the kinds that are named, and keep the rest of the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for kind in FEATURES:
        metavar = "SET:RESULTS.jsonl" if kind == "transcripts" else "SET[:N]"
        parser.add_argument(f"--{kind}", nargs="*", default=[], metavar=metavar)
    parser.add_argument("--shared-images", nargs="*", default=[], metavar="SET[:N]")
    args = parser.parse_args()
    fitted = json.loads(TARGET.read_text(encoding="utf-8")) if TARGET.is_file() else {}
    for kind in FEATURES:
        if sets := getattr(args, kind):
            collect = COLLECTORS.get(kind) or partial(image_or_video_samples, kind=kind)
            shared_sets = args.shared_images if kind == "images" else []
            rows, shared = ([sample for name in part for sample in collect(name)] for part in (sets, shared_sets))
            fitted[kind] = fit(kind, rows, shared)
    TARGET.write_text(json.dumps(fitted, indent=1) + "\n", encoding="utf-8")
    print(hashlib.sha256(TARGET.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
