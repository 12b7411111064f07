"""Places in which gallery-dl's extractors write the fields of a post: a table for each site, by the names of its interface."""

from collections.abc import Mapping
from typing import Final

from mediafp.sightings.json_paths import at
from mediafp.sightings.post_shape import FieldPaths, PostShape

OTHER_FIELDS: Final[FieldPaths] = {
    "account": (
        "author.screen_name", "author.handle", "author.username", "author.uniqueId", "author.acct", "author.name",
        "user.screen_name", "user.handle", "user.username", "user.account", "user.acct", "user.name", "owner.username",
        "creator.username", "uploader.username", "author", "username", "user_name", "blog_name", "uploader", "user", "owner",
        "artist", "creator",
    ),
    "account_id": (
        "author.id", "author.did", "author.uid", "author.user_id", "user.id", "user.uid", "user.user_id", "owner.id",
        "owner.nsid", "creator.id",
        "author_id", "user_id", "userid", "owner_id", "uploader_id", "creator_id",
    ),
    "account_name": (
        "author.nick", "author.nickname", "author.display_name", "author.displayName", "author.full_name", "user.nick",
        "user.nickname", "user.display_name", "user.displayName", "user.full_name", "nickname", "display_name", "fullname",
    ),
    "url": ("post_url", "webpage_url", "permalink", "permalink_url", "weburl", "page_url"),
    "post_id": ("post_id", "tweet_id", "status_id", "note_id", "aweme_id", "message_id", "id"),
    "posted_at": ("date", "created_at", "createdAt", "create_time", "published_at", "published", "timestamp"),
    "captured_at": ("captured_at",),
    "title": ("title",),
    "text": ("content", "text", "caption", "description", "desc", "selftext", "body"),
    "views": ("view_count", "views", "total_view", "views_count", "stats.views"),
    "language": ("lang", "language"),
}  # fmt: skip
"""Fields of an extractor that is not listed, by the keys that most of them use."""
TWITTER_USER: Final[FieldPaths] = {"account": ("name",), "account_id": ("id",), "account_name": ("nick",)}
TWITTER_URL: Final = "https://x.com/{account}/status/{post_id}"
TWEET: Final = PostShape(
    platform="twitter",
    fields={
        **{field: (*at("author", TWITTER_USER)[field], *at("@user", TWITTER_USER)[field]) for field in TWITTER_USER},
        "url": ("post_url",),
        "post_id": ("tweet_id",),
        "posted_at": ("date",),
        "text": ("content",),
        "views": ("view_count",),
        "language": ("lang",),
    },
    url=TWITTER_URL,
)
RETWEET: Final = PostShape(
    platform="twitter",
    role="repost",
    fields={**at("@user", TWITTER_USER), "post_id": ("tweet_id",), "posted_at": ("date",), "language": ("lang",)},
    url=TWITTER_URL,
)
RETWEETED: Final = PostShape(
    platform="twitter",
    role="original",
    fields={
        **at("author", TWITTER_USER),
        "post_id": ("retweet_id",),
        "posted_at": ("date_original",),
        "text": ("@original_content",),
        "language": ("lang",),
    },
    url=TWITTER_URL,
)
WEIBO_STATUS: Final[FieldPaths] = {
    "account": ("user.screen_name",),
    "account_id": ("user.idstr", "user.id"),
    "post_id": ("idstr", "mid", "id"),
    "url": ("@url",),
    "posted_at": ("created_at", "date"),
    "text": ("longTextContent", "longText.longTextContent_raw", "longText.longTextContent", "text_raw", "text"),
}
WEIBO_MARKUP: Final = ("text", "longText.longTextContent", "longTextContent")
INSTAGRAM: Final = PostShape(
    platform="instagram",
    fields={
        "account": ("username", "owner.username"),
        "account_id": ("owner_id", "owner.pk", "owner.id"),
        "account_name": ("fullname", "owner.full_name"),
        "url": ("post_url", "@url"),
        "post_id": ("post_id",),
        "posted_at": ("date", "post_date"),
        "text": ("description",),
    },
)
SITES: Final[Mapping[str, PostShape]] = {
    "bluesky": PostShape(
        platform="bluesky",
        fields={
            "account": ("author.handle",),
            "account_id": ("author.did",),
            "account_name": ("author.displayName",),
            "post_id": ("post_id",),
            "posted_at": ("createdAt", "date"),
            "text": ("text",),
            "language": ("langs",),
        },
        url="https://bsky.app/profile/{account}/post/{post_id}",
    ),
    "tiktok": PostShape(
        platform="tiktok",
        fields={
            "account": ("author.uniqueId", "author.unique_id", "user", "author"),
            "account_id": ("author.id", "author.uid", "author.secUid"),
            "account_name": ("author.nickname",),
            "post_id": ("id",),
            "posted_at": ("createTime", "date"),
            "text": ("desc", "title"),
            "views": ("stats.playCount", "statsV2.playCount"),
            "language": ("textLanguage",),
        },
        url="https://www.tiktok.com/@{account}/video/{post_id}",
    ),
    "facebook": PostShape(
        platform="facebook",
        fields={
            "account_id": ("user_id", "user_pfbid"),
            "account_name": ("username",),
            "post_id": ("id",),
            "posted_at": ("date",),
            "text": ("caption",),
            "title": ("title",),
        },
    ),
    "pixiv": PostShape(
        platform="pixiv",
        fields={
            "account": ("user.account",),
            "account_id": ("user.id",),
            "account_name": ("user.name",),
            "post_id": ("id",),
            "posted_at": ("create_date", "date"),
            "title": ("title",),
            "text": ("caption",),
            "views": ("total_view",),
        },
        url="https://www.pixiv.net/artworks/{post_id}",
        markup=frozenset(("caption",)),
    ),
    "vk": PostShape(
        platform="vk",
        fields={
            "account": ("user.name", "user.domain"),
            "account_id": ("user.id",),
            "account_name": ("user.nick",),
            "post_id": ("wall.id", "id"),
            "posted_at": ("date",),
            "text": ("wall.description", "description"),
        },
    ),
    "pinterest": PostShape(
        platform="pinterest",
        fields={
            "account": ("pinner.username", "native_creator.username"),
            "account_id": ("pinner.id", "native_creator.id"),
            "account_name": ("pinner.full_name", "native_creator.full_name"),
            "post_id": ("id",),
            "posted_at": ("created_at", "date"),
            "title": ("title", "grid_title"),
            "text": ("description", "closeup_unified_description"),
        },
        url="https://www.pinterest.com/pin/{post_id}/",
    ),
    "flickr": PostShape(
        platform="flickr",
        fields={
            "account": ("user.path_alias", "owner.path_alias", "user.username", "owner.username"),
            "account_id": ("user.nsid", "owner.nsid"),
            "account_name": ("user.realname", "owner.realname"),
            "post_id": ("id",),
            "posted_at": ("date", "dateuploaded"),
            "title": ("title",),
            "text": ("description",),
            "views": ("views",),
        },
        url="https://www.flickr.com/photos/{account_id}/{post_id}/",
        markup=frozenset(("description",)),
    ),
    "discord": PostShape(
        platform="discord",
        fields={
            "account": ("author",),
            "account_id": ("author_id",),
            "post_id": ("message_id",),
            "posted_at": ("date",),
            "text": ("message",),
        },
    ),
    "lofter": PostShape(
        platform="lofter",
        fields={
            "account": ("blog_name", "blogInfo.blogName"),
            "account_id": ("blogId", "blogInfo.blogId"),
            "account_name": ("blogInfo.blogNickName",),
            "url": ("blogPageUrl",),
            "post_id": ("id",),
            "posted_at": ("publishTime", "date"),
            "title": ("title",),
            "text": ("content", "digest", "caption"),
        },
        markup=frozenset(("content", "digest", "caption")),
    ),
    "bilibili": PostShape(
        platform="bilibili",
        fields={
            "account": ("username",),
            "account_id": ("user_id",),
            "post_id": ("id",),
            "posted_at": ("date", "pub_ts"),
            "title": ("title",),
            "text": ("content", "description"),
        },
        url="https://www.bilibili.com/opus/{post_id}",
    ),
    "deviantart": PostShape(
        platform="deviantart",
        fields={
            "account": ("author.username", "username"),
            "account_id": ("author.userid",),
            "url": ("url",),
            "post_id": ("index", "deviationid"),
            "posted_at": ("date", "published_time"),
            "title": ("title",),
            "text": ("description",),
            "views": ("stats.views",),
        },
        markup=frozenset(("description",)),
    ),
    "artstation": PostShape(
        platform="artstation",
        fields={
            "account": ("user.username",),
            "account_id": ("user.id",),
            "account_name": ("user.full_name",),
            "url": ("permalink",),
            "post_id": ("hash_id", "id"),
            "posted_at": ("date", "created_at"),
            "title": ("title",),
            "text": ("description",),
            "views": ("views_count",),
        },
    ),
    "fanbox": PostShape(
        platform="fanbox",
        fields={
            "account": ("creatorId",),
            "account_id": ("user.userId",),
            "account_name": ("user.name",),
            "post_id": ("id",),
            "posted_at": ("publishedDatetime", "date"),
            "title": ("title",),
            "text": ("content", "text", "excerpt"),
        },
        url="https://www.fanbox.cc/@{account}/posts/{post_id}",
    ),
    "patreon": PostShape(
        platform="patreon",
        fields={
            "account": ("creator.vanity",),
            "account_id": ("creator.id",),
            "account_name": ("creator.full_name",),
            "url": ("url", "patreon_url"),
            "post_id": ("id",),
            "posted_at": ("published_at", "date"),
            "title": ("title",),
            "text": ("content",),
        },
        markup=frozenset(("content",)),
    ),
    "naverblog": PostShape(
        platform="naverblog",
        fields={
            "account": ("blog.id",),
            "account_id": ("blog.num",),
            "account_name": ("blog.user",),
            "post_id": ("post.num",),
            "posted_at": ("post.date",),
            "title": ("post.title",),
            "text": ("post.description",),
        },
        is_utc=False,
    ),
}
"""Extractors whose record is one post, by the name that they write as `category`."""
BOORU_FIELDS: Final[FieldPaths] = {
    "account": ("uploader_name", "owner", "author", "creator_name"),
    "account_id": ("uploader_id", "creator_id"),
    "post_id": ("id",),
    "posted_at": ("created_at", "date"),
    "views": ("view_count",),
}
TUMBLR: Final[FieldPaths] = {
    "account": ("blog_name", "blog.name"),
    "account_id": ("blog.uuid",),
    "account_name": ("blog.title",),
    "url": ("post_url",),
    "post_id": ("id_string", "id"),
    "posted_at": ("timestamp", "date"),
    "title": ("title",),
    "text": ("caption", "body", "summary"),
}
REDDIT: Final[FieldPaths] = {
    "account": ("author",),
    "account_id": ("author_fullname",),
    "url": ("@permalink",),
    "post_id": ("id",),
    "posted_at": ("created_utc", "date"),
    "title": ("title",),
    "text": ("selftext", "body"),
    "views": ("view_count",),
}
MASTODON: Final[FieldPaths] = {
    "account": ("account.acct", "account.username"),
    "account_id": ("account.id",),
    "account_name": ("account.display_name",),
    "url": ("url", "uri"),
    "post_id": ("id",),
    "posted_at": ("created_at", "date"),
    "text": ("content",),
    "language": ("language",),
}
MISSKEY: Final[FieldPaths] = {
    "account": ("user.username",),
    "account_id": ("user.id",),
    "account_name": ("user.name",),
    "url": ("url", "uri"),
    "post_id": ("id",),
    "posted_at": ("createdAt", "date"),
    "text": ("text",),
}
KEMONO: Final[FieldPaths] = {
    "account_id": ("user",),
    "account_name": ("username", "user_profile.name"),
    "post_id": ("id",),
    "posted_at": ("published", "date"),
    "captured_at": ("added",),
    "title": ("title",),
    "text": ("content",),
}
