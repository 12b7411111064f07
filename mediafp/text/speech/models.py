"""Whisper models on this machine: the packaged one, a folder, or one in the Hugging Face cache; none is downloaded."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mediafp.types import model_files
from mediafp.types.defaults import DEFAULT_MODEL
from mediafp.types.errors import ModelError
from mediafp.types.media import AUDIO_SAMPLE_RATE

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

SIZES = ("tiny", "base", "small", "medium", "large-v1", "large-v2", "large-v3-turbo", "large-v3")
"""Whisper's model sizes, from worst to best: of two transcripts of one track, that of the better model is searched."""
ALIASES = {"base": DEFAULT_MODEL, "turbo": "large-v3-turbo", "large": "large-v3"}
"""Short names of models."""
FEATURES: Final = {"sampling_rate": AUDIO_SAMPLE_RATE, "hop_length": 160, "chunk_length": 30, "n_fft": 400}
"""Features of every Whisper model: samples per second, samples between spectra, seconds per window, samples per spectrum
(the constants of openai-whisper's audio.py). The number of mel bands is part of the model."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechModel:
    """A Whisper model in CTranslate2 format.

    `folder` is None for the packaged model, whose parts are joined when it is first loaded; `revision` is the commit in
    the Hugging Face hub, "" if there is none.
    """

    name: str
    sha256: str
    folder: Path | None = None
    revision: str = ""

    def model_folder(self) -> Path:
        """Return the folder that contains the model's files.

        Raises:
            ModelError: The packaged model cannot be joined.
        """
        return self.folder or model_files.model_path(DEFAULT_MODEL).parent

    @property
    def rank(self) -> int:
        """Rank of the model by its size, 1 for the smallest; 0 if its name contains no size."""
        return max((n for n, size in enumerate(SIZES, 1) if size in self.name), default=0)

    def concurrency(self, threads: int) -> int:
        """Return how many windows are decoded at a time with so many threads.

        Whisper base decodes a token in 14 ms on one thread and in 18 ms on two: it decodes windows in parallel, one per
        thread. Larger models give all threads to one window.
        """
        return threads if self.name == DEFAULT_MODEL else 1


def speech_model(name: str = DEFAULT_MODEL) -> SpeechModel:
    """Return the model with a name, or in a folder.

    Raises:
        ModelError: The model is not on this machine.
    """
    name = ALIASES.get(name, name)
    if name == DEFAULT_MODEL:
        model_file = model_files.model_file(DEFAULT_MODEL)
        if not model_file.is_present():
            raise ModelError(
                f"cannot load the speech model {name!r}: its file {model_file.file!r} is missing;"
                f" {model_files.REINSTALL_HINT}"
            )
        return SpeechModel(name=DEFAULT_MODEL, sha256=model_file.sha256)
    folder = Path(name)
    # A folder that happens to have the name of a model is not meant: "./tiny" names it.
    if folder.is_dir() and not _is_model_name(name):
        return _model_in_folder(folder.resolve().name, folder, "")
    snapshot = _find_snapshot(name)
    return _model_in_folder(f"whisper-{name}" if "/" not in name else name, snapshot, snapshot.name)


def load_whisper(model: SpeechModel, threads: int) -> WhisperModel:
    """Return a model loaded into memory, on a GPU if there is one.

    Args:
        model: The model.
        threads: CPU threads, shared by the windows that are decoded in parallel.

    Raises:
        ModelError: The packaged model cannot be joined.
    """
    started = time.monotonic()
    # Imports onnxruntime, CTranslate2 and tokenizers, which most commands do not need.
    from faster_whisper import WhisperModel

    class Model(WhisperModel):  # type: ignore[misc]
        """Whisper with the features that the model was trained on, whatever a file in its folder states."""

        def _get_feature_kwargs(self, model_path: str, preprocessor_bytes: bytes | None = None) -> dict[str, int]:
            return {"feature_size": self.model.n_mels, **FEATURES}

    concurrency = model.concurrency(threads)
    whisper = Model(
        str(model.model_folder()),
        device="auto",
        compute_type="auto",
        cpu_threads=threads // concurrency,
        num_workers=concurrency,
    )
    seconds = time.monotonic() - started
    _logger.info("loaded the speech model %s (SHA-256 %s) in %.2f s", model.name, model.sha256[:16], seconds)
    return whisper


def cached_models() -> list[SpeechModel]:
    """Return the speech models in the Hugging Face cache, with an empty `sha256`: their files are not hashed."""
    if not _has_cached_repositories():
        return []
    # Loads an HTTP client, .2 CPU seconds that most machines save.
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


def _has_cached_repositories() -> bool:
    """Return True if the Hugging Face cache, where its variables say that it is, contains a Whisper repository."""
    variables = os.environ
    home = variables.get("HF_HOME") or Path(variables.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    folder = variables.get("HF_HUB_CACHE") or variables.get("HUGGINGFACE_HUB_CACHE") or Path(home, "hub")
    repositories = Path(os.path.expandvars(folder)).expanduser().glob("models--*")
    return any("whisper" in repository.name.lower() for repository in repositories)


def _is_model_name(name: str) -> bool:
    """Return True for the name of a published model, such as "tiny", or of a repository in the Hugging Face cache."""
    from faster_whisper.utils import available_models

    return name in available_models() or name in {model.name for model in cached_models()}


def _model_in_folder(name: str, folder: Path, revision: str) -> SpeechModel:
    model_file = folder / "model.bin"
    if not model_file.is_file() or not (folder / "tokenizer.json").is_file():
        raise ModelError(
            f"cannot load a speech model from {str(folder)!r}: model.bin or tokenizer.json is missing;"
            " choose the folder of a Whisper model converted for CTranslate2"
        )
    with model_file.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return SpeechModel(name=name, folder=folder, sha256=sha256, revision=revision)


def _find_snapshot(name: str) -> Path:
    """Return the newest snapshot of a model in the Hugging Face cache, without network access."""
    from faster_whisper.utils import download_model

    try:
        return Path(download_model(name, local_files_only=True))
    except ValueError as error:
        raise ModelError(
            f"cannot find the speech model {name!r}: no model has this name; choose one of {', '.join(SIZES)}, or a folder"
        ) from error
    except OSError as error:
        raise ModelError(
            f"cannot find the speech model {name!r}: it is not on this machine, and mediafp downloads nothing;"
            " fetch it into the Hugging Face cache first (hf download), or choose the folder that contains it"
        ) from error
