"""Versions of the libraries that this package owns."""


def opencv_version() -> str:
    """Return the version of OpenCV."""
    # OpenCV loads on first use.
    import cv2

    return str(cv2.__version__)


def has_sift() -> bool:
    """Return True if OpenCV was built with SIFT."""
    import cv2

    return hasattr(cv2, "SIFT_create")
