"""Columns of tables: the field of a sighting that a title means, in English and Chinese."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final

from mediafp.sightings.times import parse_zone
from mediafp.sightings.unusable_values import UnusableValueError
from mediafp.types.sightings import STATED_FIELDS

FILE_COLUMN: Final = "file"
"""Field of the column of the paths or names of the media files."""
COLUMNS_NAME: Final = "mediafp.columns.json"
"""File name of the JSON object that maps column names to fields."""
_TITLES: Final[Mapping[str, str]] = {
    FILE_COLUMN: (
        "file filename file_name filepath file_path path media_file mediafile media_path local_path localpath "
        "local_file saved_as saved_file image_file image_path image_name video_file video_path video_name "
        "media_filename archive_location archived_file local_media picture_file photo_file screenshot attachment "
        "filenames files media_files 文件 文件名 文件名称 文件路径 路径 本地路径 本地文件 保存路径 媒体文件 图片文件 "
        "图片名 图片名称 视频文件 视频名 附件 檔案 檔名 檔案名稱 檔案路徑 路徑 圖片檔案 影片檔案 附件檔案"
    ),
    "platform": (
        "platform site network service social_network social_media source_platform channel_type website app 平台 "
        "网站 來源平台 来源平台 网络平台 社交平台 媒体平台 渠道 網站 社群平台 應用"
    ),
    "account": (
        "account handle username user_name screen_name screenname user_screen_name author_username author_handle "
        "account_handle account_username twitter_handle profile_handle user uploader author poster posted_by owner "
        "post_owner_username "
        "account_screen_name user_handle channel_handle creator_username 账号 帐号 账户 帐户 用户 用户名 发布账号 "
        "发布者 发布人 作者 博主 上传者 发帖人 微博账号 抖音号 帳號 用戶 用戶名 使用者 使用者名稱 發布者 發佈者 "
        "發布帳號"
    ),
    "account_id": (
        "account_id accountid userid user_id uid author_id authorid channel_id owner_id uploader_id facebook_id "
        "page_id profile_id post_owner_id account_number user_number 用户id 用户编号 账号id 帐号id 账户id 作者id 博主id 用户uid "
        "帳號id 用戶id 使用者id 作者編號"
    ),
    "account_name": (
        "account_name accountname display_name displayname name author_name nickname nick full_name fullname "
        "user_display_name page_name channel_name channel_title profile_name screenname_display user_nickname 昵称 "
        "post_owner_name 用户昵称 名称 显示名称 显示名 账号名称 账号昵称 博主昵称 作者昵称 频道名称 暱稱 用戶暱稱 名稱 顯示名稱 "
        "帳號名稱 頻道名稱"
    ),
    "url": (
        "url link permalink video_url post_url posturl post_link tweet_url web_url weburl webpage_url page_url "
        "source_url original_url video_url_page status_url address uri href tweet_link permanent_url 链接 网址 地址 "
        "原文链接 帖子链接 微博链接 发布链接 文章链接 视频链接 来源链接 鏈接 連結 網址 原文連結 貼文連結 貼文網址 "
        "影片連結"
    ),
    "post_id": (
        "post_id postid tweet_id tweetid status_id id id_str video_id videoid message_id media_post_id post_number "
        "weibo_id mid bvid aweme_id note_id 帖子id 微博id 推文id 作品id 视频id 文章id 内容id 消息id 帖子编号 貼文id "
        "推文編號 影片id 訊息id"
    ),
    "posted_at": (
        "posted_at postedat published_on created_on uploaded_on date time datetime date_time posted post_date "
        "postdate post_time posttime posted_on posted_date post_created post_created_at created_at createdat created "
        "created_time created_date creation_time publish_time publish_date publication_date published published_at "
        "date_published published_date pubdate upload_date uploaded_at upload_time upload_timestamp timestamp "
        "tweet_time tweet_date tweet_created_at time_posted utc_time date_utc posted_utc 发布时间 发布日期 发布于 "
        "时间 日期 发表时间 发表日期 发帖时间 发帖日期 发文时间 发文日期 上传时间 上传日期 创建时间 发送时间 "
        "微博时间 發布時間 發佈時間 發布日期 發佈日期 時間 發表時間 發表日期 發文時間 上傳時間 上傳日期 建立時間"
    ),
    "captured_at": (
        "captured_at capturedat captured collected_on captured_on archived_on downloaded_on saved_on scraped_on "
        "capture_date capture_time archived_at archived archive_date archive_time date_archived crawled_at "
        "crawl_time crawl_date scraped_at scrape_date scrape_time collected_at collection_date downloaded_at "
        "download_date download_time saved_at retrieved_at twarc_retrieved_at retrieved access_date accessed_at screenshot_date "
        "采集时间 采集日期 抓取时间 抓取日期 爬取时间 下载时间 下载日期 存档时间 存档日期 收集时间 截图时间 截图日期 "
        "保存时间 採集時間 抓取時間 擷取時間 下載時間 下載日期 存檔時間 截圖時間 保存時間 儲存時間"
    ),
    "removed_at": (
        "removed_at removedat removed removed_on deleted_on taken_down_on removal_date removal_time date_removed "
        "deleted_at deleted deletion_date takedown_date takedown_at takedown_time taken_down taken_down_at "
        "suspended_at suspension_date date_suspended 删除时间 删除日期 下架时间 下架日期 封禁时间 封禁日期 封号时间 "
        "刪除時間 刪除日期 下架時間 封鎖時間 停權時間"
    ),
    "title": (
        "title headline post_title upload_title video_title caption_title 标题 标题名 视频标题 文章标题 作品标题 "
        "標題 影片標題 文章標題"
    ),
    "text": (
        "text full_text raw_content message content body caption description post_text tweet_text tweet_content "
        "status_text post_content post_message message_text text_content rendered_content desc 正文 内容 文本 文案 "
        "微博内容 微博正文 帖子内容 推文内容 发布内容 描述 全文 文字 說明 说明 內文 內容 文字內容 貼文內容 推文內容"
    ),
    "language": ("language lang tweet_language post_language 语言 語言 语种 語種"),
    "views": (
        "views view_count viewcount post_views video_views plays play_count playcount total_views views_count "
        "number_of_views impressions impression_count public_metrics_impression_count "
        "statistics_views statistics_view_count 播放量 播放数 播放次数 观看数 "
        "观看次数 浏览量 浏览数 浏览次数 阅读量 阅读数 阅读次数 点击量 播放數 播放次數 觀看數 觀看次數 瀏覽量 瀏覽數 "
        "閱讀量 閱讀數 點閱數 展示量"
    ),
    "role": (
        "role post_role 角色 原创或转发 is_retweet is_repost is_reblog is_forward is_original 是否转发 是否轉發 是否原创 "
        "是否原創"
    ),
}
"""Titles of each field."""


BEIJING: Final = timezone(timedelta(hours=8))
_ZONE_IN_TITLE: Final = re.compile(
    r"(?P<title>.+?)[\s_(\[,:/-]*"
    r"(?P<zone>(?:utc|gmt)\s*(?:[+\u2212-]\s*\d{1,2}(?::?\d{2})?|8)?|北京时间|北京時間|(?<=[_(\[])[a-z]{3,4})[\s)\]]*",
    re.IGNORECASE,
)
"""Title of a column that ends in a zone, such as `Posted (UTC-5)`."""
REPOST_FLAGS: Final = frozenset(["isretweet", "isrepost", "isreblog", "isforward", "是否转发", "是否轉發"])
"""Keys of titles of columns that are true for a repost, and false for an original."""
ORIGINAL_FLAGS: Final = frozenset(["isoriginal", "是否原创", "是否原創"])
"""Keys of titles of columns that are true for an original, and false for a repost."""
ID_PLATFORMS: Final[Mapping[str, str]] = {
    "tweetid": "twitter", "推文id": "twitter", "推文編號": "twitter", "微博id": "weibo", "weiboid": "weibo", "bvid": "bilibili",
}  # fmt: skip
"""Platform of the ids in a column, by the key of its title."""


def title_key(title: str) -> str:
    """Return a title without case, width, spaces and punctuation."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", title[:200]).casefold())


