"""Whisper models on this machine: the packaged one, a folder, or one in the Hugging Face cache; none is downloaded."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mediafp.text.speech.hub_cache import cached_whisper
from mediafp.text.speech.language import CHINESE, UNKNOWN
from mediafp.text.speech.whisper_files import check_whisper_files
from mediafp.types import model_files
from mediafp.types.defaults import DEFAULT_MODEL
from mediafp.types.errors import ModelError
from mediafp.types.media import AUDIO_SAMPLE_RATE

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

SIZES = ("tiny", "base", "small", "medium", "large-v1", "large-v2", "large-v3-turbo", "large-v3")
"""Whisper's model sizes, from worst to best: of two transcripts of one track, that of the better model is searched."""
RELATIVE_COSTS: Final = (0.6, 1.0, 3.3, 8.0, 16.0, 16.0, 8.0, 16.0)
"""Processing time of each of SIZES divided by that of base: CPU seconds for continuous speech
(`scripts/bench/speech_model_cost.py`); that of tiny is chosen, not measured."""
ALIASES = {"base": DEFAULT_MODEL, "turbo": "large-v3-turbo", "large": "large-v3"}
"""Short names of models."""
FEATURES: Final = {"sampling_rate": AUDIO_SAMPLE_RATE, "hop_length": 160, "chunk_length": 30, "n_fft": 400}
"""Features of every Whisper model: samples per second, samples between spectra, seconds per window, samples per spectrum
(the constants of openai-whisper's audio.py). The number of mel bands is part of the model."""

ENGLISH_ONLY: Final = frozenset(("en",))
"""Languages of a model that was trained on English alone."""
_ENGLISH_DISTIL = re.compile(r"distil-(whisper-)?(small|medium|large)", re.IGNORECASE)
"""Published distil-whisper models: they have tokens for all languages, and were trained on English (their model cards).
Chinese ones have other names, such as Belle-distilwhisper."""
WEIGHT_ERRORS: Final = (RuntimeError, ValueError, LookupError)
"""Errors of CTranslate2 for weights that are missing or of another shape."""
_EXPECTED = "choose the folder of a Whisper model converted for CTranslate2 (ct2-transformers-converter)"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechModel:
    """A Whisper model in CTranslate2 format.

    `folder` is None for the packaged model, whose parts are joined when it is first loaded; `revision` is the commit in
    the Hugging Face hub, "" if there is none.
    """

    name: str
    sha256: str
    """SHA-256 of its weights."""
    size: str
    """One of SIZES."""
    folder: Path | None = None
    revision: str = ""
    files_sha256: str = ""
    """SHA-256 of the files beside the weights; "" for the packaged model, whose manifest states them."""
    languages: frozenset[str] | None = None
    """Codes of the languages that it was trained on; None for all that Whisper knows."""

    def model_folder(self) -> Path:
        """Return the folder that contains the model's files.

        Raises:
            ModelError: The packaged model cannot be joined.
        """
        return self.folder or model_files.model_path(DEFAULT_MODEL).parent

    @property
    def version(self) -> str:
        """Version of the model: what of it a transcript depends on."""
        return self.sha256[:16] + (f"+{self.files_sha256[:8]}" if self.files_sha256 else "")

    @property
    def rank(self) -> int:
        """Rank of the model by its size, 1 for the smallest."""
        return SIZES.index(self.size) + 1

    @property
    def relative_cost(self) -> float:
        """Processing time divided by that of the packaged model."""
        return RELATIVE_COSTS[SIZES.index(self.size)]

    def can_decode(self, language: str) -> bool:
        """Return True if the model writes a language; text that it writes of another one is invented."""
        # Whisper models without a token of Cantonese are asked for Mandarin, with a prompt, and so they are if unsure.
        code = "zh" if language in (*CHINESE, UNKNOWN) else language
        return self.languages is None or code in self.languages

    def concurrency(self, threads: int) -> int:
        """Return how many windows are decoded at a time with so many threads.

        Whisper base decodes a token in 14 ms on one thread and in 18 ms on two: it decodes windows in parallel, one per
        thread. Larger models give all threads to one window.
        """
        return threads if self.size in ("tiny", "base") else 1


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
        return SpeechModel(name=DEFAULT_MODEL, sha256=model_file.sha256, size="base")
    folder = Path(name)
    # A folder that happens to have the name of a model is not meant: "./tiny" names it.
    if folder.is_dir() and not _is_model_name(name):
        return _model_in_folder(folder.resolve().name, folder, "")
    if "/" not in name and name not in _published_names():
        raise ModelError(
            f"cannot find the speech model {name!r}: no model and no folder has this name; choose one of"
            f" {', '.join(SIZES)}, the name of a repository in the Hugging Face cache, or a folder"
        )
    snapshot = _find_snapshot(name)
    return _model_in_folder(f"whisper-{name}" if "/" not in name else name, snapshot, snapshot.name)


