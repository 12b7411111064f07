"""The tools that peers.py compares: what each answers to the queries of a set, how fast, and in how many bytes."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import imagehash
import numpy as np
from PIL import Image, ImageOps

from mediafp.fingerprints.pdq import Pdq

BIN = Path(sys.executable).parent
NEAREST = 10
SEGMENT_ERROR = 0.25
"""imagehash's own share of bits by which two segments may differ."""
ABOVE_ZERO = float(np.nextafter(0, 1))
Truth = dict[str, str | None]
Hash = Callable[[Image.Image], np.ndarray]


class Pair(NamedTuple):
    """A reference named for a query; a higher score is a better one."""

    query: str
    score: float
    true: bool


@dataclass(frozen=True)
class Answer:
    """All pairs of a set, pictures a second, and bytes a reference if they are known."""

    pairs: list[Pair]
    rate: float
    size: float | None


@dataclass(frozen=True)
class Tool:
    """What it is called, the score from which it calls a pair a match, and how it is run."""

    name: str
    threshold: float
    run: Callable[[Path, Truth], Answer]


def listed(folder: Path) -> list[Path]:
    """A folder's files in the order that all tools use."""
    return sorted(folder.iterdir())


def opened(path: Path) -> Image.Image:
    """The picture in RGB."""
    with Image.open(path) as image:
        return image.convert("RGB")


def ranked(folder: Path, truth: Truth, scores: Callable[[str], np.ndarray]) -> list[Pair]:
    """The nearest references of each query, by its scores with all of them; it may have none."""
    references, pairs = [path.name for path in listed(folder / "refs")], []
    for query, wanted in truth.items():
        found = scores(query)
        for n in np.argsort(-found, kind="stable")[:NEAREST]:
            pairs.append(Pair(query, float(found[n]), references[n] == wanted))
    return pairs


