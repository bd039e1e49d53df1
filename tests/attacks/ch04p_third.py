"""Answers to project I, by somebody who had read the project and not the check."""

import math
from functools import cache

import numpy as np
import torch
from gymnasium import spaces
from scipy import stats

from metarl_core.agents import ActorCritic, CategoricalPolicy, PPOConfig, UniformPolicy, VectorSampler, train_ppo
from metarl_core.check import ch04
from metarl_core.evaluation import t_interval
from metarl_core.parameters import stack_parameters
from metarl_core.recipes.policy_gradients import Greedy
from metarl_core.tasks import TaskFamily, rollout
from metarl_core.tasks.draws import stamp_split

from . import reported


class Stove(TaskFamily):
    """Keep a room at its temperature with a stove that is slow, and on or off.

    State: temperature above the wanted one (K), heat of the stove (K/min). Each minute costs a fifth of the
    distance; beyond 12 K the fuse blows: 20 more, and the episode terminates.
    """

    def __init__(self, horizon=40):
        self.observation_space = spaces.Box(-10, 10, (2,), np.float32)
        self.action_space = spaces.Discrete(2)
        super().__init__(horizon)

    def get_default_params(self):
        return {"cold": torch.tensor([1.0])}

    def draw_tasks(self, n, generator, split, dtype=None):
        return {"cold": stamp_split(0.5 + torch.rand(n, generator=generator, dtype=dtype), split)}

    def initial(self, rng, params):
        luck = torch.rand((*params["cold"].shape, 2), generator=rng, dtype=params["cold"].dtype)
        return torch.stack([16 * luck[..., 0] - 8, 2 * luck[..., 1]], -1)

    def transition(self, state, action, rng, params):
        warmth, heat = state.unbind(-1)
        heat = heat + 0.4 * (2.5 * action - heat)
        return torch.stack([warmth + heat - params["cold"], heat], -1)

    def observation(self, state, rng, params):
        return state / state.new_tensor([4.0, 1.0])

    def reward(self, state, action, next_state, rng, params):
        away = next_state[..., 0].abs()
        return -0.2 * away - torch.where(away > 12, 20.0, 0.0)

    def terminal(self, state, rng, params):
        return state[..., 0].abs() > 12


class Globally(Stove):
    """Gusts from the global generator."""

    def transition(self, state, action, rng, params):
        return super().transition(state, action, rng, params) + 0.3 * torch.randn_like(state)


class InPlace(Stove):
    """Steps its argument."""

    def transition(self, state, action, rng, params):
        state[..., 1] += 0.4 * (2.5 * action - state[..., 1])
        state[..., 0] += state[..., 1] - params["cold"]
        return state


class Remembers(Stove):
    """Counts its steps itself, between calls."""

    steps = 0

    def transition(self, state, action, rng, params):
        self.steps += 1
        return super().transition(state, action, rng, params) + 0.01 * self.steps


class ClockEnds(Stove):
    """Calls the time limit an end: a third number of the state counts the steps."""

    def __init__(self, horizon=40):
        super().__init__(horizon)
        self.observation_space = spaces.Box(-10, 10, (3,), np.float32)

    def initial(self, rng, params):
        state = super().initial(rng, params)
        return torch.cat([state, torch.zeros_like(state[..., :1])], -1)

    def transition(self, state, action, rng, params):
        return torch.cat([super().transition(state[..., :2], action, rng, params), state[..., 2:] + 1], -1)

    def observation(self, state, rng, params):
        return state / state.new_tensor([4.0, 1.0, 40.0])

    def terminal(self, state, rng, params):
        return (state[..., 0].abs() > 12) | (state[..., 2] >= self.horizon)


class Kelvin(Stove):
    """Observations far from the order of 1."""

    def __init__(self, horizon=40):
        super().__init__(horizon)
        self.observation_space = spaces.Box(-1e4, 1e4, (2,), np.float32)

    def observation(self, state, rng, params):
        return 293.0 + 100 * state


class ColumnReward(Stove):
    """A reward with one axis too many."""

    def reward(self, state, action, next_state, rng, params):
        return super().reward(state, action, next_state, rng, params)[..., None]


class BrokenReward(Stove):
    """Infinite where the fuse blows."""

    def reward(self, state, action, next_state, rng, params):
        away = next_state[..., 0].abs()
        return torch.where(away > 12, -math.inf, -0.2 * away)


class Indifferent(Stove):
    """Actions change nothing."""

    def transition(self, state, action, rng, params):
        return super().transition(state, torch.full_like(action, 0), rng, params)


class NumberEnds(Stove):
    """Ends as numbers instead of bool."""

    def terminal(self, state, rng, params):
        return (state[..., 0].abs() > 12).float()


