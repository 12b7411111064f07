"""Versions of the libraries that this package owns."""


def transcription_versions() -> str:
    """Return the versions of faster-whisper and CTranslate2, and the device that they use."""
    # Both load on first use.
    import ctranslate2
    import faster_whisper

    devices = ctranslate2.get_cuda_device_count()
    device = f"{devices} GPU" if devices else "on the CPU"
    return f"{faster_whisper.__version__}, CTranslate2 {ctranslate2.__version__}, {device}"
