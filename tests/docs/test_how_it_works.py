"""docs/how-it-works.md: every number equals the constant that is named next to it."""

import re

import pytest
from documents import constants, number, read, sections, tables, without_code

DOCUMENT = "docs/how-it-works.md"
NAMES_WITH_DIGITS = ("SHA-256",)


def thresholds() -> list[tuple[list[str], str, str]]:
    return [
        (re.findall(r"`(\w+)/`", heading), row["constant"].strip("`"), row["value"])
        for heading, text in sections(read(DOCUMENT)).items()
        for table in tables(text)
        for row in table
    ]


def test_how_it_works_has_thresholds_for_every_step() -> None:
    assert len(thresholds()) > 40
    assert all(folders for folders, _, _ in thresholds())


@pytest.mark.parametrize(
    ("folders", "name", "value"), thresholds(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_how_it_works_quotes_the_constant(folders: list[str], name: str, value: str) -> None:
    defined = {module: real for folder in folders for module, real in constants(folder, name).items()}
    assert defined, f"no module of {folders} defines {name}"
    assert set(defined.values()) == {number(value)}, defined


def test_how_it_works_states_no_number_outside_of_its_tables() -> None:
    prose = "\n".join(line for line in without_code(read(DOCUMENT)).splitlines() if not line.startswith("|"))
    prose = re.sub(r"^#+ \d+\.|\(section \d+\)", "", prose, flags=re.MULTILINE)
    for name in NAMES_WITH_DIGITS:
        prose = prose.replace(name, "")
    assert not re.findall(r".*\d.*", prose)
