"""A case as tables of Arrow, in memory or as Parquet files: assets, sightings, matches and transcripts."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import batched
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, get_args

from mediafp.report.exports.exchange_texts import exchange_text, to_window
from mediafp.report.exports.extras import load_extra
from mediafp.types.errors import UsageError
from mediafp.types.kept_matches import MatchRecord
from mediafp.types.runs import AssetRecord
from mediafp.types.sightings import STATED_FIELDS, Sighting
from mediafp.types.written_words import segment_certainty

TableName = Literal["assets", "sightings", "matches", "transcripts"]
TABLES: Final[tuple[TableName, ...]] = get_args(TableName)
ROW_GROUP_ROWS: Final = 10_000
"""Rows that are in memory at once, and that form a row group of a Parquet file. Chosen, not measured."""
PARQUET_START: Final = b"PAR1"
"""First bytes of a Parquet file."""
_TIMES: Final = ("posted_at", "captured_at", "removed_at")
_ASSETS: Final = {
    "sha256": "string", "kind": "string", "bytes": "int64", "format": "string", "width": "int32", "height": "int32",
    "duration": "float64", "fps": "float64", "codec": "string", "has_sound": "bool", "sightings": "int32", "text": "string",
    "transcript": "string", "languages": "list", "warnings": "list",
}  # fmt: skip
_SIGHTINGS: Final = {
    "sha256": "string", "uri": "string",
    **{name: "int64" if name == "views" else "string" for name in STATED_FIELDS if name not in _TIMES},
    **{name: kind for time in _TIMES for name, kind in ((time, "timestamp"), (f"{time}_stated", "string"))},
    "precision": "string", "source": "string",
}  # fmt: skip
_MATCHES: Final = {
    "a": "string", "b": "string", "query": "string", "channel": "string", "relation": "string", "translated": "bool",
    "verdict": "string", "probability": "float64", "coverage_a": "float64", "coverage_b": "float64", "segments": "int32",
    "mirrored": "bool", "inliers": "int32", "removed_text": "string", "why": "list", "decision": "string",
    **{f"{side}_{name}": kind for side in "ab" for name, kind in (
        ("uri", "string"), ("account", "string"), ("platform", "string"), ("url", "string"), ("posted_at", "timestamp"))},
}  # fmt: skip
_TRANSCRIPTS: Final = {
    "sha256": "string", "model": "string", "track": "int32", "channel": "int32", "start": "float64", "end": "float64",
    "language": "string", "language_probability": "float64", "text": "string", "flags": "list", "certainty": "string",
    "word_probability": "float64",
}  # fmt: skip
_COLUMNS: Final[Mapping[TableName, Mapping[str, str]]] = {
    "assets": _ASSETS, "sightings": _SIGHTINGS, "matches": _MATCHES, "transcripts": _TRANSCRIPTS,
}  # fmt: skip

type Row = dict[str, Any]


class TableSource(NamedTuple):
    """Functions that read a case anew for each table."""

    records: Callable[[], Iterable[AssetRecord]]
    matches: Callable[[], Iterable[MatchRecord]]


def load_pyarrow(purpose: str) -> Any:
    """Return the library of the tables. Raises UsageError if it is missing."""
    return load_extra("pyarrow", install="mediafp[parquet]", purpose=purpose)


def to_arrow(source: TableSource, name: TableName) -> Any:
    """Return one table of a case.

    Raises:
        UsageError: There is no such table, or the library is missing.
    """
    if name not in TABLES:
        raise UsageError(f"cannot return the table {name!r}: there is none; choose from: {', '.join(TABLES)}")
    pyarrow = load_pyarrow("return a table of Arrow")
    return pyarrow.Table.from_batches(_batches(pyarrow, source, name), schema=_schema(pyarrow, name))


def write_parquet(folder: Path, source: TableSource) -> dict[TableName, int]:
    """Write each table of a case to a Parquet file in a folder, in row groups, and return the numbers of rows.

    A file appears under its name once it is whole. It replaces an earlier one, and no other file.

    Raises:
        UsageError: The library is missing, or a file cannot be written.
    """
    pyarrow = load_pyarrow("export Parquet")
    parquet = load_extra("pyarrow.parquet", install="mediafp[parquet]", purpose="export Parquet")
    counts: dict[TableName, int] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in TABLES:
            _check_replaceable(folder / f"{name}.parquet")
        for name in TABLES:
            part, counts[name] = folder / f"{name}.parquet.part", 0
            try:
                with parquet.ParquetWriter(part, _schema(pyarrow, name), compression="zstd") as writer:
                    for batch in _batches(pyarrow, source, name):
                        writer.write_batch(batch, row_group_size=ROW_GROUP_ROWS)
                        counts[name] += batch.num_rows
                part.replace(folder / f"{name}.parquet")
            finally:
                part.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot write the tables to {str(folder)!r}: {reason}; choose another folder") from error
    return counts


def _check_replaceable(file: Path) -> None:
    """Raise UsageError if a table would replace a file that is none."""
    if not file.exists():
        return
    if file.is_file():
        with file.open("rb") as opened:
            if opened.read(len(PARQUET_START)) == PARQUET_START:
                return
    raise UsageError(f"cannot write the table to {str(file)!r}: the file exists and is no table; choose another folder")


def _schema(pyarrow: Any, name: TableName) -> Any:
    types = {
        "string": pyarrow.string(), "int32": pyarrow.int32(), "int64": pyarrow.int64(), "float64": pyarrow.float64(),
        "bool": pyarrow.bool_(), "timestamp": pyarrow.timestamp("us", tz="UTC"), "list": pyarrow.list_(pyarrow.string()),
    }  # fmt: skip
    return pyarrow.schema([(column, types[kind]) for column, kind in _COLUMNS[name].items()])


def _batches(pyarrow: Any, source: TableSource, name: TableName) -> Iterator[Any]:
    schema = _schema(pyarrow, name)
    for rows in batched(_rows(source, name), ROW_GROUP_ROWS):
        yield pyarrow.RecordBatch.from_pylist(list(rows), schema=schema)


def _rows(source: TableSource, name: TableName) -> Iterator[Row]:
    match name:
        case "assets":
            yield from map(_asset_row, source.records())
        case "sightings":
            yield from (_sighting_row(seen) for record in source.records() for seen in record.sightings)
        case "matches":
            yield from map(_match_row, source.matches())
        case "transcripts":
            yield from (row for record in source.records() for row in _transcript_rows(record))


def _asset_row(record: AssetRecord) -> Row:
    asset, transcript = record.asset, record.transcript
    row: Row = {
        name: asset.properties.get(name)
        for name in ("format", "width", "height", "duration", "fps", "codec", "has_sound")
    }
    lines = record.text or record.video_text
    return row | {
        "sha256": asset.sha256,
        "kind": asset.kind,
        "bytes": asset.bytes,
        "sightings": len(record.sightings),
        "text": exchange_text("\n".join(line.text for line in lines)) if lines else None,
        "transcript": exchange_text(" ".join(one.text for one in transcript.segments)) if transcript else None,
        "languages": sorted(transcript.languages) if transcript else None,
        "warnings": [exchange_text(warning) for warning in record.warnings],
    }


def _sighting_row(seen: Sighting) -> Row:
    row: Row = {name: getattr(seen, name) for name in (*STATED_FIELDS, "sha256", "uri", "precision", "source")}
    row = {name: exchange_text(value) if isinstance(value, str) else value for name, value in row.items()}
    for name in _TIMES:
        row[f"{name}_stated"], row[name] = row[name], _start(row[name])
    return row


def _match_row(record: MatchRecord) -> Row:
    found, placement = record.match, record.match.placement
    row: Row = {
        **{name: getattr(record, name) for name in ("a", "b", "query", "channel", "relation", "translated")},
        "verdict": found.verdict,
        "probability": found.probability,
        "coverage_a": record.coverage[0],
        "coverage_b": record.coverage[1],
        "segments": len(found.segments),
        "mirrored": placement.mirrored if placement else None,
        "inliers": placement.inliers if placement else None,
        "removed_text": exchange_text("\n".join(line.text for line in placement.removed_text)) if placement else None,
        "why": [exchange_text(reason) for reason in found.why],
        "decision": found.decision.decision if found.decision else None,
    }
    for side, sightings in (("a", record.a_sightings), ("b", record.b_sightings)):
        oldest = next(iter(sightings), None)
        for name in ("uri", "account", "platform", "url"):
            row[f"{side}_{name}"] = exchange_text(getattr(oldest, name, None))
        row[f"{side}_posted_at"] = _start(oldest.posted_at) if oldest else None
    return row


def _transcript_rows(record: AssetRecord) -> Iterator[Row]:
    for one in record.transcript.segments if record.transcript else ():
        yield {
            "sha256": record.asset.sha256,
            "model": record.transcript.model if record.transcript else None,
            **{
                name: getattr(one, name)
                for name in ("track", "channel", "start", "end", "language", "language_probability")
            },
            "text": exchange_text(one.text),
            "flags": list(one.flags),
            "certainty": segment_certainty(one),
            "word_probability": one.word_probability,
        }


def _start(time: str | None) -> Any:
    """Return the first moment of a stated time as if it was in UTC; None if it is not known."""
    window = to_window(f"{time.removesuffix('Z')}Z") if time else None
    return window.first if window else None
