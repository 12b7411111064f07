"""Matches of an analysed file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from mediafp.case.comparison.sounds import find_sound_partners, match_sounds
from mediafp.case.known_query import identical_match
from mediafp.case.references import StoredReferences
from mediafp.case.thumbnail_decoder import DecodeThumbnail, find_pixels
from mediafp.engine.blas import single_threaded_blas
from mediafp.fingerprints.frame_track import TYPE_NAME as TRACK_TYPE
from mediafp.fingerprints.frame_track import to_track
from mediafp.fingerprints.insets import INSETS
from mediafp.fingerprints.pdq import HASH_BYTES, Pdq
from mediafp.fingerprints.reduced_image import REDUCED_IMAGE
from mediafp.fingerprints.registry import SEARCH_TYPE, frame_type, image_type
from mediafp.fingerprints.sound_prints import SoundPrints
from mediafp.matching.images.compare import ImagePair, compare_images, match_image
from mediafp.matching.images.long_images import LongQuery, are_long, match_long_images
from mediafp.matching.images.pages import add_page_reason
from mediafp.matching.images.query_crops import make_query_crops
from mediafp.matching.images.search import ImageQuery
from mediafp.matching.images.text_evidence import QueryText, TextLines, add_text_evidence
from mediafp.matching.images.whole_pages import to_whole_pages
from mediafp.matching.joined_sound import join_sounds
from mediafp.matching.local_features import LocalFeatures, query_features
from mediafp.matching.sounds.side import sound_sides
from mediafp.matching.transcripts.compare import match_transcript
from mediafp.matching.transcripts.translations import compare_translations, to_match
from mediafp.matching.videos.compare import VideoPair, compare_videos, match_video
from mediafp.matching.videos.frames import VideoQuery
from mediafp.store import Store
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.matches import Match, Relation, by_probability, explaining_rank
from mediafp.types.media import Asset, FrameTrack, Pixels
from mediafp.types.pages import whole_row
from mediafp.types.runs import FileAnalysis
from mediafp.types.transcripts import Transcript

MAX_SOUND_PARTNERS = 100
"""Most promising sounds with which that of a query is compared. Chosen, not measured."""


def match_content(references: StoredReferences, analysis: FileAnalysis) -> list[Match]:
    """Return the matches of a file's frames and audio without the evidence of texts, in no order."""
    matches = _match_pages(references, analysis)
    if analysis.asset.kind != "video":
        return matches
    return join_sounds(
        matches,
        _match_sounds(references, analysis),
        query_sounds=len(analysis.fingerprint(SoundPrints.name).vectors) > 0,
        sounds=lambda sha256: bool(references.sounds(sha256)),
    )


def add_texts(
    matches: Sequence[Match],
    store: Store,
    references: StoredReferences,
    analysis: FileAnalysis,
    *,
    ocr_lines: Callable[[Match], TextLines | None],
) -> list[Match]:
    """Return matches with the evidence of texts, by falling probability; an asset with the same content comes first.

    Args:
        matches: The matches of `match_content`.
        store: The store.
        references: Its references.
        analysis: The file.
        ocr_lines: Function that returns the text in the image of a match, None if it is unknown.
    """
    text = QueryText.find(analysis.text.lines if analysis.text else None, analysis.asset)
    ordered = sorted((add_text_evidence(match, text, ocr_lines) for match in matches), key=by_probability)
    sha256 = analysis.asset.sha256
    if references.find_asset(sha256) is None:
        return ordered
    return [
        identical_match(store, analysis.asset),
        *(match for match in ordered if match.sha256 != sha256),
    ]


def add_scripts(
    matches: Sequence[Match], words: Fingerprint | None, transcript: Transcript | None, references: StoredReferences
) -> list[Match]:
    """Return the matches of a file with those of its transcript; an asset with the same content stays first.

    Args:
        matches: The matches.
        words: Transcript fingerprint of the file; None if it has no transcript.
        transcript: Its transcript, for scripts in another language; None to find none.
        references: The references of the store.
    """
    if words is None:
        return list(matches)
    best: dict[str, Match] = {}
    for match in (*match_transcript(words, references), *_match_translations(transcript, references)):
        if match.sha256 != words.sha256:
            known = best.get(match.sha256)
            if known is None or match.probability > known.probability:
                best[match.sha256] = match
    first = [match for match in matches[:1] if match.sha256 == words.sha256]
    return [*first, *sorted((*matches[len(first) :], *best.values()), key=by_probability)]


