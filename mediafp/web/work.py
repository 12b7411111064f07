"""The long work of the workbench: ingest, comparing, transcripts, reports, verification."""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

from mediafp.case import Case
from mediafp.case.upload_drafts import store_errors
from mediafp.report import jsonl
from mediafp.report.escaping import escape_unprintable
from mediafp.types.errors import UsageError
from mediafp.types.runs import AnalysisOptions, IngestOptions, LedgerEntry, SpeechOptions
from mediafp.web.draft_cards import add_card
from mediafp.web.jobs import RunningJob, Work
from mediafp.web.store_messages import public_text
from mediafp.web.work_exports import export

COUNT_SECONDS: Final = 5.0
"""Seconds between two counts of the matches that an ingest has found, which take .1 s with 100,000 matches."""
LISTED_PROBLEMS: Final = 100
"""Problems of a verification that its record lists. Chosen, not measured."""


def work_of(case: Case, speech: SpeechOptions) -> Mapping[str, Work]:
    """Return the function of each kind of job; those that transcribe use these options."""
    return {
        "ingest": lambda job: _ingest(
            case, job, speech, [Path(path) for path in check_paths(job.job.options["paths"])]
        ),
        "received": lambda job: _take_in(case, job, speech),
        "retry": lambda job: _ingest(case, job, speech, paths_to_retry(case.failures(), job.job.options.get("keys"))),
        "relate": lambda job: _relate(case, job),
        "transcribe": lambda job: _transcribe(case, job, speech),
        "report": lambda job: _report(case, job),
        "watch": lambda job: _check_watches(case, job),
        "verify": lambda job: _verify(case, job),
        "calibrate": lambda job: {"fits": list(map(jsonl.family_fit_to_json, case.calibrate()))},
        "export": lambda job: export(case, job),
        "hashes": lambda job: _import_hashes(case, job),
    }


def check_paths(paths: Sequence[str]) -> list[str]:
    """Return absolute paths of existing files and folders. Raises UsageError."""
    for path in paths:
        if not Path(path).is_absolute() or "\0" in path:
            raise UsageError(f"cannot ingest {path[:200]!r}: it is no absolute path; name a folder by its full path")
        try:
            exists = Path(path).exists()
        except (OSError, ValueError):
            exists = False
        if not exists:
            raise UsageError(f"cannot ingest {path[:200]!r}: there is no such file or folder; check the path")
    return list(paths)


def failure_key(path: str) -> str:
    """Return the key of a failed path: a path itself need not be valid Unicode, as forms and addresses are."""
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def paths_to_retry(failures: Iterable[LedgerEntry], keys: Collection[str] | None) -> list[Path]:
    """Return the files to ingest again for failed paths: of a member the archive, of what is gone nothing.

    Args:
        failures: The failed paths.
        keys: Keys of those to try again; None for all.

    Raises:
        UsageError: None of the files exists.
    """
    chosen = [Path(entry.path) for entry in failures if keys is None or failure_key(entry.path) in keys]
    files = dict.fromkeys(path for one in chosen if (path := _existing(one)))
    if not files:
        raise UsageError(
            "cannot try again: none of the files is at its path any more; ingest the folder that they are in now"
        )
    return list(files)


def _existing(path: Path) -> Path | None:
    """Return the path, or else the archive that it is a member of; None if neither exists."""
    if os.path.lexists(path):
        return path
    return next((parent for parent in path.parents if parent.is_file()), None)


def _received_paths(case: Case, files: Sequence[str]) -> list[Path]:
    received = case.received_files()
    paths = [path for sha256 in files if (path := received.path(sha256))]
    if not paths:
        raise UsageError(
            "cannot ingest the files: they are not in the folder of received files any more; add them again"
        )
    return paths


def _take_in(case: Case, job: RunningJob, speech: SpeechOptions) -> dict[str, Any]:
    """Ingest received files, and then watch for them, or add their matches to the publication, if that is wanted."""
    wanted = job.job.options
    result = _ingest(case, job, speech, _received_paths(case, wanted["files"]))
    for sha256 in filter(case.find_asset, wanted["files"]):
        if wanted.get("watch"):
            _try(case, job, partial(case.add_watch, sha256, None, "asset"))
        for reference in wanted.get("publish", ()):
            card = _try(case, job, partial(case.match_card, sha256, reference))
            result["draft"] = _try(case, job, partial(add_card, case, card)) if card else None
    return result


def _try[Value](case: Case, job: RunningJob, act: Callable[[], Value]) -> Value | None:
    """Return the result of a function; None if it cannot be done, which a message of the job states."""
    try:
        return act()
    except UsageError as error:
        job.update(message=escape_unprintable(public_text(error, case.folder)))
        return None


