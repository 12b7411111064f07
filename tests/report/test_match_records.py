"""Exported matches: seen from a as far as both assets are named, and from the query as far as the evidence is."""

import csv
import io
from dataclasses import replace

from sample_matches import sample_match

from mediafp.report.exports.csv import MATCH_COLUMNS, match_row, write_csv
from mediafp.report.jsonl import match_record_to_json
from mediafp.types.kept_matches import MatchRecord
from mediafp.types.matches import Segment
from mediafp.types.sightings import Sighting

A, B = "a" * 64, "b" * 64
SEGMENTS = (
    Segment(channel="picture", query=(12.0, 17.5), reference=(3.0, 8.5), speed=1.0, mirrored=False, score=0.9),
    Segment(channel="picture", query=None, reference=(1.0, 2.0), speed=1.0, mirrored=False, score=0.9),
)
RECORD = MatchRecord(
    a=A,
    b=B,
    query=B,
    channel="picture",
    match=sample_match(sha256=A, relation="contains", coverage=(0.25, 1.0), segments=SEGMENTS, why=("one", "two")),
    a_sightings=(
        Sighting(sha256=A, uri="/a.mp4", account="=1+1", posted_at="2024-05-01"),
        Sighting(sha256=A, uri="/a2.mp4"),
    ),
    b_sightings=(Sighting(sha256=B, uri="/b.mp4"),),
)


def test_relation_and_coverage_are_seen_from_a_and_segments_from_the_query() -> None:
    line = match_record_to_json(RECORD)
    assert (line["query"], line["relation"], line["coverage"]) == (B, "contained_in", [1.0, 0.25])
    assert line["segments"][0]["query"] == [12.0, 17.5]
    assert [[seen["uri"] for seen in line[f"{side}_sightings"]] for side in "ab"] == [["/a.mp4", "/a2.mp4"], ["/b.mp4"]]
    from_a = match_record_to_json(replace(RECORD, query=A))
    assert (from_a["relation"], from_a["coverage"]) == ("contains", [0.25, 1.0])


def test_a_row_has_all_columns_and_no_formula() -> None:
    file = io.StringIO()
    write_csv(file, MATCH_COLUMNS, [match_row(RECORD)])
    (row,) = csv.DictReader(io.StringIO(file.getvalue()))
    assert None not in row and None not in row.values()
    assert row["translated"] == ""
    assert (row["relation"], row["coverage_a"], row["coverage_b"]) == ("contained_in", "1.0", "0.25")
    assert row["segments"] == "picture 12.0 to 17.5 = 3.0 to 8.5 / picture image = 1.0 to 2.0"
    assert (row["a_uri"], row["a_account"], row["a_sightings"]) == ("/a.mp4", "'=1+1", "2")
    assert (row["b_uri"], row["b_account"], row["b_sightings"]) == ("/b.mp4", "", "1")
