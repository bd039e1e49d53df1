"""Bad input to `metarl_core.scale`."""

from metarl_core.agents import GaussianPolicy
from metarl_core.meta import OuterPPO, PolicyMAML, policies, values
from metarl_core.parameters import initial_parameters
from metarl_core.randomness import seeded
from metarl_core.scale import Ranks, join, spread, torchrun, train_policies, train_values
from metarl_core.tasks import PointNavigation


def joined(**given):
    with join(**given):
        pass


def policies_trained(ranks=None, **given):
    family = PointNavigation(horizon=2)
    method = PolicyMAML(family, GaussianPolicy(family.observation_space, family.action_space, (2,)), episodes=1)
    meta, config = method.initial(initial_parameters(method.policy)), policies.TrainConfig(iterations=0, meta_batch=4)
    train_policies(method, meta, config, seeded(0), Ranks() if ranks is None else ranks, description=None, **given)


def values_trained(method=None, **given):
    config = values.TrainConfig(iterations=0, meta_batch=4)
    train_values(method, {}, config, seeded(0), Ranks(), description=None, **given)


CALLS = [
    ("Ranks", lambda: Ranks(-1), "rank must be .* got -1"),
    ("Ranks", lambda: Ranks(0, 0), "size must be .* got 0"),
    ("Ranks", lambda: Ranks(2, 2), "rank must be below the number of ranks, 2, got 2"),
    ("Ranks", lambda: Ranks().own(-3), "tasks must be .* got -3"),
    ("join", lambda: joined(minutes=0.0), "minutes must be .* got 0"),
    ("spread", lambda: spread(None, Ranks()), "direction must be .* got None"),
    ("spread", lambda: spread(lambda meta, data: (meta, data), 4), "ranks must be .* got"),
    ("spread", lambda: spread(lambda meta, data: (meta, data), Ranks(), 0), "chunk must be .* got 0"),
    ("train_policies", lambda: policies_trained(4), "ranks must be .* got"),
    ("train_policies", lambda: policies_trained(block=0), "block must be .* got 0"),
    ("train_policies", lambda: policies_trained(Ranks(0, 3), block=2), "for each of the 3 ranks at least, got 2"),
    ("train_policies", lambda: policies_trained(rule="PPO"), "rule must be OuterAdam, .* got str"),
    ("train_policies", lambda: policies_trained(rule=OuterPPO(minibatch=2)), "minibatch must be None .* got 2"),
    ("torchrun", lambda: torchrun("nowhere.py", 2), "script must be the path of a file, got 'nowhere.py'"),
    ("torchrun", lambda: torchrun(__file__, 0), "ranks must be .* got 0"),
    ("torchrun", lambda: torchrun(__file__, 1, minutes=0.0), "minutes must be .* got 0"),
    ("train_values", lambda: values_trained(None), "method must be .* got"),
]
EXEMPT = {"RankLostError": "an error", "Launched": "what torchrun returns"}
