"""Playlists, links, archives and names that point to a canary file and a loopback port: an ingest follows none of them.

    .venv/bin/python scripts/torture/probes.py

Playlists (HLS, ffconcat, DASH, SDP), an SVG with an external entity and an MVG are written with their own suffixes and with
those of media, beside links, a named pipe, archives, and file names with a meaning to libraries and shells. The working
directory of the ingest is their folder, so that the names are passed to libraries without a path in front. Afterwards neither
the store nor the output may contain a trace of the canary, its access time is unchanged (if the file system records it), the
port had no connection, and each file has one line in the output. As controls the same playlists and names are opened without
restrictions by the FFmpeg of imageio-ffmpeg, and the SVG by Python's XML parser: `control` shows what they did. No control
opens an MVG.
"""

import contextlib
import http.client
import io
import os
import sys
import tarfile
import tempfile
import time
import xml.sax
import xml.sax.handler
import xml.sax.saxutils
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import trial
from probe_files import (
    FILE_PROTOCOLS,
    HOST,
    NETWORK_PROTOCOLS,
    ODD_NAMES,
    Canary,
    PortMonitor,
    make_canary,
    run_ffmpeg,
    write_archives,
    write_links,
    write_odd_names,
    write_playlists,
    write_protocol_names,
)

CONNECTION_SECONDS = 0.05
"""Seconds after which a connection has been recorded by the threads of the monitor. Chosen, not measured."""
ALL_PROTOCOLS = "file,crypto,data,http,https,tcp,tls,udp,rtp,rtmp,rtsp,ftp,concat,subfile,cache,async,pipe"
FFMPEG_INPUT_OPTIONS: dict[str, tuple[str, ...]] = {
    "hls": ("-f", "hls", "-extension_picky", "0", "-allowed_extensions", "ALL", "-allowed_segment_extensions", "ALL"),
    "concat": ("-f", "concat", "-safe", "0"),
    "dash": ("-f", "dash"),
    "sdp": ("-f", "sdp"),
}
"""Options with which FFmpeg opens each format and follows its addresses."""
REQUIRED_CONTROLS = (
    "hls-file",
    "hls-http",
    "concat-file",
    "concat-http",
    "sdp-port",
    "svg-file",
    "link",
    "traversal",
    "name-concat",
    "leak",
)
"""Controls that have to reach the canary or the port; otherwise the test would show nothing."""


def main() -> int:
    """Return 1 if a probe succeeded, a file is unaccounted for, or a required control did not succeed."""
    trial.make_parser(__doc__ or "").parse_args()
    monitor = PortMonitor()
    with tempfile.TemporaryDirectory(prefix="probes-") as scratch, monitor.listen():
        work = Path(scratch)
        canary, source = make_canary(work / "canary"), work / "source"
        traces = canary.traces()
        playlists = write_playlists(source / "playlists", canary.folder, monitor)
        write_links(source / "links", canary.folder)
        write_archives(source / "archives", canary.folder)
        write_odd_names(source / "names")
        write_protocol_names(source, monitor)
        controls = run_controls(work, canary, monitor, playlists)
        paths_before = paths_outside(work, source)
        canary.reset_access_times()
        monitor.reset()
        store, out = work / "store", work / "out"
        ingested = trial.run_command(trial.ingest_command(store, "."), out, cwd=source)
        accessed = canary.accessed_files()
        connections, free_port_opened = list(monitor.connections), monitor.free_port_opened
        reports = [trial.run_in_process(store, *words).out for words in (("export", "jsonl"), ("errors", "--json"))]
        leaks = find_traces(store, [ingested.out, ingested.err, *reports], traces)
        own_paths = {store, out, trial.stderr_path(out)}
        written_outside = [
            name
            for name in sorted(paths_outside(work, source) - paths_before)
            if not own_paths & {work / name, *(work / name).parents}
        ]
        figures = {
            "canary_read": accessed if canary.keeps_access_times else None,
            "connections": connections,
            "port_opened": free_port_opened,
            "leaks": leaks,
            "written_outside": written_outside,
            "wrongly_ingested": wrongly_ingested(ingested),
            "unaccounted": unaccounted_files(ingested, source),
        }
        is_sound = ingested.code == 3 and trial.TRACEBACK not in ingested.err and trial.is_sound(store)
    failures = 0
    for name, value in figures.items():
        failures += trial.print_trial("", ok=not value, **{name: value})
    failures += trial.print_trial("", ok=is_sound, exit=ingested.code, sound=is_sound)
    for name, effect in controls.items():
        ok = bool(effect) or name not in REQUIRED_CONTROLS
        failures += trial.print_trial("", ok=ok, control=name, effect=effect or "none")
    successes = sum(
        bool(figures[name]) for name in ("canary_read", "connections", "port_opened", "leaks", "written_outside")
    )
    return trial.print_summary(
        failures,
        seen=ingested.summary.get("seen"),
        added=ingested.summary.get("added"),
        successes=successes,
        **figures,
        controls={name: effect for name, effect in controls.items() if effect},
    )


# Controls -----------------------------------------------------------------------------------------


