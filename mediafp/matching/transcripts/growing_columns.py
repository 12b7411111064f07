"""Array that grows by columns without a copy of all of them each time."""

from typing import Any

import numpy as np
import numpy.typing as npt

GROWTH = 1.5
"""Factor by which the memory grows when it is full. Chosen, not measured."""


class GrowingColumns[T: np.generic]:
    """Array (…, N) whose last axis grows."""

    def __init__(self, shape: tuple[int, ...], dtype: type[T]) -> None:
        self._memory: npt.NDArray[T] = np.empty((*shape, 0), dtype)
        self._count = 0

    @property
    def columns(self) -> npt.NDArray[T]:
        """The columns (…, N), in the order in which they came."""
        # The number first: another thread may add columns, and sets it last.
        count = self._count
        return self._memory[..., :count]

    def append(self, columns: npt.NDArray[Any]) -> None:
        """Add columns (…, K) at the end."""
        count = self._count + columns.shape[-1]
        if count > self._memory.shape[-1]:
            capacity = max(count, int(GROWTH * self._memory.shape[-1]))
            memory = np.empty((*self._memory.shape[:-1], capacity), self._memory.dtype)
            memory[..., : self._count] = self.columns
            self._memory = memory
        self._memory[..., self._count : count] = columns
        self._count = count
