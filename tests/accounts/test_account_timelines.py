"""Time lines: events in order with their precision, gaps between posts, and instants of inexact times."""

from accounts_samples import seen

from mediafp.accounts.summaries import summarise_accounts
from mediafp.accounts.timelines import build_timeline
from mediafp.types.instants import parse_instant, time_key
from mediafp.types.sightings import Sighting


def test_events_are_in_order_with_their_precision_and_gaps() -> None:
    sightings = [
        seen("b", "x", "2020-02-11", captured_at="2020-02-12T10:00Z", removed_at="2020-03"),
        seen("a", "x", "2020-01-01T23:00:00Z"),
        seen("a", "x", "2020-01-01T23:00:00Z"),
        Sighting(sha256="c", uri="/c.jpg", platform="twitter", account="x"),
        Sighting(sha256="d", uri="/d.jpg", posted_at="2020-02-13"),
    ]
    timeline = build_timeline(summarise_accounts(sightings, {}), lambda sighting, key: True)
    assert [(e.at, e.precision, e.event, e.account_key, e.gap_days) for e in timeline.events] == [
        ("2020-01-01T23:00:00Z", "second", "posted", "x", None),
        ("2020-02-11", "day", "posted", "x", 40),
        ("2020-02-12T10:00Z", "minute", "captured", "x", None),
        ("2020-02-13", "day", "posted", None, None),
        ("2020-03", "month", "removed", "x", None),
    ]
    assert timeline.undated == 1 and [account.key for account in timeline.accounts] == ["x"]
    chosen = build_timeline(summarise_accounts(sightings, {}), lambda sighting, key: sighting.sha256 == "d")
    assert len(chosen.events) == 1 and not chosen.accounts and not chosen.undated


def test_gap_after_a_post_of_an_unknown_day_begins_at_the_end_of_its_month() -> None:
    posts = [
        seen(name, "x", at) for name, at in (("a", "2020-01"), ("b", "2020-02-25"), ("c", "2020"), ("d", "2021-02"))
    ]
    timeline = build_timeline(summarise_accounts(posts, {}), lambda sighting, key: True)
    gaps = [(event.at, event.gap_days) for event in timeline.events]
    assert gaps == [("2020-01", None), ("2020", None), ("2020-02-25", None), ("2021-02", 31)]
    known = build_timeline(summarise_accounts(posts[:2], {}), lambda sighting, key: sighting.sha256 in {"a", "b"})
    assert [event.gap_days for event in known.events] == [None, None], "it may have been posted on 31 January"


def test_instants_span_what_a_time_leaves_open() -> None:
    spans = {"2020": 366, "2020-02": 29, "2020-02-03": 1}
    for time, days in spans.items():
        instant = parse_instant(time)
        assert instant and instant.seconds == days * 86_400
    minute, second = parse_instant("2020-02-03T04:05Z"), parse_instant("2020-02-03T04:05:00")
    assert minute and second and minute.start == second.start and (minute.seconds, second.seconds) == (60, 1)
    for wrong in ("", "x", "9999999", "2020-13", "0000-00-00", "2020-02-30"):
        assert parse_instant(wrong) is None
    times = ["2020-02-03T04:05:00Z", "2020-02-03", "2020-02", "2020", "2020-02-03T04:05Z", "?"]
    assert sorted(times, key=time_key) == [
        "2020", "2020-02", "2020-02-03", "2020-02-03T04:05:00Z", "2020-02-03T04:05Z", "?",
    ]  # fmt: skip
