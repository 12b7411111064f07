"""Comparison of a transcript with the transcripts of a store: the same words, possibly in another voice."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mediafp.matching import calibration, verdicts
from mediafp.matching.transcripts.alignment import MIN_COPY_WORDS, AlignedPassage, align_transcripts
from mediafp.matching.transcripts.index import TranscriptIndex
from mediafp.types.arrays import Float64Array
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.matches import Match, Segment
from mediafp.types.media import Kind

MAX_SHORT_PROBABILITY = 0.79
"""Largest probability of a passage below `MIN_COPY_WORDS`: less than `verdicts.MIN_COPY_PROBABILITY`."""
CHANCE_WORDS_PER_LOG_CELL = 0.5
"""Words that chance adds for each e-fold of the product of two transcripts' lengths (Karlin and Altschul 1990): it grows with
the logarithm of that product. Of transcripts composed of word pairs of Chinese transcripts, one pair in 200 has a passage whose
net evidence is above it, one in 3000 by a word, none of 10,800 by two, at 15, 100 and 300 words."""
MIN_REPORTED_QUALITY = 0.9
"""Share of the agreeing words that count as evidence, below which the reasons name the difference. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptPair:
    """A candidate that was aligned, with its features and its passages, the best first; there is at least one."""

    sha256: str
    features: calibration.TranscriptPairFeatures
    passages: tuple[AlignedPassage, ...]


class TranscriptReferences(Protocol):
    """References that a transcript is compared with."""

    @property
    def transcripts(self) -> TranscriptIndex:
        """Index of all transcripts."""
        ...

    def kind(self, sha256: str) -> Kind:
        """Return the kind of an asset."""
        ...

    def uris(self, sha256: str) -> tuple[str, ...]:
        """Return the paths and URLs of an asset's sightings."""
        ...


def match_transcript(
    query: Fingerprint, references: TranscriptReferences, *, exclude: str | None = None
) -> list[Match]:
    """Return the matches of a transcript by falling probability, improbable ones included.

    Args:
        query: Transcript fingerprint.
        references: References to compare with.
        exclude: SHA-256 of an asset to skip, such as the query itself.
    """
    # Probabilities saturate: equal ones are ordered by the number of words.
    pairs = sorted(
        compare_transcripts(query, references.transcripts, exclude=exclude),
        key=lambda pair: (-pair.features.words, pair.sha256),
    )
    return sorted((_to_match(pair, query, references) for pair in pairs), key=lambda match: -match.probability)


def compare_transcripts(
    query: Fingerprint, index: TranscriptIndex, *, exclude: str | None = None
) -> list[TranscriptPair]:
    """Return the candidates that share a passage with a transcript, with their features."""
    aligned = (
        (sha256, tuple(align_transcripts(query, index.fingerprints[sha256])))
        for sha256 in index.search(query, exclude=exclude)
    )
    return [
        TranscriptPair(
            sha256=sha256,
            features=transcript_features(passages[0], len(query.vectors) * len(index.fingerprints[sha256].vectors)),
            passages=passages,
        )
        for sha256, passages in aligned
        if passages
    ]


def transcript_features(best: AlignedPassage, cells: int) -> calibration.TranscriptPairFeatures:
    """Return the features of two transcripts.

    Further passages add nothing: long transcripts share many short ones by chance.

    Args:
        best: Best passage of the pair.
        cells: Product of the two transcripts' lengths in words.
    """
    words = float(np.log1p(max(0.0, best.net_evidence - CHANCE_WORDS_PER_LOG_CELL * float(np.log(cells)))))
    return calibration.TranscriptPairFeatures(words=words, agreement=best.score, product=words * best.score)


def _to_match(pair: TranscriptPair, query: Fingerprint, references: TranscriptReferences) -> Match:
    """Return the match of a pair."""
    probability = calibration.probability(pair.features)
    if pair.passages[0].evidence < MIN_COPY_WORDS:
        probability = min(probability, MAX_SHORT_PROBABILITY)
    reference = references.transcripts.fingerprints[pair.sha256]
    return Match(
        sha256=pair.sha256,
        uris=references.uris(pair.sha256),
        kind=references.kind(pair.sha256),
        relation="same_script",
        verdict=verdicts.verdict(probability, 0.0, proven=True),
        probability=probability,
        coverage=(
            _covered_speech_share([(p.rows[0][0], p.rows[-1][0]) for p in pair.passages], query),
            _covered_speech_share([(p.rows[0][1], p.rows[-1][1]) for p in pair.passages], reference),
        ),
        placement=None,
        segments=tuple(_to_segment(passage) for passage in sorted(pair.passages, key=lambda p: p.query)),
        why=tuple(_reasons(pair)),
    )


def _to_segment(passage: AlignedPassage) -> Segment:
    """Return the segment of a passage."""
    return Segment(
        channel="script",
        query=(round(passage.query[0], 3), round(passage.query[1], 3)),
        reference=(round(passage.reference[0], 3), round(passage.reference[1], 3)),
        speed=round(passage.speed, 3),
        mirrored=False,
        score=round(passage.score, 3),
    )


def _covered_speech_share(row_ranges: list[tuple[int, int]], fingerprint: Fingerprint) -> float:
    """Return the share, 0..1, of a transcript's speaking time in ranges of rows (first, last)."""
    covered = np.zeros(len(fingerprint.spans), bool)
    for first, last in row_ranges:
        covered[first : last + 1] = True
    seconds: Float64Array = fingerprint.spans[:, 1] - fingerprint.spans[:, 0]
    total = float(seconds.sum())
    return round(float(seconds[covered].sum()) / total if total > 0 else float(covered.mean()), 4)


def _reasons(pair: TranscriptPair) -> list[str]:
    """Return the measurements for and against a copy, one sentence each."""
    best, count = pair.passages[0], len(pair.passages)
    query_seconds = sum(p.query[1] - p.query[0] for p in pair.passages)
    reference_seconds = sum(p.reference[1] - p.reference[0] for p in pair.passages)
    partly = len(best.rows) - best.exact_words
    reasons = [
        f"{best.exact_words} of {best.words} words in a row agree (by sound, without tones)"
        + (f", and {partly} more in part" if partly > 0 else ""),
        f"{query_seconds:.0f} s of the query and {reference_seconds:.0f} s of the reference have the same words"
        + (f", in {count} passages" if count > 1 else ""),
    ]
    if best.evidence < MIN_REPORTED_QUALITY * best.score * best.words:
        reasons.append(
            f"only {best.evidence:.0f} of the words count: digits, repeated words and flagged segments count less"
        )
    if best.evidence < MIN_COPY_WORDS:
        reasons.append(f"fewer than {MIN_COPY_WORDS} words count, which may be a common phrase")
    return reasons + ["the voices were not compared"]
