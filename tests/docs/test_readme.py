"""README.md is short, and what all documents name exists."""

import re

import pytest
from documents import (
    DOCUMENTS,
    NUMBER,
    ROOT,
    anchor,
    check_command_line,
    code_blocks,
    code_spans,
    iter_commands,
    program,
    read,
    sections,
    tables,
    without_code_blocks,
)

MAX_LINES = 120
FIGURES = "Results"


def command_lines(text: str) -> list[str]:
    lines = [line for block in code_blocks(text, "sh") for line in block.splitlines()]
    return [line for line in lines if re.match(r"\S*mediafp ", line)]


def test_readme_fits_two_screens() -> None:
    assert len(read("README.md").splitlines()) <= MAX_LINES


def test_readme_has_two_set_up_commands_and_six_of_use() -> None:
    set_up, use = code_blocks(read("README.md"), "sh")
    assert [line.split()[0] for line in set_up.splitlines()] == ["scripts/demo", "scripts/test"]
    assert len(command_lines(read("README.md"))) == len(use.splitlines()) == 6


def test_readme_shows_one_image_one_table_of_results_and_five_limits() -> None:
    text = read("README.md")
    assert len(re.findall(r"^!\[", text, re.MULTILINE)) == 1
    assert len(tables(sections(text)[FIGURES])) == 1
    assert len(re.findall(r"^- ", sections(text)["Limits"], re.MULTILINE)) == 5


def test_readme_figures_equal_measurements() -> None:
    rows = tables(sections(read("README.md"))[FIGURES])[0]
    measured = {anchor(heading): text for heading, text in sections(read("docs/measurements.md")).items()}
    assert len(rows) >= 5
    for row in rows:
        target = re.search(r"docs/measurements\.md#([\w-]+)", row["details"])
        assert target, row
        figures = [figure for title in ("best other tool", "mediafp") for figure in NUMBER.findall(row[title])]
        assert figures or row["mediafp"] == "–"
        known = NUMBER.findall(measured[target[1]])
        assert all(figure in known for figure in figures if figure != "1"), row


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_name_commands_that_exist(name: str) -> None:
    for line in command_lines(read(name)):
        check_command_line(line)
    for span in code_spans(read(name)):
        # A span may name a command with the options of a sentence: `mediafp verify`, `export csv`.
        if span.startswith("mediafp ") and re.fullmatch(r"[a-z -]+", span):
            words = [word for word in span.split()[1:] if not word.startswith("-")]
            current = program()
            for word in words:
                assert word in current.commands, span
                current = current.commands[word]


def test_check_command_line_rejects_unknown_names() -> None:
    for line in ("mediafp mach x.jpg", "mediafp match x.jpg --topp 3", "mediafp --store", "mediafp export"):
        with pytest.raises(AssertionError):
            check_command_line(line)
    check_command_line(".venv/bin/mediafp --store case export jsonl  # comment")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_name_options_that_exist(name: str) -> None:
    options = {option for _, command in iter_commands() for option in command.options}
    scripts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "scripts").rglob("*") if path.is_file())
    # Options of other programs, in the sentences about them.
    others = {"--method", "--write-info-json", "--write-metadata"}
    named = {option for span in code_spans(read(name)) for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", span)}
    unknown = {
        option for option in named - options - others if f'"{option}"' not in scripts and f'{option}"' not in scripts
    }
    assert not unknown, unknown


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_link_to_files_and_headings_that_exist(name: str) -> None:
    links = re.findall(r"\]\(([^)]+)\)", without_code_blocks(read(name)))
    for link in links:
        if link.startswith("https://"):
            continue
        target, _, fragment = link.partition("#")
        path = ((ROOT / name).parent / target).resolve() if target else ROOT / name
        assert path.is_file(), link
        if fragment:
            assert fragment in {anchor(heading) for heading in sections(path.read_text(encoding="utf-8"))}, link


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_name_paths_that_exist(name: str) -> None:
    named = {
        re.match(r"(?:scripts|tests|mediafp|docs|models|fixtures)/[\w./-]*", span) for span in code_spans(read(name))
    }
    for path in {match[0] for match in named if match}:
        assert (ROOT / path).exists(), path
    for file in {span for span in code_spans(read(name)) if re.fullmatch(r"test_\w+\.py", span)}:
        assert len(list((ROOT / "tests").rglob(file))) == 1, file


def test_readme_links_to_every_document() -> None:
    assert len(DOCUMENTS) > 5
    for name in (*DOCUMENTS[1:], "NOTICE"):
        assert f"]({name})" in read("README.md"), name
