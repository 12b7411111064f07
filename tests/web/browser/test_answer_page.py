"""The answer in a browser: a box that is drawn, moved or typed; orders; hashes on the clipboard."""

from pathlib import Path

from page_rules import broken_rules, open_again
from playwright.sync_api import Page
from served_case import ServedCase

from mediafp.ingest.files import file_sha256, open_file

ROWS = "[...document.querySelectorAll('[data-use]')].map(row => row.dataset.use)"
NUMBERS = "['left', 'top', 'width', 'height'].map(name => document.querySelector('#part').elements[name].value).join()"
LINE = "['x', 'y', 'width', 'height'].map(name => document.querySelector('.boxline').getAttribute(name)).join()"


def test_box_order_and_hash_of_an_answer(page: Page, workbench: ServedCase, made_files: Path) -> None:
    with open_file(made_files / "seen" / "persona_avatar.jpg") as file:
        avatar = file_sha256(file)
    page.goto(f"{workbench.origin}/answer/{avatar}")

    page.locator("#boxer").scroll_into_view_if_needed()
    edges = page.locator("#boxer").bounding_box()
    assert edges is not None
    x, y, scale = edges["x"], edges["y"], edges["width"] / 240
    page.mouse.move(x + 24 * scale, y + 36 * scale)
    page.mouse.down()
    page.mouse.move(x + 204 * scale, y + 216 * scale, steps=3)
    page.mouse.up()
    dragged = page.evaluate(NUMBERS)
    assert dragged == page.evaluate(LINE)
    assert page.evaluate("new URL(location).searchParams.get('box')") == dragged

    page.locator("#boxer").press("Escape")
    assert page.evaluate(NUMBERS) == ",,," and page.locator("[data-part-go]").is_disabled()
    page.locator("#part summary").click()
    for name, value in zip(("left", "top", "width", "height"), dragged.split(","), strict=True):
        page.locator(f"#part [name={name}]").fill(value)
    assert page.evaluate(LINE) == dragged
    page.locator("#boxer").press("ArrowRight")
    left, *rest = map(int, dragged.split(","))
    assert page.evaluate(NUMBERS) == ",".join(map(str, (left + 8, *rest)))

    before = page.evaluate(ROWS)
    page.locator("[data-sort=surest]").click()
    page.wait_for_url("**sort=surest**")
    page.wait_for_function(f"() => {ROWS}[0] === '{avatar}'")
    after = page.evaluate(ROWS)
    assert before != after and sorted(before) == sorted(after)
    open_again(page)
    assert page.evaluate(ROWS) == after

    page.locator(f"[data-copy='{avatar}']").click()
    page.wait_for_function("() => document.querySelector('#live').textContent !== ''")
    assert page.evaluate("navigator.clipboard.readText()") == avatar

    page.locator("#boxer").press("Enter")
    page.wait_for_url(lambda address: avatar not in address)
    page.wait_for_selector("#found:not([aria-busy])", timeout=30_000)
    assert page.locator(f"[data-use='{avatar}']").count() == 1
    page.locator(".crumb a").click()
    page.wait_for_url(f"**/answer/{avatar}**")


def test_answers_of_images_and_videos_obey_the_rules_of_every_page(
    page: Page, workbench: ServedCase, made_files: Path
) -> None:
    for name in ("seen/screenshot.png", "seen/mirrored_crop.mp4", "seen/second_avatar.jpg"):
        with open_file(made_files / name) as file:
            page.goto(f"{workbench.origin}/answer/{file_sha256(file)}?min=0")
        assert broken_rules(page) == []
