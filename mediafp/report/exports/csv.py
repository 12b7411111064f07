"""Tables as CSV that a spreadsheet opens without running anything in them."""

import csv
import re
from collections.abc import Iterable, Sequence
from typing import TextIO

from mediafp.report.escaping import CONTROL_CHARACTERS
from mediafp.types.matches import TextLine
from mediafp.types.media import Asset, Sighting
from mediafp.types.transcripts import Transcript

_FORMULA = re.compile(r"[=@\t\r\n]|[+-](?![\d.])")
"""What a spreadsheet takes for a formula at the start of a cell (OWASP, CSV Injection); a number is none."""


def write_csv(out: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a table; a cell that could be run as a formula gets an apostrophe before it, and control characters are escaped."""
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([escape_formula(cell) for cell in row])


def escape_formula(cell: object) -> str:
    text = CONTROL_CHARACTERS.sub(lambda found: f"\\x{ord(found[0]):02x}", "" if cell is None else str(cell))
    return f"'{text}" if _FORMULA.match(text.lstrip(" ")) else text


COLUMNS = ("sha256", "kind", "bytes", "uri", "account", "platform", "url", "title", "text", "posted_at", "captured_at",
           "removed_at", "views", "format", "width", "height", "duration", "transcript", "picture_text")  # fmt: skip
"""Of `export csv`."""


def row(value: Asset, seen: Sighting, said: Transcript | None, written: Sequence[TextLine] | None) -> list[object]:
    """A row of `export csv`: where an asset was seen, what it is, what is said in it and what stands in it."""
    told = {**value.properties, **{name: getattr(seen, name) for name in Sighting.__dataclass_fields__}}
    told |= {"kind": value.kind, "bytes": value.bytes}
    told |= {"transcript": " ".join(u.text for u in said.segments) if said else None}
    told |= {"picture_text": " ".join(line.text for line in written) if written else None}
    return [told.get(name) for name in COLUMNS]
