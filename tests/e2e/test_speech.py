"""Transcription, search and matching of speech on the command line, with the real model."""

import json
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
from processes import json_lines, run_mediafp

from mediafp.cli.demo.edits import SCRIPT
from mediafp.cli.demo.voice import synthesise_speech
from mediafp.types.media import AUDIO_SAMPLE_RATE

OTHER = (
    "Tomorrow will be warm and dry in the south. In the mountains clouds gather in the afternoon, with a little rain"
    " towards the evening. The wind turns to the north, and nights stay cold until the weekend."
)


def mediafp(*arguments: object, store: Path) -> subprocess.CompletedProcess[str]:
    return run_mediafp("--store", store, *arguments, HF_HUB_OFFLINE="1")


def write_wav(file: Path, samples: np.ndarray, rate: int = AUDIO_SAMPLE_RATE) -> None:
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.clip(samples, -32768, 32767).astype("<i2").tobytes())


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One text read by two voices, another text, and audio without speech."""
    folder = tmp_path_factory.mktemp("recordings")
    synthesise_speech(SCRIPT, folder / "first voice.wav", voice="en-us", speed=145)
    synthesise_speech(SCRIPT, folder / "second voice.wav", voice="en-gb-x-rp", speed=165)
    synthesise_speech(OTHER, folder / "weather.wav", voice="en-us", speed=150)
    rng, time = np.random.default_rng(3), np.arange(8 * AUDIO_SAMPLE_RATE) / AUDIO_SAMPLE_RATE
    write_wav(folder / "silence.wav", np.zeros(8 * AUDIO_SAMPLE_RATE))
    write_wav(folder / "noise.wav", 3000 * rng.standard_normal(8 * AUDIO_SAMPLE_RATE))
    chords = sum(np.sin(2 * np.pi * hertz * time) for hertz in (220, 277, 330))
    write_wav(folder / "chords.wav", 5000 * chords * (1 + np.sin(4 * np.pi * time)))
    return folder


@pytest.fixture(scope="module")
def store(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the transcribed recordings."""
    folder = tmp_path_factory.mktemp("case") / "store"
    done = mediafp("ingest", recordings, "--json", store=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_transcribe_returns_words_languages_and_times(recordings: Path, store: Path) -> None:
    done = mediafp("transcribe", recordings / "first voice.wav", "--json", store=store)
    (result,) = json_lines(done)
    assert done.returncode == 0 and result["error"] is None and result["model"] == "whisper-base"
    text = " ".join(segment["text"] for segment in result["segments"]).casefold()
    for word in ("officials", "lights", "harbour", "newspapers", "deleted", "friends"):
        assert word in text.replace("harbor", "harbour")
    assert {segment["language"] for segment in result["segments"]} == {"en"}
    assert result["languages"]["en"] == pytest.approx(result["duration"], rel=0.25)
    assert result["untranscribed_seconds"] == 0 and result["note"] is None
    assert all(a["end"] <= b["start"] + 1e-6 for a, b in zip(result["segments"], result["segments"][1:], strict=False))
    assert result["hints"] and result["hints"][0]["name"] == "U.S. read as us"


def test_transcribe_returns_a_stored_transcript_without_the_model(
    recordings: Path, store: Path, tmp_path: Path
) -> None:
    renamed = tmp_path / "renamed.wav"
    renamed.write_bytes((recordings / "first voice.wav").read_bytes())
    first, second = json_lines(mediafp("transcribe", recordings / "first voice.wav", renamed, "--json", store=store))
    assert first["segments"] == second["segments"]
    assert first["seconds"] < 1 > second["seconds"]


def test_audio_without_speech_has_no_segments(recordings: Path, store: Path) -> None:
    names = ["silence.wav", "noise.wav", "chords.wav"]
    results = json_lines(mediafp("transcribe", *(recordings / name for name in names), "--json", store=store))
    assert len(results) == 3
    for result in results:
        assert result["segments"] == [] and result["speech_seconds"] == 0 and result["note"] == "no speech"


def test_transcribe_writes_subtitles_and_plain_text(recordings: Path, store: Path, tmp_path: Path) -> None:
    srt = mediafp("transcribe", recordings / "weather.wav", "--format", "srt", store=store).stdout
    assert srt.startswith("1\n00:00:00,") and " --> " in srt
    vtt = mediafp("transcribe", recordings / "weather.wav", "--format", "vtt", store=store).stdout
    assert vtt.startswith("WEBVTT\n\n00:00:00.") and "<lang en>" in vtt
    text = mediafp("transcribe", recordings / "weather.wav", recordings / "silence.wav", store=store).stdout
    assert "[00:00." in text and "no speech" in text
    done = mediafp("transcribe", recordings / "weather.wav", "--format", "srt", "--out", tmp_path / "subs", store=store)
    (file,) = (tmp_path / "subs").iterdir()
    assert done.returncode == 0 and file.read_text(encoding="utf-8").strip() == srt.strip()


def test_search_returns_the_passages_with_their_times(recordings: Path, store: Path) -> None:
    done = mediafp("search", "newspapers", "--json", store=store)
    hits = json_lines(done)
    assert done.returncode == 0
    assert {Path(hit["uris"][0]).name for hit in hits} == {"first voice.wav", "second voice.wav"}
    for hit in hits:
        assert hit["source"] == "speech" and 0 <= hit["start"] < hit["end"]
        assert [hit["text"][a:b].casefold().replace("'", "") for a, b in hit["marks"]] == ["newspapers"]
    assert mediafp("search", "photosynthesis", "--json", store=store).returncode == 1
    assert mediafp("search", "?!", store=store).returncode == 2


def test_match_finds_only_the_same_text_read_by_another_voice(recordings: Path, store: Path) -> None:
    (result,) = json_lines(mediafp("match", recordings / "second voice.wav", "--json", store=store))
    matches = {Path(m["uris"][0]).name: m for m in result["matches"] if m["relation"] == "same_script"}
    assert set(matches) == {"first voice.wav"}
    match = matches["first voice.wav"]
    assert match["verdict"] == "copy" and match["probability"] > 0.9
    assert {s["channel"] for s in match["segments"]} == {"script"}
    assert min(match["coverage"]) > 0.7
    assert any("voices were not compared" in reason for reason in match["why"])


def test_match_transcribes_a_file_that_is_not_in_the_store(recordings: Path, store: Path, tmp_path: Path) -> None:
    new = tmp_path / "third voice.wav"
    synthesise_speech(SCRIPT, new, voice="en-gb-scotland", speed=140)
    (result,) = json_lines(mediafp("match", new, "--json", store=store))
    # Voices of one synthesiser have much in common: such a pair may be possible, and is no copy.
    copies = {m["relation"] for m in result["matches"] if m["verdict"] == "copy"}
    assert copies == {"same_script"}
    (untranscribed,) = json_lines(mediafp("match", new, "--transcribe", "no", "--json", store=store))
    assert "copy" not in {m["verdict"] for m in untranscribed["matches"]}


def test_second_ingest_adds_skipped_transcripts(recordings: Path, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    assert mediafp("ingest", recordings / "weather.wav", "--transcribe", "no", "--json", store=folder).returncode == 0
    assert mediafp("search", "mountains", store=folder).returncode == 1
    first, _ = json_lines(mediafp("ingest", recordings / "weather.wav", "--transcribe", "yes", "--json", store=folder))
    assert first["status"] == "known"
    assert mediafp("search", "mountains", store=folder).returncode == 0
    assert mediafp("verify", store=folder).returncode == 0
    (asset,) = [json.loads(x) for x in mediafp("export", "jsonl", store=folder).stdout.splitlines()]
    assert "mountains" in " ".join(s["text"] for s in asset["transcript"]["segments"])


def test_missing_model_ends_transcribe_before_the_first_file(recordings: Path, tmp_path: Path) -> None:
    for arguments in (("--model", "large-v3"), ("--model", tmp_path), ("--model", "no such")):
        done = mediafp("transcribe", recordings / "weather.wav", *arguments, "--json", store=tmp_path / "store")
        assert done.returncode == 2 and done.stdout == ""
        assert "mediafp:" in done.stderr and "model" in done.stderr


def test_invalid_files_have_an_error_and_the_others_a_transcript(recordings: Path, store: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp3").write_bytes(b"ID3" + bytes(400))
    (tmp_path / "notes.txt").write_text("no media")
    done = mediafp("transcribe", tmp_path, recordings / "weather.wav", tmp_path / "gone.wav", "--json", store=store)
    results = {Path(result["path"]).name: result for result in json_lines(done)}
    assert done.returncode == 3 and set(results) == {"broken.mp3", "weather.wav", "gone.wav"}
    assert results["broken.mp3"]["error"] and results["gone.wav"]["error"] and results["weather.wav"]["error"] is None
