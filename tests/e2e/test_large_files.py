"""Files of terabytes that cost their author nothing: a limit applies before they are hashed, and others go on."""

import io
import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from processes import PATIENCE_SECONDS, with_default_signals

from mediafp.case.case import Case
from mediafp.case.ingestion import order, tasks
from mediafp.case.ingestion.items import item_on_disk
from mediafp.case.ingestion.order import defer_large_files
from mediafp.case.originals import check_originals, open_original
from mediafp.case.query import NOT_MEDIA_MESSAGE
from mediafp.ingest import sniff
from mediafp.ingest.files import OpenFile
from mediafp.ingest.limits import MAX_IMAGE_BYTES, MAX_VIDEO_BYTES
from mediafp.ingest.walk import FoundFile
from mediafp.types.runs import AnalysisOptions, IngestOptions

TERABYTES = 8 << 40
END_SECONDS = 60
"""Wall seconds within which a program must end after Ctrl-C; hashing the file of the test takes several minutes."""
JPEG = b"\xff\xd8\xff\xe0"
MP4 = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"
WITHOUT_OCR = IngestOptions(analysis=AnalysisOptions(ocr=False))


def write_sparse(path: Path, head: bytes, size: int) -> Path:
    """Write a file of which only the head takes space on the disk."""
    with path.open("wb") as file:
        file.write(head)
        try:
            file.truncate(size)
        except OSError:
            pytest.skip(f"the file system has no files of {size} bytes")
    return path


@pytest.fixture
def photo(tmp_path: Path, photos: dict[str, np.ndarray]) -> Path:
    (tmp_path / "files").mkdir()
    Image.fromarray(photos["cat"]).save(tmp_path / "files" / "photo.png")
    return tmp_path / "files" / "photo.png"


def test_ingest_hashes_no_file_over_the_limit_of_its_kind(case: Case, photo: Path) -> None:
    for name, head in (("a.jpg", JPEG), ("b.jpg", JPEG), ("c.mp4", MP4), ("d.wav", b"RIFF\0\0\0\0WAVEfmt ")):
        write_sparse(photo.with_name(name), head, TERABYTES)
    write_sparse(photo.with_name("notes.txt"), b"no media", TERABYTES)
    outcomes = {Path(outcome.path).name: outcome for outcome in case.ingest([photo.parent], WITHOUT_OCR)}
    assert {name: (outcome.status, outcome.kind) for name, outcome in outcomes.items()} == {
        "photo.png": ("added", None),
        "notes.txt": ("skipped", None),
        **dict.fromkeys(("a.jpg", "b.jpg", "c.mp4", "d.wav"), ("failed", "too_large")),
    }
    for name, limit in (("a.jpg", MAX_IMAGE_BYTES), ("c.mp4", MAX_VIDEO_BYTES)):
        message = outcomes[name].message
        assert name in message and f"{TERABYTES} bytes are over the limit of {limit};" in message
        assert message.endswith("first")


def test_queries_over_the_limit_are_not_hashed(case: Case, photo: Path) -> None:
    image = write_sparse(photo.with_name("a.jpg"), JPEG, TERABYTES)
    video = write_sparse(photo.with_name("b.mp4"), MP4, TERABYTES)
    text = write_sparse(photo.with_name("c.txt"), b"no media", TERABYTES)
    for results in (case.match([image, video]), case.transcribe([image, video])):
        assert ["over the limit" in str(result.error) for result in results] == [True, True]
    (result,) = case.match([text])
    assert result.error == NOT_MEDIA_MESSAGE
    (transcription,) = case.transcribe([text])
    assert transcription.error and "of no known image, video or audio format" in transcription.error


