"""Contract of `Engine`, checked for each implementation in `ENGINES`."""

import io
import os
import signal
import sys
import wave
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from audio_track_files import write_tracks
from coded_videos import read_number, write_coded_video
from local_cluster import CLUSTER_CPUS, find_workers, running_cluster
from PIL import Image, ImageDraw
from sample_matches import sample_match
from sound_samples import noise, voice

from mediafp.engine.analysis import analyse_file
from mediafp.engine.cluster.engine import RayEngine
from mediafp.engine.comparison.comparer import PairComparer
from mediafp.engine.comparison.messages import AssetAnswer, AssetRequest, PairResult, PairTask
from mediafp.engine.interface import AnalysisRequest, Engine
from mediafp.engine.local.engine import LocalEngine
from mediafp.engine.local.warm_up_comparison import answer_from
from mediafp.fingerprints.registry import declaration
from mediafp.ingest.files import OpenFile, file_sha256, open_file
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.store.lance.shard_messages import SearchShard, decode_answer, encode
from mediafp.store.lance.shards import TableShards
from mediafp.types.errors import CorruptMedia, MediaError, NotMedia, WorkerLost
from mediafp.types.jpeg import MAX_THUMBNAIL_SIDE
from mediafp.types.matches import QueryResult, Segment
from mediafp.types.media import AUDIO_SAMPLE_RATE, Asset, Audio
from mediafp.types.runs import SpeechOptions

ENGINES: dict[str, Callable[[Path], Engine]] = {
    "local, sandboxed": LocalEngine,
    "local, not sandboxed": lambda folder: LocalEngine(folder, sandboxed=False),
    "ray": RayEngine,
}
"""Functions that create each implementation with a folder for temporary data."""
if sys.platform != "linux":
    del ENGINES["local, sandboxed"]


@pytest.fixture(scope="module", params=ENGINES)
def create_engine(request: pytest.FixtureRequest) -> Iterator[Callable[[Path], Engine]]:
    with running_cluster() if request.param == "ray" else nullcontext():
        yield ENGINES[request.param]


