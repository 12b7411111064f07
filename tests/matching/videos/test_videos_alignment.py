"""Temporal alignment on tracks of made scenes whose stretches are known."""

import tracemalloc

import numpy as np
import pytest
from made_tracks import STEP, Scene, make_track, stretch

from mediafp.matching.videos.agreement import MAX_SAMPLED_MOMENTS, sample_moments
from mediafp.matching.videos.alignment import AlignedSegment, align_mapped
from mediafp.matching.videos.mapped_frames import UNIT_SQUARE, FrameMap, map_frames
from mediafp.matching.videos.motion import measure_motion
from mediafp.types.media import FrameTrack

WHOLE = FrameMap(times=np.zeros(1), quads=UNIT_SQUARE[None])
TOLERANCE = 0.3
SCENES = [Scene(seed) for seed in range(4)]
REFERENCE = make_track(stretch(SCENES[0], 0, 30))


def align(query: FrameTrack, reference: FrameTrack = REFERENCE) -> list[AlignedSegment]:
    mapped = map_frames(query.pixels, query.spans[:, 0], reference.pixels, WHOLE)
    assert mapped
    moments = [sample_moments(track.spans, STEP) for track in (query, reference)]
    return align_mapped(mapped, moments[0], moments[1], []).segments


def close(segment: AlignedSegment, query: tuple[float, float], reference: tuple[float, float]) -> bool:
    return bool(np.abs(np.array([segment.query, segment.reference]) - (query, reference)).max() <= TOLERANCE)


@pytest.mark.parametrize("speed", [0.5, 0.62, 0.88, 1.0, 1.12, 1.37, 2.0, -1.0, -0.75, -1.5])
def test_stretch_has_its_speed_and_its_ends(speed: float) -> None:
    """Any speed, forwards and backwards, and not one of a list."""
    (segment,) = align(make_track(stretch(SCENES[0], 7.3, 19.3, speed, contrast=0.7)))
    assert segment.speed == pytest.approx(speed, rel=0.03)
    assert close(segment, (0, 12 / abs(speed)), (7.3, 19.3))


@pytest.mark.parametrize("offset", np.round(np.random.default_rng(1).uniform(0, 20, 4), 2).tolist())
def test_unit_speed_is_told_wherever_the_stretch_begins(offset: float) -> None:
    """The moments of the two videos are up to half a step apart."""
    (segment,) = align(make_track(stretch(SCENES[0], offset, offset + 6)))
    assert segment.speed == 1.0 and close(segment, (0, 6), (offset, offset + 6))


def test_short_splice_is_not_carried_over_what_is_around_it() -> None:
    query = make_track(stretch(SCENES[1], 0, 8) + stretch(SCENES[0], 12, 13.6) + stretch(SCENES[2], 0, 6))
    (segment,) = align(query)
    assert close(segment, (8, 9.6), (12, 13.6)) and segment.speed == 1.0


def test_foreign_footage_in_the_middle_makes_two_segments() -> None:
    query = make_track(stretch(SCENES[0], 0, 8) + stretch(SCENES[3], 0, 4) + stretch(SCENES[0], 12, 20))
    first, second = align(query)
    assert close(first, (0, 8), (0, 8)) and close(second, (12, 20), (12, 20))


def test_loop_has_a_segment_for_each_turn_on_either_side() -> None:
    turn = stretch(SCENES[0], 9, 12)
    turns = align(make_track(turn * 4))
    assert [close(segment, (3 * n, 3 * n + 3), (9, 12)) for n, segment in enumerate(turns)] == [True] * 4
    turns = align(make_track(stretch(SCENES[0], 9, 12)), make_track(turn * 3))
    assert sorted(round(segment.reference[0]) for segment in turns) == [0, 3, 6]


def test_unrelated_scenes_do_not_align() -> None:
    query = make_track(stretch(SCENES[1], 0, 10) + stretch(SCENES[2], 0, 10))
    assert sum(segment.seconds for segment in align(query)) <= 1.2


def test_scene_that_stands_still_has_speed_1() -> None:
    still = Scene(9, still=True)
    query = make_track(stretch(SCENES[1], 0, 5) + stretch(still, 0, 4))
    (segment,) = align(query, make_track(stretch(SCENES[2], 0, 4) + stretch(still, 0, 9)))
    assert segment.speed == 1.0 and segment.seconds == pytest.approx(4, abs=TOLERANCE)


def test_result_is_the_same_from_both_sides() -> None:
    query = make_track(stretch(SCENES[1], 0, 4) + stretch(SCENES[0], 5, 15, 1.25) + stretch(SCENES[2], 0, 5))
    (forth,), (back,) = align(query), align(REFERENCE, query)
    assert np.abs(np.array(forth.query) - back.reference).max() <= TOLERANCE
    assert np.abs(np.array(forth.reference) - back.query).max() <= TOLERANCE
    assert forth.speed == pytest.approx(1 / back.speed, rel=0.04)


def test_caption_over_a_quarter_of_the_frame_changes_nothing() -> None:
    query = make_track(stretch(SCENES[0], 5, 15))
    query.pixels[:, 18:] = 20
    query.pixels[::7, 20:22, 4:16] = 230
    (segment,) = align(query)
    assert close(segment, (0, 10), (5, 15)) and segment.speed == 1.0


def test_motion_tells_footage_from_a_graphic_around_other_footage() -> None:
    """Both videos show one border around different scenes."""

    def framed(scene: Scene) -> FrameTrack:
        track = make_track(stretch(scene, 0, 8))
        border = SCENES[3].frame(0)
        border[6:18, 6:18] = 0
        track.pixels[:] = np.where(border > 0, border, track.pixels)
        return track

    def agreement(query: FrameTrack, reference: FrameTrack) -> float:
        mapped = map_frames(query.pixels, query.spans[:, 0], reference.pixels, WHOLE)
        assert mapped
        rows = np.arange(len(query.pixels))
        motion = measure_motion(mapped, rows, rows)
        assert motion.is_moving
        return motion.agreement

    assert agreement(framed(SCENES[0]), framed(SCENES[0])) > 0.9
    assert agreement(framed(SCENES[0]), framed(SCENES[1])) < 0.5


def test_a_last_frame_that_stays_for_a_billion_seconds_costs_little_memory() -> None:
    """A damaged or hostile file states such times."""
    shown = make_track(stretch(SCENES[0], 0, 8))
    track = FrameTrack(spans=np.vstack((shown.spans[:-1], [[shown.spans[-1, 0], 1e9]])), pixels=shown.pixels)
    frames = sample_moments(track.spans, STEP).frames
    assert len(frames) == MAX_SAMPLED_MOMENTS and frames[-1] == len(shown.pixels) - 1
    mapped = map_frames(track.pixels, track.spans[:, 0], REFERENCE.pixels, WHOLE)
    assert mapped
    tracemalloc.start()
    try:
        values = mapped.pairs(frames, frames)
        measure_motion(mapped, frames, frames)
        assert tracemalloc.get_traced_memory()[1] < 200 << 20
    finally:
        tracemalloc.stop()
    assert np.allclose(values, mapped.matrix()[frames, frames], atol=1e-5)
