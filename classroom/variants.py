"""What a class's notebook says otherwise than the course's: the numbers of its questions, and the seeds of its data.

The checks' side of it is `metarl_core.check.variants`. A text that is to be replaced and does not stand in the notebook
(any more) is an error: the two sides must agree.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from metarl_core.check.variants import numbers_of

WORD = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True)
class Text:
    """What stands in the course's notebook, and what stands there in a class's, from its numbers."""

    course: str
    variant: Callable[[Any], str]


def _plain(value: float) -> str:
    return f"{value:g}"


TEXTS: dict[str, tuple[Text, ...]] = {
    "02": (
        Text("amplitude $A$ uniform on $[1, 3]$", lambda w: f"amplitude $A$ uniform on $[{w.low}, {w.high}]$"),
        Text("A = 1 + 2 * torch.rand(", lambda w: f"A = {w.low} + {w.high - w.low} * torch.rand("),
        Text(
            "at_amplitude = ((A - 1) / 2 * 50)",
            lambda w: f"at_amplitude = ((A - {w.low}) / {w.high - w.low} * 50)",
        ),
        Text(
            "with an error that is a quarter of\nthe first",
            lambda w: f"with an error that is {100 * _agnostic(w) / w.zero:.0f} % of\nthe first",
        ),
    ),
    "03": (
        Text(
            r"for $q(1) = q(2)$ and $\sigma = 3$",
            lambda n: rf"for $q(1) = q(2)$ and $\sigma = {_plain(n.equal_sigma)}$",
        ),
        Text(r"$q(2) = -1$ and $\sigma = 1$", lambda n: rf"$q(2) = -1$ and $\sigma = {_plain(n.sigma)}$"),
        Text("a, b = true + torch.randn(2,", lambda n: f"a, b = true + {_plain(n.sigma)} * torch.randn(2,"),
        Text("equal = 3 * torch.randn(", lambda n: f"equal = {_plain(n.equal_sigma)} * torch.randn("),
        Text("within about 0.005.", lambda n: f"within about {0.005 * max(1, n.equal_sigma / 3):.2g}."),
        Text("the biases have nearly the same size and opposite signs", lambda n: "the biases have opposite signs"),
    ),
    "04": (
        Text(
            "$r_1 = 2$ and $r_2 = 7$; now $p = 0.8$",
            lambda b: f"$r_1 = {b.first}$ and $r_2 = {b.second}$; now $p = {b.p:g}$",
        ),
        Text("the mean return is 3, near", lambda b: f"the mean return is {b.mean:g}, near"),
        Text("with weights 0.8 and 0.2", lambda b: f"with weights {b.p:g} and {1 - b.p:g}"),
        Text("manual_seed(0)) > 0.8)", lambda b: f"manual_seed(0)) > {b.p:g})"),
        Text(
            "torch.tensor([0.2, -0.8])[arm], torch.tensor([2.0, 7.0])[arm]",
            lambda b: f"torch.tensor([{1 - b.p:g}, -{b.p:g}])[arm], torch.tensor([{b.first}.0, {b.second}.0])[arm]",
        ),
        Text("torch.linspace(0, 9, 91)", lambda b: f"torch.linspace(0, {b.first + b.second}, 91)"),
        Text("marks = ((3.0, variance_mean", lambda b: f"marks = (({b.mean:g}, variance_mean"),
        Text(
            "at a quarter of the\nheight that the parabola has at $b = 0$",
            lambda b: (
                f"at {100 * b.variance(b.mean) / b.variance(0.0):.0f} % of the\nheight that the parabola has at $b = 0$"
            ),
        ),
    ),
}

SEEDS: dict[str, tuple[str, ...]] = {
    "02": ("family, generator = CartPole(horizon=200), torch.Generator().manual_seed(0)",),
    "05": ("def some_tasks(number, seed=5):",),
    "07": ("generator = torch.Generator().manual_seed(1)",),
    "08": ("generator = torch.Generator().manual_seed(0)", "generator = torch.Generator().manual_seed(1)"),
}
"""Seeds of data that learners see, by chapter, where what the text says of them holds for any seed."""


def vary(notebook: NotebookNode, number: str, variant: str, project: bool = False) -> None:
    """Turn the course's notebook of chapter `number`, in place, into that of a class.

    Raises:
        ValueError: for a variant that is no word, and where the notebook does not say what it should be replaced.
    """
    if not WORD.fullmatch(variant):
        raise ValueError(f"a variant is a word of letters, digits, - and _, got {variant!r}.")
    chapter = f"ch{number}"
    numbers = numbers_of(chapter, variant)
    for text in () if project else TEXTS.get(number, ()):
        _replace(notebook, text.course, text.variant(numbers), number)
    for place in () if project else SEEDS.get(number, ()):
        _replace(notebook, place, _other_seed(place, variant), number)
    _replace(
        notebook,
        f"from metarl_core.check import {chapter}\n",
        "from metarl_core.check.variants import of_class\n",
        number,
    )
    setup = next(c for c in notebook.cells if "import of_class" in c.source)
    setup.source = _after_imports(setup.source, f'{chapter} = of_class("{chapter}", "{variant}")')


def _replace(notebook: NotebookNode, old: str, new: str, number: str) -> None:
    cells = [cell for cell in notebook.cells if old in cell.source]
    if not cells:
        raise ValueError(f"chapter {number} has no longer the text {old!r}: bring classroom/variants.py up to date.")
    for cell in cells:
        cell.source = cell.source.replace(old, new)


def _other_seed(place: str, variant: str) -> str:
    def other(found: re.Match) -> str:
        return f"{found[1]}{int(found[2]) + 100 + sum(map(ord, variant)) % 800}"

    return re.sub(r"(manual_seed\(|seed=)(\d+)", other, place)


def _after_imports(code: str, line: str) -> str:
    lines = code.splitlines()
    last = max(i for i, text in enumerate(lines) if re.match(r"(import|from) ", text))
    return "\n".join([*lines[: last + 1], "", line, *lines[last + 1 :]])


def _agnostic(waves: Any) -> float:
    return waves.zero - float((waves.amplitude.mean() * waves.wave.mean(1)).square().mean())


def describe(number: str, variant: str) -> str:
    """What differs from the course's notebook, in words for a teacher."""
    numbers = numbers_of(f"ch{number}", variant)
    words = [f"numbers of the questions: {numbers}"] if numbers is not None else []
    words += ["seeds of the data shown"] if SEEDS.get(number) else []
    return "; ".join([*words, "cases that the checks try functions on"])
