"""Places in which the tools that collect posts of X, and of Weibo with snscrape, write the fields of a post, one line a post."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from mediafp.sightings.json_paths import at
from mediafp.sightings.post_shape import FieldPaths, PostShape
from mediafp.types.sightings import Role

POST_URL: Final = "https://x.com/{account}/status/{post_id}"


@dataclass(frozen=True, kw_only=True)
class RecordShape:
    """Place of a post in a record, with the posts that it repeats or quotes."""

    platform: str = "twitter"
    url: str = POST_URL
    fields: FieldPaths
    media: tuple[str, ...]
    """Paths of the addresses of its media, whose last part is the key that names of files contain."""
    repeated: str = ""
    """Path of the post that it repeats, which has the same shape."""
    quoted: str = ""
    """Path of the post that it quotes."""

    @cached_property
    def parts(self) -> Sequence[str]:
        """Paths of the posts: its own, those that it repeats or quotes, and that which the repeated one quotes."""
        repeated = [self.repeated, f"{self.repeated}.{self.quoted}"] if self.repeated and self.quoted else []
        return ["", *(part for part in (self.repeated, self.quoted) if part), *repeated[1:]]

    def post(self, part: str, role: Role | None = None) -> PostShape:
        """Return the shape of the post at a path."""
        fields = at(part, self.fields) if part else self.fields
        return PostShape(platform=self.platform, role=role, fields=fields, url=self.url, is_escaped=True)

    @cached_property
    def media_paths(self) -> Mapping[str, Sequence[str]]:
        """Paths of the addresses of its media, by the path of the post."""
        return {part: [f"{part}.{path}" if part else path for path in self.media] for part in self.parts}

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """All paths."""
        return tuple(path for part in self.parts for path in (*self.post(part).paths, *self.media_paths[part]))


V1: Final = RecordShape(
    fields={
        "account": ("user.screen_name",),
        "account_id": ("user.id_str", "user.id"),
        "account_name": ("user.name",),
        "post_id": ("id_str", "id"),
        "posted_at": ("created_at",),
        "text": ("full_text", "extended_tweet.full_text", "text"),
        "language": ("lang",),
        "views": ("ext_views.count", "views.count"),
    },
    media=(
        "extended_entities.media.*.media_url_https",
        "extended_entities.media.*.media_url",
        "extended_entities.media.*.video_info.variants.*.url",
        "extended_tweet.extended_entities.media.*.media_url_https",
        "extended_tweet.extended_entities.media.*.video_info.variants.*.url",
        "entities.media.*.media_url_https",
        "entities.media.*.media_url",
    ),
    repeated="retweeted_status",
    quoted="quoted_status",
)
"""Interface 1.1 of X, as twarc and tweepy write it."""
V2: Final = RecordShape(
    fields={
        "account": ("author.username",),
        "account_id": ("author_id", "author.id"),
        "account_name": ("author.name",),
        "post_id": ("id",),
        "posted_at": ("created_at",),
        "captured_at": ("__twarc.retrieved_at",),
        "text": ("note_tweet.text", "text"),
        "language": ("lang",),
        "views": ("public_metrics.impression_count",),
    },
    media=(
        "attachments.media.*.url",
        "attachments.media.*.preview_image_url",
        "attachments.media.*.variants.*.url",
    ),
    repeated="@retweeted",
    quoted="@quoted",
)
"""Interface 2 of X, as `twarc2 flatten` writes it."""
SNSCRAPE: Final = RecordShape(
    fields={
        "account": ("user.username", "username"),
        "account_id": ("user.id_str", "user.id"),
        "account_name": ("user.displayname",),
        "url": ("url",),
        "post_id": ("id_str", "id"),
        "posted_at": ("date",),
        "text": ("rawContent", "content", "renderedContent"),
        "language": ("lang",),
        "views": ("viewCount",),
    },
    media=(
        "media.*.fullUrl", "media.*.previewUrl", "media.*.thumbnailUrl", "media.*.variants.*.url",
        "media.photos.*.url", "media.videos.*.thumbnailUrl", "media.videos.*.variants.*.url",
        "media.animated.*.thumbnailUrl", "media.animated.*.videoUrl",
    ),
    repeated="retweetedTweet",
    quoted="quotedTweet",
)  # fmt: skip
"""snscrape's posts of X, and those of twscrape, which are like them."""
WEB_EXPORTER: Final = RecordShape(
    fields={
        "account": ("screen_name",),
        "account_id": ("user_id",),
        "account_name": ("name",),
        "url": ("url",),
        "post_id": ("id",),
        "posted_at": ("created_at",),
        "text": ("full_text",),
        "views": ("views_count",),
    },
    media=("media.*.original", "media.*.thumbnail"),
    repeated="@retweeted",
)
"""Posts that the browser script Twitter Web Exporter saves; of a post that is repeated, it states the id alone."""
TWINT: Final = RecordShape(
    fields={
        "account": ("username",),
        "account_id": ("user_id_str", "user_id"),
        "account_name": ("name",),
        "url": ("link",),
        "post_id": ("id_str", "id"),
        "posted_at": ("created_at",),
        "text": ("tweet",),
        "language": ("language",),
    },
    media=("photos.*", "thumbnail"),
)
"""twint's posts of X."""
SNSCRAPE_WEIBO: Final = RecordShape(
    platform="weibo",
    url="",
    fields={
        "account": ("user.screenname",),
        "account_id": ("user.uid",),
        "url": ("url",),
        "post_id": ("id",),
        "posted_at": ("createdAt",),
        "text": ("text",),
    },
    media=("pictures.*", "video"),
    repeated="repostedPost",
)
"""snscrape's posts of Weibo."""
ARCHIVE: Final = RecordShape(
    fields={
        "account": ("@account.username",),
        "account_id": ("@account.accountId",),
        "account_name": ("@account.accountDisplayName",),
        "post_id": ("id_str", "id"),
        "posted_at": ("created_at",),
        "text": ("full_text", "text"),
        "language": ("lang",),
    },
    media=V1.media,
)
"""A post in the archive that X gives to the owner of an account, who is named in another file."""
