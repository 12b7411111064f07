"""The comparison of the script of a stored asset with all others."""

from mediafp.case.references import StoredReferences
from mediafp.matching.transcripts.compare import match_transcript
from mediafp.types.kept_matches import MIN_KEPT_PROBABILITY, PROMISING, KeptMatch


def compare_scripts(sha256: str, references: StoredReferences) -> list[KeptMatch]:
    """Return the matches of an asset's transcript among the others."""
    transcript = references.transcripts.fingerprints.get(sha256)
    if transcript is None:
        return []
    return [
        KeptMatch(
            query=sha256, reference=match.sha256, channel="script", promise=PROMISING + match.probability, match=match
        )
        for match in match_transcript(transcript, references, exclude=sha256)
        if match.probability >= MIN_KEPT_PROBABILITY
    ]
