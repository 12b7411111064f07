"""Errors of mediafp. Their messages are written for the user: they name what failed and an action.

MediafpError                 all errors that mediafp foresees
├── UsageError               the program cannot run as called: no store, a bad option, a missing path (exit status 2)
│   ├── StoreError           the store is missing, damaged, locked or of a newer version
│   ├── SandboxError         the sandbox for untrusted media is not available on this machine
│   ├── ModelError           a model file is missing or changed
│   ├── OutdatedDraft        a draft was saved by somebody else meanwhile, or is sealed
│   └── FailedChecks         a draft may not be sealed as it is
└── MediaError               one file cannot be used; `kind` is its kind in the JSON output (exit status 3)
    ├── CorruptMedia         the file is damaged or truncated
    ├── UnsupportedMedia     a format or codec that is not decoded, or media without images and audio
    │   └── NotMedia         not media at all, such as a text or a document
    ├── TooLargeMedia        a limit of pixels, frames or bytes is exceeded
    ├── UnreadableMedia      the file cannot be opened
    └── WorkerLost           the worker process ended: `kind` states if by a crash, a timeout or exhausted memory
"""

from typing import Literal

ErrorKind = Literal["corrupt", "unsupported", "too_large", "timeout", "crash", "oom", "unreadable"]


class MediafpError(Exception):
    """Error that mediafp foresees; its text can be shown to the user."""


class UsageError(MediafpError):
    """The program cannot run as called; the message states what to change."""


class StoreError(UsageError):
    """The store is missing, damaged, locked or of a newer version."""


class SandboxError(UsageError):
    """A restriction that untrusted media is decoded under is not available on this machine."""


class ModelError(UsageError):
    """A model file is missing, or its SHA-256 is not that of the manifest."""


class OutdatedDraft(UsageError):
    """The draft was saved by somebody else meanwhile, or is sealed; nothing was overwritten."""


class FailedChecks(UsageError):
    """The draft may not be sealed as it is; the message names the first check that failed, and its card."""


class MediaError(MediafpError):
    """One file cannot be used; a run over several files continues."""

    kind: ErrorKind = "corrupt"


class CorruptMedia(MediaError):
    """The file is damaged or truncated."""

    kind = "corrupt"


class UnsupportedMedia(MediaError):
    """The file is media that mediafp does not decode, or has neither images nor audio."""

    kind = "unsupported"


class NotMedia(UnsupportedMedia):
    """The file is not media at all."""


class TooLargeMedia(MediaError):
    """The file exceeds a limit."""

    kind = "too_large"


class UnreadableMedia(MediaError):
    """The file is missing, a folder or a pipe, or access to it is denied."""

    kind = "unreadable"


class WorkerLost(MediaError):
    """The worker process ended before it had processed the file."""

    def __init__(self, kind: ErrorKind, message: str, *, attempts: int = 1, final: bool = False) -> None:
        """Create the error.

        Args:
            kind: Reason for the end of the worker.
            message: Text for the user.
            attempts: Number of workers that the file has cost.
            final: True if another worker would end the same way.
        """
        super().__init__(message)
        self.kind = kind
        self.attempts = attempts
        self.final = final
