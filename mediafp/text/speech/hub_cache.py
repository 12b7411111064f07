"""Speech models in the Hugging Face cache of this machine; none is downloaded."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mediafp.text.speech.whisper_files import is_whisper

SENSE_VOICE: Final = "sensevoice"
"""Name of the model in `--model sensevoice` and `--model sensevoice:FOLDER`."""
SENSE_VOICE_FILES: Final = ("model.int8.onnx", "model.onnx")
"""Names of the file of a SenseVoice model; of two, the first is used: it takes a quarter of the memory."""
TOKENS_FILE: Final = "tokens.txt"
"""Name of the file of its tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedRepository:
    """One revision of a repository in the cache."""

    name: str
    """Owner and name, as in `Systran/faster-whisper-small`."""
    revision: str
    """Its commit."""
    folder: Path


def cached_whisper() -> list[CachedRepository]:
    """Return the Whisper models in CTranslate2 format; their files are neither hashed nor checked."""
    return [cached for cached in _iter_cached("model.bin") if is_whisper(cached.folder / "model.bin")]


def cached_sense_voice() -> list[CachedRepository]:
    """Return the SenseVoice models in the form of sherpa-onnx; their files are neither hashed nor checked."""
    return [
        cached
        for cached in _iter_cached(TOKENS_FILE)
        if "sense" in cached.name.lower() and any((cached.folder / file).is_file() for file in SENSE_VOICE_FILES)
    ]


def _iter_cached(file_name: str) -> Iterator[CachedRepository]:
    """Yield the repositories in the Hugging Face cache that have a file of this name, ordered by their names.

    The newest revision of a repository comes first.
    """
    if not _has_file(file_name):
        return
    # Loads an HTTP client, .2 CPU seconds that most machines save.
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repositories = scan_cache_dir().repos
    except (CacheNotFound, OSError):
        return
    for repository in sorted(repositories, key=lambda r: r.repo_id):
        for revision in sorted(repository.revisions, key=lambda r: (-r.last_modified, r.commit_hash)):
            if any(file.file_name == file_name for file in revision.files):
                folder = Path(revision.snapshot_path)
                yield CachedRepository(name=repository.repo_id, revision=revision.commit_hash, folder=folder)


def _has_file(file_name: str) -> bool:
    """Return True if the cache, where its variables say that it is, contains a repository with this file."""
    variables = os.environ
    home = variables.get("HF_HOME") or Path(variables.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    folder = variables.get("HF_HUB_CACHE") or variables.get("HUGGINGFACE_HUB_CACHE") or Path(home, "hub")
    files = Path(os.path.expandvars(folder)).expanduser().glob(f"models--*/snapshots/*/{file_name}")
    return next(files, None) is not None
