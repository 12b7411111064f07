"""Clues in texts that metadata of images and videos have in common: software, projects, platforms and XMP."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Final

from mediafp.types.clue_times import clock_time
from mediafp.types.contents import CLUE_CHARS, MAX_CLUES
from mediafp.types.sightings import Clue, Trust

MAX_SEARCHED_CHARS: Final = 1 << 18
"""Characters of one text of metadata that are searched. Chosen: an XMP packet with its history has 10,000 to 100,000."""
MAX_AGENTS: Final = 5
"""Programs of the history in XMP that are listed. Chosen, not measured."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]+")
"""Characters that change how the text around them is shown, or that no text has."""
_DATE: Final = re.compile(
    r"(\d{4})[:/-](\d\d)[:/-](\d\d)[T ](\d\d):(\d\d)(?::(\d\d))?(?:\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_BYTEDANCE_ID: Final = re.compile(r"\bvid:(v[0-9a-z]{10,40})\b", re.ASCII)
_PROJECT_KEYS: Final = ("videoId", "pictureId", "draftId", "projectId", "project_id", "draft_id")
_TEMPLATE_KEYS: Final = ("templateId", "template_id", "businessTemplateId", "adsTemplateId", "coverTemplateId")
_SIGNATURES: Final[tuple[tuple[re.Pattern[str], str, str, Trust], ...]] = (
    # Google's other services convert videos too.
    (re.compile(r"produced by google", re.IGNORECASE), "platform", "youtube", "low"),
    (re.compile(r"twitter-vork", re.IGNORECASE), "platform", "twitter", "medium"),
    (re.compile(r"bilibili\s+(?:\w*coder|vxcode)", re.IGNORECASE), "platform", "bilibili", "medium"),
    (re.compile(r"bytevc|bytevehw|bytedance|\bTEEditor\b", re.IGNORECASE), "encoder", "ByteDance", "medium"),
)
"""Marks that the servers and encoders of platforms leave in metadata."""
_XMP: Final = tuple(
    (re.compile(rf"\b(?:{names})\s{{0,9}}(?:=\s{{0,9}}[\"']([^\"']{{1,500}})|>\s{{0,9}}([^<]{{1,500}})<)"), kind, limit)
    for names, kind, limit in (
        ("(?:xmp|xap):CreatorTool", "software", 1),
        ("(?:stEvt|photoshop):softwareAgent", "software", MAX_AGENTS),
        ("(?:xmpMM|xapMM):OriginalDocumentID", "document_id", 1),
        ("(?:xmpMM|xapMM):DocumentID", "document_id", 1),
        ("stRef:documentID", "document_id", 2),
        ("Iptc4xmpExt:AISystemUsed", "software", 1),
        ("Iptc4xmpExt:DigitalSourceType", "source_type", 1),
        ("photoshop:Credit", "credit", 1),
        ("photoshop:TransmissionReference", "transmission_reference", 1),
    )
)
"""Properties of XMP as attributes or elements, the kind of their clues, and the number of different values that are kept."""
_XMP_DATE: Final = re.compile(r"\b(?:xmp|xap):CreateDate\s{0,9}(?:=\s{0,9}[\"']|>\s{0,9})([^\"'<]{1,40})")


def clean_text(value: object) -> str:
    """Return a value of metadata as one line of up to CLUE_CHARS characters, "" if it is no text."""
    if isinstance(value, bytes):
        value = value[: 4 * CLUE_CHARS].decode("utf-8", "replace")
    return " ".join(_CONTROL.sub(" ", value[: 4 * CLUE_CHARS]).split())[:CLUE_CHARS] if isinstance(value, str) else ""


def text_clue(kind: str, value: object, source: str, trust: Trust) -> list[Clue]:
    """Return the clue with a text of metadata; none if nothing is left of the text."""
    text = clean_text(value)
    return [Clue(kind=kind, value=text, source=source, trust=trust)] if text else []


def attempt[T](read: Callable[[T], list[Clue]], metadata: T) -> list[Clue]:
    """Return the clues in a part of the metadata; none if it is damaged, whatever the libraries raise then."""
    try:
        return read(metadata)
    except Exception:
        return []


def distinct_clues(found: list[Clue]) -> list[Clue]:
    """Return the first MAX_CLUES clues of different kind or value."""
    return list({(clue.kind, clue.value): clue for clue in reversed(found)}.values())[::-1][:MAX_CLUES]


def stated_time(text: object, zone: object = None) -> str | None:
    """Return the time in a text such as "2020:01:31 10:00:00" as ISO 8601; None if it has none that can be true.

    Args:
        text: The text; a zone in it is used.
        zone: Zone that is stated elsewhere, such as "+08:00".
    """
    found = _DATE.match(text.strip()) if isinstance(text, str) else None
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    offset = _offset_minutes(found[7]) if found[7] else _offset_minutes(zone)
    return clock_time((year, month, day, hour, minute, second), offset)


def _offset_minutes(zone: object) -> int | None:
    found = re.fullmatch(r"([+-])(\d\d):?(\d\d)|Z", zone.strip(" \0"), re.ASCII) if isinstance(zone, str) else None
    if not found:
        return None
    return 0 if found[0] == "Z" else int(found[1] + "1") * (60 * int(found[2]) + int(found[3]))


def marks(text: str, source: str) -> list[Clue]:
    """Return the clues that platforms, their encoders and editors of ByteDance leave in a text of metadata."""
    text = text[:MAX_SEARCHED_CHARS]
    found = [
        Clue(kind=kind, value=value, source=source, trust=trust)
        for form, kind, value, trust in _SIGNATURES
        if form.search(text)
    ]
    if upload := _BYTEDANCE_ID.search(text):
        # Both apps store their videos under such ids.
        found += [Clue(kind="platform", value=name, source=source, trust="medium") for name in ("douyin", "tiktok")]
        found += text_clue("media_id", upload[1], source, "high")
    return found + _editor_clues(text, source)


def _editor_clues(text: str, source: str) -> list[Clue]:
    """Return the clues in the JSON object that CapCut, JianYing and TikTok's editor write."""
    if not text.lstrip().startswith("{"):
        return []
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(record, dict):
        return []
    if "AIGC" in record:
        return text_clue("ai_label", json.dumps(record["AIGC"], ensure_ascii=False), source, "high")
    data = record.get("data")
    values = {key: value for part in (data, record) if isinstance(part, dict) for key, value in part.items()}
    names = {str(values.get(key, "")).lower() for key in ("source_type", "product")}
    found: list[Clue] = []
    if any("vicut" in name or "capcut" in name for name in names):
        found += text_clue("software", "CapCut", source, "high")
    elif "lv" in names or any(name.startswith(("lv_", "jianying")) for name in names):
        found += text_clue("software", "JianYing", source, "high")
    elif not any(name.startswith(("douyin", "tiktok", "aweme")) for name in names):
        return []
    for kind, keys in (
        ("editor_project", _PROJECT_KEYS),
        ("editor_template", _TEMPLATE_KEYS),
        ("editor_music", ("musicId",)),
    ):
        for key in keys:
            if str(values.get(key, "0")).strip("0-"):
                found += text_clue(kind, str(values[key]), source, "high")
    return found + text_clue("region", values.get("region"), source, "medium")


def xmp_clues(packet: str) -> list[Clue]:
    """Return the clues in an XMP packet. It is searched, not parsed: its entities are never expanded."""
    packet = packet[:MAX_SEARCHED_CHARS]
    found: list[Clue] = []
    for form, kind, limit in _XMP:
        values = dict.fromkeys(clean_text(one or other) for one, other in _first_matches(form, packet))
        for value in list(values)[:limit]:
            found += text_clue(kind, value.rpartition("/")[2] if kind == "source_type" else value, "XMP", "medium")
    return found


def xmp_time(packet: str) -> str | None:
    """Return the time at which an image was made, as its XMP packet states it."""
    found = _XMP_DATE.search(packet[:MAX_SEARCHED_CHARS])
    return stated_time(found[1]) if found else None


def _first_matches(form: re.Pattern[str], packet: str) -> Iterator[tuple[str, str]]:
    for number, found in enumerate(form.finditer(packet)):
        if number == MAX_CLUES:
            return
        yield found[1] or "", found[2] or ""
