"""Record file to a table: its encoding, its separator and its titles."""

from dataclasses import dataclass
from typing import Final

from mediafp.sightings.record_content import RecordContent
from mediafp.sightings.sidecar_content import MAX_SIDECAR_BYTES, UnusableSidecarError
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.table_columns import FILE_COLUMN, field_of_title
from mediafp.sightings.table_content import MAX_TABLE_COLUMNS, TableContent
from mediafp.sightings.table_encoding import UNKNOWN_ENCODING, encoding_name, find_encoding, recode_lines

TABLE_SUFFIXES: Final = (".csv", ".tsv", ".tab", ".csv.gz")
"""Endings of the lower-case names of tables."""
MAX_RECODED_BYTES: Final = 8 * MAX_SIDECAR_BYTES
"""Size, bytes, above which a table in UTF-16 is not read: it is kept in memory in UTF-8. Chosen, not measured."""
MAX_ROWS_BEFORE_TITLES: Final = 5
"""Rows before that of the titles, such as a name of the table or comments. Chosen, not measured."""
DELIMITERS: Final = (",", ";", "\t", "|")
"""Separators of cells; of equal ones the first is taken."""


def is_table_name(name: str) -> bool:
    """Return True if a lower-case file name is that of a table."""
    return name.endswith(TABLE_SUFFIXES)


def open_table(content: RecordContent, warnings: SidecarWarnings) -> TableContent:
    """Return the table in a record file; it is found once.

    Arguments and errors as in `_find_table`.
    """
    if content.table is None:
        collected = SidecarWarnings()
        content.table = _find_table(content, collected), collected
    found_table: TableContent
    found_table, found_warnings = content.table
    warnings.extend(found_warnings)
    return found_table


def _find_table(content: RecordContent, warnings: SidecarWarnings) -> TableContent:
    """Return the table in a record file.

    Args:
        content: Content of the file.
        warnings: Receives the encoding, if it is not UTF-8.

    Raises:
        UnusableSidecarError: It is empty, too large or has too many columns.
    """
    encoding, mark_bytes = find_encoding(content)
    if encoding == UNKNOWN_ENCODING:
        warnings.add(
            f"the encoding of {content.name!r} is unknown: what is not UTF-8 is shown as '?'; save it as UTF-8"
        )
        encoding = "utf-8"
    elif encoding != "utf-8":
        warnings.add(f"the encoding of {content.name!r} is taken to be {encoding_name(encoding)}")
    if encoding.startswith(("utf-16", "utf-32")):
        if content.size > MAX_RECODED_BYTES:
            limit = f"over the limit of {MAX_RECODED_BYTES >> 20} MiB in this encoding"
            raise UnusableSidecarError(f"its {content.size:,} bytes are {limit}; save it as UTF-8")
        content = RecordContent(content.name, recode_lines(content, encoding, mark_bytes))
        encoding, mark_bytes = "utf-8", 0
    delimiter, start = None, mark_bytes
    for offset, line in content.lines(mark_bytes):
        text = line.strip()
        if not text:
            continue
        if text.lower().startswith(b"sep=") and len(text) == 5 and delimiter is None:
            delimiter = text[4:].decode("ascii", "replace")
            continue
        if text.lower() == b"sep=":
            # The separator is a tab.
            delimiter = "\t"
            continue
        start = offset
        break
    else:
        raise UnusableSidecarError("it is empty")
    headers = [
        _find_header(content, encoding, candidate, start) for candidate in ((delimiter,) if delimiter else DELIMITERS)
    ]
    best = max(headers, key=lambda header: (header.known, len(header.titles)))
    return TableContent(content, encoding, best.delimiter, best.end, best.titles)


@dataclass(frozen=True, slots=True)
class _Header:
    """Titles of a table for one separator."""

    delimiter: str
    titles: list[str]
    known: int
    """Number of titles that mean a field."""
    end: int
    """Offset of the row after them."""


def _find_header(content: RecordContent, encoding: str, delimiter: str, start: int) -> _Header:
    """Return the titles for a separator: those of the first row, or of one soon after it that has more, and two at least.

    Before the titles there may be a name of the table, comments, or titles of groups of columns.
    """
    first: _Header | None = None
    best: _Header | None = None
    has_files = False
    for _ in range(MAX_ROWS_BEFORE_TITLES + 1):
        if start >= content.size:
            break
        try:
            cells, end = TableContent(content, encoding, delimiter, start, []).first_row()
            if len(cells) > MAX_TABLE_COLUMNS:
                raise UnusableSidecarError(f"its {len(cells):,} columns are over the limit of {MAX_TABLE_COLUMNS}")
        except UnusableSidecarError:
            if first:
                # A row after the titles, or a text with many of the separators of others.
                break
            raise
        titles = [cell.strip().strip("\ufeff").strip() for cell in cells]
        fields = [field_of_title(title)[0] for title in titles]
        known = sum(map(bool, fields))
        header = _Header(delimiter, titles, known, end)
        first = first or header
        # The words in a row are no titles in place of those that name the files.
        names_files = FILE_COLUMN in fields
        is_better = known > (best.known if best else 0) and names_files >= has_files
        if is_better and (first is header or known > 1):
            best, has_files = header, names_files
        start = end
    assert first, "the table is not empty"
    return best or first
