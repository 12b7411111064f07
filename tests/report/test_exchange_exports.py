"""Exports for other programs: each is read back by its own library, and is equal to what the case contains."""

import base64
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
import pyarrow.parquet
import pymisp
import pytest
import stix2
from exchange_case import (
    COPY,
    DUBBED,
    FLAT,
    LONE,
    PHOTO,
    READ,
    SIGHTINGS,
    SPOKEN,
    VIDEO,
    write_exchange_case,
    write_script_case,
)
from PIL import Image

import mediafp
from mediafp import Case, UsageError
from mediafp.fingerprints.pdq import Pdq
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.report.exports import extras, tables
from mediafp.report.exports.csv import MATCH_COLUMNS, match_row, write_csv
from mediafp.report.exports.hashes import HASH_COLUMNS, hash_row, iter_hash_lines
from mediafp.report.exports.misp import write_misp
from mediafp.report.exports.stix import write_stix
from mediafp.types.exchange import ExchangedMatch
from mediafp.types.jpeg import MAX_THUMBNAIL_SIDE


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory, photos: dict[str, np.ndarray]) -> Iterator[Case]:
    folder = tmp_path_factory.mktemp("exchange") / "store"
    write_exchange_case(folder, photos)
    with mediafp.open(folder) as opened:
        assert opened.verify().problems == ()
        yield opened


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    folder = tmp_path_factory.mktemp("scripts") / "store"
    write_script_case(folder)
    with mediafp.open(folder) as opened:
        assert opened.verify().problems == ()
        yield opened


def stix(case: Case, **options: Any) -> str:
    file = io.StringIO()
    seal, records = case.exchange_records()
    write_stix(file, records, seal, **options)
    return file.getvalue()


def misp(case: Case, *, thumbnails: bool = False, **options: Any) -> str:
    file = io.StringIO()
    seal, records = case.exchange_records(thumbnails=thumbnails)
    write_misp(file, records, seal, **{"title": "Reused media", **options})
    return file.getvalue()


def by_type(bundle: Any, type: str) -> list[Any]:
    return [one for one in bundle.objects if one.type == type]


def test_stix_bundle_is_read_back_with_files_accounts_and_sightings(case: Case) -> None:
    bundle = stix2.parse(stix(case), allow_custom=False)
    files = {one.hashes["SHA-256"]: one for one in by_type(bundle, "file")}
    assert files.keys() == {PHOTO, COPY, FLAT, VIDEO, LONE}
    assert (files[PHOTO].size, files[PHOTO].mime_type, files[PHOTO].name) == (40783, "image/jpeg", "photo.jpg")
    assert files[FLAT].name == "=cmd|'C calc'!A0\\xff\\x0a<script>.jpg"
    extension = next(iter(files[PHOTO].extensions.values()))
    (pdq,) = [one.vectors[0].tobytes().hex() for one in hashes(case)[PHOTO].rows.values() if one.type == "pdq"]
    assert extension["pdq"] == pdq and extension["pdq_quality"] == 100
    accounts = {
        (one.account_type, one.get("account_login"), one.get("user_id")) for one in by_type(bundle, "user-account")
    }
    assert accounts == {
        ("weibo", "某人", "1669879400"), ("twitter", "truth_daily", None), ("youtube", "@channel", None),
        ("telegram", None, "77"),
    }  # fmt: skip
    (artifact,) = by_type(bundle, "artifact")
    assert (artifact.url, artifact.hashes["SHA-256"], artifact.get("payload_bin")) == (SIGHTINGS[0].url, PHOTO, None)
    assert files[PHOTO].content_ref == artifact.id
    windows = {one.object_refs[0]: (one.first_observed, one.last_observed) for one in by_type(bundle, "observed-data")}
    assert windows == {
        files[PHOTO].id: (datetime(2021, 5, 3, 8, 12, tzinfo=UTC), datetime(2021, 5, 3, 8, 12, tzinfo=UTC)),
        # A month in an unknown zone, and the capture after it.
        files[COPY].id: (datetime(2024, 1, 31, 10, tzinfo=UTC), datetime(2024, 3, 1, 11, 59, 59, tzinfo=UTC)),
        files[VIDEO].id: (datetime(2023, 1, 1, 13, 4, tzinfo=UTC), datetime(2023, 1, 2, 15, 4, 59, tzinfo=UTC)),
    }
    related = [one for one in by_type(bundle, "relationship") if one.relationship_type == "related-to"]
    telegram = next(one.id for one in by_type(bundle, "user-account") if one.account_type == "telegram")
    weibo = next(one.id for one in by_type(bundle, "user-account") if one.account_type == "weibo")
    assert {(one.source_ref, one.target_ref) for one in related} == {
        (files[LONE].id, telegram),
        (files[PHOTO].id, weibo),
    }


