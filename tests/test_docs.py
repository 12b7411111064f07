"""What the documents name exists."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
ADDRESS = re.compile(r"https?://[^\s\"']*/(simple|packages|npm)/")


def test_every_command_of_the_readme_exists() -> None:
    named = set(
        re.findall(r"mediafp (?:--store \S+ )?([a-z]+)", "\n".join(re.findall(r"```sh\n(.*?)```", readme(), re.S)))
    )
    named -= {"demo"}
    assert named, "the README names no command"
    help_text = subprocess.run([sys.executable, "-m", "mediafp", "--help"], capture_output=True, text=True, check=True)
    assert named <= set(help_text.stdout.split()), named


def test_every_script_that_is_named_exists() -> None:
    documents = [readme(), *((ROOT / name).read_text() for name in ("CONTRIBUTING.md", "SECURITY.md"))]
    for name in set(re.findall(r"(?:scripts|tests|mediafp)/[\w./]+\w", "".join(documents))):
        assert (ROOT / name).exists(), name


def test_the_lock_file_has_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock and lock.count("--hash=sha256:") > 100


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")
