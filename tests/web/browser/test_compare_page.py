"""The page of a pair, walked by keys: views, flip, outline, players on one clock, words; each view comes back."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from compared_case import QUAD, STRETCHES, ComparedCase
from page_rules import open_again
from playwright.sync_api import Page, expect
from served_case import ServedCase, served

from mediafp.case.case import open_case

FRAME_SECONDS = 0.04
READ_FRAMES = """() => ["query", "reference"].map(side => {
    const video = document.querySelector(`[data-player=${side}] video`), canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [240, 120];
    const drawing = canvas.getContext("2d", { willReadFrequently: true });
    drawing.drawImage(video, 0, 0, 240, 120);
    const row = drawing.getImageData(0, 60, 240, 1).data;
    let number = 0;
    for (let bit = 0; bit < 12; bit++) if (row[4 * (bit * 20 + 10)] > 126) number += 2 ** bit;
    return number;
})"""
"""Script that returns the numbers that the frames of both players show (see `coded_videos`)."""
ARE_STILL = """() => [...document.querySelectorAll("video")].every(video => !video.seeking && video.readyState >= 2)"""
READ_CORNERS = """() => {
    const polygon = document.querySelector("[data-quad]"), matrix = polygon.getScreenCTM();
    const picture = polygon.closest("svg").querySelector("image").getBoundingClientRect();
    return [...polygon.points].map(point => point.matrixTransform(matrix)).map(at =>
        [(at.x - picture.left) / picture.width * 400, (at.y - picture.top) / picture.height * 320]);
}"""
"""Script that returns the corners of the outline as drawn, in pixels of the reference."""
READ_POINT = """() => {
    const circle = document.querySelectorAll("[data-ties] circle")[2].getBoundingClientRect();
    const side = document.querySelector("[data-query-side]"), box = side.querySelector("image").getBoundingClientRect();
    const share = (circle.left + circle.width / 2 - box.left) / box.width;
    return side.getAttribute("transform") ? 1 - share : share;
}"""
"""Script that returns where a point lies in its picture as it was taken, as a share of its width."""
UNLABELLED = """() => [...document.querySelectorAll("a, button, input:not([type=hidden])")].filter(e => e.offsetParent
    && !(e.textContent.trim() || e.getAttribute("aria-label") || e.labels?.length || e.querySelector("img[alt]")))
    .map(e => e.outerHTML.slice(0, 120))"""


def check_rules(page: Page) -> None:
    """Check that a page fits its width, and that every control has a name."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.evaluate(UNLABELLED) == []


@pytest.fixture(scope="module")
def workbench(compared: ComparedCase) -> Iterator[ServedCase]:
    with open_case(compared.folder) as case, served(case) as one:
        yield one


def test_pictures_lie_exactly_and_every_view_is_reached_by_keys_and_comes_back(
    page: Page, workbench: ServedCase, compared: ComparedCase, look: tuple[int, str]
) -> None:
    page.goto(f"{workbench.origin}/compare/{compared.pictures[0]}/{compared.pictures[1]}")
    stage = page.locator("#stage")
    expect(stage).to_have_attribute("data-mode", "side" if look[0] > 820 else "slider")
    page.keyboard.press("1")
    expect(page.locator("h1")).to_contain_text("mirrored, with 50% of it cut away")
    assert np.abs(np.array(page.evaluate(READ_CORNERS)) - np.array(QUAD)).max() < 0.5
    check_rules(page)

    # A point stays on its place of the picture when the picture is flipped.
    before = page.evaluate(READ_POINT)
    page.keyboard.press("f")
    assert "scale(-1" in (page.locator("[data-query-side]").get_attribute("transform") or "")
    assert page.evaluate(READ_POINT) == pytest.approx(before, abs=0.003)
    assert before == pytest.approx(20 / 300, abs=0.003)

    page.keyboard.press("Shift+ArrowRight")
    assert "at=" in page.url and "in the reference" in (page.locator("#loupe-says").text_content() or "")

    for key, view in (("2", "slider"), ("3", "blink"), ("4", "fade")):
        page.keyboard.press(key)
        expect(stage).to_have_attribute("data-mode", view)
    for key in "porm":
        page.keyboard.press(key)
    page.keyboard.press("ArrowLeft")
    open_again(page)
    expect(stage).to_have_attribute("data-mode", "fade")
    expect(page.locator("#mix")).to_have_value("48")
    expect(page.locator("#laid")).to_have_attribute("opacity", "0.48")
    expect(page.locator("#loupes")).to_be_hidden()
    assert {"nopts", "noline", "noaway"} <= set((stage.get_attribute("class") or "").split())
    expect(page.locator("[data-toggle=flip]")).to_have_attribute("aria-pressed", "true")

    page.keyboard.press("n")
    expect(page.locator("[data-decided=reject]")).to_be_visible()
    expect(page.locator("[data-quad]")).to_have_count(0)
    page.keyboard.press("z")
    expect(page.locator("[data-quad]")).to_have_count(1)
    expect(stage).to_have_attribute("data-mode", "fade")


