"""The matches of a file whose content is an asset of the store, from what was kept."""

from collections.abc import Callable, Iterator

from mediafp.case.joined_matches import iter_joined, seen_from
from mediafp.case.match_sources import iter_with_sources
from mediafp.matching.images.text_evidence import QueryText, TextLines, add_text_evidence
from mediafp.store import Store
from mediafp.types.errors import StoreError
from mediafp.types.geometry import image_corners
from mediafp.types.kept_matches import KeptMatch
from mediafp.types.matches import SAME_BYTES, Match, Placement, Point, Segment, SegmentChannel, by_probability
from mediafp.types.media import Asset


def known_matches(
    store: Store, asset: Asset, *, speech: bool, ocr_lines: Callable[[Match], TextLines | None]
) -> list[Match]:
    """Return the asset itself, and then its kept matches by falling probability.

    Args:
        store: The store, which has compared the asset.
        asset: The asset.
        speech: False to leave out matches of scripts.
        ocr_lines: Function that returns the text in the image of a match, None if it is unknown.
    """
    text = QueryText.find(store.ocr_lines(asset.sha256), asset)
    kept = (one for one in iter_joined(store.kept_matches(asset.sha256), store) if speech or one.channel != "script")
    matches = [add_text_evidence(match, text, ocr_lines) for match in _iter_undamaged(kept, asset, store)]
    matches.sort(key=by_probability)
    return [identical_match(store, asset), *matches]


def _iter_undamaged(kept: Iterator[KeptMatch], asset: Asset, store: Store) -> Iterator[Match]:
    """Yield kept matches seen from an asset, without those whose other asset is damaged."""
    for one in kept:
        try:
            yield seen_from(one, asset, store)
        except StoreError as error:
            store.on_damage(one.query, str(error))


def find_own_match(store: Store, sha256: str | None) -> Match | None:
    """Return the match of a query with itself, with all of its sightings and clues; None if the store does not contain it."""
    asset = next(iter(store.assets({sha256})), None) if sha256 else None
    if asset is None:
        return None
    return next(iter_with_sources([identical_match(store, asset)], store, query=(asset.sha256, None)), None)


def identical_match(store: Store, asset: Asset) -> Match:
    """Return the match of a file with the asset that has the same content."""
    is_image, end = asset.kind == "image", float(asset.properties.get("duration") or 0.0)
    channels: list[SegmentChannel] = ["picture"] if all(asset.size) else []
    channels += ["voice"] if asset.properties.get("has_sound") else []
    return Match(
        sha256=asset.sha256,
        uris=store.uris(asset.sha256),
        kind=asset.kind,
        relation="copy" if is_image else "same_video",
        verdict="copy",
        probability=1.0,
        coverage=(1.0, 1.0),
        placement=_whole_placement(asset) if is_image else None,
        segments=() if is_image else tuple(_whole_segment(channel, end) for channel in channels),
        why=(SAME_BYTES,),
    )


def _whole_segment(channel: SegmentChannel, end: float) -> Segment:
    """Return the segment of a whole video in itself."""
    return Segment(channel=channel, query=(0.0, end), reference=(0.0, end), speed=1.0, mirrored=False, score=1.0)


def _whole_placement(asset: Asset) -> Placement:
    """Return the placement of an image in itself."""
    quad: tuple[Point, ...] = tuple((float(x), float(y)) for x, y in image_corners(*asset.size))
    return Placement(
        quad=quad,  # type: ignore[arg-type]
        overlap=quad,
        covered=1.0,
        shown=1.0,
        mirrored=False,
        rotation=0.0,
        scale=1.0,
        removed=(0.0, 0.0, 0.0, 0.0),
        inliers=0,
    )
