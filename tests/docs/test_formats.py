"""docs/formats.md: keys and columns equal those of real output, and examples load."""

import csv
import io
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from shutil import copy
from typing import Any, get_args

import pytest
from documents import code_blocks, read, sections, tables
from PIL import Image
from small_case import SmallCase

from mediafp.report import jsonl
from mediafp.text.speech.misreadings import load_misreadings
from mediafp.types.custody import LogKind
from mediafp.types.recalibration import FamilyFit, FitErrors
from mediafp.types.transcripts import SpeechHint

DOCUMENT = "docs/formats.md"
FREE_KEYS = ("languages", "properties")
"""Objects whose keys are data."""
FAST = ("--text", "no")
"""No OCR: the text of the references is in the store. The older spelling of the option is intended."""


def examples(heading: str) -> list[Any]:
    return [json.loads(block) for block in code_blocks(sections(read(DOCUMENT))[heading], "json")]


def key_paths(value: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every key, without list positions."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{path}/{key}"
            if key not in FREE_KEYS:
                yield from key_paths(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from key_paths(inner, path)


def check_keys(shown: list[Any], real: list[Any], *, rare: tuple[str, ...] = ()) -> None:
    """Compare the keys; `rare` are paths whose lists may be empty in the real output."""
    assert real
    documented, actual = set(key_paths(shown)), set(key_paths(real))
    missing = {path for path in documented - actual if not path.startswith(rare or "\0")}
    assert (missing, actual - documented) == (set(), set())


def test_json_blocks_are_objects() -> None:
    blocks = code_blocks(read(DOCUMENT), "json")
    assert len(blocks) > 15
    assert all(isinstance(json.loads(block), dict) for block in blocks)


def test_ingest_keys_equal_the_example(small_case: SmallCase) -> None:
    *real, summary = [json.loads(line) for line in (small_case.folder / "ingest.jsonl").read_text().splitlines()]
    added, failed, skipped, last = examples("`ingest`")
    by_status = {line["status"]: line for line in real if not line["path"].endswith((".json", ".csv"))}
    assert by_status.keys() == {"added", "failed", "skipped"}
    for shown in (added, failed, skipped):
        assert list(shown) == list(by_status[shown["status"]])
    check_keys([last], [summary])
    assert summary["seen"] == sum(summary[key] for key in ("added", "known", "failed", "skipped"))


def test_ingest_log_equals_the_printed_lines(small_case: SmallCase) -> None:
    logged = [json.loads(line) for line in (small_case.folder / "log.jsonl").read_text().splitlines()]
    printed = [json.loads(line) for line in (small_case.folder / "ingest.jsonl").read_text().splitlines()]
    assert [{key: value for key, value in line.items() if key != "at"} for line in logged] == printed
    assert all("at" in line for line in logged)


def test_dry_run_keys_equal_the_example(small_case: SmallCase) -> None:
    check_keys(
        examples("`ingest --dry-run`"), small_case.objects("ingest", small_case.folder / "files", "--dry-run", "--json")
    )


def test_match_and_trace_keys_equal_the_examples(small_case: SmallCase, tmp_path: Path) -> None:
    files = small_case.folder / "files"
    elsewhere = copy(files / "clip.mp4", tmp_path)
    results = small_case.objects("match", files / "crop.jpg", elsewhere, "--json", *FAST)
    check_keys(examples("`match`"), without_near_misses(results), rare=("/matches/placement/removed_text", "/listed/"))
    assert all(result["near_misses"] == result["turned_down"] for result in results)
    (trace,) = small_case.objects("trace", files / "crop.jpg", "--json", *FAST)
    (shown,) = examples("`trace`")
    keys = [path.replace("/matches", "", 1) for path in key_paths(examples("`match`")) if path.startswith("/matches/")]
    documented = set(key_paths(shown)) | {f"/matches{path}" for path in keys if not path.startswith("/segments/")}
    assert set(key_paths(without_near_misses([trace]))) | {"/matches/placement/removed_text/text"} <= documented | {
        f"/matches/placement/removed_text/{key}" for key in ("text", "box", "confidence")
    }
    assert {"first_seen", "extent", "sightings"} <= trace["matches"][0].keys() and "source" in trace


def without_near_misses(results: list[Any]) -> list[Any]:
    return [result | {"near_misses": [], "turned_down": [], "text": []} for result in results]


def test_match_keys_are_explained() -> None:
    (table,) = tables(sections(read(DOCUMENT))["`match`"])
    explained = {span for row in table for span in re.findall(r"`([^`]+)`", row["key"])}
    keys = {path.rsplit("/", 1)[-1] for path in key_paths(examples("`match`"))}
    assert explained <= keys


def test_sightings_are_those_of_the_example_sidecars(small_case: SmallCase) -> None:
    sightings = {
        Path(sighting["uri"]).name: sighting
        for asset in small_case.objects("export", "jsonl")
        for sighting in asset["sightings"]
    }
    assert (sightings["photo.jpg"]["account"], sightings["photo.jpg"]["platform"]) == ("sample_user88", "weibo")
    assert (
        sightings["photo.jpg"]["posted_at"] == "2021-05-03T08:12:00Z"
        and sightings["photo.jpg"]["source"] == "gallery-dl: photo.jpg.json"
    )
    assert sightings["clip.mp4"] == sightings["clip.mp4"] | {
        "account": "channel_1",
        "views": 1200,
        "source": "yt-dlp: clip.info.json",
    }
    assert sightings["crop.jpg"] == sightings["crop.jpg"] | {
        "account": "truth_daily_news",
        "source": "csv: sightings.csv",
    }
    (table, *_) = tables(sections(read(DOCUMENT))["`trace`"])
    assert {span for row in table for span in re.findall(r"`([^`]+)`", row["key"])} == sightings["photo.jpg"].keys()


def test_cluster_keys_equal_the_example(small_case: SmallCase) -> None:
    check_keys(examples("`cluster`"), small_case.objects("cluster", "--json"))


def test_transcribe_keys_equal_the_example(small_case: SmallCase) -> None:
    real = small_case.objects("transcribe", small_case.folder / "files" / "talk.wav", "--json")
    assert real[0]["segments"]
    check_keys(examples("`transcribe`"), real, rare=("/hints/", "/segments/words/"))
    assert examples("`transcribe`")[0]["hints"][0].keys() == {field.name for field in fields(SpeechHint)}


def test_search_keys_equal_the_example(small_case: SmallCase) -> None:
    check_keys(examples("`search`"), small_case.objects("search", "president", "--json"))


def test_errors_keys_equal_the_example(small_case: SmallCase) -> None:
    check_keys(examples("`errors`"), small_case.objects("errors", "--json"))


def test_verify_keys_equal_the_example(small_case: SmallCase) -> None:
    status, _ = small_case.run("verify", "--json")
    assert status == 0
    check_keys(examples("`verify`"), small_case.objects("verify", "--json"))


def test_migrate_keys_equal_the_example(small_case: SmallCase) -> None:
    check_keys(examples("`migrate`"), small_case.objects("migrate", "--json"), rare=("/moved/",))


def test_relate_keys_equal_the_example(small_case: SmallCase) -> None:
    check_keys(examples("`relate`"), small_case.objects("relate", "--json"))


def test_models_list_keys_equal_the_example(small_case: SmallCase) -> None:
    check_keys(examples("`models list`"), small_case.objects("models", "list", "--json"))


def test_export_jsonl_keys_equal_the_example(small_case: SmallCase) -> None:
    real = small_case.objects("export", "jsonl")
    check_keys(examples("`export jsonl`"), real, rare=("/text/", "/transcript/segments/words/"))
    text = sections(read(DOCUMENT))["`export jsonl`"]
    assert {key for asset in real for key in asset["properties"]} <= set(re.findall(r"`(\w+)`", text))


def test_export_matches_keys_equal_the_example(small_case: SmallCase) -> None:
    check_keys(examples("`export matches`"), small_case.objects("export", "matches"))


def test_account_timeline_and_coshare_keys_equal_the_examples(small_case: SmallCase) -> None:
    rare = ("/names/", "/shared_with/")
    check_keys(examples("`accounts`"), small_case.objects("accounts", "--json"), rare=rare)
    check_keys(examples("`timeline`"), small_case.objects("timeline", "--json"))
    window = ("--all", "--window", "1e9")
    check_keys(examples("`coshare`"), small_case.objects("coshare", "--json", *window))


def test_decision_keys_equal_the_examples(small_case: SmallCase) -> None:
    files = small_case.folder / "files"
    pair = (files / "photo.jpg", files / "crop.jpg")
    made = small_case.objects("decide", "unsure", *pair, "--note", "x", "--json")
    current, history = examples("`decisions`")
    check_keys(examples("`decide`"), made)
    check_keys([current], small_case.objects("decisions", "--json"))
    check_keys([history], small_case.objects("decisions", "--history", "--json"))
    (answer,) = small_case.objects("match", files / "photo.jpg", "--json", *FAST)
    decision = next(match["decision"] for match in answer["matches"] if match["decision"])
    (table, *_) = tables(sections(read(DOCUMENT))["`match`"])
    stated = next(row["meaning"] for row in table if row["key"] == "`decision`")
    assert set(re.findall(r'"(\w+)"', stated)) == decision.keys()
    small_case.run("decide", "unsure", *pair, "--undo")
    assert small_case.objects("decisions", "--json") == []


def test_calibration_keys_equal_the_example() -> None:
    errors = FitErrors(log_loss=1, brier=1, calibration_error=1, false_positives=1, false_negatives=1)
    fit = FamilyFit(family="images", confirmed=1, rejected=1, sources=1, before=errors, after=errors)
    check_keys(examples("`calibrate`"), [jsonl.family_fit_to_json(fit)])


def test_watch_keys_equal_the_examples(small_case: SmallCase, tmp_path: Path) -> None:
    shutil.copytree(small_case.folder / "case", tmp_path / "case")
    watched = SmallCase(folder=tmp_path)
    added, listed, checked = examples("`watch add`, `watch list`, `watch check`")
    check_keys([added], watched.objects("watch", "add", small_case.folder / "files" / "photo.jpg", "--json"))
    watched.run("watch", "add", "@nobody", "--name", "words")
    check_keys([listed], watched.objects("watch", "list", "--json"))
    check_keys([checked], watched.objects("watch", "check", "--all", "--json"))


def test_forget_keys_equal_the_example(small_case: SmallCase, tmp_path: Path) -> None:
    shutil.copytree(small_case.folder / "case", tmp_path / "case")
    copy = SmallCase(folder=tmp_path)
    check_keys(examples("`forget`"), copy.objects("forget", small_case.folder / "files" / "photo.jpg", "--json"))


def test_import_hashes_keys_equal_the_examples_and_match_names_the_list(small_case: SmallCase, tmp_path: Path) -> None:
    shutil.copytree(small_case.folder / "case", tmp_path / "case")
    copied = SmallCase(folder=tmp_path)
    (tmp_path / "hashes.txt").write_text(small_case.run("export", "hashes")[1] + "nothing\n")
    imported, shown = examples("`import-hashes`")
    check_keys([imported], copied.objects("import-hashes", tmp_path / "hashes.txt", "--json"))
    lists = copied.objects("import-hashes", "--show", "--json")
    assert [one.keys() for one in lists] == [shown.keys()]
    query = tmp_path / "again.jpg"
    Image.open(small_case.folder / "files" / "photo.jpg").save(query, quality=70)
    (result,) = copied.objects("match", query, "--json", *FAST)
    hits = {(hit["list"], hit["algorithm"]) for hit in result["listed"]}
    assert hits == {("hashes", "pdq"), ("hashes", "phash"), ("hashes", "dhash")}
    clip = tmp_path / "longer.mp4"
    clip.write_bytes((small_case.folder / "files" / "clip.mp4").read_bytes() + b"\0" * 8)
    (result,) = copied.objects("match", clip, "--json", *FAST)
    assert ("hashes", "pdq") in {(hit["list"], hit["algorithm"]) for hit in result["listed"]}


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "csv"),
        ("errors", "--csv"),
        ("decisions", "--history", "--csv"),
        ("export", "matches", "--csv"),
        ("export", "coshare", "--window", "1e9"),
        ("export", "hashes", "--csv"),
    ],
    ids=" ".join,
)
def test_csv_columns_equal_the_example(small_case: SmallCase, arguments: tuple[str, ...]) -> None:
    if "decisions" in arguments:
        pair = [small_case.folder / "files" / name for name in ("photo.jpg", "crop.jpg")]
        for undo in ([], ["--undo"]):
            small_case.run("decide", "unsure", *pair, *undo)
    header, *rows = csv.reader(io.StringIO(small_case.run(*arguments)[1].lstrip("\ufeff")))
    assert rows
    shown = [block.strip().split(",") for block in code_blocks(sections(read(DOCUMENT))["CSV"])]
    name = arguments["export" in arguments]
    assert shown[("csv", "errors", "decisions", "matches", "coshare", "hashes").index(name)] == header


