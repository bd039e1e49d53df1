"""Reports for the experiment of chapter 04 and for project I, from a seventh attack."""

import dataclasses
import types

import numpy as np
import torch
from produced_reports import Late

from metarl_core.check import ch04
from metarl_core.evaluation import t_interval
from tools.course import ROOT


def _tuned(change):
    return Late(ROOT / "solutions" / "04_policy_gradient_agents.py", "check_tuned", change)


def _project(change):
    return Late(ROOT / "projects" / "04p_new_environment.py", "check_project", change)


def _interval(report, **changes):
    report = {**report, **changes}
    found = t_interval(torch.as_tensor(report["returns"]).double().mean(1))
    return {**report, "low": found.low, "high": found.high}


# ------------------------------------------------------------------ tune, then tell


def _twice_the_steps(report):
    config = dataclasses.replace(report["setting"].config, iterations=2 * report["setting"].config.iterations)
    return {**report, "setting": dataclasses.replace(report["setting"], config=config)}


def _a_seed_of_the_search(report):
    return {**report, "tuning_seeds": [*report["tuning_seeds"], report["seeds"][-1]]}


def _nearly_one_agent(report):
    luck = torch.Generator().manual_seed(0)
    best = int(torch.as_tensor(report["returns"]).mean(1).argmax())
    policy = {k: v[best] + 1e-4 * torch.randn(v.shape, generator=luck).to(v) for k, v in report["policy"].items()}
    return _interval(report, policy=policy, returns=report["returns"][best : best + 1].expand(len(report["seeds"]), -1))


def _best_half_of_the_episodes(report):
    return _interval(report, returns=report["returns"].sort(1).values[:, 25:])


def _five_hundred_at_once(report):
    return _interval(report, returns=torch.full_like(report["returns"], 500.0))


def _returns_shifted(report):
    """The returns of another agent each."""
    return {**report, "returns": report["returns"].roll(1, 0)}


def _low_end_of_one_side(report):
    """A one-sided bound as the lower end, nothing above."""
    x = report["returns"].double().mean(1)
    half = 1.796 * float(x.std()) / len(x) ** 0.5
    return {**report, "low": float(x.mean()) - half, "high": 500.0}


def _fewer_agents(report):
    keep = torch.tensor([0, 1, 2, 3, 4, 5, 6])
    policy = {k: v[keep] for k, v in report["policy"].items()}
    shorter = _interval(report, policy=policy, returns=report["returns"][keep], seeds=[0, 1, 2, 3, 4, 5, 6])
    return shorter if shorter["low"] > 150 else report


def _other_containers(report):
    return {
        **report,
        "returns": np.asarray(report["returns"]),
        "seeds": np.array(report["seeds"]),
        "tuning_seeds": tuple(report["tuning_seeds"]),
        "low": np.float64(report["low"]),
        "high": torch.tensor(report["high"]),
    }


# ------------------------------------------------------------------ project I


def _family(**methods):
    """The report with an environment of which some methods differ; `old` is the environment that it was."""

    def change(report):
        old = report["family"]
        made = type("MyEnvironment", (type(old),), {k: m(type(old)) for k, m in methods.items()})
        return {**report, "family": made()}

    return change


def _initial_of_one(old):
    def initial(self, rng, params):
        """One luck for all episodes of a task."""
        state = old.initial(self, rng, params)
        return state[:, :1].expand_as(state).clone()

    return initial


def _pushed_by_neighbours(old):
    def transition(self, state, action, rng, params):
        new = old.transition(self, state, action, rng, params)
        return new + 1e-3 * (new.mean(1, keepdim=True) - new)

    return transition


def _global_noise(old):
    def transition(self, state, action, rng, params):
        new = old.transition(self, state, action, rng, params)
        return new + 1e-4 * torch.randn(new.shape)

    return transition


def _numpy_noise(old):
    def transition(self, state, action, rng, params):
        new = old.transition(self, state, action, rng, params)
        return new + 1e-4 * torch.from_numpy(np.random.standard_normal(tuple(new.shape))).to(new)

    return transition


def _counted_reward(old):
    def reward(self, state, action, next_state, rng, params):
        self.calls = getattr(self, "calls", 0) + 1
        return old.reward(self, state, action, next_state, rng, params) - 1e-6 * self.calls

    return reward


