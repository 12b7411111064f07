"""Numbers of clusters in the database, so that a cluster keeps its id as files are added."""

from collections.abc import Mapping

from mediafp.store.sqlite.database import Database


def cluster_numbers(database: Database) -> dict[str, int]:
    """Return the number of the cluster that each asset was in, without those in none."""
    return dict(database.rows("SELECT sha256, cluster FROM cluster_member"))


def last_cluster_number(database: Database) -> int:
    """Return the largest number that a cluster ever had; 0 if there was none."""
    row = database.row("SELECT cluster FROM last_cluster")
    return row[0] if row else 0


def save_cluster_numbers(database: Database, numbers: Mapping[str, int], last: int) -> None:
    """Save the cluster of each asset in place of the earlier ones; rows that stay as they are are not written."""
    stored = cluster_numbers(database)
    for sha256 in stored.keys() - numbers.keys():
        database.execute("DELETE FROM cluster_member WHERE sha256 = ?", (sha256,))
    for sha256, number in numbers.items():
        if stored.get(sha256) != number:
            database.execute("INSERT OR REPLACE INTO cluster_member VALUES (?, ?)", (sha256, number))
    if last != last_cluster_number(database):
        database.execute("INSERT OR REPLACE INTO last_cluster VALUES (1, ?)", (last,))
