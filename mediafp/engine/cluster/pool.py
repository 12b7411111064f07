"""Workers on the nodes of a cluster: placed, lent, given up, and replaced if their node is lost.

The driver alone decides which node gets a task. Ray starts and ends the processes, and carries bytes.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, override

from mediafp.engine.cluster.messages import INLINE_BYTES, decode_report
from mediafp.engine.cluster.node import NodeWorker, cluster_version
from mediafp.engine.cluster.remote_worker import (
    MAX_ANSWER_BYTES,
    START_SECONDS,
    Node,
    NodeFullError,
    NodeLostError,
    NodeUnfitError,
    RemoteWorker,
    Share,
)
from mediafp.engine.cluster.session import close_session, open_session
from mediafp.engine.local.capabilities import WorkerCapabilities
from mediafp.engine.local.messages import Failure
from mediafp.engine.local.pool import TaskPool, TaskWorker
from mediafp.types.errors import UsageError, WorkerLost
from mediafp.types.node_services import NodeService, ServiceNode
from mediafp.types.version import __version__

_logger = logging.getLogger(__name__)

MAX_LOST_NODES: Final = 3
"""Times that the node of one file may be lost before the file counts as failed. Chosen, not measured."""
MAX_FAILED_STARTS: Final = 3
"""Processes in a row that a node may fail to start before it gets no further one. Chosen, not measured."""
RETRY_SECONDS: Final = 10.0
"""Wall seconds after which a node that has failed to start a process is asked for another one. Chosen, not measured."""
REFRESH_SECONDS: Final = 2.0
"""Wall seconds after which a thread that waits for a worker checks again which nodes there are. Chosen, not measured."""
SERVICE_SECONDS: Final = 1800.0
"""Wall seconds that a service of a node gets to answer: it may read 100 million rows first. Chosen, not measured."""
MAX_SERVICE_BYTES: Final = 512 << 20
"""Bytes of an answer of a service: 40 million rows near one query row. Chosen, not measured."""
CLOSE_SECONDS: Final = 10.0
"""Wall seconds that tasks in progress get to end when the pool is closed. Chosen, not measured."""


class ClusterPool(TaskPool):
    """Workers on the nodes of a cluster, one for each core that the cluster states.

    It connects with the first task, or with `connect`. A node that is not fit (another version of mediafp, no sandbox)
    is refused with a warning; if none is left, tasks raise UsageError.
    """

    def __init__(self, scratch_folder: Path, *, sandboxed: bool, address: str | None) -> None:
        """Create a pool without a connection.

        Args:
            scratch_folder: Folder of this machine for the unnamed files that hold audio and thumbnails.
            sandboxed: False to run the workers without a sandbox.
            address: HOST:PORT of the cluster; None to start one on this machine alone.
        """
        super().__init__(scratch_folder, sandboxed=sandboxed)
        self._address = address
        self._ray: Any = None
        self._actor_class: Any = None
        self._condition = threading.Condition()
        self._nodes: dict[str, Node] = {}
        self._idle: list[Share] = []
        """Shares without a task; the one that was used last is used first."""
        self._all: set[Share] = set()
        self._lent = 0
        """Workers that are lent, or that a thread starts: the connection is kept for them, as Ray ends the process otherwise."""
        self._services: list[Any] = []
        """Processes of services, one on each node."""
        self._refreshed = 0.0
        self._task = threading.local()
        """The nodes that the task of each thread avoids: those that it has lost before, and those that cannot hold its file."""

    # Nodes ------------------------------------------------------------------------------------------

    def connect(self) -> int:
        """Connect to the cluster, check every node, and return the number of workers that it runs at once.

        Raises:
            UsageError: No cluster answers, or it has no node that is fit.
        """
        with self._condition:
            if self._ray is None and not self._closed:
                self._ray = open_session(self._address)
                self._actor_class = self._ray.remote(NodeWorker)
                self._refresh()
                nodes = list(self._nodes.values())
            else:
                nodes = []
        if nodes:
            with ThreadPoolExecutor(min(len(nodes), 32), "mediafp-nodes") as threads:
                list(threads.map(self._start_first_share, nodes))
        with self._condition:
            count = sum(node.cpus for node in self._nodes.values() if not node.refusal)
            if not count:
                raise self._no_nodes()
        return count

    def _start_first_share(self, node: Node) -> None:
        with self._condition:
            if node.shares >= node.cpus:
                return
            node.shares += 1
            self._lent += 1
        try:
            with suppress(NodeLostError):
                self._give_back(self._start_share(node))
        finally:
            self._end_loan()

    def _refresh(self) -> None:
        """Update the nodes from what Ray states; the condition is held."""
        self._refreshed = time.monotonic()
        alive = {state["NodeID"]: state for state in self._ray.nodes() if state["Alive"]}
        for node_id in self._nodes.keys() - alive.keys():
            node = self._nodes.pop(node_id)
            self._give_up_idle(node)
            _logger.warning("node %s is lost; its files go to other nodes", node.name)
        for node_id, state in alive.items():
            cpus = int(state["Resources"].get("CPU", 0))
            if node_id not in self._nodes and cpus:
                name = f"{state['NodeManagerHostname']} ({state['NodeManagerAddress']})"
                self._nodes[node_id] = Node(id=node_id, name=name, cpus=cpus)

    def _refuse(self, node: Node, reason: str) -> None:
        """Give a node no further task."""
        with self._condition:
            if not node.refusal:
                node.refusal = reason
                if not self._closed:
                    _logger.warning("node %s is refused: %s", node.name, reason)
            self._condition.notify_all()

    def _no_nodes(self) -> UsageError:
        refused = [f"node {node.name}: {node.refusal}" for node in self._nodes.values()]
        return UsageError(
            f"cannot run tasks on the cluster at {self._address or 'this machine'}:"
            f" {'; '.join(refused) or 'it has no node with a CPU'}; see docs/scale.md"
        )

    def start(self, needed: WorkerCapabilities) -> None:
        """Start a worker on some node, so that the first task does not wait for it. Raises as `worker`."""
        self.begin_task(0)
        while True:
            with suppress(NodeLostError), self.worker(needed) as worker:
                worker.start()
                return

    # Shares -----------------------------------------------------------------------------------------

    @contextmanager
    def worker(self, needed: WorkerCapabilities = WorkerCapabilities()) -> Iterator[RemoteWorker]:  # noqa: B008
        """Lend a worker of some node; it is given up after an exception other than WorkerLost.

        Raises:
            WorkerLost: The pool is closed.
            UsageError: No cluster answers, or it has no node that is fit.
            NodeLostError: The node was lost meanwhile.
        """
        share = self._take()
        try:
            yield RemoteWorker(share, needed, fetch=self.fetch, scratch_folder=self.scratch_folder)
        except WorkerLost:
            # The node has ended the worker itself.
            self._give_back(share)
            raise
        except NodeFullError as full:
            self._give_back(share)
            self._avoided().add(share.node.id)
            if not share.node.is_full:
                share.node.is_full = True
                _logger.warning("node %s gets no file above %d bytes: %s", share.node.name, INLINE_BYTES, full)
            raise
        except NodeLostError as lost:
            self._give_up(share)
            # If the node is lost, a task that gets one of them would be lost too.
            self._give_up_idle(share.node)
            self._avoided().add(share.node.id)
            if isinstance(lost, NodeUnfitError):
                self._refuse(share.node, str(lost))
            raise
        except BaseException:
            self._give_up(share)
            raise
        else:
            self._give_back(share)
        finally:
            self._end_loan()

    def _end_loan(self) -> None:
        with self._condition:
            self._lent -= 1
            self._condition.notify_all()

    def _take(self) -> Share:
        """Return an idle share, or a fresh one of the node that has fewest."""
        if self._ray is None:
            self.connect()
        while True:
            with self._condition:
                if self._closed:
                    raise WorkerLost("crash", "the worker was ended")
                if time.monotonic() - self._refreshed > REFRESH_SECONDS:
                    self._refresh()
                fit = [node for node in self._nodes.values() if not node.refusal]
                if not fit:
                    raise self._no_nodes()
                # Of a cluster of one node, a task cannot avoid it.
                fit = [node for node in fit if node.id not in self._avoided()] or fit
                if idle := [share for share in self._idle if any(share.node is node for node in fit)]:
                    # As in `WorkerPool`: it may have kept the parts of the asset that this thread compares.
                    share = next((one for one in reversed(idle) if one.user == threading.get_ident()), idle[-1])
                    share.user = threading.get_ident()
                    self._idle.remove(share)
                    self._lent += 1
                    return share
                now = time.monotonic()
                free = [node for node in fit if node.shares < node.cpus and node.retry_at <= now]
                if not free:
                    self._condition.wait(REFRESH_SECONDS)
                    continue
                node = min(free, key=lambda node: node.shares / node.cpus)
                node.shares += 1
                self._lent += 1
            try:
                return self._start_share(node)
            except NodeLostError:
                self._end_loan()
            except BaseException:
                self._end_loan()
                raise

    def _start_share(self, node: Node) -> Share:
        """Start a process on a node, whose number of shares includes it. Raises NodeLostError."""
        placed = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node.id, soft=False)
        options = {"num_cpus": 1, "max_restarts": 0, "scheduling_strategy": placed}
        with self._condition:
            if self._closed:
                node.shares -= 1
                raise NodeLostError("the pool is closed")
            share = Share(node=node, actor=self._actor_class.options(**options).remote(sandboxed=self.sandboxed))
            self._all.add(share)
            with_version = not node.version_checked
        try:
            data = self.fetch(share.actor.report.remote(with_version), START_SECONDS)
            report = decode_report(data)
        except (NodeLostError, ValueError) as error:
            self._give_up(share)
            reason = f"it starts no process of mediafp ({error}); install mediafp {__version__} there, and free a CPU and memory"
            with self._condition:
                node.failed_starts += 1
                node.retry_at = time.monotonic() + RETRY_SECONDS
                is_last = node.failed_starts >= MAX_FAILED_STARTS
                if is_last and node.shares:
                    # Other programs use the rest of its CPUs.
                    node.cpus = node.shares
            if is_last and not node.shares:
                self._refuse(node, reason)
            raise NodeLostError(reason) from error
        refusal = ""
        if report.mediafp != __version__:
            refusal = f"it has mediafp {report.mediafp}, and this machine {__version__}; install the same version"
        elif with_version and report.analysis != cluster_version():
            refusal = "its models or fingerprint types are other ones than here; install the same packages"
        elif report.refusal:
            refusal = f"it has no sandbox ({report.refusal}); for trusted files only, add --unsafe-no-sandbox"
        if refusal:
            self._give_up(share)
            self._refuse(node, refusal)
            raise NodeUnfitError(refusal)
        node.version_checked, node.failed_starts = True, 0
        return share

    def _give_back(self, share: Share) -> None:
        with self._condition:
            if share.node.refusal or self._closed:
                self._give_up(share)
            else:
                self._idle.append(share)
            self._condition.notify_all()

    def _give_up(self, share: Share) -> None:
        """End a share."""
        with self._condition:
            if share in self._all:
                self._all.discard(share)
                share.node.shares -= 1
            self._condition.notify_all()
        with suppress(Exception):
            self._ray.kill(share.actor)

    def _give_up_idle(self, node: Node) -> None:
        """End the shares of a node that have no task."""
        with self._condition:
            idle = [share for share in self._idle if share.node is node]
            self._idle = [share for share in self._idle if share.node is not node]
        for share in idle:
            self._give_up(share)

    def _avoided(self) -> set[str]:
        """Return the nodes that the task of this thread avoids."""
        avoided: set[str] = self._task.__dict__.setdefault("avoided", set())
        return avoided

    def fetch(
        self,
        reference: Any,
        seconds: float,
        max_bytes: int = MAX_ANSWER_BYTES,
        is_ended: Callable[[], bool] = lambda: False,
    ) -> bytes:
        """Return the bytes that a node sent; anything but bytes, such as a pickle, is not read.

        Args:
            reference: The answer of Ray to a call of the node.
            seconds: Time limit.
            max_bytes: Bytes above which an answer is not read.
            is_ended: Returns True if nobody waits for the answer any more; asked every `REFRESH_SECONDS`.

        Raises:
            NodeLostError: The node is lost, its process ended, it did not answer in time, or its answer is too long; or the
                pool is closed.
        """
        worker = self._ray._private.worker.global_worker
        until = time.monotonic() + seconds
        try:
            while not self._ray.wait([reference], timeout=max(0.0, min(REFRESH_SECONDS, until - time.monotonic())))[0]:
                if self._closed or is_ended():
                    raise NodeLostError("its process was ended")
                if time.monotonic() >= until:
                    raise NodeLostError(f"no answer within {seconds:.0f} s")
            ((data, metadata, *_),) = worker.core_worker.get_objects([reference], int(seconds * 1000))
        except NodeLostError:
            raise
        except Exception as error:
            raise NodeLostError(f"{type(error).__name__}") from error
        if metadata != b"RAW":
            raise NodeLostError("its process ended or failed")
        if data is not None and data.size > max_bytes:
            raise NodeLostError(f"an answer of {data.size:,} bytes")
        return data.to_pybytes() if data is not None else b""

    def close(self) -> None:
        """End every worker, and the connection; callers whose task is in progress get WorkerLost."""
        with self._condition:
            if self._closed:
                return
            self._closed = True
            shares, connected = list(self._all), self._ray is not None
            self._condition.notify_all()
        for share in shares:
            self._give_up(share)
        self.close_services()
        if connected:
            with self._condition:
                self._condition.wait_for(lambda: not self._lent, CLOSE_SECONDS)
            close_session()

    # Services ---------------------------------------------------------------------------------------

    def open_services(self, service: Callable[[], NodeService]) -> list[ServiceNode]:
        """Start a service on each node that is fit, beside its workers, until `close_services`. Raises UsageError."""
        self.connect()
        with self._condition:
            nodes = [node for node in self._nodes.values() if node.version_checked and not node.refusal]
        return [ServiceNode(name=node.name, ask=self._start_service(service, node)) for node in nodes]

    def close_services(self) -> None:
        """End the services; requests in progress, and later ones, raise WorkerLost."""
        with self._condition:
            ended, self._services = self._services, []
        for actor in ended:
            with suppress(Exception):
                self._ray.kill(actor)

    def _start_service(self, service: Callable[[], NodeService], node: Node) -> Callable[[bytes], bytes]:
        placed = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node.id, soft=False)
        # Without a CPU of its own: all of them have workers.
        options = {"num_cpus": 0, "max_restarts": 0, "max_concurrency": node.cpus, "scheduling_strategy": placed}
        actor = self._ray.remote(service).options(**options).remote()
        with self._condition:
            self._services.append(actor)

        def is_ended() -> bool:
            return not any(one is actor for one in self._services)

        def ask(request: bytes) -> bytes:
            with self._condition:
                if self._closed or is_ended():
                    raise WorkerLost("crash", "the service was ended")
                self._lent += 1
            try:
                return self.fetch(actor.answer.remote(request), SERVICE_SECONDS, MAX_SERVICE_BYTES, is_ended)
            except NodeLostError as lost:
                raise WorkerLost("crash", str(lost)) from None
            finally:
                self._end_loan()

        return ask

    def begin_task(self, size: int) -> None:
        """Begin a task of this thread, whose file or samples have so many bytes: it avoids no node but full ones."""
        with self._condition:
            full = {node.id for node in self._nodes.values() if node.is_full}
        self._task.avoided = full if size > INLINE_BYTES else set()

    # Tasks ------------------------------------------------------------------------------------------

    @override
    def attempt[T](
        self, what: str, size: int, needed: WorkerCapabilities, request: Callable[[TaskWorker], T | Failure]
    ) -> T:
        """Return the result of a task; arguments and errors as for `TaskPool`.

        A task whose node is lost runs on another one, up to `MAX_LOST_NODES` times.
        """
        lost_nodes = 0
        self.begin_task(size)
        while True:
            try:
                return super().attempt(what, size, needed, request)
            except NodeLostError as lost:
                lost_nodes += 1
                if self._closed or lost_nodes == MAX_LOST_NODES:
                    message = (
                        "the worker was ended" if self._closed else f"its node was lost {lost_nodes} times: {lost}"
                    )
                    raise WorkerLost("crash", f"cannot {what}: {message}", attempts=lost_nodes) from None
                _logger.info("another node is to %s: %s", what, lost)
