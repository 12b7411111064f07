"""Contract of `TextSearch` over transcripts: hits, marks, times and order."""

import pytest
from transcripts import save_transcribed_asset

from mediafp.store import Store
from mediafp.types.errors import UsageError
from mediafp.types.media import TimeSpan
from mediafp.types.sightings import Clue, Sighting
from mediafp.types.transcripts import SearchHit, Transcript, TranscriptSegment

MANDARIN = "今天给大家介绍三十五种机器学习的方法"
TRADITIONAL = "機器學習嘅方法有好多種"
CANTONESE = "我哋喺香港食咗嘢，佢哋唔知"
ENGLISH = "Don't trust the Newspapers, they said. It's 1999!"
MIXED = "我們用Python寫machine learning，好勁㗎"


def segment(start: float, end: float, text: str, times: tuple[TimeSpan, ...] = ()) -> TranscriptSegment:
    return TranscriptSegment(
        start=start, end=end, language="und", language_probability=1.0, text=text, token_times=times
    )


def save(store: Store, name: str, *segments: TranscriptSegment | str, audio: str = "") -> str:
    """Save an asset with a transcript and return its SHA-256; plain texts are 10 s apart, so that none continues another."""
    sha256, audio = (name * 64)[:64], audio or f"sound-{name}"
    transcript = Transcript(
        model="whisper-base",
        version="v1",
        duration=100,
        speech_seconds=100,
        untranscribed_seconds=0,
        segments=tuple(segment(10 * n, 10 * n + 5, s) if isinstance(s, str) else s for n, s in enumerate(segments)),
    )
    return save_transcribed_asset(store, sha256, name, audio, transcript, 1)


def find(store: Store, text: str) -> list[SearchHit]:
    return list(store.search_passages(text))


def marked(hit: SearchHit) -> list[str]:
    return [hit.text[start:end] for start, end in hit.marks]


@pytest.mark.parametrize(
    ("query", "marks"),
    [
        ("机器学习", {MANDARIN: ["机器学习"], TRADITIONAL: ["機器學習"]}),
        ("機器學習", {MANDARIN: ["机器学习"], TRADITIONAL: ["機器學習"]}),
        ("方法 機器", {MANDARIN: ["机器", "方法"], TRADITIONAL: ["機器", "方法"]}),
        ("35", {MANDARIN: ["三十五"]}),
        ("三十五種", {MANDARIN: ["三十五种"]}),
        ("35种", {MANDARIN: ["三十五种"]}),
        ("３５", {MANDARIN: ["三十五"]}),
        ("我哋", {CANTONESE: ["我哋"]}),
        ("食咗嘢", {CANTONESE: ["食咗嘢"]}),
        ("嘢佢哋", {CANTONESE: ["嘢，佢哋"]}),
        ("PYTHON", {MIXED: ["Python"]}),
        ("Ｐｙｔｈｏｎ", {MIXED: ["Python"]}),
        ("learning 我们", {MIXED: ["我們", "learning"]}),
        ("好劲㗎", {MIXED: ["好勁㗎"]}),
        ("dont", {ENGLISH: ["Don't"]}),
        ("don’t NEWSPAPERS", {ENGLISH: ["Don't", "Newspapers"]}),
        ('"newspapers they"', {ENGLISH: ["Newspapers, they"]}),
        ("“newspapers they”", {ENGLISH: ["Newspapers, they"]}),
        ("1999", {ENGLISH: ["1999"]}),
        ("一九九九", {ENGLISH: ["1999"]}),
    ],
)
def test_search_matches_every_spelling_and_marks_its_position(
    store: Store, query: str, marks: dict[str, list[str]]
) -> None:
    save(store, "a", MANDARIN, TRADITIONAL, CANTONESE, ENGLISH, MIXED)
    assert {hit.text: marked(hit) for hit in find(store, query)} == marks


