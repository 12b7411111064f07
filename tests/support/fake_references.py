"""References without a store or a model: given fingerprints and an exhaustive search."""

from dataclasses import dataclass, field

import numpy as np

from mediafp.matching.local_features import LocalFeatures
from mediafp.types.media import FrameTrack, Kind, Pixels
from mediafp.types.neighbours import Neighbours

DIMENSIONS = 512
BACKGROUND_ROWS = 400


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Return rows at length 1, as embeddings are stored."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def random_embeddings(count: int, seed: int) -> np.ndarray:
    """Return unit vectors (count, 512) of unrelated images: their cosines are within about 0.2 of 0."""
    return unit_rows(np.random.default_rng(seed).normal(size=(count, DIMENSIONS)))


def add_noise(embeddings: np.ndarray, cosine: float, seed: int) -> np.ndarray:
    """Return unit vectors of edited copies: their cosine with `embeddings` is about `cosine`."""
    noise = random_embeddings(len(embeddings), seed).astype(np.float32)
    return unit_rows(cosine * embeddings.astype(np.float32) + np.sqrt(1 - cosine**2) * noise)


def random_hashes(count: int, seed: int) -> np.ndarray:
    """Return PDQ hashes (count, 32) of unrelated images: they differ in about half of their bits."""
    return np.random.default_rng(seed).integers(0, 256, (count, 32), np.uint8)


def even_spans(count: int, seconds: float = 1.0) -> np.ndarray:
    """Return time spans (count, 2) of rows that last equally long."""
    return np.column_stack((np.arange(count), np.arange(1, count + 1))) * seconds


@dataclass
class FakeAsset:
    """Rows of one asset; `images` are the thumbnails of some of them."""

    kind: Kind
    embeddings: np.ndarray
    pdq: np.ndarray
    spans: np.ndarray
    images: dict[int, Pixels] = field(default_factory=dict)
    quality: float = 1.0


@dataclass
class FakeReferences:
    """Implements `References`; `placed` lists the requested local features, `embedded` counts the embedded regions."""

    by_sha256: dict[str, FakeAsset]
    crop_similarities: dict[str, float] = field(default_factory=dict)
    full_model_similarity: float = 0.0
    placed: list[str] = field(default_factory=list)
    embedded: int = 0

    def __post_init__(self) -> None:
        self.background = random_embeddings(BACKGROUND_ROWS, 99)
        self._names = list(self.by_sha256)
        assets = self.by_sha256.values()
        self._asset = np.repeat(np.arange(len(self._names)), [len(asset.embeddings) for asset in assets])
        self._row = np.concatenate([np.arange(len(asset.embeddings)) for asset in assets])
        self._rows = np.concatenate([asset.embeddings for asset in assets]).astype(np.float32)

    def search(self, queries: np.ndarray, count: int) -> Neighbours:
        cosines = queries.astype(np.float32) @ self._rows.T
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
        return Neighbours(
            assets=self._names,
            asset=self._asset[order].astype(np.int32),
            row=self._row[order].astype(np.int32),
            score=np.take_along_axis(cosines, order, axis=1),
        )

    def search_crops(self, queries: np.ndarray, count: int) -> list[dict[str, float]]:
        return [dict(self.crop_similarities) for _ in queries]

    def search_rectangles(self, queries: np.ndarray, count: int) -> list[dict[str, float]]:
        return [{} for _ in queries]

    def search_insets(self, queries: np.ndarray, count: int) -> Neighbours:
        return self.search(queries, 0)

    def insets(self, sha256: str) -> None:
        return None

    def search_hashes(self, hashes: np.ndarray, distance: int) -> set[tuple[str, int]]:
        return {
            (name, row)
            for name, asset in self.by_sha256.items()
            for row, stored in enumerate(asset.pdq)
            if len(hashes) and np.bitwise_count(hashes ^ stored).sum(axis=1).min() <= distance
        }

    def search_nearest_hashes(self, hashes: np.ndarray, count: int) -> Neighbours:
        stored = np.concatenate([asset.pdq for asset in self.by_sha256.values()])
        distances = np.bitwise_count(hashes[:, None] ^ stored[None]).sum(axis=2).astype(np.float32)
        order = np.argsort(distances, axis=1, kind="stable")[:, :count]
        return Neighbours(
            assets=self._names,
            asset=self._asset[order].astype(np.int32),
            row=self._row[order].astype(np.int32),
            score=np.take_along_axis(distances, order, axis=1),
        )

    def embed_with_full_model(self, images: list[Pixels]) -> tuple[np.ndarray, np.ndarray]:
        self.embedded += len(images)
        vectors = np.zeros((2, DIMENSIONS), np.float16)
        vectors[0, 0], vectors[1, :2] = 1, (self.full_model_similarity, np.sqrt(1 - self.full_model_similarity**2))
        return vectors, np.zeros(2, np.float32)

    def kind(self, sha256: str) -> Kind:
        return self.by_sha256[sha256].kind

    def uris(self, sha256: str) -> tuple[str, ...]:
        return (f"references/{sha256}",)

    def embeddings(self, sha256: str) -> np.ndarray:
        return self.by_sha256[sha256].embeddings

    def quality(self, sha256: str) -> np.ndarray:
        asset = self.by_sha256[sha256]
        return np.full(len(asset.embeddings), asset.quality, np.float32)

    def spans(self, sha256: str) -> np.ndarray:
        return self.by_sha256[sha256].spans

    def track(self, sha256: str) -> FrameTrack | None:
        return None

    def pdq(self, sha256: str) -> np.ndarray:
        return self.by_sha256[sha256].pdq

    def local_features(self, sha256: str, row: int) -> LocalFeatures | None:
        self.placed.append(sha256)
        image = self.by_sha256[sha256].images.get(row)
        return None if image is None else LocalFeatures(image, (image.shape[1], image.shape[0]))
