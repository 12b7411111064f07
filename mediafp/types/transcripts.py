"""Transcripts, hints about them, and results of the text search."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import TimeSpan

SearchSource = Literal["speech", "picture", "screen", "title", "post", "account", "clue"]
"""Text that is searched: transcripts, text in images, text on screen of videos."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptSegment:
    """Interval of speech in one language, in presentation seconds."""

    start: float
    end: float
    language: str
    """`zh` (Mandarin), `yue` (Cantonese), `en`, another code of Whisper, or `und` if it is uncertain."""
    language_probability: float
    text: str
    flags: tuple[str, ...] = ()
    """Names of doubts about the text, which is kept nevertheless."""
    token_times: tuple[TimeSpan, ...] = ()
    """Time span of each token of `types.tokens.tokenise(text)`; empty if only that of the segment is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """Text of one audio track by one model; without segments if there is no speech."""

    model: str
    """Name of the model, for display."""
    version: str
    """Everything that the text depends on: the model's SHA-256, the options and the version of the decoding."""
    duration: float
    """Seconds of audio."""
    speech_seconds: float
    untranscribed_seconds: float
    """Seconds of speech without text."""
    segments: tuple[TranscriptSegment, ...]

    @property
    def languages(self) -> dict[str, float]:
        """Seconds of speech in each language."""
        seconds: dict[str, float] = {}
        for segment in self.segments:
            seconds[segment.language] = seconds.get(segment.language, 0.0) + segment.end - segment.start
        return seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechHint:
    """Occurrence of a documented error of synthetic voices in a transcript, in presentation seconds.

    A person may say the same, and a transcript may be wrong: a hint is a reason to listen, and no evidence.
    """

    name: str
    start: float
    end: float
    heard: str
    """Passage of the transcript."""
    reason: str
    source: str
    """Document that describes the error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """Passage that contains a searched text, in presentation seconds."""

    sha256: str
    uris: tuple[str, ...]
    source: SearchSource
    start: float
    end: float
    text: str
    marks: tuple[tuple[int, int], ...]
    """Start and end, in characters of `text`, of each match of a searched word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTranscription:
    """Transcript of one file, or the reason for there being none."""

    path: Path
    sha256: str | None
    error: str | None
    """Reason why the file could not be decoded."""
    transcript: Transcript | None
    """None if the file has no audio, or if there is an error."""
    seconds: float
    """Wall time, shared with the files that were processed at the same time: the sum over all files is that of the run."""
    warnings: tuple[str, ...] = ()
    hints: tuple[SpeechHint, ...] = ()
    is_media: bool = True
    named_explicitly: bool = True
    """True if the file itself was named, False if it was found in a folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscribedAudio:
    """Transcript of the audio of one file, as it is stored."""

    audio_sha256: str
    """SHA-256 of the samples; "" if the file has no audio."""
    transcript: Transcript | None = None
    fingerprint: Fingerprint | None = None
    """Words of the transcript as phonetic rows."""
    model_rank: int = 0
    """Rank of the model: of several transcripts, that of the highest rank is searched and matched."""
    warnings: tuple[str, ...] = ()
