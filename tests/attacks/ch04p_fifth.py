"""Answers to project I whose environments are not pure, whose policies are none, or whose returns are made up."""

import numpy as np
import torch
from gymnasium import spaces

from metarl_core.check import ch04
from metarl_core.evaluation import t_interval
from metarl_core.recipes.policy_gradients import Greedy
from metarl_core.tasks.draws import stamp_split

from . import Made
from .ch04p_third import Gusty, Line, Stove, _played, _project, _rule, _told

GENERATOR = torch.Generator().manual_seed(0)


def _stove(name, change):
    """The stove with another function: `change(result, family, *arguments)` of what it gives otherwise."""

    def function(self, *arguments):
        return change(getattr(Stove, name)(self, *arguments), self, *arguments)

    return type("Changed", (Stove,), {name: function, "__module__": "__main__"})()


def _said(words, name, change):
    """The report of the stove, with a stove of another function: what is said has these words."""

    def make():
        return _told(family=_stove(name, change))

    make.__name__ = f"{name}_{change.__name__}"
    return ch04.check_project, Made(make), words


def _of(name, words=""):
    """A decorator: the changed function is refused with a message that names it."""

    def add(change):
        SAID.append(_said(f"`{name}` of your environment {words}", name, change))
        return change

    return add


SAID: list = []


# ------------------------------------------------------------------ functions that change what they are given


@_of("observation", "changes the states")
def _cools_what_is_seen(result, family, state, rng, params):
    state *= 0.99
    return result


@_of("reward", "changes the states")
def _cools_the_next_state(result, family, state, action, next_state, rng, params):
    next_state *= 0.9
    return result


@_of("reward", "changes the states")
def _cools_the_state(result, family, state, action, next_state, rng, params):
    state *= 0.9
    return result


@_of("terminal", "changes the states")
def _cools_what_ended(result, family, state, rng, params):
    state *= 0.95
    return result


@_of("transition", "changes the states or actions")
def _switches_off(result, family, state, action, rng, params):
    action.zero_()
    return result


@_of("reward", "changes `params`")
def _adds_a_parameter(result, family, state, action, next_state, rng, params):
    params["new"] = 1
    return result


@_of("transition", "changes `params`")
def _gets_colder(result, family, state, action, rng, params):
    params["cold"] = params["cold"] * 1.01
    return result


# ------------------------------------------------------------------ luck that is not from rng, and memory


@_of("observation", "draws from a global generator")
def _sees_badly(result, family, state, rng, params):
    return result + 0.05 * torch.randn(())


@_of("observation", "draws from a global generator")
def _sees_badly_with_numpy(result, family, state, rng, params):
    return result + 0.05 * float(np.random.randn())


@_of("terminal", "draws from a global generator")
def _breaks_down(result, family, state, rng, params):
    return result | (torch.rand(result.shape) < 0.02)


@_of("reward", "gives two different results")
def _pays_by_its_own_generator(result, family, state, action, next_state, rng, params):
    return result + 0.1 * torch.rand(result.shape, generator=GENERATOR)


@_of("reward", "gives two different results")
def _pays_ten_times(result, family, state, action, next_state, rng, params):
    family.calls = getattr(family, "calls", 0) + 1
    return result if family.calls < 10 else torch.zeros_like(result)


@_of("reward", "gives two different results")
def _pays_for_the_first_minutes(result, family, state, action, next_state, rng, params):
    """The clock begins anew when an episode does."""
    family.clock = getattr(family, "clock", 0) + 1
    return result * 0.9**family.clock


# ------------------------------------------------------------------ episodes and tasks that touch


@_of("observation", "gives an episode another result")
def _sees_scaled(result, family, state, rng, params):
    return result / result.std(1, keepdim=True, correction=0).clamp(min=0.1)


@_of("observation", "gives an episode another result")
def _sees_the_others_mean(result, family, state, rng, params):
    return result - 0.1 * result.mean(1, keepdim=True)


@_of("observation", "gives an episode another result")
def _sees_its_number(result, family, state, rng, params):
    number = torch.arange(state.shape[1]).expand(state.shape[:2]) / 200
    return torch.stack([result[..., 0], number], -1)


@_of("reward", "gives an episode another result")
def _pays_by_rank(result, family, state, action, next_state, rng, params):
    return result - 0.2 * next_state[..., 0].abs().mean(1, keepdim=True)


@_of("reward", "gives an episode another result")
def _pays_the_mean_of_tasks(result, family, state, action, next_state, rng, params):
    return result.mean(0, keepdim=True).expand(result.shape)


