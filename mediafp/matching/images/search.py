"""Candidates of an image, by three searches: embeddings of its crops, reference crops, and PDQ hashes."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mediafp.matching import verdicts
from mediafp.matching.candidates import NO_SCORE, Candidate, Vectors, background_level, rank_candidates
from mediafp.matching.images import scoring
from mediafp.matching.local_features import LocalFeatures
from mediafp.matching.references import References
from mediafp.types.arrays import Float32Array
from mediafp.types.geometry import Box

NEIGHBOURS_PER_CROP = 50
"""Nearest rows searched for each query crop. Chosen, not measured."""
SHORTLIST_SIZE = 60
"""Largest number of candidates that are placed: a widely shared image has more copies than one person can review."""
MIN_SECTION_SCORE = 0.15
"""Score, or score against a reference crop, from which a section is compared with a candidate. 0.5 % of the pairs of unrelated
images reach it."""
FEW_SECTIONS = 4
"""Sections of an image up to which `MIN_SCORE_OF_FEW` decides. Chosen, not measured: the page of a profile has one to three."""
MIN_SCORE_OF_FEW = 0.1
"""The same score for sections that are few, so that comparing more of the candidates costs little. Chosen, not measured: that of
any image that is placed."""
MAX_SECTION_CANDIDATES = 8
"""Candidates of one section: there are up to 64 sections, and those of text alone resemble all others of text. Chosen, not
measured."""

MAX_NEAR_HASHES = 5
"""Images with the nearest PDQ hashes that are compared by pixels. Of 80 photographs over which another one, stickers and a banner
lie, 77 have their own among the 5 nearest of 10,000; nothing else finds 3 of them (development set)."""
MAX_NEAR_DISTANCE = 100
"""Largest Hamming distance, in bits, of these hashes: 78 of the same 80 have at most that. The fifth nearest of 10,000 is at 98
for half of them."""
TURNS = 4
"""Rotations of an image among its hashes, and as many of its mirror image (`Pdq.dihedral_hashes`)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageQuery:
    """An image to match.

    Attributes:
        embeddings: Embeddings (C, 512) of the whole image, of the reduced one, and of its crops, in the order of
            `make_query_crops`; of a stored query those of the store, the whole image first.
        boxes: Positions (C) of the crops in the image of `local_features`; None for the whole image.
        primary_crops: Number of the first rows that are primary: the whole image, the reduced one, and its rectangles.
        rectangles: Rectangles in the image of `local_features`, the clearest first.
        quality: Quality of the image's embedding, 0..1, low for a flat image (nearly one colour).
        pdq: PDQ hashes (8, 32) of the image and its rotations and reflections; (0, 32) for a flat image.
        local_features: Keypoints of the image.
        row: Row of the image in its file, which is above 0 of a further page.
        negative: Local features of the image with light and dark exchanged, whose embedding is the last row; None without one.
        sections: Number of sections of the image, of which this is one; 0 for a whole. A section is compared less closely.
    """

    embeddings: Vectors
    boxes: tuple[Box | None, ...]
    primary_crops: int
    rectangles: tuple[Box, ...]
    quality: float
    pdq: npt.NDArray[np.uint8]
    local_features: LocalFeatures
    row: int = 0
    sections: int = 0
    negative: LocalFeatures | None = None

    def is_negative(self, query_row: int) -> bool:
        """Return True if a row of `embeddings` is that of the negative."""
        return self.negative is not None and query_row == len(self.embeddings) - 1

    def features_at(self, query_row: int) -> LocalFeatures:
        """Return the local features of the image that has a row of `embeddings`: the image, or its negative."""
        return self.negative if self.negative and self.is_negative(query_row) else self.local_features


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """Candidates of one query, and the evidence of the crop and hash searches."""

    candidates: list[Candidate]
    crop_scores: dict[str, float]
    """Best score of the query's primary crops against an asset's reference crops and the images in it, by SHA-256."""
    rectangle_scores: dict[str, float]
    """Best score of the query's primary crops against the images in an asset alone, by SHA-256."""
    hash_matches: set[tuple[str, int]]
    """Assets and rows with a matching PDQ hash."""

    def crop_score(self, candidate: Candidate) -> float:
        """Return the best score of a candidate's reference crops; `NO_SCORE` if the search did not return them."""
        return self.crop_scores.get(candidate.sha256, NO_SCORE)


