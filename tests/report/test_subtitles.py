"""Subtitles and plain text of a transcript."""

from dataclasses import replace

from mediafp.report import subtitles
from mediafp.types.transcripts import Transcript, TranscriptSegment

PLAIN = " and twelve more plain English words to be read"


def transcript_of(*utterances: TranscriptSegment, speech: float = 5.0) -> Transcript:
    return Transcript(
        model="m", version="v", duration=9, speech_seconds=speech, untranscribed_seconds=0, segments=utterances
    )


WORDS = TranscriptSegment(
    start=59.96,
    end=3725.5,
    language="yue",
    language_probability=0.9,
    text="佢哋 <喺度> & more\n\nwords",
    flags=("low_confidence",),
)


def test_to_srt_numbers_cues() -> None:
    assert subtitles.to_srt(transcript_of(WORDS)) == "1\n00:00:59,960 --> 01:02:05,500\n佢哋 <喺度> & more words\n"


def test_to_vtt_escapes_text_and_tags_the_language() -> None:
    assert subtitles.to_vtt(transcript_of(WORDS)) == (
        "WEBVTT\n\n00:00:59.960 --> 01:02:05.500\n<lang yue>佢哋 &lt;喺度&gt; &amp; more words</lang>\n"
    )


def test_to_srt_cuts_a_long_text_between_words_and_characters() -> None:
    long = TranscriptSegment(
        start=0,
        end=9,
        language="zh",
        language_probability=1,
        text="字" * 30 + PLAIN,
    )
    first, second = (cue.split("\n")[2:] for cue in subtitles.to_srt(transcript_of(long)).strip().split("\n\n"))
    assert len(first) == len(second) == 2 and max(map(len, (*first, *second))) <= 42 and set(first[0]) == {"字"}
    assert "".join((*first, *second)).replace(" ", "") == long.text.replace(" ", "")


def test_to_text_prints_time_language_and_flags() -> None:
    assert subtitles.to_text(transcript_of(WORDS)) == "[01:00.0] yue  佢哋 <喺度> & more words  (low confidence)"
    assert subtitles.to_text(transcript_of(speech=0.0)) == "no speech"
    assert subtitles.to_text(transcript_of()) == "no words"


def said(start: float, end: float, text: str) -> TranscriptSegment:
    return TranscriptSegment(start=start, end=end, language="en", language_probability=1, text=text)


def test_cues_are_neither_negative_nor_empty_and_do_not_overlap() -> None:
    spoken = [
        said(-2, -1, "a"),
        said(-0.5, 1, "b"),
        said(3, 5, "d"),
        said(2, 4, "c"),
        said(5, 5, "e"),
        said(5, 6, " \n"),
    ]
    assert subtitles.to_srt(transcript_of(*spoken, said(5.1, 7, "f"))).split("\n\n") == [
        "1\n00:00:00,000 --> 00:00:00,200\na",
        "2\n00:00:00,200 --> 00:00:01,000\nb",
        "3\n00:00:02,000 --> 00:00:03,000\nc",
        "4\n00:00:03,000 --> 00:00:05,000\nd",
        "5\n00:00:05,000 --> 00:00:05,200\ne",
        "6\n00:00:05,200 --> 00:00:07,000\nf\n",
    ]


HOSTILE = TranscriptSegment(
    start=0,
    end=1,
    language="en>\n\n00:00 --> 00:01<x",
    language_probability=1,
    text="a\u202eb\x1b[31m\u2028c\ud800\n\n2\n00:00:00,000 --> 00:00:09,000",
)


def test_subtitles_show_hidden_characters_and_keep_one_cue() -> None:
    shown = "a\\u202eb\\x1b[31m c\\ud800 2\n00:00:00,000 --> 00:00:09,000"
    assert subtitles.to_srt(transcript_of(HOSTILE)) == f"1\n00:00:00,000 --> 00:00:01,000\n{shown}\n"
    assert subtitles.to_vtt(transcript_of(HOSTILE)).split("\n\n") == [
        "WEBVTT",
        f"00:00:00.000 --> 00:00:01.000\n<lang en0000--0001x>{shown.replace('>', '&gt;')}</lang>\n",
    ]
    (line,) = subtitles.to_text(transcript_of(HOSTILE)).splitlines()
    assert line.isprintable()


def test_a_transcript_of_nothing_but_spaces_has_no_cues() -> None:
    nothing = transcript_of(replace(WORDS, text="\u2028 "))
    assert subtitles.to_srt(nothing) == "" and subtitles.to_vtt(nothing) == "WEBVTT\n"


def test_texts_of_two_languages_at_one_time_are_tagged_each() -> None:
    voices = [
        replace(said(0, 2, "yes & no"), channel=0),
        replace(said(1, 3, "可以"), channel=1, language="zh"),
    ]
    assert subtitles.to_srt(transcript_of(*voices)) == "1\n00:00:00,000 --> 00:00:03,000\n[L] yes & no\n[R] 可以\n"
    assert subtitles.to_vtt(transcript_of(*voices)).split("\n\n")[1] == (
        "00:00:00.000 --> 00:00:03.000\n<lang en>[L] yes &amp; no</lang>\n<lang zh>[R] 可以</lang>\n"
    )
