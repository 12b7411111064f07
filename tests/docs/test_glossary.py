"""docs/glossary.md: the terms exist in the code and in the options, and texts keep to plain words."""

import ast
import re
from collections.abc import Iterator

import pytest
from documents import DOCUMENTS, ROOT, iter_commands, read, syntax_trees, tables, without_code

DOCUMENT = "docs/glossary.md"
BANNED_STARTS = ("Nothing", "What", "Whether", "Where", "How", "Of")
BANNED_WORDS = ("told", "mend", "stands", "taken in", "turned down", "looked at", "laid over", "left out")
BANNED = re.compile(rf"\b({'|'.join(BANNED_WORDS)})\b", re.IGNORECASE)


def names_of_the_code() -> set[str]:
    """Return the names of modules, classes, functions, parameters, constants and attributes."""
    names: set[str] = set()
    for path, tree in syntax_trees().items():
        names |= {path.stem, path.parent.name}
        for node in ast.walk(tree):
            match node:
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.arg(arg=name):
                    names.add(name)
                case ast.Name(id=name, ctx=ast.Store()) | ast.keyword(arg=str(name)):
                    names.add(name)
    return names


def docstrings() -> Iterator[tuple[str, str]]:
    """Yield each docstring of the package with its place; strings below constants and fields are docstrings too."""
    for path, tree in syntax_trees().items():
        for node in ast.walk(tree):
            for inner in getattr(node, "body", []) if not isinstance(node, ast.Lambda | ast.IfExp) else []:
                if (
                    isinstance(inner, ast.Expr)
                    and isinstance(inner.value, ast.Constant)
                    and isinstance(inner.value.value, str)
                ):
                    yield f"{path.relative_to(ROOT)}:{inner.lineno}", inner.value.value


def rows() -> list[dict[str, str]]:
    (table,) = tables(read(DOCUMENT))
    return table


def test_glossary_has_unique_terms() -> None:
    terms = [row["term"] for row in rows()]
    assert len(terms) > 40 and len(set(terms)) == len(terms)


def test_glossary_code_names_exist() -> None:
    names = names_of_the_code()
    named = [(row["term"], span) for row in rows() for span in re.findall(r"`([^`]+)`", row["code"])]
    assert len(named) > 60
    missing = [
        (term, span)
        for term, span in named
        if not (any(name.startswith(span[:-1]) for name in names) if span.endswith("…") else span in names)
    ]
    assert not missing, missing


def test_glossary_options_commands_and_keys_exist() -> None:
    options = {option for _, command in iter_commands() for option in command.options}
    commands = {path[-1] for path, _ in iter_commands() if path}
    formats = read("docs/formats.md")
    spans = [span for row in rows() for span in re.findall(r"`([^`]+)`", row["CLI, JSON"])]
    assert len(spans) > 40
    missing = []
    for span in spans:
        key, _, value = span.partition(": ")
        known = (
            span in options or span in commands or any(f'"{key}"' in text or f"`{key}`" in text for text in (formats,))
        )
        if not known or (value and f'"{value}"' not in formats):
            missing.append(span)
    assert not missing, missing


def test_docstrings_begin_with_plain_words() -> None:
    texts = list(docstrings())
    assert len(texts) > 500
    wrong = [place for place, text in texts if re.match(rf"\s*({'|'.join(BANNED_STARTS)})\b", text)]
    assert not wrong, f"{len(wrong)} docstrings: {', '.join(wrong[:20])}"


def test_docstrings_use_plain_words() -> None:
    wrong = [
        f"{place} ({BANNED.search(without_code(text))[1]})"
        for place, text in docstrings()
        if BANNED.search(without_code(text))
    ]
    assert not wrong, f"{len(wrong)} docstrings: {', '.join(wrong[:20])}"


def test_help_uses_plain_words() -> None:
    commands = list(iter_commands())
    assert len(commands) > 10
    wrong = [
        f"{' '.join(path)}: {BANNED.findall(command.help)}" for path, command in commands if BANNED.search(command.help)
    ]
    assert not wrong, wrong


@pytest.mark.parametrize("name", [*DOCUMENTS, "NOTICE"])
def test_documents_use_plain_words(name: str) -> None:
    text = without_code(read(name))
    wrong = [line for line in text.splitlines() if BANNED.search(line)]
    assert not wrong, wrong


@pytest.mark.parametrize("name", [*DOCUMENTS, "NOTICE"])
def test_documents_use_image_and_audio(name: str) -> None:
    text = re.sub(r'"[^"\n]*"', "", without_code(read(name)))
    assert not re.findall(r".*\b(?:pictures?|sounds?)\b.*", text, re.IGNORECASE)