def _match_translations(transcript: Transcript | None, references: StoredReferences) -> Iterator[Match]:
    """Yield the matches of a transcript with those of the store in other languages."""
    if transcript is None:
        return
    sentences = references.sentences
    windows, candidates = sentences.find_for(transcript)
    for sha256 in candidates:
        other = sentences.windows(sha256)
        if windows and other and references.find_asset(sha256) and (pair := compare_translations(windows, other)):
            yield to_match(
                pair, windows, other, sha256=sha256, uris=references.uris(sha256), kind=references.kind(sha256)
            )


def compare_analysis(references: StoredReferences, analysis: FileAnalysis) -> list[ImagePair] | list[VideoPair]:
    """Return the candidates of an analysed file with their features, which calibration is fitted on."""
    query = _build_queries(analysis, references.decode)[0]

    def compare() -> list[ImagePair] | list[VideoPair]:
        if isinstance(query, ImageQuery):
            return compare_images(query, references)
        return compare_videos(query, references)

    with single_threaded_blas().limit():
        return references.without_unusable(compare)


def _match_pages(references: StoredReferences, analysis: FileAnalysis) -> list[Match]:
    """Return the matches of an analysed file by what it shows: of the pages of an image the best match of each reference."""
    best: dict[tuple[str, Relation], Match] = {}
    of_long_pages: dict[tuple[str, int, int], list[Match]] = {}
    asset = analysis.asset

    def keep(match: Match) -> None:
        other = best.get((match.sha256, match.relation))
        if other is None or explaining_rank(match) > explaining_rank(other):
            best[match.sha256, match.relation] = match

    queries = _build_queries(analysis, references.decode)
    for query in queries:
        for match in _match(references, query):
            other = references.find_asset(match.sha256)
            if other is None:
                continue
            if are_long(asset, other, match.rows):
                pages = whole_row(asset.pages, match.rows[0]), whole_row(other.pages, match.rows[1])
                of_long_pages.setdefault((match.sha256, *pages), []).append(match)
            else:
                keep(to_whole_pages(match, asset, other))
    for match in _match_long_pages(of_long_pages, queries, asset, references):
        keep(match)
    return [
        add_page_reason(match, asset, reference)
        for match in best.values()
        if (reference := references.find_asset(match.sha256))
    ]


def _match_long_pages(
    matches: Mapping[tuple[str, int, int], list[Match]],
    queries: Sequence[ImageQuery | VideoQuery],
    asset: Asset,
    references: StoredReferences,
) -> list[Match]:
    """Return one match for each pair of long pages.

    Args:
        matches: Their matches as wholes and by sections, by the SHA-256 of the reference and the rows of both pages.
        queries: The rows of the query.
        asset: The query.
        references: The references of the store.
    """
    rows = {query.row: query for query in queries if isinstance(query, ImageQuery)}

    def pdq(row: int) -> npt.NDArray[np.uint8]:
        # A thumbnail of a further page may be damaged, while those of its sections are not.
        return rows[row].pdq if row in rows else np.empty((0, HASH_BYTES), np.uint8)

    def features(row: int) -> LocalFeatures | None:
        return rows[row].local_features if row in rows else None

    def match() -> list[Match]:
        return [
            match_long_images(found, LongQuery(asset=asset, pdq=pdq(page), features=features), reference, references)
            for (sha256, page, _), found in matches.items()
            if (reference := references.find_asset(sha256))
        ]

    with single_threaded_blas().limit():
        return references.without_unusable(match)


def _match(references: StoredReferences, query: ImageQuery | VideoQuery) -> list[Match]:
    def match() -> list[Match]:
        if isinstance(query, ImageQuery):
            return match_image(query, references)
        return match_video(query, references)

    with single_threaded_blas().limit():
        return references.without_unusable(match)


