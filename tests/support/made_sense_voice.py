"""Small models in the form of SenseVoice for sherpa-onnx, which emit stated tokens at stated times whatever they hear."""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

FRAME_SECONDS = 0.06
"""Time of one output of SenseVoice, of 6 feature frames."""
FRAMES = 500
"""Outputs that a made model can give, 30 s."""
SPECIAL = ("<unk>", "<s>", "</s>")
TAGS = ("<|zh|>", "<|yue|>", "<|en|>", "<|ja|>", "<|ko|>", "<|nospeech|>", "<|NEUTRAL|>", "<|Speech|>", "<|withitn|>")


def require_sherpa() -> None:
    """Skip the test if what makes or runs a made model is not installed."""
    for name in ("sherpa_onnx", "onnx"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed: pip install 'mediafp[sensevoice,dev]'")


def write_sense_voice(
    folder: Path,
    emitted: Sequence[tuple[float, str]],
    *,
    language: str = "zh",
    prefix: Sequence[str] | None = None,
    metadata: Mapping[str, str | None] | None = None,
    logits_extra: int = 0,
    file: str = "model.onnx",
) -> Path:
    """Return a folder with a model that emits pieces of text at their times in seconds, behind the tags.

    Args:
        folder: The new folder.
        emitted: Second and piece, in order; "▁" begins a word.
        language: The language that it states.
        prefix: The tags, instead of the usual ones.
        metadata: Values that replace those of its metadata; None removes one.
        logits_extra: Outputs more than there are frames.
        file: Name of the model's file.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    symbols = list(dict.fromkeys([*SPECIAL, *TAGS, *(prefix or ()), *(piece for _, piece in emitted)]))
    rows = np.zeros(FRAMES, np.int64)
    for n, tag in enumerate(prefix or (f"<|{language}|>", "<|NEUTRAL|>", "<|Speech|>", "<|withitn|>")):
        rows[n] = symbols.index(tag)
    for seconds, piece in emitted:
        rows[4 + round(seconds / FRAME_SECONDS)] = symbols.index(piece)
    # The blank is token 0, so that <unk> has to be another one.
    symbols = ["<blank>", *symbols]
    table = np.zeros((1, FRAMES, len(symbols)), np.float32)
    table[0, np.arange(FRAMES), np.where(rows > 0, rows + 1, 0)] = 1.0
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "one"], ["count"]),
        helper.make_node("Add", ["count", "more"], ["end"]),
        helper.make_node("Slice", ["table", "zero", "end", "one"], ["logits"]),
    ]
    constants = {"one": [1], "zero": [0], "more": [4 + logits_extra]}
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "T", 560]),
        *(
            helper.make_tensor_value_info(name, TensorProto.INT32, ["N"])
            for name in ("x_length", "language", "text_norm")
        ),
    ]
    graph = helper.make_graph(
        nodes,
        "made",
        inputs,
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", "L", len(symbols)])],
        [
            numpy_helper.from_array(table, "table"),
            *(numpy_helper.from_array(np.array(value, np.int64), name) for name, value in constants.items()),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    stated: dict[str, str | None] = {
        "model_type": "sense_voice_ctc",
        "vocab_size": str(len(symbols)),
        "lfr_window_size": "7",
        "lfr_window_shift": "6",
        "normalize_samples": "0",
        "with_itn": "14",
        "without_itn": "15",
        "lang_auto": "0",
        "lang_zh": "3",
        "lang_en": "4",
        "lang_yue": "7",
        "lang_ja": "11",
        "lang_ko": "12",
        "comment": "iic/SenseVoiceSmall",
        "neg_mean": ",".join(["-8.5"] * 560),
        "inv_stddev": ",".join(["0.15"] * 560),
        **(metadata or {}),
    }
    for key, value in stated.items():
        if value is not None:
            model.metadata_props.add(key=key, value=value)
    folder.mkdir(parents=True)
    onnx.save(model, str(folder / file))
    lines = "".join(f"{symbol} {number}\n" for number, symbol in enumerate(symbols))
    (folder / "tokens.txt").write_text(lines, encoding="utf-8")
    return folder
