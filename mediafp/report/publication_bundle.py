"""The bundle of a publication: its page, its images and its lists in one zip file, equal for equal content."""

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mediafp.report.exports.csv import write_csv
from mediafp.report.publication_page import check_page, stated_list_hashes
from mediafp.types.media import Asset

LISTS: Final = ("hashes.csv", "hashes.json")
"""Names of the lists of files, in the order in which the page states their SHA-256."""
MANIFEST: Final = "manifest.json"
"""Name of the file that states the SHA-256 of every other file of the bundle."""
PICTURES: Final = "pictures/"
MAX_BUNDLE_BYTES: Final = 256 << 20
"""Bytes of a bundle that is checked. Chosen, not measured: a page has at most 40 MB."""
_COLUMNS: Final = ("name", "kind", "sha256", "bytes", "width", "height", "duration", "pdq", "pdq_quality")
_FIRST_DATE: Final = (1980, 1, 1, 0, 0, 0)
"""Time of each file of a bundle, the earliest of the format: equal content gives equal bytes."""
_UNIX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """One file of the case in the lists of a bundle."""

    name: str
    """Name on the page."""
    asset: Asset
    pdq: str | None
    """PDQ in hex, as ThreatExchange writes it; None for a video."""
    pdq_quality: int | None
    """PDQ's own measure of the gradients, 0 to 100."""

    def values(self) -> dict[str, object]:
        """Return the values of the lists."""
        width, height = self.asset.size
        return {
            "name": self.name,
            "kind": self.asset.kind,
            "sha256": self.asset.sha256,
            "bytes": self.asset.bytes,
            "width": width or None,
            "height": height or None,
            "duration": self.asset.properties.get("duration"),
            "pdq": self.pdq,
            "pdq_quality": self.pdq_quality,
        }


def write_lists(files: Sequence[ListedFile]) -> dict[str, bytes]:
    """Return the lists of files by name."""
    rows = [file.values() for file in files]
    table = io.StringIO(newline="")
    write_csv(table, _COLUMNS, ([row[name] for name in _COLUMNS] for row in rows), byte_order_mark=True)
    listed = json.dumps({"files": rows}, ensure_ascii=False, indent=1) + "\n"
    return dict(zip(LISTS, (table.getvalue().encode(), listed.encode()), strict=True))


def write_bundle(page_name: str, page: bytes, lists: Mapping[str, bytes], images: Mapping[str, bytes]) -> bytes:
    """Return the zip file of a sealed page with its lists and images, which are given by their names."""
    files = {page_name: page, **lists, **{f"{PICTURES}{name}": jpeg for name, jpeg in images.items()}}
    files[MANIFEST] = _write_manifest(files)
    return _write_zip(files)


def list_hashes(bundle: bytes) -> list[tuple[str, str]]:
    """Return name and SHA-256 of each file of a bundle that this program wrote, by name."""
    return sorted((name, hashlib.sha256(content).hexdigest()) for name, content in _read_zip(bundle).items())


def check_bundle(bundle: bytes) -> tuple[str | None, list[str]]:
    """Return the seal of a bundle, None without one, and what is wrong with it, one sentence each; none if it is intact."""
    try:
        files = _read_zip(bundle)
    except (zipfile.BadZipFile, ValueError, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        return None, [f"it is not an intact zip file of mediafp: {error}"]
    pages = [name for name in files if name.endswith(".html")]
    if len(pages) != 1:
        return None, [f"it contains {len(pages)} pages, not one"]
    page = files[pages[0]]
    seal, problems = check_page(page)
    manifest = files.pop(MANIFEST, b"")
    if manifest != _write_manifest(files):
        problems.append(f"{MANIFEST} does not state the SHA-256 of the files that are there")
    stated = stated_list_hashes(page)
    present = [hashlib.sha256(files[name]).hexdigest() for name in LISTS if name in files]
    if stated != present:
        problems.append("a list of hashes is not the one that the page states")
    for name, content in files.items():
        if name.startswith(PICTURES):
            if base64.b64encode(content) not in page:
                problems.append(f"'{name}' is not a picture of the page")
        elif name not in (pages[0], *LISTS):
            problems.append(f"'{name}' does not belong to the bundle")
    if not problems and _write_zip({**files, MANIFEST: manifest}) != bundle:
        problems.append("it contains bytes that belong to none of its files")
    return seal, problems


def _write_manifest(files: Mapping[str, bytes]) -> bytes:
    listed = [
        {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in sorted(files.items())
    ]
    return (json.dumps({"format": 1, "files": listed}, ensure_ascii=False, indent=1) + "\n").encode()


def _write_zip(files: Mapping[str, bytes]) -> bytes:
    """Return a zip file. Its files are not compressed: another version of zlib would write other bytes."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _FIRST_DATE)
            entry.create_system, entry.external_attr = _UNIX, 0o644 << 16
            archive.writestr(entry, content)
    return output.getvalue()


def _read_zip(bundle: bytes) -> dict[str, bytes]:
    """Return the content of each file of a zip file whose files are not compressed. Raises ValueError for another one."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        entries = archive.infolist()
        if any(e.compress_type != zipfile.ZIP_STORED for e in entries) or sum(e.file_size for e in entries) > len(
            bundle
        ):
            raise ValueError("a file in it is compressed")
        if len({entry.filename for entry in entries}) != len(entries):
            raise ValueError("two files in it have one name")
        return {entry.filename: archive.read(entry) for entry in entries}
