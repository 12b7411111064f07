"""Nodes of a cluster that are lost, unfit or taken over: files go to other nodes, and no wrong result is believed."""

import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from local_cluster import two_nodes
from PIL import Image

from mediafp.cli.demo.voice import synthesise_speech
from mediafp.engine.cluster import pool, remote_worker, transcription
from mediafp.engine.cluster.engine import RayEngine
from mediafp.engine.cluster.messages import Frame, NodeReport, SpeechFrame, encode
from mediafp.engine.cluster.node import NodeWorker, cluster_version
from mediafp.engine.cluster.transcription import ClusterTranscription
from mediafp.engine.comparison.messages import AssetAnswer, AssetRequest, PairTask
from mediafp.engine.local import messages
from mediafp.engine.local.engine import LocalEngine
from mediafp.ingest.files import OpenFile, file_sha256, open_file
from mediafp.types.errors import UsageError, WorkerLost
from mediafp.types.media import Audio
from mediafp.types.runs import SpeechOptions
from mediafp.types.version import __version__

OpenEngine = Callable[..., RayEngine]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    # Not the folder of the tests: the path of a socket has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="ray-") as folder, two_nodes(Path(folder)) as running:
        import ray.cloudpickle

        # The nodes do not find the tests.
        ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
        yield running


@pytest.fixture
def open_engine(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenEngine]:
    """Function that returns an engine on the cluster, with nodes of a class."""
    engines: list[RayEngine] = []

    def create(node_class: type[NodeWorker] = NodeWorker, **options: Any) -> RayEngine:
        monkeypatch.setattr(pool, "NodeWorker", node_class)
        engines.append(RayEngine(tmp_path, address=cluster.address, **options))
        return engines[-1]

    yield create
    for engine in engines:
        engine.close()


@pytest.fixture
def photo(tmp_path: Path, photos: dict[str, np.ndarray]) -> Path:
    Image.fromarray(photos["cat"]).resize((300, 200)).save(tmp_path / "cat.png", compress_level=1)
    return tmp_path / "cat.png"


def is_on_head() -> bool:
    import ray

    here = ray.get_runtime_context().get_node_id()
    return any(node["NodeID"] == here and "node:__internal_head__" in node["Resources"] for node in ray.nodes())


class OtherVersion(NodeWorker):
    def report(self, with_version: bool) -> bytes:
        return encode(NodeReport(mediafp="0.0.1", analysis="")) if is_on_head() else super().report(with_version)


class OtherModels(NodeWorker):
    def report(self, with_version: bool) -> bytes:
        return encode(NodeReport(mediafp=__version__, analysis="other"))


class WithoutSandbox(NodeWorker):
    def report(self, with_version: bool) -> bytes:
        refusal = "Landlock: not in this kernel"
        return encode(NodeReport(mediafp=__version__, analysis=cluster_version(), refusal=refusal))


class StartsLater(NodeWorker):
    """A node whose first processes end before they report."""

    folder = ""

    def report(self, with_version: bool) -> bytes:
        for number in range(pool.MAX_FAILED_STARTS - 1):
            try:
                (Path(self.folder) / f"{'head' if is_on_head() else 'other'}-{number}").touch(exist_ok=False)
            except FileExistsError:
                continue
            os._exit(1)
        return super().report(with_version)


class NeverStarts(NodeWorker):
    def report(self, with_version: bool) -> bytes:
        os._exit(1)


class FullDisk(NodeWorker):
    def receive(self, part: bytes) -> bytes:
        if is_on_head():
            return b"cannot write to '/tmp': No space left on device"
        return super().receive(part)


class DyingInPairs(NodeWorker):
    def compare(self, task: bytes) -> bytes:
        os._exit(1)


class Curious(NodeWorker):
    """A node that asks for an asset which is not compared."""

    def compare(self, task: bytes) -> bytes:
        question = messages.encode(AssetRequest(sha256="c" * 64, part="rows"))[messages.LENGTH.size :]
        return encode(Frame(messages=[question]))


class Silent(NodeWorker):
    def compare(self, task: bytes) -> bytes:
        return encode(Frame(last=True))


class Dying(NodeWorker):
    def run(self, task: bytes, content: bytes) -> bytes:
        if b"deadly" in task:
            os._exit(1)
        return super().run(task, content)


