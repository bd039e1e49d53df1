"""Bad input to `metarl_core.meta.memory`."""

import dataclasses
import functools

import torch
from gymnasium import spaces

from metarl_core.meta import memory
from metarl_core.meta.memory import RL2, InContext, InContextConfig, MemoryAgent, TrainConfig
from metarl_core.networks import GRU
from metarl_core.parameters import initial_parameters
from metarl_core.tasks import BernoulliBandits, GridGoals, PointNavigation, TabularMDPs

RNG = torch.Generator("cpu")
FAMILY = BernoulliBandits(3, 4)
SPACES = FAMILY.observation_space, FAMILY.action_space
AGENT = MemoryAgent(*SPACES, functools.partial(GRU, hidden=4), generator=RNG)
META = initial_parameters(AGENT)
METHOD = RL2(FAMILY, AGENT, trials=2)
TASKS = FAMILY.sample_tasks(3, RNG)
TRIALS = METHOD.play(META, TASKS, RNG)
TAUGHT = InContext(FAMILY, AGENT, trials=2, episodes=2)
MDPS = TabularMDPs()
OF_MDPS = MemoryAgent(MDPS.observation_space, MDPS.action_space, functools.partial(GRU, hidden=4), generator=RNG)
ZEROS = torch.zeros_like(TRIALS.rewards)
ONE = METHOD.play(META, {"means": TASKS["means"][:1]}, RNG)
LOOKER = memory.CausalAttention(3, hidden=4, heads=2, layers=1, generator=RNG)
LOOKS = initial_parameters(LOOKER)


def agent(observation_space=SPACES[0], action_space=SPACES[1], **options):
    return lambda: MemoryAgent(observation_space, action_space, **options)


def method(**changed):
    return lambda: dataclasses.replace(METHOD, **changed)


def play(family=FAMILY, tasks=TASKS, player=AGENT, parameters=META, trials=2, episodes=1, generator=RNG):
    return lambda: memory.play_trials(family, tasks, player, parameters, trials, episodes, generator)


def advantages(trials=TRIALS, values=ZEROS, discount=0.9, gae_lambda=0.5, baseline="value"):
    return lambda: memory.trial_advantages(trials, values, discount, gae_lambda, baseline)


def train(method=METHOD, meta=META, config=None, generator=RNG, **named):
    config = TrainConfig(iterations=1, meta_batch=2, epochs=1) if config is None else config
    return lambda: memory.train(method, meta, config, generator, description=None, **named)


def curve(method=METHOD, meta=META, tasks=TASKS, generator=RNG, **named):
    return lambda: memory.adaptation_curve(method, meta, tasks, generator, **named)


def config(**settings):
    return lambda: TrainConfig(**settings)


def in_context(**changed):
    return lambda: dataclasses.replace(TAUGHT, **changed)


def taught(method=None, meta=META, config=None, generator=RNG):
    method = TAUGHT if method is None else method
    config = InContextConfig(iterations=1, meta_batch=2) if config is None else config
    return lambda: memory.train_in_context(method, meta, config, generator, description=None)


class Mute(torch.nn.Module):
    def __init__(self, inputs, generator):
        super().__init__()


