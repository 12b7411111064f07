"""The contract's JSON objects, made of the nouns."""

import json
import os
from typing import Any

from mediafp.evidence import Answer, Cluster, Clustering, Edge, Hit, Match, Placement, Segment, Transcript
from mediafp.jobs import Outcome
from mediafp.media import Asset, Sighting
from mediafp.scribe import Transcription
from mediafp.unseen import UNSEEN

Object = dict[str, Any]


def line(value: Object) -> str:
    """One line of JSON; bytes that are no UTF-8 stay surrogate escapes."""
    # It means the same escaped.
    text = UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
    return text if text.isascii() or _encodes(text) else json.dumps(value, ensure_ascii=True)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def outcome(value: Outcome) -> Object:
    """The line of one file that was taken in; `error` says why there is no asset of it, as in an answer."""
    made: Object = {
        "path": value.path,
        "sha256": value.sha256,
        "status": value.status,
        "warnings": list(value.warnings),
    }
    if value.kind:
        return made | {"error": value.message, "kind": value.kind, "message": value.message}
    return made if value.sha256 else made | {"error": "not a picture, video or sound file"}


def placement(value: Placement) -> Object:
    """Where the query lies in the reference."""
    return {
        "quad": [list(point) for point in value.quad],
        "overlap": [list(point) for point in value.overlap],
        "covered": value.covered,
        "shown": value.shown,
        "mirrored": value.mirrored,
        "rotation": value.rotation,
        "scale": value.scale,
        "removed": dict(zip(("left", "top", "right", "bottom"), value.removed, strict=True)),
        "inliers": value.inliers,
        "removed_text": [
            {"text": box.text, "box": [list(point) for point in box.box], "confidence": box.confidence}
            for box in value.removed_text
        ],
        "handles": list(value.handles),
    }


def segment(value: Segment) -> Object:
    """A matching stretch."""
    return {
        "channel": value.channel,
        "query": list(value.query) if value.query else None,
        "reference": list(value.reference),
        "speed": value.speed,
        "mirrored": value.mirrored,
        "score": value.score,
    }


def match(value: Match) -> Object:
    """One relation with its proof."""
    return {
        "sha256": value.sha256,
        "uris": list(value.uris),
        "kind": value.kind,
        "relation": value.relation,
        "verdict": value.verdict,
        "probability": value.probability,
        "coverage": list(value.coverage),
        "placement": placement(value.placement) if value.placement else None,
        "more_placements": [placement(p) for p in value.more_placements],
        "segments": [segment(s) for s in value.segments],
        "why": list(value.why),
    }


def answer(value: Answer) -> Object:
    """All that was found for one query."""
    return {
        "query": value.query,
        "sha256": value.sha256,
        "kind": value.kind,
        "error": value.error,
        "matches": [match(m) for m in value.matches],
    }


def transcript(value: Transcript) -> Object:
    """What is said, without the file that it is said in."""
    return {
        "model": value.model,
        "version": value.version,
        "duration": value.duration,
        "speech_seconds": value.speech_seconds,
        "untranscribed_seconds": value.untranscribed_seconds,
        "languages": {name: round(seconds, 3) for name, seconds in value.languages.items()},
        "segments": [
            {
                "start": u.start,
                "end": u.end,
                "language": u.language,
                "language_probability": u.language_probability,
                "text": u.text,
                "flags": list(u.flags),
            }
            for u in value.utterances
        ],
    }


def transcription(value: Transcription) -> Object:
    """What is said in one file; `note` says in words where there is nothing."""
    made: Object = {"path": os.fspath(value.path), "sha256": value.sha256, "error": value.error}
    said = value.transcript
    silent: Object = {"model": None, "duration": None, "speech_seconds": 0.0, "untranscribed_seconds": 0.0,
                      "languages": {}, "segments": []}  # fmt: skip
    made |= transcript(said) if said else silent
    note = None
    if value.error is None and not made["segments"]:
        note = "the file holds no sound" if said is None else "nobody speaks" if not said.speech_seconds else "no words"
    return made | {
        "seconds": value.seconds,
        "note": note,
        "warnings": list(value.warnings),
        "hints": [
            {name: getattr(h, name) for name in ("name", "start", "end", "heard", "reason", "source")}
            for h in value.hints
        ],
    }


def hit(value: Hit) -> Object:
    """A passage that was found; `marks` are the places of what was sought, in characters of `text`."""
    return {
        "sha256": value.sha256,
        "uris": list(value.uris),
        "source": value.source,
        "start": value.start,
        "end": value.end,
        "text": value.text,
        "marks": [list(mark) for mark in value.marks],
    }


def edge(value: Edge) -> Object:
    """A relation between two members."""
    return {
        "a": value.a,
        "b": value.b,
        "relation": value.relation,
        "probability": value.probability,
        "coverage": list(value.coverage),
        "segments": [segment(s) for s in value.segments],
    }


def cluster(value: Cluster) -> Object:
    """One group."""
    return {
        "id": value.id,
        "kind": value.kind,
        "representative": value.representative,
        "weakest_link": value.weakest_link,
        "members": [{"sha256": m.sha256, "uris": list(m.uris)} for m in value.members],
        "edges": [edge(e) for e in value.edges],
    }


def clustering(value: Clustering) -> Object:
    """All groups."""
    return {"clusters": [cluster(c) for c in value.clusters], "unclustered": value.unclustered}


def asset(
    value: Asset,
    sightings: list[Sighting],
    fingerprints: list[tuple[str, str]],
    warnings: list[str],
    said: Transcript | None,
) -> Object:
    """A line of `export jsonl`; `said` is the best transcript. Text is empty until something reads it from pictures."""
    return {
        "sha256": value.sha256,
        "kind": value.kind,
        "bytes": value.bytes,
        "uris": [s.uri for s in sightings],
        "sightings": [
            {name: getattr(s, name) for name in Sighting.__dataclass_fields__ if name != "sha256"} for s in sightings
        ],
        "properties": dict(value.properties),
        "fingerprints": [{"type": type, "version": version} for type, version in fingerprints],
        "warnings": warnings,
        "transcript": transcript(said) if said else None,
        "text": [],
    }


COLUMNS = ("sha256", "kind", "bytes", "uri", "account", "platform", "url", "title", "text", "posted_at", "captured_at",
           "removed_at", "views", "format", "width", "height", "duration", "transcript")  # fmt: skip
"""Of `export csv`."""


def row(value: Asset, seen: Sighting, said: Transcript | None) -> list[object]:
    """A row of `export csv`: where an asset was seen, what it is and what is said in it."""
    told = {**value.properties, **{name: getattr(seen, name) for name in Sighting.__dataclass_fields__}}
    told |= {"kind": value.kind, "bytes": value.bytes}
    told |= {"transcript": " ".join(u.text for u in said.utterances) if said else None}
    return [told.get(name) for name in COLUMNS]
