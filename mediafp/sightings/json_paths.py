"""Values at some paths of a JSON object.

Nothing else of the object becomes a Python object: 8 MiB of small values would take 800 MB.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final

import msgspec

from mediafp.sightings.sidecar_content import UnusableSidecarError
from mediafp.sightings.sidecar_warnings import SidecarWarnings

MAX_NESTED_BYTES: Final = 64 << 10
"""Bytes of an object or a list, such as the parts of a text, that is a value at a path: as Python objects they take up to
thirty times as much. Chosen, not measured."""
MAX_LISTED_BYTES: Final = 512 << 10
"""Bytes of a list that a path leads through: its elements stay JSON and take 64 bytes each, 16 MB at most."""
ANY: Final = "*"
"""Part of a path that means each element of a list; a number means one of them."""
_END: Final = ""
_ESCAPES: Final = re.compile(
    rb"(?:\\\\)++|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
"""Escaped backslashes, pairs of surrogates, and lone surrogates."""
_STRINGS_AND_NUMBERS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|(?P<number>NaN|-?Infinity)', re.DOTALL)
"""Strings, the last of which may have no end, and numbers that JSON does not have."""

type PathTree = dict[str, PathTree]
"""Parts of paths, each with the parts that may follow it; `_END` where a path ends."""
type JsonValues = dict[str, object]
"""Values by their path, such as `user.name`; those of a path with `*` are a list. Paths without a value, or with null, are
absent."""


def read_json_paths(content: bytes, paths: Iterable[str], name: str, warnings: SidecarWarnings) -> JsonValues:
    """Return the values at some paths of a JSON object. If a key occurs twice, its last value is used.

    Args:
        content: JSON, as Python writes it: with NaN, infinity and lone surrogates.
        paths: Keys joined by dots; a number or `*` where a list is.
        name: Name of the object in warnings.
        warnings: Receives a line for each value that is too large.

    Raises:
        UnusableSidecarError: The content is not a JSON object.
    """
    tree = _path_tree(tuple(paths))
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        try:
            parts = list(_object_parts(content, tree))
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            parts = list(_object_parts(_strict_json(content), tree))
    except msgspec.ValidationError as error:
        raise UnusableSidecarError("it is not a JSON object") from error
    except RecursionError as error:
        raise UnusableSidecarError("its values are nested too deeply") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise UnusableSidecarError("it is not valid JSON") from error
    reader = _PathReader(name, warnings)
    for key, value in parts:
        reader.read(value, tree[key], key)
    return reader.values


def at(prefix: str, fields: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return the paths of fields below another path."""
    return {field: tuple(f"{prefix}.{path}" for path in paths) for field, paths in fields.items()}


class _PathReader:
    """Reader of values, each of which may lie in another one."""

    def __init__(self, name: str, warnings: SidecarWarnings) -> None:
        self.values: JsonValues = {}
        self._name, self._warnings = name, warnings

    def read(self, content: bytes, tree: PathTree, path: str) -> None:
        """Add the values of a part of the object that lies at a path."""
        first, has_children = content[:1], len(tree) > (_END in tree)
        if not has_children or (first not in (b"{", b"[") and _END in tree):
            self._add(content, path)
        elif first == b"{":
            for key, value in _object_parts(content, tree):
                self.read(value, tree[key], f"{path}.{key}")
        elif first == b"[" and self._is_small(content, path, MAX_LISTED_BYTES):
            for number, element in enumerate(msgspec.json.decode(content, type=list[msgspec.Raw])):
                for key in (ANY, str(number)):
                    if key in tree:
                        self.read(bytes(element), tree[key], f"{path}.{key}")

    def _add(self, content: bytes, path: str) -> None:
        if content[:1] in (b"{", b"[") and not self._is_small(content, path, MAX_NESTED_BYTES):
            return
        value = _decode_value(content)
        if value is None:
            return
        if ANY in path.split("."):
            self.values.setdefault(path, []).append(value)  # type: ignore[attr-defined]
        else:
            self.values[path] = value

    def _is_small(self, content: bytes, path: str, limit: int) -> bool:
        if len(content) <= limit:
            return True
        size = f"its {len(content):,} bytes are over the limit of {limit >> 10} KiB"
        self._warnings.add(f"skipped {path!r} of {self._name!r}: {size}")
        return False


@cache
def _path_tree(paths: tuple[str, ...]) -> PathTree:
    tree: PathTree = {}
    for path in paths:
        node = tree
        for part in path.split("."):
            node = node.setdefault(part, {})
        node[_END] = {}
    return tree


def _object_parts(content: bytes | bytearray, tree: PathTree) -> Iterator[tuple[str, bytes]]:
    """Yield the JSON of each value in an object that a path leads to, with its key."""
    keys = tuple(key for key in tree if key != _END)
    record = _record_decoder(keys).decode(content)
    for key, part in zip(keys, msgspec.structs.astuple(record), strict=True):
        if value := bytes(part):
            yield key, value


@cache
def _record_decoder(keys: tuple[str, ...]) -> "msgspec.json.Decoder[Any]":
    """Return a decoder of objects that keeps the values of these keys as JSON, and skips all others."""
    names = {f"key_{number}": key for number, key in enumerate(keys)}
    fields = [(name, msgspec.Raw, msgspec.Raw(b"")) for name in names]
    return msgspec.json.Decoder(msgspec.defstruct("Record", fields, rename=names))


def _decode_value(content: bytes) -> object:
    """Return a value from its JSON; False, which no field accepts, if it cannot be decoded."""
    try:
        # Other than msgspec, it accepts integers of any size, up to the 4,300 digits that Python converts.
        return json.loads(content.decode())
    except (ValueError, RecursionError):
        return False


def _strict_json(content: bytes) -> bytearray:
    """Return JSON in which lone surrogates are question marks, and NaN and infinity are values that no field accepts.

    Python writes both, and a cut emoji leaves half a pair. Each is replaced in place, by as many bytes: a list of the parts
    of a sidecar would take many times its size.
    """
    strict = bytearray(content)
    for match in _ESCAPES.finditer(content):
        if match["lone"]:
            strict[slice(*match.span())] = rb"\u003f"
    for match in _STRINGS_AND_NUMBERS.finditer(content):
        if match["number"]:
            strict[slice(*match.span())] = b"[0]".ljust(len(match[0]))
    return strict
