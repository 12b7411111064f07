"""docs/python.md: its code blocks run as one program on a small folder."""

import re
from pathlib import Path

import numpy as np
import pytest
from documents import code_blocks, read, tables
from small_case import write_images

import mediafp
from mediafp.types import errors

DOCUMENT = "docs/python.md"


def test_code_blocks_of_the_document_run(
    tmp_path: Path, photos: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path / "files", photos["cat"])
    monkeypatch.chdir(tmp_path)
    blocks = code_blocks(read(DOCUMENT), "python")
    assert len(blocks) >= 9
    names: dict[str, object] = {"__name__": "example"}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"python.md, block {number}", "exec"), names)
    assert (tmp_path / "placement.png").is_file()


def test_errors_are_those_of_the_package() -> None:
    (table,) = tables(read(DOCUMENT))
    assert len(table) > 3
    for row in table:
        for name in re.findall(r"`(\w+)`", row["error"]):
            assert issubclass(getattr(errors, name), errors.MediafpError)


def test_exported_names_are_importable() -> None:
    assert {"open", "Case", "__version__"} <= set(mediafp.__all__)
    for name in mediafp.__all__:
        assert getattr(mediafp, name) is not None
    assert (Path(mediafp.__file__).parent / "py.typed").is_file()