@pytest.fixture(scope="module")
def engine(create_engine: Callable[[Path], Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with create_engine(tmp_path_factory.mktemp("scratch")) as created:
        yield created


def test_decode_thumbnail_returns_the_pixels_of_a_jpeg_and_refuses_other_bytes(
    engine: Engine, photos: dict[str, np.ndarray]
) -> None:
    jpeg = encode_thumbnail(photos["temple"], MAX_THUMBNAIL_SIDE)
    for apart in (False, True):
        pixels = engine.decode_thumbnail(jpeg, apart=apart)
        assert pixels.dtype == np.uint8 and np.array_equal(pixels, decode_thumbnail(jpeg))
    for other in (b"", jpeg[:-2], jpeg + jpeg):
        with pytest.raises(CorruptMedia, match="verify"):
            engine.decode_thumbnail(other)


def test_engine_states_its_name_and_how_many_files_it_analyses_at_once(engine: Engine) -> None:
    assert engine.name == ("ray" if isinstance(engine, RayEngine) else "local")
    assert engine.concurrency == (CLUSTER_CPUS if isinstance(engine, RayEngine) else os.cpu_count())


def test_analyse_returns_the_parts_of_an_image_that_were_requested(engine: Engine, photo: Path) -> None:
    with open_file(photo) as file:
        sha256 = file_sha256(file)
        plain = engine.analyse(file, sha256, "image")
        full = engine.analyse(file, sha256, "image", AnalysisRequest(image=True, reference_crops=True, audio=True))
        direct = analyse_file(file, sha256)
    assert direct is not None and plain.asset == full.asset == direct.asset and plain.asset.sha256 == sha256
    assert plain.thumbnails == full.thumbnails == direct.thumbnails and len(plain.thumbnails) == 1
    assert [f.type for f in plain.fingerprints] == [f.type for f in direct.fingerprints] != []
    for by_engine, in_process in zip(plain.fingerprints, direct.fingerprints, strict=True):
        assert np.array_equal(by_engine.vectors, in_process.vectors) and by_engine.version == in_process.version
    assert plain.image is None and plain.text is None
    assert full.image is not None and full.image.shape[2] == 3
    assert [f.type for f in full.fingerprints] == [
        *(f.type for f in plain.fingerprints),
        "sscd_distilled_crops",
        "sscd_distilled_rectangles",
        "sscd_distilled_reduced",
    ]
    assert len(full.fingerprint("sscd_distilled_crops").vectors) > 0
    assert full.audio == (), "an image has no audio"


def test_compare_returns_the_match_of_two_assets(engine: Engine, tmp_path: Path, photo: Path) -> None:
    with Image.open(photo) as opened:
        opened.crop((40, 30, 240, 190)).save(tmp_path / "crop.png")
    analyses = {}
    for path in (photo, tmp_path / "crop.png"):
        with open_file(path) as file:
            sha256 = file_sha256(file)
            analyses[sha256] = engine.analyse(file, sha256, "image", AnalysisRequest(reference_crops=True))
    a, b = analyses
    asked: list[AssetRequest] = []

    def answer(request: AssetRequest) -> AssetAnswer:
        asked.append(request)
        return answer_from(analyses[request.sha256], request)

    def fail(request: AssetRequest) -> AssetAnswer:
        raise KeyError(request.sha256)

    def refuse(result: PairResult) -> None:
        raise ValueError("no comparison has this result")

    task = PairTask(a=a, b=b, promise=1.0, rows=(0, 0), state=1)
    result = engine.compare(task, answer, lambda result: result)
    assert {request.sha256 for request in asked} == {a, b}
    direct = PairComparer(answer).compare(task)
    assert result.match and (result.query, result.match) == (direct.query, direct.match) and result.damaged == []
    with pytest.raises(KeyError):
        engine.compare(PairTask(a=a, b=b, promise=1.0, rows=(0, 0), state=2), fail, lambda result: result)
    with pytest.raises(WorkerLost, match=f"cannot compare {a} with {b}.*no comparison has this result"):
        engine.compare(task, answer, refuse)
    assert engine.compare(task, answer, lambda result: result.match) == result.match


def test_services_answer_on_each_machine_of_a_cluster(engine: Engine) -> None:
    nodes = engine.open_services(TableShards)
    assert len(nodes) == isinstance(engine, RayEngine)
    for node in nodes:
        with ThreadPoolExecutor(4) as threads:
            request = encode(SearchShard(name="none", queries=bytes(64), count=1))
            answers = list(threads.map(lambda _, node=node, request=request: node.ask(request), range(20)))
        assert {decode_answer(answer).error for answer in answers} == {"it does not keep this shard any more"}
        with pytest.raises(WorkerLost, match="its process ended or failed"):
            node.ask(b"junk")
        assert decode_answer(node.ask(request)).error, "a service that fails answers further requests"


def test_analyse_returns_the_frames_and_audio_of_a_video(engine: Engine, clips: dict[str, Path]) -> None:
    with open_file(clips["bikes"]) as file:
        analysis = engine.analyse(file, "0" * 64, "video", AnalysisRequest(audio=True, ocr=True))
        audio, warnings = engine.read_audio(file)
    assert analysis.asset.kind == "video" and len(analysis.thumbnails) > 1
    assert analysis.image is None and analysis.text is None, "OCR is for images"
    assert analysis.audio == () and audio == [] and warnings == []
    with open_file(clips["bunny"]) as file:
        analysis = engine.analyse(file, "0" * 64, "video", AnalysisRequest(audio=True))
        audio, _ = engine.read_audio(file)
    assert len(audio) == 1 and [one.sha256 for one in analysis.audio] == [one.sha256 for one in audio]


def test_audio_of_every_track_is_returned_that_which_players_play_first(engine: Engine, tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "a.mka", noise(1, 2), noise(2, 1), noise(3, 1), starts={2: 1.5}, default=1)
    with open_file(path) as file:
        analysis = engine.analyse(file, "0" * 64, "video", AnalysisRequest(audio=True))
        audio, warnings = engine.read_audio(file)
    assert [(one.track, one.channel, one.start, one.duration) for one in audio] == [
        (1, None, 0.0, 1.0),
        (0, None, 0.0, 2.0),
        (2, None, 1.5, 1.0),
    ]
    assert warnings == [] and [one.sha256 for one in analysis.audio] == [one.sha256 for one in audio]
    assert np.array_equal(audio[0].samples, noise(2, 1)) and np.array_equal(audio[2].samples, noise(3, 1))


def test_channels_that_differ_in_speech_are_returned_one_by_one(engine: Engine, tmp_path: Path) -> None:
    voices = np.stack([voice(seed, 5) // 2 for seed in (1, 2)])
    with open_file(write_tracks(tmp_path / "a.mka", voices, voices[0])) as file:
        analysis = engine.analyse(file, "0" * 64, "video", AnalysisRequest(audio=True))
        audio, warnings = engine.read_audio(file)
    assert [(one.track, one.channel) for one in audio] == [(0, 0), (0, 1), (1, None)] and warnings == []
    assert all(np.array_equal(one.samples, said) for one, said in zip(audio, (*voices, voices[0]), strict=True))
    assert [one.sha256 for one in analysis.audio] == [one.sha256 for one in audio]


def test_read_frames_returns_the_frames_shown_at_the_times(engine: Engine, clips: dict[str, Path], photo: Path) -> None:
    with open_file(clips["bikes"]) as file:
        analysis = engine.analyse(file, "0" * 64, "video")
        first, again, later = engine.read_frames(file, (0.0, 0.0, 5.0))
    assert first is not None and first == again and later is not None
    kept = decode_thumbnail(analysis.thumbnails[0].jpeg).astype(int)
    assert np.abs(decode_thumbnail(first).astype(int) - kept).mean() < 3
    assert np.abs(decode_thumbnail(later).astype(int) - kept).mean() > 10
    with open_file(photo) as file, pytest.raises(MediaError, match=photo.name):
        engine.read_frames(file, (0.0,))


def test_analyse_returns_an_animation_as_a_video_and_a_still_of_its_format_as_an_image(
    engine: Engine, tmp_path: Path, photos: dict[str, np.ndarray]
) -> None:
    shots = [Image.fromarray(photos[name]).resize((96, 64)) for name in ("temple", "cat")]
    shots[0].save(tmp_path / "moving.gif", save_all=True, append_images=shots[1:], duration=500)
    shots[0].save(tmp_path / "still.gif")
    kinds = {}
    for name in ("moving.gif", "still.gif"):
        with open_file(tmp_path / name) as file:
            analysis = engine.analyse(file, "0" * 64, "image", AnalysisRequest(image=True, matched_only=True))
        kinds[name] = (analysis.asset.kind, len(analysis.thumbnails), analysis.image is None)
    assert kinds == {"moving.gif": ("video", 2, True), "still.gif": ("image", 1, False)}


def test_analyse_returns_an_audio_file_as_a_video_without_frames(engine: Engine, tmp_path: Path) -> None:
    samples = (8000 * np.sin(np.arange(2 * AUDIO_SAMPLE_RATE) / 5)).astype("<i2")
    with wave.open(str(tmp_path / "a.wav"), "wb") as out:
        out.setparams((1, 2, AUDIO_SAMPLE_RATE, 0, "NONE", ""))
        out.writeframes(samples.tobytes())
    with open_file(tmp_path / "a.wav") as file:
        analysis = engine.analyse(file, "0" * 64, "video", AnalysisRequest(audio=True))
    of_frames = [f for f in analysis.fingerprints if declaration(f.type).consumes in ("frames", "track")]
    assert analysis.thumbnails == () and of_frames and all(len(f.vectors) == 0 for f in of_frames)
    (audio,) = analysis.audio
    assert np.array_equal(audio.samples, samples)


def test_unpack_archive_yields_all_members_and_unpacks_the_wanted_ones(
    engine: Engine, tmp_path: Path, photo: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(photo, "folder/a.png")
        archive.writestr("notes.txt", "words")
    queried_names: list[str] = []
    with open_file(tmp_path / "a.zip") as file:
        members = list(
            engine.unpack_archive(file, lambda name: queried_names.append(name) is None and name.endswith(".png"))
        )
    assert queried_names == [member.name for member in members] == ["folder/a.png", "notes.txt"]
    assert members[0].file is not None and members[0].error is None
    with members[0].file as unpacked:
        assert unpacked.name == "a.png" and file_sha256(unpacked) == _file_sha256(photo)
        assert engine.analyse(unpacked, "0" * 64, "image").asset.bytes == photo.stat().st_size
    assert members[1].file is None and members[1].error is None


def test_tasks_on_a_corrupt_file_raise_corrupt_media_with_its_name(engine: Engine, tmp_path: Path, photo: Path) -> None:
    (tmp_path / "half.png").write_bytes(photo.read_bytes()[:100_000])
    (tmp_path / "half.zip").write_bytes(b"PK\3\4" + bytes(100))
    with open_file(tmp_path / "half.png") as file:
        for task in (lambda: engine.analyse(file, "0" * 64, "image"), lambda: engine.run_ocr(file)):
            with pytest.raises(CorruptMedia, match="half"):
                task()
    with open_file(tmp_path / "half.zip") as file, pytest.raises(MediaError, match="half"):
        list(engine.unpack_archive(file, lambda name: True))


def test_tasks_on_a_file_that_is_not_media_raise_not_media(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words")
    with open_file(tmp_path / "a.txt") as file:
        tasks = (
            lambda: engine.analyse(file, "0" * 64, "image"),
            lambda: engine.read_audio(file),
            lambda: engine.run_ocr(file),
        )
        for task in tasks:
            with pytest.raises(NotMedia):
                task()


def test_run_ocr_returns_the_text_of_a_file_and_of_jpeg_bytes(
    engine: Engine, tmp_path: Path, photos: dict[str, np.ndarray]
) -> None:
    image = Image.fromarray(photos["cat"])
    ImageDraw.Draw(image).text((20, 20), "@sample_user88", fill=(255, 255, 255), font_size=40, stroke_width=2,
                               stroke_fill=(0, 0, 0))  # fmt: skip
    image.save(tmp_path / "a.png")
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", quality=95)
    with open_file(tmp_path / "a.png") as file:
        text, warnings = engine.run_ocr(file)
        analysis = engine.analyse(file, "0" * 64, "image", AnalysisRequest(ocr=True))
    assert warnings == [] and "sample" in " ".join(line.text for line in text.lines) and analysis.text == text
    of_jpeg, _ = engine.run_ocr_on_jpeg(jpeg.getvalue(), "thumbnail")
    assert "sample" in " ".join(line.text for line in of_jpeg.lines) and of_jpeg.version == text.version
    with pytest.raises(MediaError, match="thumbnail"):
        engine.run_ocr_on_jpeg(jpeg.getvalue()[:500], "thumbnail")


def test_analyse_in_several_threads_returns_the_results_of_their_own_files(
    engine: Engine, tmp_path: Path, photos: dict[str, np.ndarray]
) -> None:
    names = sorted(photos)[:3]
    for name in names:
        Image.fromarray(photos[name]).save(tmp_path / f"{name}.png", compress_level=1)

    def analyse(name: str) -> tuple[int, int]:
        with open_file(tmp_path / f"{name}.png") as file:
            properties = engine.analyse(file, name, "image").asset.properties
        return int(properties["height"] or 0), int(properties["width"] or 0)

    with ThreadPoolExecutor(3) as threads:
        sizes = list(threads.map(analyse, names * 3))
    assert len(sizes) == 9 and sizes == [photos[name].shape[:2] for name in names * 3]


def test_transcription_of_silence_is_an_empty_transcript(engine: Engine, tmp_path: Path) -> None:
    audio = Audio(samples=np.zeros(AUDIO_SAMPLE_RATE, np.int16), start=0.0)
    queue = engine.open_transcription(SpeechOptions(threads=1))
    try:
        future = queue.submit(audio)
        assert queue.submit(audio) is future, "equal samples are transcribed once"
        transcribed = future.result()
        assert queue.concurrency >= 1
        assert transcribed.audio_sha256 == audio.sha256
        assert transcribed.transcript is not None and transcribed.transcript.segments == ()
        assert transcribed.transcript.version == queue.version
    finally:
        queue.shutdown()


def test_clip_cutter_writes_one_clip_per_video_segment(engine: Engine, clips: dict[str, Path], tmp_path: Path) -> None:
    segment = Segment(channel="picture", query=(0.0, 1.0), reference=(1.0, 2.0), speed=1.0, mirrored=False, score=0.9)
    match = sample_match(
        sha256="b" * 64,
        uris=("b.mp4",),
        kind="video",
        relation="shares_footage",
        coverage=(0.5, 0.5),
        segments=(segment, replace(segment, query=None)),
    )
    result = QueryResult(query="a.mp4", sha256="a" * 64, kind="video", error=None, matches=(match,))

    @contextmanager
    def open_original(sha256: str) -> Iterator[OpenFile]:
        with open_file(clips["bikes"]) as file:
            yield file

    def find_asset(sha256: str) -> Asset:
        return Asset(sha256=sha256, kind="video", bytes=1, properties={"width": 640, "has_sound": False})

    cut = engine.clip_cutter()
    (clip,) = cut(tmp_path, results=[result], open_original=open_original, find_asset=find_asset)
    assert clip.path is not None and clip.pair == ("a" * 64, "b" * 64)
    assert [clip.path] == list(tmp_path.iterdir()) and clip.path.stat().st_size > 1000


def test_preview_maker_writes_a_small_copy_on_the_same_clock(engine: Engine, tmp_path: Path, photo: Path) -> None:
    video = write_coded_video(tmp_path / "coded.mp4", 3.0)
    asset = Asset(sha256="b" * 64, kind="video", bytes=1, properties={"width": 240, "duration": 3.0, "has_sound": True})
    make = engine.preview_maker()
    with open_file(video) as file, (tmp_path / "preview").open("wb") as output:
        make(file, asset, output)
    with open_file(tmp_path / "preview") as file:
        frames = engine.read_frames(file, (0.02, 1.5, 2.9))
        (audio,), _ = engine.read_audio(file)
    assert [read_number(decode_thumbnail(frame or b"")) for frame in frames] == [0, 37, 72]
    assert abs(audio.duration - 3.0) < 0.1
    long = replace(asset, properties={**asset.properties, "duration": 1e5})
    for path, wrong in ((photo, asset), (video, long)):
        with (
            open_file(path) as file,
            (tmp_path / "none").open("wb") as output,
            pytest.raises(MediaError, match="it is"),
        ):
            make(file, wrong, output)


def test_close_during_a_task_raises_worker_lost(
    create_engine: Callable[[Path], Engine], tmp_path: Path, photo: Path
) -> None:
    before = set(find_workers())
    engine = create_engine(tmp_path)
    engine.start()
    (worker,) = set(find_workers()) - before
    # The worker is stopped, so that its task is still in progress when the engine closes.
    os.kill(worker, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as threads, open_file(photo) as file:
        analysis = threads.submit(engine.analyse, file, "0" * 64, "image")
        with pytest.raises(TimeoutError):
            analysis.result(1.0)
        engine.close()
        with pytest.raises(WorkerLost, match=r"temple\.png"):
            analysis.result(60)
        with pytest.raises(WorkerLost):
            engine.analyse(file, "0" * 64, "image")
    engine.close()


def test_task_leaves_no_file_in_the_scratch_folder(
    create_engine: Callable[[Path], Engine], tmp_path: Path, clips: dict[str, Path]
) -> None:
    """The engine has only a folder for temporary data, which is not a store."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with create_engine(scratch) as engine, open_file(clips["bunny"]) as file:
        analysis = engine.analyse(file, "0" * 64, "video", AnalysisRequest(audio=True))
        assert analysis.audio and not list(scratch.iterdir())
    assert not list(scratch.iterdir())
    assert len(analysis.audio[0].samples) > 0, "the samples stay valid after the engine was closed"


@pytest.mark.skipif(sys.platform != "linux", reason="open files are listed in /proc")
def test_worker_inherits_no_open_file_of_a_store(
    create_engine: Callable[[Path], Engine], tmp_path: Path, photo: Path
) -> None:
    (tmp_path / "store").mkdir()
    with (tmp_path / "store" / "mediafp.sqlite").open("w+b") as database, open_file(photo) as file:
        os.set_inheritable(database.fileno(), True)
        engine = create_engine(tmp_path)
        before = set(find_workers())
        with engine:
            engine.analyse(file, "0" * 64, "image")
            (worker,) = set(find_workers()) - before
            open_paths = [str(path.readlink()) for path in Path(f"/proc/{worker}/fd").iterdir()]
    assert open_paths and not [path for path in open_paths if "store" in path]


def _file_sha256(path: Path) -> str:
    with open_file(path) as file:
        return file_sha256(file)
