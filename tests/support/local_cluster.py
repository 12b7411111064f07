"""A Ray cluster on this machine: shared by the engines of the tests, small, and without a dashboard."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from mediafp.engine.cluster import session
from mediafp.engine.local.process import WORKER_MODULE

CLUSTER_CPUS = 4
"""Workers of the cluster."""


def require_ray() -> None:
    """Skip a test where the extra `cluster` is missing."""
    if find_spec("ray") is None:
        pytest.skip("Ray is missing: install mediafp[cluster]")


@contextmanager
def running_cluster() -> Iterator[None]:
    """Keep a cluster of this machine running, so that each engine need not start one."""
    require_ray()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "cpu_count", lambda: CLUSTER_CPUS)
        patch.setattr(session, "LOCAL_STORE_BYTES", 200 << 20)
        session.open_session(None)
    try:
        yield
    finally:
        session.close_session()


def find_workers(parent: int | None = None) -> list[int]:
    """Return the process identifiers of the workers below a process, or below this one, on whatever level."""
    parents = {}
    workers = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if WORKER_MODULE.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                workers.append(int(folder.name))
        except OSError:
            continue
    return [pid for pid in workers if (parent or os.getpid()) in _ancestors(pid, parents)]


def _ancestors(pid: int, parents: dict[int, int]) -> Iterator[int]:
    while pid := parents.get(pid, 0):
        yield pid


@contextmanager
def two_nodes(folder: Path) -> Iterator[Any]:
    """Yield a cluster of two nodes with one CPU each, which a process connects to by its address."""
    require_ray()
    # Before Ray is imported, and for all of its processes.
    os.environ |= session.RAY_VARIABLES
    if "RAY_AUTH_MODE" not in os.environ:
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": session._token}
    from ray._raylet import AuthenticationTokenLoader, Config
    from ray.cluster_utils import Cluster

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()
    options = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={**options, "temp_dir": str(folder)})
    try:
        cluster.add_node(num_cpus=1, object_store_memory=100 << 20)
        yield cluster
    finally:
        cluster.shutdown()
