"""The notebooks that `make test` executes: each has its turn, and no turn is much longer than another."""

import pytest

from tools.notebook_sample import ALWAYS, SECONDS, sample, seconds, turn, turns


def test_every_notebook_has_its_turn():
    samples = [sample(start, turns()) for start in range(turns())]
    everything = sample(0, 1)
    assert sorted(path for one in samples for path in one if path != ALWAYS) == sorted(set(everything) - {ALWAYS})
    assert all(ALWAYS in one for one in samples)
    assert {path.split("/")[0] for path in everything} == {"chapters", "solutions", "projects"}


def test_a_turn_takes_about_as_long_as_it_may():
    promised = seconds()
    long = [sum(promised[path] for path in sample(start, turns())) - promised[ALWAYS] for start in range(turns())]
    assert max(long) < 1.2 * SECONDS


def test_another_turn_follows_a_change_of_the_package(tmp_path):
    (tmp_path / "a.py").write_text("one = 1\n")
    before = turn(tmp_path)
    assert turn(tmp_path) == before
    (tmp_path / "a.py").write_text("one = 2\n")
    assert turn(tmp_path) != before


@pytest.mark.parametrize("share", [1, 2, 5])
def test_a_share_is_a_share(share):
    assert abs(len(sample(3, share)) - len(sample(0, 1)) / share) <= 2
