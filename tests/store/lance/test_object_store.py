"""An index on an object store that fails, cannot be reached or refuses: clear errors, and nothing secret in them."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from indexed_store import answers, name, record, stored_answers
from ingest_records import add_records
from object_store import BUCKET, ENVIRONMENT, SECRET, ObjectStore, object_store, skip_without_server
from processes import PATIENCE_SECONDS

from mediafp.case import open_case
from mediafp.case.references import StoredReferences
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.store.lance import errors, table
from mediafp.store.lance.addresses import storage_options
from mediafp.store.row_index import index as row_index
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.errors import StoreError

ADDRESS = f"s3://{BUCKET}/cases/one"


@pytest.fixture(scope="module")
def running() -> Iterator[ObjectStore]:
    skip_without_server()
    with object_store() as server:
        yield server


@pytest.fixture
def server(running: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """A local S3 server, which the environment names."""
    for variable, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": running.url}.items():
        monkeypatch.setenv(variable, value)
    yield running
    running.is_failing = lambda call: False


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: ObjectStore) -> Path:
    """The folder of a store of 30 images, whose indexes lie on the server."""
    monkeypatch.setattr(row_index, "SAVE_ROWS", 1)
    monkeypatch.setattr(table, "SEGMENT_ROWS", 20)
    folder = tmp_path / "case"
    with SqliteStore(folder, create=True) as store:
        add_records(store, *(record(n) for n in range(30)))
        StoredReferences(store, decode_thumbnail)
    with open_case(folder) as case:
        assert list(case.migrate(ADDRESS))
    return folder


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_store_that_fails_every_second_call_is_searched_and_written(folder: Path, server: ObjectStore) -> None:
    expected = stored_answers(folder)
    before = server.calls
    server.is_failing = lambda call: call % 2 == 0
    assert stored_answers(folder) == expected and server.calls > before + 10
    with SqliteStore(folder) as store:
        add_records(store, *(record(n) for n in range(30, 40)))
        assert StoredReferences(store, decode_thumbnail).row_counts()["sscd_distilled"] == 40
    server.is_failing = lambda call: False
    assert stored_answers(folder) != expected
    with open_case(folder) as case:
        assert not case.verify().problems


def test_store_that_fails_all_calls_is_an_error_that_loses_nothing(folder: Path, server: ObjectStore) -> None:
    expected = stored_answers(folder)
    server.is_failing = lambda call: True
    with pytest.raises(StoreError, match=r"status 503; run the same command again") as error:
        stored_answers(folder)
    assert ADDRESS in str(error.value)
    server.is_failing = lambda call: False
    assert stored_answers(folder) == expected


def test_failure_during_a_search_is_an_error(folder: Path, server: ObjectStore) -> None:
    with SqliteStore(folder) as store:
        references = StoredReferences(store, decode_thumbnail)
        server.is_failing = lambda call: True
        with pytest.raises(StoreError, match=r"cannot (search|read) the index at 's3://.*status 503"):
            answers(references)
        server.is_failing = lambda call: False
        assert answers(references) == stored_answers(folder)


def test_nothing_is_forgotten_while_the_store_fails(folder: Path, server: ObjectStore) -> None:
    with open_case(folder) as case:
        server.is_failing = lambda call: True
        with pytest.raises(StoreError, match=r"cannot remove the index at 's3://.*run the same command again"):
            case.forget(name(2))
        assert case.count_assets() == 30
        server.is_failing = lambda call: False
        assert [one.sha256 for one in case.forget(name(2))] == [name(2)]
        assert case.count_assets() == 29 and not case.verify().problems


def test_index_that_cannot_be_reached_comes_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = stored_answers(folder)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port()}")
    with pytest.raises(StoreError, match=r"cannot be reached; check the network and AWS_ENDPOINT_URL"):
        stored_answers(folder)
    with open_case(folder) as case:
        assert list(case.migrate("local")) == []
    assert stored_answers(folder) == expected


def test_missing_bucket_is_named(folder: Path, tmp_path: Path) -> None:
    with open_case(folder) as case:
        with pytest.raises(StoreError, match="the bucket does not exist"):
            list(case.migrate("s3://no-such-bucket/cases"))
        assert case.index_address == ADDRESS
    assert stored_answers(folder)
    with SqliteStore(tmp_path / "empty", create=True):
        pass
    with open_case(tmp_path / "empty") as case, pytest.raises(StoreError, match="the bucket does not exist"):
        list(case.migrate("s3://no-such-bucket/cases"))


@pytest.mark.parametrize("command", [["verify", "--no-originals"], ["migrate", "--index", "s3://another-bucket/x"]])
def test_missing_credentials_are_named_and_never_written(
    folder: Path, server: ObjectStore, tmp_path: Path, command: list[str]
) -> None:
    """In a process of its own, whose home has no credentials; the machine it asks for some is not there."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    environment |= {
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": server.url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SESSION_TOKEN": SECRET,
    }
    run = subprocess.run(
        [sys.executable, "-m", "mediafp", "-vv", "--store", str(folder), *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert run.returncode == 2 and "no credentials were found; set AWS_ACCESS_KEY_ID" in run.stdout + run.stderr
    for secret in (SECRET, ENVIRONMENT["AWS_ACCESS_KEY_ID"]):
        assert secret not in run.stdout + run.stderr
        for file in folder.rglob("*"):
            assert file.is_dir() or secret.encode() not in file.read_bytes()


def test_credentials_are_not_in_the_files_of_the_store(folder: Path) -> None:
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 10
    for file in files:
        content = file.read_bytes()
        assert SECRET.encode() not in content and ENVIRONMENT["AWS_ACCESS_KEY_ID"].encode() not in content


def test_messages_quote_nothing_of_an_answer() -> None:
    answer = "Server returned non-2xx status code: 403 Forbidden: <Code>InvalidAccessKeyId</Code><AWSAccessKeyId>AKIDX"
    with pytest.raises(StoreError, match="access is denied") as error, errors.lance_errors("search the index", ADDRESS):
        raise OSError(answer)
    assert "AKIDX" not in str(error.value) and error.value.__suppress_context__
    with pytest.raises(StoreError, match="built anew") as error, errors.lance_errors("search the index", ADDRESS):
        raise OSError("something else AKIDX")
    assert "AKIDX" not in str(error.value)


def test_only_an_endpoint_on_this_machine_may_go_without_encryption(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://storage.example:9000")
    assert "allow_http" not in (storage_options(ADDRESS) or {})
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    assert (storage_options(ADDRESS) or {})["allow_http"] == "true"
    assert storage_options("/a/folder") is None


def test_rows_of_two_cases_at_one_address_do_not_mix(folder: Path, tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "other", create=True) as store:
        add_records(store, *(record(n, seed=100 + n) for n in range(30)))
        StoredReferences(store, decode_thumbnail)
    before = stored_answers(folder)
    with open_case(tmp_path / "other") as case:
        list(case.migrate(ADDRESS))
        assert not case.verify().problems
        case.forget(name(2))
    assert stored_answers(folder) == before and np.isfinite(len(before))
