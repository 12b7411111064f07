"""Measure how near the hashes of like and of unlike images are to each other.

    python scripts/hash_distances.py FOLDER [FOLDER ...]

The images of the folders must show different things. Every third one is edited in seven ways. `MAX_LISTED_DISTANCE` in
`mediafp/types/hashes.py` and `HASH_ODDS` in `mediafp/case/hash_query.py` follow from the output.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from mediafp.fingerprints.pdq import Pdq
from mediafp.fingerprints.perceptual_hashes import PerceptualHash
from mediafp.types.hashes import MAX_LISTED_DISTANCE, HashAlgorithm

TYPES: dict[HashAlgorithm, Pdq | PerceptualHash] = {
    "pdq": Pdq(), "phash": PerceptualHash("phash"), "dhash": PerceptualHash("dhash"),
}  # fmt: skip
EDITED = 3
"""One of so many images is edited."""


def iter_edits(image: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    """Yield name and image of each edit."""
    width, height = image.size
    yield "JPEG 50", _jpeg(image, 50)
    yield "300 pixels", _jpeg(ImageOps.scale(image, min(1, 300 / max(width, height))), 70)
    yield "brighter", ImageEnhance.Brightness(ImageEnhance.Contrast(image).enhance(1.15)).enhance(1.15)
    caption = image.copy()
    box = (0.03 * width, 0.85 * height, 0.5 * width, 0.95 * height)
    ImageDraw.Draw(caption).rectangle(box, fill="white")
    yield "caption on 5 %", caption
    for share in (0.025, 0.05):
        margin = int(share * min(width, height))
        yield f"without margins of {share:.1%}", image.crop((margin, margin, width - margin, height - margin))
    yield "without the lowest 8 %", image.crop((0, 0, width, int(0.92 * height)))


def main(folders: list[str]) -> None:
    """Print the distances of unlike pairs, and of each edit to its image."""
    rows: dict[HashAlgorithm, list[npt.NDArray[np.uint8]]] = {name: [] for name in TYPES}
    edited: dict[tuple[HashAlgorithm, str], list[int]] = {}
    for number, path in enumerate(sorted(path for folder in folders for path in Path(folder).iterdir())):
        try:
            image = Image.open(path).convert("RGB")
        except OSError:
            continue
        image.thumbnail((512, 512))
        hashes = {name: one.extract([np.asarray(image)])[0][0] for name, one in TYPES.items()}
        for name, hash in hashes.items():
            rows[name].append(hash)
        for edit, changed in iter_edits(image) if number % EDITED == 0 else ():
            for name, one in TYPES.items():
                other = one.extract([np.asarray(changed)])[0][0]
                edited.setdefault((name, edit), []).append(int(np.bitwise_count(hashes[name] ^ other).sum()))
    for name, all_rows in rows.items():
        bits, limit = np.array(all_rows), MAX_LISTED_DISTANCE[name]
        distances = np.bitwise_count(bits[:, None] ^ bits[None]).sum(2)[np.triu_indices(len(bits), 1)]
        print(f"{name}: {len(distances):,} pairs of {len(bits)} images; the nearest {np.sort(distances)[:10].tolist()}")
        for (of, edit), found in edited.items():
            if of == name:
                middle, most = np.percentile(found, [50, 95])
                within = np.mean(np.array(found) <= limit)
                print(f"  {edit}: half within {middle:.0f}, 95 % within {most:.0f}; {within:.1%} within {limit}")


def _jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


if __name__ == "__main__":
    main(sys.argv[1:])