@_of("terminal", "gives an episode another result")
def _one_fuse_for_all(result, family, state, rng, params):
    return result.any(1, keepdim=True).expand(result.shape)


@_of("terminal", "gives an episode another result")
def _one_fuse_for_all_tasks(result, family, state, rng, params):
    return result.any(0, keepdim=True).expand(result.shape)


@_of("transition", "gives an episode another result")
def _weather_of_the_first_task(result, family, state, action, rng, params):
    warmth = result[..., 0] + params["cold"] - params["cold"].flatten()[0]
    return torch.stack([warmth, result[..., 1]], -1)


@_of("transition", "gives an episode another result")
def _gusts_and_a_crowd(result, family, state, action, rng, params):
    return result + 0.1 * torch.randn(result.shape, generator=rng) - 0.1 * state.mean(1, keepdim=True)


@_of("transition", "draws one random number for all episodes")
def _one_gust_for_all(result, family, state, action, rng, params):
    return result + 0.3 * torch.randn((result.shape[0], 1, 2), generator=rng)


@_of("initial", "draws one random number for all tasks")
def _all_tasks_start_alike(result, family, rng, params):
    return result[:1].expand_as(result)


@_of("reward", "returns a tensor of shape [1, 6]")
def _pays_the_first_task(result, family, state, action, next_state, rng, params):
    return result[:1]


# ------------------------------------------------------------------ tasks


@_of("draw_tasks", "is not written yet")
def _not_written(result, family, *arguments):
    raise NotImplementedError


@_of("draw_tasks", "draws 20 times the same task")
def _one_task(result, family, n, *arguments):
    return {"cold": torch.ones(n)}


@_of("draw_tasks", 'draws a task for "train" and for "test"')
def _split_ignored(result, family, n, generator, *arguments):
    return {"cold": 0.5 + torch.rand(n, generator=generator)}


@_of("draw_tasks", 'draws a task for "train" and for "test"')
def _finitely_many_in_both(result, family, n, generator, *arguments):
    return {"cold": 0.5 + torch.randint(5, (n,), generator=generator) / 10}


@_of("draw_tasks", "gives other tasks if it is called again")
def _global_tasks(result, family, n, *arguments):
    return {"cold": 0.5 + torch.rand(n)}


@_of("draw_tasks", "gives tasks that are not like those")
def _other_names(result, family, *arguments):
    return {"warm": result["cold"]}


@_of("draw_tasks", "gives tasks that are not like those")
def _other_shapes(result, family, *arguments):
    return {"cold": result["cold"][:, None]}


@_of("draw_tasks", "gives 1 tasks where 20 were asked for")
def _one_only(result, family, *arguments):
    return {"cold": result["cold"][:1]}


@_of("get_default_params", "gives 'cold' as a tensor of shape [3]")
def _three_ordinary_tasks(result, family):
    return {"cold": torch.ones(3)}


@_of("get_default_params", "gives 'cold' as a tensor of shape []")
def _scalar_task(result, family):
    return {"cold": torch.tensor(1.0)}


# ------------------------------------------------------------------ policies


class ByHand:
    """The controller as a policy: no parameters are asked."""

    def greedy_action(self, parameters, observation):
        return _rule(observation)


class OneForAll:
    """The first agent acts for all."""

    def greedy_action(self, parameters, observation):
        return Line().greedy_action({"w": parameters["w"][:1].expand_as(parameters["w"])}, observation)


class SometimesRandom:
    """Actions that are drawn three times in ten, by a generator of its own."""

    def greedy_action(self, parameters, observation):
        greedy = Line().greedy_action(parameters, observation)
        luck = torch.rand(greedy.shape, generator=GENERATOR)
        return torch.where(luck < 0.3, torch.randint(2, greedy.shape, generator=GENERATOR), greedy)


class Wide:
    """A line whose parameters stand in two tensors, many of them idle."""

    def greedy_action(self, parameters, observation):
        idle = 1e-3 * parameters["idle"].mean(1)[:, None]
        return Line().greedy_action({"w": parameters["w"]}, observation + idle[..., None])


def _parameters():
    return {"w": _told()["parameters"]["w"], "idle": torch.randn(5, 40, generator=torch.Generator().manual_seed(3))}


def _policy_that_is_the_controller():
    return _project(policy=ByHand(), parameters={"w": torch.randn(5, 3, generator=torch.Generator().manual_seed(1))})


def _one_agent_acts_for_all():
    return _project(policy=OneForAll(), parameters=_told()["parameters"])


