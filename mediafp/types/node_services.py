"""Services on the machines of a cluster: they get bytes, and answer with bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class NodeService(Protocol):
    """A process on a node that keeps what it has read. Several threads may call it."""

    def answer(self, request: bytes) -> bytes:
        """Return the answer to a request."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceNode:
    """A node with such a process.

    Attributes:
        name: Name of the node, for messages.
        ask: Function that returns the answer to a request, which is not to be trusted. Raises WorkerLost.
    """

    name: str
    ask: Callable[[bytes], bytes]
