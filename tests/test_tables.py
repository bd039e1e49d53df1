"""Multi-seed tables survive a kill, notice other settings, and check a live run against its row."""

import dataclasses
import functools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from metarl_core.results import Experiment, code_digest, load_table, run_table
from metarl_core.results.experiment import UNCONFIRMED
from metarl_core.results.tables import settings_as_json


@dataclasses.dataclass(frozen=True)
class Settings:
    lr: float = 0.1
    sizes: tuple = (4, 4)


def result(method, seed):
    return np.array([[len(method), seed], [0.123456789, 2 * seed]])


class Counted:
    def __init__(self, fail_at=None):
        self.calls, self.fail_at = [], fail_at

    def __call__(self, method, seed):
        if len(self.calls) == self.fail_at:
            raise KeyboardInterrupt
        self.calls.append((method, seed))
        return result(method, seed)


def test_whole_run(tmp_path):
    path = tmp_path / "results" / "table.json"  # the folder is made
    table = run_table(path, Settings(), ["maml", "scratch"], [0, 1, 2], Counted())
    assert table.settings == settings_as_json(Settings()) == {"lr": 0.1, "sizes": [4, 4]}
    assert {"torch", "gymnasium", "numpy", "scipy", "python"} <= set(table.versions)
    assert table.scores("maml").shape == (3, 2, 2)
    np.testing.assert_array_equal(table.scores("maml")[:, 0, 1], [0, 1, 2])
    assert table.rows["maml"][1][1][0] == 0.1235, "four decimals are kept"
    assert load_table(path) == table
    assert [entry.name for entry in path.parent.iterdir()] == ["table.json"]


def test_resumes_after_a_kill(tmp_path):
    path = tmp_path / "table.json"
    stopped = Counted(fail_at=3)
    with pytest.raises(KeyboardInterrupt):
        run_table(path, Settings(), ["maml", "scratch"], [0, 1, 2], stopped)
    assert stopped.calls == [("maml", 0), ("scratch", 0), ("maml", 1)], "seed by seed, so that methods stay comparable"
    assert sum(len(seeds) for seeds in load_table(path).rows.values()) == 3
    resumed = Counted()
    table = run_table(path, Settings(), ["maml", "scratch"], [0, 1, 2], resumed)
    assert resumed.calls == [("scratch", 1), ("maml", 2), ("scratch", 2)]
    assert table.rows == run_table(tmp_path / "other.json", Settings(), ["maml", "scratch"], [0, 1, 2], Counted()).rows
    nothing = Counted()
    run_table(path, Settings(), ["maml", "scratch"], [0, 1, 2], nothing)
    assert nothing.calls == []


def test_more_seeds_and_methods_keep_what_stands(tmp_path):
    path = tmp_path / "table.json"
    run_table(path, Settings(), ["maml"], [1], Counted())
    more = Counted()
    table = run_table(path, Settings(), ["scratch"], [0, 1], more)
    assert more.calls == [("scratch", 0), ("scratch", 1)]
    assert set(table.rows) == {"maml", "scratch"} and list(table.rows["scratch"]) == [0, 1]
    run_table(path, Settings(), ["maml"], [0], Counted())
    assert list(load_table(path).rows["maml"]) == [0, 1], "in the order of the seeds"


def test_other_settings_start_anew(tmp_path):
    path = tmp_path / "table.json"
    run_table(path, Settings(), ["maml"], [0, 1], Counted())
    again = Counted()
    table = run_table(path, Settings(lr=0.2), ["maml"], [1], again)
    assert again.calls == [("maml", 1)] and list(table.rows["maml"]) == [1]
    assert table.settings["lr"] == 0.2


def test_agreement(tmp_path):
    table = run_table(tmp_path / "table.json", Settings(), ["maml"], [3], Counted())
    assert table.check_agreement("maml", 3, result("maml", 3), 1e-3) < 1e-3
    assert table.check_agreement("maml", 3, result("maml", 3) + 0.5, 0.6) == pytest.approx(0.5, abs=1e-3)
    swapped = result("maml", 3)[::-1]  # tasks in another order: the mean over them is compared
    assert table.check_agreement("maml", 3, swapped, 1e-3) < 1e-3
    for live in (result("maml", 3) + 0.5, result("maml", 3) * np.nan):
        with pytest.raises(ValueError, match="'maml', seed 3, must agree with the table within 0.1"):
            table.check_agreement("maml", 3, live, 0.1)
    for method, seed in (("maml", 4), ("scratch", 3)):
        with pytest.raises(ValueError, match=f"no row of '{method}', seed {seed}"):
            table.check_agreement(method, seed, result("maml", 3), 0.1)
    with pytest.raises(ValueError, match=r"length \[2\], got \[3\]"):
        table.check_agreement("maml", 3, np.ones((2, 3)), 0.1)


