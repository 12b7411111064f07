"""SenseVoice models on this machine, in the form of sherpa-onnx: found, checked and loaded; none is downloaded."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np

from mediafp.text.speech.hub_cache import SENSE_VOICE, SENSE_VOICE_FILES, TOKENS_FILE, cached_sense_voice
from mediafp.text.speech.models import error_reason
from mediafp.text.speech.sense_voice_tokens import TokenTable, read_token_table
from mediafp.text.speech.voice_activity import Samples, to_float
from mediafp.types.errors import ModelError
from mediafp.types.media import AUDIO_SAMPLE_RATE

LANGUAGES: Final = ("zh", "yue", "en", "ja", "ko")
"""Languages that SenseVoice-small writes, as its tags and Whisper name them."""
TAGS: Final = 4
"""Tokens before the text: language, emotion, event, and the way in which numbers are written."""
MEL_BANDS: Final = 80
"""Mel bands of the features, of which the model reads several frames side by side."""
MIN_INPUT_SECONDS: Final = 0.5
"""Shortest sound that the model is given: sherpa-onnx needs 7 frames of 10 ms, and cuts the end to whole steps of 6.
Chosen, not measured."""
END_SILENCE_SECONDS: Final = 0.1
"""Silence after the speech, of which sherpa-onnx drops the last incomplete step of 60 ms."""
INSTALL_COMMAND: Final = "pip install 'mediafp[sensevoice]'"
"""Command that installs sherpa-onnx."""
_EXPECTED = "choose the folder of a SenseVoice model exported for sherpa-onnx, with model.int8.onnx or model.onnx, and tokens.txt"
_NUMBERS = (
    "vocab_size",
    "lfr_window_size",
    "lfr_window_shift",
    "normalize_samples",
    "with_itn",
    "without_itn",
    "lang_auto",
    *(f"lang_{language}" for language in LANGUAGES),
)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SenseVoiceModel:
    """A SenseVoice model whose files were checked."""

    name: str
    model_file: Path
    sha256: str
    """SHA-256 of the model's file."""
    tokens: TokenTable
    tokens_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognisedSpeech:
    """Text of a sound, as pieces with the second at which each begins."""

    language: str | None
    """Language that the model states; None if it hears no speech."""
    texts: tuple[str, ...]
    starts: tuple[float, ...]
    is_incomplete: bool
    """True if a word has no token, or is among the tags, so that the text may lack one."""


class Recogniser:
    """A loaded SenseVoice model; several threads may use it at once."""

    def __init__(self, model: SenseVoiceModel) -> None:
        """Load the model. Raises ModelError if that fails."""
        started = time.monotonic()
        self._model = model
        self._recogniser = _load(model)
        seconds = time.monotonic() - started
        _logger.info("loaded the speech model %s (SHA-256 %s) in %.2f s", model.name, model.sha256[:16], seconds)

    def recognise(self, samples: Samples) -> RecognisedSpeech:
        """Return the text of a sound of 30 seconds or less.

        Raises:
            ModelError: The model fails, or its output does not begin with a tag of the language.
        """
        length = max(
            len(samples) + int(END_SILENCE_SECONDS * AUDIO_SAMPLE_RATE), int(MIN_INPUT_SECONDS * AUDIO_SAMPLE_RATE)
        )
        stream = self._recogniser.create_stream()
        stream.accept_waveform(AUDIO_SAMPLE_RATE, np.pad(to_float(samples), (0, length - len(samples))))
        self._recogniser.decode_stream(stream)
        result = stream.result
        # sherpa-onnx writes an error of its runtime to the standard error, and returns nothing.
        if not result.lang:
            raise ModelError(
                f"cannot transcribe with the speech model {self._model.name!r}: it returned nothing for"
                f" {len(samples) / AUDIO_SAMPLE_RATE:.1f} s of speech; {_EXPECTED}"
            )
        tokens = self._model.tokens
        language = tokens.tag(int(result.lang))
        if language is None:
            raise ModelError(
                f"cannot transcribe with the speech model {self._model.name!r}: its text does not begin with a tag of"
                f" the language; {_EXPECTED}"
            )
        # A model without one of the other tags has words in its place, which sherpa-onnx returns as tags.
        first = [int(number) for number in (result.emotion, result.event) if tokens.tag(int(number)) is None]
        numbers = [*first, *map(int, result.tokens)]
        times = [*(0.0 for _ in first), *result.timestamps]
        pieces = tokens.pieces(numbers)
        return RecognisedSpeech(
            language=language if language in LANGUAGES else None,
            texts=tuple(text for _, text in pieces),
            starts=tuple(max(0.0, float(times[position])) for position, _ in pieces),
            is_incomplete=bool(first) or tokens.count_unknown(numbers) > 0,
        )


