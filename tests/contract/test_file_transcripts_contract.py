"""Contract of the transcripts of files: those of all its sounds, on its own clock, and each word once."""

from dataclasses import replace
from itertools import pairwise, permutations

import numpy as np
import pytest
from ingest_records import fingerprint
from transcripts import silent_transcript, transcribed_audio

from mediafp.case.exports import iter_asset_records
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.report.jsonl import asset_to_json, json_line
from mediafp.store import Store
from mediafp.types.file_sounds import FileSound, TranscribedFile
from mediafp.types.media import Asset
from mediafp.types.runs import IngestRecord
from mediafp.types.sightings import Sighting
from mediafp.types.tokens import tokenise
from mediafp.types.transcripts import Transcript, TranscriptSegment

A, B = "a" * 64, "b" * 64
STORM = "the storm comes over the harbour tonight and the ships stay inside"
HARVEST = "farmers bring the harvest home before the first frost of november"


def spoken(*texts: str, at: float = 1.0, version: str = "v1") -> Transcript:
    """Sentences of five seconds each, with the times of their words."""
    segments = []
    for number, text in enumerate(texts):
        start, count = at + 5 * number, len(tokenise(text))
        edges = [round(start + 4 * n / count, 3) for n in range(count + 1)]
        times = tuple(pairwise(edges))
        segments.append(
            TranscriptSegment(
                start=start, end=start + 4, language="en", language_probability=0.9, text=text, token_times=times
            )
        )
    return Transcript(
        model="m",
        version=version,
        duration=20,
        speech_seconds=4 * len(texts),
        untranscribed_seconds=0.5,
        segments=tuple(segments),
    )


def add(store: Store, sha256: str, *sounds: tuple[FileSound, Transcript]) -> None:
    with store.writing():
        store.add_record(
            IngestRecord(
                asset=Asset(sha256=sha256, kind="video", bytes=1),
                sightings=(Sighting(sha256=sha256, uri=f"/dump/{sha256[0]}.mp4"),),
                fingerprints=(fingerprint(sha256, rows=0),),
            )
        )
    transcribe(store, sha256, *sounds)


def transcribe(store: Store, sha256: str, *sounds: tuple[FileSound, Transcript]) -> None:
    made = tuple(transcribed_audio(sound.audio_sha256, transcript) for sound, transcript in sounds)
    with store.writing():
        store.save_transcription(sha256, TranscribedFile(sounds=tuple(sound for sound, _ in sounds), made=made))


def exported(store: Store) -> list[str]:
    # What is compared is independent of clues, fingerprints and warnings.
    return [
        json_line(asset_to_json(replace(record, clues=(), fingerprints=(), warnings=())))
        for record in iter_asset_records(store)
    ]


def times(store: Store, text: str) -> list[tuple[str, float, int | None]]:
    return [(hit.sha256[0], hit.start, hit.track) for hit in store.search_passages(text)]


def test_a_sound_in_two_files_has_the_times_of_each(store: Store) -> None:
    for sha256, start in ((A, 0.0), (B, 2.5)):
        add(store, sha256, (FileSound(audio_sha256="one", start=start), spoken(STORM)))
    own, late = store.find_transcript(A), store.find_transcript(B)
    assert own and late and (own.segments[0].start, late.segments[0].start) == (1.0, 3.5)
    assert late.segments[0].token_times[0][0] == 3.5 and late.segments[0].end == 7.5
    rows = {found.sha256: found for found in store.transcript_fingerprints()}
    assert np.allclose(rows[B].spans, rows[A].spans + 2.5)
    assert times(store, "storm comes over") == [("a", pytest.approx(1.333), 0), ("b", pytest.approx(3.833), 0)]
    assert store.best_transcript("one") == spoken(STORM), "what is kept for a sound has its own times"
    assert store.check_integrity() == []


def test_the_order_of_ingestion_changes_no_exported_line(tmp_path_factory: pytest.TempPathFactory) -> None:
    from mediafp.store import open_store

    files = {A: 0.0, B: 2.5}
    found = []
    for order in permutations(files):
        with open_store(tmp_path_factory.mktemp("store"), create=True) as store:
            for sha256 in order:
                add(store, sha256, (FileSound(audio_sha256="one", start=files[sha256]), spoken(STORM)))
            found.append(exported(store))
    assert found[0] == found[1] and '"start": 3.5' in found[0][1].replace('":3.5', '": 3.5')


def two_tracks(first: Transcript, second: Transcript, **fields: int) -> list[tuple[FileSound, Transcript]]:
    return [
        (FileSound(audio_sha256="one"), first),
        (FileSound(audio_sha256="two", track=1, start=0.5, **fields), second),
    ]


def test_all_tracks_are_heard_each_in_its_place(store: Store) -> None:
    add(store, A, *two_tracks(spoken(STORM, STORM), spoken(HARVEST)))
    found = store.find_transcript(A)
    assert found and [(s.start, s.track, s.channel) for s in found.segments] == [
        (1, 0, None),
        (1.5, 1, None),
        (6, 0, None),
    ]
    assert (found.duration, found.speech_seconds, found.untranscribed_seconds) == (20, 12, 1.0)
    assert found.model == "m" and found.version == "v1" and found.warnings == ()
    (rows,) = store.transcript_fingerprints()
    assert [tuple(sound) for sound in rows.sounds] == [(0, None, 24), (1, None, 11)]
    made = fingerprint_transcript(A, found)
    assert made.sounds == rows.sounds and np.allclose(made.spans, rows.spans)
    assert np.array_equal(made.vectors, rows.vectors)
    assert times(store, "harvest home") == [("a", pytest.approx(2.591), 1)]
    assert store.check_integrity() == []


