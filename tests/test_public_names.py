"""Names that the package exports."""

import mediafp


def test_exported_names_exist_and_are_listed() -> None:
    names = set(mediafp.__all__)
    assert names == {name for name in names if getattr(mediafp, name) is not None}
    errors = {name for name in vars(__import__("mediafp.types.errors").types.errors) if name[0].isupper()}
    assert errors - {"ErrorKind", "StoreErrorKind", "FULL_DISK", "NO_ACCESS", "Final", "Literal"} <= names
    assert {"open", "Case", "Asset", "Sighting", "Match", "QueryResult", "Trace", "Clustering", "SearchHit"} <= names
    assert mediafp.open.__module__ == "mediafp.case.case" and not hasattr(mediafp, "undefined")