@lru_cache(maxsize=4096)
def field_of_title(title: str) -> tuple[str, tzinfo | None]:
    """Return the field that a title means, "" for none, and the zone that it states, such as `date_utc`."""
    whole = FIELDS_BY_TITLE.get(title_key(title), "")
    match = _ZONE_IN_TITLE.fullmatch(unicodedata.normalize("NFKC", title[:200]).strip())
    field = whole or (FIELDS_BY_TITLE.get(title_key(match["title"]), "") if match else "")
    if not match or not field.endswith("_at"):
        return whole, None
    stated = match["zone"].replace("\u2212", "-")
    try:
        return field, parse_zone(re.sub(r"(?<=[a-z])(?=8$)", "+", stated, flags=re.IGNORECASE), None)
    except UnusableValueError:
        return whole, None


FIELDS_BY_TITLE: Final[Mapping[str, str]] = {
    title_key(title): field for field, titles in _TITLES.items() for title in (field, *titles.split())
}
"""Field of each title, by its key."""
MEDIA_ADDRESS_COLUMNS: Final = frozenset((
    "mediaurl", "mediaurls", "imageurl", "imageurls", "photourl", "photourls", "pictureurl", "pictureurls", "videourls", "photos",
    "images", "pictures", "media", "attachmentsmedia", "图片链接", "图片地址", "图片url", "原始图片url", "圖片連結", "媒体链接",
    "媒體連結",
))  # fmt: skip
"""Keys of titles of the addresses of media, whose last parts name the files if no column of files is there."""
NUMBER_COLUMNS: Final = frozenset(
    ("序号", "編號", "编号", "序號", "no", "nr", "index", "row", "number", "num", "rownumber")
)
"""Keys of titles of columns that number the rows."""
TABLE_FIELDS: Final = frozenset((*STATED_FIELDS, FILE_COLUMN))
"""Fields that a column may be mapped to."""
