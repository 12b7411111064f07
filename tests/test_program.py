"""A program that is run on open files: what it reaches behind the locks, each with its control, and how it is ended."""

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
from contextlib import contextmanager
from pathlib import Path

import pytest
from processes import PATIENCE_SECONDS, with_default_signals

from mediafp.engine.local import programs
from mediafp.engine.local.programs import SandboxedProgram, find_ffmpeg
from mediafp.types.errors import MediaError, SandboxError, UsageError, WorkerLost

linux = pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")
QUIET = ("-nostdin", "-loglevel", "error", "-y")
REFUSED = "Permission denied|Operation not permitted"
"""What Landlock and seccomp make of it in ffmpeg's and in the shell's words."""
FOREVER = ("-f", "lavfi", "-i", "testsrc2=size=1280x720", "-f", "null", "-")
"""Makes ffmpeg work without an end."""


@pytest.fixture(scope="module")
def free() -> SandboxedProgram:
    return find_ffmpeg(sandboxed=False)


@pytest.fixture(scope="module")
def locked() -> SandboxedProgram:
    return find_ffmpeg(sandboxed=True)


def run(ffmpeg: SandboxedProgram, *arguments: object, descriptors: tuple[int, ...] = ()) -> None:
    ffmpeg.run([*QUIET, *map(str, arguments)], descriptors=descriptors, cpu_seconds=20, file_bytes=1 << 20)


FILES: dict[str, Callable[[Path, Path], tuple[object, ...]]] = {
    "read": lambda clip, made: ("-i", f"file:{clip}", "-f", "null", "-"),
    "read by a name": lambda clip, made: ("-i", clip, "-f", "null", "-"),
    "write": lambda clip, made: ("-f", "lavfi", "-i", "testsrc=d=0.1", "-f", "rawvideo", f"file:{made}"),
    "read by a filter": lambda clip, made: ("-f", "lavfi", "-i", f"movie={clip}", "-f", "null", "-"),
}


@linux
@pytest.mark.parametrize("name", FILES)
def test_no_other_file_is_opened(
    name: str, free: SandboxedProgram, locked: SandboxedProgram, clips: dict[str, Path], tmp_path: Path
) -> None:
    arguments = FILES[name](clips["carphone"], tmp_path / "made")
    with pytest.raises(MediaError, match=REFUSED):
        run(locked, *arguments)
    assert not list(tmp_path.iterdir())
    run(free, *arguments)


PLAYLISTS = {
    "hls": ("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n", ("-allowed_extensions", "ALL")),
    "concat": ("ffconcat version 1.0\nfile '{}'\n", ("-safe", 0)),
}
OPEN = ("-protocol_whitelist", "fd,file,http,tcp,crypto,data")


@linux
@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_playlist_that_is_handed_in_leads_nowhere(
    name: str,
    free: SandboxedProgram,
    locked: SandboxedProgram,
    clips: dict[str, Path],
    tmp_path: Path,
) -> None:
    text, options = PLAYLISTS[name]
    stream = tmp_path / "stream.ts"
    run(free, "-i", clips["carphone"], "-c", "copy", "-f", "mpegts", stream)
    with socket.create_server(("127.0.0.1", 0)) as server:
        for target, leads in ((f"file:{stream}", True), (f"http://127.0.0.1:{server.getsockname()[1]}/a.ts", False)):
            (tmp_path / "list").write_text(text.format(target))
            with (tmp_path / "list").open("rb") as file:
                handed = (*OPEN, *options, "-f", name, "-fd", file.fileno(), "-i", "fd:")
                with pytest.raises(MediaError):
                    run(locked, *handed, "-f", "null", "-", descriptors=(file.fileno(),))
                assert not called(server)
                file.seek(0)
                with hung_up_on(server) as calls:
                    try:
                        run(free, *handed, "-f", "null", "-", descriptors=(file.fileno(),))
                    except MediaError:
                        assert not leads, "the control"
                assert bool(calls) is not leads, "the control"


@linux
@pytest.mark.parametrize("protocol", ["http", "tcp"])
def test_no_connection_is_made(protocol: str, free: SandboxedProgram, locked: SandboxedProgram) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        arguments = ("-rw_timeout", 300_000, "-f", "mpegts", "-i", f"{protocol}://127.0.0.1:{server.getsockname()[1]}")
        for ffmpeg, reaches in ((locked, False), (free, True)):
            with pytest.raises(MediaError):
                run(ffmpeg, *arguments, "-f", "null", "-")
            assert called(server) is reaches


