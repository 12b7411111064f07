"""Tiny Whisper models in CTranslate2 format, which emit stated text for each window, whatever they hear."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from ctranslate2.specs.whisper_spec import WhisperSpec
from tokenizers import Tokenizer

from mediafp.types import model_files
from mediafp.types.defaults import DEFAULT_MODEL

WIDTH, HEADS, POSITIONS = 64, 2, 448
SCALE = 30.0
"""Weight of the position against the token before it, in what the decoder predicts."""


def write_whisper(
    folder: Path, emitted: Sequence[str], *, kind: str = "multilingual", mel_bands: int = 80, seed: int = 0
) -> Path:
    """Return a folder with a model that emits the tokens of texts and time tokens, such as "<|0.00|>".

    Args:
        folder: The new folder.
        emitted: Texts and time tokens, in order.
        kind: `multilingual`, `english`, which has no tokens for language and task in its prompt, or `cantonese`, with
            the token of Cantonese of large-v3.
        mel_bands: Mel bands of its features.
        seed: Seed of the weights.
    """
    folder.mkdir(parents=True)
    tokenizer_json, vocabulary = _tokens(kind)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer_json))
    (folder / "vocabulary.json").write_text(json.dumps(vocabulary))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    numbers = [
        number
        for text in emitted
        for number in (
            [vocabulary.index(text)] if text.startswith("<|") else tokenizer.encode(text, add_special_tokens=False).ids
        )
    ]
    rng = np.random.default_rng(seed)
    spec = WhisperSpec(1, HEADS, 1, HEADS)
    embeddings = rng.standard_normal((len(vocabulary), WIDTH)).astype(np.float32)
    positions = np.zeros((POSITIONS, WIDTH), np.float32)
    prompt = 1 if kind == "english" else 3
    for n, number in enumerate([*numbers, vocabulary.index("<|endoftext|>")]):
        positions[n + prompt - 1] = SCALE * embeddings[number]
    for part in (spec.encoder, spec.decoder):
        _fill(part)
    spec.encoder.conv1.weight = rng.standard_normal((WIDTH, mel_bands, 3)).astype(np.float32) * 0.01
    spec.encoder.conv2.weight = rng.standard_normal((WIDTH, WIDTH, 3)).astype(np.float32) * 0.01
    spec.encoder.position_encodings.encodings = np.zeros((1500, WIDTH), np.float32)
    spec.decoder.embeddings.weight = spec.decoder.projection.weight = embeddings
    spec.decoder.position_encodings.encodings = positions
    spec.register_vocabulary(vocabulary)
    languages = range(vocabulary.index("<|startoftranscript|>") + 1, vocabulary.index("<|translate|>"))
    spec.config.lang_ids, spec.config.alignment_heads = list(languages), [[0, 0]]
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], []
    spec.validate()
    spec.optimize()
    (folder / "vocabulary.json").unlink()
    spec.save(str(folder))
    return folder


def _tokens(kind: str) -> tuple[dict[str, object], list[str]]:
    """Return the tokenizer and the vocabulary of Whisper base, changed to those of a kind of models."""
    packaged = model_files.model_path(DEFAULT_MODEL).parent
    tokenizer = json.loads((packaged / "tokenizer.json").read_text())
    vocabulary = (packaged / "vocabulary.txt").read_text().removesuffix("\n").split("\n")
    end = vocabulary.index("<|endoftext|>")
    text, special = vocabulary[:end], vocabulary[end:]
    if kind == "english":
        # GPT-2's tokens, one less than those of the multilingual models.
        del tokenizer["model"]["vocab"][text.pop()]
    if kind == "cantonese":
        special.insert(special.index("<|su|>") + 1, "<|yue|>")
    vocabulary = text + special
    (form,) = [token for token in tokenizer["added_tokens"] if token["content"] == "<|zh|>"]
    named = {token: len(text) + n for n, token in enumerate(special) if not token[2:3].isdigit()}
    tokenizer["added_tokens"] = [{**form, "id": number, "content": token} for token, number in named.items()]
    tokenizer["model"]["vocab"] = {
        token: number for token, number in tokenizer["model"]["vocab"].items() if token not in named
    }
    return tokenizer, vocabulary


def _fill(layer: object) -> None:
    """Give each weight of a part zeros, and each norm ones, in shapes of this width."""
    from ctranslate2.specs import common_spec, model_spec, transformer_spec

    attributes: Mapping[str, object] = vars(layer)
    if isinstance(layer, common_spec.LayerNormSpec):
        layer.gamma, layer.beta = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
        return
    if isinstance(layer, common_spec.Conv1DSpec):
        layer.bias = np.zeros(WIDTH, np.float32)
        return
    if isinstance(layer, transformer_spec.FeedForwardSpec):
        layer.linear_0.weight, layer.linear_0.bias = (
            np.zeros((4 * WIDTH, WIDTH), np.float32),
            np.zeros(4 * WIDTH, np.float32),
        )
        layer.linear_1.weight, layer.linear_1.bias = (
            np.zeros((WIDTH, 4 * WIDTH), np.float32),
            np.zeros(WIDTH, np.float32),
        )
        _fill(layer.layer_norm)
        return
    linear = getattr(layer, "linear", None)
    if isinstance(linear, list):
        shapes = [3, 1] if len(linear) == 2 else [1, 2, 1]
        for one, times in zip(linear, shapes, strict=True):
            one.weight, one.bias = np.zeros((times * WIDTH, WIDTH), np.float32), np.zeros(times * WIDTH, np.float32)
        _fill(layer.layer_norm)
        return
    for value in attributes.values():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, model_spec.LayerSpec):
                _fill(one)
