"""Model files: located by models/manifest.toml, and used only if their SHA-256 is the one that it states."""

import errno
import hashlib
import importlib.util
import os
import shutil
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, Literal

from mediafp.types.errors import ModelError

REINSTALL_HINT: Final = "reinstall the packages of requirements.lock: scripts/env"
COPY_BLOCK_BYTES: Final = 1 << 20
"""Bytes that are read, hashed or copied at once. Chosen, not measured."""
FileState = Literal["ok", "missing", "changed", "cache changed"]
"""State of a model file. `cache changed`: its parts are right, but the folder in the cache has other files than those
joined from them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """Entry of the manifest.

    A file that is too large for one package consists of parts, which are joined in the cache folder.
    """

    name: str
    version: str
    sha256: str
    licence: str
    source: str
    file: str
    package: str = ""
    """Installed package that contains the file; "" for the folder models/."""
    parts: tuple[str, ...] = ()
    """Parts of the file, in order, as "package/file"."""
    companions: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 by name of further files that are needed beside the joined one, from the folder of the first part."""

    @property
    def path(self) -> Path | None:
        """Expected path of the file; None if its package is not installed."""
        if self.parts:
            return self.folder / self.file
        return _packaged_file(self.package, self.file) if self.package else models_folder() / self.file

    @property
    def folder(self) -> Path:
        """Folder in the cache that contains the joined file and its companions, and nothing else."""
        return cache_folder() / f"{self.name}-{self.sha256[:12]}"

    def state(self) -> FileState:
        """Return the state of the file after hashing it; for a file in parts, that of the parts and the joined files."""
        if not self.parts:
            path = self.path
            return "missing" if path is None else _check_files({path: self.sha256})
        state = self._parts_state()
        if state != "ok" or not os.path.lexists(self.folder) or self._is_joined():
            return state
        return "cache changed"

    def hint(self, state: FileState) -> str:
        """Return the action for a file in this state."""
        if state == "cache changed":
            return f"delete the folder '{self.folder}', which is made anew when the model is used"
        return REINSTALL_HINT

    def _parts_state(self) -> FileState:
        parts = self._find_parts()
        if parts is None:
            return "missing"
        state = _check_files({parts[0].with_name(name): sha256 for name, sha256 in self.companions.items()})
        if state != "ok":
            return state
        return "ok" if _hash_files(parts) == self.sha256 else "changed"

    def is_present(self) -> bool:
        """Return True if the file, or each of its parts, exists; its content is checked when it is used."""
        path = self.path
        return self._find_parts() is not None if self.parts else path is not None and path.is_file()

    def join_parts(self) -> Path:
        """Return the path of the joined file, in a folder of the cache that contains it and its companions alone.

        Libraries read whatever file they find beside a model. A folder with another content is replaced.

        Raises:
            ModelError: A part is missing or changed, or the cache folder cannot be written.
        """
        path = self.folder / self.file
        if self._is_joined():
            return path
        parts, state = self._find_parts(), self._parts_state()
        if parts is None or state != "ok":
            raise ModelError(f"cannot use model {self.name!r}: its file {self.file} is {state}; {REINSTALL_HINT}")
        try:
            self._write_folder(parts)
        except OSError as error:
            raise ModelError(
                f"cannot join model {self.name!r} in '{self.folder}': {error.strerror};"
                " free disk space, or set MEDIAFP_CACHE to another folder"
            ) from error
        if not self._is_joined():
            raise ModelError(
                f"cannot join model {self.name!r} in '{self.folder}': another program changes its files;"
                " set MEDIAFP_CACHE to another folder"
            )
        return path

    def _is_joined(self) -> bool:
        """Return True if the folder in the cache contains the joined file and its companions, and nothing else."""
        expected = {self.file: self.sha256, **self.companions}
        try:
            if self.folder.is_symlink():
                return False
            with os.scandir(self.folder) as listing:
                # A link would be followed, to a file that may change after this check.
                names = {entry.name if entry.is_file(follow_symlinks=False) else None for entry in listing}
            return (
                names == expected.keys()
                and self._has_sizes_of_parts()
                and _check_files({self.folder / name: sha256 for name, sha256 in expected.items()}) == "ok"
            )
        except OSError:
            return False

    def _has_sizes_of_parts(self) -> bool:
        """Return True if no joined file is larger than its parts: a sparse file of terabytes would be hashed for hours."""
        parts = self._find_parts()
        if parts is None:
            return True
        sources = {self.file: parts, **{name: [parts[0].with_name(name)] for name in self.companions}}
        return all(
            (self.folder / name).stat().st_size == sum(source.stat().st_size for source in files)
            for name, files in sources.items()
        )

    def _write_folder(self, parts: Sequence[Path]) -> None:
        """Join the parts in a new folder, and put it in the place of the old one."""
        cache_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_folder(), prefix=".joining-") as temporary:
            joined, replaced = Path(temporary, "joined"), Path(temporary, "replaced")
            joined.mkdir()
            for name in self.companions:
                _write_joined([parts[0].with_name(name)], joined / name)
            _write_joined(parts, joined / self.file)
            with suppress(FileNotFoundError):
                self.folder.rename(replaced)
            try:
                joined.rename(self.folder)
            except OSError as error:
                # Another process has joined the parts in the meantime.
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise

    def _find_parts(self) -> list[Path] | None:
        """Return the paths of all parts; None if one does not exist."""
        paths = [_packaged_file(*part.split("/", 1)) for part in self.parts]
        existing = [path for path in paths if path is not None and path.is_file()]
        return existing if len(existing) == len(paths) else None


