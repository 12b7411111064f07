"""The guard refuses what the workbench did not ask for; each refusal has its positive control."""

import httpx
from served_case import ServedCase


def test_request_without_the_token_is_refused_and_with_it_answered(workbench: ServedCase) -> None:
    assert httpx.get(workbench.origin + "/").status_code == 401
    assert workbench.get("/").status_code == 200


def test_link_with_the_token_leads_to_the_page_with_a_cookie(workbench: ServedCase) -> None:
    answer = httpx.get(workbench.settings.link)
    assert answer.status_code == 303 and answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "token" not in answer.headers["location"]
