"""Actions on the file of an answer: it is added to the case, watched for, published, exported."""

import io
from collections.abc import Callable, Sequence
from typing import Any, Final

from fastapi.responses import Response

from mediafp.types.answers import Answer
from mediafp.types.errors import UsageError
from mediafp.types.watches import WatchSummary
from mediafp.web.jobs import Job
from mediafp.web.pages.jobs import start_received
from mediafp.web.pages.review import check_pair
from mediafp.web.site import FormFields, Sha256, Site
from mediafp.web.work_exports import MISP_TITLE

EXPORTS: Final = {"stix": "application/stix+json", "misp": "application/json"}
"""Formats of one file and its matches, with their content types."""
ADDING_SECONDS: Final = 8.0
"""Seconds that an action waits for a file to be added, before the answer shows that it is. Chosen: an image takes 1 to 3 s."""


def add_answer_actions(site: Site, find: Callable[[str], Answer]) -> None:
    """Add the actions."""

    def add(sha256: Sha256, form: FormFields) -> Response:
        reference = form.get("publish", "")
        if reference:
            check_pair("match", sha256, reference)
        if site.case.find_asset(sha256) is None:
            job = take_in(site, sha256, watch="watch" in form, publish=[reference] if reference else ())
            draft = site.jobs.wait(job.id, ADDING_SECONDS).result.get("draft")
            if reference and draft:
                return site.go(f"/publish/{draft}")
        elif "watch" in form:
            site.case.add_watch(sha256, None, "asset")
        return site.go(f"/answer/{sha256}")

    def export(sha256: Sha256, form: FormFields) -> Response:
        format = form.get("format", "")
        if format not in EXPORTS:
            raise UsageError(f"cannot export {format[:40]!r}: choose one of {', '.join(EXPORTS)}")
        if not find(sha256).in_case:
            raise UsageError("cannot export the file: it is not in the case; add it first, then its matches are kept")
        headers = {"content-disposition": f'attachment; filename="{format}-{sha256[:12]}.json"'}
        return Response(_export(site, sha256, format), media_type=EXPORTS[format], headers=headers)

    site.add_action("/answer/{sha256}/add", add)
    site.add_action("/answer/{sha256}/export", export, writes=False)


def take_in(site: Site, sha256: str, *, watch: bool = False, publish: Sequence[str] = ()) -> Job:
    """Add an uploaded query to the case as a job.

    Args:
        site: The site.
        sha256: The query.
        watch: Watch for it when it is in the case.
        publish: SHA-256 of assets whose matches with it then go to the publication.

    Raises:
        UsageError: Its file is not kept any more, or it is a part of another one.
    """
    running = pending_job(site, sha256)
    if running and running.is_open and not watch and not publish:
        return running
    saved = site.queries.find(sha256, only=sha256)
    with site.queries.opened(sha256) as file:
        if saved is None or file is None:
            raise UsageError("cannot add the file to the case: it is not kept any more; drop it again")
        if saved.part_of:
            raise UsageError("cannot add the file to the case: it is a part of another one; add the whole file")
        site.received.keep(saved.name, file)
    return start_received(site, [sha256], names=[saved.name], watch=watch, publish=publish)


def pending_job(site: Site, sha256: str) -> Job | None:
    """Return the last job that adds a file to the case; None if there is none."""
    return next(
        (job for job in site.jobs.latest() if job.kind == "received" and sha256 in job.options.get("files", ())), None
    )


def answer_values(site: Site, answer: Answer) -> dict[str, Any]:
    """Return what the page states of the file in the case: the job that adds it, and the watch for it."""
    job = pending_job(site, answer.sha256)
    return {
        "adding": job if job and (job.is_open or (not answer.in_case and job.state != "done")) else None,
        "added": job if job and job.state == "done" else None,
        "watched": _watch_of(site, answer.sha256) if answer.in_case else None,
    }


def _watch_of(site: Site, sha256: str) -> WatchSummary | None:
    return next((one for one in site.case.watches() if one.watch.kind == "asset" and one.watch.value == sha256), None)


def _export(site: Site, sha256: str, format: str) -> str:
    seal, records = site.case.exchange_records(of=sha256)
    file = io.StringIO()
    if format == "stix":
        from mediafp.report.exports.stix import write_stix

        write_stix(file, records, seal, of=sha256)
    else:
        from mediafp.report.exports.misp import write_misp

        write_misp(file, records, seal, title=MISP_TITLE, of=sha256)
    return file.getvalue()