def cache_folder() -> Path:
    """Return the folder for joined model files: MEDIAFP_CACHE, else the user's cache folder."""
    named = os.environ.get("MEDIAFP_CACHE")
    if named:
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_cache_dir("mediafp"))


def models_folder() -> Path:
    """Return the folder of the manifest: beside the package in a checkout, inside it in an installation."""
    package = Path(__file__).parents[1]
    return next((p for p in (package / "_models", package.parent / "models") if p.is_dir()), package / "_models")


@cache
def manifest() -> tuple[ModelFile, ...]:
    """Return all model files. Raises ModelError if the manifest cannot be read."""
    path = models_folder() / "manifest.toml"
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["model"]
        return tuple(ModelFile(**entry | {"parts": tuple(entry.get("parts", ()))}) for entry in entries)
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ModelError(f"cannot read '{path}': {error}; {REINSTALL_HINT}") from error


def model_file(name: str) -> ModelFile:
    """Return the model file with this name. Raises ModelError if there is none."""
    entry = next((entry for entry in manifest() if entry.name == name), None)
    if entry is None:
        names = ", ".join(known.name for known in manifest())
        raise ModelError(f"cannot find model {name!r}; choose from: {names}")
    return entry


@cache
def model_path(name: str) -> Path:
    """Return the path of a model file whose content was checked.

    Raises:
        ModelError: There is no such model, or its file is missing or changed.
    """
    entry = model_file(name)
    if entry.parts:
        return entry.join_parts()
    state, path = entry.state(), entry.path
    if state != "ok" or path is None:
        raise ModelError(f"cannot use model {name!r}: its file {entry.file} is {state}; {REINSTALL_HINT}")
    return path


def check_model_files() -> list[tuple[ModelFile, FileState]]:
    """Return every model file with its state, after hashing it."""
    return [(entry, entry.state()) for entry in manifest()]


def _packaged_file(package: str, file: str) -> Path | None:
    """Return the path of a file in an installed package, which is not imported; None if it is not installed."""
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec else []
    return Path(folders[0]) / file if folders else None


def _check_files(expected: Mapping[Path, str]) -> FileState:
    """Return the state of files with their expected SHA-256: the first one that is not `ok`."""
    for path, sha256 in expected.items():
        if not path.is_file():
            return "missing"
        if _hash_files([path]) != sha256:
            return "changed"
    return "ok"


def _hash_files(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of the concatenated files."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(COPY_BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()


def _write_joined(parts: Iterable[Path], path: Path) -> None:
    """Write the concatenated parts to a new file."""
    with path.open("xb") as file:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, file, COPY_BLOCK_BYTES)
