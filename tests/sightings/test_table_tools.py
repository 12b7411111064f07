"""Tables of one tool each: an example, and what it states."""

import pytest
from sidecar_dump import read_dump

IO_HEADER = (
    "tweetid,userid,user_display_name,user_screen_name,account_creation_date,tweet_language,tweet_text,tweet_time,is_retweet,"
    "retweet_userid,retweet_tweetid\n"
)


def test_x_archive_finds_media_by_the_id_of_the_tweet() -> None:
    table = IO_HEADER + (
        "1150000000000000001,9f86==,9f86==,9f86==,2017-05-06,zh,文字,2019-07-13 10:20,False,,\n"
        "1150000000000000002,77,Display,handle_1,2017-05-06,en,RT @other_1: words,2019-07-13 10:21,True,88,1140000000000000009\n"
    )
    stated = read_dump({
        "cn_082019_tweets_csv_hashed.csv": table,
        "media/9f86==/1150000000000000001-D_abc-1.jpg": b"",
        "media/77/1150000000000000002-EfG.mp4": b"",
    })  # fmt: skip
    assert stated.sightings["media/9f86==/1150000000000000001-D_abc-1.jpg"] == [{
        "platform": "twitter", "account_id": "9f86==", "post_id": "1150000000000000001", "posted_at": "2019-07-13T10:20Z",
        "text": "文字", "language": "zh",
    }]  # fmt: skip
    assert stated.sightings["media/77/1150000000000000002-EfG.mp4"] == [
        {
            "platform": "twitter", "account": "handle_1", "account_id": "77", "account_name": "Display",
            "post_id": "1150000000000000002", "posted_at": "2019-07-13T10:21Z", "text": "RT @other_1: words", "language": "en",
            "role": "repost",
        },
        {"platform": "twitter", "account": "other_1", "account_id": "88", "post_id": "1140000000000000009", "role": "original"},
    ]  # fmt: skip
    assert stated.warnings == {}


def test_weibo_crawler_means_the_time_of_beijing_and_keeps_both_of_a_repost() -> None:
    header = (
        "id,bid,正文,原始图片url,视频url,日期,完整日期,是否原创,源用户id,源用户昵称,"
        "源微博id,源微博bid,源微博正文,源微博完整日期\n"
    )
    table = header + (
        "4567890123456789\t,JabcdEFGH,正文,https://wx1.sinaimg.cn/large/a.jpg,,2020-01-31T18:00:00,2020-01-31 18:00:00,True\n"
        "4567890123456790\t,JabcdEFGI,转发,,,2020-02-01T18:00:00,2020-02-01 18:00:00,False,1669879400,某人,"
        "4567890123456700\t,JabcdEFG0,原文,2020-01-01 08:00:00\n"
    )
    own, repeated = (
        "小明/img/原创微博图片/20200131T_4567890123456789_1.jpg",
        "小明/img/转发微博图片/20200101T_4567890123456700.jpg",
    )
    stated = read_dump({"小明/1000000001.csv": table, own: b"", repeated: b""})
    owner = {"platform": "weibo", "account": "小明", "account_id": "1000000001"}
    assert stated.sightings[own] == [{
        **owner, "url": "https://weibo.com/1000000001/JabcdEFGH", "post_id": "4567890123456789",
        "posted_at": "2020-01-31T10:00:00Z", "text": "正文",
    }]  # fmt: skip
    assert stated.sightings[repeated] == [
        {
            **owner, "url": "https://weibo.com/1000000001/JabcdEFGI", "post_id": "4567890123456790",
            "posted_at": "2020-02-01T10:00:00Z", "text": "转发", "role": "repost",
        },
        {
            "platform": "weibo", "account": "某人", "account_id": "1669879400", "url": "https://weibo.com/1669879400/JabcdEFG0",
            "post_id": "4567890123456700", "posted_at": "2020-01-01T00:00:00Z", "text": "原文", "role": "original",
        },
    ]  # fmt: skip


def test_folder_of_a_moved_table_of_weibo_crawler_is_no_account() -> None:
    table = "id,bid,正文,日期\n4567890123456789,J,t,2020-01-31\n"
    assert read_dump({"data/1000000001.csv": table, "data/20200131_4567890123456789.jpg": b""}).only() == {
        "platform": "weibo", "account_id": "1000000001", "url": "https://weibo.com/1000000001/J",
        "post_id": "4567890123456789", "posted_at": "2020-01-31", "text": "t",
    }  # fmt: skip


