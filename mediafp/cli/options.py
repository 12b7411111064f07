"""Options that several commands share, and the case, folder and speech model that they select."""

import shlex
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mediafp.cli.damage import print_damage, print_lost
from mediafp.cli.output import print_warning
from mediafp.types.errors import ModelError
from mediafp.types.runs import EngineOptions

if TYPE_CHECKING:
    from mediafp.case import Case
    from mediafp.types.runs import SpeechOptions


class YesNo(StrEnum):
    """Value of an option that is on or off."""

    YES, NO = "yes", "no"


class TranscribeMode(StrEnum):
    """Value of `--transcribe`."""

    AUTO, YES, NO = "auto", "yes", "no"


class EngineMode(StrEnum):
    """Value of `--engine`."""

    LOCAL, RAY = "local", "ray"


class MatchMode(StrEnum):
    """Value of `--match`."""

    NOW, LATER = "now", "later"


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON only, one object per line.")]
PathsArgument = Annotated[
    list[str], typer.Argument(help="Files and folders; folders are searched.", show_default=False)
]
StoreOption = Annotated[
    Path | None, typer.Option("--store", help="Folder of the case; also before the command.", show_default=False)
]
UnsafeOption = Annotated[
    bool,
    typer.Option("--unsafe-no-sandbox", help="Decode files without the sandbox: for trusted files only."),
]
EngineOption = Annotated[EngineMode, typer.Option("--engine", help="Use workers of this machine, or of a Ray cluster.")]
AddressOption = Annotated[
    str | None,
    typer.Option("--address", help="HOST:PORT of the Ray cluster, which then gets files.", show_default=False),
]
ModelOption = Annotated[
    str, typer.Option(help="whisper-base (included), one in the hub's cache, a folder, sensevoice:FOLDER.")
]
HotwordsOption = Annotated[
    Path | None,
    typer.Option(
        "--hotwords", "--words", help="Text file of names to expect in speech, one per line.", show_default=False
    ),
]
MinProbabilityOption = Annotated[
    float, typer.Option(help="Omit matches below this probability; 0 lists weak ones too.", min=0, max=1)
]
OcrOption = Annotated[
    YesNo, typer.Option("--ocr", "--text", help="Run OCR on the query, and on matches without a stored OCR result.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalOptions:
    """Options given before the command."""

    store: Path | None = None
    unsafe: bool = False


_global = GlobalOptions()


def set_global_options(options: GlobalOptions) -> None:
    """Set the options that were given before the command."""
    global _global
    _global = options


def selected_store(store: Path | None) -> Path | None:
    """Return the folder that was named behind or before the command, or None."""
    return _global.store if store is None else store


def is_sandboxed(unsafe: bool) -> bool:
    """Return True if files are to be decoded in the sandbox; warn if not."""
    if unsafe or _global.unsafe:
        print_warning("files are decoded without the sandbox: a malicious file can do everything that you can")
        return False
    return True


def open_selected_case(
    store: Path | None,
    *,
    create: bool = False,
    unsafe: bool = False,
    engine: EngineOptions = EngineOptions(),  # noqa: B008
) -> "Case":
    """Return the case that a command works on, opened."""
    from mediafp.case import open_case

    sandboxed = is_sandboxed(unsafe)
    return open_case(
        selected_store(store),
        create=create,
        sandboxed=sandboxed,
        engine=engine,
        on_damage=print_damage,
        on_lost=print_lost,
    )


def suggest_command(words: str, store: Path | None) -> str:
    """Return a command line for the same store, to be shown to the user."""
    folder = selected_store(store)
    return f"mediafp --store {shlex.quote(str(folder))} {words}" if folder else f"mediafp {words}"


def speech_options(transcribe: TranscribeMode, model: str, hotwords: Path | None) -> "SpeechOptions | None":
    """Return the options of transcription, or None if it is off, or `auto` and the included model is missing.

    Raises:
        ModelError: The model is missing, and was named or required.
        UsageError: The hotwords cannot be read.
    """
    if transcribe is TranscribeMode.NO:
        return None
    from mediafp.case import check_speech_model, load_hotwords
    from mediafp.types.defaults import DEFAULT_MODEL
    from mediafp.types.runs import SpeechOptions

    options = SpeechOptions(model=model, hotwords=load_hotwords(hotwords) if hotwords else ())
    try:
        check_speech_model(options)
    except ModelError as error:
        if transcribe is TranscribeMode.YES or model != DEFAULT_MODEL:
            raise
        print_warning(f"skipped transcription: {error}")
        return None
    return options
