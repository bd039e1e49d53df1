"""Bad input to `metarl_core.meta.values`."""

import torch

from metarl_core.agents import DQNConfig, QNetwork
from metarl_core.meta import values
from metarl_core.meta.values import QMAML, NewTaskConfig, PlainDQN, QReptile, TrainConfig
from metarl_core.tasks import CartPole, Pendulum, RotatedKeys

FAMILY = RotatedKeys()
NETWORK = QNetwork(FAMILY.observation_space, FAMILY.action_space, (4,), torch.Generator())
OTHER = QNetwork(CartPole().observation_space, CartPole().action_space, (4,), torch.Generator())
META = {name: value.expand(2, *value.shape) for name, value in NETWORK.initial_parameters().items()}
TASKS = FAMILY.sample_tasks(4, torch.Generator())
MAML, REPTILE, PLAIN = QMAML(FAMILY, NETWORK), QReptile(FAMILY, NETWORK), PlainDQN(FAMILY, NETWORK)
BATCH = values.random_transitions(FAMILY, TASKS, 8)
FEW = {"iterations": 1, "meta_batch": 2}


def train(method=MAML, meta=META, config=None, **named):
    config = TrainConfig(**FEW) if config is None else config
    return lambda: values.train(method, meta, config, torch.Generator(), description=None, **named)


def curve(method=PLAIN, meta=META, tasks=TASKS, config=None):
    config = NewTaskConfig() if config is None else config
    return lambda: values.adaptation_curve(method, meta, tasks, config, torch.Generator(), description=None)


def first(count):
    return {name: value[:count] for name, value in TASKS.items()}


