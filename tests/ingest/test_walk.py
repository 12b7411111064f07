"""Every file is yielded once, with any name, and none outside of the named folder."""

import hashlib
import os
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from PIL import Image
from processes import PATIENCE_SECONDS

from mediafp.ingest.files import file_sha256, open_file
from mediafp.ingest.open_media import open_media
from mediafp.ingest.walk import FoundFile, walk
from mediafp.types.errors import UnreadableMedia

UNUSUAL_NAMES = [
    b"line\nbreak.png",
    "微博 样例.png".encode(),
    b"bad\xff\xfe.png",
    b"-x.png",
    b"concat:a|b.png",
    b"http:a.png",
]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize("name", UNUSUAL_NAMES)
def test_walk_and_open_media_accept_any_name(tmp_path: Path, name: bytes) -> None:
    Image.new("RGB", (8, 8), "red").save(tmp_path / "plain.png")
    (tmp_path / "plain.png").rename(tmp_path / os.fsdecode(name))
    (walked,) = walk([tmp_path])
    assert os.fsencode(walked.path.name) == name
    file = open_file(walked.path, walked.root)
    media = open_media(file)
    assert media is not None
    assert next(media.frames).pixels.shape == (8, 8, 3)
    assert file.name == walked.path.name and file.bytes == walked.path.stat().st_size


def test_error_message_escapes_the_file_name(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"a\nb\xff.jpg")
    path.write_bytes(b"")
    with pytest.raises(Exception, match="empty") as caught:
        open_media(open_file(path))
    assert str(caught.value).isprintable()


def test_walk_of_many_files_takes_little_memory(tmp_path: Path) -> None:
    for number in range(5_000):
        (tmp_path / f"a photograph {number:06}.jpg").touch()
    tracemalloc.start()
    try:
        files = walk([tmp_path])
        assert next(files).path.name == "a photograph 000000.jpg"
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 5_000 * 150 and peak < 5_000 * 250
    assert sum(1 for _ in files) == 4_999


def test_walk_reports_skipped_entries_in_order(tmp_path: Path) -> None:
    for name in ("c", "a", "b/z", "b/y"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        os.mkfifo(tmp_path / name)
    skipped: list[Path] = []
    assert list(walk([tmp_path], skipped.append)) == []
    assert skipped == [tmp_path / name for name in ("a", "b/y", "b/z", "c")]


def test_walk_sorts_names_and_ignores_hidden_ones(tmp_path: Path) -> None:
    for name in ("b/z.txt", "b/a.txt", "a.txt", "c.txt", ".hidden", ".git/x", "b/.DS_Store"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    names = [file.path.relative_to(tmp_path).as_posix() for file in walk([tmp_path])]
    assert names == ["a.txt", "b/a.txt", "b/z.txt", "c.txt"]
    named = [tmp_path / "c.txt", tmp_path / ".hidden", tmp_path / "missing"]
    assert list(walk(named)) == [FoundFile(path=path) for path in named]


def test_walk_skips_links_that_lead_out_of_the_folder(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret.txt").write_text("x")
    (inside / "own.txt").write_text("x")
    (inside / "to_file").symlink_to(outside / "secret.txt")
    (inside / "to_folder").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    (inside / "broken").symlink_to(inside / "nothing")
    (inside / "same").symlink_to(inside / "own.txt")
    assert [walked.path.name for walked in walk([inside])] == ["own.txt", "same"]
    assert list(walk([inside / "to_file"])) == [FoundFile(path=inside / "to_file")]


def test_open_file_rejects_links_that_replace_a_found_file(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    (inside / "a").mkdir(parents=True)
    outside.mkdir()
    (outside / "b.txt").write_text("secret")
    (inside / "a" / "b.txt").write_text("own")
    (walked,) = walk([inside])
    with open_file(walked.path, walked.root) as file, file.reader() as reader:
        assert reader.read() == b"own"
    (inside / "a" / "b.txt").unlink()
    (inside / "a" / "b.txt").symlink_to(outside / "b.txt")
    with pytest.raises(UnreadableMedia):
        open_file(walked.path, walked.root)
    with open_file(walked.path) as file, file.reader() as reader:
        assert reader.read() == b"secret", "links that the user names are followed"
    shutil.rmtree(inside / "a")
    (inside / "a").symlink_to(outside)
    with pytest.raises(UnreadableMedia):
        open_file(walked.path, walked.root)


def test_walk_yields_pipes_only_if_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert list(walk([tmp_path])) == []
    (named,) = walk([tmp_path / "pipe.mp4"])
    with pytest.raises(UnreadableMedia, match="not a regular file"):
        open_file(named.path)


def test_hidden_names_are_skipped_and_none_of_them_unsaid(tmp_path: Path) -> None:
    for name in (".a.jpg", "b.jpg", ".statuses/c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    skipped: list[Path] = []
    assert [found.path.name for found in walk([tmp_path], skipped.append)] == ["b.jpg"]
    assert [path.name for path in skipped] == [".a.jpg", ".statuses"]
    assert [found.path.name for found in walk([tmp_path / ".statuses"])] == ["c.jpg"], "the user named it"


def test_folder_with_too_long_a_path_says_that_its_files_were_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(30):
        Path("d" * 200).mkdir()
        os.chdir("d" * 200)
    Path("a.jpg").touch()
    (found,) = walk([tmp_path])
    with pytest.raises(UnreadableMedia, match="none of the files in this folder was read; shorten its path"):
        open_file(found.path, found.root)


def test_walk_handles_a_deep_tree(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(300):
        folder = folder / "d"
    folder.mkdir(parents=True)
    (folder / "a").write_text("x")
    assert len(list(walk([tmp_path]))) == 1


def test_file_sha256_and_has_changed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 1_000_000)
    with open_file(tmp_path / "a") as file:
        assert file_sha256(file) == hashlib.sha256(b"abc" * 1_000_000).hexdigest()
        assert file.bytes == 3_000_000 and not file.has_changed()
        (tmp_path / "a").write_bytes(b"abc")
        assert file.has_changed()
    for wrong in (tmp_path, tmp_path / "missing", Path("a\0b")):
        with pytest.raises(UnreadableMedia):
            open_file(wrong)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs to become another user")
def test_open_file_without_permission_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    program = (
        "import sys\nfrom pathlib import Path\nfrom mediafp.ingest.files import open_file\n"
        "from mediafp.types.errors import UnreadableMedia\nimport os\n"
        f"os.chmod({str(tmp_path / 'a.jpg')!r}, 0)\nos.setuid(65534)\n"
        f"try:\n    open_file(Path({str(tmp_path / 'a.jpg')!r}))\nexcept UnreadableMedia:\n    sys.exit(7)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=PATIENCE_SECONDS).returncode == 7
