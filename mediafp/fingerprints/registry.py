"""All fingerprint types by name.

A new type for frames, images, thumbnails or audio is one file, and one line in `BUILT_IN`. Other packages add theirs as entry
points of the group `mediafp.fingerprints`: the name of the type, and a class or function that returns it when called without
arguments. A type for transcripts cannot be added: `words` is the only one. `extract` runs in the sandbox, so everything it needs
must load when the worker analyses its sample files (`engine.local.warm_up`).
Everything else follows from what the type declares (`types.fingerprint_types`): which rows are computed and stored, how
results of workers are checked, how the store is verified.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Final

from mediafp.fingerprints.frame_track import TYPE_NAME as TRACK_TYPE
from mediafp.fingerprints.frame_track import FrameTrackRows
from mediafp.fingerprints.insets import INSETS, Insets
from mediafp.fingerprints.pdq import Pdq
from mediafp.fingerprints.perceptual_hashes import PerceptualHash
from mediafp.fingerprints.rectangles import RECTANGLES, Rectangles
from mediafp.fingerprints.reduced_image import REDUCED_IMAGE, REDUCED_SIDE, ReducedImage
from mediafp.fingerprints.reference_crops import CROP_SIDE, REFERENCE_CROPS, ReferenceCrops
from mediafp.fingerprints.sound_codes import TYPE_NAME as SOUND_CODES_TYPE
from mediafp.fingerprints.sound_codes import SoundCodes
from mediafp.fingerprints.sound_prints import TYPE_NAME as SOUND_PRINTS_TYPE
from mediafp.fingerprints.sound_prints import SoundPrints
from mediafp.fingerprints.sscd import Sscd
from mediafp.fingerprints.transcript import TYPE_NAME as TRANSCRIPT_TYPE
from mediafp.fingerprints.transcript import TranscriptWords
from mediafp.types.errors import UsageError
from mediafp.types.fingerprint_types import (
    AnyFingerprintType,
    Consumes,
    FingerprintDeclaration,
    FrameFingerprintType,
    ImageFingerprintType,
)
from mediafp.types.media import Kind

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINT_GROUP: Final = "mediafp.fingerprints"
SEARCH_TYPE: Final = "sscd_distilled"
"""The type that finds candidates and detects duplicate frames."""
MATCHED_TYPES: Final = (SEARCH_TYPE, "pdq", INSETS, TRACK_TYPE, SOUND_PRINTS_TYPE)
"""The types that matching compares besides the parts of an image; the analysis of a query computes no others."""
RERANKING_TYPE: Final = "sscd"
"""The type that checks uncertain candidates at query time; its rows are not stored."""
PART_TYPES: Final = (REFERENCE_CROPS, RECTANGLES, REDUCED_IMAGE)
"""The types by which a part of an image is found in another one, which `--crops no` skips together."""
CONSUMED: Final[Mapping[Kind, frozenset[Consumes]]] = {
    "image": frozenset(("frames", "image", "thumbnail")),
    "video": frozenset(("frames", "frame_thumbnails", "track", "audio")),
}
"""Inputs of the types of an asset, by its kind."""
BUILT_IN: Final[Mapping[str, Callable[[], AnyFingerprintType]]] = {
    SEARCH_TYPE: lambda: Sscd(SEARCH_TYPE),
    "pdq": Pdq,
    "phash": lambda: PerceptualHash("phash"),
    "dhash": lambda: PerceptualHash("dhash"),
    REFERENCE_CROPS: lambda: ReferenceCrops(Sscd(SEARCH_TYPE, CROP_SIDE)),
    RECTANGLES: lambda: Rectangles(frame_type(SEARCH_TYPE)),
    REDUCED_IMAGE: lambda: ReducedImage(Sscd(SEARCH_TYPE, REDUCED_SIDE)),
    INSETS: lambda: Insets(frame_type(SEARCH_TYPE)),
    TRACK_TYPE: FrameTrackRows,
    SOUND_PRINTS_TYPE: SoundPrints,
    SOUND_CODES_TYPE: SoundCodes,
    RERANKING_TYPE: lambda: Sscd(RERANKING_TYPE),
    TRANSCRIPT_TYPE: TranscriptWords,
}
"""Built-in types; those that are stored are computed in this order."""


@cache
def fingerprint_type(name: str) -> AnyFingerprintType:
    """Return the type of a name, created once in a process.

    Raises:
        UsageError: There is no such type, or an entry point with this name does not give a usable one.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]()
    entry = next((entry for entry in _entry_points() if entry.name == name), None)
    if entry is None:
        raise UsageError(f"cannot find fingerprint type {name!r}; choose from: {', '.join(type_names())}")
    added: AnyFingerprintType = entry.load()()
    if added.name != name or added.consumes not in ("frames", "image", "thumbnail", "audio"):
        raise UsageError(
            f"cannot use fingerprint type {name!r} of the entry point {entry.value!r}: it is named {added.name!r} and"
            f" consumes {added.consumes!r}; give it the name of the entry point, and let it consume 'frames', 'image',"
            " 'thumbnail' or 'audio'"
        )
    return added


def frame_type(name: str) -> FrameFingerprintType:
    """Return the type of a name that consumes frames. Raises UsageError if there is none."""
    frames = fingerprint_type(name)
    if frames.consumes != "frames":
        raise UsageError(
            f"cannot fingerprint frames with type {name!r}: it consumes {frames.consumes!r}; choose another"
        )
    return frames


def image_type(name: str) -> ImageFingerprintType:
    """Return the type of a name that consumes one image. Raises UsageError if there is none."""
    found = fingerprint_type(name)
    if found.consumes != "image":
        raise UsageError(
            f"cannot fingerprint an image with type {name!r}: it consumes {found.consumes!r}; choose another"
        )
    return found


def type_names() -> list[str]:
    """Return the names of all types, the built-in ones first."""
    return [*BUILT_IN, *(entry.name for entry in _entry_points())]


def computed_types(kind: Kind, *, reference_crops: bool, matched_only: bool = False) -> list[AnyFingerprintType]:
    """Return the types whose rows are computed from a file, the search type first.

    Args:
        kind: Kind of the asset.
        reference_crops: False to leave out the types of parts of an image.
        matched_only: True for the analysis of a query, whose rows are compared and not stored.
    """
    left_out = {RERANKING_TYPE, *(() if reference_crops else PART_TYPES)}
    names = MATCHED_TYPES if matched_only else [name for name in type_names() if name not in left_out]
    return [candidate for candidate in map(fingerprint_type, names) if candidate.consumes in CONSUMED[kind]]


def declaration(name: str) -> FingerprintDeclaration:
    """Return the declaration of the type of a name. Raises UsageError if there is none."""
    declared = fingerprint_type(name)
    return FingerprintDeclaration(
        name=declared.name,
        consumes=declared.consumes,
        metric=declared.metric,
        columns=declared.columns,
        max_rows=declared.max_rows,
    )


def declarations() -> dict[str, FingerprintDeclaration]:
    """Return the declarations of all types by name."""
    return {name: declaration(name) for name in type_names()}


@cache
def _entry_points() -> tuple["EntryPoint", ...]:
    """Return the entry points of other packages; one with the name of a built-in type is ignored."""
    from importlib.metadata import entry_points

    return tuple(entry for entry in entry_points(group=ENTRY_POINT_GROUP) if entry.name not in BUILT_IN)
