"""RL² (Duan et al. 2016; Wang et al. 2016): a memory's dynamics become the learning algorithm."""

from dataclasses import dataclass

import torch
from torch import Tensor

from metarl_core.agents.gae import gae
from metarl_core.arguments import check_between, check_callable, check_one_of, check_shape, check_type, check_whole
from metarl_core.meta.memory.agent import MemoryAgent
from metarl_core.meta.memory.config import BASELINES
from metarl_core.meta.memory.trials import ExpectedReward, Trials, play_trials
from metarl_core.parameters import Parameters, copy_parameters
from metarl_core.tasks.family import GivenTasks, TaskFamily

FADING = (0.0, 0.5, 0.8)
"""how much of an average of past rewards is left after one more step: the last reward alone, and two longer ones"""


@dataclass(frozen=True)
class RL2:
    """Learn a memory whose policy maximises the return of a whole trial of several episodes on one task.

    max_θ E_T E[Σ_t γ^t r_t] over all steps of a trial; neither the memory nor the discounting stops where an episode
    ends, so what an early episode finds out counts for what the later ones earn.

    Meta-parameters are the agent's parameters. At test nothing is learned but by the memory.

    Raises:
        ValueError: for settings out of range.
    """

    family: TaskFamily
    agent: MemoryAgent
    trials: int = 8
    """per task"""
    episodes: int = 2
    """per trial"""
    discount: float = 0.99
    expected_reward: ExpectedReward | None = None
    """the mean of a reward given state, action and task, where it is known in training: returns are counted with it
    in place of the reward. The expected gradient stays what it is and is less noisy; the memory still sees the reward
    that was drawn"""

    def __post_init__(self) -> None:
        check_type("family", self.family, TaskFamily)
        check_type("agent", self.agent, MemoryAgent)
        spaces = (self.family.observation_space, self.family.action_space)
        if (self.agent.observation_space, self.agent.action_space) != spaces:
            raise ValueError(f"agent must have the family's spaces {spaces}, got others.")
        check_whole(self, "trials", "episodes")
        check_between("discount", self.discount)
        if self.expected_reward is not None:
            check_callable("expected_reward", self.expected_reward, "state, action and tasks")

    def initial(self, parameters: Parameters) -> Parameters:
        """The meta-parameters before meta-training."""
        self.check_meta(parameters)
        return copy_parameters(parameters)

    def check_meta(self, meta: Parameters) -> None:
        """Raise ValueError unless meta-parameters have the names and shapes of the agent's."""
        self.agent.check_parameters(meta)

    def play(
        self,
        meta: Parameters,
        tasks: GivenTasks,
        generator: torch.Generator,
        trials: int | None = None,
        episodes: int | None = None,
    ) -> Trials:
        """Trials on `tasks`; as many, and as long, as in training unless given."""
        trials, episodes = self.trials if trials is None else trials, self.episodes if episodes is None else episodes
        return play_trials(
            self.family, tasks, self.agent, meta, trials, episodes, generator, expected_reward=self.expected_reward
        )


def trial_advantages(
    trials: Trials, values: Tensor, discount: float, gae_lambda: float, baseline: str = "value"
) -> Tensor:
    """Generalised advantages over whole trials, across the ends of their episodes, `[task, trial, time]`.

    A trial's last step has no future; an episode's end within it is a step like any other. From the advantages (with
    λ = 1 returns minus V) a second baseline may be subtracted:

    - "value": none.
    - "time": the mean over all tasks and trials at the same step.
    - "task": the mean over the *other* trials of the same task at the same step, which takes away what makes a task's
      returns high or low. An action's own trial is left out, so that the gradient stays unbiased.
    - "past": that of "task", and what a trial's own rewards so far say about those to come: they are averaged with
      weights that fade at three rates, compared with the task's other trials, and the advantages that "task" leaves
      are regressed on them, at each step. The regression comes from the other half of the tasks, so that the gradient
      stays unbiased here, too. Late in a trial little is left but what an action changes.

    Args:
        trials: what was played.
        values: V(h_t), `[task, trial, time]`; zeros for none.
        discount: γ in [0, 1].
        gae_lambda: λ in [0, 1].
        baseline: one of the four; "past" needs two tasks.

    Returns:
        `[task, trial, time]`, constants, zero on the padding.

    Raises:
        ValueError: for another baseline, "past" with one task, γ or λ out of range, or shapes that do not fit.
    """
    check_type("trials", trials, Trials)
    check_shape("values", values, *trials.mask.shape)
    check_one_of("baseline", baseline, BASELINES)
    mask = trials.mask
    last = mask & ~torch.cat([mask[..., 1:], torch.zeros_like(mask[..., :1])], -1)
    never = torch.zeros_like(last)
    values = values.detach() * mask
    result = gae(trials.expected_rewards, values, values[..., -1], last, never, discount, gae_lambda) * mask
    if baseline == "time":
        count = mask.sum((0, 1)).clamp_min(1)
        result = (result - result.sum((0, 1)) / count) * mask
    if baseline in ("task", "past"):
        result = _beside_others(result, mask)
    if baseline == "past":
        if len(mask) < 2:
            raise ValueError('baseline "past" needs trials of at least 2 tasks, got 1.')
        result = (result - _forecast(result, trials.expected_rewards * mask, mask)) * mask
    return result


def _beside_others(values: Tensor, mask: Tensor) -> Tensor:
    """Values `[task, trial, time]` minus their mean over the other trials of the task at the same step."""
    values = values * mask
    others = values.sum(1, keepdim=True) - values
    return (values - others / (mask.sum(1, keepdim=True) - 1).clamp_min(1)) * mask


def _forecast(advantages: Tensor, rewards: Tensor, mask: Tensor) -> Tensor:
    """What rewards before each step say about the advantages there, by least squares on the other half of the tasks."""
    fading = rewards.new_tensor(FADING)
    average, averages = rewards.new_zeros((*rewards.shape[:2], len(FADING))), []
    for reward in rewards.unbind(2):
        averages.append(average)
        average = average + (1 - fading) * (reward.unsqueeze(-1) - average)
    features = torch.stack([_beside_others(one, mask) for one in torch.stack(averages, 2).unbind(-1)], -1)
    forecast, first = torch.empty_like(advantages), (len(mask) + 1) // 2
    halves = slice(0, first), slice(first, None)
    for here, other in (halves, halves[::-1]):
        seen, target = (value[other].movedim(2, 0).flatten(1, 2) for value in (features, advantages))  # time leads
        ridge = 1e-6 * seen.shape[1] * torch.eye(len(FADING), dtype=seen.dtype, device=seen.device)
        weights = torch.linalg.solve(seen.mT @ seen + ridge, (seen.mT @ target.unsqueeze(-1))[..., 0])
        forecast[here] = torch.einsum("ntsf,sf->nts", features[here], weights)
    return forecast
