"""The size of answers: bounded before memory is taken for them, and thumbnails of long videos lie in a file."""

import gc
import os
import struct
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from scripted_workers import THUMBNAIL, analysis_error, image_messages, scripted_file

from mediafp.engine.local import messages, process, received_results, thumbnail_file
from mediafp.engine.local.engine import LocalEngine
from mediafp.engine.local.messages import (
    LENGTH,
    MESSAGE_BYTES,
    AnalysisResult,
    PackedFingerprint,
    ThumbnailPart,
    analysis_bytes,
    decode_result,
    encode,
)
from mediafp.engine.local.packing import pack_thumbnails
from mediafp.engine.local.thumbnail_file import FiledThumbnail, ThumbnailFile
from mediafp.fingerprints import registry
from mediafp.types.arrays import pack_arrays
from mediafp.types.errors import WorkerLost
from mediafp.types.fingerprint_types import VECTOR_DTYPES
from mediafp.types.media import Kind, Thumbnail


def longest_message(kind: Kind) -> int:
    """Return the length of the longest message about a file, as the engine accepts it by default."""
    return analysis_bytes(kind, registry.computed_types(kind, reference_crops=False))


@contextmanager
def peak_bytes_below(limit: int) -> Iterator[None]:
    """Check the memory that Python and NumPy take inside."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("field", ["warnings", "text", "video_text", "fingerprints", "properties"])
def test_long_lists_are_refused_before_their_entries_exist(field: str) -> None:
    count = 2_000_000
    head = b"\x82\xa4type\xaeAnalysisResult" + bytes([0xA0 | len(field)]) + field.encode()
    entries = {"warnings": b"\xa2no", "properties": b"\xa2no\x00"}.get(field, b"\x80")
    data = head + struct.pack(">BI", 0xDF if field == "properties" else 0xDD, count) + entries * count
    with peak_bytes_below(1 << 20), pytest.raises(ValueError, match="length <="):
        decode_result(data)


def test_memory_is_taken_for_what_has_arrived(scripted_engine: LocalEngine, tmp_path: Path) -> None:
    claimed = LENGTH.pack(longest_message("image") - 1) + b"\x82\xa4type"
    with peak_bytes_below(4 << 20):
        assert analysis_error(scripted_engine, scripted_file(tmp_path, "3", claimed)).kind == "crash"


@pytest.mark.parametrize(
    ("kind", "least", "most"), [("image", 32 << 20, 33 << 20), ("video", 82 << 20, 94 << 20), ("ocr", 0, MESSAGE_BYTES)]
)
def test_messages_have_a_limit_that_depends_on_the_task(
    scripted_engine: LocalEngine, tmp_path: Path, kind: str, least: int, most: int
) -> None:
    limit = MESSAGE_BYTES if kind == "ocr" else longest_message(kind)  # type: ignore[arg-type]
    assert least <= limit <= most
    with (
        scripted_file(tmp_path, "sleep", LENGTH.pack(limit + 1)) as file,
        pytest.raises(WorkerLost, match=f"a message of {limit + 1} bytes; the limit is {limit}"),
    ):
        if kind == "ocr":
            scripted_engine.run_ocr(file)
        else:
            scripted_engine.analyse(file, "", kind)  # type: ignore[arg-type]


def test_first_message_of_a_worker_is_short() -> None:
    assert process.FIRST_MESSAGE_BYTES < 1 << 20


class Wide:
    """A fingerprint type of another package, whose rows are as long as those of SSCD."""

    name = "wide"
    version = "1"
    consumes = "frames"
    metric = "cosine"
    columns = 512
    max_rows = None


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Add a wide type."""
    monkeypatch.setitem(registry.BUILT_IN, Wide.name, Wide)  # type: ignore[arg-type]
    yield
    monkeypatch.undo()
    registry.fingerprint_type.cache_clear()


