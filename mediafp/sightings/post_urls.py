"""Addresses of posts and accounts, to what they tell for certain."""

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from mediafp.types.media import MEDIA_SUFFIXES

MAX_URL_CHARS: Final = 8_192
"""Characters of a URL; a longer one is not stored, as a part of it leads elsewhere. Web servers refuse lines of a request
above 8,190 bytes (Apache, LimitRequestLine)."""
_HANDLE: Final = r"(?P<account>[^/@?#]+)"
_FACEBOOK: Final = r"(?:[\w-]+\.)?facebook\.com"
_FACEBOOK_NAME: Final = (
    r"(?!watch|groups|events|pages|photo|story|reel|share|profile\.php|permalink\.php)(?P<account>[\w.]*[A-Za-z][\w.]*)"
)
_PATTERNS: Final[tuple[tuple[str, str, str], ...]] = (
    (r"(?:mobile\.)?(?:twitter|x|fxtwitter|vxtwitter|fixupx|nitter)\.(?:com|net)",
     rf"/(?!i/|hashtag/|search|home|intent/){_HANDLE}/status(?:es)?/(?P<post_id>\d+)", "twitter"),
    (r"(?:mobile\.)?(?:twitter|x)\.com", r"/i/(?:web/)?status/(?P<post_id>\d+)", "twitter"),
    (r"(?:mobile\.)?(?:twitter|x)\.com", rf"/(?!i$|home$|search$|explore$|hashtag$|intent$){_HANDLE}", "twitter"),
    (r"(?:m\.|music\.)?youtube(?:-nocookie)?\.com", r"/(?:shorts|embed|live|v)/(?P<post_id>[\w-]{11})", "youtube"),
    (r"(?:m\.)?youtube\.com", r"/@(?P<account>[^/]+)(?:/\w+)?", "youtube"),
    (r"(?:m\.)?youtube\.com", r"/channel/(?P<account_id>UC[\w-]{22})(?:/\w+)?", "youtube"),
    (r"youtu\.be", r"/(?P<post_id>[\w-]{11})", "youtube"),
    (r"(?:m\.)?tiktok\.com", r"/@(?:_?|(?P<account>[^/@?#]+))/(?:video|photo)/(?P<post_id>\d+)", "tiktok"),
    (r"(?:m\.)?tiktok\.com", rf"/@(?!_$){_HANDLE}", "tiktok"),
    (r"(?:m\.)?douyin\.com", r"/(?:video|note)/(?P<post_id>\d+)", "douyin"),
    (r"weibo\.com", r"/(?P<account_id>\d{5,12})/(?P<post_id>\d{12,20}|[0-9A-Za-z]{7,12})", "weibo"),
    (r"weibo\.com", r"/u/(?P<account_id>\d{5,12})", "weibo"),
    (r"weibo\.com", r"/(?P<account_id>\d{5,12})", "weibo"),
    (r"(?:m\.)?weibo\.cn", r"/(?:status|detail)/(?P<post_id>\d{12,20}|[0-9A-Za-z]{7,12})", "weibo"),
    (r"(?:m\.)?weibo\.(?:cn|com)", r"/(?P<account_id>\d{5,12})/(?P<post_id>\d{12,20})", "weibo"),
    (r"(?:m\.)?weibo\.cn", r"/(?:u|profile)/(?P<account_id>\d{5,12})", "weibo"),
    (r"instagram\.com", rf"/(?!p/|reels?/|tv/|stories/|explore/){_HANDLE}/(?:p|reel|tv)/(?P<post_id>[\w-]+)", "instagram"),
    (r"instagram\.com", r"/(?:p|reels?|tv)/(?P<post_id>[\w-]+)", "instagram"),
    (r"(?:t|telegram)\.me", r"/s/(?P<account>[A-Za-z]\w{3,31})/(?P<post_id>\d+)", "telegram"),
    (r"(?:t|telegram)\.me", r"/(?!s/|c/|joinchat/)(?P<account>[A-Za-z]\w{3,31})/(?P<post_id>\d+)", "telegram"),
    (r"(?:t|telegram)\.me", r"/c/(?P<account_id>\d+)/(?P<post_id>\d+)", "telegram"),
    (r"(?:m\.)?bilibili\.com", r"/video/(?P<post_id>(?:BV1[0-9A-Za-z]{9}|av\d+))", "bilibili"),
    (r"space\.bilibili\.com", r"/(?P<account_id>\d+)(?:/\w+)?", "bilibili"),
    (_FACEBOOK, r"/(?P<account_id>\d{5,20})/(?:posts|videos|photos)(?:/[^/]+)*?/(?P<post_id>\d+)", "facebook"),
    (_FACEBOOK, rf"/{_FACEBOOK_NAME}/(?:posts|videos|photos)(?:/[^/]+)*?/(?P<post_id>\d+|pfbid\w+)", "facebook"),
    (_FACEBOOK, r"/reel/(?P<post_id>\d+)", "facebook"),
    (r"bsky\.app", r"/profile/(?P<account_id>did:plc:[a-z2-7]+)/post/(?P<post_id>[a-z2-7]{13})", "bluesky"),
    (r"bsky\.app", rf"/profile/{_HANDLE}/post/(?P<post_id>[a-z2-7]{{13}})", "bluesky"),
    (r"threads\.(?:net|com)", rf"/@{_HANDLE}/post/(?P<post_id>[\w-]+)", "threads"),
    (r"(?:m\.)?vk\.com", r"/wall(?P<account_id>-?\d+)_(?P<post_id>\d+)", "vk"),
    (r"(?:\w+\.)?xiaohongshu\.com", r"/(?:explore|discovery/item)/(?P<post_id>[0-9a-f]{24})", "xiaohongshu"),
)  # fmt: skip
"""Host, path and platform of each form of address. The names of the groups are fields of a sighting."""
_COMPILED: Final = tuple(
    (re.compile(rf"(?:www\.)?(?:{host})"), re.compile(path.rstrip("/") + "/?(?:/(?:photo|video)/\\d+/?)?"), platform)
    for host, path, platform in _PATTERNS
)
_HOSTS: Final[Mapping[str, str]] = {
    "twitter.com": "twitter", "x.com": "twitter", "youtube.com": "youtube", "youtu.be": "youtube", "tiktok.com": "tiktok",
    "douyin.com": "douyin", "weibo.com": "weibo", "weibo.cn": "weibo", "instagram.com": "instagram", "t.me": "telegram",
    "bilibili.com": "bilibili", "facebook.com": "facebook", "fb.watch": "facebook", "fb.com": "facebook", "bsky.app": "bluesky",
    "threads.net": "threads", "vk.com": "vk", "reddit.com": "reddit", "xiaohongshu.com": "xiaohongshu", "zhihu.com": "zhihu",
    "kuaishou.com": "kuaishou", "b23.tv": "bilibili", "rumble.com": "rumble", "vimeo.com": "vimeo",
}  # fmt: skip
"""Platform of each host, without subdomains."""
_FILE_HOSTS: Final = re.compile(
    r"(?:^|\.)(?:twimg\.com|sinaimg\.cn|sinaimg\.com|weibocdn\.com|cdninstagram\.com|fbcdn\.net|ytimg\.com|googlevideo\.com|"
    r"hdslb\.com|bilivideo\.com|tiktokcdn(?:-\w+)?\.com|douyinpic\.com|douyinvod\.com|ggpht\.com|telesco\.pe|"
    r"cdn\.bsky\.app|qpic\.cn|userapi\.com|redd\.it)$"
)
"""Hosts of files, of which no address is that of a post."""


