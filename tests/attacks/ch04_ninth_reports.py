"""Reports of tuned agents and of a project, chapter 04, from a ninth attack."""

import dataclasses
import functools

import numpy as np
import torch
from produced_reports import Late

from metarl_core.agents import CARTPOLE_PPO, train_ppo
from metarl_core.check import ch04
from metarl_core.evaluation import t_interval
from metarl_core.recipes.policy_gradients import Greedy
from metarl_core.tasks import CartPole, rollout
from tools.course import ROOT

from . import named

SOLUTION = ROOT / "solutions" / "04_policy_gradient_agents.py"
PROJECT = ROOT / "projects" / "04p_new_environment.py"


def _tuned(change):
    return Late(SOLUTION, "check_tuned", change)


def _project(change):
    return Late(PROJECT, "check_project", change)


# ------------------------------------------------------------------ tuned agents


def _setting(num_envs=8, num_steps=64, hidden=(64, 64), iterations=None, **changes):
    iterations = iterations or ch04.STEPS // (num_envs * num_steps)
    config = dataclasses.replace(CARTPOLE_PPO.config, iterations=iterations, **changes)
    return dataclasses.replace(CARTPOLE_PPO, num_envs=num_envs, num_steps=num_steps, hidden=hidden, config=config)


def _trained(setting, seeds):
    agent, start, sampler = setting.prepare(seeds)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    parameters, _ = train_ppo(agent, start, sampler, setting.config, generators, description=None)
    return agent.policy_part(parameters)


def _played(setting, policy, episodes=50, seed=12, greedy=True):
    number = len(next(iter(policy.values())))
    tasks = {name: value.expand(number) for name, value in CartPole().default_params.items()}
    acts = setting.agent().policy
    return rollout(
        CartPole(), tasks, Greedy(acts) if greedy else acts, policy, episodes, torch.Generator().manual_seed(seed)
    ).returns


def _returned(report, returns):
    found = t_interval(torch.as_tensor(returns).double())
    return {**report, "returns": returns, "low": found.low, "high": found.high}


def _fresh(setting, seeds, **played):
    policy = _trained(setting, seeds)
    return _returned(
        {"setting": setting, "tuning_seeds": [100, 101, 102], "seeds": list(seeds), "policy": policy},
        _played(setting, policy, **played),
    )


def _tuned_on_one_of_them(report):
    return {**report, "tuning_seeds": [*report["tuning_seeds"], list(report["seeds"])[-1]]}


def _returns_of_other_seeds(report):
    return _returned(report, torch.as_tensor(report["returns"]).roll(1, 0))


def _policies_of_other_seeds(report):
    return {**report, "policy": {name: value.roll(1, 0) for name, value in report["policy"].items()}}


def _best_agent_many_times(report):
    best = int(torch.as_tensor(report["returns"]).mean(1).argmax())
    policy = {name: value[best : best + 1].expand(value.shape).clone() for name, value in report["policy"].items()}
    return _returned({**report, "policy": policy}, _played(report["setting"], policy))


