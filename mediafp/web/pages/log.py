"""The custody log: what was done to the store, the newest first, each entry in words."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Query
from markupsafe import Markup

from mediafp.report import jsonl
from mediafp.types.custody import LogEntry
from mediafp.types.sha256 import is_sha256
from mediafp.web.asking import Asking
from mediafp.web.pages.errors import failure_words
from mediafp.web.paging import Limit
from mediafp.web.site import Site
from mediafp.web.templating import sentence
from mediafp.web.translation import Translation
from mediafp.web.views import View

ENTRIES_PER_PAGE: Final = 50
"""Entries on one page. Chosen, not measured."""
MAX_DETAIL_CHARS: Final = 1_500
"""Characters of the details of an entry that a page shows; the JSON of the entry has all. Chosen: 50 entries then have less
than 100 kB."""
MAX_LIST_CHARS: Final = 150_000
"""Characters of a list of the API, unless its first entry has more: the seal of a large transaction has thousands of rows.
Chosen: the browser and the server read it at once."""
MAX_SUBJECT_CHARS: Final = 80
"""Characters of the name of an account that an entry shows. Chosen, not measured."""
Before = Annotated[int | None, Query(ge=1, le=10**15)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownEntry:
    """An entry as the page shows it."""

    n: int
    at: str
    what: str
    words: Markup
    details: str
    is_whole: bool
    """True if `details` has all of them."""
    hash: str


def add_log(site: Site, asking: Asking) -> None:
    """Add the page of the custody log."""

    def log(before: Before = None, limit: Annotated[int, Query(ge=1, le=ENTRIES_PER_PAGE)] = ENTRIES_PER_PAGE) -> View:
        entries = site.case.log_page(before, limit)
        total, seal = site.case.last_log_entry()
        verified = next((job for job in site.jobs.latest() if job.kind == "verify"), None)
        return View(
            template="log.html.j2",
            values={
                "entries": [_shown(site, entry) for entry in entries],
                "total": total,
                "seal": seal,
                "older": entries[-1].n if entries and entries[-1].n > 1 else None,
                "newer": min(total + 1, entries[0].n + 1 + limit) if entries and entries[0].n < total else None,
                "verified_job": verified,
            },
            json=lambda: map(entry_to_json, entries),
            columns=("n", "at", "what", "details", "hash"),
            rows=lambda: ((one.n, one.at, one.what, jsonl.json_line(dict(one.details)), one.hash) for one in entries),
        )

    def log_api(before: Before = None, limit: Limit = 100) -> Iterator[jsonl.JsonObject]:
        """List the entries of the custody log with a number below `before`, the newest first.

        There are fewer than `limit` where entries are large: go on with `before`, the last number.
        """
        return _first_entries(site.case.log_page(before, limit))

    site.add_view("/log", log)
    site.add_api("/log", log_api)


def entry_to_json(entry: LogEntry) -> jsonl.JsonObject:
    """Return an entry as the store contains it."""
    return {
        "n": entry.n,
        "at": entry.at,
        "what": entry.what,
        "details": dict(entry.details),
        "hash": entry.hash,
    }


def _first_entries(entries: Iterable[LogEntry]) -> Iterator[jsonl.JsonObject]:
    """Yield entries up to a number of characters; the first one always, or a client would not get on."""
    size = 0
    for entry in entries:
        value = entry_to_json(entry)
        chars = len(jsonl.json_line(value))
        if size and size + chars > MAX_LIST_CHARS:
            return
        size += chars
        yield value


def _shown(site: Site, entry: LogEntry) -> ShownEntry:
    details = ""
    # The seal of a large transaction has thousands of rows.
    for part in jsonl.json_parts(dict(entry.details)):
        details += part
        if len(details) > MAX_DETAIL_CHARS:
            break
    return ShownEntry(
        n=entry.n,
        at=entry.at,
        what=entry.what,
        words=_words(site, entry),
        details=details[:MAX_DETAIL_CHARS],
        is_whole=len(details) <= MAX_DETAIL_CHARS,
        hash=entry.hash,
    )


def _words(site: Site, entry: LogEntry) -> Markup:
    """Return an entry in words; of a kind that is not known here, its name."""
    details = entry.details
    translation = site.translation()
    pattern = entry_words(translation).get(entry.what)
    if pattern is None:
        return sentence("{what}", what=entry.what.replace("_", " "))
    uri = next((str(details[name]) for name in ("uri", "path", "to") if details.get(name)), "")
    parts: dict[str, Any] = {
        "file": site.file_name(uri) if uri else _name_of(site, str(details.get("sha256", ""))),
        "pair": " · ".join(_name_of(site, str(details.get(side, ""))) for side in "ab"),
        "decision": decision_words(translation).get(str(details.get("decision")), str(details.get("decision", ""))),
        "version": str(details.get("mediafp", "")),
        "model": str(details.get("model", "")),
        "kind": failure_words(translation).get(str(details.get("kind")), str(details.get("kind", ""))),
        "list": str(details.get("list", ""))[:MAX_SUBJECT_CHARS],
        "watch": str(details.get("name", ""))[:MAX_SUBJECT_CHARS],
        "counts": ", ".join(
            f"{outcome_words(translation).get(name, name)} {number}" for name, number in details.items()
        )
        if entry.what == "ingested"
        else "",
    }
    if entry.what == "rows":
        tables = Counter(str(row[0]) for row in details.get("rows", []) if isinstance(row, list) and row)
        counted = ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in tables.items())
        # Names of tables are the same in every language.
        parts["counts"] = Markup('<span lang="en">{}</span>').format(counted)
    return sentence(pattern, **{name: part for name, part in parts.items() if f"{{{name}}}" in pattern})


def _name_of(site: Site, subject: str) -> str:
    """Return the name of an asset, or the beginning of its SHA-256 if it is not in the store; other subjects as they are."""
    if not is_sha256(subject):
        return subject[:MAX_SUBJECT_CHARS]
    seen = site.case.sightings(subject)
    return site.file_name(seen[0].uri) if seen else subject[:12]


def entry_words(translation: Translation) -> dict[str, str]:
    """Return the words of each kind of entry."""
    _ = translation.gettext
    return {
        "ingest": _("An ingest began, by mediafp {version}."),
        "ingested": _("An ingest ended: {counts}."),
        "added": _("{file} was added."),
        "refreshed": _("{file} was fingerprinted by a newer version."),
        "adopted": _("{file} was in the store before it had a log."),
        "seen": _("{file} is a further path of a known file."),
        "sighted": _("What is known of {file} has changed: account, times, address or text."),
        "moved": _("{file} was found at another path."),
        "transcribed": _("Speech was transcribed by {model}."),
        "read": _("The text in the image {file} was read."),
        "read_video": _("{file} was searched for text on screen."),
        "failed": _("{file} could not be read: {kind}."),
        "mended": _("{file}, which had failed, can be read again or was moved."),
        "forgotten": _("{file} was forgotten on request."),
        "decided": _("A person decided on {pair}: {decision}."),
        "undecided": _("The decision on {pair} was taken back."),
        "listed": _("Hashes were imported into the list {list}."),
        "unlisted": _("The list of hashes {list} was removed."),
        "watch_added": _("The watch {watch} was added."),
        "watch_removed": _("The watch {watch} was removed."),
        "published": _("A publication was sealed."),
        "recalibrated": _("The probabilities were fitted to the decisions of the case."),
        "rows": _("Seal of the rows that were written: {counts}."),
    }


def decision_words(translation: Translation) -> dict[str, str]:
    """Return the words of each decision."""
    _ = translation.gettext
    return {"confirm": _("confirmed"), "reject": _("rejected"), "unsure": _("left open")}


def outcome_words(translation: Translation) -> dict[str, str]:
    """Return the words of each outcome of a file in an ingest."""
    _ = translation.gettext
    return {"added": _("new"), "known": _("known already"), "skipped": _("no media"), "failed": _("failed")}
