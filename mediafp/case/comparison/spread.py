"""Pairs that workers of an engine compare: they get the parts of the two assets that they ask for, and no store."""

from dataclasses import replace
from itertools import count
from typing import Final

from mediafp.case.references import StoredReferences
from mediafp.case.stored_images import report_damage
from mediafp.engine.comparison.messages import AssetAnswer, AssetRequest, PairResult, PairTask
from mediafp.engine.comparison.packing import pack_rows, pack_track, unpack_match
from mediafp.engine.comparison.pair import FoundMatch
from mediafp.engine.comparison.sides import StoredSides
from mediafp.engine.interface import Engine
from mediafp.matching.promise import Promise
from mediafp.store import Store, check_match
from mediafp.types.contents import MAX_WARNINGS, WARNING_CHARS, check_text
from mediafp.types.errors import CorruptMedia, MediaError
from mediafp.types.jpeg import thumbnail_size
from mediafp.types.kept_matches import MIN_KEPT_PROBABILITY, PairFailure
from mediafp.types.matches import Match

_STATES: Final = count()
"""Numbers of the states of stores in this process, by which workers know what they have kept of an older one."""


class SpreadPairs:
    """Comparison of the pairs of one state of a store by workers. Several threads may use one object."""

    def __init__(self, engine: Engine, store: Store, sides: StoredSides[StoredReferences]) -> None:
        """Take the engine, the store, and its assets in this state."""
        self._engine, self._store, self.sides = engine, store, sides
        self._state = next(_STATES)

    def find_match(self, a: str, b: str, promise: Promise) -> FoundMatch | PairFailure:
        """Return what `find_match` does, or the reason why no worker can compare the pair.

        This process must not compare such a pair: what ends the workers, such as a hostile thumbnail, would end it too.

        Raises:
            SandboxError: The sandbox is unavailable.
            UsageError: There is no cluster, or it has no node that is fit.
        """
        task = PairTask(a=a, b=b, promise=promise.value, rows=promise.rows, state=self._state)
        try:
            return self._engine.compare(task, self._answer, lambda result: self._to_found(task, result))
        except MediaError as error:
            # An error of another kind is one that a worker made up, since a pair has no file.
            return PairFailure(error.kind, str(error).removeprefix(f"cannot compare {a} with {b}: "))

    def _answer(self, request: AssetRequest) -> AssetAnswer:
        references, sha256 = self.sides.references, request.sha256
        if request.part == "rows":
            return AssetAnswer(data=pack_rows(references.rows(sha256)))
        if request.part == "track":
            track = references.track(sha256)
            return AssetAnswer(data=pack_track(track) if track else None)
        return AssetAnswer(data=self._find_thumbnail(sha256, request.row))

    def _find_thumbnail(self, sha256: str, row: int) -> bytes | None:
        """Return the thumbnail of a row, whose header is that of a thumbnail; None if there is none, or a damaged one."""
        jpeg = self._store.row_thumbnail(sha256, row)
        try:
            if jpeg is not None:
                thumbnail_size(jpeg)
        except (ValueError, TypeError) as error:
            damage = CorruptMedia(f"cannot decode a stored thumbnail: it is damaged ({error})")
            damage.__cause__ = error
            report_damage(self._store, sha256, damage)
            return None
        return jpeg

    def _to_found(self, task: PairTask, result: PairResult) -> FoundMatch:
        """Return the result of a worker, checked. Raises ValueError."""
        match = unpack_match(result.match) if result.match else None
        reference = task.b if result.query == task.a else task.a
        if match:
            self._check(match, reference)
            match = replace(match, uris=self.sides.references.uris(reference))
        for sha256 in result.damaged:
            report_damage(self._store, sha256, CorruptMedia("cannot decode a stored thumbnail"))
        return result.query, match

    def _check(self, match: Match, reference: str) -> None:
        """Check a match that a worker returned. Raises ValueError."""
        check_match(match)
        if match.sha256 != reference or match.kind != self.sides.references.kind(reference):
            raise ValueError("the match of another asset")
        if match.probability < MIN_KEPT_PROBABILITY or len(match.why) > MAX_WARNINGS:
            raise ValueError(f"a match of probability {match.probability} with {len(match.why)} reasons")
        for reason in match.why:
            check_text(reason, WARNING_CHARS, "a reason")
        placements = (match.placement, *match.more_placements)
        if any(one.removed_text or one.handles for one in placements if one) or any(
            change.before or change.after for change in match.changes
        ):
            # They come from the texts in the store.
            raise ValueError("a match with texts")