def test_weibo_crawler_writes_the_same_as_json() -> None:
    posts = (
        '{"user": {"id": "1000000001", "screen_name": "小明"}, "weibo": [{"id": 4567890123456790, "bid": "JabcdEFGI", "user_id": '
        '1000000001, "screen_name": "小明", "text": "转发", "pics": "", "created_at": "2020-02-01T18:00:00", "full_created_at": '
        '"2020-02-01 18:00:00", "retweet": {"id": 4567890123456700, "bid": "JabcdEFG0", "user_id": 1669879400, "screen_name": '
        '"某人", "text": "原文", "pics": "https://wx1.sinaimg.cn/large/a.jpg", "created_at": "2020-01-01"}}]}'
    )
    stated = read_dump({"小明/1000000001.json": posts, "小明/img/转发微博图片/20200101T_4567890123456700_2.jpg": b""})
    ((repost, original),) = stated.sightings.values()
    assert repost == {
        "platform": "weibo", "account": "小明", "account_id": "1000000001", "post_id": "4567890123456790", "role": "repost",
        "posted_at": "2020-02-01T10:00:00Z", "text": "转发", "url": "https://weibo.com/1000000001/JabcdEFGI",
    }  # fmt: skip
    assert original == {
        "platform": "weibo", "account": "某人", "account_id": "1669879400", "post_id": "4567890123456700", "role": "original",
        "posted_at": "2020-01-01", "text": "原文", "url": "https://weibo.com/1669879400/JabcdEFG0",
    }  # fmt: skip
    assert stated.warnings == {}


def test_column_of_weibo_crawler_without_a_title_moves_no_other() -> None:
    header = "id,bid,正文,视频url,位置,日期,是否原创,源用户id,源用户昵称,源微博id,源微博bid,源微博正文,源微博视频url,源微博日期\n"
    row = "4567890123456790,J,t,,live,here,2020-02-01,False,1669879400,某人,4567890123456700,K,u,,live,2020-01-01\n"
    stated = read_dump({"1000000001.csv": header + row, "20200101_4567890123456700.jpg": b""})
    ((repost, original),) = stated.sightings.values()
    assert (repost["posted_at"], original["posted_at"]) == ("2020-02-01", "2020-01-01")
    assert (original["account_id"], original["account"], original["text"]) == ("1669879400", "某人", "u")


def archive_row(uploader: str, url: str) -> str:
    zone = "datetime.timezone(datetime.timedelta(seconds=28800))"
    metadata = (
        f"{{'_processed_at': datetime.datetime(2023, 2, 1, 8, 0, 1, 123456, tzinfo=datetime.timezone.utc), 'url': '{url}', "
        f"'title': 'T', 'content': 'it\\'s', 'timestamp': datetime.datetime(2023, 1, 31, 18, 0, tzinfo={zone}), "
        f"{uploader}, 'view_count': 7, 'other': object()}}"
    )
    media = (
        "[{'filename': '/tmp/x/1.mp4', '_key': 'yt/ab.mp4', 'urls': ['./local_archive/yt/ab.mp4'], "
        "'properties': {'duration': 1.5, 'thumbnails': [{'filename': '/tmp/x/2.jpg', '_key': 'yt/cd.jpg', 'urls': []}]}, "
        "'_mimetype': 'video/mp4'}]"
    )
    return f'status,metadata,media\nyt-dlp: success,"{metadata}","{media}"\n'


def test_auto_archiver_tells_the_handle_of_each_platform() -> None:
    common = {
        "posted_at": "2023-01-31T10:00:00Z",
        "captured_at": "2023-02-01T08:00:01Z",
        "title": "T",
        "text": "it's",
        "views": 7,
    }
    for uploader, url, fields in (
        ("'uploader': 'h.x', 'uploader_id': '77'", "https://www.tiktok.com/@h.x/video/12",
         {"platform": "tiktok", "account": "h.x", "account_id": "77", "post_id": "12"}),
        ("'uploader': 'Name', 'uploader_id': '@handle'", "https://www.youtube.com/watch?v=abcdefghijk",
         {"platform": "youtube", "account": "handle", "account_name": "Name", "post_id": "abcdefghijk"}),
        ("'uploader': 'Name', 'uploader_id': '77'", "https://www.facebook.com/watch/?v=12",
         {"platform": "facebook", "account_id": "77", "account_name": "Name", "post_id": "12"}),
    ):  # fmt: skip
        files = {"local_archive/yt/ab.mp4": b"", "local_archive/yt/cd.jpg": b"", "db.csv": archive_row(uploader, url)}
        stated = read_dump(files)
        assert stated.sightings["local_archive/yt/ab.mp4"] == [{**common, **fields, "url": url}]
        assert stated.sightings["local_archive/yt/cd.jpg"] == [{**common, **fields, "url": url}]
        assert stated.warnings == {}


