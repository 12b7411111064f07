"""Matched stretches of videos, query left and reference right, as MP4 files by ffmpeg."""

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import ffmpeg
import imageio_ffmpeg

from mediafp.evidence import Answer, Segment
from mediafp.settings import DEMUXERS

HEIGHT = 360
DIGITS = 12
"""Digits of the SHA-256 in a clip's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A clip that was cut; `message` says why not where `path` is None."""

    path: Path | None
    message: str


def write_clips(folder: Path, *, answers: Sequence[Answer], originals: Callable[[str], Path | None]) -> list[Clip]:
    """One clip a matching stretch. `originals` gives an asset's file, None where it is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = []
    for answer in answers:
        for match in answer.matches:
            stretches = [s for s in match.segments if s.channel == "picture" and s.query]
            if not stretches or match.kind != "video" or answer.sha256 is None:
                continue
            query, reference = originals(answer.sha256), originals(match.sha256)
            for n, segment in enumerate(stretches, 1):
                name = f"{answer.sha256[:DIGITS]}-{match.sha256[:DIGITS]}-{n}.mp4"
                if query is None or reference is None:
                    clips.append(
                        Clip(path=None, message=f"{name}: an original is gone from where it was seen, or was changed")
                    )
                else:
                    clips.append(_cut(query, reference, segment, folder / name))
    return clips


def _cut(query: Path, reference: Path, segment: Segment, target: Path) -> Clip:
    assert segment.query is not None, "stills have no stretch to cut"
    sides = []
    for role, (start, end), speed in (("query", segment.query, 1.0), ("reference", segment.reference, segment.speed)):
        limits = {"format_whitelist": DEMUXERS, "protocol_whitelist": "file"}
        stream = ffmpeg.input(role, ss=max(0.0, start), t=max(0.1, end - start), **limits).video
        stream = stream.filter("setpts", f"(PTS-STARTPTS)/{speed}").filter("scale", -2, HEIGHT).filter("setsar", 1)
        sides.append(stream.filter("fps", 25))
    made = ffmpeg.filter(sides, "hstack", inputs=2, shortest=1).output(
        "clip", vcodec="libx264", preset="veryfast", pix_fmt="yuv420p", loglevel="error"
    )
    # Names go in last: ffmpeg-python takes no bytes that are not UTF-8. Absolute and behind file:, none is an option.
    names = {"query": query, "reference": reference, "clip": target}
    command = [
        os.fsencode(f"file:{names[word].resolve()}" if word in names else word)
        for word in made.overwrite_output().compile(cmd=[imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin"])
    ]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return Clip(path=None, message=f"{target.name}: ffmpeg failed: {reason[-1] if reason else 'no reason given'}")
    return Clip(path=target, message=f"{target.name}: {segment.query[0]:.1f} s")
