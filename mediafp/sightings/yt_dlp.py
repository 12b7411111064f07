"""Sidecars of yt-dlp: `NAME.info.json` beside `NAME.mp4`, written by its option `--write-info-json`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mediafp.sightings.extractor_names import extractor_platform
from mediafp.sightings.json_paths import JsonValues, read_json_paths
from mediafp.sightings.post_shape import PostShape
from mediafp.sightings.sidecar_format import SidecarFormat, SidecarText
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.values import FieldValues

SUFFIX: Final = ".info.json"
CHAT_SUFFIX: Final = ".live_chat.json"
"""End of the name of the comments beside a live video, which are saved like subtitles."""
NO_MEDIA: Final = ("playlist", "multi_video", "url", "url_transparent")
"""Types of records that describe a list, such as a channel, and no media file."""
PART_SUFFIX: Final = re.compile(
    r"\.(?:f(?=\D*\d)[\w+=-]{1,60}|temp|orig|\d{1,3}|(?:max|hq|mq|sd|hq720)?(?:default|res|resdefault)(?:_live)?|\d{1,5}x\d{1,5})",
    re.IGNORECASE,
)
"""Part of a name between that of the sidecar and the suffix: a format (`.f137`, `.fhls-1080`), or the id of a thumbnail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKeys:
    """Keys of handle, id and name of the account, best first: extractors use the same keys for different values.

    Keys with `as` are those of `_derive_values`: a value `as name` is one that is no number, `as number` one that is, `as
    handle` one that begins with `@`, `as plain` one that does not, `as ascii` one that has the characters of a handle, `as
    other` one that has not, and `as path` is the handle in an address.
    """

    handle: tuple[str, ...]
    number: tuple[str, ...]
    name: tuple[str, ...] = ("uploader", "channel", "creator")


HANDLE_IN_UPLOADER: Final = AccountKeys(handle=("uploader", "uploader_url as path"), number=("uploader_id",), name=())
HANDLE_IN_ID: Final = AccountKeys(handle=("uploader_id", "uploader_url as path"), number=("channel_id",))
OTHER_KEYS: Final = AccountKeys(
    handle=(
        "uploader_id as handle",
        "uploader_url as path",
        "channel_id as handle",
        "channel_url as path",
        "uploader as handle",
    ),
    number=("uploader_id as plain", "channel_id as plain"),
)
"""Keys of an extractor that is not listed: what does not begin with `@` may be a name or a key."""
ACCOUNT_KEYS: Final[Mapping[str, AccountKeys]] = {
    "youtube": AccountKeys(
        handle=(
            "uploader_id as handle",
            "uploader_url as path",
            "channel_url as path",
            "uploader_id as name",
            "uploader as handle",
        ),
        number=("channel_id", "uploader_id as number"),
        name=("channel", "uploader"),
    ),
    **dict.fromkeys(
        ("tiktok", "douyin"),
        AccountKeys(
            handle=("uploader as ascii", "uploader_url as path"),
            number=("uploader_id", "channel_id"),
            name=("channel", "creator", "uploader as other"),
        ),
    ),
    **dict.fromkeys(("bilibili", "weibo", "reddit", "gab", "snapchat", "acfun"), HANDLE_IN_UPLOADER),
    **dict.fromkeys(("twitter", "bluesky", "gettr", "parler", "truthsocial", "tumblr", "likee"), HANDLE_IN_ID),
    "odysee": AccountKeys(handle=("uploader_id",), number=("channel_id",), name=("channel", "uploader")),
    "instagram": AccountKeys(
        handle=("channel", "uploader_id as name", "uploader_url as path"),
        number=("uploader_id as number",),
        name=("uploader",),
    ),
    "facebook": AccountKeys(
        handle=("uploader_id as name", "uploader_url as path"), number=("uploader_id as number",), name=("uploader",)
    ),
    "telegram": AccountKeys(handle=("channel_id", "uploader_id"), number=(), name=("channel", "uploader")),
    "twitch": AccountKeys(handle=("uploader_id as name",), number=("uploader_id as number",), name=("uploader",)),
    "kick": AccountKeys(handle=("channel",), number=("uploader_id", "channel_id"), name=("uploader",)),
    **dict.fromkeys(
        ("rumble", "soundcloud", "vimeo", "bitchute"),
        AccountKeys(handle=("uploader_url as path", "channel_url as path"), number=("uploader_id", "channel_id")),
    ),
}
"""Keys of each platform whose extractor is known; the tests of yt-dlp's extractors show them."""
POST_ID_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "twitter": ("webpage_url as status", "original_url as status", "display_id", "id"),
    "reddit": ("display_id", "id"),
    "bilibili": ("id as whole",),
}
"""Keys of the id of the post where `id` is that of the video."""
FIELD_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "url": ("webpage_url", "original_url"),
    "title": ("title", "fulltitle"),
    "text": ("description",),
    "posted_at": ("timestamp", "release_timestamp", "upload_date"),
    "captured_at": ("epoch",),
    "views": ("view_count",),
    "language": ("language",),
}
"""Keys of the other fields; yt-dlp's README, section "Output template", defines them. `release_date` alone is that of a song."""
KEYS: Final = (
    "id", "display_id", "title", "fulltitle", "description", "uploader", "uploader_id", "uploader_url", "channel",
    "channel_id", "channel_url", "creator", "extractor", "extractor_key", "webpage_url", "original_url",
    "webpage_url_domain", "timestamp", "release_timestamp", "upload_date", "epoch", "view_count", "language",
    "_type", "formats.0.format_id", "url",
)  # fmt: skip
"""Keys that are read."""
_URL_HANDLE: Final = re.compile(
    r"https?://[^/?#]+/(?:(?P<mark>@)|(?:c|user|channels?|u)/(?=[^/?#]+/?(?:[?#]|$)))?(?P<handle>[^/?#@=]{1,200})/?(?:[?#].*)?",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"-?\d+|UC[\w-]{22}|pfbid\w+|MS4w[\w-]{20,}")
