"""The files of the demo: originals, and the edits of them that an investigator meets."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import ffmpeg
import imageio_ffmpeg
from PIL import Image, ImageDraw, ImageFont, ImageOps

from mediafp.cli.demo.media import CLIPS, PHOTOS, packaged_file
from mediafp.cli.demo.voice import synthesise_speech

HANDLE: Final = "@sample_user88"
"""Account name drawn on one original and cropped off in the edit."""
WEIBO_NAME: Final = "3b9aca00ly1gq3x2v7kf0j20u00k0abc.jpg"
"""Name of that original, as Weibo names pictures: its first eight digits are the number of the uploader, 1000000000, in
hexadecimal."""
AVATARS: Final = ("persona_avatar.jpg", "second_avatar.jpg", "third_avatar.jpg")
"""Profile pictures of one persona's accounts, one after the other: crops of that original."""
_AVATAR_CROPS: Final = ((60, 10, 400, 240, 75), (40, 24, 380, 320, 60), (76, 0, 420, 180, 85))
"""Left, top, side, size and JPEG quality of each profile picture, pixels."""
SCRIPT: Final = (
    "Did the us president know? What did us officials hide? Three witnesses saw bright lights above the harbour. Nobody"
    " asked them. Why are the newspapers silent? Who is paid to look away? Share this video before it is deleted, and"
    " ask your friends what they remember."
)
"""Text of two voice-overs over different images; "us" for "U.S." is a known misreading of synthetic voices."""

Step = Callable[[], object]
"""Function that writes one file."""


def image_steps(originals: Path, seen: Path) -> list[Step]:
    """Return the steps that write the original images, one with a handle, and edits of them."""

    def copy(name: str) -> Step:
        return lambda: _open_photo(name).save(originals / f"{name}.jpg", quality=92)

    def with_handle_and_avatars() -> None:
        image = _open_photo("portrait")
        draw, size = ImageDraw.Draw(image, "RGBA"), 22
        corner = (image.width - 12 - _font(size).getlength(HANDLE), image.height - 34)
        draw.text(corner, HANDLE, (255, 255, 255, 220), _font(size), stroke_width=1, stroke_fill=(0, 0, 0, 130))
        image.save(originals / WEIBO_NAME, quality=92)
        for name, (left, top, side, size, quality) in zip(AVATARS, _AVATAR_CROPS, strict=True):
            avatar = image.crop((left, top, left + side, top + side)).resize((size, size))
            avatar.save(seen / name, quality=quality)

    def headline() -> None:
        image = _open_photo("rocket")
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, image.height * 0.8, image.width, image.height), fill=(190, 20, 25))
        draw.text((16, image.height * 0.84), "BREAKING: WHAT THEY HIDE", "white", _font(34))
        image.save(seen / "red_headline.jpg", quality=70)

    def screenshot() -> None:
        image = ImageOps.contain(_open_photo("temple"), (420, 420))
        page = Image.new("RGB", (720, 960), (245, 246, 248))
        draw = ImageDraw.Draw(page)
        draw.ellipse((40, 40, 110, 110), fill=(120, 140, 170))
        draw.text((130, 60), "truth_daily_news", "black", _font(28))
        draw.text((40, 150), "See what really happened.\nShare before it is deleted!", (40, 40, 40), _font(26))
        page.paste(image, (150, 280))
        draw.text((40, 700), "1.2K likes   340 shares", (110, 110, 110), _font(24))
        page.save(seen / "screenshot.png")

    def mirrored_crop() -> None:
        image = ImageOps.mirror(_open_photo("cat"))
        image.crop((60, 20, 380, 280)).save(seen / "mirrored_crop.jpg", quality=60)

    def unrelated() -> None:
        _open_photo("coffee").save(seen / "new_picture.jpg", quality=90)

    copied = [name for name in PHOTOS if name not in ("portrait", "coffee")]
    return [*map(copy, copied), with_handle_and_avatars, headline, screenshot, mirrored_crop, unrelated]


def video_steps(originals: Path, seen: Path) -> list[Step]:
    """Return the steps that copy the clips and write re-uploads of them with ffmpeg."""
    source = {name: packaged_file(*file) for name, file in CLIPS.items()}

    def write(stream: "ffmpeg.nodes.FilterableStream", path: Path, **options: object) -> None:
        output = stream.output(
            str(path), vcodec="libx264", preset="ultrafast", pix_fmt="yuv420p", loglevel="error", **options
        )
        output.overwrite_output().run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)

    def clip(name: str) -> "ffmpeg.nodes.FilterableStream":
        return ffmpeg.input(str(source[name])).video

    def on_canvas(stream: "ffmpeg.nodes.FilterableStream") -> "ffmpeg.nodes.FilterableStream":
        fitted = stream.filter("scale", 640, 360, force_original_aspect_ratio="decrease")
        return fitted.filter("pad", 640, 360, "(ow-iw)/2", "(oh-ih)/2").filter("setsar", 1).filter("fps", 25)

    def still() -> "ffmpeg.nodes.FilterableStream":
        return on_canvas(ffmpeg.input(str(packaged_file(*PHOTOS["officer"])), loop=1, t=4, framerate=25).video)

    return [
        *(lambda name=name: shutil.copyfile(source[name], originals / f"{name}.mp4") for name in CLIPS),
        lambda: write(clip("bunny").filter("scale", -2, 240), seen / "reupload_240p.mp4", crf=36),
        lambda: write(
            clip("carphone").hflip().filter("crop", "iw*0.8", "ih*0.8").filter("scale", 320, -2),
            seen / "mirrored_crop.mp4",
            crf=30,
        ),
        lambda: write(
            ffmpeg.concat(
                on_canvas(clip("carphone").trim(duration=4).setpts("PTS-STARTPTS")),
                on_canvas(clip("bikes").trim(start=2, duration=5).setpts("PTS-STARTPTS")),
                on_canvas(clip("carphone").trim(start=4, duration=4).setpts("PTS-STARTPTS")),
            ),
            seen / "spliced.mp4",
            crf=28,
        ),
        lambda: write(
            ffmpeg.concat(on_canvas(clip("bunny").trim(duration=3).setpts("PTS-STARTPTS")), still()),
            seen / "still_in_video.mp4",
            crf=28,
        ),
    ]


def voice_steps(folder: Path, originals: Path, seen: Path) -> list[Step]:
    """Return the steps that write one script under two voices, each over an image of its own."""

    def write(photo: str, voice: str, speed: int, path: Path) -> None:
        audio = folder / "voice.wav"
        synthesise_speech(SCRIPT, audio, voice=voice, speed=speed)
        image = ffmpeg.input(str(packaged_file(*PHOTOS[photo])), loop=1, framerate=5).video
        fitted = image.filter("scale", 480, 270, force_original_aspect_ratio="decrease")
        padded = fitted.filter("pad", 480, 270, "(ow-iw)/2", "(oh-ih)/2").filter("setsar", 1)
        output = ffmpeg.output(
            padded, ffmpeg.input(str(audio)).audio, str(path), vcodec="libx264", preset="ultrafast",
            pix_fmt="yuv420p", acodec="aac", audio_bitrate="64k", shortest=None, loglevel="error",
        )  # fmt: skip
        output.overwrite_output().run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)
        audio.unlink()

    return [
        lambda: write("coffee", "en-us", 150, originals / "narrated.mp4"),
        lambda: write("cat", "en-gb-x-rp", 165, seen / "voice_over.mp4"),
    ]


def _open_photo(name: str) -> Image.Image:
    return Image.open(packaged_file(*PHOTOS[name])).convert("RGB")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
