"""Versions of what an analysis of a file computes."""

from typing import Final

from mediafp.fingerprints.registry import computed_types
from mediafp.types.media import Kind

DECODING_VERSION: Final = "6"
"""Version of how files are decoded and frames are sampled; raise it if the same bytes give other rows."""


def fingerprint_versions(kind: Kind, *, reference_crops: bool) -> dict[str, str]:
    """Return the version of each fingerprint type that is stored for an asset of this kind, by name."""
    return {stored.name: stored.version for stored in computed_types(kind, reference_crops=reference_crops)}


def analysis_version(*, reference_crops: bool) -> str:
    """Return the version of all that an analysis computes; a file ingested by another version is checked again."""
    versions = fingerprint_versions("image", reference_crops=reference_crops)
    versions |= fingerprint_versions("video", reference_crops=reference_crops)
    return ";".join((DECODING_VERSION, *(f"{name}={version}" for name, version in versions.items())))
