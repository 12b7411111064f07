"""Transcription on the nodes of a cluster."""

import logging
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from mediafp.engine.cluster.messages import NodeSpeech, decode_speech_frame, decode_transcript, encode
from mediafp.engine.cluster.pool import MAX_LOST_NODES, ClusterPool
from mediafp.engine.cluster.remote_worker import TRANSFER_SECONDS, NodeLostError, NodeUnfitError
from mediafp.engine.local.capabilities import WorkerCapabilities
from mediafp.engine.local.transcription import TranscriptionPool
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.ingest.limits import CPU_SECONDS_PER_MEDIA_SECOND, VIDEO_WALL_SECONDS
from mediafp.text.speech.transcribers import get_transcriber
from mediafp.types.media import Audio
from mediafp.types.runs import SpeechOptions
from mediafp.types.transcripts import TranscribedAudio, Transcript

_logger = logging.getLogger(__name__)

DURATION_TOLERANCE: Final = 0.01
"""Seconds by which the duration of a transcript may differ from that of its samples: it is rounded. Chosen, not measured."""


class ClusterTranscription(TranscriptionPool):
    """Audio tracks that are transcribed on the nodes of a cluster, each by one CPU."""

    def __init__(self, pool: ClusterPool, speech: SpeechOptions) -> None:
        """Connect to the cluster. Raises UsageError, and ModelError if the model is missing on this machine."""
        super().__init__(speech, concurrency=pool.connect())
        self._pool = pool

    @staticmethod
    def is_spread(speech: SpeechOptions) -> bool:
        """Return True if a model decodes a window on one thread: others need all threads, and the memory of a node."""
        return get_transcriber(speech).concurrency > 1

    def transcribe(self, audio: Audio, on_progress: Callable[[float], object]) -> TranscribedAudio:
        """Return the transcript of an audio track; on this machine, if it loses its node again and again."""
        self._pool.begin_task(audio.samples.nbytes)
        for _ in range(MAX_LOST_NODES):
            try:
                transcript = self._transcribe_on_node(audio, on_progress)
            except NodeLostError as lost:
                _logger.info("an audio track of %.0f s is transcribed on another node: %s", audio.duration, lost)
            else:
                return TranscribedAudio(
                    audio_sha256=audio.sha256,
                    transcript=transcript,
                    fingerprint=fingerprint_transcript(audio.sha256, transcript),
                    model_rank=get_transcriber(self._speech).rank(transcript),
                )
        return super().transcribe(audio, on_progress)

    def _transcribe_on_node(self, audio: Audio, on_progress: Callable[[float], object]) -> Transcript:
        options = encode(NodeSpeech(model=self._speech.model, hotwords=list(self._speech.hotwords)))
        samples = memoryview(np.ascontiguousarray(audio.samples, "<i2")).cast("B")
        with self._pool.worker(WorkerCapabilities()) as worker:
            until = time.monotonic() + VIDEO_WALL_SECONDS + CPU_SECONDS_PER_MEDIA_SECOND * audio.duration
            try:
                answer = worker.transcribe(options, samples)
                while not (frame := decode_speech_frame(answer)).transcript:
                    if frame.error:
                        raise NodeUnfitError(frame.error)
                    if time.monotonic() > until:
                        raise NodeLostError(f"no transcript of {audio.duration:.0f} s of audio in time")
                    on_progress(min(1.0, max(0.0, frame.share)))
                    answer = self._pool.fetch(worker.actor.listen.remote(), TRANSFER_SECONDS)
                transcript = decode_transcript(frame.transcript)
            except ValueError as error:
                raise NodeLostError(f"it returned invalid data ({error})") from error
        if transcript.version != self.version or abs(transcript.duration - audio.duration) > DURATION_TOLERANCE:
            raise NodeLostError("it returned the transcript of other audio, or of another model")
        on_progress(1.0)
        return transcript
