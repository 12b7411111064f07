"""Lists of hashes: their import into a case, the hits of its files, and questions by a hash alone."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from exchange_case import COPY, FLAT, LONE, PHOTO, VIDEO, write_exchange_case
from typer.testing import CliRunner

import mediafp
from mediafp import Case, UsageError
from mediafp.case.hash_query import MAX_HASH_PROBABILITY, hash_probability
from mediafp.cli.app import app
from mediafp.cli.exit_status import ExitStatus
from mediafp.types.hashes import MAX_LISTED_DISTANCE, ListedHit, parse_hash


@pytest.fixture
def case(tmp_path: Path, photos: dict[str, np.ndarray]) -> Iterator[Case]:
    write_exchange_case(tmp_path / "store", photos)
    with mediafp.open(tmp_path / "store") as opened:
        yield opened


def stored(case: Case, sha256: str, algorithm: str, row: int = 0) -> bytes:
    (found,) = (one for one in case.export_hashes() if one.sha256 == sha256)
    return found.rows[algorithm].vectors[row].tobytes()  # type: ignore[index]


def differing(hash: bytes, bits: int) -> str:
    return (int.from_bytes(hash) ^ ((1 << bits) - 1)).to_bytes(len(hash)).hex()


def listed(case: Case, tmp_path: Path, text: str, name: str = "list") -> None:
    (tmp_path / "hashes.txt").write_text(text)
    assert case.import_hashes(tmp_path / "hashes.txt", name).warnings == ()


def test_assets_hit_hashes_within_the_threshold_of_the_algorithm(case: Case, tmp_path: Path) -> None:
    pdq, phash, dhash = (stored(case, PHOTO, algorithm) for algorithm in ("pdq", "phash", "dhash"))
    near = (
        f"pdq:{differing(pdq, 31)} p\nphash:{differing(phash, 6)} h\ndhash:{differing(dhash, 2)} d\nsha256:{PHOTO} s\n"
    )
    listed(case, tmp_path, near)
    assert [(hit.label, hit.algorithm, hit.distance) for hit in case.find_listed(PHOTO)] == [
        ("s", "sha256", 0),
        ("d", "dhash", 2),
        ("h", "phash", 6),
        ("p", "pdq", 31),
    ]
    listed(case, tmp_path, near.replace(differing(pdq, 31), differing(pdq, 32)), "farther")
    assert [hit.list for hit in case.find_listed(PHOTO) if hit.algorithm == "pdq"] == ["list"]
    assert case.find_listed(LONE) == []
    assert {tuple(one.hashes.items()) for one in case.hash_lists()} == {
        (("dhash", 1), ("pdq", 1), ("phash", 1), ("sha256", 1))
    }


def test_videos_hit_by_any_frame_and_flat_images_by_none(case: Case, tmp_path: Path) -> None:
    listed(case, tmp_path, f"pdq:{differing(stored(case, VIDEO, 'pdq', 1), 4)} frame\n")
    assert case.find_listed(VIDEO) == [ListedHit(list="list", label="frame", algorithm="pdq", distance=4)]
    listed(case, tmp_path, f"pdq:{stored(case, FLAT, 'pdq').hex()}\n", "flat")
    assert case.find_listed(FLAT) == []


def test_removed_lists_hit_no_more_and_the_log_says_so(case: Case, tmp_path: Path) -> None:
    listed(case, tmp_path, f"sha256:{PHOTO}\n")
    assert case.remove_hash_list("list") == 1
    assert case.find_listed(PHOTO) == [] and case.hash_lists() == []
    with pytest.raises(UsageError, match="the store contains none of this name"):
        case.remove_hash_list("list")
    entries = [
        (entry.what, dict(entry.details)) for entry in case._store.iter_log() if entry.what in ("listed", "unlisted")
    ]
    path = str(tmp_path / "hashes.txt")
    assert entries == [
        ("listed", {"list": "list", "path": path, "added": 1}),
        ("unlisted", {"list": "list", "removed": 1}),
    ]
    assert case.verify().problems == ()


def test_watched_lists_name_what_hits_them_and_say_if_they_are_gone(case: Case, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the case has no such list"):
        case.add_watch("list", kind="hashes")
    pdq = stored(case, PHOTO, "pdq")
    listed(case, tmp_path, f"pdq:{differing(pdq, 5)} a poster\npdq:{differing(pdq, 9)} another\nsha256:{LONE}\n")
    added = case.add_watch("list")
    assert added.watch.kind == "hashes"
    reasons = {hit.sha256: hit.why for hit in added.older_hits}
    assert reasons[PHOTO] == "5 of 256 bits of the pdq from a hash of the list 'list' (a poster)"
    assert reasons[LONE] == "the same bytes as a hash of the list 'list'" and FLAT not in reasons
    assert [one.problem for one in case.watches()] == [None]
    case.remove_hash_list("list")
    assert "the watched list of hashes was removed" in (case.watches()[0].problem or "")


def test_hash_finds_images_and_frames_and_never_proves_a_copy(case: Case, tmp_path: Path) -> None:
    result = case.match_hash(f"pdq:{differing(stored(case, PHOTO, 'pdq'), 10)}")
    first = result.matches[0]
    assert (first.sha256, first.relation, first.verdict, first.placement) == (PHOTO, "copy", "possible", None)
    assert first.why[0] == "10 of 256 bits of the pdq differ" and first.probability == MAX_HASH_PROBABILITY
    assert {match.sha256 for match in result.matches} <= {PHOTO, COPY} and result.matches[0].sightings
    result = case.match_hash(f"PDQ:{stored(case, VIDEO, 'pdq', 1).hex().upper()}")
    (found,) = result.matches
    assert (found.sha256, found.relation) == (VIDEO, "image_in_video")
    assert [(segment.query, segment.reference) for segment in found.segments] == [(None, (2.0, 4.0))]
    far = case.match_hash(f"pdq:{differing(stored(case, LONE, 'pdq'), 75)}")
    assert far.matches == () and [match.sha256 for match in far.near_misses] == [LONE]
    assert case.match_hash(f"pdq:{differing(stored(case, LONE, 'pdq'), 75)}", min_probability=0.1).matches
    assert case.match_hash(f"phash:{stored(case, FLAT, 'phash').hex()}").matches == ()
    assert case.match_hash(f"pdq:{stored(case, LONE, 'pdq').hex()}", since="2001-01-01").matches
    assert not case.match_hash(f"pdq:{stored(case, LONE, 'pdq').hex()}", since="2999-01-01").matches


def test_sha256_finds_the_file_itself(case: Case, tmp_path: Path) -> None:
    listed(case, tmp_path, f"sha256:{LONE} known\n")
    result = case.match_hash(f"sha256:{LONE}")
    assert [(match.sha256, match.verdict, match.why) for match in result.matches] == [
        (LONE, "copy", ("the bytes are identical",))
    ]
    assert [hit.label for hit in result.listed] == ["known"]
    assert case.match_hash(f"sha256:{'0' * 64}").matches == ()


def test_probability_falls_with_the_distance_and_listed_distances_are_probable() -> None:
    for algorithm in ("pdq", "phash", "dhash"):
        falling = [hash_probability(algorithm, bits) for bits in range(65)]  # type: ignore[arg-type]
        assert falling == sorted(falling, reverse=True) and falling[0] <= MAX_HASH_PROBABILITY
        assert hash_probability(algorithm, MAX_LISTED_DISTANCE[algorithm]) > 0.7  # type: ignore[arg-type, index]


@pytest.mark.parametrize(
    "text", ["", "pdq", "pdq:", "pdq:12", f"md5:{'0' * 32}", f"phash:{'0' * 64}", f"pdq:{'g' * 64}"]
)
def test_texts_that_are_no_hash_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write pdq:HEX, phash:HEX, dhash:HEX or sha256:HEX"):
        parse_hash(text)


def test_commands_import_show_ask_and_remove(case: Case, tmp_path: Path) -> None:
    def run(*arguments: object) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, ["--store", str(case.folder), *map(str, arguments)])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout, done.stderr

    file = tmp_path / os.fsdecode(b"hostile\xff\n name.txt")
    asked = f"pdq:{stored(case, PHOTO, 'pdq').hex()}"
    file.write_text(f"{asked} a\x1b[31m label\nnothing\n")
    code, text, warnings = run("import-hashes", file, "--list", "known", "--json")
    assert (code, json.loads(text)) == (
        ExitStatus.SOME_FAILED,
        {
            "path": str(file),
            "list": "known",
            "added": 1,
            "known": 0,
            "warnings": ["skipped line 2: 'nothing' is no hash"],
        },
    )
    assert "skipped line 2" in warnings and "\\xff\\x0a name.txt" in warnings
    assert json.loads(run("import-hashes", "--show", "--json")[1]) == {"list": "known", "hashes": {"pdq": 1}}
    code, text, _ = run("match", "--hash", asked, "--json")
    shown = json.loads(text)
    assert (code, shown["query"], shown["sha256"], shown["matches"][0]["sha256"]) == (0, asked, None, PHOTO)
    assert shown["listed"] == [{"list": "known", "label": "a\x1b[31m label", "algorithm": "pdq", "distance": 0}]
    code, text, _ = run("match", "--hash", asked)
    assert "listed  on the list 'known' as 'a\\x1b[31m label': pdq, 0 of 256 bits differ" in text
    # A hit on a list is something found, without a match too.
    assert run("match", "--hash", f"pdq:{differing(bytes.fromhex(asked[4:]), 20)}", "--min-probability", "1")[0] == 0
    assert run("import-hashes", "--remove", "known")[1] == "removed the list 'known'; hashes: 1\n"
    assert run("match", "--hash", "dhash:0123456789abcdef")[0] == ExitStatus.NOTHING_FOUND


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import-hashes"], "name one file"),
        (["import-hashes", "--show", "--remove", "x"], "name one file"),
        (["import-hashes", "--show", "--list", "x"], "without a file"),
        (["import-hashes", "none.txt"], "cannot import 'none.txt'"),
        (["match"], "no query is named"),
    ],
)
def test_commands_refuse_what_they_cannot_do(case: Case, arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        raise CliRunner().invoke(app, ["--store", str(case.folder), *arguments]).exception  # type: ignore[misc]
