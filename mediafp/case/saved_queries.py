"""Queries that were uploaded and are kept beside the store, with their results, until newer ones take their place.

They are no part of the case: nothing of them is in the store, its exports or its custody log.
"""

import hashlib
import os
import secrets
import shutil
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from mediafp.case.decided_matches import as_decided_since, result_as_decided
from mediafp.case.evidence import StoredEvidence
from mediafp.case.image_hashes import image_hashes
from mediafp.case.match_sources import iter_with_sources
from mediafp.case.query import AnalysedQuery, PartState, QueryOptions, run_query
from mediafp.case.references import StoredReferences
from mediafp.case.saved_hashes import encode_hashes, with_current_hits
from mediafp.case.sources import QueryFile, iter_query_files
from mediafp.case.store_folder import scratch_folder
from mediafp.case.thumbnail_decoder import ThumbnailDecoder
from mediafp.case.upload_drafts import open_draft, store_errors
from mediafp.engine.interface import Engine
from mediafp.ingest.files import HEAD_BYTES, OpenFile, open_file
from mediafp.ingest.sniff import check_size, kind_from_signature
from mediafp.store import Store
from mediafp.types.errors import MediafpError, NotMedia, StoreError, UsageError, denied_write
from mediafp.types.matches import Match, QueryResult
from mediafp.types.runs import FileAnalysis, SpeechOptions
from mediafp.types.saved_queries import QueryPart, QueryState, SavedFrames, SavedQuery
from mediafp.types.sha256 import is_sha256
from mediafp.types.timestamps import utc_now
from mediafp.types.transcripts import Transcript

FOLDER_NAME: Final = "queries"
"""Folder of the saved queries in that of the store."""
MAX_SAVED_QUERIES: Final = 200
"""Queries that are kept; of more, the oldest are removed. Chosen, not measured."""
MAX_SAVED_BYTES: Final = 8 << 30
"""Bytes of all their files; of more, the oldest are removed. Chosen, not measured."""
LISTED_MATCHES: Final = 1_000
"""Matches of a saved query: all that a person can read. Chosen, not measured."""
MIN_SAVED_PROBABILITY: Final = 0.5
"""Probability below which a candidate is a near miss, as for `match`."""
INTERRUPTED: Final = "the program ended before the answer; ask again"
"""Error of a query that a program which ended was running."""
SAVED_NEAR_MISSES: Final = 30
"""Near misses of a saved query: a page lists them where a person lowers the probability. Chosen, not measured."""

