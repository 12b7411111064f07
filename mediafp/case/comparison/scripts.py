"""The comparison of the scripts of two stored assets."""

from mediafp.case.comparison.partners import AudioPartner
from mediafp.case.references import StoredReferences
from mediafp.case.sentence_indexes import SentenceIndexes
from mediafp.matching.transcripts.compare import compare_pair, pair_probability, to_match
from mediafp.matching.transcripts.index import TranscriptIndex
from mediafp.matching.transcripts.translations import TranslatedPair, compare_translations
from mediafp.matching.transcripts.translations import to_match as to_translated_match
from mediafp.types.kept_matches import MIN_KEPT_PROBABILITY, PROMISING, KeptMatch
from mediafp.types.matches import Match
from mediafp.types.sentence_windows import SentenceWindows

DIGITS = 4
"""Decimal places of a promise."""


def find_script_partners(sha256: str, index: TranscriptIndex, references: StoredReferences) -> list[AudioPartner]:
    """Return the candidates for the transcript of a stored asset, the most promising first."""
    transcript = index.fingerprints.get(sha256)
    if transcript is None:
        return []
    excess = {
        candidate.sha256: candidate.excess_words for candidate in index.search(transcript, count=None, exclude=sha256)
    }
    sentences = references.sentences
    for other in sentences.find_candidates(sha256):
        # A transcript that was added since is newer than the index of words; its own comparison finds this one.
        if other in index.fingerprints and (found := _compare_translations(sha256, other, sentences)):
            excess[other] = max(excess.get(other, 0.0), found[0].evidence)
    partners = [
        AudioPartner(sha256=other, promise_value=round(PROMISING + value, DIGITS))
        for other, value in excess.items()
        # One that is damaged was reported.
        if references.find_asset(other)
    ]
    return sorted(partners, key=lambda one: (-one.promise_value, one.sha256))


def compare_scripts(
    sha256: str, partner: AudioPartner, index: TranscriptIndex, references: StoredReferences
) -> KeptMatch:
    """Return the result of comparing the transcripts of two stored assets. The smaller SHA-256 is the query.

    Of the same words and a translation, the more probable one is kept.
    """
    query, reference = sorted((sha256, partner.sha256))
    matches = [
        match
        for match in (
            _match_words(query, reference, index, references),
            _match_translations(query, reference, references),
        )
        if match and match.probability >= MIN_KEPT_PROBABILITY
    ]
    return KeptMatch(
        query=query,
        reference=reference,
        channel="script",
        promise=partner.promise_value,
        match=max(matches, key=lambda match: match.probability, default=None),
    )


def _match_words(query: str, reference: str, index: TranscriptIndex, references: StoredReferences) -> Match | None:
    sides = index.fingerprints[query], index.fingerprints[reference]
    pair = compare_pair(*sides)
    if pair is None or pair_probability(pair) < MIN_KEPT_PROBABILITY:
        return None
    return to_match(pair, *sides, uris=references.uris(reference), kind=references.kind(reference))


def _match_translations(query: str, reference: str, references: StoredReferences) -> Match | None:
    found = _compare_translations(query, reference, references.sentences)
    if found is None:
        return None
    pair, first, second = found
    return to_translated_match(
        pair,
        first,
        second,
        sha256=reference,
        uris=references.uris(reference),
        kind=references.kind(reference),
    )


def _compare_translations(
    query: str, reference: str, sentences: SentenceIndexes
) -> tuple[TranslatedPair, SentenceWindows, SentenceWindows] | None:
    """Return the passages of two assets that are translations, and their sentences.

    None without any, or if both are in one language.
    """
    if not sentences.can_be_translation(query, reference):
        return None
    first, second = sentences.windows(query), sentences.windows(reference)
    pair = compare_translations(first, second) if first and second else None
    return (pair, first, second) if pair and first and second else None
