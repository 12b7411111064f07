"""Set-up with hostile variables and unusable interpreters; most interpreters, and uv, are replaced by shell scripts."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BASE = getattr(sys, "_base_executable", sys.executable)
"""Interpreter with which this virtual environment was created."""
TOOLS = ("bash", "sh", "cat", "chmod", "cksum", "dirname", "env", "mkdir", "rm", "sed", "sleep", "tail", "timeout")
"""Programs that the set-up runs from PATH; `timeout` may be missing."""
USABLE = 'echo "$0"'
"""Output of a usable interpreter: its path."""
FAILING_SHIM = "echo \"pyenv: version '3.11.7' is not installed\" >&2; exit 1"
HANGING = "sleep 600"
OLD = f"""
shift 2
old='import platform, sys; sys.version_info = (3, 11, 7); platform.python_version = lambda: "3.11.7"'
code="$old
$1"
shift
exec {shlex.quote(BASE)} -c "$code" "$@"
"""
"""Interpreter that works, and reports version 3.11.7."""
UV = f"""
echo "$@" >> "$UV_LOG"
env > "$UV_LOG.environment"
case "$*" in
    --version) ;;
    venv*) {shlex.quote(BASE)} -m venv --without-pip .venv ;;
    "pip sync"*) [ ! -e "$UV_LOG.fails" ] || exit 1 ;;
    "pip install"*) echo > .venv/bin/mediafp; chmod +x .venv/bin/mediafp ;;
