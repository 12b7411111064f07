"""What mediafp needs, and whether it is here."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import av
import ctranslate2
import cv2
import faiss
import faster_whisper
import imageio_ffmpeg
import onnxruntime

from mediafp import weights


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
    codec = ".".join(map(str, av.library_versions["libavcodec"]))
    yield Finding(what="PyAV", good=True, detail=f"{av.__version__}, libavcodec {codec}")
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
    try:
        yield Finding(what="ffmpeg (for clips)", good=True, detail=imageio_ffmpeg.get_ffmpeg_version())
    except RuntimeError as error:
        yield Finding(what="ffmpeg (for clips)", good=False, detail=str(error))
    for weight, state in weights.verify():
        good = state == "ok"
        detail = weight.version if good else f"{state}: {weights.MEND}"
        yield Finding(what=f"model {weight.name}", good=good, detail=detail)
    yield Finding(what="cores", good=True, detail=str(os.cpu_count()))
