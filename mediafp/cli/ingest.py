"""The command `ingest`."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mediafp.cli.comparing import comparison_progress
from mediafp.cli.exit_status import ExitStatus
from mediafp.cli.options import (
    AddressOption,
    EngineMode,
    EngineOption,
    HotwordsOption,
    JsonOption,
    MatchMode,
    ModelOption,
    PathsArgument,
    StoreOption,
    TranscribeMode,
    UnsafeOption,
    YesNo,
    is_sandboxed,
    open_selected_case,
    selected_store,
    speech_options,
    suggest_command,
)
from mediafp.cli.output import print_failure, print_json, print_line, print_warning, progress_bar
from mediafp.cli.watch import print_watched
from mediafp.report import jsonl
from mediafp.types.counted_nouns import count_of
from mediafp.types.defaults import DEFAULT_MODEL
from mediafp.types.errors import UsageError
from mediafp.types.runs import AnalysisOptions, EngineOptions, FileOutcome, IngestOptions
from mediafp.types.watches import CheckedWatches

if TYPE_CHECKING:
    from mediafp.case import Case, IngestEstimate

SKIPPED_ENTRY = "a hidden name, a pipe, a device, or a link to nothing or out of the folder"


def ingest(
    paths: PathsArgument,
    jobs: Annotated[int, typer.Option(help="Number of workers; 0 for one per core.", min=0)] = 0,
    no_sidecars: Annotated[bool, typer.Option("--no-sidecars", help="Ignore .info.json and other sidecars.")] = False,
    full_decode: Annotated[
        bool, typer.Option("--full-decode", help="Decode every frame: exact at cuts, but slower.")
    ] = False,
    crops: Annotated[
        YesNo, typer.Option("--crops", "--views", help="Store crops too: finds a tenth of an image, doubles the time.")
    ] = YesNo.YES,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only estimate what would be done and how long it takes.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Analyse files that failed before again.")
    ] = False,
    log_file: Annotated[
        Path | None,
        typer.Option("--log", help="Append the outcome of each file to this file.", show_default=False),
    ] = None,
    transcribe: Annotated[
        TranscribeMode, typer.Option(help="Transcribe speech; auto: if the speech model is installed.")
    ] = TranscribeMode.AUTO,
    ocr: Annotated[
        YesNo, typer.Option("--ocr", "--text", help="Run OCR: .3 s per image, 1-3 s per minute of video.")
    ] = YesNo.YES,
    match: Annotated[
        MatchMode, typer.Option(help="Compare new files with all others now, or later with: mediafp relate.")
    ] = MatchMode.NOW,
    model: ModelOption = DEFAULT_MODEL,
    hotwords: HotwordsOption = None,
    engine: EngineOption = EngineMode.LOCAL,
    address: AddressOption = None,
    unsafe: UnsafeOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add files to the store; run it again to add only what is new.

    Sidecars of yt-dlp, gallery-dl and others, exports of Telegram and X, and tables add account, platform and dates.
    """
    analysis = AnalysisOptions(
        full_decode=full_decode,
        reference_crops=crops is YesNo.YES,
        sidecars=not no_sidecars,
        ocr=ocr is YesNo.YES,
        speech=speech_options(transcribe, model, hotwords),
    )
    options = IngestOptions(jobs=jobs, analysis=analysis, retry_failed=retry_failed, match=match is MatchMode.NOW)
    machines = EngineOptions(name=engine.value, address=address)
    if dry_run:
        from mediafp.case import estimate_ingest

        sandboxed = is_sandboxed(unsafe)
        estimate = estimate_ingest(selected_store(store), paths, options, sandboxed=sandboxed, engine=machines)
        _print_estimate(estimate, as_json=as_json)
        return
    with (
        open_selected_case(store, create=True, unsafe=unsafe, engine=machines) as case,
        open_log_file(log_file) as write_log,
    ):
        summary = _run(case, paths, options, write_log, as_json=as_json)
    if as_json:
        print_json(summary)
    else:
        _print_summary(summary, store)
    if summary["errors"] or summary["pair_errors"]:
        raise typer.Exit(ExitStatus.SOME_FAILED)


