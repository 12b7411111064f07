"""Loading of everything that a worker needs before it enters the sandbox."""

import gc
import io
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import AvifImagePlugin, Image

from mediafp.engine import analysis
from mediafp.ingest.files import OpenFile
from mediafp.ingest.open_media import open_media
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.text.ocr.video_text import VideoTextReader
from mediafp.types.media import AUDIO_SAMPLE_RATE, Frame, Pixels

IMAGE_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")
"""Pillow's names of the formats whose decoders are loaded by a file that Pillow writes."""
HEIC_SAMPLE = Path(__file__).with_name("warm_up.heic")
"""An image of 64 x 48 pixels, written by scripts/heic_samples.py: no installed library writes HEIF."""
TEXT_ENCODINGS = (
    *("utf_16", "utf_16_le", "utf_16_be", "utf_32", "latin_1", "ascii", "cp1252", "cp437", "mac_roman", "idna"),
    *("unicode_escape", "raw_unicode_escape", "gb18030", "shift_jis", "big5"),
)
"""Codecs of metadata texts and of names in archives."""


def warm_up(*, ocr: bool = False, all_types: bool = False, video: bool = False) -> None:
    """Analyse a small file of each kind, so that no model, decoder or module has to be loaded in the sandbox.

    Args:
        ocr: True to load the OCR models, which take a second and 150 MB. Without them the worker cannot run OCR.
        all_types: True to load the libraries of all fingerprint types, False for those of a query alone.
        video: True to load the decoders of videos and audio. Without them the worker can only analyse images.
    """
    cv2.setNumThreads(1)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    for name in TEXT_ENCODINGS:
        "".encode(name)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    # NumPy imports the module of masked arrays for its first median of floats, which the samples may not need.
    np.median(noise.astype(np.float32))
    for image_format in IMAGE_FORMATS:
        encoded = io.BytesIO()
        options = {"exif": Image.Exif()} if image_format == "JPEG" else {}
        Image.fromarray(noise).save(encoded, image_format, **options)
        _decode(encoded.getvalue(), "warm-up")
    _decode(HEIC_SAMPLE.read_bytes(), "warm-up.heic")
    _analyse(encoded.getvalue(), "warm-up", all_types=all_types)
    decode_thumbnail(encode_thumbnail(noise, noise.shape[0]))
    if video:
        _load_video_decoders(all_types=all_types)
    if ocr:
        _analyse(encode_png(_text_sample()), "warm-up.png", ocr=True)
        _read_text_on_screen()
    # The threads of a resampler end when it is collected, and only a process of one thread can enter the sandbox.
    gc.collect()
    # All objects so far are permanent: later collections need not traverse them.
    gc.freeze()


def _decode(data: bytes, name: str) -> None:
    """Decode an image with this content."""
    with open_sample(data, name) as opened:
        media = open_media(opened)
        assert media, "the samples are images"
        for _ in media.frames:
            pass


def _analyse(data: bytes, name: str, *, ocr: bool = False, all_types: bool = False) -> None:
    """Analyse a file with this content."""
    with open_sample(data, name) as opened:
        analysis.analyse_file(opened, "", ocr=ocr, reference_crops=all_types, matched_only=not all_types)


def open_sample(data: bytes, name: str) -> OpenFile:
    """Return an open file with this content."""
    if sys.platform == "linux":
        descriptor = os.memfd_create(name)
        os.write(descriptor, data)
        return OpenFile(name, descriptor)
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        return OpenFile(name, os.dup(file.fileno()))


def _load_video_decoders(*, all_types: bool) -> None:
    """Analyse a small video."""
    # PyAV imports this at the first stream of subtitles: in the sandbox that is too late.
    import_module("av.subtitles.codeccontext")
    # Read when a page shows frames, or audio is transcribed, and not in every analysis.
    import_module("mediafp.ingest.frames_at_times")
    import_module("mediafp.ingest.speech_audio")
    _analyse(
        video_sample(np.random.default_rng(1).integers(0, 256, (5, 64, 64, 3), np.uint8)),
        "warm-up.mp4",
        all_types=all_types,
    )


def _read_text_on_screen() -> None:
    """Read the text of a few frames."""
    reader = VideoTextReader()
    for n in range(3):
        reader.add(Frame(pixels=_text_sample(), start=float(n), end=n + 1.0), (120, 40))
    reader.finish()


def encode_png(image: Pixels) -> bytes:
    """Return an image as PNG."""
    return bytes(cv2.imencode(".png", image)[1])


def _text_sample() -> Pixels:
    """Return an image with a line of text."""
    image = np.full((40, 120, 3), 255, np.uint8)
    cv2.putText(image, "@warm_up", (5, 25), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1)
    return image


def video_sample(frames: npt.NDArray[np.uint8]) -> bytes:
    """Return frames (N, H, W, 3) for .2 s each, with a second of a tone, as an MP4 file."""
    import av

    encoded = io.BytesIO()
    tone = (8_000 * np.sin(np.arange(AUDIO_SAMPLE_RATE) / 9)).astype(np.int16)[None]
    with av.open(encoded, "w", format="mp4") as container:
        video = container.add_stream("mpeg4", rate=5)
        video.height, video.width = frames.shape[1:3]
        audio = container.add_stream("aac", rate=AUDIO_SAMPLE_RATE)
        for stream in (video, audio):
            stream.codec_context.thread_count = 1
        audio_frame = av.AudioFrame.from_ndarray(tone, "s16", "mono")
        audio_frame.sample_rate = AUDIO_SAMPLE_RATE
        for frame in frames:
            container.mux(
                video.encode(av.VideoFrame.from_ndarray(frame, "rgb24").reformat(format="yuv420p", threads=1))
            )
        container.mux(audio.encode(audio_frame))
        for stream in (video, audio):
            container.mux(stream.encode(None))
    return encoded.getvalue()