def _rule(observation):
    """Heats where it will be too cold once the stove has cooled down."""
    warmth, heat = 4 * observation[..., 0], observation[..., 1]
    return (warmth + 1.2 * heat < 1.5).long()


def _always_on(observation):
    return torch.ones(observation.shape[:-1], dtype=torch.int64)


class Player:
    """A rule as a policy for `rollout`."""

    def __init__(self, rule):
        self.rule = rule

    def noise(self, shape, generator):
        return torch.zeros(shape)

    def act(self, parameters, observation, noise):
        return self.rule(observation), noise


class Line:
    """Heats on one side of a line; parameters {"w": [agent, n + 1]}."""

    def greedy_action(self, parameters, observation):
        w = parameters["w"][:, None]
        return ((observation * w[..., :-1]).sum(-1) + w[..., -1] > 0).long()


def _played(family, policy, parameters, agents, seed, episodes=60, tasks=None):
    params = family.default_params if tasks is None else tasks
    tasks = {name: value.expand(agents, *value.shape[1:]) for name, value in params.items()}
    return rollout(family, tasks, policy, parameters, episodes, torch.Generator().manual_seed(seed)).returns


def _searched(family, seeds, candidates=40, episodes=5):
    """The best of random lines for each seed: evolution of one generation."""
    size, kept = family.observation_space.shape[0], []
    for seed in seeds:
        w = torch.randn(candidates, size + 1, generator=torch.Generator().manual_seed(seed))
        found = _played(family, Greedy(Line()), {"w": w}, candidates, 10_000 + seed, episodes).mean(1)
        kept.append(w[found.argmax()])
    return {"w": torch.stack(kept)}


def _project(family=None, seeds=(0, 1, 2, 3, 4), rule=_rule, policy=None, parameters=None, episodes=60, **changes):
    family = Stove() if family is None else family
    seeds = list(seeds)
    policy = Line() if policy is None else policy
    parameters = _searched(family, seeds) if parameters is None else parameters
    returns = _played(family, Greedy(policy), parameters, len(seeds), 1000, episodes)
    by_hand = _played(family, Player(rule), {}, 1, 1001, episodes)
    interval = t_interval(returns)
    hand = float(by_hand.mean())
    verdict = ch04.ABOVE if interval.low > hand else ch04.BELOW if interval.high < hand else ch04.NOT_TOLD
    return {
        "family": family,
        "policy": policy,
        "parameters": parameters,
        "controller": rule,
        "seeds": seeds,
        "evaluation_seeds": [1000, 1001, 1002],
        "returns": returns,
        "random_returns": _played(family, UniformPolicy(family.action_space), {}, 1, 1002, episodes),
        "controller_returns": by_hand,
        "env_steps": 40 * 5 * family.horizon,
        "low": float(interval.low),
        "high": float(interval.high),
        "verdict": verdict,
    } | changes


@cache
def _stove():
    return _project()


def _told(**changes):
    return dict(_stove()) | changes


# ------------------------------------------------------------------ wrong


def _one_training():
    p = _stove()
    one = {"seeds": [0], "parameters": {"w": p["parameters"]["w"][:1]}, "returns": p["returns"][:1]}
    mean = float(one["returns"].mean())
    return _told(**one, low=mean - 1, high=mean + 1)


def _three_trainings():
    return _project(seeds=[0, 1, 2])


def _one_training_five_times():
    w = _searched(Stove(), [0])["w"]
    return _project(parameters={"w": w.expand(5, 3).clone()})


def _one_seed_named_five_times():
    w = _searched(Stove(), [0])["w"]
    return _project(seeds=[0] * 5, parameters={"w": w.expand(5, 3).clone()})


def _evaluated_on_training_seeds():
    return _told(evaluation_seeds=[0, 1, 2])


def _invented_returns():
    made = -20 + 3 * torch.randn(5, 60, generator=torch.Generator().manual_seed(1))
    found = t_interval(made)
    return _told(returns=made, low=float(found.low), high=float(found.high), verdict=ch04.ABOVE)


def _returns_of_the_peak():
    """The best of ten checkpoints of each seed by the very returns that are reported; the parameters are the last."""
    family, g = Stove(), torch.Generator().manual_seed(5)
    last = _searched(family, range(5), candidates=3)
    best = _played(family, Greedy(Line()), last, 5, 1000)
    for _ in range(10):
        other = {"w": last["w"] + 0.5 * torch.randn(last["w"].shape, generator=g)}
        found = _played(family, Greedy(Line()), other, 5, 1000)
        best = torch.where((found.mean(1) > best.mean(1))[:, None], found, best)
    found = t_interval(best)
    hand = float(_stove()["controller_returns"].mean())
    verdict = ch04.ABOVE if found.low > hand else ch04.BELOW if found.high < hand else ch04.NOT_TOLD
    return _told(parameters=last, returns=best, low=float(found.low), high=float(found.high), verdict=verdict)


