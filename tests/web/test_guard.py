"""The guard refuses what the workbench did not ask for; each refusal has its positive control."""

import sys

import httpx
import pytest
from served_case import ServedCase, served

from mediafp.case.case import Case


def test_request_without_the_token_is_refused_and_with_it_answered(workbench: ServedCase) -> None:
    assert httpx.get(workbench.origin + "/").status_code == 401
    assert workbench.get("/").status_code == 200


def test_link_with_the_token_leads_to_the_page_with_a_cookie(workbench: ServedCase) -> None:
    answer = httpx.get(workbench.settings.link)
    assert answer.status_code == 303 and answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "token" not in answer.headers["location"]


def test_nothing_is_recorded_for_others_whatever_the_environment_asks_for(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://192.0.2.1:4318")
    with served(case) as one:
        assert one.get("/api/case").status_code == 200
    assert not [name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))]
