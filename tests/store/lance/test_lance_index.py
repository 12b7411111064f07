"""An index whose rows lie in a Lance table, in a folder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from object_store import skip_without_lance

from mediafp.store import IndexPosition
from mediafp.store.index_location import index_files
from mediafp.store.lance import row_cache, table
from mediafp.store.lance.files import LanceFiles
from mediafp.store.lance.table import Table
from mediafp.store.row_index import index as row_index
from mediafp.store.row_index.files import IndexFiles, IndexWriter
from mediafp.store.row_index.index import RowIndex
from mediafp.store.row_index.rows import RowLayout
from mediafp.types.errors import StoreError
from mediafp.types.fingerprints import Fingerprint

COSINE, HAMMING = RowLayout(metric="cosine", columns=64), RowLayout(metric="hamming", columns=8)


@pytest.fixture(autouse=True)
def many_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save every addition, and have Lance index it."""
    skip_without_lance()
    monkeypatch.setattr(row_index, "SAVE_ROWS", 1)
    monkeypatch.setattr(table, "SEGMENT_ROWS", 1)
    monkeypatch.setattr(table, "PARTITION_ROWS", 20)


def embeddings(count: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, 64))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def fingerprints_of(vectors: np.ndarray, *, first: int = 0) -> list[Fingerprint]:
    """Return fingerprints of assets `first`, `first + 1`, ... with two rows each."""
    return [
        Fingerprint(
            sha256=f"{first + n:064x}",
            type="t",
            version="1",
            spans=np.zeros((2, 2)),
            vectors=vectors[2 * n : 2 * n + 2],
            quality=np.ones(2, np.float32),
        )
        for n in range(len(vectors) // 2)
    ]


def position(entry: int) -> IndexPosition:
    return IndexPosition(entry=entry, hash=f"{entry:064x}", skipped=0)


def files_of(folder: Path, layout: RowLayout = COSINE) -> IndexFiles:
    (folder / "rows").mkdir(parents=True, exist_ok=True)
    return index_files(folder / "case", str(folder / "rows"), "t", "1", layout)


def built(folder: Path, vectors: np.ndarray, layout: RowLayout = COSINE) -> RowIndex:
    """Return an index with the rows, opened after it was saved."""
    RowIndex(layout, files_of(folder, layout)).build(lambda: fingerprints_of(vectors), lambda: position(5))
    return RowIndex(layout, files_of(folder, layout))


def in_memory(fingerprints: list[Fingerprint], layout: RowLayout = COSINE) -> RowIndex:
    index = RowIndex(layout)
    index.add(fingerprints)
    return index


def hits(index: RowIndex, queries: np.ndarray, count: int = 7) -> list[object]:
    found = index.search(queries, count)
    return [found.of_query(n) for n in range(len(queries))]


@pytest.mark.parametrize("segment_rows", [1, 1 << 16])
def test_distances_are_bits_with_and_without_an_index_of_lance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, segment_rows: int
) -> None:
    """One byte that differs in all bits is farther than two bytes that differ in one."""
    monkeypatch.setattr(table, "SEGMENT_ROWS", segment_rows)
    rows = np.zeros((4, 8), np.uint8)
    rows[1, 0], rows[2, :2] = 0xFF, 1
    index = built(tmp_path, rows, HAMMING)
    assert [hit[2] for hit in index.search(rows[:1], 4).of_query(0)] == [0, 0, 2, 8]
    assert [hit.score for hit in index.range_search(rows[:1], 2)] == [0, 2, 0]


def test_lance_itself_counts_bits_on_rows_without_an_index(tmp_path: Path) -> None:
    """Lance-ray 0.5.0 counted bytes there; what is not indexed is searched by FAISS all the same, which needs no copy."""
    import lance
    import pyarrow as pa

    rows = np.zeros((3, 8), np.uint8)
    rows[1, 0], rows[2, :2] = 0xFF, 1
    lists = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), 8)
    dataset = lance.write_dataset(pa.table({"bits": lists}), tmp_path / "t.lance")
    found = dataset.to_table(
        columns=["_distance"], nearest={"column": "bits", "q": rows[0], "k": 3, "metric": "hamming"}
    )
    assert found["_distance"].to_pylist() == [0, 2, 8]


