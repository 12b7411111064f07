"""Model files: found where models/manifest.toml says, and used only with the bytes that it names."""

import hashlib
import importlib.util
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from mediafp.errors import ModelError

MEND = "install again what requirements.lock names: scripts/env"
State = Literal["ok", "missing", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """One entry of the manifest; `package` is the installed package that holds `file`, "" for models/ itself."""

    name: str
    version: str
    sha256: str
    licence: str
    source: str
    file: str
    package: str = ""

    @property
    def path(self) -> Path | None:
        """Where the file should lie; None where its package is not installed."""
        if not self.package:
            return folder() / self.file
        spec = importlib.util.find_spec(self.package)
        places = list(spec.submodule_search_locations or []) if spec else []
        return Path(places[0]) / self.file if places else None

    def state(self) -> State:
        """Whether the file is there, byte for byte."""
        path = self.path
        if path is None or not path.is_file():
            return "missing"
        with path.open("rb") as file:
            return "ok" if hashlib.file_digest(file, "sha256").hexdigest() == self.sha256 else "changed"


def folder() -> Path:
    """The models folder: beside the package in a checkout, inside it once installed."""
    package = Path(__file__).parent
    return next((p for p in (package / "_models", package.parent / "models") if p.is_dir()), package / "_models")


@cache
def manifest() -> tuple[Weight, ...]:
    """Every weight that the program knows. Raises ModelError where the manifest cannot be read."""
    file = folder() / "manifest.toml"
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8"))["weight"]
        return tuple(Weight(**entry) for entry in entries)
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ModelError(f"{file} cannot be used ({error}); {MEND}") from error


@cache
def find(name: str) -> Path:
    """The checked file of one weight. Raises ModelError where it is unknown, missing or changed."""
    weight = next((w for w in manifest() if w.name == name), None)
    if weight is None:
        raise ModelError(f"no model is called {name!r}; there are: {', '.join(w.name for w in manifest())}")
    state, path = weight.state(), weight.path
    if state != "ok" or path is None:
        raise ModelError(f"the model file {weight.file} of {name} is {state}; {MEND}")
    return path


def verify() -> list[tuple[Weight, State]]:
    """Every weight with its state, read afresh."""
    return [(weight, weight.state()) for weight in manifest()]
