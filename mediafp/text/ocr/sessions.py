"""ONNX Runtime sessions of the OCR models."""

from pathlib import Path
from typing import Any


def open_session(model: Path) -> Any:
    """Return a session that runs a model on one thread."""
    # ONNX Runtime loads on first use.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
