"""Keys by which media files and the records about them find each other."""

import re
import unicodedata
from typing import Final
from urllib.parse import unquote

MAX_FILE_NAME_CHARS: Final = 400
"""Characters of a file name in a record; no file has a longer one. File systems allow 255 bytes or UTF-16 units, and
decomposed letters have more characters. Composing 65,536 combining marks takes 6 seconds, and the time grows with their
square."""
MAX_PATH_CHARS: Final = 8_192
"""Characters of a path in a record; file systems allow 4,096 bytes, and those of URLs are escaped."""
PATH_PREFIX: Final = "path:"
NAME_PREFIX: Final = "name:"
_FILE_URL: Final = re.compile(r"file:/{0,3}", re.IGNORECASE)


def exact_path(path: str) -> str:
    r"""Return a path as both a record and a folder may write it: with `/`, in composed letters, without `.` and `..`.

    It is "" for a path that no file has. The drive of `C:\a.jpg` is a folder of it.
    """
    if path[:5].lower() == "file:":
        path = unquote(_FILE_URL.sub("/", path, count=1), errors="surrogateescape")
    if len(path) > MAX_PATH_CHARS:
        return ""
    parts = [part for part in path.strip().replace("\\", "/").split("/") if part not in ("", ".", "..")]
    if not parts or max(map(len, parts)) > MAX_FILE_NAME_CHARS:
        return ""
    return unicodedata.normalize("NFC", "/".join(parts))


def fold_case(path: str) -> str:
    """Return an exact path without case."""
    # Composed letters may fold to decomposed ones.
    return unicodedata.normalize("NFC", path.casefold())


def path_keys(path: str) -> list[str]:
    """Return the keys of a path: of the whole path, and of its file name; none for a path that no file has."""
    exact = exact_path(path)
    if not exact:
        return []
    folded = fold_case(exact)
    return [PATH_PREFIX + folded, NAME_PREFIX + folded.rsplit("/", 1)[-1]]


def id_key(identifier: str) -> str:
    """Return the key of an id that both the record and the path of the media file state."""
    return "id:" + identifier
