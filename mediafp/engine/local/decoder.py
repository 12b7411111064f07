"""A worker process that decodes thumbnails, and does nothing else: it loads no model, and starts in a fraction of the time.

Started by `mediafp.engine.local.process` as `python -m mediafp.engine.local.decoder SOCKET [--no-sandbox]`.
"""

import gc
import sys
from typing import Final

import cv2
import numpy as np

from mediafp.engine.local.connection import WorkerConnection
from mediafp.engine.local.messages import Task
from mediafp.engine.local.sandbox import ResourceLimits
from mediafp.ingest.limits import MAX_WORKER_CPU_SECONDS
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.types.jpeg import MAX_THUMBNAIL_SIDE

MAX_DECODER_MEMORY_BYTES: Final = 64 << 20
"""Bytes that a decoder may use in addition to those at its start: a thumbnail has up to 1 MB, and its pixels .8 MB. Chosen, not
measured."""


def main(arguments: list[str]) -> None:
    """Decode thumbnails until the parent process closes the connection."""
    connection = WorkerConnection.open(arguments[0])
    cv2.setNumThreads(1)
    # What OpenCV loads for its first image, it could not load in the sandbox.
    decode_thumbnail(encode_thumbnail(np.zeros((16, 16, 3), np.uint8), MAX_THUMBNAIL_SIDE))
    gc.freeze()

    def handle(task: Task, descriptor: int | None) -> None:
        with connection.sending_failures():
            assert descriptor is None and task.what == "decode_thumbnail", "a decoder gets no other task"
            connection.send_pixels(task.jpeg)

    limits = ResourceLimits(memory=MAX_DECODER_MEMORY_BYTES, cpu_seconds=MAX_WORKER_CPU_SECONDS)
    connection.run_tasks(limits, handle, sandboxed="--no-sandbox" not in arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
