"""The languages of the pages: complete catalogues, no text outside of them, and the choice of the language."""

import importlib.util
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest
from served_case import ServedCase

from mediafp.web.templating import format_day, format_moment
from mediafp.web.translation import COOKIE, LANGUAGES, choose_language, load_translation

ROOT = Path(__file__).parents[2]
# fmt: off
DELIBERATE = frozenset((
    *("mediafp", "JSON", "CSV", "API", "HTML", "ZIP", "PDF", "MB", "kB", "SHA", "PDQ", "pHash"),
    *("dHash", "pdq", "UTC", "OpenAPI", "STIX", "MISP", "ThreatExchange", "CooRTweet", "Parquet", "ImageHash"),
    *("Lines", "Brier", "vPDQ"),
    *("Ctrl", "Esc", "Enter", "Shift", "English", "yt", "dlp", "gallery", "ingest", "dump", "serve", "json"),
    *("twitter", "weibo", "application", "octet", "stream", "bearer", "error", "status"),
    *("home", "me", "handle", "youtube", "name"),
))
"""Words that stay as they are: names, formats, commands, keys of objects, and the language that is called so."""
# fmt: on
UNTRANSLATED = frozenset(("bdi", "code", "kbd", "script", "time", "option", "image", "title"))
"""Elements whose text is a name, a quotation, a command, a key or a date."""
PAGES = (
    "/",
    "/jobs",
    "/errors",
    "/log",
    "/search?q=港湾",
    "/review",
    "/watch",
    "/publish",
    "/groups",
    "/accounts",
    "/exchange",
)
PAGES_OF_TROUBLE = ("/hash?h=nonsense", "/none")
HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Plural-Forms: nplurals=1; plural=0;\\n"'
VOID = frozenset(("br", "hr", "img", "input", "link", "meta"))


