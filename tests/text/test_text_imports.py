"""Libraries that speech recognition and OCR load on first use, so that commands which need neither start fast."""

import subprocess
import sys

import pytest

HEAVY = {"av", "ctranslate2", "cv2", "faster_whisper", "huggingface_hub", "onnxruntime", "opencc", "rapidocr"}
PROGRAM = """
import importlib, sys
for module in ("geometry", "tokens", "model_files"):
    importlib.import_module(f"mediafp.types.{module}")
before = set(sys.modules)
importlib.import_module(sys.argv[1])
print(*{name.partition(".")[0] for name in set(sys.modules) - before})
"""


@pytest.mark.parametrize(
    "module",
    ["mediafp.text.ocr.reader", "mediafp.text.speech.misreadings", "mediafp.text.speech.transcriber"],
)
def test_import_loads_no_heavy_library(module: str) -> None:
    loaded = subprocess.run([sys.executable, "-c", PROGRAM, module], capture_output=True, text=True, check=True).stdout
    assert "mediafp" in loaded.split()
    assert not HEAVY & set(loaded.split())
