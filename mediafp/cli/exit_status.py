"""Exit statuses of the command line."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """Exit status of every command."""

    DONE = 0
    NOTHING_FOUND = 1
    COULD_NOT_RUN = 2
    SOME_FAILED = 3
    INTERRUPTED = 130
