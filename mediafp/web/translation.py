"""Texts of the workbench in the languages of its users, from the catalogues in `locales/`."""

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.messages.pofile import read_po

LANGUAGES: Final = {"en": "English", "zh-Hans": "简体中文", "zh-Hant": "繁體中文"}
"""Languages of the pages by their BCP 47 tag, with their own names. English is that of the code."""
COOKIE: Final = "mediafp_language"
"""Cookie that holds the language that the user chose."""
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

    def ngettext(self, one: str, several: str, number: int) -> str:
        """Return the form of a text for a number. Chinese has one form, which the catalogue has under the plural."""
        return self.texts.get(several) or (one if number == 1 else several)


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
            key = message.id[-1] if isinstance(message.id, tuple | list) else message.id
            value = message.string[0] if isinstance(message.string, tuple | list) else message.string
            texts[key] = value or ""
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
            locale = Locale.parse(tag, sep="-")
        except (ValueError, UnknownLocaleError, TypeError):
            continue
        if locale.language == "en":
            return "en"
        if locale.language in ("zh", "yue"):
            is_traditional = locale.script == "Hant" or locale.territory in _TRADITIONAL_TERRITORIES
            return "zh-Hant" if is_traditional else "zh-Hans"
    return "en"
