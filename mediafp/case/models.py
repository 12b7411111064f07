"""The model files and speech models on this machine, and the inputs of the speech model."""

from dataclasses import dataclass
from pathlib import Path

from mediafp.text.speech.hub_cache import SENSE_VOICE, cached_sense_voice, cached_whisper
from mediafp.types.model_files import check_model_files
from mediafp.types.runs import SpeechOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelState:
    """One model with the state of its file: `ok`, `missing`, `changed`, or `cache changed` if its joined files are.

    `licence` and `sha256` are None if unknown; `hint` is the action for a file that is not `ok`.
    """

    name: str
    version: str
    licence: str | None
    state: str
    sha256: str | None
    source: str
    hint: str = ""


def list_model_files() -> list[ModelState]:
    """Return the models of the manifest, whose files are hashed, and the speech models in the Hugging Face cache."""
    files = [
        ModelState(
            name=file.name,
            version=file.version,
            licence=file.licence,
            state=state,
            sha256=file.sha256,
            source=file.source,
            hint="" if state == "ok" else file.hint(state),
        )
        for file, state in check_model_files()
    ]
    return files + list_cached_models()


def list_cached_models() -> list[ModelState]:
    """Return the speech models in the Hugging Face cache, named as `--model` takes them; their files are not checked."""
    cached = [
        *((model.name, model) for model in cached_whisper()),
        *((f"{SENSE_VOICE}:{model.name}", model) for model in cached_sense_voice()),
    ]
    return [
        ModelState(
            name=name,
            version=model.revision,
            licence=None,
            state="ok",
            sha256=None,
            source="the hub's cache",
        )
        for name, model in cached
    ]


def check_speech_model(options: SpeechOptions) -> None:
    """Raise ModelError if the speech model of the options is missing or not usable, UsageError if an option is not."""
    from mediafp.text.speech.transcribers import get_transcriber

    get_transcriber(options)


def load_hotwords(path: Path) -> tuple[str, ...]:
    """Return the hotwords in a text file, one per line.

    Raises:
        UsageError: The file cannot be read.
    """
    from mediafp.text.speech import transcriber

    return transcriber.load_hotwords(path)
