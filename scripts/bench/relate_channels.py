"""CPU seconds in which the images, sounds and words of videos are compared, by step: what `mediafp relate` spends its time on.

    .venv/bin/python scripts/bench/relate_channels.py [--sizes 200] [--without-images 500 2000] [--compared 40] [--seed 1]

The videos are those of video_scale.py with `SCENES` scenes, half a minute, and each has a transcript. Of every second five
videos, all are copies of one cut: noise on images and sound, and a script of which a tenth is misheard on its own; the scripts
of every `TRANSLATED`th such five are read in Chinese by three of them and in English by two. All other scripts are
words of Chinese or of English, whose frequencies follow Zipf's law. All videos of the cases of `--sizes` are compared. The larger
cases of `--without-images` have no rows of images, and so many of their videos are compared with all, the first ones.

Sounds are searched for in the index by their codes; what it yields by chance is sorted out, and the rest is compared by all codes
in both directions, which gives the promises by which pairs are chosen. Of two sounds that are both compared, one is searched for
among the codes of the other. One thread compares, and the time of each step is that of this thread. What other threads
use, such as those of FAISS, is part of the rest. The embedding of all sentences in two languages, once for each transcript, is
divided by the videos of the case, all else by those that are compared. The last column is the share if workers compare the pairs
of images.
"""

import argparse
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import cache, lru_cache
from itertools import batched
from pathlib import Path
from typing import Any
from unittest.mock import patch

import video_scale
from made_transcripts import load_scripts, make_transcript
from pypinyin.phrases_dict import phrases_dict

from mediafp.case import open_case
from mediafp.case.comparison import comparer, run, sounds
from mediafp.case.sentence_indexes import SentenceIndexes
from mediafp.fingerprints.registry import computed_types
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.store import Store, open_store
from mediafp.store.row_index.snapshot import Snapshot
from mediafp.types.file_sounds import FileSound
from mediafp.types.fingerprint_types import no_rows
from mediafp.types.runs import IngestRecord
from mediafp.types.transcripts import Transcript

SCENES = 15
"""Scenes of two seconds in a video."""
TRANSLATED = 4
"""Of so many groups of copies, one has scripts in two languages."""
ERROR_RATE = 0.1
"""Share of the words of a script that are misheard."""
CHINESE_WORDS, ENGLISH_WORDS = 55, 75
"""Words of a script, about half a minute."""
SENTENCE_WORDS = 9
FREQUENT_WORDS = 10
"""Words of about equal frequency at the top of a list: the most frequent one makes up 2 %."""
STEPS = {
    "find_partners": "images: search",
    "compare_pair": "images: pairs",
    "find_sound_partners": "sounds: other",
    "compare_stored_sounds": "sounds: pairs",
    "find_script_partners": "words: search",
    "compare_scripts": "words: pairs",
}
"""Steps by the function of `Comparer` that does them."""
EMBEDDING = "words: embedding"


class Clock:
    """CPU seconds of one thread by step; the time of a step within another one counts for the inner one."""

    def __init__(self) -> None:
        self.seconds, self.calls = defaultdict[str, float](float), Counter[str]()
        self._steps: list[str] = []
        self._since = 0.0

    def timed(self, function: Callable[..., Any], step: str) -> Callable[..., Any]:
        """Return a function whose time counts for a step."""

        def call(*arguments: Any, **options: Any) -> Any:
            self._switch()
            self._steps.append(step)
            self.calls[step] += 1
            try:
                return function(*arguments, **options)
            finally:
                self._switch()
                self._steps.pop()

        return call

    def _switch(self) -> None:
        now = time.thread_time()
        if self._steps:
            self.seconds[self._steps[-1]] += now - self._since
        self._since = now


@cache
def scripts() -> list[dict[str, Any]]:
    """Return the made scripts, in two languages."""
    return load_scripts()


@cache
def words(language: str) -> tuple[list[str], list[float]]:
    """Return the words of a language with their frequencies."""
    if language == "zh":
        found = random.Random(1).sample(sorted(phrase for phrase in phrases_dict if len(phrase) == 2), 5_000)
    else:
        texts = " ".join(sentence for script in scripts() for sentence in script["en"])
        found = sorted({word for word in texts.lower().split() if word.isalpha()})
        random.Random(1).shuffle(found)
    return found, [1 / (rank + FREQUENT_WORDS) for rank in range(len(found))]