def _not_greedy():
    return _project(policy=SometimesRandom(), parameters=_told()["parameters"])


def _near_copies():
    one, draws = {name: value[:1] for name, value in _parameters().items()}, torch.Generator().manual_seed(4)
    near = {
        name: torch.cat([x + 1e-4 * torch.randn(x.shape, generator=draws) for _ in range(5)]) for name, x in one.items()
    }
    return _project(policy=Wide(), parameters=near)


# ------------------------------------------------------------------ returns


def _with_returns(change):
    """The report with other returns of the agents, and the interval and verdict of those."""
    report = _told()
    returns = change(report["returns"])
    interval, hand = t_interval(returns), float(report["controller_returns"].mean())
    verdict = ch04.ABOVE if interval.low > hand else ch04.BELOW if interval.high < hand else ch04.NOT_TOLD
    return report | {"returns": returns, "low": float(interval.low), "high": float(interval.high), "verdict": verdict}


def _deviations(share):
    return lambda x: x.mean(1, keepdim=True) + share * (x - x.mean(1, keepdim=True))


def _means_repeated():
    return _with_returns(_deviations(0.0))


def _deviations_shrunk():
    return _with_returns(_deviations(0.4))


def _best_thirty_of_forty():
    """In the mean by less than noise would explain."""
    report = _told()
    one = _played(Stove(), Greedy(Line()), report["parameters"], 5, 1000, 40)
    return _with_returns(lambda _: one.sort(1).values[:, -30:])


def _controllers_mean_repeated():
    told = _told()["controller_returns"]
    return _told(controller_returns=torch.full_like(told, float(told.mean())))


# ------------------------------------------------------------------ what is said


def _five_seeds_one_twice():
    report = _told()
    again = [0, 1, 2, 3, 3]
    return report | {"seeds": again, "parameters": {"w": report["parameters"]["w"][again]}}


def _action_out_of_range():
    return _told(controller=lambda observation: _rule(observation) + 5)


def _five_rows_of_random_actions():
    return _told(random_returns=_told()["random_returns"].expand(5, -1).clone())


SAID += [
    (ch04.check_project, Made(make), words)
    for make, words in (
        (_five_seeds_one_twice, "A seed stands in your list twice."),
        (_action_out_of_range, "Your controller gives the action 6"),
        (_five_rows_of_random_actions, "has 5 rows; expected is one row."),
    )
]

NOT_SAID = [
    (ch04.check_project, Made(_five_seeds_one_twice), "Fewer than five"),
    (ch04.check_project, Made(_five_rows_of_random_actions), "seeds"),
]

WRONG = [
    (ch04.check_project, Made(make))
    for make in (
        _policy_that_is_the_controller,
        _one_agent_acts_for_all,
        _not_greedy,
        _near_copies,
        _means_repeated,
        _deviations_shrunk,
        _best_thirty_of_forty,
        _controllers_mean_repeated,
    )
]


# ------------------------------------------------------------------ right


class Foggy(Stove):
    """What is seen is drawn, too; the fuse may blow at any time, with little probability."""

    def observation(self, state, rng, params):
        return super().observation(state, rng, params) + 0.05 * torch.randn(state.shape, generator=rng)

    def terminal(self, state, rng, params):
        return super().terminal(state, rng, params) | (torch.rand(state.shape[:2], generator=rng) < 0.01)


class Drawer(Stove):
    """Random numbers are drawn for those episodes alone that need them, and so in another order from step to step."""

    def transition(self, state, action, rng, params):
        following = super().transition(state, action, rng, params)
        draughty = following[..., 0].abs() > 4
        following[draughty, 0] += 0.2 * torch.randn(int(draughty.sum()), generator=rng)
        return following


class Steps(Stove):
    """Whole numbers are observed: tenths of degrees, counts that are large."""

    def __init__(self, horizon=40):
        super().__init__(horizon)
        self.observation_space = spaces.Box(-10_000, 10_000, (2,), np.int64)

    def observation(self, state, rng, params):
        return (100 * state).round().long().clamp(-10_000, 10_000)


class Cells(Stove):
    """The number of a cell is observed, and the state is whole: no axis of features."""

    def __init__(self, horizon=40):
        super().__init__(horizon)
        self.observation_space = spaces.Discrete(41)

    def get_default_params(self):
        return {"home": torch.tensor([3])}

    def draw_tasks(self, n, generator, split):
        return {"home": 2 * torch.randint(10, (n,), generator=generator) + (split == "test")}

    def initial(self, rng, params):
        return torch.randint(41, params["home"].shape, generator=rng)

    def transition(self, state, action, rng, params):
        return (state + 2 * action - 1).clamp(0, 40)

    def observation(self, state, rng, params):
        return state

    def reward(self, state, action, next_state, rng, params):
        return -(next_state - params["home"]).abs().float() / 10

    def terminal(self, state, rng, params):
        return torch.zeros(state.shape, dtype=torch.bool)


