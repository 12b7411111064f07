"""Images that a video shows for less than the time between two of its samples are found, at the right time."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from mediafp import AnalysisOptions, Case, IngestOptions

RATE = 25
SIZE = (320, 240)
FAST = IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False, reference_crops=False))


def write_moving(path: Path, ground: np.ndarray, seconds: int, shown: dict[float, np.ndarray], length: float) -> Path:
    """Write a video that moves over a photograph, and shows other ones from some seconds on."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number in range(seconds * RATE):
            time = number / RATE
            pixels = np.roll(ground, 4 * number, axis=1)
            for start, photo in shown.items():
                pixels = photo if start <= time < start + length else pixels
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("start", [2.12, 3.44])
def test_a_photo_shown_for_two_fifths_of_a_second_is_found_when_it_is_shown(
    case: Case, photos: dict[str, np.ndarray], tmp_path: Path, start: float
) -> None:
    ground, photo = (cv2.resize(photos[name], SIZE) for name in ("coffee", "cat"))
    path = write_moving(tmp_path / "video.mp4", ground, 6, {start: photo}, 0.4)
    Image.fromarray(photos["cat"]).save(tmp_path / "photo.jpg")
    assert [outcome.status for outcome in case.ingest([path], FAST)] == ["added"]
    (result,) = case.match([tmp_path / "photo.jpg"], ocr=False, speech=None)
    (match,) = result.matches
    (segment,) = match.segments
    assert (match.relation, match.verdict) == ("image_in_video", "copy")
    assert segment.reference == pytest.approx((start, start + 0.4), abs=0.2)
