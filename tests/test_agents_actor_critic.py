"""PPO, A2C and the batches they share: losses by hand, clipping, independent learners, interrupts."""

import gymnasium
import numpy as np
import pytest
import torch

from metarl_core.agents import (
    A2C,
    PPO,
    A2CConfig,
    ActorCritic,
    Batch,
    CategoricalPolicy,
    GaussianPolicy,
    PPOConfig,
    TRPOConfig,
    VectorSampler,
    a2c_loss,
    clipped_surrogate_loss,
    gae,
    ppo_loss,
    train_a2c,
    train_ppo,
    train_trpo,
)
from metarl_core.parameters import (
    clip_grad_norm,
    load_parameters,
    repeat_parameters,
    save_parameters,
    select_parameters,
    stack_parameters,
    trainable_copy,
)
from metarl_core.tasks import PointNavigation, Trajectories, rollout

BOX = gymnasium.spaces.Box(-np.inf, np.inf, (3,))
SPACES = {"gaussian": gymnasium.spaces.Box(-1, 1, (2,)), "categorical": gymnasium.spaces.Discrete(3)}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def make(kind, seed=0, hidden=(6,)):
    policy = (GaussianPolicy if kind == "gaussian" else CategoricalPolicy)(
        BOX, SPACES[kind], hidden, torch.tanh, seeded(seed)
    )
    return ActorCritic(policy, hidden, generator=seeded(seed + 100))


def collected(kind, learners=3, envs=4, time=12):
    agent = make(kind)
    parameters = stack_parameters([make(kind, seed).initial_parameters() for seed in range(learners)])
    observations = torch.randn((learners, envs, time, 3), generator=seeded(1))
    noise = agent.policy.noise((learners, envs, time), seeded(2)).to(observations.dtype)
    actions, logs = agent.policy.act(agent.policy_part(parameters), observations, noise)
    ends = torch.rand((2, learners, envs, time), generator=seeded(3)) < 0.1
    mask = torch.rand((learners, envs, time), generator=seeded(4)) < 0.9
    rewards = torch.randn((learners, envs, time), generator=seeded(5)) * mask
    final = torch.randn((learners, envs, 3), generator=seeded(6))
    return agent, parameters, Trajectories(observations, actions, rewards, logs, mask, ends[0], ends[1], final)


# Batches


def test_batch_by_definition(double):
    agent, parameters, seen = collected("gaussian")
    batch = agent.batch(parameters, seen, 0.9, 0.8)
    assert batch.observations.shape == (3, 48, 3) and batch.actions.shape == (3, 48, 2)
    for learner in range(3):
        own = select_parameters(parameters, learner)
        values = agent.value(own, seen.observations[learner])
        final = agent.value(own, seen.final_observations[learner])
        expected = gae(
            seen.rewards[learner], values, final, seen.terminated[learner], seen.truncated[learner], 0.9, 0.8
        )
        torch.testing.assert_close(batch.advantages[learner].reshape(4, 12), expected)
        torch.testing.assert_close(batch.returns[learner].reshape(4, 12), expected + values)
    assert not batch.advantages.requires_grad and not batch.returns.requires_grad


def test_minibatches_hold_every_sample_once():
    agent, parameters, seen = collected("categorical")
    batch = agent.batch(parameters, seen, 0.9, 0.8)
    for number, sizes in ((1, [48]), (5, [10, 10, 10, 10, 8]), (48, [1] * 48), (100, [1] * 48)):
        parts = list(batch.minibatches(number, seeded()))
        assert [part.mask.shape[1] for part in parts] == sizes
        joined = torch.cat([part.log_probabilities for part in parts], 1)
        assert torch.equal(joined.sort(1).values, batch.log_probabilities.sort(1).values)
    first, again = (next(batch.minibatches(5, seeded(seed))) for seed in (0, 1))
    assert not torch.equal(first.returns, again.returns)
    place = (batch.observations[0] == first.observations[0, 3]).all(-1).nonzero().item()
    for field in ("actions", "log_probabilities", "advantages", "returns", "mask"):
        assert torch.equal(getattr(first, field)[:, 3], getattr(batch, field)[:, place]), field


