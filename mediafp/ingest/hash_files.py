"""Files of hashes, as ThreatExchange, vPDQ, ImageHash and tables state them → hashes of a list."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final

from mediafp.types.errors import UsageError
from mediafp.types.hashes import HASH_BYTES, MIN_PDQ_QUALITY, HashAlgorithm, ListedHash, has_detail

MAX_HASH_FILE_BYTES: Final = 256 << 20
"""Largest file of hashes, in lines or as a table: two to four million. A million with labels take 8 CPU seconds and 300 MB."""
MAX_HASH_JSON_BYTES: Final = 64 << 20
"""Largest JSON text, which is read as a whole. Chosen, not measured."""
MAX_HASH_LINE_CHARS: Final = 1 << 20
"""Characters of a line, and of a cell: a vPDQ hash of 10,000 frames. Chosen, not measured."""
MAX_HASH_LABEL_CHARS: Final = 200
"""Characters of a label that are kept. Chosen, not measured."""
SIGNAL_TYPES: Final[Mapping[str, HashAlgorithm]] = {
    "pdq": "pdq", "hash_pdq": "pdq", "vpdq": "pdq", "video_pdq": "pdq", "hash_video_vpdq": "pdq", "hash_pdq_ocr": "pdq",
    "phash": "phash", "dhash": "dhash", "sha256": "sha256", "sha-256": "sha256", "hash_sha256": "sha256",
}  # fmt: skip
"""Algorithms by the names that ThreatExchange and others give them; vPDQ is PDQ of frames."""
_HASH_KEYS: Final = ("hash", "indicator", "signal", "value", "hex")
_TYPE_KEYS: Final = ("algorithm", "type", "indicator_type", "signal_type")
_LABEL_KEYS: Final = ("label", "description", "name", "title", "filename", "file", "tags", "comment")
_QUALITY_KEYS: Final = ("quality", "pdq_quality")
_KNOWN_KEYS: Final = frozenset((*_HASH_KEYS, *_TYPE_KEYS, *_LABEL_KEYS, *_QUALITY_KEYS, *SIGNAL_TYPES))
_HEX: Final = re.compile(r"(?:0x)?([0-9a-f]{16}|[0-9a-f]{64})", re.IGNORECASE)
_PREFIX: Final = re.compile(r"([a-z_0-9-]+)\s*[:\s]\s*(.+)", re.IGNORECASE)

type OnSkipped = Callable[[str], object]
"""Gets the place of what was skipped, and the reason: `line 3: …`."""


class _UnusableError(Exception):
    """One entry states no hash that can be used."""


def read_hash_file(
    path: Path, on_skipped: OnSkipped, *, algorithm: HashAlgorithm | None = None
) -> Iterator[ListedHash]:
    """Yield the hashes of a file; what cannot be used is skipped.

    Args:
        path: Text, CSV, JSON or JSON Lines.
        on_skipped: Called for each entry that is skipped.
        algorithm: Algorithm of hashes whose algorithm is not stated; None to take 64 digits for PDQ.

    Raises:
        UsageError: The file cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            if size > MAX_HASH_FILE_BYTES:
                raise UsageError(
                    f"cannot import {str(path)!r}: it has {size:,} bytes, and the limit is {MAX_HASH_FILE_BYTES:,}; split it"
                )
            text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
            yield from _Reader(path, on_skipped, algorithm).read(text, size)
    except OSError as error:
        raise UsageError(f"cannot import {str(path)!r}: {error.strerror}; choose a file of hashes") from error
    except ValueError as error:
        # A name with a null byte.
        raise UsageError(f"cannot import {str(path)!r}: {error}; choose a file of hashes") from error


