"""Numbers, times and checks in the identifiers of platforms."""

import base64
import binascii
import string
from typing import Final

from mediafp.sightings.label_likeness import label_likeness
from mediafp.types.clue_times import unix_time

BASE62: Final = string.digits + string.ascii_lowercase + string.ascii_uppercase
"""Digits of base 62 as Weibo orders them."""
_BASE64: Final = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
_X_EPOCH_MS: Final = 1_288_834_974_657
"""Milliseconds since 1970 at which the ids of X begin: November 2010 (Snowflake)."""
_INSTAGRAM_EPOCH_MS: Final = 1_314_220_021_721
"""Milliseconds since 1970 at which the ids of Instagram begin: August 2011."""
_MAX_X_SEQUENCE: Final = 32
"""Number, of 4,096, below which the counter in a media id of X stays: it starts anew each millisecond. Of 27 published names
of pictures from 2017 to 2025, all have counters up to 10; by chance, one text of 128 passes."""
_LAST_BASE64: Final = "AEIMQUYcgkosw048"
"""Last digits of 64 bits in base64: the lowest two bits are 0. A digit by chance is among them in one of four cases."""
_BILIBILI_DIGITS: Final = "FcwAPNKTMug3GV5Lj7EJnHpWsx4tb8haYeviqBz6rkCy12mUSDQX9RdoZf"
_BILIBILI_ORDER: Final = (0, 1, 2, 9, 7, 5, 6, 4, 8, 3, 10, 11)
_BILIBILI_XOR: Final = 23_442_827_791_579
_BILIBILI_TOP: Final = 1 << 51
"""Constants of the public conversion between the two ids of a video on Bilibili."""
_BYTEDANCE_FIRST: Final = 1_400_000_000
"""Seconds since 1970 from which on ids of TikTok and Douyin can be: May 2014."""
MAX_KEY_LIKENESS: Final = 5.0
"""Likeness to a label from which on a text of 15 characters is no name of a picture on X: `CREATE_TABLE_AS` has 5.4, the 27
published names up to -2.9, and of 800 made ones three above 2."""
_UID: Final = range(1_000_000_000, 10_000_000_000)
"""Numbers of Weibo's users: ten digits."""
MAX_LABEL_LIKENESS: Final = 2.0
"""Likeness to a label from which on a text is no id: of 100,000 random ids, .7 % reach it; labels such as `soundtracks`,
`Part-2-of-8` and `Top10Videos` have 4 to 9, published ids -12 to -22."""


def snowflake_time(number: int) -> str | None:
    """Return the time in an id of a tweet or of media on X; None if it has none that can be true."""
    return unix_time(((number >> 22) + _X_EPOCH_MS) / 1000) if number >> 22 else None


def media_key_number(key: str) -> int | None:
    """Return the media id in the name of a picture on X, 15 digits of base64; None if it is no such name."""
    try:
        number = int.from_bytes(base64.urlsafe_b64decode(key + "=")[:8], "big")
    except (binascii.Error, ValueError):
        return None
    is_media = number & 0xFFF < _MAX_X_SEQUENCE and label_likeness(key) < MAX_KEY_LIKENESS and snowflake_time(number)
    return number if is_media else None


def weibo_uid(start: str) -> int | None:
    """Return the number of the user in the first eight characters of the name of a picture on Weibo; None without one."""
    try:
        number = _from_base62(start[2:]) if start.startswith("00") else int(start, 16)
    except ValueError:
        return None
    return number if number in _UID else None


def bytedance_time(number: int) -> str | None:
    """Return the time in an id of TikTok or Douyin; None if it has none that can be true."""
    seconds = number >> 32
    return unix_time(seconds) if seconds >= _BYTEDANCE_FIRST else None


def instagram_time(number: int) -> str | None:
    """Return the time in an id of a post on Instagram; None if it has none that can be true."""
    return unix_time(((number >> 23) + _INSTAGRAM_EPOCH_MS) / 1000) if number >> 23 else None


def instagram_number(code: str) -> int:
    """Return the number of a post on Instagram, given the code in its address. Raises ValueError for other characters."""
    number = 0
    for digit in code:
        number = number * 64 + _BASE64.index(digit)
    return number


def is_youtube_id(text: str) -> bool:
    """Return True if a text of 11 characters of base64 can be the id of a video, and does not look like a label."""
    return len(text) == 11 and text[-1] in _LAST_BASE64 and label_likeness(text) < MAX_LABEL_LIKENESS


def is_bilibili_id(text: str) -> bool:
    """Return True if a text of the form BV1xxxxxxxxx is the id of a video, by the digits that it may have."""
    try:
        number = 0
        for position in _BILIBILI_ORDER[3:]:
            number = number * 58 + _BILIBILI_DIGITS.index(text[position])
    except ValueError:
        return False
    return number >> 51 == 1 and 0 < (number & (_BILIBILI_TOP - 1)) ^ _BILIBILI_XOR < _BILIBILI_TOP


def _from_base62(text: str) -> int:
    number = 0
    for digit in text:
        number = number * 62 + BASE62.index(digit)
    return number
