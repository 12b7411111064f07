"""Sidecars of gallery-dl: `NAME.jpg.json` beside `NAME.jpg`, written by its option `--write-metadata`."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

from mediafp.sightings.extractor_names import extractor_platform
from mediafp.sightings.gallery_dl_sites import (
    BOORU_FIELDS,
    INSTAGRAM,
    KEMONO,
    MASTODON,
    MISSKEY,
    OTHER_FIELDS,
    REDDIT,
    RETWEET,
    RETWEETED,
    SITES,
    TUMBLR,
    TWEET,
    TWITTER_USER,
    WEIBO_MARKUP,
    WEIBO_STATUS,
)
from mediafp.sightings.json_paths import JsonValues, at, read_json_paths
from mediafp.sightings.post_shape import FieldPaths, PostShape
from mediafp.sightings.sidecar_format import SidecarFormat, SidecarText
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.values import FieldValues
from mediafp.types.sightings import Role

SUFFIX: Final = ".json"
GALLERY_NAME: Final = "info.json"
"""Name of the file about a whole gallery, of the option `--write-info-json`."""
TIMELINES: Final = frozenset(("timeline", "tweets", "replies", "media", "user", "tweet", "retweets"))
"""Parts of gallery-dl's extractor of X in which `user` is the account whose posts are read, also if it is the author."""
PROFILE_PICTURES: Final = ("avatar", "background")
"""Parts of gallery-dl's extractor of X that read no post: what they write as its id is made from the picture's."""
STORY_TYPES: Final = ("story", "highlight")
"""Types of Instagram's posts that are one of a list."""
BOORU_KEYS: Final = ("tags_general", "tag_string", "tag_string_general", "md5")
"""Keys of picture boards that name no account as others do."""

type Reader = Callable[[JsonValues, str, SidecarWarnings], list[FieldValues]]
"""Function that returns the sightings in the values of a record, which has a name in warnings."""


def metadata_names(media_name: str) -> Iterable[str]:
    """Return the names which the sidecar of a media file may have: after its name, or in place of its suffix."""
    return media_name + SUFFIX, os.path.splitext(media_name)[0] + SUFFIX


def read_metadata(sidecar: SidecarText, warnings: SidecarWarnings) -> Sequence[FieldValues] | None:
    """Return the sightings that a sidecar of gallery-dl states; None if it is another JSON file.

    Raises UnusableSidecarError.
    """
    values = read_json_paths(sidecar.content, PATHS, sidecar.name, warnings)
    if sidecar.name.lower() == GALLERY_NAME:
        return [] if "category" in values else None
    if not isinstance(values.get("category"), str) and sidecar.name.lower() != (sidecar.media_name + SUFFIX).lower():
        return None
    return parse_metadata(values, repr(sidecar.name), warnings)


def parse_metadata(values: JsonValues, label: str, warnings: SidecarWarnings) -> list[FieldValues]:
    """Return the sightings that a record of gallery-dl states: two for a repost and its original.

    Args:
        values: Its values by `PATHS`.
        label: Name of the record in warnings.
        warnings: Receives a line for each value that is not usable.
    """
    category = values.get("category")
    site = category if isinstance(category, str) else ""
    # Some files have a part of what the site's extractor writes, or were written by another one.
    return _read_site(site, values, label, warnings) or _read_other(site, values, label, warnings, OTHER_FIELDS)


def _read_other(
    site: str, values: JsonValues, label: str, warnings: SidecarWarnings, fields: FieldPaths
) -> list[FieldValues]:
    shape = PostShape(fields={"platform": ("category",), **fields})
    return _read_shapes(values | {"category": extractor_platform(site)}, label, warnings, shape)


def _read_site(site: str, values: JsonValues, label: str, warnings: SidecarWarnings) -> list[FieldValues]:
    """Return the sightings in a record of a known site; none if it is of another one."""
    if reader := READERS.get(site):
        return reader(values, label, warnings)
    if site in SITES:
        return _read_shapes(values, label, warnings, SITES[site])
    if "account.acct" in values:
        return _read_mastodon(values, label, warnings)
    if "user.username" in values and "createdAt" in values and "visibility" in values:
        return _read_misskey(values, label, warnings)
    if any(key in values for key in BOORU_KEYS):
        return _read_other(site, values, label, warnings, BOORU_FIELDS)
    return []


