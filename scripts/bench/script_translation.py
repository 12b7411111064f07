"""Scripts that are read in another language: how many are found with no false pair, and how probable the best false pair is.

    .venv/bin/python scripts/bench/script_translation.py [--seeds 3] [--fit]

The scripts of translated_scripts.toml are transcribed in Mandarin and English, some in Cantonese, with errors at rates of 0, .1
and .25 (made_transcripts.py). Each Mandarin and Cantonese transcript is compared with each English one; three scripts are on
each topic. `long` are transcripts of 8 scripts, of which two have one in common or none, without sentences that occur in several
scripts. The first six topics are those that the probability is fitted on, with other seeds; what is printed is of the other six.
`--fit` writes models/translation.json anew, and prints the SHA-256 that belongs into models/manifest.toml.

Found are the pairs whose probability is above that of every false pair of the same seed and rate, and at least .5.
"""

import argparse
import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from made_transcripts import load_scripts, make_transcript

from mediafp.fingerprints.sentence_windows import embed_windows
from mediafp.matching.transcripts.translated_passages import align_windows
from mediafp.matching.transcripts.translations import PAIR_FEATURES, compare_translations, pair_features
from mediafp.types.sentence_windows import SentenceWindows

ERROR_RATES = (0.0, 0.1, 0.25)
FIT_SEEDS = (7,)
LONG_SCRIPTS, LONG_PAIRS = 8, 12
MIN_PROBABILITY = 0.5
FALSE_WEIGHT = 10.0
"""Weight of all false pairs together, that of all true ones being 1: most pairs of a case are false. With 4, some false ones are
at .4."""
TARGET = Path(__file__).parents[2] / "models" / "translation.json"


class Pair(NamedTuple):
    """Two transcripts, the language of the first one, and whether they are of one script."""

    language: str
    is_true: bool
    sides: tuple[SentenceWindows, SentenceWindows]


def iter_pairs(scripts: list[dict[str, Any]], rate: float, seed: int) -> Iterator[Pair]:
    """Yield each script in Mandarin, and in Cantonese, with each script in English."""
    rng = random.Random(f"{seed} {rate}")
    english = [embed_windows(make_transcript(script["en"], "en", rate, rng)) for script in scripts]
    for number, script in enumerate(scripts):
        for language in ("zh", "yue"):
            if language in script:
                side = embed_windows(make_transcript(script[language], language, rate, rng))
                for other, reference in enumerate(english):
                    yield Pair(language, number == other, (side, reference))


def iter_long_pairs(scripts: list[dict[str, Any]], rate: float, seed: int) -> Iterator[Pair]:
    """Yield transcripts of many scripts each, every second pair with one script in common."""
    rng = random.Random(f"long {seed} {rate}")
    uses = Counter(sentence for script in scripts for sentence in (*script["zh"], *script["en"]))
    for number in range(LONG_PAIRS):
        common, *others = rng.sample(scripts, 2 * LONG_SCRIPTS)
        first = [common, *others[: LONG_SCRIPTS - 1]]
        second = others[LONG_SCRIPTS - 1 :]
        if number % 2 == 0:
            second = [*second[1:], common]
        sides = []
        for language, chosen in (("zh", first), ("en", second)):
            rng.shuffle(chosen)
            sentences = [one for script in chosen for one in script[language] if uses[one] == 1]
            sides.append(embed_windows(make_transcript(sentences, language, rate, rng)))
        yield Pair("long", number % 2 == 0, (sides[0], sides[1]))


def fit(scripts: list[dict[str, Any]]) -> None:
    """Fit the probability on some scripts, and write it."""
    from sklearn.linear_model import LogisticRegression

    rows, labels = [], []
    for seed in FIT_SEEDS:
        for rate in ERROR_RATES:
            for pair in chain(iter_pairs(scripts, rate, seed), iter_long_pairs(scripts, rate, seed)):
                if aligned := align_windows(*pair.sides):
                    rows.append(pair_features(aligned, *pair.sides))
                    labels.append(pair.is_true)
    true = np.array(labels)
    weights = np.where(true, 1 / true.sum(), FALSE_WEIGHT / (~true).sum()) * len(true)
    model = LogisticRegression(C=1.0, max_iter=1000).fit(np.array(rows), true, sample_weight=weights)
    fitted = {
        "coefficients": dict(zip(PAIR_FEATURES, model.coef_[0].round(6).tolist(), strict=True)),
        "intercept": round(float(model.intercept_[0]), 6),
        "pairs": {"true": int(true.sum()), "false": int((~true).sum())},
    }
    TARGET.write_text(json.dumps(fitted, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(fitted), hashlib.sha256(TARGET.read_bytes()).hexdigest())


def measure(pairs: list[Pair]) -> None:
    """Print how many pairs of each language are found."""
    compared = [(pair, compare_translations(*pair.sides)) for pair in pairs]
    scored = [(pair, found.probability if found else 0.0) for pair, found in compared]
    false = max(probability for pair, probability in scored if not pair.is_true)
    for language in dict.fromkeys(pair.language for pair in pairs):
        true = np.array([p for pair, p in scored if pair.is_true and pair.language == language])
        share = float(np.mean((true > false) & (true >= MIN_PROBABILITY)))
        print(
            f"  {language}: found {share:.3f} of {len(true)}, median {np.median(true):.3f}, lowest {true.min():.3f};"
            f" best false {false:.3f} of {sum(not pair.is_true for pair in pairs)}"
        )


def main() -> None:
    """Fit, if wanted, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    scripts = load_scripts()
    topics = list(dict.fromkeys(script["topic"] for script in scripts))
    fitted_on = set(topics[: len(topics) // 2])
    measured = [script for script in scripts if script["topic"] not in fitted_on]
    if options.fit:
        fit([script for script in scripts if script["topic"] in fitted_on])
    for rate in ERROR_RATES:
        for seed in range(options.seeds):
            print(f"errors {rate}, seed {seed}")
            measure(list(iter_pairs(measured, rate, seed)))
            measure(list(iter_long_pairs(measured, rate, seed)))


if __name__ == "__main__":
    main()
