"""An engine that unpacks archives in the process of the test: no worker, and no sandbox."""

import io
import os
import tempfile
from collections.abc import Callable, Iterator

from mediafp.engine.interface import UnpackedMember
from mediafp.ingest.archives.members import MAX_MEMBER_BYTES, iter_members
from mediafp.ingest.files import OpenFile
from mediafp.types.errors import MediaError


class UnpackingEngine:
    """The part of an `Engine` that archives need."""

    def unpack_archive(
        self,
        file: OpenFile,
        is_wanted: Callable[[str], bool],
        *,
        max_bytes: int = MAX_MEMBER_BYTES,
        on_warning: Callable[[str], object] = lambda warning: None,
        on_hidden: Callable[[int], object] = lambda count: None,
    ) -> Iterator[UnpackedMember]:
        with file.reader() as reader:
            data = io.BytesIO(reader.read())
        for member, blocks in iter_members(data, file.name, on_warning, on_hidden):
            opened, error = None, None
            if is_wanted(member.name):
                try:
                    content = b"".join(blocks)
                except MediaError as failure:
                    error = failure
                else:
                    with tempfile.TemporaryFile() as unpacked:
                        unpacked.write(content)
                        unpacked.flush()
                        opened = OpenFile(member.name.rpartition("/")[2], os.dup(unpacked.fileno()))
            yield UnpackedMember(name=member.name, file=opened, error=error, capture=member.capture)
