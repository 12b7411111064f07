"""Indexes over the sentences of all transcripts of a store: the candidates for a script that is read in another language.

There is an index for Chinese, one for English and one for all other languages, so that transcripts of one language do not crowd
out those of another. Their rows are embeddings of windows of two speech units, under a name that is the hash of the transcript's
words: a transcript that is replaced has another name. They lie beside the indexes of images. Nothing is embedded as long as a
store has transcripts in Chinese alone, or in English alone.
"""

import hashlib
import logging
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal, NamedTuple

import numpy as np

from mediafp.engine.blas import single_threaded_blas
from mediafp.fingerprints.sentence_windows import cut_units, embed_windows, windows_version
from mediafp.matching.transcripts.translated_passages import WRITTEN_CHINESE, background_levels
from mediafp.store import IndexKind, IndexPosition, Store, StoredIndex, open_index
from mediafp.types.bounded_cache import BoundedCache
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.sentence_windows import EMBEDDING_COLUMNS, SentenceWindows, SpeechUnit, written_language
from mediafp.types.transcripts import Transcript

_logger = logging.getLogger(__name__)
LanguageGroup = Literal["zh", "en", "other"]
"""Languages that share an index."""
GROUPS: Final[tuple[LanguageGroup, ...]] = ("zh", "en", "other")
SENTENCE_NEIGHBOURS: Final = 200
"""Nearest rows that are searched for each row of a transcript: as many as the sign bits propose in any case."""
MIN_ROW_EXCESS: Final = 0.1
"""Cosine above the background level of a row from which a neighbour counts."""
MIN_SUMMED_EXCESS: Final = 0.4
"""Sum, over the rows of a transcript, of what is above that from which another one is compared: all true pairs of made scripts
with a quarter of their words wrong reach it, .3 to .7 % of unrelated ones do."""
MAX_SENTENCE_CANDIDATES: Final = 20
"""Candidates of a transcript that are compared: each is embedded, 45 ms for a minute, unless it is in the cache."""
WINDOW_CACHE_BYTES: Final = 128 << 20
"""Bytes of embedded transcripts in memory: some 1,400 of a minute."""
MAX_FILLINGS: Final = 3
"""Times that an index is filled anew because another process saved it meanwhile. Chosen, not measured."""


class SearchedRows(NamedTuple):
    """The rows by which a transcript is found: number of units less one, and first unit, of each window."""

    more: "np.typing.NDArray[np.intp]"
    first: "np.typing.NDArray[np.intp]"


