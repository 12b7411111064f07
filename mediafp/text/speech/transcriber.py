"""A sound to its transcript: Silero's gate, the language of each piece, and Whisper, one language at a time.

Whisper's library is loaded when somebody speaks: every command and every worker imports this module.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import batched, groupby
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mediafp.text.speech import voice_activity
from mediafp.text.speech.language import UNKNOWN, LanguageEvidence, cantonese_probability, identify_languages
from mediafp.text.speech.models import SpeechModel, speech_model
from mediafp.text.speech.quality_flags import (
    UNSURE_LOGPROB,
    count_words,
    find_quality_flags,
    is_dense,
    is_repetitive,
    is_sparse,
)
from mediafp.text.speech.voice_activity import SpeechChunk, to_float
from mediafp.text.speech.windows import DecodingWindow, build_windows, sentence_times, split_decoded, split_in_half
from mediafp.types.errors import UsageError
from mediafp.types.media import AUDIO_SAMPLE_RATE, Audio
from mediafp.types.runs import DEFAULT_MODEL
from mediafp.types.transcripts import Transcript, TranscriptSegment

if TYPE_CHECKING:
    import ctranslate2
    from faster_whisper import WhisperModel
from mediafp.types.runs import SpeechOptions

Floats = npt.NDArray[np.float32]
TRANSCRIPTION_VERSION = "speech-2"
"""The version of all that this module and its neighbours decide; raise it when transcripts change."""
MAX_WINDOW_SECONDS = 28.0
"""Speech that is decoded at once; Whisper's window is 30 s."""
WINDOWS_SECONDS = (20, 30)
"""What the encoder is given, the rest of it silence. The first costs it .4 of the second, and is read as well (within
.02 on every kind of development clip); 15 s and 10 s are not."""
MIN_SILENCE_SECONDS = 1.0
"""Silence after the words."""
PROBE_SECONDS = 10.0
"""Sound by which a piece's language is told. A short window costs an eighth of Whisper's 30 s and tells it as well; with
5 s the head for Cantonese is right on .956 of varied pieces of sources that it has not seen, with 10 s on .967."""
BATCH_WINDOWS = 8
"""Windows that are decoded together, and pieces whose language is told together."""
FRAMES = 100
"""Feature frames a second, of which the encoder makes half as many."""
SILENCE_OFFSET = 2.0
"""What silence is below the loudest feature: Whisper cuts the spectrum off 80 dB below its peak, and was trained with
silence after the words. With zeros, which are a hum, 19 of 304 development pieces were taken for another language than
Chinese or English or for the other of the two; with silence 14."""
TOKENS_PER_SECOND, MIN_TOKENS = 20.0, 16
"""More tokens are no speech: 6 characters a second are 12 tokens. A decoder that runs away ends here."""
NO_REPEAT_NGRAM = 4
"""Tokens that may not follow one another twice where the first try ran away: in all windows it would forbid a name
to be said twice. Cantonese errors fell from .44 to .24 by it, since one loop is worth ten clips."""
CANTONESE_PROMPT = "以下係廣東話句子：佢哋喺度講緊嘢嘅，唔係普通話。"
"""Makes Whisper write Cantonese where it has no token for it: errors .35 to .25 on real speech; it harms Mandarin."""
BEAM = 5
MAX_HOTWORDS = 200
"""Characters of an analyst's word list that are given to Whisper, which has room for 223 tokens before a window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decoded:
    """Whisper's tokens for one window, their mean log-probability, and whether they were cut at the most there may be."""

    tokens: list[int]
    logprob: float
    cut: bool


