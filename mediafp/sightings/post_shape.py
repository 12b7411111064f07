"""Places in which a tool writes the fields of a post, and their values as sightings have them."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Final

from mediafp.sightings.json_paths import JsonValues
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.sightings.values import FieldValues, collect_fields
from mediafp.types.sightings import Role

type FieldPaths = Mapping[str, tuple[str, ...]]
"""Paths of each field of a sighting, best first."""

IDENTIFIERS: Final = ("account", "account_id", "post_id")
"""Fields that a tool may write as numbers."""
NO_LANGUAGES: Final = frozenset(("und", "qam", "qct", "qht", "qme", "qst", "zxx", "art"))
"""Codes that X states in place of a language, such as `und` for an unknown one."""
_TAG: Final = re.compile(r"<(?:(?P<line>br|/p|/div|/li|/blockquote)\b)?[^<>]{0,5000}>", re.IGNORECASE)
_INVISIBLE: Final = "\u200b\u200c\u200d\u2060\ufeff"
"""Characters without width, which Weibo writes at the end of texts."""
MAX_MARKUP_CHARS: Final = 1 << 20
"""Characters of a text from which markup is removed; the rest is cut. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostShape:
    """Places of the fields of one sighting in a record."""

    fields: FieldPaths
    platform: str = ""
    """Name of the platform, if the tool does not write it."""
    role: Role | None = None
    url: str = ""
    """Address of the post, with other fields in braces; it is used if the tool writes none and all of them are known."""
    markup: frozenset[str] = field(default_factory=frozenset)
    """Paths of texts that are HTML."""
    is_escaped: bool = False
    """True if texts have the escapes of HTML, such as `&amp;`, and no elements of it."""
    is_utc: bool = True
    """True if times without a zone are in UTC, as most tools write them."""

    @property
    def paths(self) -> tuple[str, ...]:
        """All paths."""
        return tuple(path for paths in self.fields.values() for path in paths)

    def read(self, values: JsonValues, label: str, warnings: SidecarWarnings) -> FieldValues:
        """Return the fields that a record states.

        Args:
            values: Values of the record by their path.
            label: Name of the record in warnings.
            warnings: Receives a line for each value that is not usable.
        """
        record = {
            path: self._usable(name, path, values.get(path)) for name, paths in self.fields.items() for path in paths
        }
        stated = collect_fields(record, self.fields, label, warnings, zone=UTC if self.is_utc else None)
        if not stated:
            return {}
        if self.platform:
            stated["platform"] = self.platform
        if self.role:
            stated["role"] = self.role
        if self.url and "url" not in stated and all(part in stated for part in re.findall(r"{(\w+)}", self.url)):
            stated["url"] = self.url.format(**stated)
        return stated

    def _usable(self, name: str, path: str, value: object) -> object:
        if name in IDENTIFIERS and isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if name == "language":
            value = value[0] if isinstance(value, list) and value else value
            return None if isinstance(value, str) and value in NO_LANGUAGES else value
        if name in ("title", "text"):
            value = _join_parts(value) if isinstance(value, list) else value
            if isinstance(value, str):
                value = html.unescape(value) if self.is_escaped else value
                return (plain_text(value) if path in self.markup else value).strip().strip(_INVISIBLE).strip()
        return value.removeprefix("@") if name == "account" and isinstance(value, str) else value


def plain_text(markup: str) -> str:
    """Return the text of HTML; lines end where its paragraphs do."""
    markup = markup[:MAX_MARKUP_CHARS]
    return html.unescape(_TAG.sub(lambda tag: "\n" if tag["line"] else "", markup)).strip()


def _join_parts(parts: list[object]) -> str:
    """Return a text that is written as its parts, such as plain ones and links."""
    texts = (part.get("text") if isinstance(part, dict) else part for part in parts)
    return "".join(text for text in texts if isinstance(text, str))
