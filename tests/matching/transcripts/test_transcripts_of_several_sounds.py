"""Scripts in files with several audio tracks and channels: found in each, and told from what is said at the same time."""

from dataclasses import replace

import numpy as np
import pytest
from transcript_samples import FREE, NIGHT, POLICY, FakeTranscriptReferences

from mediafp.case.aligned_lines import align_lines
from mediafp.case.answers.spoken import main_language, spoken_between, stretches_of
from mediafp.fingerprints.transcript import fingerprint_transcript, locate_rows
from mediafp.matching.reversal import reverse_match
from mediafp.matching.transcripts.alignment import align_pair
from mediafp.matching.transcripts.compare import match_transcript
from mediafp.matching.transcripts.index import TranscriptIndex
from mediafp.types.file_sounds import FileSound, join_transcripts
from mediafp.types.matches import Match
from mediafp.types.media import Asset
from mediafp.types.transcripts import Transcript, TranscriptSegment

CHATTER = "good morning everybody it is a lovely day and we have a lot of news for you about the weather in town"


def said(text: str, *, at: float = 0.0, pieces: int = 4) -> Transcript:
    """Return a transcript of some segments of three seconds."""
    words = text.split(" ") if " " in text else list(text)
    size = -(-len(words) // pieces)
    separator = " " if " " in text else ""
    segments = tuple(
        TranscriptSegment(
            start=at + 3 * n,
            end=at + 3 * n + 3,
            language="en" if separator else "zh",
            language_probability=1.0,
            text=separator.join(words[n * size : (n + 1) * size]),
        )
        for n in range(pieces)
    )
    return Transcript(
        model="m", version="1", duration=12, speech_seconds=12, untranscribed_seconds=0, segments=segments
    )


def file_of(*sounds: tuple[int, int | None, Transcript], start: float = 0.0) -> Transcript:
    return join_transcripts(
        [
            (FileSound(audio_sha256=str(number), track=track, channel=channel, start=start), transcript)
            for number, (track, channel, transcript) in enumerate(sounds)
        ]
    )


PLAIN = said(FREE)
DUBBED = file_of((0, None, said(CHATTER)), (1, None, said(FREE, at=0.4)))
CHANNELS = file_of((0, 0, said(FREE, at=0.4)), (0, 1, said(CHATTER)), start=0.5)


def match_of(query: Transcript, reference: Transcript) -> Match:
    references = FakeTranscriptReferences(TranscriptIndex([fingerprint_transcript("r", reference)]))
    (match,) = match_transcript(fingerprint_transcript("q", query), references)
    return match


@pytest.mark.parametrize(
    ("several", "sound", "start"), [(DUBBED, (1, None), 0.4), (CHANNELS, (0, 0), 0.9)], ids=["tracks", "channels"]
)
def test_a_script_in_one_sound_of_a_file_is_found_placed_and_quoted(
    several: Transcript, sound: tuple[int, int | None], start: float
) -> None:
    match = match_of(PLAIN, several)
    assert match.probability > 0.8 and match.verdict == "copy"
    (segment,) = match.segments
    assert segment.query == pytest.approx((0, 12)) and segment.reference == pytest.approx((start, start + 12))
    assert segment.tracks == (0, sound[0]) and segment.sound("reference") == sound
    name = "audio track 2" if sound[0] else "channel 1 of audio track 1"
    assert f"the query has words of {name} of the reference" in match.why
    assert match.coverage == pytest.approx((1.0, 0.5), abs=0.02)
    quoted = spoken_between(several, stretches_of(match, "reference"))
    assert quoted == spoken_between(PLAIN, stretches_of(match, "query")) and CHATTER[:9] not in str(quoted)
    assert main_language(several, stretches_of(match, "reference")) == "en"


def test_lines_of_two_tracks_stand_beside_those_of_the_same_words() -> None:
    for query, reference in ((PLAIN, DUBBED), (DUBBED, PLAIN)):
        compared = align_lines(query, reference)
        assert compared.equal_words == 21 == compared.words
        paired = [pair for pair in compared.lines if pair.query and pair.reference]
        assert [[one.text for one in pair.query] for pair in paired] == [
            [one.text for one in pair.reference] for pair in paired
        ]
        assert len(paired) == 4 and sum(not (pair.query and pair.reference) for pair in compared.lines) == 4


def test_rows_of_a_file_have_their_places_in_its_text() -> None:
    rows, places = fingerprint_transcript("q", DUBBED), locate_rows(DUBBED)
    assert len(rows.vectors) == len(places) == sum(sound.rows for sound in rows.sounds)
    for place, (start, end) in zip(places, rows.spans.tolist(), strict=True):
        segment = DUBBED.segments[place.segment]
        assert segment.start <= start < end <= segment.end
    alone = fingerprint_transcript("q", PLAIN)
    count = rows.sounds[1].rows
    assert np.array_equal(rows.vectors[-count:], alone.vectors) and np.allclose(rows.spans[-count:], alone.spans + 0.4)


def test_no_passage_goes_from_one_sound_to_another() -> None:
    """The text of the query is said half in one track and half in the other, at the same time."""
    words = FREE.split()
    halves = [" ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])]
    split = file_of((0, None, said(halves[0], at=6.0)), (1, None, said(halves[1])))
    passages = align_pair(fingerprint_transcript("q", PLAIN), fingerprint_transcript("r", split))
    assert len(passages) == 2
    for passage in passages:
        assert passage.query[0] < passage.query[1] and passage.reference[0] < passage.reference[1]
    match = match_of(PLAIN, split)
    assert {segment.tracks for segment in match.segments} == {(0, 0), (0, 1)}
    assert match.coverage == pytest.approx((1.0, 1.0), abs=0.02)


def test_alignment_of_several_sounds_is_symmetric() -> None:
    both = file_of((0, None, said(NIGHT + POLICY)), (2, None, said(FREE)))
    other = file_of((0, None, said(POLICY)), (1, None, said(CHATTER)), (3, None, said(FREE + " " + FREE)))
    a, b = fingerprint_transcript("a", both), fingerprint_transcript("b", other)
    assert [passage.swap() for passage in align_pair(a, b)] == align_pair(b, a)
    match = match_of(both, other)
    assert {segment.tracks for segment in match.segments} == {(0, 0), (2, 3)}
    assets = [Asset(sha256=name, kind="video", bytes=1) for name in "qr"]
    seen = reverse_match(match, *assets, uris=("q.mp4",))
    assert {segment.tracks for segment in seen.segments} == {(0, 0), (3, 2)}


def test_a_file_with_one_sound_names_no_track() -> None:
    match = match_of(PLAIN, replace(PLAIN, version="2"))
    assert all(segment.tracks is None is segment.audio_channels for segment in match.segments)
    assert not any("track" in reason for reason in match.why)