"""Ids of accounts that are no handles."""
_HANDLE: Final = re.compile(r"@?[\w.-]{1,60}", re.ASCII)
_STATUS: Final = re.compile(r"/status(?:es)?/(\d{1,20})")


def info_names(media_name: str) -> Iterable[str]:
    """Return the names which the sidecar of a media file may have: also of a part or a thumbnail of the video."""
    stem, dot, _ = media_name.removesuffix(".part").rpartition(".")
    stem = stem if dot else media_name
    yield stem + SUFFIX
    head, dot, _ = stem.rpartition(".")
    if dot and PART_SUFFIX.fullmatch(stem[len(head) :]):
        yield head + SUFFIX


def read_info(sidecar: SidecarText, warnings: SidecarWarnings) -> Sequence[FieldValues] | None:
    """Return the sighting that a sidecar of yt-dlp states; none for a playlist or a chat; None for another file.

    Raises UnusableSidecarError.
    """
    if sidecar.name.lower().endswith(CHAT_SUFFIX):
        return []
    if not sidecar.name.lower().endswith(SUFFIX):
        return None
    values = read_json_paths(sidecar.content, KEYS, sidecar.name, warnings)
    return parse_info(values, repr(sidecar.name), warnings)


def parse_info(values: JsonValues, label: str, warnings: SidecarWarnings) -> Sequence[FieldValues]:
    """Return the sighting that a record of yt-dlp states; none for a playlist.

    Args:
        values: Its values by `KEYS`.
        label: Name of the record in warnings.
        warnings: Receives a line for each value that is not usable.
    """
    if values.get("_type") in NO_MEDIA:
        return []
    named = next((key for key in ("extractor", "extractor_key") if isinstance(values.get(key), str)), "extractor")
    platform = extractor_platform(str(values.get(named, "")))
    keys = ACCOUNT_KEYS.get(platform or "", OTHER_KEYS)
    shape = PostShape(
        fields={
            "platform": (named,),
            "account": keys.handle,
            "account_id": keys.number,
            "account_name": keys.name,
            "post_id": POST_ID_KEYS.get(platform or "", ("id",)),
            **FIELD_KEYS,
        },
    )
    stated = shape.read(values | _derive_values(values) | {named: platform}, label, warnings)
    return [stated] if stated else []


def _derive_values(values: JsonValues) -> JsonValues:
    """Return values, or parts of them, under keys that say what they are."""
    derived: JsonValues = {}
    for key in ("uploader_id", "channel_id", "uploader"):
        if isinstance(value := values.get(key), str | int):
            kind = "number" if _NUMBER.fullmatch(str(value)) else "name"
            derived[f"{key} as {kind}"] = value
            derived[f"{key} as {'handle' if str(value).startswith('@') else 'plain'}"] = value
    if isinstance(value := values.get("uploader"), str):
        derived["uploader as ascii" if _HANDLE.fullmatch(value) else "uploader as other"] = value
    for key in ("uploader_url", "channel_url"):
        value = values.get(key)
        match = _URL_HANDLE.fullmatch(value[:2_000]) if isinstance(value, str) else None
        known = ("profile.php", "channel", values.get("uploader_id"), values.get("channel_id"))
        if match and not _NUMBER.fullmatch(match["handle"]) and (match["mark"] or match["handle"] not in known):
            derived[f"{key} as path"] = match["handle"]
    for key in ("webpage_url", "original_url"):
        value = values.get(key)
        if isinstance(value, str) and (match := _STATUS.search(value[:2_000])):
            derived[f"{key} as status"] = match[1]
    if isinstance(value := values.get("id"), str):
        derived["id as whole"] = re.sub(r"_p\d+$", "", value)
    return derived


YT_DLP: Final = SidecarFormat(name="yt-dlp", names=info_names, read=read_info)