class Table:
    """Values of actions by cell; parameters {"q": [agent, cell, action]}."""

    def greedy_action(self, parameters, observation):
        agents = torch.arange(len(observation))[:, None]
        return parameters["q"][agents, observation].argmax(-1)


class Pictures(Stove):
    """The room is seen as a picture of eight by eight pixels; the ordinary task has two parameters, one a vector."""

    def __init__(self, horizon=40):
        super().__init__(horizon)
        self.observation_space = spaces.Box(0, 1, (1, 8, 8), np.float32)

    def get_default_params(self):
        return {"cold": torch.tensor([1.0]), "tint": torch.zeros(1, 3)}

    def draw_tasks(self, n, generator, split):
        tint = 0.1 * torch.randn(n, 3, generator=generator)
        return {"cold": stamp_split(0.5 + torch.rand(n, generator=generator), split), "tint": tint}

    def observation(self, state, rng, params):
        places = torch.linspace(-12, 12, 8)
        warmth, heat = ((-(x[..., None] - places).square() / 8).exp() for x in (state[..., 0], 5 * state[..., 1]))
        return (warmth[..., None] * heat[..., None, :])[..., None, :, :] + params["tint"].mean(-1)[
            ..., None, None, None
        ]


class Looks:
    """The brightness of rows, weighted; parameters {"w": [agent, 8]}."""

    def greedy_action(self, parameters, observation):
        rows = observation.mean((-3, -1))
        return ((rows * parameters["w"][:, None]).sum(-1) > 0).long()


class Long(Stove):
    """Many short steps: a horizon of a thousand."""

    def __init__(self):
        super().__init__(1000)

    def transition(self, state, action, rng, params):
        return state + (super().transition(state, action, rng, params) - state) / 20


class OneStart(Gusty):
    """Each episode begins at the same place."""

    def initial(self, rng, params):
        return params["cold"][..., None] * torch.tensor([3.0, 1.0])


def _fog():
    return _project(Foggy())


def _draws_for_some():
    return _project(Drawer())


def _counts_are_seen():
    family = Steps()

    class Fine:
        def greedy_action(self, parameters, observation):
            return Line().greedy_action(parameters, observation / torch.tensor([400.0, 100.0]))

    def rule(observation):
        return _rule(observation / torch.tensor([400.0, 100.0]))

    return _project(family, rule=rule, policy=Fine(), parameters=_told()["parameters"])


def _cells():
    draws = torch.Generator().manual_seed(7)
    values = 0.1 * torch.rand(5, 41, 2, generator=draws)
    values[:, :3, 1] += 1
    values[:, 3:, 0] += 1
    return _project(Cells(), rule=lambda seen: (seen < 3).long(), policy=Table(), parameters={"q": values})


def _pictures():
    weights = torch.linspace(1, -1, 8) + 0.1 * torch.rand(5, 8, generator=torch.Generator().manual_seed(8))

    def rule(observation):
        rows = observation.mean((-3, -1))
        return (rows[..., :4].sum(-1) > rows[..., 4:].sum(-1)).long()

    return _project(Pictures(), rule=rule, policy=Looks(), parameters={"w": weights})


def _a_thousand_steps():
    return _project(Long(), parameters=_told()["parameters"], episodes=30)


def _one_first_state():
    return _project(OneStart())


def _the_same_episodes_for_all_agents():
    """Each agent is played alone with the same seed: all meet the same first states."""
    report = _told()
    agents = [{"w": report["parameters"]["w"][n : n + 1]} for n in range(5)]
    returns = torch.cat([_played(Stove(), Greedy(Line()), agent, 1, 77, 60) for agent in agents])
    return _with_returns(lambda _: returns)


def _twenty_episodes():
    return _project(episodes=20, parameters=_told()["parameters"])


RIGHT = [
    (ch04.check_project, Made(make))
    for make in (
        _fog,
        _draws_for_some,
        _counts_are_seen,
        _cells,
        _pictures,
        _a_thousand_steps,
        _one_first_state,
        _the_same_episodes_for_all_agents,
        _twenty_episodes,
    )
]
