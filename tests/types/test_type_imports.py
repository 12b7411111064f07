"""Modules of types and fingerprints load heavy libraries on first use, so that commands that need none start fast."""

import pkgutil
import subprocess
import sys

import pytest

import mediafp.fingerprints
import mediafp.types

HEAVY = {"PIL", "cv2", "faiss", "imagehash", "msgspec", "onnxruntime", "opencc", "pdqhash", "platformdirs", "pypinyin"}
STRUCTURED = {"mediafp.types.publications"}
"""Modules whose values msgspec reads: only commands and pages on publications import them."""
PROGRAM = """
import importlib, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
print(*{name.partition(".")[0] for name in sys.modules}, *(["importlib.metadata"] if "importlib.metadata" in sys.modules else []))
"""


@pytest.mark.parametrize("package", [mediafp.types, mediafp.fingerprints], ids=lambda package: package.__name__)
def test_import_loads_no_heavy_library(package: object) -> None:
    path, name = package.__path__, package.__name__  # type: ignore[attr-defined]
    modules = [one for module in pkgutil.iter_modules(path) if (one := f"{name}.{module.name}") not in STRUCTURED]
    assert len(modules) > 5
    command = [sys.executable, "-c", PROGRAM, *modules]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "numpy" in loaded
    assert not {*HEAVY, "scipy", "importlib.metadata"} & set(loaded)
