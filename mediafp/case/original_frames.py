"""Frames of the originals of a store, read by a worker."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Self

from mediafp.case.originals import open_original
from mediafp.engine.interface import Engine
from mediafp.ingest.files import OpenFile
from mediafp.store import Store
from mediafp.types.errors import MediaError

_logger = logging.getLogger(__name__)


class OriginalFrames:
    """Originals of a store, each opened and hashed once, until `close`."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store, self._engine = store, engine
        self._opened = ExitStack()
        self._originals: dict[str, OpenFile | None] = {}

    def read(self, sha256: str, times: Sequence[float]) -> Sequence[bytes | None]:
        """Return the frames that the original of a video shows at some times, as thumbnails; all None if it is not at hand."""
        if sha256 not in self._originals:
            self._originals[sha256] = self._opened.enter_context(open_original(self._store, sha256))
        file = self._originals[sha256]
        if file is None:
            return [None] * len(times)
        try:
            frames = self._engine.read_frames(file, times)
        except MediaError as error:
            _logger.info("read no frames of %r: %s", file.name, error)
            return [None] * len(times)
        # They are frames of the asset only while the file is what it was when it was hashed.
        return [None] * len(times) if file.has_changed() else frames

    def close(self) -> None:
        """Close the originals."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
