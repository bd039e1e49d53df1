"""Any device and any precision, tested without a GPU.

With torch's default device "meta" and everything given on the CPU, a factory call that forgets its device makes a
tensor without data, and the case fails: on a GPU it would have failed for mixing devices. Each case is run a second
time with torch's default dtype float64: what it returns must be double throughout.

A case is a function without arguments that returns what it computed: tensors, arrays, or tuples, lists, dictionaries
and dataclasses of them. Add cases of another subpackage to its table below.
"""

import dataclasses
import functools
import importlib.util
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from torch import Tensor

from metarl_core.agents import (
    A2CConfig,
    ActorCritic,
    CategoricalPolicy,
    DQNConfig,
    GaussianPolicy,
    PPOConfig,
    QNetwork,
    ReinforceConfig,
    TRPOConfig,
    VectorSampler,
    train_a2c,
    train_dqn,
    train_ppo,
    train_reinforce,
    train_trpo,
)
from metarl_core.exact import chain_logits, fit_prior, goal_belief, psrl
from metarl_core.meta import (
    MAML,
    Joint,
    MetaSGD,
    OuterAdam,
    OuterPPO,
    OuterReptile,
    OuterTRPO,
    PolicyMAML,
    Reptile,
    memory,
    models,
    policies,
    supervised,
    values,
)
from metarl_core.networks import GRU, MLP, mlp
from metarl_core.parameters import initial_parameters, repeat_parameters, stack_parameters
from metarl_core.planning import CEM, MPPI, RandomShooting, TrueDynamics, play
from metarl_core.registration import FAMILIES as REGISTERED
from metarl_core.scale import Ranks, train_policies, train_values
from metarl_core.tasks import (
    BernoulliBandits,
    CartPole,
    ChangingTasks,
    ContinuousCartPole,
    DampedPendulum,
    GridGoals,
    GridNavi,
    GymnasiumTasks,
    ImageClasses,
    InformedTasks,
    Locomotion,
    Pendulum,
    PointNavigation,
    RotatedKeys,
    Sinusoids,
    TabularMDPs,
    TaskEnv,
    TurnedControls,
    TwoLinkArm,
    made_up_languages,
    ngrams,
    rollout,
)
from metarl_core.tasks.controllers import CartPoleController, PendulumController, cartpole_gains
from metarl_core.tasks.glyph_rendering import RASTER, jitter
from metarl_core.training import adam, sgd

FAMILIES: dict[str, Callable[[], Any]] = {
    "bandits": BernoulliBandits,
    "tabular": TabularMDPs,
    "grid": GridGoals,
    "grid, dense": functools.partial(GridGoals, reward="dense"),
    "grid, step": functools.partial(GridGoals, reward="step"),
    "navi": GridNavi,
    "navigation": PointNavigation,
    "navigation, sparse": functools.partial(PointNavigation, reward="sparse"),
    "turned": TurnedControls,
    "keys": RotatedKeys,
    "keys, step": functools.partial(RotatedKeys, reward="step"),
    "cartpole": functools.partial(CartPole, hidden_sign=True),
    "pendulum": Pendulum,
    "pendulum, damped": functools.partial(DampedPendulum, hidden_sign=True),
    "cartpole, continuous": ContinuousCartPole,
    "arm": TwoLinkArm,
    "changing": lambda: ChangingTasks(ContinuousCartPole(), ["force", "length"], 1, 4),
    "informed": lambda: InformedTasks(GridGoals()),
    "Gymnasium, discrete": lambda: GymnasiumTasks([functools.partial(gymnasium.make, "FrozenLake-v1")]),
    "Gymnasium, continuous": lambda: GymnasiumTasks([functools.partial(gymnasium.make, "Pendulum-v1")]),
}
if importlib.util.find_spec("mujoco"):
    FAMILIES["locomotion"] = Locomotion


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(seed)


