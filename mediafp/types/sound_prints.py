"""Layout of the rows of the fingerprint type `sound_prints`, and the prints of an audio track as they follow in time.

A row belongs to one audio track. The number of the track, from 0, is in bits of each print that are free, so that the rows of a
file of one track do not contain it.
"""

from typing import TYPE_CHECKING, Final

from mediafp.types.media import AUDIO_SAMPLE_RATE, MAX_AUDIO_TRACKS, MAX_TRACK_NUMBER

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mediafp.types.arrays import Float64Array
    from mediafp.types.fingerprints import Vectors

HOP_SAMPLES: Final = 1024
"""Samples between two prints."""
PRINT_SECONDS: Final = HOP_SAMPLES / AUDIO_SAMPLE_RATE
"""Seconds between two prints: .064."""
PRINT_BITS: Final = 57
"""Bits of a print, from the lowest: signs of differences between adjacent bands."""
VALID_BIT: Final = 1 << 63
"""Bit that is set in a print whose bits count; a print of silence or of hum is 0."""
TRACK_SHIFT: Final = PRINT_BITS
"""Place of the lowest of the six bits of a print that contain the number of its audio track."""
TRACK_BITS: Final = MAX_TRACK_NUMBER << TRACK_SHIFT
"""The bits of a print that contain the number of its audio track."""
PRINTS_PER_ROW: Final = 16
"""Prints in a row, as little-endian words of 8 bytes."""
ROW_SECONDS: Final = PRINTS_PER_ROW * PRINT_SECONDS
"""Seconds that a row describes: 1.024."""

MAX_SPAN_SECONDS: Final = 6 * 3600.0
"""Seconds from the first row beyond which a row is ignored: more than the audio of a file may have. Wrong spans of a hostile or
damaged file take no memory. Chosen, not measured."""


def pack_rows(prints: "npt.NDArray[np.uint64]", track: int = 0) -> "npt.NDArray[np.uint8]":
    """Return prints (N,) of an audio track, N a multiple of PRINTS_PER_ROW, as rows (R, 128)."""
    import numpy as np

    numbered = prints | np.uint64(track << TRACK_SHIFT)
    return np.ascontiguousarray(numbered.reshape(-1, PRINTS_PER_ROW), "<u8").view(np.uint8)


def split_tracks(vectors: "Vectors") -> "list[tuple[int, npt.NDArray[np.intp]]]":
    """Return the numbers of the audio tracks that rows (R, 128) belong to, in order, and the numbers of the rows of each.

    Of a damaged fingerprint of many tracks the rows of the first MAX_AUDIO_TRACKS are returned.
    """
    import numpy as np

    first_prints = np.ascontiguousarray(vectors[:, :8], np.uint8).view("<u8")[:, 0]
    tracks = (first_prints & np.uint64(TRACK_BITS)) >> np.uint64(TRACK_SHIFT)
    return [(int(track), np.flatnonzero(tracks == track)) for track in np.unique(tracks)[:MAX_AUDIO_TRACKS]]


def unpack_rows(spans: "Float64Array", vectors: "Vectors") -> tuple["npt.NDArray[np.uint64]", float]:
    """Return the prints (N,) of rows of one audio track in order of time, and the second at which the first one starts.

    Where no row is stored, the prints are 0. Rows of a damaged file that lie at one time replace each other.

    Args:
        spans: Start and end of the rows (R, 2), seconds.
        vectors: The rows (R, 128).
    """
    import numpy as np

    if not len(vectors):
        return np.empty(0, np.uint64), 0.0
    start = float(spans[:, 0].min())
    within = spans[:, 0] - start <= MAX_SPAN_SECONDS
    places = np.rint((spans[within, 0] - start) / ROW_SECONDS).astype(np.int64)
    rows = np.zeros((int(places.max()) + 1, PRINTS_PER_ROW), np.uint64)
    rows[places] = np.ascontiguousarray(vectors[within], np.uint8).view("<u8").reshape(-1, PRINTS_PER_ROW)
    return rows.ravel() & ~np.uint64(TRACK_BITS), start