def _best_episodes_only():
    r = _project(episodes=200)["returns"].sort(1).values[:, -60:]
    found = t_interval(r)
    hand = float(_stove()["controller_returns"].mean())
    verdict = ch04.ABOVE if found.low > hand else ch04.NOT_TOLD
    return _told(returns=r, low=float(found.low), high=float(found.high), verdict=verdict)


def _eight_episodes():
    return _project(episodes=8)


def _verdict_against_the_numbers():
    right = _stove()["verdict"]
    return _told(verdict=ch04.ABOVE if right != ch04.ABOVE else ch04.BELOW)


def _verdict_in_own_words():
    return _told(verdict="clearly better")


def _interval_over_all_episodes():
    found = t_interval(_stove()["returns"].flatten())
    return _told(low=float(found.low), high=float(found.high))


def _normal_quantile():
    m = _stove()["returns"].mean(1)
    half = 1.96 * float(m.std()) / math.sqrt(5)
    return _told(low=float(m.mean()) - half, high=float(m.mean()) + half)


def _biased_deviation():
    m = _stove()["returns"].mean(1)
    half = stats.t.ppf(0.975, 4) * float(m.std(correction=0)) / math.sqrt(5)
    return _told(low=float(m.mean()) - half, high=float(m.mean()) + half)


def _no_root_of_n():
    m = _stove()["returns"].mean(1)
    half = stats.t.ppf(0.975, 4) * float(m.std())
    return _told(low=float(m.mean()) - half, high=float(m.mean()) + half)


def _ends_of_the_seeds():
    m = _stove()["returns"].mean(1)
    return _told(low=float(m.min()), high=float(m.max()))


def _random_made_worse():
    return _told(random_returns=_stove()["random_returns"] - 30)


def _weak_controller_told():
    return _told(controller_returns=_stove()["controller_returns"] - 10, verdict=ch04.ABOVE)


def _controller_that_was_not_played():
    return _told(controller=_always_on)


def _no_steps():
    return _told(env_steps=0)


def _steps_unknown():
    return _told(env_steps="about ten thousand")


def _global_gusts():
    torch.manual_seed(0)
    return _project(Globally())


def _state_changed_in_place():
    return _project(InPlace())


def _environment_with_a_memory():
    return _project(Remembers())


def _time_limit_terminates():
    return _project(ClockEnds())


def _observations_in_hundreds():
    return _project(Kelvin())


def _reward_in_a_column():
    family = ColumnReward()
    return _told(family=family)


def _infinite_reward():
    return _project(BrokenReward())


def _actions_change_nothing():
    return _project(Indifferent())


def _ends_are_numbers():
    return _told(family=NumberEnds())


def _class_instead_of_family():
    return _told(family=Stove)


def _evaluated_on_an_easy_task():
    family = Stove()
    easy = {"cold": torch.tensor([0.8])}
    returns = _played(family, Greedy(Line()), _stove()["parameters"], 5, 1000, tasks=easy)
    found = t_interval(returns)
    hand = float(_stove()["controller_returns"].mean())
    verdict = ch04.ABOVE if found.low > hand else ch04.BELOW if found.high < hand else ch04.NOT_TOLD
    return _told(returns=returns, low=float(found.low), high=float(found.high), verdict=verdict)


def _agents_out_of_order():
    return _told(parameters={"w": _stove()["parameters"]["w"].flip(0)})


def _fewer_agents_than_seeds():
    return _told(parameters={"w": _stove()["parameters"]["w"][:3]})


def _somebody_elses_agents():
    return _told(parameters=_searched(Stove(), range(50, 55), candidates=2))


def _means_only():
    return _told(returns=_stove()["returns"].mean(1))


# ------------------------------------------------------------------ right


def _right_project():
    return _told()


def _seven_seeds():
    return _project(seeds=[3, 9, 27, 81, 243, 5, 6])


def _few_candidates_and_below():
    family = Stove()
    return _project(family, parameters=_searched(family, range(5), candidates=2), env_steps=2 * 5 * 40)


def _project_arrays():
    p = _told()
    names = ("returns", "random_returns", "controller_returns")
    return p | {k: p[k].numpy() for k in names} | {"low": np.float64(p["low"]), "seeds": tuple(p["seeds"])}


def _project_lists():
    p = _told()
    names = ("returns", "random_returns", "controller_returns")
    return p | {k: p[k].tolist() for k in names} | {"evaluation_seeds": (1000, 1001, 1002)}


