"""The log: all that was done, in order, and nothing of it or of what it vouches for can be altered unseen."""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from intakes import BAD_NAME, JPEGS, done, fingerprint, intake, raw

from mediafp.store.sqlite import custody_log, ledger, transcripts
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.errors import StoreError
from mediafp.types.fingerprints import Fingerprint, pack_fingerprint
from mediafp.types.media import Sighting
from mediafp.types.transcripts import Transcript, TranscriptSegment

A, B = "a" * 64, "b" * 64
WORDS: Fingerprint = replace(fingerprint("sound"), type="words")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """An empty store."""
    with SqliteStore(tmp_path / "store", create=True) as opened:
        yield opened


def said(text: str) -> Transcript:
    return Transcript(
        model="m",
        version="v",
        duration=2,
        speech_seconds=1,
        untranscribed_seconds=0,
        segments=(TranscriptSegment(start=0, end=1, language="zh", language_probability=1, text=text),),
    )


def told(store: SqliteStore) -> list[tuple[str, dict[str, object]]]:
    """What the log says, without the contents, which are hashes."""
    return [
        (entry.what, {name: value for name, value in entry.details.items() if name != "content"})
        for entry in custody_log.iter_log(store)
    ]


def fill(store: SqliteStore) -> None:
    """Two assets, one of them seen at two places, and what is said in it."""
    with store.writing():
        for given in (intake("a"), intake("b"), intake("a", BAD_NAME)):
            store.add_record(given)
            ledger.write_entry(store, done(given))
        transcripts.save_audio_id(store, A, "sound")
        transcripts.save_transcript(store, "sound", said("机器"), WORDS, 1)
    assert store.check_integrity() == []


# What is written ----------------------------------------------------------------------------------


def test_an_empty_log_has_a_head(store: SqliteStore) -> None:
    assert custody_log.last_entry(store) == (0, "0" * 64) and list(custody_log.iter_log(store)) == []


def test_entries_come_back_in_order_each_sealed_onto_the_one_before(store: SqliteStore) -> None:
    details = [{"path": BAD_NAME, "n": 1}, {"options": {"b": [1.5, None], "a": True}}, {}]
    with store.writing():
        for n, given in enumerate(details):
            custody_log.append(store, "ingest" if n else "other", given)
    before = "0" * 64
    for n, entry in enumerate(custody_log.iter_log(store)):
        whole = json.dumps([n + 1, entry.at, entry.what, details[n], before], sort_keys=True, separators=(",", ":"))
        before = hashlib.sha256(whole.encode("ascii")).hexdigest()
        assert (entry.n, entry.details, entry.hash) == (n + 1, details[n], before)
        assert entry.at.endswith("Z")
    assert custody_log.last_entry(store) == (3, before)
    assert [entry.n for entry in custody_log.iter_log(store, "ingest")] == [2, 3]
    assert store.check_integrity() == []


