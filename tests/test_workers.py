"""Files read by locked workers: the same as read here, and a worker that is lost costs one file at most."""

import os
import signal
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mediafp import pipeline
from mediafp.errors import CorruptMedia, LostWorker, NoMedia
from mediafp.ingest.probe import open_file
from mediafp.ingest.walk import sha256_of
from mediafp.workers import supervisor
from mediafp.workers.messages import Task
from mediafp.workers.supervisor import Worker, Workers
from mediafp.workers.unpacking import unpack


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    with Workers(tmp_path) as made:
        yield made


@pytest.fixture
def photo(tmp_path: Path, photos: dict[str, np.ndarray]) -> Path:
    Image.fromarray(photos["temple"]).save(tmp_path / "temple.png")
    return tmp_path / "temple.png"


def harm(monkeypatch: pytest.MonkeyPatch, number: int, times: int) -> list[int]:
    """Sends the signal to the first workers that are handed a file; the pids of all that were."""
    real, pids = Worker.hand_in, []

    def hand_in(self: Worker, task: Task, file: object, wall: float) -> None:
        real(self, task, file, wall)  # type: ignore[arg-type]
        pids.append(self._process.pid)
        if len(pids) <= times:
            os.kill(self._process.pid, number)

    monkeypatch.setattr(Worker, "hand_in", hand_in)
    return pids


def test_a_worker_reads_what_is_read_here(workers: Workers, photo: Path, clips: dict[str, Path]) -> None:
    for path, kind in ((photo, "image"), (clips["bikes"], "video")):
        with open_file(path) as file:
            sha256 = sha256_of(file)
            there, here = (
                workers.read(file, sha256, kind, sound=True, picture=True),
                pipeline.read(file, sha256, sound=True),
            )  # type: ignore[arg-type]
        assert here is not None
        assert there.asset == here.asset and there.warnings == here.warnings and there.thumbnails == here.thumbnails
        for one, other in zip(there.fingerprints, here.fingerprints, strict=True):
            assert (one.type, one.version) == (other.type, other.version)
            assert np.array_equal(one.vectors, other.vectors) and np.array_equal(one.spans, other.spans)
        assert (there.picture is None) == (here.picture is None)
        assert there.picture is None or np.array_equal(there.picture, here.picture)  # type: ignore[arg-type]
        assert (there.sound is None) == (here.sound is None)
        assert there.sound is None or there.sound.sha256 == here.sound.sha256  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("number", "kind"), [(signal.SIGSEGV, "crash"), (signal.SIGABRT, "crash"), (signal.SIGKILL, "oom")]
)
def test_a_lost_worker_is_replaced_once(
    workers: Workers, photo: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: str
) -> None:
    with open_file(photo) as file:
        pids = harm(monkeypatch, number, 1)
        assert workers.read(file, "", "image").asset.kind == "image"
        assert len(set(pids)) == 2
        pids.clear()
        monkeypatch.undo()
        pids = harm(monkeypatch, number, 2)
        with pytest.raises(LostWorker, match=r"temple\.png") as caught:
            workers.read(file, "", "image")
    assert (caught.value.kind, caught.value.attempts, len(pids)) == (kind, 2, 2)


def test_time_that_was_spent_is_not_spent_again(workers: Workers, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pids = harm(monkeypatch, signal.SIGXCPU, 9)
    with open_file(photo) as file, pytest.raises(LostWorker) as caught:
        workers.read(file, "", "image")
    assert (caught.value.kind, caught.value.attempts, len(pids)) == ("timeout", 1, 1)


def test_a_worker_that_stands_still_is_given_up(workers: Workers, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "PICTURE_WALL_SECONDS", 0.3)
    harm(monkeypatch, signal.SIGSTOP, 9)
    with open_file(photo) as file, pytest.raises(LostWorker) as caught:
        workers.read(file, "", "image")
    assert (caught.value.kind, caught.value.attempts) == ("timeout", 2)


def test_nonsense_is_no_answer(workers: Workers, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workers.start()
    monkeypatch.setattr(supervisor, "reading_of", lambda *_: (_ for _ in ()).throw(ValueError("bent")))
    with open_file(photo) as file, pytest.raises(LostWorker, match="nonsense") as caught:
        workers.read(file, "", "image")
    assert caught.value.kind == "crash"


def test_a_file_that_is_at_fault_is_told_as_ever(workers: Workers, tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(50))
    (tmp_path / "a.txt").write_text("words")
    with open_file(tmp_path / "cut.jpg") as file, pytest.raises(CorruptMedia, match="cut"):
        workers.read(file, "", "image")
    with open_file(tmp_path / "a.txt") as file, pytest.raises(NoMedia):
        workers.read_sound(file)


def test_workers_are_replaced_and_none_is_left(tmp_path: Path, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FILES", 2)
    pids = harm(monkeypatch, 0, 0)
    with Workers(tmp_path) as workers, open_file(photo) as file:
        for _ in range(5):
            workers.read(file, "", "image")
    assert len(set(pids)) == 3
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_archives_come_entry_by_entry(workers: Workers, photo: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        for name in ("1.png", "folder/2.png", "3.png"):
            made.write(photo, name)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as packed:
        for name in ("1.png", "folder/2.png", "3.png"):
            packed.add(photo, name)
    for archive in ("a.zip", "a.tar.gz"):
        with open_file(tmp_path / archive) as file:
            found = list(unpack(workers, file, lambda name: name != "3.png"))
        assert [entry.name for entry in found] == ["1.png", "folder/2.png", "3.png"]
        assert [entry.file is None for entry in found] == [False, False, True]
        assert found[1].file is not None and found[1].file.name == "2.png"
        with found[1].file.reader() as reader:
            assert reader.read() == photo.read_bytes()
        for entry in found:
            if entry.file:
                entry.file.close()