esac
"""
"""uv that creates a virtual environment, and installs no packages in it."""


def write_program(path: Path, code: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{code}\n")
    path.chmod(0o755)
    return path


def run(script: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a script with no other environment variables than these."""
    return subprocess.run(
        [script, *arguments], env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a machine with an empty home and no Python on PATH."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in TOOLS:
        if path := shutil.which(name):
            (tools / name).symlink_to(path)
    return {"HOME": str(tmp_path / "home"), "PATH": str(tools)}


@pytest.fixture
def hostile(tmp_path: Path) -> dict[str, str]:
    """Return variables that would break the set-up or change its target if it did not unset them."""
    trap = tmp_path / "trap"
    trap.mkdir()
    for name in ("sitecustomize", "encodings", "pip", "mediafp", "pytest"):
        (trap / f"{name}.py").write_text("raise SystemExit('another module was loaded')")
    return {
        "PYENV_VERSION": "3.11.7",
        "VIRTUAL_ENV": str(tmp_path / "nowhere"),
        "CONDA_PREFIX": str(tmp_path / "nowhere"),
        "PYTHONPATH": str(trap),
        "PYTHONHOME": str(tmp_path / "nowhere"),
        "PYTHONSTARTUP": str(trap / "mediafp.py"),
        "PYTHONWARNINGS": "error",
        "PYTHONOPTIMIZE": "2",
        "PIP_REQUIRE_VIRTUALENV": "1",
        "PIP_USER": "1",
        "PIP_TARGET": str(tmp_path / "nowhere"),
        "UV_PYTHON": "3.11.7",
        "UV_PROJECT_ENVIRONMENT": str(tmp_path / "nowhere"),
        "UV_REQUIRE_HASHES": "1",
        "CDPATH": str(tmp_path),
    }


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy the files of the set-up to a path with spaces and Han characters, without the system folders of its search."""
    folder = tmp_path / "a 汉字 checkout"
    (folder / "scripts").mkdir(parents=True)
    for name in ("scripts/env", "scripts/clean-environment", "requirements.lock", "pyproject.toml", ".python-version"):
        shutil.copy(ROOT / name, folder / name)
    script = (folder / "scripts" / "env").read_text().splitlines(keepends=True)
    remaining = [
        line for line in script if not line.startswith(("        /usr/", "        /opt/", "        /Library/"))
    ]
    assert len(script) - len(remaining) == 7
    (folder / "scripts" / "env").write_text("".join(remaining))
    return folder


def test_find_python_skips_failing_shims_and_old_versions(
    checkout: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    shims, old = (
        write_program(tmp_path / "shims" / "python3.12", FAILING_SHIM),
        write_program(tmp_path / "old" / "python3.12", OLD),
    )
    usable = write_program(tmp_path / "with space" / "python3.13", USABLE)
    variables["PATH"] += f":{shims.parent}:{old.parent}:{usable.parent}"
    completed = run(checkout / "scripts" / "env", "--find-python", **variables)
    assert (completed.returncode, completed.stdout, completed.stderr) == (0, f"{usable}\n", "")


@pytest.mark.skipif(not shutil.which("timeout"), reason="without the program timeout there is no time limit")
def test_find_python_skips_a_hanging_interpreter(checkout: Path, variables: dict[str, str], tmp_path: Path) -> None:
    hanging = write_program(tmp_path / "hanging" / "python3.12", HANGING)
    variables["PATH"] += f":{hanging.parent}"
    completed = run(checkout / "scripts" / "env", "--find-python", MEDIAFP_ANSWER_SECONDS="0.5", **variables)
    assert completed.returncode == 2 and f"{hanging}: no answer in 0.5 s" in completed.stderr


@pytest.mark.parametrize(
    ("path", "variable"),
    [
        (".pyenv/versions/3.12.1/bin/python3.12", {}),
        ("elsewhere/versions/3.13.0/bin/python3.13", {"PYENV_ROOT": "elsewhere"}),
        (".asdf/installs/python/3.12.1/bin/python3.12", {}),
        ("elsewhere/installs/python/3.12.1/bin/python3.12", {"ASDF_DATA_DIR": "elsewhere"}),
        (".local/share/mise/installs/python/3.14.0/bin/python3", {}),
        ("elsewhere/mise/installs/python/3.14.0/bin/python3.14", {"XDG_DATA_HOME": "elsewhere"}),
        (".local/share/uv/python/cpython-3.12.1-linux-x86_64-gnu/bin/python3.12", {}),
        (".local/bin/python3", {}),
    ],
)
def test_find_python_searches_the_folders_of_version_managers(
    checkout: Path, variables: dict[str, str], path: str, variable: dict[str, str]
) -> None:
    home = Path(variables["HOME"])
    usable = write_program(home / path, USABLE)
    variables |= {name: str(home / value) for name, value in variable.items()}
    completed = run(checkout / "scripts" / "env", "--find-python", **variables)
    assert (completed.returncode, completed.stdout) == (0, f"{usable}\n"), completed.stderr


def test_find_python_searches_beside_the_shims_of_a_version_manager(
    checkout: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    shim = write_program(tmp_path / "manager" / "shims" / "python3.12", FAILING_SHIM)
    usable = write_program(tmp_path / "manager" / "versions" / "3.12.1" / "bin" / "python3.12", USABLE)
    variables["PATH"] += f":{shim.parent}"
    completed = run(checkout / "scripts" / "env", "--find-python", **variables)
    assert (completed.returncode, completed.stdout) == (0, f"{usable}\n"), completed.stderr


def test_find_python_unsets_hostile_variables(
    checkout: Path, variables: dict[str, str], hostile: dict[str, str], tmp_path: Path
) -> None:
    shim = write_program(
        tmp_path / "shims" / "python3.12", f'[ -z "$PYENV_VERSION" ] || exit 1; exec {shlex.quote(BASE)} "$@"'
    )
    variables["PATH"] += f":{shim.parent}"
    completed = run(checkout / "scripts" / "env", "--find-python", **variables, **hostile)
    assert completed.returncode == 0 and Path(completed.stdout.rstrip("\n")).samefile(BASE), completed.stderr


def test_find_python_lists_what_it_tried(checkout: Path, variables: dict[str, str], tmp_path: Path) -> None:
    shim, old = (
        write_program(tmp_path / "shims" / "python3.12", FAILING_SHIM),
        write_program(tmp_path / "old" / "python3", OLD),
    )
    variables["PATH"] += f":{shim.parent}:{old.parent}"
    completed = run(checkout / "scripts" / "env", "--find-python", **variables)
    assert (completed.returncode, completed.stdout) == (2, "")
    first, *rest = completed.stderr.splitlines()
    assert first.startswith(f"scripts/env: cannot set up '{checkout}/.venv': no Python 3.12 or later was found; ")
    assert "MEDIAFP_PYTHON=" in first
    assert f"  {shim}: pyenv: version '3.11.7' is not installed" in rest
    assert f"  {old}: it is Python 3.11.7" in rest
    assert f"  {variables['HOME']}/.pyenv/versions/*/bin" in rest


def test_find_python_tries_only_the_named_interpreter(
    checkout: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    variables["PATH"] += f":{write_program(tmp_path / 'bin' / 'python3.12', USABLE).parent}"
    completed = run(checkout / "scripts" / "env", "--find-python", MEDIAFP_PYTHON=sys.executable, **variables)
    # The interpreter behind a virtual environment is used, since the set-up may remove that environment.
    assert completed.returncode == 0 and Path(completed.stdout.rstrip("\n")).samefile(BASE), completed.stderr
    old = write_program(tmp_path / "old", OLD)
    completed = run(checkout / "scripts" / "env", "--find-python", MEDIAFP_PYTHON=str(old), **variables)
    assert completed.returncode == 2 and f"cannot use MEDIAFP_PYTHON '{old}': it is Python 3.11.7; " in completed.stderr


@pytest.fixture
def log(variables: dict[str, str], tmp_path: Path) -> Path:
    """Put a replacement of uv on PATH, and return the file in which it logs each command line."""
    path = tmp_path / "uv.log"
    write_program(tmp_path / "bin" / "uv", UV)
    variables |= {"UV_LOG": str(path), "PATH": f"{variables['PATH']}:{tmp_path / 'bin'}"}
    return path


def test_setup_passes_uv_the_interpreter_and_no_hostile_variable(
    checkout: Path, variables: dict[str, str], hostile: dict[str, str], log: Path
) -> None:
    access_variables = {
        "UV_INDEX_URL": "https://a",
        "PIP_INDEX_URL": "https://b",
        "HTTPS_PROXY": "c",
        "SSL_CERT_FILE": "d",
    }
    completed = run(checkout / "scripts" / "env", MEDIAFP_PYTHON=BASE, **variables, **hostile, **access_variables)
    assert completed.returncode == 0, completed.stderr
    _, venv, sync, install = log.read_text().splitlines()
    assert venv == f"venv --quiet --python {BASE} .venv"
    assert sync.startswith("pip sync ") and install.startswith("pip install ")
    environment = dict(line.partition("=")[::2] for line in Path(f"{log}.environment").read_text().splitlines())
    assert not hostile.keys() & environment.keys() and access_variables.items() <= environment.items()
    assert environment["UV_PYTHON_DOWNLOADS"] == "never"
    assert run(checkout / "scripts" / "env", **variables).returncode == 0
    assert len(log.read_text().splitlines()) == 4, "a second run starts no uv"


def test_setup_is_repeated_after_an_interruption(checkout: Path, variables: dict[str, str], log: Path) -> None:
    variables["MEDIAFP_PYTHON"] = BASE
    Path(f"{log}.fails").touch()
    assert run(checkout / "scripts" / "env", **variables).returncode != 0
    Path(f"{log}.fails").unlink()
    (checkout / ".venv" / "partial").touch()
    assert run(checkout / "scripts" / "env", **variables).returncode == 0
    assert not (checkout / ".venv" / "partial").exists(), "the environment was not created anew"
    # An interrupted update is repeated, even if the lock file is as before again.
    lock = (checkout / "requirements.lock").read_bytes()
    (checkout / "requirements.lock").write_bytes(lock + b"#\n")
    Path(f"{log}.fails").touch()
    assert run(checkout / "scripts" / "env", **variables).returncode != 0
    Path(f"{log}.fails").unlink()
    (checkout / "requirements.lock").write_bytes(lock)
    count = len(log.read_text().splitlines())
    assert run(checkout / "scripts" / "env", **variables).returncode == 0
    assert "pip sync" in "".join(log.read_text().splitlines()[count:])


def test_setup_is_repeated_in_a_moved_checkout(checkout: Path, variables: dict[str, str], log: Path) -> None:
    variables["MEDIAFP_PYTHON"] = BASE
    assert run(checkout / "scripts" / "env", **variables).returncode == 0
    moved = checkout.rename(checkout.with_name("moved"))
    log.unlink()
    assert run(moved / "scripts" / "env", **variables).returncode == 0
    assert "venv --quiet" in log.read_text()


def test_setup_without_python_lets_uv_download_one(
    checkout: Path, variables: dict[str, str], log: Path, tmp_path: Path
) -> None:
    completed = run(checkout / "scripts" / "env", **variables)
    assert completed.returncode == 0 and "letting uv download one" in completed.stderr
    assert "venv --quiet --python 3.12 .venv" in log.read_text().splitlines()
    shutil.rmtree(checkout / ".venv")
    write_program(tmp_path / "bin" / "uv", '[ "$1" != venv ]')
    completed = run(checkout / "scripts" / "env", **variables)
    assert completed.returncode == 2 and "was found, and uv could not get one; install one" in completed.stderr


set_up = pytest.mark.skipif(
    not (ROOT / ".venv" / ".mediafp-stamp").exists(), reason="scripts/env did not create this environment"
)


@set_up
def test_scripts_of_this_checkout_work_with_hostile_variables(hostile: dict[str, str], tmp_path: Path) -> None:
    variables = {**os.environ, **hostile}
    completed = run(ROOT / "scripts" / "env", **variables)
    assert (completed.returncode, completed.stdout, completed.stderr) == (0, "", "")
    subprocess.run([ROOT / ".venv" / "bin" / "python", "-c", "import mediafp"], check=True, cwd=tmp_path)
    completed = run(ROOT / "scripts" / "test", "--version", **variables)
    assert completed.returncode == 0 and completed.stdout.startswith("pytest "), completed.stderr
    completed = run(ROOT / "scripts" / "demo", "--help", **variables)
    assert completed.returncode == 0 and "Make a demo case" in completed.stdout, completed.stderr
