"""Decisions of persons: a rejected pair is in no output of any command, and every change has a trace."""

import csv
import hashlib
import io
import json
import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ingest_records import add_records
from linked_stores import image_record, keep, link, linked_store
from PIL import Image
from typer.testing import CliRunner

import mediafp
from mediafp import AnalysisOptions, Case, DecisionConflict, IngestOptions, UsageError
from mediafp.case import decided_pairs
from mediafp.cli.app import app
from mediafp.report import jsonl
from mediafp.types.matches import Match

FAST = IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False))
NAMES = ("photo", "crop", "other", "small", "temple")


def no_engine() -> None:
    pytest.fail("a file was analysed")


@pytest.fixture(scope="module")
def files(photos: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photograph, three edits of it, another photograph, who posted each, and a query that is not ingested."""
    folder = tmp_path_factory.mktemp("decided")
    (folder / "files").mkdir()
    photo = Image.fromarray(photos["cat"])
    edits = {
        "photo": photo,
        "crop": photo.crop((40, 10, photo.width - 60, photo.height - 50)),
        "other": photo.crop((60, 30, photo.width - 10, photo.height - 20)),
        "small": photo.resize((photo.width * 2 // 3, photo.height * 2 // 3)),
        "temple": Image.fromarray(photos["temple"]),
    }
    for name, image in edits.items():
        image.save(folder / "files" / f"{name}.png")
    photo.crop((20, 20, photo.width - 20, photo.height - 20)).save(folder / "query.png")
    lines = [f"{name}.png,u{n},twitter,2024-01-0{n + 1}T00:00:00Z" for n, name in enumerate(NAMES)]
    (folder / "files" / "posts.csv").write_text("\n".join(["filename,account,platform,posted_at", *lines]))
    with mediafp.open(folder / "case", create=True) as case:
        assert [one.status for one in case.ingest(folder / "files", FAST)].count("added") == len(NAMES)
        case.relate()
    return folder


@pytest.fixture(scope="module")
def opened(files: Path) -> Iterator[Case]:
    """The case of these files, whose workers start once."""
    with mediafp.open(files / "case") as case:
        yield case


@pytest.fixture
def ingested(opened: Case) -> Case:
    """The case, in which nothing is decided."""
    for decision in opened.decisions():
        opened.undo_decision(decision.a, decision.b, decision.subject, replaces=decision.decided_at)
    return opened


def run(files: Path, *arguments: object) -> str:
    """Return the standard output of a command."""
    result = CliRunner().invoke(app, ["--store", str(files / "case"), *map(str, arguments)])
    assert result.exit_code in (0, 1), (arguments, result.output)
    return result.stdout


def objects(files: Path, *arguments: object) -> list[Any]:
    return [json.loads(line) for line in run(files, *arguments).splitlines()]


def shown_pairs(files: Path, case: Case) -> dict[str, set[frozenset[str]]]:
    """Return the pairs of assets that each command joins; `case` is the case of the files, whose workers run."""
    found: dict[str, set[frozenset[str]]] = {}
    paths = [*sorted((files / "files").glob("*.png")), files / "query.png"]
    results = [jsonl.result_to_json(result) for result in case.match(paths, ocr=False)]
    traces = [jsonl.trace_to_json(trace) for trace in case.trace(files / "query.png", ocr=False)]
    for command, answers in (("match", results), ("trace", traces)):
        found[command] = {
            frozenset((one["sha256"], match["sha256"]))
            for one in answers
            for match in (*one["matches"], *one["near_misses"])
        }
    (clustering,) = objects(files, "cluster", "--json")
    found["cluster"] = {
        frozenset(pair)
        for one in clustering["clusters"]
        for pair in combinations((own["sha256"] for own in one["members"]), 2)
    }
    found["edges"] = {frozenset((e["a"], e["b"])) for one in clustering["clusters"] for e in one["edges"]}
    found["export"] = {frozenset((one["a"], one["b"])) for one in objects(files, "export", "matches")}
    rows = csv.DictReader(io.StringIO(run(files, "export", "matches", "--csv").lstrip("\ufeff")))
    found["csv"] = {frozenset((row["a"], row["b"])) for row in rows}
    for name in ("accounts", "timeline"):
        found[name] = set()
    owner = {one["account"]: one["sha256"] for one in objects(files, "timeline", "--json")}
    found["accounts"] = {
        frozenset((owner[one["key"]], owner[other["account"]]))
        for one in objects(files, "accounts", "--json")
        for other in one["shared_with"]
    }
    found["coshare"] = {
        frozenset((owner[one["a"]], owner[one["b"]]))
        for one in objects(files, "coshare", "--json", "--all", "--window", "1e7")
    }
    for one in clustering["clusters"]:
        events = objects(files, "timeline", one["id"], "--json")
        found["timeline"] |= {frozenset(pair) for pair in combinations({event["sha256"] for event in events}, 2)}
    # The results that the report shows.
    results_of_report = [(result, match) for result in case.pairwise_results() for match in result.matches]
    found["report"] = {frozenset((result.sha256 or "", match.sha256)) for result, match in results_of_report}
    found["kept"] = {frozenset(one.pair) for one in case.kept_matches()}
    found["queue"] = {frozenset((one.a, one.b)) for one in case.review_queue(clustering=case.cluster()).items}
    return found


def test_rejected_pair_is_in_no_output_of_any_command(files: Path, ingested: Case) -> None:
    everywhere = shown_pairs(files, ingested)
    sha = {name: file_sha256(files / "files" / f"{name}.png") for name in NAMES}
    query = file_sha256(files / "query.png")
    known = frozenset((sha["photo"], sha["crop"]))
    assert all(known in pairs for name, pairs in everywhere.items() if name not in ("queue", "trace")), everywhere
    assert all(frozenset((query, sha["small"])) in everywhere[name] for name in ("match", "trace"))
    rng = random.Random(7)
    pairs = [known, frozenset((query, sha["small"])), frozenset((query, sha["photo"]))]
    pairs += rng.sample(sorted(everywhere["kept"] - {known}, key=sorted), 2)
    for pair in pairs:
        run(files, "decide", "reject", *sorted(pair), "--note", "seen")
    after = shown_pairs(files, ingested)
    for name, shown in after.items():
        assert not shown.intersection(pairs), name
    listed = objects(files, "decisions", "--json")
    assert {frozenset((one["a"], one["b"])) for one in listed} == set(pairs)
    assert {(one["decision"], one["note"]) for one in listed} == {("reject", "seen")}
    for pair in pairs:
        run(files, "decide", "reject", *sorted(pair), "--undo")
    assert shown_pairs(files, ingested) == everywhere
    assert ingested.verify().problems == ()


def test_report_shows_a_group_that_a_decision_alone_made(files: Path, ingested: Case, tmp_path: Path) -> None:
    ingested.cluster()
    sha256 = file_sha256(files / "files" / "temple.png")
    (cluster,) = ingested.cluster().clusters
    for own in cluster.members[1:]:
        ingested.decide("reject", cluster.members[0].sha256, own.sha256)
    ingested.decide("confirm", cluster.members[0].sha256, sha256, subject="group")
    made = next(one for one in ingested.cluster().clusters if not one.edges)
    assert {own.sha256 for own in made.members} == {cluster.members[0].sha256, sha256}
    assert (made.weakest_link, made.weakest_pair) == (1.0, None)
    ingested.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert f'class="group" id="{made.id}"' in page and "joined by decisions" in page


def file_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_confirmed_match_says_so_and_keeps_its_probability(files: Path, ingested: Case) -> None:
    def crop_of(path: Path) -> Match:
        (result,) = ingested.match(path, ocr=False)
        return next(match for match in result.matches if match.uris[0].endswith("crop.png"))

    for path in (files / "files" / "photo.png", files / "query.png"):
        before = crop_of(path)
        made = ingested.decide("confirm", path, files / "files" / "crop.png", note="same")
        match = crop_of(path)
        assert match.decision == made and match.probability == before.probability
        assert match.why == (*before.why, f"confirmed by {made.decided_by} on {made.decided_at[:10]}")
    line = jsonl.result_to_json(next(ingested.match(files / "query.png", ocr=False)))
    stated = next(one["decision"] for one in line["matches"] if one["uris"][0].endswith("crop.png"))
    assert stated == {name: getattr(made, name) for name in ("decision", "note", "decided_by", "decided_at")}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Case]:
    """A case of three images, two of which match."""
    with Case(linked_store(tmp_path / "store", "abc", {"ab": 0.9}), no_engine) as case:  # type: ignore[arg-type]
        yield case


A, B, C = (name * 64 for name in "abc")


def test_pair_is_named_by_hash_path_in_the_store_or_file(small: Case, tmp_path: Path) -> None:
    (tmp_path / "query.jpg").write_bytes(b"a query")
    query = hashlib.sha256(b"a query").hexdigest()
    assert small.decide("reject", "/dump/b.jpg", A.upper()).key == ("match", A, B)
    assert small.decide("unsure", tmp_path / "query.jpg", "/dump/a.jpg").key == ("match", *sorted((A, query)))
    wrong = ((A, A), ("/dump/b.jpg", B), (A, "no such file"), ("f" * 64, "e" * 64))
    for pair in wrong:
        with pytest.raises(UsageError, match=r"^cannot decide on "):
            small.decide("reject", *pair)
    with pytest.raises(UsageError, match="does not contain"):
        small.decide("confirm", A, query, subject="group")
    with pytest.raises(UsageError, match="none of"):
        small.decide("maybe", A, B)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="limit"):
        small.decide("reject", A, B, note="x" * 10_001)
    with pytest.raises(UsageError, match="there is none"):
        small.undo_decision(A, C)


def test_path_with_several_contents_is_asked_for_by_hash(small: Case) -> None:
    record = image_record("d")
    add_records(small._store, record)
    moved = image_record("e").sightings[0]
    with small._store.writing():
        small._store.add_record(image_record("e"))
        small._store.move_sightings(moved.sha256, moved.uri, record.sightings[0].uri)
    with pytest.raises(UsageError, match="had 2 contents"):
        small.decide("reject", record.sightings[0].uri, A)


def test_later_person_is_told_and_nothing_is_overwritten(small: Case) -> None:
    first = small.decide("confirm", A, B, note="mine", decided_by="Ann")
    for replaces in ("own", None, "2020-01-01T00:00:00.000000Z"):
        with pytest.raises(DecisionConflict, match=r"confirmed by Ann on .*mine") as raised:
            small.decide("reject", A, B, decided_by="Bo", replaces=replaces)
        assert raised.value.standing == first
    with pytest.raises(DecisionConflict):
        small.undo_decision(A, B, decided_by="Bo")
    with pytest.raises(DecisionConflict):
        small.undo_decision(A, B, decision="reject", decided_by="Ann")
    second = small.decide("reject", A, B, decided_by="Bo", replaces=first.decided_at)
    with pytest.raises(DecisionConflict, match="rejected by Bo"):
        small.decide("unsure", A, B, decided_by="Ann", replaces=first.decided_at)
    assert small.undo_decision(A, B, decided_by="Bo") == second
    # Own decisions are replaced without more ado.
    small.decide("unsure", A, B, decided_by="Ann")
    small.undo_decision(A, B, decided_by="Ann")
    small.undo_decision(A, B, decided_by="Ann")
    assert small.decisions() == []
    with pytest.raises(DecisionConflict, match="taken back"):
        small.decide("reject", A, B, replaces=first.decided_at)
    events = [(one.what, one.decision.decision, one.by) for one in small.decision_history()]
    assert events == [
        ("decided", "confirm", "Ann"),
        ("decided", "reject", "Bo"),
        ("undecided", "reject", "Bo"),
        ("decided", "confirm", "Bo"),
        ("decided", "unsure", "Ann"),
        ("undecided", "unsure", "Ann"),
        ("decided", "confirm", "Ann"),
        ("undecided", "confirm", "Ann"),
    ]


def test_undoing_goes_back_through_a_bounded_number_of_decisions(small: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decided_pairs, "MAX_EARLIER", 2)
    for number in range(6):
        small.decide("reject" if number % 2 else "confirm", A, B, note=str(number))
    assert [small.undo_decision(A, B).note for _ in range(3)] == ["5", "4", "3"]
    assert small.decisions() == [] and len(list(small.decision_history())) == 11


def test_of_many_who_decide_at_once_one_is_first_and_the_others_are_told(small: Case) -> None:
    outcomes: list[str] = []

    def decide(name: str) -> None:
        try:
            small.decide("reject", A, B, decided_by=name, replaces=None)
            outcomes.append("done")
        except DecisionConflict:
            outcomes.append("told")

    threads = [threading.Thread(target=decide, args=(str(n),)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", *["told"] * 5]
    assert len(small.decisions()) == 1 == len(list(small.decision_history()))


def test_decision_keeps_what_was_matched_when_a_file_is_forgotten(small: Case) -> None:
    assert [one.probability for one in small.decide("reject", A, B).evidence] == [0.9]
    small.forget(A)
    small.forget(B)
    assert [one.probability for one in small.decisions()[0].evidence] == [0.9]
    add_records(small._store, image_record("b"), image_record("a"))
    keep(small._store, link("b", "a"))
    assert list(small.kept_matches()) == [] and small.cluster().clusters == ()
    small.undo_decision(A, B)
    assert len(list(small.kept_matches())) == 1


def test_rejected_iteration_vanishes_and_confirmed_one_is_a_reason(tmp_path: Path) -> None:
    with Case(linked_store(tmp_path / "s", "a", {}), no_engine) as case:  # type: ignore[arg-type]
        times = {"b": "2020-01-01", "c": "2021-01-01", "d": "2022-01-01"}
        add_records(case._store, *(image_record(name, f"u{name}", at) for name, at in times.items()))
        keep(case._store)

        def lines() -> dict[str, str | None]:
            return {one.key: one.iteration_of for one in case.accounts() if one.account != "某人"}

        assert set(lines().values()) == {None}
        made = case.decide("confirm", "ub", "@UC", subject="iteration")
        assert made.key == ("iteration", "ub", "uc")
        assert lines() == {"ub": "ub", "uc": "ub", "ud": None}
        reasons = {one.key: one.iteration_because for one in case.accounts()}
        assert reasons["uc"] == (made.sentence,)
        assert case.review_queue(accounts=case.accounts()).items == ()
        waiting = [replace(one, iteration_of="ub", iteration=n) for n, one in enumerate(case.accounts()) if n]
        assert [(one.a, one.b, one.why[0]) for one in case.review_queue(accounts=waiting).items] == [
            ("uc", "ud", "ud began later")
        ]
        case.decide("confirm", "uc", "ud", subject="iteration")
        assert set(lines().values()) == {"ub"}
        # The line is cut between both; of three, at the longest gap.
        case.decide("reject", "ub", "ud", subject="iteration")
        assert lines() in ({"ub": "ub", "uc": "ub", "ud": None}, {"ub": None, "uc": "uc", "ud": "uc"})
        case.decide("reject", "ub", "uc", subject="iteration")
        assert lines() == {"ub": None, "uc": "uc", "ud": "uc"}
        with pytest.raises(UsageError, match="none of this name"):
            case.decide("reject", "ub", "nobody", subject="iteration")


def test_command_says_what_was_decided_and_lists_it_safely(small: Case) -> None:
    def command(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["--store", str(small.folder), *arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            return 2, str(result.exception)
        return result.exit_code, result.stdout

    note = '=HYPERLINK("x")\n\u202e'
    assert command("decisions") == (0, "nothing was decided\n")
    assert command("decide", "reject", A, B, "--note", note, "--by", "Ann")[0] == 0
    status, printed = command("decide", "confirm", A, B, "--by", "Bo")
    assert status == 2 and "rejected by Ann" in printed and "--replaces" in printed
    standing = json.loads(command("decisions", "--json")[1])
    assert standing["note"] == note and standing["matches"] == [
        {"relation": "copy", "verdict": "copy", "probability": 0.9}
    ]
    status, printed = command("decide", "confirm", A, B, "--by", "Bo", "--replaces", standing["decided_at"], "--json")
    assert status == 0 and json.loads(printed)["decision"] == "confirm"
    assert command("decide", "reject", A, B, "--undo", "--by", "Bo")[0] == 2
    assert command("decide", "confirm", A, B, "--undo", "--by", "Bo")[0] == 0
    assert "\u202e" not in command("decisions")[1]
    header, row = csv.reader(io.StringIO(command("decisions", "--csv")[1].lstrip("\ufeff")))
    assert row[header.index("note")].startswith("'=HYPERLINK")
    events = [json.loads(line) for line in command("decisions", "--history", "--json")[1].splitlines()]
    assert [(one["what"], one["by"]) for one in events] == [
        ("decided", "Ann"), ("decided", "Bo"), ("undecided", "Bo"), ("decided", "Bo"),
    ]  # fmt: skip
    assert len(command("decisions", "--history", "--csv")[1].strip().splitlines()) >= 5
    assert command("decisions", "--history")[1].count("taken back by Bo") == 1
