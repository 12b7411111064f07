"""The files of previews, in a folder beside the store whose size is bounded."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

FOLDER_NAME: Final = "previews"
"""Folder of the previews in that of the store. They are no part of the case, and are made anew when they are gone."""
MAX_PREVIEW_BYTES: Final = 2 << 30
"""Bytes of all previews; of more, the oldest are removed. Chosen, not measured: ten hours."""
SUFFIX: Final = ".webm"


def preview_path(store_folder: Path, sha256: str) -> Path:
    """Return where the preview of an asset lies, if there is one."""
    return store_folder / FOLDER_NAME / f"{sha256}{SUFFIX}"


def remove_previews(store_folder: Path, assets: Iterable[str]) -> None:
    """Remove the previews of some assets."""
    for sha256 in assets:
        with suppress(FileNotFoundError):
            preview_path(store_folder, sha256).unlink()


def remove_oldest_previews(store_folder: Path, max_bytes: int = MAX_PREVIEW_BYTES) -> None:
    """Remove the oldest previews until all take at most some bytes."""
    with suppress(OSError):
        files = [
            (entry.stat().st_mtime_ns, entry.stat().st_size, entry.path) for entry in os.scandir(_folder(store_folder))
        ]
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= max_bytes:
                break
            with suppress(FileNotFoundError):
                Path(path).unlink()
            total -= size


def _folder(store_folder: Path) -> Path:
    return store_folder / FOLDER_NAME
