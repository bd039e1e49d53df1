"""What several checks of chapter 09 draw, look at and compare with."""

import torch

from metarl_core.check import Wrong
from metarl_core.check.compare import difference


def stop_ratio(x):
    """1, with the gradient of x: DiCE's magic box."""
    return (x - x.detach()).exp()


def draw_padded(draw, shape):
    """(log π, mask [*shape]): episodes of at least one step; in the padding of log π stands anything."""
    lengths = draw.integers(1, shape[-1], *shape[:-1])
    lengths.view(-1)[0] = shape[-1] if shape[-1] > 50 else lengths.view(-1)[0]
    mask = torch.arange(shape[-1]) < lengths[..., None]
    log_pi = draw.normal(
        *shape, scale=draw.choice(0.5, 2.0), mean=draw.choice(-1.0, -3.0)
    )  # of a density: above 0, too
    return padded(draw, log_pi, mask), mask


def padded(draw, values, mask):
    """`values` with anything where the mask is false: as it was, 0, very large, infinite, or no number at all."""
    filler = draw.choice(None, None, 0.0, 1e6, float("inf"), float("-inf"), float("nan"))
    return values if filler is None else values.masked_fill(~mask, filler)


PAST_THE_END = "the padding holds infinite numbers or NaN"


def past_the_end(mask, *values):
    """Notes of a case with padding."""
    return {
        "an episode ends before the last column": not mask.all(),
        PAST_THE_END: any(not value[~mask].isfinite().all() for value in values),
    }


def scalar(value, name):
    """`value`; TypeError unless it is a tensor without axes."""
    if not isinstance(value, torch.Tensor) or value.shape:
        raise TypeError(f"{name} must return one number as a tensor without axes.")
    return value


def slopes(value, leaves, create_graph=False):
    """Derivatives of `value` with respect to each of the leaves; zero where it does not depend on one."""
    if not value.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    found = torch.autograd.grad(value, leaves, create_graph=create_graph, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, leaves, strict=True)]


def close(got, expected):
    """Whether what was seen agrees with what is expected, as the checks of this chapter compare them."""
    return difference(got, expected, None, None) is None


GRAPH = "a graph that leads back to the argument"


def without_graph(argument):
    """The misconception of a result that does not depend on its argument for autograd."""
    return Wrong(
        "no_graph",
        f"Your result carries no graph that leads back to {argument}, so that it has no derivatives. Where is it cut?",
        when=lambda got, *arguments: not got[GRAPH],
    )


PADDING_MULTIPLIED = Wrong(
    "padding_multiplied",
    "Right wherever the padding is finite. Where it is infinite or no number, your result is not finite: what is 0 "
    "times infinity?",
    when=lambda got, *arguments: _spoilt_by_padding(got, *arguments),
)


def _spoilt_by_padding(got, *arguments):
    mask = next(a for a in arguments if a.dtype == torch.bool)
    padding = [a[~mask] for a in arguments if a.shape == mask.shape and a.dtype != torch.bool]
    values = [torch.as_tensor(part, dtype=torch.float64) for part in got.values()]
    return any(not p.isfinite().all() for p in padding) and any(not v.isfinite().all() for v in values)
