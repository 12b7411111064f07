"""Measure which made stereo tracks are split into their channels: voices of a folder of speech, placed in many ways.

    python scripts/bench/channels.py SPEECH [--tracks 60] [--kind KIND...]

SPEECH is a folder of audio files, each with one voice. Kinds that begin with `two` have a voice in each channel, those that
begin with `one` have the same in both. Each kind gets so many tracks of 5 to 60 seconds.
"""

import argparse
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mediafp.ingest.channel_comparison import ChannelComparison
from mediafp.ingest.files import open_file
from mediafp.ingest.speech_audio import read_audio_tracks
from mediafp.types.arrays import Float64Array
from mediafp.types.media import AUDIO_SAMPLE_RATE

LENGTHS = (5, 8, 15, 30, 60)
"""Seconds of a track."""
BLOCK = 65_536
"""Samples that are compared at once."""
type Channels = tuple[Float64Array, Float64Array]


class Studio:
    """Voices, music and rooms of one track."""

    def __init__(self, voices: list[Float64Array], seed: str) -> None:
        self.rng = random.Random(seed)
        self.numbers = np.random.default_rng(self.rng.randrange(1 << 30))
        self.count = self.rng.choice(LENGTHS) * AUDIO_SAMPLE_RATE
        self._voices = voices
        self.first, self.second = self._voice(), self._voice()

    def _voice(self) -> Float64Array:
        parts: list[Float64Array] = []
        while sum(map(len, parts)) < self.count:
            pause = np.zeros(int(self.rng.uniform(0.1, 0.8) * AUDIO_SAMPLE_RATE))
            parts += [self.rng.choice(self._voices), pause]
        return np.concatenate(parts)[: self.count]

    def noise(self, decibels: float, *, pink: bool = False) -> Float64Array:
        """Return noise at a level against the voices."""
        noise = self.numbers.normal(size=self.count)
        if pink:
            spectrum = np.fft.rfft(noise)
            noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), self.count)
        return levelled(noise) * gain(decibels)

    def music(self, decibels: float, width: float) -> Channels:
        """Return a chord twice a second, with a share of other chords in each channel."""
        middle, left, right = (self._tune() for _ in range(3))
        shared = (1 - width) * middle
        return (shared + width * left) * gain(decibels), (shared + width * right) * gain(decibels)

    def _tune(self) -> Float64Array:
        places = np.arange(AUDIO_SAMPLE_RATE // 2) / AUDIO_SAMPLE_RATE
        notes = 220 * 2 ** (self.numbers.integers(0, 23, (self.count // len(places) + 1, 3)) / 12)
        chords = np.sin(2 * np.pi * notes[:, :, None] * places).sum(axis=1) * np.exp(-2 * places)
        return levelled(chords.ravel()[: self.count])

    def room(self, voice: Float64Array, seconds: float) -> Float64Array:
        """Return a voice that reaches a microphone in a room with echoes of so many seconds, up to 20 ms later."""
        late, count = int(self.rng.uniform(0, 0.02) * AUDIO_SAMPLE_RATE), int(seconds * AUDIO_SAMPLE_RATE)
        echoes = self.numbers.normal(size=count) * np.exp(-6.9 * np.arange(count) / count)
        echoes *= gain(self.rng.uniform(-10, 6)) / np.sqrt((echoes**2).sum())
        echoes[0] += 1
        size = self.count + count
        whole = np.fft.irfft(np.fft.rfft(voice, size) * np.fft.rfft(echoes, size), size)
        return delayed(whole[: self.count], late)

    def turns(self, share: float) -> Channels:
        """Return both voices in turns of 1.5 to 8 seconds, the first for a share of the time."""
        speaks, at, is_first = np.zeros(self.count), 0, self.rng.random() < 0.5
        while at < self.count:
            seconds = min(self.rng.uniform(1.5, 8), self.count / AUDIO_SAMPLE_RATE / 2)
            length = int(seconds * AUDIO_SAMPLE_RATE * 2 * (share if is_first else 1 - share))
            speaks[at : at + length] = is_first
            at, is_first = at + length, not is_first
        return self.first * speaks, self.second * (1 - speaks)


def gain(decibels: float) -> float:
    """Return the factor of a level."""
    return float(10 ** (decibels / 20))


def levelled(samples: Float64Array) -> Float64Array:
    """Return samples of a mean level."""
    return np.asarray(0.1 * samples / np.sqrt((samples**2).mean() + 1e-12))


def delayed(samples: Float64Array, count: int) -> Float64Array:
    """Return samples so many later."""
    return np.concatenate((np.zeros(count), samples))[: len(samples)]


def crossed(voices: Channels, decibels: float) -> Channels:
    """Return each voice in the other channel too, at a level."""
    first, second = voices
    return first + second * gain(decibels), second + first * gain(decibels)


def under(voices: Channels, others: Channels) -> Channels:
    """Return what two channels have together."""
    return voices[0] + others[0], voices[1] + others[1]


def make_rooms(studio: Studio) -> Channels:
    """Return a voice by two microphones of a room."""
    seconds = studio.rng.uniform(0.2, 0.8)
    level = gain(studio.rng.uniform(-10, 10))
    return studio.room(studio.first, seconds), studio.room(studio.first, seconds) * level


KINDS: dict[str, Callable[[Studio], Channels]] = {
    "two at once": lambda s: (s.first, s.second),
    "two, one 20 dB quieter": lambda s: (s.first, s.second * gain(-20)),
    "two, one 30 dB quieter": lambda s: (s.first, s.second * gain(-30)),
    "two in turns": lambda s: s.turns(0.5),
    "two in turns, one rarely": lambda s: s.turns(0.85),
    "two with 30 dB of each other": lambda s: crossed((s.first, s.second), -30),
    "two with 20 dB of each other": lambda s: crossed((s.first, s.second), -20),
    "two with 15 dB of each other": lambda s: crossed((s.first, s.second), -15),
    "two in turns with 20 dB of each other": lambda s: crossed(s.turns(0.5), -20),
    "two, interpreter over original 15 dB below": lambda s: (
        s.first,
        delayed(s.second, 2 * AUDIO_SAMPLE_RATE) + s.first * gain(-15),
    ),
    "two, interpreter over original 10 dB below": lambda s: (
        s.first,
        delayed(s.second, 2 * AUDIO_SAMPLE_RATE) + s.first * gain(-10),
    ),
    "two over music 12 dB below": lambda s: under((s.first, s.second), s.music(-12, s.rng.uniform(0, 0.5))),
    "two in noise 10 dB below": lambda s: under(
        (s.first, s.second), (s.noise(-10, pink=True), s.noise(-10, pink=True))
    ),
    "one equal": lambda s: (s.first, s.first),
    "one panned": lambda s: (s.first, s.first * gain(-s.rng.uniform(0, 40))),
    "one with hiss": lambda s: under((s.first, s.first * gain(-s.rng.uniform(3, 20))), (s.noise(-50), s.noise(-50))),
    "one and silence": lambda s: (s.first, np.zeros(s.count)),
    "one and hiss": lambda s: (s.first, s.noise(s.rng.uniform(-50, -15))),
    "one inverted": lambda s: (s.first, -s.first),
    "one delayed 1 to 20 ms": lambda s: (
        s.first,
        delayed(s.first, s.rng.randint(16, 320)) * gain(s.rng.uniform(-15, 15)),
    ),
    "one delayed 20 to 300 ms": lambda s: (
        s.first,
        delayed(s.first, s.rng.randint(320, 4_800)) * gain(s.rng.uniform(-15, 15)),
    ),
    "one by two microphones": make_rooms,
    "one, two voices panned 6 dB": lambda s: crossed((s.first, s.second), -6),
    "one, two voices panned 10 dB": lambda s: crossed((s.first, s.second), -10),
    "one over stereo music 10 dB below": lambda s: under((s.first, s.first), s.music(-10, s.rng.uniform(0, 1))),
    "one over stereo music as loud": lambda s: under((s.first, s.first), s.music(0, s.rng.uniform(0, 1))),
    "one over other music, 5 dB below": lambda s: under((s.first, s.first), s.music(-5, 1)),
    "one over other music, as loud": lambda s: under((s.first, s.first), s.music(0, 1)),
    "one over other music, 6 dB above": lambda s: under((s.first, s.first), s.music(6, 1)),
    "one in other noise, as loud": lambda s: under((s.first, s.first), (s.noise(0), s.noise(0, pink=True))),
    "music alone, stereo": lambda s: s.music(0, s.rng.uniform(0, 1)),
}


def is_split(channels: Channels, rng: random.Random) -> bool:
    """Return True if a track with these channels is split, at any level."""
    samples = np.stack(channels) * gain(rng.uniform(-12, 0))
    samples /= max(1.0, np.abs(samples).max())
    rounded = np.asarray(np.round(samples * 32_767) / 32_768, np.float32)[:: rng.choice((1, -1))]
    comparison = ChannelComparison()
    for start in range(0, rounded.shape[1], BLOCK):
        comparison.add(rounded[:, start : start + BLOCK], AUDIO_SAMPLE_RATE)
    return comparison.differ()


def read_voices(folder: Path) -> list[Float64Array]:
    """Return the audio of a folder."""
    voices = []
    for path in sorted(folder.iterdir()):
        if path.suffix in (".flac", ".wav", ".mp3", ".m4a", ".ogg", ".opus"):
            with open_file(path) as file:
                tracks, _ = read_audio_tracks(file)
            voices += [levelled(audio.samples / 32_768) for audio in tracks.audio[:1]]
    return voices


def main() -> None:
    """Print how many tracks of each kind are split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--tracks", type=int, default=60)
    parser.add_argument("--kind", nargs="*", default=list(KINDS))
    arguments = parser.parse_args()
    voices = read_voices(arguments.speech)
    for kind in arguments.kind:
        studios = [Studio(voices, f"{kind} {number}") for number in range(arguments.tracks)]
        split = sum(is_split(KINDS[kind](studio), studio.rng) for studio in studios)
        print(f"{kind}: {split} of {arguments.tracks}", flush=True)


if __name__ == "__main__":
    main()
