"""The list of what could not be read: each failed path with what happened, and a way to try again."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, Any, Final, get_args
from urllib.parse import urlencode

from fastapi import Query

from mediafp.report import jsonl
from mediafp.report.escaping import escape_unprintable
from mediafp.types.errors import ErrorKind
from mediafp.types.runs import LedgerEntry
from mediafp.web.asking import Asking
from mediafp.web.paging import Limit, Offset
from mediafp.web.site import Site
from mediafp.web.translation import Translation
from mediafp.web.views import View
from mediafp.web.work import failure_key

ROWS_PER_PAGE: Final = 100
"""Failed paths on one page. Chosen, not measured."""
SHOWN_FOLDERS: Final = 2
"""Folders of a path that a page shows, the last ones: the others are those of this machine. Chosen, not measured."""
MAX_MESSAGE_CHARS: Final = 600
"""Characters of a message that a page shows. Chosen, not measured."""
Kind = Annotated[str, Query(max_length=20)]
PageNumber = Annotated[int, Query(ge=1, le=100_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRow:
    """A failed path as pages show it."""

    key: str
    path: str
    """Its last parts, printable."""
    kind: str
    message: str
    attempts: int


def add_errors(site: Site, asking: Asking) -> None:
    """Add the list of errors."""

    def errors(kind: Kind = "", page: PageNumber = 1) -> View:
        failures = site.case.failures()
        counts = Counter(entry.kind or "" for entry in failures)
        chosen = [entry for entry in failures if not kind or entry.kind == kind]
        shown = chosen[(page - 1) * ROWS_PER_PAGE : page * ROWS_PER_PAGE]
        return View(
            template="errors.html.j2",
            values={
                "kind": kind,
                "kinds": [(name, counts[name]) for name in get_args(ErrorKind) if counts[name]],
                "total": len(failures),
                "found": len(chosen),
                "failures": map(failed_row, shown),
                "page": page,
                "pages": -(-len(chosen) // ROWS_PER_PAGE),
                "address_of": lambda number: (
                    f"/errors?{urlencode({'kind': kind, 'page': number} if kind else {'page': number})}"
                ),
            },
            json=lambda: map(failure_to_json, chosen),
            columns=("path", "kind", "message", "attempts"),
            rows=lambda: ((entry.path, entry.kind, entry.message, entry.attempts) for entry in chosen),
        )

    def errors_api(
        kind: Kind = "",
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Iterator[jsonl.JsonObject]:
        """List the paths that failed, as `mediafp errors` does, with the key by which a job `retry` names each."""
        chosen: Sequence[LedgerEntry] = [entry for entry in site.case.failures() if not kind or entry.kind == kind]
        return ({**failure_to_json(entry), "key": failure_key(entry.path)} for entry in chosen[offset : offset + limit])

    site.add_view("/errors", errors)
    site.add_api("/errors", errors_api)


def failed_row(entry: LedgerEntry) -> FailedRow:
    """Return a failed path as pages show it."""
    parts = PurePath(entry.path).parts
    shown = "/".join(parts[-SHOWN_FOLDERS - 1 :]).lstrip("/")
    return FailedRow(
        key=failure_key(entry.path),
        path=escape_unprintable(shown),
        kind=entry.kind or "",
        message=escape_unprintable(entry.message or "")[:MAX_MESSAGE_CHARS],
        attempts=entry.attempts,
    )


def failure_to_json(entry: LedgerEntry) -> dict[str, Any]:
    """Return one line of `mediafp errors --json`."""
    return {"path": entry.path, "kind": entry.kind, "message": entry.message, "attempts": entry.attempts}


def failure_words(translation: Translation) -> dict[str, str]:
    """Return the words of each kind of failure."""
    _ = translation.gettext
    return {
        "corrupt": _("damaged"),
        "unsupported": _("not supported"),
        "too_large": _("too large"),
        "timeout": _("took too long"),
        "crash": _("crashed its reader"),
        "oom": _("took too much memory"),
        "unreadable": _("cannot be opened"),
    }
