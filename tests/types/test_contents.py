"""The invariants of stored contents: their limits are those of the files, and true values keep them."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mediafp.fingerprints.registry import declaration
from mediafp.ingest import limits, video
from mediafp.types import contents
from mediafp.types.contents import check_asset, check_fingerprint, check_fingerprints, check_spans, check_transcript
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import Asset
from mediafp.types.transcripts import Transcript, TranscriptSegment

VIDEO = Asset(sha256="a", kind="video", bytes=1, properties={"width": 64, "height": 48, "duration": 3.0})
IMAGE = Asset(sha256="b", kind="image", bytes=1, properties={"width": 64, "height": 48})
SEGMENT = TranscriptSegment(
    start=-1.0, end=5, language="en", language_probability=1.0, text="half of \ud83d", token_times=((0.0, 1.0),)
)
TRANSCRIPT = Transcript(
    model="m", version="v", duration=9, speech_seconds=5, untranscribed_seconds=0, segments=(SEGMENT,)
)


def test_limits_are_those_of_the_files() -> None:
    assert contents.MAX_ASSET_PIXELS["image"] == limits.MAX_PIXELS
    assert contents.MAX_ASSET_PIXELS["video"] == 4 * limits.MAX_FRAME_PIXELS, (
        "a pixel is up to four times as wide as high"
    )
    assert contents.MAX_ASSET_ROWS == {"image": limits.MAX_PAGES + limits.MAX_PAGE_PARTS, "video": limits.MAX_FRAMES}
    assert video.MAX_FRAME_RATE == contents.MAX_FPS
    assert contents.MAX_SECONDS > limits.MAX_ANIMATION_FRAMES * 86_400


@pytest.mark.parametrize(
    "change",
    [
        {"start": 1e306},
        {"end": math.nan},
        {"end": "5"},
        {"text": 7},
        {"flags": (7,)},
        {"language": None},
        {"language_probability": 1.5},
        {"language_probability": math.nan},
        {"token_times": ((0.0, 1e308),)},
    ],
)
def test_check_transcript_refuses_what_no_transcript_has(change: dict[str, object]) -> None:
    check_transcript(TRANSCRIPT)
    with pytest.raises(ValueError):
        check_transcript(replace(TRANSCRIPT, segments=(SEGMENT, replace(SEGMENT, **change))))
    with pytest.raises(ValueError):
        check_transcript(replace(TRANSCRIPT, duration=1e306))


@pytest.mark.parametrize("spans", [[], [[0, 1], [1, 2]], [[0, 0]], [[-3, -1], [5, 5], [5, 9]]])
def test_check_spans_accepts_frames_that_follow_each_other(spans: list[list[float]]) -> None:
    check_spans(VIDEO, np.array(spans, np.float64).reshape(-1, 2))


def embedding(asset: Asset, rows: int, *, spans: np.ndarray | None = None, value: float = 0.0) -> Fingerprint:
    """Return an embedding of so many rows."""
    vectors = np.zeros((rows, 512), np.float16)
    vectors[:, 0] = 1
    vectors[-1:, 1] = value
    starts = np.arange(rows, dtype=np.float64) if asset.kind == "video" else np.zeros(rows)
    ends = starts + 1 if asset.kind == "video" else starts
    quality = np.ones(rows, np.float32)
    return Fingerprint(
        sha256=asset.sha256, type="sscd_distilled", version="1", vectors=vectors, quality=quality,
        spans=np.stack([starts, ends], 1) if spans is None else spans,
    )  # fmt: skip


def test_check_fingerprints_finds_what_check_fingerprint_finds() -> None:
    declared = declaration("sscd_distilled")
    sound = [(IMAGE, embedding(IMAGE, 1)), (VIDEO, embedding(VIDEO, 5)), (VIDEO, embedding(VIDEO, 0))]
    check_fingerprints(declared, sound)
    animation = replace(IMAGE, properties=IMAGE.properties | {"frames": 3})
    check_fingerprints(declared, [*sound, (animation, embedding(animation, 3))])
    for damaged in (
        (IMAGE, embedding(IMAGE, 0)),
        (IMAGE, embedding(IMAGE, 2)),
        (animation, embedding(animation, 129)),
        (IMAGE, embedding(IMAGE, 1, value=math.nan)),
        (IMAGE, embedding(IMAGE, 1, value=2)),
        (IMAGE, embedding(IMAGE, 1, spans=np.array([[0.0, 1.0]]))),
        (VIDEO, embedding(VIDEO, 2, spans=np.array([[0.0, 9.0], [1.0, 2.0]]))),
        (VIDEO, embedding(VIDEO, 1, spans=np.array([[0.0, 1e308]]))),
        (replace(VIDEO, properties={}), embedding(VIDEO, 1)),
    ):
        with pytest.raises(ValueError):
            check_fingerprint(damaged[0], declared, damaged[1])
        with pytest.raises(ValueError):
            check_fingerprints(declared, [*sound, damaged])


def test_check_asset_accepts_what_files_state() -> None:
    check_asset(VIDEO)
    check_asset(IMAGE)
    audio = {
        "format": "wav",
        "width": None,
        "height": None,
        "fps": None,
        "duration": None,
        "has_sound": True,
        "codec": "x",
    }
    check_asset(replace(VIDEO, properties=audio))
    check_asset(replace(VIDEO, properties={}))
