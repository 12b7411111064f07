"""A store whose disk is full, gone, read-only or in the past: no traceback, nothing corrupt, and the next run goes on.

    .venv/bin/python scripts/torture/disk.py [--levels 20] [--mishaps NAME ...] [--by tmpfs|limit] [--photos 40]

A small tmpfs is filled by an ingest, with room for between 2 % and 98 % of the undisturbed store; then it gets more room
and the ingest is run again. Where this user may not mount (nor make a namespace to mount in), a limit on the size of
files stands for it; `by` says which it was. Mishaps, all unless named (`none` for none):

    store_gone     the store's folder is deleted under a run
    dump_gone      the folder that is taken in is moved away under a run, and comes back
    read_only      the store is made read-only before a run (root gives up its right to write all the same)
    closed         the store's folder is made read-only under a run
    clock_back     a run whose clock starts in 2001 and goes back an hour each time that it is asked

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

FIRST, LAST = 0.02, 0.98
"""Shares of the undisturbed store for which there is room at first."""
ROOM_BYTES = 256 << 20
LEAST_BYTES = 16 << 10
LEAST_LIMIT_BYTES = 64 << 10
"""A worker that starts writes a small clip, which has nothing to do with the store."""
PR_CAPBSET_DROP = 24
CAP_DAC = (1, 2)
"""The rights to write, and to read, what permissions forbid."""
BACKWARDS = """
from datetime import datetime, timedelta
from itertools import count
from mediafp.store.sqlite import assets, custody_log, ledger
hours = count()
for module in (assets, custody_log, ledger):
    module.utc_now = lambda: (datetime(2001, 1, 1) - timedelta(hours=next(hours))).strftime("%Y-%m-%dT%H:%M:%SZ")
