"""Meta-RL beside a plain per-task loop: `python -m benchmarks.meta_rl`.

One thread, point navigation at the released setting of the MAML paper: 20 tasks × 20 episodes × 100 steps before and
after adaptation, policy 100-100. The reference is written as public code writes it (pytorch-maml-rl, learn2learn): one
task after another, a vector of Gymnasium environments stepped in Python with a call of the policy for each step,
`create_graph` per task, and for TRPO the Hessian of the divergence by differentiating twice through each task's
adaptation. Both compute the same gradients from the same trajectories, which is checked first.
"""

import importlib.metadata
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import gymnasium
import numpy as np
import torch
from gymnasium.vector import SyncVectorEnv
from torch import Tensor, nn
from torch.distributions import Independent, Normal, kl_divergence
from torch.func import functional_call
from tqdm.auto import tqdm

from metarl_core.agents import GaussianPolicy, linear_baseline, normalise, reward_to_go
from metarl_core.meta import OuterAdam, OuterTRPO, PolicyMAML, meta_gradient
from metarl_core.meta.policies.maml import MetaBatch
from metarl_core.parameters import Parameters, initial_parameters
from metarl_core.results import write_benchmark
from metarl_core.results.tables import processor
from metarl_core.tasks import PointNavigation, rollout

TASKS, EPISODES, INNER_LR = 20, 20, 0.5


class WalkToGoal(gymnasium.Env):
    """`PointNavigation()` as one would write it by hand for Gymnasium."""

    def __init__(self, goal: np.ndarray, horizon: int = 100):
        self.goal, self.horizon = goal, horizon
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), dtype=np.float32)
        self.action_space = gymnasium.spaces.Box(-1, 1, (2,), dtype=np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.position, self.time = np.zeros(2, dtype=np.float32), 0
        return self.position, {}

    def step(self, action):
        self.position = self.position + 0.1 * np.clip(action, -1, 1)
        self.time += 1
        offset = self.position - self.goal
        reached = bool((np.abs(offset) < 0.01).all())
        return self.position, -float(np.sqrt(offset @ offset)), reached, self.time >= self.horizon, {}


class Network(nn.Module):
    """The policy of the reference, with the same weights."""

    def __init__(self, policy: GaussianPolicy):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 2))
        self.log_std = nn.Parameter(policy.log_std.detach().clone())
        with torch.no_grad():
            for number, layer in enumerate(self.layers[::2]):
                layer.weight.copy_(policy.mean.get_parameter(f"weight{number}"))
                layer.bias.copy_(policy.mean.get_parameter(f"bias{number}"))

    def forward(self, observations: Tensor) -> Independent:
        return Independent(Normal(self.layers(observations), self.log_std.exp()), 1)


RENAME = {"log_std": "log_std"} | {
    f"layers.{2 * n}.{part}": f"mean.{part}{n}" for n in range(3) for part in ("weight", "bias")
}


class Episodes:
    """Trajectories of one task in the reference's form, `[episode, time, ...]`."""

    def __init__(self, observations: Tensor, actions: Tensor, rewards: Tensor, log_probabilities: Tensor, mask: Tensor):
        self.observations, self.actions, self.rewards, self.mask = observations, actions, rewards, mask
        self.log_probabilities = log_probabilities
        to_go = reward_to_go(rewards, 0.99)
        baseline = linear_baseline(observations[None], to_go[None], mask[None])[0]
        self.advantage = normalise(((to_go - baseline) * mask)[None], mask[None])[0]


