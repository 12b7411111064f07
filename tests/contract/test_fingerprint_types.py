"""Contract of every fingerprint type in the registry."""

import numpy as np
import pytest

from mediafp.fingerprints import registry
from mediafp.types.errors import UsageError
from mediafp.types.fingerprint_types import (
    FingerprintType,
    FrameFingerprintType,
    ImageFingerprintType,
    ThumbnailFingerprintType,
    check_rows,
    no_rows,
)
from mediafp.types.fingerprints import Fingerprint, TimedRows
from mediafp.types.transcripts import Transcript, TranscriptSegment

SHAPES = [(1, 1), (1, 400), (4000, 1), (2, 2), (3000, 20), (7, 5)]
FRAME_TYPES = [name for name in registry.type_names() if registry.fingerprint_type(name).consumes == "frames"]
IMAGE_TYPES = [
    name for name in registry.type_names() if registry.fingerprint_type(name).consumes in ("image", "thumbnail")
]


@pytest.fixture(scope="module", params=registry.type_names())
def any_type(request: pytest.FixtureRequest) -> FingerprintType:
    """Each type in turn."""
    return registry.fingerprint_type(request.param)


@pytest.fixture(scope="module", params=FRAME_TYPES)
def frames(request: pytest.FixtureRequest) -> FrameFingerprintType:
    """Each type that consumes frames."""
    return registry.frame_type(request.param)


@pytest.fixture(scope="module", params=IMAGE_TYPES)
def still(request: pytest.FixtureRequest) -> ImageFingerprintType | ThumbnailFingerprintType:
    """Each type that consumes a still image or its thumbnail."""
    fingerprint_type = registry.fingerprint_type(request.param)
    assert fingerprint_type.consumes == "image" or fingerprint_type.consumes == "thumbnail"
    return fingerprint_type


