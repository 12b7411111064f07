"""Small valid files of many formats, made of the photographs and clips that packages ship.

The torture tests import it as their neighbour; it is no program.
"""

import gzip
import io
import math
import random
import struct
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
from PIL import Image, ImageCms

from mediafp.cli.demo.media import CLIPS, PHOTOS, packaged_file

HEIC = Path(__file__).parent.parent.parent / "fixtures" / "layers.heic"
"""Kept as a file, since nothing that mediafp depends on writes HEIF; scripts/heic_samples.py does."""
SEED_BYTES = 150_000
SIDE = 128
FRAMES = 6
SECONDS = "1.5"
TIMEOUT_SECONDS = 120.0
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-crf", "30")
FILMS: dict[str, tuple[str, ...]] = {
    "h264-aac.mp4": (*X264, "-c:a", "aac"),
    "fragmented.mp4": (*X264, "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-g", "5"),
    "hevc.mp4": ("-c:v", "libx265", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p", "-an"),
    "av1.mp4": ("-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p", "-c:a", "aac"),
    "mjpeg-pcm.mov": ("-c:v", "mjpeg", "-q:v", "12", "-pix_fmt", "yuvj420p", "-c:a", "pcm_s16le"),
    "vp9-opus.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-b:v", "100k", "-c:a", "libopus"),
    "vp8-vorbis.mkv": ("-c:v", "libvpx", "-b:v", "100k", "-c:a", "libvorbis"),
    "h264-flac.mkv": (*X264, "-c:a", "flac"),
    "mpeg4-mp3.avi": ("-c:v", "mpeg4", "-q:v", "12", "-c:a", "libmp3lame"),
    "h264-aac.ts": (*X264, "-c:a", "aac"),
    "mpeg2-mp2.mpg": ("-c:v", "mpeg2video", "-q:v", "12", "-c:a", "mp2"),
    "flv1-mp3.flv": ("-c:v", "flv", "-q:v", "12", "-c:a", "libmp3lame", "-ar", "22050"),
    "h264-aac.flv": (*X264, "-c:a", "aac"),
    "wmv2-wma.wmv": ("-c:v", "wmv2", "-q:v", "12", "-c:a", "wmav2"),
    "theora-vorbis.ogv": ("-c:v", "libtheora", "-q:v", "4", "-c:a", "libvorbis"),
    "raw.h264": (*X264, "-an"),
}
RICH: dict[str, tuple[str, ...]] = {
    "subtitles.mkv": (*X264, "-c:a", "aac", "-c:s", "srt", "-attach", "COVER", "-metadata:s:t", "mimetype=image/png"),
    "subtitles.mp4": (*X264, "-c:a", "aac", "-c:s", "mov_text"),
    "subtitles.webm": ("-c:v", "libvpx", "-b:v", "100k", "-c:a", "libopus", "-c:s", "webvtt"),
}
SOUNDS: dict[str, tuple[str, ...]] = {
    "vorbis.ogg": ("-c:a", "libvorbis"),
    "opus.opus": ("-c:a", "libopus"),
    "tagged.mp3": ("-c:a", "libmp3lame", "-metadata", "title=sample"),
    "adts.aac": ("-c:a", "aac"),
    "plain.flac": ("-c:a", "flac"),
    "pcm.wav": ("-c:a", "pcm_s16le"),
    "adpcm.wav": ("-c:a", "adpcm_ms"),
    "pcm.aiff": ("-c:a", "pcm_s16be"),
    "surround.m4a": ("-c:a", "aac", "-ac", "8"),
}


def make(work: Path) -> dict[str, bytes]:
    """The files by name; a format that nothing here can write is left out."""
    made = pictures(work)
    made |= films(work, made["rgb8.png"])
    made |= archives({name: made[name] for name in ("baseline.jpg", "palette.png", "still.gif", "vorbis.ogg")})
    return {name: data for name, data in sorted(made.items()) if 0 < len(data) <= SEED_BYTES}


