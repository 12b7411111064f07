"""Files of a Whisper model in CTranslate2 format, checked before they are loaded: a mismatch gives wrong text, and no error."""

import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

MAX_BYTES: Final = {
    "config.json": 4 << 20,
    "tokenizer.json": 64 << 20,
    "vocabulary.json": 16 << 20,
    "vocabulary.txt": 16 << 20,
}
"""Largest file that is parsed; those of large-v3 have 2 KB, 2.5 MB and 1 MB."""
MAX_WEIGHTS: Final = 20_000
"""Most weights of a model that are listed; large-v3 has 1,400."""
MAX_FORMAT_VERSION: Final = 100
"""Highest version of the format of `model.bin` that is taken for one; it is 6 now. Chosen, not measured."""
FIRST_VERSION_WITH_ALIASES: Final = 3
"""Version of the format from which a weight may be another name of one (CTranslate2, `model.cc`)."""
SPECIAL_TOKENS: Final = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|transcribe|>",
    "<|translate|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|notimestamps|>",
)
"""Tokens that decoding states or forbids; without one of them no text can be decoded."""
NO_SPEECH_TOKENS: Final = ("<|nospeech|>", "<|nocaptions|>")
"""Newer and older name of a further one."""
MIN_EQUAL_SHARE: Final = 0.99
"""Share of the text tokens that the tokenizer and the vocabulary have to name alike. Other versions of one tokenizer differ
in a few names; that of another model differs in most. Chosen, not measured."""
MULTILINGUAL_TOKENS: Final = 51865
"""Tokens from which CTranslate2 takes a model to be multilingual; English ones have one less."""
_HEAD: Final = b"\x0c\x00WhisperSpec\x00"
"""Name of the form of the weights, behind the version of the format."""
_WIDTHS: Final = {384: "tiny", 512: "base", 768: "small", 1024: "medium", 1280: "large"}
"""Width of the encoder states of each size of Whisper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhisperFiles:
    """Facts that the files of a model state."""

    size: str
    """Its size, as `models.SIZES` names it, by the form of its weights: names of folders say anything."""
    is_multilingual: bool
    languages: frozenset[str]
    """Whisper's codes of the languages that it has a token for."""
    sha256: str
    """SHA-256 of the files beside the weights, which decide its text too."""


def check_whisper_files(folder: Path) -> WhisperFiles:
    """Return the facts that the files of a model state.

    Raises:
        ValueError: A file is missing, too large, or does not belong to the others; the message is the reason.
        OSError: A file cannot be read.
    """
    vocabulary_file = next((name for name in ("vocabulary.json", "vocabulary.txt") if (folder / name).is_file()), None)
    for name in ("model.bin", "tokenizer.json", vocabulary_file):
        if name is None or not (folder / name).is_file():
            # The converter writes it only if it is told to.
            hint = "; copy it from the model that was converted" if name == "tokenizer.json" else ""
            raise ValueError(f"{name or 'vocabulary.json'} is missing{hint}")
    assert vocabulary_file, "a missing vocabulary was refused"
    names = [name for name in ("config.json", "tokenizer.json", vocabulary_file) if (folder / name).is_file()]
    contents = {name: _read_limited(folder / name, MAX_BYTES[name]) for name in names}
    with (folder / "model.bin").open("rb") as file:
        weights = _read_shapes(file, (folder / "model.bin").stat().st_size)
    try:
        token_count, _ = weights["decoder/embeddings/weight"]
        width, mel_bands, _ = weights["encoder/conv1/weight"]
    except (KeyError, ValueError) as error:
        raise ValueError("model.bin does not contain the weights of Whisper") from error
    if not isinstance(_parse_json(contents.get("config.json", b"{}"), "config.json"), dict):
        raise ValueError("config.json is not an object")
    vocabulary = _read_vocabulary(contents[vocabulary_file], vocabulary_file)
    if len(vocabulary) != token_count:
        raise ValueError(f"{vocabulary_file} has {len(vocabulary)} tokens, and model.bin has {token_count}")
    languages = _check_tokenizer(contents["tokenizer.json"], vocabulary)
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name} {len(content)}\n".encode() + content)
    layers = sum(
        name.startswith("decoder/layer_") and name.endswith("/self_attention/linear_0/weight") for name in weights
    )
    return WhisperFiles(
        size=_size_name(width, mel_bands, layers),
        is_multilingual=token_count >= MULTILINGUAL_TOKENS,
        languages=languages,
        sha256=digest.hexdigest(),
    )