class PlainLoop:
    """One task after another."""

    def __init__(self, network: Network, goals: np.ndarray, horizon: int = 100):
        self.network, self.horizon = network, horizon
        self.environments = [SyncVectorEnv([lambda goal=goal: WalkToGoal(goal, horizon)] * EPISODES) for goal in goals]

    @torch.no_grad()
    def sample(self, environments: SyncVectorEnv, parameters: dict) -> Episodes:
        """One batch of episodes: the policy is called at each step."""
        observation, _ = environments.reset()
        running = np.ones(EPISODES, dtype=bool)
        steps: list[tuple] = []
        while running.any():
            distribution = functional_call(self.network, parameters, torch.from_numpy(observation))
            action = distribution.sample()
            following, reward, terminated, truncated, _ = environments.step(action.numpy())
            steps.append((observation.copy(), action, reward, distribution.log_prob(action), running))
            running = running & ~(terminated | truncated)
            observation = following
        missing = self.horizon - len(steps)
        parts = []
        for values in zip(*steps, strict=True):
            stacked = torch.stack([torch.as_tensor(value) for value in values], 1)
            parts.append(torch.cat([stacked, stacked.new_zeros(EPISODES, missing, *stacked.shape[2:])], 1))
        observations, actions, rewards, log_probabilities, mask = parts
        return Episodes(observations, actions, rewards.float() * mask, log_probabilities, mask)

    def surrogate(self, parameters: dict, data: Episodes) -> Tensor:
        log_probability = functional_call(self.network, parameters, data.observations).log_prob(data.actions)
        ratio = (log_probability - data.log_probabilities).exp()
        return -(ratio * data.advantage * data.mask).sum() / data.mask.sum()

    def adapt(self, parameters: dict, data: Episodes, create_graph: bool) -> dict:
        loss = self.surrogate(parameters, data)
        slopes = torch.autograd.grad(loss, list(parameters.values()), create_graph=create_graph)
        return {name: value - INNER_LR * g for (name, value), g in zip(parameters.items(), slopes, strict=True)}

    def collect(self) -> list[tuple[Episodes, Episodes]]:
        parameters = dict(self.network.named_parameters())
        pairs = []
        for environments in self.environments:
            support = self.sample(environments, parameters)
            adapted = self.adapt(parameters, support, create_graph=False)
            pairs.append((support, self.sample(environments, adapted)))
        return pairs

    def gradient(self, pairs: list[tuple[Episodes, Episodes]], first_order: bool = False) -> dict:
        parameters = dict(self.network.named_parameters())
        total = [torch.zeros_like(value) for value in parameters.values()]
        for support, query in pairs:
            loss = self.surrogate(self.adapt(parameters, support, not first_order), query) / len(pairs)
            for value, slope in zip(total, torch.autograd.grad(loss, list(parameters.values())), strict=True):
                value += slope
        return dict(zip(parameters, total, strict=True))

    def divergence(self, parameters: dict, pair: tuple[Episodes, Episodes], fixed: dict, create_graph: bool) -> Tensor:
        support, query = pair
        adapted = self.adapt(parameters, support, create_graph)
        with torch.no_grad():
            old = functional_call(self.network, fixed, query.observations)
        both = kl_divergence(old, functional_call(self.network, adapted, query.observations))
        return (both * query.mask).sum() / query.mask.sum()

    def hessian_product(self, pairs, fixed: list[dict], vector: Tensor) -> Tensor:
        """The Hessian of the mean divergence times a vector: twice through each task's adaptation, all samples."""
        parameters = dict(self.network.named_parameters())
        values = list(parameters.values())
        total = torch.zeros_like(vector)
        for pair, old in zip(pairs, fixed, strict=True):
            divergence = self.divergence(parameters, pair, old, create_graph=True)
            slope = nn.utils.parameters_to_vector(torch.autograd.grad(divergence, values, create_graph=True))
            total += nn.utils.parameters_to_vector(torch.autograd.grad(slope @ vector, values)) / len(pairs)
        return total + 1e-5 * vector

    def trust_region_step(self, pairs, max_kl: float = 0.01, iterations: int = 10) -> None:
        values = list(self.network.parameters())
        downhill = nn.utils.parameters_to_vector([g for g in self.gradient(pairs).values()])
        parameters = dict(self.network.named_parameters())
        fixed = [{k: v.detach() for k, v in self.adapt(parameters, pair[0], False).items()} for pair in pairs]
        solution, residual = torch.zeros_like(downhill), downhill.clone()
        direction, square = residual.clone(), residual @ residual
        for _ in range(iterations):
            image = self.hessian_product(pairs, fixed, direction)
            step = square / (direction @ image)
            solution, residual = solution + step * direction, residual - step * image
            square, before = residual @ residual, square
            direction = residual + square / before * direction
        curvature = solution @ self.hessian_product(pairs, fixed, solution)
        step = (2 * max_kl / curvature).sqrt() * solution
        start = nn.utils.parameters_to_vector(values).detach()
        before = self.judge(pairs, fixed)[0]
        for halved in range(10):
            nn.utils.vector_to_parameters(start - step / 2**halved, values)
            loss, divergence = self.judge(pairs, fixed)
            if loss < before and divergence <= max_kl:
                return
        nn.utils.vector_to_parameters(start, values)

    def judge(self, pairs, fixed) -> tuple[float, float]:
        parameters = dict(self.network.named_parameters())
        losses, divergences = [], []
        for pair, old in zip(pairs, fixed, strict=True):
            adapted = self.adapt(parameters, pair[0], False)
            losses.append(float(self.surrogate(adapted, pair[1]).detach()))
            divergences.append(float(self.divergence(parameters, pair, old, False).detach()))
        return statistics.mean(losses), statistics.mean(divergences)


def setting(seed: int = 0) -> tuple[PolicyMAML, Parameters, dict[str, Tensor]]:
    family = PointNavigation()
    generator = torch.Generator().manual_seed(seed)
    policy = GaussianPolicy(family.observation_space, family.action_space, generator=generator)
    method = PolicyMAML(family, policy, INNER_LR, episodes=EPISODES)
    return method, method.initial(initial_parameters(policy)), family.sample_tasks(TASKS, generator)


def as_episodes(batch: MetaBatch, task: int) -> tuple[Episodes, Episodes]:
    """Our trajectories in the reference's form."""
    pair = []
    for stage in (batch.support[0], batch.query):
        t = stage.trajectories
        pair.append(
            Episodes(t.observations[task], t.actions[task], t.rewards[task], t.log_probabilities[task], t.mask[task])
        )
    return pair[0], pair[1]


