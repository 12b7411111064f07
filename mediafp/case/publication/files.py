"""Drafts and sealed publications as files in the folder of a store."""

import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from mediafp.types.errors import OutdatedDraft, StoreError, UsageError, denied_write
from mediafp.types.publications import Draft, SavedDraft, SealedPublication

FOLDER: Final = "publications"
"""Name of the folder in that of the store."""
MAX_DRAFT_BYTES: Final = 4 << 20
"""Bytes of the file of a draft. Chosen, not measured: a draft of 100 cards with 100 boxes has some 30,000."""
_ID: Final = re.compile("[0-9a-f]{12}")
_SEAL_FILE: Final = "seal.json"
"""File of a sealed publication that states its seal; the publication is complete once it exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _DraftFile:
    """Content of the file of a draft."""

    revision: int
    saved_at: str
    draft: Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class SealFile:
    """Content of the file of a seal: what `SealedPublication` states, with names of files in place of paths."""

    title: str
    sealed_at: str
    page: str
    bundle: str
    seal: str
    page_sha256: str
    bundle_sha256: str
    hashes: tuple[tuple[str, str], ...]
    log: tuple[int, str]


class PublicationFiles:
    """The folder of the drafts and of the sealed publications of one store."""

    def __init__(self, store_folder: Path) -> None:
        self._folder = store_folder / FOLDER

    def drafts(self) -> list[SavedDraft]:
        """Return all drafts, the one that was saved last first."""
        names = sorted(path.stem for path in self._folder.glob("*.json") if _ID.fullmatch(path.stem))
        return sorted((self.draft(name) for name in names), key=lambda saved: saved.saved_at, reverse=True)

    def draft(self, id: str) -> SavedDraft:
        """Return a draft. Raises UsageError if there is none of this id, StoreError if its file is damaged."""
        path = self._draft_path(id)
        try:
            with path.open("rb") as file:
                content = file.read(MAX_DRAFT_BYTES + 1)
            read = msgspec.json.decode(content, type=_DraftFile)
        except FileNotFoundError as error:
            raise UsageError(
                f"cannot open draft {id!r}: there is none; list the drafts with: mediafp publish"
            ) from error
        except (OSError, msgspec.DecodeError) as error:
            raise StoreError(f"cannot read '{path}': {error}; restore it from a backup, or delete it") from error
        return SavedDraft(
            id=id,
            revision=read.revision,
            saved_at=read.saved_at,
            draft=read.draft,
            sealed=(self._folder / id / _SEAL_FILE).exists(),
        )

    def save(self, draft: Draft, *, id: str | None, replaces: int) -> SavedDraft:
        """Save a draft in place of one of its revisions, or as a new one without an id.

        Raises:
            OutdatedDraft: The saved one has another revision, or is sealed.
            UsageError: There is none of this id, or it is too large.
        """
        with self._lock():
            revision = 1
            if id is None:
                id = secrets.token_hex(6)
            else:
                saved = self.draft(id)
                if saved.sealed:
                    raise OutdatedDraft(f"cannot save draft {id!r}: it is sealed; save it as a new one")
                if saved.revision != replaces:
                    raise OutdatedDraft(
                        f"cannot save draft {id!r}: revision {replaces} was changed, it has revision {saved.revision};"
                        " open it anew"
                    )
                revision = saved.revision + 1
            content = _DraftFile(revision=revision, saved_at=current_time(), draft=draft)
            encoded = msgspec.json.format(msgspec.json.encode(content), indent=2)
            if len(encoded) > MAX_DRAFT_BYTES:
                raise UsageError(f"cannot save draft {id!r}: it has more than {MAX_DRAFT_BYTES} bytes; use fewer boxes")
            _write_file(self._draft_path(id), encoded)
        return SavedDraft(id=id, revision=revision, saved_at=content.saved_at, draft=draft)

    def publications(self) -> list[SealedPublication]:
        """Return all sealed publications, the newest first."""
        names = sorted(path.parent.name for path in self._folder.glob(f"*/{_SEAL_FILE}"))
        found = [self.publication(name) for name in names if _ID.fullmatch(name)]
        return sorted(found, key=lambda sealed: sealed.sealed_at, reverse=True)

    def publication(self, id: str) -> SealedPublication:
        """Return a sealed publication. Raises UsageError if there is none of this id, StoreError if its file is damaged."""
        folder = self._draft_path(id).with_suffix("")
        path = folder / _SEAL_FILE
        try:
            read = msgspec.json.decode(path.read_bytes(), type=SealFile)
        except FileNotFoundError as error:
            raise UsageError(f"cannot open publication {id!r}: no draft of this id is sealed") from error
        except (OSError, msgspec.DecodeError) as error:
            raise StoreError(f"cannot read '{path}': {error}; restore it from a backup") from error
        values = {name: getattr(read, name) for name in SealFile.__dataclass_fields__}
        return SealedPublication(id=id, **values | {"page": folder / read.page, "bundle": folder / read.bundle})

    def add_publication(self, id: str, revision: int, seal: SealFile, files: Mapping[str, bytes]) -> SealedPublication:
        """Save the files of a sealed publication, which nothing changes afterwards.

        Args:
            id: Its draft.
            revision: Revision of the draft that the files show.
            seal: Content of its file of the seal.
            files: Content of the other files by name.

        Raises:
            OutdatedDraft: It is sealed already, or has another revision.
            StoreError: The files cannot be written.
        """
        folder = self._draft_path(id).with_suffix("")
        with self._lock():
            if folder.exists():
                raise OutdatedDraft(f"cannot seal draft {id!r}: it is sealed; save it as a new one")
            if (now := self.draft(id).revision) != revision:
                raise OutdatedDraft(
                    f"cannot seal revision {revision} of draft {id!r}: it has revision {now}; open it anew"
                )
            try:
                with tempfile.TemporaryDirectory(dir=self._folder, prefix=".sealing-") as temporary:
                    sealing = Path(temporary, "sealed")
                    sealing.mkdir()
                    for name, content in {**files, _SEAL_FILE: msgspec.json.encode(asdict(seal))}.items():
                        _write_file(sealing / name, content)
                        (sealing / name).chmod(0o444)
                    sealing.rename(folder)
                    _sync_folder(self._folder)
            except OSError as error:
                raise StoreError(
                    f"cannot write '{folder}': {error.strerror}; free disk space", kind=denied_write(error)
                ) from error
        return self.publication(id)

    def remove_publication(self, id: str) -> None:
        """Remove the files of a publication that the custody log does not state."""
        shutil.rmtree(self._draft_path(id).with_suffix(""))

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Exclude other threads and processes that save in this folder. Raises StoreError if it cannot be written."""
        try:
            self._folder.mkdir(exist_ok=True)
            descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise StoreError(
                f"cannot write '{self._folder}': {error.strerror}; check its permissions", kind=denied_write(error)
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _draft_path(self, id: str) -> Path:
        if not _ID.fullmatch(id):
            raise UsageError(
                f"cannot open draft {id!r}: an id has 12 hexadecimal digits; list the drafts with: mediafp publish"
            )
        return self._folder / f"{id}.json"


def current_time() -> str:
    """Return the time of now, ISO 8601 in UTC to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _write_file(path: Path, content: bytes) -> None:
    """Write a file that is complete if it exists, and survives a power cut. Raises StoreError."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise StoreError(
            f"cannot write '{path}': {error.strerror}; free disk space", kind=denied_write(error)
        ) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
