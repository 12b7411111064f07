"""The resource limits of a process: memory, bytes of files and CPU time."""

import resource
import signal
import sys
import textwrap
from pathlib import Path

import pytest
from processes import run_python

from mediafp.engine.local import sandbox
from mediafp.types.errors import SandboxError

LIMITED_PROCESS = """
import errno, os, resource, signal, sys
from mediafp.engine.local.sandbox import ResourceLimits, set_resource_limits
set_resource_limits(ResourceLimits(memory=100 << 20, cpu_seconds=1, file_bytes=int(sys.argv[2])))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_memory_limit_denies_more_and_allows_less() -> None:
    done = run_python(
        f"""
        {textwrap.indent(LIMITED_PROCESS, " " * 8).strip()}
        print(len(bytearray(60 << 20)))
        try:
            bytearray(110 << 20)
        except MemoryError:
            print("no memory")
        print(len(bytearray(60 << 20)), resource.getrlimit(resource.RLIMIT_CORE))
        try:
            resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))
            print("raised" if os.geteuid() else "root may")
        except (ValueError, OSError):
            print("not raised")
        """,
        "",
        0,
    )
    first, second, third, fourth = done.stdout.splitlines()
    assert (first, second, third) == (str(60 << 20), "no memory", f"{60 << 20} (0, 0)"), done.stderr
    assert fourth in ("not raised", "root may")


@pytest.mark.parametrize("count", [0, 10])
def test_file_limit_bounds_the_written_bytes(tmp_path: Path, count: int) -> None:
    done = run_python(
        f"""
        {textwrap.indent(LIMITED_PROCESS, " " * 8).strip()}
        with open(sys.argv[1], "wb", buffering=0) as file:
            try:
                while file.write(bytes(4)):
                    pass
            except OSError as error:
                print(errno.errorcode[error.errno])
        """,
        tmp_path / "file",
        count,
    )
    assert done.stdout == "EFBIG\n", done.stderr
    assert (tmp_path / "file").stat().st_size == count


def test_cpu_limit_ends_the_process(tmp_path: Path) -> None:
    done = run_python(
        f"""
        {textwrap.indent(LIMITED_PROCESS, " " * 8).strip()}
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        print("spinning", flush=True)
        while True:
            pass
        """,
        "",
        0,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "spinning\n"), "a signal handler cannot prevent it"


def test_set_resource_limits_raises_sandbox_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(what: int, limits: tuple[int, int]) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    with pytest.raises(SandboxError, match="cannot set the resource limits: not allowed"):
        sandbox.set_resource_limits(sandbox.ResourceLimits(memory=1 << 40, cpu_seconds=1))
