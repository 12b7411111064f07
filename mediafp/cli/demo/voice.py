"""A synthetic voice for the demo and the tests: eSpeak NG, as its package ships it."""

import ctypes
import importlib.util
import multiprocessing
import wave
from pathlib import Path
from typing import Any

import numpy as np

from mediafp.types.errors import UsageError

RETRIEVAL, UTF8, WORDS_PER_MINUTE = 2, 1, 1
"""Constants of eSpeak NG's speak_lib.h: sound is handed over, text is UTF-8, the parameter of speed."""


def synthesise_speech(text: str, file: Path, *, voice: str = "en-us", speed: int = 150) -> None:
    """Reads an English text into a WAV file, at so many words a minute. Raises UsageError without the package.

    The library keeps its state and may end the process it is in: it gets one of its own.
    """
    if importlib.util.find_spec("espeakng_loader") is None:
        raise UsageError(
            "the demo's voice needs the package espeakng-loader; install mediafp with its extra: mediafp[demo]"
        )
    worker = multiprocessing.get_context("spawn").Process(target=_speak, args=(text, file, voice, speed))
    worker.start()
    worker.join()
    if worker.exitcode:
        raise UsageError(f"the demo's voice {voice!r} could not read into {file}")


def _speak(text: str, file: Path, voice: str, speed: int) -> None:
    import espeakng_loader

    library: Any = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = library.espeak_Initialize(RETRIEVAL, 0, espeakng_loader.get_data_path().encode(), 0)
    blocks: list[np.ndarray] = []

    def take(samples: Any, count: int, _events: Any) -> int:
        if samples and count:
            blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    form: Any = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
    # Named, since the library keeps the address alone.
    callback = form(take)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(voice.encode()):
        raise SystemExit(1)
    library.espeak_SetParameter(WORDS_PER_MINUTE, speed, 0)
    spoken = text.encode()
    library.espeak_Synth(spoken, len(spoken) + 1, 0, 1, 0, UTF8, None, None)
    library.espeak_Synchronize()
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.concatenate(blocks).astype("<i2").tobytes())
