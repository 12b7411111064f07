"""How long one file may be read."""

import math
import resource
import time
from collections.abc import Callable

from mediafp.ingest.limits import CPU_SECONDS_PER_FILE, CPU_SECONDS_PER_MEDIA_SECOND, MAX_CPU_SECONDS

BudgetCheck = Callable[[float], bool]
"""Told the seconds of media read so far (0 for a picture), whether to read on."""
CPU_LIMIT_MESSAGE = "the CPU time that a file may take was spent"
GRACE_CPU_SECONDS = 1.5
"""CPU seconds between the moment when reading is to end and the one when the kernel ends it."""


def unlimited(seconds: float) -> bool:
    """Yes: for files that are trusted, such as our own."""
    return True


class CpuBudget:
    """The CPU seconds of one file, in the process that reads it, from now on (a `GoOn`).

    What was read earns more, so that a long video is read whole while a small file that only pretends is not. Past the
    budget the kernel ends the process (SIGXCPU), in whatever library it is.
    """

    def __init__(self, minimum: float = CPU_SECONDS_PER_FILE) -> None:
        self._start, self._minimum = time.process_time(), minimum
        self._allow(minimum)

    def __call__(self, seconds: float) -> bool:
        """Whether there is CPU time left."""
        earned = max(self._minimum, min(self._minimum + CPU_SECONDS_PER_MEDIA_SECOND * seconds, MAX_CPU_SECONDS))
        if earned >= self._allowed + 1:
            self._allow(earned)
        return time.process_time() - self._start < earned

    def _allow(self, seconds: float) -> None:
        self._allowed = seconds
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        end = math.ceil(self._start + seconds + GRACE_CPU_SECONDS)
        resource.setrlimit(resource.RLIMIT_CPU, (end if most == resource.RLIM_INFINITY else min(end, most), most))
