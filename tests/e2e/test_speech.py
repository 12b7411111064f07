"""What is said, from files to transcripts, searches and matches: through the command line, with the real model."""

import json
import os
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from processes import PATIENCE_SECONDS

from mediafp.cli.demo.edits import SCRIPT
from mediafp.cli.demo.voice import synthesise_speech
from mediafp.types.media import AUDIO_SAMPLE_RATE

OTHER = (
    "Tomorrow will be warm and dry in the south. In the mountains clouds gather in the afternoon, with a little rain"
    " towards the evening. The wind turns to the north, and nights stay cold until the weekend."
)


def mediafp(*arguments: object, store: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mediafp", "--store", str(store), *map(str, arguments)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        errors="surrogateescape",
        check=False,
    )


def lines(done: subprocess.CompletedProcess[str]) -> list[dict]:
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def write(file: Path, samples: np.ndarray, rate: int = AUDIO_SAMPLE_RATE) -> None:
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.clip(samples, -32768, 32767).astype("<i2").tobytes())


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A script under two voices, another script, and sounds in which nobody speaks."""
    folder = tmp_path_factory.mktemp("talk")
    synthesise_speech(SCRIPT, folder / "first voice.wav", voice="en-us", speed=150)
    synthesise_speech(SCRIPT, folder / "second voice.wav", voice="en-gb-x-rp", speed=165)
    synthesise_speech(OTHER, folder / "weather.wav", voice="en-us", speed=150)
    rng, time = np.random.default_rng(3), np.arange(8 * AUDIO_SAMPLE_RATE) / AUDIO_SAMPLE_RATE
    write(folder / "silence.wav", np.zeros(8 * AUDIO_SAMPLE_RATE))
    write(folder / "noise.wav", 3000 * rng.standard_normal(8 * AUDIO_SAMPLE_RATE))
    chords = sum(np.sin(2 * np.pi * hertz * time) for hertz in (220, 277, 330))
    write(folder / "chords.wav", 5000 * chords * (1 + np.sin(4 * np.pi * time)))
    return folder


@pytest.fixture(scope="module")
def store(talk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case with all of it, listened to."""
    folder = tmp_path_factory.mktemp("case") / "store"
    done = mediafp("ingest", talk, "--json", store=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_a_transcript_has_words_languages_and_times(talk: Path, store: Path) -> None:
    done = mediafp("transcribe", talk / "first voice.wav", "--json", store=store)
    (found,) = lines(done)
    assert done.returncode == 0 and found["error"] is None and found["model"] == "whisper-base"
    said = " ".join(s["text"] for s in found["segments"]).casefold()
    for word in ("officials", "lights", "harbour", "newspapers", "deleted", "friends"):
        assert word in said.replace("harbor", "harbour")
    assert {s["language"] for s in found["segments"]} == {"en"}
    assert found["languages"]["en"] == pytest.approx(found["duration"], rel=0.25)
    assert found["untranscribed_seconds"] == 0 and found["note"] is None
    assert all(a["end"] <= b["start"] + 1e-6 for a, b in zip(found["segments"], found["segments"][1:], strict=False))
    assert found["hints"] and found["hints"][0]["name"] == "U.S. read as us"


def test_the_second_time_comes_from_the_store(talk: Path, store: Path, tmp_path: Path) -> None:
    again = tmp_path / "renamed.wav"
    again.write_bytes((talk / "first voice.wav").read_bytes())
    first, second = lines(mediafp("transcribe", talk / "first voice.wav", again, "--json", store=store))
    assert first["segments"] == second["segments"]
    assert first["seconds"] < 1 > second["seconds"]


def test_where_nobody_speaks_there_is_no_text(talk: Path, store: Path) -> None:
    names = ["silence.wav", "noise.wav", "chords.wav"]
    for found in lines(mediafp("transcribe", *(talk / n for n in names), "--json", store=store)):
        assert found["segments"] == [] and found["speech_seconds"] == 0 and found["note"] == "no speech"


def test_subtitles_and_plain_text(talk: Path, store: Path, tmp_path: Path) -> None:
    srt = mediafp("transcribe", talk / "weather.wav", "--format", "srt", store=store).stdout
    assert srt.startswith("1\n00:00:00,") and " --> " in srt
    vtt = mediafp("transcribe", talk / "weather.wav", "--format", "vtt", store=store).stdout
    assert vtt.startswith("WEBVTT\n\n00:00:00.") and "<lang en>" in vtt
    text = mediafp("transcribe", talk / "weather.wav", talk / "silence.wav", store=store).stdout
    assert "[0:00." in text and "no speech" in text
    done = mediafp("transcribe", talk / "weather.wav", "--format", "srt", "--out", tmp_path / "subs", store=store)
    (file,) = (tmp_path / "subs").iterdir()
    assert done.returncode == 0 and file.read_text(encoding="utf-8").strip() == srt.strip()


def test_search_finds_the_passage_and_says_when(talk: Path, store: Path) -> None:
    done = mediafp("search", "newspapers", "--json", store=store)
    found = lines(done)
    assert done.returncode == 0
    assert {Path(h["uris"][0]).name for h in found} == {"first voice.wav", "second voice.wav"}
    for hit in found:
        assert hit["source"] == "speech" and 0 <= hit["start"] < hit["end"]
        assert [hit["text"][a:b].casefold().replace("'", "") for a, b in hit["marks"]] == ["newspapers"]
    assert mediafp("search", "photosynthesis", "--json", store=store).returncode == 1
    assert mediafp("search", "?!", store=store).returncode == 2


def test_the_same_script_under_another_voice_is_matched_and_another_is_not(talk: Path, store: Path) -> None:
    (answer,) = lines(mediafp("match", talk / "second voice.wav", "--json", store=store))
    found = {Path(m["uris"][0]).name: m for m in answer["matches"] if m["relation"] == "same_script"}
    assert set(found) == {"first voice.wav"}
    match = found["first voice.wav"]
    assert match["verdict"] == "copy" and match["probability"] > 0.9
    assert {s["channel"] for s in match["segments"]} == {"script"}
    assert min(match["coverage"]) > 0.7
    assert any("voices were not compared" in reason for reason in match["why"])


def test_a_file_that_is_not_held_is_listened_to(talk: Path, store: Path, tmp_path: Path) -> None:
    new = tmp_path / "third voice.wav"
    synthesise_speech(SCRIPT, new, voice="en-gb-scotland", speed=140)
    (answer,) = lines(mediafp("match", new, "--json", store=store))
    assert {m["relation"] for m in answer["matches"]} == {"same_script"}
    (silent,) = lines(mediafp("match", new, "--transcribe", "no", "--json", store=store))
    assert silent["matches"] == []


def test_what_was_taken_in_unheard_is_listened_to_later(talk: Path, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    assert mediafp("ingest", talk / "weather.wav", "--transcribe", "no", "--json", store=folder).returncode == 0
    assert mediafp("search", "mountains", store=folder).returncode == 1
    first, _ = lines(mediafp("ingest", talk / "weather.wav", "--transcribe", "yes", "--json", store=folder))
    assert first["status"] == "known"
    assert mediafp("search", "mountains", store=folder).returncode == 0
    assert mediafp("verify", store=folder).returncode == 0
    (asset,) = [json.loads(x) for x in mediafp("export", "jsonl", store=folder).stdout.splitlines()]
    assert "mountains" in " ".join(s["text"] for s in asset["transcript"]["segments"])


def test_a_model_that_is_not_there_stops_before_the_first_file(talk: Path, tmp_path: Path) -> None:
    for arguments in (("--model", "large-v3"), ("--model", tmp_path), ("--model", "no such")):
        done = mediafp("transcribe", talk / "weather.wav", *arguments, "--json", store=tmp_path / "store")
        assert done.returncode == 2 and done.stdout == ""
        assert "mediafp:" in done.stderr and "model" in done.stderr


def test_bad_files_are_named_and_the_others_go_on(talk: Path, store: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp3").write_bytes(b"ID3" + bytes(400))
    (tmp_path / "notes.txt").write_text("no media")
    done = mediafp("transcribe", tmp_path, talk / "weather.wav", tmp_path / "gone.wav", "--json", store=store)
    found = {Path(f["path"]).name: f for f in lines(done)}
    assert done.returncode == 3 and set(found) == {"broken.mp3", "weather.wav", "gone.wav"}
    assert found["broken.mp3"]["error"] and found["gone.wav"]["error"] and found["weather.wav"]["error"] is None
