"""The watch list: what names what, what is news, and what is too common."""

import json
import wave
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from ingest_records import ingest_record
from media_files import write_video
from PIL import Image
from sound_samples import voice
from transcripts import save_transcribed_asset

from mediafp import AnalysisOptions, Case, CheckedWatches, FileOutcome, IngestOptions, UsageError
from mediafp.case.watching import too_common
from mediafp.case.watching.targets import find_target
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.types.hashes import ListedHash
from mediafp.types.media import AUDIO_SAMPLE_RATE
from mediafp.types.runs import IngestRecord
from mediafp.types.transcripts import Transcript, TranscriptSegment

FAST = IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False, reference_crops=False))
LATER = IngestOptions(jobs=1, match=False, analysis=FAST.analysis)
PHRASE = "海灣戰爭的真相"


def save(folder: Path, name: str, pixels: np.ndarray, **sidecar: str) -> Path:
    """Write an image, and the sidecar of gallery-dl with these fields."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.png"
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, compress_level=1)
    if sidecar:
        path.with_name(f"{path.name}.json").write_text(json.dumps({"category": "weibo", **sidecar}))
    return path


def save_wav(path: Path, samples: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, AUDIO_SAMPLE_RATE, len(samples), "NONE", ""))
        file.writeframes(samples.tobytes())
    return path


def ingest(
    case: Case, paths: Path | Sequence[Path], options: IngestOptions = FAST
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Ingest files; return the watches of each that has some, and all hits that were reported."""
    reported: list[CheckedWatches] = []
    outcomes: list[FileOutcome] = list(case.ingest(paths, options, on_watched=reported.append))
    lines = {Path(outcome.path).stem: outcome.watches for outcome in outcomes if outcome.watches}
    return lines, [f"{hit.watch} {Path(hit.uri).stem}" for checked in reported for hit in checked.hits]


def new_hits(case: Case) -> list[str]:
    """Return the new hits after a check, and mark them as seen."""
    case.check_watches()
    hits = case.watch_hits(only_new=True)
    case.mark_hits_seen(hits)
    return [f"{hit.watch} {Path(hit.uri).stem}" for hit in hits]


def spoken(text: str, version: str = "v1") -> Transcript:
    segment = TranscriptSegment(start=0, end=5, language="zh", language_probability=0.9, text=text)
    return Transcript(
        model="m", version=version, duration=5, speech_seconds=5, untranscribed_seconds=0, segments=(segment,)
    )


def test_a_copy_the_same_file_a_frame_and_a_voice_hit_what_is_watched(
    case: Case, photos: dict[str, np.ndarray], tmp_path: Path
) -> None:
    cat, temple = photos["cat"], photos["temple"]
    older = save(tmp_path / "older", "older", cat[:, 40:])
    talk = save_wav(tmp_path / "older" / "talk.wav", voice(1, 10)[48_000:])
    ingest(case, [older, talk, save(tmp_path / "older", "other", photos["flower"])])
    assert not case.add_watch(talk).is_ingested
    added = case.add_watch(save(tmp_path, "stolen", cat), options=FAST)
    assert (added.watch.name, added.watch.kind, added.is_ingested) == ("stolen.png", "asset", True)
    assert [Path(hit.uri).stem for hit in added.older_hits] == ["older"]
    (own,) = case._store.sightings(added.watch.value)
    assert own.source == "watch list"
    assert new_hits(case) == []

    folder = tmp_path / "new"
    save(folder, "crop", cat[20:260, 30:400])
    save(folder, "temple", temple)
    (folder / "same.png").write_bytes((tmp_path / "stolen.png").read_bytes())
    save_wav(folder / "voice.wav", voice(1, 10, pitch=1.05))
    save_wav(folder / "other-voice.wav", voice(2, 10))
    write_video(folder / "clip.mkv", *[temple[:300, :450]] * 3, *[cat[:300, :450]] * 3)
    lines, reported = ingest(case, folder)
    assert lines == {**dict.fromkeys(("clip", "crop", "same"), ("stolen.png",)), "voice": ("talk.wav",)}
    assert sorted(reported) == ["stolen.png clip", "stolen.png crop", "stolen.png same", "talk.wav voice"]
    hits = {Path(hit.uri).stem: hit for hit in case.watch_hits(only_new=True)}
    assert {name: hit.relation for name, hit in hits.items()} == {
        "clip": "image_in_video",
        "crop": "copy",
        "same": "copy",
        "voice": "same_voice",
    }
    assert hits["same"].why == "the bytes are identical" and "agree" in hits["crop"].why
    assert sorted(new_hits(case)) == sorted(reported) and new_hits(case) == []

    # A known file is no news, and at another path it is.
    (folder / "crop-again.png").write_bytes((folder / "crop.png").read_bytes())
    assert ingest(case, folder) == ({"crop-again": ("stolen.png",)}, ["stolen.png crop-again"])
    case.decide("reject", tmp_path / "stolen.png", folder / "crop.png")
    assert sorted(Path(hit.uri).stem for hit in case.watch_hits("stolen.png") if hit.is_news) == ["clip", "same"]
    case.forget(folder / "crop-again.png")
    assert ingest(case, folder / "crop-again.png") == ({}, [])
    assert case.verify().problems == ()


