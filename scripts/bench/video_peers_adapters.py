"""Pairs that a video peer finds in a set, for video_peers.py; runs only in an interpreter that can import the peer.

    PYTHON scripts/bench/video_peers_adapters.py TOOL SET OUT.json

TOOL is `vpdq`, `videohash2` or `provena-audit`. OUT contains `pairs`, a list of [query, reference, score, is_reported] where a
higher score is closer and `is_reported` is the decision at the tool's own threshold, and `failures`, the reason for each file
without a fingerprint. Every tool runs with its defaults, on one thread where it has a choice.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

type ScoredPair = tuple[str, str, float, bool]
type Failures = dict[str, str]

MIN_QUALITY, MAX_DISTANCE, MIN_QUERY_SHARE = 50, 31, 0.8
"""Defaults of vPDQ: least quality of a frame, largest distance in bits of two frames that match, and least share of the
query's frames that match, from which ThreatExchange reports a video."""
MIN_VOTES = 8
"""Frames with one time shift from which provena-audit reports a copy. It is asked for pairs of a single vote too."""


def list_files(set_folder: Path, part: str) -> list[Path]:
    """Return the references or the queries of a set."""
    return sorted((set_folder / part).iterdir())


def fingerprint_files(files: list[Path], fingerprint: Callable[[Path], Any], failures: Failures) -> dict[str, Any]:
    """Return the fingerprint of each file by name, and add the files without one to the failures."""
    fingerprints = {}
    for file in files:
        try:
            fingerprints[file.name] = fingerprint(file)
        except Exception as error:  # each tool raises errors of its own, down to an UnboundLocalError
            failures[file.name] = f"{type(error).__name__}: {error}".splitlines()[0]
    return fingerprints


def run_vpdq(set_folder: Path, failures: Failures) -> Iterator[ScoredPair]:
    """Yield the pairs that have matching frames: a frame a second, the larger share of either video's frames that match."""
    import numpy as np
    import vpdq

    def fingerprint(file: Path) -> Any:
        features = vpdq.computeHash(str(file), thread_count=1)
        hashes = b"".join(bytes.fromhex(one.hex) for one in features if one.quality >= MIN_QUALITY)
        return np.frombuffer(hashes, np.uint8).reshape(-1, 32)

    references = fingerprint_files(list_files(set_folder, "refs"), fingerprint, failures)
    for query, hashes in fingerprint_files(list_files(set_folder, "queries"), fingerprint, failures).items():
        for reference, others in references.items():
            is_near = np.bitwise_count(hashes[:, None] ^ others[None]).sum(axis=2) <= MAX_DISTANCE
            if is_near.any():
                share = float(is_near.any(axis=1).mean())
                yield query, reference, max(share, float(is_near.any(axis=0).mean())), share >= MIN_QUERY_SHARE


def run_videohash2(set_folder: Path, failures: Failures) -> Iterator[ScoredPair]:
    """Yield all pairs with the negative distance of their 64-bit hashes."""
    from videohash2 import VideoHash

    def fingerprint(file: Path) -> Any:
        with tempfile.TemporaryDirectory() as scratch:
            return VideoHash(path=str(file.absolute()), storage_path=scratch)

    references = fingerprint_files(list_files(set_folder, "refs"), fingerprint, failures)
    for query, video_hash in fingerprint_files(list_files(set_folder, "queries"), fingerprint, failures).items():
        for reference, other in references.items():
            yield query, reference, -float(video_hash - other), bool(video_hash.is_similar(other))


def run_provena_audit(set_folder: Path, failures: Failures) -> Iterator[ScoredPair]:
    """Yield the pairs that have frames with one time shift, with their number: a frame each quarter of a second."""
    from provena_audit import fingerprint, shards
    from provena_audit.audit import Index
    from provena_audit.storage import Location

    with tempfile.TemporaryDirectory() as scratch:
        sent, names = f"{scratch}/send", f"{scratch}/private"
        fingerprint.fingerprint_folder(str(set_folder / "refs"), sent, names, workers=1)
        references = {key: Path(file).name for key, file in shards.read_names(Location(names), "p0000")}
        index = Index(sent)

    def search(file: Path) -> Any:
        return index.search(str(file), min_votes=1)

    for query, hits in fingerprint_files(list_files(set_folder, "queries"), search, failures).items():
        for hit in hits:
            yield query, references[hit["id"]], float(hit["votes"]), hit["votes"] >= MIN_VOTES


RUNNERS = {"vpdq": run_vpdq, "videohash2": run_videohash2, "provena-audit": run_provena_audit}


def main() -> None:
    """Write OUT."""
    tool, set_folder, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    failures: Failures = {}
    pairs = list(RUNNERS[tool](set_folder, failures))
    out.write_text(json.dumps({"pairs": pairs, "failures": failures}), encoding="utf-8")


if __name__ == "__main__":
    main()
