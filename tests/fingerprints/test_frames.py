"""Selection of the frames of a video that get rows."""

from collections.abc import Callable

import numpy as np
import pytest

from mediafp.fingerprints.frames import DUPLICATE_FRAME_COSINE, MIN_HELD_SECONDS, FrameSelector
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

    def __init__(self) -> None:
        self.extracted = 0

    def extract(self, images: list[Pixels]) -> tuple[Vectors, Float32Array]:
        self.extracted += len(images)
        angles = np.radians([float(image[0, 0, 0]) for image in images])
        vectors = np.column_stack((np.cos(angles), np.sin(angles))).astype(np.float16).reshape(-1, 2)
        return vectors, np.full(len(images), 0.5, np.float32)


def selector(*, is_video: bool = True) -> FrameSelector:
    return FrameSelector(FirstPixelDirection(), is_video=is_video)  # type: ignore[arg-type]


def frame(angle: int, second: float, *, flat: bool = False, mark: int = 0, held: float = 0.04) -> Frame:
    """Return a frame of one second: the lower half white unless it is flat, with a grey mark in the upper half."""
    pixels = np.zeros((64, 64, 3), np.uint8)
    if not flat:
        pixels[32:] = 255
        pixels[8:16, 16:48] = mark
    pixels[0, 0] = angle
    return Frame(pixels=pixels, start=second, end=second + 1, held_seconds=held)


def select(*batches: list[Frame], is_video: bool = True) -> tuple[list[float], list[tuple[float, float]]]:
    """Return the start of each selected frame, and the spans."""
    selecting = selector(is_video=is_video)
    starts = []
    for batch in batches:
        frames, vectors, quality = selecting.select(batch)
        assert len(frames) == len(vectors) == len(quality)
        starts += [selected.start for selected in frames]
    return starts, selecting.spans


def test_select_keeps_distinct_frames_and_extends_the_span_over_duplicates() -> None:
    assert np.cos(np.radians(20)) > DUPLICATE_FRAME_COSINE > np.cos(np.radians(40))
    starts, spans = select([frame(0, 0), frame(20, 1), frame(90, 2)], [frame(95, 3), frame(0, 4)])
    # Block by block these frames are equal but for one pixel, so that all of them show the first one's page.
    assert starts == [0] and spans == [(0, 5)]
    starts, spans = select([frame(0, 0), frame(20, 1, mark=20), frame(90, 2)], [frame(95, 3), frame(0, 4, mark=90)])
    assert starts == [0, 2, 4]
    assert spans == [(0, 2), (2, 4), (4, 5)]


def test_select_compares_with_the_last_kept_frame_and_not_with_the_last_duplicate() -> None:
    starts, _ = select([frame(0, 0), frame(20, 1, mark=20), frame(40, 2)])
    assert starts == [0, 2]


def test_select_drops_flat_frames_and_starts_a_new_span_after_them() -> None:
    starts, spans = select([frame(0, 0), frame(0, 1, flat=True), frame(0, 2)], [frame(0, 3)])
    assert starts == [0, 2]
    assert spans == [(0, 1), (2, 4)]


def shot(draw: Callable[[np.ndarray], object], noise: float) -> Frame:
    levels = np.full((180, 320, 1), 20.0)
    draw(levels)
    levels += np.random.default_rng(1).normal(0, noise, levels.shape)
    return Frame(pixels=np.clip(levels, 0, 255).astype(np.uint8).repeat(3, axis=2), start=0, end=1)


@pytest.mark.parametrize("noise", [0, 1, 4, 8])
def test_a_frame_of_one_colour_is_flat_whatever_its_noise(noise: float) -> None:
    frames, vectors, _ = selector().select([shot(lambda levels: None, noise)])
    assert frames == [] and vectors.shape == (0, 2)


def draw_night(levels: np.ndarray) -> None:
    levels[:, :160] += 5
    levels[90:, 100:] += 8


def draw_plane_in_the_sky(levels: np.ndarray) -> None:
    levels += 140
    levels[60:66, 100:130] -= 60


@pytest.mark.parametrize("noise", [0, 1, 2])
@pytest.mark.parametrize("draw", [draw_night, draw_plane_in_the_sky])
def test_a_frame_of_little_contrast_is_kept(draw: Callable[[np.ndarray], object], noise: float) -> None:
    image = shot(draw, noise)
    assert image.pixels.std() < 12
    frames, _, quality = selector().select([image])
    assert len(frames) == 1 and quality[0] > 0.2


def test_still_pages_that_differ_in_a_few_words_are_kept_apart() -> None:
    pages = [frame(0, second, mark=mark) for second, mark in enumerate([0, 0, 0, 90, 90, 90, 180, 180])]
    starts, spans = select(pages[:4], pages[4:])
    assert starts == [0, 3, 6]
    assert spans == [(0, 3), (3, 6), (6, 8)]


def test_pages_that_the_decoder_held_are_kept_apart_at_once() -> None:
    starts, spans = select([frame(0, second, mark=40 * second, held=2 * MIN_HELD_SECONDS) for second in range(3)])
    assert starts == [0, 1, 2] and spans == [(0, 1), (1, 2), (2, 3)]


def test_movement_within_a_shot_gives_no_rows() -> None:
    starts, spans = select([frame(0, second, mark=mark) for second, mark in enumerate([0, 60, 20, 90, 40, 70, 10])])
    assert starts == [0] and spans == [(0, 7)]


def test_a_frame_that_equals_the_one_before_is_not_embedded() -> None:
    search_type = FirstPixelDirection()
    selecting = FrameSelector(search_type, is_video=True)  # type: ignore[arg-type]
    for second in range(10):
        selecting.select([frame(0, second, mark=second // 5 * 90)])
    assert search_type.extracted == 2 and selecting.spans == [(0, 5), (5, 10)]


def test_select_returns_the_rows_of_the_kept_frames() -> None:
    selecting = selector()
    frames, vectors, quality = selecting.select([frame(0, 0), frame(10, 1), frame(90, 2, mark=90)])
    assert [selected.start for selected in frames] == [0, 2]
    assert vectors.astype(float) == pytest.approx(np.array([[1, 0], [0, 1]]), abs=1e-3)
    assert (quality > 0.9).all()


def test_select_keeps_all_frames_of_an_animation() -> None:
    starts, spans = select([frame(0, 0), frame(0, 1), frame(0, 2, flat=True)], is_video=False)
    assert starts == [0, 1, 2] and spans == [(0, 1), (1, 2), (2, 3)]


def test_select_accepts_a_batch_without_frames() -> None:
    assert select([], [frame(0, 0, flat=True)]) == ([], [])
