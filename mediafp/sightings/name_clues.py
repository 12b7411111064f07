"""Clues in the name of a media file: accounts, ids and times that platforms and programs write into names.

A name that only looks like one of them gives no clue: each id must contain a time that can be true, a number that users have,
or digits that ids have.
"""

import re
from collections.abc import Callable
from typing import Final

from mediafp.sightings import platform_ids
from mediafp.sightings.name_patterns import NAME_PATTERNS, NamePattern
from mediafp.types.clue_times import calendar_day, clock_time, unix_time
from mediafp.types.media import MEDIA_SUFFIXES, VIDEO_SUFFIXES
from mediafp.types.sightings import Clue, Trust

SOURCE: Final = "file name"
"""Source of the clues in a name."""
MAX_NAME_CHARS: Final = 1_000
"""Characters of a name that are searched; names on disk have at most 255 bytes. Chosen, not measured."""
_SIZE_SUFFIX: Final = re.compile(r"(\.\w{2,5})(?:_large|_orig|-large|:large|:orig)$", re.ASCII)
_COPY: Final = re.compile(
    r"(?:[ _]?\(\d{1,3}\)| - copy(?: \(\d+\))?| copy(?: \d+)?| ?- ?副本|_副本| - コピー|~\d)+$", re.IGNORECASE
)
"""Ends that programs add to the name of a copy."""
_BRACKET_ID: Final = re.compile(r"\[([A-Za-z0-9_-]{8,24})\](?:\.[\w-]{1,12}){0,3}$", re.ASCII)
"""Id behind the title, as yt-dlp writes it, with its marks of formats and languages."""
_TRAILING_ID: Final = re.compile(r"(?:[^\x00-\x7f]| ).*-([A-Za-z0-9_-]{11})$", re.ASCII)
"""Id behind the title, as youtube-dl wrote it; the title has words."""
_WEIBO_PICTURE: Final = re.compile(
    r"(?<![0-9A-Za-z])(?P<start>[0-9a-f]{8}|00[0-9A-Za-z]{6})"
    r"(?:[a-z]{2}[0-9][c-n][0-9a-z]{9}[gjnpw][0-9][0-9a-z]{6}[0-9a-z]{3}|[gjmt]w[0-9][c-e][0-9a-z]{9}[gj]|t[0-9a-f]{12})"
    r"(?![0-9A-Za-z])",
    re.ASCII,
)
"""Name of a picture on Weibo: its user; the kind of upload and a counter; from 2013 on type, width and height in base 36, and a
check. The letters g, j, n, p and w in the place of the type are none of a hexadecimal hash."""
_X_KEY: Final = re.compile(
    r"(?:^|(?<=[-_ .(\[]))([A-J][A-Za-z0-9_-]{14})(?=$|[ .:)\]?]|[-_](?:large|orig|small|medium)\b)", re.ASCII
)
_X_POST: Final = re.compile(
    r"(?:^|(?<=[^0-9A-Za-z]))(?!20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d[0-5]\d)(\d{18,19})[-_](?:photo[-_]?|video[-_]?|img[-_]?)?\d{1,2}$",
    re.ASCII,
)
"""Id of a post and number of its file; digits that begin with a day and a clock are a time."""
_X_DOWNLOAD: Final = re.compile(r"^(\w{1,15})-(\d{18,19})-\d{8}_\d{6}-(?:img|vid|gif)\d+$", re.ASCII)
"""Name that the browser extension Twitter Media Downloader writes, with the handle in front."""
_NUMBER_BEFORE: Final = re.compile(r"(?:^|[^0-9A-Za-z])(\d{15,19})[-_]$", re.ASCII)
_FACEBOOK: Final = re.compile(r"^(?:[a-z0-9]{1,12}_)?\d{5,12}_(\d{9,18})_\d{6,19}_[abnoqst]$", re.ASCII)
"""Name of a picture on Facebook and Instagram: three numbers, of which the second is its id, and a letter for the size."""
_BYTEDANCE: Final = re.compile(
    r"(?:^|(?<=[-_ .]))(?:tiktok|douyin|snaptik(?:\.app)?|tikmate|抖音"
    r"|@(?P<account>[\w.]{2,24}?)(?:[-_ ](?:video|photo))?)[-_ ](?P<id>\d{19})"
    r"(?:[-_]\d{1,2})?$",
    re.IGNORECASE | re.ASCII,
)
_BILIBILI: Final = re.compile(r"(?<![0-9A-Za-z])(BV1[0-9A-Za-z]{9})(?:[-_ ]?p\d{1,4})?(?![0-9A-Za-z])", re.ASCII)
_BILIBILI_NUMBER: Final = re.compile(r"(?:^|[\[_ (])(av[1-9]\d{5,14})(?=$|[\]_ .)])", re.ASCII)
_INSTAGRAM_TITLE: Final = re.compile(
    r"^(?:video|photo|post|reel|story) by (?P<name>[\w.]{1,30}) ", re.IGNORECASE | re.ASCII
)
_INSTAGRAM_STORY: Final = re.compile(
    r"^(?P<account>[\w.]{1,30})_(?P<unix>\d{10})_(?P<post>\d{18,19})_(?P<owner>\d{5,17})$", re.ASCII
)
_CRAWLED_WEIBO: Final = re.compile(r"^(\d{4})(\d\d)(\d\d)T_(\d{16})(?:_\d{1,3})?$", re.ASCII)
"""Name that weibo-crawler writes: the day in Beijing, the id of the post, and the number of the picture."""
_DOWNLOADED_WEIBO: Final = re.compile(r"^(\d{16})_\d\d$", re.ASCII)
_BLUESKY: Final = re.compile(
    r"^(\d{4})-(\d\d)-(\d\d)T(\d\d)[:_-](\d\d)[:_-](\d\d)_([2-7a-z]{13})(?:_\d{1,2})?$", re.ASCII
)
_MESSENGER: Final = re.compile(r"^received_\d{9,17}$", re.ASCII)
_SNAPCHAT: Final = re.compile(r"^Snapchat-\d{6,}$", re.ASCII)
_SCREEN_RECORDING: Final = re.compile(
    r"^ScreenRecording_(\d\d)-(\d\d)-(\d{4}) (\d\d)-(\d\d)-(\d\d)(?:_\d+)?$", re.ASCII
)
_GENERATORS: Final = (
    (re.compile(r"^Gemini_Generated_Image_\w+$", re.ASCII), "Gemini"),
    (re.compile(r"^ComfyUI_(?:temp_[a-z]+_)?\d{5}_$", re.ASCII), "ComfyUI"),
    (re.compile(r"^ChatGPT Image [A-Z][a-z]{2,8} \d{1,2}, \d{4}, ", re.ASCII), "ChatGPT"),
)
_MILLISECOND_DIGITS: Final = 13


