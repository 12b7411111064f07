"""The end of a worker process: its socket to the program, its entry into the sandbox, and the loop over its tasks."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from mediafp.engine.local.messages import (
    EXIT_OUT_OF_MEMORY,
    LENGTH,
    NONCE_BYTES,
    Failure,
    PixelsResult,
    Ready,
    Result,
    Task,
    decode_task,
    encode,
    truncate_texts,
)
from mediafp.engine.local.sandbox import ResourceLimits, die_with_parent, enter_sandbox, set_resource_limits
from mediafp.engine.local.thread_limit import GREETING
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.types.errors import ErrorKind, MediaError, NotMedia, SandboxError


class WorkerConnection:
    """The worker's end of the socket to the parent process."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._greeted = False
        self._nonce = bytes(NONCE_BYTES)

    @classmethod
    def open(cls, descriptor: str) -> Self:
        """Return the connection over a descriptor, whose number the parent has put into the command line."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
        die_with_parent()
        return cls(socket.socket(fileno=int(descriptor)))

    def run_tasks(
        self, limits: ResourceLimits, handle: Callable[[Task, int | None], object], *, sandboxed: bool
    ) -> None:
        """Enter the sandbox, and process tasks until the parent process closes the connection.

        Args:
            limits: The limits of the process.
            handle: Processes one task, with the descriptor of its file or None.
            sandboxed: False to stay outside of the sandbox.
        """
        try:
            set_resource_limits(limits)
            if sandboxed:
                enter_sandbox(self._greet)
            self._greet()
        except SandboxError as error:
            self._greet()
            self.send(Failure(kind="crash", message=str(error)))
            return
        self.send(Ready())
        while (received := self._receive_task()) is not None:
            try:
                handle(*received)
            except MemoryError:
                # It is unknown what holds the memory: a fresh worker is safer.
                os._exit(EXIT_OUT_OF_MEMORY)

    @contextmanager
    def sending_failures(self) -> Iterator[None]:
        """Send the failure if the block raises an error. Raises only MemoryError."""
        try:
            yield
        except MediaError as error:
            self.send(to_failure(error.kind, str(error), not_media=isinstance(error, NotMedia)))
        except MemoryError:
            raise
        except Exception as error:
            self.send(to_failure("crash", f"reading it failed: {type(error).__name__}: {error}"))

    def send_pixels(self, jpeg: bytes) -> None:
        """Decode a thumbnail, and send its pixels. Raises MediaError."""
        self.send(PixelsResult(pixels=decode_thumbnail(jpeg).tobytes(), cpu=time.process_time()))

    def _greet(self, listener: int | None = None) -> None:
        """Send the greeting, and with it the listener of thread starts; a second call sends nothing."""
        if not self._greeted:
            self._greeted = True
            if listener is None:
                # In the sandbox, no descriptor can be sent.
                self._socket.sendall(GREETING)
            else:
                socket.send_fds(self._socket, [GREETING], [listener])

    def send(self, message: Result) -> None:
        """Send a message about the last task."""
        self._socket.sendall(self._nonce + encode(message))

    def _receive_task(self) -> tuple[Task, int | None] | None:
        """Return the next task, and the descriptor of its file or None; None if the parent closed the connection."""
        nonce, descriptors, _, _ = socket.recv_fds(self._socket, NONCE_BYTES, 1)
        if not nonce:
            return None
        self._nonce = nonce + self._receive_exactly(NONCE_BYTES - len(nonce))
        return decode_task(self.receive()), descriptors[0] if descriptors else None

    def receive(self) -> bytearray:
        """Return the next message."""
        return self._receive_exactly(LENGTH.unpack(self._receive_exactly(LENGTH.size))[0])

    def _receive_exactly(self, count: int) -> bytearray:
        data = bytearray()
        while len(data) < count:
            block = self._socket.recv(count - len(data))
            if not block:
                sys.exit(0)
            data += block
        return data


def to_failure(kind: ErrorKind, message: str, *, not_media: bool = False, warnings: Sequence[str] = ()) -> Failure:
    """Return a failure with texts that are not too long."""
    (truncated,) = truncate_texts([message])
    return Failure(
        kind=kind,
        message=truncated,
        warnings=truncate_texts(warnings),
        not_media=not_media,
        cpu=time.process_time(),
    )
