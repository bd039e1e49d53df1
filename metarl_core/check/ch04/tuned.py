"""The check of the exercise `tuned`: a setting of PPO for few steps, its agents played again on CartPole."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metarl_core.agents import ActorCritic, PPOConfig, Setting, train_ppo
from metarl_core.check import CheckFailed, Wrong
from metarl_core.check.ch04.acting import near_copies
from metarl_core.check.describe import describe
from metarl_core.check.reports import (
    anything,
    fault_of_returns,
    finite,
    interval_faults,
    report_check,
    returns,
    same_agents,
    seeds,
    tensors,
)
from metarl_core.parameters import Parameters
from metarl_core.tasks import CartPole, rollout

STEPS, BAR = 2560, 150
"""environment steps that each agent may take, and what the mean return must be shown to exceed"""
EPISODES, FEWEST = 150, 20
APART = 2.0
"""times that the reported agents may have moved as far from their starts as one that the check trains, or the reverse.
With one setting they move 0.75 to 1.25 times as far as on average; with the chapter's, a quarter as far as with the
solution's; with a third of the learning rate alone, half as far, which is not told from chance. No agent's training can
be repeated alone: agents that are trained side by side share the random numbers of their environments."""


class _Greedy:
    """The most probable action of a policy, for `rollout`."""

    def __init__(self, policy):
        self.policy = policy

    def noise(self, shape, generator):
        return torch.zeros(shape)

    def act(self, parameters, observation, noise):
        return self.policy.greedy_action(parameters, observation), torch.zeros(observation.shape[:-1])


@dataclass(frozen=True)
class _Found:
    """What the report says, and what its agents do."""

    steps: int
    seeds: list
    tuning_seeds: list
    copied: bool
    reported: np.ndarray
    own: np.ndarray
    drawn: Callable[[], np.ndarray]
    """returns of the policy as it acts in training, with random actions"""
    interval: tuple
    setting: Setting
    moved: Tensor
    """how far each agent is from where its training begins"""
    own_starts: bool
    """whether each agent is nearest to the start of its own seed"""

    @property
    def fault(self):
        return fault_of_returns(self.reported, self.own)


def _examine(report: dict[str, Any]) -> _Found:
    setting, number, told = report["setting"], len(report["seeds"]), report["returns"]
    if not isinstance(setting, Setting) or not isinstance(setting.config, PPOConfig):
        raise CheckFailed(f'`tuned["setting"]` is {describe(setting)}; expected is a Setting with a PPOConfig.', "type")
    if setting.env_id != "CartPole-v1":
        raise CheckFailed(f'`tuned["setting"]` is for {setting.env_id!r}; expected is "CartPole-v1".', "value")
    if not number or len(told) != number:
        words = f"has {len(told)} rows; expected is one for each of your {number} seeds."
        raise CheckFailed(f'`tuned["returns"]` {words}', "shape")
    agent = setting.agent()
    assert isinstance(agent, ActorCritic)  # for PPO
    own = agent.policy_part(agent.initial_parameters())
    found = {name: list(value.shape) for name, value in report["policy"].items()}
    expected = {name: [number, *value.shape] for name, value in own.items()}
    if found != expected:
        words = f"should hold the policy's parameters of each seed, {expected}; it holds {found}."
        raise CheckFailed(f'`tuned["policy"]` {words}', "shape")
    policy = {name: value.float() for name, value in report["policy"].items()}
    tasks = {name: value.expand(number) for name, value in CartPole().default_params.items()}

    starts = torch.cat([_flat(agent.policy_part(setting.agent(seed).initial_parameters())) for seed in report["seeds"]])
    away = torch.cdist(_flat(policy, number), starts)

    def play(one: Any) -> np.ndarray:
        generator = torch.Generator().manual_seed(4242)
        return rollout(CartPole(), tasks, one, policy, EPISODES, generator).returns.numpy()

    return _Found(
        setting.config.iterations * setting.num_envs * setting.num_steps,
        report["seeds"],
        report["tuning_seeds"],
        same_agents(policy) or near_copies(policy),
        told,
        play(_Greedy(agent.policy)),
        lambda: play(agent.policy),
        (report["low"], report["high"]),
        setting,
        away.diagonal(),
        bool((away.argmin(1) == torch.arange(number)).all()),
    )


def _flat(parameters: Parameters, number: int = 1) -> Tensor:
    """`[agent, parameter]`."""
    return torch.cat([value.detach().double().reshape(number, -1) for value in parameters.values()], 1)


def _move_of_one(found: _Found) -> float:
    """How far an agent moves that is trained with the setting of the report and a seed of it."""
    seed = found.seeds[len(found.seeds) // 2]
    agent, start, sampler = found.setting.prepare([seed])
    assert isinstance(agent, ActorCritic) and isinstance(found.setting.config, PPOConfig)
    generators = [torch.Generator().manual_seed(seed)]
    trained, _ = train_ppo(agent, start, sampler, found.setting.config, generators, description=None)
    return float((_flat(agent.policy_part(trained)) - _flat(agent.policy_part(start))).norm())


def _of_another_setting(found: _Found, moved: float) -> bool:
    mean = float(found.moved.mean())
    return not moved / APART <= mean <= moved * APART


check_tuned = report_check(
    "tuned",
    {
        "setting": anything,
        "tuning_seeds": seeds,
        "seeds": seeds,
        "policy": tensors,
        "returns": returns,
        "low": finite,
        "high": finite,
    },
    Wrong(
        "over_budget",
        f"Your setting takes more than {STEPS} environment steps for an agent: iterations × environments × steps.",
        when=lambda found: found.steps > STEPS,
    ),
    Wrong(
        "few_seeds",
        "Fewer than five different seeds. Section 7 of the chapter has twenty; what did one of them tell about the "
        "next?",
        when=lambda found: len(set(found.seeds)) < 5,
    ),
    Wrong(
        "seed_twice",
        "A seed stands in your list twice. It counts as two trainings, and is one.",
        when=lambda found: len(set(found.seeds)) < len(found.seeds),
    ),
    Wrong(
        "nothing_tried",
        "You list no seed that the setting was chosen on. How was it chosen?",
        when=lambda found: not found.tuning_seeds,
    ),
    Wrong(
        "tuned_on_these",
        "A seed that you report was used to choose the setting. The best of several settings owes part of its lead to "
        "the luck of the seeds that it won on; where do you see what it earns without that luck?",
        when=lambda found: bool(set(found.seeds) & set(found.tuning_seeds)),
    ),
    Wrong(
        "copied",
        "Two of your agents have the same parameters, or nearly the same. Was each trained with a seed of its own?",
        when=lambda found: found.copied,
    ),
    Wrong(
        "other_starts",
        "An agent of yours is farther from where the training of its seed begins than from where another one's does. "
        "Does each policy stand at the place of its seed, and were they trained from `setting.prepare(seeds)`?",
        when=lambda found: not found.own_starts,
    ),
    Wrong(
        "few_episodes",
        "Fewer than 20 episodes for each agent.",
        when=lambda found: found.reported.shape[1] < FEWEST,
    ),
    Wrong(
        "drawn_actions",
        "Played here, your agents earn what you report if they *draw* their actions. Which ones does the text ask for?",
        when=lambda found: found.fault is not None and fault_of_returns(found.reported, found.drawn()) is None,
    ),
    Wrong(
        "higher_than_earned",
        "On fresh episodes your agents earn less than you report, by more than noise can explain. On which episodes "
        "were your numbers found, and were there several checkpoints to choose from?",
        when=lambda found: found.fault == "higher",
    ),
    Wrong(
        "lower_than_earned",
        "On fresh episodes your agents earn more than you report, by more than noise can explain. Do your numbers "
        "come from these parameters, at the end of the training?",
        when=lambda found: found.fault == "lower",
    ),
    *interval_faults(
        lambda found: found.reported.mean(1), lambda found: found.interval, pooled=lambda found: found.reported
    ),
    Wrong(
        "not_shown",
        f"Your report is true. It does not show a mean above {BAR}: the lower end of the interval lies below. Is it "
        "the setting, or are there too few seeds to tell?",
        when=lambda found: found.interval[0] <= BAR,
    ),
    examine=_examine,
    look=_move_of_one,
    found=(
        Wrong(
            "other_setting",
            "Trained with the setting that you report, an agent ends much nearer to where it began, or much farther "
            "from it, than yours do. Which setting were your agents trained with?",
            when=_of_another_setting,
        ),
    ),
    passed=lambda found: (
        f"played again on {EPISODES} episodes each, your {len(found.seeds)} agents earn what you report, after "
        f"{found.steps} steps each, and the interval is theirs. (A setting a little different from yours would not "
        "have been noticed.)"
    ),
)
