"""Cost of SenseVoice-small on this machine: memory, and CPU seconds, of models of its shape with random weights.

The cost of a model does not depend on its weights. The convolutions of its attention, which cost little, are left out.

Usage: sense_voice_cost.py
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from mediafp.text.speech.sense_voice_model import Recogniser, sense_voice_model
from mediafp.types.media import AUDIO_SAMPLE_RATE

LAYERS, WIDTH, HEADS, INNER, FEATURES = 70, 512, 4, 2048, 560
"""Shape of SenseVoice-small: layers, width, attention heads, width between them, and features of one step."""
TAGS: Final = ("<|zh|>", "<|NEUTRAL|>", "<|Speech|>", "<|withitn|>")
VOCABULARY: Final = 25_055
SECONDS: Final = 20
"""Length of one window."""


def main() -> None:
    """Write the model in both forms, and measure each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        whole, quantised = Path(scratch, "whole"), Path(scratch, "quantised")
        for folder in (whole, quantised):
            folder.mkdir()
            lines = [f"{symbol} {n}\n" for n, symbol in enumerate(symbols())]
            (folder / "tokens.txt").write_text("".join(lines), encoding="utf-8")
        onnx.save(build_model(), str(whole / "model.onnx"))
        quantize_dynamic(
            whole / "model.onnx",
            quantised / "model.int8.onnx",
            op_types_to_quantize=["MatMul"],
            weight_type=QuantType.QUInt8,
        )
        for folder in (quantised, whole):
            command = [sys.executable, __file__, "--measure", str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            (file,) = folder.glob("*.onnx")
            print(json.dumps({"file": file.name, "file_mb": file.stat().st_size // 10**6, **json.loads(done.stdout)}))


def measure(folder: Path) -> dict[str, float]:
    """Return the memory that a model takes, and the CPU seconds for its check, its loading and a second of speech."""
    started = time.process_time()
    model = sense_voice_model(f"sensevoice:{folder}")
    checked = time.process_time()
    recogniser = Recogniser(model)
    loaded = time.process_time()
    samples = np.random.default_rng(1).normal(0, 1000, SECONDS * AUDIO_SAMPLE_RATE).astype(np.int16)
    recogniser.recognise(samples)
    warm = time.process_time()
    recogniser.recognise(samples)
    done = time.process_time()
    return {
        "check_s": round(checked - started, 2),
        "load_s": round(loaded - checked, 2),
        "first_per_second": round((warm - loaded) / SECONDS, 3),
        "per_second": round((done - warm) / SECONDS, 3),
        "peak_mb": peak_memory_mb(),
    }


def peak_memory_mb() -> int:
    """Return the peak memory of this process; that of `getrusage` includes the one that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 // 10**6


def symbols() -> list[str]:
    """Return the symbols of the tokens: the blank, the tags and characters."""
    return ["<blank>", *TAGS, *(chr(0x4E00 + n) for n in range(VOCABULARY - 1 - len(TAGS)))]


def build_model() -> Any:
    """Return the model, whose output begins with the tags."""
    rng = np.random.default_rng(0)
    nodes: list[Any] = []
    constants: dict[str, Any] = {
        "heads": np.array([0, 0, HEADS, WIDTH // HEADS], np.int64),
        "joined": np.array([0, 0, WIDTH], np.int64),
        "scale": np.array((WIDTH // HEADS) ** -0.5, np.float32),
        "one": np.ones(WIDTH, np.float32),
        "tags": np.eye(VOCABULARY, dtype=np.float32)[None, 1 : 1 + len(TAGS)] * 1000,
    }

    def add(operator: str, *inputs: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(operator, inputs, [f"v{len(nodes)}"], **attributes))
        return f"v{len(nodes) - 1}"

    def linear(value: str, rows: int, columns: int) -> str:
        name = f"w{len(constants)}"
        constants[name] = (rng.standard_normal((rows, columns)) / rows**0.5).astype(np.float32)
        return add("MatMul", value, name)

    state = linear("x", FEATURES, WIDTH)
    for _ in range(LAYERS):
        normed = add("LayerNormalization", state, "one")
        query, key, value = (
            add("Transpose", add("Reshape", linear(normed, WIDTH, WIDTH), "heads"), perm=order)
            for order in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3])
        )
        weights = add("Softmax", add("Mul", add("MatMul", query, key), "scale"))
        mixed = add("Reshape", add("Transpose", add("MatMul", weights, value), perm=[0, 2, 1, 3]), "joined")
        state = add("Add", state, linear(mixed, WIDTH, WIDTH))
        inner = add("Relu", linear(add("LayerNormalization", state, "one"), WIDTH, INNER))
        state = add("Add", state, linear(inner, INNER, WIDTH))
    text = linear(add("LayerNormalization", state, "one"), WIDTH, VOCABULARY)
    nodes.append(helper.make_node("Concat", ["tags", text], ["logits"], axis=1))
    counts = ("x_length", "language", "text_norm")
    graph = helper.make_graph(
        nodes,
        "sense_voice",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, "T", FEATURES]),
            *(helper.make_tensor_value_info(name, TensorProto.INT32, [1]) for name in counts),
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, "L", VOCABULARY])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    stated = {
        "model_type": "sense_voice_ctc",
        "vocab_size": VOCABULARY,
        "lfr_window_size": 7,
        "lfr_window_shift": 6,
        "normalize_samples": 0,
        "with_itn": 14,
        "without_itn": 15,
        **{f"lang_{name}": n for n, name in enumerate(("auto", "zh", "en", "yue", "ja", "ko"))},
        "neg_mean": ",".join(["-8.5"] * FEATURES),
        "inv_stddev": ",".join(["0.15"] * FEATURES),
    }
    for name, stated_value in stated.items():
        model.metadata_props.add(key=name, value=str(stated_value))
    return model


if __name__ == "__main__":
    main()
