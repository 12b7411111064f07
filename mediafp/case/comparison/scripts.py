"""The comparison of the scripts of two stored assets."""

from mediafp.case.comparison.partners import AudioPartner
from mediafp.case.references import StoredReferences
from mediafp.matching.transcripts.compare import compare_pair, pair_probability, to_match
from mediafp.matching.transcripts.index import TranscriptIndex
from mediafp.types.kept_matches import MIN_KEPT_PROBABILITY, PROMISING, KeptMatch

DIGITS = 4
"""Decimal places of a promise."""


def find_script_partners(sha256: str, index: TranscriptIndex, references: StoredReferences) -> list[AudioPartner]:
    """Return the candidates for the transcript of a stored asset, the most promising first."""
    transcript = index.fingerprints.get(sha256)
    if transcript is None:
        return []
    partners = [
        AudioPartner(sha256=candidate.sha256, promise_value=round(PROMISING + candidate.excess_words, DIGITS))
        for candidate in index.search(transcript, count=None, exclude=sha256)
        # One that is damaged was reported.
        if references.find_asset(candidate.sha256)
    ]
    return sorted(partners, key=lambda one: (-one.promise_value, one.sha256))


def compare_scripts(
    sha256: str, partner: AudioPartner, index: TranscriptIndex, references: StoredReferences
) -> KeptMatch:
    """Return the result of comparing the transcripts of two stored assets. The smaller SHA-256 is the query."""
    query, reference = sorted((sha256, partner.sha256))
    sides = index.fingerprints[query], index.fingerprints[reference]
    pair = compare_pair(*sides)
    match = None
    if pair and pair_probability(pair) >= MIN_KEPT_PROBABILITY:
        match = to_match(pair, *sides, uris=references.uris(reference), kind=references.kind(reference))
    return KeptMatch(query=query, reference=reference, channel="script", promise=partner.promise_value, match=match)
