"""Response of the workbench: the first answer to a photograph, and the time and size of its list pages.

    .venv/bin/python scripts/bench/serve_cost.py STORE FOLDER [--queries 20] [--repeat 5]

STORE is copied to a temporary folder, and a server of its own is started on the copy. Crops of the photographs of FOLDER are
uploaded one by one: the time is from the first byte to the page with the answer, after one that is not counted. Then each
list page is fetched several times. Prints the least, the median and the largest wall time of each, and CPU seconds of the
server: others that use the machine change the former only.
"""

import argparse
import hashlib
import shutil
import signal
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import httpx
from PIL import Image
from serve_load import cpu_seconds, open_client, start_server

PAGES = (
    "/",
    "/groups",
    "/groups?as=table&page=2",
    "/groups?page=10",
    "/accounts",
    "/accounts?as=network",
    "/accounts?as=table&of=all",
    "/accounts?as=coshare",
    "/search?q=harbour",
    "/search?q=a",
    "/review",
    "/watch",
    "/publish",
    "/errors",
    "/log",
    "/jobs",
    "/api/case",
    "/api/groups?limit=50",
    "/api/accounts",
    "/api/respawns",
    "/api/coshare",
    "/api/review",
    "/api/decisions",
    "/api/watches",
    "/api/watches/hits",
    "/api/drafts",
    "/api/log",
    "/api/asked",
    "/api/search?q=harbour",
)
"""List pages, and lists of the API."""
WARM_SECONDS = 120
"""Seconds for which the models are waited for."""
IDLE_CPU_SECONDS = 0.05
CROP_SHARE = 0.9
"""Side of the crop of a photograph, in sides of the photograph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Wall seconds of something, and CPU seconds of the server and its workers meanwhile, in hundredths."""

    wall: float
    cpu: float


def print_figures(name: str, figures: Sequence[Figures]) -> None:
    """Print the least, the median and the largest wall time, and the same of the CPU."""
    columns = []
    for unit in ("wall", "cpu"):
        values = [getattr(one, unit) for one in figures]
        columns.append(f"{unit} {min(values):.3f} / {statistics.median(values):.3f} / {max(values):.3f} s")
    print(name, *columns, sep="  ", flush=True)


def wait_idle(server: int) -> None:
    """Return when a server has used no CPU for two seconds."""
    spent = -1.0
    while (now := cpu_seconds(server)) - spent > IDLE_CPU_SECONDS:
        spent = now
        time.sleep(2)


def crop(path: Path) -> bytes:
    """Return the middle of a photograph as JPEG: a file that the case does not contain."""
    image = Image.open(path).convert("RGB")
    width, height = image.size
    left, top = width * (1 - CROP_SHARE) / 2, height * (1 - CROP_SHARE) / 2
    file = BytesIO()
    image.crop((round(left), round(top), round(width - left), round(height - top))).save(file, "JPEG", quality=85)
    return file.getvalue()


def measure_answers(client: httpx.Client, page_token: str, photos: Sequence[Path], server: int) -> list[Figures]:
    """Return what it takes from the upload of each photograph to its answer."""
    figures = []
    for photo in photos:
        content = crop(photo)
        sha256 = hashlib.sha256(content).hexdigest()
        spent, started = cpu_seconds(server), time.monotonic()
        client.post("/ask", data={"page_token": page_token}, files={"file": ("photo.jpg", content)})
        while client.get(f"/api/match/{sha256}").json()["state"] not in ("done", "failed"):
            time.sleep(0.02)
        client.get(f"/answer/{sha256}").raise_for_status()
        figures.append(Figures(wall=time.monotonic() - started, cpu=cpu_seconds(server) - spent))
    return figures


def found_pages(client: httpx.Client) -> list[str]:
    """Return the pages of the largest group, of the file with most matches, of a pair of it, and of a draft."""
    pages = []
    groups = client.get("/api/groups?limit=1").json()
    if groups:
        group = groups[0]
        pages += [f"/groups/{group['id']}", f"/accounts?shares={group['id']}", f"/timeline/{group['id']}"]
        edges = client.get(f"/api/groups/{group['id']}").json()["edges"]
        most = Counter(edge[side] for edge in edges for side in "ab").most_common(1)[0][0]
        other = client.get(f"/api/match/{most}").json()["matches"][0]["sha256"]
        pages += [f"/answer/{most}", f"/answer/{most}?all=1", f"/compare/{most}/{other}"]
    drafts = client.get("/api/drafts").json()
    return pages + [f"/publish/{one['id']}" for one in drafts[:1]]


def main() -> None:
    """Measure the answers and the pages of one store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--queries", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    photos = sorted(path for path in arguments.folder.rglob("*") if path.suffix in (".jpg", ".jpeg", ".png"))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "store"
        shutil.copytree(arguments.store, copy)
        started = time.monotonic()
        server, link = start_server(copy)
        print(f"link after {time.monotonic() - started:.2f} s")
        try:
            client, page_token = open_client(link)
            while client.get("/start/warming").text.strip() and time.monotonic() - started < WARM_SECONDS:
                time.sleep(0.5)
            print(f"warm after {time.monotonic() - started:.2f} s, {cpu_seconds(server.pid):.1f} s of CPU")
            if arguments.queries:
                first, *answers = measure_answers(client, page_token, photos[: arguments.queries + 1], server.pid)
                print_figures("answers", answers)
                print_figures("the first", [first])
            # Results over the whole case are computed beside the requests: what counts is the page with them.
            wait_idle(server.pid)
            for page in (*PAGES, *found_pages(client)):
                figures = []
                for _ in range(arguments.repeat):
                    spent, started = cpu_seconds(server.pid), time.monotonic()
                    answer = client.get(page)
                    wall = time.monotonic() - started
                    figures.append(Figures(wall=wall, cpu=cpu_seconds(server.pid) - spent))
                print_figures(f"{answer.status_code} {page:36.36} {len(answer.content) / 1000:4.0f} kB", figures)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)


if __name__ == "__main__":
    main()
