"""Versions of the comparison of two assets."""

from collections.abc import Mapping
from functools import cache

from mediafp.fingerprints.registry import SEARCH_TYPE, fingerprint_type
from mediafp.fingerprints.sentence_windows import windows_version
from mediafp.fingerprints.sound_codes import SoundCodes
from mediafp.fingerprints.sound_prints import SoundPrints
from mediafp.fingerprints.transcript import TYPE_VERSION
from mediafp.types import model_files
from mediafp.types.kept_matches import Channel

PICTURE_VERSION = "11"
"""Version of the steps by which images and videos are compared; raise it if a pair gives another match."""
VOICE_VERSION = "2"
"""Version of the steps by which sounds are compared; raise it if a pair gives another match."""
SCRIPT_VERSION = "2"
"""Version of the steps by which transcripts are compared; raise it if a pair gives another match."""
PICTURE_MODELS = ("background", "calibration", "sscd")
"""Files on which a match of pictures depends besides the stored rows."""
TRANSLATION_MODELS = ("sentence_background", "translation")
"""Files on which a match of scripts in two languages depends besides the encoder."""


@cache
def comparison_versions() -> Mapping[Channel, str]:
    """Return the version of everything that a kept match depends on besides the stored rows, by channel."""
    models = "-".join(model_files.model_file(name).sha256[:12] for name in PICTURE_MODELS)
    translation = "-".join(model_files.model_file(name).sha256[:12] for name in TRANSLATION_MODELS)
    calibration = model_files.model_file("calibration").sha256[:12]
    return {
        "picture": f"{PICTURE_VERSION}-{fingerprint_type(SEARCH_TYPE).version}-{models}",
        "voice": f"{VOICE_VERSION}-{SoundPrints.version}-{SoundCodes.version}-{calibration}",
        "script": f"{SCRIPT_VERSION}-{TYPE_VERSION}-{windows_version()}-{translation}-{calibration}",
    }
