"""Segments of decoded windows: languages by their letters, times and probabilities of words, and words without time."""

import itertools

import numpy as np
import pytest

from mediafp.text.speech.aligned_tokens import SpokenWord
from mediafp.text.speech.decoded_windows import DecodedWindow, Sentence
from mediafp.text.speech.segments import build_segments
from mediafp.text.speech.voice_activity import SpeechChunk
from mediafp.text.speech.windows import DecodingWindow
from mediafp.types.media import AUDIO_SAMPLE_RATE
from mediafp.types.tokens import tokenise
from mediafp.types.transcripts import TranscriptSegment


def segments_of(
    *texts: str,
    language: str = "zh",
    seconds: float = 10.0,
    chinese: str = "zh",
    squeezed: int = 0,
    repeats: bool = False,
) -> list[TranscriptSegment]:
    """Return the segments of a window that begins at 5 s of its track, whose words are spread evenly.

    Args:
        texts: Its sentences, of one length in time.
        language: Language in which it was decoded.
        seconds: Duration of its audio.
        chinese: Language of Chinese in it.
        squeezed: Words at its end that have no time.
        repeats: The text is a loop.
    """
    start = 5 * AUDIO_SAMPLE_RATE
    chunk = SpeechChunk(start=start, end=start + round(seconds * AUDIO_SAMPLE_RATE), probability=0.9)
    counts = [len(tokenise(text)) for text in texts]
    step = seconds / max(1, sum(counts) - squeezed)
    begins = [min(n * step, seconds) for n in range(sum(counts) + 1)]
    words = [SpokenWord(digits=0, start=a, end=b, logprob=-0.1) for a, b in itertools.pairwise(begins)]
    ends = np.cumsum([0, *counts]).tolist()
    decoded = DecodedWindow(
        window=DecodingWindow(chunks=(chunk,), language=language, probability=0.9),
        tokens=[],
        logprob=-0.3,
        truncated=False,
        states=np.zeros((1, 0, 8), np.float32),
        is_prompted=False,
        repeats=repeats,
        words=tuple(tuple(words[a:b]) for a, b in itertools.pairwise(ends)),
    )
    sentences = [Sentence(start=begins[end], tokens=[], text=text) for end, text in zip(ends, texts, strict=False)]
    return build_segments(decoded, sentences, chinese)


def test_each_word_has_a_time_within_its_segment_and_a_probability() -> None:
    first, second = segments_of("今天天气很好", "我们去公园")
    assert (first.start, second.end) == (5.0, 15.0) and first.end == second.start
    for segment in (first, second):
        assert len(segment.token_times) == len(segment.token_probabilities) == len(tokenise(segment.text))
        edges = [edge for span in segment.token_times for edge in span]
        assert edges == sorted(edges) and segment.start <= edges[0] and edges[-1] <= segment.end
        assert all(0 < probability < 1 for probability in segment.token_probabilities)


def test_english_before_mandarin_in_one_breath_is_english() -> None:
    english, mandarin = segments_of("This model supports both Chinese and English 小米的核心价值观是什么")
    assert (english.language, english.text) == ("en", "This model supports both Chinese and English")
    assert (mandarin.language, mandarin.text) == ("zh", "小米的核心价值观是什么")
    assert english.end == mandarin.start == mandarin.token_times[0][0]
    assert (english.language_probability, mandarin.language_probability) == (1.0, 0.9)


def test_a_name_of_three_words_stays_in_its_sentence() -> None:
    (segment,) = segments_of("我在用 machine learning 做研究 2025 年")
    assert segment.language == "zh"


@pytest.mark.parametrize("chinese", ["zh", "yue"])
def test_chinese_within_english_has_the_language_of_the_chinese_of_the_track(chinese: str) -> None:
    parts = segments_of("he said 原来中国人讲究这个 and left the room", language="en", chinese=chinese)
    assert [part.language for part in parts] == ["en", chinese, "en"]
    assert " ".join(part.text for part in parts) == "he said 原来中国人讲究这个 and left the room"


def test_other_languages_are_not_divided_by_their_letters() -> None:
    (segment,) = segments_of("слово and four more words here", language="ru")
    assert segment.language == "ru"


def test_a_repetition_beyond_the_end_of_the_audio_is_no_text() -> None:
    said = "今天天气很好"
    assert [s.text for s in segments_of(said, said, said, squeezed=6)] == [said, said]
    assert [s.text for s in segments_of(said, f"{said}，{said}", squeezed=6)] == [said, f"{said}，"]
    assert [s.text for s in segments_of(said, "好的", squeezed=2)] == [said, "好的"]


def test_only_a_loop_is_flagged_as_repetition() -> None:
    said = "今天天气很好" * 4
    assert [s.flags for s in segments_of(said)] == [()]
    assert [s.flags for s in segments_of(said, repeats=True)] == [("repetition",)]


def test_a_word_begins_with_the_speech_and_not_in_the_silence_before_it() -> None:
    rate = AUDIO_SAMPLE_RATE
    chunks = (
        SpeechChunk(start=5 * rate, end=7 * rate, probability=0.9, lead=rate // 2, tail=rate // 4),
        SpeechChunk(start=7 * rate, end=9 * rate, probability=0.9, lead=rate // 2, tail=rate // 2),
    )
    # Whisper gives the first word the silence before it; the third one reaches across the pause, and the last is in silence.
    edges = ((0.0, 1.0), (1.0, 1.8), (1.8, 3.0), (3.0, 3.4), (3.6, 3.8))
    decoded = DecodedWindow(
        window=DecodingWindow(chunks=chunks, language="zh", probability=0.9),
        tokens=[],
        logprob=-0.3,
        truncated=False,
        states=np.zeros((1, 0, 8), np.float32),
        is_prompted=False,
        words=(tuple(SpokenWord(digits=0, start=start, end=end, logprob=-0.1) for start, end in edges),),
    )
    (segment,) = build_segments(decoded, [Sentence(start=0.0, tokens=[], text="今天天气好")], "zh")
    assert segment.start == pytest.approx(5.4), "a segment has the soft beginning of its first word"
    assert [start for start, _ in segment.token_times] == pytest.approx([5.5, 6.0, 7.5, 8.0, 8.6])
    assert [end for _, end in segment.token_times] == pytest.approx([6.0, 6.8, 8.0, 8.4, 8.6])


def test_a_copy_of_earlier_words_is_no_more_certain_than_they_are() -> None:
    window = DecodingWindow(
        chunks=(SpeechChunk(start=0, end=12 * AUDIO_SAMPLE_RATE, probability=0.9),), language="zh", probability=0.9
    )
    # The decoder is sure of what it copies; the last sentence has two words of the others, as any text may.
    texts, logprobs = ("天天气好", "天天气好", "今天气坏"), (-2.0, -0.1, -0.1)
    decoded = DecodedWindow(
        window=window,
        tokens=[],
        logprob=-0.3,
        truncated=False,
        states=np.zeros((1, 0, 8), np.float32),
        is_prompted=False,
        words=tuple(
            tuple(SpokenWord(digits=0, start=4 * n + m, end=4 * n + m + 1, logprob=logprob) for m in range(4))
            for n, logprob in enumerate(logprobs)
        ),
    )
    sentences = [Sentence(start=4.0 * n, tokens=[], text=text) for n, text in enumerate(texts)]
    first, copy, other = build_segments(decoded, sentences, "zh")
    assert copy.token_probabilities == first.token_probabilities
    assert min(other.token_probabilities) > max(first.token_probabilities)
    assert copy.token_times == tuple((start + 4, end + 4) for start, end in first.token_times)
