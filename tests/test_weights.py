"""Model files are used only with the bytes that the manifest names."""

from dataclasses import replace
from pathlib import Path

import pytest

from mediafp.types import model_files
from mediafp.types.errors import ModelError


def test_every_model_is_there_and_unchanged() -> None:
    assert {state for _, state in model_files.check_model_files()} == {"ok"}


def test_a_changed_byte_and_a_missing_file_stop_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    weight = next(w for w in model_files.manifest() if w.name == "background")
    (tmp_path / weight.file).write_bytes(b"changed")
    monkeypatch.setattr(model_files, "models_folder", lambda: tmp_path)
    gone = replace(weight, name="gone", file="gone.bin")
    monkeypatch.setattr(model_files, "manifest", lambda: (weight, gone))
    model_files.model_path.cache_clear()
    for name, state in (("background", "changed"), ("gone", "missing"), ("other", "no model is called")):
        with pytest.raises(ModelError, match=state):
            model_files.model_path(name)
    model_files.model_path.cache_clear()


def test_a_model_in_parts_is_joined_once_and_mended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEDIAFP_CACHE", str(tmp_path / "cache"))
    weight = next(w for w in model_files.manifest() if w.parts)
    path = weight.join_parts()
    assert path.is_relative_to(tmp_path) and path.stat().st_size == 145_217_532
    assert {file.name for file in path.parent.iterdir()} == {weight.file, *weight.companions}
    first = path.stat().st_mtime_ns
    assert weight.join_parts() == path and path.stat().st_mtime_ns == first
    with path.open("r+b") as file:
        file.truncate(1000)
    assert weight.join_parts().stat().st_size == 145_217_532


def test_a_model_that_cannot_be_joined_names_the_mend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    weight = next(w for w in model_files.manifest() if w.parts)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MEDIAFP_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelError, match="MEDIAFP_CACHE"):
        weight.join_parts()
    monkeypatch.setenv("MEDIAFP_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ModelError, match="changed"):
        replace(weight, sha256="0" * 64).join_parts()
    with pytest.raises(ModelError, match="missing"):
        replace(weight, parts=("no_such_package/model.bin",)).join_parts()
    assert not (tmp_path / "cache").exists()