CALLS = [
    ("MemoryAgent", agent(memory="gru"), "memory must be a function of the width of its inputs and a generator, got"),
    ("MemoryAgent", agent(memory=Mute), "memory must have hidden, .*, got Mute without hidden"),
    ("MemoryAgent", agent(hidden=(0,)), "hidden must be a sequence of widths of at least 1"),
    ("MemoryAgent", agent(action_space=spaces.MultiBinary(2)), "must lie in a Discrete or Box space"),
    ("MemoryAgent", agent(observation_space=spaces.Text(3)), "must lie in a Discrete or Box space"),
    ("MemoryAgent", lambda: AGENT.check_parameters({}), "parameters must have the entries .*, got"),
    (
        "MemoryAgent",
        lambda: AGENT.check_parameters({name: value[None] for name, value in META.items()}),
        r"memory.weight_input must have shape \[12, 6\], got \[1, 12, 6\]",
    ),
    ("CausalAttention", lambda: memory.CausalAttention(0), "inputs must be at least 1, got 0"),
    ("CausalAttention", lambda: memory.CausalAttention(3, 6, heads=2), "multiple of twice the 2 heads, got 6"),
    ("CausalAttention", lambda: memory.CausalAttention(3, heads=0), "heads must be at least 1, got 0"),
    ("CausalAttention", lambda: memory.CausalAttention(3, layers=1.5), "layers must be a whole number, got 1.5"),
    ("CausalAttention", lambda: memory.CausalAttention(3, generator=1), "generator must be a torch.Generator, got 1"),
    ("CausalAttention", lambda: LOOKER.sequence(META, torch.zeros(4, 3)), "must be those of this attention, got none"),
    (
        "CausalAttention",
        lambda: LOOKER.sequence(LOOKS, torch.zeros(5, 4)),
        r"inputs must have shape \[..., time, 3\], got \[5, 4\]",
    ),
    (
        "CausalAttention",
        lambda: LOOKER.step(LOOKS, torch.zeros(5, 3), torch.zeros(5, 4)),
        "memory must be the cache of 1 layers beside these inputs, got another",
    ),
    ("waves", lambda: memory.waves(torch.arange(3.0), 5), "width must be even, .*, got 5"),
    ("InContext", in_context(family="bandits"), "family must be a TaskFamily, got str"),
    ("InContext", in_context(agent=GRU(2, 3)), "agent must be a MemoryAgent, got GRU"),
    ("InContext", in_context(family=PointNavigation()), "family must have Discrete actions, got Box"),
    ("InContext", in_context(family=GridGoals()), "agent must have the family's spaces .*, got others"),
    ("InContext", in_context(family=TabularMDPs(), agent=OF_MDPS), "optimal_action of the family must be a function"),
    ("InContext", in_context(trials=0), "trials must be at least 1, got 0"),
    ("InContext", in_context(uniform=1), "uniform must be True or False, got 1"),
    ("InContext", lambda: TAUGHT.initial({"w": ZEROS}), "parameters must have the entries"),
    ("InContextConfig", lambda: InContextConfig(meta_batch=0), "meta_batch must be at least 1, got 0"),
    ("InContextConfig", lambda: InContextConfig(outer_lr=-1), "outer_lr must be above 0, got -1"),
    (
        "in_context_loss",
        lambda: memory.in_context_loss(TAUGHT, META, TRIALS, ZEROS[0]),
        r"targets and mask must have one shape, got \[2, 8\] and \[3, 2, 8\]",
    ),
    ("train_in_context", taught(method=METHOD), "method must be a[n]? InContext, got RL2"),
    ("train_in_context", taught(config=TrainConfig()), "config must be a[n]? InContextConfig, got TrainConfig"),
    ("train_in_context", taught(meta={}), "parameters must have the entries"),
    ("train_in_context", taught(generator=1), "generator must be a torch.Generator, got 1"),
    ("RL2", method(family="bandits"), "family must be a TaskFamily, got str"),
    ("RL2", method(agent=GRU(2, 3)), "agent must be a MemoryAgent, got GRU"),
    ("RL2", method(family=GridGoals()), "agent must have the family's spaces .*, got others"),
    ("RL2", method(trials=0), "trials must be at least 1, got 0"),
    ("RL2", method(episodes=1.5), "episodes must be a whole number, got 1.5"),
    ("RL2", method(discount=1.1), r"discount must be in \[0, 1\], got 1.1"),
    ("RL2", method(expected_reward=0.5), "expected_reward must be a function of state, action and tasks, got 0.5"),
    ("RL2", lambda: METHOD.initial({"w": ZEROS}), "parameters must have the entries"),
    ("Trials", lambda: TRIALS.returns(0), "episodes must be at least 1, got 0"),
    ("play_trials", play(family="bandits"), "family must be a TaskFamily, got str"),
    ("play_trials", play(player=FAMILY), "agent must have start, .*, got BernoulliBandits without start"),
    ("play_trials", play(tasks={"goal": torch.zeros(2)}), "tasks must have the entries"),
    ("play_trials", play(parameters=[1]), "parameters must be a dictionary of tensors, got list"),
    (
        "play_trials",
        play(parameters={name: value.double() for name, value in META.items()}),
        "must be of the tasks' dtype torch.float32, got torch.float64",
    ),
    (
        "play_trials",
        play(parameters={name: value * torch.nan for name, value in META.items()}),
        "log-probabilities must be numbers, got NaN from the agent",
    ),
    ("play_trials", play(trials=0), "trials must be at least 1, got 0"),
    ("play_trials", play(episodes=0), "episodes must be at least 1, got 0"),
    ("play_trials", play(generator=0), "generator must be a torch.Generator, got 0"),
    ("trial_advantages", advantages(trials=ZEROS), "trials must be a Trials, got Tensor"),
    ("trial_advantages", advantages(values=ZEROS[0]), r"values must have shape \[3, 2, 8\], got \[2, 8\]"),
    ("trial_advantages", advantages(discount=2), r"discount must be in \[0, 1\], got 2"),
    ("trial_advantages", advantages(gae_lambda=-1), r"gae_lambda must be in \[0, 1\], got -1"),
    ("trial_advantages", advantages(baseline="mean"), "baseline must be one of value, time, task, past, got 'mean'"),
    (
        "trial_advantages",
        lambda: memory.trial_advantages(ONE, ZEROS[:1], 1.0, 1.0, "past"),
        'baseline "past" needs trials of at least 2 tasks, got 1',
    ),
    ("whole_trials", lambda: list(memory.whole_trials(0, 2, RNG)), "trials must be at least 1, got 0"),
    ("whole_trials", lambda: list(memory.whole_trials(2, 0, RNG)), "minibatches must be at least 1, got 0"),
    (
        "memory_ppo_loss",
        lambda: memory.memory_ppo_loss(METHOD, META, TRIALS, ZEROS[0], ZEROS, TrainConfig()),
        "must have one shape",
    ),
    ("MemoryPPO", lambda: memory.MemoryPPO(AGENT, META, TrainConfig()), "method must be an? RL2, got MemoryAgent"),
    ("MemoryPPO", lambda: memory.MemoryPPO(METHOD, META, 3), "config must be a TrainConfig, got int"),
    ("TrainConfig", config(iterations=-1), "iterations must be at least 0, got -1"),
    ("TrainConfig", config(minibatches=0), "minibatches must be at least 1, got 0"),
    ("TrainConfig", config(outer_lr=0), "outer_lr must be above 0, got 0"),
    ("TrainConfig", config(value_scale=0), "value_scale must be above 0, got 0"),
    ("TrainConfig", config(entropy_coef=-0.1), "entropy_coef must be at least 0, got -0.1"),
    ("TrainConfig", config(baseline="none"), "baseline must be one of value, time, task, past, got 'none'"),
    ("TrainConfig", config(optimiser="adam"), "optimiser must be a function of tensors and lr"),
    ("train", train(method=AGENT), "method must be an? RL2, got MemoryAgent"),
    ("train", train(config=3), "config must be a TrainConfig, got int"),
    ("train", train(meta={"w": ZEROS}), "parameters must have the entries"),
    ("train", train(generator=1), "generator must be a torch.Generator, got 1"),
    ("adaptation_curve", curve(method=AGENT), "method must be an? RL2, got MemoryAgent"),
    ("adaptation_curve", curve(meta={}), "parameters must have the entries"),
    ("adaptation_curve", curve(episodes=0), "episodes must be at least 1, got 0"),
    ("adaptation_curve", curve(trials="two"), "trials must be at least 1, got 'two'"),
]
EXEMPT = {
    "AdaptationCurve": "a record, made by `adaptation_curve`",
    "BASELINES": "a constant",
    "ExpectedReward": "a type",
    "Memory": "a protocol",
    "Player": "a protocol",
}
