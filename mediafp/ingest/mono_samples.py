"""Samples of one channel at the sample rate of speech models, collected block by block."""

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame

from mediafp.ingest.downmix import Float32Array
from mediafp.types.media import AUDIO_SAMPLE_RATE


class MonoSamples:
    """Samples of one channel, resampled as they come.

    Args:
        max_seconds: Seconds after which further samples are dropped.
    """

    def __init__(self, max_seconds: int) -> None:
        self._max_count = max_seconds * AUDIO_SAMPLE_RATE
        self.count = 0
        """Samples so far, silence included."""
        self.is_full = False
        """True once samples were dropped."""
        self._blocks: list[tuple[int, npt.NDArray[np.int16]]] = []  # samples, each block with its position
        self._resampler: av.AudioResampler | None = None

    def add(self, samples: Float32Array, rate: int) -> None:
        """Take the next samples (N,), within ±1; `flush` comes before those of another rate."""
        mono = AudioFrame.from_ndarray(samples[None], "flt", "mono")
        mono.sample_rate = rate
        if self._resampler is None:
            self._resampler = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_SAMPLE_RATE, threads=1)
        self._append(self._resampler.resample(mono))

    def flush(self) -> None:
        """End the resampler, so that the next samples start a new one."""
        resampler, self._resampler = self._resampler, None
        if resampler is not None:
            self._append(resampler.resample(None))

    def move_to(self, count: int) -> None:
        """Leave silence up to a number of samples, unless there are more already."""
        self.count = max(self.count, count)

    def join(self) -> npt.NDArray[np.int16] | None:
        """Return all samples, once; None if there are none."""
        if not self._blocks:
            return None
        samples = np.zeros(self.count, np.int16)
        # Each block is freed once it is copied: four hours are in memory once, not twice.
        while self._blocks:
            position, block = self._blocks.pop()
            samples[position : position + len(block)] = block
        samples.flags.writeable = False
        return samples

    def _append(self, frames: list[AudioFrame]) -> None:
        for frame in frames:
            samples = frame.to_ndarray()[0].astype(np.int16, copy=False)
            room = self._max_count - self.count
            if len(samples) > room:
                self.is_full = True
                samples = samples[:room].copy()
            if len(samples):
                self._blocks.append((self.count, samples))
                self.count += len(samples)
