"""Plan of a case of 10^7 images and of one of 10^9 frames: what it takes, and a simulated ingest on nodes and search in shards.

    .venv/bin/python scripts/bench/scale_plan.py [--seed N] [--files 2000000]
    .venv/bin/python scripts/bench/scale_plan.py --measure FOLDER

The first table multiplies costs of one image and one frame, each a constant below with its source. The second one simulates an
ingest event by event: files of heavy-tailed cost go in turn to the first free processor of any node; some nodes are slow; a lost
node takes the files in progress with it and comes back later; a file that has lost three nodes fails; one writer stores the
results in the order in which they end, while the processors go on. The third one simulates the slowest shard of a search; no
shards exist in mediafp. Both are exactly repeatable with the same seed. --measure ingests the files of a folder into a new
store, and prints the costs of a file and of a frame.
"""

import argparse
import heapq
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mediafp.engine.cluster.pool import MAX_LOST_NODES
from mediafp.fingerprints.registry import SEARCH_TYPE, fingerprint_type
from mediafp.ingest.limits import MAX_CPU_SECONDS
from mediafp.store import open_store
from mediafp.store.lance.table import SCANNED_ROWS
from mediafp.types.runs import AnalysisOptions, IngestOptions

EMBEDDING_BYTES = 64 + 512 + 36
"""Bytes of an embedding in an index at an address: sign bits, codes, the name of the asset and the number of the row."""
PDQ_BYTES, AUDIO_CODE_BYTES = 32 + 36, 64 + 36
"""Bytes of a PDQ hash and of a code of audio there, with the same name and number."""
SCAN_SECONDS_PER_ROW = 2.5e-9
"""CPU seconds to compare the sign bits of two embeddings (docs/measurements.md, scripts/bench/index_scale.py)."""
REQUESTS_PER_SEARCH = 200
"""Requests for codes of the best rows of a query row, if none of them is in memory (docs/scale.md, Index on Lance)."""
PROCESSORS = 16
"""Processors of a node. Chosen, not measured."""
PROCESSOR_HOUR, DISK_MONTH, OBJECT_MONTH, MILLION_REQUESTS = 0.05, 0.08, 0.02, 0.40
"""Assumed prices in US dollars: a virtual processor for an hour, a gigabyte on a disk and in an object store for a month, a
million requests that read an object. They are rounded list prices of large providers in 2026 without discounts; they change."""
FILE_SIGMA = 1.5
"""Standard deviation of the logarithm of the cost of a file: the most expensive hundredth of the files has a fifth of all
costs. Chosen, not measured."""
SLOW_NODES, SLOWNESS = 0.05, 3.0
"""Share of nodes that are slow, and by which factor. Chosen, not measured."""
NODE_HOURS_PER_LOSS, REJOIN_SECONDS = 50.0, 600.0
"""Mean hours until a node is lost, as of machines that the provider may take back, and seconds until another one replaces it.
Chosen, not measured."""
NODES = (1, 4, 16, 64)
"""Numbers of nodes of the simulated ingests."""
QUERIES = 100_000
"""Simulated searches."""
SHARD_SIGMA, PAUSE_SHARE, PAUSE_SECONDS = 0.2, 0.005, 0.1
"""Standard deviation of the logarithm of the time of a shard; share of answers that wait for something else, and mean seconds
of that. Chosen, not measured."""
MERGE_SECONDS = 0.002
"""Seconds to ask the shards and to merge their answers. Chosen, not measured."""

type Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A case of `items` images, or frames of videos, with the costs of one of them.

    `analysis_seconds` and `driver_seconds` are CPU seconds without comparing. `searches` are query rows for each index of
    embeddings, beside the rows that the index has.
    """

    name: str
    items: float
    items_per_file: float
    analysis_seconds: float
    driver_seconds: float
    database_bytes: float
    hash_bytes: float
    """Bytes of hashes and codes of audio in an index at an address."""
    searches: tuple[tuple[float, float], ...]
    """Query rows, and rows of the index that they are compared with, both for each item."""

    @property
    def files(self) -> int:
        """Number of files."""
        return round(self.items / self.items_per_file)

    @property
    def embeddings(self) -> float:
        """Rows of embeddings."""
        return self.items * sum(rows for _, rows in self.searches)

    def scan_hours(self, max_rows: float) -> float:
        """Return the processor hours in which each item is compared with those before it, at most `max_rows` of each index."""
        pairs = sum(queries * self.items * min(rows * self.items / 2, max_rows) for queries, rows in self.searches)
        return pairs * SCAN_SECONDS_PER_ROW / 3600


PLANS = (
    # Of an image: 13 query rows against the wholes, the primary ones against crops and rectangles, and the whole and five crops
    # against reduced images.
    Plan(
        name="10^7 images", items=1e7, items_per_file=1, analysis_seconds=0.3, driver_seconds=0.005,
        database_bytes=41_200, hash_bytes=PDQ_BYTES, searches=((13, 1), (2.26, 5), (2.26, 0.26), (6, 1)),
    ),
    Plan(
        name="10^9 frames", items=1e9, items_per_file=600, analysis_seconds=0.030, driver_seconds=0.00068,
        database_bytes=20_700, hash_bytes=PDQ_BYTES + 0.74 * AUDIO_CODE_BYTES, searches=((1, 1), (0.12, 0.12)),
    ),
)  # fmt: skip
"""Costs of an image with OCR and reference crops (docs/performance.md, docs/scale.md), and of a frame, one for each second,
without OCR and speech, as if all were kept: --measure of three videos of ten minutes, 25 to 200 MB, on a busy machine. 119
images of the development set have .26 rectangles each, 310 kept frames .12 insets and .74 codes of audio. The frames of a file
are chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """A simulated ingest: seconds until all is written, attempts of each file, done and failed files, and the writer's work."""

    seconds: float
    attempts: tuple[int, ...]
    done: tuple[int, ...]
    failed: tuple[int, ...]
    writer_seconds: float
    analysed_seconds: float
    """Seconds until the last analysis has ended."""


def file_costs(rng: np.random.Generator, files: int, mean: float) -> Float64Array:
    """Return CPU seconds of files, log-normal, at most those that mediafp gives one file."""
    costs = rng.lognormal(np.log(mean) - FILE_SIGMA**2 / 2, FILE_SIGMA, files)
    return np.minimum(costs, MAX_CPU_SECONDS)


def simulate_ingest(
    costs: Sequence[float],
    writes: Sequence[float],
    nodes: int,
    rng: np.random.Generator,
    *,
    processors: int = PROCESSORS,
    hours_per_loss: float = NODE_HOURS_PER_LOSS,
) -> Ingest:
    """Return the course of an ingest of files of these CPU seconds, each of which keeps the writer for some seconds.

    Args:
        costs: CPU seconds of each file on a node that is not slow.
        writes: Seconds for which each file keeps the writer.
        nodes: Number of nodes.
        rng: Source of the slow nodes and of the losses.
        processors: Processors of each node.
        hours_per_loss: Mean hours until a node is lost.
    """
    slowness = np.where(rng.random(nodes) < SLOW_NODES, SLOWNESS, 1.0).tolist()
    waiting = deque(range(len(costs)))
    attempts = [0] * len(costs)
    done: list[int] = []
    failed: list[int] = []
    # Of each node: the files in progress, free processors, and how often it was lost: earlier ends of files do not count then.
    running: list[set[int]] = [set() for _ in range(nodes)]
    free, losses = [processors] * nodes, [0] * nodes
    lost: set[int] = set()
    writer_free = now = 0.0
    # Time, node, file or -1 for the loss of the node and -2 for its return, and losses of the node before.
    events = [(rng.exponential(hours_per_loss * 3600), node, -1, 0) for node in range(nodes)]
    heapq.heapify(events)

    def start(node: int) -> None:
        while waiting and free[node] and node not in lost:
            file = waiting.popleft()
            attempts[file] += 1
            free[node] -= 1
            running[node].add(file)
            heapq.heappush(events, (now + costs[file] * slowness[node], node, file, losses[node]))

    for node in range(nodes):
        start(node)
    while len(done) + len(failed) < len(costs):
        now, node, file, losses_before = heapq.heappop(events)
        if losses_before != losses[node]:
            continue
        if file >= 0:
            running[node].remove(file)
            free[node] += 1
            done.append(file)
            writer_free = max(now, writer_free) + writes[file]
        elif file == -1:
            losses[node] += 1
            lost.add(node)
            for kept_from in sorted(running[node]):
                (failed if attempts[kept_from] == MAX_LOST_NODES else waiting).append(kept_from)
            running[node].clear()
            free[node] = processors
            heapq.heappush(events, (now + REJOIN_SECONDS, node, -2, losses[node]))
        else:
            lost.remove(node)
            heapq.heappush(events, (now + rng.exponential(hours_per_loss * 3600), node, -1, losses[node]))
        # Files of a lost node wait for any node with a free processor.
        for other in range(nodes) if file == -1 else (node,):
            start(other)
    return Ingest(
        seconds=max(now, writer_free),
        attempts=tuple(attempts),
        done=tuple(done),
        failed=tuple(failed),
        writer_seconds=sum(writes[file] for file in done),
        analysed_seconds=now,
    )


