"""Speech models in the cache of the Hugging Face hub."""

import os
import subprocess
import sys
from pathlib import Path

from processes import PATIENCE_SECONDS

PROGRAM = """
import sys
from mediafp.text.speech.models import cached_models
print([(model.name, model.revision) for model in cached_models()], "huggingface_hub" in sys.modules)
"""


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


def test_cached_models_lists_whisper_models_wherever_the_cache_is(tmp_path: Path) -> None:
    for name, file in (("models--Systran--faster-whisper-tiny", "model.bin"), ("models--other--bert", "model.bin")):
        snapshot = tmp_path / "home" / "hub" / name / "snapshots" / "abc"
        snapshot.mkdir(parents=True)
        (snapshot / file).write_bytes(b"weights")
    expected = "[('Systran/faster-whisper-tiny', 'abc')] True"
    assert list_models(HF_HOME=tmp_path / "home") == expected
    assert list_models(HF_HUB_CACHE=tmp_path / "home" / "hub") == expected
    (tmp_path / "huggingface").symlink_to(tmp_path / "home")
    assert list_models(XDG_CACHE_HOME=tmp_path) == expected


def test_cached_models_loads_no_library_without_a_cache(tmp_path: Path) -> None:
    assert list_models(HF_HOME=tmp_path / "none") == "[] False"
