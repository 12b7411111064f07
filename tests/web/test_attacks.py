"""Attacks on the workbench. Each comes with the request that differs from it in one thing and succeeds."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image
from served_case import TOKEN, ServedCase, served

from mediafp.case.case import open_case
from mediafp.web import guard
from mediafp.web.page_token import FIELD, page_token

REFUSED = frozenset((400, 401, 403, 404, 405, 408, 413, 414, 415, 421, 422, 426, 429, 431))
"""Statuses of a request that changed and revealed nothing."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as its bytes on the wire."""

    method: str = "GET"
    path: str = "/api/case"
    headers: tuple[tuple[str, str], ...] = ()
    without: tuple[str, ...] = ()
    body: bytes = b""
    version: str = "1.1"
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Attack:
    """An attack, and the values of the same request that make it a harmless one."""

    name: str
    request: Request
    control: Request
    statuses: frozenset[int]


def answer(workbench: ServedCase, request: Request) -> tuple[int, bytes]:
    """Send a request as it is, and return the status and the whole answer."""
    settings = workbench.settings
    known = {
        "HOST": f"127.0.0.1:{settings.port}",
        "PORT": str(settings.port),
        "ORIGIN": settings.origin,
        "TOKEN": TOKEN,
        "PAGE": page_token(settings),
    }

    def fill(text: str) -> str:
        for name, value in known.items():
            text = text.replace(f"<{name}>", value)
        return text

    given = {name.lower() for name, _ in request.headers}
    usual = {"host": "<HOST>", "authorization": "Bearer <TOKEN>", "connection": "close"}
    if request.method not in ("GET", "HEAD", "OPTIONS", "TRACE"):
        usual |= {"origin": "<ORIGIN>", "content-type": "application/x-www-form-urlencoded"}
        if "transfer-encoding" not in given:
            body = fill(request.body.decode("latin-1")).encode("latin-1")
            usual["content-length"] = str(len(body))
    lines = [(n, v) for n, v in usual.items() if n not in given and n not in request.without] + list(request.headers)
    head = f"{request.method} {fill(request.path)} HTTP/{request.version}\r\n"
    head += "".join(f"{name}: {fill(value)}\r\n" for name, value in lines)
    content = head.encode("latin-1") + b"\r\n" + fill(request.body.decode("latin-1")).encode("latin-1")
    with socket.create_connection(("127.0.0.1", settings.port), timeout=30) as connection:
        connection.sendall(content)
        received = b""
        while block := connection.recv(65536):
            received += block
    return int(received.split(b" ", 2)[1]), received


LANGUAGE = f"{FIELD}=<PAGE>&language=en&back=/".encode()
CHANGE = Request(method="POST", path="/language", body=LANGUAGE)
"""A form of a page, complete."""
API_CHANGE = Request(
    method="POST", path="/api/no-such-thing", headers=(("content-type", "application/json"),), body=b"{}"
)
"""A request to the API that passes all checks, and finds nothing."""
READ = Request()


WEB_SOCKET = (
    ("upgrade", "websocket"),
    ("connection", "Upgrade, close"),
    ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ("sec-websocket-version", "13"),
)
"""Headers of a request to open a web socket."""


