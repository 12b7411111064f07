"""Recall of sounds by edit with no false pair, the work per pair, and the same by Chromaprint.

    .venv/bin/python scripts/bench/sound_recall.py SET [--unrelated SHARE] [--chromaprint]

SET is a folder that scripts/sound_edits.py wrote. Every query is compared with every reference: a pair is a candidate if it
has a promise, and its score is its probability. The table has the share of true pairs that score above all pairs of unrelated
sounds, and above all false pairs: two voices over one music bed, and voices of one synthesiser that read one text, too. Of the
false pairs, that share which is no candidate is compared all the same, to see what the candidates save; it adds nothing to
the other figures. --chromaprint needs `fpcalc`.
"""

import argparse
import json
import shutil
import subprocess
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mediafp.fingerprints.sound_prints import SoundPrints
from mediafp.ingest.files import open_file
from mediafp.ingest.speech_audio import read_audio_tracks
from mediafp.matching import calibration
from mediafp.matching.sounds.alignment import SoundSegment
from mediafp.matching.sounds.compare import compare_sounds
from mediafp.matching.sounds.promise import pair_promise
from mediafp.matching.sounds.side import SoundSide

MIN_CHROMAPRINTS = 24
"""Values that two sounds share at least at an offset: 3 s."""
type Scores = dict[tuple[str, str], float]


class Clock:
    """CPU seconds of a step, and how often it ran."""

    def __init__(self) -> None:
        self.seconds, self.runs = 0.0, 0

    def __enter__(self) -> None:
        self._start = time.process_time()

    def __exit__(self, *_: object) -> None:
        self.seconds, self.runs = self.seconds + time.process_time() - self._start, self.runs + 1

    def __str__(self) -> str:
        return f"{1000 * self.seconds / max(self.runs, 1):.2f} CPU ms, {self.runs} times"


def read_sides(folder: Path) -> dict[str, SoundSide]:
    """Return the sounds of a folder, and print the speed of their extraction."""
    sides, clock, seconds = {}, Clock(), 0.0
    for path in sorted(folder.iterdir()):
        with open_file(path) as file:
            tracks, _ = read_audio_tracks(file)
        if tracks.audio:
            with clock:
                rows = SoundPrints().extract(tracks.audio[0])
            seconds += tracks.audio[0].duration
            sides[path.name] = SoundSide(rows.spans, rows.vectors)
    print(f"{folder.name}: {len(sides)} sounds, {seconds:.0f} s; prints at {seconds / clock.seconds:.0f}x realtime")
    return sides


def family(name: str) -> str:
    """Return the source of a file of a set."""
    return Path(name).stem.split("__")[0]


def is_hard(query: str, reference: str, families: set[str], scripts: dict[str, str]) -> bool:
    """Return True if a false pair has music in common, or words that two voices of one synthesiser may read."""
    words = {scripts.get(name) for name in families} - {None}
    return (query.endswith("__bed.wav") and reference.endswith("__bed.wav")) or scripts.get(family(reference)) in words


def print_table(name: str, scores: Scores, true: dict[tuple[str, str], Any], scripts: dict[str, str]) -> None:
    """Print by edit the recall with no false pair: of unrelated sounds, and of all."""
    families = defaultdict(set)
    for query, reference in true:
        families[query].add(family(reference))
    false = [pair for pair in scores if pair not in true and family(pair[1]) not in families[pair[0]]]
    hard = [pair for pair in false if is_hard(*pair, families[pair[0]], scripts)]
    unrelated = max((scores[pair] for pair in set(false) - set(hard)), default=0.0)
    related = max((scores[pair] for pair in hard), default=0.0)
    print(f"\n{name}: highest scores of unrelated pairs {unrelated}, of one bed or one text {related}")
    by_edit = defaultdict(list)
    for pair, truth in true.items():
        by_edit[truth["edit"]].append(scores.get(pair, 0.0))
    rows = [
        (edit, *(float(np.mean([value > limit for value in values])) for limit in (unrelated, max(unrelated, related))))
        for edit, values in by_edit.items()
    ]
    for edit, easy, all_pairs in [*rows, ("mean", *np.mean([row[1:] for row in rows], axis=0).tolist())]:
        print(f"  {edit:28} {easy:.3f} {all_pairs:.3f}")


