"""Maps of the frames of one video into those of another: which are tried, and on which frames they are probed."""

import numpy as np

from mediafp.matching.videos.motion import Motion
from mediafp.matching.videos.placing import best_maps, candidate_maps, constant_map, make_probe
from mediafp.types.media import FrameTrack


def track(*shots: int) -> FrameTrack:
    """A frame track of shots of ten frames of seeded noise each."""
    noise = [np.random.default_rng(shot).integers(0, 256, (10, 24, 24), np.uint8) for shot in shots]
    starts = 0.2 * np.arange(10 * len(shots))
    return FrameTrack(spans=np.stack((starts, starts + 0.2), 1), pixels=np.concatenate(noise))


def test_maps_are_probed_on_the_frames_of_a_row_and_not_on_the_shot_before_it() -> None:
    query, reference = track(1, 2), track(3, 2)
    probe = make_probe(query, reference, [((2.0, 4.0), (2.0, 4.0))])
    assert probe.query[0][0].tolist() == query.pixels[10:15].tolist()
    (whole, *_), mirrored = candidate_maps([], (16, 9), (16, 9)), candidate_maps([], (16, 9), (16, 9))[-1]
    assert probe.score(whole) > 1.2 > probe.score(mirrored) + 0.5
    (best,) = best_maps([mirrored, whole], probe)
    assert best is whole


def test_map_of_an_inset_puts_its_part_of_the_frame_onto_the_other_frame() -> None:
    whole, mirrored = candidate_maps([], (320, 180), (640, 360), (0.5, 0.25, 1.0, 0.75))
    assert np.allclose(whole.quads[0], [(-1, -0.5), (1, -0.5), (1, 1.5), (-1, 1.5)])
    assert np.allclose(mirrored.quads[0], [(2, -0.5), (0, -0.5), (0, 1.5), (2, 1.5)])


def test_frame_as_a_whole_is_tried_beside_a_placement_that_fits_better() -> None:
    query, reference = track(1), track(1)
    shifted = constant_map(candidate_maps([], (16, 9), (16, 9))[0].quads[0] + (0.0, 0.14))
    coarse = FrameTrack(spans=reference.spans, pixels=np.roll(reference.pixels, 3, axis=1))
    maps = best_maps([*candidate_maps([], (16, 9), (16, 9)), shifted], make_probe(query, coarse, [((0, 2), (0, 2))]))
    assert any(np.allclose(one.quads[0], [(0, 0), (1, 0), (1, 1), (0, 1)]) for one in maps)


def test_motion_of_one_still_moment_must_agree_by_more() -> None:
    moving = Motion(amount=7.0, agreement=0.52, moments=8, telling=8)
    assert not moving.contradicts
    assert Motion(amount=7.0, agreement=0.52, moments=1, telling=1).contradicts
    assert not Motion(amount=0.1, agreement=0.1, moments=1, telling=1).contradicts
