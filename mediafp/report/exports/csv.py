"""CSV tables that are safe to open in a spreadsheet."""

import csv
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, TextIO

from mediafp.report.escaping import escape_character, is_hidden, replace_hidden
from mediafp.types.kept_matches import MatchRecord
from mediafp.types.matches import Segment, TextLine
from mediafp.types.media import Asset
from mediafp.types.sightings import Sighting
from mediafp.types.transcripts import Transcript
from mediafp.types.video_text import VideoTextLine

ASSET_COLUMNS: Final = ("sha256", "kind", "bytes", "uri", "account", "platform", "url", "title", "text", "posted_at",
                        "captured_at", "removed_at", "views", "format", "width", "height", "duration", "transcript",
                        "picture_text")  # fmt: skip
"""The columns of `export csv`."""
SIGHTING_COLUMNS: Final = ("uri", "account", "platform", "url", "posted_at")
"""The columns of each of both assets in `export matches --csv`, of its oldest sighting."""
MATCH_COLUMNS: Final = ("a", "b", "query", "channel", "relation", "verdict", "probability", "coverage_a", "coverage_b",
                        "segments", "why", *(f"{side}_{name}" for side in "ab" for name in (*SIGHTING_COLUMNS, "sightings"))
                        )  # fmt: skip
"""The columns of `export matches --csv`."""
BYTE_ORDER_MARK: Final = "\ufeff"
"""Start of a table that Excel then reads as UTF-8."""
_SEPARATOR: Final = re.compile(r"([,;|\t\n\r])")
"""Characters at which a spreadsheet may split a cell: its list separator depends on the locale, and it ignores quotation
marks that do not stand next to that separator."""
_OPERATORS: Final = frozenset("=+-@\u2212")
"""First characters of a formula (OWASP, CSV Injection), and the minus sign."""
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
"""A number, which is no formula although it may start with an operator."""
_MENTION: Final = re.compile(r"\s*@[\w .@\-]*[!?:]?")
"""A mention of an account within a text: a spreadsheet that splits the text there finds a name, and nothing to compute."""


def write_csv(
    file: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]], *, byte_order_mark: bool = False
) -> None:
    """Write a table, with formulas and invisible characters escaped in every cell."""
    if byte_order_mark:
        file.write(BYTE_ORDER_MARK)
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([escape_formula(cell) for cell in row])


def escape_formula(cell: object) -> str:
    """Return a cell as text, with an apostrophe before each part that a spreadsheet could run as a formula.

    A part is the cell itself, or what follows a separator in it: a spreadsheet with another list separator splits there.
    """
    text = "" if cell is None else str(cell)
    parts = _SEPARATOR.split(text)
    parts[0] = f"'{parts[0]}" if text[:1] in ("\t", "\r", "\n") or _is_formula(parts[0]) else parts[0]
    for n in range(2, len(parts), 2):
        if _is_formula(parts[n]) and not _MENTION.fullmatch(parts[n]):
            parts[n] = f"'{parts[n]}"
    return replace_hidden("".join(parts), escape_character, keep="\t\n")


def _is_formula(part: str) -> bool:
    """Return True if a text starts with an operator, behind white space, invisible characters and quotation marks."""
    if _NUMBER.fullmatch(part.strip(" ")):
        return False
    # Full-width, small and superscript forms count as the operators that they stand for.
    first = next((c for c in part if not (c == '"' or c.isspace() or is_hidden(c))), "")
    return unicodedata.normalize("NFKC", first) in _OPERATORS


def asset_row(
    asset: Asset,
    sighting: Sighting,
    transcript: Transcript | None,
    text: Sequence[TextLine] | Sequence[VideoTextLine] | None,
) -> list[object]:
    """Return one row of `export csv`: an asset at one sighting, in the order of ASSET_COLUMNS.

    Args:
        asset: The asset.
        sighting: One of its sightings.
        transcript: Its best transcript, None if there is none.
        text: The lines of text in the image, or on screen of the video; None if OCR was not run.
    """
    values = {**asset.properties, **{name: getattr(sighting, name) for name in Sighting.__dataclass_fields__}}
    values |= {"kind": asset.kind, "bytes": asset.bytes}
    values |= {"transcript": " ".join(s.text for s in transcript.segments) if transcript else None}
    values |= {"picture_text": " ".join(line.text for line in text) if text else None}
    return [values.get(name) for name in ASSET_COLUMNS]


def match_row(record: MatchRecord) -> list[object]:
    """Return one row of `export matches --csv`, in the order of MATCH_COLUMNS; `a_sightings` is the number of sightings."""
    match = record.match
    row: list[object] = [
        *(record.a, record.b, record.query, record.channel, record.relation, match.verdict, match.probability),
        *record.coverage,
        " / ".join(map(_segment_text, match.segments)),
        "; ".join(match.why),
    ]
    for sightings in (record.a_sightings, record.b_sightings):
        row += [getattr(sightings[0], name) if sightings else None for name in SIGHTING_COLUMNS]
        row.append(len(sightings))
    return row


def _segment_text(segment: Segment) -> str:
    """Return a segment as `picture 12.0 to 17.0 = 33.0 to 38.0`: the times of the query, and those of the reference."""
    spans = (segment.query, segment.reference)
    return f"{segment.channel} " + " = ".join(f"{span[0]} to {span[1]}" if span else "image" for span in spans)
