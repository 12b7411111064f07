"""CPU seconds in which the videos of a case are compared with each other, by their number: cases of 500 to 4,000 short videos.

    .venv/bin/python scripts/bench/video_scale.py [--sizes 500 1000 2000 4000] [--seed 1]

The rows of the videos are drawn from a seed, and `mediafp relate` compares them. A video shows `SCENES` scenes. The embeddings
of scenes have the normal distribution of the background set: two of them reach the score of a candidate in 2 of 100,000 pairs,
photographs in 5. Of every second `GROUP` videos, all are copies of one cut with noise; every fourth `INTRO_GROUP` of them begin
with the same scene; all others have nothing in common. Frame tracks and audio are generated, and their rows are computed by the
types themselves. Small textured images, which the videos draw from a stock of `STOCK`, are their thumbnails.

The cost of `mediafp relate` without anything to compare is subtracted. The last lines give the growth from each case to the
next and from the smallest to the largest one, which has a limit.
"""

import argparse
import hashlib
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import batched, pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from scale import run

from mediafp.fingerprints.registry import SEARCH_TYPE, computed_types, declarations
from mediafp.store import Store, open_store
from mediafp.types import model_files
from mediafp.types.fingerprint_types import AnyFingerprintType, no_rows
from mediafp.types.fingerprints import Fingerprint, TimedRows
from mediafp.types.media import AUDIO_SAMPLE_RATE, TRACK_SIDE, Asset, Audio, FrameTrack, Thumbnail
from mediafp.types.runs import IngestRecord
from mediafp.types.sightings import Sighting

SCENES, SCENE_SECONDS, TRACK_RATE = 6, 2.0, 5
"""Scenes of a video, seconds of each, and rows of a frame track per second."""
GROUP, INTRO_GROUP = 5, 10
"""Videos of a group of copies, and videos that begin with the same scene: a constant number, whatever the size of a case."""
COPY_NOISE = 0.4
"""Length of the noise that is added to the embedding of a copied scene, which leaves a cosine of .93."""
COPY_BITS = 0.05
"""Share of the bits of a hash that differ in a copied scene."""
GREY_NOISE, AUDIO_NOISE = 3.0, 0.1
"""Standard deviation of the noise of a copy: grey levels of its frame track, and share of the loudness of its audio."""
STOCK, THUMBNAIL_SIZE = 64, (192, 108)
BATCH = 250
"""Videos that are written in one transaction."""
MAX_EXPONENT = 1.15
"""Largest exponent of growth from the smallest case to the largest one."""

type FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """Content of two seconds of video, before the noise of a copy."""

    embedding: FloatArray
    hash_bits: npt.NDArray[np.bool_]
    thumbnail: int
    """Number of the thumbnail in the stock."""
    track: FloatArray
    """Grey frames (T, TRACK_SIDE, TRACK_SIDE)."""
    samples: FloatArray


