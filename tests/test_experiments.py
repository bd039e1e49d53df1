"""Each committed table was made by the settings that its script has now, and is complete."""

import importlib

import numpy as np
import pytest

from experiments.__main__ import NAMES, main
from metarl_core.results import VERSIONED, load_table, settings_as_json


@pytest.mark.parametrize("name", NAMES)
def test_table_and_script_hold_together(name):
    script = importlib.import_module(f"experiments.{name}")
    settings = script.Settings()
    table = load_table(script.TABLE)
    assert table.settings == settings_as_json(settings), "run `make experiments`: the settings changed"
    assert tuple(table.rows) == script.METHODS
    assert set(VERSIONED) <= set(table.versions)
    assert len(settings.seeds) >= 5
    for method in script.METHODS:
        assert sorted(table.rows[method]) == sorted(settings.seeds)
        scores = table.scores(method)
        assert np.isfinite(scores).all()
        assert scores.shape[:2] == (len(settings.seeds), settings.test_tasks)
        different = len({one.tobytes() for one in scores})
        perfect = len(np.unique(scores[:, :, 0])) <= 2  # sparse rewards: two seeds may solve the same tasks
        assert different == len(settings.seeds) or (perfect and different > 1), "two seeds with one result"


def test_point_navigation_says_what_the_chapters_say():
    """The ordering that chapters 00 and 01 explain: one step helps MAML most, and nothing reaches the oracle's −0.5."""
    table = load_table(importlib.import_module("experiments.point_navigation").TABLE)
    after_one = {method: table.scores(method)[:, :, 1].mean() for method in table.rows}
    assert after_one["MAML"] == max(after_one.values())
    assert after_one["MAML"] > -14
    assert table.scores("MAML")[:, :, 3].mean() < -1


def test_published_returns_of_meta_policies_are_reached():
    """Point navigation as published: −11.7 after one step, −3.3 after two; and where MAML cannot win."""
    table = load_table(importlib.import_module("experiments.meta_policies").TABLE)
    mean = {method: table.scores(method).mean((0, 1)) for method in table.rows}
    assert mean["released: MAML, every step"][1] >= -11.7 and mean["released: MAML, every step"][2] >= -3.3
    assert all(mean[f"released: {name}"][1] >= -11.7 for name in ("MAML", "MAML, TRPO", "Meta-SGD"))
    assert all(mean[f"{where}: Meta-SGD"][1] >= mean[f"{where}: MAML"][1] for where in ("navigation", "released"))
    assert abs(mean["CartPole: MAML"][1] - mean["CartPole: pre-training"][0]) < 3
    assert mean["sparse: MAML"][3] < 30


def test_meta_dqn_says_what_chapter_10_says():
    """Hidden keys and a hidden sign: meta-learning wins; varying physics leave nothing to win."""
    script = importlib.import_module("experiments.meta_dqn")
    table, points = load_table(script.TABLE), script.Settings().checkpoints
    half, steps = script.Settings().test_tasks // 2, len(points)
    # Means over held-out tasks, [seed, column].
    test = {method: table.scores(method)[:, :half].mean(1) for method in table.rows}
    for name in ("Meta-SGD", "Reptile"):  # every seed sooner than every seed of pre-training
        assert test[f"keys: {name}"][:, steps].max() < test["keys: pre-training"][:, steps].min()
        assert test[f"sign: {name}"][:, steps].mean() < test["sign: fresh"][:, steps].mean() / 2
    adapted = points.index(script.Settings().problems["keys"].learning_starts)
    assert test["keys: Meta-SGD"][:, adapted].mean() > test["keys: Meta-SGD"][:, 0].mean() + 10
    assert test["physics: pre-training"][:, 0].mean() > 180
    for problem in script.FAMILIES:
        rows = table.scores(f"{problem}: informed")
        assert (rows[..., 0] == rows[..., steps - 1]).all()


def test_an_unknown_experiment_is_refused_by_name():
    with pytest.raises(SystemExit, match="got nonsense"):
        main(["nonsense"])
