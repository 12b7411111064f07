"""What mediafp needs, and whether it is here."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import ctranslate2
import cv2
import faster_whisper
import imageio_ffmpeg
import numpy as np
import onnxruntime

from mediafp.engine.local.pool import WorkerPool
from mediafp.engine.local.programs import find_ffmpeg
from mediafp.engine.local.sandbox import check_restrictions
from mediafp.ingest.files import OpenFile
from mediafp.store.libraries import faiss_version, is_sqlite_supported, sqlite_version
from mediafp.types import model_files
from mediafp.types.errors import MediafpError

MIN_FFMPEG_VERSION = (8, 1, 3)
"""The oldest FFmpeg that is let near untrusted files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentCheck:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str


def check_environment() -> Iterator[EnvironmentCheck]:
    """Findings on Python, libraries, model files and this machine."""
    yield EnvironmentCheck(name="Python", ok=sys.version_info >= (3, 12), detail=sys.version.split()[0])
    yield EnvironmentCheck(name="SQLite", ok=is_sqlite_supported(), detail=sqlite_version())
    ffmpeg = av.ffmpeg_version_info
    good = tuple(int(part) for part in re.findall(r"\d+", ffmpeg)[:3]) >= MIN_FFMPEG_VERSION
    yield EnvironmentCheck(name="PyAV", ok=good, detail=f"{av.__version__}, FFmpeg {ffmpeg} inside")
    yield EnvironmentCheck(name="OpenCV with SIFT", ok=hasattr(cv2, "SIFT_create"), detail=cv2.__version__)
    yield EnvironmentCheck(name="FAISS", ok=True, detail=faiss_version())
    devices = ctranslate2.get_cuda_device_count()
    yield EnvironmentCheck(
        name="faster-whisper",
        ok=True,
        detail=f"{faster_whisper.__version__}, CTranslate2 {ctranslate2.__version__}, "
        + (f"{devices} GPU" if devices else "on the CPU"),
    )
    yield EnvironmentCheck(name="ONNX Runtime", ok=True, detail=onnxruntime.__version__)
    yield _ffmpeg()
    for weight, state in model_files.check_model_files():
        good = state == "ok"
        detail = weight.version if good else f"{state}: {model_files.REINSTALL_HINT}"
        yield EnvironmentCheck(name=f"model {weight.name}", ok=good, detail=detail)
    for one in check_restrictions():
        yield EnvironmentCheck(name=f"lock: {one.name}", ok=one.available, detail=one.detail)
    yield _worker()
    yield EnvironmentCheck(name="cores", ok=True, detail=str(os.cpu_count()))


def _ffmpeg() -> EnvironmentCheck:
    """Whether the program that cuts clips starts behind the locks."""
    what = "ffmpeg, locked in, for clips"
    try:
        find_ffmpeg(sandboxed=True)
        return EnvironmentCheck(name=what, ok=True, detail=imageio_ffmpeg.get_ffmpeg_version())
    except MediafpError as error:
        return EnvironmentCheck(name=what, ok=False, detail=str(error))


def _worker() -> EnvironmentCheck:
    """Whether a worker locks itself in and reads a picture there."""
    what = "a picture read by a locked worker"
    try:
        with tempfile.TemporaryFile() as file, WorkerPool(Path(tempfile.gettempdir())) as workers:
            file.write(cv2.imencode(".png", np.zeros((32, 32, 3), np.uint8))[1].tobytes())
            file.flush()
            with OpenFile("doctor.png", os.dup(file.fileno())) as opened:
                workers.analyse(opened, "", "image")
    except MediafpError as error:
        return EnvironmentCheck(name=what, ok=False, detail=str(error))
    return EnvironmentCheck(name=what, ok=True, detail="done")
