"""Only allowed decoders run."""

from pathlib import Path

import av
import numpy as np
import pytest
from media_files import decode_whole, noise_frames, rejection_of, write_video

from mediafp.ingest import container
from mediafp.ingest.files import open_file
from mediafp.ingest.speech_audio import read_audio
from mediafp.types.errors import UnsupportedMedia
from mediafp.types.media import AUDIO_SAMPLE_RATE


def test_decoder_that_is_not_allowed_does_not_run(
    clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(container, "_ALLOWED_DECODERS", frozenset(("aac",)))
    with pytest.raises(UnsupportedMedia, match="bikes"):
        decode_whole(clips["bikes"])
    monkeypatch.setattr(container, "_ALLOWED_DECODERS", frozenset(("h264",)))
    media, frames = decode_whole(clips["bunny"], audio=True)
    assert len(frames) == 6 and media.audio is None
    assert media.properties["has_sound"] is False and "skipped the audio: there is no decoder for it" in media.warnings


def test_screen_recorder_codec_is_unsupported(tmp_path: Path) -> None:
    error = rejection_of(write_video(tmp_path / "a.avi", *noise_frames(3), codec="zmbv", form="avi"))
    assert isinstance(error, UnsupportedMedia) and "convert it" in str(error)


def test_audio_of_a_codec_that_is_not_allowed_is_unsupported(tmp_path: Path) -> None:
    tone = (8_000 * np.sin(np.arange(AUDIO_SAMPLE_RATE) / 9)).astype(np.int16)[None]
    with av.open(str(tmp_path / "a.wav"), "w", format="wav") as container:
        stream = container.add_stream("g722", rate=AUDIO_SAMPLE_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone, "s16", "mono")
        frame.sample_rate = AUDIO_SAMPLE_RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    # It is not damaged, and fetching it again does not help.
    assert isinstance(rejection_of(tmp_path / "a.wav"), UnsupportedMedia)
    with open_file(tmp_path / "a.wav") as file, pytest.raises(UnsupportedMedia):
        read_audio(file)
