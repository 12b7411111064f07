"""A case for the measurements of the workbench: 10,000 images, 100,000 kept matches, accounts, dates, removals, watches.

    .venv/bin/python scripts/bench/serve_case.py FOLDER STORE [--size 10000] [--matches 100000] [--seed 1]

The images of FOLDER and four edits of each are ingested with OCR, and a case is filled with copies of their records, as
`scale.py` does. Two thirds have a sighting by one of 400 accounts, with a time, a title and now and then a removal. A group of
a tenth of the images and doubtful pairs across the case bring the number of kept matches to what was asked: they repeat the
evidence of true matches. Then come fifty watches, a hundred decisions, and a publication that waits with a hundred cards.
The seals of the custody log state nothing of the repeated matches: `verify` finds them.
"""

import argparse
import random
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from PIL import Image, ImageOps
from scale import FAMILIES, Family, copies, fill, read_families, run, write_edits

import mediafp
from mediafp.store import open_store
from mediafp.types.decisions import DecisionValue
from mediafp.types.publications import Draft
from mediafp.types.runs import IngestRecord

ACCOUNTS = 400
PLATFORMS = ("youtube", "weibo", "tiktok", "x")
GROUP_SHARE = 0.1
"""Share of the images that are in one group."""
PARTNERS_IN_GROUP = 30
"""Pairs of each image of the group; one image is paired with all others."""
WATCHES = 50
DECISIONS = 100
CARDS = 100


def add_sighting(record: IngestRecord, rng: random.Random) -> IngestRecord:
    """Return a record whose sighting states an account, times, and now and then a removal; a third stay as they are."""
    if rng.random() < 1 / 3:
        return record
    year, month, day = rng.randint(2020, 2025), rng.randint(1, 12), rng.randint(1, 28)
    account = rng.randrange(ACCOUNTS)
    seen = replace(
        record.sightings[0],
        platform=PLATFORMS[account % len(PLATFORMS)],
        account=f"account{account}",
        account_id=str(10_000 + account),
        posted_at=f"{year}-{month:02}-{day:02}T10:00:00Z",
        removed_at=f"{year + 1}-{month:02}-{day:02}" if rng.random() < 0.2 else None,
        title=f"港湾 harbour at night, part {rng.randrange(60)}",
        source="sidecar",
    )
    return replace(record, sightings=(seen,))


def seen_copies(families: list[Family], size: int, rng: random.Random) -> Iterator[Family]:
    """Yield the families, then copies of them, with sightings: crops of the first ones have true matches."""
    for family in chain(families, copies(families, size - sum(len(family.records) for family in families))):
        yield replace(family, records=[add_sighting(record, rng) for record in family.records])


def repeat_matches(store: Path, wanted: int, rng: random.Random) -> int:
    """Fill the table of kept matches up to a number, and return it."""
    with closing(sqlite3.connect(store / "case.sqlite")) as connection:
        names = [name for (name,) in connection.execute("SELECT sha256 FROM asset ORDER BY 1")]
        rows = connection.execute("SELECT * FROM kept_match WHERE verdict = 'copy' ORDER BY 1, 2 LIMIT 500").fetchall()
        (number,) = connection.execute("SELECT count(*) FROM kept_match").fetchone()
        group = rng.sample(names, round(GROUP_SHARE * len(names)))
        pairs = {tuple(sorted((group[0], other))) for other in group[1:]}
        for one in group:
            pairs |= {tuple(sorted((one, other))) for other in rng.sample(group, PARTNERS_IN_GROUP) if other != one}
        columns = ", ".join("?" * len(rows[0]))
        insert = f"INSERT OR IGNORE INTO kept_match VALUES ({columns})"
        added = []
        for a, b in sorted(pairs):
            row = rng.choice(rows)
            added.append((a, b, *row[2:7], rng.uniform(0.86, 0.999), *row[8:]))
        while number + len(added) < wanted:
            a, b = sorted(rng.sample(names, 2))
            row = rng.choice(rows)
            added.append((a, b, *row[2:6], "possible", rng.uniform(0.2, 0.6), *row[8:]))
        connection.executemany(insert, added)
        connection.commit()
        (number,) = connection.execute("SELECT count(*) FROM kept_match").fetchone()
    return int(number)


def add_work(store: Path, rng: random.Random) -> None:
    """Add what people leave in a case: watches, decisions, and a publication that is being edited."""
    with mediafp.open(store) as case:
        assets = [record.asset.sha256 for record in islice(case.export_records(), 2_000)]
        for number in range(WATCHES):
            value = (rng.choice(assets), f"@account{number}", f"harbour part {number}")[number % 3]
            case.add_watch(value, name=f"watch {number}")
        pairs = list(islice(case.export_matches(), DECISIONS + CARDS))
        for number, pair in enumerate(pairs[:DECISIONS]):
            decision: DecisionValue = ("confirm", "reject", "unsure")[number % 3]
            case.decide(decision, pair.a, pair.b, note="seen side by side")
        cards = tuple(case.match_card(pair.a, pair.b) for pair in pairs[DECISIONS:])
        case.save_draft(Draft(title="The same images in many places", by="the team", cards=cards))


def make_case(base_store: Path, store: Path, size: int, matches: int, seed: int) -> int:
    """Write a case from the store of the images and their edits, and return the number of its kept matches."""
    rng = random.Random(seed)
    with open_store(store, create=True) as opened:
        fill(opened, seen_copies(read_families(base_store), size, rng))
    number = repeat_matches(store, matches, rng)
    add_work(store, rng)
    return number


def main() -> None:
    """Write the case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("store", type=Path)
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--matches", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    files = [file for file in sorted(options.folder.rglob("*")) if file.suffix.lower() in (".jpg", ".jpeg", ".png")]
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch) / "base"
        base.mkdir()
        for number, file in enumerate(files[:FAMILIES]):
            with Image.open(file) as opened:
                write_edits(ImageOps.contain(opened.convert("RGB"), (1024, 1024)), base, f"{number:03}")
        run(Path(scratch) / "store", "ingest", "--transcribe", "no", base)
        number = make_case(Path(scratch) / "store", options.store, options.size, options.matches, options.seed)
    print(f"{options.size:,} images with {number:,} kept matches")


if __name__ == "__main__":
    main()
