"""Errors of Lance and of object stores, in words for the user, without what they quote: requests, and answers to them."""

import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final, Literal

from mediafp.store.lance.addresses import is_remote
from mediafp.types.errors import StoreError, UsageError

_REFUSALS: Final = (
    (
        r"failed to get aws credentials|no credentials|credentialsnotloaded|providererror|missing.*credential",
        "no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    ),
    (r"nosuchbucket", "the bucket does not exist; create it, or check AWS_ENDPOINT_URL"),
    (
        r"accessdenied|invalidaccesskeyid|signaturedoesnotmatch|expiredtoken|invalidtoken|40[13] (unauthorized|forbidden)",
        "access is denied; check the credentials and the rights on the bucket",
    ),
)
"""Patterns of the messages of an object store in lower case, and the reason with an action of each."""
_FAILURES: Final = (
    (
        r"url scheme is not allowed|builder error",
        "it is not reached by https; set AWS_ENDPOINT_URL to an https address",
    ),
    (
        r"error sending request|connection|connect|dns|timed? ?out",
        "the object store cannot be reached; check the network and AWS_ENDPOINT_URL, and run the same command again",
    ),
)
"""The same of messages about a request that was not answered."""
_DISK_FAILURES: Final = (
    (r"no space left|storage ?full|quota", "the disk is full; free some space"),
    (r"permission denied|read-only file system", "access is denied; check the rights on the folder"),
)
"""The same of messages about a folder."""
_GONE: Final = "its rows are gone: another process has moved or removed them; run the same command again"
_UNREADABLE: Final = "its rows cannot be read or written; have it built anew: mediafp migrate --index local"
_UNKNOWN_FAILURE: Final = "the object store failed; check AWS_ENDPOINT_URL, and run the same command again"
_GONE_WORDS: Final = ("not found", "does not exist", "no such file")
_STATUS: Final = re.compile(r"status code: (\d{3})")


class MissingRowsError(FileNotFoundError):
    """The table of an index, or the version of it that was saved, does not exist or is damaged."""


def load_library(name: Literal["lance", "pyarrow"], purpose: str) -> Any:
    """Return a library of the extra `cluster`, imported.

    Args:
        name: Its name.
        purpose: What it is needed for, as "open the index".

    Raises:
        UsageError: It is not installed.
    """
    # Its own messages may quote requests; these are read when it is loaded.
    os.environ.setdefault("LANCE_LOG", "error")
    # Lance warns before each fork. What forks here, such as the start of Ray, runs another program at once.
    warnings.filterwarnings("ignore", "lance is not fork-safe", UserWarning)
    os.environ.setdefault("LANCE_INCLUDE_VECTOR_CENTROIDS", "false")
    try:
        return import_module(name)
    except ImportError as error:
        raise UsageError(
            f"cannot {purpose}: the library {name!r} is missing; install it with: pip install 'mediafp[cluster]'"
        ) from error


@contextmanager
def lance_errors(purpose: str, address: str, *, may_be_missing: bool = False) -> Iterator[None]:
    """Translate the errors of Lance.

    Args:
        purpose: What is done, as "search the index".
        address: Address of the table.
        may_be_missing: Raise MissingRowsError if there is no such table, or a damaged one.

    Raises:
        MissingRowsError: The table or the version does not exist, or is damaged.
        StoreError: Anything else failed. Its cause is not kept: it may quote what identifies an account.
    """
    try:
        yield
    except BaseException as error:
        # The base class of what Rust panics with, on damaged files, is that of KeyboardInterrupt.
        if not isinstance(error, (OSError, ValueError, RuntimeError)) and type(error).__name__ != "PanicException":
            raise
        reason = _find_reason(f"{error}".lower(), address)
    else:
        return
    if may_be_missing and reason in (_GONE, _UNREADABLE):
        raise MissingRowsError(f"its rows are not at '{address}', or are damaged") from None
    raise StoreError(f"cannot {purpose} at '{address}': {reason}") from None


def _find_reason(text: str, address: str) -> str:
    """Return the reason of an error, with an action."""
    status = _STATUS.search(text)
    if is_remote(address):
        if reason := _first_reason(_REFUSALS, text):
            return reason
        if status and status[1] != "404":
            return f"the object store failed several times with status {status[1]}; run the same command again"
        if not status and (reason := _first_reason(_FAILURES, text)):
            return reason
    elif reason := _first_reason(_DISK_FAILURES, text):
        return reason
    if status or any(words in text for words in _GONE_WORDS):
        return _GONE
    return _UNKNOWN_FAILURE if "s3 error" in text else _UNREADABLE


def _first_reason(reasons: Sequence[tuple[str, str]], text: str) -> str | None:
    return next((reason for pattern, reason in reasons if re.search(pattern, text)), None)
