"""What plain faster-whisper makes of a folder of sounds, in the contract's form, for the same scores as ours.

    .venv/bin/python scripts/bench/plain_whisper.py FILE... > plain.jsonl

Whisper base, language by itself, its voice filter on: what a user gets who takes the library as it comes. Sounds are
decoded by us and handed over, since faster-whisper 1.2.1 does not read files with PyAV 17 and later.
"""

import json
import sys
import time
from pathlib import Path

from faster_whisper import WhisperModel

from mediafp.ingest.audio import read_audio
from mediafp.ingest.files import file_sha256, open_file
from mediafp.text.speech.models import speech_model
from mediafp.text.speech.voice_activity import to_float


def main() -> None:
    """Transcribes every file that is named."""
    model = WhisperModel(str(speech_model().model_folder()), device="cpu", compute_type="int8", cpu_threads=2)
    for path in map(Path, sys.argv[1:]):
        started = time.monotonic()
        with open_file(path) as file:
            sha256, (sound, _) = file_sha256(file), read_audio(file)
        segments, language = [], None
        if sound:
            found, told = model.transcribe(to_float(sound.samples), vad_filter=True)
            segments, language = list(found), told.language
        line = {
            "path": str(path),
            "sha256": sha256,
            "error": None,
            "seconds": time.monotonic() - started,
            "segments": [{"start": s.start, "end": s.end, "language": language, "text": s.text} for s in segments],
        }
        print(json.dumps(line, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
