"""Bad input to `metarl_core.meta.policies`."""

import torch

from metarl_core.agents import GaussianPolicy, UniformPolicy
from metarl_core.meta import policies
from metarl_core.meta.policies import OuterAdam, OuterPPO, OuterReptile, OuterTRPO, PolicyMAML, TrainConfig
from metarl_core.parameters import initial_parameters
from metarl_core.tasks import CartPole, PointNavigation

RNG = torch.Generator("cpu")
FAMILY = PointNavigation(horizon=4)
POLICY = GaussianPolicy(FAMILY.observation_space, FAMILY.action_space, (4,), torch.tanh, RNG)
META = initial_parameters(POLICY)
METHOD = PolicyMAML(FAMILY, POLICY, episodes=2)
LEARNED = PolicyMAML(FAMILY, POLICY, episodes=2, learned_rates=True)
TASKS = FAMILY.sample_tasks(3, RNG)
BATCH = METHOD.collect(META, TASKS, RNG)
STAGE = BATCH.query
PLAYED, ADVANTAGE = STAGE.trajectories, STAGE.advantage
EACH = STAGE.parameters


def method(**changed):
    given = {"family": FAMILY, "policy": POLICY, **changed}
    return lambda: PolicyMAML(**given)


def config(kind, **settings):
    return lambda: kind(**settings)


def train(method=METHOD, meta=META, config=None, **named):
    config = TrainConfig(iterations=1, meta_batch=2) if config is None else config
    return lambda: policies.train(method, meta, config, RNG, description=None, **named)


def curve(method=METHOD, meta=META, tasks=TASKS, **named):
    return lambda: policies.adaptation_curve(method, meta, tasks, RNG, **named)


def chosen(candidates, steps=1, method=METHOD):
    return lambda: policies.choose_inner_lr(method, META, TASKS, candidates, steps, RNG)


