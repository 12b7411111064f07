"""Assets and matches as messages contain them."""

import json
from dataclasses import asdict

import msgspec

from mediafp.engine.comparison.references import StoredRows
from mediafp.fingerprints.registry import fingerprint_type
from mediafp.types.arrays import pack_arrays, unpack_arrays
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.matches import Match
from mediafp.types.media import Asset, FrameTrack, Kind


class _PackedRows(msgspec.Struct, frozen=True):
    """Spans, vectors and quality of a fingerprint."""

    name: str
    data: bytes


class _PackedAsset(msgspec.Struct, frozen=True, kw_only=True):
    """An asset with the rows that it is compared by."""

    kind: Kind
    bytes: int
    properties: str
    """The properties as JSON, whose texts may have lone surrogates."""
    rows: list[_PackedRows]


_asset_decoder = msgspec.msgpack.Decoder(_PackedAsset)


def pack_rows(rows: StoredRows) -> bytes:
    """Return an asset with its rows as bytes."""
    packed = [_PackedRows(one.type, pack_arrays(one.spans, one.vectors, one.quality)) for one in rows.fingerprints]
    asset = rows.asset
    return msgspec.msgpack.encode(
        _PackedAsset(kind=asset.kind, bytes=asset.bytes, properties=json.dumps(dict(asset.properties)), rows=packed)
    )


def unpack_rows(sha256: str, data: bytes) -> StoredRows:
    """Return an asset with its rows; the bytes come from the process that has the store."""
    packed = _asset_decoder.decode(data)
    asset = Asset(sha256=sha256, kind=packed.kind, bytes=packed.bytes, properties=json.loads(packed.properties))
    return StoredRows.of(asset, (_to_fingerprint(sha256, one) for one in packed.rows))


def _to_fingerprint(sha256: str, packed: _PackedRows) -> Fingerprint:
    spans, vectors, quality = unpack_arrays(packed.data)
    return Fingerprint(
        sha256=sha256,
        type=packed.name,
        version=fingerprint_type(packed.name).version,
        spans=spans,  # type: ignore[arg-type]
        vectors=vectors,  # type: ignore[arg-type]
        quality=quality,  # type: ignore[arg-type]
    )


def pack_track(track: FrameTrack) -> bytes:
    """Return a frame track as bytes."""
    return pack_arrays(track.spans, track.pixels)


def unpack_track(data: bytes) -> FrameTrack:
    """Return a frame track; the bytes come from the process that has the store."""
    spans, pixels = unpack_arrays(data)
    return FrameTrack(spans=spans, pixels=pixels)  # type: ignore[arg-type]


def pack_match(match: Match) -> bytes:
    """Return a match as JSON."""
    return json.dumps(asdict(match)).encode()


def unpack_match(data: bytes) -> Match:
    """Return a match that another process sent; its values are not checked yet. Raises ValueError."""
    try:
        return msgspec.convert(json.loads(data), Match)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"the bytes are no match: {error}") from error
