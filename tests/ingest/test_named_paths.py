"""What a user names as a path: addresses of files are paths, and those of the web say what to do."""

from pathlib import Path

import pytest

from mediafp.ingest.named_paths import parse_named_path
from mediafp.ingest.walk import walk
from mediafp.types.errors import UnreadableMedia


@pytest.mark.parametrize("prefix", ["file://", "file://localhost", "file:", "FILE://"])
def test_address_of_a_file_is_its_path(tmp_path: Path, prefix: str) -> None:
    path = tmp_path / "照片 1%.jpg"
    path.write_bytes(b"x")
    address = prefix + str(tmp_path) + "/%E7%85%A7%E7%89%87%201%25.jpg"
    (found,) = walk([address])
    assert (found.path, found.problem, found.root) == (path, "", None)
    # Python's own paths collapse the slashes.
    assert parse_named_path(Path(path.as_uri())) == (path, "")
    (found,) = walk([tmp_path.as_uri()])
    assert (found.path, found.root) == (path, tmp_path)


def test_bytes_of_an_address_that_are_not_utf_8_are_kept() -> None:
    assert parse_named_path("file:///a%FFb.jpg")[0] == Path("/a\udcffb.jpg")


@pytest.mark.parametrize("address", ["https://x.com/a/status/1", "http:/x.com/a/status/1", "HTTPS://x.com/a/status/1"])
def test_address_of_the_web_says_what_to_do(address: str) -> None:
    (found,) = walk([address])
    assert found.name == address
    with pytest.raises(UnreadableMedia, match=r"://x.com/a/status/1': it is an address on the web.*download it first"):
        found.open()


def test_address_of_another_computer_and_an_empty_path_are_refused() -> None:
    for named, reason in (("file://server/a.jpg", "another computer"), ("", "the path is empty")):
        (found,) = walk([named])
        assert found.name == named
        with pytest.raises(UnreadableMedia, match=reason):
            found.open()


def test_existing_file_is_used_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("http:").mkdir()
    Path("http:/a.jpg").write_bytes(b"x")
    assert parse_named_path("http://a.jpg") == (Path("http:/a.jpg"), "")
    for name in ("http:a.png", "missing.jpg", "C:/a.jpg", "concat:a|b"):
        assert parse_named_path(name) == (Path(name), "")