def test_what_an_ingest_left_is_compared_by_the_next_one(
    case: Case, photos: dict[str, np.ndarray], tmp_path: Path
) -> None:
    cat = photos["cat"]
    case.add_watch(save(tmp_path, "stolen", cat), "w", options=FAST)
    assert ingest(case, save(tmp_path, "uncompared", cat[:, :400]), LATER) == ({}, [])
    # It is no news for a watch that is added later, even though it was not compared yet.
    added = case.add_watch(case.watches()[0].watch.value, "second")
    assert [Path(hit.uri).stem for hit in added.older_hits] == ["uncompared"] and not added.is_ingested
    ingest(case, save(tmp_path, "later", cat[:, 50:]), LATER)
    left = ["second later", "w later", "w uncompared"]
    lines, reported = ingest(case, save(tmp_path, "flower", photos["flower"]))
    assert lines == {} and sorted(reported) == left
    assert sorted(new_hits(case)) == left
    entries = case._store.last_log_entry()
    assert new_hits(case) == [] and case._store.last_log_entry() == entries, "a check without news writes nothing"


def test_a_forgotten_file_is_said_and_found_again(case: Case, photos: dict[str, np.ndarray], tmp_path: Path) -> None:
    stolen = save(tmp_path, "stolen", photos["cat"])
    case.add_watch(stolen, "w", options=FAST)
    case.forget(stolen)
    (summary,) = case.watches()
    assert summary.problem and "forgotten" in summary.problem
    assert case.check_watches() == CheckedWatches()
    assert ingest(case, stolen)[0] == {"stolen": ("w",)}
    assert case.watches()[0].problem is None and case.verify().problems == ()


def test_words_and_accounts_hit_the_line_of_their_file(
    case: Case, photos: dict[str, np.ndarray], tmp_path: Path
) -> None:
    folder, pixels = tmp_path / "files", photos["cat"]
    case.add_watch("海湾战争")
    case.add_watch("weibo:Somebody")
    save(folder, "first", pixels[:40, :40], author="before")
    save(folder, "post", pixels[:50, :50], author="other", content=f"看：{PHRASE}")
    save(folder, "account", pixels[:60, :60], author="somebody", content="海湾")
    lines, reported = ingest(case, folder)
    assert lines == {"account": ("weibo:Somebody",), "post": ("海湾战争",)}
    why = {hit.watch: hit.why for hit in case.watch_hits(only_new=True)}
    assert why == {
        "海湾战争": f"in the post: 看：{PHRASE}",
        "weibo:Somebody": "a sighting states the account somebody on weibo",
    }
    assert sorted(reported) == sorted(new_hits(case))

    # What is stated of a known file later is news too.
    (folder / "first.png.json").write_text(json.dumps({"category": "weibo", "author": "somebody"}))
    assert ingest(case, folder)[0] == {"first": ("weibo:Somebody",)}


