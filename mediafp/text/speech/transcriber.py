"""Audio tracks to transcripts with Whisper: voice activity detection, language identification, one language at a time."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import batched
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from mediafp.text.speech.decoded_windows import DecodedWindow, Sentence
from mediafp.text.speech.decoding import WindowDecoder, batch_windows
from mediafp.text.speech.encoder import probe_languages
from mediafp.text.speech.language import (
    CHINESE,
    ChunkLanguage,
    LanguageEvidence,
    cantonese_probability,
    identify_languages,
)
from mediafp.text.speech.models import ENGLISH_ONLY, WEIGHT_ERRORS, error_reason, load_whisper, speech_model
from mediafp.text.speech.segments import build_segments
from mediafp.text.speech.sentences import split_long_segment
from mediafp.text.speech.voice_activity import Samples, SpeechChunk, detect_speech
from mediafp.text.speech.windows import MAX_WINDOW_SECONDS, DecodingWindow, build_windows, split_decoded
from mediafp.types.arrays import Float32Array
from mediafp.types.errors import ModelError, UsageError
from mediafp.types.media import AUDIO_SAMPLE_RATE, Audio
from mediafp.types.runs import SpeechOptions
from mediafp.types.transcripts import Transcript, TranscriptSegment

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

TRANSCRIPTION_VERSION = "speech-3"
"""Version of the algorithm; raise it if transcripts change."""
BATCH_WINDOWS = 8
"""Maximum windows that are decoded together, and chunks whose language is identified together. Chosen, not measured."""
MAX_HOTWORDS_CHARACTERS = 200
"""Maximum length of a hotwords file, without its line breaks: Whisper has room for 223 tokens before a window."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedTrack:
    """Speech of an audio track with its text.

    `chinese` is the language of its Chinese, `zh` or `yue`; `undecoded_seconds` is the speech in languages that the model lacks.
    """

    chunks: list[SpeechChunk]
    chinese: str
    windows: list[tuple[DecodedWindow, list[Sentence]]]
    undecoded_seconds: float