def _read_shapes(values: JsonValues, label: str, warnings: SidecarWarnings, *shapes: PostShape) -> list[FieldValues]:
    return [stated for shape in shapes if (stated := shape.read(values, label, warnings))]


def _read_twitter(values: JsonValues, label: str, warnings: SidecarWarnings) -> list[FieldValues]:
    user = {f"@user.{key}": values[f"user.{key}"] for key in ("id", "name", "nick") if f"user.{key}" in values}
    retweeted, tweet = values.get("retweet_id"), values.get("tweet_id")
    has_author = any(f"author.{key}" in values for key in ("id", "name"))
    if values.get("subcategory") in PROFILE_PICTURES:
        values = {path: value for path, value in values.items() if path != "tweet_id"}
    if str(retweeted or 0) in ("0", str(tweet)):
        # `user` is the account whose timeline or likes are read, and only in their absence the author.
        known = values if has_author else values | user
        return _read_shapes(known, label, warnings, TWEET)
    if values.get("user.id") == values.get("author.id") and str(values.get("subcategory")) not in TIMELINES:
        user = {}
        warnings.add(
            f"skipped 'user' of {label}: it may be the author of the original, not the account that reposted it"
        )
    content, start = values.get("content"), f"RT @{values.get('author.name')}: "
    if isinstance(content, str):
        values = values | {"@original_content": content.removeprefix(start)}
    return _read_shapes(values | user, label, warnings, RETWEET, RETWEETED)


def _weibo_shape(prefix: str, role: Role | None = None) -> PostShape:
    markup = frozenset(f"{prefix}.{path}" for path in WEIBO_MARKUP)
    return PostShape(platform="weibo", role=role, fields=at(prefix, WEIBO_STATUS), markup=markup)


def _read_weibo(values: JsonValues, label: str, warnings: SidecarWarnings) -> list[FieldValues]:
    addresses = {}
    for prefix in ("status", "status.retweeted_status"):
        user = values.get(f"{prefix}.user.idstr") or values.get(f"{prefix}.user.id")
        post = values.get(f"{prefix}.mblogid") or values.get(f"{prefix}.bid") or values.get(f"{prefix}.idstr")
        if user and post:
            addresses[f"{prefix}.@url"] = f"https://weibo.com/{user}/{post}"
    values = values | addresses
    if original := _weibo_shape("status.retweeted_status", "original").read(values, label, warnings):
        return [*_read_shapes(values, label, warnings, _weibo_shape("status", "repost")), original]
    return _read_shapes(values, label, warnings, _weibo_shape("status"))


def _read_instagram(values: JsonValues, label: str, warnings: SidecarWarnings) -> list[FieldValues]:
    if values.get("type") in STORY_TYPES:
        # What it states as the post is the list of all stories of the account.
        values = values | {"post_id": values.get("media_id")}
    elif isinstance(code := values.get("post_shortcode"), str) and code:
        values = values | {"@url": f"https://www.instagram.com/p/{code}/"}
    if "author.username" not in values:
        return _read_shapes(values, label, warnings, INSTAGRAM)
    # A story that shows the post of another account.
    author: FieldPaths = {
        "account": ("author.username",),
        "account_id": ("author.pk", "author.id"),
        "account_name": ("author.full_name",),
    }
    original = PostShape(platform="instagram", role="original", fields=author)
    return _read_shapes(values, label, warnings, replace(INSTAGRAM, role="repost"), original)


def _read_tumblr(values: JsonValues, label: str, warnings: SidecarWarnings) -> list[FieldValues]:
    markup = frozenset(("caption", "body"))
    post = PostShape(platform="tumblr", fields=TUMBLR, markup=markup)
    if not values.get("reblogged_from_name"):
        return _read_shapes(values, label, warnings, post)
    source = "reblogged_root" if values.get("reblogged_root_name") else "reblogged_from"
    fields: FieldPaths = {
        "account": (f"{source}_name",),
        "account_id": (f"{source}_uuid",),
        "account_name": (f"{source}_title",),
        "post_id": (f"{source}_id",),
        "url": (f"{source}_url",),
    }
    original = PostShape(platform="tumblr", role="original", fields=fields)
    return _read_shapes(values, label, warnings, replace(post, role="repost"), original)


