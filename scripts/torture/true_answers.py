"""Answers of workers about small valid files, recorded once. lies.py imports it; it is not a program."""

import wave
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image, ImageDraw

from mediafp.cli.demo.media import CLIPS, PHOTOS, packaged_file
from mediafp.engine.analysis import analyse_file
from mediafp.engine.local.packing import pack_analysis
from mediafp.ingest.files import open_file
from mediafp.types.media import AUDIO_SAMPLE_RATE, Kind

PHOTO_SIDE = 400
"""Longest side of the photographs, pixels."""
MAX_SAMPLES = 8 * AUDIO_SAMPLE_RATE
"""Samples of audio that are kept of an answer: eight seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Everything that a worker sends about a file: samples, thumbnails, and the result, as plain values that can be changed."""

    name: str
    kind: Kind
    samples: bytes
    thumbnails: list[bytes]
    result: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueAnswers:
    """The answers about one file: to an ingest, and to a query."""

    ingest: Answer
    query: Answer


def record_answers(folder: Path) -> list[TrueAnswers]:
    """Return the answers about an image with text, a crop of it, an animation, a video with sound and an audio file."""
    return [_record(path, kind) for path, kind in _write_files(folder)]


def _record(path: Path, kind: Kind) -> TrueAnswers:
    with open_file(path) as file:
        stored = analyse_file(file, "", reference_crops=True, ocr=True, audio=True)
        query = analyse_file(file, "", ocr=kind == "image", matched_only=True)
    assert stored and query
    short = tuple(replace(one, samples=one.samples[:MAX_SAMPLES]) for one in stored.audio)
    samples = b"".join(one.samples.astype("<i2").tobytes() for one in short)
    answers = []
    for analysis, image in ((replace(stored, audio=short), False), (query, kind == "image")):
        result = msgspec.to_builtins(pack_analysis(analysis, image=image, cpu=0.1), builtin_types=(bytes,))
        thumbnails = [thumbnail.jpeg for thumbnail in analysis.thumbnails]
        answers.append(Answer(name=path.name, kind=kind, samples=samples, thumbnails=thumbnails, result=result))
    # The query of a case without transcripts requests no audio.
    return TrueAnswers(
        ingest=answers[0],
        query=replace(answers[1], samples=b"", result=answers[1].result | {"audio": []}),
    )


def _write_files(folder: Path) -> Sequence[tuple[Path, Kind]]:
    photos = []
    for name in ("coffee", "temple", "cat"):
        photo = Image.open(packaged_file(*PHOTOS[name])).convert("RGB")
        photo.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
        photos.append(photo)
    ImageDraw.Draw(photos[0]).text((20, 20), "SEEN BY @sample_user88", font_size=28, fill="white")
    photos[0].save(folder / "photo.png")
    photos[0].crop((30, 10, 360, 240)).save(folder / "crop.jpg")
    photos[1].save(folder / "temple.jpg")
    frames = [photo.resize((160, 120)) for photo in photos]
    frames[0].save(folder / "animation.gif", save_all=True, append_images=frames[1:], duration=200)
    rng = np.random.default_rng(0)
    with wave.open(str(folder / "voice.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(AUDIO_SAMPLE_RATE)
        sound.writeframes(rng.integers(-9_000, 9_000, 3 * AUDIO_SAMPLE_RATE, np.int16).tobytes())
    return (
        (folder / "photo.png", "image"),
        (folder / "crop.jpg", "image"),
        (folder / "temple.jpg", "image"),
        (folder / "animation.gif", "image"),
        (packaged_file(*CLIPS["bunny"]), "video"),
        (packaged_file(*CLIPS["bikes"]), "video"),
        (folder / "voice.wav", "video"),
    )
