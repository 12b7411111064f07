"""The templates of the pages, and what every page contains."""

import re
from collections.abc import Iterable, Mapping
from functools import cache, partial
from typing import Any, Final

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent
from jinja2 import PackageLoader
from markupsafe import Markup, escape

from mediafp.report.escaping import escape_unprintable
from mediafp.report.names import display_address, display_name
from mediafp.report.template_environment import new_environment
from mediafp.types.instants import parse_instant
from mediafp.types.sightings import count_posts
from mediafp.web.translation import Translation

_HAN: Final = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_TRADITIONAL_ONLY: Final = frozenset(
    "個們來這時國會說對學經發點關開東車長門問間電話樣還過進運動業實現產員題無與體們讓應當邊條萬幾親變樂灣後裡號請寫"
)
"""Frequent characters that only texts in traditional characters contain. Chosen by hand, for the choice of a font alone."""
MOMENT_PATTERNS: Final = {"en": "d MMM y, HH:mm", "zh": "y年M月d日 HH:mm"}
"""Day and minute in the order of each language, as CLDR patterns: short, and with the minutes that its own short forms lack."""
MONTH_CHARS: Final = 7
"""Characters of a time that is known to the month."""


def render_template(name: str, translation: Translation, values: Mapping[str, Any]) -> str:
    """Return a page or a part of one in a language."""
    helpers = {
        "_": translation.gettext,
        "pgettext": translation.pgettext,
        "ngettext": translation.ngettext,
        "point": translation.point,
        "language": translation.language,
        "counted": lambda text, number: text.replace("%(n)s", format_decimal(number, locale=translation.locale)),
        "number": lambda value: format_decimal(value, locale=translation.locale),
        "percent": lambda value: format_percent(value, locale=translation.locale),
        "day": lambda time: format_day(time, translation),
        "moment": lambda time: format_moment(time, translation),
        "seconds": format_seconds,
        "probability": format_probability,
        "text_language": text_language,
        "file_name": display_name,
        "address": lambda url: display_address(url, paths=True),
        "marked": marked,
        "sentence": sentence,
        "paragraphs": paragraphs,
    }
    return str(_environment().get_template(name).render({**helpers, **values}))


def format_day(time: str | None, translation: Translation) -> str:
    """Return the day of a time, as exact as it is known; "" for None."""
    if not time:
        return ""
    instant = parse_instant(time)
    if instant is None or len(time) <= MONTH_CHARS:
        return time
    return str(format_date(_date(time), "long", locale=translation.locale))


def format_moment(time: str | None, translation: Translation) -> str:
    """Return the day and the minute of a time in UTC, or with the words that its zone is unknown; "" for None."""
    if not time or len(time) <= 10:
        return format_day(time, translation)
    pattern = MOMENT_PATTERNS.get(translation.locale.language, MOMENT_PATTERNS["en"])
    at = _date(time)
    shown = str(format_datetime(at, pattern, locale=translation.locale))
    # Every page says that times are UTC.
    return shown if at.tzinfo else translation.gettext("%(time)s, zone not known").replace("%(time)s", shown)


def format_seconds(seconds: float) -> str:
    """Return a time in a video, `0:41` or `1:02:41`."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def format_probability(probability: float) -> str:
    """Return a probability or a confidence with three digits, `.997`; at most `.999`, as pages say in words what is certain."""
    return f"{min(probability, 0.999):.3f}".removeprefix("0")


def text_language(text: str | None) -> str:
    """Return the BCP 47 tag of a Chinese text by its characters, for the choice of the font; "" for other texts."""
    if not text or not _HAN.search(text):
        return ""
    return "zh-Hant" if _TRADITIONAL_ONLY & set(text) else "zh-Hans"


def marked(text: object, href: str = "") -> Markup:
    """Return a part of a sentence that is laid under the marker, as a link to what shows it if there is one."""
    body = text if isinstance(text, Markup) else escape(escape_unprintable(str(text)))
    if not href:
        return Markup('<span class="marked">{}</span>').format(body)
    return Markup('<a class="marked" href="{}">{}</a>').format(href, body)


def sentence(pattern: str, **parts: object) -> Markup:
    """Return a translated sentence whose `{names}` are replaced by escaped texts or by markup that mediafp made."""
    safe = {
        name: part if isinstance(part, Markup) else escape(escape_unprintable(str(part)))
        for name, part in parts.items()
    }
    return Markup(escape(pattern)).format(**safe)


def paragraphs(texts: Iterable[str], separator: str) -> Markup:
    """Return texts joined by line feeds, as a text field shows them; all other values lose theirs."""
    return Markup(separator).join(escape(escape_unprintable(text)) for text in texts)


def _date(time: str) -> Any:
    from datetime import datetime

    return datetime.fromisoformat(time.replace("Z", "+00:00")[:25])


@cache
def _environment() -> Any:
    """Return the environment of all templates, which keeps those that it has compiled."""
    environment = new_environment(PackageLoader("mediafp.web", "templates"))
    environment.filters |= {
        "isolate": _isolate,
        "isolate_name": partial(_isolate, direction="ltr"),
        "count_posts": count_posts,
    }
    return environment


def _isolate(text: str, direction: str = "") -> Markup:
    """Return a text of a file, isolated from the text around it, with its language if it is Chinese."""
    attributes = {"dir": direction, "lang": text_language(text)}
    stated = "".join(f' {name}="{value}"' for name, value in attributes.items() if value)
    return Markup("<bdi{}>{}</bdi>").format(Markup(stated), escape(escape_unprintable(text)))
