"""Exports of Telegram Desktop: `result.json` above the folders of its media, of one chat or of a whole account."""

from collections.abc import Iterator, Sequence
from typing import Final

from mediafp.sightings.json_paths import JsonValues, read_json_paths
from mediafp.sightings.json_spans import ListPath, SpanScanner, group_header, read_value
from mediafp.sightings.post_shape import PostShape
from mediafp.sightings.record_content import RecordContent
from mediafp.sightings.record_format import Record, RecordEntry, RecordFormat
from mediafp.sightings.record_keys import path_keys
from mediafp.sightings.sidecar_content import UnusableSidecarError
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.values import FieldValues
from mediafp.types.media import SidecarFolder

LISTS: Final[Sequence[ListPath]] = (
    ("messages",),
    ("chats", "list", "*", "messages"),
    ("left_chats", "list", "*", "messages"),
    ("profile_pictures",),
    ("stories",),
)
"""Lists of records, of one chat and of a whole account."""
MEDIA_PATHS: Final = ("photo", "file", "thumbnail", "media", "contact_photo")
"""Keys of the paths of media files, or of the reason why there is none, in parentheses."""
GROUP_BITS: Final = 20
"""Bits of the number by which a record is read again that number its chat: an account has at most 1,000,000 chats, and a
file 16 TB."""
MESSAGE: Final = PostShape(
    platform="telegram",
    fields={
        "account": ("@owner",),
        "account_id": ("from_id", "actor_id", "@chat_id"),
        "account_name": ("from", "actor", "@chat_name"),
        "url": ("@url",),
        "post_id": ("id",),
        "posted_at": ("date_unixtime", "date"),
        "title": ("@group",),
        "text": ("text", "caption"),
    },
    is_utc=False,
)
"""Shape of a message. Its `date` is in the zone of the computer that made the export, which the export does not state."""
FORWARDED: Final = PostShape(
    platform="telegram",
    role="original",
    fields={"account_name": ("forwarded_from",), "account_id": ("forwarded_from_id",)},
)
OWNER_PATHS: Final = tuple(f"personal_information.{key}" for key in ("user_id", "first_name", "last_name", "username"))
CHAT_PATHS: Final = ("id", "name", "type", *OWNER_PATHS)
CHANNEL_TYPES: Final = ("public_channel", "private_channel")
LINKED_TYPES: Final = (*CHANNEL_TYPES, "public_supergroup", "private_supergroup")
"""Types of chats whose messages have an address, for their members at least."""
NO_FILE: Final = "("
IS_FORWARDED: Final = '"forwarded_from"'
_PATHS: Final = (*MESSAGE.paths, *FORWARDED.paths, *MEDIA_PATHS)
_MEDIA_BYTES: Final = tuple(f'"{key}"'.encode() for key in MEDIA_PATHS)


class TelegramExport:
    """An opened export. Implements `RecordFile`."""

    def __init__(self, content: RecordContent) -> None:
        """Take the content."""
        self._content = content
        self._scanner = SpanScanner(content.read, LISTS)
        self._chats: dict[int, JsonValues] = {}

    def entries(self) -> Iterator[RecordEntry]:
        """Yield the messages that name a media file, in the order of the file."""
        for span in self._scanner.spans():
            message = self._content.read(span.offset, span.length)
            if span.group >> GROUP_BITS:
                raise UnusableSidecarError("it has too many chats")
            if any(key in message for key in _MEDIA_BYTES) and (names := _media_names(message)):
                keys = [key for name in names for key in path_keys(name)]
                yield RecordEntry(offset=span.offset << GROUP_BITS | span.group, keys=keys, names_media=True)

    def read(self, offset: int, warnings: SidecarWarnings) -> Record:
        """Return the sightings that a message states: two for one that was forwarded."""
        group = offset & ((1 << GROUP_BITS) - 1)
        message = read_value(self._content.read, offset >> GROUP_BITS)
        values = read_json_paths(message, _PATHS, self._content.name, warnings)
        # The name of a deleted account is null.
        values[IS_FORWARDED] = IS_FORWARDED.encode() in message
        names = _media_names(message)
        label = f"message {values.get('id')} of {self._content.name!r}"
        sightings = parse_message(values, self._chat(group), label, warnings)
        keys = [key for name in names for key in path_keys(name)]
        return Record(keys=keys, label=names[0] if names else label, sightings=sightings)

    def _chat(self, number: int) -> JsonValues:
        """Return name, id and type of a chat; of an account if the records are its own pictures."""
        if number not in self._chats:
            header = b""
            if number < len(self._scanner.groups):
                header = group_header(self._content.read, self._scanner.groups[number])
            try:
                self._chats[number] = read_json_paths(header, CHAT_PATHS, self._content.name, SidecarWarnings())
            except UnusableSidecarError:
                self._chats[number] = {}
        return self._chats[number]


def parse_message(values: JsonValues, chat: JsonValues, label: str, warnings: SidecarWarnings) -> list[FieldValues]:
    """Return the sightings that a message states: two for one that was forwarded.

    Args:
        values: Values of the message by its keys.
        chat: Values of the chat by `CHAT_PATHS`.
        label: Name of the message in warnings.
        warnings: Receives a line for each value that is not usable.
    """
    values = values | _chat_values(values, chat)
    stated = MESSAGE.read(values, label, warnings)
    original = FORWARDED.read(values, label, warnings)
    if original or values.get(IS_FORWARDED):
        stated["role"] = "repost"
    return [fields for fields in (stated, original) if fields]


def _chat_values(values: JsonValues, chat: JsonValues) -> JsonValues:
    """Return what the chat adds to a message: its own name as the sender's in a channel, else as the title."""
    identifier, name, kind = chat.get("id"), chat.get("name"), chat.get("type")
    derived: JsonValues = {}
    if kind in CHANNEL_TYPES:
        derived |= {"@chat_id": f"channel{identifier}" if identifier else None, "@chat_name": name}
    elif kind and str(values.get("from_id", "")).removeprefix("channel") != str(identifier):
        derived["@group"] = name
    elif "personal_information.user_id" in chat:
        user, *names, handle = (chat.get(path) for path in OWNER_PATHS)
        derived |= {
            "@owner": handle,
            "@chat_id": f"user{user}",
            "@chat_name": " ".join(name for name in names if isinstance(name, str)),
        }
    if kind in LINKED_TYPES and identifier and isinstance(values.get("id"), int):
        derived["@url"] = f"https://t.me/c/{identifier}/{values['id']}"
    return derived


def _media_names(message: bytes) -> list[str]:
    values = read_json_paths(message, MEDIA_PATHS, "", SidecarWarnings())
    return [name for name in values.values() if isinstance(name, str) and name and not name.startswith(NO_FILE)]


def is_export_name(name: str) -> bool:
    """Return True if a lower-case file name is that of an export; a second one in a folder has a number."""
    return name.startswith("result") and name.endswith(".json")


def open_export(content: RecordContent, folder: SidecarFolder, warnings: SidecarWarnings) -> TelegramExport | None:
    """Return an opened export; None if the content is of another format."""
    head = content.head()
    is_export = any(f'"{path[0]}"'.encode() in head for path in LISTS) or b'"personal_information"' in head
    return TelegramExport(content) if is_export and head.lstrip()[:1] == b"{" else None


TELEGRAM: Final = RecordFormat(name="telegram", matches=is_export_name, open=open_export)
