"""A store with one pair of pictures, one of videos and one of scripts, whose places and times are known exactly."""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from coded_videos import write_coded_video
from ingest_records import fingerprint
from linked_stores import keep
from rated_words import rated
from sample_matches import sample_match, sample_placement

from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.ingest.files import file_sha256, open_file
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.store import Store, open_store
from mediafp.types.file_sounds import FileSound
from mediafp.types.kept_matches import Channel, KeptMatch
from mediafp.types.matches import Match, Segment
from mediafp.types.media import Asset, Thumbnail
from mediafp.types.runs import IngestRecord
from mediafp.types.sightings import Sighting
from mediafp.types.transcripts import Transcript, TranscriptSegment

QUERY_SIZE, REFERENCE_SIZE = (300, 200), (400, 320)
QUAD = ((360.0, 30.0), (40.0, 40.0), (50.0, 250.0), (350.0, 240.0))
"""Corners of the query in the reference: mirrored, and seen at an angle."""
STRETCHES = (
    Segment(channel="picture", query=(1.0, 3.0), reference=(3.0, 5.0), speed=1.0, mirrored=False, score=0.96),
    Segment(channel="picture", query=(4.0, 6.0), reference=(6.0, 7.0), speed=0.5, mirrored=True, score=0.91),
)
HOSTILE_NAME = '<b>"x" & \n港.jpg'
QUERY_LINES = ((0.5, 2.0, "谁在花钱让大家看别处？"), (2.5, 4.0, "请在被删除之前转发，请告诉你的朋友。"))
REFERENCE_LINES = (
    (3.0, 4.5, "誰再花錢讓大家看別處"),
    (4.6, 5.0, "不說話"),
    (5.5, 7.0, "請在被刪除之前轉發，請告訴你的朋友"),
)


QUERY_PROBABILITIES = ((0.95,) * 2 + (0.3, 0.4, 0.7) + (0.95,) * 5, (0.9,) * 16)
"""Of each word of the query: 花钱 is a guess, 让 is doubtful. Those of the reference are unknown."""


@dataclass(frozen=True, slots=True)
class ComparedCase:
    """The folder of the store, and the SHA-256 of each pair."""

    folder: Path
    pictures: tuple[str, str]
    videos: tuple[str, str]


def make_compared_case(folder: Path) -> ComparedCase:
    """Make the files and the store."""
    with open_store(folder / "store", create=True) as store:
        pictures = _add_pictures(store)
        videos = (
            _add_video(store, write_coded_video(folder / "short.mp4", 7.0), 7.0),
            _add_video(store, write_coded_video(folder / "long.mp4", 9.0), 9.0),
        )
        said = make_transcript(QUERY_LINES)
        segments = tuple(rated(*one) for one in zip(said.segments, QUERY_PROBABILITIES, strict=True))
        _add_transcript(store, videos[0], replace(said, segments=segments))
        _add_transcript(store, videos[1], make_transcript(REFERENCE_LINES))
        placement = sample_placement(
            quad=QUAD, overlap=QUAD, covered=0.5, mirrored=True, scale=1.05, removed=(0.1, 0.1, 0.1, 0.22),
            correspondences=(((150.0, 100.0), _mapped(150.0, 100.0)), ((20.0, 30.0), _mapped(20.0, 30.0))),
        )  # fmt: skip
        shared = sample_match(kind="video", relation="shares_footage", segments=STRETCHES, coverage=(0.5, 0.3))
        script = Segment(channel="script", query=(0.5, 4.0), reference=(3.0, 7.0), speed=1.1, mirrored=False, score=0.9)
        said = sample_match(kind="video", relation="same_script", segments=(script,), coverage=(0.5, 0.4))
        keep(
            store,
            _kept(pictures, "picture", sample_match(placement=placement, why=("44 keypoints agree on one placement",))),
            _kept(videos, "picture", shared),
            _kept(videos, "script", said),
        )
    return ComparedCase(folder / "store", pictures, videos)