@pytest.fixture(scope="module")
def images(photos: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Three photographs and a flat image."""
    return [*(photos[name] for name in ("cat", "temple", "portrait")), np.full((90, 120, 3), 200, np.uint8)]


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def assert_declared(fingerprint_type: FingerprintType, vectors: np.ndarray, quality: np.ndarray, count: int) -> None:
    check_rows(registry.declaration(fingerprint_type.name), TimedRows(np.zeros((count, 2)), vectors, quality))
    assert vectors.shape == (count, fingerprint_type.columns)
    assert vectors.dtype == {"cosine": np.float16, "hamming": np.uint8, "grey": np.uint8}[fingerprint_type.metric]
    assert quality.shape == (count,) and quality.dtype == np.float32
    assert ((quality >= 0) & (quality <= 1)).all()
    if fingerprint_type.metric == "cosine":
        assert np.linalg.norm(vectors.astype(np.float64), axis=1) == pytest.approx(np.ones(count), abs=2e-3)


# Declarations -------------------------------------------------------------------------------------
def test_registry_names_are_unique_and_equal_the_names_of_the_types() -> None:
    names = registry.type_names()
    assert len(set(names)) == len(names) >= 7
    for name in names:
        assert registry.fingerprint_type(name).name == name


def test_registry_has_types_of_each_input() -> None:
    assert {"sscd_distilled", "pdq", "phash", "dhash", "sscd"} <= set(FRAME_TYPES)
    assert {"sscd_distilled_crops", "sscd_distilled_rectangles"} <= set(IMAGE_TYPES)
    assert registry.fingerprint_type("words").consumes == "transcript"


def test_fingerprint_type_rejects_an_unknown_name_and_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="phash2") as rejected:
        registry.fingerprint_type("phash2")
    assert all(name in str(rejected.value) for name in registry.type_names())


def test_frame_type_rejects_a_type_that_consumes_something_else() -> None:
    with pytest.raises(UsageError, match=r"'words'.*'transcript'"):
        registry.frame_type("words")


def test_declaration_is_that_of_the_type(any_type: FingerprintType) -> None:
    declared = registry.declarations()[any_type.name]
    for field in ("name", "consumes", "metric", "columns", "max_rows"):
        assert getattr(declared, field) == getattr(any_type, field), field
    check_rows(declared, no_rows(any_type))


def test_version_is_the_same_for_another_instance(any_type: FingerprintType) -> None:
    other = registry.fingerprint_type.__wrapped__(any_type.name)
    assert isinstance(any_type.version, str) and any_type.version.strip()
    assert (other.version, other.columns, other.metric) == (any_type.version, any_type.columns, any_type.metric)


def test_computed_types_are_those_that_a_file_of_the_kind_can_give() -> None:
    def names(kind: str, **options: bool) -> list[str]:
        return [stored.name for stored in registry.computed_types(kind, **options)]  # type: ignore[arg-type]

    frames = ["sscd_distilled", "pdq", "phash", "dhash"]
    assert names("image", reference_crops=True) == [
        *frames,
        "sscd_distilled_crops",
        "sscd_distilled_rectangles",
        "sscd_distilled_reduced",
    ]
    assert names("image", reference_crops=False) == frames
    video = [*frames, "sscd_distilled_insets", "frame_track", "sound_prints", "sound_codes"]
    assert names("video", reference_crops=True) == names("video", reference_crops=False) == video
    assert names("image", reference_crops=True, matched_only=True) == ["sscd_distilled", "pdq"]
    assert names("video", reference_crops=False, matched_only=True) == [
        "sscd_distilled",
        "pdq",
        "sscd_distilled_insets",
        "frame_track",
        "sound_prints",
    ]


# Types that consume frames ------------------------------------------------------------------------
def test_extract_gives_rows_as_declared(frames: FrameFingerprintType, images: list[np.ndarray]) -> None:
    vectors, quality = frames.extract(images)
    assert_declared(frames, vectors, quality, len(images))
    assert len(np.unique(vectors, axis=0)) == len(images), "different images have different rows"
    assert quality[-1] == quality.min(), "no image has a lower quality than a flat one"


def test_extract_gives_no_rows_for_no_images(frames: FrameFingerprintType) -> None:
    vectors, quality = frames.extract([])
    assert_declared(frames, vectors, quality, 0)


def test_extract_is_deterministic(frames: FrameFingerprintType, images: list[np.ndarray]) -> None:
    twice, qualities = frames.extract([images[0], images[0]])
    assert twice[0].tobytes() == twice[1].tobytes() and qualities[0] == qualities[1]
    again, quality = registry.fingerprint_type.__wrapped__(frames.name).extract([images[0]])
    assert again[0].tobytes() == twice[0].tobytes() and quality[0] == qualities[0]


def test_extract_gives_the_rows_of_a_batch_one_by_one(frames: FrameFingerprintType, images: list[np.ndarray]) -> None:
    batch = [*images, *images[::-1], *images[:2]]  # more than one batch of the model
    vectors, quality = frames.extract(batch)
    alone = [frames.extract([image]) for image in images]
    order = [0, 1, 2, 3, 3, 2, 1, 0, 0, 1]
    for row, n in enumerate(order):
        assert vectors[row].tobytes() == alone[n][0][0].tobytes(), row
        assert quality[row] == alone[n][1][0], row


@pytest.mark.parametrize("shape", SHAPES)
def test_extract_accepts_odd_shapes(frames: FrameFingerprintType, shape: tuple[int, int]) -> None:
    vectors, quality = frames.extract([noise(*shape), np.zeros((*shape, 3), np.uint8)])
    assert_declared(frames, vectors, quality, 2)


def test_extract_gives_equal_rows_for_slices_and_their_copies(
    frames: FrameFingerprintType, photos: dict[str, np.ndarray]
) -> None:
    whole = photos["motorcycle"]
    slices = [
        whole[40:400, 60:500],
        whole[40:200, 60:300],
        whole[::2, ::3],
        whole[:, ::-1],
        whole.transpose(1, 0, 2),
        whole[:, :, ::-1],
    ]
    assert not any(cut.flags.c_contiguous for cut in slices)
    vectors, quality = frames.extract(slices)
    copies, qualities = frames.extract([np.ascontiguousarray(cut) for cut in slices])
    assert vectors.tobytes() == copies.tobytes() and quality.tobytes() == qualities.tobytes()


def test_extract_leaves_the_images_unchanged(frames: FrameFingerprintType, photos: dict[str, np.ndarray]) -> None:
    read_only, writeable = photos["cat"].copy(), photos["cat"].copy()
    read_only.setflags(write=False)
    vectors, _ = frames.extract([read_only, writeable])
    assert vectors[0].tobytes() == vectors[1].tobytes()
    assert (writeable == read_only).all()


def test_extract_gives_the_arrays_of_a_fingerprint(frames: FrameFingerprintType, images: list[np.ndarray]) -> None:
    vectors, quality = frames.extract(images[:2])
    fingerprint = Fingerprint(
        sha256="0" * 64,
        type=frames.name,
        version=frames.version,
        spans=np.zeros((2, 2)),
        vectors=vectors,
        quality=quality,
    )
    with pytest.raises(ValueError, match="read-only"):
        fingerprint.vectors[0] = 0
    with pytest.raises(ValueError, match="2 rows"):
        Fingerprint(
            sha256="", type=frames.name, version="", spans=np.zeros((1, 2)), vectors=vectors.copy(), quality=quality
        )


# Types that consume a still image -----------------------------------------------------------------
def test_extract_of_one_image_gives_rows_as_declared(
    still: ImageFingerprintType | ThumbnailFingerprintType, images: list[np.ndarray]
) -> None:
    assert still.max_rows
    page = np.pad(images[0], ((90, 200), (60, 70), (0, 0)), constant_values=245)
    for image in (*images, page):
        vectors, quality = still.extract(image)
        assert len(vectors) <= still.max_rows
        assert_declared(still, vectors, quality, len(vectors))
        again, _ = registry.fingerprint_type.__wrapped__(still.name).extract(image.copy())
        assert vectors.tobytes() == again.tobytes()
    assert len(still.extract(page)[0]) > 0


@pytest.mark.parametrize("shape", SHAPES)
def test_extract_of_one_image_accepts_odd_shapes(
    still: ImageFingerprintType | ThumbnailFingerprintType, shape: tuple[int, int]
) -> None:
    vectors, quality = still.extract(noise(*shape))
    assert_declared(still, vectors, quality, len(vectors))


# Types that consume the thumbnails of frames ------------------------------------------------------
def test_extract_of_thumbnails_of_frames_gives_rows_as_declared(images: list[np.ndarray]) -> None:
    names = [name for name in registry.type_names() if registry.declaration(name).consumes == "frame_thumbnails"]
    assert names == ["sscd_distilled_insets"]
    kind = registry.fingerprint_type(names[0])
    page = np.pad(images[0], ((90, 200), (60, 70), (0, 0)), constant_values=245)
    spans = np.stack((np.arange(4.0), np.arange(1.0, 5.0)), 1)
    rows = kind.extract([page] * 4, spans)
    check_rows(registry.declaration(kind.name), rows)
    assert 0 < len(rows.vectors) <= (kind.max_rows or 0) and np.isin(rows.spans[:, 0], spans[:, 0]).all()
    assert kind.extract([page] * 4, spans).vectors.tobytes() == rows.vectors.tobytes()
    for shape in SHAPES:
        check_rows(registry.declaration(kind.name), kind.extract([noise(*shape)] * 2, spans[:2]))


# Types that consume a transcript ------------------------------------------------------------------
def test_extract_of_a_transcript_gives_rows_as_declared() -> None:
    words = registry.fingerprint_type("words")
    assert words.consumes == "transcript"
    segment = TranscriptSegment(start=1.0, end=3.0, language="en", language_probability=0.9, text="one two 二")
    transcript = Transcript(
        model="m", version="1", duration=4.0, speech_seconds=2.0, untranscribed_seconds=0.0, segments=(segment,)
    )
    rows = words.extract(transcript)
    assert len(rows.vectors) == 3
    check_rows(registry.declaration("words"), rows)
    assert rows.spans[0, 0] == 1.0 and rows.spans[-1, 1] == 3.0


# The check of rows --------------------------------------------------------------------------------
def test_check_rows_rejects_what_is_not_declared() -> None:
    bits, cosine, crops = (registry.declarations()[name] for name in ("pdq", "sscd", "sscd_distilled_crops"))
    spans, quality = np.array([[0.0, 1.0], [1.0, 2.0]]), np.full(2, 0.5, np.float32)
    hashes = np.zeros((2, 32), np.uint8)
    unit = np.eye(2, 512).astype(np.float16)
    check_rows(bits, TimedRows(spans, hashes, quality))
    check_rows(cosine, TimedRows(spans, unit, quality))
    rejected = [
        (bits, TimedRows(spans, unit, quality), "vectors of float16"),
        (bits, TimedRows(spans, hashes[:, :31], quality), "vectors"),
        (bits, TimedRows(spans[:1], hashes, quality), "spans"),
        (bits, TimedRows(spans, hashes, quality[:1]), "quality"),
        (bits, TimedRows(spans[:, ::-1], hashes, quality), "ends before it starts"),
        (bits, TimedRows(np.full((2, 2), np.inf), hashes, quality), "not finite"),
        (bits, TimedRows(spans, hashes, quality * 3), "outside 0..1"),
        (bits, TimedRows(spans, hashes, quality.astype(np.float64)), "quality of float64"),
        (cosine, TimedRows(spans, unit * np.float16(1.02), quality), "longer than"),
        (cosine, TimedRows(spans, np.full((2, 512), np.nan, np.float16), quality), "not finite"),
        (crops, TimedRows(spans, unit, quality), "still image with time spans"),
        (crops, TimedRows(np.zeros((6, 2)), np.eye(6, 512).astype(np.float16), np.ones(6, np.float32)), "6 rows"),
    ]
    for declared, rows, reason in rejected:
        with pytest.raises(ValueError, match=reason) as error:
            check_rows(declared, rows)
        assert declared.name in str(error.value)
