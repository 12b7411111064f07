"""Addresses of indexes outside of a store, and the options by which an object store is reached."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mediafp.types.errors import StoreError, UsageError

REMOTE_PREFIX: Final = "s3://"
"""Beginning of the address of an object store."""
REQUEST_OPTIONS: Final[Mapping[str, str]] = {
    "client_max_retries": "3",
    "client_retry_timeout": "10",
    "connect_timeout": "3s",
    "timeout": "20s",
}
"""Limits of a request: times that it is repeated, seconds from which on it is not, seconds to connect and to answer. Lance
repeats a failed read a few times on top, so that an index is built and searched while every second call fails
(tests/store/lance/test_object_store.py)."""
_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
_DEFAULT_REGION: Final = "us-east-1"
_LOOPBACK: Final = frozenset(("127.0.0.1", "localhost", "::1"))
_BUCKET: Final = re.compile("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def parse_address(text: str) -> str:
    """Return the address of a folder, made absolute, or of a place on an object store.

    Raises:
        UsageError: It is of another form, or contains a user, a password or a query.
    """
    if "://" not in text:
        if not text or "\0" in text:
            raise UsageError(
                "cannot use the address of an index: it is empty; name a folder, s3://BUCKET/PREFIX or local"
            )
        return os.path.abspath(text)
    parts = urlsplit(text)
    # The text before an @ may be a password: the message does not quote it.
    if not text.startswith(REMOTE_PREFIX) or "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError(
            "cannot use the address of an index: it is no folder, and not of the form s3://BUCKET/PREFIX; credentials"
            " belong in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or in a profile that AWS_PROFILE names"
        )
    if not _BUCKET.fullmatch(parts.netloc) or any(part in (".", "..") for part in parts.path.split("/")):
        raise UsageError(
            f"cannot use the address {text!r} of an index: the name of the bucket or the prefix is not valid; write it"
            " as s3://BUCKET/PREFIX"
        )
    return f"{REMOTE_PREFIX}{parts.netloc}/{parts.path.strip('/')}".rstrip("/")


def is_remote(address: str) -> bool:
    """Return True if an address is that of an object store."""
    return address.startswith(REMOTE_PREFIX)


def storage_options(address: str) -> dict[str, str] | None:
    """Return the options by which Lance reaches an address; None for a folder.

    Credentials are not among them: Lance takes them from the environment, from files of the user or of the machine.
    """
    if not is_remote(address):
        return None
    options = dict(REQUEST_OPTIONS)
    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), None)
    if endpoint:
        options["aws_endpoint"] = endpoint
        parts = urlsplit(endpoint)
        if parts.scheme == "http" and parts.hostname in _LOOPBACK:
            options["allow_http"] = "true"
    if not any(os.environ.get(name) for name in _REGIONS) and endpoint:
        options["aws_region"] = _DEFAULT_REGION
    return options


def check_folder(address: str, purpose: str) -> None:
    """Check that an address is not a folder that is missing, as that of a disk that is not mounted.

    Args:
        address: The address.
        purpose: What is done, as "open the index".

    Raises:
        StoreError: It is.
    """
    if not is_remote(address) and not Path(address).is_dir():
        raise StoreError(
            f"cannot {purpose} in '{address}': the folder is missing; mount its disk, or have the index built in the store:"
            " mediafp migrate --index local"
        )
