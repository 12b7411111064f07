"""Every file is found once, whatever its name, and nothing outside the folder named."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from processes import PATIENCE_SECONDS

from mediafp.ingest.files import file_sha256, open_file
from mediafp.ingest.open_media import open_media
from mediafp.ingest.walk import FoundFile, walk
from mediafp.types.errors import UnreadableMedia

STRANGE = [
    b"line\nbreak.png",
    "微博 样例.png".encode(),
    b"bad\xff\xfe.png",
    b"-x.png",
    b"concat:a|b.png",
    b"http:a.png",
]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize("name", STRANGE)
def test_any_name_is_found_and_read(tmp_path: Path, name: bytes) -> None:
    Image.new("RGB", (8, 8), "red").save(tmp_path / "plain.png")
    (tmp_path / "plain.png").rename(tmp_path / os.fsdecode(name))
    (found,) = walk([tmp_path])
    assert os.fsencode(found.path.name) == name
    file = open_file(found.path, found.root)
    media = open_media(file)
    assert media is not None
    assert next(media.frames).pixels.shape == (8, 8, 3)
    assert file.name == found.path.name and file.bytes == found.path.stat().st_size


def test_strange_name_of_a_broken_file_stays_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"a\nb\xff.jpg")
    path.write_bytes(b"")
    with pytest.raises(Exception, match="empty") as caught:
        open_media(open_file(path))
    assert str(caught.value).isprintable()


def test_order_hidden_and_nested(tmp_path: Path) -> None:
    for name in ("b/z.txt", "b/a.txt", "a.txt", "c.txt", ".hidden", ".git/x", "b/.DS_Store"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    found = [one.path.relative_to(tmp_path).as_posix() for one in walk([tmp_path])]
    assert found == ["a.txt", "b/a.txt", "b/z.txt", "c.txt"]
    named = [tmp_path / "c.txt", tmp_path / ".hidden", tmp_path / "missing"]
    assert list(walk(named)) == [FoundFile(path=path) for path in named]


def test_links_do_not_lead_out(tmp_path: Path) -> None:
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
    assert [found.path.name for found in walk([inside])] == ["own.txt", "same"]
    assert list(walk([inside / "to_file"])) == [FoundFile(path=inside / "to_file")]


def test_what_is_put_in_a_files_place_is_not_opened(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    (inside / "a").mkdir(parents=True)
    outside.mkdir()
    (outside / "b.txt").write_text("secret")
    (inside / "a" / "b.txt").write_text("own")
    (found,) = walk([inside])
    with open_file(found.path, found.root) as file, file.reader() as reader:
        assert reader.read() == b"own"
    (inside / "a" / "b.txt").unlink()
    (inside / "a" / "b.txt").symlink_to(outside / "b.txt")
    with pytest.raises(UnreadableMedia):
        open_file(found.path, found.root)
    with open_file(found.path) as file, file.reader() as reader:
        assert reader.read() == b"secret", "what the user names is followed"
    shutil.rmtree(inside / "a")
    (inside / "a").symlink_to(outside)
    with pytest.raises(UnreadableMedia):
        open_file(found.path, found.root)


def test_pipes_only_where_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert list(walk([tmp_path])) == []
    (named,) = walk([tmp_path / "pipe.mp4"])
    with pytest.raises(UnreadableMedia, match="not a regular file"):
        open_file(named.path)


def test_a_deep_tree_is_walked(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(300):
        folder = folder / "d"
    folder.mkdir(parents=True)
    (folder / "a").write_text("x")
    assert len(list(walk([tmp_path]))) == 1


def test_sha256(tmp_path: Path) -> None:
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
def test_what_may_not_be_read_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    program = (
        "import sys\nfrom pathlib import Path\nfrom mediafp.ingest.probe import open_file\n"
        "from mediafp.types.errors import UnreadableMedia\nimport os\n"
        f"os.chmod({str(tmp_path / 'a.jpg')!r}, 0)\nos.setuid(65534)\n"
        f"try:\n    open_file(Path({str(tmp_path / 'a.jpg')!r}))\nexcept UnreadableMedia:\n    sys.exit(7)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=PATIENCE_SECONDS).returncode == 7
