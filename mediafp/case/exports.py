"""The assets and the kept matches of a store with all that an export contains of them."""

from collections.abc import Collection, Iterator

from mediafp.case.joined_matches import iter_joined
from mediafp.store import Store
from mediafp.types.kept_matches import MatchRecord
from mediafp.types.runs import AssetRecord


def iter_asset_records(store: Store, only: Collection[str] | None = None) -> Iterator[AssetRecord]:
    """Yield assets of a store, by SHA-256: all, or those in `only`."""
    for asset in store.assets(only):
        yield AssetRecord(
            asset=asset,
            sightings=tuple(store.sightings(asset.sha256)),
            clues=tuple(store.clues(asset.sha256)),
            fingerprints=tuple(store.fingerprint_types(asset.sha256)),
            warnings=tuple(store.warnings(asset.sha256)),
            transcript=store.find_transcript(asset.sha256),
            text=store.ocr_lines(asset.sha256),
            video_text=store.video_text(asset.sha256),
        )


def iter_match_records(store: Store, sha256: str | None = None) -> Iterator[MatchRecord]:
    """Yield the kept matches of a store, or those of one asset, by the SHA-256 of both assets and by channel."""
    # NumPy loads with it, which is not needed to list commands.
    from mediafp.case.common_stretches import iter_marked

    for kept in iter_marked(iter_joined(store.kept_matches(sha256), store), store):
        if kept.match:
            a, b = kept.pair
            yield MatchRecord(
                a=a,
                b=b,
                query=kept.query,
                channel=kept.channel,
                match=kept.match,
                a_sightings=tuple(store.sightings(a)),
                b_sightings=tuple(store.sightings(b)),
            )