class _Reader:
    def __init__(self, path: Path, on_skipped: OnSkipped, algorithm: HashAlgorithm | None) -> None:
        self._path = path
        self._on_skipped = on_skipped
        self._algorithm = algorithm

    def read(self, text: io.TextIOWrapper, size: int) -> Iterator[ListedHash]:
        first = text.readline(MAX_HASH_LINE_CHARS)
        lines = chain([first], iter(lambda: text.readline(MAX_HASH_LINE_CHARS), ""))
        if first.lstrip()[:1] in ("{", "["):
            yield from self._read_json(first, lines, size)
            return
        header = next(csv.reader([first], delimiter=_delimiter(first)), []) if first.strip() else []
        names = [name.strip().lower() for name in header]
        if set(names) & set((*_HASH_KEYS, *SIGNAL_TYPES)) and not any(map(_HEX.fullmatch, names)):
            yield from self._read_table(names, lines, _delimiter(first))
            return
        for number, line in enumerate(lines, 1):
            yield from self._read(f"line {number}", partial(self._from_line, line.strip()))

    def _read_json(self, first: str, lines: Iterator[str], size: int) -> Iterator[ListedHash]:
        try:
            json.loads(first)
            # A value in one line: JSON Lines, or a file of one line.
        except (ValueError, RecursionError):
            pass
        else:
            for number, line in enumerate(lines, 1):
                try:
                    yield from self._read_value(_parse_json(line), f"line {number}")
                except _UnusableError as error:
                    self._on_skipped(f"line {number}: {error}")
            return
        if size > MAX_HASH_JSON_BYTES:
            raise UsageError(
                f"cannot import {str(self._path)!r}: as one JSON text it has {size:,} bytes, and the limit is"
                f" {MAX_HASH_JSON_BYTES:,}; write one object in a line"
            )
        try:
            value = json.loads("".join(lines))
        except (ValueError, RecursionError) as error:
            raise UsageError(f"cannot import {str(self._path)!r}: it is no valid JSON: {error}; correct it") from error
        yield from self._read_value(value, "the file")

    def _read_value(self, value: Any, place: str) -> Iterator[ListedHash]:
        """Yield the hashes of a JSON value, entry by entry if it is a list, or an object with a list `data` (ThreatExchange)."""
        if isinstance(value, dict) and isinstance(value.get("data"), list):
            value = value["data"]
        if not isinstance(value, list):
            yield from self._read(place, partial(self._from_json, value, ""))
            return
        for number, entry in enumerate(value, 1):
            yield from self._read(f"{place}, entry {number}", partial(self._from_json, entry, ""))

    def _read_table(self, names: Sequence[str], lines: Iterator[str], delimiter: str) -> Iterator[ListedHash]:
        next(lines)
        rows = csv.reader(lines, delimiter=delimiter)
        while True:
            try:
                row = next(rows, None)
            except csv.Error as error:
                self._on_skipped(f"line {rows.line_num + 1}: {error}")
                continue
            if row is None:
                return
            if any(cell.strip() for cell in row):
                # An apostrophe before a cell keeps a spreadsheet from computing it.
                cells = (cell.strip().removeprefix("'") for cell in row)
                stated = dict(zip(names, cells, strict=False))
                yield from self._read(f"line {rows.line_num + 1}", partial(self._from_fields, stated))

    def _read(self, place: str, parse: Callable[[], Iterator[ListedHash]]) -> Iterator[ListedHash]:
        """Yield the hashes of one entry; name what cannot be used."""
        try:
            yield from parse()
        except _UnusableError as error:
            self._on_skipped(f"{place}: {error}")

    def _from_line(self, line: str) -> Iterator[ListedHash]:
        """Yield the hashes of a line: `HEX`, `pdq:HEX`, `pdq HEX`, `vpdq [JSON]`, or cells as the tools of PDQ write them."""
        if not line or line.startswith("#"):
            return
        if len(line) >= MAX_HASH_LINE_CHARS - 1:
            raise _UnusableError(f"the line has more than {MAX_HASH_LINE_CHARS:,} characters")
        prefix = _PREFIX.fullmatch(line)
        if prefix and prefix[1].lower() in SIGNAL_TYPES:
            algorithm, signal = SIGNAL_TYPES[prefix[1].lower()], prefix[2].strip()
            if signal.startswith(("[", "{")):
                yield from self._from_json(_parse_json(signal), "")
                return
            found, _, label = signal.partition(" ")
            yield self._listed(found, algorithm, label)
            return
        cells = [cell.strip().rpartition("=")[2] for cell in line.split("," if "," in line else None)]
        at = next((number for number, cell in enumerate(cells) if _HEX.fullmatch(cell)), None)
        if at is None:
            raise _UnusableError(f"{line[:40]!r} is no hash")
        # vPDQ writes frame, quality, hash and second, the tools of PDQ hash, quality and name.
        numbers = [
            int(cell) for cell in (*cells[at + 1 : at + 2], *cells[at - 1 : at]) if re.fullmatch(r"\d{1,3}", cell)
        ]
        label = next(
            (cell for cell in reversed(cells) if not re.fullmatch(r"(?:0x)?[0-9a-f.]+", cell, re.IGNORECASE)), ""
        )
        yield self._listed(cells[at], None, label, numbers[0] if numbers and len(cells) > 1 else None)

    def _from_json(self, value: Any, label: str) -> Iterator[ListedHash]:
        """Yield the hashes of a JSON value: an object, a hash, or the list of a video's frames as vPDQ writes them."""
        if isinstance(value, list):
            for entry in value:
                yield from self._from_json(entry, label)
        elif isinstance(value, str):
            yield from self._from_frame(value, label)
        elif isinstance(value, dict) and not _KNOWN_KEYS & value.keys() and value:
            # The older form of vPDQ: an object of frames by their numbers.
            for frame in value.values():
                yield from self._from_json(frame, label)
        elif isinstance(value, dict):
            yield from self._from_fields({key.lower(): field for key, field in value.items()}, label)
        else:
            raise _UnusableError(f"{str(value)[:40]!r} is no hash")

    def _from_frame(self, text: str, label: str) -> Iterator[ListedHash]:
        """Yield the hash of a frame, `HEX,QUALITY,SECOND` as vPDQ writes it; none if its quality is too low to be used."""
        cells = text.split(",")
        if len(cells) == 3 and cells[1].strip().isdecimal():
            if int(cells[1]) >= MIN_PDQ_QUALITY:
                yield self._listed(cells[0], "pdq", label)
        else:
            yield from (self._listed(one.hash.hex(), one.algorithm, label) for one in self._from_line(text))

    def _from_fields(self, fields: Mapping[str, Any], label: str = "") -> Iterator[ListedHash]:
        """Yield the hashes of a row or an object by its named fields."""
        label = next((_as_label(fields[key]) for key in _LABEL_KEYS if fields.get(key)), label)
        quality = next((_as_quality(fields[key]) for key in _QUALITY_KEYS if fields.get(key) not in (None, "")), None)
        kind = next((str(fields[key]).lower() for key in _TYPE_KEYS if fields.get(key)), None)
        if kind is not None and kind not in SIGNAL_TYPES:
            raise _UnusableError(f"hashes of the kind {kind[:40]!r} are not compared")
        stated = [(fields[key], SIGNAL_TYPES[kind] if kind else None) for key in _HASH_KEYS if fields.get(key)][:1]
        stated += [(fields[key], SIGNAL_TYPES[key]) for key in SIGNAL_TYPES if fields.get(key)]
        if not stated:
            raise _UnusableError("it states no hash")
        for value, algorithm in stated:
            text = value.strip() if isinstance(value, str) else value
            if isinstance(text, str) and text[:1] not in ("[", "{"):
                prefix, _, rest = text.partition(":")
                if rest and prefix.lower() in SIGNAL_TYPES:
                    text, algorithm = rest.strip(), SIGNAL_TYPES[prefix.lower()]
                yield self._listed(text, algorithm, label, quality)
            else:
                yield from self._from_json(_parse_json(text) if isinstance(text, str) else text, label)

    def _listed(self, text: str, algorithm: HashAlgorithm | None, label: str, quality: int | None = None) -> ListedHash:
        found = _HEX.fullmatch(text.strip())
        if not found:
            raise _UnusableError(f"{text[:40]!r} is no hash of 16 or 64 hexadecimal digits")
        digits = found[1]
        algorithm = algorithm or self._algorithm or ("pdq" if len(digits) == 64 else None)
        if algorithm is None:
            raise _UnusableError("16 digits are a pHash or a dHash; state which with --algorithm")
        if len(digits) != 2 * HASH_BYTES[algorithm]:
            raise _UnusableError(f"a hash of {algorithm} has {2 * HASH_BYTES[algorithm]} digits, not {len(digits)}")
        if algorithm == "pdq" and quality is not None and quality < MIN_PDQ_QUALITY:
            raise _UnusableError(f"its quality is {quality}, and PDQ is not used below {MIN_PDQ_QUALITY}")
        if not has_detail(algorithm, bytes.fromhex(digits)):
            raise _UnusableError(f"it is the {algorithm} of a flat image, which is near to that of all others")
        return ListedHash(algorithm=algorithm, hash=bytes.fromhex(digits), label=label.strip()[:MAX_HASH_LABEL_CHARS])


def _delimiter(line: str) -> str:
    return max(",\t;", key=line.count)


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text) if text.strip() else []
    except (ValueError, RecursionError) as error:
        raise _UnusableError(f"it is no valid JSON: {error}") from error


def _as_label(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _as_quality(value: Any) -> int:
    try:
        return round(float(value))
    except (ValueError, OverflowError, TypeError):
        raise _UnusableError(f"its quality is {str(value)[:20]!r}") from None
