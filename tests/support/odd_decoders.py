"""Real workers whose decoding of thumbnails was taken over: they enter the sandbox like any other, and then do other things."""

import os
from pathlib import Path

import pytest

from mediafp.engine.local import process

ODD_WORKER = """
import ctypes, errno, os, sys, time
from mediafp.engine.local import connection, {module}
from mediafp.engine.local.messages import *

decode = connection.decode_thumbnail

def decode_thumbnail(jpeg):
    {code}
    return decode(jpeg)

connection.decode_thumbnail = decode_thumbnail
{module}.main(sys.argv[1:])
"""
"""A worker that runs code with each thumbnail, its bytes in `jpeg`, once it is in the sandbox."""
CRASH = "ctypes.string_at(0)"
"""Code that reads the address 0."""


def use_odd_decoders(folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the workers that decode thumbnails alone, and those that analyse, by ones that run code with each thumbnail."""
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    for module in ("decoder", "worker"):
        (folder / f"odd_{module}.py").write_text(ODD_WORKER.replace("{module}", module).replace("{code}", code))
        monkeypatch.setattr(process, f"{module.upper()}_MODULE", f"odd_{module}")
