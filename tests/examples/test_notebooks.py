"""The notebooks of `examples/` run from the first cell to the last."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.ipynb")))
def test_notebook_runs_and_is_kept_without_outputs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What the kernel and the notebook write goes into the folder of the test.
    for variable in ("TMPDIR", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(variable, os.fspath(tmp_path))
    notebook = nbformat.read(EXAMPLES / name, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    *_, table, rows = cells
    shown = table.outputs[0]["data"]["text/plain"]
    assert "truth_daily_news" in shown and "sample_user88" in shown and "copy" in shown
    assert eval(rows.outputs[0]["data"]["text/plain"])["matches"] == 1
