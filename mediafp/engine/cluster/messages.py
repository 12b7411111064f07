"""Messages between the driver and the nodes of a cluster, and their encoding as bytes.

A node gets and returns bytes alone, which Ray carries without a pickle. The messages of a worker pass through the node
unchanged: the driver decodes and validates them as if the worker were its own.
"""

import json
from dataclasses import asdict
from typing import Annotated, Final

import msgspec

from mediafp.types.contents import WARNING_CHARS, check_transcript
from mediafp.types.errors import ErrorKind
from mediafp.types.transcripts import Transcript

FRAME_BYTES: Final = 4 << 20
"""Bytes of a worker's messages from which on a node sends the next ones in another frame. Chosen, not measured."""
UPLOAD_BYTES: Final = 8 << 20
"""Bytes of a file that are sent to a node at once. Chosen, not measured."""
INLINE_BYTES: Final = 32 << 20
"""Bytes of a file up to which a node holds its copy in memory, as `MAX_COPIED_BYTES` does on one machine; larger ones are
read where they are, or copied to the node's disk."""
Text = Annotated[str, msgspec.Meta(max_length=WARNING_CHARS)]


class NodeReport(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a node before it gets a task."""

    mediafp: Text
    """Version of mediafp."""
    analysis: Text
    """Version of what an analysis computes; empty if it was not asked for."""
    refusal: Text = ""
    """Reason why files cannot be parsed in the sandbox; empty if they can, or if no sandbox is wanted."""


class NodeTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task for a node, whose file precedes it or comes with it."""

    task: bytes
    """The task as its worker gets it."""
    wall_seconds: float
    ocr: bool = False
    all_types: bool = False
    video: bool = False
    """The worker must have loaded this, as in `WorkerCapabilities`."""


class WorkerEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a worker before its result, with the fields of `WorkerLost`."""

    kind: ErrorKind
    message: Text
    final: bool = False
    invalid: bool = False
    """True if the worker was ended because it sent invalid data."""


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """The next messages of a worker; more frames follow unless `last`."""

    messages: list[bytes] = []
    last: bool = False
    changed: bool = False
    """True if the shared file was written to while it was read."""
    end: WorkerEnd | None = None
    no_sandbox: Text = ""
    """Reason why the worker could not enter the sandbox."""
    no_space: Text = ""
    """Reason why the node cannot hold the file."""


class NodeSpeech(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a transcription on a node, whose samples precede it or come with it."""

    model: str
    hotwords: list[str]


class SpeechFrame(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of a transcription; more frames follow until one has a transcript or an error."""

    share: float = 0.0
    """Share that is done, 0..1."""
    transcript: bytes = b""
    """The transcript as JSON, whose texts may have lone surrogates."""
    error: Text = ""
    """Reason why the node cannot transcribe."""


_encoder = msgspec.msgpack.Encoder()
_report_decoder = msgspec.msgpack.Decoder(NodeReport)
_task_decoder = msgspec.msgpack.Decoder(NodeTask)
_frame_decoder = msgspec.msgpack.Decoder(Frame)
_speech_decoder = msgspec.msgpack.Decoder(NodeSpeech)
_speech_frame_decoder = msgspec.msgpack.Decoder(SpeechFrame)


def encode(message: NodeReport | NodeTask | Frame | NodeSpeech | SpeechFrame) -> bytes:
    """Return the bytes of a message."""
    return _encoder.encode(message)


def decode_report(data: bytes) -> NodeReport:
    """Return the report that a node sent. Raises ValueError."""
    return _decode(_report_decoder, data)


def decode_frame(data: bytes) -> Frame:
    """Return the frame that a node sent; the messages in it are not decoded yet. Raises ValueError."""
    return _decode(_frame_decoder, data)


def decode_task(data: bytes) -> NodeTask:
    """Return the task that a node received."""
    return _task_decoder.decode(data)


def decode_speech(data: bytes) -> NodeSpeech:
    """Return the options that a node received."""
    return _speech_decoder.decode(data)


def decode_speech_frame(data: bytes) -> SpeechFrame:
    """Return the frame that a node sent. Raises ValueError."""
    return _decode(_speech_frame_decoder, data)


def encode_transcript(transcript: Transcript) -> bytes:
    """Return a transcript as JSON."""
    return json.dumps(asdict(transcript)).encode()


def decode_transcript(data: bytes) -> Transcript:
    """Return a transcript that a node sent, checked. Raises ValueError if no audio could have it."""
    try:
        transcript = msgspec.convert(json.loads(data), Transcript)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"the bytes are no transcript: {error}") from error
    check_transcript(transcript)
    return transcript


def _decode[T](decoder: "msgspec.msgpack.Decoder[T]", data: bytes) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"the bytes are not a message: {error}") from error