def attacks() -> Iterator[Attack]:
    """Yield the attacks that are one request each."""

    def reading(name: str, statuses: set[int], **changes: object) -> Attack:
        return Attack(name=name, request=Request(**changes), control=READ, statuses=frozenset(statuses))  # type: ignore[arg-type]

    def posting(name: str, statuses: set[int], **changes: object) -> Attack:
        base = {"method": "POST", "path": "/language", "body": LANGUAGE}
        return Attack(name=name, request=Request(**{**base, **changes}), control=CHANGE, statuses=frozenset(statuses))  # type: ignore[arg-type]

    # DNS rebinding: the browser believes that the attacker's name is this machine.
    for name, host in (
        ("name", "attacker.example:<PORT>"),
        ("wrong port", "127.0.0.1:1"),
        ("no port", "127.0.0.1"),
        ("suffix", "127.0.0.1.attacker.example:<PORT>"),
        ("user", "attacker@127.0.0.1:<PORT>"),
        ("other address", "0.0.0.0:<PORT>"),
        ("octal", "0177.0.0.1:<PORT>"),
        ("short", "127.1:<PORT>"),
    ):
        yield reading(f"host: {name}", {421}, headers=(("host", host),))
    yield reading("host missing", {421}, without=("host",), version="1.0")
    yield reading("two hosts", {400, 421}, headers=(("host", "<HOST>"), ("host", "attacker.example")))
    # Posts of another site.
    for name, origin in (
        ("null", "null"),
        ("foreign", "https://attacker.example"),
        ("same port", "http://attacker.example:<PORT>"),
        ("other port", "http://127.0.0.1:1"),
        ("https", "https://127.0.0.1:<PORT>"),
        ("prefix", "<ORIGIN>.attacker.example"),
        ("empty", ""),
    ):
        yield posting(f"origin: {name}", {403}, headers=(("origin", origin),))
    yield posting("origin missing", {403}, without=("origin",))
    for site in ("cross-site", "same-site"):
        yield reading(f"read from a {site} page", {403}, headers=(("sec-fetch-site", site),))
        yield posting(f"post from a {site} page", {403}, headers=(("sec-fetch-site", site),))
    for content_type in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"):
        yield Attack(
            name=f"API with {content_type}",
            request=Request(
                method="POST", path="/api/no-such-thing", headers=(("content-type", content_type),), body=b"{}"
            ),
            control=API_CHANGE,
            statuses=frozenset({403, 415}),
        )
    yield posting("page with JSON", {415}, headers=(("content-type", "application/json"),))
    yield posting("without the token of the page", {403}, body=b"language=en&back=/")
    yield posting("wrong token of the page", {403}, body=FIELD.encode() + b"=" + b"0" * 64 + b"&language=en&back=/")
    yield posting("token of the session in its place", {403}, body=FIELD.encode() + b"=<TOKEN>&language=en&back=/")
    # Guessed tokens.
    yield reading("no token", {401}, without=("authorization",))
    yield reading("empty bearer", {401}, headers=(("authorization", "Bearer "),))
    yield reading("another scheme", {401}, headers=(("authorization", "Basic <TOKEN>"),))
    yield reading("start of the token", {401}, headers=(("authorization", f"Bearer {TOKEN[:-1]}"),))
    yield reading(
        "cookie of another server", {401}, headers=(("cookie", "mediafp_1=<TOKEN>"),), without=("authorization",)
    )
    yield reading("wrong token in the address", {401}, path="/?token=x", without=("authorization",))
    # Traversal.
    for path in (
        "/static/../pages/start.py",
        "/static/%2e%2e/site.py",
        "/static/..%2fsite.py",
        "/static/%2fetc/passwd",
        "/static/vendored.toml",
        "/static/..\\site.py",
        "/static/%5c..%5csite.py",
        "/static/workbench.css%00.js",
        "//etc/passwd",
        "/media/../../etc/passwd",
        "/media/%2e%2e%2fstore.sqlite/thumb",
        "/media/" + "f" * 64 + "/thumb",
        "/media/" + "F" * 64 + "/thumb",
        "/answer/..",
        "/answer/" + "0" * 63 + "g",
        "/file:///etc/passwd",
        "/http://attacker.example/",
    ):
        yield reading(f"path {path[:40]}", {404, 400}, path=path)
    # Methods.
    for method in ("TRACE", "OPTIONS", "PATCH", "CONNECT", "PROPFIND"):
        yield reading(f"method {method}", {400, 405}, method=method)
    yield reading("change by GET", {404, 405}, path=f"/language?{FIELD}=<PAGE>&language=en")
    yield reading("upload by GET", {404, 405}, path="/ask")
    # Too much.
    yield posting("stated length", {413}, headers=(("content-length", str(1 << 40)),))
    yield posting("negative length", {400}, headers=(("content-length", "-1"),))
    yield posting("two lengths", {400}, headers=(("content-length", "4"), ("content-length", "5")))
    yield posting(
        "length and chunks",
        {400},
        headers=(("content-length", "5"), ("transfer-encoding", "chunked")),
        body=b"0\r\n\r\n",
    )
    yield posting("many fields", {400, 413}, body=LANGUAGE + b"&a=1" * 6_000)
    yield reading("long address", {400, 414, 431}, path="/api/case?" + "x" * 70_000)
    yield reading("long header", {400, 431}, headers=(("x-long", "x" * 70_000),))
    yield reading("search for a book", {414}, path="/search?q=" + "word+" * 4_000)
    yield reading("search for a paragraph", {400}, path="/search?q=" + "word+" * 200)
    yield reading("number of a page", {400}, path="/search?q=word&page=" + "9" * 300)
    yield reading("not a number", {400}, path="/media/" + "a" * 64 + "/thumb?t=nan")
    yield reading("web socket", {400, 404, 405, 426}, path="/ws", headers=WEB_SOCKET)


