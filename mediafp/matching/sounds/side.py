"""Audio tracks that are compared: the prints of each, and its codes at every place and in every variant."""

from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mediafp.types.arrays import Float64Array
from mediafp.types.fingerprints import Fingerprint, Vectors
from mediafp.types.sound_codes import STORED_HOP, code_starts, compute_codes
from mediafp.types.sound_prints import PRINT_SECONDS, VALID_BIT, split_tracks, unpack_rows

DENSE_HOP: Final = 2
"""Prints between two codes that are searched for, .128 s: stored codes are 1.024 s apart, and one that starts a tenth of
a second beside another resembles it."""


class Variant(NamedTuple):
    """Change of a sound for which codes are computed: they are like those of a sound of another tempo and pitch."""

    speed: float
    """Speed of the other sound against this one."""
    shift: int
    """Bands by which the other sound is higher."""

    @property
    def inverse(self) -> "Variant":
        """Variant of the other sound that is like this one."""
        return min(VARIANTS, key=lambda one: abs(one.speed * self.speed - 1) + abs(one.shift + self.shift))


VARIANTS: Final = (
    Variant(1.0, 0),
    *(Variant(1.0, 2), Variant(1.0, -2)),
    *(Variant(0.88, 0), Variant(1 / 0.88, 0)),
    *(Variant(0.88, -2), Variant(1 / 0.88, 2)),
    *(Variant(0.88, 2), Variant(1 / 0.88, -2)),
    *(Variant(0.78, 0), Variant(1 / 0.78, 0)),
    *(Variant(0.8, 5), Variant(1 / 0.8, -5)),
    *(Variant(0.6, 0), Variant(1 / 0.6, 0)),
    *(Variant(0.5, 0), Variant(2.0, 0)),
)
"""Variants that are searched, each followed by its inverse: each finds a change of tempo by another 10 % and of pitch by another
5 %, so that they reach from speed .5 to 2 and ±14 % of pitch. Two are for sound that is played faster and thereby higher, by up
to a quarter."""


class Codes(NamedTuple):
    """Codes of one variant."""

    variant: Variant
    codes: npt.NDArray[np.uint8]
    """(N, 64)."""
    starts: npt.NDArray[np.int64]
    """Print that each code starts with, (N,)."""


class SoundSide:
    """One audio track that is compared with others."""

    def __init__(self, spans: Float64Array, vectors: Vectors, track: int = 0) -> None:
        """Take over its rows of the fingerprint `sound_prints`, spans (R, 2) and vectors (R, 128), and its number."""
        self.track = track
        self.prints, self.start = unpack_rows(spans, vectors)
        self.valid: npt.NDArray[np.bool_] = (self.prints & np.uint64(VALID_BIT)) > 0
        self.end = float(spans[:, 1].max()) if len(spans) else 0.0

    def __len__(self) -> int:
        return len(self.prints)

    @cached_property
    def key(self) -> bytes:
        """Bytes by which two sounds are put in order, so that comparing them does not depend on their roles."""
        return self.prints.tobytes()

    @cached_property
    def stored_codes(self) -> Codes:
        """Codes as `sound_codes` stores them."""
        codes, starts = compute_codes(self.prints, hop=STORED_HOP)
        return Codes(VARIANTS[0], codes, starts)

    @cached_property
    def _dense_codes(self) -> dict[Variant, Codes]:
        return {}

    def dense_codes(self, variant: Variant) -> Codes:
        """Return the codes of one variant at every second print."""
        if variant not in self._dense_codes:
            codes, starts = compute_codes(self.prints, hop=DENSE_HOP, speed=variant.speed, shift=variant.shift)
            self._dense_codes[variant] = Codes(variant, codes, starts)
        return self._dense_codes[variant]

    def seconds(self, place: float) -> float:
        """Return the presentation second of a place in the prints, within the sound."""
        return min(max(self.start + place * PRINT_SECONDS, self.start), self.end)


type SoundSides = tuple[SoundSide, ...]
"""Audio tracks of one asset that have prints, in the order of the file; () if there are none."""


class StoredTrack(NamedTuple):
    """The part of a stored audio track that a search needs: of a case of many, there is no memory for the codes of each."""

    prints: npt.NDArray[np.uint64]
    """(P,), P a multiple of `STORED_HOP`."""
    starts: npt.NDArray[np.int64]
    """Print that each of its stored codes starts with, (N,)."""


type StoredTracks = tuple[StoredTrack, ...]
"""Audio tracks of one asset that have prints, in the order of the file; () if there are none."""


def stored_tracks(fingerprint: Fingerprint) -> StoredTracks:
    """Return the audio tracks of a fingerprint of the type `sound_prints`, for a search."""
    prints = [
        unpack_rows(fingerprint.spans[rows], fingerprint.vectors[rows])[0]
        for _, rows in split_tracks(fingerprint.vectors)
    ]
    return tuple(StoredTrack(one, code_starts(one, hop=STORED_HOP)) for one in prints)


def sound_sides(fingerprint: Fingerprint) -> SoundSides:
    """Return the audio tracks of a fingerprint of the type `sound_prints`."""
    return tuple(
        SoundSide(fingerprint.spans[rows], fingerprint.vectors[rows], track)
        for track, rows in split_tracks(fingerprint.vectors)
    )