def _best_agents_under_all_names(report):
    """The better half of the agents twice, under the seeds of the others."""
    order = torch.as_tensor(report["returns"]).mean(1).argsort(descending=True)
    keep = torch.cat([order[: len(order) // 2]] * 2)
    policy = {name: value[keep] for name, value in report["policy"].items()}
    return _returned({**report, "policy": policy}, _played(report["setting"], policy))


def _drawn_actions(report):
    return _returned(report, _played(report["setting"], report["policy"], greedy=False))


def _better_of_two_episodes(report):
    returns = _played(report["setting"], report["policy"], episodes=80)
    return _returned(report, torch.maximum(returns[:, :40], returns[:, 40:]))


def _longest_episodes(report):
    return _returned(report, torch.as_tensor(report["returns"]).sort(1).values[:, -25:])


def _nineteen_episodes(report):
    return _returned(report, torch.as_tensor(report["returns"])[:, :19])


def _mean_in_each_episode(report):
    returns = torch.as_tensor(report["returns"]).double()
    return _returned(report, returns.mean(1, keepdim=True).expand(returns.shape).clone())


def _interval_over_episodes(report):
    returns = torch.as_tensor(report["returns"]).double().flatten()
    half = 1.96 * float(returns.std()) / len(returns) ** 0.5
    return {**report, "low": float(returns.mean()) - half, "high": float(returns.mean()) + half}


def _biased_deviation(report):
    x = torch.as_tensor(report["returns"]).double().mean(1)
    found = t_interval(x)
    half = 0.5 * (found.high - found.low) * ((len(x) - 1) / len(x)) ** 0.5
    return {**report, "low": float(x.mean()) - half, "high": float(x.mean()) + half}


def _one_sided(report):
    return {**report, "high": 500.0}


def _longer_than_it_says(report):
    longer = _setting(lr=3e-3, anneal=False, minibatches=8, iterations=12)
    return {**_fresh(longer, range(8)), "setting": _setting(lr=3e-3, anneal=False, minibatches=8)}


def _more_steps_than_allowed(report):
    return _fresh(_setting(lr=3e-3, anneal=False, minibatches=8, iterations=6), range(8))


def _honest_and_too_low(report):
    return _fresh(_setting(lr=1e-3), range(8))


def _of_another_network(report):
    return {**report, "setting": dataclasses.replace(report["setting"], hidden=(32, 32))}


def _four_agents(report):
    policy = {name: value[:4] for name, value in report["policy"].items()}
    return _returned(
        {**report, "seeds": list(report["seeds"])[:4], "policy": policy}, torch.as_tensor(report["returns"])[:4]
    )


def _seeds_as_one_number(report):
    return {**report, "seeds": len(list(report["seeds"]))}


def _other_fresh_seeds(report):
    found = _fresh(_setting(lr=3e-3, anneal=False, minibatches=8), range(40, 56), episodes=30)
    return {**found, "returns": found["returns"].numpy(), "seeds": tuple(found["seeds"])}


def _in_lists(report):
    return {
        **report,
        "returns": torch.as_tensor(report["returns"]).tolist(),
        "tuning_seeds": np.array(report["tuning_seeds"]),
        "low": np.float64(report["low"]),
        "high": torch.tensor(report["high"]),
    }


# ------------------------------------------------------------------ a project


def _with_usual(self, f, usual, *args, **kw):
    return f(usual, self, *args, **kw)


def _changed(report, **methods):
    """The project with a family some methods of which are others; `usual` is what the family did before."""
    usual = type(report["family"])
    made = {name: functools.partialmethod(_with_usual, f, usual) for name, f in methods.items()}
    return {**report, "family": type("Changed", (usual,), made)()}


def _again(report, returns=None, seed=400, **fields):
    """Played again with a generator of another seed, and concluded."""
    report = {**report, **fields}
    family, agents = report["family"], len(list(report["seeds"]))
    tasks = {name: value.expand(agents) for name, value in family.default_params.items()}
    if returns is None:
        generator = torch.Generator().manual_seed(seed)
        returns = rollout(family, tasks, Greedy(report["policy"]), report["parameters"], 60, generator).returns
    found = t_interval(torch.as_tensor(returns).double())
    hand = float(torch.as_tensor(report["controller_returns"]).double().mean())
    verdict = ch04.ABOVE if found.low > hand else ch04.BELOW if found.high < hand else ch04.NOT_TOLD
    seeds = [*report["evaluation_seeds"], seed]
    return {
        **report,
        "returns": returns,
        "low": found.low,
        "high": found.high,
        "verdict": verdict,
        "evaluation_seeds": seeds,
    }


def _moves_the_state(report):
    def transition(usual, self, state, action, rng, params):
        new = usual.transition(self, state, action, rng, params)
        state.copy_(new)
        return new

    return _changed(report, transition=transition)


def _counts_calls(report):
    def transition(usual, self, state, action, rng, params):
        self.calls = getattr(self, "calls", 0) + 1
        new = usual.transition(self, state, action, rng, params)
        return new + 0.05 if self.calls % 100 == 0 else new

    return _changed(report, transition=transition)


def _luck_of_the_world(report):
    def initial(usual, self, rng, params):
        luck = torch.rand((*params["current"].shape, 2))
        return (2 * luck - 1) * luck.new_tensor([10.0, 2.0])

    return _changed(report, initial=initial)


def _one_beginning_for_all_episodes(report):
    def initial(usual, self, rng, params):
        first = usual.initial(self, rng, {name: value[:, :1] for name, value in params.items()})
        return first.expand(*params["current"].shape, 2).clone()

    return _changed(report, initial=initial)


def _one_beginning_for_all_tasks(report):
    def initial(usual, self, rng, params):
        first = usual.initial(self, rng, {name: value[:1] for name, value in params.items()})
        return first.expand(*params["current"].shape, 2).clone()

    return _changed(report, initial=initial)


def _flags_are_numbers(report):
    def terminal(usual, self, state, rng, params):
        return usual.terminal(self, state, rng, params).float()

    return _changed(report, terminal=terminal)


def _rewards_are_whole(report):
    def reward(usual, self, state, action, next_state, rng, params):
        return usual.reward(self, state, action, next_state, rng, params).round().long()

    return _changed(report, reward=reward)


def _reward_of_the_batch(report):
    def reward(usual, self, state, action, next_state, rng, params):
        pay = usual.reward(self, state, action, next_state, rng, params)
        return pay - pay.mean() + pay.mean().detach() + 0.01 * (pay - pay.mean())

    return _changed(report, reward=reward)


def _tasks_all_alike(report):
    def draw_tasks(usual, self, n, generator, split, dtype=None):
        return {"current": torch.full((n,), 0.3, dtype=dtype)}

    return _changed(report, draw_tasks=draw_tasks)


def _tasks_of_both_splits(report):
    def draw_tasks(usual, self, n, generator, split, dtype=None):
        return {"current": torch.rand(n, generator=generator, dtype=dtype) - 0.5}

    return _changed(report, draw_tasks=draw_tasks)


def _tasks_of_the_world(report):
    def draw_tasks(usual, self, n, generator, split, dtype=None):
        return usual.draw_tasks(self, n, torch.Generator().manual_seed(int(torch.randint(10**6, ()))), split, dtype)

    return _changed(report, draw_tasks=draw_tasks)


def _tasks_of_another_name(report):
    def draw_tasks(usual, self, n, generator, split, dtype=None):
        return {"wind": usual.draw_tasks(self, n, generator, split, dtype)["current"]}

    return _changed(report, draw_tasks=draw_tasks)


def _sees_far_too_much(report):
    def observation(usual, self, state, rng, params):
        return 1000 * usual.observation(self, state, rng, params)

    class Small:
        def __init__(self, policy):
            self.policy = policy

        def greedy_action(self, parameters, observation):
            return self.policy.greedy_action(parameters, observation / 1000)

    changed = _changed(report, observation=observation)
    usual = report["controller"]
    return {**changed, "policy": Small(report["policy"]), "controller": lambda seen: usual(seen / 1000)}


class _Acting:
    def __init__(self, policy, act):
        self.policy, self.act = policy, act

    def greedy_action(self, parameters, observation):
        return self.act(self.policy, parameters, observation)


def _acts_at_random_at_times(report):
    def act(policy, parameters, observation):
        action = policy.greedy_action(parameters, observation)
        return torch.where(torch.rand(action.shape) < 0.05, torch.randint(3, action.shape), action)

    return _again(report, policy=_Acting(report["policy"], act))


def _agents_vote(report):
    def act(policy, parameters, observation):
        every = [
            policy.greedy_action({n: v.roll(k, 0) for n, v in parameters.items()}, observation)
            for k in range(len(next(iter(parameters.values()))))
        ]
        return torch.stack(every).mode(0).values

    return _again(report, policy=_Acting(report["policy"], act))


def _controller_acts_for_the_agents(report):
    usual = report["controller"]
    return _again(report, policy=_Acting(report["policy"], lambda policy, parameters, seen: usual(seen)))


def _controller_looks_around(report):
    usual = report["controller"]

    def controller(observation):
        return usual(observation - 1e-1 * observation.mean((0, 1)))

    return {**report, "controller": controller}


def _controller_changes_what_it_sees(report):
    usual = report["controller"]

    def controller(observation):
        action = usual(observation)
        observation.zero_()
        return action

    return {**report, "controller": controller}


def _best_of_all_episodes(report):
    return _again(report, torch.as_tensor(report["returns"]).sort(1).values[:, -100:])


def _seeds_of_other_agents(report):
    return _again(report, torch.as_tensor(report["returns"]).roll(2, 0))


def _lost_episodes_left_out(report):
    returns = torch.as_tensor(report["random_returns"])
    return {**report, "random_returns": returns[returns < returns.median()][None]}


def _one_agent_for_all_seeds(report):
    parameters = {name: value[:1].expand(value.shape).clone() for name, value in report["parameters"].items()}
    return _again(report, parameters=parameters)


def _evaluated_on_a_training_seed(report):
    return {**report, "evaluation_seeds": [*report["evaluation_seeds"], list(report["seeds"])[0]]}


def _controller_and_random_exchanged(report):
    exchanged = {"controller_returns": report["random_returns"], "random_returns": report["controller_returns"]}
    return _again(report, returns=report["returns"], **exchanged)


def _interval_over_all_episodes(report):
    returns = torch.as_tensor(report["returns"]).double().flatten()
    half = 1.96 * float(returns.std()) / len(returns) ** 0.5
    return {**report, "low": float(returns.mean()) - half, "high": float(returns.mean()) + half}


def _verdict_turned(report):
    return {**report, "verdict": ch04.BELOW}


def _verdict_open(report):
    return {**report, "verdict": ch04.NOT_TOLD}


def _no_steps(report):
    return {**report, "env_steps": 0}


def _four_agents_only(report):
    parameters = {name: value[:4] for name, value in report["parameters"].items()}
    return _again(report, seeds=list(report["seeds"])[:4], parameters=parameters)


def _played_again(report):
    found = _again(report)
    return {
        **found,
        "returns": found["returns"].tolist(),
        "seeds": tuple(found["seeds"]),
        "env_steps": np.int64(found["env_steps"]),
    }


def _controller_of_numpy(report):
    def controller(observation):
        seen = observation.numpy()
        ahead = 5 * seen[..., 0] + 0.7 * (2 * seen[..., 1]) * np.abs(2 * seen[..., 1])
        return torch.from_numpy(np.where(np.abs(ahead) < 0.3, 1, 1 - np.sign(ahead).astype(np.int64)))

    return {
        **report,
        "controller": controller,
        "controller_returns": torch.as_tensor(report["controller_returns"]).numpy(),
    }


def _family_written_otherwise(report):
    def transition(usual, self, state, action, rng, params):
        place, speed = state[..., 0], state[..., 1]
        speed = 0.95 * speed + 0.5 * (action - 1) + 0.5 * params["current"]
        return torch.cat([(place + speed / 2)[..., None], speed[..., None]], -1)

    def terminal(usual, self, state, rng, params):
        return torch.logical_or(state[..., 0] > 20, state[..., 0] < -20)

    return _again(_changed(report, transition=transition, terminal=terminal))


WRONG = [
    *named(
        ch04.check_tuned,
        *map(
            _tuned,
            (
                _tuned_on_one_of_them,
                _returns_of_other_seeds,
                _policies_of_other_seeds,
                _best_agent_many_times,
                _best_agents_under_all_names,
                _drawn_actions,
                _better_of_two_episodes,
                _longest_episodes,
                _nineteen_episodes,
                _mean_in_each_episode,
                _interval_over_episodes,
                _biased_deviation,
                _one_sided,
                _longer_than_it_says,
                _more_steps_than_allowed,
                _honest_and_too_low,
                _of_another_network,
                _four_agents,
                _seeds_as_one_number,
            ),
        ),
    ),
    *named(
        ch04.check_project,
        *map(
            _project,
            (
                _moves_the_state,
                _counts_calls,
                _luck_of_the_world,
                _one_beginning_for_all_episodes,
                _one_beginning_for_all_tasks,
                _flags_are_numbers,
                _rewards_are_whole,
                _reward_of_the_batch,
                _tasks_all_alike,
                _tasks_of_both_splits,
                _tasks_of_the_world,
                _tasks_of_another_name,
                _sees_far_too_much,
                _acts_at_random_at_times,
                _agents_vote,
                _controller_acts_for_the_agents,
                _controller_looks_around,
                _controller_changes_what_it_sees,
                _best_of_all_episodes,
                _seeds_of_other_agents,
                _lost_episodes_left_out,
                _one_agent_for_all_seeds,
                _evaluated_on_a_training_seed,
                _controller_and_random_exchanged,
                _interval_over_all_episodes,
                _verdict_turned,
                _verdict_open,
                _no_steps,
                _four_agents_only,
            ),
        ),
    ),
]
RIGHT = [
    *named(ch04.check_tuned, *map(_tuned, (_other_fresh_seeds, _in_lists))),
    *named(ch04.check_project, *map(_project, (_played_again, _controller_of_numpy, _family_written_otherwise))),
]