@pytest.mark.parametrize(
    "query",
    ["学习机器", "机器方法", "种35", "五种", "paper", '"they newspapers"', '"python 寫 learning"', "香港 Python"],
)
def test_search_ignores_other_words_and_other_orders(store: Store, query: str) -> None:
    save(store, "a", MANDARIN, TRADITIONAL, CANTONESE, ENGLISH, MIXED)
    assert find(store, query) == []


def test_run_with_a_numeral_matches_as_a_whole(store: Store) -> None:
    save(store, "a", "方法种类三十五", "三十五种方法")
    for query in ("三十五种方法", "35种方法"):
        (hit,) = find(store, query)
        assert marked(hit) == ["三十五种方法"]


# The query language of FTS5 -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("rain AND snow", False),  # AND is an ordinary word, and is not in the text
        ("rain OR snow", False),
        ("rain NOT hail", False),
        ("NEAR(rain snow)", False),
        ("words:rain", False),
        ("{words}: rain", False),
        ("rai*", False),
        ("rain*", True),
        ("^snow", True),
        ("-rain", True),
        ("+rain", True),
        ("rain + snow", True),
        ("(rain", True),
        ("rain'; DROP TABLE passage; --", False),
        ('"', None),
        ('""', None),
        ('"" rain', True),
        ('snow" rain', True),
        ('snow" then rain', True),
        ('"rain" "snow', True),
        ("“snow rain", True),
        ("", None),
        (" * : ^ ( ) ", None),
        ("\0", None),
        ("\udcff", None),
        ("rain\0", True),
        ("\ud800rain", True),
        (" ".join(["rain"] * 2000), True),
        ("雨" * 2000, False),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_search_ignores_the_query_language_of_fts5(store: Store, query: str, expected: bool | None) -> None:
    save(store, "a", "rain then snow")
    if expected is None:
        with pytest.raises(UsageError, match="name a word"):
            find(store, query)
    else:
        assert bool(find(store, query)) is expected


def test_search_rejects_a_text_without_a_word_before_the_first_hit(store: Store) -> None:
    with pytest.raises(UsageError):
        store.search_passages("…")


def test_character_that_fts5_ignores_gives_no_false_hit(store: Store) -> None:
    save(store, "a", "约翰・史密斯来了")
    assert find(store, "约翰史密斯 来了") == []
    (hit,) = find(store, "约翰・史密斯")
    assert marked(hit) == ["约翰・史密斯"]


# Phrases across segments -------------------------------------------------------------------------


def test_phrase_across_two_segments_is_one_hit_with_the_text_and_times_of_both(store: Store) -> None:
    save(store, "a", segment(1, 4, "我们要保护环"), segment(5.5, 9, "境卫生，和健康"))
    (hit,) = find(store, "环境卫生")
    assert (hit.text, hit.start, hit.end, marked(hit)) == ("我们要保护环 境卫生，和健康", 1, 9, ["环 境卫生"])
    (own,) = find(store, "卫生")
    assert (own.text, own.start, own.end, marked(own)) == ("境卫生，和健康", 5.5, 9, ["卫生"])


def test_segment_after_a_pause_does_not_continue_a_phrase(store: Store) -> None:
    save(store, "a", segment(1, 4, "后来说到天"), segment(6.1, 9, "空的颜色"))
    assert find(store, "天空") == []


def test_segment_that_contains_all_phrases_is_one_hit(store: Store) -> None:
    save(store, "a", segment(0, 4, "香港人"), segment(4, 8, "说香港 的天气"))
    (hit,) = find(store, "香港 天气")
    assert (hit.text, hit.start) == ("说香港 的天气", 4)


def test_phrase_across_segments_and_repeated_is_two_hits(store: Store) -> None:
    save(store, "a", segment(0, 4, "保护环"), segment(4, 8, "境，又说环境"))
    assert sorted((hit.start, hit.end, marked(hit)) for hit in find(store, "环境")) == [
        (0, 8, ["环 境", "环境"]),
        (4, 8, ["环境"]),
    ]


# Times and assets -------------------------------------------------------------------------


