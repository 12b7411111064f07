"""Names of platforms, each in one form."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

_NAMES: Final[Mapping[str, str]] = {
    "twitter": "x xcom twittercom twitterx xtwitter xformerlytwitter 推特 twitterspaces twitterbroadcast",
    "weibo": "sina sinaweibo weibocom weibocn 微博 新浪微博 新浪 weibovideo weibouser",
    "wechat": "weixin 微信 微信公众号 公众号 wechatchannels 视频号",
    "facebook": "fb meta facebookcom facebookreel facebookpluginsvideo 脸书 臉書 facebookads",
    "instagram": "ig insta instagramcom instagramstory instagramuser 照片墙",
    "youtube": "yt youtubecom youtubetab youtubeshorts 油管 youtubeclip",
    "tiktok": "tiktokcom tiktokuser vmtiktok",
    "douyin": "抖音 douyincom 抖音短视频",
    "bilibili": "b站 哔哩哔哩 嗶哩嗶哩 bilibilicom 哔哩哔哩动画 bili",
    "bluesky": "bsky bskyapp bskysocial blueskyapp 蓝天",
    "telegram": "tg telegramorg telegrammessenger telegramembed 电报 電報",
    "vk": "vkontakte vkcom вконтакте vkvideo vkwallpost",
    "kuaishou": "快手 kwai",
    "xiaohongshu": "小红书 小紅書 rednote xhs xiaohongshucom",
    "zhihu": "知乎",
    "toutiao": "今日头条 头条",
    "threads": "threadsnet",
    "linkedin": "领英",
    "whatsapp": "whatsappmessenger",
    "mastodon": "mastodonsocial",
    "reddit": "redditcom",
    "pinterest": "pinterestcom",
    "tumblr": "tumblrcom",
    "odnoklassniki": "ok okru одноклассники",
    "youku": "优酷",
    "dailymotion": "",
    "vimeo": "",
    "rumble": "",
    "gettr": "",
    "line": "linebc lineapp",
    "ptt": "pttcc",
    "flickr": "",
    "quora": "",
    "medium": "",
    "gab": "",
    "parler": "",
    "twitch": "twitchvod twitchclips twitchstream",
    "niconico": "ニコニコ動画",
    "blogger": "blogspot",
    "livejournal": "",
}
"""Other names of each platform, without spaces, case and punctuation."""
MIN_WORD_CHARS: Final = 4
"""Characters from which a word in a longer text names a platform: shorter ones, such as "line", mean other things too, or
"x". Chosen, not measured."""
_WORDS: Final = frozenset(("line", "medium", "threads"))
"""Platforms whose name is a word with another meaning."""
MAX_PHRASE_CHARS: Final = 40
"""Characters of a text in which a word names the platform. Chosen, not measured."""
_BY_NAME: Final[Mapping[str, str]] = {
    name: platform for platform, names in _NAMES.items() for name in (platform, *names.split())
}


def platform_name(name: str) -> str:
    """Return the name of a platform in the form that all sightings have; one that is not known in lower case."""
    text = " ".join(unicodedata.normalize("NFKC", name).split()).casefold()
    text = re.sub(r"^https?://(?:www\.|m\.)?|/.*$", "", text) if "://" in text else text
    key = re.sub(r"[\W_]", "", text)
    if key in _BY_NAME:
        return _BY_NAME[key]
    # "Facebook Page", "Weibo (微博)"
    words = {
        _BY_NAME[word] for word in re.findall(r"\w+", text) if len(word) >= MIN_WORD_CHARS and word in _BY_NAME
    } - _WORDS
    return words.pop() if len(words) == 1 and len(text) <= MAX_PHRASE_CHARS else text


def is_platform(name: str) -> bool:
    """Return True if a text is the name of a platform that is known."""
    return platform_name(name) in _NAMES