_SIDE: Final = 96
WARM_UP_IMAGE: Final = (
    b"BM" + struct.pack("<IIIIiiHHIIIIII", 54 + 3 * _SIDE * _SIDE, 0, 54, 40, _SIDE, _SIDE, 1, 24, 0, 0, 0, 0, 0, 0)
) + b"".join(hashlib.sha256(bytes([n % 256, n // 256])).digest() for n in range(3 * _SIDE * _SIDE // 32))
"""An image of noise, as a BMP file: its query loads all that the first query of a user would."""


class Upload:
    """A file that is being received. Use `SavedQueries.receiving`."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self._digest, self._head = hashlib.sha256(), b""
        self.bytes = 0

    def write(self, block: bytes) -> None:
        """Append a block.

        Raises:
            TooLargeMedia: The file is larger than one of its kind may be.
            NotMedia: It starts with no signature of an image, a video or audio.
            StoreError: The disk is full.
        """
        if len(self._head) < HEAD_BYTES:
            self._head += block[: HEAD_BYTES - len(self._head)]
        self._digest.update(block)
        self.bytes += len(block)
        if len(self._head) == HEAD_BYTES:
            self._check()
        try:
            self._file.write(block)
        except OSError as error:
            raise StoreError(
                f"cannot keep the upload: {error.strerror}; free space and try again", kind=denied_write(error)
            ) from error

    @property
    def sha256(self) -> str:
        """SHA-256 of the blocks so far."""
        return self._digest.hexdigest()

    def finish(self) -> None:
        """Check a file after its last block. Raises NotMedia or TooLargeMedia."""
        self._check()
        self._file.flush()

    def _check(self) -> None:
        kind = kind_from_signature(self._head)
        if kind is None:
            raise NotMedia(f"cannot read {self._name!r}: it is not an image, video or audio file; choose another file")
        check_size(self._name, self.bytes, kind)


class SavedQueries:
    """The saved queries of a case, in one folder each, named by their SHA-256. Several threads may use one object."""

    def __init__(
        self,
        store: Store,
        open_references: Callable[[], StoredReferences],
        open_engine: Callable[[], Engine],
        thumbnails: ThumbnailDecoder,
    ) -> None:
        """Use the folder beside a store, which is created with the first query."""
        self._store, self._open_references, self._open_engine = store, open_references, open_engine
        self._thumbnails = thumbnails
        self._folder = store.folder / FOLDER_NAME
        self._lock = threading.RLock()

    @contextmanager
    def receiving(self, name: str) -> Iterator[Upload]:
        """Yield an upload, which is kept as a query, in place of an earlier one of the same bytes, if the block ends well."""
        with open_draft(self._folder) as (path, file):
            upload = Upload(file, name)
            with file:
                yield upload
                upload.finish()
            self._keep(path, upload.sha256, name, upload.bytes)

    def warm_up(self) -> None:
        """Start the workers, and load the models and the indexes, as the first query would; nothing is kept of it.

        Raises:
            ModelError: A model is missing.
        """
        if self._store.count_assets():
            self._thumbnails.start()
            options = QueryOptions(top=1, min_probability=MIN_SAVED_PROBABILITY, ocr=True, speech=None)
            for file in iter_query_files(WARM_UP_IMAGE, scratch_folder(self._store)):
                run_query(file, self._store, self._open_references, self._open_engine, options)

    def find(self, sha256: str, *, only: str | None = None) -> SavedQuery | None:
        """Return a saved query with the sightings of its matches as they are now; None if there is none.

        Args:
            sha256: The query.
            only: The one reference whose sightings are added to its matches; None for all.
        """
        saved = self._load(sha256)
        if saved is None or saved.result is None:
            return saved
        hashes = self._query_folder(sha256) / "hashes"
        result = with_current_hits(self._store, saved.result, hashes.read_bytes)
        return replace(saved, result=self._with_sources(result, only))

    def state(self, sha256: str) -> QueryState | None:
        """Return the state of a query, without reading its matches' sightings; None if there is no such query."""
        saved = self._load(sha256)
        return saved.state if saved else None

    def recent(self, limit: int) -> list[SavedQuery]:
        """Return the latest queries, without the sightings of their matches; parts of others are not among them."""
        found = (self._load(sha256) for sha256 in self._by_age())
        latest = [saved for saved in found if saved and saved.part_of is None][:limit]
        return [replace(one, result=one.result and result_as_decided(one.result, self._store)) for one in latest]

    def remove(self, sha256: str) -> None:
        """Remove a query and everything known of it. Raises UsageError for a SHA-256 that is none."""
        with self._lock:
            shutil.rmtree(self._query_folder(sha256), ignore_errors=True)

    @contextmanager
    def opened(self, sha256: str) -> Iterator[BinaryIO | None]:
        """Yield the content of a query, open for reading; None if it is not kept."""
        try:
            file = (self._query_folder(sha256) / "content").open("rb")
        except OSError:
            yield None
            return
        with file:
            yield file

    def content_path(self, sha256: str) -> Path | None:
        """Return the file with the content of a query; None if it is not kept."""
        path = self._query_folder(sha256) / "content"
        return path if path.is_file() else None

    def evidence(self, sha256: str) -> StoredEvidence:
        """Return what pages show of the store and of a query."""
        return StoredEvidence(self._store, self._thumbnails, self.analysis(sha256))

    def transcript(self, sha256: str) -> Transcript | None:
        """Return the transcript of a query whose speech was compared; None if there is none."""
        with suppress(OSError, msgspec.MsgspecError):
            return msgspec.msgpack.decode((self._query_folder(sha256) / "transcript").read_bytes(), type=Transcript)
        return None

    def run(
        self,
        sha256: str,
        *,
        speech: SpeechOptions | None = SpeechOptions(),  # noqa: B008
    ) -> SavedQuery:
        """Find the matches of a query, save them, and return the query; what is known first is saved first.

        Args:
            sha256: The query.
            speech: Options for transcribing it, if the store contains transcripts; None to compare no speech.

        Raises:
            UsageError: There is no query of this SHA-256.
            ModelError: A model is missing.
        """
        found, path = self._load(sha256), self.content_path(sha256)
        if found is None or path is None:
            raise UsageError(f"cannot match the query {sha256}: its file is not kept any more; drop it again")
        started = time.monotonic()
        saved = self._save(replace(found, state="reading", result=None, error=None))
        options = QueryOptions(
            top=LISTED_MATCHES,
            min_probability=MIN_SAVED_PROBABILITY,
            near_misses=SAVED_NEAR_MISSES,
            ocr=True,
            speech=speech,
        )
        file = QueryFile(name=saved.name, open=lambda: _open_named(path, saved.name), named_explicitly=True)

        def save_part(part: AnalysedQuery, state: PartState) -> None:
            nonlocal saved
            saved = self._save_result(saved, part, state, time.monotonic() - started)

        try:
            answer = run_query(file, self._store, self._open_references, self._open_engine, options, on_part=save_part)
        except MediafpError as error:
            self._save(replace(saved, state="failed", error=str(error)))
            raise
        return self._save_result(saved, answer, "done", time.monotonic() - started)

    def add_part(self, part: QueryPart, png: bytes, *, name: str) -> str:
        """Save an image that shows a part of a query or an asset as a query of its own, and return its SHA-256.

        Args:
            part: The part.
            png: The image, encoded by mediafp itself.
            name: Name of the whole.
        """
        with self.receiving(name) as upload:
            upload.write(png)
        sha256 = hashlib.sha256(png).hexdigest()
        saved = self._load(sha256)
        assert saved is not None, "it was saved just now"
        self._save(replace(saved, part_of=part))
        return sha256

    def fail(self, sha256: str, error: str) -> None:
        """Save that a query could not be answered, and why."""
        saved = self._load(sha256)
        if saved and saved.is_running:
            self._save(replace(saved, state="failed", error=error))

    def fail_interrupted(self) -> None:
        """Save of each query that a program which ended was running that it has no answer."""
        for sha256 in self._by_age():
            self.fail(sha256, INTERRUPTED)

    def _keep(self, path: Path, sha256: str, name: str, size: int) -> None:
        with self._lock, store_errors(self._folder):
            folder = self._query_folder(sha256)
            folder.mkdir(mode=0o700, exist_ok=True)
            path.replace(folder / "content")
            shown = name.encode("utf-8", "replace").decode()
            query = SavedQuery(sha256=sha256, name=shown, bytes=size, asked_at=utc_now(), state="waiting")
            self._save(query)
            self._remove_oldest()

    def _save_result(self, saved: SavedQuery, found: AnalysedQuery, state: QueryState, seconds: float) -> SavedQuery:
        result, analysis = found.result, found.analysis
        if analysis:
            frames = SavedFrames(thumbnails=analysis.thumbnails)
            self._write(saved.sha256, "frames", msgspec.msgpack.encode(frames))
            self._write(saved.sha256, "hashes", encode_hashes(self._store, analysis, self._thumbnails.decode))
        if found.transcript:
            self._write(saved.sha256, "transcript", msgspec.msgpack.encode(found.transcript))
        # Paths and sightings are read anew with the query: they may change, and paths are not always valid Unicode.
        lean = None
        if result.error is None:
            lean = replace(
                result,
                query=saved.name,
                matches=tuple(map(_without_sources, result.matches)),
                near_misses=tuple(map(_without_sources, result.near_misses)),
            )
        return self._save(
            replace(
                saved,
                state="failed" if result.error else state,
                seconds=round(seconds, 3),
                result=lean,
                error=result.error,
                asset=analysis.asset if analysis else saved.asset,
                text=result.text,
                files=self._store.count_assets(),
                hashes=image_hashes(analysis.fingerprints) if analysis and result.kind == "image" else saved.hashes,
            )
        )

    def _with_sources(self, result: QueryResult, only: str | None) -> QueryResult:
        assert result.sha256 is not None, "a result without an error has a SHA-256"
        sha256 = result.sha256
        known = {asset.sha256 for asset in self._store.assets({m.sha256 for m in result.matches + result.near_misses})}

        def add_sources(matches: tuple[Match, ...]) -> tuple[Match, ...]:
            kept = as_decided_since((match for match in matches if match.sha256 in known), sha256, self._store)
            add = partial(iter_with_sources, store=self._store, query=(sha256, None), query_clues=result.clues)
            if only is None:
                return tuple(add(kept))
            return tuple(one for match in kept for one in (add((match,)) if match.sha256 == only else (match,)))

        return replace(result, matches=add_sources(result.matches), near_misses=add_sources(result.near_misses))

    def analysis(self, sha256: str) -> FileAnalysis | None:
        """Return the asset and the thumbnails of a query; None if it was not analysed."""
        saved = self._load(sha256)
        if saved is None or saved.asset is None:
            return None
        with suppress(OSError, msgspec.MsgspecError):
            frames = msgspec.msgpack.decode((self._query_folder(sha256) / "frames").read_bytes(), type=SavedFrames)
            return FileAnalysis(
                asset=saved.asset, fingerprints=(), thumbnails=frames.thumbnails, warnings=(), image=None
            )
        return None

    def _load(self, sha256: str) -> SavedQuery | None:
        with suppress(OSError, msgspec.MsgspecError):
            saved = msgspec.json.decode((self._query_folder(sha256) / "query.json").read_bytes(), type=SavedQuery)
            # Where nothing may be written no query runs, and the one of a program that ended cannot be saved as failed.
            is_interrupted = saved.is_running and self._store.is_read_only
            return replace(saved, state="failed", error=INTERRUPTED) if is_interrupted else saved
        return None

    def _save(self, saved: SavedQuery) -> SavedQuery:
        self._write(saved.sha256, "query.json", msgspec.json.encode(saved))
        return saved

    def _write(self, sha256: str, name: str, data: bytes) -> None:
        """Replace a file of a query; a reader gets the old one or the new one."""
        folder = self._query_folder(sha256)
        with self._lock, store_errors(folder):
            if not folder.is_dir():
                # It was removed while it was running.
                return
            draft = folder / f".{name}-{secrets.token_hex(4)}"
            draft.write_bytes(data)
            draft.replace(folder / name)

    def _query_folder(self, sha256: str) -> Path:
        if not is_sha256(sha256):
            raise UsageError(f"cannot find the query {sha256[:80]!r}: it is not a SHA-256; give 64 hexadecimal digits")
        return self._folder / sha256

    def _by_age(self) -> list[str]:
        """Return the SHA-256 of the queries, the latest first."""
        with suppress(OSError):
            folders = [entry for entry in os.scandir(self._folder) if len(entry.name) == 64]
            times = {}
            for entry in folders:
                with suppress(OSError):
                    times[entry.name] = (Path(entry.path) / "content").stat().st_mtime_ns
            return sorted(times, key=lambda sha256: (-times[sha256], sha256))
        return []

    def _remove_oldest(self) -> None:
        total = 0
        for number, sha256 in enumerate(self._by_age()):
            saved = self._load(sha256)
            total += saved.bytes if saved else 0
            if (number >= MAX_SAVED_QUERIES or total > MAX_SAVED_BYTES) and not (saved and saved.is_running):
                self.remove(sha256)


def _open_named(path: Path, name: str) -> OpenFile:
    """Return an open file whose messages state the name that it was uploaded under. Raises UnreadableMedia."""
    file = open_file(path)
    file.name = name
    return file


def _without_sources(match: Match) -> Match:
    return replace(match, uris=(), sightings=(), clues=())
