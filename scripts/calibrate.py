"""Fit models/calibration.json: from what is measured of a pair to the probability that it is the same media.

    .venv/bin/python scripts/calibrate.py --pictures SET[:N]... --videos SET[:N]... --scripts SET:RESULTS.jsonl...

A SET is a folder with refs/, queries/ and truth.json; of SET:N every Nth query is taken. In truth.json `queries` maps a
query's name to {"reference": NAME or null} (pictures) or to a list of {"reference": NAME, "segments": [{"channel":
"picture" or "voice"}]} (videos). Every query is matched; each candidate is one sample, true where truth.json names it.
Logistic regression; a feature with a negative weight is dropped, since more evidence must not lower the probability. The
calibration error is cross-validated, grouped by what is shown, so that no source is on both sides. Put the new SHA-256
into models/manifest.toml (it is printed).

Pictures want other pictures of one scene among the wrong candidates, and pictures that share a part: make a set of
scripts/scene_frames.py's frames, and one by scripts/shared_parts.py (without charts: of one style they share too much).

Scripts are fitted on what `mediafp transcribe --json` says (RESULTS.jsonl) of a set whose truth.json lists `files`, each
with its sha256, and the `pairs` of files with words in common: [i, j, how, script]. A pair not listed is false, one whose
`how` is "unclear" is left out.
"""

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator
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
from mediafp.case.references import StoredReferences
from mediafp.engine import analysis
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.ingest.files import file_sha256, open_file
from mediafp.matching import calibration
from mediafp.matching.images.compare import ImagePair
from mediafp.matching.transcripts.compare import compare_transcripts
from mediafp.matching.transcripts.index import TranscriptIndex
from mediafp.matching.videos.compare import VideoPair
from mediafp.types.errors import MediaError
from mediafp.types.runs import AnalysisOptions, IngestOptions
from mediafp.types.transcripts import Transcript, TranscriptSegment

TARGET = Path(__file__).parent.parent / "models" / "calibration.json"
FOLDS = 5
REGULARISATION = 1.0
FEATURES: dict[str, type[calibration.Features]] = {
    name: features for features, name in calibration.CALIBRATION_KEYS.items()
}
WEIGHTS = {"transcripts": "balanced"}
"""Classes are weighted alike: the scripts of the development set are said by up to 20 voices, so that nine in ten
candidates are true, which no store's are. Unweighted, five words in common would be as likely a script as not."""
Sample = tuple[tuple[float, ...], bool, str]


def samples(named: str, kind: str) -> list[Sample]:
    """(features, true, group) of every candidate of the queries of a set, SET or SET:N."""
    path, _, every = named.partition(":")
    folder = Path(path)
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["queries"]
    with tempfile.TemporaryDirectory() as store, open_case(store, create=True) as case:
        for _ in case.ingest([folder / "refs"], IngestOptions(analysis=AnalysisOptions(ocr=False))):
            pass
        # Half of the queries a process: placement is single-threaded.
        names = sorted(truth)[:: int(every or 1)]
        jobs = [(folder, kind, Path(store), names[n::2]) for n in range(2)]
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            return [sample for part in pool.map(_some, jobs) for sample in part]


def _some(job: tuple[Path, str, Path, list[str]]) -> list[Sample]:
    folder, kind, store, names = job
    cv2.setNumThreads(1)
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["queries"]
    with open_case(store) as case:
        library = StoredReferences(case._store)
        return [sample for name in names for sample in _of(folder / "queries" / name, truth[name], kind, library)]


def _of(query: Path, true: Any, kind: str, library: StoredReferences) -> Iterator[Sample]:
    # A pair that shares its sound alone is none for the pictures.
    wanted = {
        pair["reference"]
        for pair in (true if isinstance(true, list) else [true])
        if any(segment["channel"] == "picture" for segment in pair.get("segments", [{"channel": "picture"}]))
    } - {None}
    try:
        with open_file(query) as file:
            reading = analysis.analyse_file(file, file_sha256(file))
    except MediaError:
        return
    if reading is None or (kind == "videos") != (reading.asset.kind == "video"):
        return
    pairs: list[ImagePair] | list[VideoPair] = library.compare_with_references(reading)
    for pair in pairs:
        if not isinstance(pair.features, FEATURES[kind]):
            continue
        names = {Path(uri).name for uri in library.uris(pair.candidate.sha256)}
        group = min(names).split("__")[0]
        yield astuple(pair.features), bool(names & wanted), group


