"""Warnings about the sidecars of one media file, bounded in number and length."""

from typing import Final

MAX_SIDECAR_WARNINGS: Final = 100
"""Warnings about the sidecars of one file that are kept: the three formats together have 45 keys. Chosen, not measured."""
MAX_SIDECAR_WARNING_CHARS: Final = 1_000
"""Characters of one warning that are kept: a file name has at most 255 bytes, each of which `repr` writes as four
characters or fewer. Chosen, not measured."""
MAX_QUOTED_CHARS: Final = 100
"""Characters of a value that a warning quotes. Chosen, not measured."""


class SidecarWarnings:
    """The first warnings about the sidecars of one file, and the number of the others."""

    def __init__(self) -> None:
        self._first: list[str] = []
        self._others = 0

    def add(self, warning: str) -> None:
        """Add a warning; its end is cut above `MAX_SIDECAR_WARNING_CHARS`."""
        if len(self._first) < MAX_SIDECAR_WARNINGS:
            self._first.append(warning[:MAX_SIDECAR_WARNING_CHARS])
        else:
            self._others += 1

    def extend(self, others: "SidecarWarnings") -> None:
        """Add other warnings."""
        for warning in others._first:
            self.add(warning)
        self._others += others._others

    def texts(self) -> list[str]:
        """Return the warnings; the last one states how many more there were."""
        if not self._others:
            return list(self._first)
        return [
            *self._first,
            f"skipped {self._others:,} more warnings about sidecars: the first {len(self._first)} are named",
        ]


def quote(value: object) -> str:
    """Return a value as warnings quote it, cut above `MAX_QUOTED_CHARS`."""
    text = repr(value[: MAX_QUOTED_CHARS + 1] if isinstance(value, str) else value)
    return text if len(text) <= MAX_QUOTED_CHARS else text[:MAX_QUOTED_CHARS] + "…"
