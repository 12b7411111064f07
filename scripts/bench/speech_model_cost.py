"""Cost of larger Whisper models on this machine: memory, and CPU seconds, of models of the published shapes.

The weights are random, since the cost of a model does not depend on them; the tokens of the text are those of a typical
minute of speech. Each model is written to a temporary folder, float16 as published, and measured in a process of its own.

Usage: speech_model_cost.py [SIZE...]
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from ctranslate2.specs import common_spec, model_spec, transformer_spec
from ctranslate2.specs.whisper_spec import WhisperSpec

from mediafp.text.speech.decoding import BEAM_SIZE
from mediafp.text.speech.encoder import encode_tracks, to_storage_view
from mediafp.text.speech.models import load_whisper, speech_model
from mediafp.types import model_files
from mediafp.types.defaults import DEFAULT_MODEL
from mediafp.types.media import AUDIO_SAMPLE_RATE

SHAPES: Final = {
    "base": (512, 6, 6, 80),
    "small": (768, 12, 12, 80),
    "medium": (1024, 24, 24, 80),
    "large-v3-turbo": (1280, 32, 4, 128),
    "large-v3": (1280, 32, 32, 128),
}
"""Width, layers of the encoder and of the decoder, and mel bands of the published models."""
WINDOW_SECONDS, TOKENS = 20, 80
"""Length of one window, and tokens that are decoded for it: Mandarin has about four a second."""


def main() -> None:
    """Measure the models that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("sizes", nargs="*", metavar="SIZE", help=", ".join(SHAPES))
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return
    for size in arguments.sizes or SHAPES:
        with tempfile.TemporaryDirectory() as folder:
            write_model(Path(folder), *SHAPES[size])
            bytes_on_disk = (Path(folder) / "model.bin").stat().st_size
            command = [sys.executable, __file__, "--measure", folder]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(json.dumps({"size": size, "file_mb": bytes_on_disk // 10**6, **json.loads(done.stdout)}), flush=True)


def measure(folder: Path) -> dict[str, float]:
    """Return the memory that a model takes, and the CPU seconds for its check, its loading and a second of speech."""
    started = time.process_time()
    model = speech_model(str(folder))
    checked = time.process_time()
    whisper = load_whisper(model, 2)
    loaded = time.process_time()
    samples = np.random.default_rng(1).normal(0, 1000, WINDOW_SECONDS * AUDIO_SAMPLE_RATE).astype(np.int16)
    states = encode_tracks(whisper, [samples], WINDOW_SECONDS * 100)
    encoded = time.process_time()
    start = whisper.hf_tokenizer.token_to_id("<|startoftranscript|>")
    end = whisper.hf_tokenizer.token_to_id("<|endoftext|>")
    whisper.model.generate(
        to_storage_view(states),
        [[start, start + 2, whisper.hf_tokenizer.token_to_id("<|transcribe|>")]],
        beam_size=BEAM_SIZE,
        max_length=3 + TOKENS,
        suppress_tokens=[end],
    )
    decoded = time.process_time()
    return {
        "check_s": round(checked - started, 2),
        "load_s": round(loaded - checked, 2),
        "encode_per_second": round((encoded - loaded) / WINDOW_SECONDS, 3),
        "decode_per_second": round((decoded - encoded) / WINDOW_SECONDS, 3),
        "peak_mb": peak_memory_mb(),
    }


def peak_memory_mb() -> int:
    """Return the peak memory of this process; that of `getrusage` includes the one that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 // 10**6


def write_model(folder: Path, width: int, encoder_layers: int, decoder_layers: int, mel_bands: int) -> None:
    """Write a model of a shape, with random weights and the tokens of Whisper base."""
    packaged = model_files.model_path(DEFAULT_MODEL).parent
    for name in ("tokenizer.json", "vocabulary.txt"):
        shutil.copy(packaged / name, folder / name)
    vocabulary = (packaged / "vocabulary.txt").read_text().removesuffix("\n").split("\n")
    spec = WhisperSpec(encoder_layers, width // 64, decoder_layers, width // 64)
    block = np.random.default_rng(0).normal(0, 0.02, 1 << 20).astype(np.float16)

    def weights(*shape: int) -> Any:
        return np.resize(block, shape)

    fill(spec.encoder, width, weights)
    fill(spec.decoder, width, weights)
    spec.encoder.conv1.weight, spec.encoder.conv2.weight = weights(width, mel_bands, 3), weights(width, width, 3)
    spec.encoder.position_encodings.encodings = weights(1500, width)
    spec.decoder.position_encodings.encodings = weights(448, width)
    spec.decoder.embeddings.weight = spec.decoder.projection.weight = weights(len(vocabulary), width)
    spec.register_vocabulary(vocabulary)
    spec.config.lang_ids, spec.config.alignment_heads = list(range(50259, 50358)), [[0, 0]]
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], []
    spec.validate()
    # Whisper's output has the weights of its input; `optimize` would join the equal weights of the layers too.
    spec.decoder.projection.weight = "decoder/embeddings/weight"
    spec.save(str(folder))
    (folder / "vocabulary.json").unlink()


def fill(layer: Any, width: int, weights: Any) -> None:
    """Give the weights of a part values, in shapes of this width."""
    if isinstance(layer, common_spec.LayerNormSpec):
        layer.gamma, layer.beta = np.ones(width, np.float16), np.zeros(width, np.float16)
    elif isinstance(layer, common_spec.Conv1DSpec):
        layer.bias = np.zeros(width, np.float16)
    elif isinstance(layer, transformer_spec.FeedForwardSpec):
        layer.linear_0.weight, layer.linear_0.bias = weights(4 * width, width), weights(4 * width)
        layer.linear_1.weight, layer.linear_1.bias = weights(width, 4 * width), weights(width)
        fill(layer.layer_norm, width, weights)
    elif isinstance(layer, model_spec.LayerSpec) and isinstance(getattr(layer, "linear", None), list):
        for linear, times in zip(layer.linear, (3, 1) if len(layer.linear) == 2 else (1, 2, 1), strict=True):
            linear.weight, linear.bias = weights(times * width, width), weights(times * width)
        fill(layer.layer_norm, width, weights)
    elif isinstance(layer, model_spec.LayerSpec):
        for value in vars(layer).values():
            for part in value if isinstance(value, list) else [value]:
                fill(part, width, weights)


if __name__ == "__main__":
    main()
