"""The move of the indexes of a case: to a folder or an object store, and back."""

import json
import logging
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from indexed_store import name, record, stored_answers
from ingest_records import add_records
from object_store import BUCKET, ENVIRONMENT, SECRET, object_store, skip_without_lance, skip_without_server
from PIL import Image
from typer.testing import CliRunner

from mediafp.case import open_case
from mediafp.case.comparison.versions import comparison_versions
from mediafp.case.incomplete_matches import match_warnings
from mediafp.case.references import INDEXED_TYPES, StoredReferences
from mediafp.case.row_indexes import index_kind
from mediafp.cli.app import app
from mediafp.fingerprints.rectangles import RECTANGLES
from mediafp.fingerprints.registry import SEARCH_TYPE, declaration, fingerprint_type
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.store.index_location import index_address, index_files
from mediafp.store.lance import table
from mediafp.store.row_index import index as row_index
from mediafp.store.row_index.files import iter_rows
from mediafp.store.row_index.rows import RowLayout
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.errors import StoreError, UsageError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a store of 30 images whose indexes are saved at once, one image of which was removed."""
    monkeypatch.setattr(row_index, "SAVE_ROWS", 1)
    monkeypatch.setattr(table, "SEGMENT_ROWS", 20)
    monkeypatch.setattr(table, "PARTITION_ROWS", 10)
    folder = tmp_path / "case"
    with SqliteStore(folder, create=True) as store:
        add_records(store, *(record(n) for n in range(30)))
        StoredReferences(store, decode_thumbnail)
        with store.writing():
            store.forget_sighting(name(3), "/files/3.png")
        StoredReferences(store, decode_thumbnail)
    return folder


@pytest.fixture
def small_photo(tmp_path: Path, photos: dict[str, np.ndarray]) -> Path:
    Image.fromarray(photos["cat"]).resize((150, 100)).save(tmp_path / "cat.png")
    return tmp_path / "cat.png"


@pytest.fixture(params=["folder", "s3"])
def address(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Addresses to which the indexes are moved."""
    if request.param == "folder":
        skip_without_lance()
        yield str(tmp_path / "elsewhere")
        return
    skip_without_server()
    with object_store() as server:
        for variable, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": server.url}.items():
            monkeypatch.setenv(variable, value)
        yield f"s3://{BUCKET}/cases/one"


