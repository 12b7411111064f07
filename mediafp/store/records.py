"""A case on disk: assets, sightings, fingerprints, thumbnails and failures in one SQLite file."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy.typing as npt

from mediafp.errors import StoreError
from mediafp.fingerprint import Fingerprint
from mediafp.media import Asset, Sighting
from mediafp.store import schema, transcripts
from mediafp.store.codec import pack, unpack

JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
FILE_NAME = "case.sqlite"
BUSY_SECONDS = 60.0
"""How long a second writer waits for the first."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """A small JPEG of one kept picture; `seconds` is its presentation time, 0 in a still."""

    position: int
    seconds: float
    jpeg: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """All that one newly seen file adds to the store, written in one transaction."""

    path: str
    bytes: int
    modified_ns: int
    asset: Asset
    sighting: Sighting
    fingerprints: tuple[Fingerprint, ...] = ()
    thumbnails: tuple[Thumbnail, ...] = ()
    warnings: tuple[str, ...] = ()
    """Of its content: kept with the asset, whose other sightings have the same."""
    sidecar_warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A file that could not be taken in, and how often it was tried."""

    path: str
    kind: str
    message: str
    attempts: int


class Store:
    """One open store. Raises StoreError where it is missing, newer, or not a store.

    Written with `synchronous=FULL`: what `write` returned from survives a power cut.
    """

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self.folder = folder
        file = folder / FILE_NAME
        if not create and not (file.is_file() and file.stat().st_size):
            raise StoreError(f"there is no store in {folder}; make one with: mediafp --store {folder} ingest PATH")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the store's folder {folder} cannot be made: {error.strerror}") from error
        try:
            self._db = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)
        except sqlite3.Error as error:
            raise StoreError(f"the store {file} cannot be opened: {error}") from error
        try:
            # First of all: what is another program's, or newer, is left as it is.
            schema.version(self._db)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                self._db.execute(f"PRAGMA {pragma}")
            schema.migrate(self._db)
        except BaseException as error:
            self._db.close()
            if isinstance(error, sqlite3.Error):
                raise StoreError(f"the store {file} cannot be opened: {error}") from error
            raise

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
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise StoreError(f"the store {self.folder} cannot be written: {error}") from error
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise StoreError(f"the store {self.folder} cannot be written: {error}") from error
            raise

    # Writing --------------------------------------------------------------------------------------

    def add(self, intake: Intake) -> bool:
        """Writes one file's intake; True where the asset is new. Call it inside `writing`."""
        asset, sha256 = intake.asset, intake.asset.sha256
        new = self._db.execute(
            "INSERT INTO asset VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (sha256, asset.kind, asset.bytes, _json(dict(asset.properties)), _json(list(intake.warnings)), _now()),
        ).rowcount
        if new:
            self._db.executemany(
                "INSERT INTO fingerprint VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [(sha256, f.type, f.version, pack(f.spans, f.vectors, f.quality)) for f in intake.fingerprints],
            )
            self._db.executemany(
                "INSERT INTO thumbnail VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [(sha256, t.position, t.seconds, t.jpeg) for t in intake.thumbnails],
            )
        self.see(intake.sighting)
        self._db.execute(
            "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?)",
            (_bytes(intake.path), intake.bytes, intake.modified_ns, sha256),
        )
        self._db.execute("DELETE FROM failure WHERE path = ?", (_bytes(intake.path),))
        return bool(new)

    def see(self, sighting: Sighting) -> None:
        """Writes one sighting, or what is new of it: a sidecar that is gone takes nothing away. Call inside `writing`."""
        marks = ", ".join("?" * (2 + len(SIGHTING_FIELDS)))
        kept = ", ".join(f"{name} = coalesce(nullif(excluded.{name}, ''), {name})" for name in SIGHTING_FIELDS)
        self._db.execute(
            f"INSERT INTO sighting (sha256, uri, {', '.join(SIGHTING_FIELDS)}) VALUES ({marks})"
            f" ON CONFLICT (sha256, uri) DO UPDATE SET {kept}",
            [sighting.sha256, _bytes(sighting.uri), *(_text(getattr(sighting, name)) for name in SIGHTING_FIELDS)],
        )

    def fail(self, path: str, kind: str, message: str) -> None:
        """Notes that a file could not be taken in. Call it inside `writing`."""
        self._db.execute(
            "INSERT INTO failure VALUES (?, ?, ?, 1, ?) ON CONFLICT (path) DO UPDATE SET kind = excluded.kind,"
            " message = excluded.message, attempts = attempts + 1, last_at = excluded.last_at",
            (_bytes(path), kind, _text(message), _now()),
        )

    # Reading --------------------------------------------------------------------------------------

    def known(self, path: str, size: int, modified_ns: int) -> str | None:
        """The asset that this unchanged file was taken in as, else None."""
        row = self._db.execute(
            "SELECT sha256 FROM file WHERE path = ? AND bytes = ? AND modified_ns = ?",
            (_bytes(path), size, modified_ns),
        ).fetchone()
        return row[0] if row else None

    def assets(self) -> list[Asset]:
        """Every asset, by SHA-256."""
        rows = self._db.execute("SELECT sha256, kind, bytes, properties FROM asset ORDER BY sha256")
        return [_asset(row) for row in rows]

    def asset(self, sha256: str) -> Asset:
        """One asset. Raises StoreError where the store does not hold it."""
        row = self._db.execute(
            "SELECT sha256, kind, bytes, properties FROM asset WHERE sha256 = ?", (sha256,)
        ).fetchone()
        if row is None:
            raise StoreError(f"the store holds no asset {sha256}")
        return _asset(row)

    def warnings(self, sha256: str) -> list[str]:
        """What went less than well when the asset was read."""
        row = self._db.execute("SELECT warnings FROM asset WHERE sha256 = ?", (sha256,)).fetchone()
        return json.loads(row[0]) if row else []

    def sightings(self, sha256: str) -> list[Sighting]:
        """Where the asset was seen: dated sightings first, oldest on top, then by path."""
        columns = ("uri", *SIGHTING_FIELDS)
        rows = self._db.execute(
            f"SELECT {', '.join(columns)} FROM sighting WHERE sha256 = ? ORDER BY posted_at IS NULL, posted_at, uri",
            (sha256,),
        )
        return [
            Sighting(sha256=sha256, **{name: _string(value) for name, value in zip(columns, row, strict=True)})
            for row in rows
        ]

    def captions(self, sha256: str) -> list[str]:
        """What was written beside the asset wherever it was seen."""
        return [text for sighting in self.sightings(sha256) for text in sighting.captions]

    def uris(self, sha256: str) -> tuple[str, ...]:
        """The paths under which the asset was seen."""
        return tuple(sighting.uri for sighting in self.sightings(sha256))

    def fingerprints(self, type: str, version: str) -> Iterator[Fingerprint]:
        """Every fingerprint of one type and version, by SHA-256."""
        rows = self._db.execute(
            "SELECT sha256, data FROM fingerprint WHERE type = ? AND version = ? ORDER BY sha256", (type, version)
        )
        for sha256, data in rows:
            try:
                yield _fingerprint(sha256, type, version, data)
            except ValueError as error:
                raise StoreError(f"fingerprint {type} of {sha256} is damaged ({error}); see: mediafp verify") from error

    def fingerprint_types(self, sha256: str) -> list[tuple[str, str]]:
        """Type and version of every fingerprint of an asset."""
        rows = self._db.execute("SELECT type, version FROM fingerprint WHERE sha256 = ? ORDER BY 1, 2", (sha256,))
        return [(type, version) for type, version in rows]

    def versions(self, type: str) -> set[str]:
        """The versions of one type that the store holds."""
        rows = self._db.execute("SELECT DISTINCT version FROM fingerprint WHERE type = ?", (type,))
        return {version for (version,) in rows}

    def thumbnail(self, sha256: str, seconds: float | None = None) -> bytes | None:
        """The JPEG that stands at a time (None: the first), or None where none is kept."""
        at = seconds or 0.0
        row = self._db.execute(
            "SELECT jpeg FROM thumbnail WHERE sha256 = ? ORDER BY seconds > ?, abs(seconds - ?), position LIMIT 1",
            (sha256, at, at),
        ).fetchone()
        return row[0] if row else None

    def thumbnail_at(self, sha256: str, position: int) -> bytes | None:
        """The JPEG of one fingerprint row, or None where none is kept."""
        row = self._db.execute(
            "SELECT jpeg FROM thumbnail WHERE sha256 = ? AND position = ?", (sha256, position)
        ).fetchone()
        return row[0] if row else None

    def failures(self) -> list[Failure]:
        """The files that could not be taken in, by path."""
        rows = self._db.execute("SELECT path, kind, message, attempts FROM failure ORDER BY path")
        return [Failure(path=_string(p), kind=k, message=m, attempts=n) for p, k, m, n in rows]

    def count(self) -> int:
        """The number of assets."""
        return int(self._db.execute("SELECT count(*) FROM asset").fetchone()[0])

    def problems(self) -> list[str]:
        """What is wrong with the store against itself; an empty list for a sound one."""
        try:
            found = [f"database: {row[0]}" for row in self._db.execute("PRAGMA integrity_check") if row[0] != "ok"]
            found += [f"{row[0]} points to a missing {row[2]}" for row in self._db.execute("PRAGMA foreign_key_check")]
            for (sha256,) in self._db.execute(
                "SELECT sha256 FROM asset WHERE sha256 NOT IN (SELECT sha256 FROM sighting) ORDER BY 1"
            ):
                found.append(f"asset {sha256} was seen nowhere")
            rows = self._row_counts(found)
            for sha256, properties, thumbnails in self._db.execute(
                "SELECT sha256, properties, (SELECT count(*) FROM thumbnail WHERE thumbnail.sha256 = asset.sha256)"
                " FROM asset ORDER BY sha256"
            ):
                counts = rows.get(sha256, set())
                if counts != {thumbnails}:
                    found.append(
                        f"asset {sha256} has {thumbnails} thumbnails and fingerprints of {sorted(counts)} rows"
                    )
                try:
                    json.loads(properties)
                except ValueError as error:
                    found.append(f"properties of {sha256} are damaged: {error}")
            for sha256, position, jpeg in self._db.execute(
                "SELECT sha256, position, jpeg FROM thumbnail ORDER BY sha256, position"
            ):
                if not (jpeg.startswith(JPEG_START) and jpeg.endswith(JPEG_END)):
                    found.append(f"thumbnail {position} of {sha256} is damaged")
            found += transcripts.problems(self)
        except sqlite3.DatabaseError as error:
            found = [f"database: {error}"]
        return found

    def _row_counts(self, found: list[str]) -> dict[str, set[int]]:
        """The numbers of rows that an asset's fingerprints have, one if they agree; what is damaged is added to `found`."""
        counts: dict[str, set[int]] = {}
        for sha256, type, version, data in self._db.execute(
            "SELECT sha256, type, version, data FROM fingerprint ORDER BY sha256"
        ):
            try:
                counts.setdefault(sha256, set()).add(len(_fingerprint(sha256, type, version, data).spans))
            except ValueError as error:
                found.append(f"fingerprint {type} of {sha256}: {error}")
        return counts


def _asset(row: tuple[Any, ...]) -> Asset:
    return Asset(sha256=row[0], kind=row[1], bytes=row[2], properties=json.loads(row[3]))


def _fingerprint(sha256: str, type: str, version: str, data: bytes) -> Fingerprint:
    arrays: list[npt.NDArray[Any]] = list(unpack(data))
    if len(arrays) != 3:
        raise ValueError(f"{len(arrays)} arrays instead of 3")
    spans, vectors, quality = arrays
    return Fingerprint(sha256=sha256, type=type, version=version, spans=spans, vectors=vectors, quality=quality)


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _string(value: Any) -> Any:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def _text(value: Any) -> Any:
    """SQLite holds no lone surrogates; a hostile sidecar's become question marks."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, sort_keys=True)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
