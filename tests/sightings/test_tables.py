"""Tables in any encoding and with any titles, and how their rows and media files find each other."""

import csv
import io
from contextlib import closing
from pathlib import Path

import pytest
from sidecar_dump import read_dump

from mediafp.ingest.sidecar_folders import DiskFolder
from mediafp.sightings import sidecars
from mediafp.sightings.record_content import RecordContent
from mediafp.sightings.table_encoding import find_encoding

COLUMNS = {"文件名": "图 1.jpg", "平台": "推特", "账号": "@user_1", "用户ID": '="1669879400"', "昵称": "小明",
           "发布时间": "2020年1月31日", "正文": "今天天气很好\n第二行", "播放量": "1.2万"}  # fmt: skip
FIELDS = {"platform": "twitter", "account": "user_1", "account_id": "1669879400", "account_name": "小明",
          "posted_at": "2020-01-31", "text": "今天天气很好\n第二行", "views": 12_000}  # fmt: skip


def write_table(*rows: list[str], delimiter: str = ",", start: str = "") -> str:
    table = io.StringIO(newline="")
    csv.writer(table, delimiter=delimiter).writerows(rows)
    return start + table.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_table_is_read_in_each_encoding_with_each_separator(encoding: str, delimiter: str) -> None:
    start = "sep=;\r\n" if delimiter == ";" else ""
    table = write_table(list(COLUMNS), list(COLUMNS.values()), delimiter=delimiter, start=start)
    stated = read_dump({"图 1.jpg": b"", "数据.csv": table.encode(encoding)})
    assert stated.only() == FIELDS and stated.sources["图 1.jpg"] == ["csv: 数据.csv"]
    told = [warning for texts in stated.warnings.values() for warning in texts]
    assert all("the encoding of '数据.csv' is taken to be" in warning for warning in told)
    assert bool(told) == (not encoding.startswith("utf-8"))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("file,account\n图abc.jpg,user\n", "gb18030"), ("file,account\na.jpg,林海\n", "gb18030"),
        ("file,text\na.jpg,愤怒的小鸟飞过窗前，啄食稻谷\n", "gb18030"), ("檔案,帳號\na.jpg,陳大文\n", "big5hkscs"),
        ("file,text\na.jpg,今天天氣很好，我們去香港看電影\n", "big5hkscs"), ("file,account\nテスト.jpg,さくら\n", "cp932"),
        ("file,text\na.jpg,今日はいい天気ですね\n", "euc_jp"), ("file,text\na.jpg,오늘은 날씨가 좋습니다\n", "euc_kr"),
        ("file,text\na.jpg,Сегодня хорошая погода в Москве\n", "cp1251"), ("file,account\na.jpg,Élodie Français\n", "cp1252"),
        ("file,account\na.jpg,Élodie Français\n", "utf-8"), ("file,account\na.jpg,Иван\n", "utf-8"),
        ("file,account\na.jpg,ñ é ü\n", "utf-8"), ("file,account\n图.jpg,林海\n", "utf-8"),
    ],
)  # fmt: skip
def test_encoding_is_found_out(text: str, encoding: str) -> None:
    content = text.encode(encoding)
    found, _ = find_encoding(RecordContent("a.csv", content))
    assert content.decode(found) == text


@pytest.mark.parametrize(
    ("media", "cell"),
    [
        ("a/b.jpg", "a\\b.jpg"), ("a/b.jpg", "./a/b.jpg"), ("a/B.JPG", "a/b.jpg"), ("a/b.jpg", "b.jpg"),
        ("a/b.jpg", r"C:\dump\a\b.jpg"), ("e\u0301.jpg", "é.jpg"), ("x/y/z/b.jpg", "https://example.org/z/b.jpg"),
        ("a/b c.jpg", "file:///old/a/b%20c.jpg"), ("b.jpg", "a.jpg; b.jpg"), ("m/b.jpg", "b"), ("m/b.jpg", "m/b"),
    ],
)  # fmt: skip
def test_row_finds_its_file(media: str, cell: str) -> None:
    assert read_dump({media: b"", "t.csv": write_table(["file", "account"], [cell, "u"])}).only() == {"account": "u"}


def test_name_alone_that_several_files_have_finds_none_of_them() -> None:
    table = write_table(["file", "account"], ["b.jpg", "u"], ["y/c.jpg", "v"], ["z/c.jpg", "w"])
    stated = read_dump({"x/b.jpg": b"", "y/b.jpg": b"", "y/c.jpg": b"", "d/c.jpg": b"", "t.csv": table})
    assert stated.sightings == {"x/b.jpg": [], "y/b.jpg": [], "y/c.jpg": [{"account": "v"}], "d/c.jpg": []}
    assert all("'b.jpg' in 't.csv'" in stated.warnings[path][0] for path in ("x/b.jpg", "y/b.jpg"))
    assert "several files of this name" in stated.warnings["d/c.jpg"][0]


def test_files_whose_names_differ_in_case_alone_have_rows_of_their_own() -> None:
    table = write_table(["file", "account"], ["a.jpg", "u"], ["A.jpg", "v"])
    assert read_dump({"a.jpg": b"", "A.jpg": b"", "t.csv": table}).sightings == {
        "a.jpg": [{"account": "u"}], "A.jpg": [{"account": "v"}],
    }  # fmt: skip


