"""The sound of videos is matched: by itself, under other images, and joined with the images of the same video."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from sound_samples import voice

import mediafp
from mediafp import AnalysisOptions, Case, IngestOptions
from mediafp.types.matches import Match, Segment
from mediafp.types.media import AUDIO_SAMPLE_RATE

FAST = IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False, reference_crops=False))
SECONDS = 10


def write_talk(path: Path, samples: np.ndarray, *shots: np.ndarray) -> Path:
    """Write sound, and with images a video that shows each of them for as long as the others."""
    with av.open(str(path), "w") as container:
        sound = container.add_stream("pcm_s16le" if path.suffix == ".wav" else "flac", rate=AUDIO_SAMPLE_RATE)
        sound.layout = "mono"
        if shots:
            shown = container.add_stream("mjpeg", rate=2)
            shown.height, shown.width, shown.pix_fmt = *shots[0].shape[:2], "yuvj420p"
            for number in range(2 * SECONDS):
                shot = shots[number * len(shots) // (2 * SECONDS)]
                container.mux(shown.encode(av.VideoFrame.from_ndarray(shot, "rgb24")))
            container.mux(shown.encode(None))
        for start in range(0, len(samples), 4096):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + 4096], "s16", "mono")
            frame.sample_rate, frame.pts = AUDIO_SAMPLE_RATE, start
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


@pytest.fixture(scope="module")
def case(photos: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    """A case with a talk under two series of images, and another talk."""
    folder = tmp_path_factory.mktemp("sounds")
    shots = [np.ascontiguousarray(photo[:240, :320]) for photo in photos.values() if min(photo.shape[:2]) >= 240]
    shots = [shot for shot in shots if shot.shape == (240, 320, 3)]
    assert len(shots) >= 6
    paths = [
        write_talk(folder / "talk.mkv", voice(1, SECONDS), *shots[:3]),
        write_talk(folder / "other-images.mkv", voice(1, SECONDS, pitch=1.05), *shots[3:6]),
        write_talk(folder / "other-talk.wav", voice(2, SECONDS)),
    ]
    write_talk(folder / "again.mkv", voice(1, SECONDS) // 2, *(shot[:, ::-1] for shot in shots[:3]))
    write_talk(folder / "part.wav", voice(1, SECONDS)[3 * AUDIO_SAMPLE_RATE : 9 * AUDIO_SAMPLE_RATE])
    with mediafp.open(folder / "store", create=True) as opened:
        assert [outcome.status for outcome in opened.ingest(paths, FAST)] == ["added"] * 3
        yield opened


def folder_of(case: Case) -> Path:
    return case.folder.parent


def matches(case: Case, name: str) -> dict[str, Match]:
    (result,) = case.match([folder_of(case) / name], ocr=False, speech=None)
    assert result.error is None
    return {Path(match.uris[0]).stem: match for match in result.matches}


def assert_times(segment: Segment, query: tuple[float, float], reference: tuple[float, float]) -> None:
    assert segment.query == pytest.approx(query, abs=0.5) and segment.reference == pytest.approx(reference, abs=0.5)


def test_part_of_a_talk_is_found_under_any_images_with_its_times(case: Case) -> None:
    found = matches(case, "part.wav")
    assert set(found) == {"talk", "other-images"}
    for match in found.values():
        assert (match.relation, match.verdict) == ("same_voice", "copy") and match.placement is None
        (segment,) = match.segments
        assert segment.channel == "voice" and segment.speed == pytest.approx(1, abs=0.02)
        assert_times(segment, (0, 6), (3, 9))


def test_the_sound_of_the_same_video_is_part_of_its_match(case: Case) -> None:
    found = matches(case, "again.mkv")
    assert {name: match.relation for name, match in found.items()} == {
        "talk": "same_video",
        "other-images": "same_voice",
    }
    channels = [segment.channel for segment in found["talk"].segments]
    assert "picture" in channels and channels.count("voice") == 1
    assert any("sound" in reason for reason in found["talk"].why)


def test_kept_matches_of_a_known_file_are_those_of_its_search(case: Case) -> None:
    searched = matches(case, "part.wav")
    assert [outcome.status for outcome in case.ingest([folder_of(case) / "part.wav"], FAST)] == ["added"]
    known = matches(case, "part.wav")
    assert "part" not in known
    assert {name: (m.relation, m.segments) for name, m in known.items()} == {
        name: (m.relation, m.segments) for name, m in searched.items()
    }


def test_the_same_sound_under_other_images_is_no_cluster(case: Case) -> None:
    names = [
        {Path(uri).stem for member in cluster.members for uri in member.uris} for cluster in case.cluster().clusters
    ]
    assert not any({"talk", "other-images"} <= group for group in names)
