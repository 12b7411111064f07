"""Comparison of two transcripts in different languages: the same script, read in translation."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from mediafp.matching import verdicts
from mediafp.matching.time_spans import round_span
from mediafp.matching.transcripts.translated_passages import (
    SHORT_CELLS,
    AlignedWindows,
    TranslatedPassage,
    align_windows,
)
from mediafp.types import model_files
from mediafp.types.arrays import Float64Array
from mediafp.types.logistic import stated_probability
from mediafp.types.matches import Match, Segment
from mediafp.types.media import Kind
from mediafp.types.sentence_windows import SentenceWindows

CHANCE_EVIDENCE_PER_LOG_CELL = 0.5
"""Evidence that chance adds for each e-fold of the product of two transcripts' lengths in units; .8 is as good."""
CHANCE_ORDER_PER_LOG_CELL = 0.8
"""Evidence in one order alone that chance adds for each e-fold of that product above that of two transcripts of half a minute:
without it, two false pairs of 36 with eight scripts each are above .9."""
MIN_TRANSLATED_WORDS, MIN_PHRASE_WORDS = 40.0, 30.0
"""Words of one passage below which the probability is less than that of a copy, and than that of a match: greetings and calls to
subscribe that two videos share are shorter. True scripts of five sentences have 43 and more in 95 % of pairs."""
MAX_UNSURE_PROBABILITY, MAX_PHRASE_PROBABILITY = 0.79, 0.49
"""Largest probabilities of such passages: less than `verdicts.MIN_COPY_PROBABILITY`, and than what is reported."""
PAIR_FEATURES: Final = ("evidence", "order")
"""Features of two transcripts, in the order of the coefficients."""
LANGUAGE_NAMES: Final = {
    "zh": "Mandarin",
    "yue": "Cantonese",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "de": "German",
    "pt": "Portuguese",
    "it": "Italian",
    "nl": "Dutch",
    "pl": "Polish",
    "ru": "Russian",
    "tr": "Turkish",
    "ar": "Arabic",
    "ja": "Japanese",
    "ko": "Korean",
    "th": "Thai",
}
"""English names of the languages of the encoder and of Cantonese, by code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslatedPair:
    """Two transcripts that say the same somewhere, in different languages.

    Attributes:
        passages: Passages, the best first; there is at least one.
        evidence: Evidence of the best passage above that of chance, in words.
        probability: Calibrated probability that one script is a translation of the other.
    """

    passages: tuple[TranslatedPassage, ...]
    evidence: float
    probability: float


def compare_translations(query: SentenceWindows, reference: SentenceWindows) -> TranslatedPair | None:
    """Return the passages of two transcripts that are translations, or None if there is none.

    The same two transcripts, exchanged, have the same passages, exchanged, and the same probability.
    """
    aligned = align_windows(query, reference)
    if aligned is None:
        return None
    best = aligned.passages[0]
    probability = _probability(pair_features(aligned, query, reference))
    if best.words < MIN_TRANSLATED_WORDS:
        limit = MAX_UNSURE_PROBABILITY if best.words >= MIN_PHRASE_WORDS else MAX_PHRASE_PROBABILITY
        probability = min(probability, limit)
    return TranslatedPair(
        passages=aligned.passages, evidence=_excess_evidence(best, query, reference), probability=probability
    )


def pair_features(aligned: AlignedWindows, query: SentenceWindows, reference: SentenceWindows) -> tuple[float, float]:
    """Return the features of two transcripts, in the order of `PAIR_FEATURES`.

    They are the logarithm of the evidence of the best passage above chance, and that of the part of it that needs the order. Its
    mean similarity and the share of a transcript that it covers add nothing.
    """
    evidence = _excess_evidence(aligned.passages[0], query, reference)
    chance = CHANCE_ORDER_PER_LOG_CELL * max(0.0, float(np.log(len(query.units) * len(reference.units) / SHORT_CELLS)))
    return float(np.log1p(evidence)), float(np.log1p(max(0.0, aligned.order_evidence - chance)))


def _excess_evidence(best: TranslatedPassage, query: SentenceWindows, reference: SentenceWindows) -> float:
    cells = len(query.units) * len(reference.units)
    return max(0.0, best.evidence - CHANCE_EVIDENCE_PER_LOG_CELL * float(np.log(cells)))


def to_match(
    pair: TranslatedPair,
    query: SentenceWindows,
    reference: SentenceWindows,
    *,
    sha256: str,
    uris: tuple[str, ...],
    kind: Kind,
) -> Match:
    """Return the match of a pair.

    Args:
        pair: The pair, as `compare_translations` returns it for this query and this reference.
        query: Windows of the query.
        reference: Windows of the reference.
        sha256: SHA-256 of the reference.
        uris: Paths and URLs of the reference's sightings.
        kind: Kind of the reference.
    """
    return Match(
        sha256=sha256,
        uris=uris,
        kind=kind,
        relation="same_script",
        verdict=verdicts.verdict(pair.probability, 0.0, proven=True),
        probability=pair.probability,
        coverage=(
            _covered_share(query, [window.query for passage in pair.passages for window in passage.pairs]),
            _covered_share(reference, [window.reference for passage in pair.passages for window in passage.pairs]),
        ),
        placement=None,
        segments=tuple(_to_segment(passage) for passage in sorted(pair.passages, key=lambda passage: passage.query)),
        why=tuple(_reasons(pair, query, reference)),
    )


def _to_segment(passage: TranslatedPassage) -> Segment:
    seconds = passage.query[1] - passage.query[0], passage.reference[1] - passage.reference[0]
    return Segment(
        channel="script",
        query=round_span(passage.query),
        reference=round_span(passage.reference),
        speed=round(seconds[1] / seconds[0], 3) if min(seconds) > 0 else 1.0,
        mirrored=False,
        score=round(min(1.0, max(0.0, passage.similarity)), 3),
        translated=True,
    )


def _covered_share(windows: SentenceWindows, ranges: Sequence[tuple[int, int]]) -> float:
    """Return the share, 0..1, of a transcript's words in ranges of units (first, one after the last)."""
    covered = np.zeros(len(windows.units), bool)
    for first, last in ranges:
        covered[first:last] = True
    return round(float(windows.words[0][covered].sum() / windows.words[0].sum()), 4)


