"""Bad input to `metarl_core.agents`."""

from dataclasses import replace

import gymnasium
import numpy as np
import torch
from gymnasium import spaces

from metarl_core import agents
from metarl_core.agents import (
    A2C,
    CARTPOLE_PPO,
    DQN,
    PPO,
    TRPO,
    A2CConfig,
    ActorCritic,
    AnnealedOptimiser,
    Batch,
    CategoricalPolicy,
    DQNConfig,
    GaussianPolicy,
    OraclePolicy,
    PPOConfig,
    QNetwork,
    ReinforceConfig,
    ReplayBuffer,
    Transitions,
    TRPOConfig,
    UniformPolicy,
    ValueBaseline,
    VectorSampler,
)
from metarl_core.parameters import initial_parameters, repeat_parameters, trainable_parameters
from metarl_core.tasks import CartPole, PointNavigation, TaskVectorEnv, rollout
from metarl_core.training import adam

RNG = torch.Generator("cpu")
STATES, ACTIONS, FORCES = spaces.Box(-np.inf, np.inf, (4,)), spaces.Discrete(2), spaces.Box(-1, 1, (2,))
POLICY = CategoricalPolicy(STATES, ACTIONS, (4,), generator=RNG)
OWN = initial_parameters(POLICY)
AGENT = ActorCritic(POLICY, (4,), generator=RNG)
PARAMETERS = trainable_parameters(repeat_parameters(AGENT.initial_parameters(), 2))
NETWORK = QNetwork(STATES, ACTIONS, (4,), RNG)
ONLINE = trainable_parameters(repeat_parameters(NETWORK.initial_parameters(), 2))
FAMILY = CartPole(horizon=5)
TASKS = FAMILY.sample_tasks(2, RNG)
PLAYED = rollout(FAMILY, TASKS, POLICY, OWN, 3, RNG)
BATCH = Batch(torch.zeros(2, 6, 4), torch.zeros(2, 6).long(), *torch.zeros(3, 2, 6), torch.ones(2, 6).bool())
LEARNERS_OWN = AGENT.policy_part(PARAMETERS)
STEPS = Transitions(
    torch.zeros(2, 3, 4), torch.zeros(2, 3).long(), torch.zeros(2, 3), torch.zeros(2, 3, 4), torch.zeros(2, 3).bool()
)
TABLE, ROWS = torch.zeros(2, 3, 2), torch.zeros(2).long()
SERIES, FLAGS = torch.zeros(2, 5), torch.zeros(2, 5).bool()
CUBE, MASK = torch.zeros(2, 3, 5), torch.ones(2, 3, 5).bool()
FEATURES = torch.zeros(2, 3, 5, 4)
QUIET = {"description": None}


def sampler():
    return VectorSampler(TaskVectorEnv(FAMILY, 4, TASKS), 2, 2)


def gaussian(**changed):
    given = {"observation_space": STATES, "action_space": FORCES, "hidden": (4,), **changed}
    return lambda: GaussianPolicy(**given)


def config(kind, **settings):
    return lambda: kind(**settings)


def trained(train, *arguments, **named):
    return lambda: train(*arguments, RNG, **QUIET, **named)


def evaluated(parameters=OWN, env="CartPole-v1", policy=POLICY, episodes=1):
    env = gymnasium.make(env) if env == "CartPole-v1" else env
    return lambda: agents.evaluate(env, policy, parameters, episodes)


def gae(**changed):
    given = {
        "rewards": SERIES,
        "values": SERIES,
        "final_values": SERIES[:, 0],
        "terminated": FLAGS,
        "truncated": FLAGS,
        "discount": 0.9,
        "gae_lambda": 0.9,
    }
    return lambda: agents.gae(**given | changed)


def q_update(**changed):
    given = {
        "q": TABLE,
        "state": ROWS,
        "action": ROWS,
        "reward": torch.zeros(2),
        "next_state": ROWS,
        "terminated": ROWS.bool(),
        "discount": 0.9,
        "step_size": 0.1,
    }
    return lambda: agents.q_update(**given | changed)


def q_learning(**changed):
    given = {
        "transitions": torch.zeros(2, 3, 2, 3),
        "rewards": TABLE,
        "discount": 0.9,
        "steps": 1,
        "generator": RNG,
        "description": None,
    }
    return lambda: agents.q_learning(**given | changed)


