"""Files without a name, for temporary data."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from mediafp.types.errors import StoreError, denied_write


@contextmanager
def anonymous_file(folder: Path) -> Iterator[BinaryIO]:
    """Open a file without a name in a folder; it vanishes with its last descriptor. Raises StoreError."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.TemporaryFile(dir=folder))
        except OSError as error:
            raise StoreError(
                f"cannot write to {str(folder)!r}: {error.strerror}; free space or change its permissions",
                kind=denied_write(error),
            ) from error
        yield file


def write_data(file: BinaryIO, data: bytes) -> None:
    """Write data to an anonymous file. Raises StoreError if the disk is full."""
    try:
        file.write(data)
    except OSError as error:
        raise StoreError(
            f"cannot write to the store's disk: {error.strerror}; free space and run this again",
            kind=denied_write(error),
        ) from error
