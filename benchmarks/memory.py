"""A memory's trials per second beside a plain loop: `python -m benchmarks.memory`.

One thread, bandits of five arms and ten pulls, a GRU of 64 units. The reference is written as one writes it first: one
bandit after another, one call of `nn.GRUCell` for each pull, for the eight trials of a bandit together or for each of
them; a loss that reads the trials by the same loop, and autograd. All have the same weights, and give the same loss and
gradients on the same trials, which is checked first. Processor times, medians of several turns.
"""

import functools
import platform
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Categorical

from benchmarks.meta import times
from metarl_core.meta import RL2, MemoryAgent, memory
from metarl_core.meta.memory import Trials, memory_ppo_loss
from metarl_core.networks import GRU
from metarl_core.parameters import Parameters, initial_parameters, trainable_parameters
from metarl_core.results import write_benchmark
from metarl_core.results.tables import processor
from metarl_core.tasks import BernoulliBandits

ARMS, PULLS, HIDDEN, BANDITS, TRIALS = 5, 10, 64, 128, 8
FEW = 4
"""bandits of the plain loop, which would take minutes for all"""
OURS, BY_TASK, BY_TRIAL = "all bandits at once", "a loop over bandits", "a loop over bandits and trials"
CONFIG = memory.TrainConfig(clip=0.2, value_coef=0.0, entropy_coef=0.01)


class Network(nn.Module):
    """The memory and the policy of the reference, with the same weights."""

    def __init__(self, parameters: Parameters):
        super().__init__()
        self.cell, self.head = nn.GRUCell(1 + ARMS + 2, HIDDEN), nn.Linear(HIDDEN, ARMS)
        names = ("weight_input", "weight_hidden", "bias_input", "bias_hidden")
        own = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        with torch.no_grad():
            for name, mine in zip(names, own, strict=True):
                getattr(self.cell, mine).copy_(parameters[f"memory.{name}"])
            self.head.weight.copy_(parameters["policy.logits.weight0"])
            self.head.bias.copy_(parameters["policy.logits.bias0"])


