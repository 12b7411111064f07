"""Pairs that workers compare: the same kept matches as of one process, and no result that was not checked."""

import json
import math
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from deadly_pairs import use_deadly_pair
from local_cluster import running_cluster
from mixed_stores import Ingested, Row, kept_rows, open_references
from object_store import skip_without_lance
from sample_matches import sample_match, sample_placement

from mediafp.case.comparison import comparer as asset_comparer
from mediafp.case.comparison import run as comparison_run
from mediafp.case.comparison.pair import NO_WORKERS, compare_pair
from mediafp.case.comparison.partners import find_partners
from mediafp.case.comparison.spread import SpreadPairs
from mediafp.case.comparison.versions import comparison_versions
from mediafp.case.references import StoredReferences
from mediafp.engine.cluster.engine import RayEngine
from mediafp.engine.comparison.comparer import PairComparer
from mediafp.engine.comparison.messages import AssetRequest, PairResult, PairTask
from mediafp.engine.comparison.packing import pack_match, unpack_match
from mediafp.engine.comparison.sides import StoredSides
from mediafp.engine.interface import Engine
from mediafp.engine.local.engine import LocalEngine
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.matching.promise import pair_promise
from mediafp.store.index_location import set_index_address
from mediafp.store.lance import shared_table, table
from mediafp.store.lance.shard_messages import ShardAnswer, decode_answer
from mediafp.store.row_index import index as row_index
from mediafp.store.sqlite import comparisons
from mediafp.store.sqlite.evidence_json import encode_evidence
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.errors import CorruptMedia, ErrorKind, MediaError, SandboxError, UsageError, WorkerLost
from mediafp.types.kept_matches import KeptMatch, PairFailure
from mediafp.types.matches import TextLine


class InProcessEngine:
    """An engine that compares in the process of the test, by messages alone, and may change the results."""

    name = "ray"
    concurrency = 2

    def __init__(self, change: Callable[[PairResult], PairResult] = lambda result: result) -> None:
        self.change, self.calls = change, 0
        self.states: set[int] = set()

    def __enter__(self) -> "InProcessEngine":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def open_services(self, _: object) -> tuple[()]:
        return ()

    def close_services(self) -> None:
        pass

    def compare(
        self, pair: PairTask, answer: Callable[[AssetRequest], Any], convert: Callable[[PairResult], Any]
    ) -> Any:
        self.calls += 1
        self.states.add(pair.state)
        try:
            return convert(self.change(PairComparer(answer).compare(pair)))
        except ValueError as error:
            raise WorkerLost("crash", str(error)) from error


class FailingEngine(InProcessEngine):
    """An engine whose workers fail with an error."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def compare(self, *_: object) -> Any:
        self.calls += 1
        raise self.error


@contextmanager
def filled_store(folder: Path, ingested: Ingested) -> Iterator[SqliteStore]:
    with SqliteStore(folder, create=True) as store:
        with store.writing():
            for event in sorted(ingested.events, key=lambda event: event[0] == "text"):
                ingested.apply(store, event)
        yield store


def compare_all(folder: Path, ingested: Ingested, engine: Engine | None) -> list[Row]:
    with filled_store(folder, ingested) as store:
        start_engine = (lambda: engine) if engine else None
        list(comparison_run.run_comparisons(store, open_references(store), start_engine=start_engine, jobs=2))
        return kept_rows(store)


@pytest.fixture(scope="module")
def expected(ingested: Ingested, tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Rows that one process keeps."""
    return compare_all(tmp_path_factory.mktemp("expected") / "store", ingested, None)


