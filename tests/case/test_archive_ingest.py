"""Archives of an ingest: a slow one stops no other file, and what waits in memory and on the disk is bounded."""

import io
import json
import os
import signal
import threading
import time
import zipfile
from collections.abc import Generator
from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from processes import PATIENCE_SECONDS, has_ended, process_state
from scripted_workers import signal_workers

from mediafp.case.case import Case
from mediafp.case.ingestion import archive_sidecars, unpacking
from mediafp.case.ingestion.items import IngestItem, item_on_disk
from mediafp.case.ingestion.unpacking import ArchiveUnpacker
from mediafp.engine.local import unpack
from mediafp.ingest.files import open_file
from mediafp.ingest.walk import FoundFile
from mediafp.types.runs import AnalysisOptions, FileOutcome, IngestOptions

OPTIONS = IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False, reference_crops=False))


def build_archive(path: Path, **files: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)


def encode_image(shade: int) -> bytes:
    encoded = io.BytesIO()
    Image.new("RGB", (64, 64), (shade, 2 * shade, 3 * shade)).save(encoded, "PNG")
    return encoded.getvalue()


def name_and_status(outcome: FileOutcome) -> tuple[str, str]:
    return Path(outcome.path).name, outcome.status


def is_stopped(pids: list[int]) -> bool:
    """Return True if the first worker is stopped, after it has got a file."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not pids and time.monotonic() < until:
        time.sleep(0.01)
    return process_state(pids[0]) in ("T", "t")


def test_other_files_are_committed_while_an_archive_is_unpacked(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker of the archive does nothing for five seconds, and is ended then."""
    folder = tmp_path / "files"
    folder.mkdir()
    build_archive(folder / "a.zip", b__png=encode_image(1))
    for name in ("b.txt", "c.txt"):
        (folder / name).write_text("words")
    pids = signal_workers(monkeypatch, signal.SIGSTOP, 1, wall_seconds=5.0)
    outcomes = case.ingest([folder], IngestOptions(jobs=1, analysis=AnalysisOptions(sidecars=False)))
    first = [next(outcomes), next(outcomes)]
    assert is_stopped(pids), "the archive is still being unpacked"
    assert sorted(map(name_and_status, first)) == [("b.txt", "skipped"), ("c.txt", "skipped")]
    for outcome in first:
        status = os.stat(outcome.path)
        entry = case._store.find_ledger_entry(outcome.path, bytes=status.st_size, modified_ns=status.st_mtime_ns)
        assert entry and entry.state == "skipped"
    (last,) = outcomes
    assert (Path(last.path).name, last.status, last.kind) == ("a.zip", "failed", "timeout")


