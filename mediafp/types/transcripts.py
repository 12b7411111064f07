"""Transcripts, hints about them, and results of the text search."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import TimeSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptSegment:
    """A stretch of speech in one language, in presentation seconds.

    `language`: `zh` (Mandarin), `yue` (Cantonese), `en`, another Whisper code, or `und` where it is unsure.
    `flags` names doubts about the text, which is kept all the same. `times`: when each of `text.tokens(text)` is
    said, (start, end); empty where only the utterance's own times are known.
    """

    start: float
    end: float
    language: str
    language_probability: float
    text: str
    flags: tuple[str, ...] = ()
    token_times: tuple[TimeSpan, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What is said in one sound, by one model. No utterances: nobody speaks.

    `model` is its name for people, `version` names all that the words depend on: the model's SHA-256, the options
    and the version of the reading. `untranscribed_seconds`: speech that gave no words.
    """

    model: str
    version: str
    duration: float
    speech_seconds: float
    untranscribed_seconds: float
    segments: tuple[TranscriptSegment, ...]

    @property
    def languages(self) -> dict[str, float]:
        """Seconds of each language."""
        seconds: dict[str, float] = {}
        for utterance in self.segments:
            seconds[utterance.language] = seconds.get(utterance.language, 0.0) + utterance.end - utterance.start
        return seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechHint:
    """A known slip of synthetic voices, in presentation seconds; `heard` is the passage, `source` documents the slip.

    A person may say the same, and a transcript may be wrong: it is a reason to listen, and no more.
    """

    name: str
    start: float
    end: float
    heard: str
    reason: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """A passage in which a text was found; `marks` are the places (start, end), in characters of `text`, of what was sought."""

    sha256: str
    uris: tuple[str, ...]
    source: Literal["speech", "picture"]
    start: float
    end: float
    text: str
    marks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTranscription:
    """What is said in one file; `transcript` is None where it holds no sound or `error` says why it could not be read.

    `seconds` is wall time, shared with the files that were worked on meanwhile: the times of all add up to the run's.
    """

    path: Path
    sha256: str | None
    error: str | None
    transcript: Transcript | None
    seconds: float
    warnings: tuple[str, ...] = ()
    hints: tuple[SpeechHint, ...] = ()
    is_media: bool = True
    named_explicitly: bool = True
    """Whether the file was named itself, and not found in a folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscribedAudio:
    """What was heard in one file: its sound's SHA-256 ("" for none), the transcript and its words, the model's rank."""

    audio_sha256: str
    transcript: Transcript | None = None
    fingerprint: Fingerprint | None = None
    model_rank: int = 0
    warnings: tuple[str, ...] = ()
