"""What the agents report while they learn, by hand; schedules that never turn round; each learner its own order."""

import gymnasium
import numpy as np
import pytest
import torch
from torch.distributions import kl_divergence

from metarl_core.agents import (
    A2C,
    DQN,
    PPO,
    A2CConfig,
    ActorCritic,
    CategoricalPolicy,
    DQNConfig,
    GaussianPolicy,
    PPOConfig,
    QNetwork,
    Transitions,
    UniformPolicy,
    VectorSampler,
    approximate_kl,
    dqn_target,
    evaluate,
    explained_variance,
    train_a2c,
    train_dqn,
    train_ppo,
)
from metarl_core.agents.draws import draw_permutations
from metarl_core.networks import encode_observation
from metarl_core.parameters import repeat_parameters, trainable_copy
from metarl_core.tasks import CartPole, PointNavigation


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def collected():
    """An agent, parameters of two learners, and a segment that they collected."""
    envs = gymnasium.make_vec("CartPole-v1", 8)
    policy = CategoricalPolicy(envs.single_observation_space, envs.single_action_space, (8,), generator=seeded())
    agent = ActorCritic(policy, (8,), generator=seeded(1))
    parameters = repeat_parameters(agent.initial_parameters(), 2)
    sampler = VectorSampler(envs, num_steps=30, learners=2, seed=3)
    return agent, parameters, sampler(policy, agent.policy_part(parameters), seeded(4))


def test_ppo_reports_what_its_update_did(collected):
    agent, parameters, seen = collected
    learned = trainable_copy(parameters, 2)
    config = PPOConfig(epochs=1, minibatches=1, lr=0.05, max_grad_norm=1e9)
    batch = agent.batch(parameters, seen, config.discount, config.gae_lambda)
    found = PPO(agent, learned, config).update(seen, seeded())
    for name in ("approx_kl", "clip_fraction"):  # one step: before it the ratio is 1
        torch.testing.assert_close(found[name], torch.zeros(2), atol=1e-6, rtol=0)
    assert bool((found["grad_norm"] > 0).all())
    for learner in range(2):
        valid = batch.mask[learner]
        returns, errors = batch.returns[learner, valid], batch.advantages[learner, valid]
        expected = 1 - errors.var(correction=0) / returns.var(correction=0)
        torch.testing.assert_close(found["explained_variance"][learner], expected, rtol=1e-4, atol=1e-5)
    again = PPO(agent, learned, config)
    after = again.update(seen, seeded())  # now the policy is another than the one that sampled
    own = agent.policy_part(parameters)
    log_ratio = agent.policy.log_probability(
        agent.policy_part({k: v.detach() for k, v in learned.items()}), batch.observations, batch.actions
    )
    assert set(found) == set(after) and bool((after["approx_kl"] > 1e-4).all())
    entropy = agent.policy.distribution(own, batch.observations).entropy()
    assert entropy.shape == log_ratio.shape and bool((after["entropy"] < np.log(2) + 1e-6).all())


def test_approximate_kl_is_near_the_exact_one_and_never_negative(collected):
    agent, parameters, seen = collected
    policy = agent.policy
    own = agent.policy_part(parameters)
    moved = {name: value + 0.3 * torch.randn(value.shape, generator=seeded(5)) for name, value in own.items()}
    observations = seen.observations.flatten(1, 2)[:, :1].expand(2, 20_000, 4)
    actions, old = policy.act(own, observations, policy.noise((2, 20_000), seeded(6)))
    log_ratio = policy.log_probability(moved, observations, actions) - old
    exact = kl_divergence(policy.distribution(own, observations), policy.distribution(moved, observations)).mean(1)
    found = approximate_kl(log_ratio, torch.ones(2, 20_000, dtype=torch.bool))
    torch.testing.assert_close(found, exact, rtol=0.1, atol=1e-4)
    assert bool((log_ratio.exp() - 1 - log_ratio >= -1e-6).all())


def test_a2c_reports_entropy_of_the_policy_before_the_step(collected):
    agent, parameters, seen = collected
    found = A2C(agent, trainable_copy(parameters, 2), A2CConfig()).update(seen, seeded())
    observations, mask = seen.observations.flatten(1, 2), seen.mask.flatten(1, 2)
    entropy = agent.policy.distribution(agent.policy_part(parameters), observations).entropy()
    expected = (entropy * mask).sum(1) / mask.sum(1)
    torch.testing.assert_close(found["entropy"], expected)
    assert set(found) == {"loss", "entropy", "grad_norm", "explained_variance"}