def test_a_later_transcript_hits_watched_words(case: Case) -> None:
    case.add_watch('"good morning" hongkong', "greeting")
    store = case._store
    save_transcribed_asset(store, "a" * 64, "a", "5" * 64, spoken("good evening hongkong"), 1)
    assert new_hits(case) == []
    with store.writing():
        transcript = spoken("a good morning, Hongkong", "v2")
        store.save_transcript("5" * 64, transcript, fingerprint_transcript("a" * 64, transcript), 2)
    assert new_hits(case) == ["greeting a"]
    (older,) = case.add_watch("hongkong").older_hits
    assert (older.uri, older.is_news) == ("/dump/a.mp4", False)
    assert case.watch_hits()[0].why == "in speech at 00:00.0–00:05.0: a good morning, Hongkong"


def account_record(name: str, **stated: str) -> IngestRecord:
    record = ingest_record(name)
    sighting = type(record.sightings[0])(sha256=record.asset.sha256, uri=record.sightings[0].uri, **stated)  # type: ignore[arg-type]
    return IngestRecord(asset=record.asset, sightings=(sighting,), fingerprints=record.fingerprints)


def test_an_account_is_followed_by_its_number_and_not_by_its_displayed_name(case: Case) -> None:
    case.add_watch("@Old_Name", "w")
    case.add_watch("https://x.com/old_name", "on-twitter")
    records = {
        "a": {"platform": "twitter", "account": "old_name", "account_id": "7"},
        "b": {"platform": "twitter", "account": "new_name", "account_id": "7"},
        "c": {"platform": "weibo", "account": "OLD_NAME"},
        "d": {"platform": "twitter", "account": "impostor", "account_name": "old_name"},
        "e": {"platform": "weibo", "account": "new_name", "account_id": "7"},
    }
    with case._store.writing():
        for name, stated in records.items():
            case._store.add_record(account_record(name, **stated))
    assert new_hits(case) == ["on-twitter a", "on-twitter b", "w a", "w b", "w c"]


def test_a_list_of_hashes_hits_assets_that_are_near(case: Case) -> None:
    known = [ListedHash(algorithm="sha256", hash=bytes.fromhex(name * 64), label="a label") for name in "ac"]
    with case._store.writing():
        for name in ("other", "shared"):
            case._store.save_listed_hashes(name, known)

    def add(*records: IngestRecord) -> list[str]:
        with case._store.writing():
            for record in records:
                case._store.add_record(record)
        return new_hits(case)

    assert add(ingest_record("a")) == []
    added = case.add_watch("shared", "w")
    assert added.watch.kind == "hashes" and [hit.uri for hit in added.older_hits] == ["/dump/a.mp4"]
    assert sorted(add(ingest_record("b"), ingest_record("c"), ingest_record("a", "/again.mp4"))) == ["w again", "w c"]
    assert case.watch_hits("w")[0].why == "the same bytes as a hash of the list 'shared' (a label)"


