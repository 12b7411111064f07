"""Tables in a spreadsheet: no cell, and no part of one, is a formula; numbers and texts stay as they are."""

import csv
import io
import re
import unicodedata

import pytest
from hostile_text import hidden_characters, hostile_texts
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from mediafp.case.case import Case
from mediafp.cli.app import app
from mediafp.report.exports.csv import escape_formula, keep_as_text, write_csv

FORMULAS = [
    "=1+1",
    "-2+3+cmd|' /C calc'!A0",
    '+1*HYPERLINK("http://e.org")',
    "@SUM(1)",
    "＝1+1",
    "＋1+A1",
    "－1+A1",
    "＠SUM(1)",
    "﹦1+1",
    "−1+A1",
    "-1e5+A1",
    "+3-",
]
BEFORE = [
    "",
    " ",
    "\xa0",
    "\ufeff",
    "\u200b",
    "\u2003",
    "\u3000",
    "\u2060",
    "\u00ad",
    "\u202e",
    "\u2028",
    '"',
    ' "',
    "\u200e ",
]
SPLITS = [";", ",", "|", "\n", "\r", "\t", "x;", "a, ", "text\n", 'say "x";']


@pytest.mark.parametrize("formula", FORMULAS)
def test_formulas_start_with_an_apostrophe(formula: str) -> None:
    for before in BEFORE:
        assert escape_formula(before + formula).startswith("'"), ascii(before)


@pytest.mark.parametrize("formula", FORMULAS)
def test_formulas_behind_a_separator_start_with_an_apostrophe(formula: str) -> None:
    """A spreadsheet with the list separator of another locale splits a cell there."""
    for before in BEFORE:
        for split in SPLITS:
            shown = split.rstrip(" ").replace("\r", "\\x0d")
            assert escape_formula(split + before + formula).removeprefix("'").startswith(f"{shown}'"), ascii(before)


@pytest.mark.parametrize(
    "text",
    ["-1.5", "+3", "1e-5", "-1E+10", "+.5", "12345", "2020-04-19", "2024-05-01T00:00:00Z", "a-b", "1+1", "x=1", "a@b.org",
     "Look, @somebody and @other", "via; @somebody!", "-1;+2", "a\nb", "a\tb", "微博 样例", "'quoted'", "", "C:\\x"],
)  # fmt: skip
def test_numbers_dates_and_texts_stay_as_they_are(text: str) -> None:
    assert escape_formula(text) == text


def test_values_that_are_no_text_stay_as_they_are() -> None:
    assert [escape_formula(value) for value in (None, -5, -1.5, True)] == ["", "-5", "-1.5", "True"]


def test_marks_stacked_on_one_letter_are_escaped() -> None:
    assert escape_formula("z" + "\u0301" * 20) == "z" + "\u0301" * 8 + "\\u0301" * 12


@settings(derandomize=True, deadline=None, max_examples=400)
@given(st.lists(hostile_texts(), min_size=1, max_size=4), st.sampled_from(",;|\t"))
def test_no_part_of_a_row_is_a_formula_whatever_the_separator(cells: list[str], separator: str) -> None:
    file = io.StringIO()
    write_csv(file, ["first"], [["sha256", *cells]])
    text = file.getvalue().removeprefix("first\r\n")
    assert not hidden_characters(text, allowed="\t\r\n")
    # Split bluntly, without regard to quotation marks.
    for part in re.split(r"[\r\n]|" + re.escape(separator), text):
        first = unicodedata.normalize("NFKC", part.strip().strip('"').strip())[:1]
        assert first not in {*"=+-@\u2212"} or re.fullmatch(
            r'[\s"]*([+-]?[\d.]+(e[+-]?\d+)?|@[\w .@-]*[!?:]?)[\s",]*', part
        ), part
    (row,) = csv.reader(io.StringIO(text))
    assert len(row) == 1 + len(cells)


def test_export_csv_starts_with_a_byte_order_mark(case: Case) -> None:
    for arguments, starts_with in ((("export", "csv"), "\ufeffsha256,"), (("errors", "--csv"), "path,")):
        done = CliRunner().invoke(app, ["--store", str(case.folder), *arguments])
        assert done.exit_code == 0 and done.stdout.startswith(starts_with)


@pytest.mark.parametrize(
    "name",
    ["1234567890123456789", "007", "1.8E+18", "1e5", "12e34", "-12", "1,234", "50%", "2020-1", "3/4", "1/2/2020", "2020-01-31",
     "12:30", "MARCH1", "1-jan", "dec", "TRUE", "false", " 12 ", "'name"],
)  # fmt: skip
def test_names_that_a_spreadsheet_would_convert_start_with_an_apostrophe(name: str) -> None:
    assert keep_as_text(name) == f"'{name}" == escape_formula(keep_as_text(name))


@pytest.mark.parametrize(
    "name", ["", "channel1", "4chan_user", "UC1234567890", "1e5x", "march_1", "0x12", "观察员", "a-1", "dates"]
)
def test_other_names_stay_as_they_are(name: str) -> None:
    assert keep_as_text(name) == name


def test_long_digits_are_checked_in_linear_time() -> None:
    assert keep_as_text("1" * 200_000 + "x") == "1" * 200_000 + "x"