def slowest_shard(rng: np.random.Generator, rows: float, shards: int, queries: int = QUERIES) -> Float64Array:
    """Return the seconds of searches of one query row, each of which waits for all shards of an index of `rows` rows."""
    slowest = np.zeros(queries)
    for _ in range(shards):
        scan = rows / shards * SCAN_SECONDS_PER_ROW * rng.lognormal(0, SHARD_SIGMA, queries)
        pauses = np.where(rng.random(queries) < PAUSE_SHARE, rng.exponential(PAUSE_SECONDS, queries), 0)
        slowest = np.maximum(slowest, scan + pauses)
    return slowest + MERGE_SECONDS


def amount(value: float) -> str:
    """Return a number of two digits and more, rounded to two."""
    digits = max(0, int(np.floor(np.log10(value))) - 1) if value >= 1 else 0
    return f"{round(value, -digits):,.0f}" if value >= 10 else f"{value:.2g}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    for cells in (header, ["---"] * len(header), *rows):
        yield f"| {' | '.join(cells)} |"


def plan_lines() -> Iterator[str]:
    """Yield the table of bytes, processor hours, memory and cost."""
    rows = []
    for name, figure in {
        "files": lambda plan: plan.files,
        "database, GB": lambda plan: plan.items * plan.database_bytes / 1e9,
        "rows of embeddings, millions": lambda plan: plan.embeddings / 1e6,
        "index at an address, GB": index_gigabytes,
        "of it sign bits, GB": lambda plan: plan.embeddings * 64 / 1e9,
        "analysis, processor hours": lambda plan: plan.items * plan.analysis_seconds / 3600,
        "driver, hours": lambda plan: plan.items * plan.driver_seconds / 3600,
        "each item compared with all before it, processor hours": lambda plan: plan.scan_hours(np.inf),
        "the same, at most 2^24 rows of each index": lambda plan: plan.scan_hours(SCANNED_ROWS),
        "one query row compared with all, seconds on one core": lambda plan: plan.items * SCAN_SECONDS_PER_ROW,
        "dollars for the analysis": lambda plan: plan.items * plan.analysis_seconds / 3600 * PROCESSOR_HOUR,
        "dollars a month for the database on a disk": lambda plan: plan.items * plan.database_bytes / 1e9 * DISK_MONTH,
        "dollars a month for the index in an object store": lambda plan: index_gigabytes(plan) * OBJECT_MONTH,
        "dollars for requests, all compared, no codes in memory": request_dollars,
    }.items():
        rows.append([name, *(amount(figure(plan)) for plan in PLANS)])
    yield from table(["what", *(plan.name for plan in PLANS)], rows)


def index_gigabytes(plan: Plan) -> float:
    """Return the gigabytes of an index at an address."""
    return (plan.embeddings * EMBEDDING_BYTES + plan.items * plan.hash_bytes) / 1e9


def request_dollars(plan: Plan) -> float:
    """Return the price of the requests for codes if each item is compared with the others."""
    searches = plan.items * sum(queries for queries, _ in plan.searches)
    return searches * REQUESTS_PER_SEARCH / 1e6 * MILLION_REQUESTS


