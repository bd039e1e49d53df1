"""Pull arms yourself, and watch what a trained memory holds: its counts, its policy, its state."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import ipywidgets
import numpy as np
import torch
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metarl_core import plotting
from metarl_core.exact import Strategy, arm_counts, gittins
from metarl_core.meta.memory import MemoryAgent, play_trials
from metarl_core.parameters import Parameters
from metarl_core.tasks import BernoulliBandits
from metarl_core.widgets.explorer import Explorer, slider

BANDITS = 300
"""played by the memory itself, for the principal axes"""


class Pulling(ipywidgets.HBox):
    """A button for each arm, one that takes the last pull back and one that begins again; `value` is what was pulled.

    Args:
        arms: number of arms.
        most: pulls of a trial; further ones do nothing.
        first: pulled at the beginning.
    """

    value = traitlets.Tuple()

    def __init__(self, arms: int, most: int, first: Sequence[int] = ()):
        self.arms = [ipywidgets.Button(description=f"pull arm {arm + 1}") for arm in range(arms)]
        back, anew = (ipywidgets.Button(description=words) for words in ("take back", "begin again"))
        super().__init__([*self.arms, back, anew], layout={"flex_flow": "row wrap"}, value=tuple(first))
        for arm, button in enumerate(self.arms):
            button.on_click(functools.partial(self._pull, arm, most))
        back.on_click(lambda _: self.set_trait("value", self.value[:-1]))
        anew.on_click(lambda _: self.set_trait("value", ()))

    def _pull(self, arm: int, most: int, _: ipywidgets.Button) -> None:
        self.value = (*self.value, arm)[:most]


class Read(NamedTuple):
    """What a memory holds before each pull of a trial, and after the last: one row more than there are pulls."""

    states: np.ndarray
    """`[pull + 1, hidden]`"""
    chances: np.ndarray
    """π of each arm, `[pull + 1, arm]`"""


def read(agent: MemoryAgent, parameters: Parameters, arms: Sequence[int], rewards: Sequence[float]) -> Read:
    """Let the memory read a trial that somebody else has played.

    Args:
        arms, rewards: of each pull.
    """
    length = len(arms) + 1
    action = torch.tensor([0, *arms])
    reward = torch.tensor([0.0, *rewards])
    done, first = torch.zeros(length, dtype=torch.bool), torch.arange(length) == 0
    inputs = agent.encode(torch.zeros(length, dtype=torch.int64), action, reward, done, first)
    with torch.no_grad():
        states = agent.read(parameters, inputs)
        chances = agent.distribution(parameters, states).probs  # type: ignore[attr-defined]
    return Read(states.numpy(force=True), chances.numpy(force=True))


def paid(luck: np.ndarray, means: np.ndarray, arms: Sequence[int]) -> list[float]:
    """Rewards of pulls: arm i's j-th pull pays where `luck[i, j]` lies below its mean, whoever pulls it."""
    number, rewards = [0] * len(means), []
    for arm in arms:
        rewards.append(float(luck[arm, number[arm]] < means[arm]))
        number[arm] += 1
    return rewards