def load_whisper(model: SpeechModel, threads: int) -> WhisperModel:
    """Return a model loaded into memory, on a GPU if there is one.

    Args:
        model: The model.
        threads: CPU threads, shared by the windows that are decoded in parallel.

    Raises:
        ModelError: The packaged model cannot be joined, or the weights cannot be loaded.
    """
    started = time.monotonic()
    # Imports onnxruntime, CTranslate2 and tokenizers, which most commands do not need.
    from faster_whisper import WhisperModel

    class Model(WhisperModel):  # type: ignore[misc]
        """Whisper with the features that the model was trained on, whatever a file in its folder states."""

        def _get_feature_kwargs(self, model_path: str, preprocessor_bytes: bytes | None = None) -> dict[str, int]:
            return {"feature_size": self.model.n_mels, **FEATURES}

    concurrency = model.concurrency(threads)
    folder = model.model_folder()
    try:
        whisper = Model(
            str(folder),
            device="auto",
            compute_type="auto",
            cpu_threads=threads // concurrency,
            num_workers=concurrency,
        )
    except MemoryError as error:
        raise ModelError(
            f"cannot load the speech model from {str(folder)!r}: there is not enough memory; choose a smaller model"
        ) from error
    except Exception as error:
        # The library of the tokenizer raises no class of its own.
        raise ModelError(
            f"cannot load the speech model from {str(folder)!r}: {error_reason(error)}; {_EXPECTED}"
        ) from error
    seconds = time.monotonic() - started
    _logger.info("loaded the speech model %s (SHA-256 %s) in %.2f s", model.name, model.sha256[:16], seconds)
    return whisper


def error_reason(error: Exception) -> str:
    """Return the reason that a library states for not running a model: the first line of its message."""
    return str(error).strip().split("\n", maxsplit=1)[0][:200]


def _published_names() -> list[str]:
    from faster_whisper.utils import available_models

    names: list[str] = available_models()
    return names


def _is_model_name(name: str) -> bool:
    """Return True for the name of a published model, such as "tiny", or of a repository in the Hugging Face cache."""
    return name in _published_names() or name in {model.name for model in cached_whisper()}


def _model_in_folder(name: str, folder: Path, revision: str) -> SpeechModel:
    try:
        files = check_whisper_files(folder)
        with (folder / "model.bin").open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot load a speech model from {str(folder)!r}: {error}; {_EXPECTED}") from error
    languages = files.languages if files.is_multilingual else ENGLISH_ONLY
    return SpeechModel(
        name=name,
        folder=folder,
        sha256=sha256,
        revision=revision,
        size=files.size,
        files_sha256=files.sha256,
        languages=ENGLISH_ONLY if _ENGLISH_DISTIL.search(name) else languages,
    )


def _find_snapshot(name: str) -> Path:
    """Return the newest snapshot of a model in the Hugging Face cache, without network access."""
    from faster_whisper.utils import download_model

    try:
        return Path(download_model(name, local_files_only=True))
    except (OSError, ValueError) as error:
        # An impossible name of a repository is a ValueError.
        raise ModelError(
            f"cannot find the speech model {name!r}: it is not on this machine, and mediafp downloads nothing;"
            " fetch it into the Hugging Face cache first (hf download), or choose the folder that contains it"
        ) from error
