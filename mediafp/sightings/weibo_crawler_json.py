"""JSON of weibo-crawler: `SCREEN NAME/UID.json`, one object with the account and its posts, and media as for its tables."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from mediafp.sightings.json_paths import JsonValues, at, read_json_paths
from mediafp.sightings.json_spans import SpanScanner, read_value
from mediafp.sightings.record_content import RecordContent
from mediafp.sightings.record_format import Record, RecordEntry, RecordFormat
from mediafp.sightings.record_keys import id_key
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.table import media_ids
from mediafp.sightings.table_columns import BEIJING
from mediafp.sightings.values import FieldValues, collect_fields
from mediafp.sightings.weibo_crawler import with_url
from mediafp.types.media import SidecarFolder

FIELD_PATHS: Final[Mapping[str, tuple[str, ...]]] = {
    "account": ("screen_name",),
    "account_id": ("user_id",),
    "post_id": ("id",),
    "posted_at": ("full_created_at", "created_at"),
    "text": ("text",),
}
"""Keys of each field of a post."""
ORIGINAL_PATHS: Final = at("retweet", FIELD_PATHS)
"""Paths of each field of the post that is repeated."""
MEDIA_PATHS: Final = tuple(
    prefix + key for prefix in ("", "retweet.") for key in ("pics", "video_url", "live_photo_url")
)
"""Paths that are filled if a post has media."""
_OTHER_PATHS: Final = ("bid", "retweet.bid")
_PATHS: Final = (
    *(path for fields in (FIELD_PATHS, ORIGINAL_PATHS) for paths in fields.values() for path in paths),
    *MEDIA_PATHS,
    *_OTHER_PATHS,
)
_NAME: Final = re.compile(r"\d{5,12}\.json")


class WeiboPosts:
    """An opened file of posts. Implements `RecordFile`."""

    def __init__(self, content: RecordContent) -> None:
        """Take the content."""
        self._content = content

    def entries(self) -> Iterator[RecordEntry]:
        """Yield all posts."""
        for span in SpanScanner(self._content.read, [("weibo",)]).spans():
            values = self._values(self._content.read(span.offset, span.length), SidecarWarnings())
            has_media = any(values.get(path) for path in MEDIA_PATHS)
            yield RecordEntry(offset=span.offset, keys=_keys(values), names_media=has_media)

    def read(self, offset: int, warnings: SidecarWarnings) -> Record:
        """Return the sightings that a post states: two for one that repeats another."""
        values = self._values(read_value(self._content.read, offset), warnings)
        label = str(values.get("id", ""))
        return Record(keys=_keys(values), label=label, sightings=self._sightings(values, label, warnings))

    def _values(self, post: bytes, warnings: SidecarWarnings) -> JsonValues:
        return read_json_paths(post, _PATHS, self._content.name, warnings)

    def _sightings(self, values: JsonValues, label: str, warnings: SidecarWarnings) -> list[FieldValues]:
        name = f"post {label} of {self._content.name!r}"
        post = collect_fields(values, FIELD_PATHS, name, warnings, zone=BEIJING)
        post = with_url({**post, "platform": "weibo"}, values.get("bid"))
        original = collect_fields(values, ORIGINAL_PATHS, name, warnings, zone=BEIJING)
        if not original.get("post_id"):
            return [post]
        original = with_url({**original, "platform": "weibo", "role": "original"}, values.get("retweet.bid"))
        return [{**post, "role": "repost"}, original]


def _keys(values: JsonValues) -> list[str]:
    return [id_key(str(values[path])) for path in ("id", "retweet.id") if values.get(path)]


def open_posts(content: RecordContent, folder: SidecarFolder, warnings: SidecarWarnings) -> WeiboPosts | None:
    """Return an opened file of posts; None if the content is of another format."""
    head = content.head()
    is_posts = head.lstrip()[:1] == b"{" and b'"weibo"' in head and b'"screen_name"' in head
    return WeiboPosts(content) if is_posts else None


WEIBO_CRAWLER_JSON: Final = RecordFormat(
    name="weibo-crawler", matches=lambda name: _NAME.fullmatch(name) is not None, open=open_posts, media_ids=media_ids
)