class Bomb:
    """A pickle of it creates a file where it is read."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (self.path, "w")


class TakenOver(NodeWorker):
    def run(self, task: bytes, content: bytes) -> Any:
        kind, _, path = content.decode().partition(" ")
        if kind == "pickle":
            return Bomb(path)
        if kind == "junk":
            return b"no message"
        return encode(Frame(messages=[b"x" * 99], last=True) if kind == "message" else Frame(last=True))


class Deaf(NodeWorker):
    """A node that returns the transcript of other audio."""

    def transcribe(self, options: bytes, content: bytes) -> bytes:
        return super().transcribe(options, bytes(32_000))


class Endless(NodeWorker):
    """A node that reports progress, and never a transcript."""

    def transcribe(self, options: bytes, content: bytes) -> bytes:
        return self.listen()

    def listen(self) -> bytes:
        return encode(SpeechFrame(share=0.5))


class WithoutModel(NodeWorker):
    def transcribe(self, options: bytes, content: bytes) -> bytes:
        return encode(SpeechFrame(error="cannot transcribe: the model is missing"))


class Paths(NodeWorker):
    def run(self, task: bytes, content: bytes) -> bytes:
        return "\n".join(sys.path).encode()


def analyse(engine: RayEngine, path: Path) -> tuple[str, ...]:
    with open_file(path) as file:
        return tuple(f.type for f in engine.analyse(file, file_sha256(file), "image").fingerprints)


def test_cluster_analyses_as_many_files_at_once_as_it_has_cpus(open_engine: OpenEngine, photo: Path) -> None:
    engine = open_engine()
    assert engine.concurrency == 2
    with ThreadPoolExecutor(4) as threads:
        found = set(threads.map(lambda _: analyse(engine, photo), range(8)))
    assert len(found) == 1
    assert {share.node.id for share in engine._cluster._all} == set(engine._cluster._nodes)


def test_nodes_do_not_import_from_the_current_folder(
    open_engine: OpenEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine = open_engine(Paths)
    engine.start()
    with engine._cluster.worker() as worker:
        paths = engine._cluster.fetch(worker.actor.run.remote(b"", b""), 60).decode().split("\n")
        with pytest.raises(remote_worker.NodeLostError, match="bytes"):
            engine._cluster.fetch(worker.actor.run.remote(b"", b""), 60, 10)
    assert len(paths) > 3 and str(tmp_path) not in paths and "" not in paths
    assert not [path for path in paths if "tests" in Path(path).parts]


def test_node_of_another_version_is_refused_and_named(
    open_engine: OpenEngine, photo: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = open_engine(OtherVersion)
    assert engine.concurrency == 1 and analyse(engine, photo)
    assert f"is refused: it has mediafp 0.0.1, and this machine {__version__}" in caplog.text


@pytest.mark.parametrize(
    ("node_class", "reason"), [(OtherModels, "install the same packages"), (WithoutSandbox, "--unsafe-no-sandbox")]
)
def test_cluster_without_a_fit_node_is_refused(
    open_engine: OpenEngine, photo: Path, node_class: type[NodeWorker], reason: str
) -> None:
    engine = open_engine(node_class)
    with pytest.raises(UsageError, match="cannot run tasks on the cluster") as refused:
        _ = engine.concurrency
    assert str(refused.value).count("node ") >= 2
    with pytest.raises(UsageError):
        analyse(engine, photo)


def test_node_that_fails_to_start_a_process_is_asked_again(
    open_engine: OpenEngine,
    tmp_path: Path,
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(pool, "RETRY_SECONDS", 0.1)
    monkeypatch.setattr(StartsLater, "folder", str(tmp_path))
    engine = open_engine(StartsLater)
    assert engine.concurrency == 2 and analyse(engine, photo)
    assert "is refused" not in caplog.text


def test_node_that_never_starts_a_process_is_refused(
    open_engine: OpenEngine, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "RETRY_SECONDS", 0.1)
    engine = open_engine(NeverStarts)
    with pytest.raises(UsageError, match="it starts no process of mediafp"):
        analyse(engine, photo)
    assert {node.failed_starts for node in engine._cluster._nodes.values()} == {pool.MAX_FAILED_STARTS}


def test_node_whose_disk_is_full_gets_small_files_alone(
    open_engine: OpenEngine, photo: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(remote_worker, "_shared_path", lambda file: None)
    engine = open_engine(FullDisk)
    assert engine.concurrency == 2
    with ThreadPoolExecutor(2) as threads:
        assert all(threads.map(lambda _: analyse(engine, photo), range(8)))
        for module in (pool, remote_worker):
            monkeypatch.setattr(module, "INLINE_BYTES", 1000)
        assert all(threads.map(lambda _: analyse(engine, photo), range(8)))
        assert caplog.text.count("No space left on device") == 1
        for module in (pool, remote_worker):
            monkeypatch.setattr(module, "INLINE_BYTES", 1 << 30)
        assert all(threads.map(lambda _: analyse(engine, photo), range(8)))
    assert {share.node.id for share in engine._cluster._all} == set(engine._cluster._nodes)


def test_file_that_ends_its_node_each_time_fails_alone(
    open_engine: OpenEngine, tmp_path: Path, photo: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    deadly = tmp_path / "deadly.png"
    deadly.write_bytes(photo.read_bytes())
    engine = open_engine(Dying)
    with pytest.raises(WorkerLost, match=r"deadly\.png.*its node was lost 3 times") as lost:
        analyse(engine, deadly)
    assert lost.value.attempts == pool.MAX_LOST_NODES
    assert analyse(engine, photo)
    time.sleep(2 * pool.REFRESH_SECONDS)
    assert capfd.readouterr().out == "", "standard output is for results"


class Reading:
    """A service that reads its rows for longer than the test."""

    def answer(self, request: bytes) -> bytes:
        if request:
            time.sleep(600)
        return b"read"


def test_nobody_waits_for_a_service_that_is_ended(open_engine: OpenEngine) -> None:
    engine = open_engine()
    nodes = engine.open_services(Reading)
    assert [node.ask(b"") for node in nodes] == [b"read"] * 2
    with ThreadPoolExecutor(2) as threads:
        answers = [threads.submit(node.ask, b"all rows") for node in nodes]
        time.sleep(1)
        assert not any(answer.done() for answer in answers)
        ended = time.monotonic()
        engine.close_services()
        for answer in answers:
            with pytest.raises(WorkerLost, match="its process"):
                answer.result(60)
        assert time.monotonic() - ended < 3 * pool.REFRESH_SECONDS
    with pytest.raises(WorkerLost, match="the service was ended"):
        nodes[0].ask(b"")
    # Its workers go on, and so do further services.
    assert [node.ask(b"") for node in engine.open_services(Reading)] == [b"read"] * 2


PAIR = PairTask(a="a" * 64, b="b" * 64, promise=1.0, rows=(0, 0), state=1)


def test_pair_that_ends_its_node_each_time_is_lost_alone(open_engine: OpenEngine, photo: Path) -> None:
    engine = open_engine(DyingInPairs)
    with pytest.raises(WorkerLost, match=r"cannot compare a{64} with b{64}: its node was lost 3 times"):
        engine.compare(PAIR, lambda request: AssetAnswer(data=None), lambda result: result)
    assert analyse(engine, photo)


@pytest.mark.parametrize(
    ("node_class", "reason"),
    [(Curious, "an asset that is not compared"), (Silent, r"messages of \[\] bytes in place of one")],
)
def test_pair_on_a_node_that_was_taken_over_gives_no_asset_away(
    open_engine: OpenEngine, node_class: type[NodeWorker], reason: str
) -> None:
    asked: list[AssetRequest] = []
    with pytest.raises(WorkerLost, match=reason):
        open_engine(node_class).compare(PAIR, asked.append, lambda result: result)
    assert asked == []


@pytest.mark.parametrize("answer", ["pickle", "junk", "message", "nothing"])
def test_what_a_node_returns_that_was_taken_over_is_not_believed(
    open_engine: OpenEngine, tmp_path: Path, answer: str
) -> None:
    file = tmp_path / "a.png"
    file.write_text(f"{answer} {tmp_path / 'read'}")
    with pytest.raises(WorkerLost, match=r"a\.png"):
        analyse(open_engine(TakenOver), file)
    assert not (tmp_path / "read").exists(), "no pickle of a node is read"


def test_large_file_is_read_where_it_is_or_copied(
    open_engine: OpenEngine,
    tmp_path: Path,
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    for module in (pool, remote_worker):
        monkeypatch.setattr(module, "INLINE_BYTES", 1000)
    monkeypatch.setattr(remote_worker, "UPLOAD_BYTES", 50_000)
    engine = open_engine()
    expected = analyse(engine, photo)
    assert "is copied to node" not in caplog.text
    # The same path is another file on the node.
    other = tmp_path / "other.png"
    other.write_bytes(photo.read_bytes()[::-1])
    for path in (bytes(other), bytes(tmp_path / "missing.png"), None):
        caplog.clear()
        with monkeypatch.context() as patch:
            patch.setattr(remote_worker, "_shared_path", lambda file, path=path: path)
            assert analyse(engine, photo) == expected
        assert "is copied to node" in caplog.text


def test_transcripts_equal_those_of_this_machine(
    open_engine: OpenEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthesise_speech("The president spoke about the harbour. Nobody answered the question.", tmp_path / "a.wav")
    speech = SpeechOptions(threads=2)
    monkeypatch.setattr(remote_worker, "UPLOAD_BYTES", 50_000)
    with LocalEngine(tmp_path) as local, open_file(tmp_path / "a.wav") as file:
        (audio,), _ = local.read_audio(file)
        queue = local.open_transcription(speech)
        expected = queue.submit(audio).result(300)
        queue.shutdown()
    assert expected.transcript.segments
    for node_class, inline_bytes in ((NodeWorker, 1 << 30), (NodeWorker, 1000), (Deaf, 1 << 30)):
        for module in (pool, remote_worker):
            monkeypatch.setattr(module, "INLINE_BYTES", inline_bytes)
        shares: list[float] = []
        with open_engine(node_class) as engine:
            queue = engine.open_transcription(speech)
            assert isinstance(queue, ClusterTranscription) and queue.concurrency == 2
            found = queue.submit(audio, on_progress=shares.append).result(300)
            queue.shutdown()
        assert found.transcript == expected.transcript and found.model_rank == expected.model_rank
        assert np.array_equal(found.fingerprint.vectors, expected.fingerprint.vectors) and shares[-1] == 1.0


def test_node_that_reports_progress_forever_is_not_waited_for(
    open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for name in ("VIDEO_WALL_SECONDS", "CPU_SECONDS_PER_MEDIA_SECOND"):
        monkeypatch.setattr(transcription, name, 0.0)
    queue = open_engine(Endless).open_transcription(SpeechOptions(threads=2))
    found = queue.submit(Audio(samples=np.zeros(16_000, np.int16), start=0.0)).result(300)
    queue.shutdown()
    assert found.transcript.segments == (), "this machine transcribes silence"
    assert caplog.text.count("no transcript of 1 s of audio in time") == pool.MAX_LOST_NODES


def test_node_without_the_speech_model_is_refused(open_engine: OpenEngine, tmp_path: Path) -> None:
    queue = open_engine(WithoutModel).open_transcription(SpeechOptions(threads=2))
    with pytest.raises(UsageError, match="the model is missing"):
        queue.submit(Audio(samples=np.zeros(16_000, np.int16), start=0.0)).result(300)
    queue.shutdown()


def test_shared_path_is_that_of_the_open_file_alone(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    with open_file(tmp_path / "a") as file:
        assert remote_worker._shared_path(file) == os.fsencode((tmp_path / "a").resolve())
        (tmp_path / "a").rename(tmp_path / "b")
        assert remote_worker._shared_path(file) == os.fsencode((tmp_path / "b").resolve())
        (tmp_path / "b").unlink()
        assert remote_worker._shared_path(file) is None
    with tempfile.TemporaryFile() as unnamed, OpenFile("a", os.dup(unnamed.fileno())) as file:
        assert remote_worker._shared_path(file) is None


def test_files_of_a_lost_node_go_to_the_others(
    open_engine: OpenEngine, cluster: Any, photo: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The last test of this module: the cluster has one node less behind it."""
    engine = open_engine()
    assert engine.concurrency == 2
    with ThreadPoolExecutor(2) as threads:
        results = [threads.submit(analyse, engine, photo) for _ in range(40)]
        while not any(result.done() for result in results):
            time.sleep(0.01)
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        assert all(result.result(300) for result in results)
    assert analyse(engine, photo)
