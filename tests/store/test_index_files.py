"""Properties of the index in files: scores, memory, damage of its files, crashes, and several objects on one folder."""

import fcntl
import gc
import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mediafp.store import RERANK_DEPTH, IndexPosition
from mediafp.store.row_index import files as index_files
from mediafp.store.row_index import index as row_index
from mediafp.store.row_index.files import IndexFiles, IndexWriter
from mediafp.store.row_index.index import BATCH_ROWS, RowIndex
from mediafp.store.row_index.rows import RowLayout
from mediafp.types.fingerprints import Fingerprint

COSINE, HAMMING = RowLayout(metric="cosine", columns=512), RowLayout(metric="hamming", columns=32)


def name(number: int) -> str:
    return f"{number:064x}"


def fingerprints_of(vectors: np.ndarray, rows: int = 1, first: int = 0) -> list[Fingerprint]:
    parts = np.split(vectors, range(rows, len(vectors), rows))
    return [
        Fingerprint(
            sha256=name(first + n),
            type="t",
            version="1",
            spans=np.zeros((len(part), 2)),
            vectors=part,
            quality=np.ones(len(part), np.float32),
        )
        for n, part in enumerate(parts)
    ]


def embeddings(count: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, 512))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def hashes(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 32), dtype=np.uint8)


def position(entry: int) -> IndexPosition:
    return IndexPosition(entry=entry, hash=f"{entry:064x}", skipped=0)


def index_with(fingerprints: list[Fingerprint], layout: RowLayout) -> RowIndex:
    index = RowIndex(layout)
    index.add(fingerprints)
    return index


def files_of(folder: Path, layout: RowLayout = COSINE) -> IndexFiles:
    return IndexFiles(folder, type="t", version="1", layout=layout)


