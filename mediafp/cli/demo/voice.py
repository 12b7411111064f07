"""Synthetic speech for the demo and the tests, by eSpeak NG as the package espeakng-loader contains it."""

import ctypes
import importlib.util
import multiprocessing
import wave
from pathlib import Path
from typing import Any, Final

import numpy as np

from mediafp.types.errors import UsageError

OUTPUT_RETRIEVAL: Final = 2
"""`AUDIO_OUTPUT_SYNCHRONOUS` of eSpeak NG's speak_lib.h: samples are passed to a callback."""
CHARS_UTF8: Final = 1
"""`espeakCHARS_UTF8` of speak_lib.h."""
PARAMETER_RATE: Final = 1
"""`espeakRATE` of speak_lib.h: words per minute."""


def synthesise_speech(text: str, file: Path, *, voice: str = "en-us", speed: int = 150) -> None:
    """Write an English text as speech to a WAV file.

    Args:
        text: The text to speak.
        file: The WAV file to write.
        voice: Name of an eSpeak NG voice.
        speed: Words per minute.

    Raises:
        UsageError: The package is missing, or the library fails.
    """
    if importlib.util.find_spec("espeakng_loader") is None:
        raise UsageError(
            "cannot synthesise speech: the package espeakng-loader is missing; install mediafp with its extra:"
            " pip install 'mediafp[demo]'"
        )
    # The library keeps global state and may end its process: it runs in a process of its own.
    process = multiprocessing.get_context("spawn").Process(target=_speak, args=(text, file, voice, speed))
    process.start()
    process.join()
    if process.exitcode:
        raise UsageError(f"cannot synthesise speech to '{file}': eSpeak NG failed; check the voice {voice!r}")


def _speak(text: str, file: Path, voice: str, speed: int) -> None:
    import espeakng_loader

    library: Any = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = library.espeak_Initialize(OUTPUT_RETRIEVAL, 0, espeakng_loader.get_data_path().encode(), 0)
    blocks: list[np.ndarray] = []

    def collect(samples: Any, count: int, _events: Any) -> int:
        if samples and count:
            blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    signature: Any = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
    # In a variable: the library stores the address alone, and does not keep the object alive.
    callback = signature(collect)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(voice.encode()):
        raise SystemExit(1)
    library.espeak_SetParameter(PARAMETER_RATE, speed, 0)
    encoded = text.encode()
    library.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, CHARS_UTF8, None, None)
    library.espeak_Synchronize()
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.concatenate(blocks).astype("<i2").tobytes())
