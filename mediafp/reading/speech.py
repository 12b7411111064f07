"""A sound to its transcript: Silero's gate, the language of each piece, and Whisper, one language at a time.

Whisper's library is loaded when somebody speaks: every command and every worker imports this module.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mediafp.errors import UsageError
from mediafp.evidence import Times, Transcript, Utterance
from mediafp.media import SOUND_RATE, Sound
from mediafp.reading import voice
from mediafp.reading.doubts import UNSURE_LOGPROB, doubts, is_dense, is_loop, is_sparse
from mediafp.reading.language import UNKNOWN, Heard, cantonese, decide
from mediafp.reading.models import EMBEDDED, SpeechModel, speech_model
from mediafp.reading.voice import Piece, waveform

if TYPE_CHECKING:
    import ctranslate2
    from faster_whisper import WhisperModel

CHAIN = "speech-1"
"""The version of all that this module and its neighbours decide; raise it when transcripts change."""
LONGEST_SECONDS = 28.0
"""Speech that is decoded at once; Whisper's window is 30 s."""
JOIN_SECONDS = 3.0
"""Pieces of one language this near are decoded together, without the pause: words before and after help."""
PROBE_SECONDS = 10.0
"""Sound by which a piece's language is told. A short window costs an eighth of Whisper's 30 s and tells it as well
(all 45 Cantonese, 68 Mandarin and 30 English development clips but two in the right one of Chinese and English)."""
BATCH = 8
"""Windows that are encoded and decoded together."""
FRAMES = 100
"""Feature frames a second, of which the encoder makes half as many."""
PROMPTED_SECONDS = 6.0
"""The same where Cantonese is prompted: after a sentence like the prompt's Whisper often says no more."""
TOKENS_A_SECOND, LEAST_TOKENS = 20.0, 16
"""More tokens are no speech: 6 characters a second are 12 tokens. A decoder that runs away ends here."""
SNAP_SECONDS = 0.6
"""A change of utterance this near to a pause is put there: Whisper's own times are coarse."""
REACH_SECONDS = 0.3
"""A piece that begins this little before Whisper's end was not decoded: its times are coarse."""
LEFT_SECONDS = 1.0
"""Less of a piece is not decoded anew."""
NO_REPEAT = 4
"""Tokens that may not follow one another twice where the first try ran away: in all windows it would forbid a name
to be said twice. Cantonese errors fell from .44 to .24 by it, since one loop is worth ten clips."""
CANTONESE_PROMPT = "以下係廣東話句子：佢哋喺度講緊嘢嘅，唔係普通話。"
"""Makes Whisper write Cantonese where it has no token for it: errors .35 to .25 on real speech; it harms Mandarin."""
BEAM = 5
MOST_HOTWORDS = 200
"""Characters of an analyst's word list that are given to Whisper, which has room for 223 tokens before a window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """Speech in one language that is decoded at once."""

    pieces: tuple[Piece, ...]
    language: str
    probability: float

    @property
    def length(self) -> int:
        """Samples of speech, pauses between pieces left out."""
        return sum(p.end - p.start for p in self.pieces)

    @property
    def edges(self) -> list[float]:
        """Where in the window's sound each piece begins, and the last one ends, seconds."""
        lengths = [0, *((p.end - p.start) / SOUND_RATE for p in self.pieces)]
        return list(accumulate(lengths))

    def sound(self, samples: voice.Samples) -> voice.Samples:
        """What is decoded."""
        return np.concatenate([samples[p.start : p.end] for p in self.pieces])

    def time(self, at: float) -> float:
        """When a moment of the window's sound is heard, seconds from the first sample of all."""
        edges = self.edges
        n = min(max(bisect_right(edges, at) - 1, 0), len(self.pieces) - 1)
        return min(self.pieces[n].start / SOUND_RATE + at - edges[n], self.pieces[n].end / SOUND_RATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decoded:
    """Whisper's tokens for one window, their mean log-probability, and whether they were cut at the most there may be."""

    tokens: list[int]
    logprob: float
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOptions:
    """How to listen: a model's name or folder, names, places and slogans to listen for, threads (0: one a core)."""

    model: str = EMBEDDED
    hotwords: tuple[str, ...] = ()
    threads: int = 0


def read_words(file: Path) -> tuple[str, ...]:
    """An analyst's list of words to listen for, one a line. Raises UsageError where it cannot be read or is too long."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read as a list of words ({error}); write it as UTF-8 text") from error
    words = tuple(line.strip() for line in lines if line.strip())
    if len(" ".join(words)) > MOST_HOTWORDS:
        raise UsageError(
            f"{file} holds more than Whisper has room for: keep the {MOST_HOTWORDS} characters that matter most"
        )
    return words


@lru_cache(maxsize=1)
def transcriber(options: SpeechOptions) -> Transcriber:
    """The one that listens with these options, loaded once a process. Raises ModelError."""
    return Transcriber(options)


class Transcriber:
    """Whisper made ready; its models are loaded when somebody speaks. Raises ModelError where one is missing."""

    def __init__(self, options: SpeechOptions = SpeechOptions()) -> None:
        self.model = speech_model(options.model)
        self._threads = options.threads or os.cpu_count() or 1
        self._hotwords = " ".join(options.hotwords)

    @property
    def version(self) -> str:
        """What a transcript depends on besides the sound."""
        words = f"+words:{self._hotwords}" if self._hotwords else ""
        return f"{CHAIN}+{self.model.sha256[:16]}{words}"

    @cached_property
    def _decoder(self) -> WhisperModel:
        return _load(self.model, self._threads)

    @cached_property
    def _probe(self) -> WhisperModel:
        """Whisper base, on whose encoder the head for Cantonese was fitted; whatever model decodes."""
        return self._decoder if self.model.name == EMBEDDED else _load(speech_model(), self._threads)

    @cached_property
    def _first_time(self) -> int:
        """The token of 0.00 s; those after it are 0.02 s apart."""
        return int(self._decoder.hf_tokenizer.token_to_id("<|notimestamps|>")) + 1

    @cached_property
    def _speaks_cantonese(self) -> bool:
        return self._decoder.hf_tokenizer.token_to_id("<|yue|>") is not None

    def transcribe(self, sound: Sound, *, step: Callable[[float], object] = lambda share: None) -> Transcript:
        """Who says what in which language; `step` is told the share that is done, 0 to 1."""
        samples = sound.samples
        found = voice.pieces(samples, longest=int(LONGEST_SECONDS * SOUND_RATE))
        windows = list(_windows(found, decide(list(self._hear(samples, found))), self._longest))
        spoken = sum(w.length for w in windows) or 1
        lost, done = 0.0, 0
        utterances: list[Utterance] = []
        for language in sorted({w.language for w in windows}):
            # Those of about one length together: the longest of a batch bounds its words.
            waiting = sorted((w for w in windows if w.language == language), key=lambda w: w.length)
            while waiting:
                batch, waiting = waiting[:BATCH], waiting[BATCH:]
                for window, decoded in zip(batch, self._decode(samples, batch, language), strict=True):
                    if len(window.pieces) > 1 and is_sparse(self._text(decoded.tokens), window.length / SOUND_RATE):
                        waiting += _halves(window)
                        continue
                    read, rest = _reached(window, self._end(decoded))
                    said = self._utterances(read, decoded, sound.start)
                    utterances += said
                    lost += 0.0 if said else read.length / SOUND_RATE
                    waiting += rest
                    done += read.length
                step(min(1.0, done / spoken))
        return Transcript(
            model=self.model.name,
            version=self.version,
            duration=round(sound.seconds, 3),
            speech_seconds=round(sum(p.end - p.start for p in found) / SOUND_RATE, 3),
            untranscribed_seconds=round(lost, 3),
            utterances=tuple(sorted(utterances, key=lambda u: (u.start, u.end))),
        )

    def _prompted(self, language: str) -> bool:
        """Whether Whisper has to be told to write Cantonese."""
        return language == "yue" and not self._speaks_cantonese

    def _longest(self, language: str) -> float:
        """Seconds of speech that are decoded at once."""
        return PROMPTED_SECONDS if self._prompted(language) else LONGEST_SECONDS

    def means(self, sounds: Sequence[voice.Samples]) -> list[npt.NDArray[np.float32]]:
        """The mean (512,) of the probe's encoder over each sound, of which PROBE_SECONDS are heard at most."""
        return [mean for _, mean in self._probed(sounds)]

    def _hear(self, samples: voice.Samples, found: Sequence[Piece]) -> Iterator[Heard]:
        """What each piece tells of its language."""
        for at in range(0, len(found), BATCH):
            batch = found[at : at + BATCH]
            probed = self._probed([samples[p.start : p.end] for p in batch])
            for piece, (guesses, mean) in zip(batch, probed, strict=True):
                yield Heard(whisper=guesses, cantonese=cantonese(mean), seconds=(piece.end - piece.start) / SOUND_RATE)

    def _probed(self, sounds: Sequence[voice.Samples]) -> Iterator[tuple[dict[str, float], npt.NDArray[np.float32]]]:
        """Whisper's probability of each language, and the encoder's mean (512,), of each sound."""
        encoded = self._encode(self._probe, sounds, int(PROBE_SECONDS * FRAMES))
        states = np.array(encoded, np.float32)
        for sound, guesses, state in zip(sounds, self._probe.model.detect_language(encoded), states, strict=True):
            valid = max(1, min(len(state), len(sound) * FRAMES // 2 // SOUND_RATE))
            yield {token[2:-2]: float(likely) for token, likely in guesses}, state[:valid].mean(axis=0)

    def _encode(self, model: WhisperModel, sounds: Sequence[voice.Samples], frames: int) -> ctranslate2.StorageView:
        """The encoder's states (N, frames / 2, width) of the sounds, padded with silence."""
        rows = []
        for sound in sounds:
            features = model.feature_extractor(waveform(sound[: frames * SOUND_RATE // FRAMES]))[:, :frames]
            rows.append(np.pad(features, ((0, 0), (0, frames - features.shape[-1]))))
        return model.encode(np.stack(rows))

    def _decode(self, samples: voice.Samples, windows: Sequence[_Window], language: str) -> list[_Decoded]:
        """The windows' words; what loops, runs away or is a guess is decoded once more, kept from repeating itself."""
        import ctranslate2

        encoded = self._encode(self._decoder, [w.sound(samples) for w in windows], 30 * FRAMES)
        lengths = [w.length / SOUND_RATE for w in windows]
        decoded = self._generate(encoded, len(windows), language, max(lengths), no_repeat=0)
        for n, (first, seconds) in enumerate(zip(decoded, lengths, strict=True)):
            runs = self._runs_away(first, seconds)
            if runs or first.logprob < UNSURE_LOGPROB:
                again = ctranslate2.StorageView.from_array(np.array(encoded)[n : n + 1])
                (other,) = self._generate(again, 1, language, seconds, no_repeat=NO_REPEAT)
                other_runs = self._runs_away(other, seconds)
                # A loop is likely in Whisper's eyes: of two that run away the shorter is the lesser evil.
                if (
                    (len(other.tokens) < len(first.tokens))
                    if other_runs and runs
                    else ((runs, other.logprob) > (other_runs, first.logprob))
                ):
                    decoded[n] = other
        return decoded

    def _runs_away(self, decoded: _Decoded, seconds: float) -> bool:
        text = self._text(decoded.tokens)
        return decoded.cut or is_loop(text) or is_dense(text, seconds)

    def _generate(
        self, encoded: ctranslate2.StorageView, count: int, language: str, seconds: float, *, no_repeat: int
    ) -> list[_Decoded]:
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
        most = min(self._decoder.max_length - len(prompt), LEAST_TOKENS + round(seconds * TOKENS_A_SECOND))
        results = self._decoder.model.generate(
            encoded,
            [prompt] * count,
            beam_size=BEAM,
            max_length=len(prompt) + most,
            no_repeat_ngram_size=no_repeat,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            return_scores=True,
        )
        return [
            _Decoded(tokens=r.sequences_ids[0], logprob=float(r.scores[0]), cut=len(r.sequences_ids[0]) >= most)
            for r in results
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

    def _utterances(self, window: _Window, decoded: _Decoded, offset: float) -> list[Utterance]:
        """The window's sentences, as Whisper's time tokens part them, without a gap between the first and the last."""
        first = self._first_time
        parts: list[tuple[float, list[int]]] = [(0.0, [])]
        for token in decoded.tokens:
            if token < first:
                parts[-1][1].append(token)
            else:
                parts.append(((token - first) * 0.02, []))
        said = [(start, text) for start, tokens in parts if (text := self._text(tokens))]
        times = _times(window, [start for start, _ in said])
        likely = float(np.average([p.likely for p in window.pieces], weights=[p.end - p.start for p in window.pieces]))
        return [
            Utterance(
                start=round(offset + start, 3),
                end=round(offset + end, 3),
                language=window.language,
                language_probability=window.probability,
                text=text,
                flags=doubts(text, seconds=end - start, logprob=decoded.logprob, voice=likely),
            )
            for (start, end), (_, text) in zip(times, said, strict=True)
        ]


def _load(model: SpeechModel, threads: int) -> WhisperModel:
    from faster_whisper import WhisperModel

    return WhisperModel(str(model.place()), device="auto", compute_type="auto", cpu_threads=threads)


def _windows(
    found: Sequence[Piece], languages: Sequence[tuple[str, float]], longest: Callable[[str], float]
) -> Iterator[_Window]:
    """Neighbouring pieces of one language, as many as are decoded at once: `longest` tells seconds of a language."""
    open_: _Window | None = None
    for piece, (language, probability) in zip(found, languages, strict=True):
        if (
            open_
            and open_.language == language
            and piece.start - open_.pieces[-1].end <= JOIN_SECONDS * SOUND_RATE
            and open_.length + piece.end - piece.start <= longest(language) * SOUND_RATE
        ):
            weights = open_.length, piece.end - piece.start
            mean = float(np.average([open_.probability, probability], weights=weights))
            open_ = replace(open_, pieces=(*open_.pieces, piece), probability=round(mean, 4))
            continue
        if open_:
            yield open_
        open_ = _Window(pieces=(piece,), language=language, probability=probability)
    if open_:
        yield open_


def _reached(window: _Window, end: float | None) -> tuple[_Window, list[_Window]]:
    """What of a window was decoded, and what is left: Whisper often ends after a sentence, and the rest waits.

    `end` as of `_end`. Where nothing was, the first piece is given up and the others are tried on their own.
    """
    if end is None:
        return window, []
    edges = window.edges
    count = sum(begin < end - REACH_SECONDS for begin in edges[:-1])
    read, left = list(window.pieces[:count]), list(window.pieces[count:])
    if not read:
        read, left = [window.pieces[0]], list(window.pieces[1:])
    elif edges[count] - end > LEFT_SECONDS and end - edges[count - 1] > LEFT_SECONDS:
        at = read[-1].start + round((end - edges[count - 1]) * SOUND_RATE)
        left.insert(0, replace(read[-1], start=at))
        read[-1] = replace(read[-1], end=at)
    rest = [replace(window, pieces=tuple(left))] if left else []
    return replace(window, pieces=tuple(read)), rest


def _halves(window: _Window) -> list[_Window]:
    """A window in two, each of about half the speech."""
    edges = window.edges
    middle = min(range(1, len(window.pieces)), key=lambda n: abs(edges[n] - edges[-1] / 2))
    return [replace(window, pieces=window.pieces[:middle]), replace(window, pieces=window.pieces[middle:])]


def _times(window: _Window, starts: Sequence[float]) -> list[Times]:
    """Start and end of each sentence, seconds from the first sample of all: they follow one another, and change at a
    pause where one is near. `starts` are in the window's sound."""
    if not starts:
        return []
    pieces, edges = window.pieces, window.edges
    begins, ends, last = [pieces[0].start / SOUND_RATE], [], 0.0
    for start in starts[1:]:
        at = min(max(start, last), edges[-1])
        near = min(range(len(edges)), key=lambda n: abs(edges[n] - at))
        if 0 < near < len(pieces) and abs(edges[near] - at) <= SNAP_SECONDS and edges[near] > last:
            at = edges[near]
            ends.append(pieces[near - 1].end / SOUND_RATE)
            begins.append(pieces[near].start / SOUND_RATE)
        else:
            ends.append(window.time(at))
            begins.append(window.time(at))
        last = at
    return list(zip(begins, [*ends, pieces[-1].end / SOUND_RATE], strict=True))