class RandomActions:
    """Any action with probability one."""

    def __init__(self, space: gymnasium.Space):
        self.space = space

    def noise(self, shape, generator):
        if isinstance(self.space, gymnasium.spaces.Discrete):
            return torch.randint(int(self.space.n), shape, generator=generator, device=generator.device)
        return torch.rand((*shape, *self.space.shape), generator=generator, device=generator.device)

    def act(self, parameters, observation, noise):
        # Log-probabilities of the dtype that the policy computes in, torch's default.
        return noise, torch.zeros(observation.shape[:2], device=observation.device)


def drawn(make, split):
    family = make()
    return family.sample_tasks(3, seeded(), split), family.features(family.sample_tasks(3, seeded(), split))


def rolled_out(make):
    family = make()
    return rollout(family, family.sample_tasks(3, seeded()), RandomActions(family.action_space), {}, 4, seeded(), 6)


def single(make):
    """Rewards and state; a NumPy observation has the dtype of its space, float32 for everyone."""
    env = TaskEnv(make())
    env.action_space.seed(0)
    env.reset(seed=0)
    rewards = [env.step(env.action_space.sample())[1] for _ in range(5)]
    return np.array(rewards), env._state


def vector(make):
    """As `single`, past the first autoreset."""
    family = make()
    family.horizon = 4
    env = family.vector_env(family.sample_tasks(2, seeded()), 4)
    env.action_space.seed(0)
    env.reset(seed=0)
    rewards = [env.step(env.action_space.sample())[1] for _ in range(7)]
    state = getattr(env, "_state", None)
    env.close()
    return torch.from_numpy(np.stack(rewards)), state


def made(id):
    """`gymnasium.make_vec` and `make`, whose family makes its ordinary task itself."""
    vector = gymnasium.make_vec(id, num_envs=2, vectorization_mode="vector_entry_point", max_episode_steps=2)
    env = gymnasium.make(id)
    for some in (vector, env):
        some.action_space.seed(0)
        some.reset(seed=0)
        for _ in range(4):
            some.step(some.action_space.sample())
    return vector.unwrapped.tasks, env.unwrapped.task, env.unwrapped._state


def controlled():
    cartpole, pendulum = CartPole(), Pendulum()
    tasks, physics = cartpole.sample_tasks(2, seeded()), pendulum.sample_tasks(2, seeded())
    gains = {"gains": cartpole_gains(tasks)}
    return (
        rollout(cartpole, tasks, CartPoleController(), gains, 2, seeded(), 5),
        rollout(pendulum, physics, PendulumController(), physics, 2, seeded(), 5),
    )


def optimal(make):
    family = make()
    tasks = family.sample_tasks(2, seeded())
    observation = family.observation(family.initial(seeded(), {k: v[:, None] for k, v in tasks.items()}), None, {})
    choose = getattr(family, "steering_action", None) or family.optimal_action
    return choose(observation, {name: value[:, None] for name, value in tasks.items()})


def images(rotations):
    pictures = torch.rand((6, 3, 4, 4), generator=seeded(), device="cpu")
    classes = ImageClasses(pictures, list("aabbcc"), {"train": ["a", "b"], "test": ["c"]})
    return classes.sample_few_shot(2, 2, 1, 1, seeded(), rotations=rotations)


