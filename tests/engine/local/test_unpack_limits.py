"""Archives unpacked by a worker that an attacker took over: the names it sends, and the time it takes."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
from archive_files import build_tar, build_zip, read_archive, tar_member
from scripted_workers import scripted_file, use_scripted_workers

from mediafp.engine.interface import UnpackedMember
from mediafp.engine.local import messages, process, unpack
from mediafp.engine.local.engine import LocalEngine
from mediafp.engine.local.messages import ArchiveEnd, DataChunk, MemberEnd, MemberStart, encode
from mediafp.ingest.archives import members, time_limit
from mediafp.ingest.files import open_file
from mediafp.types.errors import TooLargeMedia, WorkerLost


def unwanted(name: str) -> bool:
    return False


FORGED_NAMES = {
    "absolute": b"/etc/passwd", "parent": b"../a.png", "inner parent": b"a/../../b.png", "parent at the end": b"a/..",
    "empty": b"", "dot": b".", "empty part": b"a//b.png", "slash at the end": b"a/", "NUL": b"a\x00.png",
    "backslash": b"..\\a.png", "drive": b"C:a.png", "hidden": b".ssh/a.png", "resource fork": b"__MACOSX/a.png",
    "4,161 characters": b"x" * 4_161, "101 parts": b"a/" * 100 + b"b", "16 kB": b"\xe4\xb8\xad" * 5_546,
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED_NAMES.values(), ids=FORGED_NAMES)
def test_name_that_no_archive_has_ends_the_archive(scripted_engine: LocalEngine, tmp_path: Path, name: bytes) -> None:
    script = encode(MemberStart(name=b"a.png")) + encode(MemberStart(name=name)) + encode(ArchiveEnd())
    queried: list[str] = []
    received: list[str] = []
    with scripted_file(tmp_path, "on", script) as file, pytest.raises(WorkerLost) as caught:
        for member in scripted_engine.unpack_archive(file, lambda name: bool(queried.append(name))):
            received.append(member.name)
    assert caught.value.kind == "crash" and "script.png" in str(caught.value)
    assert queried == received == ["a.png"], "what the worker sent before is kept"


def test_name_of_65_kilobytes_ends_the_archive(scripted_engine: LocalEngine, tmp_path: Path) -> None:
    script = b"\x0e\x00\x01\x00" + b"\x82\xa4type\xabMemberStart\xa4name\xc5\xff\xff" + bytes(65_535)
    with scripted_file(tmp_path, "on", script) as file, pytest.raises(WorkerLost) as caught:
        list(scripted_engine.unpack_archive(file, unwanted))
    assert caught.value.kind == "crash"


def test_name_that_another_member_has_ends_the_archive(scripted_engine: LocalEngine, tmp_path: Path) -> None:
    """Two contents under one name would become one sighting."""
    member = [encode(MemberStart(name=b"a.png")), encode(DataChunk(data=b"x")), encode(MemberEnd())]
    received = []
    with scripted_file(tmp_path, "on", *member, *member) as file, pytest.raises(WorkerLost) as caught:
        for unpacked in scripted_engine.unpack_archive(file, lambda name: True):
            received.append(unpacked.name)
            assert unpacked.file
            unpacked.file.close()
    assert received == ["a.png"] and caught.value.kind == "crash"


def test_names_of_a_fresh_worker_are_compared_with_those_before(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second worker skips the first member, and repeats its name as that of the second."""
    names = [b"a.png", b"b.png"]

    def lose_member(worker: process.WorkerProcess, name: str, folder: Path, max_bytes: int) -> UnpackedMember:
        raise unpack._MemberLostError(name, WorkerLost("crash", "lost"))

    monkeypatch.setattr(unpack, "_receive_member", lose_member)
    with scripted_file(tmp_path, "on", *(encode(MemberStart(name=name)) for name in (*names, b"a.png"))) as file:
        received = scripted_engine.unpack_archive(file, lambda name: name == "b.png")
        assert [next(received).name, next(received).name] == ["a.png", "b.png"]
        with pytest.raises(WorkerLost):
            next(received)