def ingest_lines(seed: int, most: int) -> Iterator[str]:
    """Yield the table of simulated ingests; of a plan with more than `most` files, that many take their share of the hours."""
    rows = []
    for plan in PLANS:
        for nodes in NODES:
            rng = np.random.default_rng(seed)
            files = min(plan.files, most)
            costs = file_costs(rng, files, plan.analysis_seconds * plan.items_per_file)
            writes = costs / plan.analysis_seconds * plan.driver_seconds
            run = simulate_ingest(costs.tolist(), writes.tolist(), nodes, rng)
            hours = plan.files / files / 3600
            repeated = (sum(run.attempts) - files) * plan.files / files
            rows.append([
                plan.name, str(nodes), amount(run.seconds * hours), amount(run.analysed_seconds * hours),
                f"{costs.sum() / (nodes * PROCESSORS * run.analysed_seconds):.0%}",
                f"{run.writer_seconds / run.seconds:.0%}", amount(repeated), str(len(run.failed)),
            ])  # fmt: skip
    header = (
        "plan",
        "nodes",
        "hours",
        "hours without the driver",
        "processors busy then",
        "driver busy",
        "repeated",
        "failed",
    )
    yield from table(header, rows)


def search_lines(seed: int) -> Iterator[str]:
    """Yield the table of simulated searches."""
    rows = []
    for shards in (1, 4, 16, 64, 256):
        cells = [str(shards)]
        for plan in PLANS:
            seconds = slowest_shard(np.random.default_rng(seed), plan.items, shards)
            cells += [f"{np.percentile(seconds, percent) * 1000:,.0f} ms" for percent in (50, 99)]
        rows.append(cells)
    header = ["shards", *(f"{plan.name}, {part}" for plan in PLANS for part in ("p50", "p99"))]
    yield from table(header, rows)


def measure(folder: Path) -> Iterator[str]:
    """Yield the costs of the files of a folder, ingested by started workers without OCR, speech and comparing."""
    from ray_cost import cpu_seconds, warm_up

    from mediafp.case.case import Case
    from mediafp.case.engines import new_engine
    from mediafp.cli.demo.media import PHOTOS, packaged_file
    from mediafp.engine.interface import AnalysisRequest

    options = IngestOptions(analysis=AnalysisOptions(ocr=False), match=False)
    files = sorted(path for path in folder.iterdir() if path.is_file())
    with tempfile.TemporaryDirectory() as scratch, new_engine(Path(scratch)) as engine:
        warm_up(engine, [packaged_file(*next(iter(PHOTOS.values())))], AnalysisRequest(reference_crops=True))
        store = Path(scratch) / "store"
        with Case(open_store(store, create=True), lambda: engine) as case:
            before, cpu_before = time.process_time(), cpu_seconds()
            for number, outcome in enumerate(case.ingest(files, options), 1):
                # The processes of the engine end with the last outcome.
                if number == len(files):
                    driver, both = time.process_time() - before, cpu_seconds() - cpu_before
                assert outcome.status == "added", outcome
        with open_store(store) as opened:
            found = opened.fingerprints(SEARCH_TYPE, fingerprint_type(SEARCH_TYPE).version)
            kept = sum(len(rows.vectors) for rows in found)
            sampled = sum(int(asset.properties.get("frames_sampled") or 1) for asset in opened.assets())
        size = (store / "case.sqlite").stat().st_size
    yield f"{len(files)} files, {sampled} images and sampled frames, of which {kept} are kept"
    yield f"CPU ms for each sampled one: workers {(both - driver) / sampled * 1e3:.1f}, driver {driver / sampled * 1e3:.2f}"
    yield f"CPU ms of the driver for each file: {driver / len(files) * 1e3:.1f}"
    yield f"bytes of the database for each kept one: {size / kept:,.0f}"


def main() -> None:
    """Print the tables, or what is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", type=int, default=2_000_000, help="largest number of files that are simulated")
    parser.add_argument("--measure", type=Path, metavar="FOLDER")
    args = parser.parse_args()
    if args.measure:
        print("\n".join(measure(args.measure)))
        return
    for lines in (plan_lines(), ingest_lines(args.seed, args.files), search_lines(args.seed)):
        print("\n".join(lines), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