def test_players_show_the_same_moment_at_every_stretch_by_keys(
    page: Page, workbench: ServedCase, compared: ComparedCase
) -> None:
    page.goto(f"{workbench.origin}/compare/{compared.videos[0]}/{compared.videos[1]}?as=video&t=0")
    expect(page.locator("video")).to_have_count(2, timeout=60_000)
    for stretch in STRETCHES:
        assert stretch.query is not None
        # To the stretch, whatever other stretches begin before it.
        for _ in range(4):
            if float(page.locator("#players").get_attribute("data-second") or 0) < stretch.query[0]:
                page.keyboard.press("]")
        for key in ("ArrowRight", ",", ",", "."):
            page.keyboard.press(key)
            page.wait_for_function(ARE_STILL)
            second = float(page.locator("#players").get_attribute("data-second") or -1)
            query, reference = page.evaluate(READ_FRAMES)
            expected = stretch.reference[0] + stretch.speed * (second - stretch.query[0])
            assert abs(query * FRAME_SECONDS - second) <= FRAME_SECONDS + 1e-6
            assert abs(reference * FRAME_SECONDS - expected) <= FRAME_SECONDS + 1e-6, (second, expected)
    check_rules(page)
    expect(page.locator("tr[data-stretch][aria-selected=true]")).to_contain_text("mirrored, 0.50×")
    page.locator("[data-nudge='0.1']").click()
    page.keyboard.press("f")
    page.wait_for_function("() => location.search.includes('offset=0.1') && location.search.includes('flip=1')")
    second = float(parse_qs(urlsplit(page.url).query)["t"][0])
    open_again(page)
    expect(page.locator("video")).to_have_count(2)
    assert float(page.locator("#players").get_attribute("data-second") or 0) == pytest.approx(second)
    expect(page.locator("[data-player=reference] .mat")).to_have_class("mat flipped")


def test_word_that_is_said_is_marked_and_a_click_on_a_word_goes_there(
    page: Page, workbench: ServedCase, compared: ComparedCase
) -> None:
    page.goto(f"{workbench.origin}/compare/{compared.videos[0]}/{compared.videos[1]}?as=video&t=0.85")
    expect(page.locator("[data-words=query] .now")).to_have_text("花")
    page.locator("[data-words=query] [data-until]", has_text="处").click()
    expect(page.locator("[data-words=query] .now")).to_have_text("处")
    expect(page.locator("#players")).to_have_attribute("data-second", "1.85")
    expect(page.locator("[data-words=query] p[aria-current]")).to_contain_text("谁在")
    # A line of the reference whose words have no times has one of its own.
    page.locator("[data-words=reference] a").nth(2).click()
    expect(page.locator("[data-player=reference] [data-time]")).to_have_text("0:05.50")
    check_rules(page)


def test_words_stand_beside_each_other_and_their_times_lead_to_the_players(
    page: Page, workbench: ServedCase, compared: ComparedCase
) -> None:
    page.goto(f"{workbench.origin}/compare/{compared.videos[0]}/{compared.videos[1]}?as=script")
    check_rules(page)
    expect(page.locator("h1")).to_contain_text("syllables in a row agree")
    expect(page.locator(".saidpairs ins").first).to_have_text("在")
    expect(page.locator(".saidpairs .alone")).to_have_text("不說話")
    page.locator(".saidpairs a").first.click()
    expect(page.locator("#players")).to_have_attribute("data-second", "0.5")
