"""Posts in one record of a file about posts of X: a post with those that it repeats or quotes, or a page of them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from mediafp.sightings.json_paths import JsonValues, read_json_paths
from mediafp.sightings.sidecar_content import UnusableSidecarError
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.tweet_shapes import ARCHIVE, SNSCRAPE, SNSCRAPE_WEIBO, TWINT, V1, V2, WEB_EXPORTER, RecordShape

MAX_PAGE_POSTS: Final = 1_000
"""Posts of a page; pages of X's interface have at most 500."""
KIND_PATHS: Final = (
    "_type", "id_str", "rawContent", "author_id", "edit_history_tweet_ids", "author.username", "user.screen_name", "tweet",
    "username", "full_text", "screen_name", "tweet.id_str", "tweet.id", "text",
)  # fmt: skip
CAPTURED_PATH: Final = "__twarc.retrieved_at"
"""Path of the time at which twarc read a page, or a post that it has taken out of a page."""
REFERENCES: Final = tuple(f"referenced_tweets.{number}" for number in range(3))
"""Paths of the posts that a post of version 2 repeats, quotes or answers."""
REFERENCE_KINDS: Final = {"retweeted": V2.repeated, "quoted": V2.quoted}
V2_PATHS: Final = (
    *(path for path in V2.post("").paths if "@" not in path),
    *V2.media,
    "attachments.media_keys",
    *(
        f"{reference}.{path}"
        for reference in REFERENCES
        for path in ("type", "attachments.media_keys", *V2.post("").paths, *V2.media)
    ),
)
SOURCE_KEYS: Final = ("source_status_id_str", "source_status_id", "source_user_id_str", "source_user_id")
"""Keys of media of another post and account in an archive."""
_REPOST: Final = re.compile(r"RT @(\w{1,30}): ")
_USER_PATHS: Final = ("id", "username", "name")
_MEDIA_PATHS: Final = ("media_key", "url", "preview_image_url", "variants.*.url")


class _Page(msgspec.Struct):
    """Page of X's interface, version 2."""

    data: msgspec.Raw = msgspec.Raw(b"")
    includes: msgspec.Raw = msgspec.Raw(b"")


class _Includes(msgspec.Struct):
    """Objects that the posts of a page refer to."""

    users: list[msgspec.Raw] = []
    media: list[msgspec.Raw] = []
    tweets: list[msgspec.Raw] = []


@dataclass(frozen=True, slots=True)
class Post:
    """A post with those that it repeats or quotes."""

    shape: RecordShape
    values: JsonValues
    """Values by the paths of the shape."""


def read_posts(record: bytes, name: str, account: Mapping[str, object], warnings: SidecarWarnings) -> list[Post]:
    """Return the posts in a record; none if it is of no known shape.

    Args:
        record: JSON of the record.
        name: Name of the file in warnings.
        account: Values of the owner of an archive.
        warnings: Receives a line for each value that is too large.

    Raises:
        UnusableSidecarError: The record is not a JSON object.
    """
    if b'"data"' in record and (page := _decode(record, _Page)) and bytes(page.data)[:1] in (b"[", b"{"):
        captured = read_json_paths(record, (CAPTURED_PATH,), name, warnings)
        posts = [Post(V2, captured | post.values) for post in _page_posts(page, name, warnings)]
        if posts:
            return posts
    kind = read_json_paths(record, KIND_PATHS, name, SidecarWarnings())
    shape = _find_shape(kind)
    if shape is None:
        return []
    if shape is V2:
        return [Post(V2, _refer(read_json_paths(record, V2_PATHS, name, warnings)))]
    if shape is ARCHIVE:
        return [_archive_post(record, name, account, warnings, is_wrapped="tweet.id_str" in kind or "tweet.id" in kind)]
    if shape is WEB_EXPORTER:
        return [_exported_post(read_json_paths(record, (*shape.paths, "retweeted_status"), name, warnings))]
    return [Post(shape, read_json_paths(record, shape.paths, name, warnings))]


def _find_shape(kind: JsonValues) -> RecordShape | None:
    module = str(kind.get("_type", ""))
    if module.startswith("snscrape.modules.weibo."):
        return SNSCRAPE_WEIBO
    if module.startswith("snscrape.modules.twitter.") or "rawContent" in kind:
        return SNSCRAPE
    if "tweet.id_str" in kind or "tweet.id" in kind:
        return ARCHIVE
    if "id_str" in kind and ("full_text" in kind or "text" in kind):
        return V1 if "user.screen_name" in kind else ARCHIVE
    if any(key in kind for key in ("author_id", "edit_history_tweet_ids", "author.username")) and "text" in kind:
        return V2
    if "screen_name" in kind and "full_text" in kind:
        return WEB_EXPORTER
    return TWINT if isinstance(kind.get("tweet"), str) and "username" in kind else None