def is_sense_voice(name: str) -> bool:
    """Return True if the name of a speech model asks for SenseVoice."""
    return name == SENSE_VOICE or name.startswith(f"{SENSE_VOICE}:")


def sense_voice_model(name: str) -> SenseVoiceModel:
    """Return the SenseVoice model that `sensevoice:FOLDER` names, or for `sensevoice` that in the Hugging Face cache.

    Raises:
        ModelError: sherpa-onnx is not installed, there is no model, or its files are not of this form.
    """
    if not has_sherpa():
        raise ModelError(
            f"cannot use the speech model {name!r}: sherpa-onnx is not installed; install it with: {INSTALL_COMMAND}"
        )
    folder_name = name.removeprefix(SENSE_VOICE).removeprefix(":")
    if folder_name:
        folder = Path(folder_name).expanduser()
        if not folder.is_dir():
            folder = next((cached.folder for cached in cached_sense_voice() if cached.name == folder_name), folder)
        return _check_folder(folder, f"{SENSE_VOICE}:{folder.resolve().name}")
    cached = next(iter(cached_sense_voice()), None)
    if cached is None:
        raise ModelError(
            f"cannot find the speech model {name!r}: the Hugging Face cache contains none, and mediafp downloads"
            f" nothing; fetch one (hf download), or name its folder: {SENSE_VOICE}:FOLDER"
        )
    return _check_folder(cached.folder, f"{SENSE_VOICE}:{cached.name}")


def has_sherpa() -> bool:
    """Return True if sherpa-onnx is installed, without loading it."""
    return importlib.util.find_spec("sherpa_onnx") is not None


