"""The check of the exercise `prediction`: a speed-up that is predicted, and measured again."""

from dataclasses import dataclass

import numpy as np

from metarl_core.check import CheckFailed, Wrong
from metarl_core.check.reports import choice, finite, interval_faults, numbers, report_check, seeds, whole
from metarl_core.check.reports.fields import refused
from metarl_core.evaluation import t_interval
from metarl_core.recipes.emulated_cluster import iteration, message

HOLDS = "within 20 % of the model"
SLOWER = "slower than the model says, by more than 20 %"
FASTER = "faster than the model says, by more than 20 %"
NOT_TOLD = "the interval does not tell"
NEAR, FEW, MANY, LEAST_RANKS, MOST, SAME = 0.2, 4, 32, 8, 1000, 1e-6


def count(where, value):
    """A number of workers or tasks."""
    given = whole(where, value)
    if not 1 <= given <= MOST:
        raise refused(where, value, f"a whole number from 1 to {MOST}")
    return given


@dataclass(frozen=True)
class _Found:
    """What is seen of a report."""

    report: dict

    @property
    def task(self):
        """Seconds of a task, as the report's own calibration says."""
        return float(np.mean(self.report["calibration"])) / self.report["calibrated"]

    def right(self, name):
        """The prediction that follows from the report's own calibration."""
        return self.task * self.report[f"{name}_tasks"] + message(self.report["ranks"])

    def off(self, name, other):
        """Whether the prediction of that name is another one."""
        return abs(self.report[f"{name}_predicted"] - other) > 0.002 * other

    @property
    def wrong_prediction(self):
        return any(self.off(name, self.right(name)) for name in ("few", "many"))

    def both(self, formula):
        return self.wrong_prediction and not any(self.off(name, formula(name)) for name in ("few", "many"))

    @property
    def ratios(self):
        return (np.array(self.report["few_measured"]) / self.report["few_predicted"]).tolist()

    @property
    def interval(self):
        return self.report["low"], self.report["high"]

    @property
    def inverse(self):
        middle, wanted = sum(self.interval) / 2, 1 / float(np.mean(self.ratios))
        return abs(middle - wanted) < 0.02 and abs(wanted - 1) > 0.05

    def says(self, low, high):
        """What an interval of measured by predicted allows to say."""
        if low > 1 + NEAR:
            return SLOWER
        if high < 1 - NEAR:
            return FASTER
        return HOLDS if low >= 1 - NEAR and high <= 1 + NEAR else NOT_TOLD

    def wrong(self, name):
        """Whether the conclusion is not the one that the interval allows."""
        if name == "few":
            ends = self.interval
        else:
            found = t_interval(np.array(self.report["many_measured"]) / self.report["many_predicted"])
            ends = found.low, found.high
        return self.report[f"{name}_conclusion"] != self.says(*ends)


def _examine(report):
    for name in ("few_measured", "many_measured", "calibration"):
        if len(report[name]) != len(report["seeds"]):
            words = f"holds {len(report[name])} numbers, and there are {len(report['seeds'])} seeds."
            raise CheckFailed(f'`prediction["{name}"]` {words}', "shape")
    return _Found(report)


def _measured_again(found):
    """The largest difference from what the cluster says, as a share, for each list of numbers."""
    report, off = found.report, {}
    plans = {
        "calibration": (1, report["calibrated"]),
        "few_measured": (report["ranks"], report["few_tasks"]),
        "many_measured": (report["ranks"], report["many_tasks"]),
    }
    for name, (ranks, tasks) in plans.items():
        again = iteration(ranks, tasks, report["seeds"])
        off[name] = float((np.abs(again - np.array(report[name])) / again).max())
    return off


