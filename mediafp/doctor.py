"""What mediafp needs, and whether it is here."""

import os
import re
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import ctranslate2
import cv2
import faiss
import faster_whisper
import imageio_ffmpeg
import numpy as np
import onnxruntime

from mediafp import weights
from mediafp.errors import MediafpError
from mediafp.ingest.probe import OpenFile
from mediafp.ingest.sandbox import available
from mediafp.workers.program import find_ffmpeg
from mediafp.workers.supervisor import Workers

SAFE_FFMPEG = (8, 1, 3)
"""The oldest FFmpeg that is let near untrusted files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    what: str
    good: bool
    detail: str


def examine() -> Iterator[Finding]:
    """Findings on Python, libraries, model files and this machine."""
    yield Finding(what="Python", good=sys.version_info >= (3, 12), detail=sys.version.split()[0])
    yield Finding(what="SQLite", good=sqlite3.sqlite_version_info >= (3, 37), detail=sqlite3.sqlite_version)
    ffmpeg = av.ffmpeg_version_info
    good = tuple(int(part) for part in re.findall(r"\d+", ffmpeg)[:3]) >= SAFE_FFMPEG
    yield Finding(what="PyAV", good=good, detail=f"{av.__version__}, FFmpeg {ffmpeg} inside")
    yield Finding(what="OpenCV with SIFT", good=hasattr(cv2, "SIFT_create"), detail=cv2.__version__)
    yield Finding(what="FAISS", good=True, detail=faiss.__version__)
    devices = ctranslate2.get_cuda_device_count()
    yield Finding(
        what="faster-whisper",
        good=True,
        detail=f"{faster_whisper.__version__}, CTranslate2 {ctranslate2.__version__}, "
        + (f"{devices} GPU" if devices else "on the CPU"),
    )
    yield Finding(what="ONNX Runtime", good=True, detail=onnxruntime.__version__)
    yield _ffmpeg()
    for weight, state in weights.verify():
        good = state == "ok"
        detail = weight.version if good else f"{state}: {weights.MEND}"
        yield Finding(what=f"model {weight.name}", good=good, detail=detail)
    for one in available():
        yield Finding(what=f"lock: {one.name}", good=one.holds, detail=one.detail)
    yield _worker()
    yield Finding(what="cores", good=True, detail=str(os.cpu_count()))


def _ffmpeg() -> Finding:
    """Whether the program that cuts clips starts behind the locks."""
    what = "ffmpeg, locked in, for clips"
    try:
        find_ffmpeg(locked=True)
        return Finding(what=what, good=True, detail=imageio_ffmpeg.get_ffmpeg_version())
    except MediafpError as error:
        return Finding(what=what, good=False, detail=str(error))


def _worker() -> Finding:
    """Whether a worker locks itself in and reads a picture there."""
    what = "a picture read by a locked worker"
    try:
        with tempfile.TemporaryFile() as file, Workers(Path(tempfile.gettempdir())) as workers:
            file.write(cv2.imencode(".png", np.zeros((32, 32, 3), np.uint8))[1].tobytes())
            file.flush()
            with OpenFile("doctor.png", os.dup(file.fileno())) as opened:
                workers.read(opened, "", "image")
    except MediafpError as error:
        return Finding(what=what, good=False, detail=str(error))
    return Finding(what=what, good=True, detail="done")
