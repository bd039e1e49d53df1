"""A claim is an error under test and a quiet note at the desk."""

import numpy as np
import pytest
import torch

from metarl_core.claims import claim
from metarl_core.evaluation import Interval
from metarl_core.figures.intervals import in_words
from metarl_core.figures.words import with_minus


@pytest.mark.parametrize("holds", [True, np.True_, np.array([True]), torch.tensor(True), torch.ones(2).all()])
def test_what_holds_is_said(holds, capsys, monkeypatch):
    for strictness in ("strict", ""):
        monkeypatch.setenv("METARL_CLAIMS", strictness)
        claim("One step is enough.", holds)
        assert capsys.readouterr().out == "One step is enough.\n"


def test_what_does_not_hold_is_an_error_under_test(monkeypatch):
    monkeypatch.setenv("METARL_CLAIMS", "strict")
    with pytest.raises(AssertionError, match=r"^This does not hold: One step is enough\.$"):
        claim("One step is enough.", False)


def test_what_does_not_hold_stops_nobody_at_the_desk(monkeypatch, capsys):
    monkeypatch.delenv("METARL_CLAIMS", raising=False)
    claim("One step is enough.", torch.tensor(False))
    shown = capsys.readouterr().out
    assert shown.startswith("> *On this machine it came out differently.") and "One step is enough." in shown


@pytest.mark.parametrize("holds", [None, 1, 0.0, "yes", [], torch.ones(2) > 0, np.array([True, False]), torch.ones(1)])
def test_only_one_truth_value_counts(holds):
    with pytest.raises(ValueError, match="holds must be one truth value"):
        claim("One step is enough.", holds)


@pytest.mark.parametrize("sentence", ["", "One step", None, 3])
def test_only_a_sentence_is_said(sentence):
    with pytest.raises(ValueError, match="sentence must be"):
        claim(sentence, True)


def test_in_a_notebook_it_is_shown_as_text(monkeypatch):
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    try:
        with capture_output() as shown:
            shell.run_cell("from metarl_core.claims import claim\nclaim('The slope is $2$.', True)")
        assert shown.outputs[0].data["text/markdown"] == "The slope is $2$."
    finally:
        InteractiveShell.clear_instance()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a return of -10.5 [-11, -9]", "a return of −10.5 [−11, −9]"),
        ("| -0.15, -.2 |", "| −0.15, −.2 |"),
        ("chapter-2, 1e-05, 10-20 and x-1", "chapter-2, 1e-05, 10-20 and x-1"),
    ],
)
def test_negative_numbers_have_a_minus_sign(text, shown):
    assert with_minus(text) == shown


def test_an_interval_in_words():
    found = Interval(-0.125, -0.25, 0.03125)
    assert in_words(found, digits=3) == "-0.125 [-0.250, 0.031]"
    assert in_words(found, sign=True) == "-0.12 [-0.25, +0.03]"
    assert in_words(Interval(101.0, -1e9, 1e9)) == "diverges"
    assert in_words(Interval(101.0, 100.0, 102.0), digits=0, highest=1000.0) == "101 [100, 102]"
