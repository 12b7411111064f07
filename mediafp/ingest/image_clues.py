"""Clues in the metadata of an image: EXIF, IPTC, XMP, comments and texts."""

import re
from collections.abc import Mapping
from typing import Any, Final

from PIL import ExifTags, Image, ImageFile, IptcImagePlugin

from mediafp.ingest.content_credentials import manifest_clues
from mediafp.ingest.metadata_clues import (
    MAX_SEARCHED_CHARS,
    attempt,
    distinct_clues,
    marks,
    stated_time,
    text_clue,
    xmp_clues,
    xmp_time,
)
from mediafp.types.sightings import Clue

_IPTC_TEXTS: Final = (
    ((2, 103), "transmission_reference"),
    ((2, 65), "software"),
    ((2, 80), "author"),
    ((2, 110), "credit"),
)
"""Data sets of IPTC, and the kind of their clues."""
_UPLOAD_MARK: Final = "FBMD"
"""Start of the special instructions that Facebook and Instagram write into each picture."""
_INSTRUCTIONS: Final = (2, 40)
_GENERATORS: Final[Mapping[str, str]] = {
    "parameters": "Stable Diffusion web UI",
    "workflow": "ComfyUI",
    "prompt": "ComfyUI",
    "invokeai_metadata": "InvokeAI",
    "sd-metadata": "InvokeAI",
    "dream": "InvokeAI",
    "fooocus_scheme": "Fooocus",
}
"""Names of texts in PNG files, and the program that writes each."""
_GENERATOR_SETTINGS: Final = re.compile(r"\bSteps: \d{1,6}, .{0,300}?\bSampler: ")
_MODEL: Final = re.compile(r"\bModel: ([^,\n]{1,100})")
_JOB: Final = re.compile(r"\bJob ID: ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.ASCII)
_MADE_WITH: Final = re.compile(
    r"\b(?:created|made|edited|generated) (?:with|by|using) ([^\n]{2,80})|^CREATOR: ([^,(]{2,60})", re.IGNORECASE
)
_USER_COMMENT_CODES: Final = {b"UNICODE\0": "utf-16", b"ASCII\0\0\0": "utf-8", bytes(8): "utf-8"}


def image_clues(image: Image.Image) -> list[Clue]:
    """Return the clues in the metadata of an image whose header was read. Damaged metadata give none.

    Args:
        image: The image in Pillow's form.
    """
    found: list[Clue] = []
    for read in (_exif_clues, _iptc_clues, _xmp_clues, _text_clues, _provenance_clues):
        found += attempt(read, image)
    if not any(clue.kind == "time" for clue in found):
        found += attempt(_xmp_time_clues, image)
    return distinct_clues(found)


def _exif_clues(image: Image.Image) -> list[Clue]:
    exif = image.getexif()
    if not exif:
        return []
    photo = exif.get_ifd(ExifTags.IFD.Exif)
    maker, model = (str(exif.get(tag, "")).strip(" \0") for tag in (ExifTags.Base.Make, ExifTags.Base.Model))
    device = model if model.lower().startswith(maker.lower().split(" ")[0]) else f"{maker} {model}"
    time = (
        stated_time(photo.get(ExifTags.Base.DateTimeOriginal), photo.get(ExifTags.Base.OffsetTimeOriginal))
        or stated_time(photo.get(ExifTags.Base.DateTimeDigitized), photo.get(ExifTags.Base.OffsetTimeDigitized))
        or stated_time(exif.get(ExifTags.Base.DateTime), photo.get(ExifTags.Base.OffsetTime))
    )
    found = text_clue("time", time, "EXIF", "medium") + text_clue("device", device, "EXIF", "medium")
    found += text_clue("device_serial", photo.get(ExifTags.Base.BodySerialNumber), "EXIF", "medium")
    found += text_clue("software", exif.get(ExifTags.Base.Software), "EXIF", "medium")
    found += text_clue("software", exif.get(ExifTags.Base.ProcessingSoftware), "EXIF", "medium")
    found += text_clue("author", exif.get(ExifTags.Base.Artist), "EXIF", "low")
    found += text_clue("location", _location(exif.get_ifd(ExifTags.IFD.GPSInfo)), "EXIF", "medium")
    comment = _user_comment(photo.get(ExifTags.Base.UserComment))
    return found + _free_text_clues(comment, "EXIF comment")


def _user_comment(value: object) -> str:
    if not isinstance(value, bytes):
        return value if isinstance(value, str) else ""
    encoding = _USER_COMMENT_CODES.get(value[:8])
    if encoding == "utf-16":
        # Programs write either byte order, without a mark.
        encoding = "utf-16-be" if value[8:9] == b"\0" else "utf-16-le"
    return value[8:].decode(encoding, "replace") if encoding else value.decode("utf-8", "replace")


def _location(gps: Mapping[int, Any]) -> str | None:
    """Return latitude and longitude in degrees, such as `31.23040,121.47370`; None without a place on earth."""
    degrees = []
    for tag, negative, limit in ((ExifTags.GPS.GPSLatitude, "S", 90), (ExifTags.GPS.GPSLongitude, "W", 180)):
        parts = gps.get(tag)
        if not parts:
            return None
        value = sum(float(part) / 60**power for power, part in enumerate(parts))
        if not 0 <= value <= limit:
            return None
        degrees.append(-value if str(gps.get(tag - 1, "")).upper().startswith(negative) else value)
    return f"{degrees[0]:.5f},{degrees[1]:.5f}" if any(degrees) else None


def _iptc_clues(image: Image.Image) -> list[Clue]:
    if image.format not in ("JPEG", "MPO", "TIFF") or not isinstance(image, ImageFile.ImageFile):
        return []
    sets: Mapping[tuple[int, int], object] = IptcImagePlugin.getiptcinfo(image) or {}
    found: list[Clue] = []
    instructions = text_clue("upload_mark", _first(sets.get(_INSTRUCTIONS)), "IPTC", "high")
    if instructions and instructions[0].value.startswith(_UPLOAD_MARK):
        found += [Clue(kind="platform", value=name, source="IPTC", trust="high") for name in ("facebook", "instagram")]
        found += instructions
    for key, kind in _IPTC_TEXTS:
        found += text_clue(kind, _first(sets.get(key)), "IPTC", "medium")
    return found


def _first(value: object) -> object:
    """Return a value of IPTC, the first one if a data set is repeated."""
    return value[0] if isinstance(value, list) and value else value


def _xmp_packet(image: Image.Image) -> str:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or ""
    if not packet and image.format == "TIFF":
        packet = image.tag_v2.get(700, b"")  # type: ignore[attr-defined]
    return packet.decode("utf-8", "replace") if isinstance(packet, bytes) else str(packet)


def _xmp_clues(image: Image.Image) -> list[Clue]:
    return xmp_clues(_xmp_packet(image))


def _xmp_time_clues(image: Image.Image) -> list[Clue]:
    return text_clue("time", xmp_time(_xmp_packet(image)), "XMP", "medium")


def _text_clues(image: Image.Image) -> list[Clue]:
    """Return the clues in the comments of a JPEG or GIF and the texts of a PNG."""
    comment = image.info.get("comment", "")
    comment = comment.decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment)
    found = _free_text_clues(comment, "comment")
    if image.format != "PNG":
        return found
    texts = {str(name): str(text) for name, text in image.info.items() if isinstance(text, str)}
    for name, text in texts.items():
        if name.lower() == "software":
            found += text_clue("software", text, "PNG text", "medium")
        elif name in _GENERATORS and (name != "parameters" or _GENERATOR_SETTINGS.search(text)):
            found += text_clue("software", _GENERATORS[name], "PNG text", "medium")
        elif name in ("author", "Author"):
            found += text_clue("author", text, "PNG text", "low")
        if name != "XML:com.adobe.xmp":
            found += [clue for clue in _free_text_clues(text, "PNG text") if clue.kind != "comment"]
    return found