def print_errors(found: dict[tuple[str, str], tuple[SoundSegment, ...]], true: dict[tuple[str, str], Any]) -> None:
    """Print how far the ends and the speed of the only true segment of a pair are off."""
    errors, speeds = [], []
    for pair, segments in found.items():
        if len(true[pair]["segments"]) == 1:
            (expected,), best = true[pair]["segments"], segments[0]
            times = (*best.query, *best.reference)
            errors += [abs(a - b) for a, b in zip(times, (*expected["query"], *expected["reference"]), strict=True)]
            speeds.append(abs(best.speed / expected["speed"] - 1))
    quantiles = ", ".join(f"{share:.0%} {np.quantile(errors, share):.2f} s" for share in (0.5, 0.9, 0.99))
    print(f"ends: {quantiles}; speed: {np.median(speeds):.3f}, 90% {np.quantile(speeds, 0.9):.3f}")


def chromaprints(path: Path) -> npt.NDArray[np.uint32]:
    """Return the values of Chromaprint."""
    command = ["fpcalc", "-raw", "-json", "-length", "0", str(path)]
    return np.array(
        json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["fingerprint"], np.uint32
    )


def chromaprint_score(query: npt.NDArray[np.uint32], reference: npt.NDArray[np.uint32]) -> float:
    """Return the share of equal bits at the best offset, less .5."""
    best = 0.0
    for offset in range(MIN_CHROMAPRINTS - len(query), len(reference) - MIN_CHROMAPRINTS + 1):
        a, b = query[max(-offset, 0) :], reference[max(offset, 0) :]
        shared = min(len(a), len(b))
        if shared >= MIN_CHROMAPRINTS:
            differing = int(np.bitwise_count(a[:shared] ^ b[:shared]).sum())
            best = max(best, 0.5 - differing / (32 * shared))
    return best


def main() -> None:
    """Print the figures of a set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", type=Path)
    parser.add_argument("--unrelated", type=float, default=0.0)
    parser.add_argument("--chromaprint", action="store_true")
    args = parser.parse_args()
    truth = json.loads((args.set / "truth.json").read_text(encoding="utf-8"))
    true = {(query, pair["reference"]): pair for query, pairs in truth["queries"].items() for pair in pairs}
    queries, references = read_sides(args.set / "queries"), read_sides(args.set / "refs")
    promising, compared, needless = Clock(), Clock(), Clock()
    candidates, scores, found = 0, {}, {}
    rng = np.random.default_rng(0)
    for query, query_side in queries.items():
        for reference, reference_side in references.items():
            pair = query, reference
            with promising:
                promise = pair_promise(query_side, reference_side)
            if promise is not None:
                with compared:
                    comparison = compare_sounds(query_side, reference_side)
                candidates += pair not in true
                if comparison:
                    scores[pair] = calibration.probability(comparison.features)
                    if pair in true:
                        found[pair] = comparison.segments
            elif rng.random() < args.unrelated:
                with needless:
                    compare_sounds(query_side, reference_side)
    pairs = len(queries) * len(references)
    print(
        f"{pairs - len(true)} false pairs, {candidates} of them candidates; {sum(pair in true for pair in scores)} of"
        f" {len(true)} true pairs compared and aligned"
    )
    print(f"promise: {promising}; comparison of candidates: {compared}; of others: {needless}")
    print_errors(found, true)
    print_table("sign prints", scores, true, truth["scripts"])
    if args.chromaprint and shutil.which("fpcalc"):
        hashes = {
            path: chromaprints(path) for folder in ("queries", "refs") for path in sorted((args.set / folder).iterdir())
        }
        print_table(
            "Chromaprint",
            {
                (query.name, reference.name): chromaprint_score(hashes[query], hashes[reference])
                for query in sorted((args.set / "queries").iterdir())
                for reference in sorted((args.set / "refs").iterdir())
            },
            true,
            truth["scripts"],
        )
    elif args.chromaprint:
        print("skipped Chromaprint: there is no program fpcalc")


if __name__ == "__main__":
    main()