@torch.no_grad()
def play_in_turn(network: Network, means: Tensor, at_once: int) -> list[list[tuple]]:
    """Bandits one after another, so many of their trials at once, as lists of (input, arm, reward, log-probability)."""
    played = []
    for bandit in means:
        for _ in range(TRIALS // at_once):
            state, given, trials = torch.zeros(at_once, HIDDEN), torch.eye(1, 1 + ARMS + 2).repeat(at_once, 1), []
            for _ in range(PULLS):
                state = network.cell(given, state)
                policy = Categorical(logits=network.head(state))
                arm = policy.sample()
                reward = (torch.rand(at_once) < bandit[arm]).float()
                trials.append((given, arm, reward, policy.log_prob(arm)))
                acted = nn.functional.one_hot(arm, ARMS).float()
                flags = torch.stack([reward, torch.zeros(at_once)], 1)
                given = torch.cat([torch.ones(at_once, 1), acted, flags], 1)
            played.append(trials)
    return played


def loss_in_turn(network: Network, trials: Trials, advantages: Tensor, at_once: int) -> Tensor:
    """PPO's clipped loss with an entropy bonus of `[1, trial, pull]`, so many trials at once, a pull at a time."""
    losses = []
    for some in torch.arange(trials.mask.shape[1]).split(at_once):
        state = torch.zeros(len(some), HIDDEN)
        for pull in range(PULLS):
            state = network.cell(trials.inputs[0, some, pull], state)
            policy = Categorical(logits=network.head(state))
            log_pi, advantage = policy.log_prob(trials.actions[0, some, pull]), advantages[0, some, pull]
            ratio = (log_pi - trials.log_probabilities[0, some, pull]).exp()
            gain = torch.minimum(ratio * advantage, ratio.clamp(1 - CONFIG.clip, 1 + CONFIG.clip) * advantage)
            losses.append(-gain - CONFIG.entropy_coef * policy.entropy())
    return torch.cat(losses).mean()


def problem() -> dict[str, Any]:
    """Both forms, bandits, and trials with advantages to learn from."""
    generator = torch.Generator().manual_seed(0)
    family = BernoulliBandits(ARMS, PULLS)
    make = functools.partial(GRU, hidden=HIDDEN)
    agent = MemoryAgent(family.observation_space, family.action_space, make, generator=generator)
    method = RL2(family, agent, trials=TRIALS, episodes=1, discount=1.0)
    parameters = trainable_parameters(initial_parameters(agent))
    tasks = family.sample_tasks(BANDITS, generator)
    trials = method.play(parameters, tasks, generator).flat()
    advantages = torch.randn(trials.mask.shape, generator=generator)
    return {
        "method": method, "parameters": parameters, "tasks": tasks, "generator": generator, "trials": trials,
        "advantages": advantages, "network": Network(parameters),
    }  # fmt: skip


def check(given: dict[str, Any]) -> None:
    """Raise AssertionError unless both give the same loss and gradients on the same trials, in double precision."""
    some = given["trials"].select(slice(6))
    some = Trials(**{n: v.double() if v.is_floating_point() else v for n, v in vars(some).items()})
    advantages = given["advantages"][:, :6].double()
    parameters = {name: value.detach().double().requires_grad_() for name, value in given["parameters"].items()}
    network = Network({name: value.detach() for name, value in parameters.items()}).double()
    default = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        theirs = loss_in_turn(network, some, advantages, 2)
        ours, _ = memory_ppo_loss(given["method"], parameters, some, advantages, advantages, CONFIG)
    finally:
        torch.set_default_dtype(default)
    theirs.backward()
    ours.backward()
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(parameters["memory.weight_hidden"].grad, network.cell.weight_hh.grad)
    torch.testing.assert_close(parameters["policy.logits.weight0"].grad, network.head.weight.grad)


def rates(turns: int = 5) -> dict[str, float]:
    """Trials per second of processor time."""
    given = problem()
    check(given)
    method, parameters, network, trials = (given[name] for name in ("method", "parameters", "network", "trials"))
    few, advantages, means = trials.select(slice(FEW * TRIALS)), given["advantages"], given["tasks"]["means"][:FEW]

    def learn() -> None:
        memory_ppo_loss(method, parameters, trials, advantages, advantages, CONFIG)[0].backward()

    def learn_in_turn(at_once: int) -> None:
        loss_in_turn(network, few, advantages[:, : FEW * TRIALS], at_once).backward()

    seconds = times(
        {
            f"played, {OURS}": lambda: method.play(parameters, given["tasks"], given["generator"]),
            f"played, {BY_TASK}": lambda: play_in_turn(network, means, TRIALS),
            f"played, {BY_TRIAL}": lambda: play_in_turn(network, means, 1),
            f"learned from, {OURS}": learn,
            f"learned from, {BY_TASK}": functools.partial(learn_in_turn, TRIALS),
            f"learned from, {BY_TRIAL}": functools.partial(learn_in_turn, 1),
        },
        turns,
        0.1,
    )
    return {name: TRIALS * (BANDITS if OURS in name else FEW) / value for name, value in seconds.items()}


def main() -> None:
    torch.set_num_threads(1)
    found = rates()
    for name, rate in found.items():
        what = name.split(",")[0]
        print(f"{name:52}{rate:10,.0f} trials per second, ours {found[f'{what}, {OURS}'] / rate:.0f} ×")
    content = {
        "processor": processor(), "python": platform.python_version(), "torch": torch.__version__,
        "bandits": BANDITS, "trials": TRIALS, "pulls": PULLS, "hidden": HIDDEN,
        "trials_per_second": {name: round(rate) for name, rate in found.items()},
    }  # fmt: skip
    write_benchmark("memory", content)


if __name__ == "__main__":
    main()
