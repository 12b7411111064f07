"""Speech models in the cache of the Hugging Face hub and in folders, and the features that they are given."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor
from processes import PATIENCE_SECONDS

from mediafp.text.speech.models import RELATIVE_COSTS, SIZES, SpeechModel, load_whisper, speech_model
from mediafp.types import model_files
from mediafp.types.defaults import DEFAULT_MODEL

PROGRAM = """
import sys
from mediafp.text.speech.hub_cache import cached_whisper
print([(model.name, model.revision) for model in cached_whisper()], "huggingface_hub" in sys.modules)
"""


WHISPER_HEAD = b"\x06\x00\x00\x00\x0c\x00WhisperSpec\x00"
"""First bytes of a Whisper model in CTranslate2 format."""


def list_models(**variables: object) -> str:
    """Return what a process of its own lists: the hub's library reads the variables when it loads."""
    names = ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**environment, **{name: str(value) for name, value in variables.items()}},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    return done.stdout.strip()


def test_cached_whisper_lists_whisper_models_wherever_the_cache_is(tmp_path: Path) -> None:
    for name, file in (("models--Systran--faster-whisper-tiny", "model.bin"), ("models--other--bert", "model.bin")):
        snapshot = tmp_path / "home" / "hub" / name / "snapshots" / "abc"
        snapshot.mkdir(parents=True)
        (snapshot / file).write_bytes(WHISPER_HEAD if "whisper" in name else b"weights")
    expected = "[('Systran/faster-whisper-tiny', 'abc')] True"
    assert list_models(HF_HOME=tmp_path / "home") == expected
    assert list_models(HF_HUB_CACHE=tmp_path / "home" / "hub") == expected
    (tmp_path / "huggingface").symlink_to(tmp_path / "home")
    assert list_models(XDG_CACHE_HOME=tmp_path) == expected


def test_cached_whisper_loads_no_library_without_a_cache(tmp_path: Path) -> None:
    assert list_models(HF_HOME=tmp_path / "none") == "[] False"


def write_model_folder(folder: Path, **settings: object) -> Path:
    """Return a folder with the packaged model and settings of its features."""
    link_model(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


def test_settings_beside_a_model_do_not_change_its_features(tmp_path: Path) -> None:
    plain = load_whisper(speech_model(), 1).feature_extractor
    folder = write_model_folder(
        tmp_path / "model", feature_size=40, sampling_rate=8000, hop_length=320, chunk_length=10, n_fft=1 << 20
    )
    extractor = load_whisper(speech_model(str(folder)), 1).feature_extractor
    assert np.array_equal(extractor.mel_filters, plain.mel_filters)
    for name in ("sampling_rate", "hop_length", "chunk_length", "n_fft", "n_samples", "nb_max_frames"):
        assert getattr(extractor, name) == getattr(plain, name)


def test_the_packaged_model_has_the_default_features_of_its_library() -> None:
    extractor, default = load_whisper(speech_model(), 1).feature_extractor, FeatureExtractor()
    assert np.array_equal(extractor.mel_filters, default.mel_filters)
    assert vars(extractor).keys() == vars(default).keys()
    assert all(value == vars(default)[name] for name, value in vars(extractor).items() if name != "mel_filters")


def test_the_model_states_how_many_mel_bands_it_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The model large-v3 needs 128, and the settings beside it are not read."""
    large = SimpleNamespace(n_mels=128, is_multilingual=True)
    monkeypatch.setattr("ctranslate2.models.Whisper", lambda *_, **__: large)
    folder = write_model_folder(tmp_path / "large-v3", feature_size=80)
    assert load_whisper(speech_model(str(folder)), 1).feature_extractor.mel_filters.shape == (128, 201)


def link_model(folder: Path) -> None:
    """Make a folder with the files of the packaged model."""
    folder.mkdir(parents=True)
    for file in model_files.model_path(DEFAULT_MODEL).parent.iterdir():
        (folder / file.name).symlink_to(file)


def find_folder(name: str, current_folder: Path) -> str:
    """Return the folder of a model that another process finds, or the last line of its error."""
    program = "import sys; from mediafp.text.speech.models import speech_model; print(speech_model(sys.argv[1]).folder)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, name],
        env={**os.environ, "HF_HUB_CACHE": str(current_folder / "cache")},
        cwd=current_folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return (done.stdout or done.stderr).strip().splitlines()[-1]


def test_a_folder_with_the_name_of_a_model_is_not_the_model(tmp_path: Path) -> None:
    link_model(tmp_path / "tiny")
    assert "it is not on this machine" in find_folder("tiny", tmp_path)
    assert find_folder("./tiny", tmp_path) == "tiny"
    assert find_folder(str(tmp_path / "tiny"), tmp_path) == str(tmp_path / "tiny")


def test_a_folder_with_the_name_of_a_cached_repository_is_not_the_model(tmp_path: Path) -> None:
    name, commit = "someone/whisper-small", "0" * 40
    link_model(tmp_path / name)
    assert find_folder(name, tmp_path) == name
    repository = tmp_path / "cache" / "models--someone--whisper-small"
    link_model(repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    assert find_folder(name, tmp_path) == str(repository / "snapshots" / commit)
    assert find_folder(f"./{name}", tmp_path) == name


def test_each_size_has_a_rank_and_a_cost() -> None:
    assert len(SIZES) == len(RELATIVE_COSTS)
    large, turbo = (SpeechModel(name="a", sha256="b", size=size) for size in ("large-v3", "large-v3-turbo"))
    assert large.rank > turbo.rank > speech_model().rank
    assert large.relative_cost > turbo.relative_cost > speech_model().relative_cost == 1.0
