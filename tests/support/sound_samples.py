"""Sounds for tests: voices of numbers that change a few times a second, at any speed and pitch."""

import numpy as np
import numpy.typing as npt

from mediafp.fingerprints.sound_prints import SoundPrints
from mediafp.matching.sounds.side import SoundSide
from mediafp.types.media import AUDIO_SAMPLE_RATE, Audio

SYLLABLE_SECONDS = 0.18
FORMANTS = np.array([[300, 900], [900, 2000], [2000, 3000]])
HARMONICS = np.arange(1, 22)


def voice(seed: int, seconds: float, *, speed: float = 1.0, pitch: float = 1.0) -> npt.NDArray[np.int16]:
    """Return `seconds` of a voice as it is spoken, played at another speed and pitch."""
    rng = np.random.default_rng(seed)
    marks = np.arange(int(seconds / SYLLABLE_SECONDS) + 3) * SYLLABLE_SECONDS
    tones = rng.uniform(110, 230, len(marks))
    formants = rng.uniform(*FORMANTS.T[:, :, None], (3, len(marks)))
    loud = rng.choice([0.05, 0.6, 1.0], len(marks))
    places = np.arange(int(seconds / speed * AUDIO_SAMPLE_RATE)) * speed / AUDIO_SAMPLE_RATE
    tone = np.interp(places, marks, tones)
    phase = 2 * np.pi * np.cumsum(tone * pitch) / AUDIO_SAMPLE_RATE
    sound = np.zeros(len(places))
    for harmonic in HARMONICS:
        gains = sum(np.exp(-(((tone * harmonic - np.interp(places, marks, one)) / 150) ** 2)) for one in formants)
        sound += gains * np.sin(harmonic * phase)
    return scaled(sound * np.interp(places, marks, loud))


def noise(seed: int, seconds: float, level: float = 0.1) -> npt.NDArray[np.int16]:
    """Return white noise of a level, 0..1."""
    sound = np.random.default_rng(seed).normal(0, level, int(seconds * AUDIO_SAMPLE_RATE))
    return np.asarray(np.clip(sound, -1, 1) * 32_767, np.int16)


def hum(seconds: float) -> npt.NDArray[np.int16]:
    """Return a hum of three tones that do not change."""
    places = np.arange(int(seconds * AUDIO_SAMPLE_RATE)) / AUDIO_SAMPLE_RATE
    return scaled(sum(np.sin(2 * np.pi * tone * places) for tone in (50, 440, 1000)))


def tune(seed: int, seconds: float) -> npt.NDArray[np.int16]:
    """Return a tune: a new chord of three notes twice a second."""
    places = np.arange(AUDIO_SAMPLE_RATE // 2) / AUDIO_SAMPLE_RATE
    notes = 220 * 2 ** (np.random.default_rng(seed).integers(0, 23, (int(seconds * 2), 3)) / 12)
    return scaled((np.sin(2 * np.pi * notes[:, :, None] * places).sum(axis=1) * np.exp(-2 * places)).ravel())


def mixed(sound: npt.NDArray[np.int16], other: npt.NDArray[np.int16], level: float) -> npt.NDArray[np.int16]:
    """Return a sound with another one of a level in decibels against its own."""
    ours, theirs = sound.astype(float), np.resize(other, len(sound)).astype(float)
    return scaled(ours + theirs * 10 ** (level / 20) * np.sqrt((ours**2).mean() / (theirs**2).mean()))


def scaled(sound: npt.NDArray[np.float64]) -> npt.NDArray[np.int16]:
    """Return a sound that is as loud as can be."""
    return np.asarray(sound * (30_000 / np.abs(sound).max()), np.int16)


def audio(samples: npt.NDArray[np.int16], start: float = 0.0) -> Audio:
    """Return samples as an audio track."""
    return Audio(samples=samples, start=start)


def side(samples: npt.NDArray[np.int16], start: float = 0.0) -> SoundSide:
    """Return samples as one of two sounds that are compared."""
    rows = SoundPrints().extract(audio(samples, start))
    return SoundSide(rows.spans, rows.vectors)
