"""Methods of a case about the place of its indexes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mediafp.store import MovedIndex, Store, describe_location, move_indexes

if TYPE_CHECKING:
    from mediafp.case.references import StoredReferences


class IndexMethods:
    """The part of `Case` about the place of its indexes."""

    _store: Store
    _opened_references: "StoredReferences | None"

    @property
    def index_address(self) -> str:
        """Address of the indexes: a folder, `s3://BUCKET/PREFIX`, or `local` if they lie in the folder of the store.

        Raises:
            StoreError: The file that states it is damaged.
        """
        return describe_location(self._store)

    def migrate(self, address: str) -> Iterator[MovedIndex]:
        """Move the indexes, and use them there from then on; yield each that was copied and compared with its copy.

        What is not saved yet is read from the database again. Other processes that have opened the case go on with the former
        indexes, and must be started again.

        Args:
            address: As `index_address` states it.

        Raises:
            StoreError: An index cannot be read or written; all stay where they are.
            UsageError: The address is not valid, or the extra `cluster` is not installed.
        """
        from mediafp.case.references import INDEXED_TYPES
        from mediafp.case.row_indexes import index_kind
        from mediafp.case.sentence_indexes import GROUPS
        from mediafp.case.sentence_indexes import index_kind as sentence_index_kind
        from mediafp.fingerprints.registry import declaration, fingerprint_type

        kinds = [index_kind(declaration(name), fingerprint_type(name).version) for name in INDEXED_TYPES]
        kinds.extend(map(sentence_index_kind, GROUPS))
        self._opened_references = None
        yield from move_indexes(self._store, kinds, address)
