"""Checks of a report on an experiment that the learner has run: what stands in it, and whether it can be repeated.

An experiment has no right answer. Its check looks at what was produced: it trains once more, or plays the agents that
were handed in on episodes of its own, and compares.

    from metarl_core.check import Wrong
    from metarl_core.check.reports import interval_faults, numbers, pair, report_check, seeds

    def _look(report):                     # costs time: only once the report itself has no fault
        return {"again": train(report["seeds"][0])}

    check_run = report_check(
        "run",
        {"seeds": seeds, "scores": numbers, "interval": pair},
        Wrong("few_seeds", "How would you know it was not luck?", when=lambda report: len(report["seeds"]) < 5),
        *interval_faults(lambda report: report["scores"]),
        look=_look,
        found=(Wrong("not_repeated", "The seed gives another score.", when=lambda report, looked: ...),),
    )

A report is a dict with just these keys. A field is read by a function of where it stands and what is there, which
returns plain Python numbers and lists, arrays or tensors, or raises `CheckFailed` of the kind "type". Where entries
have to fit together, or something has to be computed before any fault can be seen, that is `examine`.
"""

from .agents import fault_of_returns, fault_of_spread, same_agents
from .fields import anything, choice, finite, function, number, number_lists, numbers, pair, seeds, whole, whole_numbers
from .intervals import conclusion_faults, interval_fault, interval_faults
from .learners_code import learners_code
from .luck import fault_of_plays
from .paired import is_turned, is_unpaired
from .report import report_check
from .samples import drawn_from, others_differ, share_twins, spread_otherwise
from .tensors import returns, tasks, tensor, tensors

__all__ = [
    "anything",
    "choice",
    "conclusion_faults",
    "drawn_from",
    "fault_of_plays",
    "fault_of_returns",
    "fault_of_spread",
    "finite",
    "function",
    "interval_fault",
    "interval_faults",
    "is_turned",
    "is_unpaired",
    "learners_code",
    "number",
    "number_lists",
    "numbers",
    "others_differ",
    "pair",
    "report_check",
    "returns",
    "same_agents",
    "seeds",
    "share_twins",
    "spread_otherwise",
    "tasks",
    "tensor",
    "tensors",
    "whole",
    "whole_numbers",
]
