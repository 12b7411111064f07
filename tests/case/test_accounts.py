"""Accounts, time lines and co-shared media of a case, and their commands."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ingest_records import ingest_record
from sample_matches import sample_match, sample_placement
from typer.testing import CliRunner

import mediafp
from mediafp import Case, UsageError
from mediafp.case.account_overview import load_overview
from mediafp.case.comparison.versions import comparison_versions
from mediafp.case.review_queue import _describe_gap, _iter_takeovers
from mediafp.cli.app import app
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.kept_matches import KeptMatch
from mediafp.types.sightings import Sighting


def sighting(name: str, account: str, posted_at: str, **fields: str) -> Sighting:
    values = {"uri": f"/{account}/{name}.jpg", "platform": "twitter", "post_id": f"{10**18}{name}"} | fields
    return Sighting(sha256=name * 64, account=account, posted_at=posted_at, **values)  # type: ignore[arg-type]


SIGHTINGS = [
    sighting("a", "first", "2019-01-01T10:00:00Z", uri="/first/avatar.jpg"),
    sighting("b", "first", "2019-03-01T10:00:00Z", removed_at="2019-03-05", url="https://example.org/b"),
    sighting("c", "second", "2019-05-01T10:00:00Z", uri="/second/avatar.jpg", account_id="00123456789012345678"),
    sighting("b", "other", "2019-03-01T12:00:00Z"),
    sighting("d", "other", "2019-08"),
]
"""Two iterations, whose avatars a and c are copies, and an account that shares b with the first."""


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Case]:
    """A case with these sightings, whose assets were all compared."""
    with SqliteStore(tmp_path / "store", create=True) as store:
        with store.writing():
            for name in "abcd":
                record = ingest_record(name)
                asset = replace(record.asset, kind="image", properties={"format": "jpeg", "width": 8, "height": 8})
                own = tuple(seen for seen in SIGHTINGS if seen.sha256 == record.asset.sha256)
                store.add_record(replace(record, asset=asset, sightings=own[:1], fingerprints=(), thumbnails=()))
                for seen in own:
                    store.save_sightings([seen])
        match = sample_match(sha256="c" * 64, placement=sample_placement(), probability=0.99)
        kept = KeptMatch(query="a" * 64, reference="c" * 64, channel="picture", promise=2.0, match=match)
        versions = comparison_versions()
        for pending in store.pending_comparisons(versions):
            with store.writing():
                matches = [kept] if pending.channel == "picture" else []
                store.save_comparison(pending, versions[pending.channel], store.last_log_entry()[0], matches)
    with mediafp.open(tmp_path / "store") as case:
        yield case


def run(case: Case, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["--store", str(case.folder), *arguments])
    return done.exit_code, done.stdout


def objects(case: Case, *arguments: str) -> list[dict[str, Any]]:
    status, text = run(case, *arguments, "--json")
    assert status == 0
    return [json.loads(line) for line in text.splitlines()]


def test_accounts_states_names_times_shared_media_and_lines(opened: Case) -> None:
    first, other, second = objects(opened, "accounts")
    assert (first["account"], first["platform"], first["account_id"]) == ("first", "twitter", None)
    assert first["names"] == [{"name": "first", "from": "2019-01-01T10:00:00Z", "to": "2019-03-01T10:00:00Z"}]
    assert (first["removed_at"], first["assets"], first["shared_with"][0]) == (
        "2019-03-05",
        2,
        {"account": "other", "assets": 1},
    )
    assert (second["account_id"], second["iteration"], second["iteration_of"]) == ("00123456789012345678", 2, "first")
    assert second["gap_days"] == 57 and second["iteration_because"] == ["same avatar"]
    assert (other["iteration"], other["last_posted_at"]) == (None, "2019-08")
    text = run(opened, "accounts")[1]
    assert "same media, later account" in text and "57 days later" in text and "operator" not in text


def test_timeline_of_an_account_has_the_others_of_its_line(opened: Case) -> None:
    for name in ("first", "@Second", "twitter:second", "00123456789012345678"):
        events = objects(opened, "timeline", name)
        assert [(e["event"], e["account"], e["iteration"]) for e in events] == [
            ("posted", "first", 1), ("posted", "first", 1), ("removed", "first", 1), ("posted", "second", 2),
        ]  # fmt: skip
    assert events[2] == events[2] | {
        "at": "2019-03-05",
        "precision": "day",
        "url": "https://example.org/b",
        "sha256": "b" * 64,
    }
    assert "59 days without a post" in run(opened, "timeline", "first")[1]


def test_timeline_of_a_file_and_of_everything(opened: Case, tmp_path: Path) -> None:
    for target in ("b" * 64, "/other/b.jpg"):
        assert [event.account for event in opened.timeline(target).events] == ["first", "other", "first"]
    assert len(opened.timeline().events) == len(objects(opened, "timeline")) == 6
    with pytest.raises(UsageError, match="neither an account"):
        opened.timeline("nobody")
    for _ in ("written", "replaced"):
        status, text = run(opened, "timeline", "--svg", str(tmp_path / "lanes.svg"))
        assert status == 0 and "lanes.svg" in text and (tmp_path / "lanes.svg").read_text().startswith("<svg")
    arguments = ["--store", str(opened.folder), "timeline", "--svg", str(tmp_path / "no" / "lanes.svg")]
    assert isinstance(CliRunner().invoke(app, arguments).exception, UsageError)


def test_drawing_replaces_no_other_file(opened: Case, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"original")
    for name in ("photo.jpg", "."):
        arguments = ["--store", str(opened.folder), "timeline", "--svg", str(tmp_path / name)]
        error = CliRunner().invoke(app, arguments).exception
        assert isinstance(error, UsageError) and "is not an SVG drawing" in str(error)
    assert (tmp_path / "photo.jpg").read_bytes() == b"original"


def test_coshare_lists_pairs_and_the_columns_of_coortweet(opened: Case) -> None:
    assert objects(opened, "coshare") == [], "one shared item is no pattern"
    (pair,) = objects(opened, "coshare", "--all")
    assert (pair["a"], pair["b"], pair["shared"], pair["median_gap"], pair["group"]) == (
        "first",
        "other",
        1,
        7200.0,
        None,
    )
    assert objects(opened, "coshare", "--all", "--window", "3600") == []
    assert opened.coshare(7200).inexact == 1, "a month is not within two hours of anything"
    for arguments in (("export", "coshare"), ("coshare", "--csv")):
        (row,) = csv.DictReader(io.StringIO(run(opened, *arguments)[1].removeprefix("\ufeff")))
        assert (row["object_id"], row["account_id"], row["account_id_y"]) == ("b" * 64, "first", "other")
        assert row["content_id"] == f"twitter:{10**18}b" and row["time_delta"] == "7200"
    with pytest.raises(UsageError):
        opened.coshare(0)


def test_empty_case_has_no_accounts(case: Case) -> None:
    assert case.accounts() == [] and not case.timeline().events and not case.coshare().pairs
    assert run(case, "timeline")[0] == 0


def test_export_csv_keeps_ids_as_texts_in_a_spreadsheet(opened: Case) -> None:
    rows = list(csv.DictReader(io.StringIO(run(opened, "export", "csv")[1].removeprefix("\ufeff"))))
    assert len(rows) == len(SIGHTINGS)
    (row,) = [row for row in rows if row["account"] == "second"]
    assert row["account_id"] == "'00123456789012345678" and row["posted_at"] == "2019-05-01T10:00:00Z"
    assert row["post_id"] == f"{10**18}c" and row["precision"] == "second"


def test_report_draws_the_accounts(opened: Case, tmp_path: Path) -> None:
    opened.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "same media, later account (same avatar)" in page and page.count("<svg") >= 1


@pytest.mark.parametrize(
    ("removed", "gap_days"),
    [("2020-03-01", 19), ("2020-03-20", 0), ("2020-02", 19), ("2020-03", None), ("2020", None), ("2020-03-21", None)],
)
def test_account_that_posted_in_the_month_of_a_removal_took_nothing_up(
    tmp_path: Path, removed: str, gap_days: int | None
) -> None:
    """The other one may have been removed after the post."""
    names = "abcdefgh"
    seen = [sighting(name, "early", "2019-05-01T00:00:00Z", removed_at=removed) for name in names]
    seen += [sighting(name, "late", "2020-03-20T00:00:00Z") for name in names]
    with SqliteStore(tmp_path / "store", create=True) as store:
        with store.writing():
            for name in names:
                store.add_record(replace(ingest_record(name), sightings=tuple(s for s in seen if s.sha256[0] == name)))
        takeovers = load_overview(store).takeovers
        reasons = [reason for item in _iter_takeovers(store, takeovers) for reason in item.why]
    gap = f"{gap_days} days" if gap_days else "less than a day"
    stated = "early posted 8 of the 8 files of late, and the last removal of its posts was"
    stated += f" {gap} before late posted the first of them"
    assert reasons == ([] if gap_days is None else [stated])
    assert [(one.earlier, one.later, one.gap_days) for one in takeovers] == (
        [] if gap_days is None else [("early", "late", gap_days)]
    )


def test_gap_of_an_iteration_is_stated_in_words() -> None:
    words = [_describe_gap(days, "x") for days in (None, -3, 0, 1, 2)]
    assert words == ["later", "before x ended", "0 days after x ended", "1 day after x ended", "2 days after x ended"]
