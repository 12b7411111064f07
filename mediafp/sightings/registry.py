"""Formats of sidecars and of record files. A new one is a module of its own, and a line here."""

import re
from typing import Final

from mediafp.sightings.auto_archiver import AUTO_ARCHIVER
from mediafp.sightings.exported_table import EXPORTED_TABLE
from mediafp.sightings.gallery_dl import GALLERY_DL
from mediafp.sightings.instaloader import INSTALOADER
from mediafp.sightings.instaloader_profile import INSTALOADER_PROFILE
from mediafp.sightings.io_archive import IO_ARCHIVE
from mediafp.sightings.received_names import RECEIVED
from mediafp.sightings.record_format import RecordFormat
from mediafp.sightings.sidecar_format import SidecarFormat
from mediafp.sightings.table import TABLE
from mediafp.sightings.takedown import TAKEDOWN
from mediafp.sightings.telegram_export import TELEGRAM
from mediafp.sightings.telegram_pages import TELEGRAM_PAGES
from mediafp.sightings.tweets import TWEETS
from mediafp.sightings.weibo_crawler import WEIBO_CRAWLER
from mediafp.sightings.weibo_crawler_json import WEIBO_CRAWLER_JSON
from mediafp.sightings.yt_dlp import YT_DLP

SIDECAR_FORMATS: Final[tuple[SidecarFormat, ...]] = (
    RECEIVED,
    YT_DLP,
    INSTALOADER,
    GALLERY_DL,
)
"""Formats of sidecars of one media file; the first that accepts the content of a file reads it."""
RECORD_FORMATS: Final[tuple[RecordFormat, ...]] = (
    IO_ARCHIVE,
    WEIBO_CRAWLER,
    WEIBO_CRAWLER_JSON,
    AUTO_ARCHIVER,
    TAKEDOWN,
    EXPORTED_TABLE,
    TELEGRAM,
    TELEGRAM_PAGES,
    TWEETS,
    INSTALOADER_PROFILE,
    TABLE,
)
"""Formats of files about many media files; the first that accepts the content of a file reads it. The table comes last:
it accepts what has a column of file names."""
SIDECAR_SUFFIXES: Final = (
    ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".tab", ".json.xz", ".json.gz", ".jsonl.gz", ".jsonl.xz", ".csv.gz", ".jl",
    ".ndjson.gz",
)  # fmt: skip
"""Endings of the lower-case names of files that are read as sidecars, and never as media."""
SIDECAR_NAMES: Final = re.compile(r"messages\d{0,5}\.html|account\.js|(?!note-)(?:.*[-_])?tweets?(?:-part\d+)?\.js")
"""Further lower-case names of such files."""
