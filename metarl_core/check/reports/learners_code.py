"""What a learner's functions raise, or that they do not end, told as a fault of a report."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..limits import TooLong, allowed_seconds, limited
from ..outcome import CheckFailed

CALLS = 6
"""how many times as long as a single call the whole of it may take"""


@contextlib.contextmanager
def learners_code(doing: str, not_ended: str) -> Iterator[None]:
    """Call what a report hands in, its environment or its tasks, under a time limit.

    Args:
        doing: the words before "raised …".
        not_ended: what is said after `CALLS` times the seconds of a call, a minute unless that was changed.

    Raises:
        CheckFailed: in words, for whatever else the body raises.
    """
    try:
        with limited(CALLS * allowed_seconds()):
            yield
    except TooLong:
        raise CheckFailed(not_ended, "time") from None
    except CheckFailed:
        raise
    except Exception as error:
        text = str(error).strip().splitlines()
        words = f"raised {type(error).__name__}: {text[0][:300] if text else ''}"
        raise CheckFailed(f"{doing} {words}", "exception") from None
