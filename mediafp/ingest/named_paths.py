"""Paths as a user names them: of this computer, as `file://` addresses, or not usable as a path at all."""

import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

_FILE_URL: Final = re.compile(r"file:(?://(?P<host>[^/]*))?(?P<path>/.*)", re.IGNORECASE | re.DOTALL)
"""A `file` address (RFC 8089). Code that treats an address as a path collapses its slashes."""
_WEB_URL: Final = re.compile(
    r"(?P<scheme>https?|ftps?|s3|magnet|rtmps?|rtsp|ipfs):/+(?P<rest>[^/].*)", re.IGNORECASE | re.DOTALL
)
_LOCAL_HOSTS: Final = ("", "localhost")


def parse_named_path(named: str | os.PathLike[str]) -> tuple[Path, str]:
    """Return the path that a user names, and why it cannot be used; "" if it can.

    A path that exists is always used as it is, whatever it looks like.
    """
    text = os.fspath(named)
    if not text:
        return Path(), "cannot open '': the path is empty; name a file or a folder"
    if os.path.lexists(text):
        return Path(text), ""
    if match := _FILE_URL.fullmatch(text):
        if (match["host"] or "").lower() not in _LOCAL_HOSTS:
            return Path(text), f"cannot open {text!r}: it lies on another computer; copy it to this one first"
        return Path(os.fsdecode(unquote_to_bytes(match["path"]))), ""
    if match := _WEB_URL.match(text):
        address = f"{match['scheme']}://{match['rest']}"
        return Path(text), (
            f"cannot open {address!r}: it is an address on the web, and nothing is fetched from there; download it"
            " first, for example with yt-dlp or gallery-dl, then name the file"
        )
    return Path(text), ""