def test_advantages_are_normalised_per_learner_over_valid_samples():
    agent, parameters, seen = collected("gaussian")
    seen.rewards[1] *= 100
    batch = agent.batch(parameters, seen, 0.9, 0.8)
    result = batch.with_normalised_advantages().advantages
    assert not result[~batch.mask].any()
    for learner in range(3):
        valid = batch.advantages[learner][batch.mask[learner]].numpy()
        expected = (valid - valid.mean()) / valid.std()
        np.testing.assert_allclose(result[learner][batch.mask[learner]].numpy(), expected, rtol=1e-4, atol=1e-5)


# Losses


def test_clip_by_hand():
    old = torch.zeros(8)
    ratio = torch.tensor([1.0, 1.0, 1.1, 1.5, 0.9, 0.5, 1.5, 0.5])
    advantage = torch.tensor([2.0, -2.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0])
    new = ratio.log().requires_grad_()
    loss = clipped_surrogate_loss(new, old, advantage, 0.2)
    torch.testing.assert_close(loss, -torch.tensor([2.0, -2.0, 1.1, 1.2, -0.9, -0.8, -1.5, 0.5]))
    (slope,) = torch.autograd.grad(loss.sum(), new)
    # No slope where the ratio has gone far enough in the advantage's direction; full slope where it went the wrong way.
    torch.testing.assert_close(slope, -torch.tensor([2.0, -2.0, 1.1, 0.0, -0.9, 0.0, -1.5, 0.5]))


@pytest.mark.parametrize("kind", list(SPACES))
def test_ratio_is_one_at_the_start(double, kind):
    """So PPO's first gradient is the plain policy gradient, −E[∇log π A], and equals A2C's."""
    agent, parameters, seen = collected(kind)
    batch = agent.batch(parameters, seen, 0.9, 0.8)
    gradients = []
    for loss, config in ((ppo_loss, PPOConfig(entropy_coef=0.1)), (a2c_loss, A2CConfig(entropy_coef=0.1))):
        leaves = trainable_copy(parameters, 3)
        loss(agent, leaves, batch, config).sum().backward()
        gradients.append([value.grad for value in leaves.values()])
    for first, second in zip(*gradients, strict=True):
        torch.testing.assert_close(first, second, rtol=1e-9, atol=1e-11)
    log_probability = agent.policy.log_probability(agent.policy_part(parameters), batch.observations, batch.actions)
    torch.testing.assert_close((log_probability - batch.log_probabilities).exp(), torch.ones(3, 48))


@pytest.mark.parametrize("kind", list(SPACES))
def test_losses_sample_by_sample(double, kind):
    agent, parameters, seen = collected(kind)
    batch = agent.batch(parameters, seen, 0.9, 0.8)
    moved = {name: value + 0.3 * torch.randn(value.shape, generator=seeded(8)) for name, value in parameters.items()}
    config = PPOConfig(value_coef=0.7, entropy_coef=0.1, clip=0.3)
    other = A2CConfig(value_coef=0.7, entropy_coef=0.1)
    ppo, a2c = ppo_loss(agent, moved, batch, config), a2c_loss(agent, moved, batch, other)
    for learner in range(3):
        own = select_parameters(moved, learner)
        totals = np.zeros(2)
        for i in batch.mask[learner].nonzero()[:, 0].tolist():
            distribution = agent.policy.distribution(agent.policy_part(own), batch.observations[learner, i])
            log_probability = float(distribution.log_prob(batch.actions[learner, i]))
            advantage = float(batch.advantages[learner, i])
            ratio = np.exp(log_probability - float(batch.log_probabilities[learner, i]))
            clipped = min(ratio * advantage, np.clip(ratio, 0.7, 1.3) * advantage)
            error = float(agent.value(own, batch.observations[learner, i]) - batch.returns[learner, i])
            rest = 0.7 * error**2 - 0.1 * float(distribution.entropy())
            totals += np.array([-clipped + rest, -log_probability * advantage + rest])
        totals /= int(batch.mask[learner].sum())
        assert [float(ppo[learner]), float(a2c[learner])] == pytest.approx(totals.tolist(), rel=1e-9)


