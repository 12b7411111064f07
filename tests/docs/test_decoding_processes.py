"""The rule of docs/architecture.md that workers alone decode: which modules can, and which processes import them."""

import ast
from functools import cache
from typing import Final

import grimp
import pytest
from documents import PACKAGE, read, sections

from mediafp.engine.local import process

CV2_DECODERS: Final = {
    "imdecode", "imdecodemulti", "imdecodeanimation", "imdecodeWithMetadata", "imread", "imreadmulti", "imreadanimation",
    "imreadWithMetadata", "VideoCapture",
}  # fmt: skip
DECODING_LIBRARIES: Final = {"av", "pi_heif", "pillow_heif", "imageio", "skimage", "torchvision", "tifffile"}
"""Libraries whose import alone counts: they do hardly anything else."""
PROGRAM: Final = ("__main__", "cli", "web", "case", "report", "store", "matching", "accounts", "sightings")
"""Packages of the main process, which imports the modules of `case` and `types` by computed names too."""
WORKERS: Final = (process.WORKER_MODULE, process.DECODER_MODULE)
EXEMPT: Final = {
    # The version of PyAV and of its FFmpeg, for `doctor`.
    "mediafp.ingest.libraries": {"av"},
    # Photographs that come with installed packages, for `demo`.
    "mediafp.cli.demo.edits": {"Image.open"},
}
"""Modules of the main process that name a decoder, and the reason why it gets no file of a user."""


def find_decoders(source: str) -> set[str]:
    """Return the decoders of images and videos that a module names."""
    found, pillow = set(), set()
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names} & DECODING_LIBRARIES
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            library = node.module.partition(".")[0]
            names = {alias.name for alias in node.names}
            found |= {library} & DECODING_LIBRARIES
            if library == "cv2":
                found |= {f"cv2.{name}" for name in names & CV2_DECODERS}
            elif library == "PIL":
                pillow |= {alias.asname or alias.name for alias in node.names}
                # A plugin may be imported for its constants; its classes read files.
                found |= {f"PIL.{name}" for name in names if name in ("open", "Parser", "ImageFile")}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value)
            if owner == "cv2" and node.attr in CV2_DECODERS:
                found.add(f"cv2.{node.attr}")
            elif node.attr == "open" and (owner in pillow or owner.startswith("PIL.")):
                found.add(f"{owner}.open")
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr" and "cv2" in ast.unparse(node.args[0]):
            found.add("cv2 by a computed name")
    return found


@cache
def decoding_modules() -> dict[str, set[str]]:
    """Return the decoders that each module names which names any."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        if decoders := find_decoders(path.read_text()):
            found[name] = decoders
    return found


@cache
def import_graph() -> grimp.ImportGraph:
    """Return which modules import which others, imports in functions and for type checking included."""
    return grimp.build_graph("mediafp", cache_dir=None)


def imported_by(names: tuple[str, ...]) -> set[str]:
    """Return some modules, those of packages, and all that they import directly or not."""
    graph = import_graph()
    roots = {module for name in names for module in (name, *graph.find_descendants(name))}
    return roots.union(*(graph.find_upstream_modules(root) for root in roots))


def test_decoders_are_recognised_in_each_form() -> None:
    assert find_decoders("import cv2\nimport numpy as np\ncv2.resize(cv2.imencode('.png', x)[1], (1, 1))") == set()
    assert find_decoders("def f():\n    import cv2\n    return cv2.imdecode(x, 1)") == {"cv2.imdecode"}
    assert find_decoders("from cv2 import imread") == {"cv2.imread"}
    assert find_decoders("import cv2\ngetattr(cv2, name)(x)") == {"cv2 by a computed name"}
    assert find_decoders("from PIL import Image as I, ImageDraw\nI.open(x)") == {"I.open"}
    assert find_decoders("import PIL.Image\nPIL.Image.open(x)") == {"PIL.Image.open"}
    assert find_decoders("from PIL.Image import open") == {"PIL.open"}
    assert find_decoders("import av.container") == find_decoders("from av.packet import Packet") == {"av"}
    assert find_decoders("from PIL import Image\nwith open(x) as file:\n    Image.fromarray(y)") == set()


def test_program_imports_no_module_that_decodes() -> None:
    program = imported_by(tuple(f"mediafp.{name}" for name in PROGRAM)) | {"mediafp"}
    named = {name: decoders for name, decoders in decoding_modules().items() if name in program}
    assert named == EXEMPT
    # The graph contains what starts the workers, and what is done with the pixels.
    assert program > {
        "mediafp.engine.local.engine", "mediafp.engine.cluster.engine", "mediafp.engine.comparison.sides",
        "mediafp.engine.local.clips", "mediafp.ingest.thumbnails", "mediafp.text.speech.transcribers",
        "mediafp.matching.images.compare", "mediafp.web.pair_media", "mediafp.case.publication.covers",
    }  # fmt: skip
    assert not program & {*WORKERS, "mediafp.engine.analysis", "mediafp.ingest.thumbnail_pixels"}


def test_nodes_of_a_cluster_import_no_module_that_decodes() -> None:
    assert not imported_by(("mediafp.engine.cluster",)) & decoding_modules().keys() - EXEMPT.keys()


def test_workers_import_all_modules_that_decode() -> None:
    """The modules that the rule is about exist: a rule about none would hold whatever the program does."""
    decoding = decoding_modules().keys() - EXEMPT.keys()
    assert {"mediafp.ingest.thumbnail_pixels", "mediafp.ingest.image_files", "mediafp.ingest.video"} <= decoding
    assert decoding <= imported_by(WORKERS), "a module that decodes and that no worker imports is used elsewhere"


@pytest.mark.parametrize("module", WORKERS)
def test_workers_are_started_and_never_imported(module: str) -> None:
    assert not import_graph().find_modules_that_directly_import(module)
    assert '__name__ == "__main__"' in (PACKAGE.parent / f"{module.replace('.', '/')}.py").read_text()


def test_document_states_the_rule() -> None:
    text = sections(read("docs/architecture.md"))["Import layers"]
    assert "ingest/thumbnail_pixels.py" in text and "test_decoding_processes.py" in text