def test_list_of_misreadings_loads(tmp_path: Path) -> None:
    (example,) = code_blocks(sections(read(DOCUMENT))["List of misreadings"], "toml")
    (tmp_path / "list.toml").write_text(example)
    (misreading,) = load_misreadings(tmp_path / "list.toml")
    assert misreading.heard == ("us",)


def test_custody_log_program_confirms_the_chain(
    small_case: SmallCase, inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = code_blocks(sections(read(DOCUMENT))["Custody log"], "python")
    exec(compile(program, "formats.md", "exec"), {})
    (verified,) = small_case.objects("verify", "--json")
    assert capsys.readouterr().out.strip() == verified["log"]["seal"]


def test_custody_log_entries_are_listed_with_their_keys(small_case: SmallCase) -> None:
    (table,) = tables(sections(read(DOCUMENT))["Custody log"])
    documented = {row["`what`"].strip("`"): set(re.findall(r"`(\w+)`", row["keys of `details`"])) for row in table}
    database = sqlite3.connect(small_case.folder / "case" / "case.sqlite")
    assert documented.keys() == set(get_args(LogKind))
    entries = [(what, json.loads(details)) for what, details in database.execute("SELECT what, details FROM log")]
    database.close()
    assert {"ingest", "added", "sighted", "read", "transcribed", "failed", "ingested"} <= {what for what, _ in entries}
    for what, details in entries:
        assert documented[what] in (details.keys(), set()), what
