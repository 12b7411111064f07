"""Files of the user are neither changed nor deleted, and printed names are safe."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from processes import run_mediafp

from mediafp.case.case import Case
from mediafp.cli.demo import build, media
from mediafp.types.errors import UsageError


def mediafp(*arguments: object, home: Path) -> subprocess.CompletedProcess[str]:
    return run_mediafp("--store", home.parent / "store", *arguments, HOME=str(home), XDG_CACHE_HOME=str(home / "cache"))


def test_commands_write_nothing_outside_the_store(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    Image.open(media.packaged_file(*media.PHOTOS["cat"])).save(tmp_path / "cat.png")
    copy = shutil.copy(tmp_path / "cat.png", tmp_path / "copy.png")
    for arguments in (("ingest", tmp_path / "cat.png"), ("match", copy), ("cluster",), ("doctor",)):
        done = mediafp(*arguments, home=home)
        assert done.returncode == 0, done.stderr
    assert not [path for path in home.rglob("*") if path.is_file()]


def test_match_finds_the_same_content_under_another_name(case: Case, tmp_path: Path) -> None:
    folder, copy, again = tmp_path / "files", tmp_path / "copy.jpg", tmp_path / "again.mp4"
    folder.mkdir()
    Image.open(media.packaged_file(*media.PHOTOS["cat"])).convert("RGB").save(folder / "cat.jpg")
    (folder / "bikes.mp4").write_bytes(media.packaged_file(*media.CLIPS["bikes"]).read_bytes())
    copy.write_bytes((folder / "cat.jpg").read_bytes())
    again.write_bytes((folder / "bikes.mp4").read_bytes())
    list(case.ingest([folder]))
    for query in (copy, again):
        (result,) = case.match([query])
        assert result.matches[0].sha256 == result.sha256 and result.matches[0].probability == 1
        assert result.matches[0].why[0] == "the bytes are identical"


def test_demo_deletes_no_folder_that_it_did_not_create(tmp_path: Path) -> None:
    from rich.progress import Progress

    (tmp_path / "originals").mkdir()
    (tmp_path / "originals" / "evidence.txt").write_text("evidence")
    with pytest.raises(UsageError, match="other files"):
        build.run_demo(tmp_path, Progress(disable=True))
    assert (tmp_path / "originals" / "evidence.txt").read_text() == "evidence"


def test_report_overwrites_no_file_that_is_not_a_page(case: Case, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff image")
    with pytest.raises(UsageError, match="is not an HTML page"):
        case.report(tmp_path / "photo.jpg", clips=False)
    assert (tmp_path / "photo.jpg").read_bytes() == b"\xff\xd8\xff image"


def test_file_names_like_console_markup_are_printed_unchanged(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in (":smile:.jpg", "x[red]y.jpg", "]z.jpg"):
        (tmp_path / name).write_bytes(b"")
    done = mediafp("ingest", *sorted(p for p in tmp_path.iterdir() if p.is_file()), home=home)
    assert done.returncode == 3 and "Traceback" not in done.stderr
    assert all(name in done.stderr for name in (":smile:.jpg", "x[red]y.jpg", "]z.jpg"))


def test_export_into_a_closed_pipe_ends_without_error(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("cat", "temple", "rocket"):
        Image.open(media.packaged_file(*media.PHOTOS[name])).convert("RGB").save(tmp_path / f"{name}.jpg")
    mediafp("ingest", *tmp_path.glob("*.jpg"), home=home)
    command = f"'{sys.executable}' -m mediafp --store '{tmp_path / 'store'}' export jsonl | head -c 10 > /dev/null"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
