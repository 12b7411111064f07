"""Names of files give the accounts, ids and times that platforms write into them, and look-alikes give nothing."""

import random
import string

import pytest

from mediafp.sightings.name_clues import name_clues

BASE64 = string.ascii_letters + string.digits + "-_"


def clues(name: str) -> dict[str, list[str]]:
    """Return the values of the clues in a name by kind."""
    found: dict[str, list[str]] = {}
    for clue in name_clues(name):
        assert clue.source == "file name"
        found.setdefault(clue.kind, []).append(clue.value)
    return found


@pytest.mark.parametrize(
    ("name", "uid"),
    [
        ("63885668ly8fjf57kfmgfj20ro0ro0u7.jpg", "1669879400"),
        ("007hyazNly8fusuidssp6j3014014741.jpg", "6672271347"),
        ("large_002NQ2vhly1gqzqfk1agfj629.jpg", None),
        ("mw690_a1d3feabjw1ecasunmkncj20hs0hsq4j (1).jpg", "2715025067"),
        ("6cc1f1d8jw1dki1fxsr62j.jpg", "1824649688"),
        ("5e22416bt8f3a7a5eb5de.jpg", "1579303275"),
    ],
)
def test_the_name_of_a_picture_on_weibo_gives_its_user_and_the_link(name: str, uid: str | None) -> None:
    found = clues(name)
    assert found.get("weibo_uid") == found.get("account_id") == ([uid] if uid else None)
    assert found.get("account_url") == ([f"https://weibo.com/u/{uid}"] if uid else None)
    assert found.get("platform") == (["weibo"] if uid else None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "EApDldrWsAE6cz4.jpg",
            {"platform": "twitter", "media_id": "1155810565274644481", "time": "2019-07-29T12:01:27Z"},
        ),
        ("EApDldrWsAE6cz4.jpg_large", {"media_key": "EApDldrWsAE6cz4"}),
        (
            "u_1155810569274644481-EApDldrWsAE6cz4.jpg",
            {"post_id": "1155810569274644481", "time": "2019-07-29T12:01:28Z"},
        ),
        ("1155810569274644481_2.jpg", {"platform": "twitter", "post_id": "1155810569274644481"}),
        ("Title [dQw4w9WgXcQ].f137.mp4", {"platform": "youtube", "post_id": "dQw4w9WgXcQ"}),
        ("A title-dQw4w9WgXcQ.mp4", {"platform": "youtube", "post_id": "dQw4w9WgXcQ"}),
        ("7106594312292453675.mp4", {"post_id": "7106594312292453675", "time": "2022-06-07T20:15:27Z"}),
        ("clip [7106594312292453675].mp4", {"post_id": "7106594312292453675", "time": "2022-06-07T20:15:27Z"}),
        ("@some.one_7106594312292453675.mp4", {"post_id": "7106594312292453675", "account": "some.one"}),
        ("one-1155810569274644481-20190729_210127-img1.jpg", {"post_id": "1155810569274644481", "account": "one"}),
        ("BV17x411w7KC.mp4", {"platform": "bilibili", "post_id": "BV17x411w7KC"}),
        ("t [BV17x411w7KC_p2].mp4", {"platform": "bilibili", "post_id": "BV17x411w7KC"}),
        (
            "12345678_10158123456789012_1234567890123456789_n.jpg",
            {"platform": "facebook", "media_id": "10158123456789012"},
        ),
        (
            "Video by someone [CxAbCdEfGhI].mp4",
            {"platform": "instagram", "post_id": "CxAbCdEfGhI", "account": "someone"},
        ),
        ("2020-01-31_10-20-30_UTC_2.jpg", {"platform": "instagram", "time": "2020-01-31T10:20:30Z"}),
        ("photo_2021-02-03_04-05-06 (2).jpg", {"platform": "telegram", "time": "2021-02-03T04:05:06"}),
        ("photo_1@03-02-2021_04-05-06.jpg", {"platform": "telegram", "time": "2021-02-03T04:05:06"}),
        ("IMG-20200131-WA0007.jpg", {"platform": "whatsapp", "time": "2020-01-31"}),
        ("WhatsApp Image 2020-01-31 at 10.20.30 PM.jpeg", {"platform": "whatsapp", "time": "2020-01-31T22:20:30"}),
        ("mmexport1580466030123.jpg", {"platform": "wechat", "time": "2020-01-31T10:20:30Z"}),
        ("微信图片_20200131102030.jpg", {"platform": "wechat", "time": "2020-01-31T10:20:30"}),
        (
            "20200131T_4466888888888888_1.jpg",
            {"platform": "weibo", "post_id": "4466888888888888", "time": "2020-01-31"},
        ),
        ("Screenshot_20200131-102030_Weibo.jpg", {"time": "2020-01-31T10:20:30", "app": "Weibo"}),
        ("Screen Shot 2020-01-31 at 9.20.30 PM.png", {"time": "2020-01-31T21:20:30"}),
        ("截屏2020-01-31 下午1.20.30.png", {"time": "2020-01-31T13:20:30"}),
        ("屏幕截图 2020-01-31 102030.png", {"time": "2020-01-31T10:20:30"}),
        ("PXL_20200131_102030123.MP.jpg", {"time": "2020-01-31T10:20:30Z"}),
        ("VID_20200131_102030.mp4", {"time": "2020-01-31T10:20:30"}),
        ("lv_0_20200131102030.mp4", {"software": "CapCut/JianYing", "time": "2020-01-31T10:20:30"}),
    ],
)
def test_names_of_platforms_and_programs_give_ids_and_times(name: str, expected: dict[str, str]) -> None:
    found = clues(name)
    assert {kind: found.get(kind, [None])[0] for kind in expected} == expected


