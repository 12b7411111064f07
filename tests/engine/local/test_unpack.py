"""Archives unpacked by a worker: a failing worker or message loses at most one member."""

import io
import os
import random
import signal
import struct
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest
from processes import has_ended
from scripted_workers import image_result, scripted_file, signal_workers

from mediafp.engine.interface import UnpackedMember
from mediafp.engine.local import unpack
from mediafp.engine.local.engine import LocalEngine
from mediafp.engine.local.messages import ArchiveEnd, DataChunk, MemberStart, encode
from mediafp.engine.local.process import WorkerProcess
from mediafp.ingest.files import file_sha256, open_file
from mediafp.types.errors import CorruptMedia, WorkerLost


@pytest.fixture
def archives(tmp_path: Path, photo: Path) -> dict[str, Path]:
    """Archives of three variants of a photograph and a text file, by name."""
    files = {"1.png": photo.read_bytes(), "folder/2.png": photo.read_bytes() + b"2", "notes.txt": b"words"}
    files["3.png"] = photo.read_bytes() + b"3"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped, tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tarred:
        for name, data in files.items():
            zipped.writestr(name, data)
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tarred.addfile(member, io.BytesIO(data))
    return {"a.zip": tmp_path / "a.zip", "a.tar.gz": tmp_path / "a.tar.gz"}


def is_png(name: str) -> bool:
    return name.endswith(".png")


def read_member(member: UnpackedMember) -> bytes | None:
    """Read the content of a member and close it; None if it has no file."""
    if member.file is None:
        return None
    with member.file, member.file.reader() as reader:
        return reader.read()


@pytest.mark.parametrize("archive", ["a.zip", "a.tar.gz"])
def test_unpack_archive_yields_members_one_by_one(
    engine: LocalEngine, archives: dict[str, Path], photo: Path, archive: str
) -> None:
    queried_names: list[str] = []

    def is_wanted(name: str) -> bool:
        queried_names.append(name)
        return is_png(name) and name != "3.png"

    with open_file(archives[archive]) as file:
        members = engine.unpack_archive(file, is_wanted)
        first = next(members)
        assert queried_names == ["1.png"], "the second name is queried after the first member"
        assert (first.name, first.error, read_member(first)) == ("1.png", None, photo.read_bytes())
        second, notes, third = members
    assert queried_names == ["1.png", "folder/2.png", "notes.txt", "3.png"]
    assert second.file and second.file.name == "2.png" and second.file.bytes == photo.stat().st_size + 1
    assert (second.name, read_member(second)) == ("folder/2.png", photo.read_bytes() + b"2")
    assert [(member.name, member.file, member.error) for member in (notes, third)] == [
        ("notes.txt", None, None), ("3.png", None, None),
    ]  # fmt: skip


def test_unpacked_member_is_analysed_while_the_archive_is_open(engine: LocalEngine, archives: dict[str, Path]) -> None:
    with open_file(archives["a.zip"]) as file:
        analysed = 0
        for member in engine.unpack_archive(file, lambda name: name == "folder/2.png"):
            if member.file:
                analysed += 1
                with member.file:
                    assert (
                        engine.analyse(member.file, file_sha256(member.file), "image").asset.properties["width"] == 640
                    )
    assert analysed == 1


def test_corrupt_member_is_an_error_and_the_next_members_follow(
    engine: LocalEngine, archives: dict[str, Path], photo: Path
) -> None:
    damaged = bytearray(archives["a.zip"].read_bytes())
    damaged[damaged.index(photo.read_bytes() + b"2") + 1_000] ^= 1
    archives["a.zip"].write_bytes(damaged)
    with open_file(archives["a.zip"]) as file:
        members = {
            member.name: (type(member.error), read_member(member)) for member in engine.unpack_archive(file, is_png)
        }
    assert members["folder/2.png"] == (CorruptMedia, None)
    assert members["3.png"] == (type(None), photo.read_bytes() + b"3")


def signal_in_member(monkeypatch: pytest.MonkeyPatch, name: str, number: int, times: int) -> list[int]:
    """Send a signal to workers in the middle of the member of this name.

    Returns the process identifiers of all workers that received the archive; the list grows.
    """
    pids = signal_workers(monkeypatch, 0, 0)
    receive_member, signalled = unpack._receive_member, []

    def receive_member_and_signal(worker: WorkerProcess, member: str, folder: Path, max_bytes: int) -> UnpackedMember:
        write_data = unpack.write_data

        def write_and_signal(file: io.BufferedRandom, data: bytes) -> None:
            write_data(file, data)
            if member == name and len(signalled) < times:
                signalled.append(worker.pid)
                os.kill(worker.pid, number)

        with monkeypatch.context() as patch:
            patch.setattr(unpack, "write_data", write_and_signal)
            return receive_member(worker, member, folder, max_bytes)

    monkeypatch.setattr(unpack, "_receive_member", receive_member_and_signal)
    return pids


