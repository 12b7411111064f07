"""The connection of this process to Ray: which cluster, how Ray is started, and that it sends nothing else.

Ray imports and starts for seconds, so it is imported by the functions that need it.
"""

import logging
import os
import resource
import secrets
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, Final

from mediafp.types.errors import UsageError

CONNECT_SECONDS: Final = 5.0
"""Wall seconds that the address of a cluster gets to answer. Chosen, not measured."""
LOCAL_STORE_BYTES: Final = 512 << 20
"""Memory, bytes, for files and results in transit of the cluster on this machine alone. Chosen: 16 files of `INLINE_BYTES`."""
_GREETING: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""First bytes of an HTTP/2 connection: the preface and empty settings (RFC 9113, sections 3.4 and 6.5)."""
_SETTINGS: Final = 4
"""Type of the frame that an HTTP/2 server, which Ray's is, sends first."""
RAY_VARIABLES: Final = {
    # Ray would report to its makers how it is used.
    "RAY_USAGE_STATS_ENABLED": "0",
    # Under `uv run`, Ray would send the current folder to the nodes.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}
"""Environment variables that are set before Ray is imported, whatever the user has set."""

MAX_OPEN_FILES: Final = 1 << 16
"""Open files of this process. Chosen, not measured: a worker on a node needs four."""
FOLDER_PREFIX: Final = "mediafp-ray-"
"""Start of the name of the folder for session files, which the number of the process follows."""

_logger = logging.getLogger(__name__)
_lock = threading.Lock()
_sessions = 0
"""Number of engines that use the connection."""
_address: str | None = None
"""Address of the cluster that this process is connected to; None for that on this machine."""
_token = secrets.token_hex(32)
"""Token of the clusters on this machine."""
_former_variables: dict[str, str | None] = {}
"""Values that environment variables had before this module set them; None for those that were not set."""
_folder: str | None = None
"""Folder for the session files of the cluster on this machine."""


def open_session(address: str | None) -> Any:
    """Connect to a cluster, unless this process is connected to it, and return the module `ray`.

    Args:
        address: HOST:PORT of the cluster; None to start one on this machine alone.

    Raises:
        UsageError: Ray is not installed, no cluster answers, or this process is connected to another one.
    """
    global _address, _folder, _sessions
    with _lock, _restored_without_sessions():
        _set_variables(address)
        try:
            ray = import_module("ray")
            # If the program has imported Ray before, or had another session, it has read the variables before.
            raylet = import_module("ray._raylet")
            raylet.Config.initialize("")
            if not _sessions:
                raylet.AuthenticationTokenLoader.instance().reset_cache()
        except ImportError as error:
            raise UsageError(
                "cannot use the engine ray: the library 'ray' is missing; install it with:"
                " pip install 'mediafp[cluster]'"
            ) from error
        if _sessions and _address != address:
            raise UsageError(
                f"cannot connect to {address or 'this machine'}: this process uses the cluster at"
                f" {_address or 'this machine'}; close it first"
            )
        if not _sessions and ray.is_initialized():
            raise UsageError("cannot start the engine ray: this process has started Ray itself; end it first")
        if not _sessions:
            if address is not None:
                check_address(address)
            else:
                remove_left_folders()
                _folder = tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-")
            try:
                with _kept_signal_handlers():
                    _connect(ray, address)
            except BaseException as error:
                _end_connection(ray)
                if isinstance(error, SystemExit) and error.code == signal.SIGTERM:
                    # Ray's handler turned the signal into this.
                    signal.raise_signal(signal.SIGTERM)
                if not isinstance(error, Exception | SystemExit):
                    raise
                # Its message may quote an address, never a token.
                reason = str(error).strip().splitlines()
                token = "" if address is None else "; put its token into ~/.ray/auth_token or RAY_AUTH_TOKEN"
                raise UsageError(
                    f"cannot connect to the cluster at {address or 'this machine'}:"
                    f" {reason[0] if reason else type(error).__name__}{token}; see docs/scale.md"
                ) from error
            _raise_open_files()
        _sessions += 1
        _address = address
    return ray


def close_session() -> None:
    """End the use of the connection, and the connection with the last one."""
    global _sessions
    with _lock, _restored_without_sessions():
        _sessions -= 1
        if not _sessions:
            _end_connection(import_module("ray"))


def _set_variables(address: str | None) -> None:
    """Set the environment variables with which Ray is imported and started."""
    wanted = dict(RAY_VARIABLES)
    if address is None and "RAY_AUTH_MODE" not in os.environ:
        # Otherwise Ray would write a token to the user's folder. Its ports are open to those who know the token alone.
        wanted |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _token}
    for name, value in wanted.items():
        _former_variables.setdefault(name, os.environ.get(name))
        os.environ[name] = value


