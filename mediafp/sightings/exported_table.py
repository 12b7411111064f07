"""Tables that `mediafp export csv` writes, also after an analyst has corrected or extended them."""

from typing import Final

from mediafp.sightings.record_content import RecordContent
from mediafp.sightings.record_format import RecordFormat
from mediafp.sightings.sidecar_content import UnusableSidecarError
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.table import TableRecords, media_ids, name_columns, read_column_map
from mediafp.sightings.table_columns import FILE_COLUMN
from mediafp.sightings.table_opening import is_table_name, open_table
from mediafp.types.media import SidecarFolder

KEY_COLUMNS: Final = frozenset(("sha256", "uri", "source"))
"""Columns by which the tables are recognised."""
UNUSED_COLUMNS: Final = frozenset((
    "sha256", "kind", "bytes", "precision", "source", "format", "width", "height", "duration", "transcript", "picture_text",
))  # fmt: skip
"""Columns that state nothing of a sighting: an ingest finds them out itself."""


def open_exported(content: RecordContent, folder: SidecarFolder, warnings: SidecarWarnings) -> TableRecords | None:
    """Open a table of `export csv`; None if it has other columns."""
    table_warnings = SidecarWarnings()
    try:
        table = open_table(content, table_warnings)
    except UnusableSidecarError:
        # The table of sightings states the reason.
        return None
    if not set(table.header) >= KEY_COLUMNS:
        return None
    warnings.extend(table_warnings)
    # Elsewhere `uri` is the address of the post; here it is the path of the file.
    mapped = {"uri": FILE_COLUMN, **read_column_map(folder, warnings)}
    return TableRecords(table, name_columns(table, mapped, warnings, unused=UNUSED_COLUMNS), warnings)


EXPORTED_TABLE: Final = RecordFormat(
    name="mediafp export", matches=is_table_name, open=open_exported, media_ids=media_ids
)