from mediafp.__main__ import main
main()
"""
By = Literal["tmpfs", "namespace", "limit"]


def main() -> int:
    """1 where a run ended otherwise than by 2 or 3 and a message, a store was not sound, or a next run did not go on."""
    parser = trial.corpus_parser(__doc__ or "", photos=40)
    parser.add_argument("--levels", type=int, default=20)
    parser.add_argument("--mishaps", nargs="*", choices=(*MISHAPS, "none"), default=list(MISHAPS))
    parser.add_argument("--by", choices=("tmpfs", "limit"), help="else a tmpfs where there may be one")
    parser.add_argument("--level", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--expected", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.expected:  # This is the part that runs in a namespace of its own.
        with tempfile.TemporaryDirectory(prefix="disk-") as inner:
            print(json.dumps(on_tmpfs(Path(inner), _told(args.expected), args.level)))
        return 0
    with tempfile.TemporaryDirectory(prefix="disk-") as scratch:
        work = Path(scratch)
        usual = trial.undisturbed(work / "usual", trial.corpus(args, work))
        by: By = "limit" if args.by == "limit" else mount_by(work)
        if args.by == "tmpfs" and by == "limit":
            sys.exit("this user may not mount, nor make a namespace to mount in")
        steps = max(1, args.levels - 1)
        levels = [FIRST + (LAST - FIRST) * number / steps for number in range(args.levels)]
        mishaps = [name for name in args.mishaps if name != "none"]
        totals = dict.fromkeys(("lost", "unsound", "stuck", "rough", "fitted", "left"), 0)
        short = 0
        for what in trial.counted([*levels, *mishaps], len(levels) + len(mishaps), "disk"):
            place = Path(tempfile.mkdtemp(dir=work))
            try:
                found = MISHAPS[what](place, usual) if isinstance(what, str) else filled(place, usual, what, by)
            finally:
                shutil.rmtree(place, ignore_errors=True)
            for name in totals:
                totals[name] += found.get(name, 0)
            bad = any(found.get(name) for name in ("lost", "unsound", "stuck", "rough", "left"))
            short += trial.say(what if isinstance(what, str) else f"{what:.0%}", ok=not bad, **found)
    if levels and totals["fitted"] == len(levels):
        print("note: all of it fitted at every level, so nothing was shown", file=sys.stderr)
        short += 1
    return trial.finish(short, by=by, levels=len(levels), mishaps=mishaps, bytes=usual.bytes, **totals)


def resumed(ended: trial.Ended, store: Path, out: Path, usual: trial.Usual) -> dict[str, Any]:
    """What is wrong with the store that a run left, and after one that nothing is in the way of: 0 where nothing is."""
    sound = trial.verified(store)
    kept = {row["sha256"] for row in trial.exported(store)}
    again = trial.run(trial.ingest(store, usual.what), out)
    differ = trial.differing(found := trial.held(store), usual.held)
    return {
        "lost": len(set(ended.acknowledged.values()) - kept),
        "unsound": (not sound) + (not trial.verified(store)),
        "stuck": int(again.code != usual.code or differ > 0),
        "left": ended.left + again.left,
        "differ": differ,
        **({"by": trial.unlike(found, usual.held)} if differ else {}),
    }


def stopped(ended: trial.Ended) -> bool:
    """Whether a run that could not go on ended as it should: with 2 or 3 and words for the user."""
    told = ended.err.strip() if ended.code == 2 else ended.summary.get("errors")
    return ended.code in (2, 3) and bool(told) and trial.TRACEBACK not in ended.err


# A disk that is full ------------------------------------------------------------------------------


def mount_by(work: Path) -> By:
    """How a small disk is to be had here."""
    (folder := work / "mountable").mkdir()
    if _mount(folder, LEAST_BYTES):
        _run("umount", str(folder))
        return "tmpfs"
    return "namespace" if shutil.which("unshare") and _run("unshare", "-rm", "true") else "limit"


def filled(place: Path, usual: trial.Usual, level: float, by: By) -> dict[str, Any]:
    """What comes of an ingest with room for a share of its store, and of the next one, with more room."""
    if by == "limit":
        return under_limit(place, usual, level)
    if by == "tmpfs":
        return on_tmpfs(place, usual, level)
    told = {field.name: getattr(usual, field.name) for field in fields(usual)} | {"what": str(usual.what)}
    (place / "told").write_text(json.dumps(told))
    inside = [sys.executable, __file__, "--level", str(level), "--expected", str(place / "told")]
    ended = trial.run(["unshare", "-rm", *inside], place / "out")
    found: dict[str, Any] = ended.lines[-1] if ended.lines else {"rough": 1, "told": ended.err}
    return found


def _told(file: Path) -> trial.Usual:
    told = json.loads(file.read_text())
    return trial.Usual(**{**told, "what": Path(told["what"]), "held": trial.Held(told["held"])})


def on_tmpfs(place: Path, usual: trial.Usual, level: float) -> dict[str, Any]:
    """The same on a small tmpfs."""
    (disk := place / "disk").mkdir()
    if not _mount(disk, max(LEAST_BYTES, round(level * usual.bytes))):
        return {"rough": 1, "told": "the tmpfs could not be mounted"}
    try:
        store = disk / "case"
        ended = trial.run(trial.ingest(store, usual.what), place / "out")
        full = trial.ask(store, "verify") if trial.begun(store) else None
        _run("mount", "-o", f"remount,size={ROOM_BYTES}", str(disk), needed=True)
        return _judged(ended, full, store, place / "out", usual)
    finally:
        _run("umount", str(disk)) or _run("umount", "-l", str(disk))


def under_limit(place: Path, usual: trial.Usual, level: float) -> dict[str, Any]:
    """The same with a limit on the size of a file, which the output must not meet, and so goes through pipes."""
    most = max(LEAST_LIMIT_BYTES, round(level * usual.bytes))
    store = place / "case"
    process = subprocess.Popen(
        trial.ingest(store, usual.what),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )
    try:
        out, err = process.communicate(timeout=trial.COMMAND_SECONDS)
    except BaseException:
        trial.kill(process)
        raise
    code, left = trial.ended_with(process)
    ended = trial.Ended(code=code, out=out.decode(errors="replace"), err=err.decode(errors="replace"), left=left)
    return _judged(ended, None, store, place / "out", usual)


def _judged(ended: trial.Ended, full: trial.Ended | None, store: Path, out: Path, usual: trial.Usual) -> dict[str, Any]:
    fitted = ended.code == usual.code and trial.differing(trial.held(store), usual.held) == 0
    verify, unsound = "no store", 0
    if full:
        # Without room a sound store may be refused, but never found unsound.
        unsound = int("problems" in full.out)
        verify = "unsound" if unsound else {0: "sound", 2: "refused"}.get(full.code or 0, full.err)
    rough = not (fitted or stopped(ended)) or verify not in ("no store", "unsound", "sound", "refused")
    figures = resumed(ended, store, out, usual)
    figures["unsound"] += unsound
    return {
        "exit": ended.code,
        "acknowledged": len(ended.acknowledged),
        "verify_when_full": verify,
        "fitted": int(fitted),
        "rough": int(rough),
        **figures,
        **({"told": ended.err} if rough else {}),
    }


def _mount(folder: Path, size: int) -> bool:
    return _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(folder))


def _run(*command: str, needed: bool = False) -> bool:
    return subprocess.run(command, capture_output=True, check=needed, timeout=60).returncode == 0


# Mishaps ------------------------------------------------------------------------------------------


def under_way(place: Path, usual: trial.Usual, mishap: Callable[[Path], object], **options: Any) -> trial.Ended:
    """How an ingest ended under which a mishap happened to its store; the run is held meanwhile."""
    store, out = place / "case", place / "out"
    process = trial.start(trial.ingest(store, usual.what, jobs=1), out, **options)
    try:
        trial.wait_for_output(process, out)
        process.send_signal(signal.SIGSTOP)
        mishap(store)
    finally:
        process.send_signal(signal.SIGCONT)
        ended = trial.end(process, out)
    return ended


def store_gone(place: Path, usual: trial.Usual) -> dict[str, Any]:
    """The store's folder is deleted under a run; the next one begins anew."""
    ended = under_way(place, usual, shutil.rmtree)
    # What was acknowledged is gone with it.
    return {**_mended(ended, place, usual, went_on=False), "lost": 0}


