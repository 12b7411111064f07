"""Model files: their state, the speech models on this machine, and the options of the speech model."""

from pathlib import Path

from mediafp.text.speech.models import SpeechModel, cached_models
from mediafp.types.model_files import FileState, ModelFile, check_model_files
from mediafp.types.runs import SpeechOptions


def list_model_files() -> list[tuple[ModelFile, FileState]]:
    """Return every model file of the manifest with its state, after hashing it."""
    return check_model_files()


def list_cached_speech_models() -> list[SpeechModel]:
    """Return the speech models in the hub's cache, without hashing them."""
    return cached_models()


def check_speech_model(options: SpeechOptions) -> None:
    """Raise ModelError if the speech model of the options is missing."""
    from mediafp.text.speech.transcriber import get_transcriber

    get_transcriber(options)


def load_hotwords(path: Path) -> tuple[str, ...]:
    """Return the hotwords in a text file, one per line. Raises UsageError if it cannot be read."""
    from mediafp.text.speech import transcriber

    return transcriber.load_hotwords(path)