def test_dry_run_hashes_no_large_file(tmp_path: Path, photo: Path) -> None:
    write_sparse(photo.with_name("a.jpg"), JPEG, TERABYTES)
    write_sparse(photo.with_name("b.mp4"), MP4, MAX_VIDEO_BYTES)
    command = [sys.executable, "-m", "mediafp", "--store", str(tmp_path / "store"), "ingest", "--dry-run", "--json"]
    done = subprocess.run(
        [*command, str(photo.parent)], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert done.returncode == 0 and json.loads(done.stdout)["new"] == 3, done.stderr


class EndlessStream(io.RawIOBase):
    """A stream that begins with some bytes and does not end."""

    name = "endless"

    def __init__(self, head: bytes) -> None:
        super().__init__()
        self._head, self.bytes_read = head, 0

    def read(self, size: int = -1) -> bytes:
        block = (self._head + bytes(size))[:size]
        self._head = self._head[size:]
        self.bytes_read += size
        return block


def test_a_stream_is_copied_up_to_the_limit_of_its_kind(
    case: Case, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sniff, "MAX_IMAGE_BYTES", 5 << 20)
    monkeypatch.setattr(sniff, "MAX_VIDEO_BYTES", 9 << 20)
    for head, limit in ((JPEG, 5 << 20), (MP4, 9 << 20)):
        stream = EndlessStream(head)
        (result,) = case.match([stream])
        assert result.error and f"over the limit of {limit}" in result.error
        assert stream.bytes_read <= limit + (1 << 20)
    stream = EndlessStream(b"no media")
    (result,) = case.match([stream])
    assert result.error == NOT_MEDIA_MESSAGE and stream.bytes_read <= 1 << 20
    (result,) = case.match([JPEG + bytes(6 << 20)])
    assert result.error and "over the limit" in result.error
    with photo.open("rb") as file:
        assert [result.error for result in case.match([photo.read_bytes(), file])] == [None, None]


def test_a_stream_of_short_blocks_is_read_whole(case: Case, photo: Path) -> None:
    class ShortReads(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(7)

    list(case.ingest([photo], WITHOUT_OCR))
    (result,) = case.match([ShortReads(photo.read_bytes())])
    assert result.matches[0].why[0] == "the bytes are identical"


def test_originals_of_another_size_are_not_hashed(case: Case, photo: Path) -> None:
    (outcome,) = case.ingest([photo], WITHOUT_OCR)
    assert outcome.sha256
    content = photo.read_bytes()
    write_sparse(photo, content, TERABYTES)
    assert [check.state for check in check_originals(case._store)] == ["changed"]
    with open_original(case._store, outcome.sha256) as file:
        assert file is None
    photo.write_bytes(content)
    assert [check.state for check in check_originals(case._store)] == ["same"]
    with open_original(case._store, outcome.sha256) as file:
        assert file is not None


def test_large_files_come_last_and_the_smallest_of_them_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"a": 300, "b": 10, "c": 200, "d": 100, "e": 101}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(bytes(size))
    monkeypatch.setattr(order, "LARGE_FILE_BYTES", 100)
    files = [item_on_disk(FoundFile(path=tmp_path / name)) for name in (*sizes, "missing")]
    assert "".join(file.path.name[0] for file in defer_large_files(files)) == "bdmeca"
    monkeypatch.setattr(order, "MAX_DEFERRED_FILES", 2)
    assert "".join(file.path.name[0] for file in defer_large_files(files)) == "bdemca"


def test_large_files_do_not_hold_back_small_ones(
    case: Case, photo: Path, photos: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More large files than hashing threads, each of which waits until every small file is done."""
    monkeypatch.setattr(order, "LARGE_FILE_BYTES", 1 << 30, raising=False)
    for number in range(4):
        write_sparse(photo.with_name(f"a{number}.mp4"), MP4, 2 << 30)
    Image.fromarray(photos["temple"]).save(photo.with_name("temple.png"))
    are_small_done = threading.Event()

    def wait_and_hash(file: OpenFile, *arguments: object) -> str:
        if file.bytes > 1 << 30:
            are_small_done.wait(20)
            return file.name
        return file_sha256(file)

    file_sha256 = tasks.file_sha256
    monkeypatch.setattr(tasks, "file_sha256", wait_and_hash)
    names = []
    for outcome in case.ingest([photo.parent], WITHOUT_OCR):
        names.append(Path(outcome.path).name)
        if len(names) == 2:
            are_small_done.set()
    assert set(names[:2]) == {"photo.png", "temple.png"} and len(names) == 6


def test_ctrl_c_ends_an_ingest_that_hashes_a_large_file(tmp_path: Path, photo: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_sparse(photo.with_name(name), MP4, MAX_VIDEO_BYTES)
    command = with_default_signals(
        sys.executable, "-m", "mediafp", "--store", tmp_path / "store", "ingest", photo.parent, "--json"
    )
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        try:
            # The photograph is done: the other files are being hashed.
            assert json.loads(process.stdout.readline())["status"] == "added"
            process.send_signal(signal.SIGINT)
            assert process.wait(END_SECONDS) == 130
        finally:
            process.kill()
        assert "Traceback" not in process.stderr.read()


def test_closing_an_abandoned_ingest_ends_its_hashing(case: Case, photo: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_sparse(photo.with_name(name), MP4, MAX_VIDEO_BYTES)
    outcomes = case.ingest([photo.parent], WITHOUT_OCR)
    assert next(outcomes).status == "added"
    closing = threading.Thread(target=outcomes.close, daemon=True)  # type: ignore[attr-defined]
    closing.start()
    closing.join(END_SECONDS)
    assert not closing.is_alive()
