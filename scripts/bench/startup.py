"""CPU seconds of short commands against those of `python -c "import numpy"`: user and system time, workers included.

    .venv/bin/python scripts/bench/startup.py [--rounds 5]

Each round runs every command once, on a store of ten generated images; the query of `match` is a crop of one of them. The
limits are 0.35 CPU seconds, and 1.2 for `match`, on a machine where `import numpy` takes 0.15: ratios of 2.3 and 8.
"""

import argparse
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from PIL import Image, ImageDraw, ImageFont

IMAGES = 10
"""Images in the store."""
SEED = 5
WORD = "station"
"""Word that the images contain, so that `search` finds it."""
PYTHON_MODULE = (sys.executable, "-m", "mediafp")
BASELINE = (sys.executable, "-c", "import numpy")


def draw_image(rng: random.Random) -> Image.Image:
    """Return random shapes with WORD on them."""
    image = Image.new("RGB", (640, 480), rng.choice(("white", "navy", "olive")))
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y = rng.randrange(600), rng.randrange(440)
        box = (x, y, x + rng.randrange(10, 120), y + rng.randrange(10, 120))
        draw_shape = rng.choice((draw.ellipse, draw.rectangle))
        draw_shape(box, fill=(rng.randrange(256), rng.randrange(256), rng.randrange(256)), outline="black")
    draw.rectangle((0, 420, 640, 480), "white")
    draw.text((20, 425), f"{WORD} {rng.randrange(1000)}", "black", ImageFont.load_default(36))
    return image


def cpu_seconds(*command: object) -> float:
    """Return the CPU seconds of a command and of the processes that it waited for.

    Raises:
        RuntimeError: If the command fails; what it printed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    completed = subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if completed.returncode:
        raise RuntimeError(f"{command} ended with {completed.returncode}: {completed.stdout}{completed.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the median CPU seconds of each command, and their ratio to the baseline."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        (work / "images").mkdir()
        images = [draw_image(rng) for _ in range(IMAGES)]
        for number, image in enumerate(images):
            image.save(work / "images" / f"{number:02}.jpg", quality=90)
        images[0].crop((60, 40, 600, 480)).save(work / "query.jpg", quality=80)
        mediafp = (*PYTHON_MODULE, "--store", work / "store")
        cpu_seconds(*mediafp, "ingest", work / "images")
        commands = {
            'python -c "import numpy"': BASELINE,
            "mediafp --help": (*PYTHON_MODULE, "--help"),
            "mediafp models list": (*PYTHON_MODULE, "models", "list"),
            "mediafp errors": (*mediafp, "errors"),
            f"mediafp search {WORD}": (*mediafp, "search", WORD),
            "mediafp match query.jpg": (*mediafp, "match", work / "query.jpg"),
            "mediafp match query.jpg --ocr no": (*mediafp, "match", work / "query.jpg", "--ocr", "no"),
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                seconds[name].append(cpu_seconds(*command))
    baseline, *_ = (median(times) for times in seconds.values())
    for name, times in seconds.items():
        print(f"{name:34} {median(times):.3f} s CPU, ratio {median(times) / baseline:.2f}")


if __name__ == "__main__":
    main()