def test_channels_are_heard_one_by_one(store: Store) -> None:
    sounds = [FileSound(audio_sha256=name, channel=n) for n, name in enumerate(("one", "two"))]
    add(store, A, (sounds[0], spoken(STORM)), (sounds[1], spoken(HARVEST)))
    found = store.find_transcript(A)
    assert found and {(s.channel, s.text) for s in found.segments} == {(0, STORM), (1, HARVEST)}
    assert [hit.channel for hit in store.search_passages("harvest")] == [1]
    assert store.sounds(A) == tuple(sounds)


MISHEARD = STORM.replace("ships", "sheep").replace("comes", "came")


@pytest.mark.parametrize("second", [spoken(STORM, HARVEST, at=0.7), spoken(MISHEARD, HARVEST, at=0.4)])
def test_words_of_two_tracks_at_the_same_times_are_told_once(store: Store, second: Transcript) -> None:
    add(store, A, *two_tracks(spoken(STORM, HARVEST), second))
    found = store.find_transcript(A)
    assert found and {s.track for s in found.segments} == {0} and len(found.segments) == 2
    assert found.warnings == (
        "skipped the speech of audio track 2: audio track 1 has the same words at the same times",
    )
    assert found.speech_seconds == 8
    assert [track for _, _, track in times(store, "harvest")] == [0]
    (rows,) = store.transcript_fingerprints()
    assert rows.sounds == () and len(rows.vectors) == 23
    assert store.check_integrity() == []


@pytest.mark.parametrize(
    "second",
    [
        spoken(STORM, at=6.0),
        spoken(STORM, HARVEST),
        spoken(HARVEST),
        spoken("the harbour tonight", at=1.9),
    ],
    ids=["later", "with a sentence of its own", "other words", "a short reply"],
)
def test_a_track_with_more_than_the_words_of_another_is_kept(store: Store, second: Transcript) -> None:
    first = spoken(STORM)
    add(store, A, *two_tracks(first, second))
    found = store.find_transcript(A)
    assert found is not None
    said = sorted(s.text for s in found.segments)
    assert set(said) == {s.text for s in (*first.segments, *second.segments)}
    assert store.check_integrity() == []


def test_a_repetition_ends_with_a_better_transcript(store: Store) -> None:
    sounds = two_tracks(spoken(STORM), spoken(STORM))
    add(store, A, *sounds)
    assert len(times(store, "storm")) == 1
    better = transcribed_audio("two", spoken(HARVEST, version="v2"))
    with store.writing():
        store.save_transcript("two", better.transcript, better.fingerprint, 9)
    found = store.find_transcript(A)
    assert found and [s.text for s in found.segments] == [STORM, HARVEST] and found.warnings == ()
    assert found.version == "v1, v2"
    assert len(times(store, "storm")) == len(times(store, "harvest")) == 1
    assert store.check_integrity() == []


def test_a_file_is_transcribed_when_all_its_sounds_are(store: Store) -> None:
    first, second = two_tracks(spoken(STORM), spoken(HARVEST))
    assert store.sounds(A) is None and not store.is_transcribed(A, "v1")
    add(store, A, first)
    assert store.is_transcribed(A, "v1") and not store.is_transcribed(A, "v2")
    with store.writing():
        store.save_sounds(A, [first[0], second[0]])
    assert not store.is_transcribed(A, "v1")
    found = store.find_transcript(A)
    assert found and found.warnings == ("skipped the speech of audio track 2: it is not transcribed",)
    transcribe(store, A, first, second)
    assert store.is_transcribed(A, "v1")
    with store.writing():
        store.save_sounds(B, ())
    assert store.sounds(B) == () and store.is_transcribed(B, "v1") and store.find_transcript(B) is None


def test_a_silent_track_repeats_nothing(store: Store) -> None:
    add(store, A, *two_tracks(silent_transcript(), spoken(HARVEST)))
    found = store.find_transcript(A)
    assert found and [s.track for s in found.segments] == [1] and found.warnings == ()
    assert store.check_integrity() == []


def scripts_to_compare(store: Store) -> list[str]:
    pending = store.pending_comparisons({"script": "1"})
    return [one.sha256[0] for one in pending]


def test_another_start_is_another_script(store: Store) -> None:
    add(store, A, (FileSound(audio_sha256="one"), spoken(STORM)))
    add(store, B, (FileSound(audio_sha256="one"), spoken(STORM)))
    started = store.last_log_entry()[0]
    for pending in store.pending_comparisons({"script": "1"}):
        with store.writing():
            store.save_comparison(pending, "1", started, [])
    assert scripts_to_compare(store) == []
    with store.writing():
        store.save_sounds(A, [FileSound(audio_sha256="one", start=3.0)])
    assert scripts_to_compare(store) == ["a"]


def test_forgetting_takes_the_transcripts_that_no_other_asset_has(store: Store) -> None:
    first, second = two_tracks(spoken(STORM), spoken(HARVEST))
    add(store, A, first, second)
    add(store, B, second)
    transcribe(store, "c" * 64, first, second)
    with store.writing():
        removed = store.forget_sighting(A, "/dump/a.mp4").removed
    assert (removed["transcripts"], removed["passages"]) == (1, 1)
    assert store.sounds(A) is None and store.best_transcript("one") is None
    assert times(store, "storm") == [] and [hit[0] for hit in times(store, "harvest")] == ["b"]
    assert store.check_integrity() == []
