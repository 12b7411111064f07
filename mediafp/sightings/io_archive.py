"""Tables of the archive of information operations of Twitter: tweets, and the media in folders of accounts.

`DATE_SET_tweets_csv_hashed.csv` has a row a tweet, its times in UTC. A media file is named `<tweetid>-<key>.jpg`, in a folder
of its account. Ids and names of accounts with few followers are hashes.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import PurePath
from typing import Final

from mediafp.sightings.record_content import RecordContent
from mediafp.sightings.record_keys import id_key
from mediafp.sightings.row_format import Row, RowReader, table_format
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.table import split_files
from mediafp.sightings.values import FieldValues, collect_fields
from mediafp.types.media import SidecarFolder

FIELD_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "account": ("user_screen_name",),
    "account_id": ("userid",),
    "account_name": ("user_display_name",),
    "post_id": ("tweetid",),
    "posted_at": ("tweet_time",),
    "text": ("tweet_text",),
    "language": ("tweet_language",),
}
"""Columns of each field."""
MEDIA_COLUMN: Final = "tweet_media_urls"
"""Column of the addresses of media, which some copies have."""
_MEDIA_NAME: Final = re.compile(r"(\d{5,20})[-_]")
_RETWEET_TEXT: Final = re.compile(r"RT @(\w{1,20}):")


def media_ids(path: str) -> Sequence[str]:
    """Return the id of the tweet in the name of a media file, or the name, which is that of a picture on X."""
    match = _MEDIA_NAME.match(PurePath(path).name)
    return [match[1]] if match else [PurePath(path).stem]


def read_row(row: Row, name: str, warnings: SidecarWarnings) -> list[FieldValues]:
    """Return the sighting of a tweet, and the one of the tweet that it repeats."""
    stated = {key: value for key, value in row.items() if key != "user_screen_name" or value != row.get("userid")}
    if stated.get("user_display_name") == row.get("userid"):
        # The hash of an id is neither a handle nor a name.
        del stated["user_display_name"]
    fields = collect_fields(stated, FIELD_KEYS, name, warnings, zone=UTC, is_row=True)
    fields["platform"] = "twitter"
    if row.get("is_retweet", "").lower() not in ("true", "1"):
        return [fields]
    fields["role"] = "repost"
    keys = {"account_id": ("retweet_userid",), "post_id": ("retweet_tweetid",)}
    original = collect_fields(row, keys, name, warnings, is_row=True)
    if match := _RETWEET_TEXT.match(row.get("tweet_text", "")):
        original["account"] = match[1]
    return [fields, {"platform": "twitter", "role": "original", **original}] if original else [fields]


def _make_reader(content: RecordContent, folder: SidecarFolder) -> RowReader:
    def keys(row: Row) -> Sequence[str]:
        names = [PurePath(path).stem for path in split_files(row.get(MEDIA_COLUMN, ""))]
        return [id_key(one) for one in (row.get("tweetid", ""), *names) if one]

    return RowReader(
        keys=keys,
        # No column says whether a tweet has media.
        names_media=lambda row: False,
        read=read_row,
        label=lambda row: row.get("tweetid", ""),
    )


IO_ARCHIVE: Final = table_format(
    "X information operations archive",
    ("tweetid", "userid", "tweet_text", "tweet_time"),
    _make_reader,
    media_ids,
)
