"""Search paths without the current folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from processes import PATIENCE_SECONDS

from mediafp.engine.local.python_command import module_command
from mediafp.types.search_paths import FOLDER_WITHOUT_LIBRARIES, without_relative_folders

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, subprocess, sys
from mediafp.types.search_paths import use_absolute_folders
use_absolute_folders()
print(os.getcwd() in sys.path, os.path.join(os.getcwd(), "sub") in sys.path, os.environ["PYTHONPATH"])
print(subprocess.run([sys.executable, "-c", "import sys; print('' in sys.path)"], capture_output=True, text=True).stdout)
"""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/a:/b", "/a:/b"),
        (":/a", "/a"),
        ("/a::b:./c:../d:/e:", "/a:/e"),
        ("/a:~/b", "/a"),
        ("/with space:", "/with space"),
    ],
)
def test_relative_entries_are_removed(value: str, expected: str) -> None:
    for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH"):
        assert without_relative_folders({name: value, "OTHER": ":"})[name] == expected
    assert without_relative_folders({"OTHER": ":"})["OTHER"] == ":"


def test_libraries_are_not_searched_in_the_current_folder_after_opencv_was_imported() -> None:
    """OpenCV extends the variable when it is imported."""
    program = "import os, cv2; print(os.environ['LD_LIBRARY_PATH'])"
    environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    for variables, is_safe in ((environment, False), (without_relative_folders(environment), True)):
        command = [sys.executable, "-P", "-c", program]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
        assert all(entry.startswith("/") for entry in done.stdout.strip().split(":")) == is_safe


@pytest.mark.parametrize("value", [None, "", ".", "/opencv/lib64:"])
def test_workers_search_libraries_in_absolute_folders(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    if value is not None:
        monkeypatch.setenv("LD_LIBRARY_PATH", value)
    _, variables = module_command("mediafp.engine.local.worker")
    # A variable that is not set names no folder; an empty one names the current folder.
    folders = variables.get("LD_LIBRARY_PATH", FOLDER_WITHOUT_LIBRARIES).split(":")
    assert all(folder.startswith("/") for folder in folders)
    assert not list(Path(FOLDER_WITHOUT_LIBRARIES).glob("*.so*"))


def test_relative_folders_of_pythonpath_are_left_by_the_program_and_its_children(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    path = os.pathsep.join(("", str(ROOT), "sub", "./sub"))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM],
        env={**environment, "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    assert done.stdout.split() == ["False", "False", str(ROOT), "False"]


def test_workers_get_no_relative_folder_of_pythonpath(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(("", "relative", str(ROOT))))
    command, variables = module_command("mediafp.engine.local.worker", "3")
    assert "-P" in command
    assert all(folder.startswith("/") for folder in variables["PYTHONPATH"].split(os.pathsep))
