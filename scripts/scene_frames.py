"""Write the middle frame of each video of a folder as an image: hard negatives for scripts/calibrate.py.

    .venv/bin/python scripts/scene_frames.py VIDEOS OUT

Frames of different clips of one room, one table or one person are other photographs of one scene. A set of edits of these
frames teaches the calibration that such pairs are not copies. If VIDEOS has a truth.json with `pairs` of {"query",
"reference"}, the queries are copies and are skipped.
"""

import argparse
import json
from pathlib import Path

from PIL import Image

from mediafp.ingest.files import open_file
from mediafp.ingest.open_media import open_media


def main() -> None:
    """Write OUT/NAME.jpg for each video."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    truth = args.videos / "truth.json"
    pairs = json.loads(truth.read_text(encoding="utf-8"))["pairs"] if truth.is_file() else []
    copies = {pair["query"] for pair in pairs} - {pair["reference"] for pair in pairs}
    args.out.mkdir(parents=True, exist_ok=True)
    for path in sorted(args.videos.iterdir()):
        media = open_media(open_file(path), full_decode=True) if path.is_file() and path.name not in copies else None
        if media is None or media.kind != "video":
            continue
        frames = list(media.frames)
        Image.fromarray(frames[len(frames) // 2].pixels).save(args.out / f"{path.stem}.jpg", quality=92)


if __name__ == "__main__":
    main()
