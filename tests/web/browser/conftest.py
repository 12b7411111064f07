"""Fixtures of the browser tests: Debian's Chromium, whose pages fail a test that they break a rule of every page in."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from served_case import TOKEN, ServedCase

QUIET_OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
"""Options with which Chromium makes no connection of its own, and runs as root."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is missing: install the Debian package chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=QUIET_OPTIONS)
        yield opened
        opened.close()


@pytest.fixture(params=[(1280, "light"), (390, "dark")], ids=["wide-light", "narrow-dark"])
def look(request: pytest.FixtureRequest) -> tuple[int, str]:
    """Width of the window and theme."""
    width, theme = request.param
    return width, theme


@pytest.fixture
def page(browser: Browser, workbench: ServedCase, look: tuple[int, str]) -> Iterator[Page]:
    """A page with the session's cookie; console messages, errors and requests to elsewhere fail the test."""
    yield from open_page(browser, workbench, look)


@pytest.fixture
def grouped_page(browser: Browser, grouped: ServedCase, look: tuple[int, str]) -> Iterator[Page]:
    """A page, as `page`, of the case with groups."""
    yield from open_page(browser, grouped, look)


def open_page(browser: Browser, workbench: ServedCase, look: tuple[int, str]) -> Iterator[Page]:
    """Yield a page in a look; what it breaks a rule in fails the test."""
    width, theme = look
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=theme,  # type: ignore[arg-type]
        locale="en-GB",
    )
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=workbench.origin)
    problems: list[str] = []
    opened = context.new_page()
    opened.on("console", lambda message: problems.append(f"console: {message.text}"))
    opened.on("pageerror", lambda error: problems.append(f"error: {error}"))
    opened.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(("http://127.0.0.1:", "blob:", "data:"))
            else problems.append(f"request to {request.url}")
        ),
    )
    opened.goto(f"{workbench.origin}/?token={TOKEN}")
    yield opened
    context.close()
    assert problems == []