def _state_held_in_place(old):
    def observation(self, state, rng, params):
        state.clamp_(-25, 25)
        return old.observation(self, state, rng, params)

    return observation


def _ends_of_numbers(old):
    def terminal(self, state, rng, params):
        return old.terminal(self, state, rng, params).to(state.dtype)

    return terminal


def _no_stamp(old):
    def draw_tasks(self, n, generator, split, dtype=None):
        return {"current": torch.rand(n, generator=generator, dtype=dtype) - 0.5}

    return draw_tasks


def _luck_of_a_seed(old):
    def initial(self, rng, params):
        """Luck from a seed that the generator gives, the same for all tasks."""
        own = torch.Generator().manual_seed(int(torch.randint(2**31, (), generator=rng)))
        shape = params["current"].shape
        luck = torch.rand((shape[-1], 2), generator=own, dtype=params["current"].dtype).expand(*shape, 2)
        return (2 * luck - 1) * luck.new_tensor([10.0, 2.0])

    return initial


def _remembers_where_it_began(old):
    def transition(self, state, action, rng, params):
        if getattr(self, "last", None) is not None and self.last.shape == state.shape:
            action = torch.where((self.last == state).all(-1), 1, action)
        self.last = state.clone()
        return old.transition(self, state, action, rng, params)

    return transition


def _first_episode_easier(old):
    def reward(self, state, action, next_state, rng, params):
        earned = old.reward(self, state, action, next_state, rng, params).clone()
        earned[:, 0] *= 0.999
        return earned

    return reward


def _first_agent_for_all(report):
    policy = report["policy"]

    def greedy_action(parameters, observation):
        first = {k: v[:1].expand_as(v) for k, v in parameters.items()}
        return policy.greedy_action(first, observation)

    return {**report, "policy": types.SimpleNamespace(greedy_action=greedy_action)}


def _seeds_of_the_training(report):
    return {**report, "evaluation_seeds": [0, 1001, 1002]}


def _verdict_of_means(report):
    other = {ch04.ABOVE: ch04.NOT_TOLD, ch04.NOT_TOLD: ch04.ABOVE, ch04.BELOW: ch04.NOT_TOLD}
    return {**report, "verdict": other[report["verdict"]]}


def _random_is_worse(report):
    return {**report, "random_returns": report["random_returns"] - 30}


def _thin_policy(report):
    return {**report, "policy": types.SimpleNamespace(greedy_action=report["policy"].greedy_action)}


def _lists(report):
    return {
        **report,
        "returns": report["returns"].tolist(),
        "random_returns": report["random_returns"].numpy(),
        "controller_returns": report["controller_returns"].double(),
        "seeds": tuple(report["seeds"]),
        "env_steps": np.int64(report["env_steps"]),
    }


def _by_numpy(old):
    def transition(self, state, action, rng, params):
        place, speed = np.moveaxis(state.numpy(), -1, 0)
        push = action.numpy() - 1 + params["current"].numpy() - np.float32(0.1) * speed
        speed = speed + np.float32(0.5) * push
        return torch.from_numpy(np.stack([place + np.float32(0.5) * speed, speed], -1)).to(state.dtype)

    return transition


WRONG = [
    *(
        (ch04.check_tuned, _tuned(change))
        for change in (
            _twice_the_steps,
            _a_seed_of_the_search,
            _nearly_one_agent,
            _best_half_of_the_episodes,
            _five_hundred_at_once,
            _returns_shifted,
            _low_end_of_one_side,
        )
    ),
    *(
        (ch04.check_project, _project(change))
        for change in (
            _family(initial=_initial_of_one),
            _family(transition=_pushed_by_neighbours),
            _family(transition=_global_noise),
            _family(transition=_numpy_noise),
            _family(reward=_counted_reward),
            _family(observation=_state_held_in_place),
            _family(terminal=_ends_of_numbers),
            _family(draw_tasks=_no_stamp),
            _family(initial=_luck_of_a_seed),
            _family(transition=_remembers_where_it_began),
            _family(reward=_first_episode_easier),
            _first_agent_for_all,
            _seeds_of_the_training,
            _verdict_of_means,
            _random_is_worse,
        )
    ),
]

RIGHT = [
    *((ch04.check_tuned, _tuned(change)) for change in (_other_containers, _fewer_agents)),
    *((ch04.check_project, _project(change)) for change in (_thin_policy, _lists, _family(transition=_by_numpy))),
]
