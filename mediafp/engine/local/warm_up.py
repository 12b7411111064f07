"""Loading of everything that a worker needs before it enters the sandbox."""

import gc
import io
import os
import tempfile
from pathlib import Path

import av

# PyAV imports it at the first stream of subtitles, which behind the locks is too late.
import av.subtitles.codeccontext
import cv2
import numpy as np
from PIL import Image

from mediafp.engine import analysis
from mediafp.ingest.files import OpenFile
from mediafp.types.media import AUDIO_SAMPLE_RATE

_HEIC = Path(__file__).with_name("warm_up.heic")
"""64 x 48 pixels, written by scripts/heic_samples.py: nothing that is installed writes HEIF."""


def warm_up(*, text: bool = False) -> None:
    """Nothing; reads a little of everything, so that no model, decoder or module is left to be loaded behind the locks.

    Without `text` no text in pictures can be read: its models take a second and 150 MB.
    """
    cv2.setNumThreads(1)
    codecs = ("utf_16", "utf_16_le", "utf_16_be", "utf_32", "latin_1", "ascii", "cp1252", "cp437", "mac_roman", "idna")
    for name in (*codecs, "unicode_escape", "raw_unicode_escape", "gb18030", "shift_jis", "big5"):
        "".encode(name)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for form in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"):
        file = io.BytesIO()
        Image.fromarray(noise).save(file, form, **({"exif": Image.Exif()} if form == "JPEG" else {}))
        _read(file.getvalue(), "warm-up")
    _read(_HEIC.read_bytes(), "warm-up.heic")
    _read(_video_sample(), "warm-up.mp4")
    if text:
        _read(_text_sample(), "warm-up.png", text=True)
    # A resampler's threads go with it, and the locks close for a process of one thread alone.
    gc.collect()
    # What there is by now stays: later collections need not look at it.
    gc.freeze()


def _read(data: bytes, name: str, *, text: bool = False) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        with OpenFile(name, os.dup(file.fileno())) as opened:
            analysis.analyse_file(opened, "", audio=True, text=text)


def _text_sample() -> bytes:
    """A picture with a line of text, as a PNG."""
    image = np.full((96, 320, 3), 255, np.uint8)
    cv2.putText(image, "@warm_up", (10, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (0, 0, 0), 3)
    return bytes(cv2.imencode(".png", image)[1])


def _video_sample() -> bytes:
    """A second of moving noise with a tone, as an MP4."""
    file = io.BytesIO()
    moving = np.random.default_rng(1).integers(0, 256, (5, 64, 64, 3), np.uint8)
    tone = (8_000 * np.sin(np.arange(AUDIO_SAMPLE_RATE) / 9)).astype(np.int16)[None]
    with av.open(file, "w", format="mp4") as container:
        images = container.add_stream("mpeg4", rate=5)
        images.width = images.height = 64
        audio = container.add_stream("aac", rate=AUDIO_SAMPLE_RATE)
        for stream in (images, audio):
            stream.codec_context.thread_count = 1
        heard = av.AudioFrame.from_ndarray(tone, "s16", "mono")
        heard.sample_rate = AUDIO_SAMPLE_RATE
        for image in moving:
            container.mux(
                images.encode(av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuv420p", threads=1))
            )
        container.mux(audio.encode(heard))
        for stream in (images, audio):
            container.mux(stream.encode(None))
    return file.getvalue()
