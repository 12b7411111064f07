"""The comparison of the sounds of two stored assets."""

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

from mediafp.case.comparison.partners import AudioPartner
from mediafp.case.references import StoredReferences
from mediafp.matching.sounds.candidates import find_candidates
from mediafp.matching.sounds.compare import compare_tracks, to_match
from mediafp.matching.sounds.promise import tracks_promise
from mediafp.matching.sounds.side import SoundSides
from mediafp.types.kept_matches import MIN_KEPT_PROBABILITY, KeptMatch
from mediafp.types.matches import Match


class SoundPromises:
    """Promises that the searches of a run have found, so that of two assets one is searched for.

    It belongs to references whose assets do not change; those of further assets have a greater generation of the index.
    """

    def __init__(self) -> None:
        self._searched: dict[str, int] = {}
        """Assets that were searched for, and the generation of the index that they were compared with."""
        self._found: dict[str, dict[str, float]] = {}
        """Promises of assets that are not searched for yet, by the assets whose search has found them."""

    def known(self, sha256: str, generation: int) -> tuple[frozenset[str], dict[str, float]]:
        """Return the assets that were compared with an asset when they were searched for, and the promises of some of them.

        Args:
            sha256: The asset.
            generation: First generation of the index that has it in its present state.
        """
        searched = frozenset(other for other, compared in self._searched.items() if compared >= generation)
        found = self._found.get(sha256, {})
        return searched, {other: promise for other, promise in found.items() if other in searched}

    def add(self, sha256: str, generation: int, promises: Mapping[str, float]) -> None:
        """Add what the search of an asset has found.

        Args:
            sha256: The asset.
            generation: Generation of the index that it was compared with, together with `known`.
            promises: Promises of the assets that will be searched for.
        """
        self._searched[sha256] = generation
        for other, promise in promises.items():
            self._found.setdefault(other, {})[sha256] = promise

    def drop(self, sha256: str) -> None:
        """Forget the promises of an asset that is not searched for again in its present state."""
        self._found.pop(sha256, None)


def find_sound_partners(
    sides: SoundSides,
    references: StoredReferences,
    *,
    exclude: Collection[str] = (),
    known: Mapping[str, float] = MappingProxyType({}),
) -> list[AudioPartner]:
    """Return the stored assets whose sound is worth comparing with that of an asset, the most promising first.

    Args:
        sides: Audio tracks of the asset.
        references: The references of a store.
        exclude: SHA-256 of assets that are not searched for.
        known: Promises of such assets, which are returned too.
    """
    promises = [*_promises(sides, references, exclude), *known.items()]
    # One that is damaged was reported.
    partners = [
        AudioPartner(sha256=sha256, promise_value=promise)
        for sha256, promise in promises
        if references.find_asset(sha256)
    ]
    return sorted(partners, key=lambda one: (-one.promise_value, one.sha256))


def _promises(sides: SoundSides, references: StoredReferences, exclude: Collection[str]) -> Iterator[tuple[str, float]]:
    search = references.sound_code_search(exclude)
    found = find_candidates(sides, search, references.stored_tracks, exclude=exclude)
    for sha256, variants in sorted(found.items()):
        if promise := tracks_promise(sides, references.sounds(sha256), variants):
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
