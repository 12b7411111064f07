"""A case with hostile texts: every page, table and object shows them as what they are, and runs nothing of them."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hostile_case import HOSTILE, SPOKEN, TEMPLATE, build_hostile_case
from hostile_text import hidden_characters
from page_rules import broken_rules
from playwright.sync_api import Browser
from published_case import PublishedCase
from served_case import TOKEN, ServedCase, served

from mediafp.case.case import open_case

SHOWN = """() => ({
  made: document.querySelectorAll(
    "[data-hostile], [onerror], [onfocus], main script, img[src='x'], [href^='javascript:' i]").length,
  ran: window.ranHostile ?? 0,
  text: document.body.innerText,
  attributes: [...document.querySelectorAll("[alt], [title], [aria-label], [value], [placeholder]")].flatMap(
    e => ["alt", "title", "aria-label", "value", "placeholder"].map(name => e.getAttribute(name) ?? "")).join("\\n"),
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
})"""
"""Function that returns what a page made of the texts."""
FORMULA_STARTS = tuple("=+-@\t\r")
"""First characters of a cell that a spreadsheet takes for a formula."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> PublishedCase:
    return build_hostile_case(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def served_hostile(hostile: PublishedCase) -> Iterator[ServedCase]:
    with open_case(hostile.store) as case, served(case) as one:
        one.post("/watch/add", {"text": f"harbour {HOSTILE}", "name": HOSTILE})
        one.post("/watch/add", {"account": "=HarbourLensTV<b data-hostile>", "name": "=watch<b data-hostile>"})
        pair = {"a": hostile.copy, "b": hostile.photo}
        assert one.post("/decide", {**pair, "decision": "confirm", "note": HOSTILE}).status_code == 303
        yield one


def addresses(case: PublishedCase, one: ServedCase) -> list[str]:
    """Return the addresses of the pages of the case that show texts of files."""
    draft = one.post("/publish/new", {"title": HOSTILE}).headers["location"]
    assert one.post("/publish/add", {"query": case.copy, "reference": case.photo}).status_code == 303
    account = next(iter(one.client.get("/api/accounts").json()))["key"]
    answers = [f"/answer/{sha256}?min=0" for sha256 in (case.photo, case.copy, case.video, SPOKEN)]
    pairs = [f"/compare/{case.copy}/{case.photo}", f"/compare/{case.photo}/{case.video}"]
    searches = ["/search?q=harbour", f"/search?q={quote(HOSTILE)}", f"/search?q=harbour&account={quote(HOSTILE)}"]
    lists = ["/", "/groups", "/groups?as=table", "/groups/c1", "/review", "/watch", "/log", "/publish", draft]
    accounts = ["/accounts?of=all", "/accounts?as=table&of=all", "/accounts?as=network&of=all", "/accounts?as=coshare"]
    times = [f"/timeline/{case.copy}", "/timeline/c1", f"/timeline/{quote(account)}"]
    return [*answers, *pairs, *searches, *lists, *accounts, *times]


def test_hostile_texts_are_shown_and_not_run(
    browser: Browser, hostile: PublishedCase, served_hostile: ServedCase
) -> None:
    shown = ""
    with browser.new_context(viewport={"width": 390, "height": 900}, reduced_motion="reduce") as context:
        context.add_init_script("window.ran = () => { window.ranHostile = (window.ranHostile ?? 0) + 1; }")
        page = context.new_page()
        problems: list[str] = []
        page.on("console", lambda message: problems.append(f"{page.url}: {message.text}"))
        page.on("dialog", lambda dialog: problems.append(f"{page.url}: {dialog.message}"))
        page.goto(f"{served_hostile.origin}/?token={TOKEN}")
        for address in addresses(hostile, served_hostile):
            answer = page.goto(served_hostile.origin + address)
            assert answer is not None and answer.status == 200, address
            found = page.evaluate(SHOWN)
            assert (found["made"], found["ran"]) == (0, 0), address
            assert "a49z" not in found["text"] + found["attributes"], address
            assert hidden_characters(found["text"], allowed="\n\t") == set(), address
            assert hidden_characters(found["attributes"], allowed="\n") == set(), address
            problems += [f"{address}: {problem}" for problem in broken_rules(page)]
            shown += found["text"]
        assert problems == []
    # The control: the texts are there, as they are.
    assert TEMPLATE in shown and "<b data-hostile>x</b><script>ran()</script>" in shown and "=cmd|" in shown


def test_tables_and_objects_of_hostile_texts_hold(hostile: PublishedCase, served_hostile: ServedCase) -> None:
    cells = 0
    for address in addresses(hostile, served_hostile):
        path, _, query = address.partition("?")
        suffix = f"?{query}" if query else ""
        stem = "/start" if path == "/" else path
        table = served_hostile.get(f"{stem}.csv{suffix}")
        assert table.status_code == 200 and table.headers["content-disposition"].startswith("attachment"), address
        for row in csv.reader(io.StringIO(table.text.removeprefix("\ufeff"))):
            for cell in row:
                is_number = cell.removeprefix("-").replace(".", "", 1).isdigit()
                assert is_number or not cell.startswith(FORMULA_STARTS), (address, cell)
                assert hidden_characters(cell, allowed="\n") == set(), (address, cell)
                cells += "cmd|" in cell
        for line in served_hostile.get(f"{stem}.json{suffix}").text.splitlines():
            json.loads(line)
    assert cells > 3


def test_published_page_of_a_hostile_case_is_inert(
    browser: Browser, hostile: PublishedCase, served_hostile: ServedCase, tmp_path: Path
) -> None:
    draft = served_hostile.post("/publish/new", {"title": HOSTILE}).headers["location"]
    added = served_hostile.post("/publish/add", {"query": hostile.copy, "reference": hostile.photo})
    assert added.headers["location"] == draft
    html = served_hostile.get(f"{draft}/preview").text
    path = tmp_path / "page.html"
    path.write_text(html, encoding="utf-8")
    with browser.new_context(offline=True) as context:
        context.add_init_script("window.ran = () => { window.ranHostile = 1; }")
        page = context.new_page()
        page.goto(path.as_uri())
        found = page.evaluate(SHOWN)
        assert (found["made"], found["ran"]) == (0, 0) and TEMPLATE in found["text"]
        assert hidden_characters(found["text"], allowed="\n\t") == set()
