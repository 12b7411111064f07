"""A case on disk: assets, sightings, fingerprints and thumbnails in one SQLite file."""

import errno
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from mediafp.store.sqlite import custody_log, integrity, schema
from mediafp.store.sqlite.content_hash import content_hash
from mediafp.store.sqlite.errors import READ_ERRORS, is_busy, store_error
from mediafp.store.sqlite.transactions import write_transaction
from mediafp.store.sqlite.values import canonical_json, path_bytes, path_string, replace_surrogates, utc_now
from mediafp.types.errors import StoreError
from mediafp.types.fingerprint_types import FingerprintDeclaration
from mediafp.types.fingerprints import Fingerprint, pack_fingerprint, unpack_fingerprint
from mediafp.types.media import Asset, Sighting
from mediafp.types.runs import IngestRecord

DATABASE_NAME = "case.sqlite"
BUSY_SECONDS = 60.0
"""How long a second writer waits for the first."""
RETRY_SECONDS = 0.01
"""Between two tries to open a store that is being made: making it takes a few flushes to disk of 4 ms."""
NO_FLUSH = (errno.EINVAL, errno.ENOTSUP)
"""What file systems say that cannot flush a folder."""
SIGHTING_FIELDS = (
    "account",
    "platform",
    "url",
    "title",
    "text",
    "posted_at",
    "captured_at",
    "removed_at",
    "views",
    "source",
)