def test_probability_of_a_sure_copy_is_not_rounded_to_1(case: Case) -> None:
    """Programs that import the export would read it as certain."""

    def as_sure(match: ExchangedMatch) -> ExchangedMatch:
        sure = replace(match.record.match, probability=0.999999)
        return replace(match, record=replace(match.record, match=sure))

    seal, records = case.exchange_records()
    sure = [replace(one, matches=tuple(map(as_sure, one.matches))) for one in records]
    texts = [io.StringIO(), io.StringIO()]
    write_stix(texts[0], iter(sure), seal)
    write_misp(texts[1], iter(sure), seal, title="Reused media")
    for text in texts:
        assert "probability 0.9999" in text.getvalue() and "probability 1" not in text.getvalue()


def test_stix_relationships_state_probability_and_techniques(case: Case) -> None:
    bundle = stix2.parse(stix(case), allow_custom=False)
    files = {one.id: one.hashes["SHA-256"] for one in by_type(bundle, "file")}
    same = {
        (files[one.source_ref], files[one.target_ref]): one
        for one in by_type(bundle, "relationship")
        if one.relationship_type == "same-media-as"
    }
    # Another photograph of the same scene is not the same media.
    assert same.keys() == {(PHOTO, COPY), (PHOTO, VIDEO)}
    copy = same[PHOTO, COPY]
    assert (copy.confidence, copy.description) == (99, "copy, copy, probability 0.9970: 143 keypoints agree")
    assert next(iter(copy.extensions.values()))["probability"] == 0.997
    assert copy.labels == ["DISARM:T0084", "DISARM:T0145.001"]
    assert [(one.source_name, one.external_id) for one in copy.external_references] == [
        ("DISARM", "T0084"),
        ("DISARM", "T0145.001"),
    ]
    assert "labels" not in same[PHOTO, VIDEO]


@pytest.mark.parametrize("export", [stix, misp])
def test_exports_are_the_same_each_time_and_without_folders(case: Case, export: Any) -> None:
    text = export(case)
    assert text == export(case)
    assert "/home/analyst" not in text and "file://" not in text
    assert "/home/analyst/cases/photo.jpg" in export(case, paths=True)
    assert not set(text) & {"\x1b", "\u202e", "\x07"}


