"""Transcripts in a store: kept exactly, the better model's beside the older one's, and found by their words."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kept import keep_spoken

from mediafp.case.case import Case, open_case
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.store.sqlite import schema, transcripts
from mediafp.store.sqlite.connection import DATABASE_NAME
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.errors import StoreError, UsageError
from mediafp.types.transcripts import SearchHit, Transcript, TranscriptSegment


def said(*texts: str, version: str = "v1", gap: float = 0.0, times: bool = False) -> Transcript:
    utterances = tuple(
        TranscriptSegment(
            start=n * (5 + gap),
            end=n * (5 + gap) + 5,
            language="zh",
            language_probability=0.9,
            text=text,
            token_times=tuple((n * (5 + gap) + i, n * (5 + gap) + i + 1) for i in range(len(text))) if times else (),
        )
        for n, text in enumerate(texts)
    )
    return Transcript(
        model="whisper-base",
        version=version,
        duration=60,
        speech_seconds=50,
        untranscribed_seconds=1,
        segments=utterances,
    )


def keep(case: Case, name: str, transcript: Transcript, rank: int = 2) -> str:
    return keep_spoken(case, name.ljust(64, "0"), name, f"sound-{name}", transcript, rank)


def find(case: Case, text: str) -> list[SearchHit]:
    return list(case._store.search_passages(text))


@pytest.mark.parametrize(
    "sought",
    [
        "机器学习",
        "機器學習",
        "35",
        "三十五",
        "Machine",
        "ＭＡＣＨＩＮＥ",
        '"machine learning"',
        "learning machine",
        "学习 machine",
    ],
)
def test_every_way_of_writing_finds_the_passage(case: Case, sought: str) -> None:
    sha256 = keep(case, "a", said("今天说三十五种機器學習 Machine Learning 的方法"))
    keep(case, "b", said("明天会下雨吗"))
    (hit,) = find(case, sought)
    assert (hit.sha256, hit.uris, hit.source, hit.start, hit.end) == (sha256, ("/dump/a.mp4",), "speech", 0, 5)
    assert hit.marks and all(hit.text[a:b] for a, b in hit.marks)


@pytest.mark.parametrize("sought", ["学机器", "机学", '"learning machine"', "机器人", "机器 下雨"])
def test_other_words_and_another_order_find_nothing(case: Case, sought: str) -> None:
    keep(case, "a", said("今天说機器學習 Machine Learning 的方法"))
    keep(case, "b", said("明天会下雨吗"))
    assert find(case, sought) == []


@pytest.mark.parametrize("sought", ['雨 AND "', "雨 OR 雪*", "NEAR(雨)", "words:雨", "^雨", '"', "(", "-雨"])
def test_the_index_own_language_does_nothing(case: Case, sought: str) -> None:
    keep(case, "a", said("明天会下雨吗"))
    try:
        find(case, sought)
    except UsageError as error:
        assert "no word" in str(error)


def test_the_marked_words_stand_where_they_were_written(case: Case) -> None:
    keep(case, "a", said("香港，香港！我愛香港。"))
    (hit,) = find(case, "香港")
    assert [hit.text[a:b] for a, b in hit.marks] == ["香港"] * 3


def test_times_of_words_narrow_the_hit(case: Case) -> None:
    keep(case, "a", said("甲乙丙丁", times=True))
    (hit,) = find(case, "乙丙")
    assert (hit.start, hit.end) == (1, 3)


def test_a_phrase_cut_between_two_utterances_is_found_once(case: Case) -> None:
    keep(case, "a", said("我们要保护环", "境卫生和健康"))
    (hit,) = find(case, "环境卫生")
    assert hit.text == "我们要保护环 境卫生和健康" and (hit.start, hit.end) == (0, 10)
    (own,) = find(case, "卫生")
    assert own.text == "境卫生和健康" and own.start == 5
    keep(case, "b", said("后来说到天", "空的颜色", gap=30))
    assert find(case, "天空") == []


def test_a_better_model_is_searched_and_the_older_one_is_kept(case: Case) -> None:
    keep(case, "a", said("错误的字", version="base"), rank=2)
    keep(case, "a", said("正确的字", version="large"), rank=8)
    assert find(case, "错误") == [] and len(find(case, "正确")) == 1
    older = case._store.load_transcript("sound-a", "base")
    assert older is not None and older.segments[0].text == "错误的字"
    keep(case, "a", said("又是错误", version="tiny"), rank=1)
    assert find(case, "又是") == []
    assert transcripts.check_transcripts(case._store.database) == []


def test_what_is_only_asked_about_is_not_found(case: Case) -> None:
    with case._store.writing():
        case._store.save_audio_id("f" * 64, "sound-x")
        case._store.save_transcript("sound-x", said("秘密"), fingerprint_transcript("f", said("秘密")), 1)
    assert find(case, "秘密") == []
    assert case._store.is_transcribed("f" * 64, "v1") and not case._store.is_transcribed("e" * 64, "v1")


TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)
"""Lone surrogates and unassigned characters too."""
SECONDS = st.floats(min_value=0, max_value=1e6)
UTTERANCES = st.builds(
    TranscriptSegment,
    start=SECONDS,
    end=SECONDS,
    language=st.sampled_from(["zh", "yue", "en", "und"]),
    language_probability=st.floats(0, 1),
    text=TEXTS,
    flags=st.lists(TEXTS, max_size=2).map(tuple),
    token_times=st.lists(st.tuples(SECONDS, SECONDS), max_size=3).map(tuple),
)
TRANSCRIPTS = st.builds(
    Transcript,
    model=TEXTS,
    version=st.just("v1"),
    duration=SECONDS,
    speech_seconds=SECONDS,
    untranscribed_seconds=SECONDS,
    segments=st.lists(UTTERANCES, max_size=4).map(tuple),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(kept=TRANSCRIPTS)
def test_a_transcript_comes_back_as_it_was(case: Case, kept: Transcript) -> None:
    kept = replace(kept, model=kept.model.encode("utf-8", "replace").decode())  # a name, which is always text
    with case._store.writing():
        case._store.save_transcript("sound", kept, fingerprint_transcript("f", said()), 1)
    assert case._store.best_transcript("sound") == kept == case._store.load_transcript("sound", "v1")
    assert transcripts.check_transcripts(case._store.database) == []
    for utterance in kept.segments:  # and whatever it is, it can be sought
        if any(c.isalnum() for c in utterance.text):
            assert find(case, utterance.text.replace('"', " ")) == [], "no asset holds the sound"


def test_lone_surrogates_are_kept_and_do_no_harm(case: Case) -> None:
    kept = said("before \udcff after")
    keep(case, "a", kept)
    assert case._store.find_transcript("a".ljust(64, "0")) == kept
    assert len(find(case, "after")) == 1


def test_a_store_of_the_first_version_is_brought_up(tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    with closing(sqlite3.connect(folder / DATABASE_NAME)) as db:
        for statement in schema.MIGRATIONS[0].split(";"):
            db.execute(statement)
        db.execute("INSERT INTO asset VALUES (?, 'video', 1, '{}', '[]', '')", ("b" * 64,))
        db.execute("INSERT INTO sighting (sha256, uri, source) VALUES (?, ?, '')", ("b" * 64, b"/old.mp4"))
        db.execute(f"PRAGMA application_id={schema.APPLICATION_ID}")
        db.execute("PRAGMA user_version=1")
        db.commit()
    with open_case(folder) as case:
        assert case._store.uris("b" * 64) == ("/old.mp4",), "what it held is there"
        assert case._store.find_audio_id("b" * 64) is None, "nobody has listened"
        keep(case, "a", said("你好"))
        assert len(find(case, "你好")) == 1
        assert transcripts.check_transcripts(case._store.database) == []
    with closing(sqlite3.connect(folder / DATABASE_NAME)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (schema.SCHEMA_VERSION,)


# Which one is the best ----------------------------------------------------------------------------


def test_of_equal_models_the_newest_is_searched_and_the_same_again_is_no_newer(case: Case) -> None:
    keep(case, "a", said("早", version="A"))
    keep(case, "a", said("晚", version="B"))
    keep(case, "a", said("早", version="A"))
    assert find(case, "早") == [] and len(find(case, "晚")) == 1
    keep(case, "a", said("早上", version="A"))
    assert len(find(case, "早上")) == 1, "what has changed is newer"
    assert transcripts.check_transcripts(case._store.database) == []


def test_the_second_best_is_searched_where_the_best_has_lost_its_rank(case: Case) -> None:
    keep(case, "a", said("新", version="A"), rank=5)
    keep(case, "a", said("旧", version="B"), rank=3)
    keep(case, "a", said("新", version="A"), rank=1)
    assert find(case, "新") == [] and len(find(case, "旧")) == 1
    assert transcripts.check_transcripts(case._store.database) == []


def test_what_is_undone_is_not_found(case: Case) -> None:
    keep(case, "a", said("先前"))
    with pytest.raises(KeyboardInterrupt), case._store.writing():
        case._store.save_transcript("sound-a", said("后来", version="v2"), fingerprint_transcript("f", said("后来")), 9)
        assert len(find(case, "后来")) == 1
        raise KeyboardInterrupt
    assert len(find(case, "先前")) == 1 and find(case, "后来") == []


def test_a_file_without_sound_is_not_one_that_nobody_listened_to(case: Case) -> None:
    with case._store.writing():
        case._store.save_audio_id("a" * 64, "")
    assert case._store.find_audio_id("a" * 64) == ""
    assert case._store.find_audio_id("b" * 64) is None
    assert case._store.find_transcript("a" * 64) is None


# The store against itself -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("UPDATE transcript SET data = '{'", "v1"),
        ("UPDATE transcript SET data = '[]'", "v1"),
        ("UPDATE transcript SET words = x'00'", "v1"),
        ("UPDATE passage SET text = '另外的话' WHERE id = 1", "v1"),
        ("DELETE FROM passage WHERE id = 1", "passage 1 is gone"),
        ("DELETE FROM passage_index WHERE rowid = 2", "passage 2 is missing"),
        ("UPDATE passage_index_content SET c0 = '别的' WHERE id = 1", "word index is damaged"),
        ("UPDATE passage_index_data SET block = x'00' WHERE id > 1000", "word index is damaged"),
        ("DELETE FROM transcript", "no transcript"),
    ],
)
def test_verify_finds_damaged_transcripts(case: Case, damage: str, named: str) -> None:
    keep(case, "a", said("今天很好", "明天下雨"))
    before = case._store.check_integrity()  # of an asset without fingerprints, which is another test's
    case._store.database.connection.execute(damage)
    found = [problem for problem in case._store.check_integrity() if problem not in before]
    assert found and any(named in problem for problem in found)


def test_a_damaged_transcript_is_named_and_not_a_crash(case: Case) -> None:
    keep(case, "a", said("今天"))
    case._store.database.connection.execute("UPDATE transcript SET data = '{'")
    with pytest.raises(StoreError, match=r"sound-a.*verify"):
        case._store.best_transcript("sound-a")
    with pytest.raises(StoreError, match="verify"):
        case._store.load_transcript("sound-a", "v1")


def test_a_store_is_checked_while_another_writes(case: Case) -> None:
    keep(case, "a", said("今天"))
    with SqliteStore(case._store.folder) as other, other.writing():
        other.save_audio_id("b" * 64, "")
        assert transcripts.check_transcripts(case._store.database) == []
        assert transcripts.check_transcripts(other.database) == []