def _controller_as_an_object():
    class Careful:
        margin = 1.2

        def __call__(self, observation):
            return torch.where(4 * observation[..., 0] + self.margin * observation[..., 1] < 1.5, 1, 0)

    return _project(rule=Careful())


class Gusty(Stove):
    """Gusts from the generator that it is given."""

    def transition(self, state, action, rng, params):
        gust = torch.randn(state.shape, generator=rng, dtype=state.dtype)
        return super().transition(state, action, rng, params) + 0.2 * gust


def _random_transitions():
    return _project(Gusty())


class Sled(TaskFamily):
    """Push a sled to a mark with a continuous force; no end but the clock's. State: place (m), speed (m/s)."""

    def __init__(self, horizon=30):
        self.observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)
        self.action_space = spaces.Box(-1, 1, (1,), np.float32)
        super().__init__(horizon)

    def get_default_params(self):
        return {"mass": torch.ones(1)}

    def draw_tasks(self, n, generator, split):
        return {"mass": stamp_split(0.5 + torch.rand(n, generator=generator), split)}

    def initial(self, rng, params):
        place = 2 * torch.rand(params["mass"].shape, generator=rng) - 1
        return torch.stack((place, torch.zeros_like(place)), -1)

    def transition(self, state, action, rng, params):
        speed = state[..., 1] + 0.2 * action[..., 0].clamp(-1, 1) / params["mass"]
        return torch.stack((state[..., 0] + 0.2 * speed, speed), -1)

    def observation(self, state, rng, params):
        return state.clone()

    def reward(self, state, action, next_state, rng, params):
        return -next_state[..., 0].square() - 0.01 * action[..., 0].square()

    def terminal(self, state, rng, params):
        return torch.zeros_like(state[..., 0]).bool()


class Spring:
    """A linear controller with learned constants; parameters {"k": [agent, 2]}."""

    def greedy_action(self, parameters, observation):
        return -(observation * parameters["k"][:, None]).sum(-1, keepdim=True).clamp(-1, 1)


def _continuous_actions():
    family, kept = Sled(), []
    for seed in range(6):
        k = 3 * torch.rand(20, 2, generator=torch.Generator().manual_seed(seed))
        kept.append(k[_played(family, Greedy(Spring()), {"k": k}, 20, 500 + seed, 4).mean(1).argmax()])

    def push(observation):
        return (-observation.sum(-1, keepdim=True)).clamp(-1, 1)

    return _project(
        family, range(6), push, Spring(), {"k": torch.stack(kept)}, evaluation_seeds=[1000, 1001, 1002], env_steps=2400
    )


def _by_ppo():
    family, seeds = Stove(), list(range(5))
    starts = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        policy = CategoricalPolicy(family.observation_space, family.action_space, (16,), torch.tanh, generator)
        agent = ActorCritic(policy, (16,), torch.tanh, generator)
        starts.append(agent.initial_parameters())
    sampler = VectorSampler(family.vector_env(num_envs=4 * len(seeds)), 40, len(seeds), seed=0)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    config = PPOConfig(iterations=8, lr=1e-2, minibatches=2, epochs=4, discount=0.9)
    trained, history = train_ppo(agent, stack_parameters(starts), sampler, config, generators, description=None)
    steps = round(history["env_steps"][-1] / len(seeds))
    return _project(family, seeds, policy=agent.policy, parameters=agent.policy_part(trained), env_steps=steps)


WRONG = reported(
    ch04.check_project,
    _one_training,
    _three_trainings,
    _one_training_five_times,
    _one_seed_named_five_times,
    _evaluated_on_training_seeds,
    _invented_returns,
    _returns_of_the_peak,
    _best_episodes_only,
    _eight_episodes,
    _verdict_against_the_numbers,
    _verdict_in_own_words,
    _interval_over_all_episodes,
    _normal_quantile,
    _biased_deviation,
    _no_root_of_n,
    _ends_of_the_seeds,
    _random_made_worse,
    _weak_controller_told,
    _controller_that_was_not_played,
    _no_steps,
    _steps_unknown,
    _global_gusts,
    _state_changed_in_place,
    _environment_with_a_memory,
    _time_limit_terminates,
    _observations_in_hundreds,
    _reward_in_a_column,
    _infinite_reward,
    _actions_change_nothing,
    _ends_are_numbers,
    _class_instead_of_family,
    _evaluated_on_an_easy_task,
    _agents_out_of_order,
    _fewer_agents_than_seeds,
    _somebody_elses_agents,
    _means_only,
)

RIGHT = reported(
    ch04.check_project,
    _right_project,
    _seven_seeds,
    _few_candidates_and_below,
    _project_arrays,
    _project_lists,
    _controller_as_an_object,
    _random_transitions,
    _continuous_actions,
    _by_ppo,
)