class WhisperTranscriber:
    """Whisper with its options; models are loaded when the first speech is found."""

    def __init__(
        self,
        options: SpeechOptions = SpeechOptions(),  # noqa: B008
    ) -> None:
        """Find the model, without loading it.

        Args:
            options: Model, threads and hotwords.

        Raises:
            ModelError: The model is not on this machine.
        """
        self.model = speech_model(options.model)
        self._threads = options.threads or os.cpu_count() or 1
        self.concurrency = self.model.concurrency(self._threads)
        """Number of windows decoded at once, of all tracks."""
        self._pool = ThreadPoolExecutor(self.concurrency)
        self._load_lock = Lock()
        self._hotwords = " ".join(options.hotwords)

    @property
    def relative_cost(self) -> float:
        """Processing time divided by that of the packaged model."""
        return self.model.relative_cost

    @property
    def version(self) -> str:
        """Version of everything besides the audio that a transcript depends on."""
        hotwords = f"+words:{self._hotwords}" if self._hotwords else ""
        return f"{TRANSCRIPTION_VERSION}+{self.model.version}{hotwords}"

    def rank(self, transcript: Transcript) -> int:
        """Return the rank of a transcript by the size of the model; 0 if an English model left most of the speech out."""
        is_partial = transcript.untranscribed_seconds > transcript.speech_seconds / 2
        return 0 if is_partial and self.model.languages == ENGLISH_ONLY else self.model.rank

    def transcribe(self, audio: Audio, *, on_progress: Callable[[float], object] = lambda share: None) -> Transcript:
        """Return the transcript of a sound, with times from its first sample.

        Args:
            audio: The sound.
            on_progress: Called with the share that is done, 0..1; an exception that it raises ends the transcription.

        Raises:
            ModelError: A packaged model cannot be loaded.
        """
        track = self.decode(audio.samples, on_progress=on_progress)
        segments: list[TranscriptSegment] = []
        untranscribed_seconds = track.undecoded_seconds
        for decoded, sentences in track.windows:
            window_segments = build_segments(decoded, sentences, track.chinese)
            # The decoder states the times of sentences, but some fine-tuned models state none.
            segments += [part for segment in window_segments for part in split_long_segment(segment)]
            untranscribed_seconds += 0.0 if window_segments else _speech_seconds([decoded.window])
        return Transcript(
            model=self.model.name,
            version=self.version,
            duration=round(audio.duration, 3),
            speech_seconds=round(sum(chunk.offset - chunk.onset for chunk in track.chunks) / AUDIO_SAMPLE_RATE, 3),
            untranscribed_seconds=round(untranscribed_seconds, 3),
            segments=tuple(sorted(segments, key=lambda segment: (segment.start, segment.end))),
        )

    def decode(self, samples: Samples, *, on_progress: Callable[[float], object] = lambda share: None) -> DecodedTrack:
        """Return the speech of an audio track with its text; arguments and errors as for `transcribe`."""
        chunks = detect_speech(samples, longest=int(MAX_WINDOW_SECONDS * AUDIO_SAMPLE_RATE))
        if chunks:
            self._load_models()
        evidence: list[LanguageEvidence] = []
        for batch_evidence in self._collect_evidence(samples, chunks):
            evidence += batch_evidence
            on_progress(0.0)
        languages = identify_languages(evidence)
        windows = list(build_windows(chunks, languages, MAX_WINDOW_SECONDS))
        pending = [self._without_unknown(window) for window in windows if self.model.can_decode(window.language)]
        undecoded_seconds = _speech_seconds(windows) - _speech_seconds(pending)
        if undecoded_seconds:
            _logger.info("%.1f s of speech are in languages that %s lacks", undecoded_seconds, self.model.name)
        total, done = _speech_seconds(pending) or 1.0, 0.0
        texts: list[tuple[DecodedWindow, list[Sentence]]] = []
        while pending:
            batches = list(batch_windows(pending, self._batch_size(len(pending))))
            pending = []
            for batch in self._map(lambda windows: self._decoder.decode(samples, windows), batches):
                for decoded in batch:
                    window, rest = split_decoded(decoded.window, self._decoder.end_seconds(decoded))
                    texts.append((replace(decoded, window=window), self._decoder.sentences(decoded)))
                    pending += rest
                    done += _speech_seconds([window])
                on_progress(min(1.0, done / total))
            if pending:
                _logger.debug("decoding the rest of %d windows, where decoding stopped early", len(pending))
        return DecodedTrack(
            chunks=chunks,
            chinese=_main_chinese(chunks, languages),
            windows=texts,
            undecoded_seconds=undecoded_seconds,
        )

    def _without_unknown(self, window: DecodingWindow) -> DecodingWindow:
        """Return a window without an alternative language that the model lacks."""
        is_known = window.alternative is None or self.model.can_decode(window.alternative)
        return window if is_known else replace(window, alternative=None)

    def compute_encoder_means(self, tracks: Sequence[Samples]) -> list[Float32Array]:
        """Return the mean (512,) of the encoder states of Whisper base over the start of each audio track."""
        return [mean for _, mean in probe_languages(self._probe, tracks)]

    def _load_models(self) -> tuple[WindowDecoder, WhisperModel]:
        """Return the decoder, and the model that identifies languages, loaded by the first call."""
        # Without the lock, two threads could each load a cached property.
        with self._load_lock:
            return self._decoder, self._probe

    @cached_property
    def _decoder(self) -> WindowDecoder:
        return WindowDecoder(load_whisper(self.model, self._threads), self._hotwords)

    @cached_property
    def _probe(self) -> WhisperModel:
        """Whisper base, which identifies languages whatever model decodes: the classifier of Cantonese was fitted on it."""
        if self.model.folder is None:
            return self._decoder.whisper
        return load_whisper(speech_model(), self._threads)

    def _collect_evidence(self, samples: Samples, chunks: Sequence[SpeechChunk]) -> Iterator[list[LanguageEvidence]]:
        """Yield the language evidence of all chunks, in order, a batch at a time."""
        batches = list(batched(chunks, self._batch_size(len(chunks))))
        results = self._map(
            lambda batch: probe_languages(self._probe, [samples[chunk.onset : chunk.offset] for chunk in batch]),
            batches,
        )
        for batch, probed in zip(batches, results, strict=True):
            yield [
                LanguageEvidence(
                    whisper=probabilities,
                    cantonese=cantonese_probability(mean),
                    seconds=(chunk.offset - chunk.onset) / AUDIO_SAMPLE_RATE,
                )
                for chunk, (probabilities, mean) in zip(batch, probed, strict=True)
            ]

    def _map[T, R](self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """Yield the function's result for each item, in order, in parallel; items not begun are dropped on close."""
        try:
            if self.concurrency == 1 or len(items) < 2:
                yield from map(function, items)
            else:
                yield from self._pool.map(function, items)
        except WEIGHT_ERRORS as error:
            if self.model.folder is None:
                raise
            # The shapes of all its weights are known to CTranslate2 alone, which meets a wrong one here.
            raise ModelError(
                f"cannot transcribe with the speech model in {str(self.model.folder)!r}: {error_reason(error)};"
                " fetch or convert it again, or choose another model"
            ) from error

    def _batch_size(self, count: int) -> int:
        """Return the size of batches that spread so many items over the parallel calls."""
        return max(1, min(BATCH_WINDOWS, -(-count // self.concurrency)))


def _main_chinese(chunks: Sequence[SpeechChunk], languages: Sequence[ChunkLanguage]) -> str:
    """Return `zh` or `yue`, whichever most of the Chinese of a track is in; `zh` if it has none."""
    samples = dict.fromkeys(CHINESE, 0)
    for chunk, language in zip(chunks, languages, strict=True):
        if language.likeliest in samples:
            samples[language.likeliest] += chunk.end - chunk.start
    return max(samples, key=lambda code: samples[code])


def _speech_seconds(windows: Sequence[DecodingWindow]) -> float:
    return sum(window.speech_seconds for window in windows)


def load_hotwords(file: Path) -> tuple[str, ...]:
    """Return the hotwords of a text file, one per line.

    Raises:
        UsageError: The file cannot be read, or has more than MAX_HOTWORDS_CHARACTERS.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read the hotwords file {str(file)!r}: {error}; choose a UTF-8 text file with one name per line"
        ) from error
    hotwords = tuple(line.strip() for line in lines if line.strip())
    length = len(" ".join(hotwords))
    if length > MAX_HOTWORDS_CHARACTERS:
        raise UsageError(
            f"cannot use the hotwords file {str(file)!r}: it has {length} characters, and Whisper has room for"
            f" {MAX_HOTWORDS_CHARACTERS}; keep the {MAX_HOTWORDS_CHARACTERS} characters that matter most"
        )
    return hotwords