def _free_text_clues(text: str, source: str) -> list[Clue]:
    """Return the clues in a text that a program or a person wrote."""
    text = text[:MAX_SEARCHED_CHARS]
    found = marks(text, source)
    if _GENERATOR_SETTINGS.search(text):
        found += text_clue("software", _GENERATORS["parameters"], source, "medium")
        if model := _MODEL.search(text):
            found += text_clue("ai_model", model[1], source, "medium")
    if job := _JOB.search(text):
        found += text_clue("software", "Midjourney", source, "medium") + text_clue("job_id", job[1], source, "high")
    if made := _MADE_WITH.search(text):
        found += text_clue("software", made[1] or made[2], source, "low")
    return found or text_clue("comment", text, source, "low")


def _provenance_clues(image: Image.Image) -> list[Clue]:
    """Return the clues in the manifest of C2PA that the segments of a JPEG or a chunk of a PNG contain."""
    # The segments of a JPEG continue one another, behind a head of their own.
    segments = [data for name, data in getattr(image, "applist", ()) if name == "APP11" and data[:2] == b"JP"]
    boxes = b"".join(data[8:] for data in segments)
    boxes += b"".join(chunk[1] for chunk in getattr(image, "private_chunks", ()) if chunk[0] == b"caBX")
    return manifest_clues(boxes) if b"c2pa" in boxes else []
