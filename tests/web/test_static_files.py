"""The files that browsers load: those of other projects are what the manifest states, and nothing names another server."""

import hashlib
import re
import tomllib
from importlib.resources import files

from served_case import ServedCase

from mediafp.web.static_files import static_files

FOLDER = files("mediafp.web").joinpath("static")
OWN = frozenset((
    "accounts.js", "answer.js", "compare_pictures.js", "compare_players.js", "draft.js", "group.js", "groups.js", "icon.svg",
    "review.js", "said_words.js", "start.js", "workbench.css", "workbench.js",
))  # fmt: skip
"""Files that this project wrote."""


def manifest() -> list[dict[str, str]]:
    return list(tomllib.loads(FOLDER.joinpath("vendored.toml").read_text(encoding="utf-8"))["file"])


def test_every_file_is_our_own_or_is_what_the_manifest_states() -> None:
    listed = {entry["name"]: entry for entry in manifest()}
    assert len(listed) >= 1 and set(static_files()) - OWN == set(listed)
    for name, entry in listed.items():
        assert hashlib.sha256(static_files()[name]).hexdigest() == entry["sha256"], name
        assert FOLDER.joinpath(entry["licence_file"]).read_text(encoding="utf-8").strip(), name
        assert entry["package"] and entry["version"] and entry["licence"], name


def test_no_file_of_our_own_names_another_server_or_evaluates_text() -> None:
    for name in OWN & set(static_files()):
        text = static_files()[name].decode()
        assert not re.search(r"https?://(?!www\.w3\.org/)", text), name
        assert not re.search(r"\beval\(|new Function|innerHTML|document\.write|insertAdjacentHTML", text), name


def test_files_are_served_by_their_name_alone(workbench: ServedCase) -> None:
    sent = workbench.get("/static/workbench.css")
    assert sent.status_code == 200 and sent.headers["content-type"].startswith("text/css")
    for name in ("vendored.toml", "htmx.LICENSE", "nothing.js", ".css"):
        assert workbench.get(f"/static/{name}").status_code == 404
