"""Names, addresses and sightings as a page shows them."""

import os
import re
from typing import Final

from markupsafe import Markup

from mediafp.report.escaping import escape_unprintable
from mediafp.report.isolation import isolate, isolate_name
from mediafp.types.sightings import Clue, Sighting

_LOCAL: Final = re.compile(r"file:|[a-z]:[\\/]|[/\\~]", re.IGNORECASE)
"""Start of an address that is a path on some machine."""


def display_name(uri: str) -> str:
    """Return the last part of a path, printable."""
    return escape_unprintable(os.path.basename(uri))


def display_address(url: str, *, paths: bool) -> str:
    """Return an address, printable; of one on the machine of whoever collected the file only the last part."""
    if paths or not _LOCAL.match(url):
        return escape_unprintable(url)
    return escape_unprintable(re.split(r"[/\\]", url.rstrip("/\\"))[-1]) or "local path"


def join_isolated(separator: str, *texts: str | None) -> Markup:
    """Return the texts that are there, joined, each isolated from the others."""
    return Markup(separator).join(isolate(text) for text in texts if text)


def account_name(sighting: Sighting) -> Markup:
    """Return the account and the platform of a sighting, as far as they are known, and that it is a repost."""
    account = join_isolated(" on ", sighting.account_label, sighting.platform)
    return account + " (repost)" if account and sighting.role == "repost" else account


def clue_line(clue: Clue) -> Markup:
    """Return a clue in one line: its kind, its value, and the part of the file that states it."""
    source = Markup(" (") + join_isolated(", trust: ", clue.source, clue.trust) + ")"
    return join_isolated(" ", clue.kind.replace("_", " "), clue.value) + source


def sighting_line(sighting: Sighting, *, paths: bool) -> Markup:
    """Return a sighting in one line: account, platform, date, address, and the name or the path of the file."""
    file = escape_unprintable(sighting.uri) if paths else display_name(sighting.uri)
    address = display_address(sighting.url, paths=paths) if sighting.url else None
    names = [isolate_name(text) for text in (sighting.date, address, file) if text]
    account = account_name(sighting)
    return Markup(" · ").join([account, *names] if account else names)


def published_line(sighting: Sighting) -> Markup:
    """Return a sighting in one line for others: account, what happened when, views, and the address of the post as text."""
    times = (("posted", sighting.posted_at), ("captured", sighting.captured_at), ("removed", sighting.removed_at))
    parts = [
        Markup(f"{word} ") + isolate_name(time.replace("T", " ").replace("Z", " UTC")) for word, time in times if time
    ]
    if sighting.views is not None:
        parts.append(Markup(f"views when captured: {sighting.views:,}"))
    if sighting.url and sighting.url.lower().startswith(("http://", "https://")):
        parts.append(isolate_name(sighting.url))
    account = account_name(sighting)
    return Markup(" · ").join([account, *parts] if account else parts)
