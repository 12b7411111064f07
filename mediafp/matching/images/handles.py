"""Handles of platforms in a text, as people and watermarks write them."""

import re
import unicodedata
from collections.abc import Iterable

MIN_CHARACTERS = 2
_WORD = r"[\w\-·.]"
_LATIN = r"[A-Za-z0-9_\-.]"
_AT = re.compile(rf"(?:@|^\W*@\s)({_WORD}{{{MIN_CHARACTERS},30}})")
"""A space behind the @ is one only where the text starts with it: "café @ Paris" names a place."""
_MAIL = re.compile(r"[\w.+-]{2,}@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}", re.IGNORECASE)
_SITES = re.compile(
    r"(?:twitter\.com|(?<![\w.])x\.com|instagram\.com|tiktok\.com|douyin\.com|youtube\.com(?:/c|/user)?"
    rf"|weibo\.(?:com|cn)(?:/n)?)/@?({_WORD}{{{MIN_CHARACTERS},30}})",
    re.IGNORECASE,
)
"""Pages that are named after an account."""
_NUMBERED = re.compile(rf"(weibo\.(?:com|cn)/u/\d{{5,12}}|youtube\.com/channel/UC{_LATIN}{{10,30}})", re.IGNORECASE)
"""Pages that are named after an account's number: they stand as they are."""
_LABELS = re.compile(
    r"(?:(?:抖音|抖音短视频|快手|小红书|小紅書|微博|新浪微博|西瓜视频|tik\s?tok|twitter|instagram|youtube|weibo)"
    r"\s?(?:号|號|id|帐号|帳號|账号)|(?<![a-z])(?:ig|ins|insta|twitter|youtube|yt|weibo|微博|新浪微博))"
    rf"\s?:\s?@?({_WORD}{{{MIN_CHARACTERS},30}})",
    re.IGNORECASE,
)
"""A platform's name, a colon and the account: "抖音号: abc", "IG: abc"."""
_ADDRESS = re.compile(r"\.(?:com|cn|net)\b.*", re.IGNORECASE)
"""The end of a name that runs into the address behind it."""
_NO_ACCOUNTS = frozenset(
    (
        "p",
        "reel",
        "reels",
        "explore",
        "status",
        "video",
        "videos",
        "watch",
        "shorts",
        "hashtag",
        "search",
        "login",
        "home",
    )
)
"""What follows a site's name on pages that belong to nobody."""


def extract_handles(texts: Iterable[str]) -> tuple[str, ...]:
    """The handles in some lines of text, each once and in their order, as "@name", or as an address with a number.

    Texts are taken in their NFKC form, so that ＠ is @; addresses of mail are none.
    """
    found: dict[str, None] = {}
    for text in texts:
        text = _MAIL.sub(" ", unicodedata.normalize("NFKC", text))
        for number in _NUMBERED.findall(text):
            found[number] = None
        rest = _NUMBERED.sub(" ", text)
        places = [(match.start(), match[1]) for form in (_AT, _SITES, _LABELS) for match in form.finditer(rest)]
        for _, name in sorted(places):
            name = _ADDRESS.sub("", name.strip("-·."))
            if len(name) >= MIN_CHARACTERS and name.lower() not in _NO_ACCOUNTS:
                found["@" + name] = None
    return tuple(found)
