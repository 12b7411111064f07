"""`watch` on the command line: exit statuses, JSON, a command and a webhook."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ingest_records import ingest_record
from PIL import Image
from typer.testing import CliRunner, Result

from mediafp.cli.app import app
from mediafp.store.sqlite.store import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store that watches an account."""
    folder = tmp_path / "store"
    assert run(folder, "watch", "add", "@某人", "--name", "somebody").exit_code == 0
    return folder


def run(store: Path, *arguments: object) -> Result:
    done = CliRunner().invoke(app, [f"--store={store}", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    return done


def lines(done: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def add_hit(store: Path, name: str = "a") -> None:
    """Add a video of the watched account."""
    with SqliteStore(store) as opened, opened.writing():
        opened.add_record(ingest_record(name))


@contextmanager
def server(status: int = 200, **headers: str) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """Yield the address of a server on this machine, and the requests that it got."""
    requests: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append((f"{self.path} {self.headers['Content-Type']}", json.loads(body)))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}/hits?case=1", requests
        finally:
            listening.shutdown()
            thread.join()


def test_check_ends_with_0_for_new_hits_and_1_for_none(store: Path) -> None:
    assert run(store, "watch", "check").exit_code == 1
    add_hit(store)
    done = run(store, "watch", "check", "--json")
    assert done.exit_code == 0
    (hit,) = lines(done)
    assert (hit["watch"], hit["uri"], hit["news"]) == ("somebody", "/dump/a.mp4", True)
    again = run(store, "watch", "check", "--json")
    assert (again.exit_code, again.stdout) == (1, "")
    assert [one["uri"] for one in lines(run(store, "watch", "check", "--all", "--json"))] == ["/dump/a.mp4"]
    (listed,) = lines(run(store, "watch", "list", "--json"))
    assert (listed["name"], listed["kind"], listed["hits"], listed["new_hits"]) == ("somebody", "account", 1, 0)
    added = run(store, "watch", "add", "某人", "--kind", "account", "--json")
    assert [one["uri"] for one in lines(added)[0]["older_hits"]] == ["/dump/a.mp4"]
    for name in ("somebody", "@某人"):
        assert run(store, "watch", "remove", name).exit_code == 0
    assert run(store, "watch", "check", "--all").exit_code == 1
    assert run(store, "watch", "list").stdout == "nothing is watched\n"


def test_ingest_says_what_a_file_hits(store: Path, photos: dict[str, np.ndarray], tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    Image.fromarray(photos["cat"]).save(tmp_path / "stolen.png")
    added = run(store, "watch", "add", tmp_path / "stolen.png")
    assert "was not in the store, and was ingested" in added.stdout and "already in the case: 0 files" in added.stdout
    assert run(store, "watch", "add", "海湾战争").exit_code == 0
    Image.fromarray(photos["cat"][20:260, 30:400]).save(files / "post.png")
    (files / "post.png.json").write_text(
        json.dumps({"category": "weibo", "author": "某人", "content": "海灣戰爭的真相"})
    )
    options = ("--ocr", "no", "--crops", "no", "--transcribe", "no", "--jobs", 1)
    done = run(store, "ingest", files, "--json", *options)
    post, sidecar, summary = lines(done)
    assert (post["watch"], "watch" in sidecar) == (["somebody", "stolen.png", "海湾战争"], False)
    assert (summary["watch"], summary["watch_files"]) == ({"somebody": 1, "stolen.png": 1, "海湾战争": 1}, 1)
    for reason in ("states the account 某人", "in the post: 海灣戰爭的真相", "stolen.png: "):
        assert reason in done.stderr
    assert run(store, "watch", "check").stdout.count("post.png") == 3
    assert "watch" not in lines(run(store, "ingest", files, "--json", *options))[-1]


def test_a_command_gets_new_hits_as_json_lines_and_no_shell_reads_it(store: Path, tmp_path: Path) -> None:
    program, got = tmp_path / "got it.py", tmp_path / "got"
    program.write_text("import sys; print('seen'); open(sys.argv[1], 'a').write(sys.stdin.read() + sys.argv[2])")
    command = f"'{sys.executable}' '{program}' '{got}' '$HOME; exit 3'"
    assert run(store, "watch", "check", "--command", command).exit_code == 1
    assert not got.exists(), "without hits it does not run"
    for name in "ab":
        add_hit(store, name)
    done = run(store, "watch", "check", "--json", "--command", command)
    assert (done.exit_code, done.stderr) == (0, "")
    printed, arguments = done.stdout, "$HOME; exit 3"
    assert got.read_text() == printed + arguments and len(lines(done)) == 2


def test_hits_that_are_not_delivered_stay_new(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_hit(store)
    monkeypatch.setattr("mediafp.case.watching.delivery.COMMAND_SECONDS", 0.2)
    for command, problem in (
        (f"'{sys.executable}' -c 'exit(7)'", "ended with status 7"),
        (f"'{sys.executable}' -c 'import time; time.sleep(60)'", "was ended after 0 s"),
        ("/nowhere/program", "did not run"),
    ):
        done = run(store, "watch", "check", "--command", command)
        assert done.exit_code == 0 and problem in done.stderr and "tries again" in done.stderr
    with server(500) as (url, _):
        assert "it answered 500" in run(store, "watch", "check", "--webhook", url).stderr
    assert "did not take the hits" in run(store, "watch", "check", "--webhook", url).stderr, "it has ended"
    assert run(store, "watch", "check").exit_code == 0
    assert run(store, "watch", "check").exit_code == 1


def test_a_webhook_gets_new_hits_and_no_redirect_is_followed(store: Path) -> None:
    with server() as (elsewhere, unasked), server(307, Location=elsewhere) as (url, requests):
        add_hit(store)
        assert "it answered 307" in run(store, "watch", "check", "--webhook", url).stderr
        done = run(store, "watch", "check", "--json", "--webhook", elsewhere.replace("127.0.0.1", "localhost"))
    assert [path for path, _ in requests] == ["/hits?case=1 application/json"]
    assert [body["hits"] for _, body in unasked] == [lines(done)]


@pytest.mark.parametrize(
    "url",
    [
        "http://10.1.2.3/hits",
        "http://[2001:db8::1]/hits",
        "http://[::ffff:10.1.2.3]/hits",
        "http://0.0.0.0/hits",
        "https://127.0.0.1/hits",
        "file:///etc/passwd",
        "http://user:secret@127.0.0.1/hits",
        "http://127.0.0.1/hits HTTP/1.1",
        "http://127.0.0.1:99999/hits",
        "127.0.0.1/hits",
    ],
)
def test_a_webhook_of_another_machine_is_refused(store: Path, url: str) -> None:
    add_hit(store)
    assert refused(store, "--webhook", url)


def refused(store: Path, *options: str) -> bool:
    """Return True if a check is refused before it does anything."""
    from mediafp.types.errors import UsageError

    done = CliRunner().invoke(app, [f"--store={store}", "watch", "check", *options])
    with SqliteStore(store) as opened:
        return isinstance(done.exception, UsageError) and not opened.watch_hits()


def test_a_name_with_another_address_is_refused_also_when_it_changes(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once when it is checked, and once when the name has another address by the time of sending."""
    add_hit(store)
    with server() as (url, requests):
        port = url.split(":")[2].partition("/")[0]
        local, foreign = [(2, 1, 6, "", (host, int(port))) for host in ("127.0.0.1", "192.0.2.1")]
        answers = [[local, foreign], [local], [local, foreign]]
        monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: answers.pop(0))
        name = url.replace("127.0.0.1", "name.example")
        assert refused(store, "--webhook", name)
        done = run(store, "watch", "check", "--webhook", name)
        assert done.exit_code == 0 and "name.example is another one" in done.stderr
    assert requests == [] and answers == []


def test_a_command_that_cannot_be_read_is_refused(store: Path) -> None:
    assert refused(store, "--command", "'open") and refused(store, "--command", " ")
