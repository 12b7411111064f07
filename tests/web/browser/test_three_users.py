"""The paths of the three users, from a file or a folder to a published page, in a case of their own."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from served_case import ServedCase, served
from test_dropping import transfer

from mediafp.case.case import open_case
from mediafp.cli.demo.edits import HANDLE

ANSWER = re.compile("/answer/[0-9a-f]{64}")
PAIR = re.compile("/compare/[0-9a-f]{64}/[0-9a-f]{64}")
DRAFT = re.compile("/publish/[0-9a-f]{12}$")


@pytest.fixture(scope="module")
def workbench(made_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedCase]:
    """A workbench over a copy of the made case, to which these tests add."""
    folder = tmp_path_factory.mktemp("users") / "store"
    shutil.copytree(made_files / "store", folder)
    with open_case(folder) as case, served(case) as one:
        yield one


def part_of(path: Path, box: tuple[float, float, float, float], size: int, quality: int) -> Path:
    """Write a part of an image, in shares of its width and height, as a JPEG beside it, and return its path."""
    with Image.open(path) as image:
        edges = [round(share * length) for share, length in zip(box, image.size * 2, strict=True)]
        part = image.convert("RGB").crop((edges[0], edges[1], edges[2], edges[3]))
    part.thumbnail((size, size))
    written = path.with_name(f"part-{size}-{quality}-{path.name}")
    part.save(written, quality=quality)
    return written


def drop(page: Page, path: Path, name: str) -> None:
    """Drop a file on the start page, and wait for its answer."""
    transfer(page, "drop", (name, "image/jpeg", path.read_bytes()))
    page.wait_for_url(ANSWER)
    page.wait_for_selector("#found:not([aria-busy])", timeout=30_000)


def publish(page: Page, title: str, folder: Path) -> str:
    """Name and seal the draft that is open, and return the page as it was downloaded."""
    page.wait_for_url(DRAFT)
    page.get_by_label("Title", exact=True).fill(title)
    page.get_by_label("What it shows").fill("What was found.\n\nWhat is not known.")
    page.get_by_role("button", name="Seal and save").click()
    expect(page.locator("h1")).to_contain_text("sealed", timeout=30_000)
    with page.expect_download() as download:
        page.get_by_role("link", name="HTML").click()
    path = folder / "published.html"
    download.value.save_as(path)
    return path.read_text(encoding="utf-8")


def check_alone(browser: Browser, path: Path) -> str:
    """Open a page from the disk, without a network and with scripts, and return its text."""
    with browser.new_context(offline=True) as context:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: asked.append(message.text))
        page.goto(path.as_uri())
        assert [one for one in asked if not one.startswith(("data:", path.as_uri()))] == []
        assert page.locator("script").count() == 0 and page.locator("img, image").count() > 0
        return page.inner_text("body")


@pytest.mark.parametrize("look", [(1280, "light")])
def test_an_analyst_publishes_one_picture(
    page: Page, browser: Browser, workbench: ServedCase, made_files: Path, tmp_path: Path
) -> None:
    drop(page, part_of(made_files / "originals" / "cat.jpg", (0.1, 0, 1, 0.9), 300, 70), "crop <b>.jpg")
    expect(page.locator("h1")).to_contain_text("Used in 2 pictures")
    page.get_by_role("link", name="Compare", exact=True).first.click()
    page.wait_for_url(PAIR)
    page.keyboard.press("y")
    expect(page.locator("[data-decided=confirm]")).to_be_visible()
    page.get_by_role("button", name="To the publication").click(timeout=30_000)
    # The case stores it under its SHA-256, and pages call it as it was called.
    expect(page.locator(".cards")).to_contain_text("crop <b>.jpg")
    html = publish(page, "One picture", tmp_path)
    assert str(made_files) not in html and str(workbench.case.folder) not in html and "crop <b>" not in html
    text = check_alone(browser, tmp_path / "published.html")
    assert "One picture" in text and "What is not known." in text and "same media" in text.lower()


@pytest.mark.parametrize("look", [(390, "dark")])
def test_a_batch_becomes_groups_and_decisions(
    page: Page, workbench: ServedCase, made_files: Path, tmp_path: Path
) -> None:
    cat = made_files / "originals" / "cat.jpg"
    batch = tmp_path / "dump 海湾"
    batch.mkdir()
    for share, quality in ((0.35, 30), (0.22, 15)):
        part = part_of(cat, (0.3, 0.25, 0.3 + share, 0.25 + share), 200, quality)
        with Image.open(part) as small, Image.open(made_files / "originals" / "temple.jpg") as temple:
            page_of = temple.convert("RGB").resize((640, 480))
            page_of.paste(small.resize((160, 160)), (20, 20))
        page_of.save(batch / f"inset{quality}.jpg", quality=60)
        part.rename(batch / f"part{quality}.jpg")
    (batch / "broken.jpg").write_bytes(cat.read_bytes()[:300])
    before = workbench.case.count_assets()
    page.get_by_label("Full path on this machine").fill(str(batch))
    page.get_by_label("read text in images").uncheck()
    page.get_by_role("button", name="Take in", exact=True).click()
    expect(page.get_by_role("heading", name="Taking in dump")).to_be_visible()
    expect(page.locator(".job .say", has_text="done")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("link", name="1 could not be read").first).to_be_visible()
    assert workbench.case.count_assets() == before + 4
    page.get_by_role("link", name="Groups", exact=True).first.click()
    expect(page.locator("h1")).to_contain_text(re.compile("[0-9]+ groups"), timeout=20_000)
    page.locator(".gcard h2 a").first.click()
    expect(page.locator("#members tbody tr").first).to_be_visible()
    page.get_by_role("navigation", name="Workbench").get_by_role("link", name="Review").click()
    page.wait_for_url("**/review")
    assert workbench.case.review_queue().items
    before, pressed = len(workbench.case.decisions()), 0
    # A decision can settle other pairs too.
    while page.locator(".decide").count():
        with page.expect_navigation():
            page.keyboard.press("nyu"[pressed % 3])
        pressed += 1
    expect(page.locator("h1")).to_have_text("Nothing waits for a decision.")
    assert len(workbench.case.decisions()) == before + pressed


@pytest.mark.parametrize("look", [(1280, "dark")])
def test_an_investigator_traces_a_stolen_picture(
    page: Page, browser: Browser, workbench: ServedCase, made_files: Path, tmp_path: Path
) -> None:
    stolen = part_of(made_files / "seen" / "persona_avatar.jpg", (0.05, 0.05, 0.95, 0.95), 200, 70)
    drop(page, stolen, "头像.jpg")
    expect(page.locator("h1")).to_contain_text(f"The owner’s mark {HANDLE} was cut away.")
    expect(page.locator("#source .cut figcaption")).to_contain_text(HANDLE)
    page.locator("h1").get_by_role("link", name="accounts").click()
    expect(page.locator("h1")).to_contain_text("3 accounts used")
    expect(page.locator(".switch [aria-current]").first).to_contain_text("头像.jpg")
    rows = page.locator(".lanes tbody tr")
    expect(rows).to_have_count(3)
    page.locator(".lanes").get_by_role("link", name="truth_daily_news").click()
    expect(page.locator("#e-h")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="Back to the answer").click()
    page.get_by_role("button", name="To the publication").click(timeout=30_000)
    page.wait_for_url(DRAFT)
    expect(page.get_by_label("The owner of the picture")).to_be_checked()
    html = publish(page, "A stolen picture", tmp_path)
    name = HANDLE.removeprefix("@")
    assert name not in html and "头像" not in html
    assert "truth_daily" in html or "the owner of the picture" in html
    assert "A stolen picture" in check_alone(browser, tmp_path / "published.html")
