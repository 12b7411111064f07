"""SECURITY.md: each promise has a test, its lists and numbers equal the code, and no command opens a connection."""

import re
import signal
import subprocess
import sys
from pathlib import Path
from shutil import copy

import numpy as np
import pytest
from documents import ROOT, constants, number, read, sections
from small_case import SPEECH, write_images

from mediafp.cli.demo.voice import synthesise_speech

DOCUMENT = "SECURITY.md"
NO_CONNECTIONS = """
import os, sys
import pyseccomp

calls = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
calls.add_rule(pyseccomp.KILL_PROCESS, "connect")
calls.load()
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""A program that starts Python in a process that the kernel ends if it, or a child, connects to anything.

Creating a socket is permitted: urllib3, which rapidocr imports, creates one to find out whether there is IPv6.
"""

EVERYTHING = """
import sys
from pathlib import Path

import mediafp
from mediafp.types.runs import AnalysisOptions, IngestOptions, SpeechOptions

files, speech = Path(sys.argv[1]), SpeechOptions()
with mediafp.open(files.parent / "case", create=True) as case:
    outcomes = list(case.ingest([files], IngestOptions(jobs=1, analysis=AnalysisOptions(speech=speech))))
    assert [outcome.status for outcome in outcomes].count("added") == 3, outcomes
    assert all(result.matches for result in case.match([files / "crop.jpg", files.parent / "again.wav"], speech=speech))
    assert list(case.search("president"))
    case.report(files.parent / "evidence.html", clips=False)
"""
"""Decoding, fingerprints, OCR, speech recognition, matching, search and a report."""


def promises() -> dict[str, str]:
    return {heading: text for heading, text in sections(read(DOCUMENT)).items() if re.match(r"\d+\. ", heading)}


def only(folder: str, name: str) -> object:
    (value,) = set(constants(folder, name).values())
    return value


def test_security_has_eleven_promises() -> None:
    assert [int(heading.split(".")[0]) for heading in promises()] == list(range(1, 12))


@pytest.mark.parametrize("heading", promises())
def test_each_promise_names_tests_that_exist(heading: str) -> None:
    tests_line = re.search(r"^Tests: (.*?)\.\n\n", promises()[heading] + "\n", re.MULTILINE | re.DOTALL)
    assert tests_line, "no line 'Tests: …'"
    named = re.findall(r"`([^`]+)`", tests_line[1])
    assert any(name.startswith("test_") for name in named)
    for name in named:
        paths = list((ROOT / "tests").rglob(name)) if name.startswith("test_") else [ROOT / name]
        assert len(paths) == 1 and paths[0].is_file(), name


def test_lists_equal_the_code() -> None:
    text = re.sub(r"\s+", " ", read(DOCUMENT))
    formats = re.search(r"accepts these image formats: ([\w, ]+)\.", text)
    assert formats and tuple(formats[1].split(", ")) == only("ingest/", "ALLOWED_FORMATS")
    assert f"`{only('ingest/', 'ALLOWED_DEMUXERS')}`" in text


def test_numbers_equal_the_code() -> None:
    text = re.sub(r"\s+", " ", read(DOCUMENT))
    calls = only("engine/", "ALLOWED_SYSCALLS")
    for pattern, value in (
        (r"more than ([\d,]+ MiB) of memory", only("ingest/", "MAX_WORKER_MEMORY_BYTES")),
        (r"except the (\d+) in `ALLOWED_SYSCALLS`", len(calls.split() if isinstance(calls, str) else tuple(calls))),
        (r"reads at most (\d+) files", only("engine/", "MAX_FILES_PER_WORKER")),
        (r"up to (\d+ MiB) each", only("sightings/", "MAX_SIDECAR_BYTES")),
    ):
        stated = re.search(pattern, text)
        assert stated and number(stated[1]) == value, pattern


def without_connections(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", NO_CONNECTIONS, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is a feature of Linux")
def test_mediafp_opens_no_connection(tmp_path: Path, photos: dict[str, np.ndarray]) -> None:
    control = without_connections("-c", "import socket; socket.create_connection(('127.0.0.1', 9))", folder=tmp_path)
    assert control.returncode == -signal.SIGSYS
    files = tmp_path / "files"
    write_images(files, photos["cat"])
    synthesise_speech(SPEECH, files / "talk.wav")
    copy(files / "talk.wav", tmp_path / "again.wav")
    done = without_connections("-c", EVERYTHING, files, folder=tmp_path)
    assert done.returncode == 0, done.stderr
