"""The four-block convolutional network of few-shot classification, with parameters that may differ by task."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from metarl_core.arguments import check_shape
from metarl_core.parameters import Parameters

BLOCKS = 4
HEAD = (f"weight{BLOCKS}", f"bias{BLOCKS}")
"""names of the last, linear layer"""
NO_LABEL = torch.iinfo(torch.int64).min
"""what torch may leave out of the mean: by its own default, samples labelled -100 would be"""


def conv_net_parameters(
    ways: int,
    generator: torch.Generator,
    channels: int = 32,
    side: int = 28,
    inputs: int = 1,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Parameters:
    """Initial parameters of four blocks, `weight{i}` `[out, in, 3, 3]`, `scale{i}`, `shift{i}` `[out]`, and the head.

    Weights are uniform on ±1/√fan_in with fan_in = 9 in (the head: in), as torch draws them; on the generator's device
    and in torch's default dtype unless given.

    Raises:
        ValueError: for fewer than one class, channel, input or pixel.
    """
    if min(ways, channels, side, inputs) < 1:
        raise ValueError(f"ways, channels, side and inputs must be at least 1, got {ways, channels, side, inputs}.")

    def uniform(*shape: int) -> Tensor:
        unit = torch.rand(shape, generator=generator, device=generator.device, dtype=dtype)
        return (2 * unit - 1) / math.sqrt(math.prod(shape[1:]))

    def constant(value: float, size: int) -> Tensor:
        return torch.full((size,), value, device=generator.device, dtype=dtype or torch.get_default_dtype())

    parameters: Parameters = {}
    for block in range(BLOCKS):
        parameters[f"weight{block}"] = uniform(channels, channels if block else inputs, 3, 3)
        parameters[f"scale{block}"] = constant(1.0, channels)
        parameters[f"shift{block}"] = constant(0.0, channels)
    for _ in range(BLOCKS):
        side = math.ceil(side / 2)
    parameters[HEAD[0]] = uniform(ways, channels * side**2)
    parameters[HEAD[1]] = constant(0.0, ways)
    return {name: value.to(device) for name, value in parameters.items()}


def conv_features(parameters: Parameters, images: Tensor, support: Tensor | None = None) -> Tensor:
    """Four blocks of 3×3 convolution with stride 2, batch normalisation and rectifier (Finn et al. 2017, 5.2).

    Batch statistics only, and no running averages: those would be shared by all tasks, and leak.

    Args:
        parameters: `[task, ...]` each (see `repeat_parameters`).
        images: `[task, sample, channel, side, side]`.
        support: `[task, sample, ...]` images whose statistics normalise `images`, sample by sample independently of
            each other. Without it the images of a task are normalised together: if these are test images, each
            prediction depends on the other test images (*transductive*, as in the MAML paper's code).

    Returns:
        `[task, sample, feature]`.

    Raises:
        ValueError: for images of another shape, or of other tasks than the parameters.
    """
    if "weight0" not in parameters or parameters["weight0"].ndim != 5:
        raise ValueError("parameters must be those of conv_net_parameters, [task, ...] each (see repeat_parameters).")
    tasks, _, channels = parameters["weight0"].shape[:3]
    for name, batch in (("images", images), ("support", images if support is None else support)):
        check_shape(name, batch, tasks, "sample", channels, "side", "side")
    if support is None:
        return _blocks(parameters, images, None)
    joined = _blocks(parameters, torch.cat([support, images], 1), support.shape[1])
    return joined[:, support.shape[1] :]


def _blocks(parameters: Parameters, images: Tensor, normalise_by: int | None) -> Tensor:
    tasks, samples = images.shape[:2]
    # One grouped convolution for all tasks: the tasks become groups of channels.
    hidden = images.transpose(0, 1).flatten(1, 2)
    for block in range(BLOCKS):
        weight = parameters[f"weight{block}"].flatten(0, 1)
        hidden = F.conv2d(hidden, weight, stride=2, padding=1, groups=tasks)
        scale, shift = parameters[f"scale{block}"].flatten(), parameters[f"shift{block}"].flatten()
        if normalise_by is None:
            hidden = F.batch_norm(hidden, None, None, scale, shift, training=True)
        else:
            variance, mean = torch.var_mean(hidden[:normalise_by], (0, 2, 3), correction=0)
            factor = (variance + 1e-5).rsqrt() * scale
            hidden = hidden * factor[:, None, None] + (shift - mean * factor)[:, None, None]
        hidden = hidden.relu()
    return hidden.reshape(samples, tasks, -1).transpose(0, 1)


def conv_net(parameters: Parameters, images: Tensor, support: Tensor | None = None) -> Tensor:
    """Logits `[task, sample, class]`; arguments as for `conv_features`."""
    features = conv_features(parameters, images, support)
    return torch.baddbmm(parameters[HEAD[1]].unsqueeze(1), features, parameters[HEAD[0]].mT)


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over the samples of each task: logits `[task, sample, class]`, labels `[task, sample]`, to `[task]`.

    Raises:
        ValueError: for logits and labels of different shapes, or labels that are no integers or (on the CPU: elsewhere
            torch stops at them itself) no number of a class.
    """
    _check_labels(logits, targets)
    try:
        each = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=NO_LABEL, reduction="none")
    except IndexError:  # to look at the labels beforehand would make every call wait for them
        _check_range(logits, targets)
        raise
    return each.reshape(targets.shape).mean(1)


def accuracy(logits: Tensor, targets: Tensor) -> Tensor:
    """Share of samples whose largest logit is that of their label, `[task]`; arguments as for `cross_entropy`."""
    _check_labels(logits, targets)
    _check_range(logits, targets)
    return (logits.argmax(-1) == targets).to(logits.dtype).mean(1)


def _check_labels(logits: Tensor, targets: Tensor) -> None:
    check_shape("logits", logits, "task", "sample", "class")
    check_shape("targets", targets, *logits.shape[:2])
    if targets.dtype != torch.int64:
        raise ValueError(f"targets must be labels of type torch.int64, got {targets.dtype}.")


def _check_range(logits: Tensor, targets: Tensor) -> None:
    classes = logits.shape[-1]
    outside = targets[(targets < 0) | (targets >= classes)]
    if len(outside):
        raise ValueError(f"targets must be labels from 0 to {classes - 1}, got {int(outside[0])}.")
