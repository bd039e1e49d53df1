"""The check of the exercise `break_even`."""

import math

from metarl_core.check import Wrong, case, function_check


def _draw_case(draw):
    """Bills that come out even, one step short or over, at once or after thousands of tasks, or never."""
    adapted = draw.integer(0, 90)
    saved = draw.choice(1, draw.integer(2, 120), draw.integer(2, 120), draw.integer(1000, 5000))
    never = draw.chance(0.35)
    whole = draw.choice(0, 0, 1, draw.integer(1, 40), draw.integer(1, 40), draw.integer(1, 40_000))
    over = draw.choice(0, 0, 1, 1, saved - 1, draw.integer(0, saved - 1), draw.integer(0, saved - 1))
    training = max(1, whole * saved + over)
    scratch = max(1, adapted - draw.choice(0, draw.integer(0, 30))) if never else adapted + saved
    adapted = max(adapted, scratch) if never else adapted
    return case(training, scratch, adapted).noting(
        {
            "a new task saves nothing": scratch == adapted,
            "adaptation costs more than training from scratch": scratch < adapted,
            "a new task saves a single step": saved == 1 and not never,
            "adaptation costs nothing": adapted == 0,
            "adaptation costs nothing, and the training pays back": adapted == 0 and not never,
            "the division comes out even": not never and training % saved == 0,
            "one task pays for everything": not never and training <= saved,
            "it takes more than a hundred tasks": not never and training > 100 * saved,
            "it takes more than ten thousand tasks": not never and training > 10_000 * saved,
        }
    )


def _by_counting(training, scratch, adapted):
    """Compare the two bills task by task."""
    if scratch <= adapted:
        return math.inf
    tasks = 1
    while training + tasks * adapted > tasks * scratch:
        tasks += 1
    return tasks


def _where_it_pays(count):
    """`count(training, saved)`, and infinity where nothing is saved."""

    def answer(training, scratch, adapted):
        return count(training, scratch - adapted) if scratch > adapted else math.inf

    return answer


check_break_even = function_check(
    "break_even",
    _by_counting,
    _draw_case,
    Wrong(
        "divides_by_zero",
        "If a new task saves nothing, there is nothing to divide by. When has the training paid back then?",
        raises="ZeroDivisionError",
    ),
    Wrong(
        "negative",
        "Where a new task saves nothing, or costs more than it would from scratch, you return a finite number. "
        "Has the training paid back after so many tasks?",
        when=lambda got, training, scratch, adapted: adapted >= scratch and math.isfinite(got),
    ),
    Wrong(
        "none_for_never",
        "Where it never pays back you return None. One cannot compare or plot that: what does the docstring ask for?",
        lambda training, scratch, adapted: None if adapted >= scratch else _by_counting(training, scratch, adapted),
    ),
    Wrong(
        "adaptation_free",
        "Here adaptation costs nothing. Does each new task not send a bill to the meta-learner, too?",
        lambda training, scratch, adapted: math.ceil(training / scratch) if scratch > adapted else math.inf,
    ),
    Wrong(
        "nearest",
        "This rounds to the nearest whole number. If the division gives 4.3, has it paid back after 4 tasks?",
        _where_it_pays(lambda training, saved: round(training / saved)),
    ),
    Wrong(
        "floor",
        "One task too early: at this number the meta-learner has still spent more in total.",
        _where_it_pays(lambda training, saved: training // saved),
    ),
    Wrong(
        "one_more",
        "One task too late where the division comes out even. Equal bills count as paid back.",
        _where_it_pays(lambda training, saved: training // saved + 1),
    ),
    Wrong(
        "not_whole",
        "Your number of tasks is not whole. Does a part of a task pay a part of the bill?",
        _where_it_pays(lambda training, saved: training / saved),
    ),
    cases=60,
)