def is_whisper(path: Path) -> bool:
    """Return True if a `model.bin` begins as a Whisper model in CTranslate2 format does."""
    try:
        with path.open("rb") as file:
            return file.read(len(_HEAD) + 4)[4:] == _HEAD
    except OSError:
        return False


def _size_name(width: int, mel_bands: int, decoder_layers: int) -> str:
    size = next((name for least, name in sorted(_WIDTHS.items(), reverse=True) if least <= width), "tiny")
    if size != "large":
        return size
    if mel_bands == 80:
        return "large-v2"
    return "large-v3" if decoder_layers == 32 else "large-v3-turbo"


def _read_limited(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"{path.name} has more than {limit >> 20} MiB")
    return content


def _parse_json(content: bytes, name: str) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} is not valid JSON") from error


def _read_vocabulary(content: bytes, name: str) -> list[str]:
    if name.endswith(".json"):
        tokens = _parse_json(content, name)
        if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
            raise ValueError(f"{name} is not a list of tokens")
        return tokens
    return content.decode("utf-8").removesuffix("\n").split("\n")


def _check_tokenizer(content: bytes, vocabulary: list[str]) -> frozenset[str]:
    """Return the codes of the languages of a tokenizer. Raises ValueError if it is not that of the vocabulary."""
    try:
        parsed: Any = _parse_json(content, "tokenizer.json")
        known: dict[str, int] = {token: int(number) for token, number in parsed["model"]["vocab"].items()}
        known |= {str(token["content"]): int(token["id"]) for token in parsed["added_tokens"]}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("tokenizer.json is not of the form of a Whisper tokenizer") from error
    missing = [token for token in SPECIAL_TOKENS if token not in known]
    if not any(token in known for token in NO_SPEECH_TOKENS):
        missing.append(NO_SPEECH_TOKENS[0])
    if missing:
        raise ValueError(f"tokenizer.json has no token {missing[0]}")
    shared = [(n, token) for n, token in enumerate(vocabulary[: known["<|endoftext|>"]]) if token]
    equal = sum(known.get(token) == n for n, token in shared)
    differing = [token for token in SPECIAL_TOKENS if vocabulary[known[token] : known[token] + 1] != [token]]
    if equal < MIN_EQUAL_SHARE * max(1, len(shared)) or differing:
        raise ValueError("tokenizer.json and the vocabulary are of different models")
    # Language codes have two or three letters.
    return frozenset(
        token[2:-2]
        for token in vocabulary[known["<|startoftranscript|>"] + 1 : known["<|translate|>"]]
        if token.startswith("<|") and token.endswith("|>") and token in known
    )


def _read_shapes(file: BinaryIO, size: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each weight of a `model.bin`, without reading the weights.

    The form is that of `ctranslate2.specs.model_spec.ModelSpec.save`.

    Raises:
        ValueError: The file is of another form, or incomplete.
    """

    def read(form: str) -> int:
        data = file.read(struct.calcsize(form))
        if len(data) < struct.calcsize(form):
            raise ValueError("model.bin is incomplete; fetch it again")
        return int(struct.unpack(form, data)[0])

    def read_name() -> str:
        return file.read(read("<H")).rstrip(b"\0").decode("utf-8", "replace")

    version = read("<I")
    if not 1 <= version <= MAX_FORMAT_VERSION or read_name() != "WhisperSpec":
        raise ValueError("model.bin is no Whisper model in the format of CTranslate2")
    read("<I")
    shapes: dict[str, tuple[int, ...]] = {}
    for _ in range(_limited(read("<I"))):
        name = read_name()
        shapes[name] = tuple(read("<I") for _ in range(read("<B")))
        read("<B")
        file.seek(read("<I"), 1)
        if file.tell() > size:
            raise ValueError("model.bin is incomplete; fetch it again")
    if version >= FIRST_VERSION_WITH_ALIASES:
        for _ in range(_limited(read("<I"))):
            name, target = read_name(), read_name()
            shapes[name] = shapes.get(target, ())
    return shapes


def _limited(count: int) -> int:
    if count > MAX_WEIGHTS:
        raise ValueError(f"model.bin states {count} weights")
    return count
