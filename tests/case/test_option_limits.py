"""Options of a query and of an ingest: numbers outside their limits are refused before any file is read."""

from collections.abc import Callable
from pathlib import Path

import pytest

import mediafp
from mediafp.case import Case
from mediafp.types.errors import UsageError
from mediafp.types.runs import IngestOptions

MESSAGE = r"cannot .+: .+; choose .+"


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return mediafp.open(tmp_path / "case", create=True)


@pytest.mark.parametrize("top", [-1, -100])
def test_match_refuses_a_negative_top(case: Case, tmp_path: Path, top: int) -> None:
    with case, pytest.raises(UsageError, match=MESSAGE) as caught:
        list(case.match([tmp_path / "a.jpg"], top=top))
    assert str(top) in str(caught.value)


@pytest.mark.parametrize("min_probability", [-0.01, 1.01, float("nan")])
@pytest.mark.parametrize("operation", [Case.match, Case.trace])
def test_match_refuses_a_probability_outside_of_0_to_1(
    case: Case, tmp_path: Path, operation: Callable[..., object], min_probability: float
) -> None:
    with case, pytest.raises(UsageError, match=MESSAGE) as caught:
        list(operation(case, [tmp_path / "a.jpg"], min_probability=min_probability))  # type: ignore[call-overload]
    assert str(min_probability) in str(caught.value)


def test_ingest_options_refuse_a_negative_number_of_workers() -> None:
    with pytest.raises(UsageError, match=MESSAGE) as caught:
        IngestOptions(jobs=-1)
    assert "-1" in str(caught.value)
    assert IngestOptions(jobs=0).jobs == 0


def test_close_closes_the_store_even_if_the_engine_cannot_be_closed(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    class BrokenEngine:
        def close(self) -> None:
            raise OSError("broken")

    closed: list[bool] = []
    close_store = case._store.close
    monkeypatch.setattr(case, "_opened_engine", BrokenEngine())
    monkeypatch.setattr(case._store, "close", lambda: (closed.append(True), close_store()))
    with pytest.raises(OSError, match="broken"):
        case.close()
    assert closed == [True]
