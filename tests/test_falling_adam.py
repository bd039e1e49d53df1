"""The falling rate of the baselines' Adam, against torch's own optimiser and scheduler."""

import torch

from metarl_core.recipes.falling_adam import FallingAdam


def test_the_rate_falls_as_torchs_scheduler_lets_it():
    generator = torch.Generator().manual_seed(0)
    start, gradients = torch.randn(5, generator=generator), torch.randn(8, 5, generator=generator)
    ours, theirs = start.clone().requires_grad_(), start.clone().requires_grad_()
    falling, adam = FallingAdam([ours], lr=0.1, updates=8), torch.optim.Adam([theirs], lr=0.1)
    schedule = torch.optim.lr_scheduler.LinearLR(adam, 1.0, 0.0, total_iters=8)
    for gradient in gradients:
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        falling.step()
        adam.step()
        schedule.step()
        torch.testing.assert_close(ours, theirs)
    before = ours.detach().clone()
    ours.grad = gradients[0].clone()
    falling.step()
    assert torch.equal(ours, before), "after its updates it stands still"
