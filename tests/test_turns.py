"""Tests that are marked `in_turn`: each has its turn, and whoever names one gets it."""

from types import SimpleNamespace

import pytest

import conftest
from tools import notebook_sample


class Item:
    """As much of a collected test as is looked at: its name, and its mark."""

    def __init__(self, number, share=None):
        self.nodeid, self.share = f"tests/test_{number}.py", share

    def get_closest_marker(self, name):
        return SimpleNamespace(args=(self.share,)) if self.share else None


def left(monkeypatch, start, arguments, items):
    """The names of the tests that are run, and of those that are said to be deselected."""
    monkeypatch.setattr(notebook_sample, "turn", lambda folder: start)
    dropped = []
    hook = SimpleNamespace(pytest_deselected=lambda items: dropped.extend(items))
    items = list(items)
    conftest.pytest_collection_modifyitems(SimpleNamespace(args=arguments, hook=hook), items)
    return {item.nodeid for item in items}, {item.nodeid for item in dropped}


ITEMS = [Item(n) for n in range(5)] + [Item(n, share=3) for n in range(5, 17)]
EVERY = {item.nodeid for item in ITEMS}


@pytest.fixture(autouse=True)
def sampled(monkeypatch):
    monkeypatch.delenv("METARL_ATTACKS", raising=False)


def test_each_has_one_turn_and_what_is_unmarked_all(monkeypatch):
    turns = [left(monkeypatch, start, ["tests"], ITEMS) for start in range(3)]
    for run, dropped in turns:
        assert run | dropped == EVERY and not run & dropped and len(run) == 5 + 4
    for item in ITEMS:
        assert sum(item.nodeid in run for run, _ in turns) == (1 if item.share else 3)


def test_the_order_of_collection_does_not_matter(monkeypatch):
    assert left(monkeypatch, 1, ["tests"], ITEMS) == left(monkeypatch, 1, ["tests"], reversed(ITEMS))


@pytest.mark.parametrize("named", [["tests/test_browser.py"], ["tests/test_browser.py::test_first_chapter_answers"]])
def test_what_is_named_is_run(monkeypatch, named):
    assert left(monkeypatch, 0, named, ITEMS) == (EVERY, set())


def test_the_whole_is_whole(monkeypatch):
    monkeypatch.setenv("METARL_ATTACKS", "all")
    assert left(monkeypatch, 0, ["tests"], ITEMS) == (EVERY, set())
