"""Frame tracks of made scenes that move, and of what edits make of them."""

import cv2
import numpy as np

from mediafp.types.media import TRACK_SIDE, FrameTrack

STEP = 0.2
PATCHES = 12


class Scene:
    """A scene of soft patches that drift: its frame at any time, at a side of TRACK_SIDE."""

    def __init__(self, seed: int, *, still: bool = False) -> None:
        rng = np.random.default_rng(seed)
        self._ground = cv2.resize(rng.uniform(40, 200, (7, 7)).astype(np.float32), (TRACK_SIDE, TRACK_SIDE))
        self._amplitude = rng.uniform(4, 10, (PATCHES, 2))
        self._rate, self._phase = rng.uniform(0.4, 1.7, (PATCHES, 2)), rng.uniform(0, 6, (PATCHES, 2))
        self._centre, self._shade = rng.uniform(4, 20, (PATCHES, 2)), rng.uniform(-90, 90, PATCHES)
        self._still = still

    def frame(self, seconds: float) -> np.ndarray:
        """Return the frame (24, 24) at a time."""
        time = 0.0 if self._still else seconds
        frame = self._ground.copy()
        y, x = np.mgrid[:TRACK_SIDE, :TRACK_SIDE]
        for number in range(PATCHES):
            # Two rates that have no common period, so that no two moments are the same.
            place = self._centre[number] + self._amplitude[number] * np.sin(
                self._rate[number] * time + self._phase[number]
            )
            frame += self._shade[number] * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 14)
        return np.clip(frame, 0, 255).astype(np.uint8)


def make_track(shown: list[tuple[Scene, float, float]], seconds: float = STEP) -> FrameTrack:
    """Return the track of moments, each of a scene at a time of it; the third number is a factor on the contrast."""
    pixels = [
        np.clip((scene.frame(time) - 110.0) * contrast + 110, 0, 255).astype(np.uint8)
        for scene, time, contrast in shown
    ]
    starts = np.arange(len(pixels)) * seconds
    return FrameTrack(spans=np.column_stack((starts, starts + seconds)), pixels=np.array(pixels))


def stretch(
    scene: Scene, start: float, end: float, speed: float = 1.0, contrast: float = 1.0
) -> list[tuple[Scene, float, float]]:
    """Return the moments in which a stretch of a scene is shown at a speed, from its end if that is negative."""
    count = round((end - start) / abs(speed) / STEP)
    first = start if speed > 0 else end
    return [(scene, first + speed * STEP * number, contrast) for number in range(count)]
