"""Transcripts of audio files by plain faster-whisper, in the JSON form of `mediafp transcribe`, for comparison with mediafp.

    .venv/bin/python scripts/bench/plain_whisper.py FILE... > plain.jsonl

Whisper base with its own language identification and voice activity filter, as a user of the library gets it by default.
mediafp decodes the audio, since faster-whisper 1.2.1 cannot read files with PyAV 17 and later.
"""

import json
import sys
import time
from pathlib import Path

from faster_whisper import WhisperModel

from mediafp.ingest.files import file_sha256, open_file
from mediafp.ingest.speech_audio import read_audio_tracks
from mediafp.text.speech.models import speech_model
from mediafp.text.speech.voice_activity import to_float


def main() -> None:
    """Transcribe each file and print its JSON object."""
    model = WhisperModel(str(speech_model().model_folder()), device="cpu", compute_type="int8", cpu_threads=2)
    for path in map(Path, sys.argv[1:]):
        start = time.monotonic()
        with open_file(path) as file:
            sha256, (tracks, _) = file_sha256(file), read_audio_tracks(file)
        segments, language = [], None
        if tracks.audio:
            transcribed, info = model.transcribe(to_float(tracks.audio[0].samples), vad_filter=True)
            segments, language = list(transcribed), info.language
        result = {
            "path": str(path),
            "sha256": sha256,
            "error": None,
            "seconds": time.monotonic() - start,
            "segments": [{"start": s.start, "end": s.end, "language": language, "text": s.text} for s in segments],
        }
        print(json.dumps(result, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
