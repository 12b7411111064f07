"""Audio tracks to transcripts with SenseVoice, which states the language of each stretch of speech itself."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from threading import Lock

from mediafp.text.speech.language import UNKNOWN, LanguageEvidence, identify_languages, language_name
from mediafp.text.speech.models import SIZES
from mediafp.text.speech.quality_flags import find_quality_flags
from mediafp.text.speech.sense_voice_model import LANGUAGES, RecognisedSpeech, Recogniser, sense_voice_model
from mediafp.text.speech.sentences import TimedPiece, compute_token_times, cut_into_sentences, join_pieces, time_pieces
from mediafp.text.speech.voice_activity import Samples, detect_speech
from mediafp.text.speech.windows import MAX_WINDOW_SECONDS, DecodingWindow, build_windows, sentence_times
from mediafp.types.errors import UsageError
from mediafp.types.media import AUDIO_SAMPLE_RATE, Audio, TimeSpan
from mediafp.types.runs import SpeechOptions
from mediafp.types.transcripts import Transcript, TranscriptSegment

SENSE_VOICE_VERSION = "sensevoice-1"
"""Version of the algorithm; raise it if transcripts change."""
TAG_PROBABILITY = 0.95
"""Probability that the language which SenseVoice states of a chunk is right. Chosen, not measured."""
DISPUTED_PROBABILITY = 0.5
"""Probability of the language of a window whose tag differs from those of its chunks. Chosen, not measured."""
RELATIVE_COST = 2.0
"""Processing time divided by that of Whisper base: CPU seconds for continuous speech, in two passes
(`scripts/bench/sense_voice_cost.py`, `scripts/bench/speech_model_cost.py`)."""
FLAGS = frozenset(("credit_phrase", "faint_voice", "too_dense"))
"""Quality flags that apply: a text whose every token has its frames of sound is no loop, and has no log-probability."""


class SenseVoiceTranscriber:
    """SenseVoice with its options; it is loaded when the first speech is found."""

    def __init__(self, options: SpeechOptions) -> None:
        """Find and check the model, without loading it.

        Args:
            options: Model and threads.

        Raises:
            ModelError: The model is not on this machine, or not usable.
            UsageError: There are hotwords, which SenseVoice has no use for.
        """
        if options.hotwords:
            raise UsageError(
                f"cannot use hotwords with the speech model {options.model!r}: SenseVoice is not biased towards names;"
                " omit --hotwords, or choose a Whisper model"
            )
        self.model = sense_voice_model(options.model)
        self.concurrency = options.threads or os.cpu_count() or 1
        """Number of windows that are recognised at once, of all tracks, each by one thread."""
        self._pool = ThreadPoolExecutor(self.concurrency)
        self._load_lock = Lock()

    @property
    def relative_cost(self) -> float:
        """Processing time divided by that of the packaged model."""
        return RELATIVE_COST

    @property
    def version(self) -> str:
        """Version of everything besides the audio that a transcript depends on."""
        return f"{SENSE_VOICE_VERSION}+{self.model.sha256[:16]}+{self.model.tokens_sha256[:8]}"

    def rank(self, transcript: Transcript) -> int:
        """Return the rank of a transcript among those of one track, above Whisper's.

        The published errors of SenseVoice-small in Mandarin and Cantonese are lower.
        """
        return len(SIZES) + 1

    def transcribe(self, audio: Audio, *, on_progress: Callable[[float], object] = lambda share: None) -> Transcript:
        """Return the transcript of an audio track, in seconds from its first sample.

        Each chunk is recognised for its language first; then neighbouring chunks in one language, together.

        Args:
            audio: The track.
            on_progress: Called with the share that is done, 0..1; an exception that it raises ends the transcription.

        Raises:
            ModelError: The model fails.
        """
        samples = audio.samples
        chunks = detect_speech(samples, longest=int(MAX_WINDOW_SECONDS * AUDIO_SAMPLE_RATE))
        by_chunk: list[RecognisedSpeech] = []
        for recognised in self._map(lambda chunk: samples[chunk.start : chunk.end], chunks):
            by_chunk.append(recognised)
            on_progress(0.5 * len(by_chunk) / len(chunks))
        languages = identify_languages(
            [
                _evidence(recognised.language, (chunk.offset - chunk.onset) / AUDIO_SAMPLE_RATE)
                for chunk, recognised in zip(chunks, by_chunk, strict=True)
            ]
        )
        windows = list(build_windows(chunks, languages, MAX_WINDOW_SECONDS))
        together = self._map(lambda window: window.audio(samples), [one for one in windows if len(one.chunks) > 1])
        alone = dict(zip((chunk.start for chunk in chunks), by_chunk, strict=True))
        segments: list[TranscriptSegment] = []
        untranscribed_seconds = 0.0
        for done, window in enumerate(windows, 1):
            recognised = next(together) if len(window.chunks) > 1 else alone[window.chunks[0].start]
            window_segments = build_segments(window, recognised)
            segments += window_segments
            untranscribed_seconds += 0.0 if window_segments else window.speech_seconds
            on_progress(0.5 + 0.5 * done / len(windows))
        return Transcript(
            model=self.model.name,
            version=self.version,
            duration=round(audio.duration, 3),
            speech_seconds=round(sum(chunk.offset - chunk.onset for chunk in chunks) / AUDIO_SAMPLE_RATE, 3),
            untranscribed_seconds=round(untranscribed_seconds, 3),
            segments=tuple(segments),
        )

    @cached_property
    def _recogniser(self) -> Recogniser:
        return Recogniser(self.model)

    def _map[T](self, cut: Callable[[T], Samples], items: Sequence[T]) -> Iterator[RecognisedSpeech]:
        """Yield the text of the sound of each item, in order, in parallel; items not begun are dropped on close."""
        if not items:
            return
        # Without the lock, two threads could each load the model.
        with self._load_lock:
            recogniser = self._recogniser
        if self.concurrency == 1 or len(items) < 2:
            yield from (recogniser.recognise(cut(item)) for item in items)
        else:
            yield from self._pool.map(lambda item: recogniser.recognise(cut(item)), items)


def build_segments(window: DecodingWindow, recognised: RecognisedSpeech) -> list[TranscriptSegment]:
    """Return the sentences of a window with the times of their words, in seconds from the first sample of the track."""
    language, probability = language_name(window.language, window.probability), window.probability
    if recognised.language and recognised.language != window.language:
        language, probability = UNKNOWN, DISPUTED_PROBABILITY
    seconds = window.sample_count / AUDIO_SAMPLE_RATE
    starts = [min(start, seconds) for start in recognised.starts]
    pieces = [_in_track(window, piece) for piece in time_pieces(recognised.texts, starts, seconds)]
    sentences, sentence_starts, count = [], [], 0
    for sentence in cut_into_sentences(pieces):
        if join_pieces(sentence):
            sentences.append(sentence)
            sentence_starts.append(starts[count])
        count += len(sentence)
    times = sentence_times(window, sentence_starts)
    segments = []
    for (begin, finish), sentence in zip(times, sentences, strict=True):
        text = join_pieces(sentence)
        flags = find_quality_flags(text, seconds=finish - begin, logprob=0.0, voice=window.voice, repeats=False)
        unsure = ("low_confidence",) if recognised.is_incomplete else ()
        segments.append(
            TranscriptSegment(
                start=round(begin, 3),
                end=round(finish, 3),
                language=language,
                language_probability=probability,
                text=text,
                flags=(*unsure, *(flag for flag in flags if flag in FLAGS)),
                token_times=tuple(_within((begin, finish), span) for span in compute_token_times(sentence)),
            )
        )
    return segments


def _in_track(window: DecodingWindow, piece: TimedPiece) -> TimedPiece:
    """Return a piece with times in the track, not extended by the pauses that the window's audio lacks."""
    start = window.to_track_time(piece.start)
    return TimedPiece(piece.text, start, start + piece.end - piece.start)


def _within(limits: TimeSpan, span: TimeSpan) -> TimeSpan:
    start, end = (round(min(max(seconds, limits[0]), limits[1]), 3) for seconds in span)
    return start, end


def _evidence(tag: str | None, seconds: float) -> LanguageEvidence:
    """Return what the language that SenseVoice states of a chunk says; nothing if it states none."""
    if tag is None:
        return LanguageEvidence(whisper={}, cantonese=0.5, seconds=seconds)
    rest = (1 - TAG_PROBABILITY) / (len(LANGUAGES) - 1)
    probabilities = {language: TAG_PROBABILITY if language == tag else rest for language in LANGUAGES}
    chinese = probabilities["zh"] + probabilities["yue"]
    return LanguageEvidence(whisper=probabilities, cantonese=probabilities["yue"] / chinese, seconds=seconds)