CALLS = [
    ("QMAML", lambda: QMAML(NETWORK, FAMILY), "family must be a TaskFamily, got QNetwork"),
    ("QMAML", lambda: QMAML(FAMILY, "mlp"), "network must be a QNetwork, got str"),
    (
        "QMAML",
        lambda: QMAML(FAMILY, OTHER),
        "network must be made for the family's spaces, .* got one for .* 2 actions",
    ),
    ("QMAML", lambda: QMAML(FAMILY, NETWORK, discount=1.5), "discount must be in \\[0, 1\\], got 1.5"),
    ("QMAML", lambda: QMAML(FAMILY, NETWORK, inner_lr=float("inf")), "inner_lr must be finite, got inf"),
    ("QMAML", lambda: QMAML(FAMILY, NETWORK, inner_lr=0), "inner_lr must be above 0, got 0"),
    ("QMAML", lambda: QMAML(FAMILY, NETWORK, inner_steps=1.5), "inner_steps must be a whole number, got 1.5"),
    ("QMAML", lambda: QMAML(FAMILY, NETWORK, double="no"), "double must be True or False, got 'no'"),
    ("QMAML", lambda: MAML.initial({n: v.numpy() for n, v in META.items()}), "must be a tensor .*, got ndarray"),
    ("PlainDQN", lambda: PlainDQN(FAMILY, NETWORK, huber="no"), "huber must be True or False, got 'no'"),
    ("NewTaskConfig", lambda: NewTaskConfig(checkpoints=5), "checkpoints must be increasing numbers .*, got 5"),
    ("NewTaskConfig", lambda: NewTaskConfig(checkpoints=(0, 1.5)), r"checkpoints must be .*, got \(0, 1.5\)"),
    ("train", train(seed="x"), "seed must be at least 0, got 'x'"),
    ("train", train(callback=3), "callback must be a function of .*, got 3"),
    ("QMAML", lambda: QMAML(FAMILY, NETWORK, inner_steps=0), "inner_steps must be at least 1, got 0"),
    ("QMAML", lambda: MAML.initial({"weight": torch.zeros(1)}), "meta must hold \\['bias0', .* got \\['weight'\\]"),
    ("QMAML", lambda: MAML.adapt(META, []), "batches must hold the support transitions of at least one step"),
    (
        "QMAML",
        lambda: MAML.adapt_to_support({name: value[[0, 0, 0]] for name, value in META.items()}, BATCH),
        "number of tasks must be a multiple of the number of runs 3, got 4",
    ),
    (
        "QMAML",
        lambda: QMAML(FAMILY, NETWORK, learned_rates=True).adapt_to_support(META, BATCH),
        "meta must hold .*'rate.bias0'",
    ),
    ("QReptile", lambda: QReptile(FAMILY, OTHER), "network must be made for the family's spaces"),
    ("QReptile", lambda: QReptile(FAMILY, NETWORK, TrainConfig()), "inner must be a DQNConfig, got TrainConfig"),
    ("QReptile", lambda: REPTILE.initial(NETWORK.initial_parameters()), "must have shape \\[run, .*\\], got"),
    ("PlainDQN", lambda: PlainDQN(FAMILY, OTHER), "network must be made for the family's spaces"),
    ("PlainDQN", lambda: PlainDQN(FAMILY, NETWORK, discount=-0.1), "discount must be in \\[0, 1\\], got -0.1"),
    ("TrainConfig", lambda: TrainConfig(iterations=-1), "iterations must be at least 0, got -1"),
    ("TrainConfig", lambda: TrainConfig(meta_batch=0), "meta_batch must be at least 1, got 0"),
    ("TrainConfig", lambda: TrainConfig(outer_lr=0.0), "outer_lr must be above 0, got 0.0"),
    ("TrainConfig", lambda: TrainConfig(buffer_size=20), "buffer_size must be at least support, 50, got 20"),
    ("TrainConfig", lambda: TrainConfig(tau=2), "tau must be in \\[0, 1\\], got 2"),
    ("TrainConfig", lambda: TrainConfig(exploration=(1.0, 0.1)), "exploration must be \\(first, last, share"),
    ("TrainConfig", lambda: TrainConfig(exploration=(1.0, 0.1, 3)), "exploration's share must be in \\[0, 1\\], got 3"),
    ("TrainConfig", lambda: TrainConfig(max_grad_norm=0), "max_grad_norm must be above 0, got 0"),
    ("NewTaskConfig", lambda: NewTaskConfig(steps=0), "steps must be at least 1, got 0"),
    ("NewTaskConfig", lambda: NewTaskConfig(burst=-1), "burst must be at least 0, got -1"),
    ("NewTaskConfig", lambda: NewTaskConfig(lr=-1.0), "lr must be at least 0, got -1.0"),
    ("NewTaskConfig", lambda: NewTaskConfig(tau=-0.5), "tau must be in \\[0, 1\\], got -0.5"),
    ("NewTaskConfig", lambda: NewTaskConfig(exploration=0.1), "exploration must be \\(first, last, share"),
    ("NewTaskConfig", lambda: NewTaskConfig(steps=100), "checkpoints must be increasing numbers from 0 to 100, got"),
    ("train", train(method=PLAIN), "method must be one that is meta-trained, QMAML or QReptile, got PlainDQN"),
    ("train", train(config=DQNConfig()), "config must be a values.TrainConfig, got DQNConfig"),
    ("train", train(meta={}), "meta must hold \\['bias0', .* got \\[\\]"),
    (
        "train",
        train(meta={name: value.long() for name, value in META.items()}),
        "must be a tensor of floating-point numbers, got torch.int64",
    ),
    ("train", train(tasks=first(3)), "tasks must be meta_batch tasks for each run, 4 in all, got 3"),
    ("train", train(tasks={"goal": torch.zeros(4)}), "tasks must have the entries \\['angle', 'order'\\]"),
    (
        "train",
        train(method=REPTILE, config=TrainConfig(**FEW, tau=0.1)),
        "QReptile has iterations, meta_batch, outer_lr, anneal, got also tau",
    ),
    ("train", train(method=REPTILE, tasks=first(3)), "tasks must be meta_batch tasks for each run, 4 in all, got 3"),
    ("adaptation_curve", curve(tasks=first(3)), "number of tasks must be a multiple of the number of runs 2, got 3"),
    ("adaptation_curve", curve(config=TrainConfig()), "config must be a values.NewTaskConfig, got TrainConfig"),
    ("adaptation_curve", curve(meta=NETWORK.initial_parameters()), "must have shape \\[run, .*\\], got"),
    ("fine_tune", lambda: values.fine_tune(PLAIN, META, BATCH, DQNConfig(), torch.Generator()), "config must be a"),
    (
        "fine_tune",
        lambda: values.fine_tune(PLAIN, META, BATCH, NewTaskConfig(burst=1), torch.Generator()),
        "parameters must have a leading axis of 4 learners",
    ),
    ("random_transitions", lambda: values.random_transitions(FAMILY, TASKS, 0), "steps must be at least 1, got 0"),
    ("random_transitions", lambda: values.random_transitions(FAMILY, {}, 5), "tasks must have the entries"),
    (
        "random_transitions",
        lambda: values.random_transitions(Pendulum(), Pendulum().sample_tasks(1, torch.Generator()), 5),
        "family must have Discrete actions, got Box",
    ),
    ("first_reached", lambda: values.first_reached([[1.0, 2.0]], 1.0, (0, 10, 20), 20), "returns must have shape"),
    ("repeat_for_tasks", lambda: values.repeat_for_tasks(META, 0), "tasks must be a number of tasks of at least 1"),
    ("task_sampler", lambda: values.task_sampler(FAMILY, {"goal": torch.zeros(2)}, 0), "tasks must have the entries"),
    ("td_loss", lambda: values.td_loss(NETWORK, META, BATCH, discount=2.0), "discount must be in \\[0, 1\\], got 2.0"),
]
EXEMPT = {
    "Learning": "a protocol",
    "Method": "a protocol",
    "TrainableMethod": "a protocol",
}