@contextmanager
def _restored_without_sessions() -> Iterator[None]:
    """Restore the environment at the end of the block, unless the connection is used: other programs must not get the token."""
    try:
        yield
    finally:
        if not _sessions:
            for name, value in _former_variables.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
            _former_variables.clear()


def _end_connection(ray: Any) -> None:
    """End the processes of Ray that this one started, and remove their files."""
    try:
        with _kept_signal_handlers():
            ray.shutdown()
    finally:
        _remove_folder()


def check_address(address: str) -> None:
    """Raise UsageError unless a cluster may be at an address: without this check, Ray would try for 80 seconds."""
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 1 << 16 or "/" in host:
        raise UsageError(
            f"cannot connect to the cluster at {address!r}: it is not of the form HOST:PORT; name the address that"
            " 'ray start --head' prints"
        )
    try:
        with socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS) as connection:
            connection.settimeout(CONNECT_SECONDS)
            connection.sendall(_GREETING)
            answer = connection.recv(9)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"cannot connect to the cluster at {address!r}: {reason}; start it with: ray start --head"
        ) from error
    if len(answer) < 4 or answer[3] != _SETTINGS:
        raise UsageError(
            f"cannot connect to the cluster at {address!r}: another program answers there; name the address that"
            " 'ray start --head' prints"
        )


def _connect(ray: Any, address: str | None) -> None:
    job_config = import_module("ray.job_config")

    class _JobConfig(job_config.JobConfig):  # type: ignore[misc, name-defined]
        """Settings of this connection."""

        def _serialize(self) -> Any:
            # Processes of the nodes would import modules from the current folder of this one, which may hold hostile ones.
            self._py_driver_sys_path.clear()
            return super()._serialize()

    options: dict[str, Any] = {"job_config": _JobConfig(), "log_to_driver": False, "configure_logging": False}
    if address is None:
        options |= {
            "num_cpus": os.cpu_count() or 1,
            "object_store_memory": LOCAL_STORE_BYTES,
            "include_dashboard": False,
            "_temp_dir": _folder,
        }
    # Ray prints the ends of its processes to standard output, which is for results.
    ray._private.worker.print_to_stdstream = _log_lines
    ray.init(address=address or "local", **options)


def _log_lines(data: dict[str, Any], **_: Any) -> None:
    for line in data["lines"]:
        _logger.info("Ray: %s", line)


def remove_left_folders() -> None:
    """Remove the folders with session files of this user's processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*-*"):
        pid = folder.name.removeprefix(FOLDER_PREFIX).partition("-")[0]
        with suppress(OSError):
            is_own = folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.getuid()
            if is_own and pid.isdecimal() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
                shutil.rmtree(folder, ignore_errors=True)


def _raise_open_files() -> None:
    """Let this process open as many files as `MAX_OPEN_FILES`: each file in progress is open, and there are hundreds of nodes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _remove_folder() -> None:
    global _folder
    if _folder and Path(_folder).is_dir():
        shutil.rmtree(_folder, ignore_errors=True)
    _folder = None


@contextmanager
def _kept_signal_handlers() -> Iterator[None]:
    """Restore what SIGTERM does, since Ray sets a handler of its own, and delay the first interrupt.

    One in the middle of its start or end would leave Ray in a state in which this process neither works nor ends.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # Python's own, or that of the command line; not callable if interrupts are ignored.
    interrupt = handlers[signal.SIGINT]
    interrupts: list[int] = []

    def delay(number: int, frame: FrameType | None) -> None:
        interrupts.append(number)
        if len(interrupts) > 1 and callable(interrupt):
            interrupt(number, frame)

    if callable(interrupt):
        signal.signal(signal.SIGINT, delay)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if interrupts and callable(interrupt):
        interrupt(signal.SIGINT, None)