def test_misp_event_is_read_back_with_its_objects(case: Case, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text(misp(case), encoding="utf-8")
    event = pymisp.MISPEvent()
    event.load_file(tmp_path / "event.json")
    assert (event.info, event.distribution, len(event.attributes)) == ("Reused media", 0, 0)
    assert json.loads(event.to_json())["Object"] == json.loads(misp(case))["Event"]["Object"]
    objects = {one.uuid: one for one in event.objects}
    assert len(objects) == len(event.objects)
    names = sorted(one.name for one in event.objects)
    assert names == ["file"] * 5 + ["image", "meme-image", "microblog", "microblog", "youtube-video"]
    files = {values(one)["sha256"][0]: one for one in event.objects if one.name == "file"}
    assert set(values(files[PHOTO])["filename"]) == {"photo.jpg", "again.jpg"}
    assert not any(attribute.to_ids for one in event.objects for attribute in one.attributes)
    references = {
        (objects[one.referenced_uuid].name, one.relationship_type, one.comment) for one in files[PHOTO].ObjectReference
    }
    assert ("file", "similar", "same media: copy, copy, probability 0.9970: 143 keypoints agree"
            "; DISARM T0084 Reuse Existing Content; DISARM T0145.001 Copy Account Imagery") in references  # fmt: skip
    assert {name for name, *_ in references} == {"file", "image", "microblog"}
    assert [tag.name for tag in event.tags] == [
        "DISARM:T0084 Reuse Existing Content",
        "DISARM:T0145.001 Copy Account Imagery",
    ]
    (meme,) = (one for one in event.objects if one.name == "meme-image")
    assert values(meme)["document-text"] == ["紧急 BREAKING\nshare\\x07 this"]
    (tweet,) = (one for one in event.objects if values(one).get("type") == ["Twitter"])
    assert values(tweet)["twitter-id"] == ["1234567890123456789"]
    assert values(tweet)["removal-date"] == [datetime(2024, 4, 1, 10, tzinfo=UTC)]
    # The month of the post is not exact enough for the template.
    assert "creation-date" not in values(tweet) and "posted 2024-02" in tweet.comment
    (video,) = (one for one in event.objects if one.name == "youtube-video")
    assert values(video)["video-transcript"] == ["good ⟨morning?⟩"] and values(video)["creator"] == ["@channel"]


def test_misp_thumbnails_are_read_back_as_jpegs(case: Case, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text(misp(case, thumbnails=True), encoding="utf-8")
    event = pymisp.MISPEvent()
    event.load_file(tmp_path / "event.json")
    attached = {
        attribute.value: (one.name, attribute.data.getvalue())
        for one in event.objects
        for attribute in one.attributes
        if attribute.type == "attachment"
    }
    assert attached.keys() == {f"{sha256}.jpg" for sha256 in (PHOTO, COPY, FLAT, LONE)}
    for sha256 in (PHOTO, COPY, FLAT, LONE):
        name, jpeg = attached[f"{sha256}.jpg"]
        stored = case._store.row_thumbnail(sha256, 0)
        assert stored and name == ("ocrized-image" if sha256 == COPY else "image")
        # Encoded anew: what a worker sent reaches no decoder of another program.
        assert jpeg == encode_thumbnail(decode_thumbnail(stored), MAX_THUMBNAIL_SIDE)


def test_misp_thumbnails_contain_no_byte_that_a_worker_chose(
    tmp_path: Path, photos: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A valid header leaves the scan to whoever took over the worker; a damaged one costs its thumbnail alone."""
    write_exchange_case(tmp_path / "store", photos)
    with mediafp.open(tmp_path / "store") as opened:
        stored = {sha256: opened._store.row_thumbnail(sha256, 0) or b"" for sha256 in (PHOTO, COPY, FLAT, LONE)}
        # Bytes behind the last block of a scan, which decoders skip, and a header that no thumbnail has.
        secret, load = b"chosen by a worker", type(opened._store).find_thumbnail
        changed = {PHOTO: stored[PHOTO][:-2] + secret + b"\xff\xd9", FLAT: b"\xff\xd8" + secret}

        def find(self: object, sha256: str, seconds: float) -> Any:
            found = load(self, sha256, seconds)  # type: ignore[arg-type]
            return found and replace(found, jpeg=changed.get(sha256, found.jpeg))

        monkeypatch.setattr(type(opened._store), "find_thumbnail", find)
        event = json.loads(misp(opened, thumbnails=True))
        assert list(opened.damaged) == [FLAT] and "thumbnail" in opened.damaged[FLAT]
    attached = {
        attribute["value"]: base64.b64decode(attribute["data"])
        for one in event["Event"]["Object"]
        for attribute in one["Attribute"]
        if attribute["type"] == "attachment"
    }
    assert attached.keys() == {f"{sha256}.jpg" for sha256 in (PHOTO, COPY, LONE)}
    assert not any(secret in jpeg for jpeg in attached.values())
    expected = encode_thumbnail(decode_thumbnail(stored[PHOTO]), MAX_THUMBNAIL_SIDE)
    assert attached[f"{PHOTO}.jpg"] == expected


def values(one: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for attribute in one.attributes:
        found.setdefault(attribute.object_relation, []).append(attribute.value)
    return found


def hashes(case: Case) -> dict[str, Any]:
    return {one.sha256: one for one in case.export_hashes()}


def test_hashes_are_those_of_the_libraries(case: Case, photos: dict[str, np.ndarray]) -> None:
    lines = [line for one in case.export_hashes() for line in iter_hash_lines(one)]
    found = {(line.sha256, line.algorithm): line for line in lines}
    image = Image.fromarray(photos["cat"])
    # The reference implementation hashes a larger image, from which some bits differ.
    bits, quality = Pdq().extract([photos["cat"]])
    assert found[PHOTO, "pdq"].text == f"pdq {bits[0].tobytes().hex()}" and found[PHOTO, "pdq"].quality == round(
        100 * quality[0]
    )
    assert found[PHOTO, "phash"].hash == str(imagehash.phash(image))
    assert imagehash.hex_to_hash(found[PHOTO, "dhash"].hash) == imagehash.dhash(image)
    assert [found[FLAT, name].is_usable for name in ("pdq", "phash", "dhash", "sha256")] == [False, False, False, True]
    frames = [frame.split(",") for frame in json.loads(found[VIDEO, "vpdq"].hash)]
    assert [(len(hex), int(quality) >= 50, float(second)) for hex, quality, second in frames] == [
        (64, True, 0),
        (64, True, 2),
    ]
    assert (VIDEO, "phash") not in found


def test_exported_hashes_can_be_imported(case: Case, tmp_path: Path) -> None:
    lines = [line for one in case.export_hashes() for line in iter_hash_lines(one)]
    (tmp_path / "lines.txt").write_text("".join(f"{line.text}\n" for line in lines if line.is_usable))
    with (tmp_path / "table.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([HASH_COLUMNS, *(hash_row(line, paths=False) for line in lines)])
    with mediafp.open(tmp_path / "other", create=True) as other:
        for name in ("lines.txt", "table.csv"):
            done = other.import_hashes(tmp_path / name)
            skipped = [line for line in lines if not line.is_usable] if name == "table.csv" else []
            assert len(done.warnings) == len(skipped)
        of_lines, of_table = (dict(one.hashes) for one in other.hash_lists())
        frames = {frame[:64] for line in lines if line.algorithm == "vpdq" for frame in json.loads(line.hash)}
        distinct = {("pdq", frame) for frame in frames}
        distinct |= {(line.algorithm, line.hash) for line in lines if line.algorithm != "vpdq" and line.is_usable}
        assert of_lines == Counter(algorithm for algorithm, _ in distinct) == of_table
        assert {one.label for one in other._store.listed_hashes("table")} >= {"photo.jpg", "clip.mp4"}


def test_parquet_tables_are_read_back_with_their_types(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "ROW_GROUP_ROWS", 2)
    counts = case.export_parquet(tmp_path / "tables")
    assert counts == {"assets": 5, "sightings": 6, "matches": 3, "transcripts": 1}
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == sorted(f"{name}.parquet" for name in counts)
    for name in counts:
        file = pyarrow.parquet.ParquetFile(tmp_path / "tables" / f"{name}.parquet")
        assert file.num_row_groups == -(-counts[name] // 2)
        assert file.read().equals(case.to_arrow(name))
        assert file.read().to_pandas().equals(case.to_pandas(name))
    seen = {row["uri"]: row for row in case.to_arrow("sightings").to_pylist()}
    copy = seen["/home/analyst/cases/avatar.jpg"]
    assert (copy["posted_at"], copy["posted_at_stated"], copy["precision"]) == (
        datetime(2024, 2, 1, tzinfo=UTC),
        "2024-02",
        "month",
    )
    assert copy["views"] == 12 and copy["post_id"] == "1234567890123456789"
    assert any(uri.endswith("A0\\udcff\n<script>.jpg") for uri in seen)
    (said,) = case.to_arrow("transcripts").to_pylist()
    assert (said["text"], said["certainty"], said["word_probability"]) == (
        "good morning",
        "doubtful",
        pytest.approx(0.6),
    )
    match = next(row for row in case.to_arrow().to_pylist() if row["b"] == COPY and row["a"] == PHOTO)
    assert (match["probability"], match["removed_text"], match["a_account"]) == (0.997, "@某人", "某人")
    before = (tmp_path / "tables" / "matches.parquet").read_bytes()
    case.export_parquet(tmp_path / "tables")
    assert (tmp_path / "tables" / "matches.parquet").read_bytes() == before


def test_tables_replace_no_other_file(case: Case, tmp_path: Path) -> None:
    (tmp_path / "matches.parquet").write_text("notes")
    with pytest.raises(UsageError, match="the file exists and is no table"):
        case.export_parquet(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["matches.parquet"]
    with pytest.raises(UsageError, match="cannot write the tables"):
        case.export_parquet(tmp_path / "matches.parquet" / "below")
    with pytest.raises(UsageError, match="there is none; choose from: assets"):
        case.to_arrow("accounts")  # type: ignore[arg-type]


def test_missing_libraries_are_named_with_their_extra(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(module: str) -> Any:
        raise ImportError(module)

    monkeypatch.setattr(extras, "import_module", missing)
    for install, export in (
        ("mediafp[stix]", lambda: stix(case)),
        ("mediafp[misp]", lambda: misp(case)),
        ("mediafp[parquet]", lambda: case.export_parquet(tmp_path)),
        ("mediafp[parquet]", lambda: case.to_arrow()),
        ("pandas", lambda: case.to_pandas()),
    ):
        with pytest.raises(UsageError, match=re.escape(f"is missing; install it with: pip install '{install}'")):
            export()


def test_decisions_are_applied_and_name_nobody(case: Case) -> None:
    for export in (stix, misp):
        case.decide("confirm", PHOTO, COPY, decided_by="Analyst Name", note="seen by an informant")
        text = export(case)
        assert "confirmed by a person" in text and "Analyst Name" not in text and "informant" not in text
        assert case.to_pandas()["decision"].tolist().count("confirm") == 1
        case.undo_decision(PHOTO, COPY, decided_by="Analyst Name")
        case.decide("reject", PHOTO, COPY, decided_by="Analyst Name")
        assert "143 keypoints agree" not in export(case) and "T0084" not in export(case)
        assert case.to_arrow().num_rows == 2
        case.undo_decision(PHOTO, COPY, decided_by="Analyst Name")


def test_every_export_states_which_scripts_are_in_another_language(scripts: Case, case: Case, tmp_path: Path) -> None:
    bundle = stix2.parse(stix(scripts), allow_custom=False)
    files = {one.id: one.hashes["SHA-256"] for one in by_type(bundle, "file")}
    related = {files[one.target_ref]: one for one in by_type(bundle, "relationship")}
    assert {one.relationship_type for one in related.values()} == {"same-script-as"}
    assert {name: next(iter(one.extensions.values()))["translated"] for name, one in related.items()} == {
        DUBBED: True, READ: False,
    }  # fmt: skip
    assert related[DUBBED].description.startswith("same_script in another language, copy, probability 0.9500: ")
    assert related[READ].description.startswith("same_script, copy, probability 0.9500: ")

    (tmp_path / "event.json").write_text(misp(scripts), encoding="utf-8")
    event = pymisp.MISPEvent()
    event.load_file(tmp_path / "event.json")
    files = {one.uuid: values(one)["sha256"][0] for one in event.objects if one.name == "file"}
    comments = {files[one.referenced_uuid]: one.comment for file in event.objects for one in file.ObjectReference}
    assert comments[DUBBED].startswith("same script in another language: same_script, copy, probability 0.9500")
    assert comments[READ].startswith("same script: same_script, copy, probability 0.9500")

    expected = {(SPOKEN, DUBBED): True, (SPOKEN, READ): False}
    scripts.export_parquet(tmp_path / "tables")
    table = pyarrow.parquet.read_table(tmp_path / "tables" / "matches.parquet")
    assert table.schema.field("translated").type == pyarrow.bool_()
    assert {(row["a"], row["b"]): row["translated"] for row in table.to_pylist()} == expected
    file = io.StringIO()
    write_csv(file, MATCH_COLUMNS, map(match_row, scripts.export_matches()))
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert {(row["a"], row["b"]): row["translated"] for row in rows} == {
        pair: {True: "true", False: "false"}[translated] for pair, translated in expected.items()
    }
    # Of other relations, nothing is said of it.
    others = stix2.parse(stix(case), allow_custom=False)
    assert not [one for one in by_type(others, "relationship") if "translated" in str(one)]
    assert case.to_arrow()["translated"].to_pylist() == [None] * 3
