"""Decoding windows: how they are built and split, and the times of their sentences."""

import numpy as np
import pytest

from mediafp.text.speech.language import ChunkLanguage
from mediafp.text.speech.voice_activity import SpeechChunk
from mediafp.text.speech.windows import (
    MAX_WINDOW_SECONDS,
    DecodingWindow,
    build_windows,
    sentence_times,
    split_decoded,
    split_in_half,
)
from mediafp.types.media import AUDIO_SAMPLE_RATE


def chunk(start: float, end: float) -> SpeechChunk:
    return SpeechChunk(start=round(start * AUDIO_SAMPLE_RATE), end=round(end * AUDIO_SAMPLE_RATE), probability=0.9)


def window(*chunks: SpeechChunk) -> DecodingWindow:
    return DecodingWindow(chunks=chunks, language="zh", probability=0.9)


def spans(window: DecodingWindow) -> list[tuple[float, float]]:
    return [(c.start / AUDIO_SAMPLE_RATE, c.end / AUDIO_SAMPLE_RATE) for c in window.chunks]


def test_build_windows_splits_at_language_changes_long_pauses_and_the_limit() -> None:
    chunks = [chunk(0, 3), chunk(3.3, 6), chunk(6.4, 9), chunk(15, 20), chunk(20.2, 30), chunk(30.2, 45)]
    languages = [
        ChunkLanguage(likeliest=code, probability=0.7 if n == 1 else 0.9)
        for n, code in enumerate(["zh"] * 2 + ["en"] * 4)
    ]
    windows = list(build_windows(chunks, languages, MAX_WINDOW_SECONDS))
    assert [(w.language, len(w.chunks)) for w in windows] == [("zh", 2), ("en", 1), ("en", 2), ("en", 1)]
    assert windows[0].probability == pytest.approx(0.805, abs=0.01)
    assert all(w.sample_count / AUDIO_SAMPLE_RATE <= MAX_WINDOW_SECONDS for w in windows)
    assert len(list(build_windows(chunks, [ChunkLanguage(likeliest="yue", probability=0.9)] * 6, 6.0))) == 5


def test_pauses_stay_in_the_audio_except_of_cantonese() -> None:
    chunks = [
        SpeechChunk(start=0, end=3 * AUDIO_SAMPLE_RATE, probability=0.9, tail=AUDIO_SAMPLE_RATE // 4),
        SpeechChunk(start=4 * AUDIO_SAMPLE_RATE, end=6 * AUDIO_SAMPLE_RATE, probability=0.9),
        SpeechChunk(start=9 * AUDIO_SAMPLE_RATE, end=10 * AUDIO_SAMPLE_RATE, probability=0.9),
    ]
    for code, seconds, starts in (("zh", 9.0, [0, 4, 8]), ("yue", 5.85, [0, 2.85, 4.85])):
        languages = [ChunkLanguage(likeliest=code, probability=0.9)] * 3
        (joined,) = build_windows(chunks, languages, MAX_WINDOW_SECONDS)
        assert joined.sample_count / AUDIO_SAMPLE_RATE == pytest.approx(seconds)
        assert [start for start, _ in joined.chunk_times] == pytest.approx(starts)
        assert joined.speech_seconds == pytest.approx(5.75)
        # Whatever is cut out, the second chunk begins at 4 s of the track, and the third at 9 s.
        assert [joined.to_track_time(start + 0.5) for start in starts] == pytest.approx([0.5, 4.5, 9.5])


def test_split_decoded_returns_no_rest_if_the_text_reaches_the_end() -> None:
    whole = window(chunk(0, 3), chunk(3.4, 6))
    assert split_decoded(whole, None) == (whole, [])
    assert split_decoded(whole, 6.0) == (whole, [])


def test_split_decoded_returns_chunks_behind_the_text_as_rest() -> None:
    decoded, (rest,) = split_decoded(window(chunk(10, 13), chunk(13.4, 16), chunk(16.5, 19)), 3.1)
    assert spans(decoded) == [(10, 13)] and spans(rest) == [(13.4, 16), (16.5, 19)]


def test_split_decoded_cuts_a_long_chunk_at_the_end_of_the_text() -> None:
    decoded, (rest,) = split_decoded(window(chunk(0, 12)), 4.0)
    assert spans(decoded) == [(0, 4)] and spans(rest) == [(4, 12)]


def test_split_decoded_gives_up_the_first_chunk_if_there_is_no_text() -> None:
    decoded, (rest,) = split_decoded(window(chunk(0, 3), chunk(3.4, 6)), 0.0)
    assert spans(decoded) == [(0, 3)] and spans(rest) == [(3.4, 6)]
    assert split_decoded(window(chunk(0, 3)), 0.0)[1] == []


def test_sentence_times_are_in_order_and_change_at_pauses() -> None:
    # The pause of 2 s is not in the window's audio, and is in the times.
    whole = window(chunk(1, 4), chunk(6, 12))
    assert sentence_times(whole, [0.0, 2.8, 7.0]) == [(1.0, 4.0), (6.0, 10.0), (10.0, 12.0)]
    assert sentence_times(whole, []) == []
    assert sentence_times(whole, [0.4]) == [(1.0, 12.0)]
    times = sentence_times(whole, [0.0, 9.0, 2.0, 30.0])
    edges = [edge for span in times for edge in span]
    assert edges == sorted(edges) and edges[0] == 1.0 and edges[-1] == 12.0


def test_split_in_half_cuts_between_chunks_or_at_the_quietest_sample() -> None:
    noise = np.random.default_rng(1).integers(-3000, 3000, 20 * AUDIO_SAMPLE_RATE).astype(np.int16)
    first, second = split_in_half(window(chunk(0, 2), chunk(2.3, 9), chunk(9.5, 17)), noise)
    assert spans(first) == [(0, 2), (2.3, 9)] and spans(second) == [(9.5, 17)]
    noise[round(5.8 * AUDIO_SAMPLE_RATE) : round(6.2 * AUDIO_SAMPLE_RATE)] //= 10
    ((start, first_end),), ((second_start, end),) = map(spans, split_in_half(window(chunk(2, 9)), noise))
    assert (start, end) == (2, 9) and first_end == second_start == pytest.approx(6, abs=0.15)
    assert split_in_half(window(chunk(2, 4)), noise) == []
