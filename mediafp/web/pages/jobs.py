"""The long work: what runs, what waits, what ended and with which result; and the forms that start it."""

import time
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import Path, Query
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from mediafp.report import jsonl
from mediafp.report.names import display_name
from mediafp.types.errors import UsageError
from mediafp.types.instants import parse_instant
from mediafp.web.asking import Asking
from mediafp.web.jobs import MAX_MESSAGES, Job
from mediafp.web.site import FormFields, Site
from mediafp.web.translation import page_text
from mediafp.web.views import View
from mediafp.web.work import check_paths
from mediafp.web.work_exports import EXPORT_FORMATS, ExportFormat

KINDS: Final = (
    "ingest",
    "received",
    "retry",
    "relate",
    "transcribe",
    "report",
    "verify",
    "watch",
    "calibrate",
    "export",
)
"""Kinds of jobs."""
READING_KINDS: Final = ("verify",)
"""Kinds that write nothing to the folder of the case but their record, without which they run too."""
SHOWN_AFTER_SECONDS: Final = 24 * 3600
"""Seconds for which the start page shows a job that has ended, if no other one runs. Chosen, not measured."""
LISTED_NAMES: Final = 3
"""File names in the title of a job. Chosen, not measured."""
JobId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]


class JobRequest(BaseModel):
    """A job to start: its kind, and the options of that kind."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal[
        "ingest", "received", "retry", "relate", "transcribe", "report", "verify", "watch", "calibrate", "export"
    ]
    paths: list[str] = Field(default=[], max_length=1_000, description="ingest: absolute paths of files and folders")
    files: list[str] = Field(default=[], max_length=1_000, description="received: SHA-256 of files sent to /api/add")
    names: list[str] = Field(default=[], max_length=1_000, description="received: their names, for the title")
    keys: list[str] | None = Field(
        default=None, max_length=10_000, description="retry: keys of failed paths; null for all"
    )
    watch: bool = Field(default=False, description="received: watch for the files when they are in the case")
    transcribe: bool = Field(default=False, description="ingest, received, retry: transcribe speech")
    format: ExportFormat | None = Field(default=None, description="export: the format")
    ocr: bool = Field(default=True, description="ingest, received, retry: read text in images and on screen")


def add_jobs(site: Site, asking: Asking) -> None:
    """Add the page of the jobs, and what it does."""

    def jobs() -> View:
        every = site.jobs.latest()
        return View(
            template="jobs.html.j2",
            values={"jobs": every, "files": site.case.count_assets(), "is_part": False},
            json=lambda: map(job_to_json, every),
            columns=("id", "kind", "title", "state", "done", "total", "created_at", "started_at", "ended_at", "error"),
            rows=lambda: (
                (
                    one.id,
                    one.kind,
                    one.title,
                    one.state,
                    one.done,
                    one.total,
                    one.created_at,
                    one.started_at,
                    one.ended_at,
                )
                + (one.error,)
                for one in every
            ),
        )

    def now(every: Annotated[bool, Query(alias="all")] = False) -> Response:
        shown = site.jobs.latest() if every else shown_jobs(site)
        return site.render("jobs_now.html.j2", {"jobs": shown, "all": every, "is_part": True})

    def file(id: JobId) -> Response:
        path = _or_missing(site, id) and site.jobs.file(id)
        if not path:
            raise HTTPException(
                404, page_text("this job has written no file, or it is not kept any more; start it again")
            )
        name = f"{site.case_name}-{path.name}".encode("ascii", "ignore").decode() or path.name
        return FileResponse(path, filename=name, media_type="application/octet-stream")

    def start(form: FormFields) -> Response:
        wanted = JobRequest(
            kind=_kind(form.get("kind", "")),
            paths=[form["path"].strip()] if form.get("path", "").strip() else [],
            keys=[form["key"]] if form.get("key") else None,
            transcribe="transcribe" in form,
            ocr="ocr" in form or form.get("kind") != "ingest",
        )
        start_job(site, wanted)
        return site.go_back(form, "/jobs")

    def cancel(id: JobId, form: FormFields) -> Response:
        _or_missing(site, id)
        site.jobs.cancel(id)
        site.jobs.wait(id, 1.0)
        return site.go_back(form, "/jobs")

    def again(id: JobId, form: FormFields) -> Response:
        _check_writable(site, _or_missing(site, id).kind)
        site.jobs.again(id)
        return site.go_back(form, "/jobs")

    def jobs_api(limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Iterator[jsonl.JsonObject]:
        """List the jobs, the newest first."""
        return map(job_to_json, site.jobs.latest()[:limit])

    def job_api(id: JobId) -> jsonl.JsonObject:
        """Return one job."""
        return job_to_json(_or_missing(site, id))

    def start_api(wanted: JobRequest) -> jsonl.JsonObject:
        """Start a job, or put it behind those that wait, and return it."""
        return job_to_json(start_job(site, wanted))

    def cancel_api(id: JobId) -> jsonl.JsonObject:
        """Cancel a job, and return it; what it has done so far stays."""
        _or_missing(site, id)
        return job_to_json(site.jobs.cancel(id))

    site.add_view("/jobs", jobs)
    site.add_part("/jobs/now", now)
    site.add_part("/jobs/{id}/file", file)
    site.add_action("/jobs/start", start, writes=False)
    site.add_action("/jobs/{id}/cancel", cancel, writes=False)
    site.add_action("/jobs/{id}/again", again, writes=False)
    site.add_api("/jobs", jobs_api)
    site.add_api("/jobs", start_api, method="POST", writes=False)
    site.add_api("/jobs/{id}", job_api)
    site.add_api("/jobs/{id}", cancel_api, method="DELETE", writes=False)


def start_job(site: Site, wanted: JobRequest) -> Job:
    """Start a job. Raises UsageError for paths that do not exist, StoreError if it would write to a read-only case."""
    _check_writable(site, wanted.kind)
    options: dict[str, Any] = {}
    title = ""
    if wanted.kind == "ingest":
        if not wanted.paths:
            raise UsageError("cannot take in a folder: no path was given; name a folder, a file or an archive")
        options["paths"] = check_paths(wanted.paths)
        title = _title([display_name(path.rstrip("/\\")) for path in wanted.paths])
    if wanted.kind == "received":
        return start_received(
            site, wanted.files, names=wanted.names, transcribe=wanted.transcribe, ocr=wanted.ocr, watch=wanted.watch
        )
    if wanted.kind == "export":
        if wanted.format is None:
            raise UsageError(f"cannot export: no format was given; choose one of {', '.join(EXPORT_FORMATS)}")
        options["format"], title = wanted.format, wanted.format
    if wanted.kind == "retry":
        options["keys"] = wanted.keys
    if wanted.kind in ("ingest", "retry"):
        options |= {"transcribe": wanted.transcribe, "ocr": wanted.ocr}
    return site.jobs.start(wanted.kind, title, options)


def start_received(
    site: Site,
    files: Sequence[str],
    *,
    names: Sequence[str],
    refused: Sequence[str] = (),
    transcribe: bool = False,
    ocr: bool = True,
    watch: bool = False,
    publish: Sequence[str] = (),
) -> Job:
    """Start to ingest files that were received.

    Args:
        site: The site.
        files: Their SHA-256.
        names: Their names, for the title.
        refused: Reasons of others that were not kept.
        transcribe: Transcribe their speech.
        ocr: Read text in images and on screen.
        watch: Watch for each of them when it is in the case.
        publish: SHA-256 of assets whose matches with them then go to the publication.
    """
    if not files or not all(site.received.path(sha256) for sha256 in files):
        raise UsageError("cannot add these files: they were not received; send each to /api/add first")
    options = {
        "files": list(files),
        "refused": list(refused)[:MAX_MESSAGES],
        "refused_count": len(refused),
        "transcribe": transcribe,
        "ocr": ocr,
        "watch": watch,
        "publish": list(publish),
    }
    return site.jobs.start("received", _title([display_name(name) for name in names] or [files[0][:12]]), options)


def shown_jobs(site: Site) -> list[Job]:
    """Return the jobs that the start page shows: those that are open, else the last one if it ended lately."""
    every = site.jobs.latest()
    if opened := [job for job in every if job.is_open]:
        return opened[::-1]
    return [job for job in every[:1] if job.state == "interrupted" or _is_recent(job)]


def job_to_json(job: Job) -> jsonl.JsonObject:
    """Return a job as an object."""
    left = job.seconds_left
    return {
        "id": job.id,
        "kind": job.kind,
        "title": job.title,
        "state": job.state,
        "done": job.done,
        "total": job.total,
        "counts": job.counts,
        "messages": list(job.messages),
        "more_messages": job.more_messages,
        "result": job.result,
        "error": job.error,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "seconds_left": None if left is None else round(left, 1),
    }


def _is_recent(job: Job) -> bool:
    ended = parse_instant(job.ended_at) if job.ended_at else None
    return ended is not None and time.time() - ended.start < SHOWN_AFTER_SECONDS


def _check_writable(site: Site, kind: str) -> None:
    if kind not in READING_KINDS:
        site.case.check_writable()


def _kind(kind: str) -> Any:
    if kind not in KINDS:
        raise UsageError(f"cannot start {kind[:40]!r}: there is no such work; choose one of {', '.join(KINDS)}")
    return kind


def _or_missing(site: Site, id: str) -> Job:
    """Return a job. Raises HTTPException if there is none."""
    try:
        return site.jobs.find(id)
    except UsageError as error:
        raise HTTPException(404, page_text("there is no such job, or its record is not kept any more")) from error


def _title(names: Sequence[str]) -> str:
    return ", ".join(names[:LISTED_NAMES]) + (f", +{len(names) - LISTED_NAMES}" if len(names) > LISTED_NAMES else "")
