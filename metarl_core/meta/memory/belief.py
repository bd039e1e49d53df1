"""Learning what to believe: an encoder that is trained to predict the rewards of a whole trial (VariBAD)."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from metarl_core.arguments import (
    check_at_least,
    check_same_shape,
    check_shape,
    check_step_size,
    check_type,
    check_whole,
    in_words,
)
from metarl_core.meta.memory.agent import MemoryAgent, part
from metarl_core.meta.memory.config import TrainConfig
from metarl_core.meta.memory.encoders import BeliefMemory
from metarl_core.meta.memory.ppo import whole_trials
from metarl_core.meta.memory.rl2 import RL2
from metarl_core.meta.memory.training import check_train, run
from metarl_core.meta.memory.trials import Trials
from metarl_core.networks.encoding import encode_observation
from metarl_core.parameters import Parameters, trainable_parameters
from metarl_core.training import Callback, History, OptimiserFactory, adam, check_optimiser, make_optimiser


@dataclass(frozen=True, kw_only=True)
class BeliefConfig:
    """How the encoder and the decoder learn; defaults after VariBAD's GridNavi unless said."""

    belief_lr: float = 1e-3
    optimiser: OptimiserFactory = adam
    """called as `optimiser(tensors, lr=belief_lr)`"""
    updates: int = 3
    """steps of the optimiser in each iteration, on the trials that were just played; the paper draws from a buffer"""
    minibatch: int = 64
    """trials of a step, whole ones"""
    contexts: int = 10
    """steps of the trials whose belief is decoded, drawn anew for each update; the paper decodes all"""
    kl_coef: float = 1.0
    """weight of the divergence of a belief from the one before it"""

    def __post_init__(self) -> None:
        check_step_size("belief_lr", self.belief_lr)
        check_whole(self, "updates", "minibatch", "contexts")
        check_at_least("kl_coef", self.kl_coef, 0)
        check_optimiser(self.optimiser)


def belief_loss(
    agent: MemoryAgent, meta: Parameters, trials: Trials, contexts: Tensor, noise: Tensor, kl_coef: float = 1.0
) -> tuple[Tensor, dict[str, Tensor]]:
    """Minus the evidence lower bound of the rewards of whole trials, a scalar (Zintgraf et al. 2020, eqs. 5–7).

        −E_q(z | τ_{:t}) Σ_i log p(r_i | o_i, a_i, z) + KL(q(z | τ_{:t}) ‖ q(z | τ_{:t−1})),

    with all rewards i of the trial, those before t and those after it, and p a Normal of unit variance, constants left
    out. Sums run over rewards and latent dimensions; means over trials and over the steps t. Where the decoder is given
    arrivals, p is p(r_i | o_{i+1}, z), and the rewards of an episode's last step are left out.

    Args:
        trials: `[task, trial, time, ...]`.
        contexts: the steps t, `[context]`; where a trial was over by then it does not count.
        noise: standard normal, `[task, trial, context, latent]`.
        kl_coef: weight of the divergence.

    Returns:
        The loss, and its two parts, `reconstruction` and `kl`, without gradients.

    Raises:
        ValueError: for an agent without a belief, or shapes that do not fit.
    """
    check_type("agent", agent, MemoryAgent)
    check_type("memory of the agent", agent.memory, BeliefMemory)
    check_shape("contexts", contexts, "context")
    memory, own = agent.memory, part(meta, "memory.")
    mean, log_std = memory.belief(own, trials.inputs)
    check_shape("noise", noise, *trials.mask.shape[:2], len(contexts), mean.shape[-1])
    prior = torch.zeros_like(mean[:, :, :1])
    before = [torch.cat([prior, value[:, :, :-1]], 2)[:, :, contexts] for value in (mean, log_std)]
    mean, log_std = mean[:, :, contexts], log_std[:, :, contexts]
    counted = trials.mask[:, :, contexts].to(mean.dtype)
    latent = mean + log_std.exp() * noise
    seen = encode_observation(trials.observations, agent.observation_space, mean.dtype).to(mean.dtype)
    foreseen, acted = trials.mask, None
    if memory.of_arrival:
        # the last step of an episode led somewhere that trials do not hold
        followed = torch.cat([trials.mask[:, :, 1:], torch.zeros_like(trials.mask[:, :, :1])], 2)
        foreseen, seen = followed & ~trials.done, seen.roll(-1, 2)
    else:
        acted = encode_observation(trials.actions, agent.action_space, mean.dtype).unsqueeze(2)
    # z of each context beside each step: [task, trial, context, time]
    rewards = memory.decode(own, latent.unsqueeze(3), seen.unsqueeze(2), acted)
    errors = 0.5 * (rewards - trials.expected_rewards.unsqueeze(2)).square() * foreseen.unsqueeze(2)
    divergence = gaussian_kl(mean, log_std, *before)
    count = counted.sum().clamp_min(1)
    reconstruction, kl = (errors.sum(-1) * counted).sum() / count, (divergence * counted).sum() / count
    return reconstruction + kl_coef * kl, {"reconstruction": reconstruction.detach(), "kl": kl.detach()}


