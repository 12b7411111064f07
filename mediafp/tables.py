"""Tables as CSV that a spreadsheet opens without running anything in them."""

import csv
import re
from collections.abc import Iterable, Sequence
from typing import TextIO

_FORMULA = re.compile(r"[=@\t\r\n]|[+-](?![\d.])")
"""What a spreadsheet takes for a formula at the start of a cell (OWASP, CSV Injection); a number is none."""

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What a terminal would obey and nobody would see: control characters but tab and line feed, and turns of direction."""


def write_csv(out: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a table; a cell that could be run as a formula gets an apostrophe before it, and control characters are escaped."""
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([_harmless(cell) for cell in row])


def _harmless(cell: object) -> str:
    text = _UNSEEN.sub(lambda found: f"\\x{ord(found[0]):02x}", "" if cell is None else str(cell))
    return f"'{text}" if _FORMULA.match(text.lstrip(" ")) else text