def name_clues(name: str) -> tuple[Clue, ...]:
    """Return the clues in a file's name, the surest first.

    Args:
        name: Name of the file, without folders.
    """
    name = name[:MAX_NAME_CHARS]
    name = _SIZE_SUFFIX.sub(r"\1", name)
    stem, dot, suffix = name.rpartition(".")
    if not dot or f".{suffix.lower()}" not in MEDIA_SUFFIXES:
        stem = name
    stem = _COPY.sub("", stem)
    if stem.isdigit():
        # An image with such a name may be named by a hash.
        return tuple(_bytedance_clues(stem)) if len(stem) == 19 and f".{suffix.lower()}" in VIDEO_SUFFIXES else ()
    return next((tuple(found) for read in _READERS if (found := read(stem))), ())


def _clue(kind: str, value: object, trust: Trust) -> Clue:
    return Clue(kind=kind, value=str(value), source=SOURCE, trust=trust)


def _weibo(stem: str) -> list[Clue]:
    for found in _WEIBO_PICTURE.finditer(stem):
        uid = platform_ids.weibo_uid(found["start"])
        if uid is not None:
            return [
                _clue("weibo_uid", uid, "high"),
                _clue("platform", "weibo", "high"),
                _clue("account_id", uid, "high"),
                _clue("account_url", f"https://weibo.com/u/{uid}", "high"),
                _clue("weibo_picture", found[0], "high"),
            ]
    if (crawled := _CRAWLED_WEIBO.match(stem)) and (day := calendar_day(*map(int, crawled.groups()[:3]))):
        return [
            _clue("platform", "weibo", "medium"),
            _clue("post_id", crawled[4], "medium"),
            _clue("time", day, "medium"),
        ]
    if downloaded := _DOWNLOADED_WEIBO.match(stem):
        return [_clue("platform", "weibo", "low"), _clue("post_id", downloaded[1], "low")]
    return []


