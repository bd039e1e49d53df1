"""The cases of chapter 17 in the order of the course, with what is to be said of each diagnosis."""

from .case import KINDS, LETTERS, NOTHING, RAISES, SAYS, WRONG, Case
from .early import EARLY
from .late import LATE
from .middle import MIDDLE

CASES = (*EARLY, *MIDDLE, *LATE)

__all__ = ["CASES", "KINDS", "LETTERS", "NOTHING", "RAISES", "SAYS", "WRONG", "Case"]
