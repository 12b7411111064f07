"""CPU seconds until a command is done, user and system, workers included: the median of several runs.

    .venv/bin/python scripts/bench/start_up.py [--rounds 7]

The store contains the photographs of the demo, and the query is a part of one of them. The unit is the time of
`python -c "import numpy"`, which is measured too: it varies between machines as the commands do.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from mediafp.cli.demo.media import PHOTOS, packaged_file


def main() -> int:
    """Measure the commands in turn, and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="start-up-") as scratch:
        folder = Path(scratch)
        query = make_case(folder)
        commands = {
            'python -c "import numpy"': ["-c", "import numpy"],
            "--help": ["-m", "mediafp", "--help"],
            "models list": ["-m", "mediafp", "models", "list"],
            **{
                " ".join(words): ["-m", "mediafp", "--store", str(folder / "store"), *words]
                for words in (["errors"], ["search", "words"])
            },
            "match PHOTO": ["-m", "mediafp", "--store", str(folder / "store"), "match", str(query)],
            "match PHOTO --ocr no": [
                "-m",
                "mediafp",
                "--store",
                str(folder / "store"),
                "match",
                str(query),
                "--ocr",
                "no",
            ],
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(args.rounds):
            for name, words in commands.items():
                seconds[name].append(cpu_seconds([sys.executable, *words]))
    unit = statistics.median(seconds['python -c "import numpy"'])
    for name, measured in seconds.items():
        median = statistics.median(measured)
        print(f"{name:<26} {median:.3f} CPU s  {median / unit:5.2f} times numpy")
    return 0


def make_case(folder: Path) -> Path:
    """Ingest the photographs of the demo, and return the path of a part of one."""
    originals = folder / "originals"
    originals.mkdir()
    for name, file in PHOTOS.items():
        Image.open(packaged_file(*file)).convert("RGB").save(originals / f"{name}.jpg", quality=92)
    command = [sys.executable, "-m", "mediafp", "--store", str(folder / "store"), "ingest", str(originals)]
    subprocess.run([*command, "--transcribe", "no"], check=True, stdout=subprocess.DEVNULL)
    query = folder / "query.jpg"
    with Image.open(originals / "cat.jpg") as image:
        image.crop((40, 20, 400, 260)).save(query, quality=80)
    return query


def cpu_seconds(command: list[str]) -> float:
    """Return the user and system time of a command and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # `search` ends with 1 if it finds nothing.
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
