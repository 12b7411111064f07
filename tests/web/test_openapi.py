"""The API as its own description states it: no request that the description allows, or nearly, is an error of the server."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from reviewed_case import reviewed_case
from served_case import TOKEN, ServedCase

HEADERS = {"authorization": f"Bearer {TOKEN}"}
SETTINGS = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
"""Seeded, so that a failure comes again."""


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedCase]:
    """A workbench over a case of its own, which the requests change."""
    with reviewed_case(tmp_path_factory.mktemp("described") / "store") as one:
        yield one


def test_no_request_is_an_error_of_the_server(described: ServedCase) -> None:
    schema = schemathesis.openapi.from_url(f"{described.origin}/openapi.json", headers=HEADERS)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) >= 15
    for operation in operations:
        check = SETTINGS(given(sent=operation.as_strategy())(send))
        check()


def send(sent: schemathesis.Case) -> None:
    """Send a request, and fail if it is an error of the server."""
    answer = sent.call(headers=HEADERS, timeout=60)
    assert answer.status_code < 500, answer.text[:500]
    assert "Traceback" not in answer.text


def test_description_has_every_address_with_its_words(described: ServedCase) -> None:
    paths = described.get("/openapi.json").json()["paths"]
    operations = [(path, method, one) for path, methods in paths.items() for method, one in methods.items()]
    assert len(operations) >= 15
    assert all(path.startswith("/api/") for path, _, _ in operations)
    assert [(path, method) for path, method, one in operations if not one.get("description")] == []
