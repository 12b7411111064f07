"""Response of the workbench: the first answer to a photograph, and the time and size of its list pages.

    .venv/bin/python scripts/bench/serve_cost.py STORE FOLDER [--queries 20] [--repeat 5]

STORE is copied to a temporary folder, and a server of its own is started on the copy. Crops of the photographs of FOLDER are
uploaded one by one: the time is from the first byte to the page with the answer, after one that is not counted. Then each
list page is fetched several times. Prints the median and the largest value of each.
"""

import argparse
import hashlib
import shutil
import signal
import statistics
import tempfile
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import httpx
from PIL import Image
from serve_load import open_client, start_server

PAGES = (
    "/",
    "/groups",
    "/groups?as=table&page=2",
    "/accounts",
    "/search?q=a",
    "/review",
    "/watch",
    "/publish",
    "/errors",
    "/log",
    "/api/groups?limit=50",
    "/api/review",
)
"""List pages, and lists of the API."""
CROP_SHARE = 0.9
"""Side of the crop of a photograph, in sides of the photograph."""


def crop(path: Path) -> bytes:
    """Return the middle of a photograph as JPEG: a file that the case does not contain."""
    image = Image.open(path).convert("RGB")
    width, height = image.size
    left, top = width * (1 - CROP_SHARE) / 2, height * (1 - CROP_SHARE) / 2
    file = BytesIO()
    image.crop((round(left), round(top), round(width - left), round(height - top))).save(file, "JPEG", quality=85)
    return file.getvalue()


def measure_answers(client: httpx.Client, page_token: str, photos: Sequence[Path]) -> list[float]:
    """Return the seconds from the upload of each photograph to its answer."""
    seconds = []
    for photo in photos:
        content = crop(photo)
        sha256 = hashlib.sha256(content).hexdigest()
        started = time.monotonic()
        client.post("/ask", data={"page_token": page_token}, files={"file": ("photo.jpg", content)})
        while client.get(f"/api/match/{sha256}").json()["state"] not in ("done", "failed"):
            time.sleep(0.02)
        client.get(f"/answer/{sha256}").raise_for_status()
        seconds.append(time.monotonic() - started)
    return seconds


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
        server, link = start_server(copy)
        try:
            client, page_token = open_client(link)
            first, *answers = measure_answers(client, page_token, photos[: arguments.queries + 1])
            print(
                f"answers  median {statistics.median(answers):.2f} s, most {max(answers):.2f} s; the first {first:.2f} s"
            )
            # Results over the whole case are computed beside the requests: what counts is the page with them.
            time.sleep(20)
            for page in PAGES:
                seconds, size = [], 0
                for _ in range(arguments.repeat):
                    started = time.monotonic()
                    answer = client.get(page)
                    seconds.append(time.monotonic() - started)
                    size = len(answer.content)
                middle, most = statistics.median(seconds), max(seconds)
                print(f"{answer.status_code} {page:28} median {middle:.3f} s, most {most:.3f} s, {size / 1000:.0f} kB")
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)


if __name__ == "__main__":
    main()
