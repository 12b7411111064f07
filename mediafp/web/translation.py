"""Texts of the workbench in the languages of its users, from the catalogues in `locales/`."""

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Final

from babel import Locale
from babel.core import parse_locale
from babel.messages.pofile import read_po

LANGUAGES: Final = {"en": "English", "zh-Hans": "简体中文", "zh-Hant": "繁體中文"}
"""Languages of the pages by their BCP 47 tag, with their own names. English is that of the code."""
COOKIE: Final = "mediafp_language"
"""Cookie that holds the language that the user chose."""
CHINESE_POINTS: Final = {", ": "，", "; ": "；", ". ": "。", ".": "。", ": ": "："}
"""Full-width forms of the punctuation between two parts of a sentence; they contain its space."""
_TRADITIONAL_TERRITORIES: Final = frozenset(("HK", "MO", "TW"))
"""Territories where Chinese is written in traditional characters."""


@dataclass(frozen=True, kw_only=True)
class Translation:
    """The texts of one language."""

    language: str
    locale: Locale
    texts: dict[str, str] = field(default_factory=dict)

    def gettext(self, text: str) -> str:
        """Return a text in this language; one that the catalogue lacks stays English."""
        return self.texts.get(text) or text

    def pgettext(self, context: str, text: str) -> str:
        """Return a text that is also used with another meaning, which the context tells from this one."""
        return self.texts.get(contextual(context, text)) or text

    def point(self, mark: str) -> str:
        """Return the punctuation between two translated parts of a sentence as this language writes it."""
        return CHINESE_POINTS[mark] if self.locale.language == "zh" else mark

    def ngettext(self, one: str, several: str, number: int) -> str:
        """Return the form of a text for a number. Chinese has one form, which the catalogue has under the plural."""
        return self.texts.get(several) or (one if number == 1 else several)


def page_text(text: str) -> str:
    """Return a text as it is, which the page of an error translates; `scripts/catalogues.py` finds the texts of these calls."""
    return text


def contextual(context: str | None, text: str) -> str:
    """Return the key of a text with a context; without one, the text itself."""
    return f"{context}\4{text}" if context else text


@cache
def load_translation(language: str) -> Translation:
    """Return the texts of a language of `LANGUAGES`."""
    if language == "en":
        # The texts are in British spelling, and so are the dates.
        return Translation(language=language, locale=Locale("en", "GB"))
    locale = Locale.parse(language.replace("-", "_"))
    catalogue = files("mediafp.web").joinpath("locales", f"{language}.po")
    with catalogue.open("rb") as file:
        messages = read_po(file, locale=str(locale))
    texts: dict[str, str] = {}
    for message in messages:
        if message.id and not message.fuzzy:
            value = message.string[0] if isinstance(message.string, tuple | list) else message.string
            # The singular of a pair may also be used alone.
            for text in message.id if isinstance(message.id, tuple | list) else (message.id,):
                texts[contextual(message.context, text)] = value or ""
    return Translation(language=language, locale=locale, texts=texts)


def choose_language(chosen: str | None, accepted: str) -> str:
    """Return the language of a page.

    Args:
        chosen: Value of the cookie; None if there is none.
        accepted: The header `Accept-Language`.
    """
    if chosen is not None and chosen in LANGUAGES:
        return chosen
    for part in accepted.split(",")[:20]:
        tag = part.partition(";")[0].strip()
        try:
            # Not `Locale.parse`, which knows no territory where a language is not common, such as `zh-Hant-US`.
            language, territory, script, *_ = parse_locale(tag, sep="-")
        except ValueError:
            continue
        if language == "en":
            return "en"
        if language in ("zh", "yue"):
            is_traditional = script == "Hant" or (script is None and territory in _TRADITIONAL_TERRITORIES)
            return "zh-Hant" if is_traditional else "zh-Hans"
    return "en"
