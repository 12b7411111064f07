"""Batches of windows that are decoded together."""

from mediafp.text.speech.decoding import batch_windows
from mediafp.text.speech.voice_activity import SpeechChunk
from mediafp.text.speech.windows import DecodingWindow
from mediafp.types.media import AUDIO_SAMPLE_RATE


def window(seconds: float, language: str = "zh") -> DecodingWindow:
    chunk = SpeechChunk(start=0, end=round(seconds * AUDIO_SAMPLE_RATE), probability=0.9)
    return DecodingWindow(chunks=(chunk,), language=language, probability=0.9)


def test_batch_windows_separates_languages_and_encoder_input_lengths() -> None:
    windows = [window(25), window(3), window(4, "en"), window(19), window(19.5), window(1), window(2)]
    batches = list(batch_windows(windows, 2))
    assert [[(w.language, w.sample_count / AUDIO_SAMPLE_RATE) for w in batch] for batch in batches] == [
        [("en", 4)],
        [("zh", 1), ("zh", 2)],
        [("zh", 3), ("zh", 19)],
        [("zh", 19.5), ("zh", 25)],
    ]
