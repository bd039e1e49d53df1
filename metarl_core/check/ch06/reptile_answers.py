"""A step of Reptile: by hand, and with one thing or another done wrong."""

import torch


def by_hand(theta, tasks, alpha, epsilon):
    ends = []
    for minibatches in tasks:
        phi = theta
        for loss in minibatches:
            phi = phi - alpha * loss.slope(phi)
        ends.append(phi)
    return theta + epsilon * (sum(ends) / len(ends) - theta)


def reptile(pick=lambda losses: losses, moves=True, keep=slice(None), join=None, leak=False, reduce=torch.sum):
    """Reptile with faults: which losses, whether φ moves, which of its gradients count, what is made of the ends."""

    def answer(theta, tasks, alpha, epsilon):
        found, at = [], theta
        for minibatches in tasks:
            start = phi = at if leak else theta
            slopes = []
            for loss in pick(minibatches):
                slopes.append(loss.slope(phi if moves else start))
                phi = phi - alpha * slopes[-1]
            at = start - alpha * reduce(torch.stack(slopes[keep]), 0)
            found.append(at)
        ends = torch.stack(found)
        return theta + epsilon * (ends.mean(0) - theta) if join is None else join(theta, ends, alpha, epsilon)

    return answer


def every_point(theta, tasks, alpha, epsilon):
    """Towards the mean of all points of the inner loops, not only of their ends."""
    pieces = [losses[: i + 1] for losses in tasks for i in range(len(losses))]
    return by_hand(theta, pieces, alpha, epsilon)


def first_missing(theta, tasks, alpha, epsilon):
    return by_hand(theta, [losses[1:] for losses in tasks], alpha, epsilon)


def rate_shared(theta, tasks, alpha, epsilon):
    return by_hand(theta, tasks, alpha / len(tasks[0]), epsilon)


def serial(theta, tasks, alpha, epsilon):
    for minibatches in tasks:
        theta = reptile()(theta, [minibatches], alpha, epsilon)
    return theta