@pytest.mark.parametrize(
    ("metadata", "fields"),
    [
        ("{'upload_date': datetime.datetime(2023, 1, 31, 0, 0, tzinfo=datetime.timezone.utc)}", {"posted_at": "2023-01-31"}),
        ("{'timestamp': datetime.datetime(2023, 1, 31, 10, 0, tzinfo=tzutc())}", {"posted_at": "2023-01-31T10:00:00Z"}),
        ("{'date': datetime.datetime(2023, 1, 31, 18, 0, tzinfo=tzoffset(None, 28800))}", {"posted_at": "2023-01-31T10:00:00Z"}),
        ("{'timestamp': datetime.datetime(2023, 1, 31, 10, 0, tzinfo=<UTC>)}", {"posted_at": "2023-01-31T10:00:00Z"}),
        ("{'timestamp': '2023-01-31T10:00:00+00:00'}", {"posted_at": "2023-01-31T10:00:00Z"}),
        (
            "{'content': '{\"full_text\": \"words\", \"user\": {\"screen_name\": \"h\", \"name\": \"N\", \"id_str\": \"77\"}}'}",
            {"text": "words", "account": "h", "account_name": "N", "account_id": "77"},
        ),
    ],
)  # fmt: skip
def test_auto_archiver_metadata_is_read(metadata: str, fields: dict[str, object]) -> None:
    cells = ["ok", metadata, "[{'key': 'a.mp4'}]"]
    table = "status,metadata,media\n" + ",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n"
    assert read_dump({"a.mp4": b"", "db.csv": table}).only() == fields


def test_auto_archiver_runs_nothing_of_a_cell() -> None:
    for cell in (
        "__import__('os').system('x')",
        "(" * 5_000,
        "{'url': " + "[" * 200,
        "9" * 5_000,
        "{'a': 1e400}",
        "{1: 2, **{}}",
    ):
        stated = read_dump(
            {"a.mp4": b"", "db.csv": f"status,metadata,media\nok,\"{cell}\",\"[{{'_key': 'a.mp4'}}]\"\n"}
        )
        assert stated.sightings == {"a.mp4": []}


def test_crowdtangle_table_tells_accounts_and_removals() -> None:
    table = (
        "Page Name,User Name,Facebook Id,Likes at Posting,Post Created,Type,Total Views,Post Views,URL,Message,Link,"
        "Removed On,Image\n"
        "Some Page,some.page,100012345678901,5,2020-01-31 10:00:00 EST,Photo,0,\"1,234\","
        "https://www.facebook.com/100012345678901/posts/12,words,https://example.org/,2020-03-01,media/a.jpg\n"
    )  # fmt: skip
    stated = read_dump({"media/a.jpg": b"", "takedown.csv": table})
    assert stated.only() == {
        "platform": "facebook", "account": "some.page", "account_id": "100012345678901", "account_name": "Some Page",
        "url": "https://www.facebook.com/100012345678901/posts/12", "post_id": "12", "posted_at": "2020-01-31T15:00:00Z",
        "removed_at": "2020-03-01", "text": "words", "views": 1234,
    }  # fmt: skip
    assert stated.warnings == {}


def test_x_archive_without_names_of_accounts_is_read() -> None:
    table = (
        "tweetid,userid,tweet_text,tweet_time,tweet_media_urls\n"
        "1150000000000000001,9f86==,文字,2019-07-13 10:20,https://pbs.twimg.com/media/DzABCDEFGHIJKLM.jpg\n"
    )
    stated = read_dump({"t.csv": table, "media/DzABCDEFGHIJKLM.jpg": b""}).only()
    assert (stated["platform"], stated["account_id"], stated["posted_at"]) == ("twitter", "9f86==", "2019-07-13T10:20Z")


def test_owner_of_a_post_is_read_from_the_content_library() -> None:
    header = "file,id,text,creation_time,post_owner.id,post_owner.name,post_owner.username,statistics.views\n"
    row = "a.jpg,1234567890123,words,2021-02-03T09:47:58+00:00,99,Some Page,somepage,1200\n"
    stated = read_dump({"t.csv": header + row, "a.jpg": b""}).only()
    assert (stated["account"], stated["account_id"], stated["account_name"]) == ("somepage", "99", "Some Page")
    assert stated["views"] == 1200
