"""What a search finds in transcripts, where it says that it stands, and when it is said."""

import pytest
from kept import keep_spoken

from mediafp.case.case import Case
from mediafp.types.errors import UsageError
from mediafp.types.media import Sighting, TimeSpan
from mediafp.types.transcripts import SearchHit, Transcript, TranscriptSegment

MANDARIN = "今天给大家介绍三十五种机器学习的方法"
TRADITIONAL = "機器學習嘅方法有好多種"
CANTONESE = "我哋喺香港食咗嘢，佢哋唔知"
ENGLISH = "Don't trust the Newspapers, they said. It's 1999!"
MIXED = "我們用Python寫machine learning，好勁㗎"


def uttered(start: float, end: float, text: str, times: tuple[TimeSpan, ...] = ()) -> TranscriptSegment:
    return TranscriptSegment(
        start=start, end=end, language="und", language_probability=1.0, text=text, token_times=times
    )


def keep(case: Case, name: str, *utterances: TranscriptSegment | str, sound: str = "") -> str:
    """An asset that was seen once, and what is said in it; texts are 10 s apart, so that none goes on with another."""
    sha256, sound = (name * 64)[:64], sound or f"sound-{name}"
    transcript = Transcript(
        model="whisper-base",
        version="v1",
        duration=100,
        speech_seconds=100,
        untranscribed_seconds=0,
        segments=tuple(uttered(10 * n, 10 * n + 5, u) if isinstance(u, str) else u for n, u in enumerate(utterances)),
    )
    return keep_spoken(case, sha256, name, sound, transcript, 1)


def find(case: Case, text: str) -> list[SearchHit]:
    return list(case._store.search_passages(text))


def marked(hit: SearchHit) -> list[str]:
    return [hit.text[start:end] for start, end in hit.marks]


@pytest.mark.parametrize(
    ("sought", "marks"),
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
def test_it_is_found_however_it_is_written_and_marked_where_it_stands(
    case: Case, sought: str, marks: dict[str, list[str]]
) -> None:
    keep(case, "a", MANDARIN, TRADITIONAL, CANTONESE, ENGLISH, MIXED)
    assert {hit.text: marked(hit) for hit in find(case, sought)} == marks


@pytest.mark.parametrize(
    "sought",
    ["学习机器", "机器方法", "种35", "五种", "paper", '"they newspapers"', '"python 寫 learning"', "香港 Python"],
)
def test_what_is_not_said_so_is_not_found(case: Case, sought: str) -> None:
    keep(case, "a", MANDARIN, TRADITIONAL, CANTONESE, ENGLISH, MIXED)
    assert find(case, sought) == []


def test_a_run_with_a_numeral_in_it_is_sought_as_it_stands(case: Case) -> None:
    keep(case, "a", "方法种类三十五", "三十五种方法")
    for sought in ("三十五种方法", "35种方法"):
        (hit,) = find(case, sought)
        assert marked(hit) == ["三十五种方法"]


# The index's own language -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ("rain AND snow", False),  # AND is a word like others, and is not said
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
def test_the_index_own_language_neither_raises_nor_acts(case: Case, sought: str, found: bool | None) -> None:
    keep(case, "a", "rain then snow")
    if found is None:
        with pytest.raises(UsageError, match="name a word"):
            find(case, sought)
    else:
        assert bool(find(case, sought)) is found


def test_a_text_without_a_word_is_refused_before_anything_is_asked_for(case: Case) -> None:
    with pytest.raises(UsageError):
        case._store.search_passages("…")


def test_a_character_that_the_index_passes_over_makes_no_hit_of_what_is_not_there(case: Case) -> None:
    keep(case, "a", "约翰・史密斯来了")
    assert find(case, "约翰史密斯 来了") == []
    (hit,) = find(case, "约翰・史密斯")
    assert marked(hit) == ["约翰・史密斯"]


# Between two utterances ---------------------------------------------------------------------------


def test_a_phrase_that_is_cut_is_found_once_with_the_text_and_the_time_of_both(case: Case) -> None:
    keep(case, "a", uttered(1, 4, "我们要保护环"), uttered(5.5, 9, "境卫生，和健康"))
    (hit,) = find(case, "环境卫生")
    assert (hit.text, hit.start, hit.end, marked(hit)) == ("我们要保护环 境卫生，和健康", 1, 9, ["环 境卫生"])
    (own,) = find(case, "卫生")
    assert (own.text, own.start, own.end, marked(own)) == ("境卫生，和健康", 5.5, 9, ["卫生"])


def test_a_later_utterance_does_not_go_on_with_the_phrase(case: Case) -> None:
    keep(case, "a", uttered(1, 4, "后来说到天"), uttered(6.1, 9, "空的颜色"))
    assert find(case, "天空") == []


def test_what_follows_is_no_second_hit_where_it_holds_all_by_itself(case: Case) -> None:
    keep(case, "a", uttered(0, 4, "香港人"), uttered(4, 8, "说香港 的天气"))
    (hit,) = find(case, "香港 天气")
    assert (hit.text, hit.start) == ("说香港 的天气", 4)


def test_a_phrase_that_is_cut_and_said_again_is_two_hits(case: Case) -> None:
    keep(case, "a", uttered(0, 4, "保护环"), uttered(4, 8, "境，又说环境"))
    assert sorted((hit.start, hit.end, marked(hit)) for hit in find(case, "环境")) == [
        (0, 8, ["环 境", "环境"]),
        (4, 8, ["环境"]),
    ]


# When, and in which files -------------------------------------------------------------------------


def test_times_of_words_narrow_the_hit_to_what_was_sought(case: Case) -> None:
    times = ((1.0, 1.5), (1.5, 2.0), (2.0, 2.6), (3.0, 3.5), (3.5, 4.0))
    keep(case, "a", uttered(1, 4, "三十五 種，香港人", times))
    (hit,) = find(case, "三十五 種")
    assert (hit.start, hit.end, hit.text) == (1.0, 2.0, "三十五 種，香港人")
    (hit,) = find(case, "人 種")
    assert (hit.start, hit.end) == (1.5, 4.0)


def test_times_that_are_not_those_of_the_words_are_left_aside(case: Case) -> None:
    keep(case, "a", uttered(1, 4, "甲乙丙", ((1, 2),)))
    (hit,) = find(case, "丙")
    assert (hit.start, hit.end) == (1, 4)


def test_every_file_with_the_sound_is_a_hit_and_every_place_where_it_was_seen(case: Case) -> None:
    first = keep(case, "a", "同一段话", sound="s")
    second = keep(case, "b", "同一段话", sound="s")
    with case._store.writing():
        case._store.add_sighting(Sighting(sha256=first, uri="/else.mp4"))
    assert [(hit.sha256, hit.uris) for hit in find(case, "同一")] == [
        (first, ("/dump/a.mp4", "/else.mp4")),
        (second, ("/dump/b.mp4",)),
    ]


def test_the_best_come_first_in_an_order_that_stays(case: Case) -> None:
    keep(case, "c", "雨", "雨")
    keep(case, "a", "今天说了很多别的话，最后才说到雨，然后又说了别的")
    keep(case, "b", "雨")
    found = [(hit.sha256[0], hit.start) for hit in find(case, "雨")]
    assert found == [("b", 0), ("c", 0), ("c", 10), ("a", 0)]
    assert [(hit.sha256[0], hit.start) for hit in case._store.search_passages("雨", limit=2)] == found[:2]
    assert list(case._store.search_passages("雨", limit=0)) == []
