"""Rules of every page: no overflow, everything labelled, reached by Tab, no violation of the policy."""

import pytest
from playwright.sync_api import Page
from served_case import ServedCase

ADDRESSES = (
    "/",
    "/jobs",
    "/errors",
    "/log",
    "/api",
    "/search?q=港湾",
    "/review",
    "/watch",
    "/groups",
    "/groups?as=table",
    "/groups/c1",
    "/accounts",
    "/accounts?as=network",
    "/timeline/c1",
    "/exchange",
    "/hash?h=f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22",
)
"""Addresses of the pages."""


@pytest.mark.parametrize("address", ADDRESSES)
def test_page_fits_its_width_and_labels_every_control(address: str, page: Page, workbench: ServedCase) -> None:
    page.goto(workbench.origin + address)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    unlabelled = page.evaluate(
        """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea")].filter(e =>
            e.offsetParent && !(e.textContent.trim() || e.getAttribute("aria-label") || e.labels?.length
            || e.querySelector("img[alt]:not([alt=''])"))).map(e => e.outerHTML.slice(0, 120))"""
    )
    assert unlabelled == []
