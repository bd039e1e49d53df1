"""README's examples run as they stand and do what they say."""

import re

import torch

from tools.course import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def run(name, longest):
    """The names that the example between two comments leaves behind."""
    block = re.search(rf"<!-- {name} -->\n```python\n(.+?)```\n<!-- /{name} -->", README, re.S)[1]
    assert len([line for line in block.splitlines() if line and "import" not in line]) <= longest
    names = {}
    exec(compile(block, "README.md", "exec"), names)
    return names


def test_own_network_learns_to_learn():
    torch.manual_seed(0)
    names = run("own network", 20)
    errors = names["supervised"].adaptation_curve(names["method"], names["meta"], names["held_out"], steps=(0, 1, 5))
    before, one, five = errors.mean(0)
    assert one < 0.7 * before and five < one


def test_own_environments_are_tasks(capsys):
    names = run("own environments", 20)
    assert names["curve"].returns.shape == (1, 3) and bool((names["curve"].returns > 5).all())
    assert len(names["history"]["return"]) == 3


def test_example_for_engineers_adapts(capsys):
    names = run("engineers example", 10)
    before, after = names["returns"].mean(0)
    assert after > before + 10, f"one step took the return from {before:.1f} to {after:.1f}"
    assert names["returns"].shape == (40, 2) and torch.isfinite(names["returns"]).all()
    assert capsys.readouterr().out.startswith("tensor(")
    seen = {tuple(goal) for goal in names["goals"]["goal"].tolist()}
    assert len(seen) == 40


def test_a_training_that_processes_may_share_runs_alone_and_goes_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, again = run("several processes", 20), run("several processes", 20)
    assert (tmp_path / "start.pt").exists() and first["history"].iterations == 50
    for name, value in first["start"].items():
        assert torch.equal(again["start"][name], value)  # from the finished checkpoint
