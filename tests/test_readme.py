"""README's example runs as it stands and does what it says."""

import re

import torch

from tools.course import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_example_for_engineers_adapts(capsys):
    block = re.search(r"<!-- engineers example -->\n```python\n(.+?)```\n<!-- /engineers example -->", README, re.S)
    lines = block[1].splitlines()
    assert len([line for line in lines if line and "import" not in line]) <= 10
    names = {}
    exec(compile(block[1], "README.md", "exec"), names)
    before, after = names["returns"].mean(0)
    assert after > before + 10, f"one step took the return from {before:.1f} to {after:.1f}"
    assert names["returns"].shape == (40, 2) and torch.isfinite(names["returns"]).all()
    assert capsys.readouterr().out.startswith("tensor(")
    seen = {tuple(goal) for goal in names["goals"]["goal"].tolist()}
    assert len(seen) == 40
