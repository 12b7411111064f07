"""Watched assets, and their matches with assets that were added or have changed."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace

from mediafp.case.comparison.pair import NO_WORKERS, compare_pair, keep_failure
from mediafp.case.comparison.partners import AudioPartner
from mediafp.case.comparison.scripts import compare_scripts, find_script_partners
from mediafp.case.comparison.sounds import compare_stored_sounds
from mediafp.case.comparison.versions import comparison_versions
from mediafp.case.decided_matches import as_decided
from mediafp.case.references import StoredReferences
from mediafp.engine.comparison.sides import StoredSides
from mediafp.matching.promise import Promise, pair_promise
from mediafp.matching.sounds.promise import tracks_promise
from mediafp.store import Store
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY
from mediafp.types.kept_matches import Channel, KeptMatch
from mediafp.types.matches import MIRRORED_RELATIONS
from mediafp.types.watches import WatchHit

_logger = logging.getLogger(__name__)


class WatchedAssets:
    """Watched assets that others are compared with.

    Kept matches do not serve: of media with many copies a store keeps the most promising pairs alone, and they come later
    than the file. A pair of which neither a row, a stretch of sound nor words promise anything costs next to nothing.
    """

    def __init__(self, store: Store, open_references: Callable[[], StoredReferences], assets: Collection[str]) -> None:
        """Take the SHA-256 of each watched asset; those that the store does not contain any more are skipped."""
        self._store, self._open_references = store, open_references
        self._assets = sorted(assets)
        self._sides: StoredSides[StoredReferences] | None = None

    def find_matches(self, sha256: str, channels: Collection[Channel]) -> dict[str, KeptMatch]:
        """Return the best probable match of an asset with each watched one, by the SHA-256 of the watched one.

        Args:
            sha256: The asset, which is among the references.
            channels: Channels by which it is compared.
        """
        sides = self._open_sides()
        best: dict[str, KeptMatch] = {}
        if sides.references.find_asset(sha256) is None:
            # It is damaged, which was reported.
            return best
        others = [other for other in self._assets if other != sha256 and sides.references.find_asset(other)]
        found = sides.references.without_unusable(lambda: list(self._compare(sha256, others, channels, sides)))
        for kept in probable_matches(found, self._store):
            watched = kept.reference if kept.query == sha256 else kept.query
            if watched not in best or _rank(kept) > _rank(best[watched]):
                best[watched] = kept
        return best

    def _open_sides(self) -> StoredSides[StoredReferences]:
        references = self._open_references()
        if self._sides is None or self._sides.references is not references:
            self._sides = StoredSides(references)
        return self._sides

    def _compare(
        self, sha256: str, others: list[str], channels: Collection[Channel], sides: StoredSides[StoredReferences]
    ) -> Iterator[KeptMatch]:
        references = sides.references
        if "picture" in channels:
            suspects = self._store.suspects()
            for other in others:
                promise = pair_promise(sides.rows(sha256), sides.rows(other))
                if promise and {sha256, other} & suspects:
                    yield from self._find_kept(sha256, other, promise)
                elif promise:
                    yield compare_pair(sha256, other, promise, sides, self._store.ocr_lines)
        if "voice" in channels and (own := references.sounds(sha256)):
            for other in others:
                if value := tracks_promise(own, references.sounds(other)):
                    yield compare_stored_sounds(sha256, AudioPartner(sha256=other, promise_value=value), references)
        if "script" in channels and any(other in references.transcripts.fingerprints for other in others):
            for partner in find_script_partners(sha256, references.transcripts, references):
                if partner.sha256 in others:
                    yield compare_scripts(sha256, partner, references.transcripts, references)

    def _find_kept(self, sha256: str, other: str, promise: Promise) -> list[KeptMatch]:
        """Return the kept match of a pair that this process must not compare: what has ended workers would end it.

        A pair that was not compared yet is saved as lost, so that the next `relate` compares it.
        """
        a, b = sorted((sha256, other))
        kept = [one for one in self._store.kept_pair(a, b) if one.channel == "picture"]
        if kept:
            return kept
        if not self._is_lost(a, b):
            version, started = comparison_versions()["picture"], self._store.last_log_entry()[0]
            with self._store.writing():
                # What was compared without a match stays so.
                self._store.save_pairs(version, started, [keep_failure((a, b), promise, NO_WORKERS)])
        if self._is_lost(a, b):
            _logger.warning("%s is not compared with the watched %s, but by the next: mediafp relate", sha256, other)
        return []

    def _is_lost(self, a: str, b: str) -> bool:
        return any(lost.pair == (a, b) for lost in self._store.lost_pairs(a))


def probable_matches(found: Iterable[KeptMatch], store: Store) -> Iterator[KeptMatch]:
    """Yield the pairs that are the same media rather than not, with the decisions and the fitted probabilities of a store.

    A rejected pair is not, a confirmed one is, and another image of the same scene is not.
    """
    for kept in found:
        for match in as_decided((kept.match,), kept.query, store) if kept.match else ():
            is_confirmed = match.decision is not None and match.decision.decision == "confirm"
            if is_confirmed or (match.probability >= DEFAULT_MIN_PROBABILITY and match.verdict != "same_scene"):
                yield replace(kept, match=match)


def asset_hit(watch: str, sha256: str, kept: KeptMatch) -> WatchHit:
    """Return the hit of an asset by its match with a watched one, without a path; the relation is seen from the asset."""
    match = kept.match
    assert match, "it is probable"
    relation = match.relation if kept.query == sha256 else MIRRORED_RELATIONS.get(match.relation, match.relation)
    return WatchHit(
        watch=watch,
        sha256=sha256,
        uri="",
        why="; ".join(match.why),
        relation=relation,
        verdict=match.verdict,
        probability=match.probability,
    )


def _rank(kept: KeptMatch) -> float:
    return kept.match.probability if kept.match else 0.0
