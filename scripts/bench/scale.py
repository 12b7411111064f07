"""Cost of a case by its size: cases of 1,000, 10,000 and 100,000 images are made, and the commands are run on them.

    .venv/bin/python scripts/bench/scale.py FOLDER [--sizes 1000 10000 100000] [--keep DIR]

The images of FOLDER and four edits of each are ingested once. A case is filled with copies of their records: each copy of a
family, an image with its edits, has embeddings with other signs and hashes with other bits, so that it resembles no other
family, and its own kept matches. The thumbnails are shared. Figures are CPU seconds of the process and its children, and
their peak memory; the last lines give the growth from the smallest case to the largest one.
"""

import argparse
import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import batched
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from mediafp.case.comparison.versions import comparison_versions
from mediafp.store import Store, open_store
from mediafp.text.ocr.reader import ocr_version
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.kept_matches import KeptMatch
from mediafp.types.matches import OcrResult
from mediafp.types.media import Thumbnail
from mediafp.types.runs import IngestRecord
from mediafp.types.sightings import Sighting

FAMILIES = 40
"""Images of the folder that are ingested with their edits."""
NEW_PHOTOS = 20
"""Photographs that are ingested into each filled case, to measure the cost of one."""
BATCH = 500
"""Assets that are written in one transaction."""
CLI = (sys.executable, "-m", "mediafp")
LIMITS = {"ingest_cpu_per_file": 0.15, "match_cpu": 0.15}
"""Largest exponents of growth from the smallest case to the largest one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """An image and its edits as they are stored, their kept matches, and the OCR results in the order of the records."""

    records: list[IngestRecord]
    kept: list[KeptMatch]
    texts: list[OcrResult]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """CPU seconds and peak memory in MiB of a command with its children, wall seconds, and what it printed."""

    cpu: float
    wall: float
    mib: float
    printed: str


def write_edits(image: Image.Image, folder: Path, name: str) -> None:
    """Write an image and four edits of it."""
    width, height = image.size
    edits = {
        "original": image,
        "crop": image.crop((width // 8, 0, width, height * 7 // 8)),
        "small": ImageOps.scale(image, 0.5),
        "mirror": ImageOps.mirror(image),
        "border": ImageOps.expand(image, width // 12, "white"),
    }
    for edit, edited in edits.items():
        edited.save(folder / f"{name}_{edit}.jpg", quality=40 if edit == "small" else 85)


def run(store: Path, *arguments: object) -> Cost:
    """Return the cost of a command of mediafp."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [*CLI, "--store", str(store), *map(str, arguments)], stdout=output, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1):
            raise RuntimeError(f"mediafp {arguments[0]} ended with {process.returncode}")
        output.seek(0)
        printed = output.read().decode()
    return Cost(
        cpu=usage.ru_utime + usage.ru_stime,
        wall=time.monotonic() - started,
        mib=usage.ru_maxrss / 1024,
        printed=printed,
    )


def read_families(folder: Path) -> list[Family]:
    """Return what a store contains, by family: the name of the file up to its last underscore."""
    with open_store(folder) as store:
        types = {pair for asset in store.assets() for pair in store.fingerprint_types(asset.sha256)}
        rows: dict[str, list[Fingerprint]] = {}
        for type, version in sorted(types):
            for fingerprint in store.fingerprints(type, version):
                rows.setdefault(fingerprint.sha256, []).append(fingerprint)
        families: dict[str, list[IngestRecord]] = {}
        owner: dict[str, str] = {}
        texts: dict[str, OcrResult] = {}
        for asset in store.assets():
            uri = store.uris(asset.sha256)[0]
            owner[asset.sha256] = Path(uri).stem.rpartition("_")[0]
            jpeg = store.row_thumbnail(asset.sha256, 0)
            record = IngestRecord(
                asset=asset,
                sightings=(Sighting(sha256=asset.sha256, uri=uri),),
                fingerprints=tuple(rows[asset.sha256]),
                thumbnails=(Thumbnail(position=0, seconds=0.0, jpeg=jpeg),) if jpeg else (),
            )
            families.setdefault(owner[asset.sha256], []).append(record)
            lines = store.ocr_lines(asset.sha256)
            if lines is not None:
                texts[asset.sha256] = OcrResult(version=ocr_version(), lines=lines)
        kept = list(store.kept_matches())
    return [
        Family(
            records=records,
            kept=[one for one in kept if owner[one.query] == owner[one.reference] == name],
            texts=[texts[record.asset.sha256] for record in records if record.asset.sha256 in texts],
        )
        for name, records in families.items()
    ]


def copy_family(family: Family, number: int) -> Family:
    """Return a family that resembles no other one: with other SHA-256, signs and bits."""
    rng = np.random.default_rng(number)
    signs = rng.choice(np.array([-1, 1], np.float16), 512)
    mask = rng.integers(0, 256, 64, np.uint8)

    def name(sha256: str) -> str:
        return hashlib.sha256(f"{number} {sha256}".encode()).hexdigest()

    def vectors(rows: Fingerprint) -> npt.NDArray[Any]:
        if rows.vectors.dtype == np.uint8:
            return np.asarray(rows.vectors ^ mask[: rows.vectors.shape[1]])
        return np.asarray(rows.vectors * signs)

    records = []
    for record in family.records:
        sha256 = name(record.asset.sha256)
        records.append(
            replace(
                record,
                asset=replace(record.asset, sha256=sha256),
                sightings=(Sighting(sha256=sha256, uri=f"/made/{number}/{Path(record.sightings[0].uri).name}"),),
                fingerprints=tuple(
                    Fingerprint(
                        sha256=sha256,
                        type=rows.type,
                        version=rows.version,
                        spans=rows.spans,
                        vectors=vectors(rows),
                        quality=rows.quality,
                    )
                    for rows in record.fingerprints
                ),
            )
        )
    kept = [
        replace(
            one,
            query=name(one.query),
            reference=name(one.reference),
            match=one.match and replace(one.match, sha256=name(one.reference)),
        )
        for one in family.kept
    ]
    return Family(records=records, kept=kept, texts=family.texts)