def _read_reddit(values: JsonValues, label: str, warnings: SidecarWarnings) -> list[FieldValues]:
    addresses = {
        f"{prefix}@permalink": f"https://www.reddit.com{link}"
        for prefix in ("", "comment.", "crosspost_parent_list.0.")
        if isinstance(link := values.get(f"{prefix}permalink"), str)
    }
    values = values | addresses
    if "comment.id" in values:
        return _read_shapes(values, label, warnings, PostShape(platform="reddit", fields=at("comment", REDDIT)))
    post = PostShape(platform="reddit", fields=REDDIT)
    if "crosspost_parent_list.0.id" not in values:
        return _read_shapes(values, label, warnings, post)
    original = PostShape(platform="reddit", role="original", fields=at("crosspost_parent_list.0", REDDIT))
    return _read_shapes(values, label, warnings, replace(post, role="repost"), original)


def _read_with_repost(platform: str, fields: FieldPaths, key: str) -> Reader:
    """Return a reader of posts that hold the post which they repeat."""

    def shape(prefix: str, role: Role | None) -> PostShape:
        markup = frozenset((f"{prefix}.content" if prefix else "content",)) if platform == "mastodon" else frozenset()
        return PostShape(platform=platform, role=role, fields=at(prefix, fields) if prefix else fields, markup=markup)

    def read(values: JsonValues, label: str, warnings: SidecarWarnings) -> list[FieldValues]:
        if f"{key}.id" not in values:
            return _read_shapes(values, label, warnings, shape("", None))
        return _read_shapes(values, label, warnings, shape("", "repost"), shape(key, "original"))

    return read


_read_mastodon: Final = _read_with_repost("mastodon", MASTODON, "reblog")
_read_misskey: Final = _read_with_repost("misskey", MISSKEY, "renote")


def _read_kemono(values: JsonValues, label: str, warnings: SidecarWarnings) -> list[FieldValues]:
    service = values.get("service")
    shape = PostShape(
        platform=extractor_platform(service) or "" if isinstance(service, str) else "",
        fields=KEMONO,
        markup=frozenset(("content",)),
    )
    return _read_shapes(values, label, warnings, shape)


def _read_discord(values: JsonValues, label: str, warnings: SidecarWarnings) -> list[FieldValues]:
    parts = [values.get(key) for key in ("server_id", "channel_id", "message_id")]
    stated = _read_shapes(values, label, warnings, SITES["discord"])
    for fields in stated:
        if all(parts):
            fields["url"] = "https://discord.com/channels/" + "/".join(map(str, parts))
    return stated


READERS: Final[Mapping[str, Reader]] = {
    "twitter": _read_twitter,
    "nitter": _read_twitter,
    "weibo": _read_weibo,
    "instagram": _read_instagram,
    "tumblr": _read_tumblr,
    "reddit": _read_reddit,
    "kemono": _read_kemono,
    "coomer": _read_kemono,
    "discord": _read_discord,
}
"""Readers of the sites whose record is more than one post, or has a part that is not stated as it is read."""
_SHAPES: Final[Sequence[FieldPaths]] = (
    OTHER_FIELDS, BOORU_FIELDS, KEMONO, TUMBLR, REDDIT, at("comment", REDDIT), at("crosspost_parent_list.0", REDDIT),
    MASTODON, at("reblog", MASTODON), MISSKEY, at("renote", MISSKEY), INSTAGRAM.fields, TWEET.fields, RETWEETED.fields,
    at("user", TWITTER_USER), at("status", WEIBO_STATUS), at("status.retweeted_status", WEIBO_STATUS),
    *(shape.fields for shape in SITES.values()),
)  # fmt: skip
PATHS: Final = tuple(
    path
    for path in dict.fromkeys(
        (
            "category", "subcategory", "type", "media_id", "post_shortcode", "service",
            "visibility", "server_id", "channel_id", *BOORU_KEYS,
            "status.mblogid", "status.bid", "status.retweeted_status.mblogid", "status.retweeted_status.bid",
            "permalink", "comment.permalink", "crosspost_parent_list.0.permalink", "author.pk", "author.full_name",
            *(f"reblogged_{source}_{key}" for source in ("from", "root") for key in ("name", "uuid", "title", "id", "url")),
            *chain.from_iterable(paths for fields in _SHAPES for paths in fields.values()),
        )
    )
    if "@" not in path
)  # fmt: skip
"""All paths of a record that are read."""
GALLERY_DL: Final = SidecarFormat(name="gallery-dl", names=metadata_names, read=read_metadata)
