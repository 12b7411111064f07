"""Names that downloaders give to their parts for a platform."""

from typing import Final

from mediafp.types.platforms import platform_name

PLATFORMS: Final = (
    "youtube", "tiktok", "douyin", "twitter", "bilibili", "facebook", "instagram", "weibo", "reddit", "bluesky", "telegram",
    "twitch", "rumble", "odysee", "bitchute", "truthsocial", "soundcloud", "vimeo", "dailymotion", "snapchat", "niconico",
    "tumblr", "pinterest", "gettr", "linkedin", "rutube", "youku", "acfun",
)  # fmt: skip
"""Platforms of which downloaders have several parts, such as `TwitterSpaces` or `youtube:tab`."""
ALIASES: Final = {
    "lbry": "odysee",
    "biliintl": "bilibili",
    "bililive": "bilibili",
    "nitter": "twitter",
    "periscope": "twitter",
    "truth": "truthsocial",
}
"""Names of parts that differ from that of their platform."""
NO_PLATFORMS: Final = ("", "generic", "html5", "directlink", "ytdl", "recursive", "http", "https")
"""Names of parts for any address."""


def extractor_platform(name: str) -> str | None:
    """Return the platform of a downloader's part by its name, such as `BiliBiliBangumi`; None if it is for any address."""
    key = name.partition(":")[0].strip().lower()
    if key in NO_PLATFORMS:
        return None
    known = ALIASES.get(key) or next((platform for platform in PLATFORMS if key.startswith(platform)), key)
    return platform_name(known)