def _decode[T](content: bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _page_posts(page: _Page, name: str, warnings: SidecarWarnings) -> Iterator[Post]:
    """Yield the posts of a page, each with what it refers to."""
    data = bytes(page.data)
    records = _decode(data, list[msgspec.Raw]) if data[:1] == b"[" else [page.data]
    includes = _decode(bytes(page.includes), _Includes) or _Includes()
    users = {str(user["id"]): user for user in _read_all(includes.users, _USER_PATHS, name) if "id" in user}
    media = {str(one["media_key"]): one for one in _read_all(includes.media, _MEDIA_PATHS, name) if "media_key" in one}
    posts = {str(post["id"]): post for post in _read_all(includes.tweets, V2_PATHS, name) if "id" in post}

    def join(values: JsonValues) -> JsonValues:
        author = users.get(str(values.get("author_id")), {})
        keys = values.get("attachments.media_keys")
        shown = [media[str(key)] for key in keys if str(key) in media] if isinstance(keys, list) else []
        return (
            values
            | {f"author.{key}": value for key, value in author.items()}
            | {f"attachments.media.*.{path}": [one[path] for one in shown if path in one] for path in _MEDIA_PATHS[1:]}
        )

    for record in (records or [])[:MAX_PAGE_POSTS]:
        try:
            values = join(read_json_paths(bytes(record), V2_PATHS, name, warnings))
        except UnusableSidecarError:
            continue
        if "id" not in values or "text" not in values:
            continue
        for reference in REFERENCES:
            referred = posts.get(str(values.get(f"{reference}.id")))
            values |= {f"{reference}.{path}": value for path, value in join(referred).items()} if referred else {}
        yield Post(V2, _refer(values))


def _read_all(records: list[msgspec.Raw], paths: tuple[str, ...], name: str) -> Iterator[JsonValues]:
    for record in records[:MAX_PAGE_POSTS]:
        try:
            yield read_json_paths(bytes(record), paths, name, SidecarWarnings())
        except UnusableSidecarError:
            continue


def _refer(values: JsonValues) -> JsonValues:
    """Return the values of a post of version 2, with those of the posts that it repeats or quotes at their paths."""
    joined = dict(values)
    for reference in REFERENCES:
        target = REFERENCE_KINDS.get(str(values.get(f"{reference}.type")))
        if target and f"{target}.id" not in joined:
            start = f"{reference}."
            joined |= {
                f"{target}.{path[len(start) :]}": value for path, value in values.items() if path.startswith(start)
            }
            match = _REPOST.match(str(values.get("text", "")))
            if target == V2.repeated and match:
                joined.setdefault(f"{target}.author.username", match[1])
    return joined


def _exported_post(values: JsonValues) -> Post:
    """Return a post with the id and the account of the one that it repeats."""
    match, repeated = _REPOST.match(str(values.get("full_text", ""))), WEB_EXPORTER.repeated
    if isinstance(number := values.get("retweeted_status"), str) and match:
        values = values | {f"{repeated}.id": number, f"{repeated}.screen_name": match[1]}
    return Post(WEB_EXPORTER, values)


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _archive_post(
    record: bytes, name: str, account: Mapping[str, object], warnings: SidecarWarnings, *, is_wrapped: bool
) -> Post:
    """Return a post of an archive: of the account that it is of, or one that it repeats, whose media states its source."""
    prefix = "tweet." if is_wrapped else ""
    source = [f"extended_entities.media.*.{key}" for key in SOURCE_KEYS]
    paths = [prefix + path for path in (*ARCHIVE.paths, *source) if "@" not in path]
    read = read_json_paths(record, paths, name, warnings)
    values: JsonValues = {path.removeprefix(prefix): value for path, value in read.items()}
    values |= {f"@account.{key}": value for key, value in account.items()}
    match = _REPOST.match(str(values.get("full_text", "")))
    if not match:
        return Post(ARCHIVE, values)
    post, post_number, user, user_number = (next(iter(_listed(values.get(path))), None) for path in source)
    known = {"id_str": post or post_number, "user.id_str": user or user_number}
    original = {f"{V1.repeated}.{path}": value for path, value in known.items() if value}
    text = str(values["full_text"])[match.end() :]
    original |= {f"{V1.repeated}.user.screen_name": match[1], f"{V1.repeated}.full_text": text}
    own = {
        f"user.{key}": values[path]
        for key, path in (
            ("screen_name", "@account.username"),
            ("id_str", "@account.accountId"),
            ("name", "@account.accountDisplayName"),
        )
        if path in values
    }
    return Post(V1, values | own | original)
