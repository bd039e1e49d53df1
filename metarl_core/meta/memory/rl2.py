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

    Args:
        trials: what was played.
        values: V(h_t), `[task, trial, time]`; zeros for none.
        discount: γ in [0, 1].
        gae_lambda: λ in [0, 1].
        baseline: one of the three.

    Returns:
        `[task, trial, time]`, constants, zero on the padding.

    Raises:
        ValueError: for another baseline, γ or λ out of range, or shapes that do not fit.
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
    if baseline == "task":
        others = result.sum(1, keepdim=True) - result
        result = (result - others / (mask.sum(1, keepdim=True) - 1).clamp_min(1)) * mask
    return result
