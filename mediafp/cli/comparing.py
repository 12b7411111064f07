"""Progress of comparing the files of a store, and how long it will take."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mediafp.cli.output import print_message
from mediafp.types.counted_nouns import count_of

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from mediafp.case import Case

SAMPLE_SECONDS: Final = 20.0
"""Seconds of comparing after which the time left is estimated: the first ones load models. Chosen, not measured."""
LATER_SHARE: Final = 0.7
"""Cost of a later comparison as a share of the first ones: an asset whose pairs were all compared from the other side costs
little, and one that resembles no other costs the same. On 1,760 images of 580 groups the first estimate was four times too high
without it and with a sample of 5 seconds."""
MIN_STATED_SECONDS: Final = 30.0
"""Estimate below which it is not printed. Chosen, not measured."""


def comparison_progress(bar: "Progress", case: "Case | None" = None) -> Callable[[int, int], None]:
    """Return a function that shows how many assets were compared, and how many must be; nothing while there are none.

    Args:
        bar: Progress bar, which shows the time left.
        case: The case whose comparing begins, to print once how long all of it takes, and why; None to print nothing.
    """
    tasks: list[TaskID] = []
    estimate: _Estimate | None = None

    def show(done: int, total: int) -> None:
        nonlocal estimate
        if not tasks:
            tasks.append(bar.add_task("comparing", total=total))
            estimate = _Estimate(case.count_uncompared().outdated) if case else None
        bar.update(tasks[0], completed=done, total=total)
        if estimate:
            estimate.update(done, total)

    return show


def format_duration(seconds: float) -> str:
    """Return a duration in its largest usual unit, such as `about 12 minutes`."""
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"about {seconds / length:.0f} {unit}"
    return f"about {seconds:.0f} seconds"


class _Estimate:
    """The line that states how long comparing takes, printed once after a short sample."""

    def __init__(self, outdated: int) -> None:
        self._outdated = outdated
        self._first: tuple[int, float] | None = None
        self._is_printed = False

    def update(self, done: int, total: int) -> None:
        """Print the line as soon as enough was compared."""
        now = time.monotonic()
        if self._first is None:
            # Opening the indexes comes before the first one that is done.
            self._first = (done, now) if done else None
            return
        compared, seconds = done - self._first[0], now - self._first[1]
        if self._is_printed or not compared or seconds < SAMPLE_SECONDS:
            return
        self._is_printed = True
        left = LATER_SHARE * (total - done) * seconds / compared
        if self._outdated:
            files = "1 file comes" if self._outdated == 1 else f"{self._outdated} files come"
            those = "is" if self._outdated == 1 else "are"
            print_message(f"{files} from an older version and {those} compared anew; {format_duration(left)}")
        elif left >= MIN_STATED_SECONDS:
            print_message(f"comparing {count_of(total, 'file')}; {format_duration(left)}")
