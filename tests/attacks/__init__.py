"""Answers that are no mutants, a module a chapter: wrong ones that a check must reject, right ones it must accept.

    from metarl_core.check import ch01

    def _sums_by_hand(rewards, mask, discount): ...

    WRONG = [(ch01.check_reward_to_go, _by_powers_and_division)]
    RIGHT = [(ch01.check_reward_to_go, _sums_by_hand)]

    NOT_SAID = [(ch01.check_reward_to_go, _by_powers_and_division, "words that would be untrue of it")]   # if any
    SAID = [(ch01.check_reward_to_go, _by_powers_and_division, "words that name the cause")]   # if any
    DOUBTFUL = [(ch01.check_reward_to_go, _by_recursion)]   # if any: kept for the record, no test asks for a verdict

They are what a careless learner, or a chatbot, would write; no message is asked for by name. Answers whose message
matters stand in `tests/mutants`.
"""

from collections.abc import Mapping
from functools import cached_property


def named(check, *answers, **more):
    """Pairs (check, answer); the words of `more` become names of answers that have none of their own."""
    for name, answer in more.items():
        answer.__name__ = name
    return [(check, answer) for answer in (*answers, *more.values())]


class Made(Mapping):
    """A report that costs a training: `make` is called when something is read from it first."""

    def __init__(self, make):
        self.make, self.__name__ = make, make.__name__

    @cached_property
    def _report(self):
        return self.make()

    def __getitem__(self, key):
        return self._report[key]

    def __iter__(self):
        return iter(self._report)

    def __len__(self):
        return len(self._report)


def reported(check, *makers):
    """Pairs (check, report)."""
    return [(check, Made(make)) for make in makers]
