"""Small media files for tests, and functions that decode them."""

import struct
import time
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from mediafp.ingest.cpu_budget import BudgetCheck, unlimited
from mediafp.ingest.files import open_file
from mediafp.ingest.open_media import open_media
from mediafp.types.errors import MediaError
from mediafp.types.media import DecodedMedia, Frame


def decode_whole(
    path: Path, within_budget: BudgetCheck = unlimited, **options: bool
) -> tuple[DecodedMedia, list[Frame]]:
    """Return the media of a file, decoded to its end, and its frames."""
    with open_file(path) as file:
        media = open_media(file, within_budget=within_budget, **options)
        assert media is not None
        return media, list(media.frames)


def rejection_of(path: Path) -> MediaError:
    """Return the error of a file that cannot be decoded, raised within two CPU seconds."""
    start = time.process_time()
    with pytest.raises(MediaError, match=path.name) as caught:
        decode_whole(path)
    assert time.process_time() - start < 2
    return caught.value


def write_gif(path: Path, count: int) -> Path:
    """Write an animation of frames of 16 x 16 pixels, each 0.1 s."""
    shots = [Image.new("L", (16, 16), 2 * n) for n in range(count)]
    shots[0].save(path, save_all=True, append_images=shots[1:], duration=100)
    return path


def write_video(path: Path, *shots: np.ndarray, codec: str = "mjpeg", form: str = "matroska", rate: int = 1) -> Path:
    """Write a video of these images, `rate` per second."""
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = shots[0].shape[:2]
        stream.pix_fmt = {"mjpeg": "yuvj420p", "zmbv": "bgr0"}.get(codec, "yuv420p")
        stream.codec_context.thread_count = 1
        for shot in shots:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shot, "rgb24")))
        container.mux(stream.encode(None))
    return path


def noise_frames(count: int, width: int = 64, height: int = 48) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [
        rng.integers(0, 256, (height // 4, width // 4, 3), np.uint8).repeat(4, 0).repeat(4, 1) for _ in range(count)
    ]


def png_chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG file."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
