"""The comparison of the sounds of two stored assets."""

from collections.abc import Iterator

from mediafp.case.comparison.partners import AudioPartner
from mediafp.case.references import StoredReferences
from mediafp.matching.sounds.compare import compare_sounds, to_match
from mediafp.matching.sounds.near_codes import MAX_DISTANCE
from mediafp.matching.sounds.promise import pair_promise, promising_assets, search_codes
from mediafp.matching.sounds.side import SoundSide
from mediafp.types.kept_matches import MIN_KEPT_PROBABILITY, KeptMatch
from mediafp.types.matches import Match


def find_sound_partners(side: SoundSide, references: StoredReferences, *, exclude: str = "") -> list[AudioPartner]:
    """Return the stored assets whose sound is worth comparing with a sound, the most promising first.

    Args:
        side: The sound.
        references: The references of a store.
        exclude: SHA-256 of an asset that is not returned.
    """
    partners = [
        AudioPartner(sha256=sha256, promise_value=promise)
        for sha256, promise in _promises(side, references)
        if sha256 != exclude
    ]
    return sorted(partners, key=lambda one: (-one.promise_value, one.sha256))


def _promises(side: SoundSide, references: StoredReferences) -> Iterator[tuple[str, float]]:
    found: set[str] = set()
    # Variant by variant: an hour of sound has millions of near rows in a large store.
    for searched in search_codes(side):
        found.update(promising_assets(searched, references.search_sound_codes(searched.codes, MAX_DISTANCE)))
    for sha256 in sorted(found):
        # One that is damaged was reported.
        other = references.sound(sha256) if references.find_asset(sha256) else None
        if other and (promise := pair_promise(side, other)):
            yield sha256, promise


def compare_stored_sounds(sha256: str, partner: AudioPartner, references: StoredReferences) -> KeptMatch:
    """Return the result of comparing the sounds of two stored assets. The smaller SHA-256 is the query."""
    query, reference = sorted((sha256, partner.sha256))
    side = references.sound(query)
    match = match_sound(side, reference, references) if side else None
    return KeptMatch(
        query=query,
        reference=reference,
        channel="voice",
        promise=partner.promise_value,
        match=match if match and match.probability >= MIN_KEPT_PROBABILITY else None,
    )


def match_sound(side: SoundSide, reference: str, references: StoredReferences) -> Match | None:
    """Return the match of a sound with that of a stored asset, or None if they agree nowhere."""
    other = references.sound(reference)
    comparison = compare_sounds(side, other) if other else None
    if comparison is None:
        return None
    return to_match(comparison, sha256=reference, uris=references.uris(reference), kind=references.kind(reference))