def _downloaded(stem: str) -> list[Clue]:
    """Return the clues in the id that a downloader writes behind the title."""
    found = _BRACKET_ID.search(stem)
    if not found:
        return []
    id = found[1]
    if id.isdigit() and len(id) == 19:
        # For a video of a tweet, yt-dlp writes the id of the video.
        return _bytedance_clues(id) or _x_clues("media_id", id)
    if (by := _INSTAGRAM_TITLE.match(stem)) and len(id) == 11:
        time = platform_ids.instagram_time(platform_ids.instagram_number(id))
        if time:
            clues = [_clue("platform", "instagram", "high"), _clue("post_id", id, "high"), _clue("time", time, "high")]
            return [*clues, _clue("account", by["name"], "medium")]
    if platform_ids.is_youtube_id(id):
        return [_clue("platform", "youtube", "medium"), _clue("post_id", id, "medium")]
    if re.fullmatch(r"BV1[0-9A-Za-z]{9}(?:_p\d+)?", id):
        trust: Trust = "high" if platform_ids.is_bilibili_id(id[:12]) else "low"
        return [_clue("platform", "bilibili", trust), _clue("post_id", id[:12], trust)]
    return []


def _x(stem: str) -> list[Clue]:
    for found in _X_KEY.finditer(stem):
        media = platform_ids.media_key_number(found[1])
        if media is None:
            continue
        clues = [
            _clue("platform", "twitter", "high"),
            _clue("media_id", media, "high"),
            _clue("media_key", found[1], "high"),
        ]
        before = _NUMBER_BEFORE.search(stem[: found.start()])
        post = platform_ids.snowflake_time(int(before[1])) if before else None
        if before and post:
            clues += [_clue("post_id", before[1], "high"), _clue("time", post, "high")]
        return [*clues, _clue("time", platform_ids.snowflake_time(media), "high")]
    if found_post := _X_POST.search(stem):
        return _x_clues("post_id", found_post[1])
    if (download := _X_DOWNLOAD.match(stem)) and (clues := _x_clues("post_id", download[2])):
        return [*clues, _clue("account", download[1], "medium")]
    return []


def _x_clues(kind: str, number: str) -> list[Clue]:
    """Return the clues in a number of X, the id of a post or of media; both begin with their time."""
    time = platform_ids.snowflake_time(int(number))
    if not time:
        return []
    return [_clue("platform", "twitter", "medium"), _clue(kind, number, "medium"), _clue("time", time, "medium")]


def _bytedance_clues(number: str) -> list[Clue]:
    """Return the clues in the number of a video; TikTok and Douyin share their numbers."""
    time = platform_ids.bytedance_time(int(number))
    if not time:
        return []
    platforms = [_clue("platform", name, "low") for name in ("tiktok", "douyin")]
    return [_clue("post_id", number, "medium"), _clue("time", time, "medium"), *platforms]


def _bytedance(stem: str) -> list[Clue]:
    found = _BYTEDANCE.search(stem)
    clues = _bytedance_clues(found["id"]) if found else []
    return clues + [_clue("account", found["account"], "medium")] if found and clues and found["account"] else clues


def _bilibili(stem: str) -> list[Clue]:
    if (found := _BILIBILI.search(stem)) and platform_ids.is_bilibili_id(found[1]):
        return [_clue("platform", "bilibili", "high"), _clue("post_id", found[1], "high")]
    if number := _BILIBILI_NUMBER.search(stem):
        return [_clue("platform", "bilibili", "low"), _clue("post_id", number[1], "low")]
    return []


