"""Watches: files, phrases, accounts and lists of hashes that later files are compared with, and their hits."""

from dataclasses import dataclass
from typing import Literal

from mediafp.types.matches import Relation, Verdict

WatchKind = Literal["asset", "text", "account", "hashes"]
"""Kind of a watch: of an asset, of words, of an account, or of a list of hashes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One entry of the watch list.

    Times are ISO 8601 in UTC.
    """

    name: str
    kind: WatchKind
    value: str
    """SHA-256 of the asset, words as for a search, account as the user named it, or name of the list of hashes."""
    added_at: str
    counted_from: str
    """Time from which hits count towards quarantine: that of adding, or of the last release from quarantine."""
    checked: int
    """Number of the last entry of the custody log up to which assets were compared with an asset or a list of hashes."""
    quarantine: str | None = None
    """Reason why the watch is in quarantine, where no hit is searched for; None if it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchHit:
    """File that a watch has found: an asset at one path.

    Further paths of the same asset are further hits, because a file that turns up again is news.
    """

    watch: str
    """Name of the watch."""
    sha256: str
    uri: str
    """Path at which the asset was seen."""
    why: str
    """Reasons, as a sentence."""
    relation: Relation | None = None
    """Relation to the watched asset; None for other kinds of watches."""
    verdict: Verdict | None = None
    probability: float | None = None
    """Probability of the relation."""
    is_news: bool = True
    """False if the file was in the store before the watch, or came while it was in quarantine."""
    found_at: str = ""
    reported_at: str | None = None
    """Time at which it was reported to a person; None if it was not yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSummary:
    """A watch with the number of its hits."""

    watch: Watch
    older_hits: int
    """Files that were in the store before the watch, or came while it was in quarantine."""
    hits: int
    """Files that came since."""
    new_hits: int
    """Those among them that were not reported yet."""
    problem: str | None = None
    """Reason why the watch can find nothing any more, such as that its asset was forgotten; None if it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedWatch:
    """A watch that was just added."""

    watch: Watch
    older_hits: tuple[WatchHit, ...]
    """Files in the store that it would have found; they are no news. Empty if it is in quarantine from the start."""
    is_ingested: bool = False
    """True if the store did not contain the watched file, which was ingested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedWatches:
    """Result of comparing files with the watch list."""

    hits: tuple[WatchHit, ...] = ()
    """Hits that were new."""
    quarantined: tuple[Watch, ...] = ()
    """Watches that found so much that they are in quarantine now; their hits are not among the above."""

    def joined(self, other: "CheckedWatches") -> "CheckedWatches":
        """Return the hits and the watches of both results."""
        return CheckedWatches(hits=self.hits + other.hits, quarantined=self.quarantined + other.quarantined)
