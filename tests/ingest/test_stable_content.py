"""The bytes that are read have the SHA-256 that was computed, whatever another program does to the file."""

import errno
import gc
import hashlib
import mmap
import os
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path
from threading import Event

import pytest
from changed_files import overwrite_in_place

from mediafp.ingest import stable_content as module
from mediafp.ingest.files import OpenFile, file_sha256, open_file
from mediafp.ingest.stable_content import stable_content
from mediafp.types.errors import UnreadableMedia

CONTENT = bytes(range(256)) * 20_000
OTHER = bytes(reversed(CONTENT))
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "a.bin").write_bytes(CONTENT)
    return tmp_path / "a.bin"


@pytest.fixture(params=["small", "large"])
def is_small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param == "large":
        monkeypatch.setattr(module, "MAX_COPIED_BYTES", 0)
    return request.param == "small"


def read(file: OpenFile) -> bytes:
    with file.reader() as reader:
        return reader.read()


def test_unchanged_content_is_read_as_it_is(path: Path, is_small: bool) -> None:
    with open_file(path) as file, stable_content(file, file_sha256(file)) as content:
        assert read(content) == read(content) == CONTENT
        assert (content.name, content.bytes) == ("a.bin", len(CONTENT))
        assert (content.descriptor == file.descriptor) is not is_small
    assert path.read_bytes() == CONTENT


def test_an_empty_file_has_stable_content(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with open_file(tmp_path / "empty") as file, stable_content(file, file_sha256(file)) as content:
        assert read(content) == b""


def test_a_small_file_is_read_as_it_was_when_it_was_hashed(path: Path) -> None:
    with open_file(path) as file, stable_content(file, file_sha256(file)) as content:
        overwrite_in_place(path, OTHER)
        assert read(content) == CONTENT
        os.truncate(path, 0)
        assert read(content) == CONTENT


def test_a_large_file_that_is_overwritten_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_COPIED_BYTES", 0)
    with (
        open_file(path) as file,
        pytest.raises(UnreadableMedia, match=r"'a\.bin': it changed while it was read; run this again"),
        stable_content(file, SHA256),
    ):
        overwrite_in_place(path, OTHER)


def test_a_large_file_that_is_overwritten_and_put_back_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_COPIED_BYTES", 0)
    with open_file(path) as file, pytest.raises(UnreadableMedia), stable_content(file, SHA256):
        overwrite_in_place(path, OTHER)
        overwrite_in_place(path, CONTENT)


def test_a_write_to_mapped_memory_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is dirty already, so that no time changes."""
    monkeypatch.setattr(module, "MAX_COPIED_BYTES", 0)
    with path.open("r+b") as writable, mmap.mmap(writable.fileno(), 0) as mapped:
        mapped[:1] = CONTENT[:1]
        with open_file(path) as file:
            with pytest.raises(UnreadableMedia), stable_content(file, SHA256):
                mapped[:1] = b"x"
            assert read(file) != CONTENT


def _overwrite(path: Path) -> None:
    overwrite_in_place(path, OTHER)


def _shorten(path: Path) -> None:
    os.truncate(path, len(CONTENT) - 1)


def _lengthen(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


@pytest.mark.parametrize("change", [_overwrite, _shorten, _lengthen])
def test_a_change_before_the_content_is_read_is_an_error(
    path: Path, is_small: bool, change: Callable[[Path], None]
) -> None:
    with open_file(path) as file:
        sha256 = file_sha256(file)
        change(path)
        with pytest.raises(UnreadableMedia, match="it changed while it was read"), stable_content(file, sha256):
            pass


@pytest.mark.parametrize("change", [_shorten, _lengthen])
def test_a_file_that_grows_or_shrinks_is_not_hashed(path: Path, change: Callable[[Path], None]) -> None:
    with open_file(path) as file:
        change(path)
        with pytest.raises(UnreadableMedia, match="it changed while it was read"):
            file_sha256(file)


def test_the_reader_of_a_copy_cannot_write_to_it(path: Path) -> None:
    with open_file(path) as file, stable_content(file, SHA256) as content:
        for action in (
            lambda: os.pwrite(content.descriptor, b"x", 0),
            lambda: os.ftruncate(content.descriptor, 1),
            lambda: os.ftruncate(content.descriptor, 1 << 20),
        ):
            with pytest.raises(OSError) as caught:
                action()
            assert caught.value.errno == errno.EPERM


def test_no_descriptor_is_left_open(path: Path, is_small: bool) -> None:
    # What earlier tests left to the garbage collector.
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for sha256 in (SHA256, "0" * 64):
        with open_file(path) as file:
            try:
                with stable_content(file, sha256):
                    pass
            except UnreadableMedia:
                assert sha256 != SHA256
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_hashing_and_copying_end_when_they_are_cancelled(path: Path, is_small: bool) -> None:
    cancelled = Event()
    cancelled.set()
    with open_file(path) as file:
        with pytest.raises(CancelledError):
            file_sha256(file, cancelled)
        with pytest.raises(CancelledError), stable_content(file, SHA256, cancelled):
            pass
        assert file_sha256(file, Event()) == SHA256