def test_padding_has_no_gradient(double):
    agent, parameters, seen = collected("gaussian")
    batch = agent.batch(parameters, seen, 0.9, 0.8)
    noise = torch.randn(batch.observations.shape, generator=seeded(9))
    spoilt = Batch(
        torch.where(batch.mask[..., None], batch.observations, noise),
        batch.actions,
        batch.log_probabilities,
        torch.where(batch.mask, batch.advantages, 1e3),
        torch.where(batch.mask, batch.returns, -1e3),
        batch.mask,
    )
    for config, loss in ((PPOConfig(), ppo_loss), (A2CConfig(), a2c_loss)):
        first = loss(agent, parameters, batch.with_normalised_advantages(), config)
        torch.testing.assert_close(loss(agent, parameters, spoilt.with_normalised_advantages(), config), first)


def test_clip_gradients_per_learner(double):
    gradients = {"a": torch.randn((3, 2, 2), generator=seeded()), "b": torch.randn((3, 5), generator=seeded(1))}
    gradients["a"][2], gradients["b"][2] = gradients["a"][2] * 0.01, gradients["b"][2] * 0.01
    parameters = {name: torch.zeros_like(value).requires_grad_() for name, value in gradients.items()}
    for name, value in parameters.items():
        value.grad = gradients[name].clone()
    clip_grad_norm(parameters, 0.5)
    for learner in range(3):
        alone = [torch.zeros_like(value[learner]).requires_grad_() for value in gradients.values()]
        for leaf, value in zip(alone, gradients.values(), strict=True):
            leaf.grad = value[learner].clone()
        torch.nn.utils.clip_grad_norm_(alone, 0.5)
        for leaf, value in zip(alone, parameters.values(), strict=True):
            torch.testing.assert_close(value.grad[learner], leaf.grad, rtol=1e-9, atol=0)
    assert torch.equal(parameters["a"].grad[2], gradients["a"][2]), "short gradients stay as they are"


# Updates


@pytest.mark.parametrize("kind", list(SPACES))
@pytest.mark.parametrize(
    "rule, config",
    [(PPO, PPOConfig(epochs=3, minibatches=4, entropy_coef=0.01, lr=1e-2)), (A2C, A2CConfig())],
    ids=["PPO", "A2C"],
)
def test_learners_are_independent(double, kind, rule, config):
    """A batch of three learners gives the numbers of three separate trainings, however large one's gradient is."""
    agent, parameters, seen = collected(kind)
    seen.rewards[1] *= 1000
    together = trainable_copy(parameters, 3)
    update = rule(agent, together, config).update
    for seed in range(2):
        update(seen, seeded(seed))
    for learner in range(3):
        alone = trainable_copy({name: value[learner : learner + 1] for name, value in parameters.items()}, 1)
        update = rule(agent, alone, config).update
        for seed in range(2):
            update(seen.select(slice(learner, learner + 1)), seeded(seed))
        for name, value in alone.items():
            torch.testing.assert_close(together[name][learner], value[0], rtol=1e-8, atol=1e-10)
            assert not torch.equal(value[0].detach(), parameters[name][learner])


def test_learning_rate_falls_to_zero():
    agent, parameters, seen = collected("gaussian")
    for anneal, expected in ((True, [1e-2, 0.75e-2, 0.5e-2, 0.25e-2, 0.0]), (False, [1e-2] * 5)):
        config = PPOConfig(iterations=4, lr=1e-2, epochs=1, minibatches=1, anneal=anneal)
        rule = PPO(agent, trainable_copy(parameters, 3), config)
        rates = [rule.optimiser.param_groups[0]["lr"]]
        for _ in range(4):
            rule.update(seen, seeded())
            rates.append(rule.optimiser.param_groups[0]["lr"])
        assert rates == pytest.approx(expected)


# Training


TRAININGS = {
    "PPO": (train_ppo, PPOConfig(iterations=5, epochs=2, minibatches=2)),
    "A2C": (train_a2c, A2CConfig(iterations=5)),
    "TRPO": (train_trpo, TRPOConfig(iterations=5, value_epochs=2)),
}


