"""Tables as CSV that a spreadsheet opens without running anything in them."""

import csv
import re
from collections.abc import Iterable, Sequence
from typing import TextIO

from mediafp.unseen import CONTROL_CHARACTERS

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
