"""Write models/background.npz: embeddings of unrelated images, for score normalisation.

    .venv/bin/python scripts/make_background.py ../shared/corpora/images/bank

The images must not occur in any set on which mediafp is measured. The file holds only their embeddings, in float16, and a
description. The script prints the new SHA-256 of the file, which belongs into models/manifest.toml.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from mediafp.fingerprints.registry import RERANKING_TYPE, SEARCH_TYPE, frame_type

TARGET = Path(__file__).parent.parent / "models" / "background.npz"


def main() -> None:
    """Embed every image of a folder and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    files = sorted(parser.parse_args().folder.iterdir())
    images = [np.asarray(ImageOps.exif_transpose(Image.open(file)).convert("RGB")) for file in files]
    types = [frame_type(name) for name in (SEARCH_TYPE, RERANKING_TYPE)]
    banks = {fingerprinter.name: fingerprinter.extract(images)[0] for fingerprinter in types}
    versions = ", ".join(f"{fingerprinter.name} {fingerprinter.version}" for fingerprinter in types)
    about = f"{len(files)} unrelated images, photographs and faces, as {versions}"
    with TARGET.open("wb") as file:
        np.savez(file, allow_pickle=False, about=np.array(about), **banks)
    print(about, hashlib.sha256(TARGET.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
