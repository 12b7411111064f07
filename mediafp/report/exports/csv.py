"""CSV tables that are safe to open in a spreadsheet."""

import csv
import re
from collections.abc import Iterable, Sequence
from typing import Final, TextIO

from mediafp.report.escaping import CONTROL_CHARACTERS
from mediafp.types.matches import TextLine
from mediafp.types.media import Asset, Sighting
from mediafp.types.transcripts import Transcript

ASSET_COLUMNS: Final = ("sha256", "kind", "bytes", "uri", "account", "platform", "url", "title", "text", "posted_at",
                        "captured_at", "removed_at", "views", "format", "width", "height", "duration", "transcript",
                        "picture_text")  # fmt: skip
"""The columns of `export csv`."""
_FORMULA = re.compile(r"[=@\t\r\n]|[+-](?![\d.])")
"""The start of a cell that a spreadsheet runs as a formula (OWASP, CSV Injection); a number does not match."""


def write_csv(file: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table, with formulas and control characters escaped in every cell."""
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([escape_formula(cell) for cell in row])


def escape_formula(cell: object) -> str:
    """Return a cell as text, with an apostrophe in front if a spreadsheet would run it as a formula."""
    text = CONTROL_CHARACTERS.sub(lambda match: f"\\x{ord(match[0]):02x}", "" if cell is None else str(cell))
    return f"'{text}" if _FORMULA.match(text.lstrip(" ")) else text


def asset_row(
    asset: Asset, sighting: Sighting, transcript: Transcript | None, text: Sequence[TextLine] | None
) -> list[object]:
    """Return one row of `export csv`: an asset at one sighting, in the order of ASSET_COLUMNS.

    Args:
        asset: The asset.
        sighting: One of its sightings.
        transcript: Its best transcript, None if there is none.
        text: The lines of text in the image, None if OCR was not run.
    """
    values = {**asset.properties, **{name: getattr(sighting, name) for name in Sighting.__dataclass_fields__}}
    values |= {"kind": asset.kind, "bytes": asset.bytes}
    values |= {"transcript": " ".join(s.text for s in transcript.segments) if transcript else None}
    values |= {"picture_text": " ".join(line.text for line in text) if text else None}
    return [values.get(name) for name in ASSET_COLUMNS]
