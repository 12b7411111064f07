"""The errors of mediafp, each naming what failed and the mend.

MediafpError                 everything below; a batch catches it per file
├── UsageError               the caller's mistake: no store, bad option, missing path (exit 2)
│   ├── StoreError           a store that cannot be opened, or is of a newer version
│   ├── SandboxError         the locks for untrusted media are not to be had here
│   └── ModelError           a model file that is missing or changed
└── MediaError               one file that could not be used; `kind` is the contract's word
    ├── CorruptMedia         the bytes promise a format and break it
    ├── UnsupportedMedia     a format or codec that is not read, or media without a picture
    │   └── NoMedia          no media at all: a text, a document
    ├── TooLargeMedia        a budget of pixels, frames or bytes is exceeded
    ├── UnreadableMedia      the file cannot be opened at all
    └── LostWorker           its worker ended: `kind` says whether by a crash, the clock or for want of memory
"""

from typing import Literal

ErrorKind = Literal["corrupt", "unsupported", "too_large", "timeout", "crash", "oom", "unreadable"]


class MediafpError(Exception):
    """Any failure that mediafp foresees; its text is fit to be shown to the user."""


class UsageError(MediafpError):
    """The program could not run as asked; the message says what to change."""


class StoreError(UsageError):
    """The store is missing, damaged, locked or of a newer version."""


class SandboxError(UsageError):
    """A lock that untrusted media is decoded behind does not close on this machine."""


class ModelError(UsageError):
    """A model file is missing, or its bytes are not those that the manifest names."""


class MediaError(MediafpError):
    """One file failed; the others go on."""

    kind: ErrorKind = "corrupt"


class CorruptMedia(MediaError):
    """The file is damaged or cut short."""

    kind = "corrupt"


class UnsupportedMedia(MediaError):
    """The file is media that mediafp does not read, or it holds no picture."""

    kind = "unsupported"


class NotMedia(UnsupportedMedia):
    """The file is no media at all."""


class TooLargeMedia(MediaError):
    """The file asks for more work than the budgets allow."""

    kind = "too_large"


class UnreadableMedia(MediaError):
    """The file is missing, a folder, a pipe, or access to it is denied."""

    kind = "unreadable"


class WorkerLost(MediaError):
    """The worker that read the file ended before it was done; `final` where another one would end the same."""

    def __init__(self, kind: ErrorKind, message: str, *, attempts: int = 1, final: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.attempts = attempts
        self.final = final
