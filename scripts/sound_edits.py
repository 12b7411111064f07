"""Write edits of sounds with their truth, for scripts/calibrate.py and scripts/bench/sound_recall.py.

    .venv/bin/python scripts/sound_edits.py SOUNDS OUT --music FILE... [--scripts MANIFEST.json] [--seed S] [--seconds MIN MAX]

SOUNDS is a folder of sounds; all of them but the music become references. Of each sound of 6.5 s and more an excerpt is cut,
and each edit of it is a query. MANIFEST.json lists {"file", "script"}: of the sounds with one script only one has queries,
and the others are hard negatives; sounds without a script have none. Music is mixed with the excerpts. Half of these sounds
have another reference, NAME__bed.wav, with faint music played backwards, and the others a query with the same music: two
voices over one music bed. OUT gets refs/, queries/ and truth.json, with the script of each sound.
"""

import argparse
import json
import random
import subprocess
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from mediafp.types.media import VIDEO_SUFFIXES

RATE = 16_000
MIN_SECONDS = 6.5
"""Length from which a sound has queries."""
GUEST_SECONDS = (3.0, 8.0)
"""Places in another sound between which an excerpt is inserted."""
BED_LEVEL = -12.0
"""Level of a music bed against the voice, decibels."""
type Samples = npt.NDArray[np.int16]
Edit = tuple[Callable[[Samples], Samples], float]
"""Function from an excerpt to its edit, and the speed at which the edit plays."""


def run_ffmpeg(arguments: list[str], data: bytes) -> bytes:
    """Return what FFmpeg writes for some arguments and an input."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", *arguments, "-"]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def read_sound(path: Path) -> Samples:
    """Return the samples of a file."""
    raw = run_ffmpeg(["-i", str(path), "-vn", "-ac", "1", "-ar", str(RATE), "-f", "s16le"], b"")
    return np.frombuffer(raw, np.int16)


def filtered(samples: Samples, filters: str) -> Samples:
    """Return samples after filters of FFmpeg."""
    raw = ["-f", "s16le", "-ar", str(RATE), "-ac", "1"]
    return np.frombuffer(run_ffmpeg([*raw, "-i", "-", "-af", filters, *raw], samples.tobytes()), np.int16)


def encoded(samples: Samples, *options: str, form: str) -> Samples:
    """Return samples after a codec."""
    raw = ["-f", "s16le", "-ar", str(RATE), "-ac", "1"]
    coded = run_ffmpeg([*raw, "-i", "-", *options, "-f", form], samples.tobytes())
    return np.frombuffer(run_ffmpeg(["-f", form, "-i", "-", *raw], coded), np.int16)


def mixed(samples: Samples, other: Samples, level: float) -> Samples:
    """Return samples with another sound, repeated to their length, of a level in decibels against theirs."""
    ours, theirs = samples.astype(np.float64), np.resize(other, len(samples)).astype(np.float64)
    ours += theirs * (10 ** (level / 20) * np.sqrt((ours**2).mean() / max((theirs**2).mean(), 1.0)))
    return np.asarray(ours * min(1.0, 32_000 / max(np.abs(ours).max(), 1.0)), np.int16)


def pitched(samples: Samples, ratio: float) -> Samples:
    """Return samples of another pitch at the same speed."""
    return filtered(samples, f"asetrate={round(RATE * ratio)},aresample={RATE},atempo={1 / ratio:.6f}")


def tempo(samples: Samples, speed: float) -> Samples:
    """Return samples at another speed at the same pitch."""
    return filtered(samples, f"atempo={speed}")


def chords(seed: int, seconds: float) -> Samples:
    """Return a tune: a new chord of three notes twice a second."""
    rng = np.random.default_rng(seed)
    places = np.arange(int(0.5 * RATE)) / RATE
    notes = 220 * 2 ** (rng.integers(0, 23, (int(seconds * 2) + 1, 3)) / 12)
    tune = np.sin(2 * np.pi * notes[:, :, None] * places).sum(axis=1) * np.exp(-2 * places)
    return np.asarray(tune.ravel() * 6_000, np.int16)


def edits_of(music: Samples, seed: int) -> dict[str, Edit]:
    """Return the edits by name."""
    noise = np.random.default_rng(seed).normal(0, 3_000, 30 * RATE).astype(np.int16)
    tune = chords(seed, 14)
    return {
        "MP3 24k": (lambda x: encoded(x, "-b:a", "24k", form="mp3"), 1.0),
        "telephone": (
            lambda x: encoded(filtered(x, "highpass=300,lowpass=3400"), "-ar", "8000", "-c:a", "pcm_mulaw", form="wav"),
            1.0,
        ),
        "pitch +5 %": (lambda x: pitched(x, 1.05), 1.0),
        "pitch -5 %": (lambda x: pitched(x, 0.95), 1.0),
        "pitch +10 %": (lambda x: pitched(x, 1.1), 1.0),
        "pitch -10 %": (lambda x: pitched(x, 0.9), 1.0),
        "tempo .8": (lambda x: tempo(x, 0.8), 0.8),
        "tempo .9": (lambda x: tempo(x, 0.9), 0.9),
        "tempo 1.1": (lambda x: tempo(x, 1.1), 1.1),
        "tempo 1.25": (lambda x: tempo(x, 1.25), 1.25),
        "faster and higher 1.25": (lambda x: filtered(x, f"asetrate={RATE * 5 // 4},aresample={RATE}"), 1.25),
        "noise 0 dB": (lambda x: mixed(x, noise, 0), 1.0),
        "tune +8 dB": (lambda x: mixed(x, tune, 8), 1.0),
        "music -5 dB": (lambda x: mixed(x, music, -5), 1.0),
        "music 0 dB": (lambda x: mixed(x, music, 0), 1.0),
        "music +5 dB": (lambda x: mixed(x, music, 5), 1.0),
        "music +10 dB": (lambda x: mixed(x, music, 10), 1.0),
        "pitch, tempo, music 0 dB": (lambda x: mixed(tempo(pitched(x, 1.05), 1.1), music, 0), 1.1),
    }


def write_sound(path: Path, samples: Samples) -> None:
    """Write samples to a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def segment(at: float, start: float, seconds: float, speed: float = 1.0) -> Any:
    """Return a true segment that starts at `at` in the query and lasts `seconds` of the reference from `start`."""
    query, reference = (at, at + seconds / speed), (start, start + seconds)
    times = {"query": [round(time, 3) for time in query], "reference": [round(time, 3) for time in reference]}
    return {"channel": "voice", **times, "speed": speed}


