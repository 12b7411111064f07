"""The header of a thumbnail: a JPEG of the one form in which mediafp writes them, checked before any library decodes it.

A thumbnail comes from a worker that an attacker may have taken over, or from a store that was changed. What passes is a
baseline JPEG of one scan and one JFIF header, without metadata, of at most `MAX_THUMBNAIL_SIDE` pixels a side: libjpeg needs
little memory and time for it, and decodes it whatever its scan contains.
"""

import re
import struct
from typing import Final

from mediafp.types.errors import CorruptMedia

MAX_THUMBNAIL_SIDE: Final = 512
"""Longest side of a thumbnail, pixels: that of the thumbnail of an image, on which placement works. Chosen, not measured."""
MAX_THUMBNAIL_JPEG_BYTES: Final = 1 << 20
"""Bytes of one thumbnail. White noise of 512 x 512 pixels at JPEG quality 85 has 243,000."""
_JFIF_HEADER: Final = re.compile(rb"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01.{6}\x00\x00", re.DOTALL)
"""Start of image, and the JFIF segment without a thumbnail of its own."""
_SCAN_END: Final = re.compile(rb"\xff[^\x00\xd0-\xd7]")
"""The first marker in a scan that is neither a stuffed byte nor a restart marker."""
_DQT, _SOF0, _DHT, _SOS, _DRI, _EOI = 0xDB, 0xC0, 0xC4, 0xDA, 0xDD, 0xD9
_MAX_TABLES: Final = 4
"""Quantisation tables, and Huffman tables of each class, that a baseline JPEG may define."""
_SAMPLINGS: Final = (
    {1: [0x11]},
    {1: [0x11], 2: [0x11], 3: [0x11]},
    {1: [0x21], 2: [0x11], 3: [0x11]},
    {1: [0x22], 2: [0x11], 3: [0x11]},
)
"""Component numbers with their sampling factors: grey, 4:4:4, 4:2:2 and 4:2:0."""


def thumbnail_size(jpeg: bytes) -> tuple[int, int]:
    """Return width and height of a thumbnail in pixels, from its header.

    Raises:
        ValueError: The bytes are not a JPEG as mediafp writes them, or it is larger than a thumbnail.
    """
    if len(jpeg) > MAX_THUMBNAIL_JPEG_BYTES:
        raise ValueError(f"a thumbnail of {len(jpeg)} bytes, more than {MAX_THUMBNAIL_JPEG_BYTES}")
    if not _JFIF_HEADER.match(jpeg):
        raise ValueError("a thumbnail that is not a JPEG with a JFIF header")
    header = _Header()
    position = 20
    while not header.read_segment(*_segment(jpeg, position)):
        position += 2 + _length(jpeg, position)
    scan_start = position + 2 + _length(jpeg, position)
    end = _SCAN_END.search(jpeg, scan_start)
    if end is None or end[0][1] != _EOI or end.end() != len(jpeg):
        raise ValueError("a thumbnail whose scan does not reach to its end, or that has several")
    return header.size


def check_stored_thumbnail(jpeg: bytes) -> tuple[int, int]:
    """Return width and height of a stored thumbnail in pixels, from its header. Raises CorruptMedia if it is damaged."""
    try:
        return thumbnail_size(jpeg)
    except (ValueError, TypeError) as error:
        raise CorruptMedia(f"cannot decode a stored thumbnail: it is damaged ({error}); run: mediafp verify") from error


def _length(jpeg: bytes, position: int) -> int:
    return int.from_bytes(jpeg[position + 2 : position + 4], "big")


def _segment(jpeg: bytes, position: int) -> tuple[int, bytes]:
    """Return marker and content of the segment at a position."""
    length = _length(jpeg, position)
    content = jpeg[position + 4 : position + 2 + length]
    if jpeg[position : position + 1] != b"\xff" or length < 2 or len(content) != length - 2:
        raise ValueError("a thumbnail with a truncated header")
    return jpeg[position + 1], content


