"""A file that is overwritten in place while it is read, its time of modification put back: one content, or an error."""

import io
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from changed_files import overwrite_in_place
from PIL import Image

from mediafp.case import query, transcription
from mediafp.case.case import Case
from mediafp.case.ingestion import tasks
from mediafp.engine.local.engine import LocalEngine
from mediafp.ingest import stable_content
from mediafp.types.media import AUDIO_SAMPLE_RATE
from mediafp.types.runs import AnalysisOptions, IngestOptions

WITHOUT_OCR = IngestOptions(analysis=AnalysisOptions(ocr=False))


def bitmap(colour: str) -> bytes:
    """Return an image whose size in bytes does not depend on its colour."""
    encoded = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(encoded, "BMP")
    return encoded.getvalue()


def sound(value: int) -> bytes:
    encoded = io.BytesIO()
    with wave.open(encoded, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(AUDIO_SAMPLE_RATE)
        out.writeframes(np.full(AUDIO_SAMPLE_RATE, value, "<i2").tobytes())
    return encoded.getvalue()


def is_red(jpeg: bytes | None) -> bool:
    assert jpeg
    red, _, blue = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).mean((0, 1))
    return bool(red > blue)


@pytest.fixture(params=["small", "large"])
def is_small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Small files are copied before they are read, large ones checked after it."""
    if request.param == "large":
        monkeypatch.setattr(stable_content, "MAX_COPIED_BYTES", 0, raising=False)
    return request.param == "small"


def overwrite_before(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, path: Path, content: bytes) -> None:
    """Have a file overwritten each time before a function is called."""
    original = getattr(owner, name)

    def overwrite_and_call(*arguments: Any, **options: Any) -> Any:
        overwrite_in_place(path, content)
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, overwrite_and_call)


def overwrite_after(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, path: Path, content: bytes) -> None:
    """Have a file overwritten each time after a function was called."""
    original = getattr(owner, name)

    def call_and_overwrite(*arguments: Any, **options: Any) -> Any:
        result = original(*arguments, **options)
        overwrite_in_place(path, content)
        return result

    monkeypatch.setattr(owner, name, call_and_overwrite)


def test_ingest_stores_the_thumbnail_of_the_content_that_was_hashed(
    case: Case, tmp_path: Path, is_small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.bmp"
    path.write_bytes(bitmap("red"))
    overwrite_before(monkeypatch, LocalEngine, "analyse", path, bitmap("blue"))
    (outcome,) = case.ingest([path], WITHOUT_OCR)
    if is_small:
        assert outcome.status == "added" and outcome.sha256
        assert is_red(case._store.row_thumbnail(outcome.sha256, 0))
    else:
        assert (outcome.status, outcome.kind) == ("failed", "unreadable")
        assert "it changed while it was read" in outcome.message
    monkeypatch.undo()
    path.write_bytes(bitmap("red"))
    assert [outcome.status for outcome in case.ingest([path], WITHOUT_OCR)] == ["known" if is_small else "added"]


def test_ingest_stores_nothing_of_a_file_that_changed_after_it_was_hashed(
    case: Case, tmp_path: Path, is_small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.bmp"
    path.write_bytes(bitmap("red"))
    overwrite_after(monkeypatch, tasks, "file_sha256", path, bitmap("blue"))
    (outcome,) = case.ingest([path], WITHOUT_OCR)
    assert (outcome.status, outcome.kind) == ("failed", "unreadable")
    assert case.count_assets() == 0


@pytest.mark.parametrize("kind", ["image", "video"])
def test_later_ocr_and_transcription_use_the_content_that_is_stored(
    kind: str, case: Case, tmp_path: Path, is_small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ("a.bmp" if kind == "image" else "a.wav")
    contents = (bitmap("red"), bitmap("blue")) if kind == "image" else (sound(100), sound(900))
    path.write_bytes(contents[0])
    name = "run_ocr" if kind == "image" else "read_audio"
    (outcome,) = case.ingest([path], WITHOUT_OCR)
    assert outcome.sha256
    read: list[bytes] = []
    original = getattr(LocalEngine, name)

    def overwrite_and_read(self: LocalEngine, file: Any) -> Any:
        overwrite_in_place(path, contents[1])
        with file.reader() as reader:
            read.append(reader.read())
        return original(self, file)

    monkeypatch.setattr(LocalEngine, name, overwrite_and_read)
    # The store has the fingerprints, so that only this part is computed.
    request = tasks.FileTasks(case._engine, tasks.AnalysisRequest(), None)
    pending = _identified(request, path)
    (request.run_ocr if kind == "image" else request.decode_audio)(pending)
    if is_small:
        assert read == [contents[0]] and not pending.warnings
    else:
        assert "it changed while it was read" in pending.warnings[0]
        assert pending.text is None and pending.audio == () and pending.transcribed is None


def _identified(file_tasks: tasks.FileTasks, path: Path) -> Any:
    from mediafp.case.ingestion.items import item_on_disk
    from mediafp.case.ingestion.pending import PendingFile
    from mediafp.ingest.walk import FoundFile

    file = PendingFile(item=item_on_disk(FoundFile(path=path)))
    file_tasks.identify(file)
    return file


def test_match_answers_for_the_content_that_was_hashed(
    case: Case, tmp_path: Path, is_small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.bmp"
    path.write_bytes(bitmap("red"))
    seen: list[bytes] = []
    original = LocalEngine.analyse

    def overwrite_and_analyse(self: LocalEngine, file: Any, *arguments: Any, **options: Any) -> Any:
        overwrite_in_place(path, bitmap("blue"))
        with file.reader() as reader:
            seen.append(reader.read())
        return original(self, file, *arguments, **options)

    monkeypatch.setattr(LocalEngine, "analyse", overwrite_and_analyse)
    (result,) = case.match([path], ocr=False)
    if is_small:
        assert result.error is None and seen == [bitmap("red")]
    else:
        assert result.error and "it changed while it was read" in result.error
        assert result.sha256 is None
    path.write_bytes(bitmap("red"))
    overwrite_after(monkeypatch, query, "file_sha256", path, bitmap("blue"))
    (result,) = case.match([path], ocr=False)
    assert result.error and "it changed while it was read" in result.error


@pytest.mark.parametrize("change", [overwrite_before, overwrite_after])
def test_transcribe_stores_no_audio_of_another_content(
    change: Callable[..., None], case: Case, tmp_path: Path, is_small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(sound(0))
    (expected,) = case.transcribe([path])
    assert expected.sha256 and expected.error is None
    audio_id = case._store.sounds(expected.sha256)
    other = tmp_path / "b.wav"
    other.write_bytes(sound(0) + b"LIST\x04\0\0\0other"[:12])
    if change is overwrite_before:
        overwrite_before(monkeypatch, LocalEngine, "read_audio", other, sound(900))
    else:
        overwrite_after(monkeypatch, transcription, "file_sha256", other, sound(900))
    (result,) = case.transcribe([other])
    if change is overwrite_before and is_small:
        assert result.error is None and result.sha256
        assert case._store.sounds(result.sha256) == audio_id
    else:
        assert result.error and "it changed while it was read" in result.error
        assert result.sha256 is None
