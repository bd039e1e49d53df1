"""Answers that are no mutants, a module a chapter: wrong ones that a check must reject, right ones it must accept.

    from metarl_core.check import ch01

    def _sums_by_hand(rewards, mask, discount): ...

    WRONG = [(ch01.check_reward_to_go, _by_powers_and_division)]
    RIGHT = [(ch01.check_reward_to_go, _sums_by_hand)]

    NOT_SAID = [(ch01.check_reward_to_go, _by_powers_and_division, "words that would be untrue of it")]   # if any

They are what a careless learner, or a chatbot, would write; no message is asked for by name. Answers whose message
matters stand in `tests/mutants`.
"""


def named(check, *answers, **more):
    """Pairs (check, answer); the words of `more` become names of answers that have none of their own."""
    for name, answer in more.items():
        answer.__name__ = name
    return [(check, answer) for answer in (*answers, *more.values())]


class Lazily:
    """A check of a report that costs a training: the answer makes the report, when it is asked for."""

    def __init__(self, check):
        self.check, self.name = check, check.name

    def __call__(self, make):
        return self.check(make())


def reported(check, *makers):
    """Pairs (check, maker of a report)."""
    return [(Lazily(check), maker) for maker in makers]