Case = tuple[str, Callable[[], Any]]
TASKS: list[Case] = [
    *((f"draw {name}", functools.partial(drawn, make, "train")) for name, make in FAMILIES.items()),
    *(
        (f"draw {name}, ood", functools.partial(drawn, make, "ood"))
        for name, make in FAMILIES.items()
        if not name.startswith("Gymnasium")
    ),
    *((f"rollout {name}", functools.partial(rolled_out, make)) for name, make in FAMILIES.items()),
    *((f"TaskEnv {name}", functools.partial(single, make)) for name, make in FAMILIES.items()),
    *((f"vector_env {name}", functools.partial(vector, make)) for name, make in FAMILIES.items()),
    *(
        (f"oracle {name}", functools.partial(optimal, FAMILIES[name]))
        for name in ("bandits", "grid", "navi", "navigation", "turned")
    ),
    ("oracle keys", functools.partial(optimal, RotatedKeys)),
    *((f"make {id}", functools.partial(made, id)) for id in REGISTERED),
    ("grid tables", lambda: GridGoals(reward="dense").tables(GridGoals().sample_tasks(2, seeded()))),
    ("controllers", controlled),
    ("sinusoids", lambda: Sinusoids().sample_few_shot(2, 3, 4, seeded(), "test")),
    ("image classes", lambda: images(False)),
    ("image classes, turned", lambda: images(True)),
    ("jitter", lambda: jitter(torch.full((2, RASTER, RASTER), 255, dtype=torch.uint8, device="cpu"), seeded())),
]


def q_network(family):
    """A small Q-network on the CPU, and two runs of parameters of torch's default dtype."""
    with torch.device("cpu"):
        network = QNetwork(family.observation_space, family.action_space, (4,), seeded())
        start = {name: value.expand(2, *value.shape) for name, value in network.initial_parameters().items()}
    return network, start


def meta_trained(make, learner):
    """Meta-trained Q-networks, and what they earn in new tasks."""
    family = make()
    network, start = q_network(family)
    if learner == "QMAML":
        method = values.QMAML(family, network, inner_lr=0.01, learned_rates=True)
        config = values.TrainConfig(iterations=2, meta_batch=2, support=5, collect=4, updates=2, batch_size=3)
    else:
        method = values.QReptile(family, network, DQNConfig(steps=12, learning_starts=4, batch_size=3))
        config = values.TrainConfig(iterations=2, meta_batch=2)
    meta, _ = values.train(method, method.initial(start), config, seeded(), description=None)
    tasks = family.sample_tasks(4, seeded(1))
    new = values.NewTaskConfig(steps=12, learning_starts=6, burst=1, batch_size=3, checkpoints=(0, 6, 12), episodes=2)
    returns, episodes = values.adaptation_curve(method, meta, tasks, new, seeded(2), description=None)
    return meta, returns, episodes.to(returns.dtype)


def fine_tuned(make):
    family = make()
    network, start = q_network(family)
    batch = values.random_transitions(family, family.sample_tasks(2, seeded()), 9)
    new = values.NewTaskConfig(burst=2, batch_size=3)
    return batch, values.fine_tune(values.PlainDQN(family, network), start, batch, new, seeded())


META_VALUES: list[Case] = [
    *(
        (f"{learner} {name}", functools.partial(meta_trained, FAMILIES[name], learner))
        for learner in ("QMAML", "QReptile")
        for name in ("keys", "grid, dense", "Gymnasium, discrete")
    ),
    ("fine-tuning", functools.partial(fine_tuned, RotatedKeys)),
]


def squared(parameters, inputs, targets):
    return (mlp(parameters, inputs) - targets).square().mean((1, 2))


def meta_learned(method, optimiser):
    """Meta-parameters of a supervised method, and its errors on held-out tasks."""
    network = initial_parameters(MLP((1, 4, 1), generator=seeded()))
    config = supervised.TrainConfig(iterations=2, meta_batch=2, optimiser=optimiser, anneal=True)

    def sample(tasks, generator):
        return Sinusoids().sample_few_shot(tasks, 3, 4, generator)

    meta, _ = supervised.train(method, method.initial(network, seeded()), sample, config, seeded(), description=None)
    return meta, supervised.adaptation_curve(method, meta, sample(3, seeded(1)), (0, 1, 2))