def test_search_of_a_part_of_an_index_is_stated_in_results(
    folder: Path,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    small_photo: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    arguments = ["--store", str(folder)]
    with open_case(folder) as case:
        list(case.migrate(address))
        assert case._references().search_warnings() == ()
    monkeypatch.setattr(table, "SCANNED_ROWS", 10)
    stated = r"searched \d+% of the \d+ rows of sscd_distilled, those nearest by groups: a use may be missing"
    with open_case(folder) as case:
        assert re.fullmatch(rf"{stated}; see docs/scale\.md", case._references().search_warnings()[0])
        (result,) = case.match(small_photo, ocr=False, speech=None)
        assert result.warnings == case._references().search_warnings()
    related = CliRunner().invoke(app, [*arguments, "relate", "--json"])
    assert re.match(stated, json.loads(related.stdout)["warnings"][0]), related.output
    again = CliRunner().invoke(app, [*arguments, "relate", "--json"])
    partly = (
        r"\d+ files were compared with a part of the rows of a large index: a use may be missing; see docs/scale\.md"
    )
    found = json.loads(again.stdout)
    assert found["compared"] == 0 and re.fullmatch(partly, found["warnings"][0]) and len(found["warnings"]) == 1
    exported = CliRunner().invoke(app, [*arguments, "export", "matches"])
    assert exported.exit_code == 0 and re.search(partly, caplog.text)
    with SqliteStore(folder) as store:
        # As of a query whose content the store has.
        assert match_warnings(store, name(5)) == (re.sub(r"^\d+ files were", "this file was", found["warnings"][0]),)
        saved = store.database.row("SELECT version FROM comparison WHERE sha256 = ?", (name(5),))
        with store.writing():
            store.database.execute(
                "UPDATE comparison SET version = ? WHERE sha256 = ?", (comparison_versions()["picture"], name(5))
            )
        # Others that were compared later may have missed it.
        assert match_warnings(store, name(5)) == ("28" + found["warnings"][0].removeprefix("29"),)
        with store.writing():
            store.database.execute("UPDATE comparison SET version = ? WHERE sha256 = ?", (*saved, name(5)))
    monkeypatch.setattr(table, "SCANNED_ROWS", 1 << 24)
    complete = CliRunner().invoke(app, [*arguments, "relate", "--json"])
    assert json.loads(complete.stdout)["compared"] and json.loads(complete.stdout)["warnings"] == []
    with SqliteStore(folder) as store:
        assert match_warnings(store, name(5)) == ()
    monkeypatch.setattr(table, "SCANNED_ROWS", 10)
    with SqliteStore(folder) as store, store.writing():
        store.database.execute("UPDATE comparison SET version = ''")
    printed = CliRunner().invoke(app, [*arguments, "relate"])
    assert re.search(stated, printed.stderr.replace("\n", " "))
    asked = CliRunner().invoke(app, [*arguments, "match", str(small_photo), "--ocr", "no"])
    assert re.search(stated, asked.stderr.replace("\n", " "))


def saved_rows(folder: Path) -> dict[str, list[tuple[bytes, ...]]]:
    """Return the rows of each index, as they were saved."""
    rows: dict[str, list[tuple[bytes, ...]]] = {}
    for type in INDEXED_TYPES:
        kind = index_kind(declaration(type), fingerprint_type(type).version)
        layout = RowLayout(metric=kind.metric, columns=kind.columns)
        mapped = index_files(folder, index_address(folder), kind.type, kind.version, layout).map()
        rows[type] = [
            tuple(values.tobytes() for values in (some.sha256, some.ends, some.bits[:], some.codes[:]))  # type: ignore[index,union-attr]
            for some in (iter_rows(mapped) if mapped else ())
        ]
    return rows


def test_indexes_move_there_and_back(folder: Path, address: str) -> None:
    rows, before = saved_rows(folder), stored_answers(folder)
    assert len(rows[SEARCH_TYPE]) == 1
    with open_case(folder) as case:
        assert case.index_address == "local"
        moved = {one.type: one.rows for one in case.migrate(address)}
        assert moved[SEARCH_TYPE] == 29 and case.index_address == address
        assert not case.verify().problems
    assert saved_rows(folder) == rows and stored_answers(folder) == before
    assert not list((folder / "index").rglob("*.bits"))
    with open_case(folder) as case:
        assert {one.type: one.rows for one in case.migrate("local")} == moved
        assert not case.verify().problems and case.index_address == "local"
    assert saved_rows(folder) == rows and stored_answers(folder) == before
    if "://" not in address:
        assert list(Path(address).iterdir()) == []


def test_moved_indexes_follow_the_database(folder: Path, address: str, tmp_path: Path) -> None:
    """What is added and removed later is searched there as in a store whose indexes never moved."""
    shutil.copytree(folder, tmp_path / "stays")
    with open_case(folder) as case:
        list(case.migrate(address))
    for one in (folder, tmp_path / "stays"):
        with SqliteStore(one) as store:
            add_records(store, *(record(n) for n in range(30, 60)))
            StoredReferences(store, decode_thumbnail)
            with store.writing():
                store.forget_sighting(name(31), "/files/31.png")
            StoredReferences(store, decode_thumbnail)
            add_records(store, record(60))
            StoredReferences(store, decode_thumbnail)
        with open_case(one) as case:
            assert not case.verify().problems
    assert stored_answers(folder) == stored_answers(tmp_path / "stays") and index_address(folder) == address


def test_forgetting_removes_the_rows_there(folder: Path, address: str) -> None:
    with open_case(folder) as case:
        list(case.migrate(address))
        before = saved_rows(folder)
        case.forget(name(7))
        assert all(rows == [] for rows in saved_rows(folder).values()) and before[SEARCH_TYPE]
        if "://" not in address:
            assert list(Path(address).iterdir()) == []
        assert not case.verify().problems
    assert name(7) not in str(stored_answers(folder))


def test_removed_table_is_built_anew(folder: Path, tmp_path: Path) -> None:
    skip_without_lance()
    with open_case(folder) as case:
        list(case.migrate(str(tmp_path / "elsewhere")))
    before = stored_answers(folder)
    for one in (tmp_path / "elsewhere").iterdir():
        shutil.rmtree(one)
    assert stored_answers(folder) == before


def test_missing_folder_is_an_error(folder: Path, tmp_path: Path) -> None:
    """Its disk may not be mounted: a new index would be built below the mount point."""
    skip_without_lance()
    with open_case(folder) as case:
        list(case.migrate(str(tmp_path / "elsewhere")))
    before = saved_rows(folder)
    (tmp_path / "elsewhere").rename(tmp_path / "unmounted")
    with pytest.raises(StoreError, match=r"elsewhere.*mount its disk.*migrate --index local"):
        stored_answers(folder)
    with open_case(folder) as case:
        problems = case.verify().problems
    assert problems and all("cannot be checked" in problem for problem in problems)
    with open_case(folder) as case:
        assert list(case.migrate("local")) == []
    assert stored_answers(folder) and saved_rows(folder) == before


def test_folder_that_was_not_named_here_is_not_used(folder: Path, tmp_path: Path) -> None:
    """A store of somebody else could have tables written and removed in a folder of the user."""
    skip_without_lance()
    address = tmp_path / "else where"
    with open_case(folder) as case:
        list(case.migrate(str(address)))
    before = stored_answers(folder)
    tables = sorted(address.iterdir())
    received = tmp_path / "received"
    shutil.copytree(folder, received)
    with pytest.raises(
        StoreError, match=f"not named on this machine; name it: mediafp migrate --index '{address}', or"
    ):
        stored_answers(received)
    with open_case(received) as case:
        with pytest.raises(StoreError, match="not named on this machine"):
            case.forget(name(7))
        assert list(case.migrate("local")) == []
        case.forget(name(7))
    assert sorted(address.iterdir()) == tables and stored_answers(folder) == before


def test_nothing_is_forgotten_while_the_rows_cannot_be_removed(folder: Path, tmp_path: Path) -> None:
    """Its disk may not be mounted: the rows on it would stay, and no command would name them any more."""
    skip_without_lance()
    with open_case(folder) as case:
        list(case.migrate(str(tmp_path / "elsewhere")))
    (tmp_path / "elsewhere").rename(tmp_path / "unmounted")
    with open_case(folder) as case:
        with pytest.raises(StoreError, match=r"cannot remove the index in .*elsewhere.*mount its disk"):
            case.forget(name(7))
        assert case.count_assets() == 29 and list((tmp_path / "unmounted").iterdir())
        (tmp_path / "unmounted").rename(tmp_path / "elsewhere")
        assert [one.sha256 for one in case.forget(name(7))] == [name(7)]
        assert case.count_assets() == 28 and list((tmp_path / "elsewhere").iterdir()) == []
        assert not case.verify().problems


def test_changed_row_is_a_problem(folder: Path, tmp_path: Path) -> None:
    skip_without_lance()
    with open_case(folder) as case:
        list(case.migrate(str(tmp_path / "elsewhere")))
    import lance

    (changed,) = (tmp_path / "elsewhere").glob(f"{SEARCH_TYPE}-*")
    dataset = lance.dataset(changed)
    tag, version = next((tag, one["version"]) for tag, one in dataset.tags.list().items())
    newest = lance.write_dataset(
        dataset.to_table().slice(0, 29).take(list(range(28, -1, -1))), changed, mode="overwrite"
    )
    newest.tags.update(tag, newest.version)
    assert newest.version > version
    with open_case(folder) as case:
        (problem,) = case.verify().problems
        assert SEARCH_TYPE in problem and "mediafp migrate --index local; then delete the folder 'index'" in problem
        list(case.migrate("local"))
    shutil.rmtree(folder / "index")
    with open_case(folder) as case:
        assert not case.verify().problems
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    "address",
    ["", "s3://", "s3://UPPER/x", "http://b1c/x", "s3://b1c/../x", f"s3://key:{SECRET}@b1c/x", "s3://b1c/x?y=z"],
)
def test_invalid_address_is_refused(folder: Path, address: str) -> None:
    with open_case(folder) as case:
        with pytest.raises(UsageError, match="cannot use the address") as error:
            list(case.migrate(address))
        assert SECRET not in str(error.value) and case.index_address == "local"


