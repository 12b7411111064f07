"""Audio tracks to transcripts: voice activity detection, language identification, decoding one language at a time."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import batched
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from mediafp.text.speech.decoding import WindowDecoder, batch_windows
from mediafp.text.speech.encoder import probe_languages
from mediafp.text.speech.language import ChunkLanguage, LanguageEvidence, cantonese_probability, identify_languages
from mediafp.text.speech.models import load_whisper, speech_model
from mediafp.text.speech.segments import CHINESE, build_segments
from mediafp.text.speech.voice_activity import Samples, SpeechChunk, detect_speech
from mediafp.text.speech.windows import MAX_WINDOW_SECONDS, build_windows, split_decoded
from mediafp.types.arrays import Float32Array
from mediafp.types.defaults import DEFAULT_MODEL
from mediafp.types.errors import UsageError
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


class Transcriber:
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
    def version(self) -> str:
        """Version of everything besides the audio that a transcript depends on."""
        hotwords = f"+words:{self._hotwords}" if self._hotwords else ""
        return f"{TRANSCRIPTION_VERSION}+{self.model.sha256[:16]}{hotwords}"

    def transcribe(self, audio: Audio, *, on_progress: Callable[[float], object] = lambda share: None) -> Transcript:
        """Return the transcript of a sound, with times from its first sample.

        Args:
            audio: The sound.
            on_progress: Called with the share that is done, 0..1; an exception that it raises ends the transcription.

        Raises:
            ModelError: A packaged model cannot be loaded.
        """
        samples = audio.samples
        chunks = detect_speech(samples, longest=int(MAX_WINDOW_SECONDS * AUDIO_SAMPLE_RATE))
        if chunks:
            self._load_models()
        evidence: list[LanguageEvidence] = []
        for batch_evidence in self._collect_evidence(samples, chunks):
            evidence += batch_evidence
            on_progress(0.0)
        languages = identify_languages(evidence)
        chinese = _main_chinese(chunks, languages)
        pending = list(build_windows(chunks, languages, MAX_WINDOW_SECONDS))
        total = sum(window.speech_samples for window in pending) or 1
        untranscribed_seconds, done = 0.0, 0
        segments: list[TranscriptSegment] = []
        while pending:
            batches = list(batch_windows(pending, self._batch_size(len(pending))))
            pending = []
            for batch in self._map(lambda windows: self._decoder.decode(samples, windows), batches):
                for decoded in batch:
                    window, rest = split_decoded(decoded.window, self._decoder.end_seconds(decoded))
                    window_segments = build_segments(
                        replace(decoded, window=window), self._decoder.sentences(decoded), chinese
                    )
                    segments += window_segments
                    untranscribed_seconds += 0.0 if window_segments else window.speech_samples / AUDIO_SAMPLE_RATE
                    pending += rest
                    done += window.speech_samples
                on_progress(min(1.0, done / total))
            if pending:
                _logger.debug("decoding the rest of %d windows, where decoding stopped early", len(pending))
        return Transcript(
            model=self.model.name,
            version=self.version,
            duration=round(audio.duration, 3),
            speech_seconds=round(sum(chunk.end - chunk.start for chunk in chunks) / AUDIO_SAMPLE_RATE, 3),
            untranscribed_seconds=round(untranscribed_seconds, 3),
            segments=tuple(sorted(segments, key=lambda segment: (segment.start, segment.end))),
        )

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
        if self.model.name == DEFAULT_MODEL:
            return self._decoder.whisper
        return load_whisper(speech_model(), self._threads)

    def _collect_evidence(self, samples: Samples, chunks: Sequence[SpeechChunk]) -> Iterator[list[LanguageEvidence]]:
        """Yield the language evidence of all chunks, in order, a batch at a time."""
        batches = list(batched(chunks, self._batch_size(len(chunks))))
        results = self._map(
            lambda batch: probe_languages(self._probe, [samples[chunk.start : chunk.end] for chunk in batch]), batches
        )
        for batch, probed in zip(batches, results, strict=True):
            yield [
                LanguageEvidence(
                    whisper=probabilities,
                    cantonese=cantonese_probability(mean),
                    seconds=(chunk.end - chunk.start) / AUDIO_SAMPLE_RATE,
                )
                for chunk, (probabilities, mean) in zip(batch, probed, strict=True)
            ]

    def _map[T, R](self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """Yield the function's result for each item, in order, in parallel; items not begun are dropped on close."""
        if self.concurrency == 1 or len(items) < 2:
            yield from map(function, items)
        else:
            yield from self._pool.map(function, items)

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


@lru_cache(maxsize=1)
def get_transcriber(options: SpeechOptions) -> Transcriber:
    """Return the transcriber with these options, which is created once per process.

    Raises:
        ModelError: The model is not on this machine.
    """
    return Transcriber(options)


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
