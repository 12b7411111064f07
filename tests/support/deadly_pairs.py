"""Real workers that crash whenever they compare one pair, as they would for a hostile thumbnail."""

import os
import sys
from pathlib import Path

import pytest

from mediafp.engine.cluster import pool
from mediafp.engine.cluster.node import NodeWorker
from mediafp.engine.local import process

CRASHING_WORKER = """
import ctypes, sys
from mediafp.engine.comparison.comparer import PairComparer
from mediafp.engine.local import worker

compare = PairComparer.compare

def crash_or_compare(self, task):
    if {task.a, task.b} == {deadly!r}:
        ctypes.string_at(0)
    return compare(self, task)

PairComparer.compare = crash_or_compare
worker.main(sys.argv[1:])
"""
"""A worker that enters the sandbox like any other, and reads the address 0 when it compares the pair."""


class CrashingNode(NodeWorker):
    """A node with such workers."""

    folder = ""

    def __init__(self, *, sandboxed: bool) -> None:
        os.environ["PYTHONPATH"] = self.folder
        process.WORKER_MODULE = "crashing"
        super().__init__(sandboxed=sandboxed)


def use_deadly_pair(folder: Path, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace real workers, of this machine and of nodes, by ones that crash when they compare a pair."""
    folder.mkdir()
    (folder / "crashing.py").write_text(CRASHING_WORKER.replace("{deadly!r}", repr(set(pair))))
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    monkeypatch.setattr(process, "WORKER_MODULE", "crashing")
    monkeypatch.setattr(CrashingNode, "folder", str(folder))
    monkeypatch.setattr(pool, "NodeWorker", CrashingNode)
    if "ray" in sys.modules:
        import ray.cloudpickle

        # The nodes do not find this module.
        ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