@linux
def test_no_datagram_is_sent(free: SandboxedProgram, locked: SandboxedProgram) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.bind(("127.0.0.1", 0))
        end.setblocking(False)
        arguments = ("-f", "lavfi", "-i", "testsrc=d=0.1", "-f", "mpegts", f"udp://127.0.0.1:{end.getsockname()[1]}")
        with pytest.raises(MediaError):
            run(locked, *arguments)
        with pytest.raises(BlockingIOError):
            end.recv(1)
        run(free, *arguments)
        assert end.recv(1)


SHELL = {
    "read a file": "read line < {folder}/known",
    "write a file": ": > {folder}/known",
    "make a file": ": > {folder}/new",
    "start a program": "{true}",
    "become a program": "exec {true}",
    "fork": "(:)",
    "signal another": "kill -0 {parent}",
    "go to a folder": "cd {folder}",
    "tell a file": "test -e {folder}/known",
}
"""Commands of which the shell can do each by itself, so that what stops them are the locks."""


@linux
@pytest.mark.parametrize("name", SHELL)
def test_a_locked_program_can_do_nothing_else(name: str, tmp_path: Path) -> None:
    (tmp_path / "known").write_text("secret\n")
    true = shlex.quote(programs.shutil.which("true") or "")
    command = SHELL[name].format(folder=shlex.quote(str(tmp_path)), true=true, parent=os.getpid())
    shell = os.path.realpath("/bin/sh")
    SandboxedProgram(path=shell, made_of=None).run(["-c", command], cpu_seconds=5)
    (tmp_path / "known").write_text("secret\n")
    (tmp_path / "new").unlink(missing_ok=True)
    behind = SandboxedProgram(path=shell, made_of=programs._made_of(shell))
    behind.run(["-c", ":"], cpu_seconds=5)
    with pytest.raises(MediaError):
        behind.run(["-c", command], cpu_seconds=5)
    assert (tmp_path / "known").read_text() == "secret\n" and not (tmp_path / "new").exists()


