"""Bad input to `metarl_core.meta.models`."""

import functools

import torch

from metarl_core.meta import models
from metarl_core.meta.models import (
    Data,
    DynamicsNetwork,
    Ensemble,
    FixedModel,
    GrBAL,
    LastLayerRLS,
    Normalisation,
    OnlineSGD,
    ReBAL,
    TrainConfig,
    Transitions,
    Windows,
)
from metarl_core.networks import GRU
from metarl_core.parameters import initial_parameters, stack_parameters
from metarl_core.planning import RandomShooting
from metarl_core.tasks import DampedPendulum, PointNavigation

RNG = torch.Generator("cpu")
FAMILY, PLANNER = DampedPendulum(horizon=2), RandomShooting(horizon=2, candidates=3)
NETWORK = DynamicsNetwork(3, 1, (4,), generator=RNG)
META = initial_parameters(NETWORK)
WITH_CONTEXT = DynamicsNetwork(3, 1, (4,), context=5, generator=RNG)
READER = GRU(7, 5, RNG)
METHOD = GrBAL(NETWORK, past=2, future=2)
SEEN = Transitions(torch.zeros(2, 3, 6, 3), torch.zeros(2, 3, 6, 1), torch.zeros(2, 3, 6, 3), torch.ones(2, 3, 6) > 0)
FLAT = Transitions(*(part[0] for part in SEEN))
WINDOWS, DATA = Windows(FLAT, FLAT), Data(SEEN)
TWO = stack_parameters([META, META])


def windows(data=DATA, past=2, future=2, number=4, generator=RNG, **named):
    return lambda: models.draw_windows(data, past, future, number, generator, **named)


def train(method=METHOD, meta=META, data=DATA, config=None, generator=RNG):
    config = TrainConfig(iterations=1, meta_batch=2) if config is None else config
    return lambda: models.train(method, meta, data, config, generator, description=None)


def curve(method=METHOD, meta=META, family=FAMILY, tasks=None, planner=PLANNER, generator=RNG, **named):
    return lambda: models.adaptation_curve(method, meta, family, tasks, planner, generator, **named)


