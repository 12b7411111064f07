"""Targets of new watches: a file, words, an account or a list of hashes, as the user names it."""

import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

from mediafp.case.watching.stated_accounts import WatchedAccount
from mediafp.ingest.files import file_sha256, open_file
from mediafp.ingest.sniff import detect_kind
from mediafp.sightings.post_urls import read_url
from mediafp.store import Store
from mediafp.types.errors import MediaError, UsageError
from mediafp.types.media import MEDIA_SUFFIXES
from mediafp.types.platforms import is_platform, platform_name
from mediafp.types.search_tokens import search_tokens
from mediafp.types.watches import WatchKind

MAX_NAME_CHARS: Final = 60
"""Characters of the name that a watch gets if the user names none. Chosen, not measured."""
_SHA256: Final = re.compile("[0-9a-f]{64}", re.IGNORECASE)
_URL: Final = re.compile("https?://", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchTarget:
    """Target of a new watch.

    Attributes:
        kind: Kind of the watch.
        value: Value of the watch, as in `Watch`.
        label: Name for the watch if the user names none.
        path: File of the asset; None if an asset of the store was named by its SHA-256, and for other kinds.
    """

    kind: WatchKind
    value: str
    label: str
    path: Path | None = None


def find_target(store: Store, value: str, kind: WatchKind | None) -> WatchTarget:
    """Return what a value names; without a kind, by its form.

    Args:
        store: The store.
        value: Path of a file, SHA-256 of an asset, `@handle`, `platform:handle`, address of an account, name of a list of
            hashes, or words.
        kind: Kind that the user states; None to choose it by the form of the value.

    Raises:
        UsageError: The value is empty, or names nothing of the kind; or without a kind, it looks like the path of a file that
            does not exist.
    """
    if not value.strip():
        raise UsageError("cannot watch nothing: name a file, words, an account or a list of hashes")
    match kind or _guess_kind(store, value):
        case "asset":
            return _find_asset(store, value)
        case "account":
            return _find_account(value)
        case "hashes":
            if value not in (names := store.hash_list_names()):
                listed = ", ".join(names) or "it has none; add one with: mediafp import-hashes FILE"
                raise UsageError(f"cannot watch the list of hashes {value!r}: the case has no such list: {listed}")
            return WatchTarget(kind="hashes", value=value, label=value)
        case "text":
            if not search_tokens(value):
                raise UsageError(f"cannot watch for {value[:40]!r}: it contains no word; name a word or a phrase")
            return WatchTarget(kind="text", value=value, label=" ".join(value.split())[:MAX_NAME_CHARS])


def _guess_kind(store: Store, value: str) -> WatchKind:
    if _exists(value) or _SHA256.fullmatch(value):
        return "asset"
    if value in store.hash_list_names():
        return "hashes"
    if _is_account(value):
        return "account"
    is_path = PurePath(value).suffix.lower() in MEDIA_SUFFIXES or value.startswith(("/", "./", "../", "~/"))
    if is_path:
        raise UsageError(f"cannot watch '{value}': there is no such file; to watch for these words, add: --kind text")
    return "text"


def _is_account(value: str) -> bool:
    text = unicodedata.normalize("NFKC", value).strip()
    platform, _, handle = text.partition(":")
    if _URL.match(text) or re.fullmatch(r"@\S+", text):
        return True
    if re.fullmatch(r"[^\s/]+", handle) and is_platform(platform):
        return True
    # An address without its scheme.
    return re.fullmatch(r"\S+/\S+", text) is not None and not {"account", "account_id"}.isdisjoint(read_url(text))


def _find_account(value: str) -> WatchTarget:
    text = unicodedata.normalize("NFKC", value).strip()
    if "/" in text:
        stated = read_url(text)
        name = stated.get("account") or stated.get("account_id")
        if name is None or "post_id" in stated:
            reason = "it is the address of a post" if "post_id" in stated else "it is not the address of an account"
            raise UsageError(f"cannot watch the account '{value}': {reason}; write platform:handle, as twitter:name")
        account = WatchedAccount(platform=stated["platform"], name=name)
    else:
        account = WatchedAccount.parse(text)
        account = WatchedAccount(platform=platform_name(account.platform), name=account.name)
    if not account.name.lstrip("@").strip():
        raise UsageError(f"cannot watch the account {value!r}: it names no account; write platform:handle or @handle")
    return WatchTarget(kind="account", value=str(account), label=str(account)[:MAX_NAME_CHARS])


def _find_asset(store: Store, value: str) -> WatchTarget:
    path = Path(value)
    if not _exists(value) and _SHA256.fullmatch(value):
        if uris := store.uris(value.lower()):
            return WatchTarget(kind="asset", value=value.lower(), label=_file_name(uris[0]))
        raise UsageError(f"cannot watch the asset {value}: the store does not contain it; name its file")
    if path.is_dir():
        raise UsageError(f"cannot watch the folder '{value}': name one file; to watch for this word, add: --kind text")
    try:
        with open_file(path) as file:
            is_media = detect_kind(file) is not None
            sha256 = file_sha256(file)
    except MediaError as error:
        raise UsageError(f"cannot watch '{value}': {error}") from error
    if not is_media:
        raise UsageError(f"cannot watch '{value}': it is not an image, video or audio file; name one that is")
    return WatchTarget(kind="asset", value=sha256, label=_file_name(value), path=path)


def _exists(value: str) -> bool:
    """Return True if a text is the path of something that exists; many texts cannot be paths."""
    try:
        return Path(value).exists()
    except (OSError, ValueError):
        return False


def _file_name(path: str) -> str:
    return os.path.basename(path)[:MAX_NAME_CHARS] or path[:MAX_NAME_CHARS]
