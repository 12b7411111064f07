"""Model files: found where models/manifest.toml says, and used only with the bytes that it names."""

import hashlib
import importlib.util
import os
import shutil
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import platformdirs

from mediafp.types.errors import ModelError

REINSTALL_HINT = "install again what requirements.lock names: scripts/env"
FileState = Literal["ok", "missing", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """One entry of the manifest; `package` is the installed package that holds `file`, "" for models/ itself.

    A file too large for one package comes in `parts`, each "package/file" in order, and is joined in the cache folder
    with the files `beside` it (name to SHA-256), which lie where the first part does.
    """

    name: str
    version: str
    sha256: str
    licence: str
    source: str
    file: str
    package: str = ""
    parts: tuple[str, ...] = ()
    companions: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path | None:
        """Where the file should lie; None where its package is not installed."""
        if self.parts:
            return cache_folder() / f"{self.name}-{self.sha256[:12]}" / self.file
        return _inside(self.package, self.file) if self.package else models_folder() / self.file

    def state(self) -> FileState:
        """Whether the file is there, byte for byte; one in parts is, where they are."""
        if not self.parts:
            path = self.path
            return "missing" if path is None else _compare({path: self.sha256})
        parts = self._pieces()
        if parts is None:
            return "missing"
        beside = _compare({parts[0].with_name(name): sha256 for name, sha256 in self.companions.items()})
        if beside != "ok":
            return beside
        return "ok" if _digest(parts) == self.sha256 else "changed"

    def is_present(self) -> bool:
        """Whether the file, or all its parts, are there; their bytes are checked when it is used."""
        path = self.path
        return self._pieces() is not None if self.parts else path is not None and path.is_file()

    def join_parts(self) -> Path:
        """The joined file in the cache folder, made there where it is not. Raises ModelError."""
        path, parts = self.path, self._pieces()
        assert path is not None, "a file in parts always has its place in the cache"
        if _compare({path: self.sha256} | {path.with_name(n): sha256 for n, sha256 in self.companions.items()}) == "ok":
            return path
        state = self.state()
        if parts is None or state != "ok":
            raise ModelError(f"the model file {self.file} of {self.name} is {state}; {REINSTALL_HINT}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for name in self.companions:
                _place([parts[0].with_name(name)], path.with_name(name))
            _place(parts, path)
        except OSError as error:
            raise ModelError(
                f"{path.parent} cannot be written ({error.strerror}), and {self.name} is joined there:"
                " make room, or name another folder in MEDIAFP_CACHE"
            ) from error
        return path

    def _pieces(self) -> list[Path] | None:
        found = [_inside(*part.split("/", 1)) for part in self.parts]
        paths = [path for path in found if path is not None and path.is_file()]
        return paths if len(paths) == len(found) else None


def _inside(package: str, file: str) -> Path | None:
    """A file's place in an installed package, which is not imported; None where it is not installed."""
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or []) if spec else []
    return Path(places[0]) / file if places else None


def _compare(wanted: Mapping[Path, str]) -> FileState:
    for path, sha256 in wanted.items():
        if not path.is_file():
            return "missing"
        if _digest([path]) != sha256:
            return "changed"
    return "ok"


def _digest(paths: Iterable[Path]) -> str:
    """SHA-256 of the files' bytes one after another."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _place(parts: Iterable[Path], path: Path) -> None:
    """Joins the parts as `path`, in one step: another process may be doing the same."""
    made, name = tempfile.mkstemp(dir=path.parent, prefix=".joining-")
    try:
        with os.fdopen(made, "wb") as file:
            for part in parts:
                with part.open("rb") as source:
                    shutil.copyfileobj(source, file, 1 << 20)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def cache_folder() -> Path:
    """Where joined model files lie: MEDIAFP_CACHE, else the user's cache folder."""
    named = os.environ.get("MEDIAFP_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("mediafp"))


def models_folder() -> Path:
    """The models folder: beside the package in a checkout, inside it once installed."""
    package = Path(__file__).parents[1]
    return next((p for p in (package / "_models", package.parent / "models") if p.is_dir()), package / "_models")


@cache
def manifest() -> tuple[ModelFile, ...]:
    """Every weight that the program knows. Raises ModelError where the manifest cannot be read."""
    file = models_folder() / "manifest.toml"
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8"))["model"]
        return tuple(ModelFile(**entry | {"parts": tuple(entry.get("parts", ()))}) for entry in entries)
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ModelError(f"{file} cannot be used ({error}); {REINSTALL_HINT}") from error


def model_file(name: str) -> ModelFile:
    """One weight of the manifest. Raises ModelError where it is unknown."""
    weight = next((w for w in manifest() if w.name == name), None)
    if weight is None:
        raise ModelError(f"no model is called {name!r}; there are: {', '.join(w.name for w in manifest())}")
    return weight


@cache
def model_path(name: str) -> Path:
    """The checked file of one weight. Raises ModelError where it is unknown, missing or changed."""
    weight = model_file(name)
    if weight.parts:
        return weight.join_parts()
    state, path = weight.state(), weight.path
    if state != "ok" or path is None:
        raise ModelError(f"the model file {weight.file} of {name} is {state}; {REINSTALL_HINT}")
    return path


def check_model_files() -> list[tuple[ModelFile, FileState]]:
    """Every weight with its state, read afresh."""
    return [(weight, weight.state()) for weight in manifest()]
