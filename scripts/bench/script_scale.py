"""CPU seconds in which short scripts are compared with each other as they come in, 1,000 and 10,000 of them, and what is found.

    .venv/bin/python scripts/bench/script_scale.py [--popular]

A script is 10 to 40 syllables of Chinese words and phrases, whose frequencies follow Zipf's law. A quarter of the scripts
belong to groups with one text, in which each script is misheard on its own: 23 to 40 % of its syllables are replaced, mostly by
similar ones, removed or inserted. With `--popular`, all of them belong to one group: a slogan that is read 10,000 times.

Each script is searched for in the index of those before it, its candidates are aligned, and it is added. Found are the pairs
of a sample that reach a probability when all pairs of the sample are aligned. Each figure is printed with its limit.
"""

import argparse
import itertools
import math
import time
from dataclasses import dataclass

import numpy as np
from pypinyin.phrases_dict import phrases_dict

from mediafp.fingerprints.transcript import ROW_BYTES, fingerprint_transcript
from mediafp.matching.transcripts.compare import compare_pair, pair_probability
from mediafp.matching.transcripts.index import TranscriptIndex
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.transcripts import Transcript, TranscriptSegment

COUNTS = (1_000, 10_000)
VOCABULARY = {1: (0.4, 500), 2: (0.5, 5_000), 3: (0.05, 2_000), 4: (0.05, 2_000)}
"""Share of the words of a script, and number of different words, by their syllables. Chosen, not measured."""
FREQUENT_WORDS = 10
"""Words of about equal frequency at the top of each list: the most frequent one makes up 1 to 2 % of it."""
GROUP_SCRIPTS = 5
"""Scripts with one text."""
GROUPED_SHARE = 0.25
MIN_ERROR, MAX_ERROR = 0.23, 0.40
SAMPLE = 400
"""Scripts all pairs of which are aligned; the first ones, so that groups are among them."""
MIN_KEPT_PROBABILITY = 0.15
MIN_RECALL = {MIN_KEPT_PROBABILITY: 0.999, 0.5: 1.0, 0.8: 1.0}
"""Least share of the pairs that reach a probability that are found."""
MAX_SECONDS, MAX_LOAD_SECONDS, MAX_EXPONENT = 180.0, 2.0, 0.6
SEED = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """CPU seconds of comparing scripts as they come in, and the numbers of pairs."""

    searched: float
    aligned: float
    candidates: int
    kept: int


