"""The command `publish`."""

import json
from pathlib import Path

import pytest
from published_case import PublishedCase, build_case
from typer.testing import CliRunner

from mediafp.cli.app import app


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PublishedCase:
    return build_case(tmp_path_factory.mktemp("published"))


def run(made: PublishedCase, *arguments: object) -> tuple[int, str, BaseException | None]:
    done = CliRunner().invoke(app, ["--store", str(made.store), "publish", *map(str, arguments)])
    return done.exit_code, done.stdout + done.stderr, done.exception


def test_options_make_a_page_whose_seal_holds_until_a_byte_changes(made: PublishedCase, tmp_path: Path) -> None:
    page = tmp_path / "out.html"
    files = "--match", made.originals / "copy.png", "--with", made.photo
    status, text, _ = run(made, page, *files, "--title", "Lights", "--letters")
    assert status == 0 and "sealed as" in text and "account A" in page.read_text("utf-8")
    assert run(made, "--verify", page)[0] == 0
    page.write_bytes(page.read_bytes().replace(b"Lights", b"Nights", 1))
    status, text, _ = run(made, "--verify", page, "--json")
    assert status == 2 and json.loads(text)["problems"]
    status, text, _ = run(made)
    assert status == 0 and "Lights" in text and "sealed publication" in text


def test_draft_is_written_changed_by_hand_and_sealed_as_a_bundle(made: PublishedCase, tmp_path: Path) -> None:
    draft, bundle = tmp_path / "draft.json", tmp_path / "out.zip"
    assert run(made, draft, "--group", "c1", "--show-owner")[0] == 0
    status, text, _ = run(made, bundle, "--draft", draft)
    assert status == 2 and "FAILED cards" in text and not bundle.exists()
    content = json.loads(draft.read_text("utf-8"))
    draft.write_text(json.dumps(content | {"title": "Copies"}), "utf-8")
    status, text, _ = run(made, bundle, "--draft", draft, "--json")
    assert status == 0 and len(json.loads(text)["seal"]) == 64
    assert run(made, "--verify", bundle)[0] == 0


def test_wrong_options_and_outputs_are_refused(made: PublishedCase, tmp_path: Path) -> None:
    other = tmp_path / "photo.html"
    other.write_bytes(b"GIF89a")
    draft = tmp_path / "draft.json"
    assert run(made, draft, "--group", "c1")[0] == 0
    for arguments in (
        (other, "--group", "c1"),
        (tmp_path / "out.txt", "--group", "c1"),
        (tmp_path / "none" / "out.html", "--group", "c1"),
        (tmp_path / "out.html", "--match", made.photo),
        (tmp_path / "out.html", "--match", made.photo, "--with", made.photo),
        (tmp_path / "out.html", "--match", "nothing.jpg", "--with", made.photo),
        (tmp_path / "out.html", "--draft", draft, "--letters"),
        (tmp_path / "out.html", "--draft", tmp_path / "none.json"),
        (tmp_path / "out.html", "--draft", "000000000000"),
        ("--verify", tmp_path / "none.html"),
    ):
        status, _, error = run(made, *arguments)
        assert status and type(error).__name__ == "UsageError", arguments
    assert other.read_bytes() == b"GIF89a" and not (tmp_path / "out.html").exists()
