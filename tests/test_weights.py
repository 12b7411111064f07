"""Model files are used only with the bytes that the manifest names."""

from dataclasses import replace
from pathlib import Path

import pytest

from mediafp import weights
from mediafp.errors import ModelError


def test_every_model_is_there_and_unchanged() -> None:
    assert {state for _, state in weights.verify()} == {"ok"}


def test_a_changed_byte_and_a_missing_file_stop_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    weight = next(w for w in weights.manifest() if w.name == "background")
    (tmp_path / weight.file).write_bytes(b"changed")
    monkeypatch.setattr(weights, "folder", lambda: tmp_path)
    gone = replace(weight, name="gone", file="gone.bin")
    monkeypatch.setattr(weights, "manifest", lambda: (weight, gone))
    weights.find.cache_clear()
    for name, state in (("background", "changed"), ("gone", "missing"), ("other", "no model is called")):
        with pytest.raises(ModelError, match=state):
            weights.find(name)
    weights.find.cache_clear()