META_SUPERVISED: list[Case] = [
    ("MAML", functools.partial(meta_learned, MAML(squared, inner_steps=2), adam)),
    ("FOMAML", functools.partial(meta_learned, MAML(squared, first_order=True), sgd)),
    ("Meta-SGD", functools.partial(meta_learned, MetaSGD(squared), adam)),
    ("Reptile", functools.partial(meta_learned, Reptile(squared, minibatch=2), sgd)),
    ("Reptile, Adam", functools.partial(meta_learned, Reptile(squared, adam=True), sgd)),
    ("joint", functools.partial(meta_learned, Joint(squared), adam)),
]


def meta_policy(family, rule, **options):
    """Meta-parameters of a policy, and its returns on held-out tasks."""
    kind = GaussianPolicy if isinstance(family.action_space, gymnasium.spaces.Box) else CategoricalPolicy
    policy = kind(family.observation_space, family.action_space, (4,), generator=seeded())
    method = PolicyMAML(family, policy, 0.1, episodes=3, **options)
    config = policies.TrainConfig(iterations=2, meta_batch=2)
    start = method.initial(initial_parameters(policy))
    meta, _ = policies.train(method, start, config, seeded(), rule=rule, description=None)
    return meta, policies.adaptation_curve(method, meta, family.sample_tasks(2, seeded(1)), seeded(2), steps=2).returns


def walk():
    return PointNavigation(horizon=6)


def meta_policy_on_gymnasium(rule):
    """Every outer rule trains on ordinary environments, whose own time limit ends their episodes."""
    makers = [functools.partial(gymnasium.make, "Pendulum-v1", g=g, max_episode_steps=6) for g in (8.0, 9.0, 10.0)]
    with GymnasiumTasks(makers[:2], makers[2:]) as family:
        return meta_policy(family, rule, inner_steps=2)


def by_ranks(kind):
    """A policy or a value function, meta-trained in blocks as several processes do."""
    if kind == "values":
        family = CartPole(horizon=8)
        network = QNetwork(family.observation_space, family.action_space, (4,), seeded())
        q_maml, q_config = (
            values.QMAML(family, network),
            values.TrainConfig(iterations=2, meta_batch=2, support=4, collect=4),
        )
        start = {name: value[None] for name, value in network.initial_parameters().items()}
        return train_values(q_maml, start, q_config, seeded(), Ranks(), description=None)[0]
    policy = GaussianPolicy(walk().observation_space, walk().action_space, (4,), generator=seeded())
    method, config = PolicyMAML(walk(), policy, 0.1, episodes=3), policies.TrainConfig(iterations=2, meta_batch=3)
    start = method.initial(initial_parameters(policy))
    return train_policies(method, start, config, seeded(), Ranks(), rule=kind, block=2, description=None)[0]


META_POLICIES: list[Case] = [
    ("policy, ranks", lambda: by_ranks(OuterAdam())),
    ("policy, TRPO, ranks", lambda: by_ranks(OuterTRPO())),
    ("values, ranks", lambda: by_ranks("values")),
    ("policy, Adam", lambda: meta_policy(walk(), OuterAdam())),
    ("policy, Adam, DiCE", lambda: meta_policy(walk(), OuterAdam(), estimator="dice")),
    ("policy, sampling term", lambda: meta_policy(walk(), OuterAdam(), estimator="naive", sampling_term=True)),
    ("policy, ProMP", lambda: meta_policy(walk(), OuterPPO(epochs=2, minibatch=1, kl_coefficient=0.1))),
    ("policy, TRPO", lambda: meta_policy(walk(), OuterTRPO())),
    ("policy, Reptile", lambda: meta_policy(walk(), OuterReptile(), inner_steps=2)),
    ("policy, Meta-SGD", lambda: meta_policy(walk(), OuterAdam(), learned_rates=True)),
    ("policy, categorical", lambda: meta_policy(CartPole(horizon=8), OuterPPO(epochs=1))),
    *(
        (f"policy, Gymnasium, {type(rule).__name__}", functools.partial(meta_policy_on_gymnasium, rule))
        for rule in (OuterAdam(), OuterPPO(epochs=1), OuterTRPO(), OuterReptile())
    ),
]