class _Header:
    """The tables and the size that the header of a JPEG states."""

    def __init__(self) -> None:
        self.size = (0, 0)
        self._components: dict[int, int] = {}
        """Quantisation table of each component."""
        self._quantisation: set[int] = set()
        self._huffman: set[int] = set()
        """Class and number of each Huffman table, as one byte."""

    def read_segment(self, marker: int, content: bytes) -> bool:
        """Read one segment, and return True if the scan follows it. Raises ValueError."""
        if marker == _DQT:
            self._read_quantisation_tables(content)
        elif marker == _DHT:
            self._read_huffman_tables(content)
        elif marker == _SOF0 and not self._components:
            self._read_frame(content)
        elif marker == _DRI:
            if len(content) != 2:
                raise ValueError("a thumbnail with a damaged restart interval")
        elif marker == _SOS and self._components:
            self._read_scan(content)
            return True
        else:
            raise ValueError(f"a thumbnail with the JPEG marker {marker:#04x}, which no thumbnail has there")
        return False

    def _read_quantisation_tables(self, content: bytes) -> None:
        if not content or len(content) % 65:
            raise ValueError("a thumbnail with a damaged quantisation table")
        for start in range(0, len(content), 65):
            number = content[start]
            if number >= _MAX_TABLES or 0 in content[start + 1 : start + 65]:
                raise ValueError("a thumbnail with a damaged quantisation table")
            self._quantisation.add(number)

    def _read_huffman_tables(self, content: bytes) -> None:
        position = 0
        while position < len(content):
            table, counts = content[position], content[position + 1 : position + 17]
            symbols = content[position + 17 : position + 17 + sum(counts)]
            codes = 0
            for length, count in enumerate(counts, 1):
                codes = codes * 2 + count
                # The last code of a length is all ones, which JPEG reserves.
                if codes >= 1 << length:
                    raise ValueError("a thumbnail with a damaged Huffman table")
            is_dc = table < 0x10
            if (
                (table & 0xEF) >= _MAX_TABLES
                or len(counts) != 16
                or not 0 < sum(counts) == len(symbols) <= 256
                or (is_dc and max(symbols) > 15)
            ):
                raise ValueError("a thumbnail with a damaged Huffman table")
            self._huffman.add(table)
            position += 17 + len(symbols)

    def _read_frame(self, content: bytes) -> None:
        if len(content) < 6 or len(content) != 6 + 3 * content[5] or content[0] != 8:
            raise ValueError("a thumbnail that is not a baseline JPEG of 8 bits")
        height, width = struct.unpack_from(">HH", content, 1)
        if not (1 <= width <= MAX_THUMBNAIL_SIDE and 1 <= height <= MAX_THUMBNAIL_SIDE):
            raise ValueError(f"a thumbnail of {width} x {height} pixels; its sides are 1 to {MAX_THUMBNAIL_SIDE}")
        parts = [content[start : start + 3] for start in range(6, len(content), 3)]
        if {number: [sampling] for number, sampling, _ in parts} not in _SAMPLINGS or len(parts) == 2:
            raise ValueError("a thumbnail with components that no thumbnail has")
        self.size, self._components = (width, height), {number: table for number, _, table in parts}

    def _read_scan(self, content: bytes) -> None:
        count = len(self._components)
        expected_numbers = list(self._components)
        if len(content) != 4 + 2 * count or content[0] != count or content[-3:] != b"\x00\x3f\x00":
            raise ValueError("a thumbnail that is not a baseline JPEG of one scan")
        numbers, tables = list(content[1:-3:2]), list(content[2:-3:2])
        used = {table >> 4 for table in tables} | {0x10 | (table & 0x0F) for table in tables}
        if (
            numbers != expected_numbers
            or not used <= self._huffman
            or not set(self._components.values()) <= self._quantisation
        ):
            raise ValueError("a thumbnail whose scan refers to a missing table or component")