def read_url(url: str) -> Mapping[str, str]:
    """Return platform, account, account id and post id that the address of a post or an account states for certain."""
    try:
        parts = urlsplit(url if "://" in url else "https://" + url)
        host = (parts.hostname or "").rstrip(".")
        query = parse_qs(parts.query, max_num_fields=50)
    except ValueError:
        return {}
    if len(url) > MAX_URL_CHARS or is_file_address(url):
        return {}
    for host_pattern, path_pattern, platform in _COMPILED:
        if host_pattern.fullmatch(host) and (match := path_pattern.fullmatch(parts.path)):
            found = {name: unquote(value) for name, value in match.groupdict().items() if value}
            return {"platform": platform, **found}
    plain_host = re.sub(r"^(?:www|m|mobile|web|music)\.", "", host)
    video = query.get("v", [""])[0]
    if plain_host == "youtube.com" and parts.path == "/watch" and re.fullmatch(r"[\w-]{11}", video):
        return {"platform": "youtube", "post_id": video}
    if plain_host == "facebook.com" and parts.path in ("/permalink.php", "/story.php"):
        fields = {"post_id": query.get("story_fbid", [""])[0], "account_id": query.get("id", [""])[0]}
        return {"platform": "facebook", **{name: value for name, value in fields.items() if value}}
    if plain_host == "facebook.com" and parts.path.rstrip("/") == "/watch" and video.isdigit():
        return {"platform": "facebook", "post_id": video}
    labels = plain_host.split(".")
    for count in (2, 3):
        if owner := _HOSTS.get(".".join(labels[-count:])):
            return {"platform": owner}
    return {}


def is_file_address(url: str) -> bool:
    """Return True if an address is that of a picture or a video itself, and not of a post."""
    try:
        parts = urlsplit(url if "://" in url else "https://" + url)
        host = parts.hostname or ""
    except ValueError:
        return False
    # A wiki has pages that are named after files.
    is_file = PurePath(parts.path).suffix.lower() in MEDIA_SUFFIXES and "file:" not in parts.path.lower()
    return is_file or bool(_FILE_HOSTS.search(host))