def load_hotwords(file: Path) -> tuple[str, ...]:
    """An analyst's list of words to listen for, one a line. Raises UsageError where it cannot be read or is too long."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read as a list of words ({error}); write it as UTF-8 text") from error
    words = tuple(line.strip() for line in lines if line.strip())
    if len(" ".join(words)) > MAX_HOTWORDS:
        raise UsageError(
            f"{file} holds more than Whisper has room for: keep the {MAX_HOTWORDS} characters that matter most"
        )
    return words


@lru_cache(maxsize=1)
def get_transcriber(options: SpeechOptions) -> Transcriber:
    """The one that listens with these options, loaded once a process. Raises ModelError."""
    return Transcriber(options)


class Transcriber:
    """Whisper made ready; its models are loaded when somebody speaks. Raises ModelError where one is missing."""

    def __init__(
        self,
        options: SpeechOptions = SpeechOptions(),  # noqa: B008
    ) -> None:
        self.model = speech_model(options.model)
        self._threads = options.threads or os.cpu_count() or 1
        self.workers = _workers(self.model, self._threads)
        """How many windows, of one sound or of several, are decoded at a time."""
        self._pool = ThreadPoolExecutor(self.workers)
        self._loading = Lock()
        self._hotwords = " ".join(options.hotwords)

    @property
    def version(self) -> str:
        """What a transcript depends on besides the sound."""
        words = f"+words:{self._hotwords}" if self._hotwords else ""
        return f"{TRANSCRIPTION_VERSION}+{self.model.sha256[:16]}{words}"

    @cached_property
    def _decoder(self) -> WhisperModel:
        return _load(self.model, self._threads)

    @cached_property
    def _probe(self) -> WhisperModel:
        """Whisper base, on whose encoder the head for Cantonese was fitted; whatever model decodes."""
        return self._decoder if self.model.name == DEFAULT_MODEL else _load(speech_model(), self._threads)

    @cached_property
    def _first_time(self) -> int:
        """The token of 0.00 s; those after it are 0.02 s apart."""
        return int(self._decoder.hf_tokenizer.token_to_id("<|notimestamps|>")) + 1

    @cached_property
    def _speaks_cantonese(self) -> bool:
        return self._decoder.hf_tokenizer.token_to_id("<|yue|>") is not None

    def transcribe(self, audio: Audio, *, on_progress: Callable[[float], object] = lambda share: None) -> Transcript:
        """Who says what in which language; `step` is told the share that is done, 0 to 1."""
        samples = audio.samples
        found = voice_activity.detect_speech(samples, longest=int(MAX_WINDOW_SECONDS * AUDIO_SAMPLE_RATE))
        if found:
            with self._loading:
                # A cached property knows no threads.
                self._decoder, self._probe  # noqa: B018
        heard = []
        for told in self._probe_languages(samples, found):
            heard += told
            on_progress(0.0)
        waiting = list(build_windows(found, identify_languages(heard), MAX_WINDOW_SECONDS))
        spoken = sum(w.length for w in waiting) or 1
        lost, done = 0.0, 0
        utterances: list[TranscriptSegment] = []
        while waiting:
            batches = list(self._batches(waiting))
            waiting = []
            for batch in self._each(lambda windows: self._decode_with_retry(samples, windows), batches):
                for window, words in batch:
                    read, rest = split_decoded(window, self._end(words))
                    said = self._utterances(read, words, audio.start)
                    utterances += said
                    lost += 0.0 if said else read.length / AUDIO_SAMPLE_RATE
                    waiting += rest
                    done += read.length
                on_progress(min(1.0, done / spoken))
        return Transcript(
            model=self.model.name,
            version=self.version,
            duration=round(audio.duration, 3),
            speech_seconds=round(sum(p.end - p.start for p in found) / AUDIO_SAMPLE_RATE, 3),
            untranscribed_seconds=round(lost, 3),
            segments=tuple(sorted(utterances, key=lambda u: (u.start, u.end))),
        )

    def _prompted(self, language: str) -> bool:
        """Whether Whisper has to be told to write Cantonese."""
        return language == "yue" and not self._speaks_cantonese

    def compute_encoder_means(self, audio_tracks: Sequence[voice_activity.Samples]) -> list[Floats]:
        """The mean (512,) of the probe's encoder over each sound, of which PROBE_SECONDS are heard at most."""
        return [mean for _, mean in self._probed(audio_tracks)]

    def _each[T, R](self, work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """The work on each item, in order, side by side; what has not begun is dropped where nobody waits for it."""
        yield from map(work, items) if self.workers == 1 or len(items) < 2 else self._pool.map(work, items)

    def _share(self, count: int) -> int:
        """Of so many, how many one worker takes at a time."""
        return max(1, min(BATCH_WINDOWS, -(-count // self.workers)))

    def _batches(self, waiting: Sequence[DecodingWindow]) -> Iterator[tuple[DecodingWindow, ...]]:
        """Windows of one language and one size, those of about one length together: the longest bounds the words."""

        def alike(window: DecodingWindow) -> tuple[str, int]:
            return window.language, _size(window)

        most = self._share(len(waiting))
        for _, group in groupby(sorted(waiting, key=lambda w: (*alike(w), w.length)), alike):
            yield from batched(group, most)

    def _probe_languages(
        self, samples: voice_activity.Samples, found: Sequence[SpeechChunk]
    ) -> Iterator[list[LanguageEvidence]]:
        """What each piece tells of its language, some at a time."""
        batches = list(batched(found, self._share(len(found))))
        probed = self._each(lambda batch: self._probed([samples[p.start : p.end] for p in batch]), batches)
        for batch, told in zip(batches, probed, strict=True):
            yield [
                LanguageEvidence(
                    whisper=guesses,
                    cantonese=cantonese_probability(mean),
                    seconds=(piece.end - piece.start) / AUDIO_SAMPLE_RATE,
                )
                for piece, (guesses, mean) in zip(batch, told, strict=True)
            ]

    def _probed(self, audio_tracks: Sequence[voice_activity.Samples]) -> list[tuple[dict[str, float], Floats]]:
        """Whisper's probability of each language, and the encoder's mean (512,), of each sound."""
        states = _encode(self._probe, audio_tracks, int(PROBE_SECONDS * FRAMES))
        told = self._probe.model.detect_language(_view(states))
        valid = [max(1, min(states.shape[1], len(audio) * FRAMES // 2 // AUDIO_SAMPLE_RATE)) for audio in audio_tracks]
        return [
            ({token[2:-2]: float(likely) for token, likely in guesses}, state[:count].astype(np.float32).mean(axis=0))
            for guesses, state, count in zip(told, states, valid, strict=True)
        ]

    def _decode_with_retry(
        self, samples: voice_activity.Samples, batch: Sequence[DecodingWindow]
    ) -> list[tuple[DecodingWindow, _Decoded]]:
        """The windows with their words, those that gave too few of them halved."""
        decoded = self._decode(samples, batch)
        return [found for pair in zip(batch, decoded, strict=True) for found in self._decode_halves(samples, *pair)]

    def _decode_halves(
        self, samples: voice_activity.Samples, window: DecodingWindow, decoded: _Decoded
    ) -> list[tuple[DecodingWindow, _Decoded]]:
        """A window with its words: where these are too few for so much speech, its halves unless they have fewer."""
        text = self._text(decoded.tokens)
        parts = split_in_half(window, samples) if is_sparse(text, window.length / AUDIO_SAMPLE_RATE) else []
        found = self._decode(samples, parts) if parts else []
        if not text and not any(self._text(words.tokens) for words in found):
            return [(window, decoded)]
        settled = [pair for half in zip(parts, found, strict=True) for pair in self._decode_halves(samples, *half)]
        more = " ".join(self._text(words.tokens) for _, words in settled)
        return settled if count_words(more) >= count_words(text) and not is_repetitive(more) else [(window, decoded)]

    def _decode(self, samples: voice_activity.Samples, batch: Sequence[DecodingWindow]) -> list[_Decoded]:
        """The windows' words; what loops, runs away or is a guess is decoded once more, kept from repeating itself."""
        language = batch[0].language
        states = _encode(self._decoder, [w.audio(samples) for w in batch], max(map(_size, batch)) * FRAMES)
        lengths = [w.length / AUDIO_SAMPLE_RATE for w in batch]
        decoded = self._generate(states, language, lengths, no_repeat=0)
        for n, (first, seconds) in enumerate(zip(decoded, lengths, strict=True)):
            runs = self._runs_away(first, seconds)
            if runs or first.logprob < UNSURE_LOGPROB:
                (other,) = self._generate(states[n : n + 1], language, [seconds], no_repeat=NO_REPEAT_NGRAM)
                other_runs = self._runs_away(other, seconds)
                if runs and other_runs:
                    # A loop is likely in Whisper's eyes: of two that run away the shorter is the lesser evil.
                    better = len(other.tokens) < len(first.tokens)
                else:
                    better = (runs, other.logprob) > (other_runs, first.logprob)
                if better:
                    decoded[n] = other
        return decoded

    def _runs_away(self, decoded: _Decoded, seconds: float) -> bool:
        text = self._text(decoded.tokens)
        return decoded.cut or is_repetitive(text) or is_dense(text, seconds)

    def _generate(self, states: Floats, language: str, lengths: Sequence[float], *, no_repeat: int) -> list[_Decoded]:
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens

        prompted = self._prompted(language)
        code = "zh" if prompted or language == UNKNOWN else language
        tokenizer = Tokenizer(self._decoder.hf_tokenizer, True, task="transcribe", language=code)
        prompt = self._decoder.get_prompt(
            tokenizer,
            tokenizer.encode(CANTONESE_PROMPT) if prompted else [],
            hotwords=self._hotwords or None,
        )
        room = self._decoder.max_length - len(prompt)
        most = [min(room, MIN_TOKENS + round(seconds * TOKENS_PER_SECOND)) for seconds in lengths]
        results = self._decoder.model.generate(
            _view(states),
            [prompt] * len(states),
            beam_size=BEAM,
            max_length=len(prompt) + max(most),
            no_repeat_ngram_size=no_repeat,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            return_scores=True,
        )
        return [
            _Decoded(tokens=r.sequences_ids[0], logprob=float(r.scores[0]), cut=len(r.sequences_ids[0]) >= limit)
            for r, limit in zip(results, most, strict=True)
        ]

    def _end(self, decoded: _Decoded) -> float | None:
        """Where in its window Whisper says that the words end, seconds; None where they go on to the window's end."""
        first = self._first_time
        if not decoded.tokens:
            return 0.0
        return (decoded.tokens[-1] - first) * 0.02 if decoded.tokens[-1] >= first else None

    def _text(self, tokens: Sequence[int]) -> str:
        end = self._decoder.hf_tokenizer.token_to_id("<|endoftext|>")
        return str(self._decoder.hf_tokenizer.decode([t for t in tokens if t < end])).strip()

    def _utterances(self, window: DecodingWindow, decoded: _Decoded, offset: float) -> list[TranscriptSegment]:
        """The window's sentences, as Whisper's time tokens part them, without a gap between the first and the last."""
        first = self._first_time
        parts: list[tuple[float, list[int]]] = [(0.0, [])]
        for token in decoded.tokens:
            if token < first:
                parts[-1][1].append(token)
            else:
                parts.append(((token - first) * 0.02, []))
        said = [(start, text) for start, tokens in parts if (text := self._text(tokens))]
        times = sentence_times(window, [start for start, _ in said])
        likely = float(
            np.average([p.probability for p in window.pieces], weights=[p.end - p.start for p in window.pieces])
        )
        return [
            TranscriptSegment(
                start=round(offset + start, 3),
                end=round(offset + end, 3),
                language=window.language,
                language_probability=window.probability,
                text=text,
                flags=find_quality_flags(text, seconds=end - start, logprob=decoded.logprob, voice=likely),
            )
            for (start, end), (_, text) in zip(times, said, strict=True)
        ]


def _load(model: SpeechModel, threads: int) -> WhisperModel:
    from faster_whisper import WhisperModel

    workers = _workers(model, threads)
    return WhisperModel(
        str(model.model_folder()),
        device="auto",
        compute_type="auto",
        cpu_threads=threads // workers,
        num_workers=workers,
    )


def _workers(model: SpeechModel, threads: int) -> int:
    """Whisper base writes a token in 14 ms on one thread and in 18 on two: it works on two windows at a time instead."""
    return threads if model.name == DEFAULT_MODEL else 1


def _size(window: DecodingWindow) -> int:
    """Seconds of what the encoder is given."""
    need = window.length / AUDIO_SAMPLE_RATE + MIN_SILENCE_SECONDS
    return next((size for size in WINDOWS_SECONDS if need <= size), WINDOWS_SECONDS[-1])


def _encode(model: WhisperModel, audio_tracks: Iterable[voice_activity.Samples], frames: int) -> Floats:
    """The encoder's states (N, frames / 2, width) of the sounds, one by one: a batch is no faster, and 70 MB each."""
    rows = []
    for audio in audio_tracks:
        features = model.feature_extractor(to_float(audio[: frames * AUDIO_SAMPLE_RATE // FRAMES]))[:, :frames]
        silence = features.max() - SILENCE_OFFSET
        features = np.pad(features, ((0, 0), (0, frames - features.shape[-1])), constant_values=silence)
        rows.append(np.array(model.model.encode(_view(features[None]), to_cpu=True)))
    return np.concatenate(rows)


def _view(values: Floats) -> ctranslate2.StorageView:
    import ctranslate2

    return ctranslate2.StorageView.from_array(np.ascontiguousarray(values))
