#!/usr/bin/env python3
"""Fit the head that tells Cantonese from Mandarin: models/language.json and its line in models/manifest.toml.

    scripts/fit_language.py MANIFEST.json [--only NUMBER/COUNT] [--rows FILE.npz]

MANIFEST lists clips (`file`, `language`, `kind`, `source`). Each piece of speech is taken as it is and varied: speed,
band, telephone and low-rate codecs, noise, music under it, loudness, so that the head does not learn the channel. The
weight of a source is the same however many clips it has. `--only 1/2` leaves out every second source, for measuring on
the others. The accuracy that is printed is that of heads fitted without the source of what they judge.
"""

import argparse
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.preprocessing import StandardScaler

from mediafp.text.speech import voice_activity
from mediafp.text.speech.encoder import FRAMES_PER_SECOND, PROBE_SECONDS
from mediafp.text.speech.transcriber import BATCH_WINDOWS, Transcriber
from mediafp.text.speech.windows import MAX_WINDOW_SECONDS
from mediafp.types import model_files
from mediafp.types.media import AUDIO_SAMPLE_RATE

Wave = npt.NDArray[np.floating[Any]]
SEED = 20
STRENGTH = 0.1
"""Inverse of the penalty: of 1e-4 to 2, the one that told most of the sources it had not seen (.97; 2 told .91)."""


def speed(wave: Wave, by: float) -> Wave:
    """Played faster, as a record is: the pitch goes along."""
    made: Wave = np.interp(np.arange(0, len(wave) - 1, by), np.arange(len(wave)), wave)
    return made


def band(wave: Wave, low: float, high: float) -> Wave:
    """Only the frequencies between two, in hertz."""
    spectrum = np.fft.rfft(wave)
    hertz = np.fft.rfftfreq(len(wave), 1 / AUDIO_SAMPLE_RATE)
    spectrum[(hertz < low) | (hertz > high)] = 0
    return np.fft.irfft(spectrum, len(wave)).astype(np.float32)


def telephone(wave: Wave) -> Wave:
    """Through 8 bits of mu-law at telephone band."""
    narrow = band(wave, 300, 3400)
    pressed = np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256)
    rough = np.round(pressed * 127) / 127
    made: Wave = np.sign(rough) * (256 ** np.abs(rough) - 1) / 255
    return made


def codec(wave: Wave, name: str, container: str, bit_rate: int) -> Wave:
    """Through a lossy codec and back."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream: Any = out.add_stream(name, rate=AUDIO_SAMPLE_RATE, layout="mono", bit_rate=bit_rate)
        frame = av.AudioFrame.from_ndarray((wave * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = AUDIO_SAMPLE_RATE
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=stream.rate,
                                      frame_size=stream.codec_context.frame_size)  # fmt: skip
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    file.seek(0)
    source: Any
    with av.open(file) as source:
        back = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_SAMPLE_RATE)
        blocks = [f.to_ndarray()[0] for frame in source.decode(audio=0) for f in back.resample(frame)]
    return np.concatenate(blocks).astype(np.float32) / 32768


def noise(wave: Wave, rng: np.random.Generator, decibels: float) -> Wave:
    """With white or pink noise under it, so many decibels below the voice."""
    other = rng.standard_normal(len(wave))
    if rng.random() < 0.5:
        spectrum = np.fft.rfft(other)
        other = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))), len(wave))
    return under(wave, other, decibels)


def music(wave: Wave, rng: np.random.Generator, decibels: float) -> Wave:
    """With a slow sequence of chords under it."""
    time = np.arange(len(wave)) / AUDIO_SAMPLE_RATE
    other = np.zeros(len(wave))
    for beat in range(int(time[-1]) + 1):
        root = 110 * 2 ** (rng.integers(0, 24) / 12)
        tone = sum(np.sin(2 * np.pi * root * 2 ** (step / 12) * time) for step in (0, rng.choice((3, 4)), 7, 12))
        other += tone * np.exp(-2 * np.maximum(0, time - beat)) * (time >= beat)
    return under(wave, other, decibels)


def under(wave: Wave, other: npt.NDArray[np.float64], decibels: float) -> Wave:
    """Both, the other so many decibels below."""
    level = np.sqrt(np.mean(wave**2)) / (np.sqrt(np.mean(other**2)) + 1e-9) * 10 ** (-decibels / 20)
    made: Wave = wave + level * other
    return made


def variants(wave: Wave, rng: np.random.Generator) -> Iterator[Wave]:
    """The sound as it is, and as it may come: each kind of change once, two of them at once."""
    yield wave
    changes: list[Callable[[Wave], Wave]] = [
        lambda w: speed(w, rng.uniform(0.88, 0.95)),
        lambda w: speed(w, rng.uniform(1.05, 1.15)),
        lambda w: band(w, rng.uniform(20, 250), rng.uniform(2800, 6500)),
        telephone,
        lambda w: codec(w, "libmp3lame", "mp3", 24_000),
        lambda w: codec(w, "libopus", "ogg", 12_000),
        lambda w: noise(w, rng, rng.uniform(6, 25)),
        lambda w: music(w, rng, rng.uniform(3, 18)),
    ]
    for change in changes:
        other = changes[rng.integers(len(changes))] if rng.random() < 0.4 else None
        made = change(wave)
        yield other(made) if other is not None and other is not change else made


def read(path: Path) -> Wave:
    """Mono samples of a file."""
    with av.open(path) as source:
        back = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_SAMPLE_RATE)
        blocks = [f.to_ndarray()[0] for frame in source.decode(audio=0) for f in back.resample(frame)]
    return np.concatenate(blocks).astype(np.float32) / 32768


def family(clip: dict[str, Any]) -> str:
    """What a clip shares its channel with: the folder of its source, one recording set or one synthetic voice system."""
    return str(clip["source"].rsplit("/", 1)[0])


def rows(clips: list[dict[str, Any]], folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Encoder means (N, 512), whether Cantonese (N,), and the source of each (N,)."""
    reader, rng = Transcriber(), np.random.default_rng(SEED)
    means, labels, sources = [], [], []
    for number, clip in enumerate(clips):
        wave = read(folder / clip["file"])
        samples = (np.clip(wave, -1, 1) * 32767).astype(np.int16)
        for piece in voice_activity.detect_speech(samples, longest=int(MAX_WINDOW_SECONDS * AUDIO_SAMPLE_RATE)):
            if piece.end - piece.start < AUDIO_SAMPLE_RATE:
                continue
            for made in variants(wave[piece.start : piece.end][: int(PROBE_SECONDS * AUDIO_SAMPLE_RATE)], rng):
                sound = (np.clip(made / max(1.0, np.abs(made).max()), -1, 1) * 32767).astype(np.int16)
                means.append(sound)
                labels.append(clip["language"] == "yue")
                sources.append(family(clip))
        print(f"\r{number + 1} of {len(clips)} clips", end="", flush=True)
    print(f", {len(means)} sounds")
    found = []
    for at in range(0, len(means), BATCH_WINDOWS):
        found += list(reader.compute_encoder_means(means[at : at + BATCH_WINDOWS]))
        print(f"\r{at} of {len(means)}", end="", flush=True)
    print()
    return np.array(found), np.array(labels), np.array(sources)


