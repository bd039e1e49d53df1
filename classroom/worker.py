"""The process that judges: `python -m classroom.worker` reads jobs, one a line, and answers each with a verdict.

It imports what all need once, moves behind the walls, and forks for each job a process that judges it and ends: what
one answer leaves behind, the next does not find. Whatever an answer has started ends with it. With `--once` it judges
one job in itself, for systems without fork (Windows).
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from . import limits as limits_module
from . import walls
from .judge import Verdict, fingerprint, judge, quiet, trusted
from .limits import Limits

MOST = 4_000_000
"""bytes of a verdict"""


def prepare(chapters: list[str], variant: str = "") -> None:
    """Import what the jobs need, before anybody's code runs and before the clock does."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    import matplotlib.pyplot
    import torch

    import metarl_core.plotting

    torch.set_num_threads(1)
    torch.func.grad(torch.sum)(torch.zeros(1))  # loads, once, what it needs
    figure = metarl_core.plotting.figure()[0]
    matplotlib.pyplot.close(figure)
    fingerprint(trusted(chapters, variant))


def serve() -> None:
    """Prepare as the first line says, say what walls there are, and judge until the input ends."""
    answers, jobs = os.dup(1), os.fdopen(os.dup(0))
    first = json.loads(jobs.readline())
    prepare(first["chapters"], first.get("variant", ""))
    limits_module.SIZE = limits_module.address_space()
    package = _package()
    allowed = walls.readable(package)
    why = walls.move_behind(allowed) if first.get("walls", True) else "they were not asked for"
    alone = why == ""
    quiet()
    _say(answers, {"ready": True, "walled": alone, "why": why})
    for line in jobs:
        job = json.loads(line)
        _say(answers, dataclasses.asdict(_in_a_child(job, allowed, alone, (answers, jobs.fileno()))))


def _package() -> Path:
    import metarl_core

    return Path(metarl_core.__file__).resolve().parent


def _say(descriptor: int, what: dict[str, Any]) -> None:
    data = (json.dumps(what) + "\n").encode()
    while data:
        data = data[os.write(descriptor, data) :]


def _in_a_child(job: dict[str, Any], allowed: list[Path], alone: bool, mine: tuple[int, ...]) -> Verdict:
    limits = Limits(**job.get("limits", {}))
    folder = Path(tempfile.mkdtemp(prefix="answer-"))
    inward, outward = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            for descriptor in (inward, *mine):
                os.close(descriptor)
            os.setsid()
            _work_in(folder)
            limits.apply()
            walls.refuse(folder, allowed)
            _say(outward, dataclasses.asdict(judge(job, limits)))
        except BaseException as error:
            with contextlib.suppress(BaseException):
                _say(outward, {"kind": "crash", "message": f"Judging it failed: {type(error).__name__}: {error}"})
        finally:
            os._exit(0)
    os.close(outward)
    data, why = _wait(child, inward, limits)
    _end_what_is_left(child, alone)
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(ValueError, TypeError):
        if data and not why:
            return Verdict(**json.loads(data))
    return Verdict(kind="limit" if why else "crash", message=why or "The answer ended Python itself.")


def _work_in(folder: Path) -> None:
    """Whatever wants to write a file writes it there."""
    os.chdir(folder)
    tempfile.tempdir = str(folder)
    os.environ.update(TMPDIR=str(folder), HOME=str(folder), TORCHINDUCTOR_CACHE_DIR=str(folder / "compiled"))


def _wait(child: int, pipe: int, limits: Limits) -> tuple[bytes, str]:
    """What the child said, and why it was ended, "" where it ended by itself."""
    data, end, why = b"", time.monotonic() + limits.seconds * limits.patience, ""
    while True:
        ready, _, _ = select.select([pipe], [], [], 0.2)
        if ready:
            part = os.read(pipe, 65536)
            data += part
            if not part or data.endswith(b"\n") or len(data) > MOST:
                break
        elif os.waitpid(child, os.WNOHANG)[0]:
            os.close(pipe)
            return data, "" if data else _ended(limits)
        if time.monotonic() > end:
            why = f"It was ended: it had not finished after {limits.seconds * limits.patience:g} seconds."
            break
    os.close(pipe)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if not why and not data:
        why = _ended(limits) if status in (-signal.SIGXCPU, -signal.SIGKILL) else ""
    return data, why


def _ended(limits: Limits) -> str:
    return f"It was ended: it took more than {limits.seconds:g} seconds of the processor. Does a loop in it ever end?"


def _end_what_is_left(child: int, alone: bool) -> None:
    """End what the answer has started: its session, and, where nobody else is to be seen, everyone."""
    for target, end in ((child, os.killpg), (-1, os.kill)) if alone else ((child, os.killpg),):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            end(target, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def once() -> None:
    """Judge one job in this process, where there is no fork."""
    answers = os.dup(1)
    job = json.loads(sys.stdin.readline())
    prepare(job["chapters"], job.get("variant", ""))
    limits = Limits(**job.get("limits", {}))
    allowed = walls.readable(_package())
    with tempfile.TemporaryDirectory(prefix="answer-", ignore_cleanup_errors=True) as folder:
        quiet()
        _work_in(Path(folder))
        limits_module.SIZE = limits_module.address_space()
        limits.apply()
        walls.refuse(Path(folder), allowed)
        _say(answers, dataclasses.asdict(judge(job, limits)))
        os._exit(0)


if __name__ == "__main__":
    if sys.argv[1:] == ["--once"]:
        once()
    else:
        serve()