def test_unknown_method(tmp_path):
    table = run_table(tmp_path / "table.json", Settings(), ["maml"], [0], Counted())
    with pytest.raises(ValueError, match="one of \\['maml'\\], got 'rl2'"):
        table.scores("rl2")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "3", '{"rows": {}}', json.dumps({"rows": {"a": 1}, "settings": {}, "versions": {}})]
)
def test_unreadable_file(tmp_path, content):
    path = tmp_path / "table.json"
    path.write_text(content)
    with pytest.raises(ValueError, match="table.json must be a table"):
        load_table(path)
    with pytest.raises(ValueError, match="table.json must be a table"):  # never overwritten unasked
        run_table(path, Settings(), ["maml"], [0], Counted())
    assert path.read_text() == content
    with pytest.raises(FileNotFoundError):
        load_table(tmp_path / "nothing.json")


def test_binary_file(tmp_path):
    path = tmp_path / "table.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="table.json"):
        load_table(path)


# What made a table, and whether it is what the code makes now.


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("from metarl_core.tasks import Sinusoids\nSinusoids()\n")
    return path


@dataclasses.dataclass(frozen=True)
class Seeded(Settings):
    seeds: tuple[int, ...] = (0, 1)


def experiment(script, run=result, **changes):
    fixed = {
        "name": "toy",
        "source": script,
        "settings": Seeded(),
        "methods": ("maml", "scratch"),
        "run": run,
        "sample": (("maml", 0), ("scratch", 1)),
        "tolerance": 0.5,
        "folder": script.parent / "tables",
    }
    return Experiment(**fixed | changes)


def test_a_table_carries_the_digest_of_its_code(script):
    toy = experiment(script)
    assert toy.out_of_date() == "there is no table yet"
    table = toy.fill()
    assert table.code == code_digest(script) == toy.code and table.confirmed is None
    assert toy.out_of_date() is None
    script.write_text("# a comment\n" + script.read_text())
    assert toy.out_of_date() is None
    script.write_text(script.read_text() + "1 + 1\n")
    assert toy.out_of_date() == UNCONFIRMED
    assert experiment(script, settings=Seeded(lr=1.0)).out_of_date() == "its settings have changed"
    assert experiment(script, methods=("maml", "scratch", "rl2")).out_of_date() == "it lacks rows"


def test_the_code_of_a_table_is_the_file_that_defines_its_run(script):
    here = code_digest(Path(__file__))
    assert experiment(script, source=None).code == here != experiment(script).code
    assert experiment(script, functools.partial(result), source=None).code == here


def test_rows_of_two_codes_have_no_digest(tmp_path):
    path = tmp_path / "table.json"
    assert run_table(path, Settings(), ["maml"], [0], result, code="one").code == "one"
    assert run_table(path, Settings(), ["maml"], [0, 1], result, code="one").code == "one"
    assert run_table(path, Settings(), ["maml"], [0, 1, 2], result, code="two").code is None
    assert run_table(path, Settings(lr=0.2), ["maml"], [0], result, code="two").code == "two"


def test_method_by_method(tmp_path):
    counted = Counted()
    run_table(tmp_path / "table.json", Settings(), ["maml", "scratch"], [0, 1], counted, by_method=True)
    assert counted.calls == [("maml", 0), ("maml", 1), ("scratch", 0), ("scratch", 1)]


def test_confirming_makes_only_the_sample_and_renews_the_digest(script):
    rows = experiment(script).fill().rows
    script.write_text(script.read_text() + "1 + 1\n")
    counted = Counted()
    toy = experiment(script, counted)
    assert toy.confirm() == 0.0
    assert counted.calls == [("maml", 0), ("scratch", 1)]
    table = load_table(toy.path)
    assert toy.out_of_date() is None and table.rows == rows
    assert table.confirmed["rows"] == [["maml", 0], ["scratch", 1]] and table.confirmed["difference"] == 0.0


def moved(by):
    return lambda method, seed: result(method, seed) + by


def elsewhere(toy):
    """As if the table had been made on another machine."""
    content = json.loads(toy.path.read_text())
    content["versions"]["processor"] = "another"
    toy.path.write_text(json.dumps(content))


