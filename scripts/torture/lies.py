"""Seeded lies of workers: what a worker that was taken over may answer, and every later command on what it left in a store.

    .venv/bin/python scripts/torture/lies.py [--count 10000] [--seed 0] [--batch 100] [--unchecked] [--only NUMBER]

The true answers of a worker about small files are recorded once and changed: fields, types, times, rows, thumbnails, the
order of messages and their bytes. A scripted worker gives each lie in an ingest; what is accepted lies in one store for each
batch, beside the true answers, on which `verify`, `cluster`, `report`, `search`, `export`, `transcribe`, `match`, `trace` and
a second `ingest` run. No command may end by it, and what breaks a command must have been refused. A batch that breaks a
command is halved until one lie is left. A lie is the same for the same seed and number; `--only` repeats one. With
`--unchecked` the first ingest stores the lies without the checks of their values, as in a store of an older version, or a
damaged one. Quick forms: --count 200, and --unchecked --count 60.
"""

import json
import os
import random
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import batched
from multiprocessing import get_context
from pathlib import Path

import trial
from answer_mutations import Lie, make_lie
from gauge import peak_memory
from scripted_program import script, scripted_program, unchecked
from true_answers import TrueAnswers, record_answers
from typer.testing import CliRunner

from mediafp.cli.app import app
from mediafp.types.media import Kind

SUFFIXES: dict[Kind, str] = {"image": ".png", "video": ".mkv"}
"""Suffix of a scripted file, by its kind."""
MAX_PROGRAM_BYTES = 900 << 20
"""Peak memory of this process, bytes, above which the run fails."""
MATCHED_LIES = 25
"""Lies of a batch that are matched as queries too, and transcribed."""
UNUSABLE = 2
"""Exit status of a command that could not run, and of `verify` if it names a problem."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LyingFile:
    """A scripted file whose worker lies."""

    number: int
    what: str
    """The name of the true file and of the changes."""
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A command that a batch of lies broke."""

    command: str
    numbers: tuple[int, ...]
    error: str


@dataclass(frozen=True, slots=True)
class BatchResult:
    """Breaks of a batch, outcomes of its lies, and largest resident size of the program, bytes."""

    breaks: list[Break]
    outcomes: Counter[str]
    peak_bytes: int


def main() -> int:
    """Return 1 if a command was ended by a lie, a lie is unaccounted for, or too much memory was used."""
    parser = trial.make_parser(__doc__ or "")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--only", type=int, metavar="NUMBER")
    parser.add_argument("--unchecked", action="store_true")
    arguments = parser.parse_args()
    outcomes: Counter[str] = Counter()
    breaks: list[Break] = []
    peak, spawn = 0, get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as name,
        # The commands run in a new process for each batch, whose memory is that of the program alone.
        ProcessPoolExecutor(1, spawn) as writer,
        ProcessPoolExecutor(1, spawn, max_tasks_per_child=1) as program,
    ):
        folder = Path(name)
        numbers = range(arguments.count) if arguments.only is None else [arguments.only]
        for chosen in batched(numbers, arguments.batch):
            lies = writer.submit(_write_lies, folder, arguments.seed, chosen).result()
            result = program.submit(_check_batch, folder, lies, is_checked=not arguments.unchecked).result()
            breaks += result.breaks
            outcomes += result.outcomes
            peak = max(peak, result.peak_bytes)
            for lie in lies:
                lie.path.unlink()
            print(f"{chosen[-1] + 1}: {dict(outcomes)}, {len(breaks)} breaks", file=sys.stderr, flush=True)
    for broken in breaks:
        print(f"{broken.command}: lies {broken.numbers[:9]}\n{broken.error}", file=sys.stderr)
    unaccounted = len(numbers) - sum(outcomes[name] for name in ("added", "known", "failed", "skipped"))
    return trial.print_summary(
        len(breaks) + unaccounted + (peak > MAX_PROGRAM_BYTES),
        seed=arguments.seed,
        count=len(numbers),
        outcomes=dict(outcomes),
        breaks=[(broken.command, broken.numbers[:9], broken.error.splitlines()[-1]) for broken in breaks],
        unaccounted=unaccounted,
        peak_mib=peak >> 20,
    )


def write_true_files(folder: Path) -> list[TrueAnswers]:
    """Write a scripted file for each true answer to `folder`/true, and return the answers."""
    answers = record_answers(folder)
    (folder / "true").mkdir()
    for number, true in enumerate(answers):
        messages = (b"".join(Lie(answer).messages()) for answer in (true.ingest, true.query))
        data = script(true.ingest.kind, *messages, hangs_up=False, name=b"true")
        (folder / "true" / f"{number}{SUFFIXES[true.ingest.kind]}").write_bytes(data)
    return answers


def write_lie(folder: Path, seed: int, number: int, answers: Sequence[TrueAnswers]) -> LyingFile:
    """Write a scripted file with two lies: one for an ingest, one for a query."""
    rng = random.Random(f"{seed}-{number}")
    true = rng.choice(answers)
    stored, hangs_up, changes = make_lie(rng, true.ingest, [each.ingest for each in answers])
    query, query_hangs_up, query_changes = make_lie(rng, true.query, [each.query for each in answers])
    path = folder / f"{number:05}{SUFFIXES[true.ingest.kind]}"
    path.write_bytes(
        script(true.ingest.kind, stored, query, hangs_up=hangs_up or query_hangs_up, name=str(number).encode())
    )
    return LyingFile(number=number, what=f"{true.ingest.name} {changes}, query {query_changes}", path=path)


