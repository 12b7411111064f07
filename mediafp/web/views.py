"""A page as HTML, JSON and CSV: each view of the workbench has the three addresses."""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mediafp.report import jsonl
from mediafp.report.exports.csv import write_csv


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Content of a page.

    Attributes:
        template: Name of the template.
        values: Its values.
        json: Function that returns the objects of docs/formats.md: one, or several, which become JSON Lines.
        columns: Titles of the columns of the table.
        rows: Function that returns its rows.
        status: HTTP status of the page.
    """

    template: str
    values: Mapping[str, object]
    json: Callable[[], jsonl.JsonObject | Iterable[jsonl.JsonObject]]
    columns: Sequence[str]
    rows: Callable[[], Iterable[Sequence[Any]]]
    status: int = 200

    def json_lines(self) -> Iterator[str]:
        """Yield the JSON of the view, one object a line."""
        value = self.json()
        for item in [value] if isinstance(value, dict) else value:
            yield jsonl.json_line(item) + "\n"

    def csv_text(self) -> str:
        """Return the table of the view as it opens in a spreadsheet: with a byte order mark, and no value a formula."""
        out = io.StringIO()
        write_csv(out, self.columns, self.rows(), byte_order_mark=True)
        return out.getvalue()
