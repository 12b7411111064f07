"""The same words under another voice: what the stretches that two scripts share are worth."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mediafp.matching import calibration, verdicts
from mediafp.matching.transcripts.alignment import MIN_COPY_WORDS, AlignedPassage, align_transcripts
from mediafp.matching.transcripts.index import TranscriptIndex
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.matches import Match, Segment
from mediafp.types.media import Kind

Floats = npt.NDArray[np.float64]
MAX_SHORT_PROBABILITY = 0.79
"""The probability that fewer words can reach, below judge.COPY_AT."""
CHANCE_WORDS_PER_LOG_CELL = 0.5
"""Two long scripts have more in common by chance, by the logarithm of their lengths' product (Karlin and Altschul,
1990): so many words more every e-fold. Of scripts put together from pairs of words of Chinese transcripts, one pair in
200 has a stretch whose net is over that, one in 3000 by a word, none of 10,800 by two, be they 15, 100 or 300 words."""
DOUBTED = 0.9
"""Share of the agreeing words that is put into words when less of it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptPair:
    """A candidate that was aligned; its `stretches` are the best first, and there is at least one."""

    sha256: str
    features: calibration.TranscriptPairFeatures
    stretches: tuple[AlignedPassage, ...]


class TranscriptReferences(Protocol):
    """The references that a script is held against."""

    @property
    def transcripts(self) -> TranscriptIndex:
        """The words of all that was transcribed."""
        ...

    def kind(self, sha256: str) -> Kind:
        """Picture or video."""
        ...

    def uris(self, sha256: str) -> tuple[str, ...]:
        """Where it was seen."""
        ...


def match_transcript(query: Fingerprint, shelf: TranscriptReferences, *, exclude: str | None = None) -> list[Match]:
    """Matches by falling probability, unlikely ones included; `without` names an asset to leave out, the query itself."""
    # Of two that are as good as certain, the one with more in common.
    pairs = sorted(
        compare_transcripts(query, shelf.transcripts, exclude=exclude), key=lambda p: (-p.features.words, p.sha256)
    )
    return sorted((_match(pair, query, shelf) for pair in pairs), key=lambda m: -m.probability)


def compare_transcripts(
    query: Fingerprint, scripts: TranscriptIndex, *, exclude: str | None = None
) -> list[TranscriptPair]:
    """The candidates with all that is measured of each pair."""
    found = scripts.search(query, exclude=exclude)
    compared = ((sha256, tuple(align_transcripts(query, scripts.fingerprints[sha256]))) for sha256 in found)
    return [
        TranscriptPair(
            sha256=sha256,
            features=transcript_features(stretches[0], len(query.vectors) * len(scripts.fingerprints[sha256].vectors)),
            stretches=stretches,
        )
        for sha256, stretches in compared
        if stretches
    ]


def transcript_features(stretch: AlignedPassage, cells: int) -> calibration.TranscriptPairFeatures:
    """What a pair's best stretch is worth; `cells` is the product of the scripts' words.

    Further stretches add nothing: long scripts have many short ones in common.
    """
    words = float(np.log1p(max(0.0, stretch.net_evidence - CHANCE_WORDS_PER_LOG_CELL * float(np.log(cells)))))
    return calibration.TranscriptPairFeatures(words=words, agreement=stretch.score, product=words * stretch.score)


def _match(pair: TranscriptPair, query: Fingerprint, shelf: TranscriptReferences) -> Match:
    best = pair.stretches[0]
    likely = calibration.probability(pair.features)
    if best.evidence < MIN_COPY_WORDS:
        likely = min(likely, MAX_SHORT_PROBABILITY)
    return Match(
        sha256=pair.sha256,
        uris=shelf.uris(pair.sha256),
        kind=shelf.kind(pair.sha256),
        relation="same_script",
        verdict=verdicts.verdict(likely, 0.0, proven=True),
        probability=likely,
        coverage=(
            _share([(s.rows[0][0], s.rows[-1][0]) for s in pair.stretches], query),
            _share(
                [(s.rows[0][1], s.rows[-1][1]) for s in pair.stretches], shelf.transcripts.fingerprints[pair.sha256]
            ),
        ),
        placement=None,
        segments=tuple(
            Segment(
                channel="script",
                query=(round(s.query[0], 3), round(s.query[1], 3)),
                reference=(round(s.reference[0], 3), round(s.reference[1], 3)),
                speed=round(s.speed, 3),
                mirrored=False,
                score=round(s.score, 3),
            )
            for s in sorted(pair.stretches, key=lambda s: s.query)
        ),
        why=tuple(_reasons(pair)),
    )


def _share(parts: list[tuple[int, int]], script: Fingerprint) -> float:
    """The share of a script's spoken time in these parts, first to last row."""
    inside = np.zeros(len(script.spans), bool)
    for first, last in parts:
        inside[first : last + 1] = True
    seconds: Floats = script.spans[:, 1] - script.spans[:, 0]
    whole = float(seconds.sum())
    return round(float(seconds[inside].sum()) / whole if whole > 0 else float(inside.mean()), 4)


def _reasons(pair: TranscriptPair) -> list[str]:
    best, count = pair.stretches[0], len(pair.stretches)
    here = sum(s.query[1] - s.query[0] for s in pair.stretches)
    there = sum(s.reference[1] - s.reference[0] for s in pair.stretches)
    reasons = [
        f"{best.exact_words} of {best.words} words in a row agree (by their sound, without tones)"
        + (f", and {len(best.rows) - best.exact_words} nearly so" if len(best.rows) > best.exact_words else ""),
        f"{here:.0f} s of the query and {there:.0f} s of the reference say the same"
        + (f", in {count} stretches" if count > 1 else ""),
    ]
    if best.evidence < DOUBTED * best.score * best.words:
        reasons.append("digits, repeated words and doubtful passages count in part")
    if best.evidence < MIN_COPY_WORDS:
        reasons.append("so few words may be a common phrase")
    return reasons + ["the voices were not compared"]
