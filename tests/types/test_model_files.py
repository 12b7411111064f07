"""Model files are used only with the SHA-256 that the manifest states."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mediafp.types import model_files
from mediafp.types.errors import ModelError


def test_check_model_files_reports_every_file_as_ok() -> None:
    states = model_files.check_model_files()
    assert len(states) > 3 and {state for _, state in states} == {"ok"}


def test_model_path_rejects_a_changed_a_missing_and_an_unknown_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    entry = model_files.model_file("background")
    (tmp_path / entry.file).write_bytes(b"changed")
    monkeypatch.setattr(model_files, "models_folder", lambda: tmp_path)
    gone = replace(entry, name="gone", file="gone.bin")
    monkeypatch.setattr(model_files, "manifest", lambda: (entry, gone))
    model_files.model_path.cache_clear()
    for name, reason in (
        ("background", "cannot use model 'background': its file background.npz is changed; reinstall"),
        ("gone", "cannot use model 'gone': its file gone.bin is missing; reinstall"),
        ("other", "cannot find model 'other'; choose from: background, gone"),
    ):
        with pytest.raises(ModelError, match=reason):
            model_files.model_path(name)
    model_files.model_path.cache_clear()


def test_join_parts_joins_once_and_again_after_damage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEDIAFP_CACHE", str(tmp_path / "cache"))
    entry = next(entry for entry in model_files.manifest() if entry.parts)
    path = entry.join_parts()
    assert path.is_relative_to(tmp_path) and path.stat().st_size == 145_217_532
    assert {file.name for file in path.parent.iterdir()} == {entry.file, *entry.companions}
    first = path.stat().st_mtime_ns
    assert entry.join_parts() == path and path.stat().st_mtime_ns == first
    with path.open("r+b") as file:
        file.truncate(1000)
    assert entry.join_parts().stat().st_size == 145_217_532


def test_join_parts_names_an_action_if_it_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    entry = next(entry for entry in model_files.manifest() if entry.parts)
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("MEDIAFP_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelError, match="MEDIAFP_CACHE"):
        entry.join_parts()
    monkeypatch.setenv("MEDIAFP_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ModelError, match="changed"):
        replace(entry, sha256="0" * 64).join_parts()
    with pytest.raises(ModelError, match="missing"):
        replace(entry, parts=("no_such_package/model.bin",)).join_parts()
    assert not (tmp_path / "cache").exists()


def _add_file(folder: Path) -> None:
    (folder / "preprocessor_config.json").write_text('{"hop_length": 320}')


def _add_hidden_file(folder: Path) -> None:
    (folder / ".joining-left-by-a-killed-process").write_bytes(b"half of a model")


def _add_folder(folder: Path) -> None:
    (folder / "snapshots").mkdir()


def _link_file(folder: Path) -> None:
    """Replace a file with a link to the same content, which can change later."""
    (folder / "tokenizer.json").rename(folder.parent / "tokenizer.json")
    (folder / "tokenizer.json").symlink_to(folder.parent / "tokenizer.json")


def _link_folder(folder: Path) -> None:
    folder.rename(folder.parent / "elsewhere")
    folder.symlink_to(folder.parent / "elsewhere")


def _grow_file(folder: Path) -> None:
    """Make the largest file as large as a disk, at no cost: hashing it would take hours."""
    with max(folder.iterdir(), key=lambda file: file.stat().st_size).open("r+b") as file:
        file.truncate(1 << 43)


def _change_companion(folder: Path) -> None:
    (folder / "config.json").write_text("{}")


@pytest.mark.parametrize(
    "change", [_add_file, _add_hidden_file, _add_folder, _link_file, _link_folder, _change_companion, _grow_file]
)
def test_join_parts_replaces_a_folder_with_another_content(
    change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MEDIAFP_CACHE", str(tmp_path))
    entry = next(entry for entry in model_files.manifest() if entry.parts)
    folder = entry.join_parts().parent
    assert entry.state() == "ok"
    change(folder)
    states = {file.name: state for file, state in model_files.check_model_files()}
    assert states.pop(entry.name) == "cache changed" and set(states.values()) == {"ok"}
    assert entry.join_parts().parent == folder and not folder.is_symlink()
    assert {file.name for file in folder.iterdir()} == {entry.file, *entry.companions}
    assert all(file.is_file() and not file.is_symlink() for file in folder.iterdir())
    assert entry.state() == "ok"
    assert not list(tmp_path.glob(".joining-*"))
