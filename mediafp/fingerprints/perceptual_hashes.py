"""pHash and dHash by the package ImageHash, for the exchange of hashes with other tools.

`bytes.hex` of a row is the text form of ImageHash. Matching does not compare these types: PDQ and SSCD find more.
"""

from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt

from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.fingerprints import Metric
from mediafp.types.media import Pixels

if TYPE_CHECKING:
    from PIL.Image import Image

HASH_BYTES = 8
"""Bytes of a hash of 8 x 8 bits, the default of ImageHash."""


PHASH_SIDE: Final = 32
"""Pixels of a side of the grey image that pHash transforms, the default of ImageHash."""


class PerceptualHash:
    """Hashes of 64 bits of one kind; quality is always 1, since these hashes have no measure of it.

    A hash is that of the decoded image at full size: 1.1 ms for both kinds at 480 x 360 pixels, 16 ms at 2,000 x 1,500. If the
    grey image is mirror-symmetric, half of the coefficients of pHash are zero; those of ImageHash have rounding errors, by
    which their bits are chance.
    """

    version = "1"
    consumes: Literal["frames"] = "frames"
    metric: Metric = "hamming"
    columns = HASH_BYTES
    max_rows = None

    def __init__(self, name: Literal["phash", "dhash"]) -> None:
        self.name = name

    def extract(self, images: list[Pixels]) -> tuple[npt.NDArray[np.uint8], Float32Array]:
        """Return packed bits (N, 8) and quality (N,)."""
        # A query saves the import.
        import imagehash
        from PIL import Image

        compute = _phash_bits if self.name == "phash" else lambda image: imagehash.dhash(image).hash
        rows = [np.packbits(compute(Image.fromarray(image)).ravel()) for image in images]
        return np.array(rows, np.uint8).reshape(-1, self.columns), np.ones(len(rows), np.float32)


def _phash_bits(image: "Image") -> npt.NDArray[np.bool_]:
    """Return the bits (8, 8) of pHash, as ImageHash does by SciPy, whose import takes .2 CPU seconds of each worker."""
    from PIL.Image import Resampling

    small = image.convert("L").resize((PHASH_SIDE, PHASH_SIDE), Resampling.LANCZOS)
    # Rounding errors of what is zero, in flat and symmetric images, would be bits.
    low = np.round(_LOW_ORDERS @ np.asarray(small, np.float64) @ _LOW_ORDERS.T, 6)
    return np.asarray(low > np.median(low))


_LOW_ORDERS: Final[Float64Array] = np.cos(np.pi * np.outer(np.arange(8), (np.arange(PHASH_SIDE) + 0.5) / PHASH_SIDE))
"""Cosine transform (orders, pixels) of the orders that pHash compares."""
