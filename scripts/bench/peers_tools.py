"""Tools that peers.py compares: the scored pairs that each returns for the queries of a set, its speed and its size."""

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
"""References that a tool returns for a query."""
SEGMENT_ERROR = 0.25
"""Share of the bits by which two matching segments may differ: the default of imagehash."""
ABOVE_ZERO = float(np.nextafter(0, 1))
Truth = dict[str, str | None]
"""Reference of each query by file name; None if the query has no reference."""
HashImage = Callable[[Image.Image], np.ndarray]


class ScoredPair(NamedTuple):
    """Reference that a tool returns for a query; a higher score is closer."""

    query: str
    score: float
    is_true: bool


@dataclass(frozen=True)
class ToolResult:
    """Pairs of a whole set, speed, and size per reference if it is known."""

    pairs: list[ScoredPair]
    images_per_second: float
    bytes_per_image: float | None


@dataclass(frozen=True)
class Tool:
    """Name of a tool in the tables, score from which it reports a match, and the function that runs it on a set."""

    name: str
    threshold: float
    run: Callable[[Path, Truth], ToolResult]


def list_files(folder: Path) -> list[Path]:
    """Return the files of a folder, in the order that all tools use."""
    return sorted(folder.iterdir())


def load_image(path: Path) -> Image.Image:
    """Return an image in RGB."""
    with Image.open(path) as image:
        return image.convert("RGB")


def rank_references(folder: Path, truth: Truth, score_query: Callable[[str], np.ndarray]) -> list[ScoredPair]:
    """Return the pairs of each query with its nearest references.

    Args:
        folder: Folder of the set.
        truth: Reference of each query.
        score_query: Function from the name of a query to its scores with all references, or to an empty array.
    """
    references, pairs = [path.name for path in list_files(folder / "refs")], []
    for query, expected in truth.items():
        scores = score_query(query)
        for n in np.argsort(-scores, kind="stable")[:NEAREST]:
            pairs.append(ScoredPair(query, float(scores[n]), references[n] == expected))
    return pairs


