"""Sessions of onnxruntime for the OCR models."""

from typing import Any

from mediafp.types import model_files


def load_session(name: str) -> Any:
    """Return an onnxruntime session of a model in the manifest; it runs on one thread.

    Raises:
        ModelError: The model file is missing or changed.
    """
    # Imported on first use: most commands read no text.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Images have many sizes: an arena would keep the memory of the largest one.
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(str(model_files.model_path(name)), options, providers=["CPUExecutionProvider"])
