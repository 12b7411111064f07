"""Transcript fingerprints for tests: random words, misheard words, and real sentences."""

from dataclasses import dataclass

import numpy as np

from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.matching.transcripts.compare import match_transcript
from mediafp.matching.transcripts.index import TranscriptIndex
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.matches import Match
from mediafp.types.media import Kind
from mediafp.types.transcripts import Transcript, TranscriptSegment

WORD_SECONDS = 0.25
VOCABULARY = np.random.default_rng(7).integers(1 << 31, 1 << 32, 2000, np.uint32)
FREQUENCIES = 1 / (np.arange(len(VOCABULARY)) + 10)
NIGHT = "当夜幕降临，星光点点，伴随着微风拂面，我在静谧中感受着时光的流转，思念如涟漪荡漾，梦境如画卷展开"
NIGHT_MISHEARD = "當頁幕降臨的星光點點 但隨著微風浮面,我在靜蜜中感受著時光的流轉 思念如連一當樣,弄近如畫圈展開"
POLICY = "有環保團體建議政府加強回收政策，推動社會可持續發展，減少廢物堆填。"
POLICY_MISHEARD = "有環保全體建議政府加強回收政策 推動社會可持發展 僅少肺磨堆填"
FREE = "Today, as always, men fall into two groups: slaves and free men. Whoever does not have two-thirds of his day"
FREE_MISHEARD = "A day as always men fall into 2 groups, slaves and freemen, whoever does not have 2 thirds of his day"
THANKS = "thanks for watching and please subscribe"


@dataclass
class FakeTranscriptReferences:
    """A `TranscriptReferences` without a store: every asset is a video named after its fingerprint."""

    transcripts: TranscriptIndex

    def kind(self, sha256: str) -> Kind:
        return "video"

    def uris(self, sha256: str) -> tuple[str, ...]:
        return (f"{sha256}.mp4",)


def random_words(count: int, seed: int) -> np.ndarray:
    """Return word codes with the frequencies of a language."""
    words: np.ndarray = np.random.default_rng(seed).choice(VOCABULARY, count, p=FREQUENCIES / FREQUENCIES.sum())
    return words


def misheard(words: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return the words with this share of errors: most are replaced, some are removed, and as many are inserted."""
    rng = np.random.default_rng(seed)
    draws = rng.random(len(words))
    is_replaced, is_unchanged = draws < 0.8 * share, draws > 0.9 * share
    recognised = np.where(is_replaced, random_words(len(words), seed + 1), words)[is_replaced | is_unchanged]
    positions = np.flatnonzero(rng.random(len(recognised)) < 0.1 * share)
    return np.insert(recognised, positions, random_words(len(positions), seed + 2))


def word_fingerprint(
    name: str, words: np.ndarray, *, quality: float = 1.0, word_seconds: float = WORD_SECONDS, version: str = "1"
) -> Fingerprint:
    """Return the fingerprint of a transcript of these word codes, each of which lasts `word_seconds`."""
    starts = np.arange(len(words)) * word_seconds
    return Fingerprint(
        sha256=name,
        type="words",
        version=version,
        spans=np.stack((starts, starts + word_seconds), axis=1).reshape(-1, 2),
        vectors=np.frombuffer(words.astype("<u4").tobytes(), np.uint8).reshape(-1, 4),
        quality=np.full(len(words), quality, np.float32),
    )


def text_fingerprint(name: str, text: str, language: str = "zh", flags: tuple[str, ...] = ()) -> Fingerprint:
    """Return the fingerprint of a transcript of this text, from second 1 to second 11."""
    segment = TranscriptSegment(
        start=1.0, end=11.0, language=language, language_probability=0.9, text=text, flags=flags
    )
    return fingerprint_transcript(
        name,
        Transcript(
            model="m",
            version="1",
            duration=12.0,
            speech_seconds=10.0,
            untranscribed_seconds=0.0,
            segments=(segment,) if text else (),
        ),
    )


def matches_of(query: Fingerprint, *references: Fingerprint, exclude: str | None = None) -> list[Match]:
    """Return the matches of a query among the references."""
    return match_transcript(query, FakeTranscriptReferences(TranscriptIndex(references)), exclude=exclude)
