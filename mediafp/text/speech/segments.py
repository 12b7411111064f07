"""Segments of a transcript from decoded windows: sentences with their times, cut where the language changes, and their doubts."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from mediafp.text.speech.aligned_tokens import SpokenWord
from mediafp.text.speech.decoded_windows import DecodedWindow, Sentence
from mediafp.text.speech.language import CHINESE, language_name
from mediafp.text.speech.quality_flags import find_quality_flags
from mediafp.text.speech.windows import DecodingWindow, sentence_times
from mediafp.text.speech.word_certainty import word_probability
from mediafp.types.media import TimeSpan
from mediafp.types.tokens import is_cjk, tokenise
from mediafp.types.transcripts import TranscriptSegment

MIN_FOREIGN_WORDS, MIN_FOREIGN_CHARACTERS = 4, 6
"""Latin words in a row within Chinese, and Chinese characters in a row within English, that are a segment of their own. Fewer
are names and loan words, which belong to the sentence around them. Chosen, not measured."""
MIN_SQUEEZED_WORDS, SQUEEZED_SECONDS = 4, 0.1
"""Words from which a text that is left at the end of a window's audio was not said, and the time that is left. Chosen, not
measured."""
REPEATED_WORDS = 4
"""Words in a row that are written a second time from which they count as copied. In 18 development files in which a sentence is
said several times, .64 of the words are right; without this their mean probability was .83, with it .76."""
ENGLISH_LETTERS = "en"
"""Language of a run of Latin words within Chinese: no other language of Latin letters is mixed with it in the material."""


def build_segments(decoded: DecodedWindow, sentences: Sequence[Sentence], chinese: str) -> list[TranscriptSegment]:
    """Return the segments of a decoded window, in seconds from the first sample of the track.

    Args:
        decoded: The window with its aligned words.
        sentences: Its sentences.
        chinese: Language of Chinese characters within a window in another language, `zh` or `yue`.
    """
    window = decoded.window
    heard = list(_heard_sentences(window, sentences, _rate_repeats(sentences, decoded.words)))
    times = sentence_times(window, [start for start, _, _ in heard])
    segments = []
    for (_, text, words), span in zip(heard, times, strict=True):
        segments += _build_sentence(decoded, text, span, words, chinese)
    return segments


def _rate_repeats(sentences: Sequence[Sentence], words: Sequence[Sequence[SpokenWord]]) -> list[list[SpokenWord]]:
    """Return the words of sentences; those that repeat earlier words are no more probable than these are.

    A decoder copies what it has written: what it misheard the first time, it writes again with certainty.
    """
    texts = [token.text for sentence in sentences for token in tokenise(sentence.text)]
    logprobs = [word.logprob for aligned in words for word in aligned]
    first: dict[tuple[str, ...], int] = {}
    for number in range(len(texts) - REPEATED_WORDS + 1):
        earlier = first.setdefault(tuple(texts[number : number + REPEATED_WORDS]), number)
        for n in range(REPEATED_WORDS):
            logprobs[number + n] = min(logprobs[number + n], logprobs[earlier + n])
    capped = iter(logprobs)
    return [[replace(word, logprob=next(capped)) for word in aligned] for aligned in words]


def _heard_sentences(
    window: DecodingWindow, sentences: Sequence[Sentence], words: Sequence[Sequence[SpokenWord]]
) -> Iterator[tuple[float, str, Sequence[SpokenWord]]]:
    """Yield start, text and words of each sentence, without words that have no time left at the end of the window.

    A decoder that repeats a sentence once more than it is said has no sound for it.
    """
    last_start = window.chunk_times[-1][1] - SQUEEZED_SECONDS
    for sentence, aligned in zip(sentences, words, strict=True):
        heard = next((n for n, word in enumerate(aligned) if word.start >= last_start), len(aligned))
        if len(aligned) - heard < MIN_SQUEEZED_WORDS:
            yield sentence.start, sentence.text, aligned
        elif heard:
            yield sentence.start, sentence.text[: tokenise(sentence.text)[heard].start].rstrip(), aligned[:heard]


def _build_sentence(
    decoded: DecodedWindow, whole_text: str, span: TimeSpan, words: Sequence[SpokenWord], chinese: str
) -> list[TranscriptSegment]:
    """Return a sentence as one segment, or as several where its language changes."""
    window, (start, end) = decoded.window, span
    spans = _clip(window, words, span)
    named = language_name(window.language, window.probability)
    segments = []
    parts = _split_languages(whole_text, window.language, chinese)
    for number, (first, after, language, text) in enumerate(parts):
        begins = start if number == 0 else spans[first][0]
        ends = end if number == len(parts) - 1 else spans[after][0]
        flags = find_quality_flags(
            text, seconds=ends - begins, logprob=decoded.logprob, voice=window.voice, repeats=decoded.repeats
        )
        segments.append(
            TranscriptSegment(
                start=round(begins, 3),
                end=round(ends, 3),
                language=named if language == window.language else language,
                # The letters of a part in another language leave no doubt.
                language_probability=window.probability if language == window.language else 1.0,
                text=text,
                flags=flags,
                token_times=tuple((round(a, 3), round(b, 3)) for a, b in spans[first:after]),
                token_probabilities=tuple(
                    round(word_probability(word.logprob, decoded.logprob, language), 3) for word in words[first:after]
                ),
            )
        )
    return segments


def _clip(window: DecodingWindow, words: Sequence[SpokenWord], span: TimeSpan) -> list[TimeSpan]:
    """Return the times of words in the track, in order and within their sentence.

    A word that begins in silence begins with the speech after it: the first word of a window has the silence before it too.
    """
    start, end = span
    speech = window.speech_times
    spans, last = [], start
    for word in words:
        onset = next((first for first, after in speech if word.start < after), word.start)
        begins = max(word.start, onset) if onset < word.end else word.start
        first = min(max(window.to_track_time(begins), last), end)
        last = min(max(window.to_track_time(word.end), first), end)
        spans.append((first, last))
    return spans


def _split_languages(text: str, language: str, chinese: str) -> list[tuple[int, int, str, str]]:
    """Return the parts of a sentence in one language: first word, the one after the last, language, and text.

    The letters decide: words of Latin letters within Chinese are English, Chinese characters within English are Chinese,
    from so many in a row.
    """
    tokens = tokenise(text)
    if language not in (*CHINESE, "en") or not tokens:
        return [(0, len(tokens), language, text)]
    runs: list[tuple[int, int, str]] = []
    number = 0
    for is_chinese, group in groupby(tokens, key=lambda token: None if token.text.isdigit() else is_cjk(token.text)):
        count = len(list(group))
        is_foreign = is_chinese is not None and is_chinese != (language in CHINESE)
        needed = MIN_FOREIGN_CHARACTERS if is_chinese else MIN_FOREIGN_WORDS
        spoken = (chinese if is_chinese else ENGLISH_LETTERS) if is_foreign and count >= needed else language
        if runs and runs[-1][2] == spoken:
            runs[-1] = (runs[-1][0], number + count, spoken)
        else:
            runs.append((number, number + count, spoken))
        number += count
    cuts = [0, *(tokens[first].start for first, _, _ in runs[1:]), len(text)]
    return [
        (first, after, spoken, text[cuts[n] : cuts[n + 1]].strip()) for n, (first, after, spoken) in enumerate(runs)
    ]