def principal_axes(states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean `[hidden]` of states `[state, hidden]`, and the two directions of largest variance, `[2, hidden]`."""
    centre = states.mean(0)
    _, _, directions = np.linalg.svd(states - centre, full_matrices=False)
    return centre, directions[:2]


def bandit_memory_explorer(
    agent: MemoryAgent, parameters: Parameters, pulls: int = 10, first: Sequence[int] = (0, 0, 1), bandit: int = 1
) -> Explorer:
    """Pull arms of a bandit; the memory reads along, and plays the same bandit by itself, as the Gittins index does.

    All three meet the same luck: an arm's j-th pull pays for one if it pays for the others.

    Args:
        agent, parameters: of a memory that was trained on `BernoulliBandits`.
        pulls: of a trial.
        first: arms that are pulled at the beginning.
        bandit: shown first, the seed that it is drawn with.
    """
    arms = int(agent.action_space.n)  # type: ignore[attr-defined]
    family, index = BernoulliBandits(arms, pulls), gittins(pulls)
    many = family.sample_tasks(BANDITS, torch.Generator().manual_seed(0))
    own = play_trials(family, many, agent, parameters, 1, 1, torch.Generator().manual_seed(1))
    with torch.no_grad():
        cloud = agent.read(parameters, own.inputs).flatten(0, 2).numpy(force=True)
    centre, directions = principal_axes(cloud)

    @functools.lru_cache(64)
    def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, list[float], list[float]]:
        means = family.sample_tasks(1, torch.Generator().manual_seed(seed), "test")["means"][0].numpy()
        rng = np.random.default_rng(seed)
        luck = rng.random((arms, pulls))
        return means, luck, _of_memory(agent, parameters, means, luck, rng), _of_rule(index, means, luck, rng)

    def draw(pulled: tuple[int, ...], bandit: int, view: str) -> Figure:
        means, luck, by_memory, by_gittins = drawn(bandit)
        rewards = paid(luck, means, pulled)
        found = read(agent, parameters, pulled, rewards)
        margins = {"left": 0.06, "right": 0.99, "bottom": 0.16, "top": 0.83, "wspace": 0.42}
        figure, axes = plotting.figure(1, 3, width=11.0, height=3.9, margins=margins)
        now = len(pulled)
        told = [f"you {sum(rewards):.0f}", f"memory {sum(by_memory[:now]):.0f}", f"Gittins {sum(by_gittins[:now]):.0f}"]
        figure.suptitle(f"bandit {bandit}, after {now} of {pulls} pulls: " + ", ".join(told), fontsize=12)
        won, lost = _counts(pulled, rewards, arms)
        _draw_counts(axes[0], won, lost, means if view == SHOWN else None)
        left = max(1, pulls - now)
        advised = int(index(won[None], lost[None], left, np.random.default_rng(0))[0])
        _draw_policy(axes[1], found.chances[-1], advised)
        _draw_state(axes[2], (cloud - centre) @ directions.T, (found.states - centre) @ directions.T)
        return figure

    return Explorer(
        draw,
        "Left: for each arm the pulls that paid and those that did not, with the posterior mean as a dot. Middle: the "
        "memory's probability of pulling each arm next, and a diamond at the arm of largest Gittins index. Right: the "
        "memory's state in the plane of its two principal axes, a path that moves with each pull through the cloud of "
        "states that it meets in its own play. Above, the rewards so far: yours, the memory's and those of Gittins.",
        pulled=Pulling(arms, pulls, first),
        bandit=slider(bandit, 0, 40, 1, "bandit", integer=True),
        view=ipywidgets.Dropdown(options=[HIDDEN, SHOWN], description="means of the arms", layout={"width": "280px"},
                                 style={"description_width": "initial"}),
    )  # fmt: skip


HIDDEN, SHOWN = "hidden", "shown"


def _of_memory(
    agent: MemoryAgent, parameters: Parameters, means: np.ndarray, luck: np.ndarray, rng: np.random.Generator
) -> list[float]:
    """Rewards of each pull where the memory pulls."""
    arms: list[int] = []
    for _ in range(luck.shape[1]):
        chances = read(agent, parameters, arms, paid(luck, means, arms)).chances[-1].astype(float)
        arms.append(int(rng.choice(len(means), p=chances / chances.sum())))
    return paid(luck, means, arms)


def _of_rule(rule: Strategy, means: np.ndarray, luck: np.ndarray, rng: np.random.Generator) -> list[float]:
    """Rewards of each pull where a strategy pulls."""
    arms: list[int] = []
    for left in range(luck.shape[1], 0, -1):
        won, lost = _counts(arms, paid(luck, means, arms), len(means))
        arms.append(int(rule(won[None], lost[None], left, rng)[0]))
    return paid(luck, means, arms)


def _counts(pulled: Sequence[int], rewards: Sequence[float], arms: int) -> tuple[np.ndarray, np.ndarray]:
    """Successes and failures `[arm]` of all pulls."""
    won, lost = arm_counts(np.array([[*pulled, 0]]), np.array([[*rewards, 0.0]]), arms)
    return won[0, -1], lost[0, -1]


def _draw_counts(axes: Axes, won: np.ndarray, lost: np.ndarray, means: np.ndarray | None) -> None:
    number = np.arange(1, len(won) + 1)
    axes.bar(number, won, color=plotting.GREEN, label="paid")
    axes.bar(number, lost, bottom=won, color=plotting.GREY, label="did not")
    axes.set(xlabel="arm", ylabel="pulls", xticks=number, ylim=(0, max(4, (won + lost).max() + 1)))
    right = axes.twinx()
    right.plot(number, (1 + won) / (2 + won + lost), "o", color="black", label="posterior mean")
    if means is not None:
        right.plot(number, means, "_", color=plotting.RED, markersize=18, markeredgewidth=3, label="mean")
    right.set(ylim=(0, 1))
    right.grid(visible=False)
    axes.legend(fontsize=8, loc="upper left")
    right.legend(fontsize=8, loc="upper right")
    axes.set_title("what was seen", fontsize=11)


def _draw_policy(axes: Axes, chances: np.ndarray, advised: int) -> None:
    number = np.arange(1, len(chances) + 1)
    axes.bar(number, chances, color=plotting.BLUE)
    axes.plot(advised + 1, 1.0, "D", color=plotting.GREEN, markersize=9, label="Gittins")
    axes.set(xlabel="arm", ylabel="π of the memory", xticks=number, ylim=(0, 1.08))
    axes.legend(fontsize=8)
    axes.set_title("what to do next", fontsize=11)


def _draw_state(axes: Axes, cloud: np.ndarray, path: np.ndarray) -> None:
    axes.plot(*cloud.T, ".", color=plotting.GREY, markersize=2, alpha=0.4)
    axes.plot(*path.T, "o-", color=plotting.BLUE, markersize=4)
    axes.plot(*path[-1], "o", color=plotting.RED, markersize=9)
    axes.set(xlabel="first principal axis", ylabel="second")
    axes.set_title("the state of the memory", fontsize=11)
