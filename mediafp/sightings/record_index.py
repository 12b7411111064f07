"""Records of one file by their keys: two numbers for each key, and a record is read when it is looked up.

As Python objects, a table of 8 MiB would take 600 MB.
"""

from array import array
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediafp.sightings.record_content import RecordContent
from mediafp.sightings.record_format import Record, RecordFile, RecordFormat
from mediafp.sightings.sidecar_content import UnusableSidecarError
from mediafp.sightings.sidecar_warnings import SidecarWarnings

MAX_RECORDS: Final = 10_000_000
"""Records of a file; the rest is not read. Chosen, not measured: their keys take 320 MB. The largest tables of the archive
of information operations have under 5 million."""
MAX_RECORDS_OF_KEY: Final = 100
"""Records that one key may find; the rest is not read. Chosen, not measured."""


class RecordIndex:
    """Records of one file by their keys. One thread at a time may use it."""

    def __init__(
        self, record_format: RecordFormat, content: RecordContent, file: RecordFile, warnings: SidecarWarnings
    ) -> None:
        """Read the keys of all records of a file; `warnings` receives the reason if a part of it cannot be read."""
        self.format, self.content, self._file = record_format, content, file
        hashes, numbers, offsets, named = array("q"), array("I"), array("Q"), bytearray()
        try:
            for entry in file.entries():
                if len(offsets) == MAX_RECORDS:
                    raise UnusableSidecarError(f"it has more than {MAX_RECORDS:,} rows")
                for key in dict.fromkeys(entry.keys):
                    hashes.append(hash(key))
                    numbers.append(len(offsets))
                offsets.append(entry.offset)
                named.append(entry.names_media)
        except UnusableSidecarError as error:
            warnings.add(f"skipped {'the rest of ' if offsets else ''}{content.name!r}: {error}")
        all_hashes = np.asarray(hashes, np.int64)
        order = np.argsort(all_hashes, kind="stable")
        self._hashes: NDArray[np.int64] = all_hashes[order]
        self._numbers: NDArray[np.uint32] = np.asarray(numbers, np.uint32)[order]
        self._offsets: NDArray[np.uint64] = np.asarray(offsets, np.uint64)
        self.named: NDArray[np.bool_] = np.asarray(named, np.bool_)
        """(N,), True for each record that names a media file."""

    @property
    def memory_bytes(self) -> int:
        """Memory that it takes."""
        arrays = (self._hashes, self._numbers, self._offsets, self.named)
        return self.content.memory_bytes + sum(one.nbytes for one in arrays)

    def numbers(self, key: str) -> Sequence[int]:
        """Return the numbers of the records with a key, in the order of the file; at most one more than are read."""
        value = hash(key)
        start = int(np.searchsorted(self._hashes, value))
        found: list[int] = []
        while start < len(self._hashes) and self._hashes[start] == value and len(found) <= MAX_RECORDS_OF_KEY:
            found.append(int(self._numbers[start]))
            start += 1
        return found

    def find(self, key: str, warnings: SidecarWarnings) -> Iterator[tuple[int, Record]]:
        """Yield number and content of each record with a key, in the order of the file."""
        numbers = self.numbers(key)
        if len(numbers) > MAX_RECORDS_OF_KEY:
            warnings.add(f"skipped further rows of {self.content.name!r}: over {MAX_RECORDS_OF_KEY} are of one file")
        for number in numbers[:MAX_RECORDS_OF_KEY]:
            record_warnings = SidecarWarnings()
            record = self.read(number, record_warnings)
            # Two keys may have one hash, and the file may have changed.
            if record and key in record.keys:
                warnings.extend(record_warnings)
                yield number, record

    def read(self, number: int, warnings: SidecarWarnings) -> Record | None:
        """Return a record by its number; None, with a warning, if it cannot be read."""
        try:
            return self._file.read(int(self._offsets[number]), warnings)
        except UnusableSidecarError as error:
            warnings.add(f"skipped a row of {self.content.name!r}: {error}")
            return None
