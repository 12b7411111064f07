"""Windows, what was reached in them, and the times of sentences: the parts of the chain that need no model."""

import pytest

from mediafp.media import SOUND_RATE
from mediafp.reading.speech import LONGEST_SECONDS, _reached, _times, _Window, _windows
from mediafp.reading.voice import Piece


def piece(start: float, end: float) -> Piece:
    return Piece(start=round(start * SOUND_RATE), end=round(end * SOUND_RATE), likely=0.9)


def window(*pieces: Piece) -> _Window:
    return _Window(pieces=pieces, language="zh", probability=0.9)


def seconds(window: _Window) -> list[tuple[float, float]]:
    return [(p.start / SOUND_RATE, p.end / SOUND_RATE) for p in window.pieces]


def test_windows_never_cross_a_change_of_language_a_long_pause_or_the_limit() -> None:
    found = [piece(0, 3), piece(3.3, 6), piece(6.4, 9), piece(15, 20), piece(20.2, 30), piece(30.2, 45)]
    told = [("zh", 0.9), ("zh", 0.7), ("en", 0.9), ("en", 0.9), ("en", 0.9), ("en", 0.9)]
    made = list(_windows(found, told))
    assert [(w.language, len(w.pieces)) for w in made] == [("zh", 2), ("en", 1), ("en", 2), ("en", 1)]
    assert made[0].probability == pytest.approx(0.805, abs=0.01)
    assert all((w.end - w.start) / SOUND_RATE <= LONGEST_SECONDS for w in made)


def test_all_is_reached_where_whisper_names_no_end() -> None:
    whole = window(piece(0, 3), piece(3.4, 6))
    assert _reached(whole, None) == (whole, [])
    assert _reached(whole, 6.0) == (whole, [])


def test_what_whisper_did_not_reach_waits() -> None:
    read, (rest,) = _reached(window(piece(10, 13), piece(13.4, 16), piece(16.5, 19)), 3.1)
    assert seconds(read) == [(10, 13)] and seconds(rest) == [(13.4, 16), (16.5, 19)]


def test_a_long_piece_is_gone_on_with_from_where_whisper_ended() -> None:
    read, (rest,) = _reached(window(piece(0, 12)), 4.0)
    assert seconds(read) == [(0, 4)] and seconds(rest) == [(4, 12)]


def test_where_nothing_was_decoded_the_first_piece_is_given_up() -> None:
    read, (rest,) = _reached(window(piece(0, 3), piece(3.4, 6)), 0.0)
    assert seconds(read) == [(0, 3)] and seconds(rest) == [(3.4, 6)]
    assert _reached(window(piece(0, 3)), 0.0)[1] == []


def test_sentences_follow_one_another_and_change_at_pauses() -> None:
    assert _times([0.0, 3.1, 7.0], 10.0, [(2.8, 3.2), (5.0, 5.4)]) == [(0.0, 2.8), (3.2, 7.0), (7.0, 10.0)]
    assert _times([], 5.0, []) == []
    assert _times([0.4], 5.0, []) == [(0.0, 5.0)]
    for start, end in _times([0.0, 9.0, 2.0, 30.0], 8.0, [(1.0, 1.2)]):
        assert 0 <= start <= end <= 8
