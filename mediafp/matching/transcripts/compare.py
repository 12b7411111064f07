"""Comparison of a transcript with the transcripts of a store: the same words, possibly in another voice."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mediafp.matching import calibration, verdicts
from mediafp.matching.time_spans import round_span
from mediafp.matching.transcripts.alignment import CHANCE_WORDS_PER_LOG_CELL, MIN_COPY_WORDS, AlignedPassage, align_pair
from mediafp.matching.transcripts.index import TranscriptIndex
from mediafp.types.arrays import Float64Array
from mediafp.types.file_sounds import sound_name
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.matches import Match, Segment
from mediafp.types.media import Kind

MAX_SHORT_PROBABILITY = 0.79
"""Largest probability of a passage below `MIN_COPY_WORDS`: less than `verdicts.MIN_COPY_PROBABILITY`."""
MIN_REPORTED_QUALITY = 0.9
"""Share of the agreeing words that count as evidence, below which the reasons name the difference. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptPair:
    """Two transcripts that were aligned, with their features and their passages, the best first; there is at least one.

    Attributes:
        sha256: SHA-256 of the reference.
        features: Features of the pair, the same whichever of the two is the query.
        passages: Passages, those of the query first in each.
    """

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
    fingerprints = references.transcripts.fingerprints
    matches = (
        to_match(
            pair,
            query,
            reference,
            uris=references.uris(pair.sha256),
            kind=references.kind(pair.sha256),
        )
        for pair in pairs
        if (reference := fingerprints.get(pair.sha256))
    )
    return sorted(matches, key=lambda match: -match.probability)


def compare_transcripts(
    query: Fingerprint, index: TranscriptIndex, *, exclude: str | None = None
) -> list[TranscriptPair]:
    """Return the candidates that share a passage with a transcript, with their features."""
    candidates = index.search(query, exclude=exclude, improbable=True)
    references = (index.fingerprints.get(candidate.sha256) for candidate in candidates)
    pairs = (compare_pair(query, reference) for reference in references if reference)
    return [pair for pair in pairs if pair]


def compare_pair(query: Fingerprint, reference: Fingerprint) -> TranscriptPair | None:
    """Return the passages of two transcripts and their features, or None if they share no passage.

    The same two transcripts, exchanged, have the same passages, exchanged, and the same features.
    """
    passages = align_pair(query, reference)
    if not passages:
        return None
    features = transcript_features(passages[0], len(query.vectors) * len(reference.vectors))
    return TranscriptPair(sha256=reference.sha256, features=features, passages=tuple(passages))


def transcript_features(best: AlignedPassage, cells: int) -> calibration.TranscriptPairFeatures:
    """Return the features of two transcripts.

    Further passages add nothing: long transcripts share many short ones by chance.

    Args:
        best: Best passage of the pair.
        cells: Product of the two transcripts' lengths in words.
    """
    words = float(np.log1p(max(0.0, best.net_evidence - CHANCE_WORDS_PER_LOG_CELL * float(np.log(cells)))))
    return calibration.TranscriptPairFeatures(words=words, agreement=best.score, product=words * best.score)


def pair_probability(pair: TranscriptPair) -> float:
    """Return the calibrated probability, 0..1, that two transcripts have the same words."""
    probability = calibration.probability(pair.features)
    return min(probability, MAX_SHORT_PROBABILITY) if pair.passages[0].evidence < MIN_COPY_WORDS else probability


def to_match(
    pair: TranscriptPair, query: Fingerprint, reference: Fingerprint, *, uris: tuple[str, ...], kind: Kind
) -> Match:
    """Return the match of a pair.

    Args:
        pair: The pair, as `compare_pair` returns it for this query and this reference.
        query: Transcript fingerprint of the query.
        reference: Transcript fingerprint of the reference.
        uris: Paths and URLs of the reference's sightings.
        kind: Kind of the reference.
    """
    probability = pair_probability(pair)
    return Match(
        sha256=pair.sha256,
        uris=uris,
        kind=kind,
        relation="same_script",
        verdict=verdicts.verdict(probability, 0.0, proven=True),
        probability=probability,
        coverage=(
            _covered_speech_share([(p.rows[0][0], p.rows[-1][0]) for p in pair.passages], query),
            _covered_speech_share([(p.rows[0][1], p.rows[-1][1]) for p in pair.passages], reference),
        ),
        placement=None,
        segments=tuple(
            _to_segment(passage, query, reference) for passage in sorted(pair.passages, key=lambda p: p.query)
        ),
        why=(*_reasons(pair), *_name_sounds(pair, query, reference), "the voices were not compared"),
    )


def _to_segment(passage: AlignedPassage, query: Fingerprint, reference: Fingerprint) -> Segment:
    """Return the segment of a passage."""
    (query_track, query_channel), (reference_track, reference_channel) = _sounds(passage, query, reference)
    channels = query_channel, reference_channel
    return Segment(
        channel="script",
        query=round_span(passage.query),
        reference=round_span(passage.reference),
        speed=round(passage.speed, 3),
        mirrored=False,
        score=round(passage.score, 3),
        tracks=(query_track, reference_track) if query.sounds or reference.sounds else None,
        audio_channels=None if channels == (None, None) else channels,
    )


def _sounds(
    passage: AlignedPassage, query: Fingerprint, reference: Fingerprint
) -> tuple[tuple[int, int | None], tuple[int, int | None]]:
    """Return track and channel of the sound of the query, and of that of the reference, in which a passage is said."""
    row, column = passage.rows[0]
    return _sound_of_row(row, query), _sound_of_row(column, reference)


def _sound_of_row(row: int, fingerprint: Fingerprint) -> tuple[int, int | None]:
    end = 0
    for sound in fingerprint.sounds:
        end += sound.rows
        if row < end:
            return sound.track, sound.channel
    return 0, None


def _name_sounds(pair: TranscriptPair, query: Fingerprint, reference: Fingerprint) -> list[str]:
    """Return which sounds of the files have the words, if one of the files has several."""
    if not (query.sounds or reference.sounds):
        return []
    joined = dict.fromkeys(_sounds(passage, query, reference) for passage in pair.passages)
    return [
        f"{_name(of_query, query, 'query')} has words of {_name(of_reference, reference, 'reference')}"
        for of_query, of_reference in joined
    ]


def _name(sound: tuple[int, int | None], fingerprint: Fingerprint, role: str) -> str:
    return f"{sound_name(*sound)} of the {role}" if fingerprint.sounds else f"the {role}"


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
    return reasons
