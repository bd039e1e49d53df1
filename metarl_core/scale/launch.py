"""Start `torchrun` from a notebook, and say in a sentence where it does not work."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from metarl_core.arguments import check_count, check_positive


@dataclass(frozen=True)
class Launched:
    """What became of processes that `torchrun` started."""

    ok: bool
    """whether all of them ended well"""
    said: str
    """what they printed; where they did not end well, a sentence and the last lines of it"""

    def __str__(self) -> str:
        return self.said


def torchrun(script: str | Path, ranks: int, *arguments: str, minutes: float = 5.0) -> Launched:
    """Run a script by several processes of this machine, one thread each, and wait for them.

    Args:
        script: the path of a file that joins them (`join`).
        ranks: number of processes.
        arguments: handed to each.
        minutes: after which they are ended.

    Raises:
        ValueError: for a script that is not there, fewer than one process, or a time that is not above 0.
    """
    check_count("ranks", ranks)
    check_positive("minutes", minutes)
    if not Path(script).is_file():
        raise ValueError(f"script must be the path of a file, got {str(script)!r}.")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}", str(script)]
    path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    try:
        done = subprocess.run(
            [*command, *arguments], env=environment, capture_output=True, text=True, timeout=60 * minutes, check=False
        )
    except subprocess.TimeoutExpired:
        return Launched(False, f"The {ranks} processes had not ended after {minutes:g} minutes, and were ended.")
    except OSError as error:
        return Launched(False, f"This machine does not let a notebook start processes: {error}.")
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-5:])
        return Launched(False, f"torchrun ended with {done.returncode}, and not all processes ended well:\n{last}")
    return Launched(True, done.stdout.strip())
