"""docs/limits.md: the limits equal the constants of the code."""

import importlib
import re

import pytest
from documents import PACKAGE, assigned_names, constants, number, read, sections, syntax_trees, tables

DOCUMENT = "docs/limits.md"
SECTIONS = {
    "Limits of one file": ("ingest/limits.py",),
    "Limits of stated values": ("types/contents.py",),
    "Limits of one archive": ("ingest/archives/", "case/ingestion/"),
    "Limits of sidecar files": ("sightings/", "case/ingestion/"),
    "Limits of files of hashes": ("ingest/hash_files.py",),
}


def limits(heading: str) -> dict[str, str]:
    (table,) = tables(sections(read(DOCUMENT))[heading])
    return {row["constant"].strip("`"): row["value"] for row in table}


@pytest.mark.parametrize("heading", SECTIONS)
def test_limits_equal_the_code(heading: str) -> None:
    assert limits(heading)
    for name, value in limits(heading).items():
        defined = {module: limit for folder in SECTIONS[heading] for module, limit in constants(folder, name).items()}
        assert defined, f"{SECTIONS[heading]} do not define {name}"
        assert set(defined.values()) == {number(value)}, (name, defined)


@pytest.mark.parametrize("heading", SECTIONS)
def test_limits_name_the_modules_that_define_them(heading: str) -> None:
    for folder in SECTIONS[heading]:
        assert f"`mediafp/{folder}`" in sections(read(DOCUMENT))[heading]
        assert any(constants(folder, name) for name in limits(heading)), folder


def test_limits_list_every_number_of_the_module() -> None:
    module = importlib.import_module("mediafp.ingest.limits")
    tree = syntax_trees()[PACKAGE / "ingest" / "limits.py"]
    names = {name for node in tree.body for name in assigned_names(node) if not name.startswith("_")}
    numbers = {name for name in names if isinstance(getattr(module, name), int | float)}
    assert numbers == limits("Limits of one file").keys()


def test_limits_repeat_those_of_the_readme() -> None:
    topics = ("same_script", "OCR", "corner", "template", "Landlock")
    for topic in topics:
        assert re.search(topic, sections(read("README.md"))["Limits"]) and re.search(topic, read(DOCUMENT)), topic
