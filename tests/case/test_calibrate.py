"""Probabilities fitted on decisions: better on other sources, never on too few, and said wherever they are used."""

import json
import math
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ingest_records import add_records
from linked_stores import image_record, keep, link
from sample_matches import sample_match
from served_case import served
from typer.testing import CliRunner

from mediafp import Case, UsageError
from mediafp.case.case import open_case
from mediafp.case.decided_matches import as_decided
from mediafp.case.recalibrated_matches import model_minimum
from mediafp.cli.app import app
from mediafp.store import open_store
from mediafp.types.decisions import DecidedMatch, Decision
from mediafp.types.recalibration import Recalibration

PAIRS = 220


def no_engine() -> None:
    pytest.fail("a file was analysed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with two images and their match."""
    folder = tmp_path / "store"
    with open_store(folder, create=True) as store:
        add_records(store, image_record("a"), image_record("b"))
        keep(store, link("a", "b", 0.9))
    return folder


@pytest.fixture
def case(folder: Path) -> Iterator[Case]:
    with Case(open_store(folder), no_engine) as opened:  # type: ignore[arg-type]
        yield opened


def decide(case: Case, number: int, *, slope: float, sources: int = PAIRS, relation: str = "copy") -> None:
    """Decide on pairs whose matches are true as a logistic function of the logit of their probability says.

    Args:
        case: The case.
        number: Number of pairs.
        slope: Slope of the function; 1 for probabilities that are right.
        sources: Files that one side of the pairs is of.
        relation: Relation of the matches.
    """
    rng = random.Random(3)
    with case._store.writing():
        for n in range(number):
            logit = rng.uniform(-1.5, 6)
            is_true = rng.random() < 1 / (1 + math.exp(-(slope * logit - 1 + slope)))
            probability = 1 / (1 + math.exp(-logit))
            case._store.save_decision(
                Decision(
                    subject="match",
                    a=f"{n % sources:04x}" * 16,
                    b=f"f{n:03x}" * 16,
                    decision="confirm" if is_true else "reject",
                    note="",
                    decided_by="x",
                    decided_at=f"2026-01-01T00:00:00.{n:06}Z",
                    evidence=(DecidedMatch(relation=relation, verdict="possible", probability=probability),),
                )
            )


def test_overconfident_probabilities_are_fitted_and_used_until_they_are_reset(case: Case) -> None:
    decide(case, PAIRS, slope=0.3)
    (fit,) = case.calibrate()
    assert (fit.family, fit.is_saved, fit.confirmed + fit.rejected) == ("images", True, PAIRS)
    assert fit.before and fit.after
    assert fit.after.log_loss < fit.before.log_loss and fit.after.calibration_error < fit.before.calibration_error
    assert 0.1 < fit.slope < 0.5
    store = case._store
    kept = next(one.match for one in case.kept_matches() if one.match)
    same = replace(kept, sha256="a" * 64, probability=1.0)
    first, match = as_decided([kept, same], "a" * 64, store)
    # The same bytes are the same, whatever was decided on others.
    assert first == same
    assert match.probability < match.model_probability == 0.9
    assert match.verdict == "possible" and f"fitted on {PAIRS} decisions" in match.why[-1]
    # What the model states stays what is kept, and what a later decision is fitted on.
    assert kept.probability == 0.9
    assert case.decide("confirm", "a" * 64, "e" * 64, match=match).evidence[0].probability == 0.9
    (entry,) = store.iter_log("recalibrated")
    assert entry.details["errors"]["images"]["after"]["log_loss"] == fit.after.log_loss
    assert case.reset_calibration() == 1 and case.reset_calibration() == 0
    assert as_decided([kept], "a" * 64, store) == [kept]
    assert not [problem for problem in case.verify().problems if "fitted" in problem or "log" in problem]


def test_fit_of_the_review_page_shows_its_errors_and_can_be_taken_back(folder: Path) -> None:
    """The workbench starts the worker that decodes thumbnails, so that its case has an engine."""
    with open_case(folder) as case, served(case) as one:
        decide(case, PAIRS, slope=0.3)
        assert f"{PAIRS} decisions, enough to fit the probabilities." in one.get("/review").text
        one.post("/review/calibrate")
        while (job := one.get("/api/jobs").json()[0])["state"] in ("waiting", "running"):
            time.sleep(0.02)
        (fit,) = job["result"]["fits"]
        page = one.get("/jobs").text
        assert (
            fit["is_saved"] and f"{fit['before']['log_loss']:.3f}" in page and f"{fit['after']['log_loss']:.3f}" in page
        )
        assert "Answers state fitted probabilities." in one.get("/review").text
        one.post("/review/calibrate/reset")
        assert case._store.recalibrations() == []


def test_fit_does_not_depend_on_the_order_of_the_decisions(case: Case) -> None:
    decide(case, PAIRS, slope=0.3)
    first = case.calibrate()
    again = list(case.decisions())
    random.Random(1).shuffle(again)
    with case._store.writing():
        for decision in again:
            case._store.save_decision(decision)
    assert case.calibrate() == first


def test_probabilities_that_are_right_stay_as_they_are(case: Case) -> None:
    decide(case, PAIRS, slope=1.0)
    (fit,) = case.calibrate()
    assert not fit.is_saved and "no better" in fit.reason and case._store.recalibrations() == []


def test_probabilities_that_mean_nothing_are_not_turned_round(case: Case) -> None:
    decide(case, PAIRS, slope=-0.5)
    (fit,) = case.calibrate()
    assert not fit.is_saved and case._store.recalibrations() == []


def test_fewer_than_200_decisions_are_refused_with_their_number(case: Case) -> None:
    decide(case, 1, slope=0.3)
    with pytest.raises(UsageError, match=r"has 1 decision on matches \(1 of images\)"):
        case.calibrate()
    decide(case, 199, slope=0.3)
    with pytest.raises(UsageError, match=r"199 decisions on matches \(199 of images\), and 200"):
        case.calibrate()
    # One more by another kind of match does not make up for it.
    case.decide("reject", "a" * 64, "e" * 64, match=sample_match(relation="same_script", probability=0.7))
    with pytest.raises(UsageError, match="200 decisions on matches"):
        case.calibrate()


def test_decisions_on_few_sources_are_not_fitted(case: Case) -> None:
    decide(case, PAIRS, slope=0.3, sources=3)
    (fit,) = case.calibrate()
    assert (fit.is_saved, fit.sources) == (False, 3) and "3 sources" in fit.reason


def test_missing_library_is_named(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    decide(case, PAIRS, slope=0.3)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(UsageError, match=r"scikit-learn is not installed; .*mediafp\[fit\]"):
        case.calibrate()


def test_fit_of_another_version_is_not_used(case: Case) -> None:
    old = Recalibration(family="images", slope=0.5, intercept=-1, decisions=200, fitted_at="t", version="older")
    with case._store.writing():
        case._store.save_recalibrations([old], {})
    match = sample_match(sha256="b" * 64)
    assert as_decided([match], "a" * 64, case._store) == [match]


def test_query_reads_all_matches_that_a_fit_may_raise(case: Case) -> None:
    decide(case, PAIRS, slope=0.3)
    assert model_minimum(case._store, 0.5) == 0.5
    case.calibrate()
    (fit,) = case._store.recalibrations()
    with case._store.writing():
        case._store.save_recalibrations([replace(fit, slope=1.0, intercept=3.0)], {})
    assert model_minimum(case._store, 0.5) == pytest.approx(1 / (1 + math.exp(3)))
    assert model_minimum(case._store, 0.0) == 0.0


def test_command_prints_the_errors_before_and_after(case: Case, folder: Path) -> None:
    decide(case, PAIRS, slope=0.3)

    def command(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["--store", str(folder), "calibrate", *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    printed = command()
    assert all(name in printed for name in ("log loss", "Brier", "calibration error", "before", "after", "--reset"))
    (line,) = map(json.loads, command("--json").splitlines())
    assert line["is_saved"] and line["before"]["brier"] > line["after"]["brier"]
    assert json.loads(command("--reset", "--json")) == {"removed": 1}
    assert command("--reset").startswith("0 fits removed")
