"""Settings of the server of the workbench."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from mediafp.types.runs import SpeechOptions

DEFAULT_PORT: Final = 8440
"""Port of the workbench unless another one is named. Chosen, not measured."""
LOOPBACK: Final = frozenset(("127.0.0.1", "localhost", "::1"))
"""Names of this machine that are reached from this machine alone."""


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """Address of the workbench, and the secret of whoever may use it.

    Attributes:
        host: Address or name that it listens on and is called by.
        port: Port that it listens on.
        token: Secret of whoever may use it.
        speech: Options of transcription: of what is ingested, of queries and of videos without a transcript.
    """

    host: str
    port: int
    token: str
    speech: SpeechOptions = field(default_factory=SpeechOptions)

    @property
    def is_local(self) -> bool:
        """True if only this machine reaches the server."""
        return self.host in LOOPBACK

    @cached_property
    def hosts(self) -> frozenset[str]:
        """Values of the header `Host` that a request may have; any other one was sent to another name of this machine."""
        names = LOOPBACK if self.is_local else {self.host}
        return frozenset(f"{_bracketed(name)}:{self.port}" for name in names)

    @property
    def origin(self) -> str:
        """Origin of the pages, as the printed link names it."""
        return f"http://{_bracketed(self.host)}:{self.port}"

    @property
    def link(self) -> str:
        """Address that opens the workbench in a browser."""
        return f"{self.origin}/?token={self.token}"

    @property
    def cookie_name(self) -> str:
        """Name of the cookie that holds the token; browsers send cookies to every port of a host."""
        return f"mediafp_{self.port}"


def _bracketed(host: str) -> str:
    """Return a host as it appears before a port."""
    return f"[{host}]" if ":" in host else host