def _write_lies(folder: Path, seed: int, numbers: Sequence[int]) -> list[LyingFile]:
    """Write lies in the process that has recorded the answers."""
    global _answers
    if _answers is None:
        _answers = write_true_files(folder)
    return [write_lie(folder, seed, number, _answers) for number in numbers]


_answers: list[TrueAnswers] | None = None
"""The answers that this process has recorded."""


def _check_batch(folder: Path, lies: Sequence[LyingFile], *, is_checked: bool) -> BatchResult:
    """Run a batch in a process of its own, and return each break by as few lies as possible."""
    outcomes: Counter[str] = Counter()
    with scripted_program():
        broken = run_batch(folder, lies, outcomes, is_checked=is_checked)
        peak = peak_memory(os.getpid())
        breaks = [least for each in broken for least in bisect(folder, lies, each, is_checked=is_checked)]
    return BatchResult(breaks, outcomes, peak)


def run_batch(
    folder: Path, lies: Sequence[LyingFile], outcomes: Counter[str] | None = None, *, is_checked: bool = True
) -> list[Break]:
    """Ingest lies and true answers into a new store, run every command on it, and return what broke."""
    counts = Counter[str]() if outcomes is None else outcomes
    with tempfile.TemporaryDirectory(dir=folder) as name:
        work = Path(name)
        for part in ("lies", "queries"):
            (work / part).mkdir()
        for lie in lies:
            os.link(lie.path, work / "lies" / lie.path.name)
            if lie.number % max(1, len(lies) // MATCHED_LIES) == 0:
                os.link(lie.path, work / "queries" / lie.path.name)
        breaks: list[Break] = []
        numbers = tuple(lie.number for lie in lies)
        for position, command in enumerate(_commands(folder, work)):
            is_first = position == 0
            with nullcontext() if is_checked or not is_first else unchecked():
                error, output = _run(work / "case", command)
            if error:
                breaks.append(Break(command=" ".join(command[:2]), numbers=numbers, error=error))
            if command[0] == "ingest":
                lines = [json.loads(line) for line in output.splitlines()]
                if is_first:
                    counts.update(line["status"] for line in lines if "status" in line and "/lies/" in line["path"])
                expected = "added" if is_first else "known"
                bad_true = [line for line in lines if "/true/" in line.get("path", "") and line["status"] != expected]
                if bad_true:
                    breaks.append(Break(command="a true answer", numbers=(), error=str(bad_true)))
            elif command == ["verify", "--json"] and output:
                counts["stores with problems"] += len(json.loads(output)["problems"]) > 0
        return breaks


def _commands(folder: Path, work: Path) -> Iterator[list[str]]:
    yield ["ingest", str(folder / "true"), str(work / "lies"), "--json", "--jobs", "2"]
    yield ["verify", "--json"]
    yield ["cluster", "--json"]
    yield ["cluster"]
    yield ["report", str(work / "page.html")]
    for text in ("president", "words", "今天", "sample"):
        yield ["search", text]
        yield ["search", text, "--json"]
    yield ["export", "jsonl"]
    yield ["export", "csv"]
    for form in ("srt", "vtt", "text", "json"):
        yield ["transcribe", str(folder / "true"), str(work / "queries"), "--format", form]
    yield ["match", str(folder / "true"), str(work / "queries"), "--json", "--min-probability", "0"]
    yield ["match", str(folder / "true")]
    yield ["trace", str(folder / "true"), str(work / "queries")]
    yield ["trace", str(folder / "true" / "0.png"), "--report", str(work / "trace.html")]
    yield ["errors", "--json"]
    # What is damaged in the store is met again.
    yield ["ingest", str(folder / "true"), str(work / "lies"), "--json", "--jobs", "2"]
    yield ["verify", "--no-originals"]


def _run(store: Path, command: list[str]) -> tuple[str, str]:
    """Return the error of a command that did not end as it should, and its standard output."""
    result = CliRunner().invoke(app, ["--store", str(store), *command])
    if result.exception and not isinstance(result.exception, SystemExit):
        return "".join(traceback.format_exception(result.exception)), result.stdout
    if result.exit_code == UNUSABLE and command[0] != "verify":
        return f"exit status {result.exit_code}: {result.stderr[-2000:]}", result.stdout
    return "", result.stdout


def bisect(folder: Path, lies: Sequence[LyingFile], broken: Break, *, is_checked: bool) -> list[Break]:
    """Return the break by as few lies as can be found by halving them."""
    while len(lies) > 1:
        for half in (lies[: len(lies) // 2], lies[len(lies) // 2 :]):
            same = [each for each in run_batch(folder, half, is_checked=is_checked) if each.command == broken.command]
            if same:
                lies, broken = half, same[0]
                break
        else:
            # Only several lies together break it.
            return [broken]
    return [Break(command=broken.command, numbers=broken.numbers, error=f"{lies[0].what}\n{broken.error}")]


if __name__ == "__main__":
    sys.exit(main())