def test_missing_library_is_named(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lance", None)
    with open_case(folder) as case, pytest.raises(UsageError, match=r"pip install 'mediafp\[cluster\]'"):
        list(case.migrate(str(tmp_path / "elsewhere")))
    assert index_address(folder) is None and stored_answers(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"address": 3}',
        b'{"address": "s3://a:b@bucket"}',
        b'{"address": "/x/../y", "named_by": []}',
        b"[" * 4096,
        b"\xff",
    ],
)
def test_damaged_location_is_an_error(folder: Path, content: bytes) -> None:
    (folder / "index.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"index\.json.*damaged.*migrate --index local"):
        stored_answers(folder)
    with open_case(folder) as case:
        assert case.verify().problems
        list(case.migrate("local"))
    assert stored_answers(folder)


def test_command_prints_and_moves(folder: Path, tmp_path: Path) -> None:
    skip_without_lance()
    runner = CliRunner()
    arguments = ["--store", str(folder), "migrate", "--json"]
    result = runner.invoke(app, arguments)
    assert json.loads(result.stdout) == {"index": "local", "moved": []}
    target = str(tmp_path / "elsewhere")
    result = runner.invoke(app, [*arguments, "--index", target])
    printed = json.loads(result.stdout)
    assert printed["index"] == target and {"type": SEARCH_TYPE, "assets": 29, "rows": 29} in printed["moved"]
    result = runner.invoke(app, ["--store", str(folder), "migrate", "--index", "local"])
    assert "29 rows of 29 assets" in result.stdout and "index: local" in result.stdout


def test_nothing_is_moved_while_another_process_writes(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    skip_without_lance()
    caplog.set_level(logging.WARNING)
    kind = index_kind(declaration(SEARCH_TYPE), fingerprint_type(SEARCH_TYPE).version)
    files = index_files(folder, None, kind.type, kind.version, RowLayout(metric=kind.metric, columns=kind.columns))
    with open_case(folder) as case, files.writing():
        with pytest.raises(StoreError, match="another process writes it"):
            list(case.migrate(str(tmp_path / "elsewhere")))
        assert case.index_address == "local"
    assert stored_answers(folder)


def test_move_that_fails_or_is_abandoned_leaves_no_copies(folder: Path, tmp_path: Path) -> None:
    """No store would use them, and `forget` would not remove their rows."""
    skip_without_lance()
    rows = saved_rows(folder)
    elsewhere = tmp_path / "elsewhere"
    kind = index_kind(declaration(RECTANGLES), fingerprint_type(RECTANGLES).version)
    files = index_files(folder, None, kind.type, kind.version, RowLayout(metric=kind.metric, columns=kind.columns))
    with open_case(folder) as case:
        with files.writing():
            moves = case.migrate(str(elsewhere))
            assert next(moves).type == SEARCH_TYPE and list(elsewhere.iterdir())
            with pytest.raises(StoreError, match="another process writes it"):
                list(moves)
        assert list(elsewhere.iterdir()) == []
        moves = case.migrate(str(elsewhere))
        next(moves)
        moves.close()  # type: ignore[attr-defined]
        assert list(elsewhere.iterdir()) == [] and case.index_address == "local"
    assert saved_rows(folder) == rows and list((folder / "index").rglob("*.bits"))


def test_object_store_that_was_not_named_here_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of somebody else could make fingerprints leave the machine."""
    skip_without_server()
    with object_store() as server:
        for variable, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": server.url}.items():
            monkeypatch.setenv(variable, value)
        address = f"s3://{BUCKET}/cases/one"
        before = stored_answers(folder)
        with open_case(folder) as case:
            list(case.migrate(address))
        stated = json.loads((folder / "index.json").read_text())
        received = folder.with_name("received")
        shutil.copytree(folder, received)
        calls = server.calls
        with pytest.raises(
            StoreError, match=f"not named on this machine; name it: mediafp migrate --index {address}, or"
        ):
            stored_answers(received)
        with open_case(received) as case:
            assert case.verify().problems and server.calls == calls
            assert list(case.migrate(address)) == []
        assert stored_answers(received) == before == stored_answers(folder)
        named = json.loads((received / "index.json").read_text())
        assert named["address"] == address and named["named_by"][:1] == stated["named_by"] != named["named_by"][1:]
        shutil.copytree(folder, folder.with_name("other"))
        with open_case(folder.with_name("other")) as case:
            list(case.migrate("local"))
        assert stored_answers(folder.with_name("other")) == before