class SentenceIndexes:
    """The indexes of a store. Several threads may use one object."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.RLock()
        self._indexes: dict[LanguageGroup, StoredIndex] = {}
        self._fingerprints: Mapping[str, Fingerprint] = {}
        self._names: dict[str, str] = {}
        """Name of the transcript of each asset."""
        self._assets: defaultdict[str, list[str]] = defaultdict(list)
        """Assets with the transcript of each name."""
        self._groups: dict[str, frozenset[LanguageGroup]] = {}
        """Language groups of the transcripts that were read, by name."""
        self._windows = BoundedCache(self._load_windows, lambda one: one.bytes if one else 0, WINDOW_CACHE_BYTES)

    def update(self, fingerprints: Mapping[str, Fingerprint]) -> None:
        """Take over the transcripts of a store: their fingerprints, by asset."""
        with self._lock:
            if fingerprints is self._fingerprints and len(fingerprints) == len(self._names):
                return
            names = {
                sha256: self._names[sha256] if self._fingerprints.get(sha256) is found else _name(found)
                for sha256, found in fingerprints.items()
            }
            self._fingerprints, self._names = fingerprints, names
            self._assets = defaultdict(list)
            for sha256, name in names.items():
                self._assets[name].append(sha256)
            self._fill(frozenset())

    def windows(self, sha256: str) -> SentenceWindows | None:
        """Return the embedded transcript of an asset; None if it has none, or a damaged one."""
        name = self._names.get(sha256)
        return self._windows.get((name, sha256)) if name else None

    def can_be_translation(self, a: str, b: str) -> bool:
        """Return True if two assets have transcripts, and not in the same language alone."""
        with self._lock:
            if not self._has_rows():
                return False
            groups = self._groups_of(a), self._groups_of(b)
        # Two that are in Chinese alone, or in English alone, are in one language.
        return all(groups) and (groups[0] != groups[1] or len(groups[0]) > 1 or "other" in groups[0])

    def find_candidates(self, sha256: str) -> list[str]:
        """Return the assets whose transcripts may be translations of that of an asset, the likeliest first."""
        with self._lock:
            if not self._has_rows() or not self._can_find(self._groups_of(sha256)):
                return []
        windows = self.windows(sha256)
        return [found for found in self._search(windows) if found != sha256] if windows else []

    def find_for(self, transcript: Transcript) -> tuple[SentenceWindows | None, list[str]]:
        """Return a transcript that is not in the store, embedded, and the assets that may be translations of it.

        It is not embedded, and None, if the store has no transcript in another language.
        """
        groups = _groups(cut_units(transcript))
        with self._lock:
            if not groups:
                return None, []
            self._fill(groups)
            if not self._can_find(groups):
                return None, []
        with single_threaded_blas().limit():
            windows = embed_windows(transcript)
        return windows, self._search(windows)

    def _can_find(self, groups: Collection[LanguageGroup]) -> bool:
        """Return True if an index has rows that could be translations of a transcript in these languages."""
        return any(len(self._open(group)) and _is_searched(group, groups) for group in GROUPS)

    def _search(self, windows: SentenceWindows) -> list[str]:
        rows = _searched_rows(windows)
        own = np.array([_group(language) for language in windows.languages[rows.first].tolist()])
        levels = background_levels(windows)
        sums: defaultdict[str, float] = defaultdict(float)
        for group in GROUPS:
            index = self._open(group)
            used = np.flatnonzero((own != group) | (group == "other"))
            if not len(used) or not len(index):
                continue
            more, first = rows.more[used], rows.first[used]
            limits = levels[0 if group == WRITTEN_CHINESE else 1][more, first] + MIN_ROW_EXCESS
            with single_threaded_blas().limit():
                neighbours = index.search(windows.vectors[more, first].astype(np.float16), SENTENCE_NEIGHBOURS)
            for number, limit in enumerate(limits.tolist()):
                best: dict[str, float] = {}
                for hit in neighbours.of_query(number):
                    best[hit.sha256] = max(best.get(hit.sha256, 0.0), hit.score - limit)
                for name, excess in best.items():
                    sums[name] += excess
        ranked = sorted(
            (name for name in sums if sums[name] >= MIN_SUMMED_EXCESS), key=lambda name: (-sums[name], name)
        )
        # Names of transcripts that were replaced have no asset.
        return [asset for name in ranked for asset in self._assets.get(name, ())][:MAX_SENTENCE_CANDIDATES]

    def _open(self, group: LanguageGroup) -> StoredIndex:
        with self._lock:
            if group not in self._indexes:
                self._indexes[group] = open_index(self._store, index_kind(group))
            return self._indexes[group]

    def _has_rows(self) -> bool:
        return any(len(self._open(group)) for group in GROUPS)

    def _fill(self, asked: Collection[LanguageGroup]) -> None:
        """Add the transcripts that an index lacks; those of the only language are not embedded.

        Args:
            asked: Languages of a transcript that is not in the store.
        """
        for _ in range(MAX_FILLINGS):
            entry, hash = self._store.last_log_entry()
            missing = {group: set(self._open(group).missing(self._assets)) for group in GROUPS}
            lacking = {
                name: groups
                for name in self._assets
                if (groups := [group for group in GROUPS if name in missing[group]])
            }
            spoken = {group for group in GROUPS if len(self._open(group))} | set(asked)
            for name, groups in lacking.items():
                # One that only one index lacks is in that language, and was read before.
                spoken.update(self._read_groups(name) if len(groups) > 1 else groups)
            is_embedded = len(spoken) > 1 or "other" in spoken
            changed = [name for name, groups in lacking.items() if is_embedded or len(groups) > 1]
            if not changed:
                return
            if is_embedded:
                _logger.info("embedding the sentences of %d transcripts", len(changed))
            for name in changed:
                self._add(name, lacking[name], embed=is_embedded)
            position = IndexPosition(entry=entry, hash=hash, skipped=0)
            if all([self._open(group).advance(position) for group in GROUPS]):
                return

    def _add(self, name: str, groups: Iterable[LanguageGroup], *, embed: bool) -> None:
        """Add a transcript to indexes that lack it; without embedding, only to those of languages that it is not in."""
        for group in groups:
            vectors = np.empty((0, EMBEDDING_COLUMNS), np.float16)
            if group in self._read_groups(name):
                windows = self.windows(self._assets[name][0]) if embed else None
                if windows is None:
                    continue
                rows = _searched_rows(windows)
                of_group = np.array([_group(language) == group for language in windows.languages[rows.first].tolist()])
                vectors = windows.vectors[rows.more[of_group], rows.first[of_group]].astype(np.float16)
            self._open(group).add(
                [
                    Fingerprint(
                        sha256=name,
                        type="sentences",
                        version=windows_version(),
                        spans=np.zeros((len(vectors), 2)),
                        vectors=vectors,
                        quality=np.ones(len(vectors), np.float32),
                    )
                ]
            )

    def _groups_of(self, sha256: str) -> frozenset[LanguageGroup]:
        name = self._names.get(sha256)
        return self._read_groups(name) if name else frozenset()

    def _read_groups(self, name: str) -> frozenset[LanguageGroup]:
        if name not in self._groups:
            transcript = self._store.find_transcript(self._assets[name][0])
            self._groups[name] = _groups(cut_units(transcript)) if transcript else frozenset()
        return self._groups[name]

    def _load_windows(self, key: tuple[str, str]) -> SentenceWindows | None:
        transcript = self._store.find_transcript(key[1])
        if transcript is None:
            return None
        with single_threaded_blas().limit():
            windows = embed_windows(transcript)
        return windows if windows.units else None


def index_kind(group: LanguageGroup) -> IndexKind:
    """Return the kind of the index of a language group."""
    return IndexKind(type=f"sentences-{group}", version=windows_version(), metric="cosine", columns=EMBEDDING_COLUMNS)


def _name(fingerprint: Fingerprint) -> str:
    """Return the name of a transcript: a hash of its words and their times."""
    digest = hashlib.sha256(fingerprint.version.encode())
    digest.update(fingerprint.vectors.tobytes())
    digest.update(fingerprint.spans.tobytes())
    return digest.hexdigest()


def _group(language: str) -> LanguageGroup:
    written = written_language(language)
    return "zh" if written == "zh" else "en" if written == "en" else "other"


def _groups(units: Iterable[SpeechUnit]) -> frozenset[LanguageGroup]:
    return frozenset(_group(unit.language) for unit in units)


def _is_searched(group: LanguageGroup, own: Collection[LanguageGroup]) -> bool:
    """Return True if an index may have translations of a transcript in some languages."""
    return group == "other" or any(one != group for one in own)


def _searched_rows(windows: SentenceWindows) -> SearchedRows:
    """Return the windows of two units, and those of single units that are in none of them."""
    has_two = windows.words[1] > 0
    is_covered = has_two | np.concatenate(([False], has_two[:-1]))
    pairs, singles = np.flatnonzero(has_two), np.flatnonzero(~is_covered & (windows.words[0] > 0))
    return SearchedRows(
        more=np.concatenate((np.ones_like(pairs), np.zeros_like(singles))), first=np.concatenate((pairs, singles))
    )
