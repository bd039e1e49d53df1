"""Checks of a report on an experiment that the learner has run: what stands in it, and whether it can be repeated.

    from metarl_core.check import Wrong
    from metarl_core.check.reports import numbers, report_check, whole_numbers

    def _look(report):                     # costs time: only once the report itself has no fault
        return {"again": train(report["seeds"][0])}

    check_run = report_check(
        "run",
        {"seeds": whole_numbers, "scores": numbers},
        Wrong("few_seeds", "How would you know it was not luck?", when=lambda report: len(report["seeds"]) < 5),
        look=_look,
        found=(Wrong("not_repeated", "The seed gives another score.", when=lambda report, seen: ...),),
    )

A report is a dict with just these keys. A field is read by a function of where it stands and what is there, which
returns plain Python numbers and lists (or tensors, for `tasks`), or raises `CheckFailed` of the kind "type".
"""

from .fields import number, number_lists, numbers, pair, tasks, whole, whole_numbers
from .intervals import interval_flaws, t_interval
from .report import report_check
from .samples import drawn_from, share_twins

__all__ = [
    "drawn_from",
    "interval_flaws",
    "number",
    "number_lists",
    "numbers",
    "pair",
    "report_check",
    "share_twins",
    "t_interval",
    "tasks",
    "whole",
    "whole_numbers",
]