def true_pair(edit: str, reference: str, *segments: Any) -> Any:
    """Return the true pair of a query."""
    return {"edit": edit, "reference": reference, "relation": "same_voice", "also": [], "segments": segments}


def main() -> None:
    """Write the set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sounds", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--music", type=Path, nargs="+", required=True)
    parser.add_argument("--scripts", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, nargs=2, default=(5.0, 8.0))
    args = parser.parse_args()
    rng = random.Random(args.seed)
    for folder in ("refs", "queries"):
        (args.out / folder).mkdir(parents=True)
    manifest = json.loads(args.scripts.read_text(encoding="utf-8")) if args.scripts else None
    scripts = {entry["file"]: entry["script"] for entry in manifest} if manifest is not None else None
    music = [read_sound(path) for path in args.music]
    sounds = {
        path: read_sound(path)
        for path in sorted(args.sounds.iterdir())
        if path.suffix in VIDEO_SUFFIXES and path not in args.music
    }
    sources: dict[str, list[Path]] = {}
    for path, samples in sounds.items():
        write_sound(args.out / "refs" / f"{path.stem}.wav", samples)
        script = path.name if scripts is None else scripts.get(path.name)
        if script and len(samples) >= MIN_SECONDS * RATE and np.abs(samples).mean() > 100:
            sources.setdefault(script, []).append(path)
    queries: dict[str, list[Any]] = {}
    chosen = [rng.choice(paths) for _, paths in sorted(sources.items())]
    for n, path in enumerate(chosen):
        samples = sounds[path]
        length = min(int(rng.uniform(*args.seconds) * RATE), len(samples) - RATE)
        start = rng.randrange(len(samples) - length)
        excerpt, reference = samples[start : start + length], f"{path.stem}.wav"
        for number, (name, (change, speed)) in enumerate(edits_of(music[n % len(music)], args.seed * 1000 + n).items()):
            query = f"{path.stem}__{number}.wav"
            write_sound(args.out / "queries" / query, change(excerpt))
            queries[query] = [true_pair(name, reference, segment(0.0, start / RATE, length / RATE, speed))]
        if n % 2 == 0:
            write_sound(
                args.out / "refs" / f"{path.stem}__bed.wav", mixed(samples, music[n % len(music)][::-1], BED_LEVEL)
            )
        else:
            query = f"{path.stem}__bed.wav"
            write_sound(args.out / "queries" / query, mixed(samples, music[(n - 1) % len(music)][::-1], BED_LEVEL))
            whole = segment(0.0, 0.0, len(samples) / RATE)
            queries[query] = [true_pair("music bed", reference, whole)]
        host = chosen[(n + len(chosen) // 2) % len(chosen)]
        first, second = (int(place * RATE) for place in GUEST_SECONDS)
        query = f"{path.stem}__part.wav"
        parts = [sounds[host][:first], excerpt, sounds[host][first:second]]
        write_sound(args.out / "queries" / query, np.concatenate(parts))
        seconds, host_seconds = length / RATE, min(len(sounds[host]) / RATE, GUEST_SECONDS[1])
        at = min(GUEST_SECONDS[0], host_seconds)
        around = [segment(0.0, 0.0, at), segment(at + seconds, at, host_seconds - at)]
        queries[query] = [
            true_pair("part of another voice-over", reference, segment(at, start / RATE, seconds)),
            true_pair("voice-over around it", f"{host.stem}.wav", *around),
        ]
    of_script = {path.stem: script for script, paths in sources.items() for path in paths}
    truth = {"seed": args.seed, "scripts": of_script, "queries": queries}
    (args.out / "truth.json").write_text(json.dumps(truth, indent=1, ensure_ascii=False), encoding="utf-8")
    print(f"{len(sounds)} references, {len(queries)} queries")


if __name__ == "__main__":
    main()