def test_index_grows_by_segments_that_are_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MAX_SEGMENTS", 3)
    monkeypatch.setattr(table, "MAX_SMALL_FILES", 4)
    index, everything = built(tmp_path, embeddings(60)), fingerprints_of(embeddings(60))
    segments = []
    for step in range(1, 8):
        added = fingerprints_of(embeddings(20, step), first=100 * step)
        index.add(added)
        everything += added
        assert index.advance(position(5 + step))
        mapped = files_of(tmp_path).map()
        assert mapped is not None
        segments.append(mapped.columns.table.segments)  # type: ignore[attr-defined]
        assert hits(index, embeddings(9, 99)) == hits(in_memory(everything), embeddings(9, 99))
    assert segments == [2, 3, 1, 2, 3, 1, 2]
    assert hits(RowIndex(COSINE, files_of(tmp_path)), embeddings(9, 99)) == hits(index, embeddings(9, 99))


@pytest.mark.parametrize("step", ["append", "finish", "tag", "header"])
def test_crash_during_a_save_leaves_the_state_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The rows that did not count keep their numbers in the table: those that come later have others."""
    index = built(tmp_path, embeddings(120))
    index.add(fingerprints_of(embeddings(40, 2), first=100))
    index.remove([f"{3:064x}"])
    with monkeypatch.context() as patch:

        def crash_after(call: Callable[..., object]) -> Callable[..., object]:
            def crash(*arguments: object, **named: object) -> object:
                call(*arguments, **named)
                raise KeyboardInterrupt

            return crash

        if step == "append":
            patch.setattr(IndexWriter, "append", crash_after(IndexWriter.append))
        elif step == "finish":
            patch.setattr(Table, "delete", crash_after(Table.delete))
        elif step == "tag":
            patch.setattr(Table, "add_tag", crash_after(Table.add_tag))
        else:
            patch.setattr(IndexWriter, "finish", crash_after(IndexWriter.finish))
        with pytest.raises(KeyboardInterrupt):
            index.advance(position(9))
    opened = RowIndex(COSINE, files_of(tmp_path))
    before = fingerprints_of(embeddings(120))
    if step == "header":
        assert opened.position == position(9)
        before = [one for one in before if one.sha256 != f"{3:064x}"] + fingerprints_of(embeddings(40, 2), first=100)
    else:
        assert opened.position == position(5) and len(opened) == 120
    assert hits(opened, embeddings(9, 1)) == hits(in_memory(before), embeddings(9, 1))
    other = fingerprints_of(embeddings(60, 3), first=200)
    opened.add(other)
    opened.remove([other[4].sha256, before[7].sha256])
    assert opened.advance(position(10))
    last = in_memory([*before, *other])
    last.remove([other[4].sha256, before[7].sha256])
    for one in (opened, RowIndex(COSINE, files_of(tmp_path))):
        assert hits(one, embeddings(9, 1)) == hits(last, embeddings(9, 1))
        assert one.count_assets() == last.count_assets() and one.holds(other[3])


@pytest.mark.parametrize("error", [StoreError("no"), KeyboardInterrupt()])
def test_table_of_a_build_that_failed_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Table, "append", fail)
        with pytest.raises(type(error)):
            built(tmp_path, embeddings(60))
    assert list((tmp_path / "rows").iterdir()) == [] and len(built(tmp_path, embeddings(60))) == 60


def test_reader_keeps_the_rows_that_it_has_opened(tmp_path: Path) -> None:
    first = built(tmp_path, embeddings(60))
    second = RowIndex(COSINE, files_of(tmp_path))
    before = hits(second, embeddings(9, 1))
    first.add(fingerprints_of(embeddings(60, 1), first=100))
    first.remove([f"{n:064x}" for n in range(10)])
    assert first.advance(position(6)) and hits(first, embeddings(9, 1)) != before
    assert hits(second, embeddings(9, 1)) == before
    second.add(fingerprints_of(embeddings(2, 2), first=200))
    assert not second.advance(position(7)) and hits(second, embeddings(9, 1)) == hits(first, embeddings(9, 1))


def test_rows_stay_in_memory_while_another_process_writes(tmp_path: Path) -> None:
    index = built(tmp_path, embeddings(60))
    index.add(fingerprints_of(embeddings(40, 2), first=100))
    with files_of(tmp_path).writing() as writer:
        assert writer is not None and index.advance(position(8))
        assert len(index) == 100 and RowIndex(COSINE, files_of(tmp_path)).position == position(5)
    assert index.advance(position(9)) and len(RowIndex(COSINE, files_of(tmp_path))) == 100


@pytest.mark.parametrize("count", [1, 50, 170, 200])
def test_search_of_a_part_of_the_rows_returns_as_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(table, "SCANNED_ROWS", 40)
    vectors = embeddings(200)
    found = built(tmp_path, vectors).search(vectors[:20], count, depth=count)
    assert found.score.shape == (20, count) and (np.diff(found.score, axis=1) <= 0).all()
    assert [hit[0].sha256 for hit in map(found.of_query, range(20))] == [f"{n // 2:064x}" for n in range(20)]


def test_rows_that_were_read_are_kept_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_cache, "CACHE_BYTES", 30 * (64 + 150))
    index = built(tmp_path, embeddings(200))
    read: list[int] = []
    call = Table.read
    monkeypatch.setattr(
        Table, "read", lambda self, column, numbers: (read.append(len(numbers)), call(self, column, numbers))[1]
    )
    assert index.search(embeddings(1, 1), 5, depth=20).score.shape == (1, 5) and read == [20]
    index.search(embeddings(1, 1), 5, depth=20)
    assert read == [20], "the same rows"
    index.search(embeddings(3, 2), 5, depth=30)
    index.search(embeddings(1, 1), 5, depth=20)
    assert read[-1] > 10, "they made place for others"


def test_rows_that_are_gone_are_an_error_of_the_store(tmp_path: Path) -> None:
    """Another process has moved the index while this one had it open."""
    index = built(tmp_path, embeddings(60))
    files = files_of(tmp_path)
    assert isinstance(files, LanceFiles)
    for one in (tmp_path / "rows").iterdir():
        table.drop_table(str(one))
    with pytest.raises(StoreError, match="run the same command again"):
        for seed in range(3):
            index.search(embeddings(3, seed), 50)
            index.holds(fingerprints_of(embeddings(60))[seed])
    assert RowIndex(COSINE, files).position is None


@pytest.mark.parametrize(
    "kind", ["data/*.lance", "_indices/*/index.idx", "_indices/*/auxiliary.idx", "_versions/*.manifest", "_refs/tags/*"]
)
@pytest.mark.parametrize("damage", ["cut", "garbage at the start", "garbage at the end", "removed"])
def test_damaged_table_is_built_anew_or_an_error_of_the_store(tmp_path: Path, kind: str, damage: str) -> None:
    """It may also be found later, or never: rows only propose candidates. No other exception leaves the index."""
    built(tmp_path, embeddings(120))
    (folder,) = (tmp_path / "rows").iterdir()
    damaged = sorted(folder.glob(kind))
    assert damaged
    for file in damaged:
        content = file.read_bytes()
        garbage = np.random.default_rng(3).bytes(40)
        if damage == "removed":
            file.unlink()
        else:
            file.write_bytes(
                {
                    "cut": content[: len(content) // 2],
                    "garbage at the start": garbage + content[len(garbage) :],
                    "garbage at the end": content[: -len(garbage)] + garbage,
                }[damage]
            )
    index = RowIndex(COSINE, files_of(tmp_path))
    everything = fingerprints_of(embeddings(120))
    if index.position is not None:
        try:
            index.search(embeddings(9, 1), 7)
            index.holds(everything[3])
        except StoreError as error:
            assert "run the same command again" in str(error) or "mediafp migrate --index local" in str(error)
    index.build(lambda: everything, lambda: position(6))
    opened = RowIndex(COSINE, files_of(tmp_path))
    assert hits(opened, embeddings(9, 1)) == hits(in_memory(everything), embeddings(9, 1))
    assert opened.position == position(6)
