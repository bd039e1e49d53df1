"""Three tasks in the plane, and where meta-training settles: the optima of MAML, FOMAML and joint training.

All methods follow one direction, v_k = (I − α H(θ_k)) v_{k+1} from v_K = ∇L(θ_K) backwards, averaged over tasks; FOMAML
leaves the factors out, and joint training takes no inner step. Losses are L = log(1 + b q) / b of quadratics
q = ½ (θ − c)ᵀ A (θ − c), so their gradients and Hessians are known; b → 0 gives the quadratics themselves.
"""

from typing import NamedTuple

import numpy as np

from metarl_core.arguments import check_at_least, check_count, check_one_of, check_step_size

METHODS = ("MAML", "FOMAML", "joint training")


class Landscape(NamedTuple):
    """Tasks in the plane: curvatures `[task, 2, 2]`, centres `[task, 2]`, and how much the losses bend (b)."""

    curvature: np.ndarray
    centre: np.ndarray
    bend: float = 0.0


def landscape(spread: float = 1.3, contrast: float = 8.0, bend: float = 0.0) -> Landscape:
    """One steep task, one flat one, one that is steep in one direction only; `contrast` is steep over flat.

    Args:
        spread: distance of the centres from the origin.
        contrast: at least 1.
        bend: b of the losses, at least 0.

    Raises:
        ValueError: for a negative spread or bend, and a contrast below 1.
    """
    check_at_least("spread", spread, 0)
    check_at_least("contrast", contrast, 1)
    check_at_least("bend", bend, 0)
    flat = 0.3
    eigenvalues = np.array([[1.0, 0.8], [0.0, 0.2], [1.0, 0.0]]) * (contrast - 1) * flat + flat
    angles = np.radians([20.0, 60.0, -35.0])
    turn = np.array([[np.cos(angles), -np.sin(angles)], [np.sin(angles), np.cos(angles)]]).transpose(2, 0, 1)
    curvature = np.einsum("tij,tj,tkj->tik", turn, eigenvalues, turn)
    places = np.radians([95.0, 215.0, 330.0])
    return Landscape(curvature, spread * np.stack([np.cos(places), np.sin(places)], 1), bend)


def _check_points(tasks: Landscape, theta: np.ndarray) -> None:
    if np.ndim(theta) < 2 or np.shape(theta)[-2] not in (1, len(tasks.centre)) or np.shape(theta)[-1] != 2:
        raise ValueError(f"theta must have shape [..., {len(tasks.centre)}, 2], got {list(np.shape(theta))}.")


def landscape_losses(tasks: Landscape, theta: np.ndarray) -> np.ndarray:
    """L of each task `[..., task]`; theta `[..., task, 2]`, or `[..., 1, 2]` for the same point in all.

    Raises:
        ValueError: for a theta of another shape.
    """
    _check_points(tasks, theta)
    offset = theta - tasks.centre
    q = 0.5 * np.einsum("...ti,tij,...tj->...t", offset, tasks.curvature, offset)
    losses: np.ndarray = np.log1p(tasks.bend * q) / tasks.bend if tasks.bend else q
    return losses


def landscape_gradients(tasks: Landscape, theta: np.ndarray) -> np.ndarray:
    """∇L of each task, `[..., task, 2]`; theta and errors as for `landscape_losses`."""
    _check_points(tasks, theta)
    offset = theta - tasks.centre
    slope = np.einsum("tij,...tj->...ti", tasks.curvature, offset)
    gradient: np.ndarray = slope / (1 + tasks.bend * 0.5 * (slope * offset).sum(-1, keepdims=True))
    return gradient


def _hessian_products(tasks: Landscape, theta: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """H v of each task, `[..., task, 2]`; H = A / (1 + b q) − b g gᵀ with g = ∇L."""
    offset = theta - tasks.centre
    slope = np.einsum("tij,...tj->...ti", tasks.curvature, offset)
    scale = 1 + tasks.bend * 0.5 * (slope * offset).sum(-1, keepdims=True)
    g = slope / scale
    straight = np.einsum("tij,...tj->...ti", tasks.curvature, vector) / scale
    product: np.ndarray = straight - tasks.bend * g * (g * vector).sum(-1, keepdims=True)
    return product


def adapt_in_plane(tasks: Landscape, theta: np.ndarray, inner_lr: float, steps: int) -> np.ndarray:
    """θ and the points after 1, …, `steps` gradient steps on each task, `[steps + 1, ..., task, 2]`; theta `[..., 2]`.

    Raises:
        ValueError: for a theta of another shape, and a negative rate or number of steps.
    """
    if np.shape(theta)[-1:] != (2,):
        raise ValueError(f"theta must have shape [..., 2], got {list(np.shape(theta))}.")
    check_step_size("inner_lr", inner_lr, zero=True)
    check_count("steps", steps, 0)
    path = [np.broadcast_to(theta[..., None, :], (*theta.shape[:-1], len(tasks.centre), 2))]
    for _ in range(steps):
        path.append(path[-1] - inner_lr * landscape_gradients(tasks, path[-1]))
    return np.stack(path)


def meta_direction(tasks: Landscape, theta: np.ndarray, inner_lr: float, steps: int, method: str) -> np.ndarray:
    """What the method descends along, mean over tasks, `[..., 2]`; theta `[..., 2]`.

    Raises:
        ValueError: for a method that is none of `METHODS`, and what `adapt_in_plane` refuses.
    """
    check_one_of("method", method, METHODS)
    path = adapt_in_plane(tasks, theta, inner_lr, 0 if method == "joint training" else steps)
    vector = landscape_gradients(tasks, path[-1])
    if method == "MAML":
        for point in path[-2::-1]:
            vector = vector - inner_lr * _hessian_products(tasks, point, vector)
    mean: np.ndarray = vector.mean(-2)
    return mean


def resting_point(
    tasks: Landscape, inner_lr: float, steps: int, method: str, iterations: int = 150
) -> np.ndarray | None:
    """Where the method comes to rest from the origin; None where it runs away.

    Its step is 0.8 over the size of the direction's Jacobian (by differences), so that no task distribution needs
    a step size of its own.

    Raises:
        ValueError: for less than one iteration, and what `meta_direction` refuses.
    """
    check_count("iterations", iterations)
    theta, shift = np.zeros(2), 1e-4
    for _ in range(iterations):
        around = meta_direction(tasks, theta + shift * np.array([[0, 0], [1, 0], [0, 1]]), inner_lr, steps, method)
        size = float(np.linalg.norm(around[1:] - around[0])) / shift
        move = 0.8 * around[0] / max(size, 1e-3)
        theta = theta - move * min(1.0, 0.5 / max(float(np.linalg.norm(move)), 1e-12))
        if not np.abs(theta).max() < 50:
            return None
        if np.linalg.norm(move) < 1e-7:
            break
    return theta
