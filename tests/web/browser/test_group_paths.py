"""The paths of an investigator through groups and accounts, by the keys."""

import re

from group_case import RETAKERS, VIDEOS, asset_name
from playwright.sync_api import Page, expect
from served_case import ServedCase


def test_facets_change_the_address_and_a_group_is_cut_split_and_restored(
    grouped_page: Page, grouped: ServedCase
) -> None:
    page = grouped_page
    page.goto(f"{grouped.origin}/groups")
    if page.viewport_size and page.viewport_size["width"] < 820:
        page.get_by_role("link", name="Filter").click()
    page.locator('[data-facet="shares"][data-value="voice"]').click()
    page.wait_for_url(re.compile("shares=voice"))
    expect(page.locator("article.gcard")).to_have_count(1)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/groups/c\d+$"))
    expect(page.locator("table.tracks tbody tr")).to_have_count(len(VIDEOS))
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("[data-picked]")).to_have_text(f"1 of {len(VIDEOS)} picked")
    page.keyboard.press("c")
    expect(page.locator("#cutsays")).to_contain_text("falls into 7 and 2")
    expect(page.locator("[data-picked]")).to_have_text(f"2 of {len(VIDEOS)} picked")
    page.keyboard.press("s")
    expect(page.locator("table.tracks tbody tr")).to_have_count(7)
    page.get_by_role("button", name="Take back").click()
    expect(page.locator("table.tracks tbody tr")).to_have_count(len(VIDEOS))
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_lanes_and_rows_align_to_a_pixel_at_any_zoom(grouped_page: Page, grouped: ServedCase) -> None:
    page = grouped_page
    page.goto(f"{grouped.origin}/accounts")
    for _ in range(2):
        apart = page.evaluate(
            """() => {
                const top = e => e.getBoundingClientRect().top, all = s => [...document.querySelectorAll(s)];
                const table = top(document.querySelector(".lanes table")), lanes = all("[data-lane]");
                const laneOf = row => lanes.find(lane => lane.dataset.lane === row.dataset.row);
                return all("[data-row]").map(row => Math.abs(top(row) - table - laneOf(row).dataset.top));
            }"""
        )
        assert len(apart) > 8 and max(apart) <= 1, apart
        with page.expect_navigation(url=re.compile("from=.*to=")):
            page.keyboard.press("+")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('[data-row]') === document.querySelectorAll('[data-row]')[1]")
    page.goto(f"{grouped.origin}/accounts?of=respawn")
    join = page.locator(f'[data-join="{RETAKERS[1][0]}"] path.join')
    expect(join).to_be_visible()
    page.goto(f"{grouped.origin}/timeline/{asset_name('v0')}")
    expect(page.locator("h1")).to_contain_text("posted")
