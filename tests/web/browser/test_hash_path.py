"""From a hash on the start page to the file of the case that it is near to."""

import re

from playwright.sync_api import Page, expect
from served_case import ServedCase


def test_hash_is_asked_about_from_the_start_page_and_leads_to_the_file(page: Page, workbench: ServedCase) -> None:
    asset = next(record.asset for record in workbench.case.export_records() if record.asset.kind == "image")
    pdq = workbench.get(f"/api/match/{asset.sha256}").json()["hashes"]["pdq"]
    page.goto(workbench.origin + "/")
    page.get_by_text("Only a hash is known").click()
    page.get_by_label("A hash: PDQ").fill(f"pdq:{pdq}")
    page.get_by_role("button", name="Ask by the hash").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile("Near to [0-9]+ file"))
    page.locator(f'a.btn[href="/answer/{asset.sha256}"]').click()
    page.wait_for_url(re.compile(asset.sha256))
    # Pasted, it is asked about as well.
    page.goto(workbench.origin + "/")
    page.evaluate("text => navigator.clipboard.writeText(text)", pdq)
    page.keyboard.press("Control+v")
    page.wait_for_url(re.compile(rf"/hash\?h={pdq}"))
