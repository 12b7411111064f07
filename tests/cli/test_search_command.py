"""The command `search`: how certain the words are that were heard."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from rated_words import rated, said
from transcripts import save_transcribed_asset
from typer.testing import CliRunner

import mediafp
from mediafp.case import search_results
from mediafp.cli.app import app
from mediafp.cli.search import _print_hit
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.transcripts import SearchHit, Transcript

HEARD = {"guess": (0.2, 0.4), "doubtful": (0.9, 0.5), "sure": (0.9, 0.95), None: ()}
"""Probabilities of the two words of each file, by the certainty that they have together."""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    with SqliteStore(folder, create=True) as opened:
        for number, (certainty, probabilities) in enumerate(HEARD.items()):
            segment = said("harbour lights", language="en")
            transcript = Transcript(
                model="m", version="v", duration=9, speech_seconds=4, untranscribed_seconds=0,
                segments=(rated(segment, probabilities) if probabilities else segment,),
            )  # fmt: skip
            save_transcribed_asset(opened, f"{number}" * 64, str(certainty), f"{number}" * 64, transcript, 1)
    return folder


def run(store: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["--store", str(store), "search", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_search_states_words_that_are_less_than_sure(store: Path) -> None:
    lines = sorted(run(store, "harbour").splitlines())
    assert [line.partition("harbour lights")[2] for line in lines] == ["", "  (doubtful)", "  (a guess)", ""]
    assert [line.partition(".mp4")[0].rpartition("/")[2] for line in lines] == ["None", "doubtful", "guess", "sure"]


def test_json_states_the_certainty_as_transcribe_does(store: Path) -> None:
    hits = [json.loads(line) for line in run(store, "lights", "--json").splitlines()]
    found = {Path(hit["uris"][0]).stem: (hit["certainty"], hit["word_probability"]) for hit in hits}
    assert found == {
        "guess": ("guess", 0.3), "doubtful": ("doubtful", 0.7), "sure": ("sure", 0.925), "None": (None, None),
    }  # fmt: skip


def test_each_transcript_is_read_once_for_places_that_are_rated_together(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    class Found:
        """Store that finds each file twice, and an image between."""

        def search_passages(self, text: str, sources: object = None) -> Iterator[SearchHit]:
            for sha256, source in (
                ("1", "speech"),
                ("2", "picture"),
                ("1", "speech"),
                ("3", "speech"),
                ("1", "speech"),
            ):
                yield SearchHit(sha256=sha256, uris=("u",), source=source, start=0, end=1, text="甲", marks=())  # type: ignore[arg-type]

        def find_transcript(self, sha256: str) -> Transcript:
            read.append(sha256)
            return Transcript(
                model="m", version="v", duration=9, speech_seconds=4, untranscribed_seconds=0,
                segments=(rated(said("甲"), (0.3 if sha256 == "1" else 0.9,)),),
            )  # fmt: skip

    monkeypatch.setattr(search_results, "RATED_HITS", 4)
    hits = list(search_results.find_passages(Found(), "甲", None))  # type: ignore[arg-type]
    assert [(hit.sha256, hit.certainty) for hit in hits] == [
        ("1", "guess"), ("2", None), ("1", "guess"), ("3", "sure"), ("1", "guess"),
    ]  # fmt: skip
    assert sorted(read) == ["1", "1", "3"]


def test_a_search_without_words_is_refused_before_its_first_place_is_asked_for(store: Path) -> None:
    with mediafp.open(store) as case, pytest.raises(mediafp.UsageError, match="it contains no word"):
        case.search("?!")


def test_lines_of_a_passage_are_printed_in_one(capsys: pytest.CaptureFixture[str]) -> None:
    _print_hit(
        SearchHit(sha256="a", uris=("a.jpg",), source="picture", start=0, end=0, text="UP\n@owner", marks=((3, 9),))
    )
    assert capsys.readouterr().out == "a.jpg  in the image  UP / @owner\n"
    _print_hit(SearchHit(sha256="a", uris=("a.jpg", "b.jpg"), source="picture", start=0, end=0, text="UP", marks=()))
    assert capsys.readouterr().out == "a.jpg (and 1 more path)  in the image  UP\n"
