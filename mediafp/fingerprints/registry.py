"""Every fingerprint type by name; outsiders add theirs as entry points of the group `mediafp.fingerprints`."""

from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points

import imagehash

from mediafp.fingerprints.pdq import Pdq
from mediafp.fingerprints.perceptual_hashes import PerceptualHash
from mediafp.fingerprints.sscd import Sscd
from mediafp.types import model_files
from mediafp.types.errors import UsageError
from mediafp.types.fingerprints import FingerprintType

ENTRY_POINT_GROUP = "mediafp.fingerprints"
BUILT_IN: dict[str, Callable[[], FingerprintType]] = {
    "pdq": Pdq,
    "sscd_distilled": lambda: Sscd("sscd_distilled", model_files.model_path("sscd_distilled")),
    "sscd": lambda: Sscd("sscd", model_files.model_path("sscd")),
    "phash": lambda: PerceptualHash("phash", imagehash.phash),
    "dhash": lambda: PerceptualHash("dhash", imagehash.dhash),
}


@cache
def fingerprint_type(name: str) -> FingerprintType:
    """The type of that name, made once a process. Raises UsageError for an unknown one."""
    if name in BUILT_IN:
        return BUILT_IN[name]()
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        if entry.name == name:
            made: FingerprintType = entry.load()()
            return made
    raise UsageError(f"no fingerprint type is called {name!r}; there are: {', '.join(type_names())}")


def type_names() -> list[str]:
    """The names of all types, built in and added."""
    return [*BUILT_IN, *(entry.name for entry in entry_points(group=ENTRY_POINT_GROUP))]
