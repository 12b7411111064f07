"""The long work of the workbench: ingest, comparing, transcripts, reports."""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mediafp.case import Case
from mediafp.report.escaping import escape_unprintable
from mediafp.types.errors import UsageError
from mediafp.types.runs import AnalysisOptions, IngestOptions, SpeechOptions
from mediafp.web.jobs import RunningJob, Work


def work_of(case: Case) -> Mapping[str, Work]:
    """Return the function of each kind of job."""
    return {
        "ingest": lambda job: _ingest(case, job),
        "relate": lambda job: _relate(case, job),
        "report": lambda job: _report(case, job),
        "watch": lambda job: _check_watches(case, job),
    }


def check_paths(paths: list[str]) -> list[str]:
    """Return absolute paths of existing files and folders. Raises UsageError."""
    for path in paths:
        if not Path(path).is_absolute() or "\0" in path:
            raise UsageError(f"cannot ingest {path[:200]!r}: it is no absolute path; name a folder by its full path")
        if not Path(path).exists():
            raise UsageError(f"cannot ingest {path[:200]!r}: there is no such file or folder; check the path")
    return paths


def _ingest(case: Case, job: RunningJob) -> dict[str, Any]:
    """Ingest the paths of a job; what was done stays done if it is cancelled."""
    paths = [Path(path) for path in check_paths(list(job.job.options["paths"]))]
    job.update(total=case.count_files(paths))
    counts: Counter[str] = Counter()
    speech = SpeechOptions() if job.job.options.get("transcribe") else None
    options = IngestOptions(analysis=AnalysisOptions(speech=speech), retry_failed=bool(job.job.options.get("retry")))

    def compared(done: int, total: int) -> None:
        counts["compared"], counts["to_compare"] = done, total
        job.check()

    outcomes = case.ingest(paths, options, on_compared=compared)
    try:
        for outcome in outcomes:
            counts[outcome.status] += 1
            message = (
                f"{escape_unprintable(os.path.basename(outcome.path))}: {outcome.message}" if outcome.message else ""
            )
            done = sum(counts[status] for status in ("added", "known", "failed", "skipped"))
            job.update(done=done, total=max(done, job.job.total or 0), counts=counts, message=message)
    finally:
        # A generator that is closed ends its workers.
        close = getattr(outcomes, "close", None)
        if close:
            close()
    return {"counts": dict(counts)}


def _relate(case: Case, job: RunningJob) -> dict[str, Any]:
    compared = case.relate(lambda done, total: job.update(done=done, total=total))
    return {"compared": compared}


def _report(case: Case, job: RunningJob) -> dict[str, Any]:
    job.folder.mkdir(parents=True, exist_ok=True)
    case.report(job.folder / "report.html", on_card=lambda done, total: job.update(done=done, total=total))
    return {"file": "report.html"}


def _check_watches(case: Case, job: RunningJob) -> dict[str, Any]:
    checked = case.check_watches(lambda done, total: job.update(done=done, total=total))
    return {"hits": len(checked.hits), "quarantined": len(checked.quarantined)}
