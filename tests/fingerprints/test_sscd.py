"""Embeddings by the SSCD models."""

import numpy as np
import onnxruntime
import pytest

from mediafp.fingerprints.registry import RERANKING_TYPE, SEARCH_TYPE, frame_type
from mediafp.fingerprints.sscd import INPUT_SIDE
from mediafp.types.model_files import model_path


@pytest.mark.parametrize("name", [SEARCH_TYPE, RERANKING_TYPE])
def test_embeddings_are_those_of_the_unchanged_model(name: str) -> None:
    """The constants that replace those of the model are equal to them, on images of all levels and channels."""
    images = np.random.default_rng(1).integers(0, 256, (5, INPUT_SIDE, INPUT_SIDE, 3), np.uint8)
    session = onnxruntime.InferenceSession(str(model_path(name)), providers=["CPUExecutionProvider"])
    expected = session.run(None, {session.get_inputs()[0].name: images})[0]
    vectors, _ = frame_type(name).extract(list(images))
    assert np.array_equal(vectors, expected.astype(np.float16))
