#!/usr/bin/env python3
"""Fit the classifier of Cantonese and Mandarin: models/language.json and its entry in models/manifest.toml.

    scripts/fit_language.py MANIFEST.json [--only NUMBER/COUNT] [--rows FILE.npz]

MANIFEST lists clips (`file`, `language`, `kind`, `source`). Each speech chunk is used unchanged and augmented (speed, band,
telephone and low-rate codecs, noise, background music, loudness), so that the classifier does not learn the channel. Each
source has the same weight, however many clips it has. `--only 1/2` uses every second source, which leaves the others for
measurement. `--rows` stores the encoder means in a file, or loads them if the file exists. The accuracy that is printed is
cross-validated: each source is classified by a model fitted on the others.
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
from mediafp.text.speech.transcriber import BATCH_WINDOWS, WhisperTranscriber
from mediafp.text.speech.windows import MAX_WINDOW_SECONDS
from mediafp.types import model_files
from mediafp.types.media import AUDIO_SAMPLE_RATE

Waveform = npt.NDArray[np.floating[Any]]
"""Mono audio (N,) at AUDIO_SAMPLE_RATE, -1..1."""
Rows = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Encoder means (N, 512), True for Cantonese (N,), and the source of each (N,)."""
SEED = 20
REGULARISATION = 0.1
"""Inverse strength of the penalty of scikit-learn's LogisticRegression: of 1e-4 to 2, the value with the best accuracy on
sources that the model was not fitted on (.97; with 2 it is .91)."""


def change_speed(waveform: Waveform, factor: float) -> Waveform:
    """Return the audio played faster by a factor; the pitch rises with it."""
    resampled: Waveform = np.interp(np.arange(0, len(waveform) - 1, factor), np.arange(len(waveform)), waveform)
    return resampled


def pass_band(waveform: Waveform, low: float, high: float) -> Waveform:
    """Return the frequencies between two limits in hertz."""
    spectrum = np.fft.rfft(waveform)
    hertz = np.fft.rfftfreq(len(waveform), 1 / AUDIO_SAMPLE_RATE)
    spectrum[(hertz < low) | (hertz > high)] = 0
    return np.fft.irfft(spectrum, len(waveform)).astype(np.float32)


def simulate_telephone(waveform: Waveform) -> Waveform:
    """Return the audio in telephone band, quantised to 8 bits of mu-law."""
    narrow = pass_band(waveform, 300, 3400)
    compressed = np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256)
    quantised = np.round(compressed * 127) / 127
    expanded: Waveform = np.sign(quantised) * (256 ** np.abs(quantised) - 1) / 255
    return expanded


