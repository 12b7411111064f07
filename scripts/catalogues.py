"""Update the catalogues of the workbench from the texts of its pages, or check that they are complete.

    .venv/bin/python scripts/catalogues.py [--check]

Without `--check`, `mediafp/web/locales/*.po` get the texts that they lack, without a translation, and lose those that no page
shows any more; the comments at the top of a catalogue stay. With `--check`, nothing is written: the exit status is 1 if a text
is missing, unused, without a translation, or translated with other parts than the English one has. The catalogues contain no
line numbers, dates or names, so that their diffs show changed texts alone.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from mediafp.types.publications import CHECK_TITLES
from mediafp.web.app import TITLES
from mediafp.web.store_messages import STORE_MESSAGES

ROOT: Final = Path(__file__).parent.parent
WEB: Final = ROOT / "mediafp" / "web"
LANGUAGES: Final = ("zh-Hans", "zh-Hant")
"""Languages that have a catalogue."""
METHODS: Final[tuple[tuple[str, str, dict[str, str]], ...]] = (
    ("python", "**/*.py", {}),
    ("jinja2", "templates/*.j2", {"trim_blocks": "true", "lstrip_blocks": "true"}),
)
"""Ways to find the texts: Babel's method, the files, its options. The options of the templates are those of
`report/template_environment.py`: they decide the white space of a text."""
KEYWORDS: Final = {"_": None, "gettext": None, "page_text": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}
"""Functions whose arguments are texts: `_`, `gettext` and `page_text` have one, `ngettext` has the singular and the plural,
`pgettext` a context and a text."""
SHOWN_TABLES: Final = (TITLES, CHECK_TITLES, STORE_MESSAGES)
"""Tables of texts that a page translates by their key, so that no call contains them."""
SAME_AS_ENGLISH: Final = frozenset(("{done} of {total}",))
"""Texts whose translation needs no Chinese character."""
HAN: Final = re.compile("[\u3400-\u9fff]")
PARTS: Final = re.compile(r"\{\w+\}|%\(\w+\)s")
"""Parts of a text that are replaced by values."""
WIDTH: Final = 125
"""Characters of a line of a catalogue."""


@dataclass(frozen=True, order=True)
class Text:
    """A text of the pages.

    Attributes:
        forms: The text, or its singular and its plural.
        context: What tells it from the same text with another meaning; "" if there is none.
    """

    forms: tuple[str, ...]
    context: str = ""

    @property
    def id(self) -> str | tuple[str, ...]:
        """Its id in a catalogue."""
        return self.forms if len(self.forms) > 1 else self.forms[0]


def find_texts(folder: Path = WEB) -> list[Text]:
    """Return the texts of the pages, each once, in the order of their English. Raises ValueError for two plurals of one."""
    found: dict[tuple[str, str], Text] = {}
    for text in _iter_texts(folder):
        key = text.forms[0], text.context
        known = found.get(key, text)
        if len(known.forms) > 1 and len(text.forms) > 1 and known != text:
            raise ValueError(f"cannot keep {known.forms} and {text.forms}: give one singular one plural")
        found[key] = max(known, text, key=lambda one: len(one.forms))
    return [found[key] for key in sorted(found)]


def _iter_texts(folder: Path) -> Iterator[Text]:
    for method, pattern, options in METHODS:
        for path in sorted(folder.glob(pattern)):
            with path.open("rb") as file:
                for _, found, _, context in extract(method, file, KEYWORDS, (), options):
                    if found:
                        yield Text((found,) if isinstance(found, str) else tuple(found), context or "")
    for table in SHOWN_TABLES:
        for one in table.values():
            yield Text((one,))


def read_catalogue(path: Path) -> Catalog:
    """Return a catalogue."""
    with path.open("rb") as file:
        return read_po(file, locale=path.stem.replace("-", "_"))


def find_problems(texts: Sequence[Text], catalogue: Catalog) -> list[str]:
    """Return what a catalogue lacks, one sentence each."""
    used = {(text.id, text.context) for text in texts}
    problems = [
        f"{message.id!r} is not used"
        for message in catalogue
        if message.id and (message.id, message.context or "") not in used
    ]
    for text in texts:
        message = _find(catalogue, text)
        if message is None:
            problems.append(f"{text.id!r} is missing")
            continue
        string = message.string
        translated = [one or "" for one in (string if isinstance(string, tuple | list) else (string,))]
        if not all(translated):
            problems.append(f"{text.id!r} has no translation")
        elif message.fuzzy:
            problems.append(f"{text.id!r} is marked as fuzzy")
        elif len(translated) != 1:
            problems.append(f"{text.id!r} has {len(translated)} forms; Chinese has one")
        elif sorted(PARTS.findall(translated[0])) != sorted(PARTS.findall(text.forms[-1])):
            problems.append(f"{text.id!r} has other parts than its translation {translated[0]!r}")
        elif not HAN.search(translated[0]) and text.forms[-1] not in SAME_AS_ENGLISH:
            problems.append(f"{text.id!r} is still English: {translated[0]!r}")
    return problems


def _find(catalogue: Catalog, text: Text) -> Message | None:
    message: Message | None = catalogue.get(text.forms[0], text.context or None)
    return message if message is not None and message.id == text.id else None


def updated_text(texts: Sequence[Text], path: Path) -> str:
    """Return a catalogue with exactly the texts of the pages, with the comments and the header of the present one."""
    before, now = read_catalogue(path), Catalog(locale=path.stem.replace("-", "_"))
    for text in texts:
        known = _find(before, text)
        strings: Any = known.string if known is not None else ""
        # Flags such as `python-format` follow from the text.
        now.add(text.id, string=strings or "", context=text.context or None).flags.clear()
    written = BytesIO()
    write_po(written, now, width=WIDTH, no_location=True, omit_header=True, sort_output=True)
    header, _, _ = path.read_text(encoding="utf-8").partition("\n\n")
    return f"{header.rstrip()}\n\n{written.getvalue().decode().strip()}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Update or check the catalogues; return the exit status."""
    parser = argparse.ArgumentParser(description="Update the catalogues of the workbench, or check them.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 if a catalogue is not complete"
    )
    is_check = parser.parse_args(arguments).check
    texts = find_texts()
    problems = []
    for language in LANGUAGES:
        path = WEB / "locales" / f"{language}.po"
        if not is_check:
            path.write_text(updated_text(texts, path), encoding="utf-8")
        elif path.read_text(encoding="utf-8") != updated_text(texts, path):
            problems.append(f"{path.name}: not as this script writes it; run scripts/catalogues.py")
        problems += [f"{path.name}: {problem}" for problem in find_problems(texts, read_catalogue(path))]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(texts)} texts in {len(LANGUAGES)} languages, {len(problems)} problems", file=sys.stderr)
    return 1 if is_check and problems else 0


if __name__ == "__main__":
    sys.exit(main())
