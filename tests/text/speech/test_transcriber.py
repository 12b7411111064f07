"""WhisperTranscriber: hotwords, the audio it needs no model for, and what it logs."""

import logging
from pathlib import Path

import numpy as np
import pytest

from mediafp.cli.demo.voice import synthesise_speech
from mediafp.ingest.files import open_file
from mediafp.ingest.speech_audio import read_audio
from mediafp.text.speech.transcriber import WhisperTranscriber, load_hotwords
from mediafp.types.errors import UsageError
from mediafp.types.media import AUDIO_SAMPLE_RATE, Audio
from mediafp.types.runs import SpeechOptions
from mediafp.types.tokens import tokenise


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
    transcript = WhisperTranscriber(SpeechOptions(threads=2)).transcribe(Audio(samples=samples, start=0.0))
    assert transcript.segments == () and transcript.speech_seconds == 0 and transcript.duration == 2
    assert "whisper" not in caplog.text


def test_transcribe_logs_the_loaded_model_and_no_text(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "mediafp")
    synthesise_speech("Officials left the harbour yesterday.", tmp_path / "a.wav", voice="en-us", speed=150)
    with open_file(tmp_path / "a.wav") as file:
        (audio,), _ = read_audio(file)
    transcript = WhisperTranscriber(SpeechOptions(threads=2)).transcribe(audio)
    words = {word for segment in transcript.segments for word in segment.text.casefold().split() if len(word) > 4}
    assert words
    (record,) = [r for r in caplog.records if "whisper-base" in r.getMessage()]
    assert record.levelno == logging.INFO and "SHA-256" in record.getMessage()
    logged = caplog.text.casefold()
    assert not [word for word in words if word in logged]


@pytest.mark.parametrize("voices", [["en-us"] * 5, ["en-us", "en-gb-x-rp", "en-us", "en-gb-x-rp"]])
def test_a_sentence_is_transcribed_as_often_as_it_is_said(voices: list[str], tmp_path: Path) -> None:
    said = "Officials left the harbour yesterday."
    pause = np.zeros(AUDIO_SAMPLE_RATE // 5, np.int16)
    pieces: list[np.ndarray] = []
    begins: list[float] = []
    for number, voice in enumerate(voices):
        synthesise_speech(said, tmp_path / f"{number}.wav", voice=voice, speed=150 + 5 * number)
        with open_file(tmp_path / f"{number}.wav") as file:
            (audio,), _ = read_audio(file)
        begins.append(sum(map(len, pieces)) / AUDIO_SAMPLE_RATE)
        pieces += [audio.samples, pause]
    track = Audio(samples=np.concatenate(pieces), start=0.0)
    transcript = WhisperTranscriber(SpeechOptions(threads=2)).transcribe(track)
    starts = [
        span[0]
        for segment in transcript.segments
        for token, span in zip(tokenise(segment.text), segment.token_times, strict=True)
        if token.text == "yesterday"
    ]
    assert len(starts) == len(voices), [segment.text for segment in transcript.segments]
    ends = [*begins[1:], track.duration]
    assert starts == sorted(starts)
    if len(set(voices)) == 1:
        assert all(begin < start < end for begin, start, end in zip(begins, starts, ends, strict=True)), starts
    assert all("repetition" not in segment.flags for segment in transcript.segments)