def test_token_times_narrow_a_hit_to_the_phrases(store: Store) -> None:
    times = ((1.0, 1.5), (1.5, 2.0), (2.0, 2.6), (3.0, 3.5), (3.5, 4.0))
    save(store, "a", segment(1, 4, "三十五 種，香港人", times))
    (hit,) = find(store, "三十五 種")
    assert (hit.start, hit.end, hit.text) == (1.0, 2.0, "三十五 種，香港人")
    (hit,) = find(store, "人 種")
    assert (hit.start, hit.end) == (1.5, 4.0)


def test_hit_across_two_segments_starts_at_its_first_word(store: Store) -> None:
    times = tuple((1.0 + 0.5 * n, 1.5 + 0.5 * n) for n in range(6))
    save(store, "a", segment(1, 4, "我们要保护环", times), segment(5.5, 9, "境卫生，和健康"))
    (hit,) = find(store, "环境卫生")
    assert (hit.start, hit.end) == (3.5, 9)


def test_token_times_of_another_number_are_ignored(store: Store) -> None:
    save(store, "a", segment(1, 4, "甲乙丙", ((1, 2),)))
    (hit,) = find(store, "丙")
    assert (hit.start, hit.end) == (1, 4)


def test_search_returns_each_asset_with_the_audio_and_all_its_paths(store: Store) -> None:
    first = save(store, "a", "同一段话", audio="s")
    second = save(store, "b", "同一段话", audio="s")
    with store.writing():
        store.save_sightings([Sighting(sha256=first, uri="/else.mp4")])
    assert [(hit.sha256, hit.uris) for hit in find(store, "同一")] == [
        (first, ("/dump/a.mp4", "/else.mp4")),
        (second, ("/dump/b.mp4",)),
    ]


def test_search_hits_are_in_a_fixed_order_best_first(store: Store) -> None:
    save(store, "c", "雨", "雨")
    save(store, "a", "今天说了很多别的话，最后才说到雨，然后又说了别的")
    save(store, "b", "雨")
    hits = [(hit.sha256[0], hit.start) for hit in find(store, "雨")]
    assert hits == [("b", 0), ("c", 0), ("c", 10), ("a", 0)]
    assert [(hit.sha256[0], hit.start) for hit in store.search_passages("雨", limit=2)] == hits[:2]
    assert list(store.search_passages("雨", limit=0)) == []


def test_titles_posts_accounts_and_clues_are_found_and_follow_the_sightings(store: Store) -> None:
    first, second = save(store, "a", "x"), save(store, "b", "y")
    post = Sighting(
        sha256=first,
        uri="/a.mp4",
        account="河边看书的人",
        account_id="1669879400",
        title="衞星影片",
        text="共100萬人",
        source="x",
    )
    with store.writing():
        store.save_sightings([post])
        store.save_sightings([Sighting(sha256=second, uri="/b.mp4", text="共100萬人", source="x")])
        store.save_clues(first, "/a.mp4", [Clue(kind="weibo_uid", value="5887", source="file name", trust="high")])
    assert [(hit.sha256, hit.source, hit.text) for hit in find(store, "卫星")] == [(first, "title", "衞星影片")]
    assert {hit.sha256 for hit in find(store, "一百万")} == {first, second}
    assert [hit.source for hit in find(store, "1669879400")] == ["account"]
    assert [hit.source for hit in find(store, "5887")] == ["clue"]
    assert not list(store.search_passages("卫星", sources=["post", "account"]))
    with store.writing():
        store.save_sightings([Sighting(sha256=first, uri="/a.mp4", title="corrected", source="x")])
        store.save_clues(first, "/a.mp4", [])
    assert not find(store, "卫星") and not find(store, "1669879400") and not find(store, "5887")
    assert [hit.sha256 for hit in find(store, "100万")] == [second] and find(store, "corrected")
    assert store.check_integrity() == []
    with store.writing():
        store.forget_sighting(second, "/b.mp4")
    assert not find(store, "100万")
