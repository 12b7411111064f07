"""Account handles in lines of text, in the forms that people and watermarks use."""

import re
import unicodedata
from collections.abc import Iterable

MIN_HANDLE_CHARACTERS = 2
"""Length of the shortest handle. Chosen, not measured."""
MAX_HANDLE_CHARACTERS = 30
"""Length of the longest handle. Chosen, not measured."""
_WORD = r"[\w\-·.]"
_LATIN = r"[A-Za-z0-9_\-.]"
_AT = re.compile(rf"(?:@|^\W*@\s)({_WORD}{{{MIN_HANDLE_CHARACTERS},{MAX_HANDLE_CHARACTERS}}})")
"""`@name`. A space after the @ is allowed only at the start of the text: "café @ Paris" names a place."""
_EMAIL = re.compile(r"[\w.+-]{2,}@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}", re.IGNORECASE)
_PROFILE_URL = re.compile(
    r"(?:twitter\.com|(?<![\w.])x\.com|instagram\.com|tiktok\.com|douyin\.com|youtube\.com(?:/c|/user)?"
    rf"|weibo\.(?:com|cn)(?:/n)?)/@?({_WORD}{{{MIN_HANDLE_CHARACTERS},{MAX_HANDLE_CHARACTERS}}})",
    re.IGNORECASE,
)
"""Address of a profile page that contains the handle."""
_NUMBERED_URL = re.compile(rf"(weibo\.(?:com|cn)/u/\d{{5,12}}|youtube\.com/channel/UC{_LATIN}{{10,30}})", re.IGNORECASE)
"""Address of a profile page that contains the account's number; it is kept as it is."""
_LABELLED = re.compile(
    r"(?:(?:抖音|抖音短视频|快手|小红书|小紅書|微博|新浪微博|西瓜视频|tik\s?tok|twitter|instagram|youtube|weibo)"
    r"\s?(?:号|號|id|帐号|帳號|账号)|(?<![a-z])(?:ig|ins|insta|twitter|youtube|yt|weibo|微博|新浪微博))"
    rf"\s?:\s?@?({_WORD}{{{MIN_HANDLE_CHARACTERS},{MAX_HANDLE_CHARACTERS}}})",
    re.IGNORECASE,
)
"""Name of a platform, a colon and the handle: "抖音号: abc", "IG: abc"."""
_TRAILING_ADDRESS = re.compile(r"\.(?:com|cn|net)\b.*", re.IGNORECASE)
"""End of a handle that OCR joined with the address after it."""
_SITE_PATHS = frozenset(
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
"""First part of a site's path on pages that are not profiles."""


def extract_handles(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the handles in lines of text, each once and in order: "@name", or an address with an account number.

    Texts are normalised to NFKC, so that ＠ is @; e-mail addresses contain no handle.
    """
    handles: dict[str, None] = {}
    for text in texts:
        text = _EMAIL.sub(" ", unicodedata.normalize("NFKC", text))
        for url in _NUMBERED_URL.findall(text):
            handles[url] = None
        text = _NUMBERED_URL.sub(" ", text)
        names = [
            (match.start(), match[1]) for pattern in (_AT, _PROFILE_URL, _LABELLED) for match in pattern.finditer(text)
        ]
        for _, name in sorted(names):
            name = _TRAILING_ADDRESS.sub("", name.strip("-·."))
            if len(name) >= MIN_HANDLE_CHARACTERS and name.lower() not in _SITE_PATHS:
                handles["@" + name] = None
    return tuple(handles)
