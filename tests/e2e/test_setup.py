"""Set-up on machines whose variables and interpreters are in the way; most interpreters and uv are stand-ins."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BASE = getattr(sys, "_base_executable", sys.executable)
"""The interpreter that this virtual environment was made with."""
TOOLS = ("bash", "sh", "cat", "chmod", "cksum", "dirname", "env", "mkdir", "rm", "sed", "sleep", "tail", "timeout")
"""All that the set-up takes from PATH; `timeout` may be missing."""
USABLE = 'echo "$0"'
"""What an interpreter says that does: its path."""
REFUSING = "echo \"pyenv: version '3.11.7' is not installed\" >&2; exit 1"
SILENT = "sleep 600"
OLD = f"""
shift 2
old='import platform, sys; sys.version_info = (3, 11, 7); platform.python_version = lambda: "3.11.7"'
code="$old
$1"
shift
exec {shlex.quote(BASE)} -c "$code" "$@"
"""
"""An interpreter that runs what it is given, and says that it is older than it is."""
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
"""Makes a virtual environment, and installs nothing in it."""


def program(path: Path, code: str) -> Path:
    """Write a shell script that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{code}\n")
    path.chmod(0o755)
    return path


def run(script: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a script with these variables alone."""
    return subprocess.run(
        [script, *arguments], env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a machine with an empty home and no Python on PATH."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in TOOLS:
        if found := shutil.which(name):
            (tools / name).symlink_to(found)
    return {"HOME": str(tmp_path / "home"), "PATH": str(tools)}


@pytest.fixture
def hostile(tmp_path: Path) -> dict[str, str]:
    """Return variables that break the set-up, or send it elsewhere, where they are left."""
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
    """Copy what the set-up reads to a path with spaces and Han characters, less this machine's own folders."""
    folder = tmp_path / "a 汉字 checkout"
    (folder / "scripts").mkdir(parents=True)
    for name in ("scripts/env", "scripts/clean-environment", "requirements.lock", "pyproject.toml", ".python-version"):
        shutil.copy(ROOT / name, folder / name)
    script = (folder / "scripts" / "env").read_text().splitlines(keepends=True)
    kept = [line for line in script if not line.startswith(("        /usr/", "        /opt/", "        /Library/"))]
    assert len(script) - len(kept) == 7
    (folder / "scripts" / "env").write_text("".join(kept))
    return folder


def test_find_python_passes_over_shims_that_refuse_and_pythons_that_are_old(
    checkout: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    shims, old = program(tmp_path / "shims" / "python3.12", REFUSING), program(tmp_path / "old" / "python3.12", OLD)
    usable = program(tmp_path / "with space" / "python3.13", USABLE)
    variables["PATH"] += f":{shims.parent}:{old.parent}:{usable.parent}"
    done = run(checkout / "scripts" / "env", "--find-python", **variables)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{usable}\n", "")


@pytest.mark.skipif(not shutil.which("timeout"), reason="without timeout an interpreter is waited for")
def test_find_python_passes_over_a_python_that_does_not_answer(
    checkout: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    silent = program(tmp_path / "silent" / "python3.12", SILENT)
    variables["PATH"] += f":{silent.parent}"
    done = run(checkout / "scripts" / "env", "--find-python", MEDIAFP_ANSWER_SECONDS="0.5", **variables)
    assert done.returncode == 2 and f"{silent}: no answer in 0.5 s" in done.stderr


@pytest.mark.parametrize(
    ("place", "variable"),
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
def test_find_python_looks_where_version_managers_keep_theirs(
    checkout: Path, variables: dict[str, str], place: str, variable: dict[str, str]
) -> None:
    home = Path(variables["HOME"])
    usable = program(home / place, USABLE)
    variables |= {name: str(home / value) for name, value in variable.items()}
    done = run(checkout / "scripts" / "env", "--find-python", **variables)
    assert (done.returncode, done.stdout) == (0, f"{usable}\n"), done.stderr


def test_find_python_looks_beside_the_shims_of_a_version_manager(
    checkout: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    shim = program(tmp_path / "manager" / "shims" / "python3.12", REFUSING)
    usable = program(tmp_path / "manager" / "versions" / "3.12.1" / "bin" / "python3.12", USABLE)
    variables["PATH"] += f":{shim.parent}"
    done = run(checkout / "scripts" / "env", "--find-python", **variables)
    assert (done.returncode, done.stdout) == (0, f"{usable}\n"), done.stderr


def test_find_python_takes_hostile_variables_away(
    checkout: Path, variables: dict[str, str], hostile: dict[str, str], tmp_path: Path
) -> None:
    shim = program(
        tmp_path / "shims" / "python3.12", f'[ -z "$PYENV_VERSION" ] || exit 1; exec {shlex.quote(BASE)} "$@"'
    )
    variables["PATH"] += f":{shim.parent}"
    done = run(checkout / "scripts" / "env", "--find-python", **variables, **hostile)
    assert done.returncode == 0 and Path(done.stdout.rstrip("\n")).samefile(BASE), done.stderr


def test_find_python_names_what_it_tried(checkout: Path, variables: dict[str, str], tmp_path: Path) -> None:
    shim, old = program(tmp_path / "shims" / "python3.12", REFUSING), program(tmp_path / "old" / "python3", OLD)
    variables["PATH"] += f":{shim.parent}:{old.parent}"
    done = run(checkout / "scripts" / "env", "--find-python", **variables)
    assert (done.returncode, done.stdout) == (2, "")
    first, *rest = done.stderr.splitlines()
    assert first.startswith(f"scripts/env: cannot set up '{checkout}/.venv': no Python 3.12 or later was found; ")
    assert "MEDIAFP_PYTHON=" in first
    assert f"  {shim}: pyenv: version '3.11.7' is not installed" in rest
    assert f"  {old}: it is Python 3.11.7" in rest
    assert f"  {variables['HOME']}/.pyenv/versions/*/bin" in rest


def test_find_python_uses_the_named_python_alone(checkout: Path, variables: dict[str, str], tmp_path: Path) -> None:
    variables["PATH"] += f":{program(tmp_path / 'bin' / 'python3.12', USABLE).parent}"
    done = run(checkout / "scripts" / "env", "--find-python", MEDIAFP_PYTHON=sys.executable, **variables)
    # It is the one behind a virtual environment, which may be the one to be made anew.
    assert done.returncode == 0 and Path(done.stdout.rstrip("\n")).samefile(BASE), done.stderr
    old = program(tmp_path / "old", OLD)
    done = run(checkout / "scripts" / "env", "--find-python", MEDIAFP_PYTHON=str(old), **variables)
    assert done.returncode == 2 and f"cannot use MEDIAFP_PYTHON '{old}': it is Python 3.11.7; " in done.stderr


@pytest.fixture
def log(variables: dict[str, str], tmp_path: Path) -> Path:
    """Put a stand-in for uv on PATH, and return the file in which it logs each command line."""
    path = tmp_path / "uv.log"
    program(tmp_path / "bin" / "uv", UV)
    variables |= {"UV_LOG": str(path), "PATH": f"{variables['PATH']}:{tmp_path / 'bin'}"}
    return path


def test_setup_gives_uv_the_python_and_no_hostile_variable(
    checkout: Path, variables: dict[str, str], hostile: dict[str, str], log: Path
) -> None:
    access = {"UV_INDEX_URL": "https://a", "PIP_INDEX_URL": "https://b", "HTTPS_PROXY": "c", "SSL_CERT_FILE": "d"}
    done = run(checkout / "scripts" / "env", MEDIAFP_PYTHON=BASE, **variables, **hostile, **access)
    assert done.returncode == 0, done.stderr
    _, venv, sync, install = log.read_text().splitlines()
    assert venv == f"venv --quiet --python {BASE} .venv"
    assert sync.startswith("pip sync ") and install.startswith("pip install ")
    seen = dict(line.partition("=")[::2] for line in Path(f"{log}.environment").read_text().splitlines())
    assert not hostile.keys() & seen.keys() and access.items() <= seen.items()
    assert seen["UV_PYTHON_DOWNLOADS"] == "never"
    assert run(checkout / "scripts" / "env", **variables).returncode == 0
    assert len(log.read_text().splitlines()) == 4, "a second run has nothing to do"


def test_setup_that_was_interrupted_is_done_again(checkout: Path, variables: dict[str, str], log: Path) -> None:
    variables["MEDIAFP_PYTHON"] = BASE
    Path(f"{log}.fails").touch()
    assert run(checkout / "scripts" / "env", **variables).returncode != 0
    Path(f"{log}.fails").unlink()
    (checkout / ".venv" / "half").touch()
    assert run(checkout / "scripts" / "env", **variables).returncode == 0
    assert not (checkout / ".venv" / "half").exists(), "it was made anew"
    # A change of the lock file that was interrupted is not taken for done once it is taken back.
    lock = (checkout / "requirements.lock").read_bytes()
    (checkout / "requirements.lock").write_bytes(lock + b"#\n")
    Path(f"{log}.fails").touch()
    assert run(checkout / "scripts" / "env", **variables).returncode != 0
    Path(f"{log}.fails").unlink()
    (checkout / "requirements.lock").write_bytes(lock)
    count = len(log.read_text().splitlines())
    assert run(checkout / "scripts" / "env", **variables).returncode == 0
    assert "pip sync" in "".join(log.read_text().splitlines()[count:])


def test_setup_of_a_moved_checkout_is_done_again(checkout: Path, variables: dict[str, str], log: Path) -> None:
    variables["MEDIAFP_PYTHON"] = BASE
    assert run(checkout / "scripts" / "env", **variables).returncode == 0
    moved = checkout.rename(checkout.with_name("moved"))
    log.unlink()
    assert run(moved / "scripts" / "env", **variables).returncode == 0
    assert "venv --quiet" in log.read_text()


def test_setup_without_any_python_asks_uv_last_and_says_so(
    checkout: Path, variables: dict[str, str], log: Path, tmp_path: Path
) -> None:
    done = run(checkout / "scripts" / "env", **variables)
    assert done.returncode == 0 and "letting uv download one" in done.stderr
    assert "venv --quiet --python 3.12 .venv" in log.read_text().splitlines()
    shutil.rmtree(checkout / ".venv")
    program(tmp_path / "bin" / "uv", '[ "$1" != venv ]')
    done = run(checkout / "scripts" / "env", **variables)
    assert done.returncode == 2 and "was found, and uv could not get one; install one" in done.stderr


set_up = pytest.mark.skipif(not (ROOT / ".venv" / ".mediafp-stamp").exists(), reason="scripts/env did not set this up")


@set_up
def test_setup_and_scripts_work_here_under_hostile_variables(hostile: dict[str, str], tmp_path: Path) -> None:
    variables = {**os.environ, **hostile}
    done = run(ROOT / "scripts" / "env", **variables)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    subprocess.run([ROOT / ".venv" / "bin" / "python", "-c", "import mediafp"], check=True, cwd=tmp_path)
    done = run(ROOT / "scripts" / "test", "--version", **variables)
    assert done.returncode == 0 and done.stdout.startswith("pytest "), done.stderr
    done = run(ROOT / "scripts" / "demo", "--help", **variables)
    assert done.returncode == 0 and "Make a small case" in done.stdout, done.stderr
