"""A generator of one's own."""

import torch

from metarl_core.randomness import seeded


def test_the_same_seed_gives_the_same_draws_whatever_else_is_drawn():
    first = torch.rand(5, generator=seeded(3))
    torch.manual_seed(1)
    torch.rand(7)
    assert torch.equal(torch.rand(5, generator=seeded(3)), first)
    assert not torch.equal(torch.rand(5, generator=seeded(4)), first)
    assert torch.equal(first, torch.rand(5, generator=torch.Generator().manual_seed(3)))
