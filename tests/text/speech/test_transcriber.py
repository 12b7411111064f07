"""Transcriber: hotwords, the audio it needs no model for, and what it logs."""

import logging
from pathlib import Path

import numpy as np
import pytest

from mediafp.cli.demo.voice import synthesise_speech
from mediafp.ingest.files import open_file
from mediafp.ingest.speech_audio import read_audio
from mediafp.text.speech.transcriber import Transcriber, load_hotwords
from mediafp.types.errors import UsageError
from mediafp.types.media import AUDIO_SAMPLE_RATE, Audio
from mediafp.types.runs import SpeechOptions


def test_load_hotwords_reads_names_and_rejects_long_and_undecodable_files(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("\ufeff郭文贵\n\n Milo Guo \n", encoding="utf-8")
    assert load_hotwords(file) == ("郭文贵", "Milo Guo")
    file.write_text("name\n" * 60)
    with pytest.raises(UsageError, match="200 characters"):
        load_hotwords(file)
    file.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UsageError, match="UTF-8"):
        load_hotwords(file)


def test_transcribe_loads_no_whisper_model_for_audio_without_speech(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mediafp")
    samples = np.zeros(2 * AUDIO_SAMPLE_RATE, np.int16)
    transcript = Transcriber(SpeechOptions(threads=2)).transcribe(Audio(samples=samples, start=0.0))
    assert transcript.segments == () and transcript.speech_seconds == 0 and transcript.duration == 2
    assert "whisper" not in caplog.text


def test_transcribe_logs_the_loaded_model_and_no_text(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "mediafp")
    synthesise_speech("Officials left the harbour yesterday.", tmp_path / "a.wav", voice="en-us", speed=150)
    with open_file(tmp_path / "a.wav") as file:
        (audio,), _ = read_audio(file)
    transcript = Transcriber(SpeechOptions(threads=2)).transcribe(audio)
    words = {word for segment in transcript.segments for word in segment.text.casefold().split() if len(word) > 4}
    assert words
    (record,) = [r for r in caplog.records if "whisper-base" in r.getMessage()]
    assert record.levelno == logging.INFO and "SHA-256" in record.getMessage()
    logged = caplog.text.casefold()
    assert not [word for word in words if word in logged]
