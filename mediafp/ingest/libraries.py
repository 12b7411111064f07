"""Versions of the libraries that this package owns."""

import re

MIN_FFMPEG_VERSION = (8, 1, 3)
"""Oldest FFmpeg that decodes untrusted files: its decoders contain the security fixes of that release."""


def pyav_version() -> str:
    """Return the version of PyAV."""
    # PyAV loads on first use.
    import av

    return av.__version__


def ffmpeg_version() -> str:
    """Return the version of the FFmpeg libraries in PyAV."""
    import av

    return av.ffmpeg_version_info


def is_ffmpeg_supported() -> bool:
    """Return True if the FFmpeg libraries are new enough for untrusted files."""
    return tuple(int(part) for part in re.findall(r"\d+", ffmpeg_version())[:3]) >= MIN_FFMPEG_VERSION