class SceneMaker:
    """Scenes of unrelated content, each a function of a seed and a number."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        with np.load(model_files.model_path("background")) as background:
            rows = background[SEARCH_TYPE].astype(np.float32)
        self._mean = rows.mean(axis=0)
        self._deviations = (rows - self._mean) / np.sqrt(np.float32(len(rows)))
        self.stock = [self._make_thumbnail(number) for number in range(STOCK)]

    def rng(self, *numbers: int) -> np.random.Generator:
        """Return a generator of random numbers that belongs to some numbers."""
        return np.random.default_rng((self._seed, *numbers))

    def make_scene(self, *numbers: int) -> Scene:
        """Return the scene of some numbers."""
        rng = self.rng(*numbers)
        embedding = self._mean + rng.standard_normal(len(self._deviations), np.float32) @ self._deviations
        steps = int(SCENE_SECONDS * TRACK_RATE)
        texture = cv2.resize(rng.uniform(0, 255, (8, 8)).astype(np.float32), (2 * TRACK_SIDE, 2 * TRACK_SIDE))
        offsets = np.cumsum(rng.integers(0, 3, (steps, 2)), axis=0)
        return Scene(
            embedding=embedding / np.linalg.norm(embedding),
            hash_bits=rng.random(8 * 512) < 0.5,
            thumbnail=int(rng.integers(STOCK)),
            track=np.stack([np.roll(texture, tuple(shift), (0, 1))[:TRACK_SIDE, :TRACK_SIDE] for shift in offsets]),
            samples=make_audio(rng),
        )

    def _make_thumbnail(self, number: int) -> bytes:
        rng = self.rng(STOCK, number)
        layers = [rng.uniform(0, 255, (side, side * 2, 3)).astype(np.float32) for side in (3, 9, 27)]
        image = np.mean([cv2.resize(layer, THUMBNAIL_SIZE, interpolation=cv2.INTER_CUBIC) for layer in layers], axis=0)
        contrast = np.clip((image - 128) * 2 + 128, 0, 255).astype(np.uint8)
        return cv2.imencode(".jpg", contrast, [cv2.IMWRITE_JPEG_QUALITY, 70])[1].tobytes()


def make_audio(rng: np.random.Generator) -> FloatArray:
    """Return noise (N,) whose spectrum changes every eighth of a second, as that of speech and music does."""
    length = AUDIO_SAMPLE_RATE // 8
    blocks = int(SCENE_SECONDS * 8)
    levels = np.repeat(rng.exponential(1.0, (blocks, length // 32 + 1)) ** 2, 16, axis=1)[:, : length // 2 + 1]
    spectrum = levels * np.exp(2j * np.pi * rng.random(levels.shape))
    spectrum[:, 500:] = 0  # above 4 kHz
    samples = np.fft.irfft(spectrum, axis=1).reshape(-1)
    return np.asarray(samples / np.abs(samples).max(), np.float32)


def scene_numbers(video: int) -> tuple[tuple[int, ...], ...]:
    """Return the numbers of the scenes of a video."""
    group, intro_group = video // GROUP, video // INTRO_GROUP
    is_copy = group % 2 == 0
    scenes = [(1, group, n) if is_copy else (2, video, n) for n in range(SCENES)]
    if intro_group % 4 == 0:
        scenes[0] = 3, intro_group, 0
    return tuple(scenes)


def make_rows(
    type: AnyFingerprintType, scenes: list[Scene], track: FrameTrack, audio: Audio, rng: np.random.Generator
) -> TimedRows:
    """Return the rows of one type."""
    if type.consumes == "track":
        return type.extract(track)
    if type.consumes == "audio":
        return type.extract(audio)
    if type.consumes != "frames":
        return no_rows(type)
    starts = SCENE_SECONDS * np.arange(SCENES)
    spans, quality = np.stack([starts, starts + SCENE_SECONDS], axis=1), np.ones(SCENES, np.float32)
    if type.metric == "hamming":
        bits = np.stack([scene.hash_bits[: 8 * type.columns] for scene in scenes])
        return TimedRows(spans, np.packbits(bits ^ (rng.random(bits.shape) < COPY_BITS), axis=1), quality)
    noise = rng.standard_normal((SCENES, type.columns), np.float32)
    vectors = np.stack([scene.embedding for scene in scenes])
    vectors += COPY_NOISE * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return TimedRows(spans, (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16), quality)


def sha256_of(number: int) -> str:
    """Return the SHA-256 of a video."""
    return hashlib.sha256(f"{number}".encode()).hexdigest()


def make_video(maker: SceneMaker, number: int) -> IngestRecord:
    """Return the record of a video."""
    rng, scenes = maker.rng(0, number), [maker.make_scene(*numbers) for numbers in scene_numbers(number)]
    sha256 = sha256_of(number)
    frames = np.concatenate([scene.track for scene in scenes])
    frames += GREY_NOISE * rng.standard_normal(frames.shape, np.float32)
    edges = np.arange(len(frames) + 1) / TRACK_RATE
    samples = np.concatenate([scene.samples for scene in scenes])
    samples += AUDIO_NOISE * samples.std() * rng.standard_normal(samples.shape, np.float32)
    track = FrameTrack(spans=np.stack([edges[:-1], edges[1:]], axis=1), pixels=np.clip(frames, 0, 255).astype(np.uint8))
    audio = Audio(samples=np.clip(samples * 20_000, -32_768, 32_767).astype(np.int16), start=0.0)
    fingerprints = []
    for type in computed_types("video", reference_crops=False):
        rows = make_rows(type, scenes, track, audio, rng)
        fingerprints.append(
            Fingerprint(
                sha256=sha256,
                type=type.name,
                version=type.version,
                spans=rows.spans,
                vectors=rows.vectors,
                quality=rows.quality,
            )
        )
    thumbnails = tuple(
        Thumbnail(position=row, seconds=row * SCENE_SECONDS, jpeg=maker.stock[scene.thumbnail])
        for row, scene in enumerate(scenes)
    )
    width, height = THUMBNAIL_SIZE
    return IngestRecord(
        asset=Asset(
            sha256=sha256,
            kind="video",
            bytes=1_000_000,
            properties={"format": "mp4", "width": width, "height": height, "duration": SCENES * SCENE_SECONDS},
        ),
        sightings=(Sighting(sha256=sha256, uri=f"/made/{number}.mp4"),),
        fingerprints=tuple(fingerprints),
        thumbnails=thumbnails,
    )


def fill(store: Store, videos: Iterator[IngestRecord]) -> None:
    """Write videos to a store."""
    for batch in batched(videos, BATCH):
        with store.writing():
            for record in batch:
                store.add_record(record)


def measure(folder: Path, maker: SceneMaker, size: int) -> float:
    """Return the CPU seconds in which a case of this many videos is compared, and print them."""
    with open_store(folder, create=True) as store:
        fill(store, (make_video(maker, number) for number in range(size)))
        assert not store.check_integrity(declarations())
    compared = run(folder, "relate")
    nothing = run(folder, "relate")
    with open_store(folder) as store:
        kept = sum(1 for _ in store.kept_matches())
    seconds = compared.cpu - nothing.cpu
    print(
        f"{size} videos: {seconds:.1f} s CPU, {1000 * seconds / size:.1f} ms a video, {compared.mib:.0f} MiB;"
        f" {kept} kept matches; {nothing.cpu:.1f} s CPU with nothing to compare",
        flush=True,
    )
    return seconds


def main() -> None:
    """Print the figures of each case, and their growth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 1_000, 2_000, 4_000])
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    maker, seconds = SceneMaker(options.seed), {}
    for size in sorted(options.sizes):
        with tempfile.TemporaryDirectory() as scratch:
            seconds[size] = measure(Path(scratch) / "store", maker, size)
    smallest, largest = min(seconds), max(seconds)
    for small, large in dict.fromkeys([*pairwise(seconds), (smallest, largest)]):
        if small == large:
            break
        exponent = math.log(seconds[large] / seconds[small]) / math.log(large / small)
        limit = f", at most {MAX_EXPONENT}" if (small, large) == (smallest, largest) else ""
        print(f"growth from {small} to {large} videos: exponent {exponent:.2f}{limit}")


if __name__ == "__main__":
    main()