def equal_bits(forms: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Less the distance to each reference (R, bytes) of the nearest form (F, bytes); none if there is no form."""
    if not len(forms):
        return np.empty(0)
    return np.asarray(-np.bitwise_count(forms[:, None] ^ references[None]).sum(axis=2).min(axis=0).astype(float))


def cosine(forms: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Of the nearest form (F, dimensions) with each reference (R, dimensions)."""
    unit = [vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (forms, references)]
    return np.asarray((unit[0] @ unit[1].T).max(axis=0))


def by_hash(one: Hash, forms: Hash, folder: Path, truth: Truth) -> Answer:
    """A bit hash: of a reference `one`, of a query all its `forms` (none: too plain)."""
    start = time.perf_counter()
    bits = np.stack([one(opened(path)) for path in listed(folder / "refs")])
    rate = len(bits) / (time.perf_counter() - start)
    pairs = ranked(folder, truth, lambda query: equal_bits(forms(opened(folder / "queries" / query)), bits))
    return Answer(pairs, rate, bits.shape[1])


def phash(image: Image.Image) -> np.ndarray:
    """64 bits in 8 bytes."""
    return np.packbits(imagehash.phash(image).hash.reshape(-1))


def segments(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """imagehash's crop-resistant hash: 64 bits a segment (S, 8), and those of the same segments mirrored."""
    mirrored = []

    def both(segment: Image.Image) -> imagehash.ImageHash:
        mirrored.append(imagehash.dhash(ImageOps.mirror(segment)))
        return imagehash.dhash(segment)

    plain = imagehash.crop_resistant_hash(opened(path), hash_func=both).segment_hashes
    bits = [np.packbits([one.hash.reshape(-1) for one in form], axis=1) for form in (plain, mirrored)]
    return bits[0], bits[1]


def alike_segments(form: np.ndarray, references: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """imagehash's `matches` and `best_match` in one: matching segments, less their mean distance in 0..1, as a share.

    The share is of the query's segments; without it (the order is the same within a query, and one matching segment is a
    match in either case) a query of many segments would outrank the others: measured, less is found with no false match.
    A row of `references` is a segment; `starts` are the first ones of the references.
    """
    width = 8 * form.shape[1]
    distance = np.minimum.reduceat(np.bitwise_count(form[:, None] ^ references[None]).sum(axis=2), starts, axis=1)
    near = distance <= width * SEGMENT_ERROR
    count = near.sum(axis=0)
    return np.asarray((count - (distance * near).sum(axis=0) / (width * np.maximum(count, 1))) / len(form))


def by_segments(folder: Path, truth: Truth) -> Answer:
    """imagehash's crop-resistant hash, each picture hashed once, on all cores."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        start = time.perf_counter()
        references = [plain for plain, _ in pool.map(segments, listed(folder / "refs"), chunksize=8)]
        rate = len(references) / (time.perf_counter() - start)
        made = pool.map(segments, (folder / "queries" / query for query in truth), chunksize=8)
        queries = dict(zip(truth, made, strict=True))
    starts = np.cumsum([0, *map(len, references[:-1])])
    bits = np.concatenate(references)

    def scores(query: str) -> np.ndarray:
        return np.max([alike_segments(form, bits, starts) for form in queries[query]], axis=0)

    return Answer(ranked(folder, truth, scores), rate, bits.size / len(references))


def by_groups(method: str, folder: Path, truth: Truth) -> Answer:
    """Pairs that `immaculate` puts into one group; its start-up counts."""
    start = time.perf_counter()
    command = [str(BIN / "immaculate"), "--json", "--method", method, str(folder)]
    made = subprocess.run(command, check=True, capture_output=True, text=True)
    rate = sum(len(listed(folder / part)) for part in ("refs", "queries")) / (time.perf_counter() - start)
    found = json.loads(made.stdout)
    pairs: list[Pair] = []
    for group in [*found["near"], *found["exact"]]:
        references = {Path(path).name for path in group if Path(path).parent.name == "refs"}
        queries = {Path(path).name for path in group if Path(path).parent.name == "queries"}
        pairs += [Pair(query, 1.0, truth[query] == reference) for query in queries for reference in references]
    return Answer(pairs, rate, None)


def by_imagededup(
    python: Path,
    method: str,
    scores: Callable[[np.ndarray, np.ndarray], np.ndarray],
    folder: Path,
    truth: Truth,
) -> Answer:
    """Fingerprints that imagededup makes in an interpreter of its own; raises RuntimeError where it cannot."""
    with tempfile.TemporaryDirectory() as scratch:
        script, out = Path(__file__).with_name("peers_imagededup.py"), Path(scratch) / "made.npz"
        made = subprocess.run([python, script, method, folder, out], check=False, capture_output=True, text=True)
        if made.returncode:
            raise RuntimeError((made.stderr.strip().splitlines() or ["no reason given"])[-1])
        with np.load(out) as arrays:
            references, forms, rate = arrays["references"], arrays["queries"], float(arrays["rate"])
    queries = dict(zip((path.name for path in listed(folder / "queries")), forms, strict=True))
    return Answer(ranked(folder, truth, lambda query: scores(queries[query], references)), rate, references[0].nbytes)


def by_mediafp(folder: Path, truth: Truth) -> Answer:
    """`mediafp match` over a store that `mediafp ingest` made, both without reading the text in pictures."""
    with tempfile.TemporaryDirectory() as store:
        command = [str(BIN / "mediafp"), "--store", store]
        start = time.perf_counter()
        subprocess.run([*command, "ingest", str(folder / "refs"), "--text", "no"], check=True, capture_output=True)
        count = len(listed(folder / "refs"))
        rate = count / (time.perf_counter() - start)
        size = sum(path.stat().st_size for path in Path(store).rglob("*") if path.is_file()) / count
        options = ["--text", "no", "--min-probability", "0", "--top", str(NEAREST), "--json"]
        made = subprocess.run(
            [*command, "match", str(folder / "queries"), *options], check=False, capture_output=True, text=True
        )
        if made.returncode == 2:
            raise RuntimeError(made.stderr.strip())
    pairs: list[Pair] = []
    for line in made.stdout.splitlines():
        answer = json.loads(line)
        query = Path(answer["query"]).name
        for match in answer["matches"] or ():
            names = {Path(uri).name for uri in match["uris"]}
            pairs.append(Pair(query, match["probability"], truth[query] in names))
    return Answer(pairs, rate, size)


def tools(imagededup: Path | None) -> dict[str, Tool]:
    """All that can be run, by the name on the command line; imagededup where its interpreter is given."""
    pdq = Pdq()
    every_turn = partial(
        by_hash, lambda i: pdq.extract([np.asarray(i)])[0][0], lambda i: pdq.dihedral_hashes(np.asarray(i))
    )
    either_way = partial(by_hash, phash, lambda i: np.stack((phash(i), phash(ImageOps.mirror(i)))))
    offered = {
        "pdq": Tool("PDQ, 8 forms", -31, every_turn),
        "phash": Tool("imagehash phash", 0, either_way),
        "crop": Tool("imagehash crop_resistant", ABOVE_ZERO, by_segments),
    }
    if imagededup:
        offered["dedup-phash"] = Tool("imagededup PHash", -10, partial(by_imagededup, imagededup, "PHash", equal_bits))
        offered["dedup-cnn"] = Tool("imagededup CNN", 0.9, partial(by_imagededup, imagededup, "CNN", cosine))
    for method in ("pdq", "sscd_distilled", "sscd"):
        offered[f"immaculate-{method}"] = Tool(f"immaculate {method}", 1, partial(by_groups, method))
    offered["mediafp"] = Tool("mediafp", 0.8, by_mediafp)
    return offered
