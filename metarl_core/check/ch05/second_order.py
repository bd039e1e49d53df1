"""The check of the exercise `second_order`: MAML and FOMAML at one budget, each with a step size of its own."""

from dataclasses import dataclass

import numpy as np
import torch

from metarl_core.check import CheckFailed, Wrong
from metarl_core.check.reports import (
    choice,
    conclusion_faults,
    drawn_from,
    finite,
    interval_faults,
    is_turned,
    is_unpaired,
    numbers,
    others_differ,
    report_check,
    returns,
    same_agents,
    seeds,
    share_twins,
    spread_otherwise,
    tasks,
    tensors,
)
from metarl_core.parameters import select_parameters
from metarl_core.randomness import seeded
from metarl_core.recipes.pulses import SUPPORT, cosines, errors, learn, sample_tasks

MAML_LOWER = "MAML's error is lower"
FOMAML_LOWER = "FOMAML's error is lower"
NOT_TOLD_APART = "the two could not be told apart"

KINDS = ("maml", "fomaml")
FEWEST_SEEDS, FEWEST_TASKS, FEWEST_SIZES, FEWEST_TUNING = 5, 200, 4, 2
RANGES = {"height": (1.0, 3.0), "centre": (-2.0, 2.0), "width": (0.4, 1.2)}
"""of the family: each even in its range"""
OURS = 400
"""held-out tasks of the check"""
APART = 0.05
"""how far the weights of a training that is repeated may be off, as a part of how far training moved them"""
OFF = 0.02
"""how far an error may be off that is found again by a training, as a part of it"""
TASKS = tasks({"height": (), "centre": (), "width": (), "support": (SUPPORT,)}, exact=True)


@dataclass(frozen=True)
class _Found:
    """What the report says, and what its parameters do."""

    report: dict
    own: dict
    """errors by kind, `[seed, task]`, each with the step size of its kind"""
    with_the_other: dict
    """the same with the step size of the other kind"""
    exchanged: bool
    cosine: float

    @property
    def told(self):
        return {kind: self.report[f"errors_{kind}"] for kind in KINDS}

    @property
    def pairs(self):
        return self.told["fomaml"] - self.told["maml"]

    @property
    def difference(self):
        return self.pairs.mean(1)

    @property
    def interval(self):
        return self.report["low"], self.report["high"]

    @property
    def others(self):
        """The kinds whose errors are not those of their parameters."""
        return [kind for kind in KINDS if not _alike(self.told[kind], self.own[kind])]

    @property
    def best(self):
        """The step size with the lowest error that was told, by kind."""
        sizes = self.report["step_sizes"]
        return {kind: sizes[int(np.argmin(self.report[f"tuned_{kind}"]))] for kind in KINDS}

    @property
    def rates(self):
        return {kind: self.report[f"inner_lr_{kind}"] for kind in KINDS}

    def took_the_best(self, kind):
        return np.isclose(self.rates[kind], self.best[kind], rtol=1e-6)

    @property
    def chosen(self):
        """Whether the two methods differ by another amount on other held-out tasks."""
        ours = sample_tasks(OURS, seeded(4245), "test")
        elsewhere = [_errors(self.report | {"held_out": ours}, k, self.rates[k]).mean(0) for k in KINDS]
        here = [self.own[kind].mean(0) for kind in KINDS]
        return others_differ(*(np.minimum(b, 10) - np.minimum(a, 10) for a, b in (here, elsewhere)))

    @property
    def drawn_otherwise(self):
        tasks = self.report["held_out"]
        return any(spread_otherwise(tasks[name].double().numpy(), *ends) for name, ends in RANGES.items())

    @property
    def turned(self):
        return is_turned(self.interval, self.pairs)

    @property
    def unpaired(self):
        """Whether the interval is as wide as that of two groups of trainings that have nothing in common."""
        return is_unpaired(self.interval, [self.told[kind] for kind in KINDS], self.difference)


def _alike(told, own):
    """Nearly all entries, and the mean of each seed; where a task diverges, rounding decides about it."""
    near = np.abs(told - own) <= 1e-3 + 0.01 * np.abs(own)
    return bool(near.mean() > 0.97) and np.allclose(
        np.minimum(told, 10).mean(1), np.minimum(own, 10).mean(1), rtol=0.01
    )


