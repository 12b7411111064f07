"""Windows, what was reached in them, and the times of sentences: the parts of the chain that need no model."""

from pathlib import Path

import numpy as np
import pytest

from mediafp.text.speech.transcriber import MAX_WINDOW_SECONDS, load_hotwords
from mediafp.text.speech.voice_activity import SpeechChunk
from mediafp.text.speech.windows import DecodingWindow, build_windows, sentence_times, split_decoded, split_in_half
from mediafp.types.errors import UsageError
from mediafp.types.media import AUDIO_SAMPLE_RATE


def piece(start: float, end: float) -> SpeechChunk:
    return SpeechChunk(start=round(start * AUDIO_SAMPLE_RATE), end=round(end * AUDIO_SAMPLE_RATE), probability=0.9)


def window(*pieces: SpeechChunk) -> DecodingWindow:
    return DecodingWindow(pieces=pieces, language="zh", probability=0.9)


def seconds(window: DecodingWindow) -> list[tuple[float, float]]:
    return [(p.start / AUDIO_SAMPLE_RATE, p.end / AUDIO_SAMPLE_RATE) for p in window.pieces]


def test_windows_never_cross_a_change_of_language_a_long_pause_or_the_limit() -> None:
    found = [piece(0, 3), piece(3.3, 6), piece(6.4, 9), piece(15, 20), piece(20.2, 30), piece(30.2, 45)]
    told = [("zh", 0.9), ("zh", 0.7), ("en", 0.9), ("en", 0.9), ("en", 0.9), ("en", 0.9)]
    made = list(build_windows(found, told, MAX_WINDOW_SECONDS))
    assert [(w.language, len(w.pieces)) for w in made] == [("zh", 2), ("en", 1), ("en", 2), ("en", 1)]
    assert made[0].probability == pytest.approx(0.805, abs=0.01)
    assert all(w.length / AUDIO_SAMPLE_RATE <= MAX_WINDOW_SECONDS for w in made)
    assert len(list(build_windows(found, [("yue", 0.9)] * 6, 6.0))) == 5


def test_all_is_reached_where_whisper_names_no_end() -> None:
    whole = window(piece(0, 3), piece(3.4, 6))
    assert split_decoded(whole, None) == (whole, [])
    assert split_decoded(whole, 6.0) == (whole, [])


def test_what_whisper_did_not_reach_waits() -> None:
    read, (rest,) = split_decoded(window(piece(10, 13), piece(13.4, 16), piece(16.5, 19)), 3.1)
    assert seconds(read) == [(10, 13)] and seconds(rest) == [(13.4, 16), (16.5, 19)]


def test_a_long_piece_is_gone_on_with_from_where_whisper_ended() -> None:
    read, (rest,) = split_decoded(window(piece(0, 12)), 4.0)
    assert seconds(read) == [(0, 4)] and seconds(rest) == [(4, 12)]


def test_where_nothing_was_decoded_the_first_piece_is_given_up() -> None:
    read, (rest,) = split_decoded(window(piece(0, 3), piece(3.4, 6)), 0.0)
    assert seconds(read) == [(0, 3)] and seconds(rest) == [(3.4, 6)]
    assert split_decoded(window(piece(0, 3)), 0.0)[1] == []


def test_sentences_follow_one_another_and_change_at_pauses() -> None:
    # The pause of 2 s is left out of what is decoded, and is there again in the times.
    whole = window(piece(1, 4), piece(6, 12))
    assert sentence_times(whole, [0.0, 2.8, 7.0]) == [(1.0, 4.0), (6.0, 10.0), (10.0, 12.0)]
    assert sentence_times(whole, []) == []
    assert sentence_times(whole, [0.4]) == [(1.0, 12.0)]
    found = sentence_times(whole, [0.0, 9.0, 2.0, 30.0])
    edges = [edge for times in found for edge in times]
    assert edges == sorted(edges) and edges[0] == 1.0 and edges[-1] == 12.0


def test_a_window_that_gave_too_little_is_halved() -> None:
    noise = np.random.default_rng(1).integers(-3000, 3000, 20 * AUDIO_SAMPLE_RATE).astype(np.int16)
    first, second = split_in_half(window(piece(0, 2), piece(2.3, 9), piece(9.5, 17)), noise)
    assert seconds(first) == [(0, 2), (2.3, 9)] and seconds(second) == [(9.5, 17)]
    noise[round(5.8 * AUDIO_SAMPLE_RATE) : round(6.2 * AUDIO_SAMPLE_RATE)] //= 10
    ((start, cut),), ((again, end),) = map(seconds, split_in_half(window(piece(2, 9)), noise))
    assert (start, end) == (2, 9) and cut == again == pytest.approx(6, abs=0.15)
    assert split_in_half(window(piece(2, 4)), noise) == []


def test_a_word_list_is_read_and_one_too_long_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("\ufeff郭文贵\n\n Milo Guo \n", encoding="utf-8")
    assert load_hotwords(file) == ("郭文贵", "Milo Guo")
    file.write_text("name\n" * 60)
    with pytest.raises(UsageError, match="200 characters"):
        load_hotwords(file)
    file.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UsageError, match="UTF-8"):
        load_hotwords(file)
