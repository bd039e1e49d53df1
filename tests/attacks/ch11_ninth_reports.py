"""Reports on memories of few bandits, chapter 11, from a ninth attack."""

import functools

import numpy as np
import torch
from produced_reports import Late

from metarl_core.check import ch11
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.few_bandits import ARMS, PULLS, learn, regrets
from metarl_core.tasks import BernoulliBandits
from tools.course import ROOT

from . import named

SOLUTION = ROOT / "solutions" / "11_memory_and_context.py"
FAMILY = BernoulliBandits(ARMS, PULLS)


def _few(change):
    return Late(SOLUTION, "check_few", change)


def _concluded(report, conclusion=None, **fields):
    report = {**report, **fields}
    few, many = (torch.as_tensor(np.asarray(report[f"regrets_{n}"])).double() for n in ("few", "many"))
    found = t_interval((few - many).mean(1))
    verdict = ch11.FEW_LOSE if found.low > 0 else ch11.FEW_WIN if found.high < 0 else ch11.NOT_TOLD_APART
    return {**report, "low": found.low, "high": found.high, "conclusion": conclusion or verdict}


@functools.cache
def _trained(seeds, training_seed, iterations=50):
    training = None if training_seed is None else FAMILY.sample_tasks(8, seeded(training_seed))
    return learn(list(seeds), training, iterations)


def _run(seeds=(0, 1, 2, 3, 4), training=5, held_out=6, tasks=200, split="test", few=None, many=None, luck=(7, 8)):
    bandits = FAMILY.sample_tasks(tasks, seeded(held_out), split) if isinstance(held_out, int) else held_out
    of_few = _trained(tuple(seeds), training) if few is None else few
    of_many = _trained(tuple(seeds), None) if many is None else many
    return _concluded(
        {
            "training": FAMILY.sample_tasks(8, seeded(training)),
            "held_out": bandits,
            "seeds": list(seeds),
            "few": of_few,
            "many": of_many,
            "regrets_few": regrets(of_few, bandits, seeded(luck[0])),
            "regrets_many": regrets(of_many, bandits, seeded(luck[1])),
        }
    )


def _played_on_the_eight(report):
    eight = FAMILY.sample_tasks(8, seeded(5))
    return _run(held_out={"means": eight["means"].repeat(25, 1)})


def _held_out_with_the_same_seed(report):
    """Drawn by a generator of the training's seed: the first eight are the training's, but for a bit."""
    return _run(held_out=5)


def _held_out_of_training(report):
    return _run(split="train")


def _few_held_out(report):
    return _run(tasks=150)


def _four_seeds(report):
    return _run(seeds=(0, 1, 2, 3))


def _one_seed_twice(report):
    return _run(seeds=(0, 1, 2, 3, 3))


def _many_of_other_seeds(report):
    return _run(many=_trained((10, 11, 12, 13, 14), None))


def _few_of_other_bandits(report):
    return _run(few=_trained((0, 1, 2, 3, 4), 50))


def _few_trained_shorter(report):
    return _run(few=_trained((0, 1, 2, 3, 4), 5, 15))


def _many_trained_longer(report):
    return _run(many=_trained((0, 1, 2, 3, 4), None, 120))


def _exchanged(report):
    found = _run()
    return _concluded(found, regrets_few=found["regrets_many"], regrets_many=found["regrets_few"])


def _parameters_exchanged(report):
    found = _run()
    return {**found, "few": found["many"], "many": found["few"]}


def _seeds_in_another_order(report):
    return _concluded(found := _run(), regrets_few=found["regrets_few"].roll(1, 0))


def _tasks_in_another_order(report):
    return _concluded(found := _run(), regrets_many=found["regrets_many"].flip(1))


def _best_of_two_trials(report):
    found = _run()
    again = regrets(found["many"], found["held_out"], seeded(99))
    return _concluded(found, regrets_many=torch.minimum(found["regrets_many"], again))


def _mean_of_ten_trials(report):
    found = _run()
    many = torch.stack([regrets(found["many"], found["held_out"], seeded(k)) for k in range(10)]).mean(0)
    return _concluded(found, regrets_many=many)


