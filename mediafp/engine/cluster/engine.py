"""The engine on a Ray cluster: files are parsed by sandboxed workers of its nodes, results are validated here."""

from collections.abc import Callable, Sequence
from pathlib import Path

from mediafp.engine.cluster.pool import ClusterPool
from mediafp.engine.interface import TranscriptionQueue
from mediafp.engine.local.engine import LocalEngine
from mediafp.types.node_services import NodeService, ServiceNode
from mediafp.types.runs import EngineName, SpeechOptions


class RayEngine(LocalEngine):
    """Tasks on the nodes of a cluster. Implements `Engine`.

    Archives are unpacked on this machine, since their members have to come here anyway: the store records them, and their
    content is hashed. Previews and clips are made here too.
    """

    def __init__(self, scratch_folder: Path, *, sandboxed: bool = True, address: str | None = None) -> None:
        """Create an engine without a connection.

        Args:
            scratch_folder: Folder for temporary data: files without a name, which vanish with their last reader.
            sandboxed: False to run workers and FFmpeg without a sandbox: for trusted files on systems that have none.
            address: HOST:PORT of the cluster; None to start one on this machine alone.
        """
        self._cluster = ClusterPool(scratch_folder, sandboxed=sandboxed, address=address)
        super().__init__(scratch_folder, sandboxed=sandboxed, pool=self._cluster)

    def open_services(self, service: Callable[[], NodeService]) -> Sequence[ServiceNode]:
        """Start a service on each node, and return the nodes. Raises UsageError."""
        return self._cluster.open_services(service)

    def close_services(self) -> None:
        """End the services; requests in progress, and later ones, raise WorkerLost."""
        self._cluster.close_services()

    def open_transcription(self, speech: SpeechOptions) -> TranscriptionQueue:
        """Return a queue that transcribes audio on the nodes; the caller shuts it down. Raises ModelError, UsageError."""
        from mediafp.engine.cluster.transcription import ClusterTranscription

        if not ClusterTranscription.is_spread(speech):
            return super().open_transcription(speech)
        queue = ClusterTranscription(self._cluster, speech)
        self._queues.add(queue)
        return queue

    @property
    def name(self) -> EngineName:
        """Name of the engine."""
        return "ray"

    @property
    def concurrency(self) -> int:
        """Number of files that the cluster analyses at once. Raises UsageError if there is none."""
        return self._cluster.connect()
