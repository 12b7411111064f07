"""Tables of auto-archiver: `db.csv`, whose cells are values of Python."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Final

from mediafp.sightings.json_paths import read_json_paths
from mediafp.sightings.post_urls import read_url
from mediafp.sightings.python_values import parse_python_value
from mediafp.sightings.record_content import RecordContent
from mediafp.sightings.record_keys import path_keys
from mediafp.sightings.row_format import Row, RowReader, table_format
from mediafp.sightings.sidecar_content import UnusableSidecarError
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.unusable_values import UnusableValueError
from mediafp.sightings.values import FieldValues, collect_fields
from mediafp.types.media import SidecarFolder

FIELD_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "platform": ("extractor_key", "platform"),
    "account": ("username", "screen_name", "author_username", "account"),
    "account_id": ("account_id", "author_id", "user_id", "channel_id"),
    "account_name": ("author", "author_name", "channel"),
    "url": ("url", "webpage_url"),
    "post_id": ("post_id", "display_id"),
    "posted_at": ("timestamp", "upload_date", "created_at", "date"),
    "captured_at": ("_processed_at", "processed_at", "archived_at"),
    "title": ("title",),
    "text": ("content", "description", "text"),
    "views": ("view_count", "views"),
}
"""Keys of each field in the column `metadata`, best first."""
HANDLE_UPLOADERS: Final = ("tiktok", "bilibili", "weibo", "douyin")
"""Platforms on which `uploader` is the handle, and `uploader_id` a number."""
USER_PATHS: Final = {
    "screen_name": "user.screen_name",
    "user_id": "user.id_str",
    "author_name": "user.name",
}
"""Paths of the account in the JSON of a post of X, by the key of `FIELD_KEYS`."""
MAX_MEDIA: Final = 1_000
"""Media files of a row. Chosen, not measured."""


def _parse(cell: str, name: str, column: str, warnings: SidecarWarnings) -> object:
    try:
        return parse_python_value(cell) if cell else None
    except UnusableValueError as error:
        warnings.add(f"skipped {column!r} of {name}: {error}")
        return None


def _media_paths(value: object) -> Iterator[str]:
    """Yield the paths of the media files in the column `media`, with those that are properties of others."""
    if isinstance(value, list):
        for item in value[:MAX_MEDIA]:
            yield from _media_paths(item)
    elif isinstance(value, dict):
        urls = value.get("urls")
        stored = [value.get("_key") or value.get("key"), *(urls if isinstance(urls, list) else [])]
        # The file that was downloaded has another name than the one that was stored.
        named = [path for path in stored[:MAX_MEDIA] if isinstance(path, str) and path]
        yield from dict.fromkeys(named)
        if not named and isinstance(filename := value.get("filename"), str):
            yield filename
        if isinstance(properties := value.get("properties"), dict):
            for item in properties.values():
                if isinstance(item, list | dict):
                    yield from _media_paths(item)


def _paths(row: Row) -> list[str]:
    return list(_media_paths(_parse(row.get("media", ""), "", "media", SidecarWarnings())))


def _read(row: Row, name: str, warnings: SidecarWarnings) -> Sequence[FieldValues]:
    """Return the sighting of a row."""
    metadata = _parse(row.get("metadata", ""), name, "metadata", warnings)
    if not isinstance(metadata, dict):
        return []
    if isinstance(day := metadata.get("upload_date"), str):
        # It is a day, stated as its midnight.
        metadata["upload_date"] = day.partition("T")[0]
    metadata.update(_read_content(metadata.get("content")))
    if isinstance(author := metadata.get("author"), dict):
        del metadata["author"]
        metadata = {f"author_{key}": author[key] for key in ("id", "username", "name") if key in author} | metadata
    fields = collect_fields(metadata, FIELD_KEYS, name, warnings, zone=UTC)
    uploader = collect_fields(metadata, {"account_name": ("uploader",), "account_id": ("uploader_id",)}, name, warnings)
    return [{**fields, **_uploader_fields(uploader, fields)}]


def _read_content(content: object) -> dict[str, object]:
    """Return the text, and the account of X, of a post whose content is its JSON."""
    if not isinstance(content, str) or not content.startswith("{"):
        return {}
    try:
        paths = ("full_text", "text", "caption", *USER_PATHS.values())
        values = read_json_paths(content.encode("utf-8", "replace"), paths, "", SidecarWarnings())
    except UnusableSidecarError:
        return {}
    text = next((values[key] for key in ("full_text", "text", "caption") if values.get(key)), None)
    user = {key: values[path] for key, path in USER_PATHS.items() if values.get(path)}
    return {**({"content": text} if text else {}), **user}


def _uploader_fields(uploader: FieldValues, fields: FieldValues) -> FieldValues:
    """Return the account that yt-dlp states as `uploader` and `uploader_id`, which differ in meaning between platforms."""
    if fields.get("platform") == "instagram" and (channel := fields.get("account_name")):
        # It is the handle there, and `uploader` the displayed name.
        return {"account": channel, **uploader}
    name, identifier, platform = uploader.get("account_name"), uploader.get("account_id"), fields.get("platform")
    if isinstance(name, str) and platform in HANDLE_UPLOADERS:
        return {"account": name.removeprefix("@"), **({"account_id": identifier} if identifier else {})}
    if isinstance(identifier, str) and not identifier.isdigit():
        stated: FieldValues = {"account": identifier.removeprefix("@")}
    else:
        stated = {"account_id": identifier} if identifier else {}
    if name:
        stated["account_name"] = name
        if not {"account", "account_id"} & (stated.keys() | fields.keys()) and not read_url(
            str(fields.get("url", ""))
        ).get("account"):
            stated["account"] = name
    return stated


def _make_reader(content: RecordContent, folder: SidecarFolder) -> RowReader:
    return RowReader(
        keys=lambda row: [key for path in _paths(row) for key in path_keys(path)],
        names_media=lambda row: True,
        read=_read,
        label=lambda row: next(iter(_paths(row)), ""),
    )


AUTO_ARCHIVER: Final = table_format("auto-archiver", ("status", "metadata", "media"), _make_reader)