def trained_agent(train, config, family):
    """Parameters of two agents that learned side by side."""
    kind = GaussianPolicy if isinstance(family.action_space, gymnasium.spaces.Box) else CategoricalPolicy
    if train is train_dqn:
        agent = QNetwork(family.observation_space, family.action_space, (4,), seeded())
    else:
        policy = kind(family.observation_space, family.action_space, (4,), generator=seeded())
        agent = ActorCritic(policy, (4,), generator=seeded(1))
    sampler = VectorSampler(family.vector_env(num_envs=4), 1 if train is train_dqn else 5, learners=2)
    start = repeat_parameters(agent.initial_parameters(), 2)
    return train(agent, start, sampler, config, seeded(2), description=None)[0]


def reinforced():
    family = walk()
    policy = GaussianPolicy(family.observation_space, family.action_space, (4,), generator=seeded())
    config = ReinforceConfig(iterations=2, episodes=3, meta_batch=2)
    return train_reinforce(family, policy, initial_parameters(policy), config, seeded(), description=None)[0]


AGENTS: list[Case] = [
    ("PPO", lambda: trained_agent(train_ppo, PPOConfig(iterations=2, epochs=2, minibatches=2), Pendulum())),
    ("PPO, categorical", lambda: trained_agent(train_ppo, PPOConfig(iterations=2, epochs=1), CartPole())),
    ("A2C", lambda: trained_agent(train_a2c, A2CConfig(iterations=2), CartPole())),
    ("TRPO", lambda: trained_agent(train_trpo, TRPOConfig(iterations=2, value_epochs=1), Pendulum())),
    ("DQN", lambda: trained_agent(train_dqn, DQNConfig(steps=12, learning_starts=4, batch_size=3), CartPole())),
    ("DQN, grid", lambda: trained_agent(train_dqn, DQNConfig(steps=12, learning_starts=4, batch_size=3), GridGoals())),
    ("REINFORCE", reinforced),
]


def rewards_of(steps):
    return torch.rand(steps, generator=seeded(), device="cpu")


def chained():
    languages, prior = made_up_languages(3, 2, 6, 4.0, seeded(), letters=3, longest=4, ood=2)
    data = languages.sample_few_shot(2, 2, 1, 2, seeded())
    return ngrams(data.query_inputs, 7), chain_logits(data, fit_prior(prior[None]), 2).to(torch.get_default_dtype())


EXACT: list[Case] = [
    ("belief over goals", lambda: goal_belief(GridNavi(), torch.tensor([3, 4], device="cpu"), rewards_of(2))),
    ("letter chains", chained),
    ("posterior sampling", lambda: psrl(TabularMDPs(), TabularMDPs().sample_tasks(2, seeded()), 2, seeded())),
]


def remembering(family, kind=GRU, **settings):
    """Meta-parameters of a memory, and what it earns on held-out tasks."""
    make = functools.partial(kind, hidden=4)
    agent = memory.MemoryAgent(family.observation_space, family.action_space, make, generator=seeded())
    method = memory.RL2(family, agent, trials=2, episodes=2)
    config = memory.TrainConfig(iterations=2, meta_batch=2, epochs=2, minibatches=2, **settings)
    meta, _ = memory.train(method, method.initial(initial_parameters(agent)), config, seeded(), description=None)
    return meta, memory.adaptation_curve(method, meta, family.sample_tasks(2, seeded(1)), seeded(2))


def remembering_simulators():
    makers = [functools.partial(gymnasium.make, "Pendulum-v1", g=g) for g in (8.0, 9.0)]
    with GymnasiumTasks(makers, makers, horizon=4) as family:
        return remembering(family)