CALLS = [
    ("transitions_of", lambda: models.transitions_of(SEEN), "trajectories must be a Trajectories, got Transitions"),
    ("draw_windows", windows(data=SEEN), "data must be a Data, got Transitions"),
    ("draw_windows", windows(past=0), "past must be at least 1, got 0"),
    ("draw_windows", windows(future=1.5), "future must be a whole number, got 1.5"),
    ("draw_windows", windows(number=0), "number must be at least 1, got 0"),
    ("draw_windows", windows(shortest=3), "shortest must be at most past, 2, got 3"),
    ("draw_windows", windows(shortest=-1), "shortest must be at least 0, got -1"),
    ("draw_windows", windows(generator=1), "generator must be a torch.Generator, got 1"),
    ("draw_windows", windows(past=5), "must have a window of 5 and 2 steps, got none in 2 tasks"),
    ("draw_windows", windows(Data(SEEN, torch.tensor([3, 3]))), "must have a window of 2 and 2 steps, got none"),
    ("draw_windows", windows(Data(FLAT)), r"mask must have shape \[task, episode, time\], got \[3, 6\]"),
    (
        "fit_normalisation",
        lambda: models.fit_normalisation(SEEN._replace(mask=SEEN.mask & False)),
        "transitions must have at least one step, got none",
    ),
    ("fit_normalisation", lambda: models.fit_normalisation(Data(SEEN)), "transitions must be a Transitions, got Data"),
    ("DynamicsNetwork", lambda: DynamicsNetwork(0, 1), "observation_size must be at least 1, got 0"),
    ("DynamicsNetwork", lambda: DynamicsNetwork(3, "one"), "action_size must be at least 1, got 'one'"),
    ("DynamicsNetwork", lambda: DynamicsNetwork(3, 1, (0,)), "sizes must be a sequence of widths of at least 1"),
    ("DynamicsNetwork", lambda: DynamicsNetwork(3, 1, context=-1), "context must be at least 0, got -1"),
    (
        "DynamicsNetwork",
        lambda: DynamicsNetwork(3, 1, normalisation=Normalisation(*torch.ones(4, 4))),
        r"normalisation must be of 4 inputs and 3 changes, got \[4, 4, 4, 4\]",
    ),
    ("DynamicsNetwork", lambda: DynamicsNetwork(3, 1, normalisation=1), "must be a Normalisation, got int"),
    ("FixedModel", lambda: FixedModel(READER), "network must be a DynamicsNetwork, got GRU"),
    ("FixedModel", lambda: FixedModel(WITH_CONTEXT), "network must have a context of 0, got 5"),
    ("FixedModel", lambda: FixedModel(NETWORK, past=0), "past must be at least 1, got 0"),
    ("FixedModel", lambda: FixedModel(NETWORK).initial({}), "parameters must have the entries"),
    ("OnlineSGD", lambda: OnlineSGD(NETWORK, lr=-1), "lr must be at least 0, got -1"),
    ("OnlineSGD", lambda: OnlineSGD(NETWORK, steps=0.5), "steps must be a whole number, got 0.5"),
    ("LastLayerRLS", lambda: LastLayerRLS(NETWORK, forgetting=0), "forgetting must be above 0, got 0"),
    ("LastLayerRLS", lambda: LastLayerRLS(NETWORK, forgetting=1.1), r"forgetting must be in \[0, 1\], got 1.1"),
    ("LastLayerRLS", lambda: LastLayerRLS(NETWORK, prior=0), "prior must be above 0, got 0"),
    (
        "LastLayerRLS",
        lambda: LastLayerRLS(DynamicsNetwork(3, 1, (4,), probabilistic=True)),
        "network must predict a mean alone for least squares, got a probabilistic one",
    ),
    ("GrBAL", lambda: GrBAL("network"), "network must be a DynamicsNetwork, got str"),
    ("GrBAL", lambda: GrBAL(NETWORK, inner_lr=torch.inf), "inner_lr must be finite, got inf"),
    ("GrBAL", lambda: GrBAL(NETWORK, future=0), "future must be at least 1, got 0"),
    ("GrBAL", lambda: GrBAL(NETWORK, first_order=1), "first_order must be True or False, got 1"),
    ("GrBAL", lambda: METHOD.initial(META | {"more": META["bias0"]}), "parameters must have the entries"),
    ("ReBAL", lambda: ReBAL(NETWORK, READER), "network must have a context of 5, got 0"),
    ("ReBAL", lambda: ReBAL(WITH_CONTEXT, NETWORK), "reader must be a GRU, got DynamicsNetwork"),
    ("ReBAL", lambda: ReBAL(WITH_CONTEXT, GRU(6, 5, RNG)), "reader must have inputs of width 7, got 6"),
    ("ReBAL", lambda: ReBAL(WITH_CONTEXT, READER).initial(META), "parameters must have the entries"),
    ("Ensemble", lambda: Ensemble(WITH_CONTEXT), "network must have a context of 0, got 5"),
    ("Ensemble", lambda: Ensemble(NETWORK).initial(META), r"leading axis of members, got bias0 of shape \[4\]"),
    (
        "Ensemble",
        lambda: Ensemble(NETWORK).outer_loss(stack_parameters([META] * 2), WINDOWS),
        "windows must be a multiple of the 2 members, got 3",
    ),
    ("Ensemble", lambda: Ensemble(NETWORK).elite(TWO, WINDOWS, 3), "number must be at most the 2 members, got 3"),
    ("TrainConfig", lambda: TrainConfig(meta_batch=0), "meta_batch must be at least 1, got 0"),
    ("TrainConfig", lambda: TrainConfig(shortest=-1), "shortest must be at least 0, got -1"),
    ("TrainConfig", lambda: TrainConfig(max_grad_norm=0), "max_grad_norm must be above 0, got 0"),
    ("TrainConfig", lambda: TrainConfig(optimiser="adam"), "optimiser must be a function of tensors and lr"),
    ("train", train(method=NETWORK), "method must have outer_loss, .*, got DynamicsNetwork without outer_loss"),
    ("train", train(meta={}), "meta must be a dictionary of at least one tensor, got none"),
    ("train", train(data=SEEN), "data must be a Data, got Transitions"),
    ("train", train(config=3), "config must be a TrainConfig, got int"),
    ("train", train(generator=1), "generator must be a torch.Generator, got 1"),
    ("Believer", lambda: models.Believer(NETWORK, META, torch.add), "method must have start, .*, got DynamicsNetwork"),
    ("Believer", lambda: models.Believer(METHOD, {}, torch.add), "meta must be a dictionary of at least one tensor"),
    ("Believer", lambda: models.Believer(METHOD, META, 3), "reward must be a function of observations, actions and"),
    ("adaptation_curve", curve(method=NETWORK), "method must have start, .*, got DynamicsNetwork without start"),
    ("adaptation_curve", curve(family=PointNavigation()), "reward must be a function of .*, got None"),
    ("adaptation_curve", curve(planner=3), "planner must have horizon, noise, search, got int without horizon"),
    ("adaptation_curve", curve(episodes=0), "episodes must be at least 1, got 0"),
    (
        "prediction_errors",
        lambda: models.prediction_errors(METHOD, META, SEEN),
        r"seen.mask must have shape \[environment, time\], got \[2, 3, 6\]",
    ),
    (
        "prediction_errors",
        functools.partial(models.prediction_errors, FAMILY, META, FLAT),
        "method must have network, .*, got DampedPendulum without network",
    ),
]
EXEMPT = {
    "AdaptationCurve": "a record, made by `adaptation_curve`",
    "Data": "a record, checked by who uses it",
    "Filter": "a record, made by `LastLayerRLS`",
    "Method": "a protocol",
    "Normalisation": "a record, checked by `DynamicsNetwork`",
    "Online": "a record, made by `OnlineSGD`",
    "Transitions": "a record, checked by who uses it",
    "WindowMemory": "a record, made by `GrBAL` and `ReBAL`",
    "Windows": "a record, made by `draw_windows`",
}
