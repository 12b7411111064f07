"""Small valid files of many formats, made from photographs and clips of installed packages, and mutations of them.

mutations.py imports it; it is not a program.
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
"""HEIF sample, a stored file because no dependency of mediafp encodes HEIF; scripts/heic_samples.py writes it."""
MAX_SEED_BYTES = 150_000
"""Size above which a generated file is not used. Chosen, not measured."""
SIDE = 128
"""Width and height of the frames of animated images; height of stills. Pixels."""
FRAMES = 6
"""Frames of an animated image."""
SECONDS = "1.5"
"""Duration of videos and audio files, as an ffmpeg option."""
TIMEOUT_SECONDS = 120.0
"""Wall seconds that one run of ffmpeg may take."""
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-crf", "30")
VIDEOS: dict[str, tuple[str, ...]] = {
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
VIDEOS_WITH_ATTACHMENTS: dict[str, tuple[str, ...]] = {
    "subtitles.mkv": (*X264, "-c:a", "aac", "-c:s", "srt", "-attach", "COVER", "-metadata:s:t", "mimetype=image/png"),
    "subtitles.mp4": (*X264, "-c:a", "aac", "-c:s", "mov_text"),
    "subtitles.webm": ("-c:v", "libvpx", "-b:v", "100k", "-c:a", "libopus", "-c:s", "webvtt"),
}
AUDIO_FILES: dict[str, tuple[str, ...]] = {
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


def make_seeds(work: Path) -> dict[str, bytes]:
    """Return the files by name; formats that this Pillow or ffmpeg cannot write are missing."""
    files = make_images(work)
    files |= make_videos(work, files["rgb8.png"])
    files |= make_archives({name: files[name] for name in ("baseline.jpg", "palette.png", "still.gif", "vorbis.ogg")})
    return {name: data for name, data in sorted(files.items()) if 0 < len(data) <= MAX_SEED_BYTES}


def make_images(work: Path) -> dict[str, bytes]:
    """Return still and animated images by file name."""
    with Image.open(packaged_file(*PHOTOS["temple"])) as opened:
        image = opened.convert("RGB").resize((SIDE * 3 // 2, SIDE))
    frames = [image.crop((4 * n, 0, 4 * n + SIDE, SIDE)) for n in range(FRAMES)]
    animation = {"save_all": True, "append_images": frames[1:], "duration": 100, "loop": 0}
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "sample", 6
    profile = _without_creation_time(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    grey = image.convert("L")
    grey16 = Image.frombytes(
        "I;16", grey.size, struct.pack(f"<{grey.width * grey.height}H", *(p * 257 for p in grey.tobytes()))
    )
    srgb, cielab = (ImageCms.createProfile(space) for space in ("sRGB", "LAB"))
    lab = ImageCms.buildTransform(srgb, cielab, "RGB", "LAB").apply(image)
    lab.info["icc_profile"] = _without_creation_time(lab.info["icc_profile"])
    translucent = image.convert("RGBA")
    translucent.putalpha(grey)
    encodings: dict[str, tuple[Image.Image, str, dict[str, object]]] = {
        "baseline.jpg": (image, "JPEG", {"quality": 80}),
        "progressive.jpg": (image, "JPEG", {"quality": 80, "progressive": True}),
        "exif-icc.jpg": (image, "JPEG", {"exif": exif, "icc_profile": profile, "comment": b"sample"}),
        "cmyk.jpg": (image.convert("CMYK"), "JPEG", {}),
        "grey.jpg": (grey, "JPEG", {"restart_marker_blocks": 4}),
        "rgb8.png": (image, "PNG", {"icc_profile": profile, "exif": exif}),
        "rgba8.png": (translucent, "PNG", {}),
        "grey16.png": (grey16, "PNG", {}),
        "palette.png": (image.quantize(64), "PNG", {"transparency": 3}),
        "animated.png": (frames[0], "PNG", {**animation, "append_images": frames[1:4]}),
        "still.gif": (image.quantize(64), "GIF", {"interlace": 1}),
        "animated.gif": (frames[0], "GIF", animation),
        "lossy.webp": (translucent, "WEBP", {"quality": 60, "exif": exif}),
        "lossless.webp": (image, "WEBP", {"lossless": True}),
        "animated.webp": (frames[0], "WEBP", {**animation, "quality": 50}),
        "still.avif": (image, "AVIF", {"quality": 60, "speed": 10}),
        "rgb.bmp": (image, "BMP", {}),
        "palette.bmp": (image.quantize(200), "BMP", {}),
        "plain.tif": (image, "TIFF", {}),
        "lzw.tif": (image, "TIFF", {"compression": "tiff_lzw"}),
        "deflate.tif": (grey16, "TIFF", {"compression": "tiff_adobe_deflate"}),
        "lab.tif": (lab, "TIFF", {"compression": "tiff_lzw"}),
        "jpeg.tif": (image, "TIFF", {"compression": "jpeg"}),
        "pages.tif": (frames[0], "TIFF", {"save_all": True, "append_images": frames[1:2], "compression": "tiff_lzw"}),
    }
    files = {}
    for name, (source, image_format, options) in encodings.items():
        out = io.BytesIO()
        try:
            source.save(out, image_format, **options)
        except (KeyError, OSError, ValueError):
            continue  # this Pillow cannot write the format
        files[name] = out.getvalue()
    files["still.heic"] = HEIC.read_bytes()
    (work / "rgb8.png").write_bytes(files["rgb8.png"])
    for name, arguments in {"rgb16.png": ("-pix_fmt", "rgb48be"), "interlaced.png": ("-flags:v", "+ildct")}.items():
        files[name] = _run_ffmpeg(work, name, ["-i", str(work / "rgb8.png"), *arguments])
    # ffmpeg writes this one, because Pillow would write the current time into it.
    clip = ["-t", "0.5", "-i", str(packaged_file(*CLIPS["bikes"])), "-vf", "scale=128:72", "-r", "12"]
    files["animated.avif"] = _run_ffmpeg(work, "animated.avif", [*clip, *VIDEOS["av1.mp4"][:6], "-an"])
    return files


def _without_creation_time(icc_profile: bytes) -> bytes:
    """Return an ICC profile with zeros as its creation time, so that files with it are the same in each run."""
    return icc_profile[:24] + bytes(12) + icc_profile[36:]


def make_videos(work: Path, cover: bytes) -> dict[str, bytes]:
    """Return videos and audio files by name; their audio is a tone with noise."""
    clip = ["-t", SECONDS, "-i", str(packaged_file(*CLIPS["bikes"])), "-vf", "scale=128:72", "-r", "12"]
    tone = f"aevalsrc='0.3*sin({2 * math.pi * 440:.0f}*t)+0.1*random(0)':s=22050:d={SECONDS}"
    audio = ["-f", "lavfi", "-i", tone]
    files = {}
    for name, options in VIDEOS.items():
        files[name] = _run_ffmpeg(work, name, [*clip[:4], *audio, *clip[4:], *options, "-shortest"])
    for name, options in AUDIO_FILES.items():
        files[name] = _run_ffmpeg(work, name, [*audio, *options])
    for name, options in VIDEOS_WITH_ATTACHMENTS.items():
        (work / "lines.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\n字幕 text\n")
        (work / "chapters.txt").write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=900\ntitle=one\n")
        (work / "cover.png").write_bytes(cover)
        inputs = ["-i", str(work / "lines.srt"), "-i", str(work / "chapters.txt")]
        streams = ["-map", "0:v", "-map", "1:a", "-map", "2:s", "-map_metadata", "3"]
        arguments = [*clip[:4], *audio, *inputs, *clip[4:], *streams, *options, "-t", SECONDS]
        cover_path = str(work / "cover.png")
        files[name] = _run_ffmpeg(work, name, [cover_path if word == "COVER" else word for word in arguments])
    return {name: data for name, data in files.items() if data}


def make_archives(members: dict[str, bytes]) -> dict[str, bytes]:
    """Return a zip, a tar and a compressed tar of some files."""
    zip_bytes = io.BytesIO()
    with zipfile.ZipFile(zip_bytes, "w") as zip_file:
        for number, (name, data) in enumerate(members.items()):
            compression = zipfile.ZIP_DEFLATED if number % 2 else zipfile.ZIP_STORED
            zip_file.writestr(zipfile.ZipInfo(f"in/{name}"), data, compression)
    tar_bytes = io.BytesIO()
    with tarfile.open(fileobj=tar_bytes, mode="w", format=tarfile.PAX_FORMAT) as tar_file:
        for name, data in members.items():
            header = tarfile.TarInfo(f"in/{name}")
            header.size, header.pax_headers = len(data), {"comment": "sample"}
            tar_file.addfile(header, io.BytesIO(data))
    return {
        "files.zip": zip_bytes.getvalue(),
        "files.tar": tar_bytes.getvalue(),
        "files.tar.gz": gzip.compress(tar_bytes.getvalue(), mtime=0),
    }


def _run_ffmpeg(work: Path, name: str, arguments: list[str]) -> bytes:
    """Return the file that ffmpeg writes; empty if ffmpeg fails, for example because it lacks the encoder."""
    target = work / f"made-{name}"
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    # One thread, no version and no time: the bytes are the same in each run.
    exact = ("-threads", "1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact")
    completed = subprocess.run(
        [ffmpeg, "-loglevel", "error", "-y", *arguments, *exact, str(target)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    return target.read_bytes() if completed.returncode == 0 and target.is_file() else b""


# Mutations ----------------------------------------------------------------------------------------

MAGIC_BYTES = 16
"""Length of the start of a file by which formats are detected."""
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def mutate(data: bytes, name: str, others: list[bytes], rng: random.Random) -> tuple[bytes, str]:
    """Return a file with one to three mutations, and their names.

    Half of the gzip files are mutated before compression, and half of the PNG files get valid checksums again.

    Args:
        data: Content of the file.
        name: Name of the file.
        others: Contents from which blocks are spliced.
        rng: Generator that decides everything.
    """
    is_inside = name.endswith((".gz", ".tgz")) and rng.random() < 0.5
    data, names = gzip.decompress(data) if is_inside else data, []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        (mutation,) = rng.choices(list(MUTATIONS), WEIGHTS)
        data = bytes(MUTATIONS[mutation](bytearray(data), others, rng))
        names.append(mutation)
    if is_inside:
        return gzip.compress(data, 1, mtime=0), f"{'+'.join(names)}, before compression"
    if data.startswith(PNG_SIGNATURE) and rng.random() < 0.5:
        return _with_valid_checksums(data), f"{'+'.join(names)}, valid checksums"
    return data, "+".join(names)


def _with_valid_checksums(data: bytes) -> bytes:
    """Return a PNG with valid chunk checksums, without which decoders stop at the first mutation."""
    out, start = bytearray(data), len(PNG_SIGNATURE)
    while start + 12 <= len(out):
        end = start + 8 + int.from_bytes(out[start : start + 4])
        if end + 4 > len(out):
            break
        out[end : end + 4] = zlib.crc32(out[start + 4 : end]).to_bytes(4)
        start = end + 4
    return bytes(out)


def _random_offset(size: int, rng: random.Random) -> int:
    """Return an offset into a file, more often near its start, where most fields of formats are.

    Nine in ten are behind the signature, since a file with a broken signature is not decoded at all.
    """
    first = 0 if rng.random() < 0.1 else min(MAGIC_BYTES, size // 2)
    return rng.randrange(first, max(first + 1, min(size, rng.choice((256, 2048, size, size)))))


def _flip_bits(data: bytearray, others: list[bytes], rng: random.Random) -> bytearray:
    for _ in range(rng.choice((1, 1, 2, 4, 16, 64)) if data else 0):
        data[_random_offset(len(data), rng)] ^= 1 << rng.randrange(8)
    return data


def _overwrite_run(data: bytearray, others: list[bytes], rng: random.Random) -> bytearray:
    start, count = _random_offset(len(data), rng), rng.choice((1, 1, 2, 4, 16, 256, 4096))
    count = min(count, len(data) - start)
    data[start : start + count] = rng.choice((bytes(count), b"\xff" * count, rng.randbytes(count)))
    return data


def _remove_block(data: bytearray, others: list[bytes], rng: random.Random) -> bytearray:
    start = _random_offset(len(data), rng)
    del data[start : start + rng.choice((1, 1, 4, 64, 1024, 16384))]
    return data


def _repeat_block(data: bytearray, others: list[bytes], rng: random.Random) -> bytearray:
    start, target = _random_offset(len(data), rng), _random_offset(len(data), rng)
    count = rng.choice((4, 64, 1024, 16384))
    data[target:target] = data[start : start + count] * rng.choice((1, 1, 8))
    return data


def _splice_block(data: bytearray, others: list[bytes], rng: random.Random) -> bytearray:
    other, count = rng.choice(others), rng.choice((16, 256, 4096, 32768))
    target, start = _random_offset(len(data), rng), _random_offset(len(other), rng)
    block = other[start : start + count]
    data[target : target + rng.choice((0, len(block)))] = block
    return data


def _change_length(data: bytearray, others: list[bytes], rng: random.Random) -> bytearray:
    """Change a number that may be a length field by one, or to an extreme value."""
    size = rng.choice((2, 4, 4, 8))
    alignment, order = rng.choice((1, 2, size)), rng.choice(("big", "little"))
    if len(data) < size:
        return data
    start = value = 0
    for _ in range(64):
        start = min(_random_offset(len(data), rng) // alignment * alignment, len(data) - size)
        value = int.from_bytes(data[start : start + size], "big" if order == "big" else "little")
        if 0 < value <= len(data):
            break
    limit = 1 << 8 * size
    new = rng.choice(
        (value - 1, value + 1, 0, limit - 1, limit // 2, limit // 2 - 1, value << 8, len(data), limit - value)
    )
    data[start : start + size] = (new % limit).to_bytes(size, "big" if order == "big" else "little")
    return data


def _truncate(data: bytearray, others: list[bytes], rng: random.Random) -> bytearray:
    return data[: rng.randrange(len(data) + 1)]


MUTATIONS: dict[str, Callable[[bytearray, list[bytes], random.Random], bytearray]] = {
    "bits": _flip_bits,
    "run": _overwrite_run,
    "cut": _remove_block,
    "twice": _repeat_block,
    "splice": _splice_block,
    "length": _change_length,
    "short": _truncate,
}
WEIGHTS = (4, 4, 2, 2, 2, 5, 1)
"""Relative frequency of each mutation; truncation is rare because most truncated files fail at the same few lines of code.
Chosen, not measured."""
