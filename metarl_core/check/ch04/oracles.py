"""What several checks of chapter 04 compare with."""

import torch


def slopes_of(loss, leaves):
    """Gradients of a loss, zero where it does not depend on a leaf. Raises TypeError unless the loss is a tensor."""
    if not isinstance(loss, torch.Tensor):
        raise TypeError("only a tensor has a gradient")
    asking = [leaf for leaf in leaves if leaf.requires_grad] if loss.requires_grad else []
    found = torch.autograd.grad(loss.sum(), asking, allow_unused=True) if asking else []
    slopes = dict(zip(map(id, asking), found, strict=True))
    return [torch.zeros_like(leaf) if slopes.get(id(leaf)) is None else slopes[id(leaf)] for leaf in leaves]
