"""docs/architecture.md: its tree, its layers, and the modules and constants that it names."""

import ast
import re
import tomllib

from documents import PACKAGE, assigned_names, code_blocks, code_spans, read, sections, syntax_trees, tables

DOCUMENT = "docs/architecture.md"
SUFFIXES = {".py", ".toml", ".j2", ".typed", ".heic", ".css", ".js", ".svg", ".po", ".LICENSE"}


def drawn_files() -> dict[str, set[str]]:
    """Return the file names in the drawn tree, by folder."""
    (tree,) = code_blocks(sections(read(DOCUMENT))["Packages and modules"])
    folders: dict[str, set[str]] = {}
    parents: list[str] = []
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        if folder := re.match(r" *(\w+)/(?: |$)", line):
            parents[depth:] = [folder[1]]
            folders["/".join(parents[1:])] = set()
        else:
            folders["/".join(parents[1:depth])].update(line.split())
    return folders


def test_tree_equals_the_folders() -> None:
    files = {path for path in PACKAGE.rglob("*") if path.suffix in SUFFIXES and path.name != "__init__.py"}
    existing: dict[str, set[str]] = {}
    for path in files:
        folder = path.parent.relative_to(PACKAGE).as_posix()
        existing.setdefault("" if folder == "." else folder, set()).add(path.name)
    drawn = {folder: names for folder, names in drawn_files().items() if names}
    assert drawn == existing


def test_layers_equal_those_of_import_linter() -> None:
    (layers,) = code_blocks(sections(read(DOCUMENT))["Import layers"])
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (contract,) = [contract for contract in contracts if contract["type"] == "layers"]
    assert layers.splitlines() == contract["layers"]


def test_architecture_names_modules_that_exist() -> None:
    text = sections(read(DOCUMENT))
    named = [
        span
        for heading in ("Where to find what", "Where to add what")
        for span in code_spans(text[heading])
        if re.fullmatch(r"[\w/]+(/|\.py)", span) and not span.startswith(("models/", "scripts/"))
    ]
    assert len(named) > 10
    for name in named:
        assert (PACKAGE / name).exists(), name


def test_architecture_names_constants_of_the_module_named_after_them() -> None:
    """Each row names constants, functions and classes before the module that defines them."""
    checked = 0
    for table in tables(sections(read(DOCUMENT))["Where to find what"]):
        for row in table:
            names: list[str] = []
            for span in code_spans(row["module"]):
                if not span.endswith(".py"):
                    names.append(span)
                    continue
                tree = syntax_trees()[PACKAGE / span]
                for name in names:
                    assert name in top_level_names(tree), f"{span} does not define {name}"
                checked += len(names)
                names = []
            assert not names, f"no module follows {names}"
    assert checked > 10


def top_level_names(tree: ast.Module) -> set[str]:
    """Return the names of the constants, functions and classes of a module."""
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return defined.union(*map(assigned_names, tree.body))


def test_packages_state_their_input_output_and_imports() -> None:
    packages = [path for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE]
    assert len(packages) > 10
    for path in packages:
        text = path.read_text(encoding="utf-8")
        assert re.search(r"^In: |^In and out: ", text, re.MULTILINE) and re.search("(?i)import", text), path
