"""Default values that the command line and the Python interface share."""

from typing import Final

DEFAULT_MODEL: Final = "whisper-base"
"""Speech model that is used if none is chosen."""
DEFAULT_TOP: Final = 10
"""Largest number of matches of one query, unless the caller states another. Chosen, not measured."""
DEFAULT_MIN_PROBABILITY: Final = 0.5
"""Probability below which a match is not returned, unless the caller states another: as likely wrong as right."""
