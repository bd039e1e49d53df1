"""Bad input to the beliefs of `metarl_core.meta.memory`."""

import functools

import torch

from metarl_core.meta import memory
from metarl_core.meta.memory import RL2, BeliefConfig, BeliefMemory, MemoryAgent, ProductEncoder, RecurrentEncoder
from metarl_core.meta.memory import TrainConfig as Config
from metarl_core.networks import GRU
from metarl_core.parameters import initial_parameters
from metarl_core.tasks import GridNavi

RNG = torch.Generator("cpu")
FAMILY = GridNavi(3, horizon=3)
SPACES = FAMILY.observation_space, FAMILY.action_space
MAKE = functools.partial(BeliefMemory, actions=5, encoder=functools.partial(RecurrentEncoder, latent=2, hidden=4))
AGENT = MemoryAgent(*SPACES, MAKE, generator=RNG)
PLAIN = MemoryAgent(*SPACES, functools.partial(GRU, hidden=4), generator=RNG)
META, PLAIN_META = initial_parameters(AGENT), initial_parameters(PLAIN)
METHOD = RL2(FAMILY, AGENT, trials=2, episodes=1)
TRIALS = METHOD.play(META, FAMILY.sample_tasks(3, RNG), RNG)
CONTEXTS, NOISE, MEAN = torch.tensor([0, 2]), torch.zeros(3, 2, 2, 2), torch.zeros(4, 2)


def bound(agent=AGENT, meta=META, contexts=CONTEXTS, noise=NOISE):
    return lambda: memory.belief_loss(agent, meta, TRIALS, contexts, noise)


def train(method=METHOD, meta=META, config=None, belief=None, generator=RNG):
    config = Config(iterations=1, meta_batch=2, epochs=1) if config is None else config
    belief = BeliefConfig() if belief is None else belief
    return lambda: memory.train_belief(method, meta, config, belief, generator, description=None)


CALLS = [
    ("RecurrentEncoder", lambda: RecurrentEncoder(3, 0), "latent must be at least 1, got 0"),
    ("RecurrentEncoder", lambda: RecurrentEncoder(0), "inputs must be at least 1, got 0"),
    ("ProductEncoder", lambda: ProductEncoder(3, 1.5), "latent must be a whole number, got 1.5"),
    ("ProductEncoder", lambda: ProductEncoder(3, hidden=(0,)), "hidden must be a sequence of widths of at least 1"),
    ("BeliefMemory", lambda: BeliefMemory(7, 4, "gru"), "encoder must be a function of the width of its inputs and a"),
    ("BeliefMemory", lambda: BeliefMemory(6, 4), "inputs must hold an observation besides 4 of an action and 2, got 6"),
    ("BeliefMemory", lambda: BeliefMemory(7, 0), "actions must be at least 1, got 0"),
    ("BeliefMemory", lambda: BeliefMemory(7, 2, decoder=(0,)), "decoder must be a sequence of widths of at least 1"),
    ("BeliefConfig", lambda: BeliefConfig(belief_lr=0), "belief_lr must be above 0, got 0"),
    ("BeliefConfig", lambda: BeliefConfig(contexts=0), "contexts must be at least 1, got 0"),
    ("BeliefConfig", lambda: BeliefConfig(kl_coef=-1), "kl_coef must be at least 0, got -1"),
    ("belief_loss", bound(agent=METHOD), "agent must be a MemoryAgent, got RL2"),
    ("belief_loss", bound(agent=PLAIN), "memory of the agent must be a BeliefMemory, got GRU"),
    ("belief_loss", bound(contexts=CONTEXTS[None]), r"contexts must have shape \[context\], got \[1, 2\]"),
    ("belief_loss", bound(noise=NOISE[0]), r"noise must have shape \[3, 2, 2, 2\], got \[2, 2, 2\]"),
    ("gaussian_kl", lambda: memory.gaussian_kl(MEAN, MEAN, MEAN, MEAN[0]), "must have one shape"),
    ("gaussian_product", lambda: memory.gaussian_product(MEAN, MEAN[:1]), "mean and log_std must have one shape"),
    ("train_belief", train(method=AGENT), "method must be an? RL2, got MemoryAgent"),
    (
        "train_belief",
        train(method=RL2(FAMILY, PLAIN), meta=PLAIN_META),
        "memory of the agent must be a BeliefMemory, got GRU",
    ),
    ("train_belief", train(config=3), "config must be a TrainConfig, got int"),
    ("train_belief", train(belief=3), "belief must be a BeliefConfig, got int"),
    ("train_belief", train(meta={}), "parameters must have the entries"),
    ("train_belief", train(generator=1), "generator must be a torch.Generator, got 1"),
]
EXEMPT = {"Encoder": "a protocol"}
