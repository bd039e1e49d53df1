"""The convolutional network against torch's own layers, task by task, and its batch statistics."""

import pytest
import torch

from metarl_core.meta import MAML, Prototypes, supervised
from metarl_core.networks import HEAD, accuracy, conv_features, conv_net, conv_net_parameters, cross_entropy
from metarl_core.parameters import repeat_parameters
from metarl_core.tasks import FewShot


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def reference(parameters, channels=4, side=28):
    """The same network from torch.nn layers, for one task."""
    layers, inputs = [], 1
    for block in range(4):
        conv = torch.nn.Conv2d(inputs, channels, 3, stride=2, padding=1, bias=False)
        norm = torch.nn.BatchNorm2d(channels, track_running_stats=False)
        conv.weight.data = parameters[f"weight{block}"]
        norm.weight.data, norm.bias.data = parameters[f"scale{block}"], parameters[f"shift{block}"]
        layers += [conv, norm, torch.nn.ReLU()]
        inputs = channels
    head = torch.nn.Linear(parameters[HEAD[0]].shape[1], parameters[HEAD[0]].shape[0])
    head.weight.data, head.bias.data = parameters[HEAD[0]], parameters[HEAD[1]]
    return torch.nn.Sequential(*layers, torch.nn.Flatten(), head).double()


def different(tasks=3, channels=4):
    """Parameters `[task, ...]` in float64, all different, scale and shift included."""
    many = [conv_net_parameters(5, seeded(task), channels) for task in range(tasks)]
    generator = seeded(9)
    return {
        name: torch.stack(
            [(one[name] + 0.3 * torch.randn(one[name].shape, generator=generator)) for one in many]
        ).double()
        for name in many[0]
    }


def images(tasks=3, samples=6, seed=1):
    return torch.rand(tasks, samples, 1, 28, 28, generator=seeded(seed)).double()


def test_each_task_has_its_own_network():
    parameters, data = different(), images()
    found = conv_net(parameters, data)
    assert found.shape == (3, 6, 5)
    for task in range(3):
        own = {name: value[task] for name, value in parameters.items()}
        torch.testing.assert_close(found[task], reference(own)(data[task]).detach(), rtol=1e-9, atol=1e-9)


def test_statistics_of_the_support_set_keep_query_images_apart():
    parameters, support, query = different(), images(seed=2), images(seed=3)
    together = conv_net(parameters, query, support)
    alone = torch.cat([conv_net(parameters, query[:, [i]], support) for i in range(6)], 1)
    torch.testing.assert_close(together, alone, rtol=1e-9, atol=1e-9)
    transductive = conv_net(parameters, query)
    fewer = conv_net(parameters, query[:, :3])
    assert not torch.allclose(transductive[:, :3], fewer, rtol=1e-2)
    torch.testing.assert_close(conv_net(parameters, query, query), transductive, rtol=1e-8, atol=1e-8)


def test_no_statistics_leak_between_tasks():
    parameters, data = different(), images()
    alone = {name: value[[1]] for name, value in parameters.items()}
    torch.testing.assert_close(conv_net(alone, data[[1]]), conv_net(parameters, data)[[1]], rtol=1e-9, atol=1e-9)


def episodes(tasks=4, seed=5, ways=3):
    """Classes that differ by a bright quarter of the image, under noise."""
    generator = seeded(seed)
    corner = torch.stack([torch.randperm(4, generator=generator)[:ways] for _ in range(tasks)])

    def draw(samples):
        labels = torch.arange(ways).repeat(tasks, samples)
        picture = 0.5 * torch.rand(tasks, ways * samples, 1, 28, 28, generator=generator)
        for task in range(tasks):
            for place, label in enumerate(labels[task]):
                row, column = divmod(int(corner[task, label]), 2)
                picture[task, place, 0, 14 * row : 14 * row + 14, 14 * column : 14 * column + 14] += 0.5
        return picture, labels

    return FewShot(*draw(1), *draw(2))


def loss(parameters, inputs, targets):
    return cross_entropy(conv_net(parameters, inputs), targets)


def right(parameters, inputs, targets):
    return accuracy(conv_net(parameters, inputs), targets)


@pytest.mark.parametrize("first_order", [False, True])
def test_meta_gradient_in_chunks(first_order):
    start = {name: value.double() for name, value in conv_net_parameters(3, seeded(), 4).items()}
    data = FewShot(*(v.double() if v.is_floating_point() else v for v in episodes(5)))
    method = MAML(loss, 0.1, 2, first_order)
    whole, pieces = method.direction(start, data), supervised.in_chunks(method.direction, start, data, 2)
    torch.testing.assert_close(pieces[1], whole[1])
    for name, value in whole[0].items():
        torch.testing.assert_close(pieces[0][name], value, rtol=1e-8, atol=1e-12)


def test_meta_gradient_through_convolution_and_normalisation():
    """A directional derivative of the outer loss, in float64."""
    start = {name: value.double() for name, value in conv_net_parameters(3, seeded(), 4).items()}
    data = FewShot(*(v.double() if v.is_floating_point() else v for v in episodes(3)))
    method, generator = MAML(loss, 0.1, 1), seeded(3)
    gradients, _ = method.direction(start, data)
    way = {k: torch.randn(v.shape, generator=generator, dtype=v.dtype) for k, v in start.items()}
    sides = [
        float(method.outer_loss({k: v + sign * 1e-6 * way[k] for k, v in start.items()}, data).mean().detach())
        for sign in (1, -1)
    ]
    slope = sum(float((gradients[name] * way[name]).sum()) for name in start)
    assert slope == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-4)


@pytest.mark.parametrize("method", [MAML(loss, 0.4), Prototypes(loss, conv_features, HEAD)], ids=["MAML", "prototypes"])
def test_learns_to_tell_new_classes_apart(method):
    start = method.initial(conv_net_parameters(3, seeded(), 8))
    config = supervised.TrainConfig(iterations=40, meta_batch=4, outer_lr=1e-2, report_every=10)

    def sample(tasks, generator):
        return episodes(tasks, int(torch.randint(2**30, (), generator=generator)))

    learned, _ = supervised.train(method, start, sample, config, seeded(1))
    curve = supervised.adaptation_curve(method, learned, episodes(20, seed=77), (1,), right)
    assert float(curve.mean()) > 0.8  # chance is 1/3


def test_small_functions_and_errors():
    logits = torch.tensor([[[2.0, 0.0], [0.0, 1.0]]])
    assert accuracy(logits, torch.tensor([[0, 0]])).tolist() == [0.5]

    torch.testing.assert_close(
        cross_entropy(logits, torch.tensor([[0, 1]]))[0], -logits[0].log_softmax(-1).diagonal().mean()
    )
    assert repeat_parameters(conv_net_parameters(5, seeded()), 2)[HEAD[0]].shape == (2, 5, 128)
    with pytest.raises(ValueError, match="at least 1"):
        conv_net_parameters(0, seeded())
