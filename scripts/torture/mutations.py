"""Seeded mutations of valid files, analysed by sandboxed workers: the outcome of each, and its CPU time and memory.

    .venv/bin/python scripts/torture/mutations.py [--count 10000] [--seed 0] [--only NUMBER] [--keep DIR] [FILE...]

The FILEs, or some 50 small ones of all formats that are generated at run time, are mutated: bits flipped, runs overwritten,
blocks removed, doubled or spliced from another file, numbers that may be lengths changed, or the file truncated. Each is
treated as in an ingest: its type is detected, archives are unpacked, audio is decoded. A mutation is the same for the same
seed, number and files; `--only` repeats one. `--keep` writes those that cost a worker, or exceed a limit, into a folder.
Quick form: --count 300.
"""

import os
import random
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import gauge
import seeds
import trial
from gauge import MeasuredPool, Result

from mediafp.ingest.files import OpenFile

MAX_PRINTED = 10
"""Most expensive mutations that the summary lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One mutated file: name of the valid file, mutations, bytes, and the results of it and of its members."""

    number: int
    seed_name: str
    mutations: str
    data: bytes
    results: list[Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class MutantResults:
    """Results of a mutant without its bytes, so that all of them fit into memory."""

    number: int
    seed_name: str
    results: list[Result]


def main() -> int:
    """Return 1 if a mutant is unaccounted for, broke the program, hung or exceeded a limit, or a valid file failed."""
    parser = trial.make_parser(__doc__ or "")
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="NUMBER")
    parser.add_argument("--keep", type=Path, metavar="DIR")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, default=120.0, help="time after which no mutation is started")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mutations-") as scratch:
        work = Path(scratch)
        valid = {path.name: path.read_bytes() for path in args.files} or seeds.make_seeds(work)
        numbers = range(args.count) if args.only is None else [args.only]
        deadline = time.monotonic() + 60 * args.minutes

        def run_before_deadline(number: int) -> Mutant | None:
            return run_mutation(workers, valid, args.seed, number) if time.monotonic() < deadline else None

        with MeasuredPool(work) as workers, ThreadPoolExecutor(args.threads) as threads:
            rejected = [
                name for name, data in valid.items() if analyse(workers, name, data)[0].outcome != gauge.ANALYSED
            ]
            mutants = threads.map(run_before_deadline, numbers)
            done = []
            for mutant in trial.show_progress(mutants, len(numbers), "mutations"):
                if mutant:
                    print_mutant(mutant)
                    keep_mutant(mutant, args.keep)
                    done.append(MutantResults(number=mutant.number, seed_name=mutant.seed_name, results=mutant.results))
            resets_peak = workers.resets_peak
    return print_summary(done, rejected, len(numbers), resets_peak, args.seed)


def run_mutation(workers: MeasuredPool, valid: dict[str, bytes], seed: int, number: int) -> Mutant:
    """Return a mutation with its results."""
    rng = random.Random(f"{seed}/{number}")
    name = rng.choice(sorted(valid))
    data, mutations = seeds.mutate(valid[name], name, [valid[other] for other in sorted(valid)], rng)
    return Mutant(number=number, seed_name=name, mutations=mutations, data=data, results=analyse(workers, name, data))


def analyse(workers: MeasuredPool, name: str, data: bytes) -> list[Result]:
    """Return the results of a file of that name and content, and of its members."""
    with tempfile.TemporaryFile(dir=workers.scratch_folder) as file:
        file.write(data)
        file.flush()
        with OpenFile(name, os.dup(file.fileno())) as opened:
            return list(gauge.analyse_file(workers, opened))


def print_mutant(mutant: Mutant) -> None:
    """Print the line of a mutation, and the messages of results that cost a worker."""
    first, *members = mutant.results
    costs = [result.cost for result in mutant.results]
    member_outcomes = dict(Counter(member.outcome for member in members))
    failed = any(r.is_over_limit or r.outcome in (gauge.HUNG, gauge.UNEXPECTED) for r in mutant.results)
    trial.print_trial(
        mutant.number,
        ok=not failed,
        file=mutant.seed_name,
        mutations=mutant.mutations,
        outcome=first.outcome,
        cpu_s=round(max(cost.cpu for cost in costs), 2),
        mib=max(cost.memory for cost in costs) >> 20,
        **({"members": member_outcomes} if member_outcomes else {}),
    )
    for result in mutant.results:
        if result.outcome in gauge.LOST_WORKER:
            print(f"     {result.outcome} {result.name!a}: {result.message}", flush=True)


def keep_mutant(mutant: Mutant, folder: Path | None) -> None:
    """Write a mutation into a folder if it cost a worker or exceeded a limit."""
    if folder and any(result.is_over_limit or result.outcome in gauge.LOST_WORKER for result in mutant.results):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{mutant.number:05}-{mutant.seed_name}").write_bytes(mutant.data)


def print_summary(done: list[MutantResults], rejected: list[str], count: int, resets_peak: bool, seed: int) -> int:
    """Print the summary of all mutations; return the exit status.

    Args:
        done: Results of the mutations that were run.
        rejected: Names of valid files that were not analysed.
        count: Mutations that were asked for.
        resets_peak: True if memory was measured per file.
        seed: Seed of the mutations.
    """
    outcomes = Counter(mutant.results[0].outcome for mutant in done)
    member_outcomes = Counter(member.outcome for mutant in done for member in mutant.results[1:])
    results = [(mutant.number, mutant.seed_name, result) for mutant in done for result in mutant.results]
    lost = {kind: sorted({n for n, _, r in results if r.outcome == kind}) for kind in gauge.LOST_WORKER}
    numbers = [mutant.number for mutant in done]
    most_expensive = {
        figure: [
            f"{n}: {value:.2f} {unit} ({name}, {r.outcome})" for n, name, r, value in _most_expensive(results, figure)
        ]
        for figure, unit in (("cpu", "s"), ("memory", "MiB"))
    }
    over_limit = sorted({n for n, _, r in results if r.is_over_limit})
    unaccounted, repeated = count - len(set(numbers)), len(numbers) - len(set(numbers))
    broken = len(lost[gauge.HUNG]) + len(lost[gauge.UNEXPECTED])
    return trial.print_summary(
        len(rejected) + unaccounted + repeated + len(over_limit) + broken,
        seed=seed,
        count=count,
        rejected=rejected,
        unaccounted=unaccounted,
        repeated=repeated,
        unexpected=len(lost[gauge.UNEXPECTED]),
        outcomes=dict(outcomes.most_common()),
        members=dict(member_outcomes.most_common()),
        numbers={kind: numbers_of_kind for kind, numbers_of_kind in lost.items() if numbers_of_kind},
        over_limit=over_limit,
        max_cpu_s=round(max((r.cost.cpu for _, _, r in results), default=0.0), 2),
        max_mib=max((r.cost.memory for _, _, r in results), default=0) >> 20,
        memory_of="file" if resets_peak else "whole life of the worker",
        most_expensive=most_expensive,
    )


def _most_expensive(results: list[tuple[int, str, Result]], figure: str) -> list[tuple[int, str, Result, float]]:
    scale = 1 if figure == "cpu" else 1 << 20
    costs = [(n, name, result, getattr(result.cost, figure) / scale) for n, name, result in results]
    return sorted(costs, key=lambda cost: -cost[3])[:MAX_PRINTED]


if __name__ == "__main__":
    sys.exit(main())
