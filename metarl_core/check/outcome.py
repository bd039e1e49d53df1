"""What a learner reads when an answer is not accepted: a message in words, never a traceback from inside a check."""

from __future__ import annotations

import linecache
import sysconfig
from pathlib import Path
from types import CodeType, TracebackType

_OURS = str(Path(__file__).parents[1])
_NOT_THE_LEARNERS = (
    _OURS,
    *{sysconfig.get_paths()[k] for k in ("stdlib", "purelib", "platlib")},
    "<frozen",
    "<string>",
)


class CheckFailed(AssertionError):
    """An answer that a check does not accept. `str()` is the message; IPython shows it alone.

    `kind` is what was wrong: "misconception", "type", "shape", "dtype", "finite", "value", "changed arguments" or
    "exception". `misconception` is the id of the misconception that was recognised, else None.
    """

    def __init__(self, message: str, kind: str, misconception: str | None = None):
        super().__init__(message)
        self.kind = kind
        self.misconception = misconception

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class NotDone(NotImplementedError):
    """A stub that has not been filled in."""

    def __init__(self, name: str):
        super().__init__(f"Not done yet: fill in `{name}`.")

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def from_exception(error: Exception, call: str, observer: CodeType, returned: str = "") -> CheckFailed | NotDone:
    """The report of an exception that came out of the learner's answer, called as `call`.

    `observer` is the check's own function around it; `returned` describes what the answer gave back, if it did so
    before something went wrong with it.
    """
    frames = _frames(error.__traceback__, observer)
    learners = [frame for frame in frames if not frame[0].startswith(_NOT_THE_LEARNERS)]
    if isinstance(error, NotImplementedError) and learners and learners[-1] == frames[-1]:
        raised = linecache.getline(*learners[-1][:2])
        if "NotImplementedError" in raised or not str(error):  # torch raises it, too: that does not mean a stub
            return NotDone(learners[-1][2])
    text = _shortened(error)
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if not learners and returned:
        return CheckFailed(f"`{call}` returned {returned}, and using that raised {what}", "exception")
    if not learners:
        return CheckFailed(f"`{call}` raised {what}", "exception")
    file, line, function = learners[-1]
    source = linecache.getline(file, line).strip()
    where = f"in line {line} of the cell or file that defines `{function}`" + (f":\n    {source}" if source else ".")
    return CheckFailed(f"Your code raised {what}\n{where}", "exception")


def _shortened(error: Exception, most: int = 600) -> str:
    """What the exception says, as far as a reader gets: torch's may be a hundred lines long."""
    text = str(error).strip()
    return text if len(text) <= most else text[:most].rsplit("\n", 1)[0].rstrip() + " ..."


def _frames(traceback: TracebackType | None, observer: CodeType) -> list[tuple[str, int, str]]:
    frames = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code is not observer:
            frames.append((code.co_filename, traceback.tb_lineno, code.co_name))
        traceback = traceback.tb_next
    return frames
