#!/usr/bin/env python3
"""Fit the probability that a transcribed word is right: models/words.json and its entry in models/manifest.toml.

    scripts/fit_words.py MANIFEST.json [--rows FILE.json] [--plot FILE.png]

MANIFEST lists clips (`file`, `language`, `kind`, `text`, `source`). Each is transcribed unchanged and with one change of speed,
band, codec, noise, music or loudness; a word is right if the alignment of the transcript with the text has the same word there.
`--rows` stores the words in a file, or loads them if it exists; `--plot` draws the reliability curve. The figures that are
printed are cross-validated: the words of each source are judged by a fit on the other sources.
"""

import argparse
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from fit_language import augment, read_audio, source_group
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from mediafp.text.speech.transcriber import WhisperTranscriber
from mediafp.text.speech.word_certainty import LOWEST_LOGPROB, LOWEST_WINDOW_LOGPROB, OTHER
from mediafp.types import model_files
from mediafp.types.tokens import tokenise

SEED = 7
FOLDS = 8
LANGUAGES = ("zh", "yue", "en")
BINS = 10
Row = tuple[str, str, float, float, bool]
"""Source, language, logarithm of the probability of the word, mean of its window, and True if the word is right."""


def find_right(expected: list[str], heard: list[str]) -> list[bool]:
    """Return for each word that was heard whether the alignment with the fewest errors has it in the expected text."""
    costs = np.zeros((len(expected) + 1, len(heard) + 1), np.int32)
    costs[:, 0], costs[0] = np.arange(len(expected) + 1), np.arange(len(heard) + 1)
    for i, word in enumerate(expected, 1):
        for j, other in enumerate(heard, 1):
            costs[i, j] = min(costs[i - 1, j - 1] + (word != other), costs[i - 1, j] + 1, costs[i, j - 1] + 1)
    right = [False] * len(heard)
    i, j = len(expected), len(heard)
    while i and j:
        if expected[i - 1] == heard[j - 1] and costs[i, j] == costs[i - 1, j - 1]:
            right[j - 1] = True
            i, j = i - 1, j - 1
        elif costs[i, j] == costs[i - 1, j - 1] + 1:
            i, j = i - 1, j - 1
        elif costs[i, j] == costs[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
    return right


def collect_rows(clips: list[dict[str, Any]], folder: Path) -> list[Row]:
    """Return the transcribed words of the clips, each unchanged and changed once."""
    transcriber, rng = WhisperTranscriber(), np.random.default_rng(SEED)
    rows: list[Row] = []
    for number, clip in enumerate(clips):
        expected = [token.text for token in tokenise(clip["text"])]
        versions = list(augment(read_audio(folder / clip["file"]), rng))
        for waveform in (versions[0], versions[rng.integers(1, len(versions))]):
            normalised = np.clip(waveform / max(1.0, np.abs(waveform).max()), -1, 1)
            track = transcriber.decode((normalised * 32767).astype(np.int16))
            words = [
                (token.text, word.logprob, decoded.logprob, decoded.window.language)
                for decoded, sentences in sorted(track.windows, key=lambda one: one[0].window.chunks[0].start)
                for sentence, aligned in zip(sentences, decoded.words, strict=True)
                for token, word in zip(tokenise(sentence.text), aligned, strict=True)
            ]
            right = find_right(expected, [word for word, *_ in words])
            rows += [
                (source_group(clip), language, logprob, mean, is_right)
                for (_, logprob, mean, language), is_right in zip(words, right, strict=True)
            ]
        print(f"\r{number + 1} of {len(clips)} clips", end="", flush=True)
    print(f", {len(rows)} words")
    return rows


def features(rows: list[Row]) -> npt.NDArray[np.float64]:
    """Return the features (N, 2) of words."""
    return np.array([(max(row[2], LOWEST_LOGPROB), max(row[3], LOWEST_WINDOW_LOGPROB)) for row in rows])


def reliability(probabilities: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> list[tuple[float, float, int]]:
    """Return the mean probability, the share of right words, and their number, of each bin of equal width with words."""
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    return [
        (float(probabilities[bins == n].mean()), float(right[bins == n].mean()), int((bins == n).sum()))
        for n in range(BINS)
        if (bins == n).any()
    ]


def draw(curves: dict[str, list[tuple[float, float, int]]], file: Path) -> None:
    """Draw the reliability curves."""
    from matplotlib.figure import Figure

    figure = Figure((5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot((0, 1), (0, 1), color="grey", linestyle=":")
    for language, curve in curves.items():
        axes.plot([p for p, _, _ in curve], [share for _, share, _ in curve], marker="o", label=language)
    axes.set(xlabel="probability of the word", ylabel="share of right words", xlim=(0, 1), ylim=(0, 1))
    axes.legend()
    figure.savefig(file, dpi=150)


def main() -> None:
    """Fit the coefficients, print their reliability, and write them with their SHA-256."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--rows", type=Path, help="a JSON file with the words, written if it does not exist")
    parser.add_argument("--plot", type=Path, help="a PNG with the reliability curves")
    options = parser.parse_args()
    clips = [clip for clip in json.loads(options.manifest.read_text("utf-8")) if clip["text"] and clip["language"]]
    if options.rows and options.rows.exists():
        rows = [tuple(row) for row in json.loads(options.rows.read_text("utf-8"))]
    else:
        rows = collect_rows(clips, options.manifest.parent)
    if options.rows and not options.rows.exists():
        options.rows.write_text(json.dumps(rows), encoding="utf-8")
    coefficients, curves, report = {}, {}, {}
    for language in (*LANGUAGES, OTHER):
        selected = [row for row in rows if language in (row[1], OTHER)]
        x, y = features(selected), np.array([row[4] for row in selected])
        sources = np.array([row[0] for row in selected])
        # Each source has the same weight, however many words it has.
        weights = np.array([1 / np.sum(sources == source) for source in sources])
        weights *= len(y) / weights.sum()
        model = LogisticRegression(C=1.0)
        folds = GroupKFold(min(FOLDS, len(set(sources))))
        held_out = cross_val_predict(
            model, x, y, groups=sources, cv=folds, method="predict_proba", params={"sample_weight": weights}
        )[:, 1]
        curve = curves[language] = reliability(held_out, y)
        error = sum(abs(p - share) * count for p, share, count in curve) / len(y)
        report[language] = {
            "words": len(y),
            "right": round(float(y.mean()), 3),
            "calibration_error": round(error, 3),
            "auc": round(float(roc_auc_score(y, held_out)), 3),
        }
        print(language, report[language], " ".join(f"{p:.2f}:{share:.2f}({count})" for p, share, count in curve))
        for name, low, high in (("sure", 0.85, 1.01), ("doubtful", 0.5, 0.85), ("guess", 0, 0.5)):
            level = (held_out >= low) & (held_out < high)
            print(
                f"  {name}: {level.mean():.2f} of the words, {y[level].mean() if level.any() else 0:.2f} of them right"
            )
        model.fit(x, y, sample_weight=weights)
        values = (model.intercept_[0], *model.coef_[0])
        coefficients[language] = [round(float(value), 4) for value in values]
    if options.plot:
        draw(curves, options.plot)
    fitted = {
        "description": "Probability that a word is right: constant, log-probability of the word, mean of its window",
        "measured": report,
        "coefficients": coefficients,
    }
    file = model_files.models_folder() / "words.json"
    file.write_text(json.dumps(fitted, indent=1) + "\n", encoding="utf-8")
    manifest = model_files.models_folder() / "manifest.toml"
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    text = re.sub(
        r'(name = "words"\nversion = "[^"]*"\nsha256 = ")[^"]*', rf"\g<1>{sha256}", manifest.read_text(encoding="utf-8")
    )
    manifest.write_text(text, encoding="utf-8")
    print(f"wrote {file}, sha256 {sha256}")


if __name__ == "__main__":
    main()
