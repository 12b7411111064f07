"""Files of hashes: the forms that other tools write, and lines that cannot be used."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mediafp.ingest import hash_files
from mediafp.ingest.hash_files import read_hash_file
from mediafp.types.errors import UsageError
from mediafp.types.hashes import HashAlgorithm, ListedHash

PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
OTHER = "d8f8f0cec0f4a84f0637022a278f67f0b36e2ed596621e1d33e6339c4e9c9b22"
PHASH = "ffd7918181c9ffff"
SHA256 = "ab" * 32


def read(folder: Path, text: str | bytes, algorithm: HashAlgorithm | None = None) -> tuple[list[ListedHash], list[str]]:
    file = folder / "hashes.txt"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    skipped: list[str] = []
    return list(read_hash_file(file, skipped.append, algorithm=algorithm)), skipped


def pdq(digits: str, label: str = "") -> ListedHash:
    return ListedHash(algorithm="pdq", hash=bytes.fromhex(digits), label=label)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (f"{PDQ}\n", ""),
        (f"pdq {PDQ}\n", ""),
        (f"pdq:{PDQ.upper()} a label\n", "a label"),
        (f"\ufeff{PDQ}\r\n", ""),
        (f"{PDQ},100,../data/bridge.jpg\n", "../data/bridge.jpg"),
        (f"hash={PDQ},norm=128,delta=0,quality=100,filename=bridge.jpg\n", "bridge.jpg"),
        (f"12,100,{PDQ},0.400\n", ""),
        (f'["{PDQ},100,0.000","{OTHER},49,1.000"]', ""),
        (f'vpdq ["{PDQ},100,0.000"]\n', ""),
        (json.dumps({"0": {"quality": 99, "hash": PDQ, "timestamp": 0.1}}), ""),
        (json.dumps({"type": "HASH_PDQ", "indicator": PDQ, "tags": ["a", "b"]}) + "\n", "a b"),
        (json.dumps({"data": [{"type": "HASH_PDQ", "indicator": PDQ, "description": "é"}]}, indent=1), "é"),
        (json.dumps([{"type": "HASH_VIDEO_VPDQ", "indicator": f'["{PDQ},100,0.0"]'}], indent=1), ""),
        (f"hash;quality;label\n{PDQ};80;甲\n", "甲"),
        (f'name,pdq\n"a, b",{PDQ}\n', "a, b"),
        (f"algorithm\thash\tname\npdq\t{PDQ}\tx\n", "x"),
        (f"# a comment\n\n{PDQ}\n", ""),
    ],
)
def test_forms_of_other_tools_give_the_hash_and_its_label(tmp_path: Path, text: str, label: str) -> None:
    assert read(tmp_path, text) == ([pdq(PDQ, label)], [])


def test_every_hash_of_a_row_is_read_with_its_algorithm(tmp_path: Path) -> None:
    found, skipped = read(tmp_path, f"file,pdq,phash,sha256\na.jpg,{PDQ},{PHASH},{SHA256}\nb.jpg,,{PHASH},\n")
    assert [(one.label, one.algorithm) for one in found] == [
        ("a.jpg", "pdq"),
        ("a.jpg", "phash"),
        ("a.jpg", "sha256"),
        ("b.jpg", "phash"),
    ]
    assert not skipped


def test_lines_of_imagehash_need_their_algorithm(tmp_path: Path) -> None:
    import imagehash

    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    text = "".join(f"{hash}\n" for hash in (imagehash.phash(image), imagehash.phash(image.rotate(90))))
    found, skipped = read(tmp_path, text, "phash")
    assert [str(imagehash.hex_to_hash(one.hash.hex())) for one in found] == text.split()
    assert {one.algorithm for one in found} == {"phash"} and not skipped
    found, skipped = read(tmp_path, text)
    assert not found
    assert skipped == [f"line {n}: 16 digits are a pHash or a dHash; state which with --algorithm" for n in (1, 2)]


def test_unusable_lines_are_named_and_the_others_read(tmp_path: Path) -> None:
    lines = ("nothing", PDQ, PDQ[:-1], f"phash:{PDQ}", "pdq:", "x" * 100, f"{OTHER},49", OTHER)
    found, skipped = read(tmp_path, "\n".join(lines).encode() + b"\n\xff\xfe\n")
    assert found == [pdq(PDQ), pdq(OTHER)]
    assert [text.split(":")[0] for text in skipped] == [f"line {n}" for n in (1, 3, 4, 5, 6, 7, 9)]
    assert skipped[5] == "line 7: its quality is 49, and PDQ is not used below 50"


def test_unusable_entries_of_json_and_tables_are_named(tmp_path: Path) -> None:
    found, skipped = read(
        tmp_path, json.dumps([{"type": "HASH_MD5", "indicator": "x"}, 7, {"hash": PDQ}, {}], indent=1)
    )
    assert found == [pdq(PDQ)]
    assert [text.split(":")[0] for text in skipped] == [f"the file, entry {n}" for n in (1, 2, 4)]
    found, skipped = read(tmp_path, f"phash:{'0' * 16}\npdq:{'f' * 63}0\nphash:{PHASH}\n")
    assert [text.split(":")[0] for text in skipped] == ["line 1", "line 2"] and len(found) == 1
    found, skipped = read(tmp_path, f"hash,quality\n{PDQ},many\n{PDQ},90\n,\n")
    assert found == [pdq(PDQ)]
    assert skipped == ["line 2: its quality is 'many'"]
    found, skipped = read(tmp_path, f'{{"hash": "{PDQ}"}}\n{{"hash": \n{{"hash": "{OTHER}"}}\n')
    assert found == [pdq(PDQ), pdq(OTHER)] and skipped[0].startswith("line 2: it is no valid JSON")


@pytest.mark.parametrize("text", ["{" * 100_000, "[" * 100_000, '{"hash": '])
def test_files_of_invalid_json_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="it is no valid JSON"):
        read(tmp_path, text)


def test_files_that_are_missing_or_too_large_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for missing in (tmp_path / "none.txt", tmp_path, Path("a\0b")):
        with pytest.raises(UsageError, match="cannot import"):
            list(read_hash_file(missing, print))
    monkeypatch.setattr(hash_files, "MAX_HASH_JSON_BYTES", 10)
    with pytest.raises(UsageError, match="write one object in a line"):
        read(tmp_path, json.dumps([{"hash": PDQ}], indent=1))
    monkeypatch.setattr(hash_files, "MAX_HASH_FILE_BYTES", 10)
    with pytest.raises(UsageError, match="split it"):
        read(tmp_path, PDQ)
