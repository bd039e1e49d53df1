"""Checks that answer a learner: what was given, what is expected, and which misconception leads there.

The checks of chapter NN are the package `metarl_core.check.chNN`, an exercise a file; a notebook does

    from metarl_core.check import ch01
    ch01.check_discounted_return(discounted_return)

and reads `Passed: ...`, or a message that says what to think about. This package is the frame they are written in.
A check of a function draws its cases from ranges that it states (sizes, constants, flags, numbers; `Draw`), compares
with an oracle on each (type, shape, dtype, then values), and looks at what a call does besides: arguments and their
`.grad` untouched, no graph left over, no draw from a global generator, the same again on a second call. Exceptions are
reported with the learner's own line, an endless loop after ten seconds. Where values differ, it looks for the
misconception that explains all of them; else it says where the failures lie and shows a small one:

    import torch
    from metarl_core.check import Wrong, case, function_check

    def _draw_case(draw):
        episodes, steps = draw.integer(1, 4), draw.integer(1, 6)
        discount = draw.choice(0.0, 1.0, draw.uniform(0.5, 0.99))
        return case(draw.normal(episodes, steps), discount).noting({"gamma is 0": discount == 0.0})

    def _by_definition(rewards, gamma):      # an oracle: slow and plain, not the course's solution
        return torch.stack([sum(gamma**t * r for t, r in enumerate(episode)) for episode in rewards])

    check_discounted_return = function_check(
        "discounted_return", _by_definition, _draw_case,
        Wrong("undiscounted", "All rewards count fully: where is gamma?", lambda rewards, gamma: rewards.sum(1)),
        Wrong("late_start", "The first reward is discounted already. At what power of gamma does a return begin?",
              lambda rewards, gamma: gamma * _by_definition(rewards, gamma)),
    )

The order of misconceptions matters: the first that explains all the wrong results is reported. Its message may say
only what its recognition has shown. Give `observe=` where not the returned value is judged but, say, the gradient
through it; `autograd=False` where a derivative by hand is asked for; `Wrong(..., when=...)` for a predicate and
`Wrong(..., raises="does not require grad")` for an exception. Answers to derivations, questions and plans:

    check_slope = value_check("slope", -2.5, Wrong("sign", "Which way is downhill?", 2.5))
    check_plan = design_check("plan", {"seeds": int, "split": ("train", "test")},
                              Wrong("one_seed", "How would you know it was not luck?", when=lambda p: p["seeds"] < 5))

There the learner fills in `slope = ...` or `plan = {"seeds": ..., "split": ...}`; what is still `...` or
None is "not done yet", a NotImplementedError. Each misconception needs a mutant in `tests/mutants/chNN.py`.
"""

from .check import Check, Wrong
from .designs import design_check
from .draw import Case, Draw, case
from .functions import function_check
from .outcome import CheckFailed, NotDone
from .values import value_check

__all__ = [
    "Case",
    "Check",
    "CheckFailed",
    "Draw",
    "NotDone",
    "Wrong",
    "case",
    "design_check",
    "function_check",
    "value_check",
]
