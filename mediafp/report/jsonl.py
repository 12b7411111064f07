"""The contract's JSON objects, made of the nouns."""

import json
import os
from collections.abc import Sequence
from typing import Any

from mediafp.report.escaping import CONTROL_CHARACTERS
from mediafp.types.clusters import Cluster, Clustering, Edge
from mediafp.types.matches import Match, Placement, QueryResult, Segment, TextLine, Trace
from mediafp.types.media import Asset, Sighting
from mediafp.types.runs import FileOutcome
from mediafp.types.transcripts import FileTranscription, SearchHit, Transcript

JsonObject = dict[str, Any]


def json_line(value: JsonObject) -> str:
    """One line of JSON; bytes that are no UTF-8 stay surrogate escapes."""
    # It means the same escaped.
    text = CONTROL_CHARACTERS.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
    return text if text.isascii() or _encodes(text) else json.dumps(value, ensure_ascii=True)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def outcome_to_json(value: FileOutcome) -> JsonObject:
    """The line of one file that was taken in; `error` says why there is no asset of it, as in an answer."""
    made: JsonObject = {
        "path": value.path,
        "sha256": value.sha256,
        "status": value.status,
        "warnings": list(value.warnings),
    }
    if value.kind:
        return made | {"error": value.message, "kind": value.kind, "message": value.message}
    return made if value.sha256 else made | {"error": "not a picture, video or sound file"}


def lines(value: Sequence[TextLine]) -> list[JsonObject]:
    """Lines of text in a picture."""
    return [
        {"text": line.text, "box": [list(point) for point in line.box], "confidence": line.confidence} for line in value
    ]


def placement(value: Placement) -> JsonObject:
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
        "removed_text": lines(value.removed_text),
        "handles": list(value.handles),
    }


def segment(value: Segment) -> JsonObject:
    """A matching stretch."""
    return {
        "channel": value.channel,
        "query": list(value.query) if value.query else None,
        "reference": list(value.reference),
        "speed": value.speed,
        "mirrored": value.mirrored,
        "score": value.score,
    }


def match_to_json(value: Match) -> JsonObject:
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


def result_to_json(value: QueryResult) -> JsonObject:
    """All that was found for one query."""
    return {
        "query": value.query,
        "sha256": value.sha256,
        "kind": value.kind,
        "error": value.error,
        "matches": [match_to_json(m) for m in value.matches],
        "turned_down": [match_to_json(m) for m in value.near_misses],
        "text": None if value.text is None else lines(value.text),
    }


def trace_to_json(value: Trace) -> JsonObject:
    """Where a picture was seen: an answer whose matches come the oldest first, with their sightings."""
    matches = [
        match_to_json(one.match)
        | {
            "first_seen": one.first_seen,
            "extent": one.extent,
            "sightings": [sighting(seen) for seen in one.sightings],
        }
        for one in value.entries
    ]
    source = value.source.match.sha256 if value.source else None
    return result_to_json(value.result) | {"matches": matches, "source": source}


def sighting(value: Sighting) -> JsonObject:
    """Where and when an asset was seen."""
    return {name: getattr(value, name) for name in Sighting.__dataclass_fields__ if name != "sha256"}


def transcript(value: Transcript) -> JsonObject:
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
            for u in value.segments
        ],
    }


def transcription(value: FileTranscription) -> JsonObject:
    """What is said in one file; `note` says in words where there is nothing."""
    made: JsonObject = {"path": os.fspath(value.path), "sha256": value.sha256, "error": value.error}
    said = value.transcript
    silent: JsonObject = {"model": None, "duration": None, "speech_seconds": 0.0, "untranscribed_seconds": 0.0,
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


def hit(value: SearchHit) -> JsonObject:
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


def edge(value: Edge) -> JsonObject:
    """A relation between two members."""
    return {
        "a": value.a,
        "b": value.b,
        "relation": value.relation,
        "probability": value.probability,
        "coverage": list(value.coverage),
        "segments": [segment(s) for s in value.segments],
    }


def cluster(value: Cluster) -> JsonObject:
    """One group."""
    return {
        "id": value.id,
        "kind": value.kind,
        "representative": value.representative,
        "weakest_link": value.weakest_link,
        "members": [{"sha256": m.sha256, "uris": list(m.uris)} for m in value.members],
        "edges": [edge(e) for e in value.edges],
    }


def clustering(value: Clustering) -> JsonObject:
    """All groups."""
    return {"clusters": [cluster(c) for c in value.clusters], "unclustered": value.unclustered}


def asset(
    value: Asset,
    sightings: list[Sighting],
    fingerprints: list[tuple[str, str]],
    warnings: list[str],
    said: Transcript | None,
    written: Sequence[TextLine] | None,
) -> JsonObject:
    """A line of `export jsonl`; `said` is the best transcript, `written` the text in a picture, None where it is unread."""
    return {
        "sha256": value.sha256,
        "kind": value.kind,
        "bytes": value.bytes,
        "uris": [s.uri for s in sightings],
        "sightings": [sighting(s) for s in sightings],
        "properties": dict(value.properties),
        "fingerprints": [{"type": type, "version": version} for type, version in fingerprints],
        "warnings": warnings,
        "transcript": transcript(said) if said else None,
        "text": lines(written or ()),
    }
