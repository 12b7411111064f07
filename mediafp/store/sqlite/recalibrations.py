"""Maps of probabilities that were fitted on decisions, in the database."""

from collections.abc import Mapping, Sequence
from typing import Any

from mediafp.store.sqlite import custody_log
from mediafp.store.sqlite.database import Database
from mediafp.types.recalibration import FAMILIES, Recalibration


def save_recalibrations(database: Database, fitted: Sequence[Recalibration], errors: Mapping[str, Any]) -> None:
    """Save and log maps in place of all that are stored."""
    database.execute("DELETE FROM recalibration")
    for one in fitted:
        values = (one.family, one.slope, one.intercept, one.decisions, one.fitted_at, one.version)
        database.execute("INSERT INTO recalibration VALUES (?, ?, ?, ?, ?, ?)", values)
    custody_log.append(database, "recalibrated", {"families": [one.family for one in fitted], "errors": dict(errors)})


def recalibrations(database: Database) -> list[Recalibration]:
    """Return the stored maps, by family; one of a family that this version does not know is omitted."""
    rows = database.rows(
        "SELECT family, slope, intercept, decisions, fitted_at, version FROM recalibration ORDER BY family"
    )
    return [
        Recalibration(
            family=family, slope=slope, intercept=intercept, decisions=decisions, fitted_at=fitted_at, version=version
        )
        for family, slope, intercept, decisions, fitted_at, version in rows
        if family in FAMILIES
    ]