def test_archive_behind_a_slow_one_is_ingested(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("a.zip", "b.zip"):
        build_archive(folder / name, words__txt=b"words")
    pids = signal_workers(monkeypatch, signal.SIGSTOP, 1, wall_seconds=20.0)
    outcomes = case.ingest([folder], OPTIONS)
    assert name_and_status(next(outcomes)) == ("words.txt", "skipped")
    assert is_stopped(pids)
    outcomes.close()


def test_end_of_an_ingest_does_not_wait_for_an_archive(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    build_archive(folder / "a.zip", b__png=encode_image(1))
    (folder / "b.txt").write_text("words")
    pids = signal_workers(monkeypatch, signal.SIGSTOP, 1, wall_seconds=60.0)
    threads = set(threading.enumerate())
    outcomes = case.ingest([folder], OPTIONS)
    assert name_and_status(next(outcomes)) == ("b.txt", "skipped")
    assert is_stopped(pids)
    outcomes.close()
    assert has_ended(pids[0], 0)
    assert not [thread for thread in threading.enumerate() if thread not in threads and "unpack" in thread.name]


def test_members_before_the_end_of_the_time_are_kept(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_archive(tmp_path / "a.zip", a__png=encode_image(1), b__png=encode_image(2))
    receive_member, received = unpack._receive_member, []

    def receive_first(worker: unpack.WorkerProcess, name: str, *arguments: object) -> object:
        received.append(name)
        if name == "b.png":
            monkeypatch.setattr(unpack.WallTime, "left", lambda wall_time: -1.0)
            raise unpack._MemberLostError(name, unpack.WorkerLost("timeout", "it took too long"))
        return receive_member(worker, name, *arguments)

    monkeypatch.setattr(unpack, "_receive_member", receive_first)
    outcomes = {Path(outcome.path).name: outcome for outcome in case.ingest([tmp_path / "a.zip"], OPTIONS)}
    assert {name: (outcome.status, outcome.kind) for name, outcome in outcomes.items()} == {
        "a.png": ("added", None), "b.png": ("failed", "timeout"), "a.zip": ("failed", "timeout"),
    }  # fmt: skip
    assert "cannot unpack the rest of 'a.zip': the archive took more than 300 s" in str(outcomes["a.zip"].message)
    assert received == ["a.png", "b.png"]


def test_ingest_of_many_archives_and_files_yields_each_once(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for n in range(4):
        members = {f"{n}{m}__txt": b"words" for m in range(150)}
        build_archive(folder / f"{n}.zip", **members, **{f"{n}__png": encode_image(n), f"{n}__gif": b"GIF89a"})
        (folder / f"{n}.txt").write_text("words")
    (folder / "no.zip").write_bytes(b"no archive")
    for expected in ("added", "known"):
        outcomes = list(case.ingest([folder], OPTIONS))
        paths = [outcome.path for outcome in outcomes]
        assert len(paths) == len(set(paths)) == 4 * 153 + 1
        statuses = {Path(outcome.path).name: outcome.status for outcome in outcomes}
        assert {statuses[f"{n}.png"] for n in range(4)} == {expected}
        assert statuses["no.zip"] == "skipped"
        assert {statuses[f"{n}.gif"] for n in range(4)} == {"failed"}


def make_items(folder: Path, count: int) -> list[IngestItem]:
    """Return items of members of 10 bytes that were unpacked."""
    items = []
    for number in range(count):
        path = folder / f"{number}.png"
        path.write_bytes(bytes(10))
        file = open_file(path)
        items.append(
            IngestItem(
                path=path,
                uri=str(path),
                stamp=(10, 0),
                open=partial(open_file, path),
                folders=tuple,
                unpacked=file,
            )
        )
    return items


def test_no_member_is_unpacked_while_those_in_progress_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "MAX_UNPACKED_BYTES", 15)
    items = make_items(tmp_path, 4)
    unpacked = []

    def iter_items(archive: IngestItem) -> Generator[IngestItem]:
        for item in items:
            unpacked.append(item)
            yield item

    unpacker = ArchiveUnpacker(iter_items)
    unpacker.add(items[0])
    for number in (1, 2):
        step = unpacker.start_step()
        assert step
        step.result(PATIENCE_SECONDS)
        assert unpacker.finish_step(step) == [items[number - 1]]
        assert len(unpacked) == number, "a member at a time"
    assert unpacker.start_step() is None
    assert items[0].unpacked
    items[0].unpacked.close()
    step = unpacker.start_step()
    assert step and unpacker.finish_step(step) == [items[2]]
    unpacker.close()
    for item in items:
        assert item.unpacked
        item.unpacked.close()


def test_sidecars_of_an_archive_take_bounded_memory_and_name_what_is_skipped(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_sidecars, "MAX_ARCHIVE_SIDECAR_BYTES", 5_000)
    build_archive(
        tmp_path / "a.zip",
        a__png=encode_image(1), b__png=encode_image(2), c__png=encode_image(3), d__png=encode_image(4),
        a__info__json=json.dumps({"title": "t" * 1_000}).encode(),
        b__info__json=b'{"title": "%s"}' % os.urandom(8_000).hex().encode(),
        c__info__json=json.dumps({"title": "c"}).encode(),
        d__info__json=json.dumps({"title": "d"}).encode() + bytes(9 << 20),
    )  # fmt: skip
    outcomes = {Path(outcome.path).name: outcome for outcome in case.ingest([tmp_path / "a.zip"], OPTIONS)}
    titles = {
        name: case._store.sightings(str(outcome.sha256))[0].title
        for name, outcome in outcomes.items()
        if outcome.sha256
    }
    assert titles == {"a.png": "t" * 1_000, "b.png": None, "c.png": "c", "d.png": None}
    for name in ("b.info.json", "d.info.json"):
        assert outcomes[name].warnings == (
            f"skipped {name!r}: it is damaged or over the limit (8 MiB, or 0 MiB with the others, compressed)",
        )
    assert outcomes["a.info.json"].warnings == outcomes["c.info.json"].warnings == ()


def test_table_in_an_archive_is_decompressed_once(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decompressed = []
    decompress = archive_sidecars.zlib.decompress
    monkeypatch.setattr(archive_sidecars.zlib, "decompress", lambda data: decompressed.append(data) or decompress(data))
    images = {f"{n}__png": encode_image(n) for n in range(5)}
    table = b"file,title\n" + b"".join(b"%d.png,image %d\n" % (n, n) for n in range(5))
    build_archive(tmp_path / "a.zip", **images, sightings__csv=table)
    hashes = {outcome.sha256 for outcome in case.ingest([tmp_path / "a.zip"], OPTIONS) if outcome.sha256}
    titles = {case._store.sightings(sha256)[0].title for sha256 in hashes}
    assert titles == {f"image {n}" for n in range(5)}
    assert len(decompressed) == 1


@pytest.mark.parametrize("target", ["secret.json", "/dev/zero"])
def test_sidecar_that_links_out_of_the_folder_of_a_named_file_is_not_read(
    case: Case, tmp_path: Path, target: str
) -> None:
    (tmp_path / "secret.json").write_text('{"title": "secret"}')
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.png").write_bytes(encode_image(1))
    (tmp_path / "files" / "a.png.json").symlink_to(tmp_path / target)
    (outcome,) = case.ingest([tmp_path / "files" / "a.png"], OPTIONS)
    assert outcome.status == "added" and len(outcome.warnings) == 1
    assert case._store.sightings(str(outcome.sha256))[0].title is None


def test_sidecar_that_links_within_the_folder_of_a_named_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text('{"title": "t"}')
    (tmp_path / "a.png.json").symlink_to("real.json")
    sidecar = item_on_disk(FoundFile(path=tmp_path / "a.png")).folders()[0].open("a.png.json")
    assert sidecar
    with sidecar.reader() as reader:
        assert reader.read() == b'{"title": "t"}'
    sidecar.close()
