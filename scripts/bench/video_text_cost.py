"""CPU seconds for a minute of video: its analysis without and with the text on screen, and what was read.

    OPENBLAS_NUM_THREADS=1 .venv/bin/python scripts/bench/video_text_cost.py VIDEO...

Each video is analysed twice in this process, one thread, without the sandbox; the difference is the cost of the text.
"""

import argparse
import time
from pathlib import Path

from mediafp.engine.analysis import analyse_file
from mediafp.ingest.files import open_file
from mediafp.text.ocr.video_text import VideoTextReader
from mediafp.types.runs import FileAnalysis


def analyse(file: Path, *, ocr: bool) -> tuple[FileAnalysis, float]:
    """Return the analysis of a video and its CPU seconds."""
    started = time.process_time()
    with open_file(file) as opened:
        analysis = analyse_file(opened, "0" * 64, ocr=ocr)
    assert analysis, f"{file} is a video"
    return analysis, time.process_time() - started


def main() -> None:
    """Print the cost of each video."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path, nargs="+")
    files = parser.parse_args().videos
    # The models load.
    VideoTextReader()
    analyse(files[0], ocr=False)
    for file in files:
        _, without = analyse(file, ocr=False)
        analysis, seconds = analyse(file, ocr=True)
        minutes = float(analysis.asset.properties.get("duration") or 0.0) / 60
        lines = analysis.video_text.lines if analysis.video_text else ()
        print(
            f"{file.name}: {minutes * 60:.0f} s, {len(lines)} lines; CPU s a minute: {without / minutes:.2f} without text, "
            f"{(seconds - without) / minutes:.2f} for text",
            flush=True,
        )


if __name__ == "__main__":
    main()