def test_names_of_one_archive_have_a_limit_together(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "MAX_TOTAL_NAME_CHARS", 10)
    names = [encode(MemberStart(name=name)) for name in (b"aaaa", b"bbbb", b"cccc")]
    with scripted_file(tmp_path, "on", *names) as file, pytest.raises(WorkerLost):
        received = scripted_engine.unpack_archive(file, unwanted)
        assert [next(received).name, next(received).name] == ["aaaa", "bbbb"]
        next(received)
    files, error = read_archive(build_zip([(name, b"x") for name in ("aaaa", "bbbb", "cccc")]))
    assert list(files) == ["aaaa", "bbbb"]
    assert isinstance(error, TooLargeMedia) and "names of its members" in str(error)


@pytest.mark.parametrize(
    "name",
    [
        "x" * 5_000, "x" * 4_090 + ".png", "/".join("a" * 3_000), "𠀀" * 5_000, "../" * 2_000 + "a.png",
        "C:\\a:b\\c.png", "b\udcff/" * 999 + "c",
    ],
    ids=["long", "long with a suffix", "deep", "16 kB", "parents", "drives", "invalid UTF-8"],
)  # fmt: skip
def test_names_that_a_worker_makes_safe_and_unique_are_accepted(name: str) -> None:
    """Also if the number that makes them unique makes them longer."""
    shown, error = read_archive(build_tar(*(tar_member(name, b"%d" % number) for number in range(3))), "x.tar")
    assert error is None and list(shown.values()) == [b"0", b"1", b"2"]
    names = members.MemberNames()
    for member in shown:
        assert len(os.fsencode(member)) <= messages.MAX_NAME_BYTES
        names.add(os.fsdecode(os.fsencode(member)))


TRICKLE = """
import socket, time

class TricklingSocket(socket.socket):
    def sendall(self, data):
        for byte in data:
            super().sendall(bytes((byte,)))
            time.sleep(0.01)

socket.socket = TricklingSocket
"""
"""Code above that of a scripted worker, which makes it send its bytes one by one."""


@pytest.fixture
def trickling_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalEngine]:
    use_scripted_workers(tmp_path, monkeypatch)
    worker = tmp_path / "modules" / "scripted.py"
    worker.write_text(TRICKLE + worker.read_text())
    with LocalEngine(tmp_path) as created:
        created.start()
        yield created


def set_limits(monkeypatch: pytest.MonkeyPatch, **limits: float) -> None:
    for name, seconds in limits.items():
        monkeypatch.setattr(unpack if name.startswith("MEMBER") else time_limit, name, seconds)