def taught(uniform):
    family, make = BernoulliBandits(3, 4), functools.partial(GRU, hidden=4)
    agent = memory.MemoryAgent(family.observation_space, family.action_space, make, generator=seeded())
    method = memory.InContext(family, agent, trials=2, uniform=uniform)
    config = memory.InContextConfig(iterations=2, meta_batch=2)
    return memory.train_in_context(method, initial_parameters(agent), config, seeded(), description=None)[0]


def believing(encoder):
    """Meta-parameters of a policy with a belief, and what it earns on held-out tasks."""
    family = GridNavi(3, horizon=3)
    make = functools.partial(memory.BeliefMemory, actions=5, encoder=encoder, decoder=(4,))
    agent = memory.MemoryAgent(family.observation_space, family.action_space, make, (4,), seeded())
    method = memory.RL2(family, agent, trials=2, episodes=2)
    config = memory.TrainConfig(iterations=2, meta_batch=2, epochs=1, minibatches=1)
    belief = memory.BeliefConfig(updates=2, minibatch=2, contexts=3)
    start = method.initial(initial_parameters(agent))
    meta, _ = memory.train_belief(method, start, config, belief, seeded(), description=None)
    return meta, memory.adaptation_curve(method, meta, family.sample_tasks(2, seeded(1)), seeded(2))


def guessing():
    """Meta-parameters of posterior sampling, and what it earns on held-out tasks."""
    family = GridNavi(3, horizon=3)
    encoder = functools.partial(memory.ProductEncoder, latent=2, hidden=(4,))
    agent = memory.ContextAgent(family.observation_space, family.action_space, encoder, (4,), generator=seeded())
    method = memory.PEARL(family, agent, trials=2, episodes=2)
    config = memory.PEARLConfig(iterations=2, meta_batch=2, updates=2, minibatch=3, context=3, samples=4)
    start = method.initial(initial_parameters(agent))
    meta, _ = memory.train_pearl(method, start, config, seeded(), description=None)
    return meta, memory.adaptation_curve(method, meta, family.sample_tasks(2, seeded(1)), seeded(2))


def told():
    """Meta-parameters of a policy that is given the task, and what it earns."""
    family = InformedTasks(GridNavi(3, horizon=3))
    make = functools.partial(memory.NoMemory, actions=5)
    agent = memory.MemoryAgent(family.observation_space, family.action_space, make, (4,), seeded())
    method = memory.RL2(family, agent, trials=2, episodes=2)
    config = memory.TrainConfig(iterations=2, meta_batch=2, epochs=1, minibatches=1)
    meta, _ = memory.train(method, method.initial(initial_parameters(agent)), config, seeded(), description=None)
    return meta, memory.adaptation_curve(method, meta, family.sample_tasks(2, seeded(1)), seeded(2))


def planned(make, planner):
    family = make()
    return play(family, family.sample_tasks(2, seeded()), TrueDynamics(family), planner, 2, seeded(1), horizon=3)


PLANNING: list[Case] = [
    ("shooting", functools.partial(planned, TwoLinkArm, RandomShooting(horizon=2, candidates=4))),
    ("CEM", functools.partial(planned, FAMILIES["changing"], CEM(horizon=2, candidates=4, elites=2, iterations=2))),
    ("MPPI", functools.partial(planned, DampedPendulum, MPPI(horizon=2, candidates=4, iterations=2))),
]