def _meta(stem: str) -> list[Clue]:
    """Return the clues in the names of Facebook, Instagram and Messenger."""
    if found := _FACEBOOK.match(stem):
        platforms = [_clue("platform", name, "medium") for name in ("facebook", "instagram")]
        return [*platforms, _clue("media_id", found[1], "medium")]
    if (story := _INSTAGRAM_STORY.match(stem)) and (time := unix_time(int(story["unix"]))):
        made = platform_ids.instagram_time(int(story["post"]))
        # Both are the time of the upload; other numbers would not agree.
        if made and made[:7] == time[:7]:
            return [
                _clue("platform", "instagram", "high"),
                _clue("account", story["account"], "medium"),
                _clue("account_id", story["owner"], "medium"),
                _clue("post_id", story["post"], "high"),
                _clue("time", time, "high"),
            ]
    if _MESSENGER.match(stem):
        return [_clue("platform", "facebook", "medium")]
    return []


def _other_platforms(stem: str) -> list[Clue]:
    if found := _BLUESKY.match(stem):
        year, month, day, hour, minute, second = map(int, found.groups()[:6])
        if time := clock_time((year, month, day, hour, minute, second), 0):
            clues = [_clue("platform", "bluesky", "medium"), _clue("post_id", found[7], "medium")]
            return [*clues, _clue("time", time, "medium")]
    if _SNAPCHAT.match(stem):
        return [_clue("platform", "snapchat", "medium")]
    if (old := _TRAILING_ID.search(stem)) and platform_ids.is_youtube_id(old[1]):
        return [_clue("platform", "youtube", "low"), _clue("post_id", old[1], "low")]
    return []


def _generators(stem: str) -> list[Clue]:
    return [_clue("software", software, "medium") for form, software in _GENERATORS if form.match(stem)]


def _screen_recordings(stem: str) -> list[Clue]:
    found = _SCREEN_RECORDING.match(stem)
    if not found:
        return []
    month, day, year, hour, minute, second = map(int, found.groups())
    # Which of two numbers up to 12 is the month is unknown.
    time = clock_time((year, month, day, hour, minute, second)) if day > 12 or day == month else None
    return [_clue("time", time, "medium")] if time else []


def _dated(stem: str) -> list[Clue]:
    """Return the clues of the first form of a dated name that fits."""
    for pattern in NAME_PATTERNS:
        if (found := pattern.form.match(stem)) and (clues := _dated_clues(pattern, found)):
            return clues
    return []


def _dated_clues(pattern: NamePattern, found: re.Match[str]) -> list[Clue]:
    """Return the clues in a name of one form; none if its time cannot be true."""
    groups = found.groupdict()
    time = _stated_time(groups, 0 if pattern.zone == "utc" else None)
    if time is None:
        return []
    clues = [_clue("platform", pattern.platform, "medium")] if pattern.platform else []
    clues += [_clue("software", pattern.software, "medium")] if pattern.software else []
    clues += [_clue("account", groups["account"], "medium")] if groups.get("account") else []
    clues += [_clue("app", groups["app"], "medium")] if groups.get("app") else []
    return [*clues, _clue("time", time, pattern.trust)]


def _stated_time(groups: dict[str, str | None], offset_minutes: int | None) -> str | None:
    if unix := groups.get("unix"):
        return unix_time(int(unix) // (1000 if len(unix) == _MILLISECOND_DIGITS else 1))
    year, month, day = (int(groups[name] or 0) for name in ("year", "month", "day"))
    if not groups.get("hour"):
        return calendar_day(year, month, day)
    hour, minute, second = (int(groups[name] or 0) for name in ("hour", "minute", "second"))
    half = (groups.get("half") or "").lower() or {"上午": "a", "下午": "p"}.get(groups.get("chinese_half") or "")
    if half and not 0 <= hour <= 12:
        return None
    if half == "p" and hour < 12:
        hour += 12
    elif half == "a" and hour == 12:
        hour = 0
    return clock_time((year, month, day, hour, minute, second), offset_minutes)


_READERS: Final[tuple[Callable[[str], list[Clue]], ...]] = (
    _downloaded,
    _weibo,
    _meta,
    _dated,
    _screen_recordings,
    _x,
    _bilibili,
    _bytedance,
    _generators,
    _other_platforms,
)
"""Readers of the forms of names, the most specific first; the first one that finds something is used."""