def negative_hamming_distance(hashes: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Return the negative distance (R,) of each reference (R, bytes) from the nearest hash (H, bytes); empty if H is 0."""
    if not len(hashes):
        return np.empty(0)
    return np.asarray(-np.bitwise_count(hashes[:, None] ^ references[None]).sum(axis=2).min(axis=0).astype(float))


def cosine_similarity(embeddings: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Return the similarity (R,) of each reference (R, dimensions) with the nearest of some embeddings."""
    unit = [vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (embeddings, references)]
    return np.asarray((unit[0] @ unit[1].T).max(axis=0))


def run_hash(hash_reference: HashImage, hash_query: HashImage, folder: Path, truth: Truth) -> ToolResult:
    """Return the result of a bit hash.

    Args:
        hash_reference: Function from an image to one hash (bytes,).
        hash_query: Function from an image to several hashes (H, bytes), none if the image has too little contrast.
        folder: Folder of the set.
        truth: Reference of each query.
    """
    start = time.perf_counter()
    bits = np.stack([hash_reference(load_image(path)) for path in list_files(folder / "refs")])
    rate = len(bits) / (time.perf_counter() - start)

    def score_query(query: str) -> np.ndarray:
        return negative_hamming_distance(hash_query(load_image(folder / "queries" / query)), bits)

    return ToolResult(rank_references(folder, truth, score_query), rate, bits.shape[1])


def phash(image: Image.Image) -> np.ndarray:
    """Return the pHash of an image, 64 bits in 8 bytes."""
    return np.packbits(imagehash.phash(image).hash.reshape(-1))


def hash_segments(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the crop-resistant hash of imagehash, 64 bits per segment (S, 8), and that of the segments mirrored."""
    mirrored = []

    def hash_both(segment: Image.Image) -> imagehash.ImageHash:
        mirrored.append(imagehash.dhash(ImageOps.mirror(segment)))
        return imagehash.dhash(segment)

    unchanged = imagehash.crop_resistant_hash(load_image(path), hash_func=hash_both).segment_hashes
    bits = [
        np.packbits([segment.hash.reshape(-1) for segment in segments], axis=1) for segments in (unchanged, mirrored)
    ]
    return bits[0], bits[1]


def score_segments(query: np.ndarray, references: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return a score that combines `matches` and `best_match` of imagehash: matching segments minus their mean distance.

    The distance is in 0..1, and the score is divided by the number of the query's segments. The order is the same within
    a query, and one matching segment is a match in either case; but without the division a query of many segments would
    outrank the others, and fewer are found without false match (measured).

    Args:
        query: Segments of the query (S, 8).
        references: Segments of all references (N, 8), one reference after another.
        starts: First segment of each reference (R,).
    """
    width = 8 * query.shape[1]
    distance = np.minimum.reduceat(np.bitwise_count(query[:, None] ^ references[None]).sum(axis=2), starts, axis=1)
    is_near = distance <= width * SEGMENT_ERROR
    count = is_near.sum(axis=0)
    return np.asarray((count - (distance * is_near).sum(axis=0) / (width * np.maximum(count, 1))) / len(query))


def run_crop_resistant_hash(folder: Path, truth: Truth) -> ToolResult:
    """Return the result of the crop-resistant hash of imagehash, computed once per image, on all cores."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        start = time.perf_counter()
        references = [hashes for hashes, _ in pool.map(hash_segments, list_files(folder / "refs"), chunksize=8)]
        rate = len(references) / (time.perf_counter() - start)
        query_hashes = pool.map(hash_segments, (folder / "queries" / query for query in truth), chunksize=8)
        queries = dict(zip(truth, query_hashes, strict=True))
    starts = np.cumsum([0, *map(len, references[:-1])])
    bits = np.concatenate(references)

    def score_query(query: str) -> np.ndarray:
        return np.max([score_segments(hashes, bits, starts) for hashes in queries[query]], axis=0)

    return ToolResult(rank_references(folder, truth, score_query), rate, bits.size / len(references))


def run_immaculate(method: str, folder: Path, truth: Truth) -> ToolResult:
    """Return the pairs that `immaculate` puts into one group; its start-up counts towards its speed."""
    start = time.perf_counter()
    command = [str(BIN / "immaculate"), "--json", "--method", method, str(folder)]
    completed = subprocess.run(command, check=True, capture_output=True, text=True)
    rate = sum(len(list_files(folder / part)) for part in ("refs", "queries")) / (time.perf_counter() - start)
    groups = json.loads(completed.stdout)
    pairs: list[ScoredPair] = []
    for group in [*groups["near"], *groups["exact"]]:
        references = {Path(path).name for path in group if Path(path).parent.name == "refs"}
        queries = {Path(path).name for path in group if Path(path).parent.name == "queries"}
        pairs += [ScoredPair(query, 1.0, truth[query] == reference) for query in queries for reference in references]
    return ToolResult(pairs, rate, None)


def run_imagededup(
    python: Path,
    method: str,
    score: Callable[[np.ndarray, np.ndarray], np.ndarray],
    folder: Path,
    truth: Truth,
) -> ToolResult:
    """Return the result of imagededup, which runs in an interpreter of its own.

    Raises:
        RuntimeError: If imagededup fails; the last line that it printed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        script, out = Path(__file__).with_name("peers_imagededup.py"), Path(scratch) / "fingerprints.npz"
        completed = subprocess.run([python, script, method, folder, out], check=False, capture_output=True, text=True)
        if completed.returncode:
            raise RuntimeError((completed.stderr.strip().splitlines() or ["no reason given"])[-1])
        with np.load(out) as arrays:
            references, hashes, rate = arrays["references"], arrays["queries"], float(arrays["rate"])
    queries = dict(zip((path.name for path in list_files(folder / "queries")), hashes, strict=True))
    pairs = rank_references(folder, truth, lambda query: score(queries[query], references))
    return ToolResult(pairs, rate, references[0].nbytes)


def run_mediafp(folder: Path, truth: Truth) -> ToolResult:
    """Return the result of `mediafp ingest` and `mediafp match` without OCR.

    Raises:
        RuntimeError: If `mediafp match` cannot run; its message.
    """
    with tempfile.TemporaryDirectory() as store:
        command = [str(BIN / "mediafp"), "--store", store]
        start = time.perf_counter()
        subprocess.run([*command, "ingest", str(folder / "refs"), "--ocr", "no"], check=True, capture_output=True)
        count = len(list_files(folder / "refs"))
        rate = count / (time.perf_counter() - start)
        size = sum(path.stat().st_size for path in Path(store).rglob("*") if path.is_file()) / count
        options = ["--ocr", "no", "--min-probability", "0", "--top", str(NEAREST), "--json"]
        completed = subprocess.run(
            [*command, "match", str(folder / "queries"), *options], check=False, capture_output=True, text=True
        )
        if completed.returncode == 2:
            raise RuntimeError(completed.stderr.strip())
    pairs: list[ScoredPair] = []
    for line in completed.stdout.splitlines():
        result = json.loads(line)
        query = Path(result["query"]).name
        for match in result["matches"] or ():
            names = {Path(uri).name for uri in match["uris"]}
            pairs.append(ScoredPair(query, match["probability"], truth[query] in names))
    return ToolResult(pairs, rate, size)


def make_tools(imagededup: Path | None) -> dict[str, Tool]:
    """Return the tools by their name on the command line; imagededup only if its interpreter is given."""
    pdq = Pdq()
    run_pdq = partial(
        run_hash,
        lambda image: pdq.extract([np.asarray(image)])[0][0],
        lambda image: pdq.dihedral_hashes(np.asarray(image)),
    )
    run_phash = partial(run_hash, phash, lambda image: np.stack((phash(image), phash(ImageOps.mirror(image)))))
    tools = {
        "pdq": Tool("PDQ, 8 forms", -31, run_pdq),
        "phash": Tool("imagehash phash", 0, run_phash),
        "crop": Tool("imagehash crop_resistant", ABOVE_ZERO, run_crop_resistant_hash),
    }
    if imagededup:
        run_peer = partial(run_imagededup, imagededup)
        tools["dedup-phash"] = Tool("imagededup PHash", -10, partial(run_peer, "PHash", negative_hamming_distance))
        tools["dedup-cnn"] = Tool("imagededup CNN", 0.9, partial(run_peer, "CNN", cosine_similarity))
    for method in ("pdq", "sscd_distilled", "sscd"):
        tools[f"immaculate-{method}"] = Tool(f"immaculate {method}", 1, partial(run_immaculate, method))
    tools["mediafp"] = Tool("mediafp", 0.8, run_mediafp)
    return tools
