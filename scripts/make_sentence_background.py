"""Write models/sentence_background.npz: embeddings of unrelated sentences, for the background level of a window of sentences.

    .venv/bin/python scripts/make_sentence_background.py

The sentences are those of scripts/background_sentences.toml, and must not occur in any set on which mediafp is measured. The file
holds only their embeddings, in float16, and a description. The script prints the new SHA-256 of the file, which belongs into
models/manifest.toml.
"""

import hashlib
import tomllib
from pathlib import Path

import numpy as np

from mediafp.fingerprints.sentence_encoder import embed_sentences, encoder_version

SOURCE = Path(__file__).with_name("background_sentences.toml")
TARGET = Path(__file__).parent.parent / "models" / "sentence_background.npz"


def main() -> None:
    """Embed every sentence and write the file."""
    sentences = tomllib.loads(SOURCE.read_text(encoding="utf-8"))["sentence"]
    banks = {
        language: embed_sentences([sentence[language] for sentence in sentences]).astype(np.float16)
        for language in ("zh", "en")
    }
    about = f"{len(sentences)} unrelated sentences in Mandarin and English, as {encoder_version()}"
    with TARGET.open("wb") as file:
        np.savez(file, allow_pickle=False, about=np.array(about), **banks)
    print(about, hashlib.sha256(TARGET.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
