"""No command opens a file of the current folder that was not named: not a module, a library, a program or a setting."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from opened_files import OpenedFiles
from processes import PATIENCE_SECONDS

from mediafp.cli.demo.media import PHOTOS, packaged_file

ROOT = Path(__file__).parents[2]
MODULES = (
    *("PIL", "av", "ctranslate2", "cv2", "dotenv", "encodings", "faiss", "faster_whisper", "ffmpeg", "huggingface_hub"),
    *("imageio_ffmpeg", "jinja2", "multiprocessing", "numpy", "onnxruntime", "opencc", "platformdirs", "pyseccomp"),
    *("rapidocr", "rich", "scipy", "tokenizers", "typer"),
)
"""Packages that mediafp, its libraries or Python import."""
SINGLE_MODULES = ("pickle", "sitecustomize", "socket", "sqlite3", "subprocess", "tempfile", "typing", "usercustomize")
LIBRARIES = ("libc.so.6", "libm.so.6", "libseccomp.so.2", "libseccomp.so", "libstdc++.so.6", "libz.so.1")
PROGRAMS = ("cc", "ffmpeg", "gcc", "ld", "ldconfig", "objdump", "python", "python3")
SETTINGS = (
    *(".env", ".netrc", "config.json", "config.yaml", "default.yaml", "matplotlibrc", "preprocessor_config.json"),
    *("pyproject.toml", "pyvenv.cfg", "tokenizer.json", "tokenizer_config.json", "manifest.toml", "misreadings.toml"),
)
SIMPLIFIER = """{"name": "t2s", "segmentation": {"type": "mmseg", "dict": {"type": "text", "file": "words.txt"}},
"conversion_chain": [{"dict": {"type": "text", "file": "words.txt"}}]}"""
"""Settings of OpenCC that turn one word into another."""
START = (sys.executable, "-P", "-m", "mediafp")
CHANGING = re.compile(r'"(?:seconds|run|id|[a-z]+_at)": [^,}]+|\d+[.,]\d+ s\b|\d\d:\d\d:\d\d')
"""Parts of the output that differ between two runs of one command."""


def write_traps(folder: Path, *, package: bool) -> Path:
    """Fill a folder with files that libraries look for; `package` adds a package mediafp."""
    folder.mkdir()
    for name in (*MODULES, *(["mediafp"] if package else [])):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise SystemExit('a trap was imported')")
    for name in SINGLE_MODULES:
        (folder / f"{name}.py").write_text("raise SystemExit('a trap was imported')")
    for name in PROGRAMS:
        # A folder of this name is a package.
        path = folder / name if not (folder / name).exists() else folder / f"{name}.exe"
        path.write_text("#!/bin/sh\nexit 99\n")
        path.chmod(0o755)
    for name in (*LIBRARIES, *SETTINGS):
        (folder / name).write_text("TRAP=1\n")
    (folder / "t2s.json").write_text(SIMPLIFIER)
    (folder / "words.txt").write_text("lights\ttraps\n")
    (folder / "odr").mkdir()
    (folder / "fonts").mkdir()
    (folder / "DejaVuSans.ttf").write_bytes(b"trap")
    return folder


def run(*arguments: object, folder: Path, start: tuple[str, ...] = START) -> tuple[int, str, str]:
    """Return the exit status and the output of a command that runs in a folder."""
    names = ("LD_LIBRARY_PATH", "PYTHONSAFEPATH")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment |= {"PYTHONPATH": str(ROOT), "MEDIAFP_CACHE": str(folder.parent / "cache"), "COLUMNS": "200"}
    done = subprocess.run(
        [*start, *map(str, arguments)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        errors="surrogateescape",
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("current") / "empty"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def trap(empty: Path) -> Path:
    return write_traps(empty.parent / "trap", package=True)


@pytest.fixture(scope="module")
def demo(empty: Path, trap: Path) -> Path:
    """Return the folder of a demo that was made among traps."""
    with OpenedFiles(trap) as opened:
        status, _, errors = run("demo", empty.parent / "demo", folder=trap)
        assert (status, opened.take()) == (0, set()), errors
    return empty.parent / "demo"


@pytest.mark.parametrize(
    "arguments",
    [
        ("match", "{demo}/seen/voice_over.mp4", "--json"),
        ("trace", "{demo}/seen/persona_avatar.jpg", "--json"),
        ("search", "lights", "--json"),
        ("transcribe", "{demo}/originals/narrated.mp4", "--json"),
        ("cluster", "--json"),
        ("report", "{demo}/../evidence.html", "--clips"),
        ("errors", "--json"),
        ("verify",),
        ("export", "jsonl"),
        ("models", "verify"),
        ("models", "list", "--json"),
        ("doctor",),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_commands_open_nothing_in_the_current_folder(
    arguments: tuple[str, ...], demo: Path, empty: Path, trap: Path
) -> None:
    results = []
    with OpenedFiles(trap) as opened:
        for folder in (empty, trap):
            named = [argument.format(demo=demo) for argument in arguments]
            status, output, errors = run("--store", demo / "store", *named, folder=folder)
            assert "Traceback" not in errors
            results.append((status, CHANGING.sub("", output)))
        assert opened.take() == set()
    assert results[0] == results[1]
    assert results[0][0] == 0


def test_ingest_opens_nothing_in_the_current_folder(demo: Path, empty: Path, trap: Path) -> None:
    results = []
    files = [demo / "seen" / name for name in ("voice_over.mp4", "screenshot.png", "sightings.csv")]
    with OpenedFiles(trap) as opened:
        for folder in (empty, trap):
            store = empty.parent / f"store-{folder.name}"
            assert run("--store", store, "ingest", "--dry-run", *files, folder=folder)[0] == 0
            results.append(run("--store", store, "ingest", *files, "--transcribe", "yes", "--json", folder=folder)[:2])
            assert run("--store", store, "search", "president", folder=folder)[0] == 0
        assert opened.take() == set()
    status, output = results[0]
    assert (status, sorted(CHANGING.sub("", output).splitlines())) == (
        results[1][0],
        sorted(CHANGING.sub("", results[1][1]).splitlines()),
    )
    assert status == 0


def test_a_module_start_imports_nothing_from_the_current_folder(empty: Path, tmp_path: Path) -> None:
    """Python itself puts the current folder first; only a package mediafp there is out of reach."""
    folder = write_traps(tmp_path / "trap", package=False)
    with OpenedFiles(folder) as opened:
        for command in (("--help",), ("models", "list"), ("doctor",)):
            status, _, errors = run(*command, folder=folder, start=(sys.executable, "-m", "mediafp"))
            assert (status, opened.take()) == (0, set()), errors


def test_a_file_that_is_named_is_opened_in_the_current_folder(demo: Path, trap: Path) -> None:
    shutil.copy(packaged_file(*PHOTOS["cat"]), trap / "named.png")
    with OpenedFiles(trap) as opened:
        status, output, errors = run("--store", demo / "store", "match", "named.png", "--json", folder=trap)
        assert opened.take() == {"named.png"}
    (trap / "named.png").unlink()
    assert status == 0 and '"copy"' in output, errors
