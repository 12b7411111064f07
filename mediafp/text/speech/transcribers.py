"""The transcriber that the options name: Whisper, or SenseVoice if it is asked for."""

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from mediafp.text.speech.sense_voice import SenseVoiceTranscriber
from mediafp.text.speech.sense_voice_model import is_sense_voice
from mediafp.text.speech.transcriber import WhisperTranscriber
from mediafp.types.media import Audio
from mediafp.types.runs import SpeechOptions
from mediafp.types.transcripts import Transcript


class Transcriber(Protocol):
    """A speech model with its options; it is found when this is created, and loaded when the first speech is found."""

    concurrency: int
    """Number of windows decoded at once, of all tracks."""

    @property
    def relative_cost(self) -> float:
        """Processing time divided by that of the packaged model."""
        ...

    @property
    def version(self) -> str:
        """Version of everything besides the audio that a transcript depends on."""
        ...

    def rank(self, transcript: Transcript) -> int:
        """Return the rank of a transcript: of two of one track, that of the higher rank is searched and matched."""
        ...

    def transcribe(self, audio: Audio, *, on_progress: Callable[[float], object] = lambda share: None) -> Transcript:
        """Return the transcript of an audio track.

        Args:
            audio: The track.
            on_progress: Called with the share that is done, 0..1; an exception that it raises ends the transcription.

        Raises:
            ModelError: The model cannot be loaded, or fails.
        """
        ...


@lru_cache(maxsize=1)
def get_transcriber(options: SpeechOptions) -> Transcriber:
    """Return the transcriber with these options, which is created once per process.

    Raises:
        ModelError: The model is not on this machine, or not usable.
        UsageError: The model has no use for one of the options.
    """
    return SenseVoiceTranscriber(options) if is_sense_voice(options.model) else WhisperTranscriber(options)
