"""Fingerprints of a set by imagededup, for peers.py; runs only in an interpreter that can import imagededup.

    PYTHON scripts/bench/peers_imagededup.py METHOD SET OUT.npz

METHOD is a class of imagededup.methods. OUT contains `references` (R, width) and `queries` (Q, 2, width; unchanged and
mirrored), both in the order of the file names, and `rate`, references per second with decoding.
"""

import sys
import time
from pathlib import Path

import numpy as np
from imagededup import methods
from PIL import Image, ImageOps


def main() -> None:
    """Write OUT."""
    method, folder, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    encoder = getattr(methods, method)(verbose=False)

    def encode(image: Image.Image) -> np.ndarray:
        code = encoder.encode_image(image_array=np.asarray(image))
        return np.frombuffer(bytes.fromhex(code), np.uint8) if isinstance(code, str) else np.asarray(code).reshape(-1)

    def load_image(path: Path) -> Image.Image:
        with Image.open(path) as image:
            return image.convert("RGB")

    start = time.perf_counter()
    references = [encode(load_image(path)) for path in sorted((folder / "refs").iterdir())]
    rate = len(references) / (time.perf_counter() - start)
    images = map(load_image, sorted((folder / "queries").iterdir()))
    queries = [(encode(image), encode(ImageOps.mirror(image))) for image in images]
    np.savez(out, references=references, queries=queries, rate=rate)


if __name__ == "__main__":
    main()
