"""The review by keys alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page
from reviewed_case import NAMES, reviewed_case
from served_case import TOKEN, ServedCase


@pytest.fixture
def reviewed(tmp_path: Path) -> Iterator[ServedCase]:
    with reviewed_case(tmp_path / "store") as one:
        yield one


@pytest.mark.parametrize("look", [(1280, "light")], indirect=False)
def test_a_queue_is_decided_by_keys_and_stays_so(page: Page, reviewed: ServedCase, workbench: ServedCase) -> None:
    page.goto(f"{reviewed.origin}/?token={TOKEN}")
    page.goto(f"{reviewed.origin}/review")
    pairs = len(NAMES) - 1
    for number in range(pairs):
        if number % 3 == 0:
            with page.expect_navigation():
                page.keyboard.press("j")
        page.keyboard.press("2")
        with page.expect_navigation():
            page.keyboard.press("yn"[number % 2])
    assert page.inner_text("h1") == "Nothing waits for a decision."
    page.reload()
    decisions = reviewed.case.decisions()
    assert len(decisions) == pairs and {one.decision for one in decisions} == {"confirm", "reject"}
    with page.expect_navigation():
        page.keyboard.press("z")
    assert len(reviewed.case.decisions()) == pairs - 1
