"""Documents as the tests read them: code blocks, tables, links, and the commands of the program."""

import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typer

from mediafp.cli.app import app

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mediafp"
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", *(f"docs/{name}.md" for name in (
    "architecture", "formats", "glossary", "how-it-works", "limits", "measurements", "performance", "python", "scale",
    "speech-models",
    "workbench",
)))  # fmt: skip
NUMBER = re.compile(r"(?<![\w.])(\d[\d,]*(?:\.\d+)?|\.\d+)")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def code_blocks(text: str, language: str = "") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def without_code_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```\n", "", text, flags=re.MULTILINE | re.DOTALL)


def without_code(text: str) -> str:
    """Return a text without blocks and spans in code font, and without the targets of links."""
    return re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`\n]*`", "", without_code_blocks(text)))


def code_spans(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", without_code_blocks(text))


def sections(text: str) -> dict[str, str]:
    """Return the text below each heading up to the next one, by the heading."""
    parts = re.split(r"^#+ (.+)\n", re.sub(r"^```.*?^```\n", _hide_headings, text, flags=re.M | re.S), flags=re.M)
    return dict(zip(parts[1::2], (part.replace("\0", "#") for part in parts[2::2]), strict=True))


def _hide_headings(block: re.Match[str]) -> str:
    return re.sub(r"^#", "\0", block[0], flags=re.MULTILINE)


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def tables(text: str) -> list[list[dict[str, str]]]:
    """Return the rows of each table, by the titles of their columns."""
    parsed: list[list[dict[str, str]]] = []
    header: list[str] = []
    for line in without_code_blocks(text).splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] if line.startswith("|") else []
        if not cells:
            header = []
        elif not header:
            header = cells
            parsed.append([])
        elif not all(re.fullmatch(":?-+:?", cell) for cell in cells):
            parsed[-1].append(dict(zip(header, cells, strict=True)))
    return parsed


def number(text: str) -> float:
    """Return the first number of a text, with its binary unit."""
    match = NUMBER.search(text)
    assert match, text
    unit = re.match(r" ?(KiB|MiB|GiB|TiB)?", text[match.end() :])
    exponent = ["KiB", "MiB", "GiB", "TiB"].index(unit[1]) + 1 if unit and unit[1] else 0
    return float(match[1].replace(",", "")) * 1024**exponent


@dataclass(frozen=True, kw_only=True)
class Command:
    options: dict[str, Any]
    """Parameters by each of their spellings."""
    commands: dict[str, "Command"]
    help: str


@cache
def program() -> Command:
    """Return the command line with its commands."""
    return _command(typer.main.get_command(app))


def _command(command: Any) -> Command:
    texts = [command.help or "", command.short_help or ""]
    texts += [getattr(parameter, "help", None) or "" for parameter in command.params]
    names = {
        option: p for p in command.params if p.param_type_name == "option" for option in (*p.opts, *p.secondary_opts)
    }
    inner: dict[str, Command] = {}
    if hasattr(command, "list_commands"):
        context = command.make_context("mediafp", [], resilient_parsing=True)
        inner = {name: _command(command.get_command(context, name)) for name in command.list_commands(context)}
    return Command(options=names, commands=inner, help="\n".join(texts))


def iter_commands(
    command: Command | None = None, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Command]]:
    command = command or program()
    yield path, command
    for name, inner in command.commands.items():
        yield from iter_commands(inner, (*path, name))


def check_command_line(line: str) -> None:
    """Raise AssertionError if a command line names a command or an option that does not exist."""
    words = shlex.split(line, comments=True)
    assert words[0].endswith("mediafp"), line
    current, known, waiting, arguments = program(), dict(program().options), False, 0
    for word in words[1:]:
        if waiting:
            waiting = False
        elif word.startswith("-") and len(word) > 1:
            assert word in known, f"{word} in {line!r} is not an option"
            waiting = not (known[word].is_flag or getattr(known[word], "count", False))
        elif current.commands:
            assert word in current.commands, f"{word} in {line!r} is not a command"
            current = current.commands[word]
            known |= current.options
        else:
            arguments += 1
    assert not waiting and not current.commands, f"{line!r} is not complete"


@cache
def syntax_trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def constants(folder: str, name: str) -> dict[str, Any]:
    """Return the values of a constant in the modules of a package, by module."""
    by_module = {}
    for path, tree in syntax_trees().items():
        inside = path.relative_to(PACKAGE).as_posix().startswith(folder)
        if inside and any(name in assigned_names(node) for node in tree.body):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            by_module[module] = getattr(importlib.import_module(module), name)
    return by_module


def assigned_names(node: ast.stmt) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {inner.id for target in targets for inner in ast.walk(target) if isinstance(inner, ast.Name)}
