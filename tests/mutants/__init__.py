"""Wrong answers on purpose, a module a chapter, each with the misconception that its check must recognise.

    from metarl_core.check import ch01
    from mutants import Mutant

    def _forgets_gamma(rewards, gamma):       # written as a learner would, not copied from the check
        return rewards.cumsum(-1)[:, -1]

    MUTANTS = [Mutant(ch01.check_discounted_return, "undiscounted", _forgets_gamma)]

Answers that raise, return None or a string, have the wrong shape, are constant or change their arguments are tried on
every check without being listed.
"""

from dataclasses import dataclass
from typing import Any

from metarl_core.check import Check


@dataclass(frozen=True)
class Mutant:
    check: Check
    misconception: str
    answer: Any
