"""Exercise of chapter 11: memories that are meta-trained on a list of bandits, over and over, or on new ones each time.

Ten trainings take seconds: three arms, ten pulls, a GRU of 16 units, and all seeds side by side, `[seed, ...]`. RL² by
PPO as in section 3 of the chapter, on the whole batch in each epoch.
"""

import torch
from torch import Tensor, nn

from metarl_core.networks import GRU, gru, gru_step
from metarl_core.parameters import Parameters, initial_parameters, stack_parameters, trainable_parameters
from metarl_core.tasks import BernoulliBandits, Tasks

ARMS, PULLS, HIDDEN = 3, 10, 16
BANDITS, TRIALS, EPOCHS = 64, 4, 3
"""bandits of an iteration, trials of each, and passes over them"""
LR, CLIP, ENTROPY_COEF, MAX_GRAD_NORM = 2e-2, 0.2, 0.02, 1.0


def learn(seeds: list[int], training: Tasks | None = None, iterations: int = 50) -> Parameters:
    """Parameters `[seed, ...]` of a memory and its policy after meta-training.

    Args:
        seeds: each with initial weights, bandits and luck of its own, the same whatever the other seeds are.
        training: bandits `{"means": [task, 3]}` that each iteration draws from; new ones unless given.
        iterations: of 64 bandits with four trials each.
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    theta = trainable_parameters(stack_parameters([_initial(generator) for generator in generators]))
    adam = torch.optim.Adam(theta.values(), lr=LR, eps=1e-5)
    for iteration in range(iterations):
        left = 1 - iteration / iterations
        adam.param_groups[0]["lr"] = LR * left
        means = torch.stack([_some_bandits(training, generator) for generator in generators])
        inputs, arms, earned, old = _play(theta, means, generators)
        advantage = _advantages(earned)
        for _ in range(EPOCHS):
            log_chances = _policy(theta, gru(_memory(theta), inputs))
            ratio = (log_chances.gather(-1, arms[..., None])[..., 0] - old).exp()
            gain = torch.minimum(ratio * advantage, ratio.clamp(1 - CLIP, 1 + CLIP) * advantage)
            entropy = -(log_chances.exp() * log_chances).sum(-1)
            adam.zero_grad()
            (-(gain + ENTROPY_COEF * left * entropy).mean((1, 2)).sum()).backward()
            _clip_gradients(theta)
            adam.step()
    return {name: value.detach() for name, value in theta.items()}


def regrets(parameters: Parameters, tasks: Tasks, generator: torch.Generator) -> Tensor:
    """What one trial on each bandit earns less than its best arm would, counted with the arms' means.

    Args:
        parameters: `[seed, ...]`, from `learn`.
        tasks: `{"means": [task, 3]}`.
        generator: of the luck; each seed has luck of its own.

    Returns:
        `[seed, task]`.
    """
    number = len(parameters["weight_hidden"])
    means = tasks["means"].expand(number, -1, -1)
    earned = _play(parameters, means, [generator] * number)[2]
    return PULLS * means.amax(-1) - earned.sum(-1)


def _initial(generator: torch.Generator) -> Parameters:
    memory = initial_parameters(GRU(1 + ARMS + 2, HIDDEN, generator))
    return {**memory, "weight": torch.zeros(ARMS, HIDDEN), "bias": torch.zeros(ARMS)}


def _memory(theta: Parameters) -> Parameters:
    return {name: value for name, value in theta.items() if name not in ("weight", "bias")}


def _policy(theta: Parameters, read: Tensor) -> Tensor:
    """log π, `[seed, ..., arm]`."""
    logits = torch.einsum("s...h,sah->s...a", read, theta["weight"])
    return (logits + theta["bias"].view(len(read), *[1] * (read.ndim - 2), -1)).log_softmax(-1)


def _some_bandits(training: Tasks | None, generator: torch.Generator) -> Tensor:
    """Means of an iteration's bandits, each once for each of its trials, `[bandit · trial, arm]`."""
    if training is None:
        means = BernoulliBandits(ARMS, PULLS).sample_tasks(BANDITS, generator)["means"]
    else:
        means = training["means"][torch.randint(len(training["means"]), (BANDITS,), generator=generator)]
    return means.repeat_interleave(TRIALS, 0)


@torch.no_grad()
def _play(theta: Parameters, means: Tensor, generators: list[torch.Generator]) -> list[Tensor]:
    """Trials `[seed, row, pull]` on means `[seed, row, arm]`: inputs, arms, arms' means, log π of the arms."""
    shape, records = means.shape[:2], []
    luck = torch.stack([torch.rand((len(means[0]), PULLS, ARMS + 1), generator=g) for g in generators])
    state = torch.zeros(*shape, HIDDEN)
    given = torch.eye(1, 1 + ARMS + 2).expand(*shape, -1)  # the observation, always 1
    for pull in range(PULLS):
        state = gru_step(_memory(theta), given, state)
        log_chances = _policy(theta, state)
        race = -(-luck[:, :, pull, :ARMS].clamp_min(1e-9).log()).log()
        arm = (log_chances + race).argmax(-1, keepdim=True)  # a draw from π
        mean = means.gather(-1, arm)
        reward = (luck[:, :, pull, ARMS:] < mean).float()
        records.append((given, arm[..., 0], mean[..., 0], log_chances.gather(-1, arm)[..., 0]))
        acted = nn.functional.one_hot(arm[..., 0], ARMS)
        given = torch.cat([given[..., :1], acted, reward, torch.zeros_like(reward)], -1)
    return [torch.stack(values, 2) for values in zip(*records, strict=True)]


def _advantages(earned: Tensor) -> Tensor:
    """Returns to the end of the trial less those of the bandit's other trials, standardised for each seed."""
    ahead = earned.flip(-1).cumsum(-1).flip(-1).unflatten(1, (BANDITS, TRIALS))
    advantage = (ahead - (ahead.sum(2, keepdim=True) - ahead) / (TRIALS - 1)).flatten(1, 2)
    return advantage / advantage.square().mean((1, 2), keepdim=True).sqrt().clamp_min(1e-8)


def _clip_gradients(theta: Parameters) -> None:
    """Gradients of each seed have a norm of at most `MAX_GRAD_NORM`."""
    slopes = [value.grad for value in theta.values() if value.grad is not None]
    norm = sum(slope.flatten(1).square().sum(1) for slope in slopes).sqrt()  # type: ignore[union-attr]
    for slope in slopes:
        slope.mul_((MAX_GRAD_NORM / norm.clamp_min(MAX_GRAD_NORM)).view(-1, *[1] * (slope.ndim - 1)))
