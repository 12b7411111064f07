"""CPU time of one file."""

import math
import resource
import time
from collections.abc import Callable
from typing import Final

from mediafp.ingest.limits import CPU_SECONDS_PER_FILE, CPU_SECONDS_PER_MEDIA_SECOND, MAX_CPU_SECONDS

BudgetCheck = Callable[[float], bool]
"""Given the seconds of media decoded so far (0 for a still image), return True if decoding may continue."""
CPU_LIMIT_MESSAGE: Final = "the CPU time limit of one file was reached"
"""Reason in warnings about media that was decoded in part."""
GRACE_CPU_SECONDS = 1.5
"""CPU seconds between the end of the budget, when decoding stops by itself, and the kernel's limit, which kills the
process. At least 1, as the kernel counts whole seconds. Chosen, not measured."""


def unlimited(media_seconds: float) -> bool:
    """Return True: the budget check of trusted files, such as those of a script."""
    return True


class CpuBudget:
    """CPU seconds of one file, in the process that decodes it, from its creation on; a `BudgetCheck`.

    Decoded media earns further seconds, so that a long video is decoded whole, and a small file that only claims to be
    long is not. Above the budget the kernel kills the process (SIGXCPU), whatever library it runs.
    """

    def __init__(self, min_seconds: float = CPU_SECONDS_PER_FILE) -> None:
        self._start, self._min_seconds = time.process_time(), min_seconds
        self._set_limit(min_seconds)

    def __call__(self, media_seconds: float) -> bool:
        """Return True if CPU time is left, given the seconds of media decoded so far; raise the kernel's limit."""
        earned = self._min_seconds + CPU_SECONDS_PER_MEDIA_SECOND * media_seconds
        budget = max(self._min_seconds, min(earned, MAX_CPU_SECONDS))
        if budget >= self._limit + 1:
            self._set_limit(budget)
        return time.process_time() - self._start < budget

    def _set_limit(self, seconds: float) -> None:
        """Set the kernel's limit to the end of a budget of these seconds."""
        self._limit = seconds
        _, hard_limit = resource.getrlimit(resource.RLIMIT_CPU)
        end = math.ceil(self._start + seconds + GRACE_CPU_SECONDS)
        soft_limit = end if hard_limit == resource.RLIM_INFINITY else min(end, hard_limit)
        resource.setrlimit(resource.RLIMIT_CPU, (soft_limit, hard_limit))
