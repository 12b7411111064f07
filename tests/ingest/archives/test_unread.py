"""Archives that are not read, and parts of archives, are named with what to do."""

from pathlib import Path

import pytest

from mediafp.ingest.files import open_file
from mediafp.ingest.sniff import detect_kind
from mediafp.types.errors import CorruptMedia, UnsupportedMedia

BINARY = b"\x00\x01\x02\xfe" * 20
JPEG = b"\xff\xd8\xff\xe0" + BINARY


def detect(folder: Path, name: str, content: bytes) -> str | None:
    (folder / name).write_bytes(content)
    with open_file(folder / name) as file:
        return detect_kind(file)


@pytest.mark.parametrize(
    ("name", "content", "todo"),
    [
        ("a.7z", b"7z\xbc\xaf\x27\x1c" + BINARY, "7z archives are not read; unpack it, then ingest the folder"),
        ("a", b"Rar!\x1a\x07\x01\x00" + BINARY, "RAR archives are not read; unpack it, then ingest the folder"),
        ("a.zip", b"Rar!\x1a\x07\x00" + BINARY, "RAR archives are not read"),
        ("a.egg", b"EGGA" + BINARY, "EGG archives are not read"),
        ("a.iso", bytes(4096), "unpack it, then ingest the folder"),
        ("a.JPG.gz", b"\x1f\x8b\x08" + BINARY, "unpack it, then ingest the file"),
        ("a.zip.001", b"PK\x03\x04" + BINARY, "join the parts, for example with 7-Zip, to 'a.zip', then ingest that"),
        ("a.tar.gz.002", BINARY, "to 'a.tar.gz'"),
        ("a.7z.001", b"7z\xbc\xaf\x27\x1c" + BINARY, "it is a part of a file that was split"),
        ("a.mp4.001", b"\x00\x00\x00\x20ftypisom" + BINARY, "join the parts, for example with 7-Zip, to 'a.mp4'"),
        ("a.z01", b"PK\x07\x08PK\x03\x04" + BINARY, "or 'a.zip' with all others beside it"),
        ("a.part1.rar", b"Rar!\x1a\x07\x01\x00" + BINARY, "or 'a.rar' with all others beside it"),
        ("a.part02.rar", BINARY, "or 'a.rar' with all others beside it"),
        ("a.r00", BINARY, "or 'a.rar' with all others beside it"),
    ],
)
def test_archive_that_is_not_read_says_what_to_do(tmp_path: Path, name: str, content: bytes, todo: str) -> None:
    with pytest.raises(UnsupportedMedia) as caught:
        detect(tmp_path, name, content)
    assert todo in str(caught.value) and repr(name) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"), [("a.zip", BINARY), ("a.tar.zst", BINARY), ("a.zip", b""), ("a.tar", b"")]
)
def test_archive_whose_content_is_none_is_corrupt(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(CorruptMedia, match=r"no known archive format|is empty"):
        detect(tmp_path, name, content)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.zip", b"<html>not found</html>", None), ("a.egg", b"# a list", None), ("notes.r18", b"text", None),
        ("records.jsonl.gz", b"\x1f\x8b\x08" + BINARY, None), ("report.2021.001", BINARY, None),
        ("a.001.jpg", JPEG, "image"), ("photo.part1.jpg", JPEG, "image"),
    ],
)  # fmt: skip
def test_other_files_are_no_archives(tmp_path: Path, name: str, content: bytes, kind: str | None) -> None:
    assert detect(tmp_path, name, content) == kind
