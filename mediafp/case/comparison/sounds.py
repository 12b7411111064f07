"""The comparison of the sounds of two stored assets."""

from collections.abc import Iterator

from mediafp.case.comparison.partners import AudioPartner
from mediafp.case.references import StoredReferences
from mediafp.matching.sounds.candidates import find_candidates
from mediafp.matching.sounds.compare import compare_tracks, to_match
from mediafp.matching.sounds.promise import tracks_promise
from mediafp.matching.sounds.side import SoundSides
from mediafp.types.kept_matches import MIN_KEPT_PROBABILITY, KeptMatch
from mediafp.types.matches import Match


def find_sound_partners(sides: SoundSides, references: StoredReferences, *, exclude: str = "") -> list[AudioPartner]:
    """Return the stored assets whose sound is worth comparing with that of an asset, the most promising first.

    Args:
        sides: Audio tracks of the asset.
        references: The references of a store.
        exclude: SHA-256 of an asset that is not returned.
    """
    partners = [
        AudioPartner(sha256=sha256, promise_value=promise) for sha256, promise in _promises(sides, references, exclude)
    ]
    return sorted(partners, key=lambda one: (-one.promise_value, one.sha256))


def _promises(sides: SoundSides, references: StoredReferences, exclude: str) -> Iterator[tuple[str, float]]:
    found = find_candidates(sides, references.search_sound_codes, references.stored_tracks, exclude=exclude)
    for sha256, variants in sorted(found.items()):
        # One that is damaged was reported.
        others = references.sounds(sha256) if references.find_asset(sha256) else ()
        if promise := tracks_promise(sides, others, variants):
            yield sha256, promise


def compare_stored_sounds(sha256: str, partner: AudioPartner, references: StoredReferences) -> KeptMatch:
    """Return the result of comparing the sounds of two stored assets. The smaller SHA-256 is the query."""
    query, reference = sorted((sha256, partner.sha256))
    match = match_sounds(references.sounds(query), reference, references)
    return KeptMatch(
        query=query,
        reference=reference,
        channel="voice",
        promise=partner.promise_value,
        match=match if match and match.probability >= MIN_KEPT_PROBABILITY else None,
    )


def match_sounds(sides: SoundSides, reference: str, references: StoredReferences) -> Match | None:
    """Return the match of audio tracks with those of a stored asset, or None if they agree nowhere."""
    comparison = compare_tracks(sides, references.sounds(reference))
    if comparison is None:
        return None
    return to_match(comparison, sha256=reference, uris=references.uris(reference), kind=references.kind(reference))
