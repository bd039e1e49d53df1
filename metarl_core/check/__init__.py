"""Checks that answer a learner: what was given, what is expected, and which misconception leads there.

The checks of chapter NN are the package `metarl_core.check.chNN`, an exercise a file; a notebook does

    from metarl_core.check import ch01
    ch01.check_discounted_return(discounted_return)

and reads `Passed: ...`, or a message that says what to think about. This package is the frame they are written in.
A check of a function compares it with an oracle on several inputs (type, shape, dtype, then values), hands it copies
and looks whether it changed them, reports its exceptions with its own line, and, when values differ, looks for the
misconception that explains them:

    import torch
    from metarl_core.check import Wrong, case, function_check

    def _cases():
        for seed in range(3):
            generator = torch.Generator().manual_seed(seed)
            yield case(torch.randn(4, 6, generator=generator), gamma=0.5 + 0.2 * seed)

    def _by_definition(rewards, gamma):      # an oracle: slow and plain, not the course's solution
        return torch.stack([sum(gamma**t * r for t, r in enumerate(episode)) for episode in rewards])

    check_discounted_return = function_check(
        "discounted_return", _by_definition, _cases,
        Wrong("undiscounted", "All rewards count fully: where is gamma?", lambda rewards, gamma: rewards.sum(1)),
        Wrong("late_start", "The first reward is discounted already. At what power of gamma does a return begin?",
              lambda rewards, gamma: gamma * _by_definition(rewards, gamma)),
    )

The order of misconceptions matters: the first that explains all the wrong results is reported. Give `observe=` where
not the returned value is judged but, say, the gradient through it; `Wrong(..., when=...)` for a predicate and
`Wrong(..., raises="does not require grad")` for an exception. Answers to derivations, questions and plans:

    check_slope = value_check("slope", -2.5, Wrong("sign", "Which way is downhill?", 2.5))
    check_plan = design_check("plan", {"seeds": int, "split": ("train", "test")},
                              Wrong("one_seed", "How would you know it was not luck?", when=lambda p: p["seeds"] < 5))

There the learner fills in `slope = ...` or `plan = {"seeds": ..., "split": ...}`; what is still `...` or
None is "not done yet", a NotImplementedError. Each misconception needs a mutant in `tests/mutants/chNN.py`.
"""

from .framework import Case, Check, Wrong, case, design_check, function_check, value_check
from .outcome import CheckFailed, NotDone

__all__ = [
    "Case",
    "Check",
    "CheckFailed",
    "NotDone",
    "Wrong",
    "case",
    "design_check",
    "function_check",
    "value_check",
]