def test_explained_variance_is_one_for_a_perfect_value_function(collected):
    agent, parameters, seen = collected
    batch = agent.batch(parameters, seen, 0.9, 1.0)
    perfect = type(batch)(**{**vars(batch), "advantages": torch.zeros_like(batch.advantages)})
    assert explained_variance(perfect).tolist() == [1.0, 1.0]
    constant = type(batch)(**{**vars(batch), "returns": torch.ones_like(batch.returns)})
    assert explained_variance(constant).isnan().all()


def test_dqn_reports_its_values_and_errors():
    network = QNetwork(gymnasium.spaces.Box(-1, 1, (3,)), gymnasium.spaces.Discrete(2), (5,), seeded())
    parameters = repeat_parameters(network.initial_parameters(), 2)
    observations, following = torch.randn((2, 2, 6, 3), generator=seeded(1))
    actions = torch.randint(2, (2, 6), generator=seeded(2))
    batch = Transitions(observations, actions, torch.ones(2, 6), following, torch.zeros(2, 6, dtype=torch.bool))
    found = DQN(network, trainable_copy(parameters, 2), DQNConfig(discount=0.9)).update(batch)
    chosen = network(parameters, observations).gather(-1, actions[..., None])[..., 0]
    target = dqn_target(network, parameters, parameters, batch, 0.9)
    torch.testing.assert_close(found["mean_q"], chosen.mean(1))
    torch.testing.assert_close(found["loss"], (chosen - target).square().mean(1))
    assert found["grad_norm"].shape == (2,) and bool((found["grad_norm"] > 0).all())


@pytest.mark.parametrize("rule, config", [(PPO, PPOConfig(iterations=2)), (A2C, A2CConfig(iterations=2))])
def test_updates_beyond_the_last_iteration_do_not_climb(collected, rule, config):
    agent, parameters, seen = collected
    learned = trainable_copy(parameters, 2)
    made, rates = rule(agent, learned, config), []
    for _ in range(4):
        rates.append(made.optimiser.param_groups[0]["lr"])
        made.update(seen, seeded())
    assert rates == pytest.approx([config.lr, config.lr / 2, 0, 0])


def test_annealing_can_be_switched_off(collected):
    agent, parameters, seen = collected
    for rule, config in ((PPO, PPOConfig(iterations=2, anneal=False)), (A2C, A2CConfig(iterations=2, anneal=False))):
        made = rule(agent, trainable_copy(parameters, 2), config)
        for _ in range(3):
            made.update(seen, seeded())
        assert made.optimiser.param_groups[0]["lr"] == config.lr


def test_permutations_are_shared_or_each_learners_own():
    shared = draw_permutations(50, 3, seeded(1))
    assert shared.shape == (50,) and torch.equal(shared, torch.randperm(50, generator=seeded(1)))
    own = draw_permutations(50, 3, [seeded(i) for i in range(3)])
    assert own.shape == (3, 50) and not torch.equal(own[0], own[1])
    assert all(torch.equal(own[i], torch.randperm(50, generator=seeded(i))) for i in range(3))


