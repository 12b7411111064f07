"""Contract of `TranscriptStore`: transcripts are stored unchanged, and the best one of an audio is searched."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transcripts import save_transcribed_asset

from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.store import Store
from mediafp.types.errors import UsageError
from mediafp.types.file_sounds import FileSound
from mediafp.types.transcripts import SearchHit, Transcript, TranscriptSegment


def transcript_of(*texts: str, version: str = "v1", gap: float = 0.0, times: bool = False) -> Transcript:
    segments = tuple(
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
        segments=segments,
    )


def save(store: Store, name: str, transcript: Transcript, rank: int = 2) -> str:
    return save_transcribed_asset(store, name.ljust(64, "0"), name, f"sound-{name}", transcript, rank)


def search(store: Store, text: str) -> list[SearchHit]:
    return list(store.search_passages(text))


@pytest.mark.parametrize(
    "query",
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
def test_search_finds_a_passage_by_every_spelling(store: Store, query: str) -> None:
    sha256 = save(store, "a", transcript_of("今天说三十五种機器學習 Machine Learning 的方法"))
    save(store, "b", transcript_of("明天会下雨吗"))
    (hit,) = search(store, query)
    assert (hit.sha256, hit.uris, hit.source, hit.start, hit.end) == (sha256, ("/dump/a.mp4",), "speech", 0, 5)
    assert hit.marks and all(hit.text[a:b] for a, b in hit.marks)


@pytest.mark.parametrize("query", ["学机器", "机学", '"learning machine"', "机器人", "机器 下雨"])
def test_search_finds_no_other_words_and_no_other_order(store: Store, query: str) -> None:
    save(store, "a", transcript_of("今天说機器學習 Machine Learning 的方法"))
    save(store, "b", transcript_of("明天会下雨吗"))
    assert search(store, query) == []


@pytest.mark.parametrize("query", ['雨 AND "', "雨 OR 雪*", "NEAR(雨)", "words:雨", "^雨", '"', "(", "-雨"])
def test_search_operators_have_no_effect(store: Store, query: str) -> None:
    save(store, "a", transcript_of("明天会下雨吗"))
    try:
        search(store, query)
    except UsageError as error:
        assert "no word" in str(error)


def test_marks_cover_the_phrases_in_the_text(store: Store) -> None:
    save(store, "a", transcript_of("香港，香港！我愛香港。"))
    (hit,) = search(store, "香港")
    assert [hit.text[a:b] for a, b in hit.marks] == ["香港"] * 3


def test_token_times_narrow_the_hit(store: Store) -> None:
    save(store, "a", transcript_of("甲乙丙丁", times=True))
    (hit,) = search(store, "乙丙")
    assert (hit.start, hit.end) == (1, 3)


def test_phrase_across_two_segments_is_found_once(store: Store) -> None:
    save(store, "a", transcript_of("我们要保护环", "境卫生和健康"))
    (hit,) = search(store, "环境卫生")
    assert hit.text == "我们要保护环 境卫生和健康" and (hit.start, hit.end) == (0, 10)
    (own,) = search(store, "卫生")
    assert own.text == "境卫生和健康" and own.start == 5
    save(store, "b", transcript_of("后来说到天", "空的颜色", gap=30))
    assert search(store, "天空") == []


def test_search_uses_the_transcript_of_the_better_model(store: Store) -> None:
    save(store, "a", transcript_of("错误的字", version="base"), rank=2)
    save(store, "a", transcript_of("正确的字", version="large"), rank=8)
    assert search(store, "错误") == [] and len(search(store, "正确")) == 1
    older = store.load_transcript("sound-a", "base")
    assert older is not None and older.segments[0].text == "错误的字"
    save(store, "a", transcript_of("又是错误", version="tiny"), rank=1)
    assert search(store, "又是") == []
    assert store.check_integrity() == []


def test_search_ignores_files_that_are_not_assets(store: Store) -> None:
    with store.writing():
        store.save_sounds("f" * 64, (FileSound(audio_sha256="sound-x"),))
        store.save_transcript("sound-x", transcript_of("秘密"), fingerprint_transcript("f", transcript_of("秘密")), 1)
    assert search(store, "秘密") == []
    assert store.is_transcribed("f" * 64, "v1") and not store.is_transcribed("e" * 64, "v1")


TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)
"""Any characters, lone surrogates and unassigned ones included."""
SECONDS = st.floats(min_value=0, max_value=1e6)
SEGMENTS = st.builds(
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
    segments=st.lists(SEGMENTS, max_size=4).map(tuple),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(transcript=TRANSCRIPTS)
def test_save_transcript_stores_the_transcript_unchanged(store: Store, transcript: Transcript) -> None:
    transcript = replace(
        transcript, model=transcript.model.encode("utf-8", "replace").decode()
    )  # the name of a model contains no surrogates
    with store.writing():
        store.save_transcript("sound", transcript, fingerprint_transcript("f", transcript_of()), 1)
    assert store.best_transcript("sound") == transcript == store.load_transcript("sound", "v1")
    assert store.check_integrity() == []
    for segment in transcript.segments:  # a search for any text raises nothing
        if any(c.isalnum() for c in segment.text):
            assert search(store, segment.text.replace('"', " ")) == [], "no asset contains the audio"


def test_transcript_with_lone_surrogates_is_stored_and_searched(store: Store) -> None:
    transcript = transcript_of("before \udcff after")
    save(store, "a", transcript)
    assert store.find_transcript("a".ljust(64, "0")) == transcript
    assert len(search(store, "after")) == 1


# The best transcript ----------------------------------------------------------------------------


def test_search_uses_the_newest_changed_transcript_of_equal_models(store: Store) -> None:
    save(store, "a", transcript_of("早", version="A"))
    save(store, "a", transcript_of("晚", version="B"))
    save(store, "a", transcript_of("早", version="A"))
    assert search(store, "早") == [] and len(search(store, "晚")) == 1
    save(store, "a", transcript_of("早上", version="A"))
    assert len(search(store, "早上")) == 1, "a changed transcript is newer"
    assert store.check_integrity() == []


def test_search_uses_the_second_best_if_the_rank_of_the_best_falls(store: Store) -> None:
    save(store, "a", transcript_of("新", version="A"), rank=5)
    save(store, "a", transcript_of("旧", version="B"), rank=3)
    save(store, "a", transcript_of("新", version="A"), rank=1)
    assert search(store, "新") == [] and len(search(store, "旧")) == 1
    assert store.check_integrity() == []


def test_search_ignores_a_transcript_that_is_undone(store: Store) -> None:
    save(store, "a", transcript_of("先前"))
    with pytest.raises(KeyboardInterrupt), store.writing():
        store.save_transcript(
            "sound-a", transcript_of("后来", version="v2"), fingerprint_transcript("f", transcript_of("后来")), 9
        )
        assert len(search(store, "后来")) == 1
        raise KeyboardInterrupt
    assert len(search(store, "先前")) == 1 and search(store, "后来") == []


def test_sounds_separate_no_audio_from_never_transcribed(store: Store) -> None:
    with store.writing():
        store.save_sounds("a" * 64, ())
    assert store.sounds("a" * 64) == ()
    assert store.sounds("b" * 64) is None
    assert store.find_transcript("a" * 64) is None
