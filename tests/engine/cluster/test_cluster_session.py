"""The connection to Ray: addresses that are no cluster, missing packages, and what is left of killed processes."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
from local_cluster import require_ray
from typer.testing import CliRunner

from mediafp.case import open_case
from mediafp.cli.app import app
from mediafp.engine.cluster import session
from mediafp.engine.cluster.engine import RayEngine
from mediafp.types.errors import UsageError
from mediafp.types.runs import EngineOptions


@contextmanager
def listening(answer: bytes | None) -> Iterator[str]:
    """Yield the address of a server that sends some bytes to whoever connects, or nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        stopped = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                if answer is not None:
                    connection.recv(100)
                    connection.sendall(answer)
                stopped.wait(60)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            stopped.set()
            thread.join()


@pytest.mark.parametrize("address", ["", "host", ":6379", "host:", "host:x", "host:0", "host:65536", "ray://host:1"])
def test_address_of_another_form_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match=r"HOST:PORT; name the address that 'ray start --head' prints"):
        session.check_address(address)


def test_address_without_a_server_is_refused_with_the_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(UsageError, match=f"cluster at '{address}'.*refused.*ray start --head"):
        session.check_address(address)
    with pytest.raises(UsageError, match=r"nohost\.invalid"):
        session.check_address("nohost.invalid:6379")


def test_server_that_is_no_cluster_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "CONNECT_SECONDS", 0.2)
    for answer in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SS", None):
        with listening(answer) as address, pytest.raises(UsageError, match="cannot connect to the cluster"):
            session.check_address(address)
    with listening(bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))) as address:
        session.check_address(address)


def test_engine_without_ray_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    with RayEngine(tmp_path) as engine, pytest.raises(UsageError, match=r"pip install 'mediafp\[cluster\]'"):
        _ = engine.concurrency


def test_environment_is_restored_when_the_last_session_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_ray()
    import ray

    for name in (*session.RAY_VARIABLES, "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    monkeypatch.setattr(session, "_former_variables", {})
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    tokens = []
    monkeypatch.setattr(session, "_connect", lambda *_: tokens.append(os.environ["RAY_AUTH_TOKEN"]))
    before = dict(os.environ)
    for _ in range(2):
        session.open_session(None)
        session.open_session(None)
        session.close_session()
        assert os.environ["RAY_AUTH_TOKEN"] == tokens[0] and os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
        session.close_session()
        assert dict(os.environ) == before
    assert len(tokens) == 2 and len(set(tokens)) == 1

    def fail(*_: object) -> None:
        raise ConnectionError("no cluster")

    monkeypatch.setattr(session, "_connect", fail)
    with pytest.raises(UsageError, match="no cluster"):
        session.open_session(None)
    assert dict(os.environ) == before


def end_command(number: int, frame: FrameType | None) -> None:
    """A handler of a program, as the command line has one."""
    raise KeyboardInterrupt


HEAD = """
import sys
from ray.cluster_utils import Cluster
head = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False, "temp_dir": sys.argv[1]}
cluster = Cluster(initialize_head=True, head_node_args=head)
print("at", cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""
"""A program that runs a cluster until its input ends."""


def test_cluster_with_another_token_follows_one_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray keeps the first token that it has read."""
    require_ray()
    monkeypatch.setattr(session, "LOCAL_STORE_BYTES", 100 << 20)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    other = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "b" * 64}
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        head = subprocess.Popen(
            [sys.executable, "-c", HEAD, folder],
            env={**os.environ, **session.RAY_VARIABLES, **other},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert head.stdout
            address = next(line.split()[1] for line in head.stdout if line.startswith("at "))
            for at in (None, address, None):
                with monkeypatch.context() as patch:
                    for name, value in other.items() if at else ():
                        patch.setenv(name, value)
                    assert len(session.open_session(at).nodes()) == 1
                    session.close_session()
        finally:
            head.communicate("", timeout=60)


@pytest.fixture(params=[signal.default_int_handler, end_command])
def interrupt_handler(request: pytest.FixtureRequest) -> Iterator[None]:
    """The handler of interrupts; other tests of the process may have set another one."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupt_handler")
def test_interrupt_waits_until_ray_has_started_or_ended() -> None:
    steps: list[str] = []
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), session._kept_signal_handlers():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.raise_signal(signal.SIGINT)
        steps.append("after the first")
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        steps.append("after the second")
    assert len(steps) == 2
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.usefixtures("interrupt_handler")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_during_the_start_of_ray_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Before, SIGTERM was taken for a missing cluster, and an interrupt left Ray's processes and a process that did not end."""
    require_ray()
    import ray

    received: list[int] = []
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(ray, "shutdown", lambda: received.append(-1))

    def connect(*_: object) -> None:
        signal.raise_signal(number)
        if number == signal.SIGTERM:
            # As Ray's own handler does.
            raise SystemExit(int(number))

    def handler(number: int, _: object) -> None:
        received.append(number)
        if number == signal.SIGINT or -1 in received:
            raise KeyboardInterrupt

    monkeypatch.setattr(session, "_connect", connect)
    former = signal.signal(signal.SIGTERM, handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            session.open_session(None)
    finally:
        signal.signal(signal.SIGTERM, former)
    assert -1 in received and list(tmp_path.iterdir()) == []


def test_address_needs_the_engine_ray() -> None:
    with pytest.raises(UsageError, match="--engine ray"):
        EngineOptions(address="host:6379")
    assert EngineOptions(name="ray", address="host:6379").address == "host:6379"


@pytest.mark.skipif(sys.platform != "linux", reason="processes are listed in /proc")
def test_folders_of_killed_processes_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    gone = 1 << 30
    for name in (f"mediafp-ray-{gone}-a", f"mediafp-ray-{os.getpid()}-b", "mediafp-ray-x-c", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / f"mediafp-ray-{gone}-link").symlink_to(tmp_path / "other")
    session.remove_left_folders()
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == sorted((f"mediafp-ray-{gone}-link", f"mediafp-ray-{os.getpid()}-b", "mediafp-ray-x-c", "other"))


def test_commands_without_a_cluster_end_with_the_reason(tmp_path: Path) -> None:
    require_ray()
    (tmp_path / "a.png").write_bytes(b"")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    for command in ("ingest", "transcribe"):
        arguments = ["--store", str(tmp_path / "store"), command, str(tmp_path / "a.png"), "--address", address]
        with pytest.raises(UsageError, match="--engine ray"):
            CliRunner().invoke(app, arguments, catch_exceptions=False)
        with pytest.raises(UsageError, match=f"cluster at '{address}'"):
            CliRunner().invoke(app, [*arguments, "--engine", "ray"], catch_exceptions=False)
    with open_case(tmp_path / "store") as case:
        assert case.count_assets() == 0 and not case.failures()
