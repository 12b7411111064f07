"""SSCD copy-detection embeddings (Pizzi et al., A Self-Supervised Descriptor for Image Copy Detection, CVPR 2022)."""

import hashlib
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from mediafp.types.fingerprints import Metric
from mediafp.types.media import Pixels

INPUT_SIDE = 224
"""Input side, pixels; every picture is squashed to a square of it, so that pictures go in batches."""
BATCH_IMAGES = 8
HALF_QUALITY_STD = 12.0
"""Grey standard deviation at which quality reaches one half."""


class Sscd:
    """512 dimensions of unit length; `full` is Meta's ResNet-50 in int8, the other its distilled student."""

    metric: Metric = "cosine"
    columns = 512

    def __init__(self, name: str, model: Path, *, threads: int = 1) -> None:
        self.name = name
        self._model = model
        self._threads = threads

    @cached_property
    def version(self) -> str:
        """Input policy and the first digits of the model's SHA-256."""
        digest = hashlib.sha256(self._model.read_bytes()).hexdigest()
        return f"1-square{INPUT_SIDE}-{digest[:16]}"

    @cached_property
    def _session(self) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return ort.InferenceSession(str(self._model), options, providers=["CPUExecutionProvider"])

    def extract(self, images: list[Pixels]) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float32]]:
        """Unit vectors (N, 512) float16 and quality (N,), low for flat pictures."""
        if not images:
            return np.empty((0, self.columns), np.float16), np.empty(0, np.float32)
        batch = np.stack([resize_to_input(image) for image in images])
        name = self._session.get_inputs()[0].name
        rows = [
            self._session.run(None, {name: batch[n : n + BATCH_IMAGES]})[0] for n in range(0, len(batch), BATCH_IMAGES)
        ]
        # Every fourth pixel tells the spread as well, and costs a sixteenth.
        spread = batch[:, ::4, ::4].mean(axis=3, dtype=np.float32).std(axis=(1, 2))
        quality = (spread**2 / (spread**2 + HALF_QUALITY_STD**2)).astype(np.float32)
        return np.concatenate(rows).astype(np.float16), quality


def resize_to_input(image: Pixels) -> Pixels:
    """The picture as SIDE x SIDE pixels, area-averaged where it shrinks."""
    shrinks = image.shape[0] >= INPUT_SIDE and image.shape[1] >= INPUT_SIDE
    resized = cv2.resize(image, (INPUT_SIDE, INPUT_SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)
