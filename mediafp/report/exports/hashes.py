"""The hashes of a case as other tools read them: PDQ and vPDQ of ThreatExchange, pHash and dHash of ImageHash."""

import json
from collections.abc import Collection, Iterator
from typing import Final, Literal, NamedTuple, get_args

from mediafp.report.exports.csv import keep_as_text
from mediafp.report.exports.exchange_texts import exchange_name
from mediafp.types.exchange import AssetHashes
from mediafp.types.hashes import MIN_PDQ_QUALITY, HashAlgorithm, has_detail

SignalType = Literal["pdq", "vpdq", "phash", "dhash", "sha256"]
SIGNAL_TYPES: Final[tuple[SignalType, ...]] = get_args(SignalType)
HASH_COLUMNS: Final = ("sha256", "kind", "name", "algorithm", "hash", "quality", "page")
"""The columns of `export hashes --csv`, which `import-hashes` reads."""


class HashLine(NamedTuple):
    """One hash of an asset, or that of a video with all of its frames."""

    sha256: str
    kind: str
    uri: str
    algorithm: SignalType
    hash: str
    """Hexadecimal digits; of a video a JSON list of `HEX,QUALITY,SECOND`."""
    quality: int | None
    """PDQ quality, 0..100."""
    page: int | None
    """Page of an image, from 1."""

    @property
    def is_usable(self) -> bool:
        """False for a PDQ hash that ThreatExchange does not use, and for that of a flat image, which is near to all others."""
        if self.algorithm == "vpdq":
            return True
        has_quality = self.quality is None or self.quality >= MIN_PDQ_QUALITY
        return has_quality and has_detail(self.algorithm, bytes.fromhex(self.hash))

    @property
    def text(self) -> str:
        """The line that `threatexchange hash` prints, and that it reads from a file: type and hash."""
        return f"{self.algorithm} {self.hash}"


def iter_hash_lines(hashes: AssetHashes, only: Collection[SignalType] = SIGNAL_TYPES) -> Iterator[HashLine]:
    """Yield the hashes of one asset: of an image those of each page, of a video vPDQ."""
    head = (hashes.sha256, hashes.kind, hashes.uri)
    if "sha256" in only:
        yield HashLine(*head, "sha256", hashes.sha256, None, None)
    if hashes.kind == "video":
        frames = hashes.rows.get("pdq")
        if "vpdq" in only and frames is not None:
            yield HashLine(*head, "vpdq", _frames_text(hashes), None, None)
        return
    image_types: tuple[HashAlgorithm, ...] = ("pdq", "phash", "dhash")
    for name in image_types:
        rows = hashes.rows.get(name)
        if name == "sha256" or name not in only or rows is None:
            continue
        for page, (row, quality) in enumerate(zip(rows.vectors, rows.quality.tolist(), strict=True), 1):
            stated = round(100 * quality) if name == "pdq" else None
            yield HashLine(*head, name, row.tobytes().hex(), stated, page)


def hash_row(line: HashLine, *, paths: bool) -> list[object]:
    """Return one row of `export hashes --csv`, in the order of HASH_COLUMNS."""
    name = exchange_name(line.uri, paths=paths)
    # Sixteen digits, or digits around an `e`, are a number to a spreadsheet.
    return [line.sha256, line.kind, name, line.algorithm, keep_as_text(line.hash), line.quality, line.page]


def _frames_text(hashes: AssetHashes) -> str:
    """Return the frames of a video as vPDQ writes them, each with its quality and its second."""
    frames = hashes.rows["pdq"]
    spans, qualities = frames.spans.tolist(), frames.quality.tolist()
    return json.dumps([
        f"{row.tobytes().hex()},{round(100 * quality)},{span[0]:.3f}"
        for row, quality, span in zip(frames.vectors, qualities, spans, strict=True)
    ])  # fmt: skip