def copies(families: Sequence[Family], size: int) -> Iterator[Family]:
    """Yield copies of the families with this many images in all."""
    made = number = 0
    while made < size:
        family = copy_family(families[number % len(families)], number)
        made += len(family.records)
        number += 1
        yield family


def fill(store: Store, families: Iterator[Family]) -> None:
    """Write families to a store, as assets that were compared."""
    versions = comparison_versions()
    for batch in batched(families, BATCH // 5):
        with store.writing():
            for family in batch:
                for record in family.records:
                    store.add_record(record)
                for record, text in zip(family.records, family.texts, strict=bool(family.texts)):
                    store.save_ocr_result(record.asset.sha256, text)
        started = store.last_log_entry()[0]
        names = {record.asset.sha256 for family in batch for record in family.records}
        kept: dict[str, list[KeptMatch]] = {}
        for family in batch:
            for one in family.kept:
                kept.setdefault(one.query, []).append(one)
        with store.writing():
            for pending in store.pending_comparisons(versions, only_changed=True, assets=names):
                store.save_comparison(pending, versions[pending.channel], started, kept.get(pending.sha256, []))


def measure(store: Path, new: Path, query: Path, size: int) -> dict[str, float]:
    """Return the figures of one case."""
    bytes_per_image = sum(file.stat().st_size for file in store.rglob("*") if file.is_file()) / size
    opened = run(store, "search", "nothing")
    first = run(store, "match", "--ocr", "no", query)
    match = run(store, "match", "--ocr", "no", query)
    work = Path(tempfile.mkdtemp(dir=store.parent))
    copied = work / "store"
    shutil.copytree(store, copied)
    known = sorted(new.iterdir())[0]
    one = run(copied, "ingest", "--ocr", "no", "--transcribe", "no", known)
    ingest = run(copied, "ingest", "--ocr", "no", "--transcribe", "no", "--json", new)
    summary = json.loads(ingest.printed.splitlines()[-1])
    assert summary["added"] == NEW_PHOTOS - 1, summary
    known_match = run(copied, "match", "--ocr", "no", known)
    cluster = run(store, "cluster", "--json")
    cluster_again = run(store, "cluster", "--json")
    report = run(store, "report", work / "page.html")
    figures = {
        "bytes_per_image": bytes_per_image,
        "open_cpu": opened.cpu,
        "first_match_cpu": first.cpu,
        "match_cpu": match.cpu,
        "match_mib": match.mib,
        "known_match_cpu": known_match.cpu,
        "ingest_cpu_per_file": (ingest.cpu - one.cpu) / (NEW_PHOTOS - 2),
        "ingest_mib": ingest.mib,
        "cluster_cpu": cluster.cpu,
        "cluster_again_cpu": cluster_again.cpu,
        "cluster_mib": cluster.mib,
        "report_cpu": report.cpu,
        "report_mib": report.mib,
    }
    shutil.rmtree(work)
    return figures


def main() -> None:
    """Print the figures of each case, and their growth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--keep", type=Path, help="write the cases here, and keep them")
    options = parser.parse_args()
    files = [file for file in sorted(options.folder.rglob("*")) if file.suffix.lower() in (".jpg", ".jpeg", ".png")]
    with tempfile.TemporaryDirectory() as scratch:
        work = options.keep or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        base, new = work / "base", work / "new"
        for folder in (base, new):
            folder.mkdir(exist_ok=True)
        for number, file in enumerate(files[:FAMILIES]):
            with Image.open(file) as opened:
                write_edits(ImageOps.contain(opened.convert("RGB"), (1024, 1024)), base, f"{number:03}")
        for file in files[FAMILIES : FAMILIES + NEW_PHOTOS]:
            shutil.copy(file, new)
        query = base / "000_crop.jpg"
        with Image.open(query) as opened:
            opened.convert("RGB").save(work / "query.jpg", quality=60)
        run(work / "base-store", "ingest", "--ocr", "no", "--transcribe", "no", base)
        families = read_families(work / "base-store")
        print(f"{len(families)} families, {sum(len(family.kept) for family in families)} kept matches", flush=True)
        results = {}
        for size in options.sizes:
            started = time.monotonic()
            store = work / f"case-{size}"
            with open_store(store, create=True) as opened_store:
                fill(opened_store, copies(families, size))
            print(f"{size:,} images written in {time.monotonic() - started:.0f} s", flush=True)
            results[size] = measure(store, new, work / "query.jpg", size)
            print(size, " ".join(f"{name}={value:.3f}" for name, value in results[size].items()), flush=True)
    smallest, largest = min(results), max(results)
    for name in results[smallest]:
        low, high = results[smallest][name], results[largest][name]
        exponent = math.log(high / low) / math.log(largest / smallest) if largest > smallest else 0.0
        limit = f", at most {LIMITS[name]}" if name in LIMITS else ""
        print(f"growth of {name}: exponent {exponent:.2f}{limit}")


if __name__ == "__main__":
    main()
