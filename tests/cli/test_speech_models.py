"""Speech models of the user on the command line: taken by `ingest`, `transcribe` and `search`, listed, or refused."""

import json
from pathlib import Path

import pytest
from made_sense_voice import require_sherpa, write_sense_voice
from typer.testing import CliRunner, Result

from mediafp.case import environment, list_model_files
from mediafp.cli.app import app
from mediafp.cli.demo.voice import synthesise_speech
from mediafp.text.speech import sense_voice_model
from mediafp.text.speech.hub_cache import CachedRepository
from mediafp.text.speech.transcribers import get_transcriber
from mediafp.types.errors import ModelError
from mediafp.types.runs import SpeechOptions
from mediafp.web.work import work_of


def run(*arguments: object, store: Path) -> Result:
    return CliRunner().invoke(app, ["--store", str(store), *map(str, arguments)])


def test_sense_voice_transcribes_what_is_ingested_and_its_words_are_found(tmp_path: Path) -> None:
    require_sherpa()
    model = (
        f"sensevoice:{write_sense_voice(tmp_path / 'made', [(0.5, '反'), (0.8, '对'), (1.1, '。')], language='yue')}"
    )
    synthesise_speech("Officials left the harbour yesterday.", tmp_path / "a.wav", voice="en-us", speed=150)
    store = tmp_path / "store"
    done = run("ingest", tmp_path / "a.wav", "--model", model, "--jobs", 1, "--ocr", "no", store=store)
    assert done.exit_code == 0, done.output
    done = run("transcribe", tmp_path / "a.wav", "--model", model, "--json", store=store)
    (result,) = map(json.loads, done.stdout.splitlines())
    assert result["model"] == "sensevoice:made" and result["languages"].keys() == {"yue"}
    assert [segment["text"] for segment in result["segments"]] == ["反对。"]
    assert result["version"] == get_transcriber(SpeechOptions(model=model)).version
    done = run("search", "反對", "--json", store=store)
    assert done.exit_code == 0 and json.loads(done.stdout.splitlines()[0])["source"] == "speech"


@pytest.mark.parametrize("command", ["ingest", "transcribe", "serve"])
def test_a_model_that_is_not_there_ends_the_command_before_the_first_file(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = () if command == "serve" else (tmp_path,)

    def refusal(model: str) -> str:
        error = run(command, *files, "--model", model, store=tmp_path / "store").exception
        assert isinstance(error, ModelError), error
        return str(error)

    assert "no such folder" in refusal("sensevoice:nowhere") and "model.bin is missing" in refusal(str(tmp_path))
    monkeypatch.setattr(sense_voice_model, "has_sherpa", lambda: False)
    assert "pip install 'mediafp[sensevoice]'" in refusal("sensevoice")
    assert not (tmp_path / "store").exists()


def test_models_and_doctor_list_the_models_in_the_cache_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = CachedRepository(name="someone/sense-voice", revision="abc", folder=tmp_path)
    monkeypatch.setattr("mediafp.case.models.cached_sense_voice", lambda: [cached])
    monkeypatch.setattr("mediafp.case.models.cached_whisper", lambda: [])
    last = list_model_files()[-1]
    assert (last.name, last.version, last.state) == ("sensevoice:someone/sense-voice", "abc", "ok")
    checks = {check.name: check for check in environment.check_speech_models()}
    assert checks["speech model sensevoice:someone/sense-voice"].ok
    monkeypatch.setattr(sense_voice_model, "has_sherpa", lambda: False)
    missing = {check.name: check for check in environment.check_speech_models()}["sherpa-onnx, for SenseVoice"]
    assert not missing.ok and not missing.is_required and "pip install 'mediafp[sensevoice]'" in missing.detail


def test_jobs_of_the_workbench_transcribe_with_the_model_that_serve_was_given() -> None:
    asked: list[SpeechOptions] = []

    class FakeCase:
        def untranscribed(self) -> list[str]:
            return ["a.wav"]

        def transcribe(self, paths: list[str], speech: SpeechOptions, **_: object) -> object:
            asked.append(speech)
            return (one for one in ())

        def relate(self, on_progress: object) -> None:
            pass

    class FakeJob:
        def update(self, **_: object) -> None:
            pass

    options = SpeechOptions(model="sensevoice:made")
    work_of(FakeCase(), options)["transcribe"](FakeJob())  # type: ignore[arg-type]
    assert asked == [options]
