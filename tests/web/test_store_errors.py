"""Errors of the store as answers: a status that fits, a sentence that says what to do, and no folder of this machine."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from linked_stores import linked_store
from served_case import ServedCase, served

from mediafp.case import Case, open_case
from mediafp.case.saved_queries import WARM_UP_IMAGE
from mediafp.store.sqlite.errors import store_error
from mediafp.types.errors import StoreError, StoreErrorKind, UsageError
from mediafp.web.store_messages import STORE_MESSAGES, public_text, without_folders

FOLDER = Path("/srv/analyst/cases/secret op/store")
ANSWERS: dict[StoreErrorKind, tuple[int, str]] = {
    "unusable": (503, "restore it from a backup"),
    "damaged": (503, "mediafp verify"),
    "locked": (503, "Wait until it has ended"),
    "moved": (503, "Bring it back"),
    "changed": (503, "start mediafp serve again"),
    "full": (507, "Free some space"),
    "read_only": (403, "Copy the folder to a disk"),
    "unknown": (404, "does not contain this file"),
}


@pytest.fixture
def served_pair(tmp_path: Path) -> ServedCase:
    linked_store(tmp_path / "store", "ab", {"ab": 0.99}).close()
    with open_case(tmp_path / "store") as case, served(case) as one:
        yield one


def failing(kind: StoreErrorKind) -> Callable[..., object]:
    def fail(*_: object, **__: object) -> object:
        raise StoreError(f"cannot read '{FOLDER}': it is gone; restore it from a backup", kind=kind)

    return fail


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("address", ["/watch", "/watch.json", "/api/watches"])
def test_kinds_of_errors_have_a_status_and_an_action(
    served_pair: ServedCase, monkeypatch: pytest.MonkeyPatch, kind: StoreErrorKind, address: str
) -> None:
    """Each was answered with 400 and the folder: UsageError, of which they are a kind, was asked for first."""
    status, action = ANSWERS[kind]
    monkeypatch.setattr(Case, "watches", failing(kind))
    answer = served_pair.get(address)
    assert answer.status_code == status and action in answer.text
    assert "secret op" not in answer.text and "/srv" not in answer.text
    chinese = served_pair.get("/watch", headers={"accept-language": "zh-TW"}).text
    assert kind == "unusable" or STORE_MESSAGES[kind] not in chinese


def test_address_that_names_nothing_is_no_error_of_a_case_that_cannot_be_read(
    served_pair: ServedCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page of the error counted the files of the case, which failed again: "Internal Server Error"."""
    monkeypatch.setattr(Case, "count_assets", failing("locked"))
    answer = served_pair.get("/nothing")
    assert answer.status_code == 404 and "check the address" in answer.text


def test_image_of_a_case_that_cannot_be_read_is_not_said_to_be_missing(
    served_pair: ServedCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert served_pair.get(f"/media/{'f' * 64}/thumb").status_code == 404
    monkeypatch.setattr("mediafp.case.evidence.StoredEvidence.thumbnail", failing("moved"))
    for image in ("thumb", "frame"):
        assert served_pair.get(f"/media/{'a' * 64}/{image}").status_code == 503, image


def test_folder_that_was_moved_is_said_to_be(served_pair: ServedCase, tmp_path: Path) -> None:
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    wanted = {"a": "a" * 64, "b": "b" * 64, "decision": "confirm", "subject": "match"}
    sent = served_pair.client.post("/api/decisions", json=wanted)
    assert sent.status_code == 503 and sent.json()["error"] == STORE_MESSAGES["moved"]
    (tmp_path / "elsewhere").rename(tmp_path / "store")
    assert served_pair.client.post("/api/decisions", json=wanted).status_code == 200


def test_names_that_are_taken_or_missing_are_no_errors_of_the_store(served_pair: ServedCase) -> None:
    wanted = {"value": "Gulf War", "name": "gulf", "kind": "text"}
    assert served_pair.client.post("/api/watches", json=wanted).status_code == 200
    assert served_pair.client.post("/api/watches", json=wanted).status_code == 400
    assert served_pair.client.request("DELETE", "/api/watches", json={"name": "other"}).status_code == 400


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_BUSY, "locked"),
        (sqlite3.SQLITE_FULL, "full"),
        (sqlite3.SQLITE_CANTOPEN, "moved"),
        (sqlite3.SQLITE_READONLY, "read_only"),
        (sqlite3.SQLITE_CORRUPT, "damaged"),
        (sqlite3.SQLITE_MISUSE, "unusable"),
    ],
)
def test_errors_of_sqlite_have_a_kind(code: int, kind: str, tmp_path: Path) -> None:
    error = sqlite3.OperationalError("disk")
    error.sqlite_errorcode = code  # type: ignore[misc]
    assert store_error(tmp_path, "read", error).kind == kind


def test_names_of_paths_remain_in_other_messages() -> None:
    error = StoreError("""cannot read '/a b/c/d.json' of "/o'neil/case": it is damaged ('x/y'); delete it""")
    assert public_text(error, FOLDER) == """cannot read 'd.json' of "case": it is damaged ('x/y'); delete it"""


def test_saved_answer_that_failed_names_no_folder(served_pair: ServedCase, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = served_pair.case.saved_queries()
    with queries.receiving("a.bmp") as upload:
        upload.write(WARM_UP_IMAGE)
    queries.fail(upload.sha256, f"cannot read the store '{FOLDER}': it is damaged; restore a copy of it")
    for address in (f"/answer/{upload.sha256}", f"/api/match/{upload.sha256}", "/api/asked"):
        text = served_pair.get(address).text
        assert "cannot read the store" in text and "secret op" not in text, address


@pytest.mark.parametrize("folder", ["/home/ann/o'brien/case", "/home/two\nlines/case"])
def test_folder_with_quotes_or_line_breaks_in_its_name_is_not_stated(folder: str) -> None:
    """All of it behind the quote was, and all of it before a line break."""
    assert without_folders(f"cannot write to '{folder}': it is closed") == "cannot write to 'case': it is closed"
    moved = f"cannot move {folder + '/a.jpg'!r} from '/old/b.jpg': the store '{folder}' has no such sighting"
    assert (
        without_folders(moved).replace('"', "'")
        == "cannot move 'a.jpg' from 'b.jpg': the store 'case' has no such sighting"
    )


@pytest.mark.parametrize("subject", ["match", "group", "iteration"])
def test_request_that_names_nothing_in_the_case_is_answered_without_its_folder(
    served_pair: ServedCase, tmp_path: Path, subject: str
) -> None:
    """Those of the store named it no more, and the refusals of a decision did."""
    wanted = {"a": "c" * 64, "b": "d" * 64, "decision": "confirm", "subject": subject}
    answer = served_pair.client.post("/api/decisions", json=wanted)
    assert answer.status_code == 400 and "the store 'store'" in answer.json()["error"]
    assert str(tmp_path) not in answer.text


def test_folder_of_the_case_is_its_name_in_any_message() -> None:
    folder = Path("/srv/the authors' cases/x")
    error = StoreError(f"cannot write to '{folder}': it is closed")
    assert public_text(error, folder) == "cannot write to 'x': it is closed"
    assert (
        public_text(UsageError("cannot ingest '/b': no. such. file"), Path("/")) == "cannot ingest '/b': no. such. file"
    )
    relative = UsageError("the store 'operations/x' has none of this name")
    assert public_text(relative, Path("operations/x")) == "the store 'x' has none of this name"
