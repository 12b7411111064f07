"""Times of an even grid at which a frame of a video is shown."""

import math
from typing import Final

GRID_TOLERANCE_SECONDS: Final = 1e-4
"""Seconds by which a frame may start after a grid time at which it counts as shown, for clocks that cannot express it
exactly. Chosen, not measured."""


def grid_numbers(start: float, end: float, interval: float) -> range:
    """Return the numbers n of the times n × interval at which a frame is shown, given its start and that of the next one.

    There are no times before 0.
    """
    first, stop = (max(0, math.ceil((time - GRID_TOLERANCE_SECONDS) / interval)) for time in (start, end))
    return range(first, stop)
