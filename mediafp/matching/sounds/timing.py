"""Timing of two sounds along a line: one recording keeps it, and the same words read again do not."""

from typing import Final

import numpy as np

from mediafp.matching.sounds.lines import Line, best_lags
from mediafp.matching.sounds.side import SoundSide

WINDOW_PRINTS: Final = 24
"""Prints, 1.5 s, over which the two sounds are aligned by themselves."""
MIN_WINDOWS: Final = 5
"""Windows in which the sounds agree that tell their timing. Chosen, not measured."""
MIN_WINDOW_AGREEMENT: Final = 0.6
"""Agreement of a window from which its timing counts. Chosen, not measured."""


def timing_drift(query: SoundSide, reference: SoundSide, line: Line, start: int, end: int) -> float:
    """Return by how many prints the timing of two sounds differs from place to place; 0 if too little of them agrees.

    Both the spread of the windows about a straight line and the difference of one window to the next must be large: a
    recording of which pauses were cut has steps, and between them none of the two. Of 170 copies (pitch, tempo, music,
    noise), the smaller one reaches .147; of one text read twice by eSpeak NG, with two voices or at two speeds, most exceed .18.

    Args:
        query: One sound.
        reference: The other one.
        line: Line along which they agree.
        start: Place of the query, in prints, at which they begin to.
        end: Place at which they end.
    """
    starts = np.arange(start, end - WINDOW_PRINTS + 1, WINDOW_PRINTS // 2)
    if len(starts) < MIN_WINDOWS:
        return 0.0
    lags, agreements = best_lags(query, reference, line, starts, WINDOW_PRINTS)
    agrees = agreements >= MIN_WINDOW_AGREEMENT
    if agrees.sum() < MIN_WINDOWS:
        return 0.0
    straight = np.polyfit(starts[agrees], lags[agrees], 1)
    residuals = np.where(agrees, lags - np.polyval(straight, starts), np.nan)
    # Windows overlap by half: the next one that shares nothing is the second.
    steps = np.abs(residuals[2:] - residuals[:-2])
    steps = steps[~np.isnan(steps)]
    spread = float(np.sqrt(np.nanmean(residuals**2)))
    return min(spread, float(np.median(steps))) if len(steps) else 0.0