def make_script(video: int, seed: int) -> Transcript:
    """Return the transcript of a video."""
    group, own = video // video_scale.GROUP, random.Random(f"{seed} {video}")
    is_copy = group % 2 == 0
    text = random.Random(f"{seed} group {group}") if is_copy else own
    language = "zh" if text.random() < 0.6 else "en"
    if is_copy and group // 2 % TRANSLATED == 0:
        language = "zh" if video % video_scale.GROUP < 3 else "en"
        sentences = text.choice(scripts())[language]
    else:
        count = CHINESE_WORDS if language == "zh" else ENGLISH_WORDS
        found, frequencies = words(language)
        joint, stop = ("", "。") if language == "zh" else (" ", ".")
        chosen = text.choices(found, frequencies, k=count)
        sentences = [joint.join(part) + stop for part in batched(chosen, SENTENCE_WORDS)]
    return make_transcript(sentences, language, ERROR_RATE, own)


def make_video(maker: video_scale.SceneMaker, number: int, *, has_images: bool) -> IngestRecord:
    """Return the record of a video."""
    record = video_scale.make_video(maker, number)
    if has_images:
        return record
    silent = {type.name: type for type in computed_types("video", reference_crops=False) if type.consumes != "audio"}
    empty = {name: no_rows(type) for name, type in silent.items()}
    fingerprints = tuple(
        replace(one, spans=rows.spans, vectors=rows.vectors, quality=rows.quality)
        if (rows := empty.get(one.type))
        else one
        for one in record.fingerprints
    )
    return replace(record, fingerprints=fingerprints, thumbnails=())


def fill(store: Store, maker: video_scale.SceneMaker, size: int, seed: int, *, has_images: bool) -> None:
    """Write videos and their transcripts to a store."""
    for numbers in batched(range(size), video_scale.BATCH):
        with store.writing():
            for number in numbers:
                record = make_video(maker, number, has_images=has_images)
                store.add_record(record)
                sha256, transcript = record.asset.sha256, make_script(number, seed)
                store.save_sounds(sha256, (FileSound(audio_sha256=sha256),))
                store.save_transcript(sha256, transcript, fingerprint_transcript(sha256, transcript), 1)


def measure(folder: Path, size: int, compared: int) -> None:
    """Compare the first videos of a store with all, and print the time of each step."""
    clock = Clock()
    patched: list[tuple[Any, str, str]] = [(comparer, name, step) for name, step in STEPS.items()]
    patched += [(SentenceIndexes, "update", EMBEDDING), (SentenceIndexes, "find_candidates", "words: translations")]
    patched += [
        (Snapshot, "range_search", "sounds: search"),
        (sounds, "find_candidates", "sounds: candidates"),
        (sounds, "tracks_promise", "sounds: promises"),
    ]
    with ExitStack() as stack:
        case = stack.enter_context(open_case(folder))
        for owner, name, step in patched:
            stack.enter_context(patch.object(owner, name, clock.timed(getattr(owner, name), step)))
        references = case._references()
        assets = {video_scale.sha256_of(number) for number in range(compared)}
        started = time.process_time()
        for _ in run.run_comparisons(case._store, lambda: references, jobs=1, assets=assets):
            pass
        total = time.process_time() - started
        kept = Counter(kept.channel for kept in case._store.kept_matches())
    clock.seconds["the rest"] = total - sum(clock.seconds.values())
    costs = {
        step: 1000 * seconds / (size if step == EMBEDDING else compared) for step, seconds in clock.seconds.items()
    }
    every = sum(costs.values())
    print(f"{size} videos, {compared} compared: {every:.0f} ms CPU a video, kept {dict(kept)}")
    for step, cost in sorted(costs.items()):
        driver = "" if step == "images: pairs" else f"{cost / (every - costs.get('images: pairs', 0)):7.1%}"
        print(f"  {step:20} {cost:8.2f} ms a video {clock.calls[step]:8} calls {cost / every:7.1%} {driver}")
    print(flush=True)


def main() -> None:
    """Print the times of each case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[200])
    parser.add_argument("--without-images", type=int, nargs="*", default=[500, 2_000])
    parser.add_argument("--compared", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    video_scale.SCENES = SCENES
    maker = video_scale.SceneMaker(options.seed)
    # Copies share their scenes.
    maker.make_scene = lru_cache(SCENES * video_scale.GROUP)(maker.make_scene)  # type: ignore[method-assign]
    for has_images, sizes in ((True, options.sizes), (False, options.without_images)):
        for size in sizes:
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch) / "store"
                with open_store(folder, create=True) as store:
                    fill(store, maker, size, options.seed, has_images=has_images)
                print("with images" if has_images else "without images", end=", ")
                measure(folder, size, size if has_images else min(options.compared, size))


if __name__ == "__main__":
    main()
