"""Seeded mutations of valid files, read by locked workers: what becomes of each, and the CPU and memory that it takes.

    .venv/bin/python scripts/torture/mutations.py [--count 10000] [--seed 0] [--only NUMBER] [--keep DIR] [FILE...]

The FILEs, else some 50 small ones of all formats that are made at run time, have bits flipped, runs overwritten, blocks
cut, doubled or taken from another file, numbers that may be lengths put off, or are cut short. Each goes the way that an
ingest goes with it: sniffed, unpacked where it is an archive, read with its sound. A mutation is the same for the same
seed, number and files; `--only` repeats one. `--keep` writes those that cost a worker, or too much, into a folder.
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
from gauge import Gauge, Result

from mediafp.ingest.files import OpenFile

WORST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One mutation: of which file, how, and what became of it, of its entries as well."""

    number: int
    seed: str
    how: str
    data: bytes
    results: list[Result]

    @property
    def name(self) -> str:
        """What it is kept as."""
        return f"{self.number:05}-{self.seed}"


def main() -> int:
    """1 where a file is unaccounted for, broke the program, hung, or took more than a file may, or a valid one is not read."""
    parser = trial.parser(__doc__ or "")
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="NUMBER")
    parser.add_argument("--keep", type=Path, metavar="DIR")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, default=120.0, help="after which no more is begun")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mutations-") as scratch:
        work = Path(scratch)
        valid = {path.name: path.read_bytes() for path in args.files} or seeds.make(work)
        numbers = range(args.count) if args.only is None else [args.only]
        until = time.monotonic() + 60 * args.minutes
        with Gauge(work) as readers, ThreadPoolExecutor(args.threads) as pool:
            unread = [name for name, data in valid.items() if outcome(readers, name, data)[0].outcome != gauge.READ]
            made = pool.map(
                lambda n: mutated(readers, valid, args.seed, n) if time.monotonic() < until else None, numbers
            )
            kept = []
            for mutant in trial.counted(made, len(numbers), "mutations"):
                if mutant:
                    told(mutant)
                    keep(mutant, args.keep)
                    kept.append((mutant.number, mutant.seed, mutant.how, mutant.results))
            resets = readers.resets
    return summed(kept, unread, len(numbers), resets, args.seed)


def mutated(readers: Gauge, valid: dict[str, bytes], seed: int, number: int) -> Mutant:
    """A mutation, and what became of it."""
    rng = random.Random(f"{seed}/{number}")
    name = rng.choice(sorted(valid))
    data, how = seeds.mutant(valid[name], name, [valid[other] for other in sorted(valid)], rng)
    return Mutant(number=number, seed=name, how=how, data=data, results=outcome(readers, name, data))


def outcome(readers: Gauge, name: str, data: bytes) -> list[Result]:
    """What becomes of a file of this name that holds these bytes."""
    with tempfile.TemporaryFile(dir=readers.scratch_folder) as file:
        file.write(data)
        file.flush()
        with OpenFile(name, os.dup(file.fileno())) as opened:
            return list(gauge.examine(readers, opened))


def told(mutant: Mutant) -> None:
    """Prints the line of a mutation, and what went wrong in the program itself."""
    first, *entries = mutant.results
    costs = [result.cost for result in mutant.results]
    inside = dict(Counter(entry.outcome for entry in entries))
    bad = any(r.over or r.outcome in (gauge.HUNG, gauge.SUPERVISOR) for r in mutant.results)
    trial.say(
        mutant.number,
        ok=not bad,
        of=mutant.seed,
        by=mutant.how,
        outcome=first.outcome,
        cpu_s=round(max(cost.cpu for cost in costs), 2),
        mib=max(cost.memory for cost in costs) >> 20,
        **({"inside": inside} if inside else {}),
    )
    for result in mutant.results:
        if result.outcome in gauge.LOST:
            print(f"     {result.outcome} {result.name!a}: {result.message}", flush=True)


def keep(mutant: Mutant, folder: Path | None) -> None:
    """Writes it into the folder where it cost a worker, or too much."""
    if folder and any(result.over or result.outcome in gauge.LOST for result in mutant.results):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / mutant.name).write_bytes(mutant.data)


def summed(
    kept: list[tuple[int, str, str, list[Result]]], unread: list[str], count: int, resets: bool, seed: int
) -> int:
    """Prints what became of all; the exit status."""
    outcomes = Counter(results[0].outcome for _, _, _, results in kept)
    inside = Counter(entry.outcome for _, _, _, results in kept for entry in results[1:])
    every = [(number, name, result) for number, name, _, results in kept for result in results]
    lost = {kind: sorted({n for n, _, r in every if r.outcome == kind}) for kind in gauge.LOST}
    numbers = [number for number, *_ in kept]
    worst = {
        figure: [f"{n}: {value:.2f} {unit} ({name}, {r.outcome})" for n, name, r, value in _worst(every, figure)]
        for figure, unit in (("cpu", "s"), ("memory", "MiB"))
    }
    over = sorted({n for n, _, r in every if r.over})
    unaccounted, twice = count - len(set(numbers)), len(numbers) - len(set(numbers))
    short = len(unread) + unaccounted + twice + len(over) + len(lost[gauge.HUNG]) + len(lost[gauge.SUPERVISOR])
    return trial.finish(
        short,
        seed=seed,
        count=count,
        unread=unread,
        unaccounted=unaccounted,
        twice=twice,
        supervisor=len(lost[gauge.SUPERVISOR]),
        outcomes=dict(outcomes.most_common()),
        inside=dict(inside.most_common()),
        numbers={kind: found for kind, found in lost.items() if found},
        over=over,
        most_cpu_s=round(max((r.cost.cpu for _, _, r in every), default=0.0), 2),
        most_mib=max((r.cost.memory for _, _, r in every), default=0) >> 20,
        memory_is="of a file" if resets else "of a worker's life",
        worst=worst,
    )


def _worst(every: list[tuple[int, str, Result]], figure: str) -> list[tuple[int, str, Result, float]]:
    scale = 1 if figure == "cpu" else 1 << 20
    costs = [(n, name, result, getattr(result.cost, figure) / scale) for n, name, result in every]
    return sorted(costs, key=lambda cost: -cost[3])[:WORST]


if __name__ == "__main__":
    sys.exit(main())
