"""Versions of the libraries that this package owns."""


def onnxruntime_version() -> str:
    """Return the version of ONNX Runtime."""
    # ONNX Runtime loads on first use.
    import onnxruntime

    return str(onnxruntime.__version__)