def _examine(report):
    number, held_out = len(report["seeds"]), len(report["held_out"]["height"])
    if not number:
        raise CheckFailed('`second_order["seeds"]` holds no seed.', "shape")
    start = learn([0], 0.0, False, 0)
    for kind in KINDS:
        shapes = {name: list(value.shape) for name, value in report[kind].items()}
        if shapes != {name: [number, *value.shape[1:]] for name, value in start.items()}:
            words = f"should hold the parameters of each of your {number} seeds, as `learn` gives them."
            raise CheckFailed(f'`second_order["{kind}"]` {words}', "shape")
        if report[f"errors_{kind}"].shape != (number, held_out):
            words = f"has the shape {list(report[f'errors_{kind}'].shape)}; expected is [{number}, {held_out}]."
            raise CheckFailed(f'`second_order["errors_{kind}"]` {words}', "shape")
        if len(report[f"tuned_{kind}"]) != len(report["step_sizes"]):
            words = (
                f"holds {len(report[f'tuned_{kind}'])} errors, and there are {len(report['step_sizes'])} step sizes."
            )
            raise CheckFailed(f'`second_order["tuned_{kind}"]` {words}', "shape")
    if not report["tuning_seeds"]:
        raise CheckFailed('`second_order["tuning_seeds"]` holds no seed.', "shape")
    rates = {kind: report[f"inner_lr_{kind}"] for kind in KINDS}
    told = {kind: report[f"errors_{kind}"] for kind in KINDS}
    own, turned = ({kind: _errors(report, kind, rates[of]) for kind, of in zip(KINDS, order, strict=True)}
                   for order in (KINDS, KINDS[::-1]))  # fmt: skip
    exchanged = all(_alike(told[kind], own[other]) for kind, other in zip(KINDS, KINDS[::-1], strict=True))
    angle = cosines(report["maml"], rates["maml"], report["held_out"]).nanmean()
    return _Found(report, own, turned, exchanged, float(angle))


def _errors(report, kind, inner_lr):
    return errors(report[kind], inner_lr, report["held_out"]).double().numpy()


def _learn_again(found):
    """How far the weights of one seed are, at most, from those of two trainings that are repeated; and how far an error
    of the tuning is, as parts."""
    report, off = found.report, []
    digits = int(abs(report["low"]) * 1e6)
    place = digits // 2 % len(report["seeds"])
    for kind in KINDS:
        rate = report[f"inner_lr_{kind}"]
        start, again = (_flat(learn([report["seeds"][place]], rate, kind == "maml", steps)) for steps in (0, None))
        told = _flat({name: value[None] for name, value in select_parameters(report[kind], place).items()})
        off.append(float((told - again).norm() / (again - start).norm()))
    listed = [(kind, n) for n in range(len(report["step_sizes"])) for kind in KINDS if report[f"tuned_{kind}"][n] < 1]
    kind, n = listed[digits % len(listed)]
    rate = report["step_sizes"][n]
    error = float(errors(learn(report["tuning_seeds"], rate, kind == "maml"), rate, report["tuning_tasks"]).mean())
    return max(off), abs(report[f"tuned_{kind}"][n] / error - 1)


def _flat(parameters):
    return torch.cat([parameters[name].double().flatten() for name in sorted(parameters)])


def _some(read):
    """Reads at most ten of these: the check trains all of them."""

    def some(where, value):
        found = read(where, value)
        if len(found) > 10:
            raise CheckFailed(f"{where} holds {len(found)} entries; ten or fewer will do.", "shape")
        return found

    return some