CALLS = [
    ("MetaBatch", lambda: BATCH.chunks(0), "size must be at least 1, got 0"),
    ("MetaBatch", lambda: BATCH.first_episodes(0), "number must be at least 1, got 0"),
    ("Stage", lambda: STAGE.first_episodes("two"), "number must be at least 1, got 'two'"),
    ("OuterAdam", config(OuterAdam, outer_lr=0), "outer_lr must be above 0, got 0"),
    ("OuterAdam", config(OuterAdam, optimiser="adam"), "optimiser must be a function of tensors and lr"),
    ("OuterAdam", lambda: OuterAdam().begin(POLICY, META), "method must be a PolicyMAML, got GaussianPolicy"),
    ("OuterPPO", config(OuterPPO, clip=0.0), "clip must be above 0, got 0.0"),
    ("OuterPPO", config(OuterPPO, epochs=0), "epochs must be at least 1, got 0"),
    ("OuterPPO", config(OuterPPO, minibatch=0), "minibatch must be at least 1, got 0"),
    ("OuterPPO", config(OuterPPO, kl_coefficient=-1), "kl_coefficient must be at least 0, got -1"),
    ("OuterPPO", lambda: OuterPPO().begin(POLICY, META), "method must be a PolicyMAML, got GaussianPolicy"),
    ("OuterReptile", config(OuterReptile, outer_lr="fast"), "outer_lr must be above 0, got 'fast'"),
    ("OuterReptile", lambda: OuterReptile().begin(LEARNED, META), "learned_rates must be False, got True"),
    ("OuterTRPO", config(OuterTRPO, max_kl=0), "max_kl must be above 0, got 0"),
    ("OuterTRPO", config(OuterTRPO, cg_iterations=0), "cg_iterations must be at least 1, got 0"),
    ("OuterTRPO", config(OuterTRPO, hessian_episodes=0), "hessian_episodes must be at least 1, got 0"),
    ("OuterTRPO", lambda: OuterTRPO().begin(None, META), "method must be a PolicyMAML, got NoneType"),
    ("PolicyMAML", method(family="points"), "family must be a TaskFamily, got str"),
    ("PolicyMAML", method(policy=UniformPolicy(FAMILY.action_space)), "policy must be a network .*, got UniformPolicy"),
    ("PolicyMAML", method(inner_lr=-0.1), "inner_lr must be at least 0, got -0.1"),
    ("PolicyMAML", method(inner_lr=(0.1, float("inf"))), "inner_lr must be finite, got inf"),
    (
        "PolicyMAML",
        method(family=CartPole(horizon=4)),
        "policy must observe what the family shows, .* for Box",
    ),
    ("PolicyMAML", method(inner_lr=()), r"inner_lr must be a number, or a tuple of at least one, got \(\)"),
    ("PolicyMAML", method(inner_steps=0), "inner_steps must be at least 1, got 0"),
    ("PolicyMAML", method(discount=1.5), r"discount must be in \[0, 1\], got 1.5"),
    ("PolicyMAML", method(estimator="exact"), "estimator must be one of naive, lvc, dice, got 'exact'"),
    ("PolicyMAML", method(sampling_term=True), "sampling_term must be False with estimator 'lvc'"),
    ("PolicyMAML", lambda: METHOD.check_meta({"w": META["log_std"]}), r"meta must have .*, got \['w'\]"),
    ("PolicyMAML", lambda: METHOD.check_meta(EACH, 2), r"must have shape .* or .*, got \[3, "),
    ("PolicyMAML", lambda: LEARNED.check_meta(META), "lacks a learned rate for"),
    ("TrainConfig", config(TrainConfig, iterations=-1), "iterations must be at least 0, got -1"),
    ("TrainConfig", config(TrainConfig, meta_batch=0), "meta_batch must be at least 1, got 0"),
    ("adaptation_curve", curve(method=POLICY), "method must be a PolicyMAML, got GaussianPolicy"),
    ("PolicyMAML", method(inner_lr=True), "inner_lr must be at least 0, got True"),
    ("PolicyMAML", method(inner_steps=1.5), "inner_steps must be a whole number, got 1.5"),
    ("PolicyMAML", method(episodes=2.5), "episodes must be a whole number, got 2.5"),
    ("PolicyMAML", method(first_order="no"), "first_order must be True or False, got 'no'"),
    ("PolicyMAML", method(estimator=["lvc"]), r"estimator must be one of naive, lvc, dice, got \['lvc'\]"),
    ("PolicyMAML", lambda: METHOD.initial([1]), "parameters must be a dictionary .*, got list"),
    ("PolicyMAML", lambda: METHOD.collect(META, None, 1), "generator must be a torch.Generator, got 1"),
    ("train", train(callback=3), "callback must be a function of .*, got 3"),
    ("adaptation_curve", curve(meta={}), "meta must be a dictionary of at least one tensor, got none"),
    ("adaptation_curve", curve(meta=POLICY), "meta must be a dictionary .*, got GaussianPolicy"),
    ("adaptation_curve", curve(meta={name: value.numpy() for name, value in META.items()}), "got ndarray"),
    ("adaptation_curve", curve(steps=1.5), "steps must be a whole number, got 1.5"),
    ("adaptation_curve", curve(inner_lr={"w": 0.1}), r"inner_lr\['w'\] must be a tensor .*, got float"),
    ("adaptation_curve", curve(tasks={"goal": torch.zeros(3)}), r"must have shape \[tasks, 2\], got \[3\]"),
    ("adaptation_curve", curve(steps=-1), "steps must be at least 0, got -1"),
    ("adaptation_curve", curve(episodes=0), "episodes must be at least 1, got 0"),
    ("adaptation_curve", curve(steps=2, inner_lr=[0.1]), "one for each of 2 steps, got 1"),
    ("adaptation_curve", curve(inner_lr={"w": torch.ones(1)}), r"inner_lr must have an entry .*, got \['w'\]"),
    ("choose_inner_lr", chosen([]), "candidates must hold at least one step size, got none"),
    ("choose_inner_lr", chosen([0.1, -0.1]), "candidates must be at least 0, got -0.1"),
    ("choose_inner_lr", chosen(0.1), "candidates must be a Sequence, got float"),
    ("choose_inner_lr", chosen([0.1], steps=0), "steps must be at least 1, got 0"),
    (
        "clipped_loss",
        lambda: policies.clipped_loss(POLICY, EACH, PLAYED, ADVANTAGE, 0),
        "clip must be above 0, got 0",
    ),
    (
        "clipped_loss",
        lambda: policies.clipped_loss(POLICY, EACH, PLAYED, ADVANTAGE[0], 0.2),
        r"advantage and mask must have one shape, got \[2, 4\] and \[3, 2, 4\]",
    ),
    (
        "dice_loss",
        lambda: policies.dice_loss(POLICY, EACH, PLAYED, ADVANTAGE[:, :1]),
        r"advantage and mask must have one shape, got \[3, 1, 4\] and \[3, 2, 4\]",
    ),
    ("estimator_named", lambda: policies.estimator_named("exact"), "estimator must be one of naive, lvc, dice, got"),
    ("kl_product", lambda: policies.kl_product(POLICY, META, BATCH), "method must be a PolicyMAML, got"),
    ("kl_product", lambda: policies.kl_product(METHOD, META, STAGE), "batch must be a MetaBatch, got Stage"),
    ("meta_gradient", lambda: policies.meta_gradient(POLICY, META, BATCH), "method must be a PolicyMAML, got"),
    ("meta_gradient", lambda: policies.meta_gradient(METHOD, META, PLAYED), "batch must be a MetaBatch, got Traj"),
    ("meta_gradient", lambda: policies.meta_gradient(METHOD, META, BATCH, "lvc"), "outer_loss must be a function of"),
    ("meta_gradient", lambda: policies.meta_gradient(METHOD, META, BATCH, chunk=0), "size must be at least 1, got 0"),
    ("relative_outcome", lambda: policies.relative_outcome(PLAYED, 0.9), "query must be a Stage, got Trajectories"),
    ("relative_outcome", lambda: policies.relative_outcome(STAGE, 2), r"discount must be in \[0, 1\], got 2"),
    (
        "sampling_loss",
        lambda: policies.sampling_loss(POLICY, EACH, PLAYED, torch.zeros(1)),
        r"outcome must have shape \[3\], got \[1\]",
    ),
    ("stage_kl", lambda: policies.stage_kl(POLICY, EACH, PLAYED), "stage must be a Stage, got Trajectories"),
    ("surrogate_and_kl", lambda: policies.surrogate_and_kl(None, META, BATCH), "method must be a PolicyMAML, got"),
    ("surrogate_and_kl", lambda: policies.surrogate_and_kl(METHOD, META, STAGE), "batch must be a MetaBatch, got"),
    (
        "surrogate_loss",
        lambda: policies.surrogate_loss(POLICY, EACH, PLAYED, torch.tensor(1.0)),
        r"advantage and mask must have one shape, got \[\] and \[3, 2, 4\]",
    ),
    ("train", train(method=POLICY), "method must be a PolicyMAML, got GaussianPolicy"),
    ("train", train(config=OuterPPO()), "config must be a policies.TrainConfig, got OuterPPO"),
    ("train", train(rule="ppo"), r"rule must be an outer rule such as OuterPPO\(\), got 'ppo'"),
    ("train", train(meta={}), "meta must be a dictionary of at least one tensor, got none"),
    ("train", train(meta=EACH), r"must have shape \[.*\], got \[3, "),
    ("train", train(method=LEARNED), "meta must be what method.initial.* lacks a learned rate for"),
]
EXEMPT = {
    "ESTIMATORS": "a constant",
    "AdaptationCurve": "a record, made by `adaptation_curve`",
    "Estimator": "a type",
    "OuterLoss": "a type",
    "OuterRule": "a protocol",
    "Rate": "a type",
    "Updater": "a protocol",
}
