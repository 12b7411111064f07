"""Sidecars of made folders, read as an ingest does."""

import json
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from mediafp.ingest.sidecar_folders import sidecar_folders
from mediafp.sightings.sidecars import SidecarReader
from mediafp.types.sightings import SightingFields


def write_json(path: Path, record: object) -> None:
    """Write a JSON file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")


def read_sightings(root: Path, name: str, *, expect_warnings: bool = False) -> list[dict[str, object]]:
    """Return the fields of each sighting that sidecars state of a media file, without those that are None and `source`."""
    path = root / name
    contents = SidecarReader().read(path.name, sidecar_folders(path, root))
    assert bool(contents.warnings) == expect_warnings, contents.warnings
    return [
        {key: value for key, value in asdict(fields).items() if value is not None and key != "source"}
        for fields in contents.sightings
    ]


def unused_warnings(root: Path, name: str) -> list[str]:
    """Return the warnings about a sidecar that no media file was found for."""
    path = root / name
    return list(SidecarReader().unused_parts(path.name, sidecar_folders(path, root)))


def read_fields(path: Path) -> tuple[SightingFields, list[str]]:
    """Return the first sighting that sidecars beside a media file state, or an empty one, and the warnings."""
    with closing(SidecarReader()) as reader:
        contents = reader.read(path.name, sidecar_folders(path, path.parent))
    return (contents.sightings or (SightingFields(),))[0], list(contents.warnings)