def _run(
    case: "Case",
    paths: list[str],
    options: IngestOptions,
    write_log: Callable[[jsonl.JsonObject], None],
    *,
    as_json: bool,
) -> jsonl.JsonObject:
    """Ingest the files, print each outcome, and return the summary."""
    started = time.monotonic()
    counts: Counter[str] = Counter()
    failures = []
    skipped_entries: list[Path] = []
    left_out = compared = 0
    watched: list[CheckedWatches] = []
    with progress_bar() as bar:
        task = bar.add_task("ingesting", total=case.count_files(paths, skipped_entries.append))
        for path in skipped_entries:
            write_log({"path": os.fspath(path), "left_out": SKIPPED_ENTRY})
        show_compared = comparison_progress(bar)

        def on_compared(done: int, total: int) -> None:
            nonlocal compared
            compared = done
            show_compared(done, total)

        def on_watched(checked: CheckedWatches) -> None:
            watched.append(checked)
            print_watched(checked)

        lost_before = case.lost_pairs()
        for outcome in case.ingest(paths, options, on_compared=on_compared, on_watched=on_watched):
            counts[outcome.status] += 1
            left_out += outcome.left_out
            # Members of archives were not counted before.
            bar.update(task, advance=1, total=max(bar.tasks[task].total or 0, counts.total()))
            write_log(jsonl.outcome_to_json(outcome))
            if outcome.status == "failed":
                failures.append({"path": outcome.path, "kind": outcome.kind, "message": outcome.message})
            _print_outcome(outcome, as_json=as_json)
    summary = {
        "seen": counts.total(),
        **{status: counts[status] for status in ("added", "known", "failed", "skipped")},
        "left_out": len(skipped_entries) + left_out,
        "compared": compared,
        "not_compared": case.count_uncompared().assets,
        "seconds": round(time.monotonic() - started, 2),
        "errors": failures,
        "pair_errors": [jsonl.lost_pair_to_json(pair) for pair in case.lost_pairs(exclude=lost_before)],
    }
    if watched:
        hits = [hit for checked in watched for hit in checked.hits]
        summary["watch"] = dict(sorted(Counter(hit.watch for hit in hits).items()))
        summary["watch_files"] = len({(hit.sha256, hit.uri) for hit in hits})
    write_log(summary)
    return summary


def _print_outcome(outcome: FileOutcome, *, as_json: bool) -> None:
    if as_json:
        print_json(jsonl.outcome_to_json(outcome))
        return
    if outcome.status == "failed":
        print_failure(outcome.path, outcome.message or "")
    for warning in outcome.warnings:
        print_warning(warning, outcome.path)


def _print_summary(summary: dict[str, Any], store: Path | None) -> None:
    line = (
        f"{count_of(summary['seen'], 'file')} in "
        + "{seconds} s: {added} added, {known} known, {failed} failed, {skipped} not media"
    )
    links = (
        "; {left_out} skipped (hidden names, links to nothing or out of the folder, pipes, devices)"
        if summary["left_out"]
        else ""
    )
    print_line((line + links).format(**summary))
    if summary["not_compared"]:
        made = f"{count_of(summary['compared'], 'comparison')} made, " if summary["compared"] else ""
        command = suggest_command("relate", store)
        print_line(f"{made}{count_of(summary['not_compared'], 'file')} not compared yet; to compare them: {command}")
    if summary.get("watch"):
        found = f"{count_of(summary['watch_files'], 'file')} hit {len(summary['watch'])} of the watches"
        print_line(f"{found}; see: {suggest_command('watch check', store)}")
    if summary["pair_errors"]:
        command = suggest_command("relate", store)
        print_line(f"{count_of(len(summary['pair_errors']), 'pair')} not compared; to try again: {command}")
    if summary["errors"]:
        kinds = Counter(str(error["kind"]) for error in summary["errors"]).most_common()
        listed = ", ".join(f"{count} {kind}" for kind, count in kinds)
        print_line(f"failed: {listed}; see: {suggest_command('errors', store)}")


def _print_estimate(estimate: "IngestEstimate", *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(estimate))
        return
    line = f"{count_of(estimate.seen, 'file')}: {estimate.known} known, {estimate.skipped} not media"
    if estimate.failed_before:
        line += f", {estimate.failed_before} failed before (--retry-failed analyses them again)"
    if estimate.unreadable:
        line += f", {estimate.unreadable} that cannot be opened"
    print_line(f"{line}, {estimate.new} to analyse ({estimate.new_bytes / 1e6:,.1f} MB)")
    if estimate.archives:
        archives = "1 of them is an archive" if estimate.archives == 1 else f"{estimate.archives} of them are archives"
        print_line(f"{archives}; the files in archives are not counted")
    if estimate.seconds is not None:
        print_line(f"estimated time: {timedelta(seconds=round(estimate.seconds))}")


@contextmanager
def open_log_file(file: Path | None) -> Iterator[Callable[[jsonl.JsonObject], None]]:
    """Return a function that appends an object with the current time to a log file, or does nothing without a file."""

    def fail(error: OSError) -> UsageError:
        return UsageError(f"cannot write the log to '{file}': {error.strerror}; choose another path")

    with ExitStack() as stack:
        try:
            if file and file.is_file() and not _is_log(file):
                raise UsageError(
                    f"cannot write the log to '{file}': the file exists and is no log; choose another path"
                )
            log = stack.enter_context(file.open("ab", buffering=0)) if file else None
        except OSError as error:
            raise fail(error) from error

        def write(value: jsonl.JsonObject) -> None:
            if log:
                at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
                try:
                    # Unbuffered: what cannot be written now is not tried again when the file is closed.
                    log.write(f"{jsonl.json_line({'at': at, **value})}\n".encode())
                except OSError as error:
                    raise fail(error) from error

        yield write


def _is_log(file: Path) -> bool:
    """Return True if a file is empty or begins like a log: nothing may be appended to an original."""
    with file.open("rb") as opened:
        return opened.read(1) in (b"", b"{")
