"""Bad input to the posterior sampling of `metarl_core.meta.memory`."""

import functools

import gymnasium
import torch

from metarl_core.meta import memory
from metarl_core.meta.memory import PEARL, ContextAgent, PEARLConfig, ProductEncoder
from metarl_core.parameters import initial_parameters
from metarl_core.tasks import BernoulliBandits, GridNavi, GymnasiumTasks, PointNavigation

RNG = torch.Generator("cpu")
FAMILY = GridNavi(3, horizon=3)
SPACES = FAMILY.observation_space, FAMILY.action_space
ENCODER = functools.partial(ProductEncoder, latent=2, hidden=(4,))
AGENT = ContextAgent(*SPACES, ENCODER, (4,), generator=RNG)
META = initial_parameters(AGENT)
METHOD = PEARL(FAMILY, AGENT, trials=2, episodes=2)
TRIALS = METHOD.play(META, FAMILY.sample_tasks(3, RNG), RNG)
SINGLE = PEARL(GridNavi(3, horizon=1), AGENT).play(META, FAMILY.sample_tasks(3, RNG), RNG)
BATCH = memory.context_batch(TRIALS, 3, 4, 5, RNG)
NOISE, TARGETS, LATENT = torch.zeros(3, 2), torch.zeros(3, 5), torch.zeros(3, 2)


def agent(spaces=SPACES, encoder=ENCODER, **options):
    return lambda: ContextAgent(*spaces, encoder, generator=RNG, **options)


def method(family=FAMILY, agent=AGENT, **options):
    return lambda: PEARL(family, agent, **options)


def simulators():
    makers = [functools.partial(gymnasium.make, "CartPole-v1")]
    with GymnasiumTasks(makers, makers, horizon=4) as family:
        PEARL(family, ContextAgent(family.observation_space, family.action_space, ENCODER, generator=RNG))


def loss(agent=AGENT, meta=META, noise=NOISE, targets=TARGETS):
    return lambda: memory.pearl_loss(agent, meta, BATCH, noise, targets)


def train(method=METHOD, meta=META, config=None, generator=RNG):
    config = PEARLConfig(iterations=1, meta_batch=2, updates=1) if config is None else config
    return lambda: memory.train_pearl(method, meta, config, generator, description=None)


CALLS = [
    ("NoMemory", lambda: memory.NoMemory(6, 4), "inputs must hold an observation besides 4 of an action and 2, got 6"),
    ("NoMemory", lambda: memory.NoMemory(7, 0), "actions must be at least 1, got 0"),
    (
        "ContextAgent",
        agent((PointNavigation().observation_space, PointNavigation().action_space)),
        "action_space must be Discrete for a Q-function of each action, got Box",
    ),
    ("ContextAgent", agent(encoder=3), "encoder must be a function of the width of its inputs and a"),
    ("ContextAgent", agent(encoder=memory.RecurrentEncoder), "encoder must have"),
    ("ContextAgent", agent(hidden=(0,)), "hidden must be a sequence of widths of at least 1"),
    ("ContextAgent", agent(temperature=0), "temperature must be above 0, got 0"),
    ("PEARL", method(family=3), "family must be a TaskFamily, got int"),
    ("PEARL", method(agent=FAMILY), "agent must be a ContextAgent, got GridNavi"),
    ("PEARL", method(family=BernoulliBandits(3, 4)), "agent must have the family's spaces"),
    ("PEARL", method(trials=0), "trials must be at least 1, got 0"),
    ("PEARL", method(episodes=0.5), "episodes must be at least 1, got 0.5"),
    ("PEARL", method(discount=2), r"discount must be in \[0, 1\], got 2"),
    ("PEARL", simulators, "family must not drive simulators"),
    ("PEARL", lambda: METHOD.initial({}), "parameters must have the entries"),
    ("PEARLConfig", lambda: PEARLConfig(updates=0), "updates must be at least 1, got 0"),
    ("PEARLConfig", lambda: PEARLConfig(outer_lr=0), "outer_lr must be above 0, got 0"),
    ("PEARLConfig", lambda: PEARLConfig(kl_coef=-1), "kl_coef must be at least 0, got -1"),
    ("PEARLConfig", lambda: PEARLConfig(tau=0), "tau must be above 0, got 0"),
    ("PEARLConfig", lambda: PEARLConfig(tau=2), r"tau must be in \[0, 1\], got 2"),
    ("context_batch", lambda: memory.context_batch(BATCH, 3, 4, 5, RNG), "trials must be a Trials, got ContextBatch"),
    ("context_batch", lambda: memory.context_batch(TRIALS, 3, 0, 5, RNG), "context must be at least 1, got 0"),
    ("context_batch", lambda: memory.context_batch(TRIALS, 3, 4, 0, RNG), "samples must be at least 1, got 0"),
    ("KeptTrials", lambda: memory.KeptTrials(0, 3), "tasks must be at least 1, got 0"),
    ("KeptTrials", lambda: memory.KeptTrials(3, 0), "horizon must be at least 1, got 0"),
    ("KeptTrials", lambda: memory.KeptTrials(3, 3).sample(2, 2, 2, RNG), "trials must be kept before .* got none"),
    (
        "context_batch",
        lambda: memory.context_batch(SINGLE, 1, 4, 5, RNG),
        "trials must have steps of every task that are followed by another and lie before the time limit",
    ),
    ("soft_target", lambda: memory.soft_target(AGENT, META, BATCH, LATENT, 2), r"discount must be in \[0, 1\], got 2"),
    (
        "soft_target",
        lambda: memory.soft_target(AGENT, META, BATCH, LATENT[0], 0.9),
        r"latent must have shape \[3, 2\], got \[2\]",
    ),
    ("pearl_loss", loss(agent=METHOD), "agent must be a ContextAgent, got PEARL"),
    ("pearl_loss", loss(noise=NOISE[0]), r"noise must have shape \[3, 2\], got \[2\]"),
    ("pearl_loss", loss(targets=TARGETS[0]), "targets and rewards must have one shape"),
    (
        "ProductEncoder",
        lambda: ENCODER(16).posterior({}, torch.zeros(2, 16), torch.zeros(3, 16)),
        "before and after must have one shape",
    ),
    ("train_pearl", train(method=AGENT), "method must be a PEARL, got ContextAgent"),
    ("train_pearl", train(config=3), "config must be a PEARLConfig, got int"),
    ("train_pearl", train(meta={}), "parameters must have the entries"),
    ("train_pearl", train(generator=1), "generator must be a torch.Generator, got 1"),
]
EXEMPT = {"ContextBatch": "a record, made by `context_batch`"}
