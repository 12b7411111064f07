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

import errno
from typing import Final, Literal

ErrorKind = Literal["corrupt", "unsupported", "too_large", "timeout", "crash", "oom", "unreadable"]
StoreErrorKind = Literal["unusable", "damaged", "locked", "moved", "changed", "full", "read_only", "unknown"]
"""Why a store cannot be used. `moved`: its folder is not where it was; `changed`: it is read without locks, and another program
wrote to it; `read_only`: it can be read, but not written; `unknown`: it has no such asset; `unusable`: any other reason."""
FULL_DISK: Final = (errno.ENOSPC, errno.EDQUOT)
"""Errors of the operating system for a full disk."""
NO_ACCESS: Final = (errno.EACCES, errno.EPERM, errno.EROFS)
"""Errors of the operating system for denied access."""


class MediafpError(Exception):
    """Error that mediafp foresees; its text can be shown to the user."""


class UsageError(MediafpError):
    """The program cannot run as called; the message states what to change."""


class StoreError(UsageError):
    """The store is missing, damaged, locked or of a newer version; `kind` states the reason to programs."""

    def __init__(self, message: str, *, kind: StoreErrorKind = "unusable") -> None:
        super().__init__(message)
        self.kind = kind

    @property
    def concerns_one_file(self) -> bool:
        """True if the rest of the store can be used: it has no such asset, or that one is damaged."""
        return self.kind in ("unknown", "damaged")


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


def denied_write(error: OSError) -> StoreErrorKind:
    """Return the kind of the StoreError for a file of the store that the operating system did not let be written."""
    if error.errno in FULL_DISK:
        return "full"
    if error.errno in NO_ACCESS:
        return "read_only"
    return "moved" if error.errno == errno.ENOENT else "unusable"