def _match_sounds(references: StoredReferences, analysis: FileAnalysis) -> list[Match]:
    """Return the matches of the audio tracks of a video."""
    sides = sound_sides(analysis.fingerprint(SoundPrints.name))

    def match() -> list[Match]:
        partners = find_sound_partners(sides, references)[:MAX_SOUND_PARTNERS]
        return [found for one in partners if (found := match_sounds(sides, one.sha256, references))]

    with single_threaded_blas().limit():
        return references.without_unusable(match)


def _build_queries(analysis: FileAnalysis, decode: DecodeThumbnail) -> Sequence[ImageQuery | VideoQuery]:
    """Return an analysed file as a query: one for each page of an image, the first one always; `decode` as of references."""
    rows = analysis.fingerprint(SEARCH_TYPE)
    if analysis.image is not None:
        further = ((t.position, find_pixels(t.jpeg, decode)) for t in analysis.thumbnails if t.position)
        pages = [(0, analysis.image), *((row, pixels) for row, pixels in further if pixels is not None)]
        return [
            (_section_query if analysis.asset.is_section(row) else _image_query)(analysis.asset, pixels, rows, row)
            for row, pixels in pages
        ]
    size, thumbnails = analysis.asset.size, {t.position: t for t in analysis.thumbnails}

    @cache
    def local_features(row: int) -> LocalFeatures | None:
        pixels = find_pixels(thumbnails[row].jpeg, decode) if row in thumbnails else None
        return None if pixels is None else LocalFeatures(pixels, size)

    pdq: npt.NDArray[np.uint8] = analysis.fingerprint(Pdq.name).vectors  # type: ignore[assignment]
    insets = analysis.fingerprint(INSETS)
    return [_video_query(rows, pdq, to_track(analysis.fingerprint(TRACK_TYPE)), local_features, insets)]


def _image_query(asset: Asset, image: Pixels, rows: Fingerprint, row: int) -> ImageQuery:
    crops, primary_crops = make_query_crops(image)
    negative = np.asarray(255 - image, np.uint8)
    embedded, _ = frame_type(SEARCH_TYPE).extract([*(crop.pixels for crop in crops[1:]), negative])
    reduced, _ = image_type(REDUCED_IMAGE).extract(image)
    return ImageQuery(
        embeddings=np.concatenate((rows.vectors[row : row + 1], reduced, embedded)),
        boxes=(None, *(crop.box for crop in crops), None),
        primary_crops=primary_crops + 1,
        rectangles=tuple(crop.box for crop in crops[1:primary_crops] if crop.box),
        quality=float(rows.quality[row]),
        pdq=Pdq().dihedral_hashes(image),
        local_features=query_features(image, asset.row_size(row)),
        row=row,
        negative=query_features(negative, asset.row_size(row)),
    )


def _section_query(asset: Asset, image: Pixels, rows: Fingerprint, row: int) -> ImageQuery:
    """Return a section of an image as a query by its row alone: its rectangles are sections too."""
    return ImageQuery(
        embeddings=rows.vectors[row : row + 1],  # type: ignore[arg-type]
        boxes=(None,),
        primary_crops=1,
        rectangles=(),
        quality=float(rows.quality[row]),
        pdq=Pdq().dihedral_hashes(image),
        local_features=query_features(image, asset.row_size(row)),
        row=row,
        sections=sum(asset.is_section(row) for row in range(len(asset.pages))),
    )


def _video_query(
    rows: Fingerprint,
    pdq: npt.NDArray[np.uint8],
    track: FrameTrack,
    local_features: Callable[[int], LocalFeatures | None],
    insets: Fingerprint,
) -> VideoQuery:
    return VideoQuery(
        sha256=rows.sha256,
        embeddings=rows.vectors,  # type: ignore[arg-type]
        quality=rows.quality,
        pdq=pdq,
        spans=rows.spans,
        track=track if len(track.spans) else None,
        local_features=local_features,
        insets=insets if len(insets.vectors) else None,
    )
