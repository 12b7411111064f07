"""A case in which every text that a file can bring tries to become markup, a template, a formula, or a change of direction."""

from dataclasses import replace
from pathlib import Path

from published_case import MARK, PublishedCase, build_case, save_matches
from transcripts import save_transcribed_asset

from mediafp.ingest.path_uri import path_uri
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.matches import OcrResult
from mediafp.types.sightings import Sighting
from mediafp.types.transcripts import Transcript, TranscriptSegment

MARKUP = "<b data-hostile>x</b><script>ran()</script><img src=x onerror=ran()>"
"""Elements; none of them may come into being."""
TEMPLATE = "a{{7*7}}z"
"""A template, whose result is `a49z`."""
HOSTILE = f"=cmd|' /C calc'!A0 {MARKUP} {TEMPLATE} \"q' onfocus=ran() \u202egpj.exe\u2066\u200b\x1b[31m"
"""All of it: a formula, markup, a template, quotes, overrides of direction, invisible characters, an escape sequence."""
NAMES = (
    b"=1+1 <b data-hostile>.jpg",
    b"a{{7*7}}z \"q'\nnew line.jpg",
    b"bad\xff\xfe<img src=x onerror=ran()>.jpg",
    "\u202egpj.exe \u2067<script>ran()</script>".encode(),
    b"../../etc/passwd\x1b[2J\x7f.mp4",
)
"""Names of files."""
WORD = "harbour"
"""Word by which a search finds them."""
SPOKEN = "e" * 64
"""SHA-256 of a video with a hostile transcript."""


def build_hostile_case(folder: Path) -> PublishedCase:
    """Return a case like that of the publications, whose sightings and texts are hostile."""
    case = build_case(folder)
    names = (case.photo, case.copy, case.doubtful, case.video, case.repost)
    with SqliteStore(case.store) as store:
        with store.writing():
            for number, (sha256, name) in enumerate(zip(names, NAMES, strict=True)):
                seen = Sighting(
                    sha256=sha256,
                    uri=path_uri(Path("/dump", *name.decode("utf-8", "surrogateescape").split("/"))),
                    platform=HOSTILE,
                    account=HOSTILE if number % 2 else f"+{HOSTILE}",
                    account_id=HOSTILE,
                    account_name=f"@{HOSTILE}",
                    url=f"javascript:ran()//{number}",
                    post_id=HOSTILE,
                    posted_at=f"2020-01-0{number + 1}",
                    removed_at="2020-02-01" if number else None,
                    title=f"{WORD} {HOSTILE}" if number % 2 else None,
                    text=f"{WORD} {HOSTILE}",
                    source=f"{HOSTILE}.json",
                )
                store.save_sightings([seen])
                if sha256 != case.video:
                    store.save_ocr_result(
                        sha256, OcrResult(version="1", lines=(replace(MARK, text=f"{WORD} @own {HOSTILE}"),))
                    )
        said = TranscriptSegment(start=1, end=9, language="en", language_probability=0.9, text=f"{WORD} {HOSTILE}")
        spoken = Transcript(
            model=HOSTILE, version="1", duration=9, speech_seconds=8, untranscribed_seconds=0, segments=(said,)
        )
        save_transcribed_asset(store, SPOKEN, "spoken<b data-hostile>", "f" * 64, spoken, 1)
    # A new text makes a file one that was not compared.
    save_matches(case.store, {name: getattr(case, name) for name in ("photo", "copy", "doubtful", "video", "repost")})
    return case
