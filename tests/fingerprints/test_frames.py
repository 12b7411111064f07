"""Selection of the frames of a video that get rows."""

import numpy as np
import pytest

from mediafp.fingerprints.frames import DUPLICATE_FRAME_COSINE, MIN_FRAME_STD, FrameSelector, grey_std
from mediafp.types.arrays import Float32Array
from mediafp.types.fingerprints import Metric, Vectors
from mediafp.types.media import Frame, Pixels


class FirstPixelDirection:
    """Unit vectors of two dimensions, at the angle in degrees that the first red value of an image states."""

    name = "direction"
    version = "1"
    consumes = "frames"
    metric: Metric = "cosine"
    columns = 2
    max_rows = None

    def extract(self, images: list[Pixels]) -> tuple[Vectors, Float32Array]:
        angles = np.radians([float(image[0, 0, 0]) for image in images])
        vectors = np.column_stack((np.cos(angles), np.sin(angles))).astype(np.float16).reshape(-1, 2)
        return vectors, np.linspace(0, 1, len(images)).astype(np.float32)


def frame(angle: int, second: float, *, flat: bool = False) -> Frame:
    """Return a frame of one second: one half white unless it is flat."""
    pixels = np.full((8, 8, 3), angle, np.uint8)
    if not flat:
        pixels[:, 4:] = 255
    return Frame(pixels=pixels, start=second, end=second + 1)


def select(*batches: list[Frame], is_video: bool = True) -> tuple[list[float], list[tuple[float, float]]]:
    """Return the start of each selected frame, and the spans."""
    selector = FrameSelector(FirstPixelDirection(), is_video=is_video)  # type: ignore[arg-type]
    starts = []
    for batch in batches:
        frames, vectors, quality = selector.select(batch)
        assert len(frames) == len(vectors) == len(quality)
        starts += [selected.start for selected in frames]
    return starts, selector.spans


def test_select_keeps_distinct_frames_and_extends_the_span_over_duplicates() -> None:
    assert np.cos(np.radians(20)) > DUPLICATE_FRAME_COSINE > np.cos(np.radians(40))
    starts, spans = select([frame(0, 0), frame(20, 1), frame(90, 2)], [frame(95, 3), frame(0, 4)])
    assert starts == [0, 2, 4]
    assert spans == [(0, 2), (2, 4), (4, 5)]


def test_select_compares_with_the_last_kept_frame_and_not_with_the_last_duplicate() -> None:
    starts, _ = select([frame(0, 0), frame(20, 1), frame(40, 2)])
    assert starts == [0, 2]


def test_select_drops_flat_frames_and_starts_a_new_span_after_them() -> None:
    flat = frame(0, 1, flat=True)
    assert grey_std(flat.pixels) < MIN_FRAME_STD <= grey_std(frame(0, 0).pixels)
    starts, spans = select([frame(0, 0), flat, frame(0, 2)], [frame(0, 3)])
    assert starts == [0, 2]
    assert spans == [(0, 1), (2, 4)]


def test_select_returns_the_rows_of_the_kept_frames() -> None:
    selector = FrameSelector(FirstPixelDirection(), is_video=True)  # type: ignore[arg-type]
    frames, vectors, quality = selector.select([frame(0, 0), frame(10, 1), frame(90, 2)])
    assert [selected.start for selected in frames] == [0, 2]
    assert vectors.astype(float) == pytest.approx(np.array([[1, 0], [0, 1]]), abs=1e-3)
    assert quality.tolist() == [0.0, 1.0]


def test_select_keeps_all_frames_of_an_animation() -> None:
    starts, spans = select([frame(0, 0), frame(0, 1), frame(0, 2, flat=True)], is_video=False)
    assert starts == [0, 1, 2] and spans == [(0, 1), (1, 2), (2, 3)]


def test_select_accepts_a_batch_without_frames() -> None:
    assert select([], [frame(0, 0, flat=True)]) == ([], [])
