"""Small grey frames of a video at short even steps, by which matching finds the moments at which two videos agree."""

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from mediafp.types.fingerprints import Fingerprint, Metric, TimedRows
from mediafp.types.media import MAX_TRACK_ROWS, TRACK_SIDE, FrameTrack

TYPE_NAME: Final = "frame_track"


class FrameTrackRows:
    """The frames of a frame track as rows, one for each."""

    name = TYPE_NAME
    version = "1"
    consumes: Literal["track"] = "track"
    metric: Metric = "grey"
    columns = TRACK_SIDE * TRACK_SIDE
    max_rows: int | None = MAX_TRACK_ROWS

    def extract(self, track: FrameTrack) -> TimedRows:
        """Return a row for each frame of a track; the quality of one of a single grey level is 0."""
        pixels = track.pixels.reshape(-1, self.columns)
        quality = (pixels.max(axis=1, initial=0) > pixels.min(axis=1, initial=255)).astype(np.float32)
        return TimedRows(np.asarray(track.spans, np.float64).reshape(-1, 2), pixels, quality)


def to_track(rows: TimedRows | Fingerprint) -> FrameTrack:
    """Return the frame track that rows were extracted from."""
    pixels: npt.NDArray[np.uint8] = rows.vectors.reshape(-1, TRACK_SIDE, TRACK_SIDE)  # type: ignore[assignment]
    return FrameTrack(spans=rows.spans, pixels=pixels)