def test_members_that_trickle_in_have_a_time_limit_together(
    trickling_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte and each member comes soon, and the archive never ends."""
    set_limits(monkeypatch, ARCHIVE_WALL_SECONDS=1.5, ARCHIVE_WALL_SECONDS_PER_MEGABYTE=0.0)
    script = [encode(MemberStart(name=b"%d.png" % number)) for number in range(1_000)]
    received = []
    with scripted_file(tmp_path, "on", *script) as file, pytest.raises(WorkerLost) as caught:
        received.extend(trickling_engine.unpack_archive(file, unwanted))
    assert caught.value.kind == "timeout"
    assert str(caught.value) == (
        "cannot unpack the rest of 'script.png': the archive took more than 2 s of wall time; unpack it first"
    )
    assert len(received) < 1_000


def test_time_limit_of_an_archive_keeps_the_members_before(
    trickling_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limits(monkeypatch, ARCHIVE_WALL_SECONDS=3.0, ARCHIVE_WALL_SECONDS_PER_MEGABYTE=0.0)
    first = [encode(MemberStart(name=b"a.png")), encode(MemberEnd())]
    endless = [encode(MemberStart(name=b"b.png")), *[encode(DataChunk(data=b"x"))] * 1_000]
    received: list[UnpackedMember] = []
    with scripted_file(tmp_path, "on", *first, *endless) as file, pytest.raises(WorkerLost) as caught:
        for member in trickling_engine.unpack_archive(file, lambda name: True):
            received.append(member)
    assert [member.name for member in received] == ["a.png", "b.png"]
    assert received[0].file and received[1].error
    received[0].file.close()
    assert {error.kind for error in (received[1].error, caught.value)} == {"timeout"}


def test_member_that_trickles_in_has_a_time_limit(
    trickling_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limits(monkeypatch, MEMBER_WALL_SECONDS=1.0)
    script = [encode(MemberStart(name=b"a.png")), *[encode(DataChunk(data=b"x"))] * 1_000]
    with scripted_file(tmp_path, "on", *script) as file:
        received = trickling_engine.unpack_archive(file, lambda name: True)
        member = next(received)
        assert member.error and member.error.kind == "timeout"
        received.close()


def test_time_in_which_members_are_used_does_not_count(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limits(monkeypatch, ARCHIVE_WALL_SECONDS=0.5, ARCHIVE_WALL_SECONDS_PER_MEGABYTE=0.0)
    scripted_engine.start()
    script = [encode(MemberStart(name=b"%d.png" % number)) for number in range(3)]
    with scripted_file(tmp_path, "on", *script, encode(ArchiveEnd())) as file:
        for _ in scripted_engine.unpack_archive(file, unwanted):
            time.sleep(0.3)


@pytest.mark.parametrize(("size", "seconds"), [(10_000_000, 310), (0, 300)], ids=["10 MB", "empty"])
def test_time_limit_grows_with_the_archive(tmp_path: Path, size: int, seconds: float) -> None:
    (tmp_path / "a.zip").write_bytes(b"x" * size)
    with open_file(tmp_path / "a.zip") as file:
        assert unpack.WallTime(file).limit == pytest.approx(seconds)


def test_time_limit_of_a_sparse_archive_is_that_of_an_empty_one(tmp_path: Path) -> None:
    with (tmp_path / "a.zip").open("wb") as holes:
        holes.write(b"PK")
        holes.truncate(1 << 43)
    with open_file(tmp_path / "a.zip") as file:
        assert unpack.WallTime(file).limit == pytest.approx(300, abs=1)


def test_time_limit_grows_with_the_archive_if_its_file_system_counts_no_blocks(tmp_path: Path) -> None:
    with (tmp_path / "a.zip").open("wb") as holes:
        holes.truncate(10_000_000)
    assert not (tmp_path / "a.zip").stat().st_blocks, "as of every file on some network file systems"
    with open_file(tmp_path / "a.zip") as file:
        assert unpack.WallTime(file).limit == pytest.approx(310)


def test_member_above_the_limit_of_the_caller_is_not_written(
    engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    write_data = unpack.write_data
    monkeypatch.setattr(unpack, "write_data", lambda file, data: written.append(len(data)) or write_data(file, data))
    (tmp_path / "a.zip").write_bytes(build_zip([("a.info.json", bytes(5_000_000)), ("b.info.json", b"{}")]))
    with open_file(tmp_path / "a.zip") as file:
        first, second = engine.unpack_archive(file, lambda name: True, max_bytes=1_000_000)
    assert sum(written) <= 1_000_002
    assert first.file is None and isinstance(first.error, TooLargeMedia)
    assert str(first.error) == "cannot unpack 'a.info.json': 5,000,000 bytes are over the limit of 1,000,000"
    assert second.file and second.file.bytes == 2
    second.file.close()


@contextmanager
def full_disk(folder: Path) -> Iterator[BinaryIO]:
    with Path("/dev/full").open("r+b") as file:
        yield file


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
@pytest.mark.parametrize("size", [100, 3_000_000], ids=["buffered", "written"])
def test_member_that_fills_the_disk_is_lost_alone(
    engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Another one may be smaller, and files outside of the archive need no space."""
    (tmp_path / "a.zip").write_bytes(build_zip([("a.png", bytes(size)), ("b.png", b"b")]))
    with open_file(tmp_path / "a.zip") as file:
        members = engine.unpack_archive(file, lambda name: True)
        with monkeypatch.context() as patch:
            patch.setattr(unpack, "anonymous_file", full_disk)
            first = next(members)
        (second,) = members
    assert first.file is None and first.error and first.error.kind == "unreadable"
    assert str(first.error).startswith("cannot unpack 'a.png': ") and "No space left" in str(first.error)
    assert second.file and second.file.bytes == 1
    second.file.close()