class SqliteStore:
    """One open store. Raises StoreError where it is missing, newer, or not a store.

    Written with `synchronous=FULL`: what `write` returned from survives a power cut.
    """

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self.folder = folder
        if create:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise store_error(folder, "made", error) from error
        try:
            self._file = (folder / DATABASE_NAME).absolute()
            if not create and not (self._file.is_file() and self._file.stat().st_size):
                raise StoreError(f"there is no store in {folder}; make one with: mediafp --store {folder} ingest PATH")
            self._db = _opened(self._file)
            self._place = _place(self._file)
        except (*READ_ERRORS, OSError) as error:
            raise store_error(folder, "opened", error) from error

    @property
    def db(self) -> sqlite3.Connection:
        """The database, for the modules of this folder."""
        return self._db

    def close(self) -> None:
        """Closes the file; the store may be opened again."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction around all writes in it; undone as a whole where an exception leaves it."""
        try:
            with write_transaction(self._db):
                yield
                if _place(self._file) != self._place:
                    raise StoreError(
                        f"the store {self.folder} was moved or deleted while it was open, and what was being written is"
                        " undone; put it back, and run the same command again"
                    )
        except sqlite3.Error as error:
            raise store_error(self.folder, "written", error) from error

    # Writing --------------------------------------------------------------------------------------

    def add_record(self, intake: IngestRecord) -> bool:
        """Writes one file's intake; True where the asset is new. Call it inside `writing`.

        An asset that lacks a fingerprint of the intake gets all that the intake holds: what is kept of its pictures is
        of one reading. Fingerprints of older versions stay.
        """
        asset, sha256 = intake.asset, intake.asset.sha256
        properties, warnings = canonical_json(dict(asset.properties)), canonical_json(list(intake.warnings))
        new = self._db.execute(
            "INSERT INTO asset VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (sha256, asset.kind, asset.bytes, properties, warnings, utc_now()),
        ).rowcount
        if new:
            self._keep(intake)
            self._sight(intake.sighting)
            told = {"sha256": sha256, "bytes": asset.bytes, "kind": asset.kind, "uri": intake.sighting.uri}
            custody_log.append(self, "added", {**told, "content": content_hash(self._db, sha256)})
        elif not self.has_fingerprints(sha256, {f.type: f.version for f in intake.fingerprints}):
            self._db.execute(
                "UPDATE asset SET properties = ?, warnings = ? WHERE sha256 = ?", (properties, warnings, sha256)
            )
            self._db.execute("DELETE FROM thumbnail WHERE sha256 = ?", (sha256,))
            self._keep(intake)
            custody_log.append(self, "refreshed", {"sha256": sha256, "content": content_hash(self._db, sha256)})
        self.add_sighting(intake.sighting)
        return bool(new)

    def add_sighting(self, sighting: Sighting) -> None:
        """Writes one sighting, or what is new of it: a sidecar that is gone takes nothing away. Call inside `writing`."""
        place = {"sha256": sighting.sha256, "uri": sighting.uri}
        told = {name: _stored(getattr(sighting, name)) for name in SIGHTING_FIELDS}
        before = self.row(
            f"SELECT {', '.join(SIGHTING_FIELDS)} FROM sighting WHERE sha256 = ? AND uri = ?",
            (sighting.sha256, path_bytes(sighting.uri)),
        )
        if before is None:
            self._sight(sighting)
            custody_log.append(self, "seen", place)
        kept = dict(zip(SIGHTING_FIELDS, before or (), strict=False))
        fields = {name: value for name, value in told.items() if value not in (None, "", kept.get(name))}
        if fields:
            self._db.execute(
                f"UPDATE sighting SET {', '.join(f'{name} = ?' for name in fields)} WHERE sha256 = ? AND uri = ?",
                (*fields.values(), sighting.sha256, path_bytes(sighting.uri)),
            )
            custody_log.append(self, "sighted", {**place, "fields": fields})

    def _sight(self, sighting: Sighting) -> None:
        self._db.execute(
            "INSERT INTO sighting (sha256, uri, source) VALUES (?, ?, '')", (sighting.sha256, path_bytes(sighting.uri))
        )

    def _keep(self, intake: IngestRecord) -> None:
        sha256 = intake.asset.sha256
        self._db.executemany(
            "INSERT OR REPLACE INTO fingerprint VALUES (?, ?, ?, ?)",
            [(sha256, f.type, f.version, pack_fingerprint(f)) for f in intake.fingerprints],
        )
        self._db.executemany(
            "INSERT OR REPLACE INTO thumbnail VALUES (?, ?, ?, ?)",
            [(sha256, t.position, t.seconds, t.jpeg) for t in intake.thumbnails],
        )

    # Reading --------------------------------------------------------------------------------------

    def rows(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, for the modules of this folder. Raises StoreError where they cannot be read."""
        try:
            yield from self._db.execute(query, values)
        except READ_ERRORS as error:
            raise store_error(self.folder, "read", error) from error

    def row(self, query: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """The first row of a query, or None."""
        return next(self.rows(query, values), None)

    def has_fingerprints(self, sha256: str, versions: Mapping[str, str]) -> bool:
        """Whether an asset is there with a fingerprint of each of these types in this version."""
        there = self.row("SELECT 1 FROM asset WHERE sha256 = ?", (sha256,)) is not None
        return there and versions.items() <= set(self.fingerprint_types(sha256))

    def assets(self) -> list[Asset]:
        """Every asset, by SHA-256."""
        rows = self.rows("SELECT sha256, kind, bytes, properties FROM asset ORDER BY sha256")
        return [_asset(row) for row in rows]

    def asset(self, sha256: str) -> Asset:
        """One asset. Raises StoreError where the store does not hold it."""
        row = self.row("SELECT sha256, kind, bytes, properties FROM asset WHERE sha256 = ?", (sha256,))
        if row is None:
            raise StoreError(f"the store holds no asset {sha256}")
        return _asset(row)

    def warnings(self, sha256: str) -> list[str]:
        """What went less than well when the asset was read."""
        row = self.row("SELECT warnings FROM asset WHERE sha256 = ?", (sha256,))
        return json.loads(row[0]) if row else []

    def sightings(self, sha256: str) -> list[Sighting]:
        """Where the asset was seen: dated sightings first, oldest on top, then by path."""
        rows = self.rows(
            f"SELECT uri, {', '.join(SIGHTING_FIELDS)} FROM sighting WHERE sha256 = ? ORDER BY posted_at IS NULL, posted_at, uri",
            (sha256,),
        )
        return [
            Sighting(sha256=sha256, uri=path_string(uri), **dict(zip(SIGHTING_FIELDS, fields, strict=True)))
            for uri, *fields in rows
        ]

    def captions(self, sha256: str) -> list[str]:
        """What was written beside the asset wherever it was seen."""
        return [text for sighting in self.sightings(sha256) for text in sighting.captions]

    def uris(self, sha256: str) -> tuple[str, ...]:
        """The paths under which the asset was seen."""
        return tuple(sighting.uri for sighting in self.sightings(sha256))

    def fingerprints(self, type: str, version: str) -> Iterator[Fingerprint]:
        """Every fingerprint of one type and version, by SHA-256."""
        rows = self.rows(
            "SELECT sha256, data FROM fingerprint WHERE type = ? AND version = ? ORDER BY sha256", (type, version)
        )
        for sha256, data in rows:
            try:
                yield unpack_fingerprint(sha256, type, version, data)
            except ValueError as error:
                raise StoreError(f"fingerprint {type} of {sha256} is damaged ({error}); see: mediafp verify") from error

    def fingerprint_types(self, sha256: str) -> list[tuple[str, str]]:
        """Type and version of every fingerprint of an asset."""
        rows = self.rows("SELECT type, version FROM fingerprint WHERE sha256 = ? ORDER BY 1, 2", (sha256,))
        return [(type, version) for type, version in rows]

    def versions(self, type: str) -> set[str]:
        """The versions of one type that the store holds."""
        rows = self.rows("SELECT DISTINCT version FROM fingerprint WHERE type = ?", (type,))
        return {version for (version,) in rows}

    def thumbnail(self, sha256: str, seconds: float | None = None) -> bytes | None:
        """The JPEG that stands at a time (None: the first), or None where none is kept."""
        at = seconds or 0.0
        row = self.row(
            "SELECT jpeg FROM thumbnail WHERE sha256 = ? ORDER BY seconds > ?, abs(seconds - ?), position LIMIT 1",
            (sha256, at, at),
        )
        return row[0] if row else None

    def row_thumbnail(self, sha256: str, position: int) -> bytes | None:
        """The JPEG of one fingerprint row, or None where none is kept."""
        row = self.row("SELECT jpeg FROM thumbnail WHERE sha256 = ? AND position = ?", (sha256, position))
        return row[0] if row else None

    def count(self) -> int:
        """The number of assets."""
        return sum(n for (n,) in self.rows("SELECT count(*) FROM asset"))

    def check_integrity(self, declarations: Mapping[str, FingerprintDeclaration] = MappingProxyType({})) -> list[str]:
        """What is wrong with the store against itself; an empty list for a sound one."""
        return integrity.check_integrity(self, declarations)


def _asset(row: tuple[Any, ...]) -> Asset:
    return Asset(sha256=row[0], kind=row[1], bytes=row[2], properties=json.loads(row[3]))


def _stored(value: str | int | None) -> str | int | None:
    return replace_surrogates(value) if isinstance(value, str) else value


def _opened(file: Path) -> sqlite3.Connection:
    """The database with the tables of this version, once others that open it at the same time are out of the way."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        db = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            # First of all: what is another program's, or newer, is left as it is.
            if not schema.schema_version(db):
                # All folders that may be as new as the store, so that a power cut leaves it where it is.
                for folder in file.parents:
                    _flush(folder)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                db.execute(f"PRAGMA {pragma}")
            schema.migrate(db)
            return db
        except BaseException as error:
            db.close()
            # SQLite itself does not wait for its lock where it changes the journal.
            if not (isinstance(error, sqlite3.Error) and is_busy(error)) or time.monotonic() > until:
                raise
        time.sleep(RETRY_SECONDS)


def _flush(folder: Path) -> None:
    """Writes the names in a folder to disk, where that can be done."""
    try:
        number = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in NO_FLUSH:
            raise
    finally:
        os.close(number)


def _place(file: Path) -> tuple[int, int] | None:
    """What the file system knows a file by; None where there is none."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
