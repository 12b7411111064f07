"""docs/measurements.md: every figure has its data, its date, its hardware and its script."""

import re

from documents import ROOT, read, sections, tables

DOCUMENT = "docs/measurements.md"


def test_measurements_state_date_and_hardware() -> None:
    text = read(DOCUMENT)
    assert re.search(r"\*\*Date:\*\* \w+ 20\d\d", text) and "**Hardware:**" in text


def test_measurements_name_data_for_every_table() -> None:
    measured = {heading: text for heading, text in sections(read(DOCUMENT)).items() if tables(text)}
    assert len(measured) >= 7
    for heading, text in measured.items():
        assert "**Data:**" in text, heading


def test_measurements_name_an_existing_script_in_every_row() -> None:
    rows = [row for table in tables(read(DOCUMENT)) for row in table]
    assert len(rows) > 40
    for row in rows:
        script = re.fullmatch(r"`(scripts/[\w/]+\.py)`", row["script"])
        assert script and (ROOT / script[1]).is_file(), row


def test_measurements_are_read_by_no_other_test() -> None:
    readers = [path for path in (ROOT / "tests").rglob("*.py") if "measurements.md" in path.read_text(encoding="utf-8")]
    assert {path.parent.name for path in readers} == {"docs"}
