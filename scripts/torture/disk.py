"""Ingest into a store whose disk is full, removed, read-only or has a wrong clock: no traceback, no damage, resumable.

    .venv/bin/python scripts/torture/disk.py [--levels 20] [--mishaps NAME ...] [--by tmpfs|limit] [--photos 40]

An ingest fills a small tmpfs with space for between 2 % and 98 % of the undisturbed store; then the tmpfs is enlarged and the
ingest runs again. If this user may not mount, nor create a namespace to mount in, a limit on the size of files takes its
place; `by` in the summary names the method. All mishaps run unless some are named (`none` for none):

    store_gone     the folder of the store is deleted during a run
    dump_gone      the ingested folder is moved away during a run, and moved back after it
    read_only      the store is made read-only before a run (root also drops its capability to write to it)
    closed         the folder of the store is made read-only during a run
    clock_back     the clock of a run starts in 2001 and goes back an hour each time that it is read

Quick form: --levels 3 --photos 12 --mishaps none.
"""

import argparse
import ctypes
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import trial

MIN_FILL, MAX_FILL = 0.02, 0.98
"""Shares of the undisturbed store that fit on the disk at first, lowest and highest."""
ENLARGED_BYTES = 256 << 20
"""Size of the tmpfs for the second run."""
MIN_TMPFS_BYTES = 16 << 10
MIN_FILE_SIZE_LIMIT_BYTES = 64 << 10
"""Lowest limit on the size of files: a starting worker writes a small clip, which is not part of the store."""
PR_CAPBSET_DROP = 24
"""Option of prctl(2) that removes a capability from the bounding set."""
CAPABILITIES_TO_IGNORE_PERMISSIONS = (1, 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH of capabilities(7)."""
RUN_WITH_WRONG_CLOCK = """
from datetime import datetime, timedelta
from itertools import count
from mediafp.store.sqlite import values
hours = count()
class WrongClock(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime(2001, 1, 1) - timedelta(hours=next(hours))
values.datetime = WrongClock
assert values.utc_now() == "2001-01-01T00:00:00Z" and values.utc_now() < "2001"
from mediafp.__main__ import main
main()
"""
"""Program that runs `mediafp` with the clock of mishap clock_back."""
DiskMethod = Literal["tmpfs", "namespace", "limit"]


def main() -> int:
    """Return 1 if a run ended without status 2 or 3 and a message, a store was not sound, or a next run did not resume."""
    parser = trial.make_corpus_parser(__doc__ or "", photos=40)
    parser.add_argument("--levels", type=int, default=20)
    parser.add_argument("--mishaps", nargs="*", choices=(*MISHAPS, "none"), default=list(MISHAPS))
    parser.add_argument("--by", choices=("tmpfs", "limit"), help="default: a tmpfs if it can be mounted")
    parser.add_argument("--level", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--expected", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.expected:  # This process was started by `run_full_disk` in a namespace of its own.
        with tempfile.TemporaryDirectory(prefix="disk-") as scratch:
            print(json.dumps(run_on_tmpfs(Path(scratch), _load_expected(args.expected), args.level)))
        return 0
    with tempfile.TemporaryDirectory(prefix="disk-") as scratch:
        work = Path(scratch)
        expected = trial.ingest_undisturbed(work / "expected", trial.corpus_folder(args, work))
        method: DiskMethod = "limit" if args.by == "limit" else find_disk_method(work)
        if args.by == "tmpfs" and method == "limit":
            sys.exit("this user may not mount, nor create a namespace to mount in")
        steps = max(1, args.levels - 1)
        levels = [MIN_FILL + (MAX_FILL - MIN_FILL) * number / steps for number in range(args.levels)]
        mishaps = [name for name in args.mishaps if name != "none"]
        totals = dict.fromkeys(("lost", "unsound", "not_resumed", "wrong_end", "fitted", "survivors"), 0)
        failures = 0
        for case in trial.show_progress([*levels, *mishaps], len(levels) + len(mishaps), "disk"):
            folder = Path(tempfile.mkdtemp(dir=work))
            try:
                if isinstance(case, str):
                    figures = MISHAPS[case](folder, expected)
                else:
                    figures = run_full_disk(folder, expected, case, method)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            for name in totals:
                totals[name] += figures.get(name, 0)
            failed = any(figures.get(name) for name in ("lost", "unsound", "not_resumed", "wrong_end", "survivors"))
            failures += trial.print_trial(case if isinstance(case, str) else f"{case:.0%}", ok=not failed, **figures)
    if levels and totals["fitted"] == len(levels):
        print("note: the store fitted at every level, so that nothing was tested", file=sys.stderr)
        failures += 1
    return trial.print_summary(
        failures, by=method, levels=len(levels), mishaps=mishaps, bytes=expected.store_bytes, **totals
    )


def resume(
    disturbed: trial.CompletedCommand, store: Path, out: Path, expected: trial.UndisturbedIngest
) -> dict[str, Any]:
    """Check the store that a disturbed run left, run the ingest again, and return the figures; all are 0 if all is well."""
    was_sound = trial.is_sound(store)
    stored = {row["sha256"] for row in trial.export_rows(store)}
    resumed = trial.run_command(trial.ingest_command(store, expected.source), out)
    content = trial.store_content(store)
    differences = trial.count_differences(content, expected.content)
    return {
        "lost": len(set(disturbed.acknowledged.values()) - stored),
        "unsound": (not was_sound) + (not trial.is_sound(store)),
        "not_resumed": int(resumed.code != expected.code or differences > 0),
        "survivors": disturbed.survivors + resumed.survivors,
        "differences": differences,
        **({"examples": trial.sample_differences(content, expected.content)} if differences else {}),
    }


def is_clean_failure(completed: trial.CompletedCommand) -> bool:
    """Return True if a run ended with status 2 or 3 and a message to the user, without a traceback."""
    message = completed.err.strip() if completed.code == 2 else completed.summary.get("errors")
    return completed.code in (2, 3) and bool(message) and trial.TRACEBACK not in completed.err


# Full disk ----------------------------------------------------------------------------------------


def find_disk_method(work: Path) -> DiskMethod:
    """Return the method by which this user can get a small disk."""
    (folder := work / "mountable").mkdir()
    if _mount(folder, MIN_TMPFS_BYTES):
        _run("umount", str(folder))
        return "tmpfs"
    return "namespace" if shutil.which("unshare") and _run("unshare", "-rm", "true") else "limit"


def run_full_disk(folder: Path, expected: trial.UndisturbedIngest, level: float, method: DiskMethod) -> dict[str, Any]:
    """Return the figures of an ingest with space for a share of its store, and of the next one with more space."""
    if method == "limit":
        return run_with_size_limit(folder, expected, level)
    if method == "tmpfs":
        return run_on_tmpfs(folder, expected, level)
    values = {field.name: getattr(expected, field.name) for field in fields(expected)}
    (folder / "expected").write_text(json.dumps(values | {"source": str(expected.source)}))
    inner_command = [sys.executable, __file__, "--level", str(level), "--expected", str(folder / "expected")]
    completed = trial.run_command(["unshare", "-rm", *inner_command], folder / "out")
    figures: dict[str, Any] = completed.lines[-1] if completed.lines else {"wrong_end": 1, "message": completed.err}
    return figures


def _load_expected(file: Path) -> trial.UndisturbedIngest:
    values = json.loads(file.read_text())
    content = trial.StoreContent(values["content"])
    return trial.UndisturbedIngest(**{**values, "source": Path(values["source"]), "content": content})


def run_on_tmpfs(folder: Path, expected: trial.UndisturbedIngest, level: float) -> dict[str, Any]:
    """Return the figures of both ingests on a small tmpfs that is enlarged between them."""
    (disk := folder / "disk").mkdir()
    if not _mount(disk, max(MIN_TMPFS_BYTES, round(level * expected.store_bytes))):
        return {"wrong_end": 1, "message": "the tmpfs could not be mounted"}
    try:
        store = disk / "case"
        completed = trial.run_command(trial.ingest_command(store, expected.source), folder / "out")
        verified = trial.run_in_process(store, "verify") if trial.has_store(store) else None
        _run("mount", "-o", f"remount,size={ENLARGED_BYTES}", str(disk), check=True)
        return _full_disk_figures(completed, verified, store, folder / "out", expected)
    finally:
        _run("umount", str(disk)) or _run("umount", "-l", str(disk))


def run_with_size_limit(folder: Path, expected: trial.UndisturbedIngest, level: float) -> dict[str, Any]:
    """Return the figures of an ingest with a limit on the size of files, and of the next one without it.

    The output goes through pipes, since the limit would apply to output files too.
    """
    limit = max(MIN_FILE_SIZE_LIMIT_BYTES, round(level * expected.store_bytes))
    store = folder / "case"
    process = subprocess.Popen(
        trial.ingest_command(store, expected.source),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    try:
        out, err = process.communicate(timeout=trial.COMMAND_SECONDS)
    except BaseException:
        trial.kill_command(process)
        raise
    code, survivors = trial.wait_for_exit(process)
    completed = trial.CompletedCommand(
        code=code, out=out.decode(errors="replace"), err=err.decode(errors="replace"), survivors=survivors
    )
    return _full_disk_figures(completed, None, store, folder / "out", expected)


def _full_disk_figures(
    completed: trial.CompletedCommand,
    verified: trial.CompletedCommand | None,
    store: Path,
    out: Path,
    expected: trial.UndisturbedIngest,
) -> dict[str, Any]:
    """Return the figures of an ingest with little space, and of `verify` on its full disk if it ran."""
    content = trial.store_content(store)
    fitted = completed.code == expected.code and trial.count_differences(content, expected.content) == 0
    verdict, unsound = "no store", 0
    if verified:
        # Without space `verify` may refuse a sound store, but it may not report problems.
        unsound = int("problems" in verified.out)
        verdict = "unsound" if unsound else {0: "sound", 2: "refused"}.get(verified.code or 0, verified.err)
    is_expected_end = fitted or is_clean_failure(completed)
    wrong_end = not is_expected_end or verdict not in ("no store", "unsound", "sound", "refused")
    figures = resume(completed, store, out, expected)
    figures["unsound"] += unsound
    return {
        "exit": completed.code,
        "acknowledged": len(completed.acknowledged),
        "verify_when_full": verdict,
        "fitted": int(fitted),
        "wrong_end": int(wrong_end),
        **figures,
        **({"message": completed.err} if wrong_end else {}),
    }


def _mount(folder: Path, size: int) -> bool:
    return _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(folder))


def _run(*command: str, check: bool = False) -> bool:
    return subprocess.run(command, capture_output=True, check=check, timeout=60).returncode == 0


# Mishaps ------------------------------------------------------------------------------------------


def run_with_mishap(
    folder: Path, expected: trial.UndisturbedIngest, mishap: Callable[[Path], object], **options: Any
) -> trial.CompletedCommand:
    """Run an ingest, stop it after its first acknowledged file, let a mishap happen, continue it, and return its end."""
    store, out = folder / "case", folder / "out"
    process = trial.start_command(trial.ingest_command(store, expected.source, jobs=1), out, **options)
    try:
        trial.wait_for_acknowledgement(process, out)
        process.send_signal(signal.SIGSTOP)
        mishap(store)
    finally:
        process.send_signal(signal.SIGCONT)
        completed = trial.finish_command(process, out)
    return completed


def run_store_gone(folder: Path, expected: trial.UndisturbedIngest) -> dict[str, Any]:
    """Return the figures of a run whose store is deleted; the next run starts a new store."""
    completed = run_with_mishap(folder, expected, shutil.rmtree)
    # The acknowledged files were deleted with the store.
    return {**_mishap_figures(completed, folder, expected, may_finish=False), "lost": 0}


def run_source_gone(folder: Path, expected: trial.UndisturbedIngest) -> dict[str, Any]:
    """Return the figures of a run whose source folder is moved away and back."""
    moved = expected.source.with_name(expected.source.name + "-moved")
    try:
        completed = run_with_mishap(folder, expected, lambda store: expected.source.rename(moved))
    finally:
        moved.rename(expected.source)
    return _mishap_figures(completed, folder, expected, may_finish=False)


def run_read_only(folder: Path, expected: trial.UndisturbedIngest) -> dict[str, Any]:
    """Return the figures of a run on a read-only store: the run is refused, and the store does not change."""
    store, out = folder / "case", folder / "out"
    exit_before, content_before = ingest_part(store, out, expected).code, trial.store_content(store)
    _set_writable(store, False)
    try:
        completed = trial.run_command(
            trial.ingest_command(store, expected.source), out, **_options_to_obey_permissions()
        )
    finally:
        _set_writable(store, True)
    is_unchanged = trial.store_content(store) == content_before
    figures = _mishap_figures(completed, folder, expected, may_finish=False, is_unchanged=is_unchanged)
    return {"exit_before": exit_before, **figures}


def ingest_part(store: Path, out: Path, expected: trial.UndisturbedIngest) -> trial.CompletedCommand:
    """Ingest the first few files of the source."""
    first_files = sorted(path for path in expected.source.iterdir() if path.is_file())[:3]
    return trial.run_command(trial.ingest_command(store, *first_files), out)


def run_closed(folder: Path, expected: trial.UndisturbedIngest) -> dict[str, Any]:
    """Return the figures of a run whose folder is made read-only; it may finish, since its files are open."""
    try:
        completed = run_with_mishap(
            folder, expected, lambda store: store.chmod(0o555), **_options_to_obey_permissions()
        )
    finally:
        _set_writable(folder / "case", True)
    return _mishap_figures(completed, folder, expected, may_finish=True)


def run_clock_back(folder: Path, expected: trial.UndisturbedIngest) -> dict[str, Any]:
    """Return the figures of a run with a wrong clock on a store that already has a part of the files."""
    store, out = folder / "case", folder / "out"
    ingest_part(store, out, expected)
    # The arguments behind "python -m mediafp".
    _, _, _, *arguments = trial.ingest_command(store, expected.source)
    completed = trial.run_command([sys.executable, "-c", RUN_WITH_WRONG_CLOCK, *arguments], out)
    return _mishap_figures(completed, folder, expected, may_finish=True)


def _mishap_figures(
    completed: trial.CompletedCommand,
    folder: Path,
    expected: trial.UndisturbedIngest,
    *,
    may_finish: bool,
    is_unchanged: bool = True,
) -> dict[str, Any]:
    """Return the figures of a run with a mishap, after the mishap was undone.

    Args:
        completed: Output of the run.
        folder: Folder of the trial.
        expected: Result of the ingest without mishap.
        may_finish: True if the run may end as without the mishap.
        is_unchanged: False if the run changed a store that it may not change.
    """
    finished = may_finish and completed.code == expected.code and trial.TRACEBACK not in completed.err
    wrong_end = not (is_clean_failure(completed) or finished) or not is_unchanged
    message = {"message": completed.err} if wrong_end else {}
    figures = resume(completed, folder / "case", folder / "out", expected)
    return {"exit": completed.code, "wrong_end": int(wrong_end), **figures, **message}


def _options_to_obey_permissions() -> dict[str, Any]:
    """Return process options under which root, too, obeys file permissions: it drops the capabilities to ignore them.

    The process stays root, because another user may be unable to read a Python that is installed in root's home.
    """
    if os.geteuid():
        return {}
    libc = ctypes.CDLL(None, use_errno=True)

    def drop_capabilities() -> None:
        for capability in CAPABILITIES_TO_IGNORE_PERMISSIONS:
            if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "cannot drop a capability")

    return {"preexec_fn": drop_capabilities}


def _set_writable(store: Path, is_writable: bool) -> None:
    if store.is_dir():
        store.chmod(0o755 if is_writable else 0o555)
        for file in store.iterdir():
            file.chmod(0o644 if is_writable else 0o444)


MISHAPS: dict[str, Callable[[Path, trial.UndisturbedIngest], dict[str, Any]]] = {
    "store_gone": run_store_gone,
    "dump_gone": run_source_gone,
    "read_only": run_read_only,
    "closed": run_closed,
    "clock_back": run_clock_back,
}


if __name__ == "__main__":
    sys.exit(main())
