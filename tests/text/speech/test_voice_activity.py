"""Speech chunks between pauses, from given speech probabilities and from audio without speech."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from faster_whisper.utils import get_assets_path

from mediafp.text.speech import voice_activity
from mediafp.text.speech.voice_activity import FRAME_SAMPLES, SpeechChunk, cut_into_chunks, detect_speech
from mediafp.types import model_files
from mediafp.types.errors import ModelError
from mediafp.types.media import AUDIO_SAMPLE_RATE

LONGEST = 28 * AUDIO_SAMPLE_RATE


def cut(*runs: tuple[float, float], longest: int = LONGEST) -> list[tuple[float, float]]:
    """Return the chunks, in seconds, of a track with the given runs of (seconds, speech probability)."""
    probabilities = np.concatenate(
        [np.full(round(s * AUDIO_SAMPLE_RATE / FRAME_SAMPLES), p, np.float32) for s, p in runs]
    )
    return [
        (chunk.start / AUDIO_SAMPLE_RATE, chunk.end / AUDIO_SAMPLE_RATE)
        for chunk in cut_into_chunks(probabilities, len(probabilities) * FRAME_SAMPLES, longest)
    ]


def test_cut_into_chunks_divides_a_pause_between_its_neighbours() -> None:
    (a, b), (c, d) = cut((1, 0), (2, 0.9), (0.35, 0), (2, 0.9), (1, 0))
    assert (a, d) == (pytest.approx(0.6, abs=0.05), pytest.approx(5.7, abs=0.1))
    assert b == pytest.approx(c, abs=0.04)


def test_the_time_of_a_chunk_begins_before_the_voice() -> None:
    voiced = np.concatenate([np.zeros(31), np.full(62, 0.9), np.zeros(31)]).astype(np.float32)
    (chunk,) = cut_into_chunks(voiced, len(voiced) * FRAME_SAMPLES, LONGEST)
    assert chunk.onset == 31 * FRAME_SAMPLES - AUDIO_SAMPLE_RATE // 10
    assert chunk.offset == 93 * FRAME_SAMPLES + AUDIO_SAMPLE_RATE // 10
    before, after = chunk.cut(50 * FRAME_SAMPLES)
    assert (before.onset, before.offset) == (chunk.onset, 50 * FRAME_SAMPLES) == (chunk.onset, after.onset)
    assert after.offset == chunk.offset


def test_cut_into_chunks_keeps_short_pauses_and_low_probabilities_inside_a_chunk() -> None:
    assert len(cut((2, 0.9), (0.15, 0), (2, 0.9), (0.5, 0.4), (1, 0.9))) == 1


def test_cut_into_chunks_ignores_clicks_and_murmurs() -> None:
    assert cut((1, 0), (0.06, 0.9), (3, 0.3), (1, 0)) == []


def test_cut_into_chunks_splits_long_speech_at_the_lowest_probability() -> None:
    chunks = cut((20, 0.95), (0.2, 0.4), (20, 0.95), longest=28 * AUDIO_SAMPLE_RATE)
    assert len(chunks) == 2 and chunks[0][1] == pytest.approx(20.1, abs=0.2)
    assert all(end - start <= 28 for start, end in chunks)
    long = cut((100, 0.95), longest=28 * AUDIO_SAMPLE_RATE)
    assert len(long) >= 4 and all(end - start <= 28 for start, end in long)


def test_cut_into_chunks_returns_ordered_chunks_inside_the_track() -> None:
    rng = np.random.default_rng(5)
    probabilities = rng.random(2000).astype(np.float32)
    chunks = cut_into_chunks(probabilities, 2000 * FRAME_SAMPLES - 100, 5 * AUDIO_SAMPLE_RATE)
    edges = [edge for chunk in chunks for edge in (chunk.start, chunk.end)]
    assert edges == sorted(edges) and edges[0] >= 0 and edges[-1] <= 2000 * FRAME_SAMPLES - 100
    assert all(isinstance(chunk, SpeechChunk) and 0 <= chunk.probability <= 1 for chunk in chunks)


@pytest.mark.parametrize("seconds", [0, 0.01, 3])
def test_detect_speech_returns_none_for_silence_and_an_empty_track(seconds: float) -> None:
    assert detect_speech(np.zeros(round(seconds * AUDIO_SAMPLE_RATE), np.int16), longest=LONGEST) == []


def test_the_detector_is_the_file_of_the_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library loads the file whose SHA-256 is checked, and not one with another content."""
    assert model_files.model_path("silero_vad") == Path(get_assets_path()) / "silero_vad_v6.onnx"
    entry = replace(model_files.model_file("silero_vad"), sha256="0" * 64)
    monkeypatch.setattr(model_files, "manifest", lambda: (entry,))
    model_files.model_path.cache_clear()
    voice_activity._load_detector.cache_clear()
    try:
        with pytest.raises(ModelError, match=r"'silero_vad': its file assets/silero_vad_v6\.onnx is changed"):
            voice_activity._load_detector()
    finally:
        model_files.model_path.cache_clear()
