"""Which pairs of channels have a voice each, and which have one sound in common."""

from collections.abc import Callable

import numpy as np
import pytest
from sound_samples import noise, tune, voice

from mediafp.ingest.channel_comparison import ChannelComparison
from mediafp.types.media import AUDIO_SAMPLE_RATE

SECONDS = 12
FIRST, SECOND = (voice(seed, SECONDS).astype(np.float32) / 65_536 for seed in (1, 2))
NOTHING = np.zeros_like(FIRST)
TURNS = (np.arange(len(FIRST)) // (3 * AUDIO_SAMPLE_RATE) % 2).astype(np.float32)


def scaled(samples: np.ndarray) -> np.ndarray:
    return samples.astype(np.float32) / 65_536


def quieter(samples: np.ndarray, decibels: float) -> np.ndarray:
    return samples * np.float32(10 ** (-decibels / 20))


def later(samples: np.ndarray, milliseconds: float) -> np.ndarray:
    count = round(milliseconds * AUDIO_SAMPLE_RATE / 1000)
    return np.concatenate((np.zeros(count, np.float32), samples))[: len(samples)]


def in_a_room(samples: np.ndarray, seed: int) -> np.ndarray:
    """Return a sound with .4 s of echoes as loud as itself."""
    rng, count = np.random.default_rng(seed), int(0.4 * AUDIO_SAMPLE_RATE)
    echoes = rng.normal(size=count) * np.exp(-6.9 * np.arange(count) / count)
    echoes /= np.sqrt((echoes**2).sum())
    size = len(samples) + count
    echo = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(echoes, size), size)[: len(samples)]
    return np.asarray((samples + echo) / 2, np.float32)


def differ(first: np.ndarray, second: np.ndarray, rate: int = AUDIO_SAMPLE_RATE, block: int = 50_000) -> bool:
    comparison, channels = ChannelComparison(), np.stack((first, second)).astype(np.float32)
    for start in range(0, channels.shape[1], block):
        comparison.add(channels[:, start : start + block], rate)
    return comparison.differ()


DIFFERENT: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
    "at the same time": lambda: (FIRST, SECOND),
    "in turns": lambda: (FIRST * TURNS, SECOND * (1 - TURNS)),
    "one 25 dB quieter": lambda: (FIRST, quieter(SECOND, 25)),
    "each in the other channel, 20 dB quieter": lambda: (
        FIRST + quieter(SECOND, 20),
        SECOND + quieter(FIRST, 20),
    ),
    "an interpreter over the original": lambda: (FIRST, SECOND + quieter(FIRST, 16)),
    "over music in both": lambda: tuple(one + quieter(scaled(tune(7, SECONDS)), 12) for one in (FIRST, SECOND)),  # type: ignore[dict-item]
    "in noise": lambda: tuple(
        one + quieter(scaled(noise(seed, SECONDS)), 10) for seed, one in enumerate((FIRST, SECOND))
    ),  # type: ignore[dict-item]
    "one for three seconds": lambda: (FIRST, SECOND * (np.arange(len(SECOND)) < 3 * AUDIO_SAMPLE_RATE)),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_two_voices_one_a_channel_differ(case: str) -> None:
    first, second = DIFFERENT[case]()
    assert differ(first, second) and differ(second, first)


SAME: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
    "equal channels": lambda: (FIRST, FIRST),
    "two voices in both": lambda: (FIRST + SECOND, FIRST + SECOND),
    "one side 20 dB quieter": lambda: (FIRST, quieter(FIRST, 20)),
    "one side silent": lambda: (FIRST, NOTHING),
    "one side hiss": lambda: (FIRST, quieter(scaled(noise(3, SECONDS)), 25)),
    "inverted phase": lambda: (FIRST, -FIRST),
    "silence": lambda: (NOTHING, NOTHING),
    "music as loud in both": lambda: (FIRST + scaled(tune(7, SECONDS)), FIRST + scaled(tune(7, SECONDS))),
    "other music on each side": lambda: (
        FIRST + quieter(scaled(tune(7, SECONDS)), 6),
        FIRST + quieter(scaled(tune(8, SECONDS)), 6),
    ),
    "other noise on each side": lambda: (FIRST + scaled(noise(3, SECONDS)), FIRST + scaled(noise(4, SECONDS))),
    "voices between the channels": lambda: (FIRST + quieter(SECOND, 8), SECOND + quieter(FIRST, 8)),
    "two microphones in a room": lambda: (in_a_room(FIRST, 5), quieter(later(in_a_room(FIRST, 6), 8), 6)),
    "another voice for a moment": lambda: (
        FIRST,
        np.where(np.arange(len(FIRST)) < 1.5 * AUDIO_SAMPLE_RATE, SECOND, FIRST),
    ),
} | {
    f"{milliseconds} ms later, {decibels} dB quieter": lambda delay=milliseconds, level=decibels: (
        FIRST,
        quieter(later(FIRST, delay), level),
    )
    for milliseconds, decibels in ((1, 0), (5, 12), (10, -6), (20, 3), (20, 18), (40, 0), (120, 6))
}


@pytest.mark.parametrize("case", SAME)
def test_channels_with_one_sound_are_the_same(case: str) -> None:
    first, second = SAME[case]()
    assert not differ(first, second) and not differ(second, first)


@pytest.mark.parametrize(
    ("rate", "block"), [(8_000, 777), (22_050, 65_536), (44_100, 9_999), (48_000, 65_536), (96_000, 4_000)]
)
def test_any_rate_and_size_of_blocks_give_the_same_judgement(rate: int, block: int) -> None:
    places = np.arange(0, 5, 1 / rate) * AUDIO_SAMPLE_RATE
    first, second = (np.interp(places, np.arange(len(one)), one) for one in (FIRST, SECOND))
    assert differ(first, second, rate, block) and not differ(first, quieter(first, 6), rate, block)


def test_tracks_of_other_than_two_channels_or_of_low_rate_are_not_compared() -> None:
    assert not differ(FIRST, SECOND, 4_000)
    for count in (1, 6):
        comparison = ChannelComparison()
        comparison.add(np.stack((FIRST, SECOND)), AUDIO_SAMPLE_RATE)
        comparison.add(np.stack([FIRST] * count), AUDIO_SAMPLE_RATE)
        comparison.add(np.stack((FIRST, SECOND)), AUDIO_SAMPLE_RATE)
        assert not comparison.differ()


def test_too_little_to_compare_is_the_same() -> None:
    assert not ChannelComparison().differ()
    assert not differ(FIRST[:500], SECOND[:500]) and not differ(FIRST[:8_000], SECOND[:8_000])