def dump_gone(place: Path, usual: trial.Usual) -> dict[str, Any]:
    """What is taken in is moved away under a run, and comes back."""
    away = usual.what.with_name(usual.what.name + "-away")
    try:
        ended = under_way(place, usual, lambda store: usual.what.rename(away))
    finally:
        away.rename(usual.what)
    return _mended(ended, place, usual, went_on=False)


def read_only(place: Path, usual: trial.Usual) -> dict[str, Any]:
    """A store that may not be written: it is refused, and stays as it was."""
    store, out = place / "case", place / "out"
    before, kept = taken_in_part(store, out, usual).code, trial.held(store)
    _allow(store, write=False)
    try:
        ended = trial.run(trial.ingest(store, usual.what), out, **_bound())
    finally:
        _allow(store, write=True)
    found = _mended(ended, place, usual, went_on=False, kept=trial.held(store) == kept)
    return {"exit_before": before, **found}


def taken_in_part(store: Path, out: Path, usual: trial.Usual) -> trial.Ended:
    """How an ingest of the first few files ended."""
    few = sorted(path for path in usual.what.iterdir() if path.is_file())[:3]
    return trial.run(trial.ingest(store, *few), out)


def closed(place: Path, usual: trial.Usual) -> dict[str, Any]:
    """The folder is made read-only under a run, which may go on, as its files are open."""
    try:
        ended = under_way(place, usual, lambda store: store.chmod(0o555), **_bound())
    finally:
        _allow(place / "case", write=True)
    return _mended(ended, place, usual, went_on=True)


def clock_back(place: Path, usual: trial.Usual) -> dict[str, Any]:
    """After a part was taken in today, the rest is in a time before."""
    store, out = place / "case", place / "out"
    taken_in_part(store, out, usual)
    _, _, _, *rest = trial.ingest(store, usual.what)
    ended = trial.run([sys.executable, "-c", BACKWARDS, *rest], out)
    return _mended(ended, place, usual, went_on=True)


def _mended(ended: trial.Ended, place: Path, usual: trial.Usual, *, went_on: bool, kept: bool = True) -> dict[str, Any]:
    """The figures once the mishap is undone; `went_on` where the run was free to end as usual."""
    rough = (
        not (stopped(ended) or (went_on and ended.code == usual.code and trial.TRACEBACK not in ended.err)) or not kept
    )
    message = {"told": ended.err} if rough else {}
    return {"exit": ended.code, "rough": int(rough), **resumed(ended, place / "case", place / "out", usual), **message}


def _bound() -> dict[str, Any]:
    """Options that start a command as one whom permissions hold: root gives up its right to pass them over.

    It stays root otherwise: another user may not even reach a Python that lies in root's home.
    """
    if os.geteuid():
        return {}
    libc = ctypes.CDLL(None, use_errno=True)

    def give_up() -> None:
        for right in CAP_DAC:
            if libc.prctl(PR_CAPBSET_DROP, right, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "a capability cannot be given up")

    return {"preexec_fn": give_up}


def _allow(store: Path, *, write: bool) -> None:
    if store.is_dir():
        store.chmod(0o755 if write else 0o555)
        for file in store.iterdir():
            file.chmod(0o644 if write else 0o444)


MISHAPS: dict[str, Callable[[Path, trial.Usual], dict[str, Any]]] = {
    "store_gone": store_gone,
    "dump_gone": dump_gone,
    "read_only": read_only,
    "closed": closed,
    "clock_back": clock_back,
}


if __name__ == "__main__":
    sys.exit(main())
