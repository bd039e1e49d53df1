"""Each committed table was made by the settings and the code that its script has now, and is complete."""

import numpy as np
import pytest

from experiments.__main__ import NAMES, experiment, main
from metarl_core.results import load_table
from metarl_core.results.tables import DATA, VERSIONED, settings_as_json


@pytest.mark.parametrize("name", NAMES)
def test_table_and_script_hold_together(name):
    script = experiment(name)
    table, settings = load_table(script.path), script.settings
    assert script.name == name and script.path.parent == DATA
    assert table.settings == settings_as_json(settings), "run `make experiments`: the settings changed"
    assert tuple(table.rows) == script.methods
    assert set(VERSIONED) <= set(table.versions)
    assert len(settings.seeds) >= 5
    for method in script.methods:
        assert sorted(table.rows[method]) == sorted(settings.seeds)
        scores = table.scores(method)
        assert np.isfinite(scores).all()
        assert scores.shape[:2] == (len(settings.seeds), settings.test_tasks)
        different = len({one.tobytes() for one in scores})
        perfect = len(np.unique(scores[:, :, 0])) <= 2  # sparse rewards: two seeds may solve the same tasks
        if method in script.without_seed:
            assert different == 1, "two results without a seed"
            continue
        assert different == len(settings.seeds) or (perfect and different > 1), "two seeds with one result"


@pytest.mark.parametrize("name", NAMES)
def test_table_is_what_the_code_makes_now(name):
    assert experiment(name).out_of_date() is None, f"run `python -m experiments --confirm {name}`"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_confirmed_is_in_the_table(name):
    script = experiment(name)
    assert script.sample and all(m in script.methods and s in script.settings.seeds for m, s in script.sample)
    columns = load_table(script.path).scores(script.sample[0][0]).shape[2:]
    assert np.broadcast_to(script.tolerance, columns).shape == columns


def test_every_table_has_a_script():
    assert {path.stem for path in DATA.glob("*.json")} == set(NAMES)


def test_an_unknown_experiment_is_refused_by_name():
    with pytest.raises(SystemExit, match="got nonsense"):
        main(["nonsense"])


def test_check_says_which_are_out_of_date(capsys):
    assert main(["--check"]) == any(experiment(name).out_of_date() for name in NAMES)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == NAMES
