"""Sign prints of audio on a logarithmic frequency axis: a change of pitch is a shift of bits.

After Haitsma and Kalker (A highly robust audio fingerprinting system, 2002), with an axis of 16 bands an octave, so that a
pitch shift of 4.4 % moves every bit by one place.
"""

from typing import Final, Literal
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.fingerprints import Metric, TimedRows
from mediafp.types.media import AUDIO_SAMPLE_RATE, Audio
from mediafp.types.sound_prints import HOP_SAMPLES, PRINT_BITS, PRINTS_PER_ROW, ROW_SECONDS, VALID_BIT, pack_rows

TYPE_NAME: Final = "sound_prints"
WINDOW_SAMPLES: Final = 4096
"""Length of the Hann window, samples: bands of a 16th of an octave need it. Shorter ones were not measured."""
LOWEST_FREQUENCY: Final = 250.0
"""Frequency at which the lowest band starts, hertz: telephones pass little below it. Chosen, not measured."""
BANDS_PER_OCTAVE: Final = 16
"""Bands an octave; a band is the pitch shift that moves the bits by one place."""
BANDS: Final = PRINT_BITS + 1
"""Triangular bands, up to 3.2 kHz."""
SPAN_FRAMES: Final = 4
"""Frames that one print is computed from: the means of two successive frames, and their difference two frames later."""
BLOCK_PRINTS: Final = 512
"""Prints that are computed at once: it bounds the memory, to 17 MB. Blocks of 64 save .05 ms of CPU time per second of sound
where BLAS has one thread, and cost 2 ms where it has two, which wait for each other."""
POWER_FLOOR: Final = 1e-9
"""Power of a band, of full scale, that is added before the logarithm: what is fainter, such as the dither of a silent
recording, gives no changes. Chosen, not measured."""
MIN_LEVEL_DB: Final = -66.0
"""Level of the sound in all bands, decibels of full scale, below which a print is not valid. Chosen, not measured."""
MIN_CHANGE_DB: Final = 0.6
"""Mean change of the bands over two frames, decibels, below which a print is not valid: hum and held tones change by less
than .1, and noise, music and speech by more than 1."""


class SoundPrints:
    """Prints of 57 bits, one each 64 ms, 16 in a row; quality is the share of a row's prints that are valid.

    The rows contain the number of their audio track (`types.sound_prints`).
    """

    name = TYPE_NAME
    version = "1"
    consumes: Literal["audio"] = "audio"
    metric: Metric = "hamming"
    columns = PRINTS_PER_ROW * 8
    max_rows = None

    def extract(self, audio: Audio) -> TimedRows:
        """Return the rows of the parts of an audio track that have a valid print."""
        rows = pack_rows(prints_of(audio), audio.track)
        quality = _valid_share(rows)
        kept = np.flatnonzero(quality)
        starts = audio.start + kept * ROW_SECONDS
        spans = np.stack([starts, np.minimum(starts + ROW_SECONDS, audio.start + audio.duration)], axis=1)
        return TimedRows(spans.astype(np.float64), rows[kept], quality[kept])


def prints_of(audio: Audio) -> npt.NDArray[np.uint64]:
    """Return the prints of an audio track, as many as fill rows; computed once for all types that are made of them."""
    if audio not in _PRINTS:
        prints = compute_prints(audio.samples)
        _PRINTS[audio] = np.pad(prints, (0, -len(prints) % PRINTS_PER_ROW))
    return _PRINTS[audio]


def _valid_share(rows: npt.NDArray[np.uint8]) -> Float32Array:
    """Return the share of valid prints of each row."""
    return ((rows.view("<u8") & np.uint64(VALID_BIT)) > 0).mean(axis=1).astype(np.float32)


def compute_prints(samples: npt.NDArray[np.int16]) -> npt.NDArray[np.uint64]:
    """Return the prints (N,) of mono samples (S,): N is the number of hops, the last one rounded up.

    The centre of all samples that a print depends on is the middle of its hop.
    """
    count = -(-len(samples) // HOP_SAMPLES)
    reach = WINDOW_SAMPLES + (SPAN_FRAMES - 1) * HOP_SAMPLES
    before = (reach - HOP_SAMPLES) // 2
    prints = np.zeros(count, np.uint64)
    for first in range(0, count, BLOCK_PRINTS):
        last = min(first + BLOCK_PRINTS, count)
        start, end = first * HOP_SAMPLES - before, (last - 1) * HOP_SAMPLES - before + reach
        part = samples[max(start, 0) : max(end, 0)].astype(np.float32) / np.float32(32768)
        padded = np.zeros(end - start, np.float32)
        padded[max(-start, 0) : max(-start, 0) + len(part)] = part
        prints[first:last] = _prints_of_block(padded)
    return prints


def _prints_of_block(samples: Float32Array) -> npt.NDArray[np.uint64]:
    """Return the prints of a block of samples, as many as fit into it."""
    import cv2

    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW_SAMPLES)[::HOP_SAMPLES]
    # OpenCV transforms in a quarter of the time of NumPy. Its rows are the real value of bin 0, then pairs of a bin each.
    pairs = cv2.dft(frames * _HANN, flags=cv2.DFT_ROWS)[:, 2 * _FIRST_BIN - 1 :][:, : 2 * len(_WEIGHTS)]
    squares = np.square(pairs)
    power = (squares[:, ::2] + squares[:, 1::2]) @ _WEIGHTS
    levels = 10 * np.log10(power + np.float32(POWER_FLOOR))
    sums = levels[1:] + levels[:-1]
    changes = (sums[2:] - sums[:-2]) / 2
    bits = np.diff(changes, axis=1) > 0
    loud = 10 * np.log10(power.sum(axis=1) + POWER_FLOOR) >= MIN_LEVEL_DB
    # A print is valid if any of its frames is loud: an onset out of silence is evidence.
    valid = (loud[:-3] | loud[1:-2] | loud[2:-1] | loud[3:]) & (np.abs(changes).mean(axis=1) >= MIN_CHANGE_DB)
    prints = bits @ (np.uint64(1) << np.arange(PRINT_BITS, dtype=np.uint64))
    return np.where(valid, prints | np.uint64(VALID_BIT), np.uint64(0))


def _band_weights() -> tuple[int, Float32Array]:
    """Return the first bin of the lowest band, and the weights (bins, BANDS) of triangular bands of unit gain.

    A sine of full scale has the power 1 in its band; a band has at least the bin that is nearest to its middle.
    """
    edges = LOWEST_FREQUENCY * 2.0 ** (np.arange(BANDS + 2) / BANDS_PER_OCTAVE) / (AUDIO_SAMPLE_RATE / WINDOW_SAMPLES)
    bins = np.arange(int(edges[0]), int(np.ceil(edges[-1])) + 1)
    weights: Float64Array = np.stack(
        [np.interp(bins, edges[band : band + 3], [0.0, 1.0, 0.0], left=0.0, right=0.0) for band in range(BANDS)],
        axis=1,
    )
    weights *= (4 / WINDOW_SAMPLES) ** 2
    return int(bins[0]), weights.astype(np.float32)


_PRINTS: Final[WeakKeyDictionary[Audio, npt.NDArray[np.uint64]]] = WeakKeyDictionary()
_HANN: Final[Float32Array] = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW_SAMPLES) / WINDOW_SAMPLES)).astype(
    np.float32
)
_FIRST_BIN, _WEIGHTS = _band_weights()