def test_a_watch_that_finds_too_much_is_quarantined_until_it_is_resumed(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(too_common, "MAX_WATCH_HITS", 2)
    case.add_watch("某人", "w", "account")
    case.add_watch("mp4", "rare")

    def add(*names: str) -> CheckedWatches:
        with case._store.writing():
            for name in names:
                case._store.add_record(account_record(name, account="某人"))
        return case.check_watches()

    # Times are exact to the second, and hits count from the second after that in which the watch was added.
    monkeypatch.setattr("mediafp.store.sqlite.watches.utc_now", lambda: "2999-01-01T00:00:00Z")
    monkeypatch.setattr("mediafp.store.sqlite.assets.utc_now", lambda: "2999-01-01T00:00:00Z")
    assert len(add("a", "b").hits) == 2
    checked = add("c")
    assert checked.hits == () and [watch.name for watch in checked.quarantined] == ["w"]
    reason = checked.quarantined[0].quarantine
    assert reason and reason.startswith("3 files hit it since ") and reason.endswith(", of 3 that were added")
    assert case.watch_hits(only_new=True) == [] and len(case.watch_hits("w")) == 3
    assert add("d") == CheckedWatches()
    assert [one.watch.quarantine for one in case.watches()] == [None, reason]

    case.resume_watch("w")
    assert new_hits(case) == []
    add("e")
    assert [hit.sha256[0] for hit in case.watch_hits(only_new=True)] == ["e"]
    with pytest.raises(UsageError, match="'w': it is in no quarantine"):
        case.resume_watch("w")


def test_what_is_too_common_is_in_quarantine_from_the_start(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(too_common, "MAX_WATCH_HITS", 1)
    for text in ("的", "the", "國"):
        reason = case.add_watch(text).watch.quarantine
        assert reason and "most common words" in reason
    assert case.add_watch("港").watch.quarantine is None
    with case._store.writing():
        for name in "ab":
            case._store.add_record(account_record(name, account="某人"))
    added = case.add_watch("@某人")
    assert added.watch.quarantine == "2 of the 2 files in the store hit it already" and added.older_hits == ()
    assert case.check_watches() == CheckedWatches()


@pytest.mark.parametrize(
    ("value", "kind", "stored"),
    [
        ("海湾战争", "text", "海湾战争"),
        ("breaking: news", "text", "breaking: news"),
        ("and/or", "text", "and/or"),
        ("@some body", "text", "@some body"),
        ("＠somebody", "account", "@somebody"),
        ("X:@somebody", "account", "twitter:somebody"),
        ("微博:某人", "account", "weibo:某人"),
        ("https://weibo.com/u/1669879400", "account", "weibo:1669879400"),
        ("weibo.com/u/1669879400", "account", "weibo:1669879400"),
        ("https://www.youtube.com/@channel/videos", "account", "youtube:channel"),
        ("bluesky:did:plc:abc", "account", "bluesky:did:plc:abc"),
    ],
)
def test_the_form_of_a_value_tells_its_kind(case: Case, value: str, kind: str, stored: str) -> None:
    target = find_target(case._store, value, None)
    assert (target.kind, target.value) == (kind, stored)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (" ", "cannot watch nothing"),
        ("...", "contains no word"),
        ("gone.jpg", "there is no such file"),
        ("./gone", "there is no such file"),
        (".", "name one file"),
        ("f" * 64, "the store does not contain it"),
        ("https://x.com/somebody/status/123", "the address of a post"),
        ("https://example.com/", "not the address of an account"),
    ],
)
def test_what_cannot_be_watched_is_refused(case: Case, value: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        case.add_watch(value)
    assert case.watches() == []


def test_a_kind_overrides_the_form_and_names_do_not_repeat(case: Case, tmp_path: Path) -> None:
    assert case.add_watch("gone.jpg", kind="text").watch.name == "gone.jpg"
    assert case.add_watch("gone.jpg", kind="text").watch.name == "gone.jpg 2"
    for name, reason in (("gone.jpg", "there is one of this name"), (" ", "its name is empty")):
        with pytest.raises(UsageError, match=reason):
            case.add_watch("words", name)
    with pytest.raises(UsageError, match="the case has no such list"):
        case.add_watch("shared", kind="hashes")
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("photo.png", b"a member")
    for name, content in (("notes.txt", b"no media"), ("cut.png", b"\x89PNG\r\n\x1a\n")):
        (tmp_path / name).write_bytes(content)
    for name, reason in (
        ("notes.txt", "not an image, video or audio file"),
        ("archive.zip", "it is an archive"),
        ("cut.png", "damaged"),
    ):
        with pytest.raises(UsageError, match=reason):
            case.add_watch(tmp_path / name, options=FAST)
    assert len(case.watches()) == 2 and case.count_assets() == 0
    case.remove_watch("gone.jpg")
    with pytest.raises(UsageError, match="there is none of this name"):
        case.remove_watch("gone.jpg")
