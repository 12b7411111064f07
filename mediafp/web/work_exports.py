"""Exports of a case as jobs: each writes one file, which is kept with the record of the job."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TextIO, get_args
from zipfile import ZIP_DEFLATED, ZipFile

from mediafp.case import Case
from mediafp.report import jsonl
from mediafp.report.exports import csv, hashes
from mediafp.types.errors import StoreError, denied_write
from mediafp.web.jobs import RunningJob

ExportFormat = Literal["jsonl", "csv", "matches", "matches_csv", "coshare", "stix", "misp", "hashes", "parquet"]
EXPORT_FORMATS: Final[tuple[ExportFormat, ...]] = get_args(ExportFormat)
FILE_NAMES: Final[Mapping[ExportFormat, str]] = {
    "jsonl": "files.jsonl",
    "csv": "sightings.csv",
    "matches": "matches.jsonl",
    "matches_csv": "matches.csv",
    "coshare": "coshare.csv",
    "stix": "stix.json",
    "misp": "misp.json",
    "hashes": "hashes.txt",
    "parquet": "tables.zip",
}
"""Name of the file of each format."""
MISP_TITLE: Final = "Reused media"
"""Title of an event, as the command has it."""
PROGRESS_STEP: Final = 100
"""Records between two notes of the progress. Chosen, not measured."""


def export(case: Case, job: RunningJob) -> dict[str, Any]:
    """Write the export that the options of a job name, and return the name of its file."""
    format: ExportFormat = job.job.options["format"]
    path = job.folder / FILE_NAMES[format]
    try:
        job.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if format == "parquet":
            counts: Mapping[str, int] = _write_parquet(case, job, path)
        else:
            with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                counts = {"records": _WRITERS[format](case, job, file)}
    except OSError as error:
        raise StoreError(
            f"cannot write the export to '{path}': {error.strerror}; free space and try again", kind=denied_write(error)
        ) from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return {"file": path.name, "bytes": path.stat().st_size, "counts": dict(counts)}


def _write_assets(case: Case, job: RunningJob, file: TextIO) -> int:
    return _write_lines(file, map(jsonl.asset_to_json, _counted(job, case.export_records(), case)))


def _write_sightings(case: Case, job: RunningJob, file: TextIO) -> int:
    rows = (
        csv.asset_row(record.asset, sighting, record.transcript, record.text or record.video_text)
        for record in _counted(job, case.export_records(), case)
        for sighting in record.sightings
    )
    return _write_table(file, csv.ASSET_COLUMNS, rows)


def _write_matches(case: Case, job: RunningJob, file: TextIO) -> int:
    return _write_lines(file, map(jsonl.match_record_to_json, _counted(job, case.export_matches(_compared(job)))))


def _write_match_table(case: Case, job: RunningJob, file: TextIO) -> int:
    rows = map(csv.match_row, _counted(job, case.export_matches(_compared(job))))
    return _write_table(file, csv.MATCH_COLUMNS, rows)


def _write_coshares(case: Case, job: RunningJob, file: TextIO) -> int:
    found = case.coshare(on_progress=_compared(job))
    return _write_table(file, csv.COSHARE_COLUMNS, map(csv.coshare_row, found.posts))


def _write_stix(case: Case, job: RunningJob, file: TextIO) -> int:
    from mediafp.report.exports.stix import write_stix

    seal, records = case.exchange_records(on_progress=_compared(job))
    return write_stix(file, _counted(job, records, case), seal)


def _write_misp(case: Case, job: RunningJob, file: TextIO) -> int:
    from mediafp.report.exports.misp import write_misp

    seal, records = case.exchange_records(on_progress=_compared(job))
    return write_misp(file, _counted(job, records, case), seal, title=MISP_TITLE)


def _write_hashes(case: Case, job: RunningJob, file: TextIO) -> int:
    count = 0
    for one in _counted(job, case.export_hashes(), case):
        for line in hashes.iter_hash_lines(one):
            # Hashes of flat images are near to all others of their kind.
            if line.is_usable:
                file.write(f"{line.text}\n")
                count += 1
    return count


_WRITERS: Final[Mapping[ExportFormat, Callable[[Case, RunningJob, TextIO], int]]] = {
    "jsonl": _write_assets,
    "csv": _write_sightings,
    "matches": _write_matches,
    "matches_csv": _write_match_table,
    "coshare": _write_coshares,
    "stix": _write_stix,
    "misp": _write_misp,
    "hashes": _write_hashes,
}


def _write_parquet(case: Case, job: RunningJob, path: Path) -> dict[str, int]:
    folder = job.folder / "tables"
    counts = case.export_parquet(folder, _compared(job))
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for table in sorted(folder.iterdir()):
            archive.write(table, table.name)
            table.unlink()
    folder.rmdir()
    return {str(name): rows for name, rows in counts.items()}


def _compared(job: RunningJob) -> Callable[[int, int], object]:
    """Return the function that notes how many files were compared."""
    return lambda done, total: job.update(counts={"compared": done, "to_compare": total})


def _counted[Item](job: RunningJob, items: Iterable[Item], case: Case | None = None) -> Iterable[Item]:
    """Yield items, and note their number; of assets, how many there are in all."""
    total = case.count_assets() if case else None
    job.update(done=0, total=total)
    for number, item in enumerate(items, 1):
        yield item
        if number % PROGRESS_STEP == 0:
            job.update(done=number)


def _write_lines(file: TextIO, values: Iterable[jsonl.JsonObject]) -> int:
    count = 0
    for count, value in enumerate(values, 1):  # noqa: B007
        file.writelines(jsonl.json_parts(value))
        file.write("\n")
    return count


def _write_table(file: TextIO, columns: Iterable[str], rows: Iterable[Any]) -> int:
    count = 0

    def counted() -> Iterable[Any]:
        nonlocal count
        for count, row in enumerate(rows, 1):  # noqa: B007
            yield row

    csv.write_csv(file, tuple(columns), counted(), byte_order_mark=True)
    return count
