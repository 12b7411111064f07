"""Sidecars of mediafp: `NAME.json` beside a file that was received by the workbench, with the name that it had before.

Received files are stored under their SHA-256. The name that the user's file had is kept beside it, since names are evidence.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from mediafp.sightings.sidecar_format import SidecarFormat, SidecarText
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.values import FieldValues
from mediafp.types.sightings import Clue

KEY: Final = "mediafp_received"
"""Key by which such a sidecar is recognised; its value is the version of the format."""
VERSION: Final = 1
MAX_BYTES: Final = 16 << 10
"""Bytes of such a sidecar: a name has at most 255 characters, each of which JSON writes as twelve bytes or fewer."""
MAX_NAME_CHARS: Final = 255
"""Characters of a name that are kept: as many as file systems allow."""
SOURCE: Final = "received"
"""Source of the clue that states the name."""


def received_sidecar_name(media_name: str) -> str:
    """Return the name of the sidecar of a received file."""
    return f"{media_name}.json"


def write_received_name(name: str, received_at: str) -> bytes:
    """Return the content of a sidecar that states the name which a file had when it was received."""
    return json.dumps({KEY: VERSION, "name": name, "received_at": received_at}, ensure_ascii=True).encode()


def read_received_name(content: bytes) -> str | None:
    """Return the name that a sidecar states; None if it is of another format."""
    if len(content) > MAX_BYTES or KEY.encode() not in content:
        return None
    try:
        record: Any = json.loads(content)
    except (ValueError, RecursionError):
        return None
    name = record.get("name") if isinstance(record, dict) and record.get(KEY) == VERSION else None
    return name if isinstance(name, str) and 0 < len(name) <= MAX_NAME_CHARS else None


def received_name_clue(name: str) -> Clue:
    """Return the clue that states the name which a received file had."""
    return Clue(kind="file_name", value=name, source=SOURCE, trust="low")


def _read(text: SidecarText, warnings: SidecarWarnings) -> Sequence[FieldValues] | None:
    """Return no sightings: the name of a file says nothing about who posted it."""
    return None if read_received_name(text.content) is None else ()


RECEIVED: Final = SidecarFormat(name="mediafp", names=lambda name: (received_sidecar_name(name),), read=_read)
