"""CPU time of one file: above the budget decoding ends, and a video or an animation keeps the frames decoded so far."""

import json
import resource
import signal
import textwrap
from pathlib import Path

import numpy as np
import pytest
from media_files import decode_whole, write_gif
from PIL import Image
from processes import run_python

from mediafp.ingest import audio, cpu_budget
from mediafp.ingest.cpu_budget import CPU_LIMIT_MESSAGE, BudgetCheck, CpuBudget, unlimited
from mediafp.ingest.files import open_file
from mediafp.ingest.limits import CPU_SECONDS_PER_FILE, MAX_CPU_SECONDS
from mediafp.ingest.speech_audio import read_audio
from mediafp.types.errors import MediaError
from mediafp.types.media import AUDIO_SAMPLE_RATE


def test_cpu_budget_ends_decoding_before_the_kernel_kills_the_process() -> None:
    done = run_python(
        """
        import resource, time
        from mediafp.ingest import cpu_budget as budget
        budget.GRACE_CPU_SECONDS = 0.5
        start = time.process_time()
        within_budget = budget.CpuBudget(0.1)
        while within_budget(0.0):
            pass
        print(time.process_time() - start, time.process_time(), resource.getrlimit(resource.RLIMIT_CPU)[0], flush=True)
        while True:
            pass
        """
    )
    assert done.returncode == -signal.SIGXCPU, (done.returncode, done.stderr)
    spent, stopped, killed = map(float, done.stdout.split())
    assert 0.1 <= spent < 0.4
    assert stopped < killed == 1


LIMITS = """
import json, resource, time
from mediafp.ingest.cpu_budget import CpuBudget
results = []
def record(seconds=None):
    results.append((resource.getrlimit(resource.RLIMIT_CPU)[0], None if seconds is None else within_budget(seconds)))
"""


def test_decoded_media_earns_cpu_time_up_to_the_maximum() -> None:
    done = run_python(
        LIMITS
        + textwrap.dedent(
            """
            within_budget = CpuBudget(1.0)
            for seconds in (0.0, 0.1, 10.0, 5.0, 1e9, float("inf"), float("nan"), -5.0, 0.0):
                record(seconds)
            record()
            print(json.dumps(results))
            """
        )
    )
    results = json.loads(done.stdout)
    assert all(on for _, on in results[:-1]), "CPU time is left"
    limits = [limit for limit, _ in results]
    # Each second of media adds two; the start took less than one, and the kernel kills the process 1.5 s later.
    assert limits[0] == limits[1] == limits[2] == 3
    assert limits[3] == limits[4] == 1 + 2 * 10 + 2
    assert set(limits[5:]) == {MAX_CPU_SECONDS + 2}, "the limit never falls"


def test_cpu_budget_keeps_a_hard_limit_and_starts_again_for_each_file() -> None:
    done = run_python(
        LIMITS
        + textwrap.dedent(
            """
            resource.setrlimit(resource.RLIMIT_CPU, (50, 50))
            within_budget = CpuBudget()
            record(1000.0)
            record()
            within_budget = CpuBudget()
            record()
            while time.process_time() < 0.3:
                pass
            within_budget = CpuBudget(0.2)
            record(0.0)
            print(json.dumps([results, resource.getrlimit(resource.RLIMIT_CPU)]))
            """
        )
    )
    (first, earned, again, last), hard_limit = json.loads(done.stdout)
    assert first == [CPU_SECONDS_PER_FILE + 2, True] and earned[0] == 50 and again[0] == CPU_SECONDS_PER_FILE + 2
    assert last == [3, True], "CPU time of earlier files does not count"
    assert hard_limit == [3, 50]


def test_unlimited_decoding_sets_no_kernel_limit(photos: dict[str, np.ndarray], tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_CPU)
    Image.fromarray(photos["temple"]).save(tmp_path / "a.png", compress_level=1)
    assert decode_whole(tmp_path / "a.png")[1] and unlimited(1e9)
    assert resource.getrlimit(resource.RLIMIT_CPU) == before
    assert issubclass(CpuBudget, object) and cpu_budget.GRACE_CPU_SECONDS >= 1, "RLIMIT_CPU counts whole seconds"


def stop_at(seconds: float) -> BudgetCheck:
    """Return a budget check that ends decoding at this second of the media."""
    return lambda decoded_seconds: decoded_seconds < seconds


def test_video_over_the_budget_keeps_its_first_frames(clips: dict[str, Path]) -> None:
    _, complete = decode_whole(clips["bikes"])
    media, frames = decode_whole(clips["bikes"], stop_at(3.0))
    assert len(frames) == 3 and len(complete) == 10
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(frames, complete, strict=False))
    assert 2.9 < frames[-1].end < 3.2
    assert media.warnings == [f"skipped the video after 3 s: {CPU_LIMIT_MESSAGE}"]
    assert media.properties["duration"] == 10.0, "the duration stays the stated one"


def test_video_over_the_budget_keeps_its_audio_so_far(clips: dict[str, Path]) -> None:
    media, frames = decode_whole(clips["bunny"], stop_at(2.0), audio=True)
    assert len(frames) == 2
    assert media.audio and 1.5 < media.audio.duration < 3
    # The file is intact, so no warning states that it may be truncated.
    assert media.warnings == [f"skipped the video after 2 s: {CPU_LIMIT_MESSAGE}"]


def test_video_without_budget_has_a_frame_or_a_reason(clips: dict[str, Path]) -> None:
    try:
        media, _ = decode_whole(clips["bikes"], lambda _: False)
    except MediaError as error:
        assert CPU_LIMIT_MESSAGE in str(error) or error.kind in ("too_large", "timeout")
    else:
        assert any(CPU_LIMIT_MESSAGE in warning for warning in media.warnings)


def test_audio_over_the_budget_is_kept_so_far(clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    # The clip has fewer packets than one batch.
    monkeypatch.setattr(audio, "BATCH_PACKETS", 64)
    with open_file(clips["bunny"]) as file:
        (complete,), _ = read_audio(file)
        (part,), warnings = read_audio(file, within_budget=stop_at(2.0))
    assert 2 <= part.duration < 3 and np.array_equal(
        part.samples[: AUDIO_SAMPLE_RATE], complete.samples[: AUDIO_SAMPLE_RATE]
    )  # fmt: skip
    assert warnings == [f"skipped the audio after 2 s: {CPU_LIMIT_MESSAGE}"]


def test_animation_over_the_budget_keeps_its_first_frames(tmp_path: Path) -> None:
    checked_seconds: list[float] = []

    def within_budget(seconds: float) -> bool:
        checked_seconds.append(seconds)
        return len(checked_seconds) < 8

    media, frames = decode_whole(write_gif(tmp_path / "a.gif", 20), within_budget)
    assert len(frames) == 8 and media.kind == "video"
    assert checked_seconds == pytest.approx([0.1 * n for n in range(1, 9)])
    assert [int(frame.pixels[0, 0, 0]) for frame in frames] == [2 * n for n in range(8)]
    assert media.warnings == [f"skipped the frames after the first 8 of 20: {CPU_LIMIT_MESSAGE}"]
    assert frames[-1].end == pytest.approx(0.8) and media.properties["duration"] == 0.8
    assert len(decode_whole(tmp_path / "a.gif", lambda _: False)[1]) == 1, "the first frame is always decoded"