class Interrupted(VectorSampler):
    """Raises KeyboardInterrupt in the middle of the third segment, as Ctrl-C would."""

    taken = 0

    def step(self, action):
        self.taken += 1
        if self.taken == 25:
            raise KeyboardInterrupt
        return super().step(action)


@pytest.mark.parametrize("name", list(TRAININGS))
def test_interrupt_returns_what_was_learned(name, tmp_path):
    train, config = TRAININGS[name]
    sampler = Interrupted(gymnasium.make_vec("Pendulum-v1", 4), 10, learners=2)
    policy = GaussianPolicy(
        sampler.envs.single_observation_space, sampler.envs.single_action_space, (4,), torch.tanh, seeded()
    )
    agent = ActorCritic(policy, (4,), generator=seeded(1))
    start = repeat_parameters(agent.initial_parameters(), 2)
    seen = []
    trained, history = train(
        agent, start, sampler, config, seeded(), callback=lambda i, p, trajectories: seen.append(trajectories.steps)
    )
    assert len(history["return"]) == 2 and history["env_steps"] == [40, 80] and seen == [40, 40]
    assert all(not torch.equal(trained[key], start[key]) for key in ("policy.mean.weight1", "value.weight1"))
    assert not any(value.requires_grad for value in trained.values())
    save_parameters(trained, tmp_path / "agent.pt")
    loaded = load_parameters(tmp_path / "agent.pt")
    assert list(loaded) == list(trained) and all(torch.equal(loaded[key], trained[key]) for key in trained)


@pytest.mark.parametrize("name", list(TRAININGS))
def test_reproducible_on_families_and_the_start_is_left_alone(name):
    train, config = TRAININGS[name]
    family = PointNavigation(horizon=10)
    tasks = family.sample_tasks(2, seeded())
    policy = GaussianPolicy(family.observation_space, family.action_space, (4,), torch.tanh, seeded())
    agent = ActorCritic(policy, (4,), generator=seeded(1))
    start = repeat_parameters(agent.initial_parameters(), 2)

    def sampler():
        return VectorSampler(family.vector_env(tasks, 6), num_steps=11, learners=2)

    runs = [train(agent, start, sampler(), config, seeded(seed)) for seed in (0, 0, 1)]
    assert all(torch.equal(runs[0][0][key], runs[1][0][key]) for key in start)
    assert runs[0][1] == runs[1][1] != runs[2][1]
    assert all(torch.equal(start[key][1], agent.initial_parameters()[key]) for key in start)
    with pytest.raises(ValueError, match="leading axis of 2 learners"):
        train(agent, agent.initial_parameters(), sampler(), config, seeded())


@pytest.mark.parametrize("name", ["PPO", "A2C"])
def test_one_policy_a_task_on_a_family(name):
    """Learner i learns goal i: at home every one ends nearer than with its neighbour's policy."""
    family = PointNavigation(horizon=20)
    goals = {"goal": torch.tensor([[0.4, 0.3], [-0.4, 0.2], [0.1, -0.5]])}
    policy = GaussianPolicy(family.observation_space, family.action_space, (32,), torch.tanh, seeded(), initial_std=0.5)
    agent = ActorCritic(policy, (32,), generator=seeded(1))
    sampler = VectorSampler(family.vector_env(goals, 48), num_steps=21, learners=3)
    start = repeat_parameters(agent.initial_parameters(), 3)
    if name == "PPO":
        config = PPOConfig(iterations=40, lr=5e-3, minibatches=4, discount=0.95)
        trained, history = train_ppo(agent, start, sampler, config, seeded(2))
    else:
        config = A2CConfig(iterations=150, lr=1e-2, discount=0.95, gae_lambda=0.95)
        trained, history = train_a2c(agent, start, sampler, config, seeded(2))
    assert np.mean(history["return"][-1]) > 0.6 * np.mean(history["return"][0])
    own = rollout(family, goals, policy, agent.policy_part(trained), 10, seeded(3)).returns.mean(1)
    swapped = agent.policy_part({key: value.roll(1, 0) for key, value in trained.items()})
    other = rollout(family, goals, policy, swapped, 10, seeded(3)).returns.mean(1)
    assert bool((own > other + 3).all()), (own, other)
