"""Bad input to `metarl_core.results`, `evaluation`, `plotting`, `claims` and `randomness`."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
import torch

from metarl_core import evaluation, plotting
from metarl_core.claims import claim
from metarl_core.randomness import seeded
from metarl_core.results import (
    Experiment,
    Table,
    code_digest,
    load_benchmark,
    load_table,
    modules_below,
    run_table,
    table_path,
    write_benchmark,
)


@dataclasses.dataclass(frozen=True)
class Settings:
    seeds: tuple[int, ...] = (0, 1)


TABLE = Table({}, {}, {"maml": {0: [[1.0, 2.0]]}})
HERE = Path(__file__)
NOWHERE = HERE.parent / "no_table.json"
EXPERIMENT = {
    "name": "toy",
    "settings": Settings(),
    "methods": ("maml",),
    "run": lambda method, seed: [[0.0]],
    "sample": (("maml", 0),),
    "tolerance": 0.1,
}


def experiment(**changes):
    return lambda: Experiment(**EXPERIMENT | changes)


def run(settings=None, methods=("maml",), seeds=(0,), digits=4):
    settings = Settings() if settings is None else settings
    return lambda: run_table(NOWHERE, settings, methods, seeds, lambda method, seed: [[0.0]], digits)


@dataclasses.dataclass
class Paths:
    lengths: torch.Tensor


CURVE = evaluation.Curve(*(np.zeros(3) for _ in range(3)))
INTERVAL = evaluation.Interval(0.0, -1.0, 1.0)
AXES = plotting.figure()[1]
SCORES = np.arange(6.0).reshape(3, 2)
bootstrap = functools.partial(evaluation.bootstrap_interval, resamples=10)

CALLS = [
    ("seeded", lambda: seeded(-1), "seed must be at least 0, got -1"),
    ("claim", lambda: claim("no sentence", True), "sentence must be a whole sentence .* got 'no sentence'"),
    ("claim", lambda: claim("It is so.", torch.ones(2) > 0), "one truth value .* got a Tensor of shape \\[2\\]"),
    ("load_table", lambda: load_table("nothing"), "committed table must be one of .*sinusoid.*, got 'nothing'"),
    ("load_table", lambda: load_table(HERE), "must be a table written by run_table"),
    ("table_path", lambda: table_path("../glyphs"), "name must be of letters, digits and underscores, got '../glyphs'"),
    ("Table", lambda: TABLE.scores("rl2"), "method must be one of \\['maml'\\], got 'rl2'"),
    ("Table", lambda: TABLE.check_agreement("maml", 1, [[1.0, 2.0]], 1.0), "no row of 'maml', seed 1"),
    ("Table", lambda: TABLE.check_agreement("maml", 0, [[1.0]], 1.0), "length \\[2\\], got \\[1\\]"),
    ("Table", lambda: TABLE.check_agreement("maml", 0, [[1.0, 3.0]], 0.5), "within 0.5, got a difference of 1"),
    ("run_table", run(settings={"lr": 0.1}), "settings must be a dataclass, got dict"),
    ("run_table", run(methods=()), "methods must be a sequence of one or more, all different, got \\(\\)"),
    ("run_table", run(methods="maml"), "methods must be a sequence .* got 'maml'"),
    ("run_table", run(seeds=(0, 0)), "seeds must be a sequence .* all different, got \\(0, 0\\)"),
    ("run_table", run(digits=-1), "digits must be at least 0, got -1"),
    ("Experiment", experiment(name="a/b"), "name must be of letters"),
    ("Experiment", experiment(methods=()), "methods must name at least one method, got none"),
    ("Experiment", experiment(sample=()), "sample must name at least one method and seed, got none"),
    ("Experiment", experiment(sample=(("rl2", 0),)), "a method of sample must be one of maml, got 'rl2'"),
    ("Experiment", experiment(sample=(("maml", 5),)), "a seed of sample must be one of 0, 1, got 5"),
    ("code_digest", lambda: code_digest(NOWHERE), "source must be a file or the text of one, got .*, which is no file"),
    ("code_digest", lambda: code_digest("x = 1\nx ="), "source must be Python, got a text with a fault in line 2"),
    ("modules_below", lambda: modules_below("x ="), "source must be Python, got a text with a fault in line 1"),
    ("load_benchmark", lambda: load_benchmark("nothing"), "must be one of agents, .* got 'nothing'"),
    ("write_benchmark", lambda: write_benchmark("../x", {}), "name must be of letters"),
    ("interquartile_mean", lambda: evaluation.interquartile_mean([]), "at least one number, got shape \\[0\\]"),
    ("mean", lambda: evaluation.mean([]), "at least one number, got shape \\[0\\]"),
    ("bootstrap_interval", lambda: bootstrap(SCORES[:1]), "at least 2 runs, got \\[1, 2\\]"),
    ("bootstrap_interval", lambda: bootstrap(SCORES * np.nan), "scores must be finite"),
    ("bootstrap_interval", lambda: bootstrap(SCORES, confidence=1.0), "confidence must be in \\(0, 1\\), got 1.0"),
    ("bootstrap_interval", lambda: bootstrap(SCORES, resamples=0), "resamples must be at least 1, got 0"),
    ("summarise_curves", lambda: evaluation.summarise_curves(SCORES), "\\[run, task, length\\], got \\[3, 2\\]"),
    ("t_interval", lambda: evaluation.t_interval([1.0]), r"\[run\] or \[run, task\] with at least 2 runs, got \[1\]"),
    ("t_interval", lambda: evaluation.t_interval([1.0, float("nan")]), "scores must be finite"),
    ("t_interval", lambda: evaluation.t_interval([1.0, 2.0], confidence=95), r"confidence must be in \(0, 1\), got 95"),
    ("t_curves", lambda: evaluation.t_curves(SCORES), r"\[run, task, length\], got \[3, 2\]"),
    ("paired_difference", lambda: evaluation.paired_difference(SCORES, SCORES.T), "one shape, got .* and \\[2, 3\\]"),
    ("figure", lambda: plotting.figure(rows=0), "rows must be at least 1, got 0"),
    ("figure", lambda: plotting.figure(height=-1.0), "height must be above 0, got -1.0"),
    ("image_bundle", lambda: plotting.image_bundle(b"", " "), "alt must describe the picture, got an empty text"),
    ("show", lambda: plotting.show(plotting.figure()[0], ""), "alt must describe the picture, got an empty text"),
    ("gif", lambda: plotting.gif(plotting.figure()[0], print, 0), "frames must be at least 1, got 0"),
    ("gif", lambda: plotting.gif(plotting.figure()[0], print, 1, rate=0), "rate must be above 0, got 0"),
    ("show_animation", lambda: plotting.show_animation(plotting.figure()[0], print, 1, ""), "alt must describe"),
    (
        "show_animation",
        lambda: plotting.show_animation(plotting.figure(height=1.0)[0], lambda frame: None, 1, "a frame", largest=10),
        "the animation must have at most 10 bytes, got",
    ),
    ("plot_curve", lambda: plotting.plot_curve(AXES, [0, 1], CURVE, "MAML"), "the curve's length 3, got 2"),
    ("plot_intervals", lambda: plotting.plot_intervals(AXES, ["a", "b"], [INTERVAL]), "as many, got 2, 1 and 2"),
    (
        "plot_paths",
        lambda: plotting.plot_paths(AXES, Paths(torch.ones(2, 3)), 2, (0, 0)),
        "task must be in \\[0, 1\\], got 2",
    ),
    (
        "plot_paths",
        lambda: plotting.plot_paths(AXES, Paths(torch.ones(2, 3)), 0, (0, 0), limit=0),
        "limit must be above 0, got 0",
    ),
]

_CONSTANT = "a constant"
EXEMPT = {
    "Curve": "a result, made by summarise_curves",
    "Interval": "a result, made by bootstrap_interval",
    "png": "takes a figure as matplotlib makes it",
    "style": "takes nothing",
} | {name: _CONSTANT for name in plotting.__all__ if name.isupper()}
