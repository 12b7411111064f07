"""Small copies of videos that a browser plays, made by FFmpeg: WebM on the clock of the original."""

import os
from typing import Any, BinaryIO, Final

from mediafp.engine.local.clip_filters import CLIP_FRAME_RATE, CLIP_SAMPLE_RATE, SOURCE_LIMITS, THREADS
from mediafp.engine.local.clips import FfmpegRunner
from mediafp.ingest.files import OpenFile, changed_file_error
from mediafp.ingest.limits import MAX_CPU_SECONDS
from mediafp.ingest.sniff import kind_from_signature
from mediafp.types.errors import UnsupportedMedia
from mediafp.types.media import Asset

PREVIEW_HEIGHT: Final = 240
"""Height of a preview, pixels. Chosen, not measured: players stand beside each other at 500 pixels of width."""
MAX_PREVIEW_WIDTH: Final = 854
"""Width of a preview, pixels, at most. Chosen, not measured."""
MAX_PREVIEW_SECONDS: Final = 1800.0
"""Seconds of a video of which a preview is made. Chosen, not measured: a longer one is shown frame by frame."""
KEY_FRAME_INTERVAL: Final = CLIP_FRAME_RATE
"""Frames from one key frame to the next: players go to any time at once."""
VIDEO_BIT_RATE: Final = 500_000
"""Bits per second of the frames. Chosen, not measured."""
ENCODER_THREADS: Final = 1
"""Threads of the encoder. 10 s of 640 x 272 take 0.8 CPU seconds with one, 2.7 with two, which wait for each other."""
CPU_USED: Final = 8
"""Speed of libvpx in its mode `realtime`. SSIM of the same 10 s: .980 at 8; .941 at 16, in 0.35 CPU seconds."""
CPU_SECONDS_TO_START: Final = 20.0
"""CPU seconds allowed whatever the length. Chosen, not measured."""
CPU_SECONDS_PER_SECOND: Final = 6.0
"""Further CPU seconds allowed per second of the video: 720p takes 0.12; the rest is for decoders of 8K."""
BYTES_PER_SECOND: Final = 1 << 18
"""Bytes that a preview may have per second, and at the least: real ones have 60,000."""


def make_preview(file: OpenFile, asset: Asset, output: BinaryIO, *, run_ffmpeg: FfmpegRunner) -> None:
    """Write the preview of a video or of audio, whose times are those of the original.

    Args:
        file: The open original.
        asset: What is known of it.
        output: Empty file.
        run_ffmpeg: Runs FFmpeg.

    Raises:
        MediaError: FFmpeg failed, the file is an animated image or too long, or it was changed meanwhile.
    """
    seconds = float(asset.properties.get("duration") or 0.0)
    if kind_from_signature(file.read_head()) == "image":
        raise UnsupportedMedia("it is an animated image, which FFmpeg is not given")
    if seconds > MAX_PREVIEW_SECONDS:
        raise UnsupportedMedia(f"it is longer than {MAX_PREVIEW_SECONDS / 60:.0f} minutes")
    # The file position is shared with earlier readers of the descriptor.
    os.lseek(file.descriptor, 0, os.SEEK_SET)
    run_ffmpeg(
        preview_arguments(asset, file.descriptor, output.fileno()),
        descriptors=(file.descriptor, output.fileno()),
        cpu_seconds=min(CPU_SECONDS_TO_START + CPU_SECONDS_PER_SECOND * seconds, MAX_CPU_SECONDS),
        file_bytes=int(BYTES_PER_SECOND * (seconds + 10)),
    )
    if file.has_changed():
        raise changed_file_error(file)


def preview_arguments(asset: Asset, source: int, output: int) -> list[str]:
    """Return the command line of FFmpeg, which reads and writes open files only.

    Args:
        asset: What is known of the original.
        source: Descriptor of the original.
        output: Descriptor of the preview.
    """
    import ffmpeg

    opened = ffmpeg.input("fd:", fd=source, **SOURCE_LIMITS)
    streams: list[Any] = []
    if asset.properties.get("width"):
        # At each time the frame that the original shows then, from 0 on.
        frames = opened["V"].filter("fps", CLIP_FRAME_RATE, start_time=0, round="up")
        width = f"max(16,min({MAX_PREVIEW_WIDTH},2*trunc({PREVIEW_HEIGHT // 2}*dar)))"
        streams.append(frames.filter("scale", width, PREVIEW_HEIGHT).filter("setsar", 1).filter("format", "yuv420p"))
    if asset.properties.get("has_sound") is True:
        sound = opened["a:0"].filter("aresample", CLIP_SAMPLE_RATE, **{"async": 1, "first_pts": 0})
        streams.append(sound.filter("aformat", channel_layouts="mono"))
    encoding = {
        "format": "webm", "vcodec": "libvpx", "acodec": "libopus", "deadline": "realtime", "cpu-used": CPU_USED,
        "video_bitrate": VIDEO_BIT_RATE, "audio_bitrate": 48_000, "g": KEY_FRAME_INTERVAL,
    }  # fmt: skip
    arguments: list[str] = ffmpeg.output(*streams, "fd:", fd=output, threads=ENCODER_THREADS, **encoding).get_args()
    return ["-nostdin", "-loglevel", "error", "-filter_complex_threads", str(THREADS), *arguments]
