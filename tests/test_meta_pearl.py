"""PEARL for discrete actions: closed forms, plain loops, finite differences, and which gradient goes where."""

import dataclasses
import functools
import itertools
import math
import signal

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from metarl_core.exact import goal_belief
from metarl_core.meta import memory
from metarl_core.meta.memory import (
    PEARL,
    RL2,
    ContextAgent,
    ContextBatch,
    MemoryAgent,
    NoMemory,
    PEARLConfig,
    ProductEncoder,
    Trials,
    context_batch,
    pearl_loss,
    soft_target,
    train_pearl,
)
from metarl_core.meta.memory.pearl import draw_latent, steps_in_episode
from metarl_core.parameters import initial_parameters, leaf_parameters
from metarl_core.recipes.grid_search import GoalBelief
from metarl_core.tasks import GridGoals, GridNavi, InformedTasks

ENCODER = functools.partial(ProductEncoder, latent=2, hidden=(6,))
SHORT = PEARLConfig(iterations=3, meta_batch=3, updates=2, minibatch=4, context=5, samples=6, kept=2)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def setting(family=None, dtype=torch.float32, temperature=0.5, **options):
    family = GridNavi(3, horizon=4) if family is None else family
    agent = ContextAgent(family.observation_space, family.action_space, ENCODER, (7,), temperature, seeded())
    method = PEARL(family, agent, trials=3, **options)
    # biases begin at zero, where a mistake in them would not show
    noise = functools.partial(torch.randn, generator=seeded(1))
    return method, {k: (v + 0.3 * noise(v.shape)).to(dtype) for k, v in initial_parameters(agent).items()}


def played(method, parameters, tasks=4):
    return method.play(parameters, method.family.sample_tasks(tasks, seeded(2)), seeded(3))


def batch_of(method, parameters, tasks=4, context=5, samples=6, dtype=torch.float32):
    batch = context_batch(played(method, parameters, tasks), method.family.horizon, context, samples, seeded(4))
    batch = ContextBatch(*(value.to(dtype) if value.is_floating_point() else value for value in batch))
    return batch, torch.randn((tasks, 2), generator=seeded(5)).to(dtype)


def of_encoder(parameters):
    return {k[len("encoder.") :]: v for k, v in parameters.items() if k.startswith("encoder.")}


def test_a_set_of_transitions_is_the_sequence_in_any_order():
    method, parameters = setting()
    encoder, inputs = method.agent.encoder, played(method, parameters).inputs
    in_order = [values[:, :, -1] for values in encoder.sequence(of_encoder(parameters), inputs)]
    order = torch.randperm(inputs.shape[2] - 1, generator=seeded())
    before, after = inputs[:, :, :-1], inputs[:, :, 1:]
    shuffled = encoder.posterior(of_encoder(parameters), before[:, :, order], after[:, :, order])
    for one, two in zip(in_order, shuffled, strict=True):
        assert torch.allclose(one, two, atol=1e-5)


def test_what_does_not_count_is_as_if_it_were_not_there():
    method, parameters = setting()
    inputs = played(method, parameters).inputs
    before, after = inputs[:, :, :-1], inputs[:, :, 1:]
    counted = torch.arange(before.shape[2]).expand(before.shape[:3]) < 3
    short = method.agent.encoder.posterior(of_encoder(parameters), before[:, :, :3], after[:, :, :3])
    masked = method.agent.encoder.posterior(
        of_encoder(parameters), before, after.masked_fill(~counted[..., None], 7.0), counted
    )
    for one, two in zip(short, masked, strict=True):
        assert torch.allclose(one, two, atol=1e-6)
    nothing = method.agent.encoder.posterior(of_encoder(parameters), before, after, torch.zeros_like(counted))
    assert not any(value.any() for value in nothing), "without evidence the belief is the prior, Normal(0, 1)"


