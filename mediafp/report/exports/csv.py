"""CSV tables that are safe to open in a spreadsheet."""

import csv
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TextIO

from mediafp.report.doubted_words import mark_guesses
from mediafp.report.escaping import escape_character, is_hidden, replace_hidden
from mediafp.types.coshares import SharedPost
from mediafp.types.kept_matches import MatchRecord
from mediafp.types.matches import Segment, TextLine
from mediafp.types.media import Asset
from mediafp.types.sightings import Sighting
from mediafp.types.transcripts import Transcript
from mediafp.types.video_text import VideoTextLine

ASSET_COLUMNS: Final = ("sha256", "kind", "bytes", "uri", "account", "account_id", "account_name", "platform", "url", "post_id",
                        "title", "text", "language", "posted_at", "captured_at", "removed_at", "precision", "views", "role",
                        "source", "format", "width", "height", "duration", "transcript", "picture_text")  # fmt: skip
"""The columns of `export csv`."""
NAME_COLUMNS: Final = ("account", "account_id", "account_name", "post_id")
"""Columns of names and ids, which a spreadsheet must not turn into numbers or dates."""
COSHARE_COLUMNS: Final = ("object_id", "account_id", "account_id_y", "content_id", "content_id_y", "timestamp_share",
                          "timestamp_share_y", "time_delta")  # fmt: skip
"""The columns of `export coshare`: those of CooRTweet's `detect_groups`, and the times of both posts."""
SIGHTING_COLUMNS: Final = ("uri", "account", "platform", "url", "posted_at")
"""The columns of each of both assets in `export matches --csv`, of its oldest sighting."""
MATCH_COLUMNS: Final = ("a", "b", "query", "channel", "relation", "translated", "verdict", "probability", "coverage_a",
                        "coverage_b", "segments", "why",
                        *(f"{side}_{name}" for side in "ab" for name in (*SIGHTING_COLUMNS, "sightings")))  # fmt: skip
"""The columns of `export matches --csv`."""
DECISION_COLUMNS: Final = (
    "n",
    "at",
    "what",
    "by",
    "subject",
    "a",
    "b",
    "decision",
    "note",
    "decided_by",
    "decided_at",
    "act",
)
"""The columns of `decisions --csv`; without `--history`, the first four are omitted."""
DECISION_NAME_COLUMNS: Final = ("by", "a", "b", "note", "decided_by", "act")
"""Those of names and words, which a spreadsheet must not turn into numbers or dates."""
BYTE_ORDER_MARK: Final = "\ufeff"
"""Start of a table that Excel then reads as UTF-8."""
_SEPARATOR: Final = re.compile(r"([,;|\t\n\r])")
"""Characters at which a spreadsheet may split a cell: its list separator depends on the locale, and it ignores quotation
marks that do not stand next to that separator."""
_OPERATORS: Final = frozenset("=+-@\u2212")
"""First characters of a formula (OWASP, CSV Injection), and the minus sign."""
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
"""A number, which is no formula although it may start with an operator."""
_CONVERTED: Final = re.compile(
    r"[+-]?[.,]?\d[\d.,' ]*(e[+-]?\d+)?%?"  # a number, also in E-notation and with separators
    r"|\d{1,4}([-/.]\d{1,2}){1,2}([-/.]\d{2,4})?|\d+:[\d:.]+( ?[ap]m?)?"  # a date or a time of day
    r"|(\d+[-/ ]?)?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-/ ]?\d*"  # a month
    r"|true|false",
    re.ASCII | re.IGNORECASE,
)
"""Texts that Excel, LibreOffice or Google Sheets turn into a number, a date or a truth value: an id of 19 digits loses the
last four, and the account `march1` becomes a day."""
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


def keep_as_text(name: str | None) -> str | None:
    """Return a name or an id with an apostrophe before it if a spreadsheet would turn it into something else.

    An apostrophe makes it a text in Excel, LibreOffice and Google Sheets, whichever way the table gets there; a leading tab is
    lost in the import of some, and `="…"` is a formula. The tables that mediafp reads may contain it: it is removed
    from names and ids, so that a name which begins with one gets a second.
    """
    return f"'{name}" if name and (name.startswith("'") or _CONVERTED.fullmatch(name.strip())) else name


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
    values |= {"precision": sighting.precision} | {name: keep_as_text(getattr(sighting, name)) for name in NAME_COLUMNS}
    values |= {"kind": asset.kind, "bytes": asset.bytes}
    values |= {"transcript": " ".join(map(mark_guesses, transcript.segments)) if transcript else None}
    values |= {"picture_text": " ".join(line.text for line in text) if text else None}
    return [values.get(name) for name in ASSET_COLUMNS]


def match_row(record: MatchRecord) -> list[object]:
    """Return one row of `export matches --csv`, in the order of MATCH_COLUMNS; `a_sightings` is the number of sightings."""
    match = record.match
    # As JSON writes it, and not as Python does.
    translated = None if record.translated is None else str(record.translated).lower()
    row: list[object] = [
        *(
            record.a,
            record.b,
            record.query,
            record.channel,
            record.relation,
            translated,
            match.verdict,
            match.probability,
        ),
        *record.coverage,
        " / ".join(map(_segment_text, match.segments)),
        "; ".join(match.why),
    ]
    for sightings in (record.a_sightings, record.b_sightings):
        values = [getattr(sightings[0], name) if sightings else None for name in SIGHTING_COLUMNS]
        row += [
            keep_as_text(value) if name in NAME_COLUMNS else value
            for name, value in zip(SIGHTING_COLUMNS, values, strict=True)
        ]
        row.append(len(sightings))
    return row


def coshare_row(post: SharedPost) -> list[object]:
    """Return one row of `export coshare`, in the order of COSHARE_COLUMNS."""
    values = [getattr(post, name) for name in COSHARE_COLUMNS]
    return [keep_as_text(value) if isinstance(value, str) else value for value in values]


def decision_row(line: Mapping[str, object]) -> list[object]:
    """Return one row of `decisions --csv`, in the order of DECISION_COLUMNS, from a line of its JSON."""
    return [
        keep_as_text(str(line[name])) if name in DECISION_NAME_COLUMNS else line[name]
        for name in DECISION_COLUMNS
        if name in line
    ]


def _segment_text(segment: Segment) -> str:
    """Return a segment as `picture 12.0 to 17.0 = 33.0 to 38.0`: the times of the query, and those of the reference."""
    spans = (segment.query, segment.reference)
    return f"{segment.channel} " + " = ".join(f"{span[0]} to {span[1]}" if span else "image" for span in spans)