ATTACKS = list(attacks())


@pytest.fixture(autouse=True)
def no_wrong_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the wrong tokens of one test not count in another."""
    monkeypatch.setattr(guard.Guard, "_are_tokens_guessed", lambda self: False)


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
def test_attack_is_refused_and_its_harmless_twin_answered(attack: Attack, workbench: ServedCase) -> None:
    status, received = answer(workbench, attack.request)
    assert status in attack.statuses and status in REFUSED, received[:500]
    assert (
        b"Traceback" not in received
        and b"/mediafp/" not in received
        and str(workbench.case.folder).encode() not in received
    )
    assert b"access-control-allow" not in received.lower() and TOKEN.encode() not in received
    status, received = answer(workbench, attack.control)
    assert status in ((404,) if attack.control is API_CHANGE else (200, 303)), received[:500]


def test_there_are_forty_attacks() -> None:
    assert len(ATTACKS) >= 40 and len({attack.name for attack in ATTACKS}) == len(ATTACKS)


def test_wrong_tokens_are_not_compared_for_long_and_the_right_one_still_is(
    made_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    with open_case(made_files / "store") as case, served(case) as one:
        statuses = [httpx.get(one.origin, headers={"authorization": f"Bearer {n}"}).status_code for n in range(40)]
        assert statuses[0] == 401 and statuses[-1] == 429
        assert one.get("/").status_code == 200


def test_upload_that_stops_is_dropped(workbench: ServedCase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MAX_SILENT_SECONDS", 0.2)
    stopped = Request(
        method="POST",
        path="/ask",
        headers=(("content-type", "multipart/form-data; boundary=x"), ("content-length", "1000")),
        body=b"--x\r\n",
    )
    assert answer(workbench, stopped)[0] == 408


Upload = Callable[[str, bytes], httpx.Response]


@pytest.fixture
def upload(workbench: ServedCase) -> Upload:
    """Function that asks about a file of a name and a content."""

    def send(name: str, content: bytes) -> httpx.Response:
        data = {FIELD: page_token(workbench.settings)}
        return workbench.client.post("/ask", data=data, files={"file": (name, content)})

    return send


def jpeg() -> bytes:
    file = BytesIO()
    Image.linear_gradient("L").convert("RGB").save(file, "JPEG")
    return file.getvalue()


HOSTILE_NAMES = (
    "../../../escaped.jpg",
    "..\\..\\escaped.jpg",
    "/etc/escaped.jpg",
    "escaped\0.jpg",
    "<script>alert(1)</script>.jpg",
    '"><img src=x onerror=alert(1)>.jpg',
    "{{ 7 * 7 }}{% raise %}.jpg",
    "=cmd|' /C calc'!A0.jpg",
    "\u202egpj.exe.jpg",
    "a\r\nset-cookie: x=1.jpg",
    "x" * 5_000 + ".jpg",
)


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=range(len(HOSTILE_NAMES)))
def test_hostile_name_is_shown_inert_and_never_used_as_a_path(
    name: str, upload: Upload, workbench: ServedCase, made_files: Path
) -> None:
    before = {
        path for path in made_files.parent.rglob("*") if "queries" not in path.parts and path.name.startswith("escaped")
    }
    sent = upload(name, jpeg())
    assert sent.status_code in (303, 400, 413)
    if sent.status_code == 303:
        page = workbench.get(sent.headers["location"])
        assert page.status_code == 200
        assert (
            "<script>alert" not in page.text
            and "<img src=x" not in page.text
            and "49" not in page.text.split("<h1")[1][:200]
        )
        assert "\u202e" not in page.text and "x" * 300 not in page.text
    after = {
        path for path in made_files.parent.rglob("*") if "queries" not in path.parts and path.name.startswith("escaped")
    }
    assert before == after and not list((made_files / "store" / "queries").rglob("*.jpg"))
    assert workbench.get("/").status_code == 200


HOSTILE_CONTENTS = {
    "empty": b"",
    "text": b"hello",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "HTML": b"<!doctype html><script>alert(1)</script>",
    "playlist": b"#EXTM3U\nfile:///etc/passwd\n",
    "program": b"\x7fELF" + bytes(64),
}


@pytest.mark.parametrize("kind", HOSTILE_CONTENTS)
def test_what_is_no_media_is_refused_and_not_kept(kind: str, upload: Upload, made_files: Path) -> None:
    queries = made_files / "store" / "queries"
    before = set(queries.iterdir()) if queries.is_dir() else set()
    assert upload("photo.jpg", HOSTILE_CONTENTS[kind]).status_code in (400, 415)
    assert (set(queries.iterdir()) if queries.is_dir() else set()) == before
    assert upload("photo.jpg", jpeg()).status_code == 303


def test_damaged_media_gives_an_answer_that_says_so(upload: Upload, workbench: ServedCase) -> None:
    sent = upload("photo.jpg", jpeg()[:200])
    assert sent.status_code == 303
    page = workbench.get(sent.headers["location"] + ".json").json()
    assert page["state"] == "failed" and page["error"]


def test_reading_changes_nothing(workbench: ServedCase) -> None:
    before = workbench.case.verify().last_log_hash
    for path in ("/", "/search?q=港湾", "/start.json", "/api/case", "/openapi.json"):
        assert workbench.get(path).status_code == 200
    assert workbench.case.verify().last_log_hash == before


@pytest.mark.parametrize(
    "back", ["//attacker.example", "https://attacker.example", "/\\attacker.example", "/a\r\nset-cookie: x=1"]
)
def test_form_leads_to_no_other_site(back: str, workbench: ServedCase) -> None:
    sent = workbench.post("/language", {"language": "en", "back": back})
    assert sent.status_code == 303 and sent.headers["location"] == "/"
    assert workbench.post("/language", {"language": "en", "back": "/search?q=a"}).headers["location"] == "/search?q=a"


def test_every_answer_has_the_headers_of_safety(workbench: ServedCase) -> None:
    for path, status in (("/", 200), ("/nothing", 404), ("/static/workbench.js", 200), ("/api/case", 200)):
        sent = workbench.get(path)
        assert sent.status_code == status
        policy = sent.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'") and "unsafe" not in policy and "*" not in policy
        for part in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
            assert part in policy
        assert sent.headers["x-content-type-options"] == "nosniff" and sent.headers["referrer-policy"] == "no-referrer"
        assert sent.headers["x-frame-options"] == "DENY" and "server" not in sent.headers
        assert sent.headers["cache-control"] == ("private, max-age=3600" if "static" in path else "no-store")
