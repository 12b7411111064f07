"""A small case, built by the commands that the documents describe."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from small_case import SPEECH, SmallCase, write_images, write_sidecars

from mediafp.cli.demo.voice import synthesise_speech


@pytest.fixture(scope="session")
def small_case(
    tmp_path_factory: pytest.TempPathFactory, photos: dict[str, np.ndarray], clips: dict[str, Path]
) -> SmallCase:
    small_case = SmallCase(folder=tmp_path_factory.mktemp("documents"))
    files = small_case.folder / "files"
    write_images(files, photos["cat"])
    write_sidecars(files)
    (files / "clip.mp4").write_bytes(clips["bikes"].read_bytes())
    (files / "bad.jpg").write_bytes(b"\xff\xd8\xff broken")
    synthesise_speech(SPEECH, files / "talk.wav")
    status, text = small_case.run("ingest", files, "--json", "--log", small_case.folder / "log.jsonl")
    assert status == 3, text
    (small_case.folder / "ingest.jsonl").write_text(text)
    return small_case


@pytest.fixture
def inside(small_case: SmallCase) -> Iterator[Path]:
    """The folder of the small case as the current folder."""
    before = Path.cwd()
    os.chdir(small_case.folder)
    yield small_case.folder
    os.chdir(before)
