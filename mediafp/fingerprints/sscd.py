"""SSCD copy-detection embeddings (Pizzi et al., A Self-Supervised Descriptor for Image Copy Detection, CVPR 2022)."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt

from mediafp.fingerprints.grey_levels import sample_grey_levels
from mediafp.types.arrays import Float32Array
from mediafp.types.fingerprints import Metric
from mediafp.types.media import Pixels
from mediafp.types.model_files import model_file, model_path

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, OrtValue

INPUT_SIDE: Final = 224
"""Side of the model's input, pixels, unless a type has another; every image is resized to this square, so that images can be
processed in batches."""
BATCH_IMAGES: Final = 4
"""Most images in one run of the model: of 1, 2, 4, 8 and 16, measured with equal results, it costs least; of 5 images, two
runs of 3 and 2 cost a twentieth less than of 4 and 1."""
CHANNEL_LEVELS: Final[Mapping[str, tuple[float, float, float]]] = {
    "pixel_mean": (0.485, 0.456, 0.406),
    "pixel_std": (0.229, 0.224, 0.225),
}
"""Mean and standard deviation of the channels (ImageNet, 0..1) by which the models normalise, by the names of their constants."""
HALF_QUALITY_STD: Final = 12.0
"""Standard deviation of the grey levels (0..255) at which quality is one half. Chosen, not measured."""


class Sscd:
    """Embeddings of 512 dimensions by one SSCD model: `sscd`, Meta's ResNet-50 in int8, or `sscd_distilled`, its student.

    The model is checked and loaded on first use. Embeddings of inputs of different sides are comparable: what an image shows at
    the size at which another one shows it resembles that most.
    """

    consumes: Literal["frames"] = "frames"
    metric: Metric = "cosine"
    columns = 512
    max_rows = None

    def __init__(self, name: str, side: int = INPUT_SIDE) -> None:
        """Create the type of a model, by whose name it is called, for inputs of some side in pixels."""
        self.name, self.side = name, side

    @cached_property
    def version(self) -> str:
        """Size of the input and first digits of the model's SHA-256. Raises ModelError if the model is unusable."""
        model_path(self.name)
        return f"1-square{self.side}-{model_file(self.name).sha256[:16]}"

    @cached_property
    def _channel_rows(self) -> "dict[str, OrtValue]":
        """Constants of the normalisation, repeated for a row of pixels (side, 3).

        The session reads them as long as it lives. By its own constants (3,), the runtime computes 3 values at a time, which
        takes 29 % of a run; the results are equal.
        """
        from onnxruntime import OrtValue

        return {
            name: OrtValue.ortvalue_from_numpy(np.tile(np.array(levels, np.float32) * np.float32(255), (self.side, 1)))
            for name, levels in CHANNEL_LEVELS.items()
        }

    @cached_property
    def _session(self) -> "InferenceSession":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # Parallelism is across files: one process for each core.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        for name, value in self._channel_rows.items():
            options.add_initializer(name, value)
        return onnxruntime.InferenceSession(str(model_path(self.name)), options, providers=["CPUExecutionProvider"])

    def extract(self, images: list[Pixels]) -> tuple[npt.NDArray[np.float16], Float32Array]:
        """Return unit vectors (N, 512) and quality (N,), which is low for flat images."""
        if not images:
            return np.empty((0, self.columns), np.float16), np.empty(0, np.float32)
        batch = np.stack([resize_to_input(image, self.side) for image in images])
        input_name = self._session.get_inputs()[0].name
        parts = np.array_split(batch, -(-len(batch) // BATCH_IMAGES))
        rows = [self._session.run(None, {input_name: part})[0] for part in parts]
        deviation = sample_grey_levels(batch).std(axis=(1, 2))
        quality = (deviation**2 / (deviation**2 + HALF_QUALITY_STD**2)).astype(np.float32)
        return np.concatenate(rows).astype(np.float16), quality


def resize_to_input(image: Pixels, side: int) -> Pixels:
    """Return the image as side x side pixels: averaged over areas if both sides shrink, else interpolated."""
    import cv2

    shrinks = image.shape[0] >= side and image.shape[1] >= side
    resized = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)