def check(method: PolicyMAML, meta: Parameters, tasks: dict[str, Tensor], loop: PlainLoop) -> None:
    """The same meta-gradient from the same trajectories.

    Raises:
        AssertionError: where they differ.
    """
    batch = method.collect(meta, tasks, torch.Generator().manual_seed(1))
    pairs = [as_episodes(batch, task) for task in range(TASKS)]
    for first_order in (False, True):
        expected, _ = meta_gradient(replace(method, first_order=first_order), meta, batch)
        for name, value in loop.gradient(pairs, first_order).items():
            error = float((value - expected[RENAME[name]]).norm() / value.norm())
            assert error < 2e-3, f"{name} has another gradient: relative error {error:.1e}"


def once(action: Callable[[], object]) -> float:
    begin = time.process_time()
    action()
    return time.process_time() - begin


def measure(turns: int = 3) -> dict:
    """Median processor seconds of sampling and of whole meta-iterations, the contenders taking turns."""
    method, meta, tasks = setting()
    network = Network(method.policy)
    loop = PlainLoop(network, tasks["goal"].numpy())
    check(method, meta, tasks, loop)
    generator = torch.Generator().manual_seed(2)
    plain = {name: value.detach() for name, value in network.named_parameters()}

    def sample_one() -> None:
        loop.sample(loop.environments[0], plain)

    def sample_step_by_step() -> None:
        """One environment, the policy called at every step, as in Gymnasium's own example."""
        environment = WalkToGoal(tasks["goal"][0].numpy())
        observation, _ = environment.reset()
        for _ in range(100):
            with torch.no_grad():
                action = functional_call(network, plain, torch.from_numpy(observation)).sample()
            observation, _, terminated, truncated, _ = environment.step(action.numpy())
            if terminated or truncated:
                break

    def ours(rule, **options) -> Callable[[], None]:
        own = replace(method, **options)
        leaves = {name: value.clone().requires_grad_() for name, value in meta.items()}
        updater = rule.begin(own, leaves)

        def iteration() -> None:
            drawn = method.family.sample_tasks(TASKS, generator)
            updater.update(own.collect(leaves, drawn, generator), generator)

        return iteration

    def theirs(outer: str) -> Callable[[], None]:
        copy = Network(method.policy)
        reference = PlainLoop(copy, tasks["goal"].numpy())
        optimiser = torch.optim.Adam(copy.parameters())

        def iteration() -> None:
            pairs = reference.collect()
            if outer == "TRPO":
                return reference.trust_region_step(pairs)
            found = reference.gradient(pairs, first_order=outer == "first order, Adam")
            for name, value in copy.named_parameters():
                value.grad = found[name]
            optimiser.step()

        return iteration

    actions = {
        "sampling: one Gymnasium environment": sample_step_by_step,
        "sampling: 20 in a SyncVectorEnv": sample_one,
        "sampling: metarl_core, 20 tasks × 20 episodes": lambda: rollout(
            method.family, tasks, method.policy, meta, EPISODES, generator
        ),
        "plain loop, TRPO": theirs("TRPO"),
        "metarl_core, TRPO": ours(OuterTRPO()),
        "metarl_core, TRPO, Hessian from all episodes": ours(OuterTRPO(hessian_episodes=EPISODES)),
        "plain loop, Adam": theirs("Adam"),
        "metarl_core, Adam": ours(OuterAdam()),
        "plain loop, first order, Adam": theirs("first order, Adam"),
        "metarl_core, first order, Adam": ours(OuterAdam(), first_order=True),
    }
    taken: dict[str, list[float]] = {name: [] for name in actions}
    for _ in tqdm(range(turns), desc="turns"):
        for name, action in actions.items():
            taken[name].append(once(action))
    return {name: statistics.median(values) for name, values in taken.items()}


def main() -> None:
    torch.set_num_threads(1)
    seconds = measure()
    steps = {"one": 100, "20 in": 2000, "metarl_core": 40000}
    rates = {
        name: next(count for key, count in steps.items() if key in name) / value
        for name, value in seconds.items()
        if name.startswith("sampling")
    }
    slowest = min(rates.values())
    for name, rate in rates.items():
        print(f"  {name:48}{rate:14,.0f} steps per second{rate / slowest:10.1f} ×")
    iterations = {name: value for name, value in seconds.items() if not name.startswith("sampling")}
    for name, value in iterations.items():
        print(f"  {name:48}{value:10.3f} s per meta-iteration{iterations['plain loop, TRPO'] / value:10.1f} ×")
    versions = {name: importlib.metadata.version(name).split("+")[0] for name in ("torch", "gymnasium")}
    content = {
        "processor": processor(), "threads": 1, "versions": versions | {"python": platform.python_version()},
        "steps_per_second": {name: round(rate) for name, rate in rates.items()},
        "seconds_per_iteration": {name: round(value, 4) for name, value in iterations.items()},
    }  # fmt: skip
    write_benchmark("meta_rl", content)


if __name__ == "__main__":
    main()