check_prediction = report_check(
    "prediction",
    {
        "ranks": count,
        "few_tasks": count,
        "many_tasks": count,
        "seeds": seeds,
        "calibrated": count,
        "calibration": numbers,
        "few_predicted": finite,
        "many_predicted": finite,
        "few_measured": numbers,
        "many_measured": numbers,
        "low": finite,
        "high": finite,
        "few_conclusion": choice(HOLDS, SLOWER, FASTER, NOT_TOLD),
        "many_conclusion": choice(HOLDS, SLOWER, FASTER, NOT_TOLD),
    },
    Wrong(
        "few_seeds",
        "Fewer than five different seeds. How well is a mean of so few known?",
        when=lambda found: len(set(found.report["seeds"])) < 5,
    ),
    Wrong(
        "seed_twice",
        "A seed stands in your list twice. It counts as two measurements, and is one.",
        when=lambda found: len(set(found.report["seeds"])) < len(found.report["seeds"]),
    ),
    Wrong(
        "few_ranks",
        f"Fewer than {LEAST_RANKS} workers: the text asks for that many.",
        when=lambda found: found.report["ranks"] < LEAST_RANKS,
    ),
    Wrong(
        "not_few",
        f'"few_tasks" is more than {FEW}.',
        when=lambda found: found.report["few_tasks"] > FEW,
    ),
    Wrong(
        "not_many",
        f'"many_tasks" is less than {MANY}.',
        when=lambda found: found.report["many_tasks"] < MANY,
    ),
    Wrong(
        "calibrated_on_a_plan",
        "Your calibration is the measurement of several workers. Was the prediction made before it?",
        when=lambda found: found.report["calibration"] in (found.report["few_measured"], found.report["many_measured"]),
    ),
    Wrong(
        "no_message",
        "Your predictions leave out the sum over workers.",
        when=lambda found: found.both(lambda name: found.task * found.report[f"{name}_tasks"]),
    ),
    Wrong(
        "all_tasks",
        "Your predictions are those of one worker that has the tasks of all.",
        when=lambda found: found.both(
            lambda name: (
                found.task * found.report[f"{name}_tasks"] * found.report["ranks"] + message(found.report["ranks"])
            )
        ),
    ),
    Wrong(
        "not_per_task",
        "Your predictions take the calibration for the time of one task. How many tasks were in it?",
        when=lambda found: (
            found.report["calibrated"] > 1
            and found.both(
                lambda name: (
                    found.task * found.report["calibrated"] * found.report[f"{name}_tasks"]
                    + message(found.report["ranks"])
                )
            )
        ),
    ),
    Wrong(
        "after_the_fact",
        "Your prediction is the measured mean. A prediction that knows the answer predicts nothing.",
        when=lambda found: (
            found.wrong_prediction
            and not any(found.off(n, np.mean(found.report[f"{n}_measured"])) for n in ("few", "many"))
        ),
    ),
    Wrong(
        "not_from_calibration",
        "Your predictions do not follow from your calibration: seconds of a task times tasks per worker, and the "
        "message.",
        when=lambda found: found.wrong_prediction,
    ),
    Wrong(
        "inverse",
        "Your interval is that of predicted by measured. Which way round does the text ask for?",
        when=lambda found: found.inverse,
    ),
    *interval_faults(lambda found: found.ratios, lambda found: found.interval),
    Wrong(
        "few_concluded",
        'Your interval allows another conclusion than "few_conclusion". Where do its ends lie, against 0.8 and 1.2?',
        when=lambda found: found.wrong("few"),
    ),
    Wrong(
        "many_concluded",
        'The t interval of measured by predicted for many tasks allows another conclusion than "many_conclusion".',
        when=lambda found: found.wrong("many"),
    ),
    examine=_examine,
    look=_measured_again,
    found=(
        Wrong(
            "not_repeated",
            "`iteration`, called again with the numbers of your report, takes another time than what stands in it.",
            when=lambda found, off: max(off.values()) > SAME,
        ),
    ),
    passed=lambda found: (
        f"predicted from one worker, measured with {found.report['ranks']}: with {found.report['few_tasks']} tasks "
        f"each an iteration takes {np.mean(found.ratios):.2f} times what the model says; the interval, the conclusions "
        "and a second measurement agree."
    ),
)