def load(file: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `rows` gave an earlier run."""
    with np.load(file) as kept:
        return kept["x"], kept["y"], kept["sources"]


def main() -> None:
    """Fits and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--only", default="1/1", help="the sources NUMBER, NUMBER + COUNT, ... alone")
    parser.add_argument("--rows", type=Path, help="an .npz of what was measured, made where it is not there")
    options = parser.parse_args()
    clips = [
        clip
        for clip in json.loads(options.manifest.read_text("utf-8"))
        if clip["language"] in ("zh", "yue") and clip["kind"] != "nonspeech"
    ]
    number, count = map(int, options.only.split("/"))
    names = sorted({family(clip) for clip in clips}, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    chosen = set(names[number - 1 :: count])
    x, y, sources = (
        rows(clips, options.manifest.parent) if not options.rows or not options.rows.exists() else load(options.rows)
    )
    if options.rows and not options.rows.exists():
        np.savez(options.rows, x=x, y=y, sources=sources)
    own = np.isin(sources, sorted(chosen))
    x, y, sources = x[own], y[own], sources[own]
    # Each language weighs the same, and within it each source.
    share = np.array(
        [1 / (np.sum(sources == s) * len(set(sources[y == label]))) for s, label in zip(sources, y, strict=True)]
    )
    scaler = StandardScaler().fit(x)
    scaled = scaler.transform(x)
    model = LogisticRegression(C=STRENGTH, max_iter=2000)
    share *= len(y) / share.sum()
    held_out = cross_val_predict(
        model, scaled, y, groups=sources, cv=LeaveOneGroupOut(),
        method="predict_proba", params={"sample_weight": share},
    )[:, 1]  # fmt: skip
    right = (held_out > 0.5) == y
    report = {
        "accuracy_held_out": round(float(right.mean()), 4),
        "accuracy_cantonese": round(float(right[y].mean()), 4),
        "accuracy_mandarin": round(float(right[~y].mean()), 4),
        "unsure_share": round(float(((held_out > 0.4) & (held_out < 0.6)).mean()), 4),
    }
    for source in sorted(set(sources)):
        own = sources == source
        print(f"{right[own].mean():.3f} of {own.sum():5} {'yue' if y[own][0] else 'zh'} {source}")
    print(report)
    model.fit(scaled, y, sample_weight=share)
    fitted = {
        "description": f"Cantonese (1) or Mandarin (0) from the mean of Whisper base's encoder over up to {PROBE_SECONDS:g} s;"
        f" logistic regression on {len(y)} varied pieces of {len(chosen)} sources of real and synthetic speech",
        "frames_per_second": FRAMES_PER_SECOND // 2,
        "measured": report,
        "mean": [round(float(v), 6) for v in scaler.mean_],
        "scale": [round(float(v), 6) for v in scaler.scale_],
        "coefficients": [round(float(v), 6) for v in model.coef_[0]],
        "intercept": round(float(model.intercept_[0]), 6),
    }
    file = model_files.models_folder() / "language.json"
    file.write_text(json.dumps(fitted, indent=1) + "\n", encoding="utf-8")
    manifest = model_files.models_folder() / "manifest.toml"
    text = manifest.read_text(encoding="utf-8")
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    text = re.sub(r'(name = "language"\nversion = "[^"]*"\nsha256 = ")[^"]*', rf"\g<1>{sha256}", text)
    manifest.write_text(text, encoding="utf-8")
    print(f"{file} written, sha256 {sha256}")


if __name__ == "__main__":
    main()
