"""Stores of images that were compared, with the kept matches that a test states."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ingest_records import add_records, ingest_record
from sample_matches import sample_match, sample_placement

from mediafp.case.comparison.versions import comparison_versions
from mediafp.store import Store, open_store
from mediafp.types.kept_matches import KeptMatch
from mediafp.types.matches import Match
from mediafp.types.runs import IngestRecord
from mediafp.types.sightings import Sighting


def image_record(name: str, account: str | None = None, posted_at: str | None = None) -> IngestRecord:
    """Return the record of an image whose SHA-256 is the name, repeated, and whose file has this name."""
    record = ingest_record(name, rows=1)
    sha256 = record.asset.sha256
    seen = Sighting(sha256=sha256, uri=f"/dump/{name}.jpg", account=account, posted_at=posted_at, source="x")
    return replace(
        record,
        asset=replace(record.asset, kind="image", properties={"format": "jpeg", "width": 640, "height": 360}),
        sightings=(seen,),
    )


def link(query: str, reference: str, probability: float = 0.95, **changes: object) -> KeptMatch:
    """Return the kept match of two images that are named by a letter each."""
    match: Match = sample_match(
        sha256=(reference * 64)[:64],
        probability=probability,
        verdict="copy" if probability >= 0.8 else "possible",
        **{"placement": sample_placement(), "why": ("they agree",), **changes},
    )
    return KeptMatch(
        query=(query * 64)[:64], reference=match.sha256, channel="picture", promise=probability, match=match
    )


def keep(store: Store, *links: KeptMatch) -> None:
    """Save kept matches as if every image of the store had been compared now."""
    versions = comparison_versions()
    for pending in store.pending_comparisons(versions):
        own = [one for one in links if pending.sha256 in one.pair and one.channel == pending.channel]
        started = store.last_log_entry()[0]
        with store.writing():
            store.save_comparison(pending, versions[pending.channel], started, own)


def linked_store(folder: Path, names: str, probabilities: Mapping[str, float]) -> Store:
    """Return a new store of images, with the kept matches whose pairs of names, such as `ab`, have these probabilities."""
    store = open_store(folder, create=True)
    add_records(store, *map(image_record, names))
    keep(store, *(link(pair[0], pair[1], probability) for pair, probability in probabilities.items()))
    return store
