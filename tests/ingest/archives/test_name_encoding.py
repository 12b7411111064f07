"""Names of archives that do not state their encoding: each of the test list is read right, with a warning."""

import io
import zipfile
from collections.abc import Iterator

import pytest
from archive_files import build_zip, join_zip, split_zip

from mediafp.ingest.archives.members import iter_members
from mediafp.ingest.archives.name_encoding import MAX_NAME_SAMPLE_BYTES, NameDecoder, rank_encodings

SIMPLIFIED = [
    "微信图片_20200131101010.jpg", "新建文件夹/照片.jpg", "屏幕截图 2021-03-04 上午.png", "视频/会议记录（最终版）.mp4",
    "头像.jpg", "香港游行现场.mp4", "李老师.jpg", "联通.jpg", "未命名-1.png", "采访录音2.mp3",
]  # fmt: skip
TRADITIONAL = [
    "新增資料夾/照片.jpg", "螢幕擷取畫面 2021-03-04.png", "台灣選舉/許功蓋.jpg", "影片/會議記錄（最終版）.mp4",
    "大頭貼.jpg", "香港遊行現場.mp4", "成功.jpg", "圖檔備份/表一.png", "老師.jpg", "訪問錄音2.mp3",
]  # fmt: skip
JAPANESE = [
    "新しいフォルダー/写真.jpg", "スクリーンショット 2021-03-04.png", "ソフト表.png", "動画/会議の記録（最終版）.mp4",
    "プロフィール画像.jpg", "香港のデモ.mp4", "先生.jpg", "無題.png", "インタビュー2.mp3",
]  # fmt: skip
KOREAN = [
    "새 폴더/사진.jpg", "스크린샷 2021-03-04.png", "회의록(최종).mp4", "프로필 사진.jpg", "홍콩 시위 영상.mp4", "선생님.jpg",
    "제목 없음.png", "인터뷰 녹음2.mp3",
]  # fmt: skip
LISTS = {
    "gbk": ("GBK", SIMPLIFIED), "big5": ("Big5", TRADITIONAL), "cp932": ("Shift-JIS", JAPANESE), "euc_jp": ("EUC-JP", JAPANESE),
    "cp949": ("EUC-KR", KOREAN), "cp866": ("CP866", ["Новая папка/фото.jpg", "Снимок экрана.png", "видео.mp4"]),
    "cp1251": ("Windows-1251", ["Новая папка/фото.jpg", "Снимок экрана.png", "видео.mp4"]),
    "cp437": ("CP437", ["Neuer Ordner/Grüße aus Köln.jpg", "capture d'écran.png", "España.mp4", "Straße.jpg"]),
    "cp1252": ("Windows-1252", ["Neuer Ordner/Grüße aus Köln.jpg", "capture d'écran.png", "España.mp4", "Straße.jpg"]),
}  # fmt: skip


def zip_of(names: list[bytes]) -> bytes:
    """Return a zip whose directory contains names as they are, without the flag of UTF-8."""
    body, records = split_zip(
        build_zip([(f"{number:03}" + "n" * (len(name) - 3), b"x") for number, name in enumerate(names)])
    )
    replaced = [
        record.replace(f"{number:03}".encode() + b"n" * (len(name) - 3), name)
        for number, (record, name) in enumerate(zip(records, names, strict=True))
    ]
    return join_zip(body, replaced)


def names_and_warnings(data: bytes) -> tuple[list[str], list[str]]:
    warnings: list[str] = []
    names = [member.name for member, _ in iter_members(io.BytesIO(data), "a.zip", warnings.append)]
    return names, warnings


@pytest.mark.parametrize("codec", LISTS)
def test_names_of_an_archive_are_read_in_their_encoding(codec: str) -> None:
    label, names = LISTS[codec]
    read, warnings = names_and_warnings(zip_of([name.encode(codec) for name in names]))
    assert read == names
    assert warnings == [f"guessed that the names in it are {label}: it does not state their encoding"]


@pytest.mark.parametrize("codec", ["gbk", "big5", "cp932", "cp949"])
def test_most_names_alone_are_read_in_their_encoding(codec: str) -> None:
    names = [name for name in LISTS[codec][1] if not name.isascii()]
    right = sum(
        name.encode(codec).decode(rank_encodings([name.encode(codec)])[0].codec, "replace") == name for name in names
    )
    assert right >= len(names) - 1


def test_stated_encoding_is_no_guess() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in (*SIMPLIFIED, *KOREAN, "é.jpg"):
            archive.writestr(name, b"x")
    assert names_and_warnings(buffer.getvalue()) == ([*SIMPLIFIED, *KOREAN, "é.jpg"], [])
    # Info-ZIP and macOS write UTF-8 without the flag.
    unflagged = [name.encode() for name in (*JAPANESE, "фото.jpg", "Köln.jpg")]
    assert names_and_warnings(zip_of(unflagged)) == ([name.decode() for name in unflagged], [])
    assert names_and_warnings(zip_of([b"plain.jpg"])) == (["plain.jpg"], [])


def test_names_of_several_encodings_are_all_read() -> None:
    names = [*(name.encode("big5") for name in TRADITIONAL), "微信图片.jpg".encode(), b"plain.jpg", b"\xff\xff.jpg"]
    read, (warning,) = names_and_warnings(zip_of(names))
    assert read[:-1] == [*TRADITIONAL, "微信图片.jpg", "plain.jpg"] and "Big5" in warning


def test_truncated_archive_has_its_names_in_one_encoding() -> None:
    data = zip_of([name.encode("big5") for name in TRADITIONAL])
    body, _ = split_zip(data)
    names = [name.encode("big5") for name in TRADITIONAL]
    for number, name in enumerate(names):
        body = body.replace(f"{number:03}".encode() + b"n" * (len(name) - 3), name)
    warnings: list[str] = []
    read = []
    with pytest.raises(Exception, match="truncated"):
        for member, _ in iter_members(io.BytesIO(body), "a.zip", warnings.append):
            read.append(member.name)
    assert read == TRADITIONAL and len(warnings) == 1


def test_names_of_any_bytes_are_decoded_and_few_decide() -> None:
    taken = []

    def names() -> Iterator[bytes]:
        for number in range(100_000):
            taken.append(number)
            yield bytes((number % 256, 129 + number % 120)) * 500

    decoder = NameDecoder(names())
    assert len(taken) < 2 * MAX_NAME_SAMPLE_BYTES // 1_000
    assert all(decoder.decode(bytes((first, second))) for first in range(128, 256) for second in range(0, 256, 5))
    assert decoder.decode(b"\xff" * 10)
