"""Transcription of files with several audio tracks, with a fake model: all are heard, or those that are chosen."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from audio_track_files import write_tracks
from transcripts import transcribed_audio

from mediafp.case.case import Case
from mediafp.case.untranscribed import find_untranscribed
from mediafp.engine.local import transcription
from mediafp.report.jsonl import transcription_to_json
from mediafp.text.speech.transcribers import get_transcriber
from mediafp.types.file_sounds import TrackChoice
from mediafp.types.media import AUDIO_SAMPLE_RATE, Audio
from mediafp.types.runs import AnalysisOptions, IngestOptions, SpeechOptions
from mediafp.types.transcripts import FileTranscription, TranscribedAudio, Transcript, TranscriptSegment

OPTIONS = SpeechOptions(threads=2)
LEVELS = {"one": 1000, "two": 2000, "three": 3000}
"""Level of the samples of a sound by the word that the fake model hears in it."""


def samples(word: str, seconds: float = 1.0) -> np.ndarray:
    return np.full(int(seconds * AUDIO_SAMPLE_RATE), LEVELS[word], np.int16)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the fake model has transcribed each sound, by what it hears."""
    counts: Counter[str] = Counter()
    words = {level: word for word, level in LEVELS.items()}

    def transcribe(audio: Audio, options: SpeechOptions, *, on_progress: Callable[[float], object]) -> TranscribedAudio:
        word = words[int(audio.samples[0])]
        counts[word] += 1
        on_progress(0.5)
        segment = TranscriptSegment(
            start=0.25, end=0.75, language="en", language_probability=0.9, text=f"{word} is said"
        )
        transcript = Transcript(
            model="m",
            version=get_transcriber(options).version,
            duration=audio.duration,
            speech_seconds=0.5,
            untranscribed_seconds=0,
            segments=(segment,),
        )
        return transcribed_audio(audio.sha256, transcript)

    monkeypatch.setattr(transcription, "transcribe_audio", transcribe)
    return counts


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A file of three tracks, of which players play the second, and the third starts late."""
    (tmp_path / "films").mkdir()
    return write_tracks(tmp_path / "films" / "film.mkv", *map(samples, LEVELS), default=1, starts={2: 2.0})


def transcribe(case: Case, *paths: Path, tracks: TrackChoice = "all") -> list[FileTranscription]:
    return list(case.transcribe(list(paths), OPTIONS, tracks=tracks))


def said(result: FileTranscription) -> list[tuple[int, float, str]]:
    assert result.error is None and result.transcript
    return [(s.track, s.start, s.text.split()[0]) for s in result.transcript.segments]


def test_all_tracks_of_a_file_are_heard_and_equal_sounds_once(case: Case, film: Path, heard: Counter[str]) -> None:
    late = write_tracks(film.with_name("late.mka"), samples("three"), samples("two"), starts={1: 1.0})
    doubled = write_tracks(film.with_name("doubled.mka"), samples("one"), samples("one"))
    shares: list[float] = []
    first, second, third = case.transcribe([film, late, doubled], OPTIONS, on_progress=shares.append)
    assert said(first) == [(0, 0.25, "one"), (1, 0.25, "two"), (2, 2.25, "three")] and not first.warnings
    assert said(second) == [(0, 0.25, "three"), (1, 1.25, "two")]
    assert said(third) == [(0, 0.25, "one")]
    assert transcription_to_json(third)["warnings"] == [
        "skipped the speech of audio track 2: audio track 1 has the same words at the same times"
    ]
    assert heard == Counter(one=1, two=1, three=1)
    assert shares == sorted(shares) and shares[-1] == pytest.approx(3)
    again = transcribe(case, film, late, doubled)
    assert [said(one) for one in again] == [said(one) for one in (first, second, third)] and heard.total() == 3


CHOICES: list[tuple[TrackChoice, str, str, list[str]]] = [
    ("played", "two", "two", ["skipped the speech of audio track 1", "skipped the speech of audio track 3"]),
    ((1, 8), "two", "two", ["speech of audio track 1", "track 3", "skipped audio track 9: the file has none"]),
    ((7,), "", "two", ["track 1", "track 2", "track 3", "skipped audio track 8: the file has none"]),
    ((2, 0), "one three", "one three two", ["skipped the speech of audio track 2"]),
    ("all", "one two three", "one three two", []),
]
"""Chosen tracks, the words of the result, all words that were transcribed until then, and the warnings."""


def test_chosen_tracks_alone_are_heard_and_the_others_named(case: Case, film: Path, heard: Counter[str]) -> None:
    for tracks, words, all_words, warnings in CHOICES:
        (result,) = transcribe(case, film, tracks=tracks)
        assert sorted(heard) == all_words.split() and set(heard.values()) <= {1}
        assert all(part in warning for part, warning in zip(warnings, result.warnings, strict=True))
        line = transcription_to_json(result)
        assert [segment["text"].split()[0] for segment in line["segments"]] == words.split()
        assert line["note"] == (None if words else "no audio track was chosen")


def test_ingest_hears_all_tracks_and_what_is_left_of_known_files(case: Case, film: Path, heard: Counter[str]) -> None:
    options = IngestOptions(analysis=AnalysisOptions(ocr=False, speech=OPTIONS), match=False)
    transcribe(case, film, tracks="played")
    (outcome,) = case.ingest([film.parent], options)
    assert outcome.status == "added" and heard == Counter(one=1, two=1, three=1)
    assert [(hit.start, hit.track) for hit in case.search("three")] == [(2.25, 2)]
    (record,) = case.export_records()
    assert record.transcript and len(record.transcript.segments) == 3
    assert find_untranscribed(case._store) == []
    with case._store.writing():
        sounds = case._store.sounds(outcome.sha256 or "") or ()
        case._store.database.execute("DELETE FROM transcript WHERE sound = ?", (sounds[0].audio_sha256,))  # type: ignore[attr-defined]
    assert find_untranscribed(case._store) == [film]
    (outcome,) = case.ingest([film.parent], options)
    assert outcome.status == "known" and heard == Counter(one=1, two=2, three=1)
