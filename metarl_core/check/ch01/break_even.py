"""The check of the exercise `break_even`."""

import math

from metarl_core.check import Wrong, case, function_check


def _cost_cases():
    yield case(1000, 100, 60)
    yield case(999, 100, 7)
    yield case(50, 40, 10)
    yield case(12, 4, 0)
    yield case(5, 100, 1)
    yield case(1000, 50, 80)
    yield case(100, 30, 30)


def _by_counting(training, scratch, adapted):
    """Compare the two bills task by task."""
    for tasks in range(1, 10_000):
        if training + tasks * adapted <= tasks * scratch:
            return tasks
    return math.inf


check_break_even = function_check(
    "break_even",
    _by_counting,
    _cost_cases,
    Wrong(
        "divides_by_zero",
        "If a new task saves nothing, there is nothing to divide by. When has the training paid back then?",
        raises="ZeroDivisionError",
    ),
    Wrong(
        "negative",
        "For a method that needs more steps per task than training from scratch, the answer is no number of tasks.",
        when=lambda got, training, scratch, adapted: adapted >= scratch and got != math.inf,
    ),
    Wrong(
        "adaptation_free",
        "Here adaptation costs nothing. Does each new task not send a bill to the meta-learner, too?",
        lambda training, scratch, adapted: math.ceil(training / scratch),
    ),
    Wrong(
        "nearest",
        "This rounds to the nearest whole number. At half a task short, has it paid back?",
        lambda training, scratch, adapted: round(training / (scratch - adapted)) if adapted < scratch else math.inf,
    ),
    Wrong(
        "floor",
        "One task too early: at this number the meta-learner has still spent more in total.",
        lambda training, scratch, adapted: training // (scratch - adapted) if adapted < scratch else math.inf,
    ),
    Wrong(
        "one_more",
        "One task too late where the division comes out even. Equal bills count as paid back.",
        lambda training, scratch, adapted: training // (scratch - adapted) + 1 if adapted < scratch else math.inf,
    ),
)
