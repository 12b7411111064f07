"""Make models/background.npz: embeddings of unrelated pictures, for score normalisation.

    .venv/bin/python scripts/make_background.py ../shared/corpora/images/bank

The pictures must show nothing that is later measured. Only the embeddings are kept, in float16; the file says of what
and of how many. Afterwards put its new SHA-256 into models/manifest.toml (the script prints it).
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from mediafp.fingerprints.registry import RERANKING_TYPE, SEARCH_TYPE, frame_type

TARGET = Path(__file__).parent.parent / "models" / "background.npz"


def main() -> None:
    """Embeds every picture of a folder, and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    files = sorted(parser.parse_args().folder.iterdir())
    pictures = [np.asarray(ImageOps.exif_transpose(Image.open(file)).convert("RGB")) for file in files]
    kinds = [frame_type(name) for name in (SEARCH_TYPE, RERANKING_TYPE)]
    banks = {kind.name: kind.extract(pictures)[0] for kind in kinds}
    versions = ", ".join(f"{kind.name} {kind.version}" for kind in kinds)
    about = f"{len(files)} unrelated pictures, photographs and faces, as {versions}"
    with TARGET.open("wb") as file:
        np.savez(file, allow_pickle=False, about=np.array(about), **banks)
    print(about, hashlib.sha256(TARGET.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