def test_a_clock_that_is_set_back_does_not_matter(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for time in ("2030-01-01T00:00:00Z", "2024-01-01T00:00:00Z"):
        monkeypatch.setattr(custody_log, "utc_now", lambda time=time: time)
        with store.writing():
            custody_log.append(store, "ingest", {"at": time})
    assert [entry.at[:4] for entry in custody_log.iter_log(store)] == ["2030", "2024"]
    assert store.check_integrity() == []


def test_what_is_undone_is_not_logged(store: SqliteStore) -> None:
    fill(store)
    before = custody_log.last_entry(store)
    with pytest.raises(KeyboardInterrupt), store.writing():
        store.add_record(intake("c"))
        raise KeyboardInterrupt
    assert custody_log.last_entry(store) == before and store.check_integrity() == []


def test_a_new_asset_its_sighting_and_further_ones_are_logged(store: SqliteStore) -> None:
    with store.writing():
        store.add_record(intake("a", BAD_NAME))
        store.add_record(intake("a", BAD_NAME))
        store.add_sighting(Sighting(sha256=A, uri="/plain"))
        store.add_sighting(Sighting(sha256=A, uri=BAD_NAME, account="other", views=7))
        store.add_sighting(Sighting(sha256=A, uri=BAD_NAME))
    fields = {"account": "某人", "posted_at": "2024-05-01T00:00:00Z", "views": 7, "source": "x"}
    assert told(store) == [
        ("added", {"sha256": A, "bytes": 1000, "kind": "video", "uri": BAD_NAME}),
        ("sighted", {"sha256": A, "uri": BAD_NAME, "fields": fields}),
        ("seen", {"sha256": A, "uri": "/plain"}),
        ("sighted", {"sha256": A, "uri": BAD_NAME, "fields": {"account": "other"}}),
    ]
    assert store.check_integrity() == []


def test_a_newer_reading_is_logged(store: SqliteStore) -> None:
    given = intake("a")
    with store.writing():
        store.add_record(given)
        store.add_record(replace(given, fingerprints=tuple(replace(f, version="2") for f in given.fingerprints)))
    assert told(store)[2:] == [("refreshed", {"sha256": A})]
    contents = [entry.details["content"] for entry in custody_log.iter_log(store) if "content" in entry.details]
    assert len(set(contents)) == 2 and store.check_integrity() == []


def test_a_transcript_is_logged_when_it_is_new_and_when_it_is_another(store: SqliteStore) -> None:
    for text in ("早", "早", "晚"):
        with store.writing():
            transcripts.save_transcript(store, "sound", said(text), WORDS, 1)
    entries = list(custody_log.iter_log(store, "transcribed"))
    assert [{**entry.details, "words": ""} for entry in entries] == [
        {"sound": "sound", "version": "v", "model": "m", "words": ""}
    ] * 2
    assert entries[0].details["words"] != entries[1].details["words"] and store.check_integrity() == []


# What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE log SET details = '{}'",
        "UPDATE log SET n = n + 100",
        "DELETE FROM log",
        "DELETE FROM log WHERE n = (SELECT max(n) FROM log)",
        "INSERT INTO log VALUES (1, '', '', '', '')",
        "INSERT OR REPLACE INTO log VALUES (1, '', '', '', '')",
        "REPLACE INTO log SELECT n, at, what, details, '' FROM log",
        "INSERT OR IGNORE INTO log VALUES (1000, '', '', '', '')",
        "INSERT INTO log VALUES (1, '', '', '', '') ON CONFLICT (n) DO UPDATE SET what = 'x'",
    ],
)
def test_the_log_is_only_added_to(store: SqliteStore, change: str) -> None:
    fill(store)
    before = list(custody_log.iter_log(store))
    with pytest.raises(sqlite3.IntegrityError, match="the log is only added to"):
        raw(store, change)
    assert list(custody_log.iter_log(store)) == before


def test_a_damaged_entry_is_named(store: SqliteStore) -> None:
    fill(store)
    unlocked(store, "UPDATE log SET details = '{' WHERE n = 2")
    with pytest.raises(StoreError, match=r"entry 2 .*verify"):
        list(custody_log.iter_log(store))


# What is found ------------------------------------------------------------------------------------


def unlocked(store: SqliteStore, *changes: str) -> None:
    """Changes the store as one who knows how, and who puts back what stood in the way."""
    triggers = list(store.rows("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    for name, _ in triggers:
        raw(store, f"DROP TRIGGER {name}")
    for change in changes:
        raw(store, change)
    for _, sql in triggers:
        raw(store, sql)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE log SET details = replace(details, 'video', 'image') WHERE n = 3", "entry 3 of the log was changed"),
        ("UPDATE log SET details = details || ' ' WHERE n = 3", "entry 3 of the log was changed"),
        ("UPDATE log SET details = '[' WHERE n = 3", "entry 3 of the log was changed"),
        ("UPDATE log SET what = 'seen' WHERE n = 2", "entry 2 of the log was changed"),
        ("UPDATE log SET at = '2001-01-01T00:00:00Z' WHERE n = 7", "entry 7 of the log was changed"),
        ("UPDATE log SET hash = '' WHERE n = 7", "entry 7 of the log was changed"),
        ("DELETE FROM log WHERE n = 2", "entries 2 to 2 of the log are gone"),
        ("DELETE FROM log WHERE n IN (1, 2)", "entries 1 to 2 of the log are gone"),
        ("DELETE FROM log WHERE n > 2", f"asset {B} is not in the log"),
        ("DELETE FROM log", f"asset {A} is not in the log"),
        ("UPDATE fingerprint SET data = zeroblob(9) WHERE type = 'pdq'", f"{A} are not those that the log vouches for"),
        ("UPDATE fingerprint SET version = '2'", f"{A} are not those that the log vouches for"),
        ("DELETE FROM fingerprint WHERE type = 'pdq'", f"{B} are not those that the log vouches for"),
        ("UPDATE thumbnail SET seconds = seconds + 0.001", f"{A} are not those that the log vouches for"),
        ("UPDATE asset SET bytes = 999", f"asset {A}, of kind video and 999 bytes, is said to be video of 1000"),
        ("UPDATE asset SET kind = 'image'", "is said to be video"),
        ("DELETE FROM asset WHERE sha256 LIKE 'b%'", f"asset {B} is in the log, and gone"),
        (
            "UPDATE sighting SET account = 'x' WHERE uri = x'2f64756d702f622e6d7034'",
            f"the account of {B} at '/dump/b.mp4'",
        ),
        ("UPDATE sighting SET posted_at = NULL, views = 8", f"the posted_at, views of {A} at '/dump/a.mp4'"),
        ("DELETE FROM sighting WHERE hex(uri) LIKE '%FF%'", "/dump/bad\\udcff"),
        ("UPDATE transcript SET data = replace(data, 'zh', 'en')", "transcript v of sound sound is not what the log"),
        ("UPDATE transcript SET data = data || ' '", "transcript v of sound sound is not what the log vouches for"),
        ("DELETE FROM transcript", "transcript v of sound sound is in the log, and gone"),
    ],
)
def test_what_was_altered_is_found(store: SqliteStore, change: str, named: str) -> None:
    fill(store)
    unlocked(store, change)
    assert any(named in problem for problem in store.check_integrity())