@pytest.mark.parametrize("kind", ["image", "video"])
def test_rows_of_every_type_of_the_longest_file_fit_into_a_message(wide: None, kind: Kind) -> None:
    count = messages.MAX_ASSET_ROWS[kind]
    packed = []
    for stored in registry.computed_types(kind, reference_crops=False):
        rows = count if stored.max_rows is None else stored.max_rows
        vectors = np.ones((rows, stored.columns), VECTOR_DTYPES[stored.metric])
        packed.append(PackedFingerprint(stored.name, pack_arrays(vectors, np.ones(rows, np.float32))))
    assert packed[-1].name == Wide.name
    spans = pack_arrays(np.ones((count, 2)))
    result = AnalysisResult(kind=kind, properties={}, warnings=[], spans=spans, fingerprints=packed)
    assert len(encode(result)) < longest_message(kind)


def test_engine_accepts_a_longer_message_with_a_type_of_another_package(
    wide: None, scripted_engine: LocalEngine, tmp_path: Path
) -> None:
    for length, reason in ((80 << 20, "exit status 3"), (longest_message("video") + 1, "a message of")):
        script = scripted_file(tmp_path, "3", LENGTH.pack(length))
        assert reason in str(analysis_error(scripted_engine, script, "video"))


@pytest.mark.parametrize("limit", ["MAX_SENT_THUMBNAIL_BYTES", "MAX_FRAMES"])
def test_thumbnails_of_one_file_have_a_limit(
    scripted_engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(received_results, limit, 3 if limit == "MAX_FRAMES" else 3 * len(THUMBNAIL.jpegs[0]))
    error = analysis_error(scripted_engine, scripted_file(tmp_path, "sleep", encode(THUMBNAIL) * 4))
    assert "4 thumbnails" in str(error)


def test_thumbnails_are_refused_if_no_analysis_was_requested(scripted_engine: LocalEngine, tmp_path: Path) -> None:
    for read in (scripted_engine.read_audio, scripted_engine.run_ocr):
        with (
            scripted_file(tmp_path, "sleep", encode(THUMBNAIL)) as file,
            pytest.raises(WorkerLost, match="1 thumbnails"),
        ):
            read(file)  # type: ignore[operator]


def test_result_without_its_thumbnail_is_refused(scripted_engine: LocalEngine, tmp_path: Path) -> None:
    with scripted_file(tmp_path, "on", image_messages()) as file:
        assert len(scripted_engine.analyse(file, "", "image").thumbnails) == 1
    alone = image_messages()[len(encode(THUMBNAIL)) :]
    assert "0 thumbnails of 1 frames" in str(analysis_error(scripted_engine, scripted_file(tmp_path, "on", alone)))


def test_many_thumbnails_lie_in_a_file_that_vanishes(tmp_path: Path) -> None:
    parts = [[os.urandom(1 << 19) for _ in range(2)] for _ in range(40)]
    # Otherwise the garbage of earlier tests would close its files meanwhile.
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with peak_bytes_below(thumbnail_file.MEMORY_BYTES + (4 << 20)):
        file = ThumbnailFile(tmp_path)
        for part in parts:
            file.append(part)
    assert len(file) == 80 and file.total_bytes == 80 << 19 and not list(tmp_path.iterdir())
    assert [file.read(number) for number in range(80)] == [jpeg for part in parts for jpeg in part]
    del file
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_filed_thumbnail_equals_the_thumbnail(tmp_path: Path) -> None:
    file = ThumbnailFile(tmp_path)
    file.append([b"a", b"", b"bc"])
    filed = [FiledThumbnail(position=n, seconds=n / 2, file=file) for n in range(3)]
    plain = [Thumbnail(position=n, seconds=n / 2, jpeg=jpeg) for n, jpeg in enumerate((b"a", b"", b"bc"))]
    assert filed == plain and filed[0] != plain[1] and len({*filed}) == 3


def test_pack_thumbnails_splits_them_into_parts() -> None:
    thumbnails = [Thumbnail(position=n, seconds=0.0, jpeg=bytes([n]) * 400_000) for n in range(7)]
    parts = list(pack_thumbnails(thumbnails))
    assert [len(part.jpegs) for part in parts] == [3, 3, 1] and list(pack_thumbnails([])) == []
    assert [jpeg for part in parts for jpeg in part.jpegs] == [thumbnail.jpeg for thumbnail in thumbnails]
    assert all(isinstance(part, ThumbnailPart) for part in parts)
