"""Codes of two seconds of sound each, by which the index finds sounds that are worth comparing."""

from typing import Final, Literal

import numpy as np

from mediafp.fingerprints.sound_prints import SoundPrints, prints_of
from mediafp.types.fingerprints import Metric, TimedRows
from mediafp.types.media import Audio
from mediafp.types.sound_codes import CODE_BYTES, CODE_PRINTS, STORED_HOP, compute_codes
from mediafp.types.sound_prints import PRINT_SECONDS, VALID_BIT

TYPE_NAME: Final = "sound_codes"
CODE_SECONDS: Final = CODE_PRINTS * PRINT_SECONDS
"""Seconds that a code describes."""


class SoundCodes:
    """Codes of 512 bits, one each 1.024 s of sound; quality is the share of valid prints."""

    name = TYPE_NAME
    version = f"1-{SoundPrints.version}"
    consumes: Literal["audio"] = "audio"
    metric: Metric = "hamming"
    columns = CODE_BYTES
    max_rows = None

    def extract(self, audio: Audio) -> TimedRows:
        """Return the codes of the parts of an audio track that have enough valid prints."""
        prints = prints_of(audio)
        codes, starts = compute_codes(prints, hop=STORED_HOP)
        first = audio.start + starts * PRINT_SECONDS
        spans = np.stack([first, np.minimum(first + CODE_SECONDS, audio.start + audio.duration)], axis=1)
        counts = np.concatenate([[0], np.cumsum((prints & np.uint64(VALID_BIT)) > 0)])
        quality = (counts[starts + CODE_PRINTS] - counts[starts]) / CODE_PRINTS
        return TimedRows(spans.reshape(-1, 2).astype(np.float64), codes, quality.astype(np.float32))
