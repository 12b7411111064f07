"""Selection of the frames of a video that get rows."""

from typing import Final

DUPLICATE_FRAME_COSINE: Final = 0.9
"""A sampled frame this near to the last kept one is folded into its run (keeps 68 % of frames)."""
MIN_FRAME_STD: Final = 12.0
"""Grey-level standard deviation below which a frame is flat and is dropped from a video."""
