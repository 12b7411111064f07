"""A set's fingerprints by imagededup, for peers.py; runs in an interpreter that can import imagededup, and alone there.

    PYTHON scripts/bench/peers_imagededup.py METHOD SET OUT.npz

METHOD is a class of imagededup.methods. OUT: `references` (R, width), `queries` (Q, 2, width; as they are and mirrored),
both in the order of their files' names, and `rate`, references a second with decoding.
"""

import sys
import time
from pathlib import Path

import numpy as np
from imagededup import methods
from PIL import Image, ImageOps


def main() -> None:
    """Writes OUT."""
    method, folder, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    encoder = getattr(methods, method)(verbose=False)

    def code(image: Image.Image) -> np.ndarray:
        made = encoder.encode_image(image_array=np.asarray(image))
        return np.frombuffer(bytes.fromhex(made), np.uint8) if isinstance(made, str) else np.asarray(made).reshape(-1)

    def opened(path: Path) -> Image.Image:
        with Image.open(path) as image:
            return image.convert("RGB")

    start = time.perf_counter()
    references = [code(opened(path)) for path in sorted((folder / "refs").iterdir())]
    rate = len(references) / (time.perf_counter() - start)
    images = map(opened, sorted((folder / "queries").iterdir()))
    queries = [(code(image), code(ImageOps.mirror(image))) for image in images]
    np.savez(out, references=references, queries=queries, rate=rate)


if __name__ == "__main__":
    main()
