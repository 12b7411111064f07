"""Load on the workbench: requests at a steady rate on loopback, some of them hostile uploads; states and memory.

    .venv/bin/python scripts/bench/serve_load.py STORE [--seconds 600] [--rate 20] [--hostile 0.01] [--seed 1]

STORE is copied to a temporary folder, and a server of its own is started on the copy. Pages, images, searches and API
objects of the case are asked for in a seeded order; one request in a hundred uploads a file that is damaged, is no media, or
claims another length. Prints the number of answers by status, the response times, the CPU seconds, and what the server and
its workers hold after each tenth: memory, threads, open files, and files and bytes beside the database.
Exits with 1 if an answer has a status of 500 or more. It stops by itself.
"""

import argparse
import collections
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from PIL import Image

PATHS = (
    "/", "/search?q=a", "/errors", "/groups", "/accounts", "/accounts?as=network", "/log", "/review", "/watch", "/publish",
    "/jobs", "/api/case", "/api/asked", "/api/groups?limit=50",
)  # fmt: skip
"""Pages and API objects that every case has."""
CONNECTIONS = 16
"""Requests at once."""
MAX_WAIT_SECONDS = 60.0
"""Seconds after which a request counts as not answered."""


class Load:
    """Requests of one run, and their answers."""

    def __init__(self, link: str, assets: list[str], seed: int) -> None:
        self._random, self._assets = random.Random(seed), assets
        self._client, self._page_token = open_client(link)
        self._lock = threading.Lock()
        self.statuses: collections.Counter[str] = collections.Counter()
        self.seconds: list[float] = []
        self.failed: list[str] = []

    def plan(self, hostile: float) -> tuple[str, str, bytes]:
        """Return the next request: its method, its address, and the content of an upload."""
        if self._random.random() < hostile:
            return "POST", "/ask", self._hostile_file()
        if self._assets and self._random.random() < 0.5:
            sha256 = self._random.choice(self._assets)
            return "GET", self._random.choice((f"/answer/{sha256}", f"/media/{sha256}/thumb")), b""
        return "GET", self._random.choice(PATHS), b""

    def send(self, method: str, path: str, content: bytes) -> None:
        """Send a request, and note its answer."""
        started = time.monotonic()
        try:
            if method == "POST":
                files = {"file": ("photo.jpg", content)}
                status = str(self._client.post(path, data={"page_token": self._page_token}, files=files).status_code)
            else:
                status = str(self._client.get(path).status_code)
        except httpx.HTTPError as error:
            status = type(error).__name__
        with self._lock:
            self.statuses[status] += 1
            self.seconds.append(time.monotonic() - started)
            if not status.isdigit() or int(status) >= 500:
                self.failed.append(f"{status} {method} {path}")

    def _hostile_file(self) -> bytes:
        """Return a file that is cut off, has changed bytes, is no media, or states a size that it does not have."""
        side = self._random.randrange(16, 300)
        file = BytesIO()
        Image.effect_noise((side, side), 80).save(file, self._random.choice(("JPEG", "PNG", "GIF", "WEBP")))
        content = bytearray(file.getvalue())
        kind = self._random.randrange(4)
        if kind == 0:
            return bytes(content[: len(content) // 2])
        if kind == 1:
            for _ in range(20):
                content[self._random.randrange(20, len(content))] = self._random.randrange(256)
            return bytes(content)
        if kind == 2:
            return self._random.randbytes(2_000)
        huge = BytesIO()
        Image.new("1", (1, 1)).save(huge, "PNG")
        pixels = bytearray(huge.getvalue())
        pixels[16:24] = (60_000).to_bytes(4, "big") * 2
        return bytes(pixels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a server and the processes that it started hold.

    Attributes:
        mib: Resident memory of all of them.
        own_mib: Resident memory of the server alone.
        processes: Number of them.
        threads: Threads of the server.
        open_files: Open files of the server.
        kept_files: Files in the folder of the store, without the database.
        kept_mib: Size of these files.
    """

    mib: float
    own_mib: float
    processes: int
    threads: int
    open_files: int
    kept_files: int
    kept_mib: float

    def __str__(self) -> str:
        """Return all of it on one line."""
        return (
            f"{self.mib:.0f} MiB in {self.processes} processes, {self.own_mib:.0f} MiB in the server,"
            f" {self.threads} threads, {self.open_files} open files, {self.kept_files} files"
            f" of {self.kept_mib:.1f} MiB beside the database"
        )


def look(process: int, store: Path) -> Held:
    """Return what a server of a store holds now."""
    memory = {one: int(fields.get("VmRSS", "0 kB").split()[0]) / 1024 for one, fields in _family(process)}
    kept = [file for file in store.rglob("*") if file.is_file() and not file.name.startswith("case.sqlite")]
    return Held(
        mib=sum(memory.values()),
        own_mib=memory[process],
        processes=len(memory),
        threads=len(list(Path(f"/proc/{process}/task").iterdir())),
        open_files=len(list(Path(f"/proc/{process}/fd").iterdir())),
        kept_files=len(kept),
        kept_mib=sum(file.stat().st_size for file in kept if file.exists()) / 2**20,
    )


def cpu_seconds(process: int) -> float:
    """Return the CPU seconds of a process and of those that it started, also of those that have ended."""
    ticks = 0
    for one, _ in _family(process):
        try:
            values = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, values[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _family(process: int) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield a process and those that it started, each with the fields of its status."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:
            continue
        number = int(fields["Pid"])
        if number == process or _descends(int(fields["PPid"]), process):
            yield number, fields


def _descends(process: int, ancestor: int) -> bool:
    while process > 1:
        if process == ancestor:
            return True
        try:
            process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return False


def open_client(link: str) -> tuple[httpx.Client, str]:
    """Return a client with the token of a printed link, and the token of the pages."""
    address = urlsplit(link)
    origin, token = f"{address.scheme}://{address.netloc}", address.query.removeprefix("token=")
    client = httpx.Client(
        base_url=origin,
        headers={"authorization": f"Bearer {token}", "origin": origin},
        timeout=MAX_WAIT_SECONDS,
        limits=httpx.Limits(max_connections=CONNECTIONS),
    )
    page = client.get("/").text
    return client, page.split('data-page-token="', 1)[1].split('"', 1)[0]


def start_server(store: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a server of a store on a free port, and return it with its link."""
    command = [sys.executable, "-m", "mediafp", "--store", str(store), "serve", "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None, "it was asked for"
    return server, server.stdout.readline().strip()


def run(arguments: argparse.Namespace, store: Path) -> bool:
    """Run the load on a store, and return True if every request was answered without an error of the server."""
    server, link = start_server(store)
    try:
        assets = _assets(store)
        load = Load(link, assets, arguments.seed)
        total = round(arguments.seconds * arguments.rate)
        begun, spent = time.monotonic(), cpu_seconds(server.pid)
        tenths: list[Held] = []
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            for number in range(total):
                time.sleep(max(0.0, begun + number / arguments.rate - time.monotonic()))
                threads.submit(load.send, *load.plan(arguments.hostile))
                if number and number % max(1, total // 10) == 0:
                    tenths.append(look(server.pid, store))
        spent = cpu_seconds(server.pid) - spent
        tenths.append(look(server.pid, store))
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
    seconds = sorted(load.seconds)
    print(f"requests  {total} in {time.monotonic() - begun:.0f} s on {len(assets)} assets")
    print("answers  " + ", ".join(f"{status}: {count}" for status, count in sorted(load.statuses.items())))
    print(
        f"seconds  median {statistics.median(seconds):.3f}, 99 % {seconds[int(0.99 * len(seconds))]:.3f}, most {seconds[-1]:.3f}"
    )
    print(f"cpu  {spent:.1f} s, {spent / total:.3f} s a request")
    for number, held in enumerate(tenths, 1):
        print(f"after {number} tenths  {held}")
    early, late = tenths[0], tenths[-1]
    print(f"memory  {late.mib / early.mib - 1:+.1%}; of the server alone {late.own_mib / early.own_mib - 1:+.1%}")
    for failure in load.failed[:20]:
        print(failure)
    return not load.failed


def _assets(store: Path) -> list[str]:
    import mediafp

    with mediafp.open(store) as case:
        return [record.asset.sha256 for record, _ in zip(case.export_records(), range(500), strict=False)]


def main() -> None:
    """Copy the store, run the load and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--hostile", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "store"
        shutil.copytree(arguments.store, copy)
        sys.exit(0 if run(arguments, copy) else 1)


if __name__ == "__main__":
    main()