def pictures(work: Path) -> dict[str, bytes]:
    """Still and animated pictures."""
    with Image.open(packaged_file(*PHOTOS["temple"])) as opened:
        image = opened.convert("RGB").resize((SIDE * 3 // 2, SIDE))
    moving = [image.crop((4 * n, 0, 4 * n + SIDE, SIDE)) for n in range(FRAMES)]
    rest = {"save_all": True, "append_images": moving[1:], "duration": 100, "loop": 0}
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "sample", 6
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes(12)  # the moment at which it was made
    grey = image.convert("L")
    deep = Image.frombytes(
        "I;16", grey.size, struct.pack(f"<{grey.width * grey.height}H", *(p * 257 for p in grey.tobytes()))
    )
    srgb, cielab = (ImageCms.createProfile(space) for space in ("sRGB", "LAB"))
    lab = ImageCms.buildTransform(srgb, cielab, "RGB", "LAB").apply(image)
    sees_through = image.convert("RGBA")
    sees_through.putalpha(grey)
    plan: dict[str, tuple[Image.Image, str, dict[str, object]]] = {
        "baseline.jpg": (image, "JPEG", {"quality": 80}),
        "progressive.jpg": (image, "JPEG", {"quality": 80, "progressive": True}),
        "exif-icc.jpg": (image, "JPEG", {"exif": exif, "icc_profile": bytes(profile), "comment": b"sample"}),
        "cmyk.jpg": (image.convert("CMYK"), "JPEG", {}),
        "grey.jpg": (grey, "JPEG", {"restart_marker_blocks": 4}),
        "rgb8.png": (image, "PNG", {"icc_profile": bytes(profile), "exif": exif}),
        "rgba8.png": (sees_through, "PNG", {}),
        "grey16.png": (deep, "PNG", {}),
        "palette.png": (image.quantize(64), "PNG", {"transparency": 3}),
        "animated.png": (moving[0], "PNG", {**rest, "append_images": moving[1:4]}),
        "still.gif": (image.quantize(64), "GIF", {"interlace": 1}),
        "animated.gif": (moving[0], "GIF", rest),
        "lossy.webp": (sees_through, "WEBP", {"quality": 60, "exif": exif}),
        "lossless.webp": (image, "WEBP", {"lossless": True}),
        "animated.webp": (moving[0], "WEBP", {**rest, "quality": 50}),
        "still.avif": (image, "AVIF", {"quality": 60, "speed": 10}),
        "rgb.bmp": (image, "BMP", {}),
        "palette.bmp": (image.quantize(200), "BMP", {}),
        "plain.tif": (image, "TIFF", {}),
        "lzw.tif": (image, "TIFF", {"compression": "tiff_lzw"}),
        "deflate.tif": (deep, "TIFF", {"compression": "tiff_adobe_deflate"}),
        "lab.tif": (lab, "TIFF", {"compression": "tiff_lzw"}),
        "jpeg.tif": (image, "TIFF", {"compression": "jpeg"}),
        "pages.tif": (moving[0], "TIFF", {"save_all": True, "append_images": moving[1:2], "compression": "tiff_lzw"}),
    }
    made = {}
    for name, (picture, form, options) in plan.items():
        out = io.BytesIO()
        try:
            picture.save(out, form, **options)
        except (KeyError, OSError, ValueError):
            continue  # this Pillow has no such writer
        made[name] = out.getvalue()
    made["still.heic"] = HEIC.read_bytes()
    (work / "rgb8.png").write_bytes(made["rgb8.png"])
    for name, options_of in {"rgb16.png": ("-pix_fmt", "rgb48be"), "interlaced.png": ("-flags:v", "+ildct")}.items():
        made[name] = _encoded(work, name, ["-i", str(work / "rgb8.png"), *options_of])
    # Pillow would write the moment into it.
    film = ["-t", "0.5", "-i", str(packaged_file(*CLIPS["bikes"])), "-vf", "scale=128:72", "-r", "12"]
    made["animated.avif"] = _encoded(work, "animated.avif", [*film, *FILMS["av1.mp4"][:6], "-an"])
    return made


def films(work: Path, cover: bytes) -> dict[str, bytes]:
    """Videos and sounds; a tone with noise is heard in them."""
    picture = ["-t", SECONDS, "-i", str(packaged_file(*CLIPS["bikes"])), "-vf", "scale=128:72", "-r", "12"]
    tone = f"aevalsrc='0.3*sin({2 * math.pi * 440:.0f}*t)+0.1*random(0)':s=22050:d={SECONDS}"
    sound = ["-f", "lavfi", "-i", tone]
    made = {}
    for name, options in FILMS.items():
        made[name] = _encoded(work, name, [*picture[:4], *sound, *picture[4:], *options, "-shortest"])
    for name, options in SOUNDS.items():
        made[name] = _encoded(work, name, [*sound, *options])
    for name, options in RICH.items():
        # What lies beside the pictures: subtitles, chapters, a font, a cover.
        (work / "lines.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\n字幕 text\n")
        (work / "chapters.txt").write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=900\ntitle=one\n")
        (work / "cover.png").write_bytes(cover)
        beside = ["-i", str(work / "lines.srt"), "-i", str(work / "chapters.txt")]
        streams = ["-map", "0:v", "-map", "1:a", "-map", "2:s", "-map_metadata", "3"]
        words = [*picture[:4], *sound, *beside, *picture[4:], *streams, *options, "-t", SECONDS]
        made[name] = _encoded(work, name, [str(work / "cover.png") if word == "COVER" else word for word in words])
    return {name: data for name, data in made.items() if data}


def archives(inside: dict[str, bytes]) -> dict[str, bytes]:
    """A zip and packed tars of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        for number, (name, data) in enumerate(inside.items()):
            target.writestr(
                zipfile.ZipInfo(f"in/{name}"), data, zipfile.ZIP_DEFLATED if number % 2 else zipfile.ZIP_STORED
            )
    tape = io.BytesIO()
    with tarfile.open(fileobj=tape, mode="w", format=tarfile.PAX_FORMAT) as roll:
        for name, data in inside.items():
            header = tarfile.TarInfo(f"in/{name}")
            header.size, header.pax_headers = len(data), {"comment": "sample"}
            roll.addfile(header, io.BytesIO(data))
    return {
        "files.zip": packed.getvalue(),
        "files.tar": tape.getvalue(),
        "files.tar.gz": gzip.compress(tape.getvalue(), mtime=0),
    }


def _encoded(work: Path, name: str, options: list[str]) -> bytes:
    """What ffmpeg makes; nothing where it has no such encoder."""
    target = work / f"made-{name}"
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    # One thread and no mark of the version or the moment: the same bytes each time.
    exact = ("-threads", "1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact")
    done = subprocess.run(
        [ffmpeg, "-loglevel", "error", "-y", *options, *exact, str(target)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    return target.read_bytes() if done.returncode == 0 and target.is_file() else b""


# Mutations ----------------------------------------------------------------------------------------


def mutant(data: bytes, name: str, others: list[bytes], rng: random.Random) -> tuple[bytes, str]:
    """The file changed in one to three ways, and which ones."""
    packed = name.endswith((".gz", ".tgz")) and rng.random() < 0.5
    data, told = gzip.decompress(data) if packed else data, []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        (how,) = rng.choices(list(WAYS), WEIGHTS)
        data = bytes(WAYS[how](bytearray(data), others, rng))
        told.append(how)
    if packed:
        return gzip.compress(data, 1, mtime=0), f"{'+'.join(told)}, inside"
    if data.startswith(PNG_START) and rng.random() < 0.5:
        return _checked(data), f"{'+'.join(told)}, checksums mended"
    return data, "+".join(told)


MARK_BYTES = 16
"""Where formats say what they are."""
PNG_START = b"\x89PNG\r\n\x1a\n"


def _checked(data: bytes) -> bytes:
    """A PNG whose chunks have the checksums of what they hold: else nothing behind the first change is looked at."""
    out, at = bytearray(data), len(PNG_START)
    while at + 12 <= len(out):
        end = at + 8 + int.from_bytes(out[at : at + 4])
        if end + 4 > len(out):
            break
        out[end : end + 4] = zlib.crc32(out[at + 4 : end]).to_bytes(4)
        at = end + 4
    return bytes(out)


def _place(size: int, rng: random.Random) -> int:
    """A place in a file: formats say most at their starts, but what spoils the first bytes is no media to anyone."""
    first = 0 if rng.random() < 0.1 else min(MARK_BYTES, size // 2)
    return rng.randrange(first, max(first + 1, min(size, rng.choice((256, 2048, size, size)))))


def _bits(data: bytearray, others: list[bytes], rng: random.Random) -> bytearray:
    for _ in range(rng.choice((1, 1, 2, 4, 16, 64)) if data else 0):
        data[_place(len(data), rng)] ^= 1 << rng.randrange(8)
    return data


def _run(data: bytearray, others: list[bytes], rng: random.Random) -> bytearray:
    at, count = _place(len(data), rng), rng.choice((1, 1, 2, 4, 16, 256, 4096))
    count = min(count, len(data) - at)
    data[at : at + count] = rng.choice((bytes(count), b"\xff" * count, rng.randbytes(count)))
    return data


def _cut(data: bytearray, others: list[bytes], rng: random.Random) -> bytearray:
    at = _place(len(data), rng)
    del data[at : at + rng.choice((1, 1, 4, 64, 1024, 16384))]
    return data


def _twice(data: bytearray, others: list[bytes], rng: random.Random) -> bytearray:
    at, to, count = _place(len(data), rng), _place(len(data), rng), rng.choice((4, 64, 1024, 16384))
    data[to:to] = data[at : at + count] * rng.choice((1, 1, 8))
    return data


def _splice(data: bytearray, others: list[bytes], rng: random.Random) -> bytearray:
    other, count = rng.choice(others), rng.choice((16, 256, 4096, 32768))
    at, start = _place(len(data), rng), _place(len(other), rng)
    block = other[start : start + count]
    data[at : at + rng.choice((0, len(block)))] = block
    return data


def _length(data: bytearray, others: list[bytes], rng: random.Random) -> bytearray:
    """A number that may be a length, off by one, or far off."""
    size = rng.choice((2, 4, 4, 8))
    step, order = rng.choice((1, 2, size)), rng.choice(("big", "little"))
    if len(data) < size:
        return data
    at = value = 0
    for _ in range(64):
        at = min(_place(len(data), rng) // step * step, len(data) - size)
        value = int.from_bytes(data[at : at + size], "big" if order == "big" else "little")
        if 0 < value <= len(data):
            break
    most = 1 << 8 * size
    new = rng.choice((value - 1, value + 1, 0, most - 1, most // 2, most // 2 - 1, value << 8, len(data), most - value))
    data[at : at + size] = (new % most).to_bytes(size, "big" if order == "big" else "little")
    return data


def _short(data: bytearray, others: list[bytes], rng: random.Random) -> bytearray:
    return data[: rng.randrange(len(data) + 1)]


WAYS: dict[str, Callable[[bytearray, list[bytes], random.Random], bytearray]] = {
    "bits": _bits,
    "run": _run,
    "cut": _cut,
    "twice": _twice,
    "splice": _splice,
    "length": _length,
    "short": _short,
}
WEIGHTS = (4, 4, 2, 2, 2, 5, 1)
"""How often each: most files that are cut short end in the same few lines."""
