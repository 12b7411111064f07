"""Files of a form, streamed to where they are kept: none is ever written under a name of the user's."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from fastapi import HTTPException, Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool

from mediafp.types.errors import MediaError

MAX_FILES: Final = 50
"""Files of one form. Chosen, not measured: folders are ingested by their path."""
MAX_NAME_CHARS: Final = 255
"""Characters of a file name: as many as file systems allow."""
MAX_FIELD_BYTES: Final = 4096
"""Bytes of a field that is no file."""


class Receiving(Protocol):
    """A file that is being received."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the blocks so far."""
        ...

    def write(self, block: bytes) -> None:
        """Append a block. Raises MediafpError if the file is refused."""
        ...


class Receiver(Protocol):
    """A place where uploads are kept."""

    def receiving(self, name: str) -> AbstractContextManager[Receiving]:
        """Return a context with an upload, which is kept if the block ends well."""
        ...


@dataclass(slots=True)
class ReceivedForm:
    """The fields of a form, and the SHA-256 of its files in their order."""

    fields: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """Names of these files, as the user's had them."""
    refused: list[str] = field(default_factory=list)
    """Reasons of the files that were not kept."""


async def receive_body(request: Request, receiver: Receiver, name: str) -> str:
    """Return the SHA-256 of the file that is the body of a request, which is kept. Raises MediaError.

    Args:
        request: The request.
        receiver: Where the file is kept.
        name: Name that the user's file has; folders before it are omitted.
    """
    with receiver.receiving(_last_part(name)) as upload:
        async for block in request.stream():
            # A thread writes: the disk may be slow.
            await run_in_threadpool(upload.write, block)
    return upload.sha256


def _last_part(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2][:MAX_NAME_CHARS] or "file"


async def receive_form(
    request: Request, receiver: Receiver, check: Callable[[dict[str, str]], None], *, skip_refused: bool = False
) -> ReceivedForm:
    """Return a form whose files are kept.

    Args:
        request: The request.
        receiver: Where they are kept.
        check: Called with the fields before the first file, to raise an error if they do not allow it. Forms of pages
            have the token of the page before their files.
        skip_refused: Go on after a file that is no media, or is too large.

    Raises:
        HTTPException: The form is not valid, or has too many files.
        MediaError: A file is no media, or is too large, unless these are skipped.
    """
    content_type, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if content_type != b"multipart/form-data" or not boundary or len(boundary) > 200:
        raise HTTPException(415, "send the file as a form with files")
    reader = _FormReader(receiver, check, skip_refused=skip_refused)
    try:
        parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type]
        async for block in request.stream():
            # A thread writes: the disk may be slow.
            await run_in_threadpool(parser.write, block)
        await run_in_threadpool(parser.finalize)
    except MultipartParseError as error:
        raise HTTPException(400, "the form is not valid") from error
    finally:
        reader.close()
    return reader.form


class _FormReader:
    """Keeps the parts of a form as they come."""

    def __init__(self, receiver: Receiver, check: Callable[[dict[str, str]], None], *, skip_refused: bool) -> None:
        self.form = ReceivedForm()
        self._receiver, self._check, self._skip_refused = receiver, check, skip_refused
        self._is_file, self._name = False, ""
        self._headers: dict[bytes, bytes] = {}
        self._header_name, self._header_value = b"", b""
        self._field, self._value = "", b""
        self._upload: Receiving | None = None
        self._opened = ExitStack()

    def callbacks(self) -> dict[str, Callable[..., None]]:
        """Return the functions that the parser calls."""
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": self._add_header_name,
            "on_header_value": self._add_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._add_data,
            "on_part_end": self._end_part,
        }

    def close(self) -> None:
        """Drop a file that did not end."""
        if self._upload:
            # As an exception, so that the upload is not kept.
            self._opened.__exit__(ConnectionError, ConnectionError("the form did not end"), None)

    def _begin_part(self) -> None:
        self._headers, self._value = {}, b""
        self._header_name, self._header_value = b"", b""

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name, self._header_value = b"", b""

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._field = options.get(b"name", b"").decode("utf-8", "replace")
        name = options.get(b"filename")
        self._is_file = name is not None
        # A form whose file field is empty sends a file without a name.
        if name:
            self._check(self.form.fields)
            if len(self.form.files) + len(self.form.refused) >= MAX_FILES:
                raise HTTPException(413, f"send at most {MAX_FILES} files at once")
            self._name = _last_part(name.decode("utf-8", "replace"))
            self._opened = ExitStack()
            self._upload = self._opened.enter_context(self._receiver.receiving(self._name))

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._upload:
            with self._refusals():
                self._upload.write(data[start:end])
        elif self._is_file:
            # The rest of a file that is not kept.
            return
        elif len(self._value) + end - start > MAX_FIELD_BYTES:
            raise HTTPException(413, "a field of the form is too long")
        else:
            self._value += data[start:end]

    def _end_part(self) -> None:
        if self._upload:
            upload = self._upload
            with self._refusals():
                self._upload = None
                self._opened.close()
                self.form.files.append(upload.sha256)
                self.form.names.append(self._name)
        elif not self._is_file:
            self.form.fields[self._field] = self._value.decode("utf-8", "replace")

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Note a file that is refused, and go on with the next one, if that is wanted."""
        try:
            yield
        except MediaError as error:
            if not self._skip_refused:
                raise
            if self._upload:
                self._upload = None
                with suppress(MediaError):
                    self._opened.__exit__(type(error), error, None)
            self.form.refused.append(str(error))