def test_confirming_is_exact_where_the_table_was_made_and_within_the_tolerance_elsewhere(script):
    toy = experiment(script)
    toy.fill()
    script.write_text(script.read_text() + "1 + 1\n")
    before = toy.path.read_text()
    with pytest.raises(ValueError, match="'maml', seed 0, must be the same number for number .* difference of 0.1"):
        experiment(script, moved(0.1)).confirm()
    with pytest.raises(ValueError, match="must agree with the table within the tolerance, got differences up to 0.6"):
        experiment(script, moved(0.6)).confirm()
    with pytest.raises(ValueError, match="got differences up to nan"):
        experiment(script, moved(np.nan)).confirm()
    assert toy.path.read_text() == before and toy.out_of_date(), "a table that is not confirmed stays as it is"
    elsewhere(toy)
    assert experiment(script, moved(0.1)).confirm() == pytest.approx(0.1)
    assert toy.out_of_date() is None
    with pytest.raises(ValueError, match="as they were here on 20.* got others"):  # whatever the tolerance
        experiment(script, moved(0.2)).confirm()
    assert experiment(script, moved(0.1)).confirm() == pytest.approx(0.1)


CHECKOUT = """
import numpy as np
from pathlib import Path
TABLE = Path(__file__).parent / "toy.json"
class Settings:
    by = 0.25
def run(method, seed, settings):
    return np.array([[len(method), seed], [0.123456789, 2 * seed]]) + settings.by
"""


def test_confirming_against_the_code_before(script, tmp_path):
    """On another machine: the table agrees with neither, and both agree."""
    toy = experiment(script)
    toy.fill()
    elsewhere(toy)
    folder = tmp_path / "before"
    (folder / "experiments").mkdir(parents=True)
    (folder / "experiments" / "toy.py").write_text(CHECKOUT)
    shutil.copy(toy.path, folder / "experiments")
    strict = functools.partial(experiment, script, tolerance=0.1)
    with pytest.raises(ValueError, match="within the tolerance"):
        strict(moved(0.25)).confirm()
    with pytest.raises(ValueError, match="'maml', seed 0, must be the same by the code in before, got other numbers"):
        strict(moved(0.2501)).confirm(folder)
    with pytest.raises(ValueError, match="the code in before"):
        strict(moved(0.0)).confirm(folder)
    assert toy.path.read_text().count("confirmed") == 0
    assert strict(moved(0.25)).confirm(folder) == pytest.approx(0.25)
    assert load_table(toy.path).confirmed["against"] == "before" and toy.out_of_date() is None
    assert strict(moved(0.25)).confirm() == pytest.approx(0.25), "the same again, without that checkout"
    assert load_table(toy.path).confirmed["against"] == "before"
    with pytest.raises(ValueError, match="as they were here"):
        strict(moved(0.2501)).confirm()
    table = folder / "experiments" / "toy.json"
    table.write_text(table.read_text().replace("0.1235", "0.1236", 1))
    with pytest.raises(ValueError, match="must have the same table toy, got another"):
        strict(moved(0.25)).confirm(folder)
    (folder / "experiments" / "toy.py").write_text("1 / 0")
    with pytest.raises(ValueError, match="must make the rows of toy, it says: ZeroDivisionError"):
        strict(moved(0.25)).confirm(folder)


def test_columns_that_differ_from_run_to_run_are_not_compared(script):
    experiment(script).fill()

    def seconds(method, seed):
        return result(method, seed) + np.array([0.0, 99.0])

    with pytest.raises(ValueError, match="must agree"):
        experiment(script, seconds).confirm()
    assert experiment(script, seconds, tolerance=(0.5, np.inf)).confirm() == 0.0


def test_columns_have_tolerances_of_their_own(script):
    toy = experiment(script)
    toy.fill()
    elsewhere(toy)
    other = functools.partial(experiment, script, lambda m, s: result(m, s) + np.array([0.0, 3.0]))
    with pytest.raises(ValueError, match="must agree"):
        other(tolerance=(5.0, 0.1)).confirm()
    assert other(tolerance=(0.1, 5.0)).confirm() == 3.0


def test_nothing_is_confirmed_that_is_not_there(script):
    experiment(script).fill()
    with pytest.raises(ValueError, match="no row of 'rl2', seed 1"):
        experiment(script, methods=("maml", "rl2"), sample=(("rl2", 1),)).confirm()
    with pytest.raises(ValueError, match="settings of toy have changed"):
        experiment(script, settings=Seeded(lr=3.0)).confirm()
    with pytest.raises(ValueError, match=r"shape \[2, 2\], got \[1, 2\]"):
        experiment(script, lambda m, s: result(m, s)[:1]).confirm()


def test_settings_must_be_a_dataclass():
    with pytest.raises(ValueError, match="settings must be a dataclass, got type"):
        settings_as_json(Settings)
