"""Times that a table writes in two columns, such as day and clock, or time and zone."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from mediafp.sightings.sidecar_warnings import SidecarWarnings, quote
from mediafp.sightings.table_columns import field_of_title, title_key
from mediafp.sightings.times import parse_time, parse_zone
from mediafp.sightings.unusable_values import UnusableValueError

ZONE_TITLES: Final = frozenset(("timezone", "tz", "utcoffset", "gmtoffset", "时区", "時區"))
"""Keys of titles of the zones of times."""
_CLOCK: Final = re.compile(
    r"(?:上午|下午|[ap]m)?\s*\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(?:[ap]\.?m\.?)?", re.IGNORECASE
)
_DAY_CHARS: Final = len("2020-01-31")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableTimes:
    """Columns that complete the times in others."""

    clocks: Mapping[str, int]
    """Column of the clock of each field, of which another column has the day."""
    zone: int | None = None
    """Column of the zone of the only times of the table."""

    def complete(
        self, cell: str, field: str, title: str, other: Callable[[int], str], warnings: SidecarWarnings
    ) -> str:
        """Return a time with the clock and the zone that other columns, or the title of its own, state.

        Args:
            cell: The time, or the day.
            field: Its field.
            title: Title of its column.
            other: Function that returns the cell of the row in a column.
            warnings: Receives a line for a zone that is unknown.
        """
        zone = field_of_title(title)[1]
        clock = other(self.clocks[field]) if field in self.clocks else ""
        try:
            if clock and len(parse_time(cell)) == _DAY_CHARS and _CLOCK.fullmatch(clock):
                cell = f"{cell} {clock}"
            if self.zone is not None and (stated := other(self.zone)):
                zone = self._parse_zone(stated, warnings) or zone
            return parse_time(cell, zone) if zone and cell else cell
        except UnusableValueError:
            return cell

    def _parse_zone(self, stated: str, warnings: SidecarWarnings) -> tzinfo | None:
        try:
            return parse_zone(stated, None)
        except UnusableValueError as error:
            warnings.add(f"skipped the zone {quote(stated)} of a time: {error}")
            return None


def find_times(header: Sequence[str], fields: Sequence[str], sample: Callable[[int], Sequence[str]]) -> TableTimes:
    """Return the columns of a table that complete the times in others.

    Args:
        header: Its titles.
        fields: Field of each column by its title.
        sample: Function that returns cells of a column.
    """
    of_field: dict[str, list[int]] = {}
    for number, field in enumerate(fields):
        if field.endswith("_at"):
            of_field.setdefault(field, []).append(number)
    clocks = {}
    for field, numbers in of_field.items():
        if len(numbers) == 2:
            found = [number for number in numbers if (cells := sample(number)) and all(map(_CLOCK.fullmatch, cells))]
            if len(found) == 1:
                clocks[field] = found[0]
    zones = [number for number, title in enumerate(header) if title_key(title) in ZONE_TITLES]
    # A zone beside times of several kinds may be that of one of them alone.
    is_clear = len(zones) == 1 and len(of_field) == 1
    return TableTimes(clocks=clocks, zone=zones[0] if is_clear else None)