def _ingest(case: Case, job: RunningJob, speech: SpeechOptions, paths: Sequence[Path]) -> dict[str, Any]:
    """Ingest paths; what was done stays done if the job is cancelled."""
    wanted = job.job.options
    skipped_entries: list[Path] = []
    job.update(total=case.count_files(paths, skipped_entries.append))
    refused = wanted.get("refused", ())
    counts: Counter[str] = Counter(refused=wanted.get("refused_count", len(refused)), left_out=len(skipped_entries))
    for reason in refused:
        job.update(message=escape_unprintable(reason))
    started_at = job.job.started_at or ""
    count_matches = _seldom(lambda: case.news(started_at, 0).total)
    analysis = AnalysisOptions(speech=speech if wanted.get("transcribe") else None, ocr=bool(wanted.get("ocr", True)))
    options = IngestOptions(analysis=analysis, retry_failed=bool(wanted.get("retry") or job.job.kind == "retry"))

    def compared(done: int, total: int) -> None:
        counts["compared"], counts["to_compare"] = done, total
        job.update(counts=counts)

    with _closed(case.ingest(paths, options, on_compared=compared)) as outcomes:
        for outcome in outcomes:
            counts[outcome.status] += 1
            counts["left_out"] += outcome.left_out
            name = escape_unprintable(os.path.basename(outcome.path))
            done = sum(counts[status] for status in ("added", "known", "failed", "skipped"))
            counts["matches"] = count_matches() or counts["matches"]
            job.update(done=done, total=max(done, job.job.total or 0), counts=counts)
            for message in filter(None, (outcome.message, *outcome.warnings)):
                job.update(message=f"{name}: {escape_unprintable(message)}")
    counts["matches"] = case.news(started_at, 0).total
    job.update(counts=counts)
    return {"counts": dict(counts)}


@contextmanager
def _closed[Item](items: Iterator[Item]) -> Iterator[Iterator[Item]]:
    """Close a generator after the block: that ends its workers."""
    try:
        yield items
    finally:
        close = getattr(items, "close", None)
        if close:
            close()


def _seldom(count: Callable[[], int]) -> Callable[[], int]:
    """Return a function that calls another one every `COUNT_SECONDS`, and returns 0 in between."""
    last = time.monotonic()

    def counted() -> int:
        nonlocal last
        if time.monotonic() - last < COUNT_SECONDS:
            return 0
        last = time.monotonic()
        return count()

    return counted


def _relate(case: Case, job: RunningJob) -> dict[str, Any]:
    started_at = job.job.started_at or ""
    compared = case.relate(lambda done, total: job.update(done=done, total=total))
    for pair in case.lost_pairs():
        names = " – ".join(escape_unprintable(os.path.basename(uri)) for uri in (pair.a_uri, pair.b_uri))
        job.update(message=f"{names}: not compared ({pair.kind})")
    return {"compared": compared, "counts": {"matches": case.news(started_at, 0).total}}


def _transcribe(case: Case, job: RunningJob, speech: SpeechOptions) -> dict[str, Any]:
    """Transcribe the videos that have no transcript, and compare their words."""
    paths = case.untranscribed()
    counts: Counter[str] = Counter()
    job.update(done=0, total=len(paths))
    if paths:
        with _closed(case.transcribe(paths, speech, on_progress=lambda files: job.check())) as transcriptions:
            for number, one in enumerate(transcriptions, 1):
                has_words = one.transcript is not None and bool(one.transcript.segments)
                counts["failed" if one.error else "transcribed" if has_words else "no_words"] += 1
                name = escape_unprintable(os.path.basename(one.path))
                message = f"{name}: {escape_unprintable(one.error)}" if one.error else ""
                job.update(done=number, counts=counts, message=message)
        case.relate(lambda done, total: job.update(counts={**counts, "compared": done, "to_compare": total}))
    return {"counts": dict(counts)}


def _report(case: Case, job: RunningJob) -> dict[str, Any]:
    with store_errors(job.folder):
        job.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    case.report(
        job.folder / "report.html",
        on_progress=lambda done, total: job.update(counts={"compared": done, "to_compare": total}),
        on_card=lambda done, total: job.update(done=done, total=total),
    )
    return {"file": _one_file(job.folder)}


def _one_file(folder: Path) -> str:
    """Return the name of the report: a page, or an archive of it and of its images if they did not fit into it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if len(files) == 1:
        return files[0].name
    with ZipFile(folder / "report.zip", "w") as archive:
        for path in files:
            archive.write(path, path.relative_to(folder))
    for path in files:
        path.unlink()
    return "report.zip"


def _verify(case: Case, job: RunningJob) -> dict[str, Any]:
    """Check the store against its log, and the originals against the store."""
    report = case.verify()
    problems = [escape_unprintable(problem) for problem in report.problems]
    originals: Counter[str] = Counter()
    changed: list[str] = []
    if not problems:
        for number, original in enumerate(case.check_originals(), 1):
            originals[original.state] += 1
            if original.state == "changed":
                changed.append(escape_unprintable(os.path.basename(original.uri)))
            job.update(done=number, total=max(number, job.job.total or 0))
    return {
        "problems": problems[:LISTED_PROBLEMS],
        "problem_count": len(problems),
        "assets": report.assets,
        "log_entries": report.log_entries,
        "seal": report.last_log_hash,
        "originals": {name: originals[name] for name in ("same", "changed", "unreachable")},
        "changed": changed[:LISTED_PROBLEMS],
    }


def _import_hashes(case: Case, job: RunningJob) -> dict[str, Any]:
    """Import a received file of hashes into a list, and remove the file."""
    wanted, received = job.job.options, case.received_lists()
    try:
        done = case.import_hashes(
            received.path(wanted["file"]),
            wanted["list"],
            algorithm=wanted["algorithm"],
            on_skipped=lambda warning: job.update(message=escape_unprintable(warning)),
            source=wanted["name"],
        )
    except UsageError:
        # Another try would not read it either.
        received.remove(wanted["file"])
        raise
    received.remove(wanted["file"])
    return {"list": done.list, "added": done.added, "known": done.known, "skipped": len(done.warnings)}


def _check_watches(case: Case, job: RunningJob) -> dict[str, Any]:
    checked = case.check_watches(lambda done, total: job.update(done=done, total=total))
    return {"hits": len(checked.hits), "quarantined": len(checked.quarantined)}
