"""Additions to the watch list, releases from quarantine, and its summary."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Final

from mediafp.case.references import StoredReferences
from mediafp.case.watching.copies import find_copies
from mediafp.case.watching.hash_lists import find_listed_hits
from mediafp.case.watching.stated_accounts import find_account
from mediafp.case.watching.targets import WatchTarget, find_target
from mediafp.case.watching.text_hits import find_texts
from mediafp.case.watching.too_common import common_word_reason, older_hits_reason
from mediafp.store import Store
from mediafp.types.errors import UsageError
from mediafp.types.matches import SAME_BYTES
from mediafp.types.runs import FileOutcome
from mediafp.types.sightings import Sighting
from mediafp.types.timestamps import utc_now
from mediafp.types.watches import AddedWatch, Watch, WatchHit, WatchKind, WatchSummary

WATCH_SOURCE: Final = "watch list"
"""Source of the sighting of a file that was ingested to be watched."""

type Ingest = Callable[[Path], Iterator[FileOutcome]]
"""Function that ingests a file."""


def add_watch(
    store: Store,
    open_references: Callable[[], StoredReferences],
    ingest: Ingest,
    value: str,
    name: str | None = None,
    kind: WatchKind | None = None,
) -> AddedWatch:
    """Add a watch, and return it with what it would have found in the store.

    Args:
        store: The store.
        open_references: Function that returns its references, with everything that was ingested so far.
        ingest: Function that ingests a file without comparing it.
        value: What is watched, as in `find_target`.
        name: Name of the watch; None for one made of the value.
        kind: Kind of the watch; None to choose it by the form of the value.

    Raises:
        UsageError: The value cannot be watched, or there is a watch of this name.
    """
    target = find_target(store, value, kind)
    names = {watch.name for watch in store.watches()}
    name = _free_name(target.label, names) if name is None else name.strip()
    if not name or name in names:
        problem = "there is one of this name" if name else "its name is empty"
        raise UsageError(f"cannot add the watch {name!r}: {problem}; choose another --name")
    is_ingested = target.path is not None and not store.uris(target.value)
    if is_ingested:
        _ingest_target(store, ingest, target)
    # What is added from now on is news.
    checked, now = store.last_log_entry()[0], utc_now()
    watch = Watch(
        name=name, kind=target.kind, value=target.value, added_at=now, counted_from=now, checked=checked,
        quarantine=common_word_reason(target.value) if target.kind == "text" else None,
    )  # fmt: skip
    older = [] if watch.quarantine else _older_hits(store, open_references, watch)
    if too_common := older_hits_reason(store, len({hit.sha256 for hit in older})):
        watch, older = replace(watch, quarantine=too_common), []
    with store.writing():
        store.add_watch(watch)
        saved = store.save_watch_hits(older)
    shown = [hit for hit in saved if hit.sha256 != target.value]
    return AddedWatch(watch=watch, older_hits=tuple(shown), is_ingested=is_ingested)


def resume_watch(store: Store, open_references: Callable[[], StoredReferences], name: str) -> Watch:
    """Take a watch out of quarantine, and return it; what it would have found so far is no news.

    Raises:
        UsageError: There is no watch of this name, or it is in no quarantine.
    """
    watch = next((watch for watch in store.watches() if watch.name == name), None)
    if watch is None or watch.quarantine is None:
        reason = "there is none of this name" if watch is None else "it is in no quarantine"
        raise UsageError(f"cannot resume the watch {name!r}: {reason}; see: mediafp watch list")
    checked = store.last_log_entry()[0]
    older = _older_hits(store, open_references, watch)
    with store.writing():
        store.mark_hits_reported(store.watch_hits(name))
        store.resume_watch(name, checked)
        store.save_watch_hits(older)
    return next(watch for watch in store.watches() if watch.name == name)


def remove_watch(store: Store, name: str) -> None:
    """Remove a watch and its hits.

    Raises:
        UsageError: There is no watch of this name.
    """
    with store.writing():
        if name not in {watch.name for watch in store.watches()}:
            raise UsageError(f"cannot remove the watch {name!r}: there is none of this name; see: mediafp watch list")
        store.remove_watch(name)


def summarise_watches(store: Store) -> list[WatchSummary]:
    """Return the watch list; a watch whose asset was forgotten, or whose list of hashes was removed, says so."""
    lists = set(store.hash_list_names())

    def problem(watch: Watch) -> str | None:
        if watch.kind == "asset" and not store.uris(watch.value):
            return "the watched file was forgotten: ingest it again, or remove the watch"
        if watch.kind == "hashes" and watch.value not in lists:
            return "the watched list of hashes was removed: import it again, or remove the watch"
        return None

    return [replace(one, problem=problem(one.watch)) for one in store.watch_summaries()]


def _free_name(label: str, names: set[str]) -> str:
    return next(name for n in count(1) if (name := label if n == 1 else f"{label} {n}") not in names)


def _ingest_target(store: Store, ingest: Ingest, target: WatchTarget) -> None:
    """Ingest the file of a new watch; its sighting says that it was added for watching, unless a sidecar states more."""
    assert target.path is not None, "only a file is ingested"
    for outcome in ingest(target.path):
        if outcome.sha256 != target.value:
            raise UsageError(
                f"cannot watch '{target.path}': {outcome.message or 'it has changed meanwhile; name it again'}"
            )
    for uri in store.uris(target.value):
        if not any(seen.source for seen in store.sightings_at(target.value, uri)):
            with store.writing():
                store.save_sightings([Sighting(sha256=target.value, uri=uri, source=WATCH_SOURCE)])


def _older_hits(store: Store, open_references: Callable[[], StoredReferences], watch: Watch) -> list[WatchHit]:
    """Return what a watch finds in the store, as no news."""
    match watch.kind:
        case "text":
            found = list(find_texts(store, watch))
        case "account":
            return [replace(hit, is_news=False) for hit in find_account(store, watch)]
        case "asset":
            same = WatchHit(watch=watch.name, sha256=watch.value, uri="", why=SAME_BYTES)
            found = [same, *find_copies(store, open_references, watch)]
        case "hashes":
            found = [hit for asset in store.assets() for hit in find_listed_hits(store, [watch], asset.sha256)]
    return [replace(hit, uri=uri, is_news=False) for hit in found for uri in store.uris(hit.sha256)]
