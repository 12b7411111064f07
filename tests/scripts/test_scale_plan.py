"""scripts/bench/scale_plan.py plans large cases, and simulates their ingest and search."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mediafp.engine.cluster.pool import MAX_LOST_NODES
from mediafp.ingest.limits import MAX_CPU_SECONDS

ROOT = Path(__file__).parents[2]
SEEDS = range(5)


@pytest.fixture(scope="module")
def plan() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("scale_plan", ROOT / "scripts" / "bench" / "scale_plan.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look for the module of their annotations.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def run(plan: ModuleType, seed: int, *, hours_per_loss: float = 0.5, write_seconds: float = 0.01) -> tuple:
    rng = np.random.default_rng(seed)
    costs = plan.file_costs(rng, 3000, 20.0).tolist()
    writes = [write_seconds] * len(costs)
    return costs, plan.simulate_ingest(costs, writes, 5, rng, processors=4, hours_per_loss=hours_per_loss)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_file_is_done_once_or_failed_after_three_lost_nodes(plan: ModuleType, seed: int) -> None:
    costs, ingest = run(plan, seed)
    assert sorted((*ingest.done, *ingest.failed)) == list(range(len(costs)))
    assert all(1 <= attempts <= MAX_LOST_NODES for attempts in ingest.attempts)
    assert {ingest.attempts[file] for file in ingest.failed} <= {MAX_LOST_NODES}
    assert sum(ingest.attempts) > len(costs), "nodes were lost"


def test_files_fail_where_nodes_are_lost_sooner_than_a_file_takes(plan: ModuleType) -> None:
    rng = np.random.default_rng(1)
    ingest = plan.simulate_ingest([1800.0] * 40, [0.0] * 40, 5, rng, processors=4, hours_per_loss=0.25)
    assert ingest.failed and ingest.done
    assert {ingest.attempts[file] for file in ingest.failed} == {MAX_LOST_NODES}


@pytest.mark.parametrize("seed", SEEDS)
def test_an_ingest_takes_no_less_than_its_work(plan: ModuleType, seed: int) -> None:
    costs, ingest = run(plan, seed)
    done = [costs[file] for file in ingest.done]
    assert ingest.analysed_seconds >= sum(done) / (5 * 4)
    assert ingest.analysed_seconds >= max(done)
    assert ingest.seconds >= max(ingest.analysed_seconds, ingest.writer_seconds)


def test_a_slow_writer_bounds_the_whole(plan: ModuleType) -> None:
    ingest = run(plan, 1, write_seconds=10.0)[1]
    assert ingest.writer_seconds == pytest.approx(10 * len(ingest.done))
    assert ingest.writer_seconds <= ingest.seconds < ingest.writer_seconds * 1.01
    assert ingest.seconds > 5 * ingest.analysed_seconds


def test_one_processor_that_is_never_lost_takes_the_sum(plan: ModuleType) -> None:
    # The seed makes the node none of the slow ones.
    ingest = plan.simulate_ingest(
        [1.0, 2.0, 4.0], [0.5] * 3, 1, np.random.default_rng(1), processors=1, hours_per_loss=1e9
    )
    assert ingest.seconds == 7.5 and ingest.analysed_seconds == 7
    assert ingest.done == (0, 1, 2) and ingest.attempts == (1, 1, 1) and not ingest.failed


def test_simulations_are_repeatable_with_one_seed(plan: ModuleType) -> None:
    assert run(plan, 3)[1] == run(plan, 3)[1]
    assert run(plan, 3)[1] != run(plan, 4)[1]
    searches = [plan.slowest_shard(np.random.default_rng(1), 1e9, 16, 1000) for _ in range(2)]
    assert np.array_equal(*searches)


def test_costs_of_files_have_a_long_tail_and_the_limit_of_a_file(plan: ModuleType) -> None:
    costs = np.sort(plan.file_costs(np.random.default_rng(1), 200_000, 18.0))
    assert costs.max() == MAX_CPU_SECONDS
    assert costs.mean() == pytest.approx(18, rel=0.05)
    assert 0.15 < costs[-2000:].sum() / costs.sum() < 0.25


def test_a_search_is_bounded_by_its_scan_and_by_its_slowest_shard(plan: ModuleType) -> None:
    medians, tails = [], []
    for shards in (1, 16, 256):
        seconds = plan.slowest_shard(np.random.default_rng(1), 1e9, shards, 2000)
        medians.append(np.median(seconds))
        tails.append(np.percentile(seconds, 99) - np.median(seconds))
    assert medians[0] == pytest.approx(1e9 * plan.SCAN_SECONDS_PER_ROW, rel=0.05)
    assert medians[1] < medians[0] / 8 and medians[2] < medians[1]
    assert tails[2] > medians[2], "among many shards, one waits"


def test_the_document_states_the_planned_figures(plan: ModuleType) -> None:
    document = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8").splitlines()
    lines = list(plan.plan_lines())
    assert len(lines) > 10
    for line in lines[2:]:
        assert line in document, line
