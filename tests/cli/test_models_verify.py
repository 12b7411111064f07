"""`models verify` checks the folder that a joined model is loaded from."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mediafp.cli.app import app
from mediafp.cli.exit_status import ExitStatus
from mediafp.types import model_files


def test_models_verify_names_a_foreign_file_beside_a_joined_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MEDIAFP_CACHE", str(tmp_path))
    entry = next(entry for entry in model_files.manifest() if entry.parts)
    folder = entry.join_parts().parent
    assert CliRunner().invoke(app, ["models", "verify"]).exit_code == 0
    (folder / "preprocessor_config.json").write_text("{}")
    done = CliRunner().invoke(app, ["models", "verify"])
    assert done.exit_code == ExitStatus.COULD_NOT_RUN
    text = done.stdout.replace("\n", "")
    assert f"{entry.name}: cache changed; delete the folder" in text and folder.name in text
    entry.join_parts()
    done = CliRunner().invoke(app, ["models", "verify"])
    assert done.exit_code == 0 and "as the manifest states" in done.stdout