class Language:
    """Words with their frequencies, as rows of syllables (N, 4)."""

    def __init__(self, rng: np.random.Generator) -> None:
        phrases = sorted(phrases_dict)
        by_length = {n: [p for p in phrases if len(p) == n] for n in VOCABULARY}
        by_length[1] = sorted({character for phrase in phrases for character in phrase})
        self._words: list[np.ndarray] = []
        frequencies = []
        for length, (share, count) in VOCABULARY.items():
            self._words += [_rows_of_text(str(word)) for word in rng.choice(by_length[length], count, replace=False)]
            zipf = 1 / (np.arange(count) + FREQUENT_WORDS)
            frequencies.append(share * zipf / zipf.sum())
        self._frequencies = np.concatenate(frequencies)
        self.syllables = np.unique(np.concatenate(self._words), axis=0)

    def make_script(self, rng: np.random.Generator) -> np.ndarray:
        """Return the rows of a script of 10 to 40 syllables."""
        words = rng.choice(len(self._words), 40, p=self._frequencies)
        script: np.ndarray = np.concatenate([self._words[n] for n in words])[: rng.integers(10, 41)]
        return script

    def mishear(self, script: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a script with errors: 7 of 10 are syllables with one other part or two, 1 any syllable, 2 lost or inserted."""
        error = rng.uniform(MIN_ERROR, MAX_ERROR)
        recognised = []
        for row in script:
            draw = rng.random() / error
            others = self.syllables[rng.integers(len(self.syllables), size=20)]
            if draw < 0.7:
                recognised.append(others[np.argmax((others == row).sum(axis=1) * (others != row).any(axis=1))])
            elif draw < 0.8:
                recognised.append(others[0])
            elif draw < 0.9:
                recognised += [row, others[0]]
            elif draw > 1:
                recognised.append(row)
        return np.array(recognised, np.uint8).reshape(-1, ROW_BYTES)


def _rows_of_text(text: str) -> np.ndarray:
    segment = TranscriptSegment(start=0.0, end=1.0, language="zh", language_probability=1.0, text=text)
    transcript = Transcript(
        model="m", version="1", duration=1.0, speech_seconds=1.0, untranscribed_seconds=0.0, segments=(segment,)
    )
    return fingerprint_transcript("", transcript).vectors


def make_scripts(count: int, *, popular: bool) -> list[Fingerprint]:
    """Return the fingerprints of scripts, of which four words are spoken in a second."""
    rng = np.random.default_rng(SEED)
    language = Language(rng)
    rows: list[np.ndarray] = []
    while len(rows) < count:
        text = language.make_script(rng)
        if popular:
            rows += [language.mishear(text, rng) for _ in range(count)]
        elif rng.random() < GROUPED_SHARE / (GROUPED_SHARE + GROUP_SCRIPTS * (1 - GROUPED_SHARE)):
            rows += [language.mishear(text, rng) for _ in range(GROUP_SCRIPTS)]
        else:
            rows.append(text)
    return [_to_fingerprint(f"{rng.bytes(32).hex()}", script) for script in rows[:count]]


def _to_fingerprint(sha256: str, rows: np.ndarray) -> Fingerprint:
    starts = np.arange(len(rows)) / 4
    return Fingerprint(
        sha256=sha256,
        type="words",
        version="1",
        spans=np.stack((starts, starts + 0.25), axis=1).reshape(-1, 2),
        vectors=rows,
        quality=np.ones(len(rows), np.float32),
    )


def compare_as_they_come(scripts: list[Fingerprint]) -> Costs:
    """Return the cost of searching for each script among those before it, and of aligning it with its candidates."""
    index = TranscriptIndex()
    searched = aligned = 0.0
    candidates = kept = 0
    for script in scripts:
        start = time.process_time()
        found = index.search(script)
        index.add([script])
        between = time.process_time()
        pairs = [compare_pair(script, index.fingerprints[sha256]) for sha256, _ in found]
        kept += sum(pair is not None and pair_probability(pair) >= MIN_KEPT_PROBABILITY for pair in pairs)
        aligned += time.process_time() - between
        searched += between - start
        candidates += len(found)
    return Costs(searched=searched, aligned=aligned, candidates=candidates, kept=kept)


def find_recall(scripts: list[Fingerprint]) -> dict[float, tuple[int, int]]:
    """Return the pairs that reach each probability, and those of them that are candidates."""
    index = TranscriptIndex(scripts)
    found = {script.sha256: {c.sha256 for c in index.search(script, count=None)} for script in scripts}
    recall = dict.fromkeys(MIN_RECALL, (0, 0))
    for a, b in itertools.combinations(scripts, 2):
        if pair := compare_pair(a, b):
            probability, is_found = pair_probability(pair), b.sha256 in found[a.sha256]
            for least, (pairs, hits) in recall.items():
                if probability >= least:
                    recall[least] = (pairs + 1, hits + is_found)
    return recall


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--popular", action="store_true", help="all scripts have one text")
    popular = parser.parse_args().popular
    per_script = []
    for count in COUNTS:
        scripts = make_scripts(count, popular=popular)
        costs = compare_as_they_come(scripts)
        seconds = costs.searched + costs.aligned
        per_script.append(seconds / count)
        print(
            f"{count} scripts: {seconds:.1f} s CPU (limit {MAX_SECONDS:.0f}), {costs.searched:.1f} of search and"
            f" {costs.aligned:.1f} of alignment; {costs.candidates} of {math.comb(count, 2)} pairs aligned, {costs.kept} kept"
        )
    exponent = math.log(per_script[1] / per_script[0]) / math.log(COUNTS[1] / COUNTS[0])
    print(f"growth of a script: exponent {exponent:.2f} (limit {MAX_EXPONENT:.2f})")
    start = time.process_time()
    TranscriptIndex(scripts)
    print(f"index of {count} scripts: {time.process_time() - start:.2f} s CPU (limit {MAX_LOAD_SECONDS:.0f})")
    for least, (pairs, hits) in find_recall(scripts[:SAMPLE]).items():
        print(f"pairs of a probability of {least} or more found: {hits} of {pairs} (limit {MIN_RECALL[least]})")


if __name__ == "__main__":
    main()
