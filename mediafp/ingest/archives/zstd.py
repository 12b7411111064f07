"""Zstandard streams, decompressed in bounded steps. Source of the format: RFC 8878."""

from typing import Final

import zstandard

from mediafp.types.errors import TooLargeMedia, UnsupportedMedia

MAX_WINDOW_BYTES: Final = 128 << 20
"""Memory, bytes, that a stream may ask for: what `zstd` writes without `--long=28` or more, and reads without an option."""
STEP_BYTES: Final = 512
"""Compressed bytes that are decompressed at once: the library has no limit of the output, and four bytes become 128 KiB at
most, so that 512 become 16 MiB. At this size, 50 MB of a photograph take .04 CPU seconds."""


class ZstdStream:
    """One frame as a `Decompressor`; a frame that is to be skipped has no content."""

    def __init__(self) -> None:
        self._frame = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES).decompressobj()
        self._input = b""
        self._output = memoryview(b"")

    @property
    def eof(self) -> bool:
        """True once the frame has ended."""
        return self._frame.eof and not self._output

    @property
    def needs_input(self) -> bool:
        """True if `decompress` needs further input before it returns more."""
        return not (self._output or self._input or self._frame.eof)

    @property
    def unused_data(self) -> bytes:
        """Input behind the end of the frame."""
        return self._frame.unused_data + self._input

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Return up to `max_length` bytes of output, given further input.

        Raises:
            ValueError: The frame is damaged.
            TooLargeMedia: It needs more than `MAX_WINDOW_BYTES`.
            UnsupportedMedia: It was compressed with a dictionary.
        """
        self._input += data
        while self._input and not self._output and not self._frame.eof:
            step, self._input = self._input[:STEP_BYTES], self._input[STEP_BYTES:]
            try:
                self._output = memoryview(self._frame.decompress(step))
            except zstandard.ZstdError as error:
                raise _media_error(str(error)) from error
        block, self._output = self._output[:max_length], self._output[max_length:]
        return bytes(block)


def _media_error(message: str) -> Exception:
    if "too much memory" in message:
        limit = f"{MAX_WINDOW_BYTES >> 20} MiB of memory"
        return TooLargeMedia(f"decompression needs more than {limit}; unpack it first")
    if "ictionary" in message:
        return UnsupportedMedia("it was compressed with a dictionary, which is not supported; unpack it first")
    return ValueError(message)