def _shrunk(report):
    found = _run()
    x = found["regrets_few"]
    return _concluded(found, regrets_few=x.mean(1, keepdim=True) + 0 * x)


def _rounded(report):
    return _concluded(found := _run(), regrets_few=found["regrets_few"].round())


def _no_negative_regret(report):
    return _concluded(found := _run(), regrets_many=found["regrets_many"].clamp_min(0))


def _a_little_more(report):
    return _concluded(found := _run(), regrets_few=found["regrets_few"] + 0.3)


def _made_up(report):
    found = _run()
    luck = torch.randn(found["regrets_few"].shape, generator=seeded(3))
    return _concluded(found, regrets_few=1.8 + luck, regrets_many=1.4 + luck.flip(1))


def _interval_over_tasks(report):
    found = _run()
    x = (found["regrets_few"] - found["regrets_many"]).double()
    interval = t_interval(x.mean(0))
    return {**found, "low": interval.low, "high": interval.high}


def _normal_interval(report):
    found = _run()
    x = (found["regrets_few"] - found["regrets_many"]).double().mean(1)
    half = 1.96 * float(x.std()) / len(x) ** 0.5
    return {**found, "low": float(x.mean()) - half, "high": float(x.mean()) + half}


def _unpaired(report):
    found = _run()
    one, two = (t_interval(found[f"regrets_{n}"].double().mean(1)) for n in ("few", "many"))
    return {**found, "low": one.low - two.high, "high": one.high - two.low}


def _turned(report):
    found = _run()
    return {**found, "low": -found["high"], "high": -found["low"], "conclusion": ch11.FEW_WIN}


def _not_told(report):
    return _concluded(_run(), conclusion=ch11.NOT_TOLD_APART)


def _few_win(report):
    return _concluded(_run(), conclusion=ch11.FEW_WIN)


def _nine_bandits(report):
    return {**_run(), "training": FAMILY.sample_tasks(9, seeded(5))}


def _one_memory_five_times(report):
    one = {n: v[:1].repeat(5, *[1] * (v.ndim - 1)) for n, v in _trained((0, 1, 2, 3, 4), 5).items()}
    return _run(few=one)


def _difficult_bandits(report):
    """Held-out bandits chosen for their difference."""
    found = _run(tasks=400)
    worst = (found["regrets_few"] - found["regrets_many"]).mean(0).argsort(descending=True)[:200]
    kept = {n: found[n][:, worst] for n in ("regrets_few", "regrets_many")}
    return _concluded({**found, "held_out": {"means": found["held_out"]["means"][worst]}}, **kept)


def _six_other_seeds(report):
    found = _run(seeds=(31, 8, 77, 12, 5, 19), training=21, held_out=22, tasks=300)
    return {**found, "regrets_few": found["regrets_few"].numpy(), "regrets_many": found["regrets_many"].tolist()}


def _in_other_types(report):
    return {**_run(luck=(40, 40)), "seeds": np.arange(5), "high": torch.tensor(_run(luck=(40, 40))["high"])}


WRONG = named(
    ch11.check_few,
    *map(
        _few,
        (
            _played_on_the_eight,
            _held_out_with_the_same_seed,
            _held_out_of_training,
            _few_held_out,
            _four_seeds,
            _one_seed_twice,
            _many_of_other_seeds,
            _few_of_other_bandits,
            _few_trained_shorter,
            _many_trained_longer,
            _exchanged,
            _parameters_exchanged,
            _seeds_in_another_order,
            _tasks_in_another_order,
            _best_of_two_trials,
            _mean_of_ten_trials,
            _shrunk,
            _rounded,
            _no_negative_regret,
            _a_little_more,
            _made_up,
            _interval_over_tasks,
            _normal_interval,
            _unpaired,
            _turned,
            _not_told,
            _few_win,
            _nine_bandits,
            _one_memory_five_times,
            _difficult_bandits,
        ),
    ),
)
RIGHT = named(ch11.check_few, *map(_few, (_six_other_seeds, _in_other_types)))
