"""Tables with the columns of CrowdTangle, in which posts of Facebook and Instagram, also removed ones, are shared."""

from collections.abc import Mapping
from typing import Final

from mediafp.sightings.record_content import RecordContent
from mediafp.sightings.record_format import RecordFormat
from mediafp.sightings.sidecar_content import UnusableSidecarError
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.table import TableRecords, media_ids, name_columns, read_column_map
from mediafp.sightings.table_opening import is_table_name, open_table
from mediafp.types.media import SidecarFolder

COLUMNS: Final[Mapping[str, str]] = {
    "Page Name": "account_name",
    "Group Name": "account_name",
    "Account": "account_name",
    "User Name": "account",
    "Facebook Id": "account_id",
    "Post Created": "posted_at",
    "Post Views": "views",
    "Views": "views",
    "URL": "url",
    "Message": "text",
    "Description": "text",
    "Title": "title",
}
"""Field of each column, where the title alone would mean another one; of two columns of one field the first with a value is
used."""
UNUSED_COLUMNS: Final = frozenset((
    "Page Category", "Page Admin Top Country", "Page Description", "Page Created", "Likes at Posting",
    "Followers at Posting", "Post Created Date", "Post Created Time", "Type", "Total Interactions", "Likes", "Comments",
    "Shares", "Love", "Wow", "Haha", "Sad", "Angry", "Care", "Video Share Status", "Is Video Owner?", "Total Views",
    "Total Views For All Crossposts", "Video Length", "Link", "Final Link", "Image Text", "Link Text", "Photo", "Sponsor Id",
    "Sponsor Name", "Sponsor Category", "Overperforming Score", "Platform Id", "Group Id",
))  # fmt: skip
"""Columns that state nothing of a sighting; `Link` is where a post leads."""


def open_takedown(content: RecordContent, folder: SidecarFolder, warnings: SidecarWarnings) -> TableRecords | None:
    """Open a table of posts of Facebook or Instagram; None if it has other columns."""
    table_warnings = SidecarWarnings()
    try:
        table = open_table(content, table_warnings)
    except UnusableSidecarError:
        # The table of sightings states the reason.
        return None
    titles = set(table.header)
    if "Post Created" not in titles or not titles & {"Facebook Id", "Page Name", "Group Name", "User Name"}:
        return None
    warnings.extend(table_warnings)
    platform = "facebook" if titles & {"Facebook Id", "Page Name", "Group Name"} else "instagram"
    mapped = {**COLUMNS, **read_column_map(folder, warnings)}
    columns = name_columns(table, mapped, warnings, alternatives=COLUMNS, unused=UNUSED_COLUMNS)
    return TableRecords(table, columns, warnings, platform=platform)


TAKEDOWN: Final = RecordFormat(name="CrowdTangle", matches=is_table_name, open=open_takedown, media_ids=media_ids)
