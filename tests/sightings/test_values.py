"""Values of sidecars are normalised, or rejected with a ValueError."""

import pytest

from mediafp.sightings.values import parse_account, parse_count, parse_time


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_700_000_000, "2023-11-14T22:13:20Z"),
        (1_700_000_000_000, "2023-11-14T22:13:20Z"),
        ("1700000000.5", "2023-11-14T22:13:20Z"),
        ("20231114", "2023-11-14T00:00:00Z"),
        ("2023-11-15T06:13:20+08:00", "2023-11-14T22:13:20Z"),
        ("Wed Nov 15 06:13:20 +0800 2023", "2023-11-14T22:13:20Z"),
        ("0044-03-15", "0044-03-15T00:00:00Z"),
    ],
)
def test_parse_time_returns_utc(value: object, expected: str) -> None:
    assert parse_time(value) == expected


@pytest.mark.parametrize("value", ["soon", "20241399", True, None, float("nan"), float("inf"), 1e15, 9e14])
def test_parse_time_rejects_what_is_no_time(value: object) -> None:
    with pytest.raises(ValueError):
        parse_time(value)


@pytest.mark.parametrize(("value", "expected"), [("1,234", 1234), ("1\u00a0234", 1234), (5.9, 5), (0, 0)])
def test_parse_count_returns_integer(value: object, expected: int) -> None:
    assert parse_count(value) == expected


@pytest.mark.parametrize("value", ["many", -1, True, None, float("nan"), 1 << 63])
def test_parse_count_rejects_what_is_no_count(value: object) -> None:
    with pytest.raises(ValueError):
        parse_count(value)


def test_parse_account_accepts_name_number_and_object() -> None:
    assert parse_account(" @a ") == "@a"
    assert parse_account(42) == "42"
    assert parse_account({"nick": "n", "id": 7}) == "n"
    with pytest.raises(ValueError):
        parse_account({})