check_second_order = report_check(
    "second_order",
    {
        "step_sizes": numbers,
        "tuning_seeds": _some(seeds),
        "tuning_tasks": TASKS,
        "tuned_maml": numbers,
        "tuned_fomaml": numbers,
        "inner_lr_maml": finite,
        "inner_lr_fomaml": finite,
        "seeds": seeds,
        "held_out": TASKS,
        "maml": tensors,
        "fomaml": tensors,
        "errors_maml": returns,
        "errors_fomaml": returns,
        "cosine": finite,
        "low": finite,
        "high": finite,
        "conclusion": choice(MAML_LOWER, FOMAML_LOWER, NOT_TOLD_APART),
    },
    Wrong(
        "few_seeds",
        "Fewer than five different seeds. By how much do two trainings differ that differ in nothing but the seed?",
        when=lambda found: len(set(found.report["seeds"])) < FEWEST_SEEDS,
    ),
    Wrong(
        "seed_twice",
        "A seed stands in your list twice. It counts as two trainings, and is one.",
        when=lambda found: len(set(found.report["seeds"])) < len(found.report["seeds"]),
    ),
    Wrong(
        "copied",
        "Two trainings of one method have the same parameters to the last digit. Was each made with a seed of its own?",
        when=lambda found: any(same_agents(found.report[kind]) for kind in KINDS),
    ),
    Wrong(
        "few_step_sizes",
        "Fewer than four different step sizes above 0 were tried.",
        when=lambda found: len({size for size in found.report["step_sizes"] if size > 0}) < FEWEST_SIZES,
    ),
    Wrong(
        "few_tuning_seeds",
        "Your step sizes were chosen with fewer than two different seeds. Would another seed have chosen the same?",
        when=lambda found: len(set(found.report["tuning_seeds"])) < FEWEST_TUNING,
    ),
    Wrong(
        "tuned_on_these_seeds",
        "A seed was used to choose the step sizes, and is one of those that you report. On which trainings would the "
        "choice look better than it is?",
        when=lambda found: bool(set(found.report["tuning_seeds"]) & set(found.report["seeds"])),
    ),
    Wrong(
        "tuned_on_test",
        "The tasks that step sizes were chosen on are not training tasks: some do not carry the stamp of the split "
        '"train".',
        when=lambda found: not drawn_from("train", found.report["tuning_tasks"]["height"]),
    ),
    Wrong(
        "measured_on_training",
        'The tasks that you measure on are not held-out ones: some do not carry the stamp of the split "test".',
        when=lambda found: not drawn_from("test", found.report["held_out"]["height"]),
    ),
    Wrong(
        "twins",
        "The tasks of the tuning stand among the held-out ones up to their last bit. With which generators were "
        "the two drawn?",
        when=lambda found: share_twins(found.report["tuning_tasks"], found.report["held_out"]) > 0.1,
    ),
    Wrong(
        "few_tasks",
        "Fewer than 200 different held-out tasks.",
        when=lambda found: len(found.report["held_out"]["height"].unique()) < FEWEST_TASKS,
    ),
    Wrong(
        "no_errors",
        "A mean of squares is not negative. One of your errors is.",
        when=lambda found: min(one.min() for one in found.told.values()) < 0,
    ),
    Wrong(
        "one_for_both",
        "Both methods have MAML's best step size, and your own numbers say that FOMAML's is another. Whom does the "
        "comparison favour?",
        when=lambda found: (
            found.took_the_best("maml")
            and not found.took_the_best("fomaml")
            and np.isclose(found.rates["fomaml"], found.best["maml"], rtol=1e-6)
        ),
    ),
    Wrong(
        "not_the_best",
        "A method has another step size than the one with its lowest error in your tuning.",
        when=lambda found: not all(map(found.took_the_best, KINDS)),
    ),
    Wrong(
        "at_the_edge",
        "A method's best step size is the smallest or the largest that you tried. What would a longer list have shown?",
        when=lambda found: any(
            size in (min(found.report["step_sizes"]), max(found.report["step_sizes"])) for size in found.best.values()
        ),
    ),
    Wrong(
        "exchanged",
        "The parameters of each method have the errors that you report for the other one.",
        when=lambda found: len(found.others) > 0 and found.exchanged,
    ),
    Wrong(
        "rate_of_the_other",
        "Errors that you report for a method are those with the other method's step size.",
        when=lambda found: any(_alike(found.told[kind], found.with_the_other[kind]) for kind in found.others),
    ),
    Wrong(
        "other_errors",
        "Your parameters have other errors on your held-out tasks, with the step sizes that you report. Which "
        "parameters and tasks do your numbers belong to?",
        when=lambda found: len(found.others) > 0,
    ),
    Wrong(
        "turned",
        "Your interval is that of MAML less FOMAML. Which way round does the text ask for?",
        when=lambda found: found.turned,
    ),
    Wrong(
        "unpaired",
        "Your interval is that of two separate groups. What is the same for both trainings of a seed, and what is left "
        "of it in their difference?",
        when=lambda found: found.unpaired,
    ),
    *interval_faults(lambda found: found.difference, lambda found: found.interval, pooled=lambda found: found.pairs),
    *conclusion_faults(
        lambda found: found.interval, lambda found: found.report["conclusion"], MAML_LOWER, NOT_TOLD_APART
    ),
    Wrong(
        "chosen_tasks",
        "On other held-out tasks the two methods differ by another amount, by more than the luck of the draw can "
        "explain. Are yours a fair sample, or were they chosen?",
        when=lambda found: found.chosen,
    ),
    Wrong(
        "drawn_otherwise",
        "Height, centre or width is not spread over your held-out tasks as `sample_tasks` draws it. Are they all that "
        "it gave you?",
        when=lambda found: found.drawn_otherwise,
    ),
    Wrong(
        "another_cosine",
        "The mean cosine at MAML's parameters, with its step size, on your held-out tasks is another.",
        when=lambda found: abs(found.report["cosine"] - found.cosine) > 0.01,
    ),
    examine=_examine,
    look=_learn_again,
    found=(
        Wrong(
            "not_repeated",
            "`learn`, called again with one of your seeds, does not lead to the parameters that stand in your report. "
            "With which step size, and for how long, were yours trained?",
            when=lambda found, off: off[0] > APART,
        ),
        Wrong(
            "tuning_not_repeated",
            "Trained again with your tuning seeds, a method has another error on your tuning tasks than you report for "
            "that step size.",
            when=lambda found, off: off[1] > OFF,
        ),
    ),
    passed=lambda found: (
        f"your {len(found.report['seeds'])} pairs of trainings have the errors that you report; one pair was "
        "trained again, and one entry of the tuning; and the interval is that of the differences."
    ),
)