def search_candidates(query: ImageQuery, references: References) -> SearchResult:
    """Return the candidates of an image: by the embeddings of its crops, by reference crops, and by PDQ hashes.

    Args:
        query: Image to match.
        references: References to search.
    """
    neighbours = references.search(query.embeddings, NEIGHBOURS_PER_CROP)
    levels = background_level(query.embeddings, references.background)
    candidates = rank_candidates(
        neighbours,
        levels,
        min_vote_score=verdicts.MIN_SCENE_SCORE,
        primary_crops=query.primary_crops,
    )
    primary = query.embeddings[: query.primary_crops]
    crop_scores = _best_scores(references.search_crops(primary, NEIGHBOURS_PER_CROP), levels)
    rectangle_scores = _best_scores(references.search_rectangles(primary, NEIGHBOURS_PER_CROP), levels)
    for sha256, score in rectangle_scores.items():
        crop_scores[sha256] = max(crop_scores.get(sha256, NO_SCORE), score)
    whole_query_level = float(levels[0])
    # Each costs a read of its rows, and no more are placed.
    best_crops = sorted(crop_scores, key=lambda sha256: (-crop_scores[sha256], sha256))[:SHORTLIST_SIZE]
    with_crops = {(sha256, 0) for sha256 in best_crops}
    candidates = candidates + _new_candidates(with_crops, candidates, query, whole_query_level, references)
    hash_matches = references.search_hashes(query.pdq, scoring.MAX_PDQ_MATCH_DISTANCE)
    # SSCD may miss a rotated or mirrored image: the candidates of the hashes come first.
    candidates = _new_candidates(hash_matches, candidates, query, whole_query_level, references) + candidates
    found = SearchResult(
        candidates=candidates, crop_scores=crop_scores, rectangle_scores=rectangle_scores, hash_matches=hash_matches
    )
    return _choose_for_section(found, query.sections) if query.sections else found


def find_near_hashes(query: ImageQuery, candidates: list[Candidate], references: References) -> list[Candidate]:
    """Return the images whose PDQ hashes are nearest to that of an image, upright or mirrored, the nearest first.

    An image over which another one was blended keeps much of its hash, though neither its embedding nor a matching hash finds it.

    Args:
        query: Image to match.
        candidates: Known candidates; of these the same are returned.
        references: References to search.
    """
    found = references.search_nearest_hashes(query.pdq[::TURNS], MAX_NEAR_HASHES)
    hits = sorted(
        (hit.score, hit.sha256, hit.row)
        for number in range(len(found))
        for hit in found.of_query(number)
        if hit.score <= MAX_NEAR_DISTANCE
    )
    nearest = list(dict.fromkeys((sha256, row) for _, sha256, row in hits))[:MAX_NEAR_HASHES]
    known = {candidate.sha256: candidate for candidate in candidates}
    level = float(background_level(query.embeddings[:1], references.background)[0])
    added = {one.sha256: one for one in _new_candidates(set(nearest), candidates, query, level, references)}
    return list({sha256: known.get(sha256) or added[sha256] for sha256, _ in nearest}.values())


def _choose_for_section(search: SearchResult, sections: int) -> SearchResult:
    """Return the few candidates with which one of so many sections of an image is compared; of most sections none."""
    least = MIN_SECTION_SCORE if sections > FEW_SECTIONS else MIN_SCORE_OF_FEW
    matched = {sha256 for sha256, _ in search.hash_matches}
    chosen = [
        candidate
        for candidate in search.candidates
        if candidate.sha256 in matched or max(candidate.score, search.crop_score(candidate)) >= least
    ]
    return replace(search, candidates=chosen[:MAX_SECTION_CANDIDATES])


def _best_scores(nearest: list[dict[str, float]], levels: Float32Array) -> dict[str, float]:
    """Return the best score of each asset, given its cosine similarities to the query's primary crops."""
    scores: dict[str, float] = {}
    # `levels` is longer: it also contains the half-size crops, which are not compared with parts of references.
    for similarities, level in zip(nearest, levels, strict=False):
        for sha256, similarity in similarities.items():
            scores[sha256] = max(scores.get(sha256, NO_SCORE), similarity - float(level))
    return scores


def _new_candidates(
    rows: set[tuple[str, int]],
    candidates: list[Candidate],
    query: ImageQuery,
    whole_query_level: float,
    references: References,
) -> list[Candidate]:
    """Return candidates for assets and rows, one for each asset that is not a candidate yet.

    They are scored by the whole query; `whole_query_level` is its background level.
    """
    known = {candidate.sha256 for candidate in candidates}
    added = []
    for sha256, row in sorted(rows):
        if sha256 not in known:
            known.add(sha256)
            embedding = references.embeddings(sha256)[row]
            similarity = float(query.embeddings[0].astype(np.float32) @ embedding.astype(np.float32))
            score = similarity - whole_query_level
            added.append(
                Candidate(sha256=sha256, score=score, similarity=similarity, distinct_score=score, query_row=0, row=row)
            )
    return added
