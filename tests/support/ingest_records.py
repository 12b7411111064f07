"""Ingest records and ledger entries for tests of the store, and further processes that open the same store."""

import os
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import numpy as np
from processes import PATIENCE_SECONDS

from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.store import Store
from mediafp.store.sqlite.connection import DATABASE_NAME
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import Asset, Thumbnail
from mediafp.types.runs import IngestRecord, LedgerEntry
from mediafp.types.sightings import Sighting

BAD_NAME = os.fsdecode(b"/dump/bad\xff \xe5\x89\xaf\n.mp4")
"""A path with a byte that is not UTF-8, Chinese characters and a newline."""
JPEGS = [encode_thumbnail(np.full((8, 8, 3), 5 * n, np.uint8), 8) for n in range(40)]


def fingerprint(sha256: str, type: str = "pdq", rows: int = 3, *, seed: int = 0) -> Fingerprint:
    rng = np.random.default_rng(seed)
    if type == "pdq":
        vectors = rng.integers(0, 256, (rows, 32), dtype=np.uint8)
    else:
        vectors = rng.normal(size=(rows, 512)).astype(np.float16)
    starts = np.arange(rows) / 3
    return Fingerprint(
        sha256=sha256,
        type=type,
        version="1",
        spans=np.column_stack((starts, starts + 1 / 3)),
        vectors=vectors,
        quality=rng.random(rows).astype(np.float32),
    )


def untimed_fingerprint(sha256: str, vectors: np.ndarray) -> Fingerprint:
    """Return a fingerprint of type "t" with these rows, all at the start."""
    count = len(vectors)
    return Fingerprint(
        sha256=sha256,
        type="t",
        version="1",
        spans=np.zeros((count, 2)),
        vectors=vectors,
        quality=np.ones(count, np.float32),
    )


def ingest_record(name: str = "a", path: str | None = None, *, rows: int = 3) -> IngestRecord:
    """Return the ingest record of one file; the SHA-256 of its asset is the name, repeated."""
    sha256, path = (name * 64)[:64], path or f"/dump/{name}.mp4"
    return IngestRecord(
        asset=Asset(
            sha256=sha256,
            kind="video",
            bytes=1000,
            properties={
                "format": "mp4",
                "width": 640,
                "height": 360,
                "duration": 1.5,
                "has_sound": False,
                "codec": None,
            },
        ),
        sightings=(
            Sighting(sha256=sha256, uri=path, account="某人", posted_at="2024-05-01T00:00:00Z", views=7, source="x"),
        ),
        fingerprints=(fingerprint(sha256, "pdq", rows), fingerprint(sha256, "sscd_distilled", rows)),
        thumbnails=tuple(Thumbnail(position=n, seconds=n / 3, jpeg=JPEGS[n]) for n in range(rows)),
        warnings=("2 packets are damaged",),
    )


def execute_raw(store: SqliteStore, statement: str, values: tuple[object, ...] = ()) -> None:
    """Change the database through another connection."""
    with closing(sqlite3.connect(store.folder / DATABASE_NAME)) as database, database:
        database.execute(statement, values)


def done_entry(record: IngestRecord, *, version: str = "v") -> LedgerEntry:
    """Return the ledger entry of a file that was ingested."""
    return LedgerEntry(
        path=record.sightings[0].uri,
        bytes=record.asset.bytes,
        modified_ns=1_700_000_000_123_456_789,
        version=version,
        state="done",
        sha256=record.asset.sha256,
    )


def failed_entry(path: str, kind: str = "corrupt", *, attempts: int = 1) -> LedgerEntry:
    """Return the ledger entry of a file that failed."""
    return LedgerEntry(
        path=path, bytes=1, modified_ns=1, version="v", state="failed", kind=kind, message="m", attempts=attempts
    )


HEAD = """
import os, resource, sys
from pathlib import Path
from mediafp.types.errors import StoreError
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.runs import LedgerEntry

def fail(path, kind="corrupt"):
    row = LedgerEntry(path=path, bytes=1, modified_ns=1, version="v", state="failed", kind=kind, message="m")
    store.write_ledger_entry(row)

def limit(size=resource.RLIM_INFINITY):  # writes fail as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
"""


def start_child(code: str, folder: Path | None = None) -> "subprocess.Popen[str]":
    """Start another process, with the store of a folder open as `store`; its input and output are pipes."""
    opened = f"store = SqliteStore(Path({str(folder)!r}))\n" if folder else ""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", HEAD + opened + textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def send_line(process: "subprocess.Popen[str]", line: str) -> None:
    """Write a line to the input of a process."""
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def read_line(process: "subprocess.Popen[str]") -> str:
    """Return the next line of output of a process."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def request_line(process: "subprocess.Popen[str]") -> str:
    """Write an empty line to a process and return the line that it writes next."""
    send_line(process, "")
    return read_line(process)


def end_child(process: "subprocess.Popen[str]") -> int:
    """Close the input of a process, and return its exit status."""
    process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode


def state(store: Store) -> tuple[object, ...]:
    """Return everything that a write can change."""
    assets = store.assets()
    return (
        assets,
        [store.sightings(asset.sha256) for asset in assets],
        [store.fingerprint_types(asset.sha256) for asset in assets],
        [store.row_thumbnail(asset.sha256, 0) for asset in assets],
        store.failures(),
        store.last_log_entry(),
    )


def add_records(store: Store, *records: IngestRecord) -> None:
    """Add records to a store in one transaction."""
    with store.writing():
        for record in records:
            store.add_record(record)
