"""Names of output files: short enough for a file system, unique, and cut between characters."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediafp.case.reports import clips_folder
from mediafp.report.output_names import fit_name

ENDING = ".1a2b3c4d.srt"
NAMES = [
    "talk.mp4",
    "x" * 242,
    "x" * 243,
    "x" * 255,
    "微" * 85,
    "a" + "微" * 84,
    "ab" + "微" * 84,
    "😀" * 63,
    os.fsdecode(b"\xff" * 250),
    os.fsdecode(b"\xe5\xbe" * 120),
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name[:3]))
def test_names_fit_into_a_file_system(name: str, tmp_path: Path) -> None:
    fitted = fit_name(name, ENDING)
    assert fitted.endswith(ENDING) and len(os.fsencode(fitted)) <= 255
    (tmp_path / fitted).write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == [fitted]
    whole = name + ENDING
    assert (fitted == whole) == (len(os.fsencode(whole)) <= 255)
    assert name.startswith(fitted[: len(fitted) - len(ENDING)].rpartition("~")[0]), "it is cut between characters"


def test_long_names_with_the_same_start_stay_different() -> None:
    names = [("x" * 250) + str(n) for n in range(50)]
    assert len({fit_name(name, ENDING) for name in names}) == 50


@settings(derandomize=True, deadline=None)
@given(st.binary(min_size=1, max_size=400).filter(lambda name: b"\0" not in name and b"/" not in name))
def test_any_name_fits(name: bytes) -> None:
    assert len(os.fsencode(fit_name(os.fsdecode(name), ENDING))) <= 255


def test_the_folder_of_clips_has_a_name_that_fits(tmp_path: Path) -> None:
    assert clips_folder(tmp_path / "evidence.html") == tmp_path / "evidence-clips"
    assert len(clips_folder(tmp_path / f"{'x' * 250}.html").name) <= 255
    clips_folder(tmp_path / f"{'微' * 83}.html").mkdir()
