"""Programs that run on open files: denied operations, each with a control without the sandbox, and limits."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from processes import PATIENCE_SECONDS, with_default_signals

from mediafp.engine.local import programs
from mediafp.engine.local.programs import SandboxedProgram, find_ffmpeg
from mediafp.engine.local.thread_limit import MAX_PROGRAM_THREADS
from mediafp.types.errors import MediaError, SandboxError, UsageError, WorkerLost

linux = pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp need Linux")
QUIET = ("-nostdin", "-loglevel", "error", "-y")
DENIED = "Permission denied|Operation not permitted"
"""Messages of FFmpeg and the shell for operations that Landlock and seccomp deny."""
FOREVER = ("-f", "lavfi", "-i", "testsrc2=size=1280x720", "-f", "null", "-")
"""Arguments with which FFmpeg runs forever."""


@pytest.fixture(scope="module")
def unsandboxed() -> SandboxedProgram:
    return find_ffmpeg(sandboxed=False)


@pytest.fixture(scope="module")
def sandboxed() -> SandboxedProgram:
    return find_ffmpeg(sandboxed=True)


def run(ffmpeg: SandboxedProgram, *arguments: object, descriptors: tuple[int, ...] = ()) -> None:
    ffmpeg.run([*QUIET, *map(str, arguments)], descriptors=descriptors, cpu_seconds=20, file_bytes=1 << 20)


FILES: dict[str, Callable[[Path, Path], tuple[object, ...]]] = {
    "read": lambda clip, output: ("-i", f"file:{clip}", "-f", "null", "-"),
    "read without a protocol": lambda clip, output: ("-i", clip, "-f", "null", "-"),
    "write": lambda clip, output: ("-f", "lavfi", "-i", "testsrc=d=0.1", "-f", "rawvideo", f"file:{output}"),
    "read through a filter": lambda clip, output: ("-f", "lavfi", "-i", f"movie={clip}", "-f", "null", "-"),
}


@linux
@pytest.mark.parametrize("name", FILES)
def test_sandboxed_program_opens_no_other_file(
    name: str, unsandboxed: SandboxedProgram, sandboxed: SandboxedProgram, clips: dict[str, Path], tmp_path: Path
) -> None:
    arguments = FILES[name](clips["carphone"], tmp_path / "output")
    with pytest.raises(MediaError, match=DENIED):
        run(sandboxed, *arguments)
    assert not list(tmp_path.iterdir())
    run(unsandboxed, *arguments)


PLAYLISTS = {
    "hls": ("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n", ("-allowed_extensions", "ALL")),
    "concat": ("ffconcat version 1.0\nfile '{}'\n", ("-safe", 0)),
}
ALL_PROTOCOLS = ("-protocol_whitelist", "fd,file,http,tcp,crypto,data")


@linux
@pytest.mark.parametrize("name", PLAYLISTS)
def test_sandboxed_program_follows_no_playlist(
    name: str,
    unsandboxed: SandboxedProgram,
    sandboxed: SandboxedProgram,
    clips: dict[str, Path],
    tmp_path: Path,
) -> None:
    text, options = PLAYLISTS[name]
    stream = tmp_path / "stream.ts"
    run(unsandboxed, "-i", clips["carphone"], "-c", "copy", "-f", "mpegts", stream)
    with hanging_up_server() as (port, connections):
        for target, succeeds in ((f"file:{stream}", True), (f"http://127.0.0.1:{port}/a.ts", False)):
            (tmp_path / "list").write_text(text.format(target))
            with (tmp_path / "list").open("rb") as file:
                arguments = (*ALL_PROTOCOLS, *options, "-f", name, "-fd", file.fileno(), "-i", "fd:")
                with pytest.raises(MediaError):
                    run(sandboxed, *arguments, "-f", "null", "-", descriptors=(file.fileno(),))
                assert not connections
                file.seek(0)
                try:
                    run(unsandboxed, *arguments, "-f", "null", "-", descriptors=(file.fileno(),))
                except MediaError:
                    assert not succeeds, "the control without the sandbox"
                assert bool(connections) is not succeeds, "the control without the sandbox"


@linux
@pytest.mark.parametrize("protocol", ["http", "tcp"])
def test_sandboxed_program_makes_no_connection(
    protocol: str, unsandboxed: SandboxedProgram, sandboxed: SandboxedProgram
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        arguments = ("-rw_timeout", 300_000, "-f", "mpegts", "-i", f"{protocol}://127.0.0.1:{server.getsockname()[1]}")
        for ffmpeg, connects in ((sandboxed, False), (unsandboxed, True)):
            with pytest.raises(MediaError):
                run(ffmpeg, *arguments, "-f", "null", "-")
            assert was_connected(server) is connects


@linux
def test_sandboxed_program_sends_no_datagram(unsandboxed: SandboxedProgram, sandboxed: SandboxedProgram) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.bind(("127.0.0.1", 0))
        end.setblocking(False)
        arguments = ("-f", "lavfi", "-i", "testsrc=d=0.1", "-f", "mpegts", f"udp://127.0.0.1:{end.getsockname()[1]}")
        with pytest.raises(MediaError):
            run(sandboxed, *arguments)
        with pytest.raises(BlockingIOError):
            end.recv(1)
        run(unsandboxed, *arguments)
        assert end.recv(1)


SHELL_COMMANDS = {
    "read a file": "read line < {folder}/known",
    "write a file": ": > {folder}/known",
    "make a file": ": > {folder}/new",
    "start a program": "{true}",
    "execute a program": "exec {true}",
    "fork": "(:)",
    "signal another process": "kill -0 {parent}",
    "change the current folder": "cd {folder}",
    "test that a file exists": "test -e {folder}/known",
}
"""Commands that fail only because of the sandbox."""


@linux
@pytest.mark.parametrize("name", SHELL_COMMANDS)
def test_sandboxed_shell_command_is_denied(name: str, tmp_path: Path) -> None:
    (tmp_path / "known").write_text("secret\n")
    true = shlex.quote(programs.shutil.which("true") or "")
    command = SHELL_COMMANDS[name].format(folder=shlex.quote(str(tmp_path)), true=true, parent=os.getpid())
    shell = os.path.realpath("/bin/sh")
    SandboxedProgram(path=shell, allowed_files=None).run(["-c", command], cpu_seconds=5)
    (tmp_path / "known").write_text("secret\n")
    (tmp_path / "new").unlink(missing_ok=True)
    sandboxed = SandboxedProgram(path=shell, allowed_files=programs._files_of_program(shell))
    sandboxed.run(["-c", ":"], cpu_seconds=5)
    with pytest.raises(MediaError):
        sandboxed.run(["-c", command], cpu_seconds=5)
    assert (tmp_path / "known").read_text() == "secret\n" and not (tmp_path / "new").exists()


def test_program_gets_no_environment_variable_of_this_process(
    unsandboxed: SandboxedProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # FFmpeg writes its log to the file that this variable names.
    monkeypatch.setenv("FFREPORT", f"file={tmp_path / 'log'}")
    run(unsandboxed, "-f", "lavfi", "-i", "testsrc=d=0.1", "-f", "null", "-")
    assert not list(tmp_path.iterdir())
    subprocess.run([unsandboxed.path, "-version"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert list(tmp_path.iterdir()), "the control without the sandbox"


@pytest.fixture(params=["sandboxed", "unsandboxed"])
def ffmpeg_program(request: pytest.FixtureRequest) -> SandboxedProgram:
    """FFmpeg in the sandbox and outside: the limits apply to both."""
    if request.param == "sandboxed" and sys.platform != "linux":
        pytest.skip("the sandbox needs Linux")
    return request.getfixturevalue(request.param)


def test_cpu_limit_ends_a_program(ffmpeg_program: SandboxedProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    # On a busy machine the program takes long to use up its CPU time.
    monkeypatch.setattr(programs, "WALL_SECONDS_PER_CPU_SECOND", PATIENCE_SECONDS)
    with pytest.raises(WorkerLost, match="more than 1 s of CPU time") as caught:
        ffmpeg_program.run([*QUIET, *FOREVER], cpu_seconds=0.5)
    assert caught.value.kind == "timeout"


def test_wall_limit_ends_an_idle_program(ffmpeg_program: SandboxedProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "WALL_SECONDS_PER_CPU_SECOND", 0.25)
    read_end, write_end = os.pipe()
    started = time.monotonic()
    try:
        with pytest.raises(WorkerLost, match=r"more than 1 s of wall time") as caught:
            ffmpeg_program.run([*QUIET, "-fd", str(read_end), "-i", "fd:"], descriptors=(read_end,), cpu_seconds=4)
    finally:
        os.close(read_end)
        os.close(write_end)
    assert caught.value.kind == "timeout"
    assert time.monotonic() - started >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_memory_limit_makes_a_program_fail(ffmpeg_program: SandboxedProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    # A frame needs 288 MB; FFmpeg without a frame needs about 400 MB.
    arguments = ("-f", "lavfi", "-i", "color=size=6000x6000:d=0.04", "-vf", "format=rgba64", "-f", "null", "-")
    run(ffmpeg_program, *arguments)
    monkeypatch.setattr(programs, "MAX_PROGRAM_MEMORY_BYTES", 600 << 20)
    with pytest.raises(MediaError):
        run(ffmpeg_program, *arguments)


def test_file_limit_bounds_the_output(ffmpeg_program: SandboxedProgram, tmp_path: Path) -> None:
    with (tmp_path / "output").open("wb") as output:
        source = ("-f", "lavfi", "-i", "testsrc=size=640x480:rate=25:d=1", "-f", "rawvideo")
        with pytest.raises(MediaError, match="File too large"):
            run(ffmpeg_program, *source, "-fd", output.fileno(), "fd:", descriptors=(output.fileno(),))
        assert os.fstat(output.fileno()).st_size <= 1 << 20


def test_program_error_is_the_last_line_of_standard_error() -> None:
    shell = SandboxedProgram(path="/bin/sh", allowed_files=None)
    with pytest.raises(MediaError) as caught:
        shell.run(["-c", "head -c 20000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo why >&2; exit 3"], cpu_seconds=20)
    assert str(caught.value) == "why"
    with pytest.raises(MediaError) as caught:
        shell.run(["-c", "head -c 20000000 /dev/zero | tr '\\0' x >&2; exit 3"], cpu_seconds=20)
    assert len(str(caught.value)) <= programs.MAX_STDERR_BYTES
    with pytest.raises(MediaError, match="no reason given"):
        shell.run(["-c", "exit 3"], cpu_seconds=20)


def test_program_crash_raises_worker_lost() -> None:
    with pytest.raises(WorkerLost, match="signal 11") as caught:
        SandboxedProgram(path="/bin/sh", allowed_files=None).run(["-c", "kill -SEGV $$"], cpu_seconds=20)
    assert caught.value.kind == "crash"


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_program_ends_with_its_parent_process(number: signal.Signals) -> None:
    path = find_ffmpeg(sandboxed=False).path

    def is_ffmpeg(command: bytes) -> bool:
        return command.startswith(os.fsencode(path)) and b"lavfi" in command

    code = f"""
    from mediafp.engine.local.programs import find_ffmpeg
    find_ffmpeg(sandboxed=True).run({[*QUIET, *FOREVER]}, cpu_seconds=3600)
    """
    command = with_default_signals(sys.executable, "-c", textwrap.dedent(code))
    child = 0
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as runner:
        try:
            (child,) = wait_for_value(lambda: [pid for pid in child_pids(runner.pid) if is_ffmpeg(command_of(pid))])
            runner.send_signal(number)
            assert runner.wait(PATIENCE_SECONDS) in (-number, 1, 130)
            wait_for_value(lambda: not command_of(child))
        finally:
            runner.kill()
            if child and is_ffmpeg(command_of(child)):
                os.kill(child, signal.SIGKILL)


@linux
def test_sandboxed_program_has_few_threads_and_no_capability(sandboxed: SandboxedProgram) -> None:
    errors: list[MediaError] = []

    def run_until_killed() -> None:
        # Each of the many decoders and filters takes a thread.
        sources = [word for _ in range(80) for word in ("-f", "lavfi", "-i", "color=size=16x16")]
        outputs = [word for n in range(80) for word in ("-map", f"{n}:v", "-f", "null", "-")]
        try:
            sandboxed.run([*QUIET, *sources, *outputs], cpu_seconds=30)
        except MediaError as error:
            errors.append(error)

    thread = threading.Thread(target=run_until_killed)
    thread.start()
    statuses: list[str] = []
    while thread.is_alive():
        for pid in child_pids_of_threads():
            if command_of(pid).startswith(os.fsencode(sandboxed.path)):
                with suppress(OSError):
                    statuses.append(Path(f"/proc/{pid}/status").read_text())
        time.sleep(0.005)
    thread.join()
    values = [dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line) for status in statuses]
    assert errors and max(int(value["Threads"]) for value in values) <= 2 * MAX_PROGRAM_THREADS
    assert {int(value[name], 16) for value in values for name in ("CapEff", "CapPrm", "CapInh")} == {0}


@linux
def test_find_ffmpeg_raises_without_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyseccomp.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(SandboxError, match=r"seccomp: libseccomp is missing.*add --unsafe-no-sandbox"):
        find_ffmpeg(sandboxed=True)
    find_ffmpeg(sandboxed=False)


def test_find_ffmpeg_raises_without_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "none"))
    with pytest.raises(UsageError, match=r"none.*is not a program"):
        find_ffmpeg(sandboxed=False)
    (tmp_path / "none").write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    (tmp_path / "none").chmod(0o700)
    with pytest.raises(UsageError, match=r"cannot run.*none.*broken"):
        find_ffmpeg(sandboxed=False)


@contextmanager
def hanging_up_server() -> Iterator[tuple[int, list[object]]]:
    """Serve on a port and close each connection at once; gives the port and the growing list of clients."""
    clients: list[object] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, client = server.accept()
                clients.append(client)
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1], clients
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def was_connected(server: socket.socket) -> bool:
    """Return True if a client connected since the last call."""
    server.setblocking(False)
    connections = 0
    while True:
        try:
            server.accept()[0].close()
        except BlockingIOError:
            return connections > 0
        connections += 1


def child_pids(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def child_pids_of_threads() -> list[int]:
    """Return the children that any thread of this process started."""
    pids: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        # A thread may end meanwhile.
        with suppress(FileNotFoundError, ProcessLookupError):
            pids += map(int, task.joinpath("children").read_text().split())
    return pids


def command_of(pid: int) -> bytes:
    """Return the command line of a process, empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def wait_for_value[T](evaluate: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
    """Evaluate repeatedly and return the first value that is not empty."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if value := evaluate():
            return value
        time.sleep(0.02)
    raise AssertionError(f"no value within {seconds} s")
