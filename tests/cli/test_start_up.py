"""Commands load only the libraries that they use, so that they start fast (scripts/bench/start_up.py)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from processes import PATIENCE_SECONDS

from mediafp.store import open_store

HEAVY = {
    "PIL", "av", "ctranslate2", "cv2", "faiss", "faster_whisper", "graspologic_native", "huggingface_hub", "imagehash",
    "jinja2", "numpy", "onnxruntime", "opencc", "pi_heif", "pydantic", "rapidocr", "scipy", "sklearn",
}  # fmt: skip
PROGRAM = """
import sys
sys.argv = ["mediafp", *sys.argv[1:]]
from mediafp.__main__ import main
try:
    main()
except SystemExit:
    pass
print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def loaded_libraries(*arguments: object, store: Path) -> set[str]:
    """Return the heavy libraries that a command loads."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        env={**os.environ, "MEDIAFP_STORE": str(store), "HF_HOME": str(store)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    modules = set(done.stderr.splitlines()[-1].split())
    assert "typer" in modules
    return HEAVY & modules


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("case") / "store"
    open_store(folder, create=True).close()
    return folder


@pytest.mark.parametrize(
    ("arguments", "libraries"),
    [
        (["--help"], set()),
        (["match", "--help"], set()),
        (["errors"], set()),
        (["models", "list"], set()),
        (["search", "words"], {"opencc"}),
        (["export", "jsonl"], set()),
        (["verify"], {"numpy"}),
    ],
)
def test_commands_load_no_library_that_they_do_not_use(arguments: list[str], libraries: set[str], store: Path) -> None:
    assert loaded_libraries(*arguments, store=store) <= libraries


def test_match_loads_no_decoder_or_report_library(store: Path, tmp_path: Path) -> None:
    """Only the worker loads decoders."""
    (tmp_path / "notes.txt").write_text("words")
    libraries = loaded_libraries("match", tmp_path / "notes.txt", store=store)
    assert "numpy" in libraries and "faiss" not in libraries, "FAISS loads with the first search"
    assert not libraries & {"av", "pi_heif", "jinja2", "rapidocr", "faster_whisper", "graspologic_native", "opencc"}


def test_import_of_the_package_loads_no_heavy_library(tmp_path: Path) -> None:
    code = "import sys, mediafp; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