def _check_folder(folder: Path, name: str) -> SenseVoiceModel:
    """Return the model in a folder. Raises ModelError if its files are missing or not of the form that is read.

    sherpa-onnx ends the process, or reads beyond its memory, where a file is not of this form.
    """
    if not folder.is_dir():
        raise ModelError(f"cannot find a SenseVoice model in {str(folder)!r}: there is no such folder; {_EXPECTED}")
    model_file = next((folder / file for file in SENSE_VOICE_FILES if (folder / file).is_file()), None)
    if model_file is None or not (folder / TOKENS_FILE).is_file():
        missing = TOKENS_FILE if model_file else " and ".join(SENSE_VOICE_FILES)
        raise ModelError(
            f"cannot load a SenseVoice model from {str(folder)!r}: {missing} {'is' if model_file else 'are'} missing;"
            f" {_EXPECTED}"
        )
    try:
        tokens = read_token_table(folder / TOKENS_FILE)
        _check_model(model_file, len(tokens))
        with model_file.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        tokens_sha256 = hashlib.sha256((folder / TOKENS_FILE).read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot load a SenseVoice model from {str(folder)!r}: {error}; {_EXPECTED}") from error
    return SenseVoiceModel(name=name, model_file=model_file, sha256=sha256, tokens=tokens, tokens_sha256=tokens_sha256)


def _check_model(model_file: Path, token_count: int) -> None:
    """Raise ValueError, with the reason, if a file is no SenseVoice model in the form of sherpa-onnx."""
    # Imported on first use: most commands do not need it.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(model_file), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # The runtime has a class of its own for each kind of damage.
        raise ValueError(f"ONNX Runtime does not read {model_file.name}: {error_reason(error)}") from error
    stated = session.get_modelmeta().custom_metadata_map
    window_size = _check_metadata(stated, model_file.name, token_count)
    inputs = [(one.name, one.type) for one in session.get_inputs()]
    integer = "tensor(int32)"
    if [kind for _, kind in inputs] != ["tensor(float)", integer, integer, integer] or len(session.get_outputs()) < 1:
        raise ValueError(f"the inputs of {model_file.name} are not features, their number, a language and a norm")
    frames = 20
    values = (
        np.zeros((1, frames, MEL_BANDS * window_size), np.float32),
        np.array([frames], np.int32),
        np.array([int(stated["lang_auto"])], np.int32),
        np.array([int(stated["with_itn"])], np.int32),
    )
    try:
        logits = session.run(None, {name: value for (name, _), value in zip(inputs, values, strict=True)})[0]
    except Exception as error:
        raise ValueError(f"{model_file.name} fails: {error_reason(error)}") from error
    expected = (1, frames + TAGS, token_count)
    if not isinstance(logits, np.ndarray) or logits.dtype != np.float32 or logits.shape != expected:
        raise ValueError(f"the output of {model_file.name} is not of the form {expected}, in float32")


def _check_metadata(stated: dict[str, str], file_name: str, token_count: int) -> int:
    """Return how many frames the model reads side by side. Raises ValueError if a value is missing or impossible."""
    if "Nano" in stated.get("comment", "") or stated.get("model_type", "sense_voice_ctc") != "sense_voice_ctc":
        raise ValueError(f"{file_name} is a model of another type ({stated.get('model_type', 'Nano')[:40]})")
    numbers = {name: _integer(stated, name, file_name) for name in _NUMBERS}
    if numbers["vocab_size"] != token_count:
        raise ValueError(f"{file_name} has {numbers['vocab_size']} tokens, and {TOKENS_FILE} has {token_count}")
    window_size = numbers["lfr_window_size"]
    if not 1 <= numbers["lfr_window_shift"] <= window_size <= 100:
        raise ValueError(f"{file_name} states impossible steps of its features (lfr_window_size, lfr_window_shift)")
    if not 0 <= _integer({"blank_id": "0", **stated}, "blank_id", file_name) < token_count:
        raise ValueError(f"{file_name} states an impossible blank_id")
    for name in ("neg_mean", "inv_stddev"):
        values = _floats(stated.get(name, ""))
        if len(values) != MEL_BANDS * window_size or not np.isfinite(values).all():
            raise ValueError(f"{file_name} does not state {MEL_BANDS * window_size} numbers as {name}")
    return window_size


def _integer(stated: dict[str, str], name: str, file_name: str) -> int:
    text = stated.get(name, "")
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ValueError(f"{file_name} does not state {name}, as sherpa-onnx needs it")
    return int(text)


def _floats(text: str) -> Sequence[float]:
    try:
        return [float(value) for value in text.split(",")]
    except ValueError:
        return []


def _load(model: SenseVoiceModel) -> Any:
    """Return the recogniser of sherpa-onnx, whose tokens are their numbers. Raises ModelError."""
    # It is an extra, and loads a second ONNX Runtime.
    sherpa_onnx = import_module("sherpa_onnx")
    # Its own reading of the tokens ends the process at a malformed line, and its results fail at incomplete characters.
    with tempfile.TemporaryFile("w", encoding="ascii") as tokens:
        tokens.writelines(f"{number} {number}\n" for number in range(len(model.tokens)))
        tokens.flush()
        try:
            return sherpa_onnx.OfflineRecognizer.from_sense_voice(
                model=str(model.model_file),
                tokens=f"/proc/self/fd/{tokens.fileno()}",
                num_threads=1,
                language="auto",
                use_itn=True,
            )
        except Exception as error:
            raise ModelError(
                f"cannot load the speech model {model.name!r}: {error_reason(error)}; {_EXPECTED}"
            ) from error
