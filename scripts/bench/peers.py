"""mediafp against its peers on one set of edited pictures: what is found with no false match, speed, size.

    .venv/bin/python scripts/bench/peers.py SET

A SET holds refs/, queries/ and truth.json, whose `queries` maps a query's name to {"reference": NAME or null}. PDQ and
pHash answer with their nearest references, in every dihedral form (PDQ) or mirrored (pHash); `immaculate` groups
references and queries with its own threshold, so it has one operating point. Prints a Markdown table.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image, ImageOps

from mediafp.fingerprints.pdq import Pdq

BIN = Path(sys.executable).parent
NEAREST = 10
Truth = dict[str, str | None]
Scored = list[tuple[float, bool]]
Hash = Callable[[Image.Image], np.ndarray]


def recall_at_zero(pairs: Scored, total: int) -> float:
    """Share of the true pairs that score above every false one."""
    ceiling = max((score for score, true in pairs if not true), default=-np.inf)
    return sum(true and score > ceiling for score, true in pairs) / total


def micro_ap(pairs: Scored, total: int) -> float:
    """Area under precision and recall over all pairs; ties are counted against the tool."""
    hits, area = 0, 0.0
    for rank, (_, true) in enumerate(sorted(pairs, key=lambda p: (-p[0], p[1])), 1):
        if true:
            hits += 1
            area += hits / rank
    return area / total


def by_hash(folder: Path, truth: Truth, one: Hash, forms: Hash) -> tuple[Scored, float]:
    """Scored pairs of a bit hash, and its seconds a reference with decoding."""
    start = time.perf_counter()
    references = sorted((folder / "refs").iterdir())
    bits = np.stack([one(Image.open(path).convert("RGB")) for path in references])
    seconds = (time.perf_counter() - start) / len(references)
    pairs: Scored = []
    for name, wanted in truth.items():
        mine = forms(Image.open(folder / "queries" / name).convert("RGB"))
        if not len(mine):
            continue  # too plain for PDQ
        distance = np.bitwise_count(mine[:, None] ^ bits[None]).sum(axis=2).min(axis=0)
        for n in np.argsort(distance, kind="stable")[:NEAREST]:
            pairs.append((-float(distance[n]), references[n].name == wanted))
    return pairs, seconds


def by_groups(folder: Path, truth: Truth, method: str) -> tuple[Scored, float]:
    """Pairs that `immaculate` puts into one group, and its seconds a picture, start-up included."""
    start = time.perf_counter()
    command = [str(BIN / "immaculate"), "--json", "--method", method, str(folder)]
    made = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = (time.perf_counter() - start) / sum(1 for part in ("refs", "queries") for _ in (folder / part).iterdir())
    found = json.loads(made.stdout)
    pairs: Scored = []
    for group in [*found["near"], *found["exact"]]:
        references = {Path(path).name for path in group if Path(path).parent.name == "refs"}
        queries = {Path(path).name for path in group if Path(path).parent.name == "queries"}
        pairs += [(1.0, truth[query] == reference) for query in queries for reference in references]
    return pairs, seconds


def by_mediafp(folder: Path, truth: Truth) -> tuple[Scored, float, float]:
    """Scored pairs of `mediafp match`, seconds a reference of `mediafp ingest`, bytes of the store a reference."""
    with tempfile.TemporaryDirectory() as store:
        command = [str(BIN / "mediafp"), "--store", store]
        start = time.perf_counter()
        subprocess.run([*command, "ingest", str(folder / "refs"), "--text", "no"], check=True, capture_output=True)
        count = len(list((folder / "refs").iterdir()))
        seconds = (time.perf_counter() - start) / count
        size = sum(path.stat().st_size for path in Path(store).rglob("*") if path.is_file()) / count
        options = ["--min-probability", "0", "--top", str(NEAREST), "--json"]
        made = subprocess.run(
            [*command, "match", str(folder / "queries"), *options], check=False, capture_output=True, text=True
        )
    pairs: Scored = []
    for line in made.stdout.splitlines():
        answer = json.loads(line)
        wanted = truth[Path(answer["query"]).name]
        pairs += [
            (match["probability"], wanted in {Path(uri).name for uri in match["uris"]}) for match in answer["matches"]
        ]
    return pairs, seconds, size


def phash(image: Image.Image) -> np.ndarray:
    """64 bits in 8 bytes."""
    return np.packbits(imagehash.phash(image).hash.reshape(-1))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", type=Path)
    folder = parser.parse_args().set
    facts = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["queries"]
    truth: Truth = {name: fact["reference"] for name, fact in facts.items()}
    total = sum(wanted is not None for wanted in truth.values())
    pdq = Pdq()
    hashes: dict[str, tuple[Hash, Hash, str]] = {
        "PDQ, 8 forms": (lambda i: pdq.extract([np.asarray(i)])[0][0], lambda i: pdq.dihedral(np.asarray(i)), "32"),
        "imagehash phash, mirrored too": (phash, lambda i: np.stack((phash(i), phash(ImageOps.mirror(i)))), "8"),
    }
    rows: list[tuple[str, Scored, float, str]] = []
    for name, (one, forms, size_told) in hashes.items():
        pairs, seconds = by_hash(folder, truth, one, forms)
        rows.append((name, pairs, seconds, size_told))
    for method in ("sscd_distilled", "sscd"):
        pairs, seconds = by_groups(folder, truth, method)
        rows.append((f"immaculate {method}", pairs, seconds, "–"))
    pairs, seconds, size = by_mediafp(folder, truth)
    rows.append(("mediafp", pairs, seconds, f"{size:,.0f}"))
    print("| tool | found, no false match | µAP | false at its own threshold | pictures a second | bytes a picture |")
    print("|---|---|---|---|---|---|")
    own = {"PDQ, 8 forms": -31.0, "imagehash phash, mirrored too": 0.0, "mediafp": 0.8}
    for name, pairs, seconds, size_told in rows:
        at = own.get(name, 1.0)
        false = sum(not true and score >= at for score, true in pairs)
        found = sum(true and score >= at for score, true in pairs) / total
        print(
            f"| {name} | {recall_at_zero(pairs, total):.3f} | {micro_ap(pairs, total):.3f} "
            f"| {false} (found {found:.3f}) | {1 / seconds:.0f} | {size_told} |"
        )


if __name__ == "__main__":
    main()
