"""Words as rows: equal where they sound alike, whatever script they are written in, each with its time."""

import numpy as np
import pytest

from mediafp.fingerprints.transcript import (
    DIGIT_QUALITY,
    FLAG_QUALITY,
    HASHED_WORD_BIT,
    fingerprint_transcript,
    to_phonetic_tokens,
)
from mediafp.types.media import TimeSpan
from mediafp.types.transcripts import Transcript, TranscriptSegment


def utterance(text: str, start: float = 0.0, end: float = 4.0, *, language: str = "zh", flags: tuple[str, ...] = (),
              times: tuple[TimeSpan, ...] = ()) -> TranscriptSegment:  # fmt: skip
    return TranscriptSegment(
        start=start, end=end, language=language, language_probability=0.9, text=text, flags=flags, token_times=times
    )


def transcript(*utterances: TranscriptSegment, version: str = "speech-1+abc") -> Transcript:
    return Transcript(
        model="whisper-base",
        version=version,
        duration=60.0,
        speech_seconds=50.0,
        untranscribed_seconds=0.0,
        segments=utterances,
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("沉静在这片宁静的美丽之中", "沉靜在這片寧靜的美麗之中"),  # simplified, traditional
        ("他在那里", "她在哪裡"),  # homophones, what Whisper mixes up
        ("35", "三五"),
        ("三十五", "35"),
        ("二零二五年", "2025年"),
        ("ＡＢＣ news", "abc NEWS"),
        ("don't stop", "Dont stop!"),
        ("你唔鍾意我出聲嘅", "你唔钟意我出声嘅"),  # Cantonese
    ],
)
def test_what_sounds_alike_is_equal(one: str, other: str) -> None:
    assert to_phonetic_tokens(one) == to_phonetic_tokens(other)


@pytest.mark.parametrize(
    ("one", "other"), [("有", "you"), ("绿", "路"), ("女", "努"), ("five", "fine"), ("あ", "い"), ("가", "나")]
)
def test_what_sounds_different_is_not(one: str, other: str) -> None:
    assert to_phonetic_tokens(one) != to_phonetic_tokens(other)


def test_a_character_sounds_the_same_in_every_context() -> None:
    assert {to_phonetic_tokens(word)[word.index("行")] for word in ("银行", "行走", "不行", "行长")} == {"~xing"}


def test_ü_has_one_form() -> None:
    assert to_phonetic_tokens("绿女略") == ["~lv", "~nv", "~lve"]


def test_kana_and_hangul_stand_for_themselves() -> None:
    assert to_phonetic_tokens("あ가") == ["~あ", "~가"]


def test_rows_are_in_order_with_their_times_and_quality() -> None:
    made = fingerprint_transcript(
        "a" * 64, transcript(utterance("你好", 1, 3), utterance("good day", 5, 7, language="en"))
    )
    assert (made.sha256, made.type, made.version) == ("a" * 64, "words", "words-2")
    assert made.vectors.shape == (4, 4) and made.vectors.dtype == np.uint8
    assert made.spans.tolist() == [[1, 2], [2, 3], [5, 6], [6, 7]]
    assert made.quality.tolist() == [1, 1, 1, 1]


def test_times_of_words_are_used_and_shared_by_the_digits_of_a_number() -> None:
    made = fingerprint_transcript("a" * 64, transcript(utterance("共35人", times=((0, 1), (1, 3), (3.5, 4)))))
    assert made.spans.tolist() == [[0, 1], [1, 2], [2, 3], [3.5, 4]]
    assert made.quality.tolist() == [1, DIGIT_QUALITY, DIGIT_QUALITY, 1]


def test_times_that_do_not_fit_the_words_are_left() -> None:
    made = fingerprint_transcript("a" * 64, transcript(utterance("共35人", times=((0, 1),))))
    assert made.spans.tolist() == [[0, 1], [1, 2], [2, 3], [3, 4]]


@pytest.mark.parametrize(("flag", "quality"), [*FLAG_QUALITY.items(), ("too_dense", 1.0)])
def test_doubtful_utterances_weigh_less(flag: str, quality: float) -> None:
    made = fingerprint_transcript("a" * 64, transcript(utterance("你好", flags=(flag,)), utterance("再见")))
    assert made.quality.tolist() == [quality, quality, 1, 1]


def test_an_unsure_language_counts() -> None:
    assert len(fingerprint_transcript("a" * 64, transcript(utterance("你好", language="und"))).vectors) == 2


@pytest.mark.parametrize("said", [(), (utterance(""),), (utterance("……！"),)])
def test_silence_has_no_rows(said: tuple[TranscriptSegment, ...]) -> None:
    made = fingerprint_transcript("a" * 64, transcript(*said))
    assert made.vectors.shape == (0, 4) and made.spans.shape == (0, 2) and made.quality.shape == (0,)


def test_rows_are_the_same_in_every_process() -> None:
    made = fingerprint_transcript("a" * 64, transcript(utterance("好 ok")))
    assert made.vectors.tobytes().hex() == "0b000200791401aa"


def rows(text: str) -> list[list[int]]:
    made: list[list[int]] = fingerprint_transcript("a" * 64, transcript(utterance(text))).vectors.tolist()
    return made


@pytest.mark.parametrize(
    ("one", "other", "parts"),
    [
        ("知", "吃", [False, True, True, True]),  # zhi, chi
        ("心", "星", [True, True, True, False]),  # xin, xing
        ("江", "章", [False, False, True, True]),  # jiang, zhang
        ("流", "路", [True, False, False, True]),  # liu is liou, lu
        ("归", "给", [True, False, True, True]),  # gui is guei, gei
        ("女", "努", [True, True, False, True]),
        ("居", "驴", [False, True, True, True]),  # ju is jü
        ("选", "船", [False, False, True, True]),  # xuan is xüan
        ("云", "军", [False, True, True, True]),  # yun, jun
    ],
)
def test_syllables_are_alike_in_their_parts(one: str, other: str, parts: list[bool]) -> None:
    assert [a == b for a, b in zip(rows(one)[0], rows(other)[0], strict=True)] == parts


def test_nearly_every_character_is_a_syllable_and_no_other_word_is() -> None:
    common = "".join(chr(code) for code in range(0x4E00, 0x9FA6))
    assert np.mean([row[-1] < HASHED_WORD_BIT for row in rows(common)]) > 0.98
    assert all(row[-1] >= HASHED_WORD_BIT for row in rows("the cat あ 가 ng"))