def modelled(kind, **options):
    """Meta-parameters of a model, and what planning with it earns on held-out tasks."""
    family = FAMILIES["changing"]()
    tasks = family.sample_tasks(3, seeded())
    seen = models.transitions_of(rollout(family, tasks, RandomActions(family.action_space), {}, 2, seeded(1), 12))
    context = 4 if kind is models.ReBAL else 0
    make = functools.partial(models.DynamicsNetwork, 5, 1, (4,), context=context, generator=seeded())
    network = make(normalisation=models.fit_normalisation(seen), probabilistic=kind is models.Ensemble)
    method = kind(network, GRU(11, 4, seeded()), past=3, future=2) if context else kind(network, past=3, future=2)
    start = method.parameters() if context else initial_parameters(network)
    start = stack_parameters([start] * 2) if kind is models.Ensemble else start
    config = models.TrainConfig(iterations=2, meta_batch=4, report_every=1, validation_windows=4, shortest=0, **options)
    data = models.Data(seen, tasks["change_at"])
    meta, _ = models.train(method, method.initial(start), data, config, seeded(2), validation=data, description=None)
    errors = models.prediction_errors(method, meta, models.Transitions(*(part[:, 0] for part in seen)))
    planner = RandomShooting(horizon=2, candidates=3)
    return meta, errors, models.adaptation_curve(method, meta, family, tasks, planner, seeded(3), horizon=5)


META_MODELS: list[Case] = [
    (kind.__name__, functools.partial(modelled, kind))
    for kind in (models.Ensemble, models.FixedModel, models.GrBAL, models.LastLayerRLS, models.OnlineSGD, models.ReBAL)
]


META_MEMORY: list[Case] = [
    ("belief, recurrent", lambda: believing(functools.partial(memory.RecurrentEncoder, latent=2, hidden=4))),
    ("belief, product", lambda: believing(functools.partial(memory.ProductEncoder, latent=2, hidden=(4,)))),
    ("told the task", told),
    ("PEARL", guessing),
    ("in context, its own actions", lambda: taught(False)),
    ("in context, uniform actions", lambda: taught(True)),
    ("memory, bandits", lambda: remembering(BernoulliBandits(3, 4), baseline="task", value_coef=0.0)),
    ("memory, past rewards", lambda: remembering(BernoulliBandits(3, 4), baseline="past", value_coef=0.0)),
    ("memory, attention", lambda: remembering(BernoulliBandits(3, 4), memory.CausalAttention)),
    ("memory, grid", lambda: remembering(GridGoals(size=3, horizon=5), baseline="time")),
    ("memory, navigation", lambda: remembering(walk(), anneal_entropy=True)),
    ("memory, Gymnasium", remembering_simulators),
]
CASES: list[Case] = [
    *EXACT,
    *PLANNING,
    *META_MODELS,
    *META_MEMORY,
    *TASKS,
    *META_VALUES,
    *META_SUPERVISED,
    *META_POLICIES,
    *AGENTS,
]
"""All tables joined: append that of another subpackage."""


def tensors(value: Any) -> Iterator[Tensor]:
    """Every tensor and array in a nested result."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, np.ndarray):
        yield torch.from_numpy(value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from tensors(vars(value))
    elif isinstance(value, dict):
        yield from tensors(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from tensors(part)


@pytest.fixture
def default_dtype_double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def default_device_meta():
    import torch._dynamo  # noqa: F401  imported by Adam when it is first made, and torch 2.6 cannot do so on meta

    torch.set_default_device("meta")
    yield
    torch.set_default_device(None)


def torchs_own_adam_forgets():
    """Whether plain Adam fails under this default device, without anything of ours: so did torch 2.6."""
    value = torch.zeros(2, device="cpu", requires_grad=True)
    value.grad = torch.ones(2, device="cpu")
    try:
        torch.optim.Adam([value]).step()
    except RuntimeError:
        return True
    return False


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES])
def test_no_factory_call_forgets_its_device(case, default_device_meta):
    try:
        found = list(tensors(case()))
    except RuntimeError as error:
        inside = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
        if any(Path(name).parent.name == "optim" for name in inside) and torchs_own_adam_forgets():
            pytest.skip("this torch's Adam keeps its count of steps on the default device")
        raise
    assert found
    for tensor in found:
        assert tensor.device.type == "cpu"


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES])
def test_double_throughout(case, default_dtype_double):
    for tensor in tensors(case()):
        assert not tensor.is_floating_point() or tensor.dtype == torch.float64
        assert not tensor.is_floating_point() or bool(tensor.isfinite().all())