def _reasons(pair: TranslatedPair, query: SentenceWindows, reference: SentenceWindows) -> list[str]:
    """Return the measurements for and against a translation, one sentence each."""
    best, count = pair.passages[0], len(pair.passages)
    languages = (
        _main_language(query, [window.query for window in best.pairs]),
        _main_language(reference, [window.reference for window in best.pairs]),
    )
    sentences = max(
        sum(last - first for first, last in (window.query for window in best.pairs)),
        sum(last - first for first, last in (window.reference for window in best.pairs)),
    )
    seconds = (
        sum(passage.query[1] - passage.query[0] for passage in pair.passages),
        sum(passage.reference[1] - passage.reference[0] for passage in pair.passages),
    )
    reasons = [
        f"{sentences} sentences or phrases in a row say the same in {languages[0]} (query) and"
        f" {languages[1]} (reference)",
        f"{seconds[0]:.0f} s of the query and {seconds[1]:.0f} s of the reference agree in meaning"
        + (f", in {count} passages" if count > 1 else ""),
        f"their similarity is {best.similarity:.2f} above that of unrelated sentences",
    ]
    if best.words < MIN_TRANSLATED_WORDS:
        reasons.append(f"fewer than {MIN_TRANSLATED_WORDS:.0f} words agree, which may be a common phrase")
    return [*reasons, "the meaning was compared, by a sentence encoder, not the words; the voices were not compared"]


def _main_language(windows: SentenceWindows, ranges: Sequence[tuple[int, int]]) -> str:
    """Return the name of the language that is spoken most in ranges of units."""
    words: dict[str, float] = {}
    for first, last in ranges:
        for unit in windows.units[first:last]:
            words[unit.language] = words.get(unit.language, 0.0) + unit.words
    code = max(words, key=lambda language: (words[language], language))
    return LANGUAGE_NAMES.get(code, code)


def _probability(features: Sequence[float]) -> float:
    coefficients, intercept = _load_coefficients()
    return stated_probability(float(np.array(features) @ coefficients + intercept))


@cache
def _load_coefficients() -> tuple[Float64Array, float]:
    """Return the coefficients of `PAIR_FEATURES`, and the intercept."""
    fitted = json.loads(model_files.model_path("translation").read_text(encoding="utf-8"))
    return np.array([fitted["coefficients"][name] for name in PAIR_FEATURES]), float(fitted["intercept"])
