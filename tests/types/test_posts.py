"""Posts are counted once, however often they were collected, and files without one are none."""

import pytest

from mediafp.types.sightings import Sighting, Standing, count_posts, posts_standing

POST = {"account": "a", "posted_at": "2020-01-02"}
GONE = {"removed_at": "2021-01-02"}
PAGE = {"url": "https://weibo.com/a"}


@pytest.mark.parametrize(
    ("posts", "counts", "standing"),
    [
        ([], (0, 0), "unknown"),
        ([{}], (0, 0), "unknown"),
        ([POST, {}], (0, 1), "posted"),
        ([POST, POST | GONE], (1, 2), "partly_removed"),
        # The copy of a tool, and that of a table which states the removal.
        ([POST | {"post_id": "5"}, POST | GONE | {"post_id": "5"}], (1, 1), "removed"),
        ([POST | PAGE, POST | GONE | PAGE], (1, 1), "removed"),
        ([POST | PAGE | {"post_id": "5"}, POST | GONE | PAGE | {"post_id": "6"}], (1, 2), "partly_removed"),
        # The address of an account is that of all of its posts.
        ([POST | PAGE, GONE | PAGE | {"posted_at": "2020-03-01"}], (1, 2), "partly_removed"),
    ],
)
def test_posts_of_a_file_are_counted_once(
    posts: list[dict[str, str]], counts: tuple[int, int], standing: Standing
) -> None:
    sightings = [Sighting(sha256="a" * 64, uri=f"/{number}.jpg", **fields) for number, fields in enumerate(posts)]  # type: ignore[arg-type]
    assert count_posts(sightings) == counts and posts_standing(sightings) == standing