def test_with_a_generator_for_each_learner_nobody_depends_on_the_others():
    family = CartPole(horizon=50)

    def run(learners):
        policy = CategoricalPolicy(family.observation_space, family.action_space, (8,), generator=seeded())
        agent = ActorCritic(policy, (8,), generator=seeded(1))
        envs = gymnasium.vector.SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * (2 * len(learners)))
        sampler = VectorSampler(envs, num_steps=16, learners=len(learners), seed=0)
        start = repeat_parameters(agent.initial_parameters(), len(learners))
        config = PPOConfig(iterations=2, epochs=2, minibatches=4)
        generators = [seeded(10 + learner) for learner in learners]
        return train_ppo(agent, start, sampler, config, generators, description=None)[0]

    together, alone = run([0, 1]), run([0])
    for name, value in alone.items():
        torch.testing.assert_close(together[name][0], value[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("train", [train_ppo, train_a2c, train_dqn])
def test_a_resumed_training_is_the_uninterrupted_one(train, tmp_path, monkeypatch):
    monkeypatch.setattr("metarl_core.training.loop.SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    family = CartPole(horizon=30)

    def run(stop, checkpoint=None):
        sampler = VectorSampler(family.vector_env(num_envs=4), num_steps=1 if train is train_dqn else 8, learners=2)
        if train is train_dqn:
            agent = QNetwork(family.observation_space, family.action_space, (8,), seeded())
            config = DQNConfig(steps=80, learning_starts=10, batch_size=8)
            options = {"report_every": 1}
        else:
            policy = CategoricalPolicy(family.observation_space, family.action_space, (8,), generator=seeded())
            agent, options = ActorCritic(policy, (8,), generator=seeded(1)), {}
            config = (PPOConfig if train is train_ppo else A2CConfig)(iterations=6)
        start = repeat_parameters(agent.initial_parameters(), 2)

        def callback(iteration, parameters, data):
            if iteration == stop:
                raise RuntimeError("the kernel dies")

        return train(
            agent,
            start,
            sampler,
            config,
            seeded(2),
            description=None,
            callback=callback,
            checkpoint=checkpoint,
            **options,
        )

    whole, history = run(None)
    with pytest.raises(RuntimeError):
        run(4, tmp_path / "run.pt")
    resumed, again = run(None, tmp_path / "run.pt")
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())
    assert {k: v[-1] for k, v in history.items()} == {k: v[-1] for k, v in again.items()}


def test_a_checkpoint_of_simulators_that_cannot_be_saved_is_refused_at_once(tmp_path, collected):
    agent, parameters, _ = collected
    sampler = VectorSampler(gymnasium.make_vec("CartPole-v1", 2), num_steps=4, learners=2)
    with pytest.raises(ValueError, match="the state of SyncVectorEnv cannot be saved|cannot be saved"):
        train_ppo(agent, parameters, sampler, PPOConfig(iterations=1), seeded(), checkpoint=tmp_path / "run.pt")


class Shifted(gymnasium.Env):
    """Observations 3, 4, 5 and actions 7, 8; the reward is the action."""

    observation_space = gymnasium.spaces.Discrete(3, start=3)
    action_space = gymnasium.spaces.Discrete(2, start=7)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return 3, {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self.steps += 1
        return 3 + self.steps % 3, float(action), False, self.steps >= 4, {}


def test_spaces_that_do_not_start_at_zero():
    space = Shifted.observation_space
    assert encode_observation(torch.tensor([3, 5]), space).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert encode_observation(torch.tensor([4]), space, torch.float64).dtype == torch.float64
    env = Shifted()
    policy = CategoricalPolicy(env.observation_space, env.action_space, (4,), generator=seeded())
    own = {name: value.detach() for name, value in policy.named_parameters()}
    returns = evaluate(env, policy, own, episodes=3, greedy=False)
    assert bool(((returns >= 28) & (returns <= 32)).all())
    network = QNetwork(env.observation_space, env.action_space, (4,), seeded())
    assert float(evaluate(env, network, network.initial_parameters(), episodes=1)[0]) in (28.0, 32.0)
    sampler = VectorSampler(gymnasium.vector.SyncVectorEnv([Shifted] * 2), num_steps=6)
    seen = sampler(policy, {name: value[None] for name, value in own.items()}, seeded(1))
    assert set(seen.actions.flatten().tolist()) <= {0, 1} and set(seen.rewards[seen.mask].tolist()) <= {7.0, 8.0}


def test_float64_from_the_environment_to_the_trained_parameters():
    family = PointNavigation(horizon=10)
    policy = GaussianPolicy(family.observation_space, family.action_space, (4,), generator=seeded()).double()
    agent = ActorCritic(policy, (4,), generator=seeded(1))
    start = {name: value.double()[None] for name, value in agent.initial_parameters().items()}
    sampler = VectorSampler(family.vector_env(num_envs=2), num_steps=5)
    trained, _ = train_ppo(agent, start, sampler, PPOConfig(iterations=2, epochs=1), seeded(), description=None)
    assert all(value.dtype == torch.float64 for value in trained.values())
    seen = sampler(policy, agent.policy_part(trained), seeded(2))
    assert seen.rewards.dtype == seen.observations.dtype == seen.log_probabilities.dtype == torch.float64


def test_a_uniform_policy_refuses_unbounded_actions():
    with pytest.raises(ValueError, match="Discrete or bounded Box"):
        UniformPolicy(gymnasium.spaces.Box(-np.inf, np.inf, (2,)))
