"""Loading of everything that a worker which compares stored assets needs before it enters the sandbox."""

import gc
from itertools import combinations

import cv2
import numpy as np

from mediafp.engine import analysis
from mediafp.engine.comparison.comparer import PairComparer
from mediafp.engine.comparison.messages import AssetAnswer, AssetRequest, PairTask
from mediafp.engine.comparison.packing import pack_rows, pack_track
from mediafp.engine.comparison.references import StoredRows
from mediafp.engine.local.warm_up import encode_png, open_sample, video_sample
from mediafp.fingerprints.frame_track import TYPE_NAME as TRACK_TYPE
from mediafp.fingerprints.frame_track import to_track
from mediafp.types.kept_matches import PROMISING
from mediafp.types.media import Pixels
from mediafp.types.runs import FileAnalysis

SAMPLE_FRAMES = 40
"""Frames of a sample, for eight seconds. Chosen, not measured."""


def warm_up_comparison() -> None:
    """Compare small images and videos with each other, so that no model or module has to be loaded in the sandbox."""
    cv2.setNumThreads(1)
    image = _image_sample()
    frames = np.stack([np.roll(image, 40 * (n // 5), axis=(0, 1)) for n in range(SAMPLE_FRAMES)])
    files = [
        encode_png(image),
        encode_png(image[20:180, 30:230]),
        video_sample(frames),
        video_sample(frames[5:]),
    ]
    analyses = {f"{number:064}": _analyse(f"{number:064}", data) for number, data in enumerate(files)}

    def answer(request: AssetRequest) -> AssetAnswer:
        return answer_from(analyses[request.sha256], request)

    comparer = PairComparer(answer)
    for a, b in combinations(analyses, 2):
        comparer.compare(PairTask(a=a, b=b, promise=PROMISING, rows=(0, 0), state=0))
    gc.collect()
    gc.freeze()


def _analyse(sha256: str, data: bytes) -> FileAnalysis:
    with open_sample(data, "warm-up") as opened:
        found = analysis.analyse_file(opened, sha256, reference_crops=True)
    assert found, "the samples are media"
    return found


def answer_from(one: FileAnalysis, request: AssetRequest) -> AssetAnswer:
    """Return a part of an asset from its analysis."""
    if request.part == "thumbnail":
        jpeg = next((found.jpeg for found in one.thumbnails if found.position == request.row), None)
        return AssetAnswer(data=jpeg)
    if request.part == "track":
        track = next((rows for rows in one.fingerprints if rows.type == TRACK_TYPE), None)
        return AssetAnswer(data=pack_track(to_track(track)) if track else None)
    return AssetAnswer(data=pack_rows(StoredRows.of(one.asset, one.fingerprints)))


def _image_sample() -> Pixels:
    """Return an image with many keypoints."""
    coarse = np.random.default_rng(2).integers(0, 256, (20, 26, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (260, 200), interpolation=cv2.INTER_CUBIC), np.uint8)