def reference_picture() -> np.ndarray:
    """Return the reference, RGB: smooth noise, so that each place looks like no other one."""
    width, height = REFERENCE_SIZE
    noise = np.random.default_rng(3).integers(0, 256, (height // 16, width // 16, 3), np.uint8)
    return np.asarray(cv2.resize(noise, REFERENCE_SIZE, interpolation=cv2.INTER_CUBIC), np.uint8)


def _add_pictures(store: Store) -> tuple[str, str]:
    reference = reference_picture()
    corners = np.array([[0, 0], [QUERY_SIZE[0], 0], QUERY_SIZE, [0, QUERY_SIZE[1]]], np.float32) - 0.5
    to_query = cv2.getPerspectiveTransform(np.array(QUAD, np.float32) - 0.5, corners)
    query = cv2.warpPerspective(reference, to_query, QUERY_SIZE, flags=cv2.INTER_CUBIC)
    for sha256, name, picture in (("a" * 64, "IMG_0931.jpg", query), ("b" * 64, HOSTILE_NAME, reference)):
        height, width = picture.shape[:2]
        asset = Asset(
            sha256=sha256, kind="image", bytes=1000, properties={"format": "jpeg", "width": width, "height": height}
        )
        jpeg = encode_thumbnail(np.asarray(picture, np.uint8), max(width, height))
        _add(store, asset, name, (Thumbnail(position=0, seconds=0.0, jpeg=jpeg),))
    return "a" * 64, "b" * 64


def _add_video(store: Store, path: Path, seconds: float) -> str:
    with open_file(path) as file:
        sha256 = file_sha256(file)
    asset = Asset(
        sha256=sha256,
        kind="video",
        bytes=path.stat().st_size,
        properties={"format": "mp4", "width": 240, "height": 120, "duration": seconds, "has_sound": True},
    )
    black = encode_thumbnail(np.zeros((60, 120, 3), np.uint8), 120)
    _add(store, asset, str(path), (Thumbnail(position=0, seconds=0.0, jpeg=black),))
    return sha256


def _add(store: Store, asset: Asset, uri: str, thumbnails: tuple[Thumbnail, ...]) -> None:
    uri = uri if uri.startswith("/") else f"/dump/{uri}"
    with store.writing():
        store.add_record(
            IngestRecord(
                asset=asset,
                sightings=(Sighting(sha256=asset.sha256, uri=uri, account="样例摄影_云山", platform="weibo"),),
                fingerprints=(fingerprint(asset.sha256, "sscd_distilled", 1),),
                thumbnails=thumbnails,
            )
        )


def _add_transcript(store: Store, sha256: str, transcript: Transcript) -> None:
    with store.writing():
        store.save_sounds(sha256, (FileSound(audio_sha256=f"audio {sha256}"),))
        store.save_transcript(f"audio {sha256}", transcript, fingerprint_transcript(sha256, transcript), 1)


def make_transcript(lines: tuple[tuple[float, float, str], ...]) -> Transcript:
    """Return a transcript of lines with start and end."""
    return Transcript(
        model="m", version="v", duration=10.0, speech_seconds=5.0, untranscribed_seconds=0.0,
        segments=tuple(
            TranscriptSegment(start=start, end=end, language="zh", language_probability=1.0, text=text)
            for start, end, text in lines
        ),
    )  # fmt: skip


def _kept(pair: tuple[str, str], channel: Channel, match: Match) -> KeptMatch:
    return KeptMatch(
        query=pair[0], reference=pair[1], channel=channel, promise=2.0, match=replace(match, sha256=pair[1])
    )


def _mapped(x: float, y: float) -> tuple[float, float]:
    """Return where a point of the query falls in the reference."""
    corners = np.array([[0, 0], [QUERY_SIZE[0], 0], QUERY_SIZE, [0, QUERY_SIZE[1]]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, np.array(QUAD, np.float32))
    mapped = cv2.perspectiveTransform(np.array([[[x, y]]], np.float64), matrix)[0, 0]
    return round(float(mapped[0]), 2), round(float(mapped[1]), 2)
