"""Versions of the libraries that this package owns."""


def transcription_versions() -> str:
    """Return the versions of faster-whisper and CTranslate2, and the device that they use."""
    # Both load on first use.
    import ctranslate2
    import faster_whisper

    devices = ctranslate2.get_cuda_device_count()
    device = f"{devices} GPU" if devices else "on the CPU"
    return f"{faster_whisper.__version__}, CTranslate2 {ctranslate2.__version__}, {device}"


def sense_voice_state() -> tuple[bool, str]:
    """Return whether SenseVoice models can be run, with the version of sherpa-onnx, or the command that installs it."""
    from importlib.metadata import version

    from mediafp.text.speech.sense_voice_model import INSTALL_COMMAND, has_sherpa

    if has_sherpa():
        return True, version("sherpa-onnx")
    return False, f"only for --model sensevoice:FOLDER; install it with: {INSTALL_COMMAND}"
