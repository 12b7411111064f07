"""Samples that are collected block by block."""

import subprocess
import sys

import numpy as np
import pytest

from mediafp.ingest.mono_samples import MonoSamples
from mediafp.types.media import AUDIO_SAMPLE_RATE


def block(value: float, count: int) -> np.ndarray:
    return np.full(count, value, np.float32)


HALF_AN_HOUR = """
import resource, sys
import numpy as np
from pathlib import Path
from mediafp.ingest.mono_samples import MonoSamples

samples, minute = MonoSamples(3600), np.full(60 * 16_000, 0.25, np.float32)
samples.add(minute, 16_000)
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + int(sys.argv[1]), resource.RLIM_INFINITY))
for _ in range(29):
    samples.add(minute, 16_000)
samples.flush()
print(len(samples.take()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit the address space")
def test_samples_are_in_memory_once() -> None:
    """Those of four hours fit into a worker once, and hardly twice."""
    count = 1800 * AUDIO_SAMPLE_RATE
    limit = 3 * count
    done = subprocess.run([sys.executable, "-c", HALF_AN_HOUR, str(limit)], capture_output=True, text=True, check=True)
    assert int(done.stdout) == count and limit < 2 * (2 * count)


def test_gaps_are_silence_and_what_is_beyond_the_limit_is_dropped() -> None:
    samples = MonoSamples(1)
    samples.add(block(0.5, 4_000), AUDIO_SAMPLE_RATE)
    samples.flush()
    samples.move_to(6_000)
    samples.move_to(5_000)
    samples.add(block(-0.5, 4_000), 8_000)
    samples.add(block(-0.5, 4_000), 8_000)
    samples.flush()
    assert samples.is_full and samples.count == AUDIO_SAMPLE_RATE
    taken = samples.take()
    assert taken is not None and len(taken) == AUDIO_SAMPLE_RATE
    assert (taken[:4_000] == 16_384).all() and not taken[4_000:6_000].any() and (taken[7_000:15_000] < -16_000).all()


def test_nothing_was_taken() -> None:
    samples = MonoSamples(1)
    samples.move_to(100)
    samples.flush()
    assert samples.take() is None
