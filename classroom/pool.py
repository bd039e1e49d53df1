"""Workers that judge: processes of `classroom.worker`, started once for many answers, and again if they die."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from .judge import Verdict
from .limits import Limits

ROOT = Path(__file__).resolve().parent.parent
START = 600.0
"""seconds that a worker may take to import everything, on a busy machine"""
CHECK_SECONDS = "20"
"""that one call of an answer may take, rather more than at a desk: several answers are judged at once"""


class Worker:
    """One process that judges. Use it in one thread."""

    def __init__(self, chapters: list[str], variant: str, forks: bool = hasattr(os, "fork"), walls: bool = True):
        self.chapters, self.variant, self.forks, self.walls = chapters, variant, forks, walls
        self.process: subprocess.Popen[bytes] | None = None
        self.walled: bool | None = None

    def start(self) -> None:
        """Raises RuntimeError where it cannot be started."""
        self.process = self._open("-m", "classroom.worker")
        self._tell({"chapters": self.chapters, "variant": self.variant, "walls": self.walls})
        first = self._hear(START)
        if first is None:
            self.stop()
            raise RuntimeError("the process that judges cannot be started: `make doctor` may say why.")
        self.walled = bool(first["walled"])

    def judge(self, job: dict[str, Any]) -> Verdict:
        limits = Limits(**job.get("limits", {}))
        if not self.forks:
            return self._once(job, limits)
        if self.process is None:
            self.start()
        self._tell(job)
        answer = self._hear(limits.seconds * limits.patience + 60)
        if answer is None:
            self.stop()
            return Verdict(kind="crash", message="The answer ended the process that judges it.")
        return Verdict(**answer)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    pipe.close()
            self.process = None

    def _once(self, job: dict[str, Any], limits: Limits) -> Verdict:
        """Without fork: a process for one answer."""
        self.walled = False
        process = self._open("-m", "classroom.worker", "--once")
        try:
            said, _ = process.communicate((json.dumps(job) + "\n").encode(), START + limits.seconds * limits.patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return Verdict(kind="limit", message="It was ended: it had not finished in time.")
        try:
            return Verdict(**json.loads(said))
        except (ValueError, TypeError):
            return Verdict(kind="limit", message="It was ended: it took too long, or it ended Python itself.")

    def _open(self, *arguments: str) -> subprocess.Popen[bytes]:
        own = {
            "PYTHONPATH": str(ROOT),
            "MPLBACKEND": "Agg",
            "METARL_CHECK_SECONDS": CHECK_SECONDS,
            "PYTHONHASHSEED": "0",
        }
        threads = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        kept = {
            k: v
            for k, v in os.environ.items()
            if k in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "SYSTEMROOT")
        }
        return subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**kept, **threads, **own},
            cwd=ROOT,
        )

    def _tell(self, what: dict[str, Any]) -> None:
        try:
            self.process.stdin.write((json.dumps(what) + "\n").encode())  # type: ignore[union-attr]
            self.process.stdin.flush()  # type: ignore[union-attr]
        except OSError:
            pass  # it has died; nothing will be heard either

    def _hear(self, seconds: float) -> dict[str, Any] | None:
        """The next line, None where none comes."""
        pipe, data, end = self.process.stdout.fileno(), b"", time.monotonic() + seconds  # type: ignore[union-attr]
        while not data.endswith(b"\n"):
            left = end - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                return None
            part = os.read(pipe, 65536)
            if not part:
                return None
            data += part
        try:
            return json.loads(data)
        except ValueError:
            return None


def judge_all(
    jobs: list[dict[str, Any]],
    chapters: list[str],
    variant: str,
    done: Callable[[dict[str, Any], Verdict], None],
    workers: int = 2,
) -> str:
    """Judge every job, several at a time; `done(job, verdict)` is called in this thread as they are. Returns what walls
    there were, in words.
    """
    from .walls import in_words

    tasks: Queue[dict[str, Any]] = Queue()
    results: Queue[tuple[dict[str, Any], Verdict | BaseException]] = Queue()
    for job in jobs:
        tasks.put(job)
    stopped = threading.Event()
    crew = [Worker(chapters, variant) for _ in range(max(1, min(workers, len(jobs))))]

    def work(worker: Worker) -> None:
        while not stopped.is_set():
            try:
                job = tasks.get_nowait()
            except Empty:
                return
            try:
                results.put((job, worker.judge(job)))
            except BaseException as error:
                results.put((job, error))

    threads = [threading.Thread(target=work, args=(worker,), daemon=True) for worker in crew]
    try:
        for thread in threads:
            thread.start()
        for _ in jobs:
            job, verdict = results.get()
            if isinstance(verdict, BaseException):
                raise verdict
            done(job, verdict)
    finally:
        stopped.set()
        for worker in crew:
            worker.stop()
    return in_words(all(worker.walled for worker in crew if worker.walled is not None))