def hits(index: RowIndex, queries: np.ndarray) -> list[object]:
    found = index.search(queries, 7)
    return [found.of_query(n) for n in range(len(queries))]


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the saved index of 60 assets of 2 rows; further rows are saved at once."""
    monkeypatch.setattr(row_index, "SAVE_ROWS", 1)
    RowIndex(COSINE, files_of(tmp_path)).build(lambda: fingerprints_of(embeddings(120), 2), lambda: position(5))
    return tmp_path


def test_scores_are_the_cosines_of_the_codes() -> None:
    vectors, queries = embeddings(150), embeddings(7, 1)
    assert len(vectors) < RERANK_DEPTH, "every row is re-ranked"
    neighbours = index_with(fingerprints_of(vectors, 2), COSINE).search(queries, 150)
    codes = np.rint(vectors.astype(np.float32) * 127).astype(np.int8).astype(np.float32)
    for n, query in enumerate(queries.astype(np.float32)):
        rows = 2 * neighbours.asset[n] + neighbours.row[n]
        expected = codes[rows] @ query / 127
        assert neighbours.score[n] == pytest.approx(expected, abs=1e-6)
        assert (np.diff(neighbours.score[n]) <= 0).all()


@pytest.mark.parametrize("count", [RERANK_DEPTH, RERANK_DEPTH + 100])
def test_search_for_many_neighbours_reranks_as_many(count: int) -> None:
    index = index_with(fingerprints_of(embeddings(400)), COSINE)
    assert index.search(embeddings(2, 1), count).score.shape == (2, count)


def test_one_thread_and_several_find_the_same_rows() -> None:
    rows = np.zeros((300, 32), np.uint8)
    rows[1::2] = 1
    index = index_with(fingerprints_of(rows, 3), HAMMING)
    few, many = index.search(rows[:1], 150), index.search(np.repeat(rows[:1], 100, axis=0), 150)
    assert (3 * few.asset[0] + few.row[0]).tolist() == list(range(0, 300, 2))
    assert (many.asset == few.asset).all() and (many.row == few.row).all()


def test_index_contains_more_fingerprints_than_one_batch() -> None:
    rows = hashes(BATCH_ROWS + 5)
    index = index_with(fingerprints_of(rows), HAMMING)
    best = index.search(rows[::50], 1)
    assert len(index) == len(rows)
    assert [best.assets[n] for n in best.asset[:, 0]] == [name(n) for n in range(0, len(rows), 50)]


def test_index_keeps_no_reference_to_the_fingerprints() -> None:
    fingerprints = fingerprints_of(embeddings(4))
    vectors = [weakref.ref(fingerprint.vectors) for fingerprint in fingerprints]
    index = index_with(fingerprints, COSINE)
    del fingerprints
    gc.collect()
    assert [reference() for reference in vectors] == [None] * 4 and len(index) == 4


@pytest.mark.parametrize("mapped_bytes", [0, 50 * 512, 1 << 20])
def test_saved_index_equals_one_in_memory(saved: Path, monkeypatch: pytest.MonkeyPatch, mapped_bytes: int) -> None:
    monkeypatch.setattr(index_files, "MAPPED_CODE_BYTES", mapped_bytes)
    index = RowIndex(COSINE, files_of(saved))
    everything = fingerprints_of(embeddings(120), 2)
    assert index.position == position(5) and len(index) == 120 and index.count_assets() == 60
    queries = np.concatenate((embeddings(5, 1), embeddings(120)[::50]))
    assert hits(index, queries) == hits(index_with(everything, COSINE), queries)
    assert all(index.holds(fingerprint) for fingerprint in everything)
    assert not index.holds(fingerprints_of(embeddings(2, 9), 2)[0])


def test_saved_additions_and_removals_are_there_after_opening(saved: Path) -> None:
    index = RowIndex(COSINE, files_of(saved))
    index.remove([name(3), name(59)])
    index.add([*fingerprints_of(embeddings(40, 2), 2, first=100), *fingerprints_of(embeddings(2, 3), 2, first=3)])
    before = hits(index, embeddings(120)[:10])
    assert index.advance(position(9))
    opened = RowIndex(COSINE, files_of(saved))
    assert opened.position == position(9) and len(opened) == 2 * (60 - 2 + 20 + 1)
    assert hits(opened, embeddings(120)[:10]) == hits(index, embeddings(120)[:10]) == before
    assert opened.holds(fingerprints_of(embeddings(2, 3), 2, first=3)[0]) and name(59) not in opened


def test_little_is_kept_in_memory_until_it_is_worth_saving(tmp_path: Path) -> None:
    index = RowIndex(HAMMING, files_of(tmp_path, HAMMING))
    index.build(lambda: fingerprints_of(hashes(200)), lambda: position(5))
    assert len(index) == 200 and not (tmp_path / "index").exists()
    index.add(fingerprints_of(hashes(200, 1), first=200))
    assert index.advance(position(6)) and RowIndex(HAMMING, files_of(tmp_path, HAMMING)).position == position(6)
    index.add(fingerprints_of(hashes(20, 2), first=400))
    assert index.advance(position(7)) and RowIndex(HAMMING, files_of(tmp_path, HAMMING)).position == position(6)
    assert index.advance(position(6 + row_index.SAVE_ENTRIES)), "the log that an opening reads is long"
    assert len(RowIndex(HAMMING, files_of(tmp_path, HAMMING))) == 420


def file_of(folder: Path, name: str) -> Path:
    (file,) = (folder / "index").rglob(f"*{name}")
    return file


def cut(name: str) -> Callable[[Path], None]:
    return lambda folder: os.truncate(file_of(folder, name), file_of(folder, name).stat().st_size - 1)


def overwrite(name: str, content: bytes, offset: int = 0) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        with file_of(folder, name).open("r+b") as file:
            file.seek(offset)
            file.write(content)

    return damage


def link(name: str, *, hard: bool = False) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        file, target = file_of(folder, name), folder / "elsewhere"
        file.rename(target)
        if hard:
            file.hardlink_to(target)
        else:
            file.symlink_to(target)

    return damage


def swap_generation(folder: Path) -> None:
    """Put the bits of another building of the same index in place of its own."""
    RowIndex(COSINE, files_of(folder / "other")).build(
        lambda: fingerprints_of(embeddings(120, 4), 2), lambda: position(5)
    )
    file_of(folder / "other", ".bits").rename(file_of(folder, ".bits"))


def swap_type(folder: Path) -> None:
    other = IndexFiles(folder / "other", type="u", version="1", layout=COSINE)
    RowIndex(COSINE, other).build(lambda: fingerprints_of(embeddings(120, 4), 2), lambda: position(5))
    own = files_of(folder).folder
    own.rename(folder / "away")
    other.folder.rename(own)


DAMAGES: dict[str, Callable[[Path], None]] = {
    **{f"{file} cut": cut(file) for file in ("header", ".bits", ".codes", ".sha256", ".ends")},
    **{f"{file} removed": lambda folder, file=file: file_of(folder, file).unlink() for file in (".bits", ".void")},
    **{f"{file} is a link": link(file) for file in ("header", ".codes")},
    "bits with a second name": link(".bits", hard=True),
    "garbage in the header": overwrite("header", b"\xff" * 9, 100),
    "another format": overwrite("header", b"OTHER"),
    "bits of another building": swap_generation,
    "files of another type": swap_type,
    "ends that go beyond the rows": overwrite(".ends", b"\xff\xff\xff\x7f" * 2, 64 + 8 * 59),
    "ends that are negative": overwrite(".ends", b"\xff" * 8, 64),
    "ends in no order": overwrite(".ends", (90).to_bytes(8, "little"), 64 + 8 * 3),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_ignored_and_replaced(saved: Path, damage: str) -> None:
    DAMAGES[damage](saved)
    index = RowIndex(COSINE, files_of(saved))
    assert index.position is None and len(index) == 0
    everything = fingerprints_of(embeddings(120), 2)
    index.build(lambda: everything, lambda: position(6))
    for built in (index, RowIndex(COSINE, files_of(saved))):
        assert built.position == position(6)
        assert hits(built, embeddings(9, 1)) == hits(index_with(everything, COSINE), embeddings(9, 1))
    assert len(list(files_of(saved).folder.iterdir())) == 7, "the header, the lock and five files of values"


def test_file_cut_while_it_is_open_gives_no_error(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_files, "MAPPED_CODE_BYTES", 0)
    index = RowIndex(COSINE, files_of(saved))
    os.truncate(file_of(saved, ".codes"), 64)
    assert index.search(embeddings(1), 5).score.tolist() == [[0] * 5]


@pytest.mark.parametrize("folder", ["index", "index/t"])
def test_folder_that_is_a_link_is_not_followed(saved: Path, folder: str) -> None:
    own = files_of(saved).folder if "/" in folder else saved / "index"
    own.rename(saved / "elsewhere")
    own.symlink_to(saved / "elsewhere")
    before = sorted(path.name for path in (saved / "elsewhere").rglob("*"))
    index = RowIndex(COSINE, files_of(saved))
    assert index.position is None
    index.build(lambda: fingerprints_of(embeddings(120), 2), lambda: position(6))
    assert len(index) == 120 and sorted(path.name for path in (saved / "elsewhere").rglob("*")) == before


def test_asset_that_a_forged_file_names_twice_is_found_once(saved: Path) -> None:
    overwrite(".sha256", bytes.fromhex(name(0)), 64 + 32 * 30)(saved)
    index = RowIndex(COSINE, files_of(saved))
    vectors = embeddings(120)
    assert len(index) == 118 and index.holds(fingerprints_of(vectors[:2], 2)[0])
    assert name(30) not in index and index.search(vectors[60:61], 1).score[0, 0] < 0.9


@pytest.mark.parametrize("step", ["append", "finish"])
def test_crash_during_a_save_leaves_the_state_before(saved: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """A kill before the header is replaced: values behind those that count are there, and are overwritten later."""
    index = RowIndex(COSINE, files_of(saved))
    index.add(fingerprints_of(embeddings(40, 2), 2, first=100))
    with monkeypatch.context() as patch:
        call = getattr(IndexWriter, step)

        def crash(writer: IndexWriter, *arguments: object) -> None:
            if step == "append":
                call(writer, *arguments)
            raise KeyboardInterrupt

        patch.setattr(IndexWriter, step, crash)
        with pytest.raises(KeyboardInterrupt):
            index.advance(position(9))
    opened = RowIndex(COSINE, files_of(saved))
    assert opened.position == position(5) and len(opened) == 120
    other = fingerprints_of(embeddings(60, 3), 2, first=200)
    opened.add(other)
    assert opened.advance(position(10))
    expected = index_with([*fingerprints_of(embeddings(120), 2), *other], COSINE)
    assert hits(RowIndex(COSINE, files_of(saved)), embeddings(9, 1)) == hits(expected, embeddings(9, 1))


def test_index_that_another_object_saved_meanwhile_is_taken_over(saved: Path) -> None:
    first, second = RowIndex(COSINE, files_of(saved)), RowIndex(COSINE, files_of(saved))
    first.add(fingerprints_of(embeddings(40, 2), 2, first=100))
    second.add(fingerprints_of(embeddings(20, 3), 2, first=200))
    assert first.advance(position(8))
    assert not second.advance(position(7)), "its rows would come behind those that are there now"
    assert second.position == position(8) and name(100) in second and name(200) not in second
    second.add(fingerprints_of(embeddings(20, 3), 2, first=200))
    assert second.advance(position(9)) and len(RowIndex(COSINE, files_of(saved))) == 120 + 40 + 20
    assert len(first) == 160, "what is mapped stays as it is"


def test_rows_stay_in_memory_while_another_process_writes(saved: Path) -> None:
    index = RowIndex(COSINE, files_of(saved))
    index.add(fingerprints_of(embeddings(40, 2), 2, first=100))
    with (files_of(saved).folder / "lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert index.advance(position(8))
        assert len(index) == 160 and RowIndex(COSINE, files_of(saved)).position == position(5)
    assert index.advance(position(9)) and len(RowIndex(COSINE, files_of(saved))) == 160


def test_disk_that_is_full_costs_only_the_saving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(row_index, "SAVE_ROWS", 1)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(IndexWriter, "finish", fail)
    indexes = [IndexFiles(tmp_path, type=kind, version="1", layout=COSINE) for kind in "ab"]
    for files in indexes:
        index = RowIndex(COSINE, files)
        index.build(lambda: fingerprints_of(embeddings(20)), lambda: position(1))
        index.add(fingerprints_of(embeddings(20, 1), first=50))
        assert index.advance(position(2)) and len(index) == 40
        assert [file.name for file in files.folder.iterdir()] == ["lock"], "unfinished files are removed"
    assert sum("No space left on device" in line for line in caplog.messages) == 1


def test_objects_in_several_threads_save_one_folder(saved: Path) -> None:
    """Each thread adds its assets until the files contain them, as two processes that ingest at once."""

    def work(first: int) -> None:
        index = RowIndex(COSINE, files_of(saved))
        for n in range(first, first + 10):
            fingerprint = fingerprints_of(embeddings(3, n), 3, first=n)
            while name(n) not in RowIndex(COSINE, files_of(saved)):
                index.add(f for f in fingerprint if f.sha256 not in index)
                index.advance(position(n))

    threads = [threading.Thread(target=work, args=(first,)) for first in (1000, 2000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    index = RowIndex(COSINE, files_of(saved))
    added = [n for first in (1000, 2000) for n in range(first, first + 10)]
    assert len(index) == 120 + 60 and index.count_assets() == 80
    assert all(index.holds(fingerprints_of(embeddings(3, n), 3, first=n)[0]) for n in added)
