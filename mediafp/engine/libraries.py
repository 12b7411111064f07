"""Versions of the libraries and programs that this package owns."""


def ffmpeg_program_version() -> str:
    """Return the version of the FFmpeg program."""
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_version())
