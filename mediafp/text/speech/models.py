"""Speech models: the embedded one, and others by folder or by name from the hub's cache. Nothing is downloaded."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from mediafp.types import model_files
from mediafp.types.errors import ModelError
from mediafp.types.runs import DEFAULT_MODEL

SIZES = ("tiny", "base", "small", "medium", "large-v1", "large-v2", "large-v3-turbo", "large-v3")
"""Whisper's sizes, better ones last: of two transcripts of one sound the better model's is searched."""
ALIASES = {"base": DEFAULT_MODEL, "turbo": "large-v3-turbo", "large": "large-v3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechModel:
    """A Whisper model in CTranslate2's form; `revision` is the hub's, "" where there is none.

    `folder` None is the embedded one, which is joined when it is first loaded.
    """

    name: str
    sha256: str
    folder: Path | None = None
    revision: str = ""

    def model_folder(self) -> Path:
        """The folder that holds its files. Raises ModelError where the embedded one cannot be joined."""
        return self.folder or model_files.model_path(DEFAULT_MODEL).parent

    @property
    def rank(self) -> int:
        """Higher for the better model, by its size; 0 where the name tells none."""
        return max((n for n, size in enumerate(SIZES, 1) if size in self.name), default=0)


def speech_model(name: str = DEFAULT_MODEL) -> SpeechModel:
    """The model of a name or in a folder. Raises ModelError where it is not on this machine."""
    name = ALIASES.get(name, name)
    if name == DEFAULT_MODEL:
        weight = model_files.model_file(DEFAULT_MODEL)
        if not weight.is_present():
            raise ModelError(f"the model file {weight.file} of {name} is missing; {model_files.REINSTALL_HINT}")
        return SpeechModel(name=DEFAULT_MODEL, sha256=weight.sha256)
    folder = Path(name)
    if folder.is_dir():
        return _opened(folder.resolve().name, folder, "")
    snapshot = _snapshot(name)
    return _opened(f"whisper-{name}" if "/" not in name else name, snapshot, snapshot.name)


def _opened(name: str, folder: Path, revision: str) -> SpeechModel:
    weight = folder / "model.bin"
    if not weight.is_file() or not (folder / "tokenizer.json").is_file():
        raise ModelError(
            f"{folder} holds no speech model: model.bin and tokenizer.json, as converted for CTranslate2, must be in it"
        )
    with weight.open("rb") as file:
        return SpeechModel(
            name=name, folder=folder, sha256=hashlib.file_digest(file, "sha256").hexdigest(), revision=revision
        )


def _snapshot(name: str) -> Path:
    """The newest snapshot of a model in the hub's cache, without a look at the network."""
    from faster_whisper.utils import download_model

    try:
        return Path(download_model(name, local_files_only=True))
    except ValueError as error:
        raise ModelError(f"no speech model is called {name!r}; name one of {', '.join(SIZES)}, or a folder") from error
    except OSError as error:
        raise ModelError(
            f"the speech model {name} is not on this machine: fetch it into the hub's cache first (hf download), or"
            " name the folder that holds it; mediafp downloads nothing"
        ) from error


def cached_models() -> list[SpeechModel]:
    """The speech models in the hub's cache, their bytes not yet hashed (`sha256` is "")."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repositories = scan_cache_dir().repos
    except (CacheNotFound, OSError):
        return []
    return [
        SpeechModel(
            name=repository.repo_id, folder=Path(revision.snapshot_path), sha256="", revision=revision.commit_hash
        )
        for repository in sorted(repositories, key=lambda r: r.repo_id)
        for revision in repository.revisions
        if any(file.file_name == "model.bin" for file in revision.files) and "whisper" in repository.repo_id.lower()
    ]