def test_worker_crash_in_a_member_loses_that_member_alone(
    engine: LocalEngine, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(photo, "1.png")
        # Larger than the buffer of the socket, so that the worker is still sending it.
        archive.writestr("crashing.png", random.Random(0).randbytes(4_000_000))
        archive.write(photo, "2.png")
        archive.writestr("a.txt", "words")
    pids = signal_in_member(monkeypatch, "crashing.png", signal.SIGSEGV, 1)
    queried_names: list[str] = []
    with open_file(tmp_path / "a.zip") as file:
        members = list(engine.unpack_archive(file, lambda name: queried_names.append(name) is None and is_png(name)))
    assert [member.name for member in members] == ["1.png", "crashing.png", "2.png", "a.txt"] == queried_names, (
        "each once"
    )
    assert isinstance(members[1].error, WorkerLost) and members[1].error.kind == "crash" and members[1].file is None
    assert [read_member(member) for member in members] == [photo.read_bytes(), None, photo.read_bytes(), None]
    assert len(set(pids)) == 2


@pytest.mark.parametrize("archive", ["cut.zip", "cut.tar.gz"])
def test_truncated_archive_yields_its_first_members_and_then_raises(
    engine: LocalEngine, archives: dict[str, Path], photo: Path, tmp_path: Path, archive: str
) -> None:
    complete = archives[archive.replace("cut", "a")].read_bytes()
    (tmp_path / archive).write_bytes(complete[: len(complete) // 2])
    members = []
    with open_file(tmp_path / archive) as file, pytest.raises(CorruptMedia, match="cut"):
        for member in engine.unpack_archive(file, is_png):
            members.append((member.name, read_member(member)))
    assert members[0] == ("1.png", photo.read_bytes())


def test_worker_crash_before_any_member_ends_the_archive(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = signal_workers(monkeypatch, signal.SIGSEGV, 1)
    with scripted_file(tmp_path, "on") as file, pytest.raises(WorkerLost, match=r"script\.png") as caught:
        list(scripted_engine.unpack_archive(file, is_png))
    assert caught.value.kind == "crash" and len(pids) == 1


@pytest.mark.parametrize(
    "messages",
    [encode(image_result()), encode(DataChunk(data=b"x")), struct.pack("<I", 4) + b"\xff" * 4],
    ids=["an analysis", "content without a member", "not a message"],
)
def test_invalid_message_in_place_of_a_member_ends_the_archive(
    scripted_engine: LocalEngine, tmp_path: Path, messages: bytes
) -> None:
    with scripted_file(tmp_path, "on", messages) as file, pytest.raises(WorkerLost) as caught:
        list(scripted_engine.unpack_archive(file, is_png))
    assert caught.value.kind == "crash"


@pytest.mark.parametrize(
    "messages",
    [encode(MemberStart(name=b"b.png")), encode(ArchiveEnd()), struct.pack("<I", 4) + b"\xff" * 4],
    ids=["another member", "the end of the archive", "not a message"],
)
def test_invalid_message_in_a_member_loses_that_member(
    scripted_engine: LocalEngine, tmp_path: Path, messages: bytes
) -> None:
    messages = encode(MemberStart(name=b"a.png")) + encode(DataChunk(data=b"x")) + messages
    with scripted_file(tmp_path, "on", messages) as file:
        members = scripted_engine.unpack_archive(file, is_png)
        member = next(members)
        assert (member.name, member.file) == ("a.png", None) and isinstance(member.error, WorkerLost)
        members.close()


def test_member_over_its_limit_is_lost(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "MAX_MEMBER_BYTES", 1_000)
    messages = encode(MemberStart(name=b"a.png")) + encode(DataChunk(data=bytes(600))) * 2
    with scripted_file(tmp_path, "sleep", messages) as file:
        members = scripted_engine.unpack_archive(file, is_png)
        assert "invalid data" in str(next(members).error)
        members.close()


def test_close_of_the_iterator_ends_its_worker(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = signal_workers(monkeypatch, 0, 0)
    with scripted_file(tmp_path, "sleep", encode(MemberStart(name=b"a.txt"))) as file:
        members = scripted_engine.unpack_archive(file, is_png)
        assert next(members).name == "a.txt"
        members.close()
    assert has_ended(pids[0], 0), "the worker had not finished, and is not used again"


def test_close_ends_an_archive_in_progress(scripted_engine: LocalEngine, tmp_path: Path) -> None:
    messages = encode(MemberStart(name=b"a.png")) + encode(DataChunk(data=b"x"))
    scripted_engine.start()
    closer = threading.Timer(0.2, scripted_engine.close)
    closer.start()
    with scripted_file(tmp_path, "sleep", messages) as file, pytest.raises(WorkerLost, match="was ended"):
        list(scripted_engine.unpack_archive(file, is_png))
    closer.join()