def test_rows_without_file_and_files_without_row_are_told() -> None:
    table = write_table(
        ["file", "account", "mood"], ["a.jpg", "u", "x"], *([f"gone{n}.jpg", "u", "x"] for n in range(5))
    )
    stated = read_dump({"a.jpg": b"", "b.jpg": b"", "c.jpg": b"", "c.jpg.json": '{"author": "x"}', "t.csv": table})
    assert stated.warnings["t.csv"] == [
        "skipped columns of 't.csv': 'mood' are unknown, and not used",
        "skipped 5 rows of 't.csv': no media file was found for 'gone0.jpg', 'gone1.jpg', 'gone2.jpg' and 2 more",
        "1 media file has no row in 't.csv': 'b.jpg'",
    ]


def test_sidecars_without_media_and_unknown_files_are_told() -> None:
    stated = read_dump(
        {
            "gone.info.json": '{"id": "1", "uploader": "x", "extractor": "youtube"}',
            "a.csv": "x,y\n1,2\n",
            "empty.csv": "",
            "a.xlsx": b"PK",
            "m.jpg": b"",
        }
    )
    assert "no media file was found for it" in stated.warnings["gone.info.json"][0]
    assert "its columns are unknown" in stated.warnings["a.csv"][0]
    assert stated.warnings["a.xlsx"] == ["skipped 'a.xlsx': not read: it is a workbook; save its sheet as CSV"]
    assert stated.warnings["empty.csv"] == ["skipped 'empty.csv': it is empty"]


def test_table_without_files_finds_media_by_the_id_of_the_post() -> None:
    table = write_table(["id", "author.username", "created_at"], ["1234567890123456789", "u", "2020-01-31"])
    stated = read_dump({"media/1234567890123456789_1.jpg": b"", "clip [1234567890].mp4": b"", "t.csv": table})
    assert stated.sightings["media/1234567890123456789_1.jpg"] == [
        {"account": "u", "post_id": "1234567890123456789", "posted_at": "2020-01-31"}
    ]
    assert stated.sightings["clip [1234567890].mp4"] == []


def test_numbers_of_rows_are_no_ids_of_posts() -> None:
    assert read_dump({"a.jpg": b"", "t.csv": "id,file,account\n1,a.jpg,u\n2,b.jpg,v\n"}).only() == {"account": "u"}


def test_column_of_file_names_is_found_by_its_cells() -> None:
    assert read_dump({"a.jpg": b"", "t.csv": "who,evidence,账号\nx,a.jpg,u\ny,b.png,v\n"}).only() == {"account": "u"}


def test_zone_of_a_column_is_read_from_its_title() -> None:
    table = "file,发布时间（北京时间）,Captured At (UTC)\na.jpg,2020-01-31 08:00:00,2020-02-01 08:00:00\n"
    assert read_dump({"a.jpg": b"", "t.csv": table}).only() == {
        "posted_at": "2020-01-31T00:00:00Z", "captured_at": "2020-02-01T08:00:00Z",
    }  # fmt: skip


def test_what_the_address_tells_fills_the_gaps() -> None:
    table = "file,url\na.jpg,https://x.com/user_1/status/12\n"
    assert read_dump({"a.jpg": b"", "t.csv": table}).only() == {
        "platform": "twitter", "account": "user_1", "post_id": "12", "url": "https://x.com/user_1/status/12",
    }  # fmt: skip


def test_record_files_above_the_limit_of_a_folder_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sidecars, "MAX_RECORD_FILES", 2)
    stated = read_dump({"a.jpg": b"", **{f"{n}.csv": f"file,account\na.jpg,u{n}\n" for n in range(3)}})
    assert [fields["account"] for fields in stated.sightings["a.jpg"]] == ["u0", "u1"]
    assert stated.warnings["2.csv"] == ["skipped '2.csv': its folder has more than 2 files of this kind"]
    assert "two sidecars disagree: '0.csv' and '1.csv' state another account" in stated.warnings["a.jpg"][0]


def test_row_of_a_file_that_is_left_out_of_the_run_is_not_told(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "t.csv").write_text("file,account\na.jpg,u\nb.jpg,v\nc.jpg,w\n")
    folders = [DiskFolder(tmp_path, tmp_path)]
    with closing(sidecars.SidecarReader()) as reader:
        assert reader.read("a.jpg", folders).sightings
        assert reader.unused_parts("t.csv", folders) == (
            "skipped 1 row of 't.csv': no media file was found for 'c.jpg'",
        )


@pytest.mark.parametrize("start", ["Export of 2020\n\n", "# made by a tool, on a day\n# of 3 files\n", "表 1,,,\n"])
def test_rows_before_the_titles_are_passed_over(start: str) -> None:
    assert read_dump({"a.jpg": b"", "t.csv": start + "file,account\na.jpg,u\n"}).only() == {"account": "u"}


def test_cells_without_a_title_are_told() -> None:
    stated = read_dump({"a.jpg": b"", "b.jpg": b"", "t.csv": "file,text,account\na.jpg,one, two,u\nb.jpg,one,u,,\n"})
    assert list(stated.warnings) == ["a.jpg"] and "its values may be shifted" in stated.warnings["a.jpg"][0]


def test_addresses_of_media_name_files_where_no_column_does() -> None:
    cell = "['https://pbs.twimg.com/media/FabcX?format=jpg&name=large', 'https://pbs.twimg.com/media/Fdef.png:orig']"
    table = write_table(["url", "media_urls"], ["https://x.com/u/status/12", cell])
    stated = read_dump({"media/FabcX.jpg": b"", "t.csv": table})
    assert stated.only()["post_id"] == "12" and stated.warnings == {}