def apply_codec(waveform: Waveform, name: str, container: str, bit_rate: int) -> Waveform:
    """Return the audio encoded by a lossy codec and decoded again."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream: Any = out.add_stream(name, rate=AUDIO_SAMPLE_RATE, layout="mono", bit_rate=bit_rate)
        frame = av.AudioFrame.from_ndarray((waveform * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = AUDIO_SAMPLE_RATE
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=stream.rate,
                                      frame_size=stream.codec_context.frame_size)  # fmt: skip
        for block in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(block))
        out.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as container_file:
        return _decode_mono(container_file)


def add_noise(waveform: Waveform, rng: np.random.Generator, decibels: float) -> Waveform:
    """Return the audio with white or pink noise at a level of that many decibels below it."""
    noise = rng.standard_normal(len(waveform))
    if rng.random() < 0.5:
        spectrum = np.fft.rfft(noise)
        noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))), len(waveform))
    return mix(waveform, noise, decibels)


def add_music(waveform: Waveform, rng: np.random.Generator, decibels: float) -> Waveform:
    """Return the audio with a slow sequence of chords at a level of that many decibels below it."""
    time = np.arange(len(waveform)) / AUDIO_SAMPLE_RATE
    chords = np.zeros(len(waveform))
    for beat in range(int(time[-1]) + 1):
        root = 110 * 2 ** (rng.integers(0, 24) / 12)
        tone = sum(np.sin(2 * np.pi * root * 2 ** (step / 12) * time) for step in (0, rng.choice((3, 4)), 7, 12))
        chords += tone * np.exp(-2 * np.maximum(0, time - beat)) * (time >= beat)
    return mix(waveform, chords, decibels)


def mix(waveform: Waveform, background: npt.NDArray[np.float64], decibels: float) -> Waveform:
    """Return the sum of two signals, the background at a level of that many decibels below the first."""
    gain = np.sqrt(np.mean(waveform**2)) / (np.sqrt(np.mean(background**2)) + 1e-9) * 10 ** (-decibels / 20)
    mixed: Waveform = waveform + gain * background
    return mixed


def augment(waveform: Waveform, rng: np.random.Generator) -> Iterator[Waveform]:
    """Yield the audio unchanged and once per augmentation; a random 40 % of these have a second augmentation."""
    yield waveform
    augmentations: list[Callable[[Waveform], Waveform]] = [
        lambda w: change_speed(w, rng.uniform(0.88, 0.95)),
        lambda w: change_speed(w, rng.uniform(1.05, 1.15)),
        lambda w: pass_band(w, rng.uniform(20, 250), rng.uniform(2800, 6500)),
        simulate_telephone,
        lambda w: apply_codec(w, "libmp3lame", "mp3", 24_000),
        lambda w: apply_codec(w, "libopus", "ogg", 12_000),
        lambda w: add_noise(w, rng, rng.uniform(6, 25)),
        lambda w: add_music(w, rng, rng.uniform(3, 18)),
    ]
    for augmentation in augmentations:
        second = augmentations[rng.integers(len(augmentations))] if rng.random() < 0.4 else None
        augmented = augmentation(waveform)
        yield second(augmented) if second is not None and second is not augmentation else augmented


def read_audio(path: Path) -> Waveform:
    """Return the first audio track of a file."""
    with av.open(path) as container:
        return _decode_mono(container)


def _decode_mono(container: Any) -> Waveform:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_SAMPLE_RATE)
    blocks = [f.to_ndarray()[0] for frame in container.decode(audio=0) for f in resampler.resample(frame)]
    return np.concatenate(blocks).astype(np.float32) / 32768


def source_group(clip: dict[str, Any]) -> str:
    """Return the folder of the source of a clip, one recording set or one voice synthesis system: it shares a channel."""
    return str(clip["source"].rsplit("/", 1)[0])


def compute_rows(clips: list[dict[str, Any]], folder: Path) -> Rows:
    """Return the encoder means, labels and sources of all augmented speech chunks of the clips."""
    transcriber, rng = WhisperTranscriber(), np.random.default_rng(SEED)
    chunks, labels, sources = [], [], []
    for number, clip in enumerate(clips):
        waveform = read_audio(folder / clip["file"])
        samples = (np.clip(waveform, -1, 1) * 32767).astype(np.int16)
        for chunk in voice_activity.detect_speech(samples, longest=int(MAX_WINDOW_SECONDS * AUDIO_SAMPLE_RATE)):
            if chunk.offset - chunk.onset < AUDIO_SAMPLE_RATE:
                continue
            probe = waveform[chunk.onset : chunk.offset][: int(PROBE_SECONDS * AUDIO_SAMPLE_RATE)]
            for augmented in augment(probe, rng):
                normalised = np.clip(augmented / max(1.0, np.abs(augmented).max()), -1, 1)
                chunks.append((normalised * 32767).astype(np.int16))
                labels.append(clip["language"] == "yue")
                sources.append(source_group(clip))
        print(f"\r{number + 1} of {len(clips)} clips", end="", flush=True)
    print(f", {len(chunks)} chunks")
    means = []
    for start in range(0, len(chunks), BATCH_WINDOWS):
        means += list(transcriber.compute_encoder_means(chunks[start : start + BATCH_WINDOWS]))
        print(f"\r{start} of {len(chunks)}", end="", flush=True)
    print()
    return np.array(means), np.array(labels), np.array(sources)


def load_rows(file: Path) -> Rows:
    """Return the rows that an earlier run saved."""
    with np.load(file) as arrays:
        return arrays["x"], arrays["y"], arrays["sources"]


def main() -> None:
    """Fit the model, print its accuracy, and write it with its SHA-256."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--only", default="1/1", help="use the sources NUMBER, NUMBER + COUNT, ... alone")
    parser.add_argument("--rows", type=Path, help="an .npz with the encoder means, written if it does not exist")
    options = parser.parse_args()
    clips = [
        clip
        for clip in json.loads(options.manifest.read_text("utf-8"))
        if clip["language"] in ("zh", "yue") and clip["kind"] != "nonspeech"
    ]
    number, count = map(int, options.only.split("/"))
    names = sorted({source_group(clip) for clip in clips}, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    selected = set(names[number - 1 :: count])
    is_saved = options.rows and options.rows.exists()
    x, y, sources = load_rows(options.rows) if is_saved else compute_rows(clips, options.manifest.parent)
    if options.rows and not is_saved:
        np.savez(options.rows, x=x, y=y, sources=sources)
    is_selected = np.isin(sources, sorted(selected))
    x, y, sources = x[is_selected], y[is_selected], sources[is_selected]
    # Each language has the same weight, and within it each source.
    weights = np.array(
        [1 / (np.sum(sources == s) * len(set(sources[y == label]))) for s, label in zip(sources, y, strict=True)]
    )
    scaler = StandardScaler().fit(x)
    scaled = scaler.transform(x)
    model = LogisticRegression(C=REGULARISATION, max_iter=2000)
    weights *= len(y) / weights.sum()
    held_out = cross_val_predict(
        model, scaled, y, groups=sources, cv=LeaveOneGroupOut(),
        method="predict_proba", params={"sample_weight": weights},
    )[:, 1]  # fmt: skip
    is_right = (held_out > 0.5) == y
    report = {
        "accuracy_held_out": round(float(is_right.mean()), 4),
        "accuracy_cantonese": round(float(is_right[y].mean()), 4),
        "accuracy_mandarin": round(float(is_right[~y].mean()), 4),
        "unsure_share": round(float(((held_out > 0.4) & (held_out < 0.6)).mean()), 4),
    }
    for source in sorted(set(sources)):
        in_source = sources == source
        language = "yue" if y[in_source][0] else "zh"
        print(f"{is_right[in_source].mean():.3f} of {in_source.sum():5} {language} {source}")
    print(report)
    model.fit(scaled, y, sample_weight=weights)
    fitted = {
        "description": f"Cantonese (1) or Mandarin (0) from the mean of Whisper base's encoder over up to {PROBE_SECONDS:g} s;"
        f" logistic regression on {len(y)} varied pieces of {len(selected)} sources of real and synthetic speech",
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
    print(f"wrote {file}, sha256 {sha256}")


if __name__ == "__main__":
    main()
