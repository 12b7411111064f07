"""Results as the JSON objects of docs/formats.md."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from mediafp.report.doubted_words import certainty_to_json, doubts_to_json
from mediafp.report.escaping import replace_hidden
from mediafp.types.accounts import Account
from mediafp.types.clusters import Cluster, Clustering, Edge
from mediafp.types.coshares import Coshare
from mediafp.types.decisions import Decision, DecisionEvent
from mediafp.types.forgetting import Forgotten
from mediafp.types.hashes import HashImport, HashList, ListedHit
from mediafp.types.kept_matches import LostPair, MatchRecord
from mediafp.types.matches import Change, Match, Placement, QueryResult, Segment, TextLine, Trace
from mediafp.types.recalibration import FamilyFit
from mediafp.types.reviews import ReviewItem
from mediafp.types.runs import AssetRecord, FileOutcome
from mediafp.types.sightings import STATED_FIELDS, Clue, Sighting
from mediafp.types.timelines import TimelineEvent
from mediafp.types.transcripts import FileTranscription, SearchHit, Transcript
from mediafp.types.video_text import VideoTextLine
from mediafp.types.watches import AddedWatch, Watch, WatchHit, WatchSummary

JsonObject = dict[str, Any]


def json_line(value: JsonObject) -> str:
    """Return an object as one line of JSON; bytes of file names that are not UTF-8 stay surrogate escapes."""
    return "".join(json_parts(value))


def json_parts(value: JsonObject) -> Iterator[str]:
    """Yield one line of JSON in parts: an asset may have thousands of sightings, each with a long text."""
    yield "{"
    for number, (key, inner) in enumerate(value.items()):
        yield f"{', ' if number else ''}{_dump(key)}: "
        if isinstance(inner, list) and inner:
            for position, item in enumerate(inner):
                yield f"{', ' if position else '['}{_dump(item)}"
            yield "]"
        else:
            yield _dump(inner)
    yield "}"


def _dump(value: Any) -> str:
    # An invisible character means the same when it is escaped, and does nothing to a terminal or an editor.
    return replace_hidden(json.dumps(value, ensure_ascii=False), lambda character: json.dumps(character)[1:-1])


def lost_pair_to_json(value: LostPair) -> JsonObject:
    """Return a pair of assets that no worker could compare."""
    return asdict(value)


def outcome_to_json(value: FileOutcome) -> JsonObject:
    """Return the line of one ingested file; `error` gives the reason if there is no asset, as in a query result."""
    line: JsonObject = {
        "path": value.path,
        "sha256": value.sha256,
        "status": value.status,
        "warnings": list(value.warnings),
    }
    if value.watches:
        line["watch"] = list(value.watches)
    if value.kind:
        return line | {"error": value.message, "kind": value.kind, "message": value.message}
    return line if value.sha256 else line | {"error": "not an image, video or audio file"}


def text_lines_to_json(value: Sequence[TextLine]) -> list[JsonObject]:
    """Return lines of text in an image."""
    return [
        {"text": line.text, "box": [list(point) for point in line.box], "confidence": line.confidence} for line in value
    ]


def video_text_to_json(value: Sequence[VideoTextLine]) -> list[JsonObject]:
    """Return lines of text on screen: those of an image, with start and end."""
    return [
        {
            "text": line.text,
            "start": line.start,
            "end": line.end,
            "box": [list(point) for point in line.box],
            "confidence": line.confidence,
        }
        for line in value
    ]


def placement_to_json(value: Placement) -> JsonObject:
    """Return the position of the query in the reference."""
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
        "removed_text": text_lines_to_json(value.removed_text),
        "handles": list(value.handles),
    }


def segment_to_json(value: Segment) -> JsonObject:
    """Return one matching segment."""
    return {
        "channel": value.channel,
        "query": list(value.query) if value.query else None,
        "reference": list(value.reference),
        "speed": value.speed,
        "mirrored": value.mirrored,
        "score": value.score,
        "tracks": list(value.tracks) if value.tracks else None,
        "audio_channels": list(value.audio_channels) if value.audio_channels else None,
    }


def change_to_json(value: Change) -> JsonObject:
    """Return one region in which a copy was altered."""
    return {
        "box": [list(point) for point in value.box],
        "what": value.what,
        "kind": value.kind,
        "before": value.before,
        "after": value.after,
    }


def match_to_json(value: Match) -> JsonObject:
    """Return one relation with its evidence."""
    return {
        "sha256": value.sha256,
        "uris": list(value.uris),
        "kind": value.kind,
        "relation": value.relation,
        "verdict": value.verdict,
        "probability": value.probability,
        "model_probability": value.model_probability,
        "coverage": list(value.coverage),
        "placement": placement_to_json(value.placement) if value.placement else None,
        "more_placements": [placement_to_json(p) for p in value.more_placements],
        "segments": [segment_to_json(s) for s in value.segments],
        "changes": [change_to_json(change) for change in value.changes],
        "why": list(value.why),
        "sightings": [sighting_to_json(seen) for seen in value.sightings],
        "clues": [clue_to_json(clue) for clue in value.clues],
        "decision": match_decision_to_json(value.decision) if value.decision else None,
        **(_script_to_json(value) if value.relation == "same_script" else {}),
    }


def _script_to_json(value: Match) -> JsonObject:
    """Return what a match of two scripts states beside the others."""
    words = None if value.words is None else [{"query": query, "reference": other} for query, other in value.words]
    return {"translated": value.translated, "words": words}


def match_decision_to_json(value: Decision) -> JsonObject:
    """Return the decision on a match as the match states it."""
    return {name: getattr(value, name) for name in ("decision", "note", "decided_by", "decided_at")}


def decision_to_json(value: Decision) -> JsonObject:
    """Return one line of `decisions`."""
    names = ("subject", "a", "b", "decision", "note", "decided_by", "decided_at", "act")
    return {
        **{name: getattr(value, name) for name in names},
        "matches": [
            {"relation": one.relation, "verdict": one.verdict, "probability": one.probability} for one in value.evidence
        ],
    }


def decision_event_to_json(value: DecisionEvent) -> JsonObject:
    """Return one line of `decisions --history`."""
    event: JsonObject = {"n": value.n, "at": value.at, "what": value.what, "by": value.by}
    return event | decision_to_json(value.decision)


def family_fit_to_json(value: FamilyFit) -> JsonObject:
    """Return one line of `calibrate`."""
    return asdict(value)


def review_item_to_json(value: ReviewItem) -> JsonObject:
    """Return one pair that waits for a person; its match is seen from `query`."""
    line: JsonObject = {name: getattr(value, name) for name in ("subject", "a", "b", "cluster", "query")}
    return line | {"why": list(value.why), "match": match_to_json(value.match) if value.match else None}


def result_to_json(value: QueryResult) -> JsonObject:
    """Return the matches and near misses of one query.

    The near misses appear under `near_misses` and, for older readers, under `turned_down`.
    """
    near_misses = [match_to_json(m) for m in value.near_misses]
    return {
        "query": value.query,
        "sha256": value.sha256,
        "kind": value.kind,
        "error": value.error,
        "matches": [match_to_json(m) for m in value.matches],
        "more_matches": value.more_matches,
        "near_misses": near_misses,
        "turned_down": near_misses,
        "text": None if value.text is None else text_lines_to_json(value.text),
        "clues": [clue_to_json(clue) for clue in value.clues],
        "listed": [listed_hit_to_json(hit) for hit in value.listed],
        "warnings": list(value.warnings),
    }


def listed_hit_to_json(value: ListedHit) -> JsonObject:
    """Return a hash of an imported list that a file hits."""
    return {name: getattr(value, name) for name in ("list", "label", "algorithm", "distance")}


def hash_import_to_json(value: HashImport) -> JsonObject:
    """Return the line of one imported file of hashes."""
    line: JsonObject = {name: getattr(value, name) for name in ("path", "list", "added", "known")}
    return line | {"warnings": list(value.warnings)}


def hash_list_to_json(value: HashList) -> JsonObject:
    """Return one line of `import-hashes --show`."""
    return {"list": value.name, "hashes": dict(value.hashes)}


def trace_to_json(value: Trace) -> JsonObject:
    """Return a query result whose matches are ordered by their oldest sighting, with its source and who posted it first."""
    matches = [match_to_json(one.match) | {"first_seen": one.first_seen, "extent": one.extent} for one in value.entries]
    return result_to_json(value.result) | {
        "matches": matches,
        "source": value.source.match.sha256 if value.source else None,
        "equally_complete": [one.match.sha256 for one in value.equally_complete],
        "first_posted": sighting_to_json(value.first_posted) if value.first_posted else None,
        "perhaps_first": [sighting_to_json(seen) for seen in value.perhaps_first],
        "handles": [{"best": one.best, "readings": list(one.readings)} for one in value.handles],
    }


def sighting_to_json(value: Sighting) -> JsonObject:
    """Return where and when an asset was seen."""
    return {name: getattr(value, name) for name in ("uri", *STATED_FIELDS, "precision", "source")}


def clue_to_json(value: Clue) -> JsonObject:
    """Return a statement of a file itself about its source."""
    return {name: getattr(value, name) for name in Clue.__dataclass_fields__}


def account_to_json(value: Account) -> JsonObject:
    """Return one line of `accounts`."""
    line: JsonObject = {
        name: getattr(value, name) for name in ("key", "platform", "account", "account_id", "account_name")
    }
    line["names"] = [{"name": name.name, "from": name.first_at, "to": name.last_at} for name in value.names]
    times = ("first_posted_at", "last_posted_at", "first_captured_at", "last_captured_at", "removed_at")
    line |= {name: getattr(value, name) for name in (*times, "posts", "captures", "removals", "assets")}
    return line | {
        "shared_with": [{"account": other.account, "assets": other.assets} for other in value.shared_with],
        "more_shared_with": value.more_shared_with,
        "iteration_of": value.iteration_of,
        "iteration": value.iteration,
        "iteration_because": list(value.iteration_because),
        "gap_days": value.gap_days,
    }


def event_to_json(value: TimelineEvent) -> JsonObject:
    """Return one line of `timeline`."""
    names = ("at", "precision", "event", "account", "account_key", "platform", "sha256", "uri", "url", "post_id", "role",
             "iteration", "gap_days")  # fmt: skip
    return {name: getattr(value, name) for name in names}


def coshare_to_json(value: Coshare) -> JsonObject:
    """Return one line of `coshare`."""
    return {name: getattr(value, name) for name in Coshare.__dataclass_fields__}


def transcript_to_json(value: Transcript) -> JsonObject:
    """Return a transcript without its file."""
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
                "track": u.track,
                **({} if u.channel is None else {"channel": u.channel}),
                "flags": list(u.flags),
                **doubts_to_json(u),
            }
            for u in value.segments
        ],
        "warnings": list(value.warnings),
    }


def transcription_to_json(value: FileTranscription) -> JsonObject:
    """Return the transcript of one file; `note` gives the reason in words if it is empty."""
    line: JsonObject = {"path": os.fspath(value.path), "sha256": value.sha256, "error": value.error}
    transcript = value.transcript
    empty: JsonObject = {"model": None, "duration": None, "speech_seconds": 0.0, "untranscribed_seconds": 0.0,
                     "languages": {}, "segments": []}  # fmt: skip
    line |= transcript_to_json(transcript) if transcript else empty
    note = None
    if value.error is None and not line["segments"]:
        note = _empty_note(value)
    return line | {
        "seconds": value.seconds,
        "note": note,
        "warnings": [*value.warnings, *(transcript.warnings if transcript else ())],
        "hints": [
            {name: getattr(h, name) for name in ("name", "start", "end", "heard", "reason", "source")}
            for h in value.hints
        ],
    }


def _empty_note(value: FileTranscription) -> str:
    if value.transcript is None:
        return "no audio track was chosen" if value.has_audio else "the file has no audio"
    return "no words" if value.transcript.speech_seconds else "no speech"


def hit_to_json(value: SearchHit) -> JsonObject:
    """Return one search hit; `marks` are the positions of the search terms, in characters of `text`."""
    return {
        "sha256": value.sha256,
        "uris": list(value.uris),
        "source": value.source,
        "start": value.start,
        "end": value.end,
        "track": value.track,
        **({} if value.channel is None else {"channel": value.channel}),
        "text": value.text,
        "marks": [list(mark) for mark in value.marks],
        **(certainty_to_json(value.certainty, value.word_probability) if value.source == "speech" else {}),
    }


def edge_to_json(value: Edge) -> JsonObject:
    """Return a relation between two members of a cluster."""
    return {
        "a": value.a,
        "b": value.b,
        "relation": value.relation,
        "probability": value.probability,
        "coverage": list(value.coverage),
        "segments": [segment_to_json(s) for s in value.segments],
        **(
            {"translated": any(segment.translated for segment in value.segments)}
            if value.relation == "same_script"
            else {}
        ),
    }


def cluster_to_json(value: Cluster) -> JsonObject:
    """Return one cluster."""
    return {
        "id": value.id,
        "was": list(value.was),
        "kind": value.kind,
        "representative": value.representative,
        "weakest_link": value.weakest_link,
        "weakest_pair": list(value.weakest_pair) if value.weakest_pair else None,
        "members": [{"sha256": m.sha256, "uris": list(m.uris)} for m in value.members],
        "edges": [edge_to_json(e) for e in value.edges],
    }


def match_record_to_json(value: MatchRecord) -> JsonObject:
    """Return one line of `export matches`: relation and coverage seen from a, the evidence from `query`."""
    evidence = match_to_json(value.match)
    return {
        "a": value.a,
        "b": value.b,
        "query": value.query,
        "channel": value.channel,
        "relation": value.relation,
        "verdict": value.match.verdict,
        "probability": value.match.probability,
        "coverage": list(value.coverage),
        **{name: evidence[name] for name in ("placement", "more_placements", "segments", "changes", "why", "decision")},
        **({"translated": evidence["translated"]} if "translated" in evidence else {}),
        "a_sightings": [sighting_to_json(sighting) for sighting in value.a_sightings],
        "b_sightings": [sighting_to_json(sighting) for sighting in value.b_sightings],
    }


def clustering_to_json(value: Clustering) -> JsonObject:
    """Return all clusters."""
    return {"clusters": [cluster_to_json(c) for c in value.clusters], "unclustered": value.unclustered}


def forgotten_to_json(value: Forgotten) -> JsonObject:
    """Return one line of `forget`."""
    return {"sha256": value.sha256, "uri": value.uri, "removed": dict(value.removed), "erased": value.erased}


def watch_to_json(value: Watch) -> JsonObject:
    """Return a watch without its hits."""
    return {name: getattr(value, name) for name in ("name", "kind", "value", "added_at", "quarantine")}


def added_watch_to_json(value: AddedWatch) -> JsonObject:
    """Return the line of `watch add`."""
    older = [watch_hit_to_json(hit) for hit in value.older_hits]
    return watch_to_json(value.watch) | {"ingested": value.is_ingested, "older_hits": older}


def watch_summary_to_json(value: WatchSummary) -> JsonObject:
    """Return one line of `watch list`."""
    counts = {name: getattr(value, name) for name in ("older_hits", "hits", "new_hits", "problem")}
    return watch_to_json(value.watch) | counts


def watch_hit_to_json(value: WatchHit) -> JsonObject:
    """Return one line of `watch check`."""
    return {
        "watch": value.watch,
        "sha256": value.sha256,
        "uri": value.uri,
        "relation": value.relation,
        "verdict": value.verdict,
        "probability": value.probability,
        "why": value.why,
        "news": value.is_news,
        "found_at": value.found_at,
        "reported_at": value.reported_at,
    }


def asset_to_json(value: AssetRecord) -> JsonObject:
    """Return one line of `export jsonl`."""
    asset = value.asset
    return {
        "sha256": asset.sha256,
        "kind": asset.kind,
        "bytes": asset.bytes,
        "uris": list(dict.fromkeys(s.uri for s in value.sightings)),
        "sightings": [sighting_to_json(s) for s in value.sightings],
        "clues": [clue_to_json(clue) for clue in value.clues],
        "properties": dict(asset.properties),
        "fingerprints": [{"type": type, "version": version} for type, version in value.fingerprints],
        "warnings": list(value.warnings),
        "transcript": transcript_to_json(value.transcript) if value.transcript else None,
        "text": text_lines_to_json(value.text or ()) + video_text_to_json(value.video_text or ()),
    }
