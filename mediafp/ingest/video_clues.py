"""Clues in the tags of a video or audio file."""

import re
from collections.abc import Mapping
from typing import Final

import av.container

from mediafp.ingest.metadata_clues import attempt, clean_text, distinct_clues, marks, stated_time, text_clue
from mediafp.types.clue_times import calendar_day
from mediafp.types.sightings import Clue, Trust

MAX_TAGS: Final = 256
"""Tags of a file that are read. Chosen, not measured."""
MAX_STREAMS: Final = 8
"""Streams whose handlers are read. Chosen, not measured."""
_TEXT_TAGS: Final[Mapping[str, str]] = {
    "software": "software",
    "com.apple.quicktime.software": "software",
    "creation_tool": "software",
    "writing_application": "software",
    "encoded_by": "software",
    "encoder": "software",
    "com.apple.quicktime.author": "author",
    "com.apple.quicktime.content.identifier": "content_id",
    "com.apple.quicktime.location.iso6709": "location",
    "location": "location",
    "purl": "url",
    "com.android.version": "android_version",
}
"""Tags, in lower case, and the kind of their clues."""
_TIME_TAGS: Final = ("com.apple.quicktime.creationdate", "creation_time", "date")
"""Tags with the time at which the file was made, the best first: Apple's has a zone."""
_DEVICE_TAGS: Final = (
    ("com.apple.quicktime.make", "com.apple.quicktime.model"),
    ("com.android.manufacturer", "com.android.model"),
    ("make", "model"),
)
_LIBRARIES: Final = re.compile(r"^(?:Lavf|Lavc|libx26|x26[45]|isom|mp42|Google$)|^\{\{")
"""Start of the names of libraries in nearly every file, which are no claim about an editor, and of lists of settings."""
_ENCODERS: Final = re.compile(r"^(?:byte|TE)", re.IGNORECASE)
_ADDRESSES: Final = ("https://", "http://")
_PLACE: Final = re.compile(r"([+-]\d{1,3}(?:\.\d+)?)([+-]\d{1,3}(?:\.\d+)?)(?:[+-][\d.]+)?/?", re.ASCII)
_WRITTEN_BY_GOOGLE: Final = re.compile(r"produced by Google.{0,100}?Created on: (\d\d)/(\d\d)/(\d{4})")


def video_clues(container: av.container.InputContainer) -> list[Clue]:
    """Return the clues in the tags of an open container and its streams. Damaged tags give none."""
    return distinct_clues(attempt(_container_clues, container))


def _container_clues(container: av.container.InputContainer) -> list[Clue]:
    tags = {str(name).lower(): str(value) for name, value in list(container.metadata.items())[:MAX_TAGS]}
    found = tag_clues(tags)
    for stream in list(container.streams)[:MAX_STREAMS]:
        if handler := stream.metadata.get("handler_name", ""):
            found += handler_clues(str(handler))
    return found


def tag_clues(tags: Mapping[str, str]) -> list[Clue]:
    """Return the clues in tags, whose names are in lower case."""
    found: list[Clue] = []
    for name in _TIME_TAGS:
        # yt-dlp writes the day of the post as `date`.
        if time := stated_time(tags.get(name)) or (_day(tags.get(name, "")) if name == "date" else None):
            found += text_clue("time", time, f"tag {name}", "medium")
            break
    for maker, model in _DEVICE_TAGS:
        if device := clean_text(f"{tags.get(maker, '')} {tags.get(model, '')}"):
            found += text_clue("device", device, f"tag {model}", "medium")
            break
    for name, value in tags.items():
        kind = _TEXT_TAGS.get(name)
        found += _tag_clue(kind, value, f"tag {name}") if kind else []
        marked = [] if kind == "url" or name in _TIME_TAGS else marks(value, f"tag {clean_text(name)[:40]}")
        if name == "comment" and not marked:
            # yt-dlp writes the address of the post.
            marked = text_clue("url" if value.startswith(_ADDRESSES) else "comment", value, "tag comment", "low")
        found += marked
    return found


def handler_clues(handler: str) -> list[Clue]:
    """Return the clues in the name of a stream's handler, such as that of YouTube's servers."""
    found = marks(handler, "handler name")
    if (google := _WRITTEN_BY_GOOGLE.search(handler)) and (
        day := calendar_day(int(google[3]), int(google[1]), int(google[2]))
    ):
        found += text_clue("time", day, "handler name", "medium")
    return found


def _tag_clue(kind: str, value: str, source: str) -> list[Clue]:
    """Return the clue of one tag; none if its value is no claim."""
    trust: Trust = "medium"
    if kind == "software":
        if _LIBRARIES.match(value):
            return []
        if _ENCODERS.match(value):
            return text_clue("encoder", value, source, trust)
    if kind == "url" and not value.startswith(_ADDRESSES):
        return []
    if kind == "location":
        place = _PLACE.fullmatch(value.strip())
        if (
            not place
            or abs(float(place[1])) > 90
            or abs(float(place[2])) > 180
            or not (float(place[1]) or float(place[2]))
        ):
            return []
        value = f"{float(place[1]):.5f},{float(place[2]):.5f}"
    return text_clue(kind, value, source, trust)


def _day(text: str) -> str | None:
    found = re.fullmatch(r"(\d{4})-?(\d\d)-?(\d\d)", text, re.ASCII)
    return calendar_day(int(found[1]), int(found[2]), int(found[3])) if found else None
