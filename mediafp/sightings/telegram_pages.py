"""Exports of Telegram Desktop as pages: `messages.html`, `messages2.html` and so on, above the folders of their media."""

import re
from collections.abc import Iterator
from typing import Final

from mediafp.sightings.post_shape import plain_text
from mediafp.sightings.record_content import RecordContent
from mediafp.sightings.record_format import Record, RecordEntry, RecordFormat
from mediafp.sightings.record_keys import path_keys
from mediafp.sightings.sidecar_content import UnusableSidecarError
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.values import FieldValues, collect_fields
from mediafp.types.media import SidecarFolder

NAME: Final = re.compile(r"messages\d{0,5}\.html")
MAX_PAGE_BYTES: Final = 16 << 20
"""Size, bytes, of a page, which has 1,000 messages; larger ones are not read. Chosen, not measured."""
MARK: Final = b'<div class="message '
"""Start of a message."""
MAX_NAME_CHARS: Final = 2_000
"""Characters from which a name, and the time of an original, are read. Chosen, not measured."""
MAX_MEDIA_NAMES: Final = 20
"""Media files of one message that are looked for: it has one, and its thumbnail. Chosen, not measured."""
FORWARDED_MARK: Final = '<div class="forwarded body">'
NAME_MARK: Final = '<div class="from_name">'
TEXT_MARK: Final = '<div class="text">'
_END: Final = "</div>"
_NAME: Final = re.compile(r'(?P<name>[^<>]*)(?:<span class="date details" title="(?P<date>[^"]*)")?')
_ID: Final = re.compile(r'id="message(-?\d{1,20})"')
_DATE: Final = re.compile(r'<div class="pull_right date details" title="([^"]{1,100})"')
_LINK: Final = re.compile(
    r'<a class="(?:photo_wrap|video_file_wrap|animated_wrap|sticker_wrap|media) [^"]*"\s+href="([^"]{1,4000})"'
)
_THUMBNAIL: Final = re.compile(r'<img class="(?:photo|video_file|animated|sticker)"[^<>]*?\ssrc="([^"]{1,4000})"')
_TIME: Final = re.compile(r"(\d\d)\.(\d\d)\.(\d{4}) (\d\d:\d\d:\d\d)(?: UTC([+-]\d\d:\d\d))?")
CERTAIN_ZONES: Final = range(3, 10)
"""Hours of the zones that have no summer time. A page states the zone of the computer without its summer time, but the time
with it: in other zones it may be an hour less."""
FIELDS: Final = {
    "platform": ("platform",), "account_name": ("name",), "post_id": ("id",), "posted_at": ("date",), "text": ("text",),
    "role": ("role",),
}  # fmt: skip


class TelegramPage:
    """An opened page. Implements `RecordFile`."""

    def __init__(self, content: RecordContent) -> None:
        """Take the content."""
        self._content = content
        self._page = content.read(0, MAX_PAGE_BYTES)
        self._senders: dict[int, tuple[int, int]] = {}

    def entries(self) -> Iterator[RecordEntry]:
        """Yield the messages that name a media file, in the order of the page."""
        sender = forwarded = 0
        start = self._page.find(MARK)
        while start >= 0:
            message = self._message(start)
            own, mark, repeated = message.partition(FORWARDED_MARK)
            if NAME_MARK in own:
                sender = start
            if mark and NAME_MARK in repeated:
                forwarded = start
            if names := _media_names(message):
                self._senders[start] = sender, forwarded
                yield RecordEntry(offset=start, keys=_keys(names), names_media=True)
            start = self._page.find(MARK, start + 1)

    def read(self, offset: int, warnings: SidecarWarnings) -> Record:
        """Return the sightings that a message states: two for one that was forwarded."""
        message = self._message(offset)
        sender, forwarded = self._senders[offset]
        identifier, date, names = _ID.search(message), _DATE.search(message), _media_names(message)
        label = f"message {identifier[1] if identifier else '?'} of {self._content.name!r}"
        name, _ = _read_name(self._message(sender).partition(FORWARDED_MARK)[0])
        fields: dict[str, object] = {
            "platform": "telegram",
            "name": name,
            "id": identifier[1] if identifier else None,
            "date": _stated_time(date[1]) if date else None,
            "text": plain_text(message.partition(TEXT_MARK)[2].partition(_END)[0]),
        }
        sightings: list[FieldValues] = []
        if FORWARDED_MARK in message:
            fields["role"] = "repost"
            name, time = _read_name(self._message(forwarded).partition(FORWARDED_MARK)[2])
            first = {"platform": "telegram", "name": name, "date": _stated_time(time), "role": "original"}
            if name:
                sightings.append(collect_fields(first, FIELDS, label, warnings))
        sightings.insert(0, collect_fields(fields, FIELDS, label, warnings))
        return Record(keys=_keys(names), label=names[0] if names else label, sightings=sightings)

    def _message(self, start: int) -> str:
        end = self._page.find(MARK, start + 1)
        return self._page[start : end if end >= 0 else len(self._page)].decode("utf-8", "replace")


def _read_name(message: str) -> tuple[str, str]:
    """Return the first name of an account in a part of a message, without the bot that it wrote through, and the time by it."""
    match = _NAME.match(message.partition(NAME_MARK)[2][:MAX_NAME_CHARS])
    return (re.sub(r"\s+via @\w+$", "", plain_text(match["name"])), match["date"] or "") if match else ("", "")


def _stated_time(text: str) -> str:
    """Return a time in ISO 8601, without a zone that may be wrong; the text itself if it has another form."""
    match = _TIME.fullmatch(text.strip())
    if not match:
        return text
    day, month, year, clock, zone = match.groups()
    is_certain = zone and int(zone[:3]) in CERTAIN_ZONES
    return f"{year}-{month}-{day}T{clock}{zone if is_certain else ''}"


def _media_names(message: str) -> list[str]:
    names = [plain_text(name) for pattern in (_LINK, _THUMBNAIL) for name in pattern.findall(message)]
    return [name for name in names if "://" not in name][:MAX_MEDIA_NAMES]


def _keys(names: list[str]) -> list[str]:
    return [key for name in names for key in path_keys(name)]


def open_page(content: RecordContent, folder: SidecarFolder, warnings: SidecarWarnings) -> TelegramPage | None:
    """Return an opened page; None if the content is of another format. Raises UnusableSidecarError."""
    if b'<div class="page_header">' not in content.head() or b"page_body chat_page" not in content.head():
        return None
    if content.size > MAX_PAGE_BYTES:
        raise UnusableSidecarError(f"{content.size:,} bytes are over the limit of {MAX_PAGE_BYTES >> 20} MiB")
    return TelegramPage(content)


TELEGRAM_PAGES: Final = RecordFormat(
    name="telegram", matches=lambda name: NAME.fullmatch(name) is not None, open=open_page
)