def run_controls(work: Path, canary: Canary, monitor: PortMonitor, playlists: dict[str, Path]) -> dict[str, str]:
    """Open each probe without restrictions, and return the effect by name; empty if there was none."""
    source, effects = work / "source", {}
    openers: dict[str, Callable[[], bytes]] = {}
    for name, path in playlists.items():
        if (playlist_format := name.partition("-")[0]) == "svg":
            openers[name] = partial(expand_entities, path)
        elif playlist_format in FFMPEG_INPUT_OPTIONS:
            openers[name] = partial(decode_frame, source, *FFMPEG_INPUT_OPTIONS[playlist_format], "-i", path)
    for protocol in FILE_PROTOCOLS:
        name = f"name-{protocol.partition(',')[0].strip(':')}"
        openers[name] = partial(decode_frame, source, "-i", f"{protocol}../canary/canary.mp4")
    for protocol in NETWORK_PROTOCOLS:
        address = f"{protocol}/{HOST}:{monitor.port}/a.mp4"
        openers[f"name-{protocol.strip(':')}"] = partial(decode_frame, source, "-i", address)
    for name, opener in openers.items():
        canary.reset_access_times()
        monitor.reset()
        output = opener()
        time.sleep(CONNECTION_SECONDS)
        accessed = canary.accessed_files() if canary.keeps_access_times else ["canary"] if output else []
        effect = [f"read {', '.join(accessed)}"] if accessed else []
        effect += [f"connected by {monitor.connections[0]}"] if monitor.connections else []
        effect += ["opened the port"] if monitor.free_port_opened else []
        effects[name] = "; ".join(effect)
    effects["link"] = "read canary.png" if canary.token in (source / "links" / "absolute.png").read_bytes() else ""
    (deep_folder := work / "control" / "a" / "b" / "c").mkdir(parents=True)
    with tarfile.open(source / "archives" / "links.tar") as tar_file:
        (escaping,) = [member for member in tar_file.getmembers() if member.name.startswith("..")]
        tar_file.extract(escaping, deep_folder, filter="fully_trusted")
    effects["traversal"] = "wrote escaped.png" if (work / "control" / "escaped.png").exists() else ""
    # An ingest of the canary itself leaves its traces in the store, which shows that `find_traces` works.
    store = work / "control" / "store"
    ingested = trial.run_command(trial.ingest_command(store, canary.folder), work / "control" / "out")
    leaks = find_traces(store, [ingested.out], canary.traces())
    effects["leak"] = f"found in {', '.join(leaks)}" if leaks else ""
    return effects


def decode_frame(source: Path, *arguments: object) -> bytes:
    """Return the first frame that FFmpeg decodes with all protocols allowed; empty if it fails."""
    output_options = ("-map", "0:v", "-frames:v", "1", "-f", "rawvideo", "-")
    return run_ffmpeg("-protocol_whitelist", ALL_PROTOCOLS, *arguments, *output_options, cwd=source)


def expand_entities(path: Path) -> bytes:
    """Return an XML document with its external entities inserted."""
    text = io.StringIO()
    reader = xml.sax.make_parser()
    reader.setFeature(xml.sax.handler.feature_external_ges, True)
    reader.setContentHandler(xml.sax.saxutils.XMLGenerator(text))
    # The monitor closes the connection without an answer.
    with contextlib.suppress(OSError, xml.sax.SAXException, http.client.HTTPException):
        reader.parse(str(path))
    return text.getvalue().encode()


# Checks -------------------------------------------------------------------------------------------


def find_traces(store: Path, texts: Sequence[str], traces: Sequence[bytes]) -> list[str]:
    """Return the names of the files of a store, and the numbers of the texts, that contain a trace of the canary."""
    outputs = {f"text {n}": text.encode("utf-8", "surrogateescape") for n, text in enumerate(texts)}
    files = {path.name: path.read_bytes() for path in sorted(store.rglob("*")) if path.is_file()}
    return [name for name, data in (files | outputs).items() if any(trace in data for trace in traces)]


def paths_outside(work: Path, source: Path) -> set[str]:
    """Return all paths in the working folder that are not in the ingested folder."""
    return {str(path.relative_to(work)) for path in work.rglob("*") if not path.is_relative_to(source)}


def wrongly_ingested(ingested: trial.CompletedCommand) -> list[str]:
    """Return the playlists, and the links that lead out of the folder, that were ingested."""
    added = [line["path"] for line in ingested.lines if line.get("sha256")]
    harmless = ("links/inside.png", "links/harmless.png")
    return [path for path in added if path.startswith(("playlists/", "links/")) and path not in harmless]


def unaccounted_files(ingested: trial.CompletedCommand, source: Path) -> list[str]:
    """Return the files without exactly one line in the output, and the odd names that were not added."""
    lines = [line for line in ingested.lines if "status" in line]
    paths = [line["path"] for line in lines]
    wrong = [path for path in set(paths) if paths.count(path) > 1]
    for path in iter_files(source):
        name = os.path.relpath(path, source)
        if name not in paths and not name.endswith((".tar", ".zip")):
            wrong.append(name)
    added = {line["path"] for line in lines if line["status"] == "added"}
    wrong += [f"names/{os.fsdecode(name)}" for name in ODD_NAMES if f"names/{os.fsdecode(name)}" not in added]
    counts = [ingested.summary.get(name, 0) for name in ("added", "known", "failed", "skipped")]
    if not ingested.summary or sum(counts) != ingested.summary["seen"] or len(lines) != ingested.summary["seen"]:
        wrong.append(f"{len(lines)} lines, {ingested.summary}")
    return wrong


def iter_files(folder: Path) -> Iterator[Path]:
    """Yield the regular files of a folder, without those behind its links."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and "folder" not in path.parts and "up" not in path.parts:
            yield path


if __name__ == "__main__":
    sys.exit(main())
