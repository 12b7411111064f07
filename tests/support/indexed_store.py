"""A store of images with seeded rows, and what the searches of its indexes return."""

from pathlib import Path

import numpy as np
from ingest_records import JPEGS

from mediafp.case.references import StoredReferences
from mediafp.fingerprints.pdq import Pdq
from mediafp.fingerprints.rectangles import RECTANGLES
from mediafp.fingerprints.reduced_image import REDUCED_IMAGE
from mediafp.fingerprints.reference_crops import REFERENCE_CROPS
from mediafp.fingerprints.registry import SEARCH_TYPE, fingerprint_type
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import Asset, Thumbnail
from mediafp.types.runs import IngestRecord
from mediafp.types.sightings import Sighting

TYPES = {SEARCH_TYPE: 1, Pdq.name: 1, REFERENCE_CROPS: 5, RECTANGLES: 2, REDUCED_IMAGE: 1}
"""Rows of an image of each indexed fingerprint type."""


def name(number: int) -> str:
    return f"{number:064x}"


def record(number: int, *, seed: int | None = None, crops: bool = True) -> IngestRecord:
    """Return the record of an image with seeded rows."""
    rng = np.random.default_rng(number if seed is None else seed)
    fingerprints = []
    for kind, rows in TYPES.items():
        vectors = rng.normal(size=(rows, 512))
        unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
        fingerprints.append(
            Fingerprint(
                sha256=name(number),
                type=kind,
                version=fingerprint_type(kind).version,
                spans=np.zeros((rows, 2)),
                vectors=rng.integers(0, 256, (rows, 32), dtype=np.uint8) if kind == Pdq.name else unit,
                quality=np.ones(rows, np.float32),
            )
        )
    return IngestRecord(
        asset=Asset(sha256=name(number), kind="image", bytes=9, properties={"width": 80, "height": 80}),
        sightings=(Sighting(sha256=name(number), uri=f"/files/{number}.png", source="path"),),
        fingerprints=tuple(fingerprints if crops else fingerprints[:2]),
        thumbnails=(Thumbnail(position=0, seconds=0, jpeg=JPEGS[0]),),
    )


def answers(references: StoredReferences) -> list[object]:
    """Return what the searches return for rows of some assets."""
    rows = [record(n).fingerprints for n in (1, 7, 20, 31)]
    embeddings = np.concatenate([fingerprints[0].vectors for fingerprints in rows])
    hashes = np.concatenate([fingerprints[1].vectors for fingerprints in rows])
    neighbours = references.search(embeddings, 5)
    return [
        *(neighbours.of_query(n) for n in range(len(embeddings))),
        references.search_crops(rows[1][2].vectors, 4),
        sorted(references.search_hashes(hashes, 90)),
    ]


def stored_answers(folder: Path) -> list[object]:
    """Return what the searches in the store in a folder return."""
    with SqliteStore(folder) as store:
        return answers(StoredReferences(store, decode_thumbnail))