def script_samples(named: str) -> list[Sample]:
    """(features, true, script) of every candidate pair of files of a set, SET:RESULTS.jsonl, each pair once."""
    folder, _, results = named.rpartition(":")
    truth = json.loads((Path(folder) / "truth.json").read_text(encoding="utf-8"))
    number = {entry["sha256"]: n for n, entry in enumerate(truth["files"])}
    known = {(i, j): (how, script) for i, j, how, script in truth["pairs"]}
    with Path(results).open(encoding="utf-8") as lines:
        read = [result for line in lines if (result := json.loads(line))["sha256"] in number and not result["error"]]
    shelf = TranscriptIndex(fingerprint_transcript(result["sha256"], _transcript(result)) for result in read)
    made: list[Sample] = []
    for sha256, fingerprint in shelf.fingerprints.items():
        for pair in compare_transcripts(fingerprint, shelf, exclude=sha256):
            i, j = number[sha256], number[pair.sha256]
            how, script = known.get((i, j), ("", _script(truth["files"][i])))
            if i < j and how != "unclear":
                made.append((astuple(pair.features), bool(how), script))
    return made


def _script(entry: Any) -> str:
    """The first script of a file: by it the false pairs are grouped."""
    return str(next((part["script"] for passage in entry["passages"] for part in passage["parts"]), ""))


def _transcript(result: Any) -> Transcript:
    utterances = tuple(
        TranscriptSegment(
            start=said["start"],
            end=said["end"],
            language=said["language"],
            language_probability=said["language_probability"],
            text=said["text"],
            flags=tuple(said["flags"]),
        )
        for said in result["segments"]
    )
    return Transcript(
        model=result["model"],
        version=result["model"],
        duration=result["duration"],
        speech_seconds=result["speech_seconds"],
        untranscribed_seconds=result["untranscribed_seconds"],
        segments=utterances,
    )


def fit(kind: str, rows: list[Sample]) -> dict[str, Any]:
    """The fitted numbers of one kind, with what they were fitted on."""
    values, labels, groups = (np.array(column) for column in zip(*rows, strict=True))
    weights = compute_sample_weight(WEIGHTS.get(kind), labels)
    names = [field.name for field in fields(FEATURES[kind])]
    kept = list(range(len(names)))
    while True:
        regressor = LogisticRegression(C=REGULARISATION, max_iter=2000, class_weight=WEIGHTS.get(kind))
        model = make_pipeline(StandardScaler(), regressor)
        model.fit(values[:, kept], labels)
        scaler, regression = model[0], model[1]
        worst = int(regression.coef_[0].argmin())
        if regression.coef_[0][worst] >= 0:
            break
        del kept[worst]
    folds = GroupKFold(FOLDS)
    held_out = cross_val_predict(model, values[:, kept], labels, groups=groups, cv=folds, method="predict_proba")[:, 1]
    bins = np.minimum((held_out * 10).astype(int), 9)
    error = sum(abs((weights * (held_out - labels))[bins == b].sum()) for b in set(bins)) / weights.sum()
    made = {
        "about": f"{len(rows)} candidate pairs, {int(labels.sum())} of them true, {len(set(groups))} sources",
        "held_out_calibration_error": round(float(error), 4),
        "features": [names[n] for n in kept],
        "mean": scaler.mean_.round(6).tolist(),
        "scale": scaler.scale_.round(6).tolist(),
        "coefficients": regression.coef_[0].round(6).tolist(),
        "intercept": round(float(regression.intercept_[0]), 6),
    }
    print(kind, json.dumps(made, indent=1))
    return made


def main() -> None:
    """Fits what is named, and keeps the rest of the file as it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for kind in FEATURES:
        metavar = "SET:RESULTS.jsonl" if kind == "transcripts" else "SET[:N]"
        parser.add_argument(f"--{kind}", nargs="*", default=[], metavar=metavar)
    args = parser.parse_args()
    fitted = json.loads(TARGET.read_text(encoding="utf-8")) if TARGET.is_file() else {}
    for kind in FEATURES:
        if sets := getattr(args, kind):
            read = script_samples if kind == "transcripts" else partial(samples, kind=kind)
            fitted[kind] = fit(kind, [sample for named in sets for sample in read(named)])
    TARGET.write_text(json.dumps(fitted, indent=1) + "\n", encoding="utf-8")
    print(hashlib.sha256(TARGET.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
