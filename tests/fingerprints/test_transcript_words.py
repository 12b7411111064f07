"""Phonetic rows of words are equal if the words sound alike, in any script, and have the times of the words."""

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


def segment(text: str, start: float = 0.0, end: float = 4.0, *, language: str = "zh", flags: tuple[str, ...] = (),
              times: tuple[TimeSpan, ...] = ()) -> TranscriptSegment:  # fmt: skip
    return TranscriptSegment(
        start=start, end=end, language=language, language_probability=0.9, text=text, flags=flags, token_times=times
    )


def transcript(*segments: TranscriptSegment, version: str = "speech-1+abc") -> Transcript:
    return Transcript(
        model="whisper-base",
        version=version,
        duration=60.0,
        speech_seconds=50.0,
        untranscribed_seconds=0.0,
        segments=segments,
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
def test_phonetic_tokens_are_equal_for_words_that_sound_alike(one: str, other: str) -> None:
    assert to_phonetic_tokens(one) == to_phonetic_tokens(other)


@pytest.mark.parametrize(
    ("one", "other"), [("有", "you"), ("绿", "路"), ("女", "努"), ("five", "fine"), ("あ", "い"), ("가", "나")]
)
def test_phonetic_tokens_differ_for_words_that_sound_different(one: str, other: str) -> None:
    assert to_phonetic_tokens(one) != to_phonetic_tokens(other)


def test_phonetic_token_of_a_character_ignores_its_neighbours() -> None:
    assert {to_phonetic_tokens(word)[word.index("行")] for word in ("银行", "行走", "不行", "行长")} == {"~xing"}


def test_phonetic_tokens_write_ü_as_v() -> None:
    assert to_phonetic_tokens("绿女略") == ["~lv", "~nv", "~lve"]


def test_phonetic_tokens_of_kana_and_hangul_are_the_characters() -> None:
    assert to_phonetic_tokens("あ가") == ["~あ", "~가"]


def test_fingerprint_has_a_row_for_each_word_in_order() -> None:
    fingerprint = fingerprint_transcript(
        "a" * 64, transcript(segment("你好", 1, 3), segment("good day", 5, 7, language="en"))
    )
    assert (fingerprint.sha256, fingerprint.type, fingerprint.version) == ("a" * 64, "words", "words-2")
    assert fingerprint.vectors.shape == (4, 4) and fingerprint.vectors.dtype == np.uint8
    assert fingerprint.spans.tolist() == [[1, 2], [2, 3], [5, 6], [6, 7]]
    assert fingerprint.quality.tolist() == [1, 1, 1, 1]


def test_digits_of_a_number_share_its_time() -> None:
    fingerprint = fingerprint_transcript("a" * 64, transcript(segment("共35人", times=((0, 1), (1, 3), (3.5, 4)))))
    assert fingerprint.spans.tolist() == [[0, 1], [1, 2], [2, 3], [3.5, 4]]
    assert fingerprint.quality.tolist() == [1, DIGIT_QUALITY, DIGIT_QUALITY, 1]


def test_token_times_of_another_length_are_ignored() -> None:
    fingerprint = fingerprint_transcript("a" * 64, transcript(segment("共35人", times=((0, 1),))))
    assert fingerprint.spans.tolist() == [[0, 1], [1, 2], [2, 3], [3, 4]]


@pytest.mark.parametrize(("flag", "quality"), [*FLAG_QUALITY.items(), ("too_dense", 1.0)])
def test_words_of_a_flagged_segment_have_a_lower_quality(flag: str, quality: float) -> None:
    fingerprint = fingerprint_transcript("a" * 64, transcript(segment("你好", flags=(flag,)), segment("再见")))
    assert fingerprint.quality.tolist() == [quality, quality, 1, 1]


def test_words_of_an_uncertain_language_have_rows() -> None:
    assert len(fingerprint_transcript("a" * 64, transcript(segment("你好", language="und"))).vectors) == 2


@pytest.mark.parametrize("segments", [(), (segment(""),), (segment("……！"),)])
def test_transcript_without_words_has_no_rows(segments: tuple[TranscriptSegment, ...]) -> None:
    fingerprint = fingerprint_transcript("a" * 64, transcript(*segments))
    assert (
        fingerprint.vectors.shape == (0, 4) and fingerprint.spans.shape == (0, 2) and fingerprint.quality.shape == (0,)
    )


def test_rows_do_not_depend_on_the_process() -> None:
    fingerprint = fingerprint_transcript("a" * 64, transcript(segment("好 ok")))
    assert fingerprint.vectors.tobytes().hex() == "0b000200791401aa"


def rows(text: str) -> list[list[int]]:
    vectors: list[list[int]] = fingerprint_transcript("a" * 64, transcript(segment(text))).vectors.tolist()
    return vectors


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
def test_rows_of_similar_syllables_are_equal_in_the_equal_parts(one: str, other: str, parts: list[bool]) -> None:
    assert [a == b for a, b in zip(rows(one)[0], rows(other)[0], strict=True)] == parts


def test_nearly_all_characters_and_no_other_words_have_rows_of_syllables() -> None:
    common = "".join(chr(code) for code in range(0x4E00, 0x9FA6))
    assert np.mean([row[-1] < HASHED_WORD_BIT for row in rows(common)]) > 0.98
    assert all(row[-1] >= HASHED_WORD_BIT for row in rows("the cat あ 가 ng"))