def test_a_task_is_drawn_once_an_episode_from_what_was_seen_before():
    """The policy is repeated from the trials and the noise alone: z changes where an episode begins, nowhere else."""
    method, parameters = setting(episodes=3)
    tasks, agent, length = method.family.sample_tasks(4, seeded(2)), method.agent, 12
    trials = method.play(parameters, tasks, seeded(3))
    race, normal = agent.noise((length, 4, 3), seeded(3)).split([agent.actions, 2], -1)
    mean, log_std = agent.encoder.sequence(of_encoder(parameters), trials.inputs)
    assert not mean[:, :, 0].any() and not log_std[:, :, 0].any()
    drawn = mean + log_std.exp() * normal.movedim(0, 2)
    for time in range(length):
        latent = drawn[:, :, time // 4 * 4]
        values = agent.values(parameters, trials.observations[:, :, time], latent)
        log_chances = (values / 0.5).log_softmax(-1)
        action = (log_chances.exp() / race[time]).argmax(-1)
        assert torch.equal(action, trials.actions[:, :, time])
        chosen = log_chances.gather(-1, action[..., None])[..., 0]
        assert torch.allclose(chosen, trials.log_probabilities[:, :, time], atol=1e-5)


@pytest.mark.parametrize("family", [GridNavi(3, horizon=4), GridGoals(size=3, horizon=5, start=(0, 0))])
def test_the_number_of_a_step_in_its_episode(family):
    method, parameters = setting(family)
    trials = played(method, parameters)
    found = steps_in_episode(trials)
    for task, trial in itertools.product(range(4), range(3)):
        number = 0
        for time in range(int(trials.mask[task, trial].sum())):
            number += 1
            assert found[task, trial, time] == number
            number = 0 if trials.done[task, trial, time] else number


def test_a_batch_holds_true_transitions_and_no_time_limits():
    """Every row is looked up among the steps of its own task: what followed, and where the episode really ended."""
    family = GridGoals(size=3, horizon=5, start=(0, 0))
    method, parameters = setting(family, episodes=3)
    trials = played(method, parameters)
    batch = context_batch(trials, 5, 40, 60, seeded(4))
    early = (trials.done & trials.mask & (steps_in_episode(trials) < 5)).any()
    limits = (trials.done & (steps_in_episode(trials) == 5)).any()
    assert early and limits, "both kinds of ends occur"
    for task in range(4):
        steps = [
            (trial, time)
            for trial, time in itertools.product(range(3), range(14))
            if trials.mask[task, trial, time + 1]
        ]
        pairs = {(*trials.inputs[task, i, t].tolist(), *trials.inputs[task, i, t + 1].tolist()) for i, t in steps}
        drawn = torch.cat([batch.before[task], batch.after[task]], -1).tolist()
        assert {tuple(row) for row in drawn} <= pairs
        rows = set()
        for i, t in steps:
            at = (task, i, t)
            terminated = bool(trials.done[at])
            if terminated and int(steps_in_episode(trials)[at]) == 5:
                continue
            following = trials.observations[task, i, t + 1]
            rows.add(
                (*map(float, (trials.observations[at], trials.actions[at], trials.rewards[at], following)), terminated)
            )
        drawn = zip(batch.observations, batch.actions, batch.rewards, batch.next_observations, strict=True)
        found = torch.stack([torch.stack([v.float() for v in row]) for row in drawn])[task].T
        assert {(*row.tolist(), bool(end)) for row, end in zip(found, batch.terminated[task], strict=True)} <= rows
    assert batch.terminated.any() and not batch.terminated.all()


def test_padding_changes_nothing():
    method, parameters = setting(GridGoals(size=3, horizon=5, start=(0, 0)))
    trials = played(method, parameters)
    off = ~trials.mask
    assert off.any()
    changed = Trials(
        **vars(trials)
        | {
            "rewards": trials.rewards + 9.0 * off,
            "inputs": trials.inputs + 5.0 * off[..., None],
            "observations": trials.observations + 3 * off,
        }
    )
    for one, two in zip(*(context_batch(data, 5, 50, 50, seeded(4)) for data in (trials, changed)), strict=True):
        assert torch.equal(one, two)


def test_the_target_by_a_plain_loop():
    method, parameters = setting(GridGoals(size=3, horizon=5, start=(0, 0)), episodes=3)
    batch, noise = batch_of(method, parameters, context=40, samples=60)
    assert batch.terminated.any()
    latent = draw_latent(method.agent, parameters, batch, noise)
    targets = soft_target(method.agent, parameters, batch, latent, 0.9)
    for task, sample in itertools.product(range(4), range(0, 60, 3)):
        values = method.agent.values(parameters, batch.next_observations[task, sample], latent[task])
        soft = 0.5 * math.log(sum(math.exp(float(value) / 0.5) for value in values))
        expected = float(batch.rewards[task, sample]) + (0 if batch.terminated[task, sample] else 0.9 * soft)
        assert float(targets[task, sample]) == pytest.approx(expected, abs=1e-5)


def test_the_loss_by_a_plain_loop_and_one_task_at_a_time():
    method, parameters = setting()
    batch, noise = batch_of(method, parameters)
    targets = torch.randn((4, 6), generator=seeded(6))
    loss, parts = pearl_loss(method.agent, parameters, batch, noise, targets, kl_coef=0.3)
    td_error, divergence, alone = 0.0, 0.0, []
    for task in range(4):
        mean, log_std = method.agent.belief(parameters, batch.before[task], batch.after[task])
        divergence += float(kl_divergence(Normal(mean, log_std.exp()), Normal(torch.zeros(2), 1.0)).sum()) / 4
        z = mean + log_std.exp() * noise[task]
        for sample in range(6):
            values = method.agent.values(parameters, batch.observations[task, sample], z)
            off = float(values[batch.actions[task, sample]] - targets[task, sample])
            td_error += off**2 / 24
        one = ContextBatch(*(value[task : task + 1] for value in batch))
        alone.append(pearl_loss(method.agent, parameters, one, noise[task][None], targets[task][None], kl_coef=0.3)[0])
    assert float(parts["td_error"]) == pytest.approx(td_error, rel=1e-4)
    assert float(parts["kl"]) == pytest.approx(divergence, rel=1e-4)
    assert float(loss) == pytest.approx(td_error + 0.3 * divergence, rel=1e-4)
    assert torch.allclose(torch.stack(alone).mean(), loss, atol=1e-6)


def test_the_gradient_against_finite_differences():
    """Of all parameters, the encoder's included, with targets that stay."""
    method, parameters = setting(dtype=torch.float64)
    single = {k: v.float() for k, v in parameters.items()}
    batch, noise = batch_of(method, single, dtype=torch.float64)
    targets = torch.randn((4, 6), generator=seeded(6)).double()

    def loss(*values):
        return pearl_loss(method.agent, dict(zip(parameters, values, strict=True)), batch, noise, targets)[0]

    values = [value.requires_grad_() for value in parameters.values()]
    assert torch.autograd.gradcheck(loss, values, fast_mode=True)


def test_the_encoder_learns_from_the_loss_of_q_and_from_nothing_else():
    method, parameters = setting()
    batch, noise = batch_of(method, parameters)
    leaves = leaf_parameters(parameters)
    latent = draw_latent(method.agent, leaves, batch, noise)
    targets = soft_target(method.agent, leaves, batch, latent, 0.9)
    assert latent.requires_grad and not targets.requires_grad, "no gradient through the targets"
    pearl_loss(method.agent, leaves, batch, noise, targets, kl_coef=0.0)[0].backward()
    assert all(value.grad is not None and value.grad.any() for value in leaves.values())
    blind = leaf_parameters(parameters)
    with torch.no_grad():
        blind["critic.weight0"][:, -2:] = 0  # Q does not look at z, and the divergence has no weight
    pearl_loss(method.agent, blind, batch, noise, targets, kl_coef=0.0)[0].backward()
    for name, value in blind.items():
        assert bool(value.grad.any()) == name.startswith("critic."), name


def test_training_is_the_same_again_and_after_a_break(tmp_path):
    method, parameters = setting()
    kept = {name: value.clone() for name, value in parameters.items()}
    seen = []
    whole, history = train_pearl(
        method, parameters, SHORT, seeded(7), description=None, callback=lambda i, _, data: seen.append((i, data.steps))
    )
    assert all(torch.equal(kept[name], parameters[name]) for name in kept), "the start is not changed"
    assert history["env_steps"] == [72, 144, 216] and seen == [(1, 72), (2, 72), (3, 72)]
    assert {"return", "return_before", "loss", "td_error", "kl", "grad_norm"} <= set(history)
    again, _ = train_pearl(method, parameters, SHORT, seeded(7), description=None)
    for name in whole:
        assert torch.equal(whole[name], again[name]) and not torch.equal(whole[name], kept[name])
    path = tmp_path / "training.pt"
    for turn, stop in enumerate((1, 2, None)):

        def callback(iteration, parameters, trials, stop=stop):
            if iteration == stop:
                signal.raise_signal(signal.SIGINT)

        generator = seeded(7 if turn == 0 else 100 + turn)
        resumed, part = train_pearl(
            method, parameters, SHORT, generator, description=None, callback=callback, checkpoint=path
        )
        assert part.iterations == (stop or 3)
    assert dict(part) == dict(history)
    assert all(torch.equal(value, whole[name]) for name, value in resumed.items())
    other = dataclasses.replace(method, discount=0.5)
    with pytest.raises(ValueError, match="other settings"):
        train_pearl(other, parameters, SHORT, seeded(), description=None, checkpoint=path)


@pytest.mark.in_turn(2)
@pytest.mark.slow
def test_it_learns_to_guess_and_to_come_back():
    """Of what an episode has found the next one makes use, and a guess of the first is better than a random walk."""
    family = GridNavi(3, horizon=8)
    agent = ContextAgent(family.observation_space, family.action_space, ENCODER, (32,), 0.1, seeded())
    method = PEARL(family, agent, trials=8, episodes=3, discount=0.9)
    config = PEARLConfig(iterations=30, meta_batch=16, updates=40, outer_lr=3e-3, kl_coef=0.02)
    before = memory.adaptation_curve(method, initial_parameters(agent), {"goal": family.goals["train"]}, seeded(8))
    meta, _ = train_pearl(method, initial_parameters(agent), config, seeded(), description=None)
    tasks = {"goal": family.goals["train"]}
    first, _, last = memory.adaptation_curve(method, meta, tasks, seeded(8), trials=40).returns.mean(0)
    assert first > before.returns[:, 0].mean() + 0.3 and last > first + 0.7


def test_a_policy_without_memory_sees_the_observation_alone():
    family = InformedTasks(GridNavi(3, horizon=4))
    make = functools.partial(NoMemory, actions=5)
    agent = MemoryAgent(family.observation_space, family.action_space, make, (8,), seeded())
    method, parameters = RL2(family, agent, trials=2, episodes=2), initial_parameters(agent)
    trials = played(method, parameters)
    assert torch.equal(agent.read(parameters, trials.inputs), trials.observations)
    read, state = agent.memory.step({}, trials.inputs[:, :, 3], agent.start(parameters, 4, 2))
    assert torch.equal(read, trials.observations[:, :, 3]) and state is None


def test_the_exact_belief_as_a_memory_is_that_of_bayes_rule():
    family = GridNavi(4, horizon=9)
    make = functools.partial(GoalBelief, family)
    agent = MemoryAgent(family.observation_space, family.action_space, make, (8,), seeded())
    method, parameters = RL2(family, agent, trials=5, episodes=3), initial_parameters(agent)
    trials = method.play(parameters, {"goal": family.goals["train"]}, seeded(3))
    cells = family.next_cell[trials.observations, trials.actions]
    expected = goal_belief(family, cells, trials.rewards)
    shown = agent.read(parameters, trials.inputs)
    assert (trials.rewards > 0).any(-1).float().mean() > 0.1
    assert torch.allclose(shown[:, :, 1:, 16:], expected[:, :, :-1], atol=1e-6)
    assert torch.allclose(shown[:, :, 0, 16:], torch.where(torch.arange(16) == 0, 0.0, agent.memory.prior))
    assert torch.equal(shown[..., :16].argmax(-1), trials.observations)
    new = agent.distribution(parameters, shown).log_prob(trials.actions)
    assert torch.allclose(new, trials.log_probabilities, atol=1e-5)
