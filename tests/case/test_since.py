"""`since`: dates and times, and matches of references that were added then or later."""

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mediafp import AnalysisOptions, Case, IngestOptions, QueryResult, UsageError
from mediafp.case.since import Since, parse_since

FAST = IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False, reference_crops=False))


@pytest.mark.parametrize(
    ("since", "first_second"),
    [
        ("2024-05-31", "2024-05-31T00:00:00Z"),
        ("2024-05-31T18:30", "2024-05-31T18:30:00Z"),
        ("2024-05-31 18:30:00+02:00", "2024-05-31T16:30:00Z"),
        ("2024-05-31T18:30:00Z", "2024-05-31T18:30:00Z"),
        ("2024-05-31T18:30:00.5Z", "2024-05-31T18:30:01Z"),
        ("0001-01-01", "0001-01-01T00:00:00Z"),
        (date(2024, 5, 31), "2024-05-31T00:00:00Z"),
        (datetime(2024, 5, 31, 1, tzinfo=timezone(timedelta(hours=8))), "2024-05-30T17:00:00Z"),
    ],
)
def test_since_is_the_first_second_in_utc(since: Since, first_second: str) -> None:
    assert parse_since(since) == first_second


@pytest.mark.parametrize(
    "since", ["", "yesterday", "2024-13-01", "31.5.2024", "0001-01-01T00:00+01:00", "9999-12-31T23:59:59.9"]
)
def test_anything_else_is_refused(case: Case, since: str) -> None:
    with pytest.raises(UsageError, match="neither a date nor a time; write"):
        list(case.match("nowhere.jpg", since=since))


def test_match_returns_references_that_were_added_since(
    case: Case, photos: dict[str, np.ndarray], tmp_path: Path
) -> None:
    photo = Image.fromarray(photos["cat"])
    query, old, new = (tmp_path / f"{name}.png" for name in ("query", "old", "new"))
    photo.save(query)
    photo.crop((20, 10, photo.width - 30, photo.height - 20)).save(old)
    photo.crop((10, 20, photo.width - 20, photo.height - 30)).save(new)
    assert [outcome.status for outcome in case.ingest([old, new], FAST)] == ["added", "added"]
    sha256 = {Path(record.sightings[0].uri).name: record.asset.sha256 for record in case.export_records()}
    case._store.database.execute(  # type: ignore[attr-defined]
        "UPDATE asset SET added_at = '2024-05-30T23:59:59Z' WHERE sha256 = ?", (sha256["old.png"],)
    )

    def names(result: QueryResult) -> set[str]:
        return {Path(match.uris[0]).name for match in (*result.matches, *result.near_misses)}

    # The query is unknown, the content of old.png is known.
    queries = [query, old.rename(tmp_path / "renamed.png")]
    for since in ("2024-05-31", datetime.now(UTC) - timedelta(days=1)):
        assert [names(result) for result in case.match(queries, ocr=False, since=since)] == [{"new.png"}] * 2
    for since in ("2024-05-30T23:59:59Z", None):
        assert [names(result) for result in case.match(queries, ocr=False, since=since)] == [{"old.png", "new.png"}] * 2
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert [names(result) for result in case.match(queries, ocr=False, since=tomorrow)] == [set(), set()]
