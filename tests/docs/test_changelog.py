"""CHANGELOG.md: the newest version is that of the program, and renamed options are listed."""

import re
import tomllib

from documents import iter_commands, read, sections, tables

import mediafp

DOCUMENT = "CHANGELOG.md"


def versions() -> list[str]:
    return [heading for heading in sections(read(DOCUMENT)) if re.fullmatch(r"\d+\.\d+\.\d+", heading)]


def test_newest_version_is_that_of_the_program() -> None:
    assert versions()[0] == mediafp.__version__ == tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert versions() == sorted(
        versions(), key=lambda version: [int(part) for part in version.split(".")], reverse=True
    )


def test_renamed_options_are_listed_with_their_commands() -> None:
    renamed: dict[tuple[str, str], set[str]] = {}
    for path, command in iter_commands():
        for parameter in {id(p): p for p in command.options.values()}.values():
            spellings = [option for option in parameter.opts if option.startswith("--")]
            for old in spellings[1:]:
                renamed.setdefault((spellings[0], old), set()).add(" ".join(path))
    renamed.pop(("--help", "-h"), None)
    table = next(table for table in tables(sections(read(DOCUMENT))["0.2.0"]) if "new option" in table[0])
    listed = {
        (row["new option"].strip("`"), row["old option"].strip("`")): set(re.findall(r"`(\w+)`", row["commands"]))
        for row in table
    }
    assert listed == renamed and len(listed) == 4


def test_renamed_python_names_exist() -> None:
    from test_glossary import names_of_the_code

    table = next(table for table in tables(sections(read(DOCUMENT))["0.2.0"]) if "new name" in table[0])
    names = names_of_the_code()
    assert len(table) > 3
    for row in table:
        for span in re.findall(r"`([^`]+)`", row["new name"]):
            for name in re.findall(r"\w+", span):
                assert name in names or name == "mediafp", name