def test_no_variable_of_ours_reaches_the_program(
    free: SandboxedProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # ffmpeg writes its log to where this one names.
    monkeypatch.setenv("FFREPORT", f"file={tmp_path / 'log'}")
    run(free, "-f", "lavfi", "-i", "testsrc=d=0.1", "-f", "null", "-")
    assert not list(tmp_path.iterdir())
    subprocess.run([free.path, "-version"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert list(tmp_path.iterdir()), "the control"


@pytest.fixture(params=["locked", "free"])
def either(request: pytest.FixtureRequest) -> SandboxedProgram:
    """The limits hold with the locks and without."""
    if request.param == "locked" and sys.platform != "linux":
        pytest.skip("the locks are Linux's")
    return request.getfixturevalue(request.param)


def test_too_much_cpu_time_ends_it(either: SandboxedProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    # On a busy machine its CPU time takes long.
    monkeypatch.setattr(programs, "WALL_PER_CPU_SECOND", PATIENCE_SECONDS)
    with pytest.raises(WorkerLost, match="more than 1 s of CPU time") as caught:
        either.run([*QUIET, *FOREVER], cpu_seconds=0.5)
    assert caught.value.kind == "timeout"


def test_too_much_time_ends_it_though_it_does_nothing(
    either: SandboxedProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "WALL_PER_CPU_SECOND", 0.25)
    ours, theirs = os.pipe()
    started = time.monotonic()
    try:
        with pytest.raises(WorkerLost, match=r"more than 1 s of time") as caught:
            either.run([*QUIET, "-fd", str(ours), "-i", "fd:"], descriptors=(ours,), cpu_seconds=4)
    finally:
        os.close(ours)
        os.close(theirs)
    assert caught.value.kind == "timeout"
    assert time.monotonic() - started >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the address space is not limited")
def test_too_much_memory_is_not_had(either: SandboxedProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    # A picture of 288 MB; ffmpeg alone takes some 400.
    arguments = ("-f", "lavfi", "-i", "color=size=6000x6000:d=0.04", "-vf", "format=rgba64", "-f", "null", "-")
    run(either, *arguments)
    monkeypatch.setattr(programs, "MAX_PROGRAM_MEMORY_BYTES", 600 << 20)
    with pytest.raises(MediaError):
        run(either, *arguments)


def test_a_file_grows_no_longer_than_allowed(either: SandboxedProgram, tmp_path: Path) -> None:
    with (tmp_path / "made").open("wb") as made:
        source = ("-f", "lavfi", "-i", "testsrc=size=640x480:rate=25:d=1", "-f", "rawvideo")
        with pytest.raises(MediaError, match="File too large"):
            run(either, *source, "-fd", made.fileno(), "fd:", descriptors=(made.fileno(),))
        assert os.fstat(made.fileno()).st_size <= 1 << 20


def test_what_it_says_is_kept_within_bounds_and_its_last_line_is_the_reason() -> None:
    shell = SandboxedProgram(path="/bin/sh", made_of=None)
    with pytest.raises(MediaError) as caught:
        shell.run(["-c", "head -c 20000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo why >&2; exit 3"], cpu_seconds=20)
    assert str(caught.value) == "why"
    with pytest.raises(MediaError) as caught:
        shell.run(["-c", "head -c 20000000 /dev/zero | tr '\\0' x >&2; exit 3"], cpu_seconds=20)
    assert len(str(caught.value)) <= programs.SAID_BYTES
    with pytest.raises(MediaError, match="no reason given"):
        shell.run(["-c", "exit 3"], cpu_seconds=20)


def test_a_crash_is_told() -> None:
    with pytest.raises(WorkerLost, match="signal 11") as caught:
        SandboxedProgram(path="/bin/sh", made_of=None).run(["-c", "kill -SEGV $$"], cpu_seconds=20)
    assert caught.value.kind == "crash"


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_the_one_that_runs_it(number: signal.Signals) -> None:
    path = find_ffmpeg(sandboxed=False).path

    def works(command: bytes) -> bool:
        return command.startswith(os.fsencode(path)) and b"lavfi" in command

    code = f"""
    from mediafp.engine.local.programs import find_ffmpeg
    find_ffmpeg(locked=True).run({[*QUIET, *FOREVER]}, cpu_seconds=3600)
    """
    words = with_default_signals(sys.executable, "-c", textwrap.dedent(code))
    child = 0
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as runner:
        try:
            (child,) = eventually(lambda: [pid for pid in children(runner.pid) if works(command_of(pid))])
            runner.send_signal(number)
            assert runner.wait(PATIENCE_SECONDS) in (-number, 1, 130)
            eventually(lambda: not command_of(child))
        finally:
            runner.kill()
            if child and works(command_of(child)):
                os.kill(child, signal.SIGKILL)


@linux
def test_without_the_locks_nothing_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyseccomp.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(SandboxError, match=r"seccomp: libseccomp is missing.*add --unsafe-no-sandbox"):
        find_ffmpeg(sandboxed=True)
    find_ffmpeg(sandboxed=False)


def test_no_ffmpeg_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "none"))
    with pytest.raises(UsageError, match="is no program"):
        find_ffmpeg(sandboxed=False)
    (tmp_path / "none").write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    (tmp_path / "none").chmod(0o700)
    with pytest.raises(UsageError, match="does not start: broken"):
        find_ffmpeg(sandboxed=False)


def called(server: socket.socket) -> bool:
    """Whether somebody connected since the last call."""
    server.setblocking(False)
    calls = 0
    while True:
        try:
            server.accept()[0].close()
        except BlockingIOError:
            return calls > 0
        calls += 1


@contextmanager
def hung_up_on(server: socket.socket) -> Iterator[list[object]]:
    """Hang up on whoever connects meanwhile, so that nobody waits for an answer; yield the list of those who did."""
    calls: list[object] = []
    over = threading.Event()
    server.settimeout(0.05)

    def serve() -> None:
        while True:
            try:
                end, address = server.accept()
            except TimeoutError:
                if over.is_set():
                    return
            else:
                calls.append(address)
                end.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield calls
    finally:
        over.set()
        thread.join()


def children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def command_of(pid: int) -> bytes:
    """The command line of a process, empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def eventually[T](look: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
    """The first answer that is not empty."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if answer := look():
            return answer
        time.sleep(0.02)
    raise AssertionError("it did not come true")