@pytest.mark.parametrize(
    "name",
    [
        "d41d8cd98f00b204e9800998ecf8427e.jpg",
        "0063885668fjf57kfmgf0720ro0ro0u7.jpg",
        "ffffffffly8fjf57kfmgfa20ro0ro0u7.jpg",
        "00zzzzzzly8fjf57kfmgfj20ro0ro0u7.jpg",
        "12345678ly8fjf57kfmgfj20ro0ro0u7.jpg",
        "zEApDldrWsAE6cz4.jpg",
        "Extraordinarily.jpg",
        "91155810565274644481.jpg",
        "7106594312292453675.jpg",
        "CREATE_TABLE_AS.png",
        "001580466030.jpg",
        "1580466030.jpg",
        "12_345_678_n.jpg",
        "concert [final-cut_8].jpg",
        "music [soundtracks].jpg",
        "disc [Part-2-of-8].jpg",
        "clip [9106594312292453675].mp4",
        "BV1234567890.mp4",
        "202102031747581234_1.jpg",
        "IMG-20200231-WA0007.jpg",
        "IMG_20201331_102030.jpg",
        "Screenshot_20209931-256199.jpg",
        "photo_2021-13-03_04-05-06.jpg",
        "photo_2921-01-03_04-05-06.jpg",
        "mmexport9580466030123.jpg",
        "ScreenRecording_05-06-2024 10-20-30_1.MP4",
        "DOC20190231.jpg",
        "IMG_0007.jpg",
        "DSC_0001-edited.jpg",
        "\u202egpj.exe",
        ".jpg",
        "",
    ],
)
def test_look_alikes_give_no_clue(name: str) -> None:
    assert clues(name) == {}


def test_nearly_all_random_ids_of_youtube_are_found() -> None:
    rng = random.Random(1)
    ids = ["".join(rng.choices(BASE64, k=10)) + rng.choice("AEIMQUYcgkosw048") for _ in range(1_000)]
    assert sum(clues(f"Title [{id}].mp4").get("post_id") == [id] for id in ids) >= 980


def test_random_hexadecimal_names_give_no_clue() -> None:
    rng = random.Random(1)
    lengths = (16, 20, 21, 22, 24, 32, 40, 64)
    assert not any(clues("".join(rng.choices("0123456789abcdef", k=rng.choice(lengths)))) for _ in range(2_000))


def test_long_hostile_names_are_read_in_bounded_time() -> None:
    for part in ("_", "-", "2020-01-31 ", "[", "A", "WhatsApp ", "(1)", " copy", "1234567890123456789_"):
        clues(part * 5_000 + ".jpg")
