"""Places of the records in a JSON file of any size, read in blocks: nothing of it becomes a Python object."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from mediafp.sightings.sidecar_content import UnusableSidecarError

MAX_JSON_RECORD_BYTES: Final = 8 << 20
"""Bytes of one record, such as a page of 100 posts with their authors; larger ones are skipped. A page of X's interface
has about 1 MB."""
MAX_HEADER_BYTES: Final = 64 << 10
"""Bytes, on each side of its list of records, of the object that holds the list. Chosen, not measured."""
_BLOCK_BYTES: Final = 256 << 10
"""Bytes read at once. Chosen, not measured."""
MAX_DEPTH: Final = 1_000
"""Lists and objects in a record that lie in each other. Chosen, not measured."""
_KEY_BYTES: Final = 100
"""Bytes of a key and the space after it, before the list or object that it names. Chosen, not measured."""
_KEY: Final = re.compile(rb'"([^"\\]*+)"\s*+:\s*+$')
_BETWEEN: Final = rb'[^"{}\[\]]*+(?:"(?:[^"\\]++|\\.)*+"[^"{}\[\]]*+)*+'
_FLAT: Final = re.compile(_BETWEEN, re.DOTALL)
"""Whole texts, numbers and commas."""
_BRACKET: Final = re.compile(_BETWEEN + rb"[{}\[\]]", re.DOTALL)
"""A bracket outside texts, and what is before it."""
_STARTS: Final = b"{["
_LIST_START: Final = ord("[")

type ListPath = tuple[str, ...]
"""Keys that lead to a list from the outermost value; `*` for each element of a list."""


@dataclass(frozen=True, slots=True)
class Span:
    """Place of a record."""

    offset: int
    length: int
    group: int
    """Number of the list that holds it, in `SpanScanner.groups`."""


@dataclass(slots=True)
class Group:
    """Place of a list of records, and of the object that holds it, such as a chat; the ends are 0 until they are found."""

    object_offset: int
    list_offset: int
    list_end: int = 0
    object_end: int = 0


@dataclass(slots=True)
class _Open:
    """A list or object that leads to records and is not closed."""

    path: ListPath
    offset: int
    is_list: bool
    groups: tuple[int, ...] = ()
    """Numbers of the groups to which its end belongs."""


class SpanScanner:
    """Scanner of a JSON file for the elements of some lists, or for all outermost values of a file of lines."""

    def __init__(self, read: Callable[[int, int], bytes], lists: Iterable[ListPath] | None, start: int = 0) -> None:
        """Take what reads the file.

        Args:
            read: Function that returns the bytes at an offset, of which it gets the number.
            lists: Paths of the lists of records; None if each outermost value is a record.
            start: Offset of the outermost value.
        """
        self._read, self._start = read, start
        self._lists = None if lists is None else frozenset(lists)
        self._ways = frozenset(path[:length] for path in self._lists or () for length in range(len(path) + 1))
        self.groups: list[Group] = []
        """Lists of records in the order of the file."""
        self.too_large = 0
        """Records that were skipped because of their size."""

    def spans(self) -> Iterator[Span]:
        """Yield the place of each record in the order of the file.

        Raises:
            UnusableSidecarError: The file is not valid JSON, as far as its brackets show it, or cannot be read.
        """
        opened: list[_Open] = []
        depth, record_offset = 0, -1
        for held, position, base in self._brackets():
            offset, bracket = base + position, held[position]
            if bracket in _STARTS:
                if depth:
                    depth += 1
                    if depth > MAX_DEPTH:
                        raise UnusableSidecarError("its values are nested too deeply")
                    continue
                path = self._child_path(opened, held, position)
                if self._lists is None or (opened and opened[-1].is_list and opened[-1].path in self._lists):
                    depth, record_offset = 1, offset
                elif path is not None and path in self._ways:
                    opened.append(self._open(opened, path, offset, is_list=bracket == _LIST_START))
                else:
                    depth = 1
            elif depth:
                depth -= 1
                if not depth and record_offset >= 0:
                    if offset + 1 - record_offset <= MAX_JSON_RECORD_BYTES:
                        yield Span(record_offset, offset + 1 - record_offset, len(self.groups) - 1)
                    else:
                        self.too_large += 1
                    record_offset = -1
            elif opened:
                self._close(opened.pop(), offset + 1)
                if not opened:
                    return
            else:
                raise UnusableSidecarError("it is not valid JSON")
        if depth or opened:
            raise UnusableSidecarError("it is cut or not valid JSON")

    def _child_path(self, opened: list[_Open], held: bytes, position: int) -> ListPath | None:
        if not opened:
            return ()
        part = "*" if opened[-1].is_list else _key_before(held, position)
        return None if part is None else (*opened[-1].path, part)

    def _open(self, opened: list[_Open], path: ListPath, offset: int, *, is_list: bool) -> _Open:
        if not (is_list and self._lists and path in self._lists):
            return _Open(path, offset, is_list)
        number = len(self.groups)
        self.groups.append(Group(opened[-1].offset if opened else offset, offset))
        if opened:
            opened[-1].groups = (*opened[-1].groups, number)
        return _Open(path, offset, is_list, (number,))

    def _close(self, closed: _Open, end: int) -> None:
        for number in closed.groups:
            group = self.groups[number]
            if closed.offset == group.list_offset:
                group.list_end = end
            else:
                group.object_end = end

    def _brackets(self) -> Iterator[tuple[bytes, int, int]]:
        """Yield bytes that hold a bracket, its position in them, and their offset."""
        held, base, position = b"", self._start, 0
        while block := self._read(base + len(held), _BLOCK_BYTES):
            held += block
            while match := _BRACKET.match(held, position):
                position = match.end()
                yield held, position - 1, base
            match = _FLAT.match(held, position)
            position = match.end() if match else position
            if len(held) - position > MAX_JSON_RECORD_BYTES:
                raise UnusableSidecarError(f"a text is over the limit of {MAX_JSON_RECORD_BYTES >> 20} MiB")
            dropped = max(position - _KEY_BYTES, 0)
            held, base, position = held[dropped:], base + dropped, position - dropped


def line_spans(read: Callable[[int, int], bytes], start: int = 0) -> Iterator[Span]:
    """Yield the place of each line that is not empty: a damaged one does not hide those after it.

    Raises:
        UnusableSidecarError: The file cannot be read.
    """
    held, base, is_long = b"", start, False
    while True:
        block = read(base + len(held), _BLOCK_BYTES)
        held += block
        *lines, held = (held if block else held + b"\n").split(b"\n")
        for line in lines:
            if line.strip() and not is_long:
                yield Span(base, len(line), 0)
            is_long, base = False, base + len(line) + 1
        if not block:
            return
        if len(held) > MAX_JSON_RECORD_BYTES:
            is_long, base, held = True, base + len(held), b""


def _key_before(held: bytes, position: int) -> str | None:
    match = _KEY.search(held[max(position - _KEY_BYTES, 0) : position])
    return match[1].decode("utf-8", "replace") if match else None


def read_value(read: Callable[[int, int], bytes], offset: int) -> bytes:
    """Return the bytes of the list or object at an offset.

    Raises:
        UnusableSidecarError: It has no end, or is larger than `MAX_JSON_RECORD_BYTES`.
    """
    for span in SpanScanner(read, None, offset).spans():
        return read(span.offset, span.length)
    raise UnusableSidecarError("a record is not valid JSON")


def group_header(read: Callable[[int, int], bytes], group: Group) -> bytes:
    """Return the JSON of the object that holds a list, with null in place of the list.

    The part after the list is dropped, and all of the part before it if that has more than `MAX_HEADER_BYTES`.
    """
    before, after = group.list_offset - group.object_offset, group.object_end - group.list_end
    start = read(group.object_offset, before) + b"null" if before <= MAX_HEADER_BYTES else b'{"":null'
    end = read(group.list_end, after) if group.object_end and after <= MAX_HEADER_BYTES else b"}"
    return start + end
