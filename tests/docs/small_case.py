"""A small case, its files, and the commands that use it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from documents import code_blocks, read, sections
from PIL import Image, ImageDraw, ImageFont
from typer.testing import CliRunner

from mediafp.cli.app import app

HANDLE = "@sample_user88"
SPEECH = "Did the us president know? Nobody asked them. Three witnesses saw bright lights above the harbour."


def write_images(folder: Path, photo: np.ndarray) -> None:
    """Write photo.jpg, which has a handle at its foot, crop.jpg, which lacks it, and notes.txt."""
    folder.mkdir(parents=True)
    image = Image.fromarray(photo)
    position = (image.width - 190, image.height - 34)
    ImageDraw.Draw(image).text(position, HANDLE, font=ImageFont.load_default(24), fill="white")
    image.save(folder / "photo.jpg", quality=92)
    image.crop((40, 10, image.width - 60, image.height - 50)).save(folder / "crop.jpg", quality=85)
    (folder / "notes.txt").write_text("no media")


def write_sidecars(folder: Path) -> None:
    """Write the sidecars that docs/formats.md shows."""
    yt_dlp, gallery_dl, columns = code_blocks(sections(read("docs/formats.md"))["Sidecars"], "json")
    (table,) = code_blocks(sections(read("docs/formats.md"))["Sidecars"], "csv")
    (folder / "clip.info.json").write_text(yt_dlp)
    (folder / "photo.jpg.json").write_text(gallery_dl)
    (folder / "sightings.csv").write_text(table)
    (folder / "mediafp.columns.json").write_text(columns)


@dataclass(frozen=True, kw_only=True)
class SmallCase:
    """A case in the folder `case`, made of the folder `files`, and the program to use it with."""

    folder: Path

    def run(self, *arguments: object) -> tuple[int, str]:
        """Return the exit status and the standard output of a command."""
        command = ["--store", str(self.folder / "case"), *map(str, arguments)]
        result = CliRunner().invoke(app, command)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout

    def objects(self, *arguments: object) -> list[Any]:
        """Return the JSON objects that a command prints."""
        return [json.loads(line) for line in self.run(*arguments)[1].splitlines()]
