"""Checks of the libraries, the model files and the sandbox on this machine."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mediafp.case.engines import new_engine, sandbox_restrictions
from mediafp.case.models import list_cached_models
from mediafp.engine.libraries import ffmpeg_program_version
from mediafp.fingerprints.libraries import onnxruntime_version
from mediafp.ingest.files import OpenFile
from mediafp.ingest.libraries import ffmpeg_version, is_ffmpeg_supported, pyav_version
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.matching.libraries import has_sift, opencv_version
from mediafp.store.libraries import faiss_version, is_sqlite_supported, sqlite_version
from mediafp.text.speech.libraries import sense_voice_state, transcription_versions
from mediafp.types.errors import MediafpError
from mediafp.types.model_files import check_model_files

MIN_PYTHON_VERSION = (3, 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentCheck:
    """One requirement, and whether this machine meets it."""

    name: str
    ok: bool
    detail: str
    """The version, or the reason why the requirement is not met."""
    is_required: bool = True
    """False if most of the program works without it."""


def check_environment() -> Iterator[EnvironmentCheck]:
    """Yield a check of everything that the program needs."""
    yield EnvironmentCheck(name="Python", ok=sys.version_info >= MIN_PYTHON_VERSION, detail=sys.version.split()[0])
    yield EnvironmentCheck(name="SQLite", ok=is_sqlite_supported(), detail=sqlite_version())
    detail = f"{pyav_version()}, with FFmpeg {ffmpeg_version()}"
    yield EnvironmentCheck(name="PyAV", ok=is_ffmpeg_supported(), detail=detail)
    yield EnvironmentCheck(name="OpenCV with SIFT", ok=has_sift(), detail=opencv_version())
    yield EnvironmentCheck(name="FAISS", ok=True, detail=faiss_version())
    yield EnvironmentCheck(name="faster-whisper", ok=True, detail=transcription_versions())
    yield from check_speech_models()
    yield EnvironmentCheck(name="ONNX Runtime", ok=True, detail=onnxruntime_version())
    yield _try("sandboxed FFmpeg, for clips", _start_ffmpeg)
    for file, state in check_model_files():
        detail = file.version if state == "ok" else f"{state}; {file.hint(state)}"
        yield EnvironmentCheck(name=f"model {file.name}", ok=state == "ok", detail=detail)
    for restriction in sandbox_restrictions():
        yield EnvironmentCheck(
            name=f"sandbox: {restriction.name}",
            ok=restriction.available,
            detail=restriction.detail,
            is_required=restriction.required,
        )
    yield _try("analysis of an image in a sandboxed worker", _analyse_image)
    yield EnvironmentCheck(name="cores", ok=True, detail=str(os.cpu_count()))


def check_speech_models() -> Iterator[EnvironmentCheck]:
    """Yield a check of what SenseVoice models need, and of each speech model in the Hugging Face cache."""
    has_sense_voice, detail = sense_voice_state()
    yield EnvironmentCheck(name="sherpa-onnx, for SenseVoice", ok=has_sense_voice, detail=detail, is_required=False)
    for model in list_cached_models():
        yield EnvironmentCheck(
            name=f"speech model {model.name}",
            ok=True,
            detail=f"{model.version[:12]}, in {model.source}",
            is_required=False,
        )


def _try(name: str, action: Callable[[], str]) -> EnvironmentCheck:
    """Return a check that is met if an action raises no error; its result is the detail."""
    try:
        return EnvironmentCheck(name=name, ok=True, detail=action())
    except MediafpError as error:
        return EnvironmentCheck(name=name, ok=False, detail=str(error))


def _start_ffmpeg() -> str:
    new_engine(Path(tempfile.gettempdir())).clip_cutter()
    return ffmpeg_program_version()


def _analyse_image() -> str:
    with tempfile.TemporaryFile() as file, new_engine(Path(tempfile.gettempdir())) as engine:
        file.write(encode_thumbnail(np.zeros((32, 32, 3), np.uint8), 32))
        file.flush()
        with OpenFile("doctor.jpg", os.dup(file.fileno())) as opened:
            engine.analyse(opened, "", "image")
    return "done"
