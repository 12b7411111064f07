"""The start page with a script: what is dropped, pasted or chosen."""

import base64
import re
from pathlib import Path

from playwright.sync_api import Browser, Page, expect
from served_case import TOKEN, ServedCase

TRANSFER = """([files, kind]) => {
  const transfer = new DataTransfer();
  for (const [name, type, content] of files) {
    if (name) transfer.items.add(new File([Uint8Array.from(atob(content), c => c.charCodeAt(0))], name, { type }));
    else transfer.setData("text/plain", content);
  }
  const event = kind === "paste" ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true })
    : new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}"""
"""Function that drops or pastes files, or a text without a name."""


def transfer(page: Page, kind: str, *files: tuple[str, str, bytes]) -> None:
    encoded = [[name, type, base64.b64encode(data).decode() if name else data.decode()] for name, type, data in files]
    page.evaluate(TRANSFER, [encoded, kind])


def test_dropped_picture_leads_to_its_answer(page: Page, made_files: Path) -> None:
    content = (made_files / "originals" / "cat.jpg").read_bytes() + b"dropped"
    transfer(page, "dragenter", ("a.jpg", "image/jpeg", b""))
    expect(page.locator("body")).to_have_class("dropping")
    transfer(page, "drop", ("dropped.jpg", "image/jpeg", content))
    page.wait_for_url(re.compile("/answer/[0-9a-f]{64}"))
    expect(page.get_by_text("dropped.jpg").first).to_be_visible()


def test_several_files_are_offered_to_the_case_and_words_are_searched(page: Page) -> None:
    transfer(page, "drop", ("a.jpg", "image/jpeg", b"1"), ("b.jpg", "image/jpeg", b"2"))
    expect(page.locator("[data-zone-says]")).to_contain_text("add these 2 files to the case")
    expect(page.get_by_role("button", name="Add them to the case")).to_be_focused()
    page.get_by_role("button", name="Neither").click()
    expect(page.locator("[data-zone-says]")).to_contain_text("anywhere on this page")
    transfer(page, "paste", ("", "", "海湾 harbour".encode()))
    page.wait_for_url(re.compile("/search[?]q="))


def test_what_is_no_media_is_said_in_the_zone(browser: Browser, workbench: ServedCase) -> None:
    # A page of its own: Chromium notes each refusal on the console.
    with browser.new_context(locale="en-GB") as context:
        page = context.new_page()
        page.goto(f"{workbench.origin}/?token={TOKEN}")
        page.set_input_files("#file", files=[{"name": "notes.txt", "mimeType": "text/plain", "buffer": b"words"}])
        expect(page.locator("[data-zone-says]")).to_contain_text("'notes.txt': it is not an image, video or audio file")
        expect(page.locator("[data-zone-choose]")).to_be_visible()
