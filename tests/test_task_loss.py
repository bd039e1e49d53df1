"""Own networks in meta-learning: every derivative against finite differences in float64, for layers of many kinds."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from metarl_core.meta import MAML, Joint, MetaSGD, Reptile, adapt, supervised, task_loss
from metarl_core.networks import MLP
from metarl_core.parameters import initial_parameters, repeat_parameters
from metarl_core.tasks import FewShot


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.GRU(4, 3, batch_first=True), nn.Linear(3, 2)

    def forward(self, inputs):
        return self.head(self.body(inputs)[0][:, -1])


class Attention(nn.Module):
    """`nn.MultiheadAttention` by its fused kernel, which cannot be differentiated twice."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.MultiheadAttention(4, 2, batch_first=True), nn.Linear(4, 2)

    def forward(self, inputs):
        return self.head(self.body(inputs, inputs, inputs, need_weights=False)[0].mean(1))


class DotProducts(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, inputs):
        heads = self.body(inputs).unflatten(-1, (2, 2)).transpose(1, 2)
        return self.head(F.scaled_dot_product_attention(heads, heads, heads).transpose(1, 2).flatten(2).mean(1))


class Tied(nn.Module):
    """Embeds by a matrix and reads out by the same one."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(4, 2, bias=False), nn.Linear(4, 2)
        self.head.weight = self.body.weight

    def forward(self, inputs):
        return self.head(F.pad(self.body(inputs.mean(1)).tanh(), (0, 2)))


class Frozen(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(4, 3).requires_grad_(False), nn.Linear(3, 2)

    def forward(self, inputs):
        return self.head(self.body(inputs.mean(1)).tanh())


class Unused(nn.Module):
    def __init__(self):
        super().__init__()
        self.forgotten, self.head = nn.Linear(5, 5), nn.Linear(4, 2)

    def forward(self, inputs):
        return self.head(inputs.mean(1)).tanh()


class Normalised(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.body, self.norm, self.head = nn.Linear(4, 4), norm, nn.Linear(4, 2)

    def forward(self, inputs):
        return self.head(self.norm(self.body(inputs.mean(1))).tanh())


NETWORKS = {
    "GroupNorm": lambda: Normalised(nn.GroupNorm(2, 4)),
    "LayerNorm": lambda: Normalised(nn.LayerNorm(4)),
    "BatchNorm": lambda: Normalised(nn.BatchNorm1d(4, track_running_stats=False)),
    "GRU": Recurrent,
    "MultiheadAttention": Attention,
    "scaled_dot_product_attention": DotProducts,
    "tied": Tied,
    "frozen": Frozen,
    "unused": Unused,
}
IN_TURN = {"GRU"}
"""what torch.vmap cannot compute, or not rightly"""


def made(name, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return NETWORKS[name]().double()


def data(tasks=3, samples=6, seed=1):
    generator = seeded(seed)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    return FewShot(
        normal(tasks, samples, 5, 4), normal(tasks, samples, 2), *(normal(tasks, 4, 5, 4), normal(tasks, 4, 2))
    )


@pytest.fixture(autouse=True)
def the_warning_is_expected():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "task_loss computes")
        yield


def slope(outer, at, way, size=1e-5):
    """A directional derivative by central differences of fourth order."""
    with torch.enable_grad():
        f = [float(outer({k: v + s * size * way[k] for k, v in at.items()}).detach()) for s in (-2, -1, 1, 2)]
    return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * size)


def random_way(like, seed=5):
    generator = seeded(seed)
    return {k: torch.randn(v.shape, generator=generator, dtype=v.dtype) for k, v in like.items()}


def inner(one, other):
    return sum(float((one[k] * other[k]).sum()) for k in other)


@pytest.mark.parametrize("kind", ["MAML", "Meta-SGD", "ANIL"])
@pytest.mark.parametrize("name", NETWORKS)
def test_second_order_meta_gradient(name, kind):
    network, episodes = made(name), data()
    loss = task_loss(network, F.mse_loss)
    methods = {
        "MAML": lambda: MAML(loss, 0.3, 2),
        "Meta-SGD": lambda: MetaSGD(loss, 2, (0.2, 0.4)),
        "ANIL": lambda: MAML(loss, 0.3, 2, only=("head.bias",)),
    }
    method = methods[kind]()
    meta = method.initial(initial_parameters(network))
    gradients, losses = method.direction(meta, episodes)
    assert gradients.keys() == meta.keys() and losses.shape == (3,)
    way = random_way(meta)
    expected = slope(lambda at: method.outer_loss(at, episodes).mean(), meta, way)
    assert inner(gradients, way) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert loss.batched == (name not in IN_TURN)


@pytest.mark.parametrize("name", NETWORKS)
def test_first_order_meta_gradient(name):
    """FOMAML: the gradient of the query loss at θ', found by differences there."""
    network, episodes = made(name), data()
    method = MAML(task_loss(network, F.mse_loss), 0.3, 2, first_order=True)
    meta = initial_parameters(network)
    gradients, _ = method.direction(meta, episodes)
    adapted = method.adapt(meta, episodes.support_inputs, episodes.support_targets)
    way = random_way(meta)

    def query(at):
        moved = {k: adapted[k].detach() + (at[k] - meta[k]) for k in meta}
        return method.loss(moved, episodes.query_inputs, episodes.query_targets).mean()

    assert inner(gradients, way) == pytest.approx(slope(query, meta, way), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", NETWORKS)
def test_each_task_has_its_own_network(name):
    network, episodes = made(name), data()
    start = initial_parameters(network)
    noise = [random_way(start, seed) for seed in range(3)]
    many = {k: torch.stack([v + 0.1 * noise[task][k] for task in range(3)]) for k, v in start.items()}
    losses = task_loss(network, F.mse_loss)(many, episodes.support_inputs, episodes.support_targets)
    for task in range(3):
        alone = made(name)
        alone.load_state_dict({k: v[task] for k, v in many.items()}, strict=False)
        expected = F.mse_loss(alone(episodes.support_inputs[task]), episodes.support_targets[task])
        torch.testing.assert_close(losses[task], expected.detach(), rtol=1e-12, atol=1e-12)


def test_frozen_and_unused_parameters_stay_as_they_are():
    for name, method in (("frozen", MAML), ("unused", MAML), ("unused", Joint), ("unused", Reptile)):
        network = made(name)
        before = {k: v.clone() for k, v in network.state_dict().items()}
        start = initial_parameters(network)
        assert not any(key.startswith("body") for key in start)
        config = supervised.TrainConfig(iterations=3, meta_batch=3, report_every=1)
        method = method(task_loss(network, F.mse_loss), 0.1)
        learned, history = supervised.train(method, start, lambda n, g: data(n), config, seeded(), description=None)
        assert len(history["loss"]) == 3 and not torch.equal(learned["head.bias"], start["head.bias"])
        assert all(torch.equal(learned[k], start[k]) for k in start if k.startswith("forgotten"))
        assert all(torch.equal(value, before[k]) for k, value in network.state_dict().items())


def test_the_gradient_of_tied_weights_is_the_sum():
    network, episodes = made("tied"), data(1)
    untied = made("tied")
    untied.head.weight = nn.Parameter(untied.body.weight.detach().clone())
    inputs, targets = episodes.support_inputs, episodes.support_targets
    start = {k: v.requires_grad_() for k, v in repeat_parameters(initial_parameters(network), 1).items()}
    assert set(start) == {"body.weight", "head.bias"}
    task_loss(network, F.mse_loss)(start, inputs, targets).sum().backward()
    F.mse_loss(untied(inputs[0]), targets[0]).backward()
    torch.testing.assert_close(
        start["body.weight"].grad[0] if start["body.weight"].is_leaf else start["body.weight"].grad,
        untied.body.weight.grad + untied.head.weight.grad,
    )


class WronglyBatched(torch.autograd.Function):
    """x² with the right values and gradients, except that under vmap the gradient's own derivative is half a per cent
    off."""

    @staticmethod
    def forward(x):
        return x * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 2 * ctx.saved_tensors[0]

    @staticmethod
    def vmap(info, dims, x):
        assert dims == (0,)
        return 0.995 * x * x + 0.01 * x.detach() * x - 0.005 * x.detach() ** 2, 0


class Square(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 2)

    def forward(self, inputs):
        return WronglyBatched.apply(self.head(inputs.mean(1)))


def test_falls_back_where_vmap_has_a_wrong_second_derivative():
    """Only the second derivative is wrong, by half a per cent: the meta-gradient is right all the same."""
    network, episodes = Square().double(), data()
    loss = task_loss(network, F.mse_loss)
    start = initial_parameters(network)
    many = repeat_parameters(start, 3)
    with pytest.warns(UserWarning, match="gives it another second derivative than one task alone has"):
        loss(many, episodes.support_inputs, episodes.support_targets)
    assert loss.batched is False
    method = MAML(loss, 0.3, 2)
    gradients, _ = method.direction(start, episodes)
    way = random_way(start)
    expected = slope(lambda at: method.outer_loss(at, episodes).mean(), start, way)
    assert inner(gradients, way) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    with pytest.raises(ValueError, match="batched must be False for this module"):
        task_loss(network, F.mse_loss, batched=True)(many, episodes.support_inputs, episodes.support_targets)


def test_says_once_that_it_falls_back():
    network, episodes = made("GRU"), data()
    loss = task_loss(network, F.mse_loss)
    start = repeat_parameters(initial_parameters(network), 3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            loss(start, episodes.support_inputs, episodes.support_targets)
    own = [w for w in caught if "task_loss" in str(w.message)]
    assert len(own) == 1 and own[0].filename == __file__
    assert "Recurrent one task after another, because torch.vmap fails with it (Batching rule" in str(own[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told = task_loss(network, F.mse_loss, batched=False)
        told(start, episodes.support_inputs, episodes.support_targets)


def test_dropout_runs_in_turn_and_leaves_the_generator_alone():
    network = nn.Sequential(nn.Linear(3, 8), nn.Dropout(), nn.Linear(8, 1))
    start, inputs = repeat_parameters(initial_parameters(network), 2), torch.ones(2, 4, 3)
    loss = task_loss(network, F.mse_loss)
    torch.manual_seed(0)
    first = loss(start, inputs, torch.ones(2, 4, 1))
    torch.manual_seed(0)
    assert torch.equal(first, loss(start, inputs, torch.ones(2, 4, 1))) and first[0] != first[1]


def test_running_statistics_as_constants():
    network = Normalised(nn.BatchNorm1d(4)).double().eval()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    episodes = data()
    loss = task_loss(network, F.mse_loss)
    method = MAML(loss, 0.3)
    gradients, _ = method.direction(initial_parameters(network), episodes)
    assert loss.batched and all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_a_network_with_single_precision_in_its_code():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(4, 2)

        def forward(self, inputs):
            return inputs @ torch.eye(4, dtype=torch.float32) @ self.head.weight.float().T + self.head.bias

    network = Mixed()
    loss = task_loss(network, F.mse_loss)
    start = repeat_parameters(initial_parameters(network), 3)
    assert loss(start, torch.ones(3, 5, 4), torch.ones(3, 5, 2)).shape == (3,) and loss.batched


def test_measures_chunks_and_tracing():
    network = MLP((3, 8, 4), torch.tanh, seeded(), dtype=torch.float64)
    generator = seeded(2)
    inputs = torch.randn(5, 6, 3, generator=generator, dtype=torch.float64)
    labels = torch.randint(4, (5, 6), generator=generator)
    episodes = FewShot(inputs, labels, inputs.flip(1), labels.flip(1))

    def accuracy(logits, targets):
        return (logits.argmax(-1) == targets).double().mean()

    method = MAML(task_loss(network, F.cross_entropy), 0.2)
    pieces = MAML(task_loss(network, F.cross_entropy, chunk=2), 0.2)
    start = initial_parameters(network)
    whole = method.direction(start, episodes)
    for one, other in zip(whole[0].values(), pieces.direction(start, episodes)[0].values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    traced = supervised.trace_direction(MAML(task_loss(network, F.cross_entropy), 0.2), start, episodes)
    for one, other in zip(whole[0].values(), traced(start, episodes)[0].values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    curve = supervised.adaptation_curve(method, start, episodes, (0, 3), task_loss(network, accuracy))
    assert curve.shape == (5, 2) and 0 <= float(curve.min()) <= float(curve.max()) <= 1


def test_adapt_leaves_unused_parameters():
    start = repeat_parameters({"used": torch.tensor([1.0]), "unused": torch.tensor([2.0])}, 2)
    for create_graph in (True, False):
        moved = adapt(start, lambda p: p["used"].square().sum(1), 0.1, 3, create_graph)
        assert moved["unused"].tolist() == [[2.0], [2.0]]
        torch.testing.assert_close(moved["used"], torch.full((2, 1), 0.8**3))
