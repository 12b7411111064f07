"""Tables of weibo-crawler: `SCREEN NAME/UID.csv`, with pictures in `img` and videos in `video` beside it.

A picture is named `<date>T_<id>_<number>.jpg`, where id is that of the post, or of the post that it repeats. Times are those of
Beijing.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import PurePath
from typing import Final

from mediafp.sightings.record_content import RecordContent
from mediafp.sightings.record_keys import id_key
from mediafp.sightings.row_format import Row, RowReader, table_format
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.table import media_ids
from mediafp.sightings.table_columns import BEIJING
from mediafp.sightings.values import FieldValues, collect_fields
from mediafp.types.media import SidecarFolder

SOURCE: Final = "源微博"
"""Beginning of the titles of the columns about the post that is repeated."""
FIELD_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "account": ("用户昵称", "昵称", "screen_name"),
    "account_id": ("用户id", "user_id"),
    "post_id": ("id",),
    "posted_at": ("完整日期", "日期"),
    "text": ("正文",),
}
"""Columns of each field."""
ORIGINAL_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "account": ("源用户昵称",),
    "account_id": ("源用户id",),
    **{field: tuple(SOURCE + key for key in FIELD_KEYS[field]) for field in ("post_id", "posted_at", "text")},
}
"""Columns of each field of the post that is repeated."""
MEDIA_COLUMNS: Final = ("原始图片url", "视频url", "Live Photo视频url", SOURCE + "原始图片url", SOURCE + "视频url")
"""Columns that are filled if a post has media."""
MEDIA_FOLDERS: Final = ("img/", "video/", "live_photo/")
"""Folders beside a table, of which the one above them is named after the account."""
LIVE_PHOTO: Final = "Live Photo视频url"
TRUTHS: Final = ("True", "False")
_MAX_LISTED_PATHS: Final = 10_000


def align_cells(header: Sequence[str], cells: Sequence[str]) -> Sequence[str]:
    """Return the cells of a row under their titles.

    Some versions write the address of live photos behind that of the video, without a title.
    """
    if LIVE_PHOTO in header or "是否原创" not in header:
        return cells
    number = header.index("是否原创")
    if len(cells) < number + 2 or cells[number] in TRUTHS or cells[number + 1] not in TRUTHS:
        return cells
    aligned = list(cells)
    for title in (SOURCE + "视频url", "视频url"):
        # The later one first, so that the place of the other one is still known.
        place = header.index(title) + 1 + (title != "视频url") if title in header else len(aligned)
        del aligned[place : place + 1]
    return aligned


def _make_reader(content: RecordContent, folder: SidecarFolder) -> RowReader:
    uid = PurePath(content.name).stem
    owner: dict[str, str] = {"account_id": uid} if uid.isdigit() else {}
    screen_name = PurePath(folder.path).name
    is_own_folder = any(path.startswith(MEDIA_FOLDERS) for path in islice(folder.paths_below(), _MAX_LISTED_PATHS))
    if owner and is_own_folder and not screen_name.isdigit():
        owner["account"] = screen_name

    def keys(row: Row) -> Sequence[str]:
        return [id_key(row[title]) for title in ("id", SOURCE + "id") if row.get(title)]

    def read(row: Row, name: str, warnings: SidecarWarnings) -> Sequence[FieldValues]:
        fields = {
            **owner,
            **collect_fields(row, FIELD_KEYS, name, warnings, zone=BEIJING, is_row=True),
            "platform": "weibo",
        }
        fields = with_url(fields, row.get("bid"))
        original = collect_fields(row, ORIGINAL_KEYS, name, warnings, zone=BEIJING, is_row=True)
        if not original.get("post_id"):
            return [fields]
        original = with_url({**original, "platform": "weibo", "role": "original"}, row.get(SOURCE + "bid"))
        return [{**fields, "role": "repost"}, original]

    return RowReader(
        keys=keys,
        names_media=lambda row: any(row.get(title) for title in MEDIA_COLUMNS),
        read=read,
        label=lambda row: row.get("id", ""),
        align=align_cells,
    )


def with_url(fields: FieldValues, bid: object) -> FieldValues:
    """Return fields with the address of the post, if it is known for certain."""
    account_id = fields.get("account_id")
    if not (isinstance(bid, str) and account_id and bid.isalnum()):
        return fields
    return {**fields, "url": f"https://weibo.com/{account_id}/{bid}"}


WEIBO_CRAWLER: Final = table_format("weibo-crawler", ("id", "bid", "正文", "日期"), _make_reader, media_ids)
