"""Hidden files are skipped, and counted, in a folder as in an archive of it."""

import io
from pathlib import Path

import pytest
from archive_files import build_zip

from mediafp.ingest.archives.members import iter_members
from mediafp.ingest.walk import walk


@pytest.mark.parametrize(
    ("names", "read", "skipped"),
    [
        ((".DS_Store", "._a.jpg", ".localized", "a.jpg", "d/.DS_Store", "d/._b.jpg"), ["a.jpg"], 0),
        ((".a.jpg", "d/.b.jpg", "d/c.jpg"), ["d/c.jpg"], 2),
        ((".git/a.jpg", ".git/b/c.jpg", ".git/.DS_Store"), [], 1),
        (("__MACOSX/._a.jpg", "__MACOSX/d/._b.jpg", "a.jpg"), ["a.jpg"], 0),
        (("__MACOSX/a.jpg", "d/__MACOSX/e/b.jpg", "a.jpg"), ["a.jpg"], 2),
        (("._evidence/a.jpg", "._evidence/b.jpg"), [], 1),
    ],
)
def test_folders_and_archives_skip_and_count_the_same_names(
    tmp_path: Path, names: tuple[str, ...], read: list[str], skipped: int
) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    left_out: list[Path] = []
    walked = [file.path.relative_to(tmp_path).as_posix() for file in walk([tmp_path], left_out.append)]
    warnings: list[str] = []
    archive = io.BytesIO(build_zip([(name, b"x") for name in names]))
    hidden: list[int] = []
    members = [member.name for member, _ in iter_members(archive, "x.zip", warnings.append, hidden.append)]
    assert walked == members == read
    what = "hidden file or folder" if skipped == 1 else "hidden files or folders"
    assert len(left_out) == sum(hidden) == skipped and [one.partition(";")[0] for one in warnings] == (
        [f"skipped {skipped} {what}"] if skipped else []
    )


def test_files_of_a_resource_folder_that_the_user_names_are_read(tmp_path: Path) -> None:
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "a.jpg").write_bytes(b"x")
    assert [file.path.name for file in walk([tmp_path / "__MACOSX"])] == ["a.jpg"]