@pytest.fixture(scope="module")
def catalogues() -> ModuleType:
    spec = importlib.util.spec_from_file_location("catalogues", ROOT / "scripts" / "catalogues.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["catalogues"] = module
    spec.loader.exec_module(module)
    return module


class Texts(HTMLParser):
    """The texts of a page that its language applies to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.found += [values[name] or "" for name in ("aria-label", "placeholder") if values.get(name)]
        is_own = values.get("lang") == "en" or "mono" in (values.get("class") or "").split()
        if tag not in VOID:
            self._open.append(tag in UNTRANSLATED or is_own or any(self._open[-1:]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        return

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if not any(self._open[-1:]):
            self.found.append(data.strip())


def english_words(texts: list[str]) -> set[str]:
    """Return the words of texts that are neither names of files or accounts nor meant to stay English."""
    words = {word for text in texts for word in re.findall(r"(?<![\w@./-])[A-Za-z]{2,}(?![\w./-]*\w)", text)}
    return words - DELIBERATE


@pytest.mark.parametrize("language", [tag for tag in LANGUAGES if tag != "en"])
def test_every_text_of_the_pages_is_translated_with_its_parts(language: str, catalogues: ModuleType) -> None:
    path = catalogues.WEB / "locales" / f"{language}.po"
    texts = catalogues.find_texts()
    assert len(texts) > 900
    assert catalogues.find_problems(texts, catalogues.read_catalogue(path)) == []
    assert path.read_text(encoding="utf-8") == catalogues.updated_text(texts, path)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ('msgid "{n} here"\nmsgstr "这里"', "has other parts"),
        ('msgid "{n} here"\nmsgstr "{n} here"', "is still English"),
        ('msgid "{n} here"\nmsgstr ""', "has no translation"),
        ('#, fuzzy\nmsgid "{n} here"\nmsgstr "这里 {n}"', "is marked as fuzzy"),
        ('msgid "{n} there"\nmsgstr "那里 {n}"', "is not used"),
        ('msgid "{n} there"\nmsgstr "那里 {n}"', "is missing"),
    ],
)
def test_check_names_each_fault_of_a_catalogue(
    entry: str, problem: str, catalogues: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "zh-Hans.po"
    path.write_text(
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Plural-Forms: nplurals=1; plural=0;\\n"\n\n'
        + entry
    )
    problems = catalogues.find_problems([catalogues.Text(("{n} here",))], catalogues.read_catalogue(path))
    assert any(problem in one for one in problems)


def test_update_adds_new_texts_removes_unused_ones_and_keeps_the_rest(catalogues: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "zh-Hans.po"
    header = f"# Terms.\n{HEADER}"
    path.write_text(f'{header}\n\nmsgid "file"\nmsgid_plural "files"\nmsgstr[0] "文件"\n\nmsgid "gone"\nmsgstr "旧"\n')
    updated = catalogues.updated_text([catalogues.Text(("file", "files")), catalogues.Text(("copy",), "button")], path)
    assert updated.startswith(header)
    assert 'msgstr[0] "文件"' in updated and 'msgctxt "button"\nmsgid "copy"\nmsgstr ""' in updated
    assert "gone" not in updated


def test_templates_contain_no_text_outside_of_the_catalogues() -> None:
    found = {}
    for path in sorted((ROOT / "mediafp" / "web" / "templates").glob("*.j2")):
        source = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        texts = Texts()
        texts.feed(source)
        if words := english_words(texts.found):
            found[path.name] = words
    assert found == {}


@pytest.mark.parametrize("language", ["zh-Hans", "zh-Hant"])
@pytest.mark.parametrize("path", [*PAGES, *PAGES_OF_TROUBLE])
def test_page_in_chinese_has_no_english_words(path: str, language: str, workbench: ServedCase) -> None:
    page = workbench.get(path, headers={"cookie": f"{COOKIE}={language}"})
    assert f'<html lang="{language}">' in page.text
    texts = Texts()
    texts.feed(page.text)
    assert len(texts.found) > 20
    assert english_words(texts.found) - {workbench.case.folder.parent.name} == set()


def test_page_follows_the_browser_until_the_user_chooses(workbench: ServedCase) -> None:
    # Another test may have chosen one.
    workbench.client.cookies.clear()
    taiwan = {"accept-language": "zh-TW,zh;q=0.9,en;q=0.8"}
    assert '<html lang="zh-Hant">' in workbench.get("/", headers=taiwan).text
    chosen = workbench.post("/language", {"language": "zh-Hans", "back": "/watch"})
    assert chosen.headers["location"] == "/watch"
    assert f"{COOKIE}=zh-Hans" in chosen.headers["set-cookie"]
    workbench.client.cookies.clear()
    assert '<html lang="zh-Hans">' in workbench.get("/", headers={**taiwan, "cookie": f"{COOKIE}=zh-Hans"}).text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh-CN,zh;q=0.9", "zh-Hans"),
        ("zh", "zh-Hans"),
        ("zh-SG", "zh-Hans"),
        ("zh-HK", "zh-Hant"),
        ("zh-MO", "zh-Hant"),
        ("zh-Hant-US", "zh-Hant"),
        ("yue-HK", "zh-Hant"),
        ("fr-FR,zh-TW;q=0.5", "zh-Hant"),
        ("zh-Hans-HK", "zh-Hans"),
        ("en-XX,zh-TW;q=0.5", "en"),
        ("fr", "en"),
        ("", "en"),
        ("*;q=nonsense,,%", "en"),
    ],
)
def test_language_of_a_browser(accepted: str, language: str) -> None:
    assert choose_language(None, accepted) == language


def test_text_with_a_context_has_its_own_translation() -> None:
    chinese = load_translation("zh-Hans")
    assert chinese.gettext("copy") == "副本"
    assert chinese.pgettext("button", "copy") == "复制"
    assert load_translation("en").pgettext("button", "copy") == "copy"


def test_numbers_have_one_form_in_chinese_and_dates_their_order() -> None:
    chinese, english = load_translation("zh-Hant"), load_translation("en")
    assert {chinese.ngettext("%(n)s file", "%(n)s files", number) for number in (0, 1, 2)} == {"%(n)s 個檔案"}
    assert format_day("2026-11-29", chinese) == "2026年11月29日"
    assert format_moment("2026-11-29T02:50:00Z", chinese) == "2026年11月29日 02:50"
    assert format_moment("2026-11-29T02:50:00Z", english) == "29 Nov 2026, 02:50"
    assert format_moment("2026-11-29T02:50", english) == "29 Nov 2026, 02:50, zone not known"
    assert format_moment("2026-11-29", english) == "29 November 2026", "a day has no clock"


def test_footer_denies_that_the_same_media_means_the_same_operator() -> None:
    english = next(
        text for text in load_translation("zh-Hans").texts if text.startswith("The same media does not mean")
    )
    assert "媒体相同不等于操控者相同" in load_translation("zh-Hans").gettext(english)
    assert "媒體相同不代表操控者相同" in load_translation("zh-Hant").gettext(english)


def test_pages_of_errors_are_translated(workbench: ServedCase) -> None:
    """An unknown address got its advice in English on every page."""
    for address, text in (
        ("/no-such-page", "请检查地址，或从首页开始"),
        (f"/answer/{'f' * 64}", "没有查询过这个文件，或已不再保留；请重新拖放"),
        ("/groups?page=900", "列表没有这一页"),
    ):
        answer = workbench.get(address, headers={"accept-language": "zh-CN"})
        assert answer.status_code == 404 and f'<p class="under">{text}</p>' in answer.text, address
    assert workbench.get("/no-such-page.json").json()["error"] == "check the address, or begin at the start page"