def test_sandboxed_workers_keep_the_rows_of_one_process(
    tmp_path: Path, ingested: Ingested, expected: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MIN_SPREAD_ASSETS", "MIN_SPREAD_CORES"):
        monkeypatch.setattr(asset_comparer, name, 1)
    # What this process would compare itself is an error.
    monkeypatch.setattr(asset_comparer, "compare_pair", None)
    assert compare_all(tmp_path / "store", ingested, LocalEngine(tmp_path)) == expected
    assert {row[5] for row in expected} >= {"copy", "image_in_video", "same_video"}


def test_few_assets_are_compared_by_this_process(tmp_path: Path, ingested: Ingested, expected: list[Row]) -> None:
    engine = FailingEngine(AssertionError())
    engine.name, engine.concurrency = "local", asset_comparer.MIN_SPREAD_CORES
    assert compare_all(tmp_path / "store", ingested, engine) == expected and not engine.calls


class LosingEngine(InProcessEngine):
    """An engine whose workers fail when they compare a pair."""

    def __init__(self, pair: tuple[str, ...], error: Callable[[str], MediaError]) -> None:
        super().__init__()
        self.pair, self.error = set(pair), error

    def compare(self, pair: PairTask, *arguments: Any) -> Any:
        if {pair.a, pair.b} == self.pair:
            self.calls += 1
            raise self.error(f"cannot compare {pair.a} with {pair.b}: no luck")
        return super().compare(pair, *arguments)


def run(store: SqliteStore, engine: Any, **options: Any) -> None:
    list(comparison_run.run_comparisons(store, open_references(store), start_engine=lambda: engine, jobs=2, **options))


def without(rows: list[Row], pair: tuple[str, ...]) -> list[Row]:
    return [row for row in rows if set(row[:2]) != set(pair)]


@pytest.fixture
def deadly(ingested: Ingested) -> tuple[str, ...]:
    return tuple(ingested.records[name].asset.sha256 for name in ("cat", "cat-crop"))


def lose(message: str) -> WorkerLost:
    return WorkerLost("oom", message)


@pytest.mark.parametrize(("error", "kind"), [(lose, "oom"), (CorruptMedia, "corrupt")])
def test_pair_that_no_worker_compares_waits_for_the_next_run(
    tmp_path: Path,
    ingested: Ingested,
    expected: list[Row],
    deadly: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    error: Callable[[str], MediaError],
    kind: ErrorKind,
) -> None:
    monkeypatch.setattr(asset_comparer, "compare_pair", None)
    with filled_store(tmp_path / "store", ingested) as store:
        losing = LosingEngine(deadly, error)
        run(store, losing)
        rows = kept_rows(store)
        assert without(rows, deadly) == without(expected, deadly) != expected
        (lost,) = store.lost_pairs()
        assert lost.pair == tuple(sorted(deadly)) and lost.match is None
        assert lost.failure == PairFailure(kind, "no luck")
        assert store.kept_pair(*lost.pair) == [] and list(store.kept_matches())
        assert store.check_integrity() == []
        # Nothing is pending: only `relate` tries it again.
        calls = losing.calls
        run(store, losing)
        assert losing.calls == calls and store.lost_pairs() == [lost]
        run(store, losing, complete=True)
        assert store.lost_pairs() == [lost] and kept_rows(store) == rows
        # Few assets are compared by this process, but not one of a lost pair.
        good = InProcessEngine()
        good.name, good.concurrency = "local", 1
        run(store, good, complete=True)
        assert good.calls == 1 and store.lost_pairs() == []
        assert kept_rows(store) == expected


@pytest.mark.parametrize("change", ["new", "no workers", "no sandbox", "forgotten"])
def test_asset_of_a_lost_pair_is_never_compared_by_this_process(
    tmp_path: Path, ingested: Ingested, deadly: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    compared: list[str] = []

    def compare_here(a: str, b: str, *arguments: Any) -> Any:
        compared.extend((a, b))
        return compare_pair(a, b, *arguments)

    monkeypatch.setattr(asset_comparer, "compare_pair", compare_here)
    with filled_store(tmp_path / "store", ingested) as store:
        run(store, LosingEngine(deadly, lose))
        assert not compared
        with store.writing():
            if change == "forgotten":
                # Which of the two has ended the workers is unknown.
                (path,) = store.uris(deadly[0])
                store.forget_sighting(deadly[0], path)
            for record in ingested.records.values():
                if change == "forgotten" and record.asset.sha256 == deadly[0]:
                    continue
                # Of the lost pair too: new text in it, such as of `ingest --ocr yes`, changes nothing about its files.
                comparisons.note_change(store.database, record.asset.sha256, "picture")
        engine: Any = (
            InProcessEngine() if change in ("new", "forgotten") else FailingEngine(SandboxError("Landlock is missing"))
        )
        engine.name, engine.concurrency = "local", 1
        start = None if change == "no workers" else lambda: engine
        list(comparison_run.run_comparisons(store, open_references(store), start_engine=start, jobs=1))
        assert compared and set(compared).isdisjoint(deadly)
        assert engine.calls or change == "no workers"
        assert (len(store.lost_pairs()) > 1) == (change in ("no workers", "no sandbox"))


@pytest.mark.parametrize("cause", ["no engine", "no sandbox"])
@pytest.mark.parametrize("is_pending", [False, True])
def test_run_without_workers_keeps_the_reason_of_a_lost_pair(
    tmp_path: Path, ingested: Ingested, deadly: tuple[str, ...], cause: str, is_pending: bool
) -> None:
    with filled_store(tmp_path / "store", ingested) as store:
        run(store, LosingEngine(deadly, lose))
        (lost,) = store.lost_pairs()
        if is_pending:
            with store.writing():
                comparisons.note_change(store.database, deadly[0], "picture")
        start: Any = (lambda: FailingEngine(SandboxError("no locks"))) if cause == "no sandbox" else None
        list(
            comparison_run.run_comparisons(
                store, open_references(store), start_engine=start, jobs=1, complete=not is_pending
            )
        )
        reasons = {one.pair: one.failure for one in store.lost_pairs()}
        assert reasons.pop(lost.pair) == lost.failure == PairFailure("oom", "no luck")
        # Other pairs of its assets, which no worker has seen.
        own = PairFailure("crash", "no locks") if cause == "no sandbox" else NO_WORKERS
        assert set(reasons.values()) == ({own} if is_pending else set())


def test_lost_pair_of_an_asset_that_has_changed_is_compared_once(
    tmp_path: Path, ingested: Ingested, expected: list[Row], deadly: tuple[str, ...]
) -> None:
    class CountingEngine(InProcessEngine):
        def __init__(self) -> None:
            super().__init__()
            self.pairs = Counter[tuple[str, str]]()

        def compare(self, pair: PairTask, *arguments: Any) -> Any:
            self.pairs[min(pair.a, pair.b), max(pair.a, pair.b)] += 1
            return super().compare(pair, *arguments)

    with filled_store(tmp_path / "store", ingested) as store:
        run(store, LosingEngine(deadly, lose))
        (lost,) = store.lost_pairs()
        with store.writing():
            for sha256 in deadly:
                comparisons.note_change(store.database, sha256, "picture")
        engine = CountingEngine()
        run(store, engine, complete=True)
        assert set(engine.pairs.values()) == {1} and lost.pair in engine.pairs and len(engine.pairs) > 1
        assert kept_rows(store) == expected and store.lost_pairs() == []


@pytest.mark.parametrize("name", ["local", "ray"])
def test_workers_that_crash_in_one_pair_lose_it_alone(
    tmp_path: Path,
    ingested: Ingested,
    expected: list[Row],
    deadly: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    for constant in ("MIN_SPREAD_ASSETS", "MIN_SPREAD_CORES"):
        monkeypatch.setattr(asset_comparer, constant, 1)
    monkeypatch.setattr(asset_comparer, "compare_pair", None)
    create = RayEngine if name == "ray" else LocalEngine
    with running_cluster() if name == "ray" else nullcontext(), filled_store(tmp_path / "store", ingested) as store:
        with monkeypatch.context() as patch:
            use_deadly_pair(tmp_path / "modules", deadly, patch)
            run(store, create(tmp_path))
        (lost,) = store.lost_pairs()
        assert lost.pair == tuple(sorted(deadly)) and lost.failure
        assert lost.failure.kind == "crash" and "the worker crashed" in lost.failure.reason
        assert without(kept_rows(store), deadly) == without(expected, deadly)
        run(store, create(tmp_path), complete=True)
        assert kept_rows(store) == expected and store.lost_pairs() == []


def test_nodes_search_an_index_on_lance(
    tmp_path: Path,
    ingested: Ingested,
    expected: list[Row],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    skip_without_lance()
    monkeypatch.setattr(asset_comparer, "compare_pair", None)
    for module, constant in (
        (row_index, "SAVE_ROWS"),
        (table, "SEGMENT_ROWS"),
        (shared_table, "MIN_SHARED_ROWS"),
        (shared_table, "SHARD_ROWS"),
    ):
        monkeypatch.setattr(module, constant, 1)
    (tmp_path / "rows").mkdir()
    answers: list[ShardAnswer] = []

    def decode(data: bytes) -> ShardAnswer:
        answers.append(decode_answer(data))
        return answers[-1]

    monkeypatch.setattr(shared_table, "decode_answer", decode)
    # It is searched by nodes alone.
    monkeypatch.setattr(table.Table, "nearest", None)
    with running_cluster(), filled_store(tmp_path / "store", ingested) as store:
        set_index_address(store.folder, str(tmp_path / "rows"))
        references = open_references(store)
        list(comparison_run.run_comparisons(store, references, start_engine=lambda: RayEngine(tmp_path), jobs=2))
        assert kept_rows(store) == expected
        assert sum(answer.rows > 0 for answer in answers) >= 4 and sum(len(answer.counts) for answer in answers) > 40
        assert not [answer.error for answer in answers if answer.error] and "does not search" not in caplog.text
        monkeypatch.undo()
        # Afterwards, this machine searches.
        sides = StoredSides(references())
        assert any(find_partners(record.asset.sha256, sides) for record in ingested.records.values())


def test_end_of_a_run_ends_the_search_of_nodes_before_it_waits(
    tmp_path: Path, ingested: Ingested, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = threading.Event(), threading.Event()
    waited: list[bool] = []

    class SearchingEngine(InProcessEngine):
        def close_services(self) -> None:
            ended.set()

    def search(*_: object) -> Any:
        begun.set()
        waited.append(ended.wait(30))
        raise WorkerLost("crash", "the service was ended")

    monkeypatch.setattr(StoredReferences, "shared_rows", 1)
    monkeypatch.setattr(asset_comparer, "find_partners", search)
    with filled_store(tmp_path / "store", ingested) as store:
        start: Any = SearchingEngine
        progress: Any = comparison_run.run_comparisons(store, open_references(store), start_engine=start, jobs=1)
        next(progress)
        assert begun.wait(30)
        # As by an interrupt.
        progress.close()
    assert waited == [True]
    assert not [one for one in threading.enumerate() if one.name.startswith("compare")]


def test_run_ends_if_workers_are_lost_whatever_they_compare(
    tmp_path: Path, ingested: Ingested, expected: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asset_comparer, "compare_pair", None)
    monkeypatch.setattr(asset_comparer, "MAX_LOST_PAIRS", 3)
    with filled_store(tmp_path / "store", ingested) as store:
        losing = FailingEngine(lose("no memory"))
        with pytest.raises(
            UsageError, match=r"3 pairs of different files in a row, .* \(no memory\); check the memory"
        ):
            run(store, losing)
        # Those that were lost are known, and no other pair is lost.
        lost = store.lost_pairs()
        assert len({asset for one in lost for asset in one.pair}) >= 6
        assert 3 <= len(lost) <= losing.calls < len([row for row in expected if row[2] == "picture"])
        assert store.pending_comparisons(comparison_versions())
        run(store, InProcessEngine(), complete=True)
        assert kept_rows(store) == expected and store.lost_pairs() == []


def test_asset_that_loses_every_pair_does_not_end_the_run(
    tmp_path: Path, ingested: Ingested, expected: list[Row], deadly: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asset_comparer, "compare_pair", None)
    monkeypatch.setattr(asset_comparer, "MAX_LOST_PAIRS", 2)
    hostile = deadly[0]

    class Hostile(InProcessEngine):
        def compare(self, pair: PairTask, *arguments: Any) -> Any:
            if hostile in (pair.a, pair.b):
                raise lose("no luck")
            return super().compare(pair, *arguments)

    with filled_store(tmp_path / "store", ingested) as store:
        run(store, Hostile())
        assert len(store.lost_pairs()) > 2 and all(hostile in one.pair for one in store.lost_pairs())
        assert [row for row in kept_rows(store) if hostile not in row[:2]] == [
            row for row in expected if hostile not in row[:2]
        ]


def test_system_without_a_sandbox_compares_in_this_process(
    tmp_path: Path, ingested: Ingested, expected: list[Row], caplog: pytest.LogCaptureFixture
) -> None:
    engine = FailingEngine(SandboxError("Landlock is missing"))
    assert compare_all(tmp_path / "store", ingested, engine) == expected
    assert engine.calls <= 2 and "all files are compared by this process: Landlock is missing" in caplog.text


def changed_match(**changes: Any) -> Callable[[PairResult], PairResult]:
    """Return a function that changes the match of a result."""

    def change(result: PairResult) -> PairResult:
        fields = json.loads(result.match)
        fields.update({name: value(fields) if callable(value) else value for name, value in changes.items()})
        return PairResult(query=result.query, match=json.dumps(fields).encode())

    return change


FORGED: dict[str, Callable[[PairResult], PairResult]] = {
    "junk": lambda result: PairResult(query=result.query, match=b"junk"),
    "another asset": changed_match(sha256="0" * 64),
    "probability": changed_match(probability=2.0),
    "improbable": changed_match(probability=0.01),
    "infinite": changed_match(coverage=(float("inf"), 1.0)),
    "relation": changed_match(relation="equal"),
    "kind": changed_match(kind="video"),
    "reasons": changed_match(why=["x"] * 300),
    "long reason": changed_match(why=["x" * 3000]),
    "placement": changed_match(placement=lambda fields: fields["placement"] | {"covered": 7}),
    "text": changed_match(placement=lambda fields: fields["placement"] | {"handles": ["@somebody"]}),
}


def test_pair_of_an_older_state_of_the_store_is_compared_in_that_state(tmp_path: Path, ingested: Ingested) -> None:
    engine = InProcessEngine()
    with filled_store(tmp_path / "store", ingested) as store:
        opened = [StoredReferences(store, decode_thumbnail), StoredReferences(store, decode_thumbnail)]
        comparer = asset_comparer.Comparer(store, lambda: opened.pop(), engine)
        comparer.update([])
        older = comparer._current_state()
        comparer.update([])
        newer = comparer._current_state()
        assert newer.sides is not older.sides
        a = ingested.records["cat"].asset.sha256
        for state in (older, newer):
            partner = find_partners(a, state.sides)[0]
            assert comparer._compare_pair(a, partner.sha256, partner.promise, state).match
            assert engine.states == {state.spread._state}
            engine.states.clear()


@pytest.mark.parametrize("what", FORGED)
def test_result_that_no_comparison_has_is_not_believed(tmp_path: Path, ingested: Ingested, what: str) -> None:
    with filled_store(tmp_path / "store", ingested) as store:
        sides = StoredSides(StoredReferences(store, decode_thumbnail))
        a, b = (ingested.records[name].asset.sha256 for name in ("cat", "cat-crop"))
        promise = next(one.promise for one in find_partners(a, sides) if one.sha256 == b)
        expected = compare_pair(a, b, promise, sides, lambda sha256: None)
        assert expected.match and expected.match.placement
        for change, is_believed in ((lambda result: result, True), (FORGED[what], False)):
            found = SpreadPairs(InProcessEngine(change), store, sides).find_match(a, b, promise)
            assert isinstance(found, tuple) and (found == (expected.query, expected.match)) == is_believed
            assert is_believed or (isinstance(found, PairFailure) and found.kind == "crash")


def test_damaged_thumbnail_is_reported_as_by_one_process(tmp_path: Path, ingested: Ingested) -> None:
    with filled_store(tmp_path / "store", ingested) as store:
        damaged: list[str] = []
        store.on_damage = lambda sha256, reason: damaged.append(sha256)
        a, b = (ingested.records[name].asset.sha256 for name in ("cat", "cat-crop"))
        sides = StoredSides(StoredReferences(store, decode_thumbnail))
        promise = next(one.promise for one in find_partners(a, sides) if one.sha256 == b)
        jpeg = store.row_thumbnail(a, 0)
        assert jpeg
        for content in (b"junk", jpeg[: len(jpeg) // 2]):
            with store.writing():
                store.database.execute("UPDATE thumbnail SET jpeg = ? WHERE sha256 = ?", (content, a))
            damaged.clear()
            found = SpreadPairs(InProcessEngine(), store, sides).find_match(a, b, promise)
            assert set(damaged) == {a} and not isinstance(found, PairFailure)
            fresh = StoredSides(StoredReferences(store, decode_thumbnail))
            assert found[1] == compare_pair(a, b, promise, fresh, lambda sha256: None).match


def test_match_survives_its_encoding() -> None:
    text = TextLine(text="@x", box=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), confidence=0.5)
    match = sample_match(placement=sample_placement(removed_text=(text,)), why=("a\ud800b",))
    assert unpack_match(pack_match(match)) == match
    for data in (b"", b"[]", b'{"sha256": 1}', b"[" * 100_000):
        with pytest.raises(ValueError, match=r"no match|Expecting value"):
            unpack_match(data)


def test_random_fields_of_a_match_are_kept_or_rejected(tmp_path: Path, ingested: Ingested) -> None:
    rng = random.Random(22)
    numbers = [0, -1, 1 << 70, 10**400, 0.5, math.nan, math.inf, 1e300]
    values = [*numbers, True, None, "x", "\ud800", "", [], [[1, 2]], {}, [None], "x" * 9999]
    outcomes = Counter[bool]()
    with filled_store(tmp_path / "store", ingested) as store:
        sides = StoredSides(StoredReferences(store, decode_thumbnail))
        a, b = (ingested.records[name].asset.sha256 for name in ("cat", "cat-crop"))
        promise = next(one.promise for one in find_partners(a, sides) if one.sha256 == b)
        found = compare_pair(a, b, promise, sides, lambda sha256: None)
        assert found.match
        task = PairTask(a=a, b=b, promise=promise.value, rows=promise.rows, state=0)
        spread = SpreadPairs(InProcessEngine(), store, sides)
        for _ in range(3000):
            fields = json.loads(pack_match(found.match))
            target = rng.choice((fields, fields["placement"]))
            target[rng.choice(list(target))] = rng.choice(values)
            result = PairResult(query=found.query, match=json.dumps(fields).encode())
            try:
                kept = spread._to_found(task, result)[1]
            except ValueError:
                outcomes[False] += 1
                continue
            outcomes[True] += 1
            assert kept and unpack_match(pack_match(kept)) == kept
            encode_evidence(kept)
    assert min(outcomes.values()) > 30, outcomes


@pytest.mark.parametrize("cause", ["nothing promised", "damaged"])
def test_lost_pair_that_cannot_be_compared_stays_lost_only_while_it_is_damaged(
    tmp_path: Path, ingested: Ingested, deadly: tuple[str, ...], cause: str
) -> None:
    with filled_store(tmp_path / "store", ingested) as store:
        engine = InProcessEngine()
        run(store, engine)
        a, b = sorted(deadly)
        if cause == "nothing promised":
            assets = sorted(record.asset.sha256 for record in ingested.records.values())
            sides = StoredSides(open_references(store)())
            a, b = next(pair for pair in combinations(assets, 2) if not pair_promise(*map(sides.rows, pair)))
        failure = PairFailure("oom", "no luck")
        lost = KeptMatch(query=a, reference=b, channel="picture", promise=1, match=None, failure=failure)
        with store.writing():
            store.database.execute("DELETE FROM kept_match WHERE a = ? AND b = ?", (a, b))
            store.save_pairs(comparison_versions()["picture"], store.last_log_entry()[0], [lost])
        assert store.lost_pairs() == [lost]
        if cause == "damaged":
            store.on_damage = lambda *_: None
            store.database.connection.execute("UPDATE asset SET properties = '[' WHERE sha256 = ?", (b,))
        calls = engine.calls
        run(store, engine, complete=True)
        assert store.lost_pairs() == ([lost] if cause == "damaged" else [])
        assert store.kept_pair(a, b) == [] and engine.calls == calls
