"""Rules of every page, at both widths and in both themes, with a control that breaks each of them."""

import pytest
from page_rules import broken_rules, unreached_by_tab
from playwright.sync_api import Browser, Page
from served_case import TOKEN, ServedCase

ADDRESSES = (
    "/",
    "/jobs",
    "/errors",
    "/log",
    "/api",
    "/search",
    "/search?q=港湾",
    "/search?q=breaking",
    "/review",
    "/watch",
    "/groups",
    "/groups?as=table",
    "/groups/c1",
    "/accounts",
    "/accounts?of=all",
    "/accounts?as=network",
    "/accounts?as=table",
    "/accounts?as=coshare",
    "/timeline/c1",
    "/timeline/c3",
    "/timeline/truth_daily_news",
    "/publish",
    "/no-such-page",
    "/exchange",
    "/hash?h=f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22",
)
"""Addresses of the pages; those of answers, pairs and drafts contain a SHA-256 or a number, and are found in the case."""
WIDTHS = (1280, 390)
THEMES = ("light", "dark")
BROKEN = """<html lang="en"><body><main><h2>Second</h2><h1>First</h1><a href="/x"><svg width="30" height="30"></svg></a>
<p style="color: #999">pale</p><p>港湾</p><button style="outline: none; height: 9px">small</button><img src="data:,">
<div style="width: 3000px">wide</div><p id="a"></p><p id="a"></p><table><tr><th>x</th></tr></table></main></body></html>"""
"""A page that breaks the rules."""


def pages_of(workbench: ServedCase) -> list[str]:
    """Return the addresses of the case, with answers of an image and a video, pairs of each kind, and a draft."""
    kept = [one for one in workbench.case.kept_matches() if one.match and one.match.verdict == "copy"]
    image = next(one for one in kept if one.match and one.match.relation == "copy" and one.match.placement)
    video = next(one for one in kept if one.match and one.match.kind == "video" and one.channel == "picture")
    draft = workbench.post("/publish/new", {"title": "Every page"}).headers["location"]
    workbench.post("/publish/add", {"query": image.query, "reference": image.reference})
    answers = [f"/answer/{image.query}?min=0", f"/answer/{video.query}"]
    pairs = [f"/compare/{one.query}/{one.reference}" for one in (image, video)]
    return [*ADDRESSES, *answers, *pairs, f"/compare/{image.query}/{image.reference}?view=slider", draft]


@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_keeps_the_rules(width: int, browser: Browser, workbench: ServedCase) -> None:
    broken: list[str] = []
    with browser.new_context(
        viewport={"width": width, "height": 900}, locale="en-GB", reduced_motion="reduce"
    ) as context:
        page = context.new_page()
        page.goto(f"{workbench.origin}/?token={TOKEN}")
        address = "/"

        def note(problem: str) -> None:
            if address != "/no-such-page":
                broken.append(f"{address}: {problem}")

        page.on("console", lambda message: note(f"console: {message.text}"))
        page.on("pageerror", lambda error: note(f"error: {error}"))
        own = (workbench.origin, f"blob:{workbench.origin}", "data:")
        page.on("request", lambda sent: None if sent.url.startswith(own) else note(f"request to {sent.url}"))
        for address in pages_of(workbench):
            page.goto(workbench.origin + address)
            for theme in THEMES:
                page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
                broken += [f"{address} {width} {theme}: {problem}" for problem in broken_rules(page)]
            # The order is that of the page: a narrow one has other controls only where something folds.
            if width == 1280 or page.locator(".narrow").count():
                broken += [f"{address} {width}: not reached by Tab: {control}" for control in unreached_by_tab(page)]
    assert not broken, "\n".join(broken)


def test_rules_are_noticed_when_they_are_broken(browser: Browser) -> None:
    with browser.new_context(viewport={"width": 390, "height": 900}) as context:
        page: Page = context.new_page()
        page.set_content(BROKEN)
        found = broken_rules(page)
        for rule in (
            "wider", "headings", "no name", "contrast", "no language", "no ring", "target", "no alternative", "id used twice",
            "heading without a scope",
        ):  # fmt: skip
            assert any(problem.startswith(rule) for problem in found), (rule, found)
        page.set_content("<button tabindex=-1>a</button><a href=x>b</a><div hidden><a href=y>c</a></div>")
        assert unreached_by_tab(page) == []
        page.set_content(
            "<a href=x>b</a><button>c</button><script>document.links[0].onblur = e => e.target.focus()</script>"
        )
        assert [control[:7] for control in unreached_by_tab(page)] == ["<button"]
