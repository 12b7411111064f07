"""Transcripts, hints about them, and results of the text search."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import TimeSpan

SearchSource = Literal["speech", "picture", "screen", "title", "post", "account", "clue"]
"""Text that is searched: transcripts, text in images, text on screen of videos."""


Certainty = Literal["sure", "doubtful", "guess"]
"""Level of a word, or of a segment, by the probability that its words are right."""
SURE_PROBABILITY: Final = 0.85
"""Probability of a word from which it is sure. Chosen: one error in seven words leaves a sentence readable."""
GUESS_PROBABILITY: Final = 0.5
"""Probability of a word below which it is a guess: it is wrong more often than right."""


def certainty_of(probability: float) -> Certainty:
    """Return the level of a word, or of a segment, by the probability that its words are right."""
    if probability >= SURE_PROBABILITY:
        return "sure"
    return "doubtful" if probability >= GUESS_PROBABILITY else "guess"


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptSegment:
    """Interval of speech in one language, in seconds: from the first sample of a sound, or on the clock of a file."""

    start: float
    end: float
    language: str
    """`zh` (Mandarin), `yue` (Cantonese), `en`, another code of Whisper, or `und` if it is uncertain."""
    language_probability: float
    """Probability of the language, and not of the text."""
    text: str
    flags: tuple[str, ...] = ()
    """Names of doubts about the text, which is kept nevertheless."""
    token_times: tuple[TimeSpan, ...] = ()
    """Time span of each token of `types.tokens.tokenise(text)`; empty if only that of the segment is known."""
    token_probabilities: tuple[float, ...] = ()
    """Probability that each of these tokens is right, fitted to measured errors; empty if it is unknown."""
    track: int = 0
    """Number of the audio track among those of the file, from 0."""
    channel: int | None = None
    """Number of the channel, from 0, if the channels of the track were transcribed one by one."""

    @property
    def word_probability(self) -> float | None:
        """Mean probability that a word is right; None if it is unknown."""
        return sum(self.token_probabilities) / len(self.token_probabilities) if self.token_probabilities else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """Text of one sound, or of all sounds of a file joined (`types.file_sounds`); without segments if there is no speech."""

    model: str
    """Name of the model, for display."""
    version: str
    """Everything that the text depends on: the model's SHA-256, the options and the version of the decoding."""
    duration: float
    """Seconds of audio; of a file those of its longest sound."""
    speech_seconds: float
    """Seconds of speech; of a file those of all its sounds, added up."""
    untranscribed_seconds: float
    """Seconds of speech without text, added up likewise."""
    segments: tuple[TranscriptSegment, ...]
    warnings: tuple[str, ...] = ()
    """Sounds of the file whose speech is not among the segments, with the reason; none of what is kept for a sound."""

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


LINE_SEPARATOR = " / "
"""Text between the lines of a passage where it is printed in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """Passage that contains a searched text, in presentation seconds of the file."""

    sha256: str
    uris: tuple[str, ...]
    source: SearchSource
    start: float
    end: float
    text: str
    marks: tuple[tuple[int, int], ...]
    """Start and end, in characters of `text`, of each match of a searched word."""
    track: int | None = None
    """Number of the audio track, from 0, in which it is said; None for another source than `speech`."""
    channel: int | None = None
    """Number of the channel of the track, from 0, if its channels were transcribed one by one."""
    word_probability: float | None = None
    """Mean probability that a word of the passage is right; None for another source than `speech`, and if it is unknown."""

    @property
    def certainty(self) -> Certainty | None:
        """Certainty of the passage by the mean of its words; None if it is unknown."""
        return None if self.word_probability is None else certainty_of(self.word_probability)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTranscription:
    """Transcript of one file, or the reason for there being none."""

    path: Path
    sha256: str | None
    error: str | None
    """Reason why the file could not be decoded."""
    transcript: Transcript | None
    """Transcript of the chosen audio tracks; None if there are none, or if there is an error."""
    seconds: float
    """Wall time, shared with the files that were processed at the same time: the sum over all files is that of the run."""
    warnings: tuple[str, ...] = ()
    hints: tuple[SpeechHint, ...] = ()
    is_media: bool = True
    has_audio: bool = True
    """False if the file was decoded and has no audio."""
    named_explicitly: bool = True
    """True if the file itself was named, False if it was found in a folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscribedAudio:
    """Transcript of one sound, as it is stored."""

    audio_sha256: str
    """SHA-256 of the samples."""
    transcript: Transcript
    """Its times are those of the sound, from its first sample."""
    fingerprint: Fingerprint
    """Words of the transcript as phonetic rows."""
    model_rank: int = 0
    """Rank of the model: of several transcripts, that of the highest rank is searched and matched."""
    warnings: tuple[str, ...] = ()