def searched(max_kl=0.01, backtracks=3, batch=BATCH):
    return lambda: agents.line_search(POLICY, LEARNERS_OWN, LEARNERS_OWN, batch, max_kl, backtracks)


def reinforced(family=FAMILY, policy=POLICY, parameters=OWN, settings=None, **named):
    settings = ReinforceConfig(iterations=1) if settings is None else settings
    return trained(agents.train_reinforce, family, policy, parameters, settings, **named)


def learned(train, kind, **changed):
    """Train an actor-critic, with one argument changed."""
    given = {"parameters": PARAMETERS, "config": kind(iterations=1), "generator": RNG, **QUIET, **changed}
    parameters, config, generator = (given.pop(name) for name in ("parameters", "config", "generator"))
    return lambda: train(AGENT, parameters, sampler(), config, generator, **given)


ACTOR_CRITICS = [(agents.train_a2c, A2CConfig), (agents.train_ppo, PPOConfig), (agents.train_trpo, TRPOConfig)]


CALLS = [
    *(
        call
        for train, kind in ACTOR_CRITICS
        for call in (
            (train.__name__, learned(train, kind, generator=1), "generator must be a torch.Generator, or .*, got int"),
            (train.__name__, learned(train, kind, generator=[RNG, 1]), "generator must be .*, got list"),
            (train.__name__, learned(train, kind, callback=3), "callback must be a function of .*, got 3"),
            (
                train.__name__,
                learned(train, kind, parameters={name: value[:, :1] for name, value in PARAMETERS.items()}),
                "must have shape .* or leading axes before it, got",
            ),
            (
                train.__name__,
                learned(train, kind, parameters={name: value.long() for name, value in PARAMETERS.items()}),
                "must be a tensor of floating-point numbers, got torch.int64",
            ),
        )
    ),
    ("evaluate", lambda: agents.evaluate(gymnasium.make("CartPole-v1"), POLICY, OWN, 1, "x"), "seed must be at least"),
    ("train_dqn", lambda: agents.train_dqn(NETWORK, ONLINE, sampler(), DQNConfig(steps=4), 1, **QUIET), "got int"),
    (
        "train_reinforce",
        lambda: agents.train_reinforce(FAMILY, POLICY, OWN, ReinforceConfig(iterations=1), 1, **QUIET),
        "generator must be a torch.Generator, got 1",
    ),
    ("VectorSampler", lambda: VectorSampler(TaskVectorEnv(FAMILY, 4, TASKS), 2, 2, "x"), "seed must be at least 0"),
    ("A2C", lambda: A2C(POLICY, PARAMETERS, A2CConfig()), "agent must be an ActorCritic, got CategoricalPolicy"),
    ("A2C", lambda: A2C(AGENT, OWN, A2CConfig()), r"parameters must have the entries \['policy.logits"),
    ("A2C", lambda: A2C(AGENT, PARAMETERS, PPOConfig()), "config must be an A2CConfig, got PPOConfig"),
    ("A2CConfig", config(A2CConfig, lr=0.0), "lr must be above 0, got 0.0"),
    ("A2CConfig", config(A2CConfig, discount=1.5), r"discount must be in \[0, 1\], got 1.5"),
    ("A2CConfig", config(A2CConfig, optimiser="rmsprop"), "optimiser must be a function .*, got 'rmsprop'"),
    ("AnnealedOptimiser", lambda: AnnealedOptimiser(adam, 0.1, 5), "optimiser must have param_groups, step, got"),
    (
        "AnnealedOptimiser",
        lambda: AnnealedOptimiser(adam(PARAMETERS.values(), 0.1), 0.1, -5),
        "updates must be at least 0, got -5",
    ),
    ("ActorCritic", lambda: ActorCritic(UniformPolicy(ACTIONS)), "policy must have .* got UniformPolicy without"),
    ("ActorCritic", lambda: ActorCritic(POLICY, (64, 0)), r"hidden must be .* of at least 1, got \(64, 0\)"),
    ("Batch", lambda: list(BATCH.minibatches(0, RNG)), "number must be at least 1, got 0"),
    ("Batch", lambda: list(BATCH.minibatches(2, [RNG])), "one generator, or one for each of 2 learners, got 1"),
    ("CategoricalPolicy", lambda: CategoricalPolicy(STATES, FORCES), "needs Discrete actions, got Box"),
    ("CategoricalPolicy", lambda: CategoricalPolicy(STATES, ACTIONS, 64), "hidden must be a sequence .*, got 64"),
    ("CategoricalPolicy", lambda: CategoricalPolicy(spaces.Dict(), ACTIONS), "in a Discrete or Box space, got Dict"),
    ("DQN", lambda: DQN(POLICY, ONLINE, DQNConfig()), "network must be a QNetwork, got CategoricalPolicy"),
    ("DQN", lambda: DQN(NETWORK, OWN, DQNConfig()), r"parameters must have the entries \['bias0'"),
    ("DQN", lambda: DQN(NETWORK, ONLINE, PPOConfig()), "config must be a DQNConfig, got PPOConfig"),
    ("DQNConfig", config(DQNConfig, exploration=(1.0, 0.1)), r"exploration must be \(first, last, share"),
    ("DQNConfig", config(DQNConfig, exploration=0.1), r"exploration must be \(first, last, share .*got 0.1"),
    ("DQNConfig", config(DQNConfig, tau=0), "tau must be above 0, got 0"),
    ("DQNConfig", config(DQNConfig, buffer_size="large"), "buffer_size must be at least 1, got 'large'"),
    ("GaussianPolicy", gaussian(action_space=ACTIONS), "needs a one-dimensional Box of actions, got Discrete"),
    ("GaussianPolicy", gaussian(hidden=(0,)), "hidden must be a sequence of widths of at least 1"),
    ("GaussianPolicy", gaussian(initial_std=0.0), "initial_std must be above 0, got 0.0"),
    ("GaussianPolicy", gaussian(min_std=-1.0), "min_std must be above 0, got -1.0"),
    ("OraclePolicy", lambda: OraclePolicy(FAMILY), "choose must be a function .*, got None for CartPole"),
    ("OraclePolicy", lambda: OraclePolicy(PointNavigation(), "north"), "choose must be a function .*, got 'north'"),
    ("PPO", lambda: PPO(NETWORK, PARAMETERS, PPOConfig()), "agent must be an ActorCritic, got QNetwork"),
    ("PPO", lambda: PPO(AGENT, {}, PPOConfig()), r"parameters must have the entries .*, got \[\]"),
    ("PPO", lambda: PPO(AGENT, PARAMETERS, {"lr": 0.1}), "config must be a PPOConfig, got dict"),
    ("PPOConfig", config(PPOConfig, clip=0), "clip must be above 0, got 0"),
    ("PPOConfig", config(PPOConfig, minibatches=0), "minibatches must be at least 1, got 0"),
    ("PPOConfig", config(PPOConfig, iterations=-1), "iterations must be at least 0, got -1"),
    ("QNetwork", lambda: QNetwork(STATES, FORCES), "a QNetwork needs Discrete actions, got Box"),
    ("QNetwork", lambda: QNetwork(STATES, ACTIONS, (2.5,)), r"hidden must be a sequence .*, got \(2.5,\)"),
    ("ReinforceConfig", config(ReinforceConfig, episodes=0), "episodes must be at least 1, got 0"),
    ("ReinforceConfig", config(ReinforceConfig, lr=-1), "lr must be above 0, got -1"),
    ("ReplayBuffer", lambda: ReplayBuffer(0), "capacity must be at least 1, got 0"),
    ("ReplayBuffer", lambda: ReplayBuffer(5, "two"), "learners must be at least 1, got 'two'"),
    ("ReplayBuffer", lambda: ReplayBuffer(5, 1).add(STEPS), "must come from 1 learners with at most 5 each, got 2"),
    ("ReplayBuffer", lambda: ReplayBuffer(5).add(STEPS._replace(rewards=ROWS)), r"shape \[learner, env\], got \[2\]"),
    ("ReplayBuffer", lambda: ReplayBuffer(5).sample(1, RNG), "the buffer must hold at least 1 transitions"),
    ("ReplayBuffer", lambda: ReplayBuffer(5).sample_run(0, RNG), "size must be at least 1, got 0"),
    ("Setting", lambda: replace(CARTPOLE_PPO, num_envs=0), "num_envs must be at least 1, got 0"),
    ("Setting", lambda: replace(CARTPOLE_PPO, config=ReinforceConfig()), "config must be a .*, got ReinforceConfig"),
    ("Setting", lambda: CARTPOLE_PPO.prepare([]), "seeds must hold at least one seed, got none"),
    ("TRPO", lambda: TRPO(POLICY, PARAMETERS, TRPOConfig()), "agent must be an ActorCritic, got CategoricalPolicy"),
    ("TRPO", lambda: TRPO(AGENT, LEARNERS_OWN, TRPOConfig()), "parameters must have the entries"),
    ("TRPO", lambda: TRPO(AGENT, PARAMETERS, A2CConfig()), "config must be a TRPOConfig, got A2CConfig"),
    ("TRPOConfig", config(TRPOConfig, max_kl=0.0), "max_kl must be above 0, got 0.0"),
    ("TRPOConfig", config(TRPOConfig, cg_damping=-0.1), "cg_damping must be at least 0, got -0.1"),
    ("TRPOConfig", config(TRPOConfig, backtracks=0), "backtracks must be at least 1, got 0"),
    ("UniformPolicy", lambda: UniformPolicy(STATES), "needs Discrete or bounded Box actions, got Box"),
    ("ValueBaseline", lambda: ValueBaseline(0), "features must be at least 1, got 0"),
    ("ValueBaseline", lambda: ValueBaseline(4, tasks=0), "tasks must be at least 1, got 0"),
    ("ValueBaseline", lambda: ValueBaseline(4, 3)(FEATURES, CUBE, MASK), "targets must have 3 tasks, got 2"),
    ("ValueBaseline", lambda: ValueBaseline(4, lr=0), "lr must be above 0, got 0"),
    ("VectorSampler", lambda: VectorSampler("CartPole-v1"), "envs must be a VectorEnv, got str"),
    ("VectorSampler", lambda: VectorSampler(TaskVectorEnv(FAMILY, 4, TASKS), 2, 3), "multiple of .* 3, got 4"),
    ("VectorSampler", lambda: VectorSampler(TaskVectorEnv(FAMILY, 4, TASKS), 0), "num_steps must be at least 1"),
    ("VectorSampler", lambda: VectorSampler(TaskVectorEnv(FAMILY, 4, TASKS), 1, 0), "learners must be at least 1"),
    ("VectorSampler", lambda: sampler().step(torch.zeros(4).long()), r"shape \[2, 2, '...'\], got \[4\]"),
    (
        "VectorSampler",
        lambda: sampler()(POLICY, LEARNERS_OWN, [RNG]),
        "one generator, or one for each of 2 learners, got 1",
    ),
    ("a2c_loss", lambda: agents.a2c_loss(AGENT, PARAMETERS, BATCH, PPOConfig()), "config must be an A2CConfig"),
    ("a2c_loss", lambda: agents.a2c_loss(AGENT, PARAMETERS, PLAYED, A2CConfig()), "batch must be a Batch, got Traj"),
    ("advantages", lambda: agents.advantages(PLAYED, FEATURES, 2.0), r"discount must be in \[0, 1\], got 2.0"),
    ("advantages", lambda: agents.advantages(PLAYED, FEATURES, baseline="mean"), "baseline must be a function of"),
    ("advantages", lambda: agents.advantages(PLAYED, FEATURES[:, :2]), r"features must have shape \[2, 3, 5, features"),
    ("approximate_kl", lambda: agents.approximate_kl(SERIES, FLAGS[:, :4]), r"one shape, got \[2, 5\] and \[2, 4\]"),
    ("clipped_surrogate_loss", lambda: agents.clipped_surrogate_loss(SERIES, SERIES, SERIES, 0), "clip must be above"),
    (
        "clipped_surrogate_loss",
        lambda: agents.clipped_surrogate_loss(SERIES, SERIES[0], SERIES, 0.2),
        r"log_probability and old_log_probability must have one shape, got \[2, 5\] and \[5\]",
    ),
    ("conjugate_gradient", lambda: agents.conjugate_gradient(dict, LEARNERS_OWN, 0), "iterations must be at least 1"),
    ("conjugate_gradient", lambda: agents.conjugate_gradient(dict, {}, 5), "target must be a .* tensor, got none"),
    (
        "conjugate_gradient",
        lambda: agents.conjugate_gradient(SERIES, OWN, 5),
        "product must be a function of vectors, got Tensor",
    ),
    (
        "collect",
        lambda: agents.collect(FAMILY, ReplayBuffer(5, 2), 1, NETWORK, ONLINE, 0.1, RNG),
        "sampler must have .*, got CartPole without batch",
    ),
    (
        "collect",
        lambda: agents.collect(sampler(), ReplayBuffer(5, 2), 1, NETWORK, ONLINE, 1.1, RNG),
        r"epsilon must be in \[0, 1\], got 1.1",
    ),
    ("collect", lambda: agents.collect(sampler(), [], 1, NETWORK, ONLINE, 0.1, RNG), "buffer must be a ReplayBuffer"),
    (
        "dqn_loss",
        lambda: agents.dqn_loss(NETWORK, ONLINE, STEPS, torch.zeros(2, 1)),
        r"target and rewards must have one shape, got \[2, 1\] and \[2, 3\]",
    ),
    ("dqn_target", lambda: agents.dqn_target(NETWORK, ONLINE, ONLINE, STEPS, -1), r"discount must be in \[0, 1\]"),
    ("epsilon_at", lambda: agents.epsilon_at(5, PPOConfig()), "config must be a DQNConfig, got PPOConfig"),
    ("epsilon_greedy", lambda: agents.epsilon_greedy(NETWORK, ONLINE, STEPS[0], 2, RNG), r"epsilon must be in \[0, 1"),
    ("epsilon_greedy", lambda: agents.epsilon_greedy(NETWORK, ONLINE, STEPS[0], 0, [RNG]), "each of 2 learners, got 1"),
    ("evaluate", evaluated(episodes=0), "episodes must be at least 1, got 0"),
    ("evaluate", evaluated(env="Pendulum"), "env must be an Env, got str"),
    ("evaluate", evaluated(policy=UniformPolicy(ACTIONS)), "policy must have greedy_action, .* got UniformPolicy"),
    ("evaluate", evaluated(LEARNERS_OWN), r"one learner, .* \(see select_parameters\), got \[2, 4, 4\]"),
    ("evaluate", evaluated(AGENT.initial_parameters()), "parameters must be of one learner, .*, got none among"),
    ("explained_variance", lambda: agents.explained_variance(PLAYED), "batch must be a Batch, got Trajectories"),
    ("exploration_at", lambda: agents.exploration_at((1.0, 0.1), 1, 10), r"exploration must be \(first, last, share"),
    ("exploration_at", lambda: agents.exploration_at((2, 0.1, 1), 1, 10), r"exploration's first must be in \[0, 1\]"),
    (
        "fisher_product",
        lambda: agents.fisher_product(POLICY, LEARNERS_OWN, BATCH.observations, BATCH.mask[:, :4]),
        r"values and mask must have one shape, got \[2, 6\] and \[2, 4\]",
    ),
    ("fisher_product", lambda: agents.fisher_product(POLICY, {}, BATCH.observations, BATCH.mask), "got none"),
    ("gae", gae(discount=1.1), r"discount must be in \[0, 1\], got 1.1"),
    ("gae", gae(gae_lambda="all"), r"gae_lambda must be in \[0, 1\], got 'all'"),
    ("gae", gae(values=torch.zeros(2, 6)), r"one shape, got \[2, 5\] and \[2, 6\]"),
    ("gae", gae(final_values=torch.zeros(1)), r"final_values must have shape \[2\], got \[1\]"),
    ("line_search", searched(max_kl=0), "max_kl must be above 0, got 0"),
    ("line_search", searched(backtracks=0), "backtracks must be at least 1, got 0"),
    ("line_search", searched(batch=PLAYED), "batch must be a Batch, got Trajectories"),
    ("linear_baseline", lambda: agents.linear_baseline(CUBE, CUBE, MASK), r"features must have shape .*\[2, 3, 5\]"),
    ("linear_baseline", lambda: agents.linear_baseline(FEATURES, SERIES, FLAGS), r"targets must have shape \[task, ep"),
    ("linear_baseline", lambda: agents.linear_baseline(FEATURES, CUBE * torch.nan, MASK), "must be finite numbers"),
    ("masked_mean", lambda: agents.masked_mean(CUBE, MASK[:, 0]), "values and mask must have one shape"),
    ("masked_mean", lambda: agents.masked_mean(CUBE, None), r"must have one shape, got \[2, 3, 5\] and NoneType"),
    ("mean_baseline", lambda: agents.mean_baseline(FEATURES, CUBE, MASK[:1]), "targets and mask must have one shape"),
    (
        "mean_kl",
        lambda: agents.mean_kl(
            POLICY, OWN, SERIES[:, :4], FLAGS[:, :4], reference=POLICY.distribution(OWN, SERIES[:, :4])
        ),
        r"values and mask must have one shape, got \[2\] and \[2, 4\]",
    ),
    ("mean_returns", lambda: agents.mean_returns(FAMILY, TASKS, POLICY, OWN, 0, RNG), "episodes must be at least 1"),
    ("mean_returns", lambda: agents.mean_returns(FAMILY, {}, POLICY, OWN, 1, RNG), "tasks must have the entries"),
    (
        "natural_gradient",
        lambda: agents.natural_gradient(POLICY, LEARNERS_OWN, BATCH, 5, -0.1),
        "damping must be at least 0, got -0.1",
    ),
    ("natural_gradient", lambda: agents.natural_gradient(POLICY, LEARNERS_OWN, BATCH, 0, 0.1), "iterations must be"),
    ("next_values", lambda: agents.next_values(SERIES, SERIES), r"final_values must have shape \[2\], got \[2, 5\]"),
    ("no_baseline", lambda: agents.no_baseline(FEATURES, CUBE, MASK[0]), "targets and mask must have one shape"),
    ("normalise", lambda: agents.normalise(CUBE, MASK[..., :1]), "values and mask must have one shape"),
    ("normalise", lambda: agents.normalise(SERIES, FLAGS), r"values must have shape \[task, episode, time\]"),
    ("policy_advantages", lambda: agents.policy_advantages(NETWORK, PLAYED, 2), r"discount must be in \[0, 1\], got 2"),
    ("policy_advantages", lambda: agents.policy_advantages(torch.relu, PLAYED, 1), "must have observation_space"),
    ("polyak_update", lambda: agents.polyak_update(OWN, OWN, 1.5), r"rate must be in \[0, 1\], got 1.5"),
    ("polyak_update", lambda: agents.polyak_update(OWN, ONLINE, 0.5), r"online must have the entries \['logits"),
    ("ppo_loss", lambda: agents.ppo_loss(AGENT, OWN, BATCH, PPOConfig()), "parameters must have the entries"),
    ("ppo_loss", lambda: agents.ppo_loss(AGENT, PARAMETERS, BATCH, A2CConfig()), "config must be a PPOConfig"),
    ("q_learning", q_learning(discount=1.5), r"discount must be in \[0, 1\], got 1.5"),
    ("q_learning", q_learning(exponent=0.5), r"exponent must be in \(1/2, 1\], got 0.5"),
    ("q_learning", q_learning(exponent="slow"), r"exponent must be in \(1/2, 1\], got 'slow'"),
    ("q_learning", q_learning(rewards=ROWS), r"rewards must have shape \[task, S, A\], got \[2\]"),
    ("q_learning", q_learning(transitions=TABLE), r"transitions must have shape \[2, 3, 2, 3\], got"),
    ("q_update", q_update(q=TABLE[0]), r"q must have shape \[task, S, A\], got \[3, 2\]"),
    ("q_update", q_update(reward=torch.zeros(3)), r"reward must have shape \[2\], got \[3\]"),
    ("q_update", q_update(discount=-0.1), r"discount must be in \[0, 1\], got -0.1"),
    (
        "reinforce_loss",
        lambda: agents.reinforce_loss(POLICY, OWN, PLAYED, torch.zeros(5)),
        r"advantage and mask must have one shape, got \[5\] and \[2, 3, 5\]",
    ),
    ("reward_to_go", lambda: agents.reward_to_go(SERIES, 1.01), r"discount must be in \[0, 1\], got 1.01"),
    ("surrogate", lambda: agents.surrogate(POLICY, LEARNERS_OWN, PLAYED), "batch must be a Batch, got Trajectories"),
    (
        "update_target",
        lambda: agents.update_target(ONLINE, ONLINE, 0, DQNConfig()),
        "updates must be at least 1, got 0",
    ),
    ("update_target", lambda: agents.update_target(ONLINE, OWN, 1, DQNConfig()), "online must have the entries"),
    ("train_a2c", trained(agents.train_a2c, AGENT, PARAMETERS, FAMILY, A2CConfig()), "sampler must have learners"),
    (
        "train_a2c",
        trained(agents.train_a2c, AGENT, AGENT.initial_parameters(), sampler(), A2CConfig()),
        "parameters must have a leading axis of 2 learners",
    ),
    (
        "train_dqn",
        trained(agents.train_dqn, NETWORK, ONLINE, FAMILY, DQNConfig()),
        "sampler must have .* without batch",
    ),
    (
        "train_dqn",
        trained(agents.train_dqn, NETWORK, NETWORK.initial_parameters(), sampler(), DQNConfig()),
        "parameters must have a leading axis of 2 learners",
    ),
    (
        "train_dqn",
        trained(agents.train_dqn, NETWORK, ONLINE, sampler(), DQNConfig(), report_every=0),
        "report_every must be at least 1, got 0",
    ),
    ("train_dqn", trained(agents.train_dqn, NETWORK, ONLINE, sampler(), PPOConfig()), "config must be a DQNConfig"),
    ("train_ppo", trained(agents.train_ppo, AGENT, PARAMETERS, "CartPole", PPOConfig()), "sampler must have learners"),
    ("train_ppo", trained(agents.train_ppo, AGENT, PARAMETERS, sampler(), TRPOConfig()), "config must be a PPOConfig"),
    ("train_ppo", trained(agents.train_ppo, AGENT, {}, sampler(), PPOConfig()), "parameters must be a dictionary of"),
    ("train_reinforce", reinforced(family="points"), "family must be a TaskFamily, got str"),
    ("train_reinforce", reinforced(policy=UniformPolicy(ACTIONS)), "policy must have named_parameters"),
    ("train_reinforce", reinforced(parameters={}), r"parameters must have the entries .*, got \[\]"),
    ("train_reinforce", reinforced(settings=PPOConfig()), "config must be a ReinforceConfig, got PPOConfig"),
    ("train_reinforce", reinforced(baseline="linear"), "baseline must be a function of .*, got 'linear'"),
    ("train_reinforce", reinforced(tasks={}), "tasks must have the entries"),
    ("train_policy", trained(agents.train_policy, POLICY, sampler(), 1), "rule must have agent, parameters, update"),
    (
        "train_policy",
        lambda: agents.train_policy(PPO(AGENT, PARAMETERS, PPOConfig()), sampler(), -1, RNG, **QUIET),
        "iterations must be at least 0, got -1",
    ),
    ("train_trpo", trained(agents.train_trpo, AGENT, PARAMETERS, None, TRPOConfig()), "sampler must have learners"),
    ("train_trpo", trained(agents.train_trpo, POLICY, PARAMETERS, sampler(), TRPOConfig()), "agent must be an"),
    ("trust_region_step", lambda: agents.trust_region_step(LEARNERS_OWN, torch.ones(2), 0), "max_kl must be above 0"),
    (
        "trust_region_step",
        lambda: agents.trust_region_step(LEARNERS_OWN, torch.ones(3), 0.01),
        r"curvature must have shape \[2\], got \[3\]",
    ),
]
EXEMPT = {
    "CARTPOLE_DQN": "a constant",
    "CARTPOLE_PPO": "a constant",
    "DifferentiablePolicy": "a protocol",
    "PENDULUM_PPO": "a constant",
    "PENDULUM_TRPO": "a constant",
    "Sampler": "a protocol",
    "Transitions": "a record of tensors, checked by `ReplayBuffer`",
    "UpdateRule": "a protocol",
}
