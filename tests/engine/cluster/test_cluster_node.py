"""The process on a node, in the process of the test."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mediafp.engine.cluster import node
from mediafp.engine.cluster.messages import (
    Frame,
    NodeTask,
    decode_frame,
    decode_report,
    decode_speech_frame,
    decode_transcript,
    encode,
    encode_transcript,
)
from mediafp.engine.cluster.node import NodeWorker
from mediafp.engine.local.messages import LENGTH, AnalysisResult, Task, decode_result
from mediafp.engine.local.messages import encode as encode_local
from mediafp.engine.local.sandbox import Restriction
from mediafp.ingest.files import file_sha256, open_file
from mediafp.types.errors import StoreError
from mediafp.types.transcripts import Transcript, TranscriptSegment
from mediafp.types.version import __version__


@pytest.fixture
def worker() -> Iterator[NodeWorker]:
    created = NodeWorker(sandboxed=False)
    yield created
    created._pool.close()


@pytest.fixture
def photo(tmp_path: Path, photos: dict[str, np.ndarray]) -> Path:
    Image.fromarray(photos["cat"]).resize((150, 100)).save(tmp_path / "a.png", compress_level=1)
    return tmp_path / "a.png"


def node_task(**changes: object) -> bytes:
    task = Task(what="analyse", name=b"a.png", matched_only=True, **changes)  # type: ignore[arg-type]
    return encode(NodeTask(task=encode_local(task)[LENGTH.size :], wall_seconds=60.0))


def test_file_is_analysed_however_it_reaches_the_node(worker: NodeWorker, photo: Path) -> None:
    with open_file(photo) as file:
        sha256, size = file_sha256(file), file.bytes
    frames: list[Frame] = []
    frames.append(decode_frame(worker.run(node_task(), photo.read_bytes())))
    assert worker.receive(photo.read_bytes()[:1000]) == worker.receive(photo.read_bytes()[1000:]) == b""
    frames.append(decode_frame(worker.run(node_task(), b"")))
    assert worker.open_shared(os.fsencode(photo), size, sha256) == b"\1"
    frames.append(decode_frame(worker.run(node_task(), b"")))
    results = [decode_result(frame.messages[-1]) for frame in frames]
    assert all(frame.last and not frame.changed for frame in frames)
    assert all(isinstance(result, AnalysisResult) and result.kind == "image" for result in results)


def test_path_of_another_file_is_not_opened(worker: NodeWorker, photo: Path, tmp_path: Path) -> None:
    with open_file(photo) as file:
        sha256, size = file_sha256(file), file.bytes
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "other").write_bytes(photo.read_bytes()[::-1])
    assert worker.open_shared(os.fsencode(photo), size + 1, sha256) == b""
    for name in ("pipe", "other", "missing", "", "a\0b"):
        assert worker.open_shared(os.fsencode(tmp_path / name), size, sha256) == b""


def test_shared_file_that_changes_is_noticed(worker: NodeWorker, photo: Path) -> None:
    with open_file(photo) as file:
        sha256, size = file_sha256(file), file.bytes
    assert worker.open_shared(os.fsencode(photo), size, sha256)
    os.utime(photo, (1, 1))
    assert decode_frame(worker.run(node_task(), b"")).changed


def test_worker_of_a_node_cannot_write_to_its_file(worker: NodeWorker) -> None:
    for name in ("in memory", "on the disk"):
        if name == "on the disk":
            worker._release()
            worker.receive(b"abc")
        opened = worker._open(name, b"abc")
        assert fcntl.fcntl(opened.descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
        assert os.pread(opened.descriptor, 9, 0) == b"abc"


def test_full_disk_is_reported(worker: NodeWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StoreError("cannot write: No space left on device")

    monkeypatch.setattr(node, "write_data", fail)
    assert worker.receive(b"abc") == b"cannot write: No space left on device"
    assert decode_frame(worker.run(node_task(), b"abc")).no_space == "cannot write: No space left on device"


def test_report_states_versions_and_missing_restrictions(monkeypatch: pytest.MonkeyPatch) -> None:
    def restrictions() -> list[Restriction]:
        return [
            Restriction(name="Landlock", available=False, detail="no such kernel"),
            Restriction(name="listener", available=False, detail="none", required=False),
        ]

    monkeypatch.setattr(node, "check_restrictions", restrictions)
    report = decode_report(NodeWorker(sandboxed=True).report(True))
    assert report.mediafp == __version__ and report.analysis == node.cluster_version()
    assert report.refusal == "Landlock: no such kernel"
    assert decode_report(NodeWorker(sandboxed=False).report(False)).refusal == ""


def test_transcript_is_the_same_behind_its_message() -> None:
    segment = TranscriptSegment(
        start=0.5, end=2.0, language="zh", language_probability=0.9, text="half a character \ud83d",
        flags=("doubt",), token_times=((0.5, 1.0),), token_probabilities=(0.25,), channel=1,
    )  # fmt: skip
    transcript = Transcript(
        model="m", version="v", duration=2.0, speech_seconds=1.5, untranscribed_seconds=0.0, segments=(segment,)
    )
    assert decode_transcript(encode_transcript(transcript)) == transcript


@pytest.mark.parametrize("data", [b"", b"{}", b'{"model": 1}', b"[" * 10_000, b"\xff"])
def test_other_bytes_are_no_message(data: bytes) -> None:
    for decode in (decode_frame, decode_report, decode_transcript):
        with pytest.raises(ValueError):
            decode(data)
    with pytest.raises(ValueError):
        decode_speech_frame(data + b"x")