def gaussian_kl(mean: Tensor, log_std: Tensor, other_mean: Tensor, other_log_std: Tensor) -> Tensor:
    """KL(Normal(mean, std²) ‖ Normal(other)), summed over the last axis: dimensions of one variable, no samples.

    Raises:
        ValueError: for shapes that differ.
    """
    check_same_shape(mean=mean, log_std=log_std, other_mean=other_mean, other_log_std=other_log_std)
    ratio = (2 * (log_std - other_log_std)).exp()
    distance = (mean - other_mean).square() * (-2 * other_log_std).exp()
    return 0.5 * (ratio + distance - 1).sum(-1) + (other_log_std - log_std).sum(-1)


def train_belief(
    method: RL2,
    meta: Parameters,
    config: TrainConfig,
    belief: BeliefConfig,
    generator: torch.Generator,
    *,
    description: str | None = "meta-training",
    callback: Callback | None = None,
    checkpoint: str | Path | None = None,
) -> tuple[Parameters, History]:
    """Like `train`, for an agent with a `BeliefMemory`: each iteration the encoder and decoder learn, too.

    Args:
        method: what is meta-learned; its agent's memory is a `BeliefMemory`.
        meta, config, generator, description, callback, checkpoint: as in `train`.
        belief: how encoder and decoder learn.

    Returns:
        As `train`, with `reconstruction` and `kl` in the history.

    Raises:
        ValueError: as `train`, and for an agent without a belief.
    """
    check_type("method", method, RL2)
    check_type("memory of the agent", method.agent.memory, BeliefMemory)
    check_type("belief", belief, BeliefConfig)
    check_train(method, meta, config, generator)
    learned = trainable_parameters(meta)
    memory = [value for name, value in learned.items() if name.startswith("memory.")]
    optimiser = make_optimiser(belief.optimiser, memory, belief.belief_lr)

    def learn_belief(trials: Trials) -> dict[str, float]:
        flat, length = trials.flat(), trials.mask.shape[2]
        noted: dict[str, float] = {}
        for _ in range(belief.updates):
            parts = -(-flat.mask.shape[1] // belief.minibatch)
            some = flat.select(next(whole_trials(flat.mask.shape[1], parts, generator)).to(flat.mask.device))
            contexts = torch.randint(length, (belief.contexts,), generator=generator, device=generator.device)
            shape = (*some.mask.shape[:2], belief.contexts, method.agent.memory.encoder.latent)
            noise = torch.randn(shape, generator=generator, dtype=some.rewards.dtype, device=generator.device)
            optimiser.zero_grad()
            device = some.mask.device
            loss, found = belief_loss(
                method.agent, learned, some, contexts.to(device), noise.to(device), belief.kl_coef
            )
            loss.backward()
            optimiser.step()
            noted = {name: float(value) for name, value in found.items()}
        return noted

    return run(
        method,
        learned,
        config,
        generator,
        learn_belief,
        state={"optimiser": optimiser},
        settings=in_words(belief),
        description=description,
        callback=callback,
        checkpoint=checkpoint,
    )