def test_a_thumbnail_that_was_exchanged_for_another_is_found(store: SqliteStore) -> None:
    fill(store)
    raw(store, "UPDATE thumbnail SET jpeg = ? WHERE position = 1 AND sha256 = ?", (JPEGS[9], B))
    assert store.check_integrity() == [f"fingerprints or thumbnails of {B} are not those that the log vouches for"]


def test_a_fingerprint_that_was_exchanged_for_another_is_found(store: SqliteStore) -> None:
    fill(store)
    other = pack_fingerprint(fingerprint(B, "pdq", seed=1))
    raw(store, "UPDATE fingerprint SET data = ? WHERE type = 'pdq' AND sha256 = ?", (other, B))
    assert store.check_integrity() == [f"fingerprints or thumbnails of {B} are not those that the log vouches for"]


def test_an_asset_that_was_put_in_without_the_log_is_found(store: SqliteStore) -> None:
    fill(store)
    raw(store, "INSERT INTO asset SELECT ?, kind, bytes, properties, warnings, '' FROM asset LIMIT 1", ("c" * 64,))
    assert f"asset {'c' * 64} is not in the log" in store.check_integrity()


def test_a_forged_entry_that_is_well_sealed_and_says_nonsense_is_found(store: SqliteStore) -> None:
    fill(store)
    for what, details in (
        ("added", {}),
        ("refreshed", {"sha256": "c" * 64, "content": ""}),
        ("sighted", {"sha256": []}),
    ):
        with store.writing():
            custody_log.append(store, what, details)
        number, _ = custody_log.last_entry(store)
        assert f"entry {number} of the log was changed" in store.check_integrity()


def test_a_log_that_is_gone_is_found(store: SqliteStore) -> None:
    fill(store)
    raw(store, "DROP TABLE log")
    assert "table log is missing, or not what mediafp makes" in store.check_integrity()


@pytest.mark.parametrize("trigger", ["log_is_in_order", "log_is_not_changed", "log_is_not_cut"])
def test_a_log_that_is_no_longer_guarded_is_found(store: SqliteStore, trigger: str) -> None:
    raw(store, f"DROP TRIGGER {trigger}")
    assert store.check_integrity() == [f"trigger {trigger} is missing, or not what mediafp makes"]


def test_a_store_that_does_more_than_mediafp_makes_is_found(store: SqliteStore) -> None:
    raw(store, "CREATE TRIGGER spy AFTER INSERT ON asset BEGIN DELETE FROM sighting; END")
    assert store.check_integrity() == ["trigger spy is missing, or not what mediafp makes"]


def test_findings_can_be_printed(store: SqliteStore) -> None:
    fill(store)
    unlocked(
        store,
        "UPDATE ledger SET path = x'2fff0a' WHERE sha256 LIKE 'b%'",
        "UPDATE asset SET added_at = CAST(x'ff' AS TEXT)",
    )
    assert store.check_integrity() and all(
        problem.encode() and "\n" not in problem for problem in store.check_integrity()
    )
    assert os.fsdecode(b"\xff") not in "".join(store.check_integrity())
