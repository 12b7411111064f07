"""A HEIC image of many tiles, as phones write it, made of the image of another file."""

import struct
from collections.abc import Iterator
from pathlib import Path

Boxes = dict[bytes, bytes]
"""Content of boxes by their type; the first of each."""


def heic_grid(source: Path, rows: int, columns: int) -> bytes:
    """Return a HEIC image whose tiles are all the first image in `source`, with the size that is coded there."""
    data = source.read_bytes()
    meta = _boxes(_boxes(data)[b"meta"][4:])
    shared = _boxes(_boxes(meta[b"iprp"])[b"ipco"])
    width, height = struct.unpack(">II", shared[b"ispe"][4:])
    # iloc of version 0: sizes, count, and for each item its number, data reference, base, extents, offset and length.
    base, _, offset, length = struct.unpack(">IHII", meta[b"iloc"][12:26])
    tile = data[base + offset : base + offset + length]
    count = rows * columns
    grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width * columns, height * rows)
    items = _item(1, b"grid", hidden=False) + b"".join(_item(n + 2, b"hvc1", hidden=True) for n in range(count))
    numbers = b"".join(struct.pack(">H", n + 2) for n in range(count))
    properties = _box(b"hvcC", shared[b"hvcC"]) + _box(b"ispe", shared[b"ispe"])
    properties += _full_box(b"ispe", struct.pack(">II", width * columns, height * rows))
    uses = struct.pack(">HBB", 1, 1, 3) + b"".join(struct.pack(">HBBB", n + 2, 2, 0x81, 2) for n in range(count))
    head = _box(b"ftyp", b"heic\0\0\0\0mif1heic")

    def meta_box(tile_offset: int) -> bytes:
        places = struct.pack(">HHHHII", 1, 1, 0, 1, 0, len(grid))
        places += b"".join(struct.pack(">HHHHII", n + 2, 0, 0, 1, tile_offset, length) for n in range(count))
        return _full_box(
            b"meta",
            _full_box(b"hdlr", b"\0\0\0\0pict" + bytes(13)),
            _full_box(b"pitm", struct.pack(">H", 1)),
            _full_box(b"iloc", struct.pack(">BBH", 0x44, 0, count + 1), places, version=1),
            _full_box(b"iinf", struct.pack(">H", count + 1), items),
            _full_box(b"iref", _box(b"dimg", struct.pack(">HH", 1, count), numbers)),
            _box(b"iprp", _box(b"ipco", properties), _full_box(b"ipma", struct.pack(">I", count + 1), uses)),
            _box(b"idat", grid),
        )

    return head + meta_box(len(head) + len(meta_box(0)) + 8) + _box(b"mdat", tile)


def _boxes(data: bytes) -> Boxes:
    found: Boxes = {}
    for name, content in _iter_boxes(data):
        found.setdefault(name, content)
    return found


def _iter_boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    start = 0
    while start < len(data):
        length, name = struct.unpack(">I4s", data[start : start + 8])
        yield name, data[start + 8 : start + length]
        start += length


def _box(name: bytes, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return struct.pack(">I4s", 8 + len(content), name) + content


def _full_box(name: bytes, *contents: bytes, version: int = 0, flags: int = 0) -> bytes:
    return _box(name, struct.pack(">I", version << 24 | flags), *contents)


def _item(number: int, name: bytes, *, hidden: bool) -> bytes:
    return _full_box(b"infe", struct.pack(">HH4s", number, 0, name), b"\0", version=2, flags=int(hidden))


def turned_heic(source: Path, quarters: int, mirror: int | None) -> bytes:
    """Return a HEIC image that is turned and mirrored when it is displayed.

    Args:
        source: File with one image, its properties associated with item 1, as scripts/heic_samples.py writes it.
        quarters: Quarter turns counter-clockwise, 0 to 3.
        mirror: How it is mirrored then: 0 top to bottom, 1 left to right, None for not at all (ISO/IEC 23008-12:2022).
    """
    data = source.read_bytes()
    boxes = dict(_iter_boxes(data))
    meta = dict(_iter_boxes(boxes[b"meta"][4:]))
    parts = dict(_iter_boxes(meta[b"iprp"]))
    added = [_box(b"irot", bytes([quarters]))] * bool(quarters)
    added += [] if mirror is None else [_box(b"imir", bytes([mirror]))]
    first = 1 + len(_boxes(parts[b"ipco"]))
    # ipma of version 0: count of items, then the number of one, how many properties, and each, essential by its first bit.
    head, known = parts[b"ipma"][:10], parts[b"ipma"][11:]
    uses = head + bytes([len(known) + len(added)]) + known + bytes(0x80 | (first + n) for n in range(len(added)))
    growth = sum(map(len, added)) + len(added)
    iloc = bytearray(meta[b"iloc"])
    # iloc of version 0: 8 bytes, then of each item its number, data reference, base, count of extents, and one of them.
    for start in range(8, len(iloc), 18):
        base = int.from_bytes(iloc[start + 4 : start + 8], "big")
        iloc[start + 4 : start + 8] = (base + growth).to_bytes(4, "big")
    meta[b"iloc"] = bytes(iloc)
    meta[b"iprp"] = _box(b"ipco", parts[b"ipco"], *added) + _box(b"ipma", uses)
    boxes[b"meta"] = boxes[b"meta"][:4] + b"".join(_box(name, content) for name, content in meta.items())
    return b"".join(_box(name, content) for name, content in boxes.items())
