"""Samples of a TIFF that Pillow does not read, such as colours as floating-point numbers: the file is sound."""

from typing import BinaryIO, Final

from PIL import TiffImagePlugin

_WIDTH_TAG: Final = 256
_BITS_TAG: Final = 258
_CHANNELS_TAG: Final = 277
_FORMAT_TAG: Final = 339
_FORMAT_NAMES: Final = {1: "integers", 2: "signed integers", 3: "floating-point numbers"}
_HEADER_BYTES: Final = 8


def find_unread_samples(file: BinaryIO) -> str | None:
    """Return what samples a TIFF has whose first directory can be read, in words; None for any other file.

    Args:
        file: A file that Pillow does not open as an image.
    """
    file.seek(0)
    header = file.read(_HEADER_BYTES)
    if header[:4] not in TiffImagePlugin.PREFIXES:
        return None
    try:
        directory = TiffImagePlugin.ImageFileDirectory_v2(header)
        file.seek(directory.next)
        directory.load(file)
        bits, channels = directory[_BITS_TAG], directory.get(_CHANNELS_TAG, 1)
        if not directory[_WIDTH_TAG] or len(bits) != channels:
            return None
        name = _FORMAT_NAMES.get(directory.get(_FORMAT_TAG, (1,))[0])
    except Exception:
        # Pillow raises whatever damaged bytes lead it to.
        return None
    kind = f"{name} of {bits[0]} bits" if name else f"samples of {bits[0]} bits"
    return f"{channels} channel{'s' * (channels != 1)} of {kind}"
