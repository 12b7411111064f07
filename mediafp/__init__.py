"""Find where a picture or a clip was used before, show the evidence, group the copies.

`mediafp.open(folder)` gives a case with `ingest`, `match` and `cluster`.
"""

import os
from typing import TYPE_CHECKING, Any

from mediafp.types.version import __version__

if TYPE_CHECKING:
    from mediafp.case.case import Case
    from mediafp.case.case import open_case as open

# ONNX Runtime reports to its maker from the moment it is loaded; nothing may leave this machine. Set before any import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__all__ = ["Case", "__version__", "open"]


def __getattr__(name: str) -> Any:
    # Loaded when first asked for: the command line's --help need not wait for the models' libraries.
    if name in ("Case", "open"):
        from mediafp.case.case import Case, open_case

        return Case if name == "Case" else open_case
    raise AttributeError(f"module 'mediafp' has no attribute {name!r}")
