"""Bad input to `metarl_core.tasks`."""

import gymnasium
import numpy as np
import torch

from metarl_core.agents import CategoricalPolicy, UniformPolicy
from metarl_core.parameters import initial_parameters
from metarl_core.tasks import (
    BernoulliBandits,
    CartPole,
    ChangingTasks,
    ContinuousCartPole,
    DampedPendulum,
    GridGoals,
    GridNavi,
    GymnasiumTasks,
    ImageClasses,
    InformedTasks,
    Languages,
    Locomotion,
    MetaWorld,
    Pendulum,
    PointNavigation,
    RotatedKeys,
    Sinusoids,
    TabularMDPs,
    TaskEnv,
    TaskFamily,
    TaskVectorEnv,
    TurnedControls,
    TwoLinkArm,
    expand_tasks,
    load_glyphs,
    load_languages,
    load_omniglot,
    made_up_languages,
    ngrams,
    rollout,
    select_tasks,
)

RNG = torch.Generator("cpu")
CARTPOLE, POINT, GRID = CartPole(), PointNavigation(), GridGoals()
CHANGING = ChangingTasks(CARTPOLE, "force")
GOALS = {"goal": torch.tensor([[0.1, 0.2], [0.3, 0.4]])}
UNIFORM = UniformPolicy(POINT.action_space)
NETWORK = CategoricalPolicy(CARTPOLE.observation_space, CARTPOLE.action_space, (4,))
PICTURES = torch.zeros(3, 4, 5, 5, dtype=torch.uint8)
CLASSES = ImageClasses(PICTURES, ["a", "a", "b"], {"train": ["a"], "test": ["b"]})


def make(name="CartPole-v1"):
    return lambda: gymnasium.make(name)


def cartpole(name, value):
    """CartPole's ordinary task with one parameter replaced."""
    return {**CARTPOLE.default_params, name: value}


def played(tasks=GOALS, policy=UNIFORM, parameters=None, episodes=2, generator=RNG, **named):
    return lambda: rollout(POINT, tasks, policy, parameters or {}, episodes, generator, **named)


def networked(tasks, change):
    parameters = {name: change(value) for name, value in initial_parameters(NETWORK).items()}
    return lambda: rollout(CARTPOLE, tasks, NETWORK, parameters, 1, RNG)


def stepped(env, action):
    def call():
        env.reset(seed=0)
        env.step(action)

    return call


def few_shot(**changed):
    given = {"n": 1, "ways": 1, "shots": 1, "queries": 1, "generator": RNG, **changed}
    return lambda: CLASSES.sample_few_shot(**given)


def start_at_one():
    class Shifted(PointNavigation):
        def __init__(self):
            super().__init__()
            self.action_space = gymnasium.spaces.Discrete(3, start=1)
            TaskFamily.__init__(self, 5)

    return Shifted()


def twice(number):
    """Functions of tasks that all give the same environment."""
    env = gymnasium.make("CartPole-v1")

    def call():
        with GymnasiumTasks([lambda: env] * number) as family:
            rollout(family, {"index": list(range(number))}, UniformPolicy(family.action_space), {}, 1, RNG)

    return call


def older_state():
    with GymnasiumTasks([make()]) as family:
        params = expand_tasks(family.default_params, 1)
        state = family.initial(RNG, params)
        action = torch.zeros((1, 1), dtype=torch.int64)
        family.transition(state, action, RNG, params)
        family.transition(state, action, RNG, params)


def other_spaces():
    with GymnasiumTasks([make()], test=[make("Acrobot-v1")]) as family:
        rollout(family, {"index": [1]}, UniformPolicy(family.action_space), {}, 1, RNG)


CALLS = [
    ("TaskFamily", lambda: POINT.sample_tasks(0, RNG), "n must be at least 1, got 0"),
    ("TaskFamily", lambda: POINT.sample_tasks(2.5, RNG), "n must be a whole number, got 2.5"),
    ("TaskFamily", lambda: POINT.sample_tasks(1, RNG, "valid"), "split must be one of train, test, ood, got 'valid'"),
    ("TaskFamily", lambda: POINT.sample_tasks(1, 0), "generator must be a torch.Generator, got 0"),
    ("TaskFamily", lambda: POINT.sample_tasks(1, RNG, dtype=torch.int64), "dtype must be a floating-point .*int64"),
    ("TaskFamily", lambda: POINT.check_tasks([0.1, 0.2]), "tasks must be a dictionary .*, got list"),
    ("TaskFamily", lambda: POINT.check_tasks({"mass": torch.ones(1)}), r"entries \['goal'\], got \['mass'\]"),
    ("TaskFamily", lambda: POINT.check_tasks({"goal": np.zeros((1, 2))}), "must be a tensor, got ndarray"),
    ("TaskFamily", lambda: POINT.check_tasks({"goal": torch.zeros(1, 3)}), r"shape \[tasks, 2\], got \[1, 3\]"),
    ("TaskFamily", lambda: POINT.check_tasks({"goal": torch.zeros(0, 2)}), "at least one task, got zero"),
    ("TaskFamily", lambda: POINT.check_tasks({"goal": torch.full((1, 2), torch.nan)}), "must be finite, got NaN"),
    ("TaskFamily", lambda: POINT.check_tasks({"goal": torch.ones(1, 2).long()}), "numbers like .*float32, got .*int64"),
    (
        "TaskFamily",
        lambda: CARTPOLE.check_tasks(cartpole("length", torch.ones(1, dtype=torch.float64))),
        "one floating-point dtype and on one device, got torch.float32 and torch.float64",
    ),
    (
        "TaskFamily",
        lambda: CARTPOLE.check_tasks(cartpole("length", torch.ones(1, dtype=torch.float16))),
        "one floating-point dtype and on one device, got torch.float16 and torch.float32",
    ),
    ("TaskFamily", lambda: POINT.as_tasks({"goal": "north"}), "must be made of numbers, got 'north'"),
    ("TaskFamily", lambda: POINT.vector_env(GOALS, 3), "multiple of the number of tasks 2, got 3"),
    ("TaskFamily", start_at_one, "action_space must count from 0 where it is Discrete, got Discrete"),
    (
        "TaskFamily",
        lambda: POINT.step(torch.zeros(1, 1, 2), torch.zeros(1, 1), RNG, expand_tasks(POINT.default_params, 1)),
        r"action must have shape \[1, 1, 2\], got \[1, 1\]",
    ),
    ("BernoulliBandits", lambda: BernoulliBandits(arms=1), "arms must be at least 2, got 1"),
    ("BernoulliBandits", lambda: BernoulliBandits(horizon=0), "horizon must be at least 1, got 0"),
    ("BernoulliBandits", lambda: BernoulliBandits(horizon="long"), "horizon must be at least 1, got 'long'"),
    ("TabularMDPs", lambda: TabularMDPs(states=1), "states must be at least 2, got 1"),
    ("TabularMDPs", lambda: TabularMDPs(actions=2.5), "actions must be a whole number, got 2.5"),
    ("GridNavi", lambda: GridNavi(size=2), "size must be at least 3, got 2"),
    ("GridNavi", lambda: GridNavi().check_tasks({"goal": torch.tensor([0])}), "must be cells from 1 to 24, got 0"),
    ("GridNavi", lambda: GridNavi().check_tasks({"goal": torch.tensor([25])}), "must be cells from 1 to 24, got 25"),
    ("GridGoals", lambda: GridGoals(size=2), "size must be at least 3, got 2"),
    ("GridGoals", lambda: GridGoals(reward="shaped"), "reward must be one of sparse, step, dense, got 'shaped'"),
    ("GridGoals", lambda: GridGoals(walls=(3,)), "walls and start must lie on the 7 × 7 grid"),
    ("GridGoals", lambda: GridGoals(start=(3, 7)), "walls and start must lie on the 7 × 7 grid"),
    ("GridGoals", lambda: GridGoals(walls=((3, 3),)), r"start must not be a wall, got \(3, 3\)"),
    ("GridGoals", lambda: GRID.check_tasks({"goal": torch.tensor([49])}), "can be reached from the start, got 49"),
    ("GridGoals", lambda: GRID.tables({"goal": torch.tensor([0.5])}), "numbers like torch.int64, got torch.float32"),
    ("PointNavigation", lambda: PointNavigation("shaped"), "reward must be one of distance, squared, sparse"),
    ("PointNavigation", lambda: PointNavigation(half_width=0), "half_width must be above 0, got 0"),
    ("PointNavigation", lambda: PointNavigation(goal_radius="wide"), "goal_radius must be above 0, got 'wide'"),
    ("RotatedKeys", lambda: RotatedKeys(keys=2), "keys must be at least 3, got 2"),
    ("RotatedKeys", lambda: RotatedKeys("sparse"), "reward must be one of distance, step, got 'sparse'"),
    (
        "RotatedKeys",
        lambda: RotatedKeys().check_tasks({"angle": torch.zeros(1), "order": torch.zeros(1)}),
        r"must be 1 or -1, got \[0.0\]",
    ),
    ("TurnedControls", lambda: TurnedControls(half_width=-1), "half_width must be above 0, got -1"),
    (
        "TurnedControls",
        lambda: TurnedControls().check_tasks({"angle": torch.zeros(1), "mirror": torch.zeros(1)}),
        r"must be 1 or -1, got \[0.0\]",
    ),
    ("CartPole", lambda: CartPole(spread=1), "spread is a factor and must be above 1, got 1"),
    ("CartPole", lambda: CartPole(spread="wide"), "spread is a factor and must be above 1, got 'wide'"),
    ("CartPole", lambda: CartPole(varying="mass"), r"varying must name some of .*, got \['mass'\]"),
    ("Pendulum", lambda: Pendulum(spread=0.5), "spread is a factor and must be above 1, got 0.5"),
    ("ContinuousCartPole", lambda: ContinuousCartPole(spread=1), "spread is a factor and must be above 1, got 1"),
    ("ContinuousCartPole", lambda: ContinuousCartPole(varying="gain"), r"varying must name some of .*, got \['gain'\]"),
    ("DampedPendulum", lambda: DampedPendulum(spread=0.5), "spread is a factor and must be above 1, got 0.5"),
    ("DampedPendulum", lambda: DampedPendulum(varying=()), r"varying must name some of .*, got \[\]"),
    ("TwoLinkArm", lambda: TwoLinkArm(varying="mass"), r"varying must name some of .*, got \['mass'\]"),
    ("TwoLinkArm", lambda: TwoLinkArm(gravity=-1), "gravity must be at least 0, got -1"),
    ("TwoLinkArm", lambda: TwoLinkArm(spread="wide"), "spread is a factor and must be above 1, got 'wide'"),
    (
        "ChangingTasks",
        lambda: ChangingTasks("arm", "gain1"),
        "family must be a TaskFamily of pure .*, got 'arm'",
    ),
    ("ChangingTasks", lambda: ChangingTasks(CARTPOLE, "mass"), r"changing must name some of .*, got \['mass'\]"),
    (
        "ChangingTasks",
        lambda: ChangingTasks(GRID, "goal"),
        "floating-point numbers as states, got torch.int64",
    ),
    ("ChangingTasks", lambda: ChangingTasks(CARTPOLE, "force", -1), "earliest must be at least 0, got -1"),
    ("ChangingTasks", lambda: ChangingTasks(CARTPOLE, "force", 9, 8), "latest must be at least earliest, 9, got 8"),
    (
        "ChangingTasks",
        lambda: CHANGING.check_tasks(CHANGING.default_params | {"change_at": torch.tensor([-2])}),
        r"tasks\['change_at'\] must be at least 0, got -2",
    ),
    ("InformedTasks", lambda: InformedTasks("cartpole"), "family must be a TaskFamily, got 'cartpole'"),
    (
        "InformedTasks",
        lambda: InformedTasks(InformedTasks(GRID)).sample_tasks(1, RNG, "valid"),
        "split must be one of train, test, ood",
    ),
    ("Sinusoids", lambda: Sinusoids().sample_tasks(0, RNG), "n must be at least 1, got 0"),
    ("Sinusoids", lambda: Sinusoids().sample_tasks(1, RNG, "valid"), "split must be one of train, test, ood"),
    ("Sinusoids", lambda: Sinusoids().sample_data({"phase": torch.ones(1)}, 1, RNG), "entries .*'amplitude'"),
    ("Sinusoids", lambda: Sinusoids().sample_few_shot(1, 0, 1, RNG), "shots must be at least 1, got 0"),
    ("Sinusoids", lambda: Sinusoids().sample_few_shot(1, 1, 1, RNG, dtype="double"), "dtype must be .*, got 'double'"),
    ("ImageClasses", lambda: ImageClasses(PICTURES[0], ["a"], {"train": ["a"]}), "images must have shape"),
    ("ImageClasses", lambda: ImageClasses(PICTURES.numpy(), [], {}), "images must be a tensor, got ndarray"),
    ("ImageClasses", lambda: ImageClasses(PICTURES.float() + 2, ["a"], {}), r"uint8, or floating point in \[0, 1\]"),
    ("ImageClasses", lambda: ImageClasses(PICTURES, ["a"], {"train": ["a"]}), "each of the 3 classes, got 1"),
    ("ImageClasses", lambda: ImageClasses(PICTURES, list("aab"), {"valid": ["a"]}), "splits must be some of"),
    ("ImageClasses", few_shot(ways=3), "ways must be at most 2, the classes of split 'train', got 3"),
    ("ImageClasses", few_shot(queries=4), r"shots \+ queries must be at most 4"),
    ("ImageClasses", few_shot(split="ood"), "split must be one of train, test, got 'ood'"),
    ("ImageClasses", few_shot(generator=None), "generator must be a torch.Generator, got None"),
    ("ImageClasses", few_shot(dtype=torch.uint8), "dtype must be a floating-point torch.dtype, got torch.uint8"),
    ("load_glyphs", lambda: load_glyphs(instances=0), "instances must be at least 1, got 0"),
    ("load_glyphs", lambda: load_glyphs(seed="first"), "seed must be at least 0, got 'first'"),
    ("Languages", lambda: Languages({"a": ["x"]}, {"valid": ["a"]}), "splits must be some of train, test, ood"),
    ("Languages", lambda: Languages({"a": ["x"]}, {"train": ["b"]}), "one split and no other, see"),
    ("Languages", lambda: Languages({"a": []}, {"train": ["a"]}), "words of a letter or more, see"),
    (
        "Languages",
        lambda: Languages({"a": ["x"]}, {"train": ["a"]}).sample_few_shot(1, 2, 1, 1, RNG),
        "ways must be at most 1, the languages of split 'train', got 2",
    ),
    ("load_languages", lambda: load_languages(share=1.0), "share must be between 0 and 1, got 1.0"),
    ("made_up_languages", lambda: made_up_languages(0, 1, 5, 3.0, RNG), "train must be at least 1, got 0"),
    ("made_up_languages", lambda: made_up_languages(1, 1, 5, 0.0, RNG), "strength must be .*above 0, got 0.0"),
    ("ngrams", lambda: ngrams(torch.zeros(3)), "codes must be a tensor of whole numbers"),
    ("ngrams", lambda: ngrams(torch.tensor([97]), size=0), "size must be at least 1, got 0"),
    ("load_omniglot", lambda: load_omniglot("no such folder"), "there is no folder"),
    ("load_omniglot", lambda: load_omniglot(None), "folder must be a path, got None"),
    ("load_omniglot", lambda: load_omniglot(".", side=0), "side must be at least 1, got 0"),
    ("Locomotion", lambda: Locomotion("Horse"), "body must be one of HalfCheetah, Ant, got 'Horse'"),
    ("Locomotion", lambda: Locomotion("Ant", "height"), "goal must be one of velocity, direction, got 'height'"),
    ("Locomotion", lambda: Locomotion(threads=0), "threads must be at least 1, got 0"),
    ("MetaWorld", lambda: MetaWorld(reward="v3"), "reward must be one of v1, v2, got 'v3'"),
    ("MetaWorld", lambda: MetaWorld(seed=-1), "seed must be at least 0, got -1"),
    ("MetaWorld", lambda: MetaWorld(horizon=501), "horizon must be at most 500, .*got 501"),
    ("GymnasiumTasks", lambda: GymnasiumTasks([]), "train must list at least one environment, got none"),
    ("GymnasiumTasks", lambda: GymnasiumTasks(["CartPole-v1"]), "train must list functions that make an environment"),
    ("GymnasiumTasks", lambda: GymnasiumTasks([make("Blackjack-v1")]), "observations must lie in a Box or a Discrete"),
    (
        "GymnasiumTasks",
        lambda: GymnasiumTasks([make()]).sample_tasks(1, RNG, "test"),
        "split must be one that has environments, got the empty 'test'",
    ),
    (
        "GymnasiumTasks",
        lambda: GymnasiumTasks([make()]).check_tasks({"index": torch.tensor([1])}),
        r"tasks\['index'\] must be in 0 to 0, got 1",
    ),
    ("GymnasiumTasks", lambda: GymnasiumTasks([make()]).vector_env(num_envs=0), "num_envs must be at least 1, got 0"),
    ("GymnasiumTasks", lambda: GymnasiumTasks([lambda: 3]), "function 0 must make a gymnasium.Env, got int"),
    ("GymnasiumTasks", lambda: GymnasiumTasks([make()], horizon=1.5), "horizon must be a whole number, got 1.5"),
    ("GymnasiumTasks", twice(1), "function 0 must make a fresh environment at each call"),
    ("GymnasiumTasks", twice(2), "must make a fresh environment at each call"),
    ("GymnasiumTasks", other_spaces, "environment 1 must have spaces like the first"),
    ("GymnasiumTasks", older_state, "state must be the newest"),
    ("TaskEnv", lambda: TaskEnv("CartPole-v1"), "family must be a TaskFamily, got 'CartPole-v1'"),
    ("TaskEnv", lambda: TaskEnv(POINT, GOALS), "task must be one task, got 2"),
    ("TaskEnv", lambda: TaskEnv(POINT, {"goal": "north"}), "must be made of numbers, got 'north'"),
    ("TaskEnv", lambda: TaskEnv(GRID).step(0), r"reset\(\) must be called before the first step\(\)"),
    ("TaskEnv", stepped(TaskEnv(GRID), 4), "action must be one of 0 to 3, got 4"),
    ("TaskEnv", stepped(TaskEnv(GRID), "up"), "action must be made of numbers, got 'up'"),
    ("TaskVectorEnv", lambda: TaskVectorEnv(None, 1), "family must be a TaskFamily, got None"),
    (
        "TaskVectorEnv",
        lambda: TaskVectorEnv(GymnasiumTasks([make()]), 1),
        "pure functions, got GymnasiumTasks",
    ),
    ("TaskVectorEnv", lambda: TaskVectorEnv(POINT, 3, GOALS), "multiple of the number of tasks 2, got 3"),
    ("TaskVectorEnv", lambda: TaskVectorEnv(POINT, 2, GOALS, 0), "horizon must be at least 1, got 0"),
    ("TaskVectorEnv", stepped(TaskVectorEnv(GRID, 2), [0, 9]), "action must be one of 0 to 3, got 9"),
    ("TaskVectorEnv", stepped(TaskVectorEnv(GRID, 2), [0.5, 1]), "integers 0 to 3, got torch.float64"),
    ("TaskVectorEnv", lambda: TaskVectorEnv(POINT, 1).state_dict(), r"reset\(\) must be called before state_dict"),
    ("rollout", played(tasks={"goal": torch.zeros(2, 3)}), r"shape \[tasks, 2\], got \[2, 3\]"),
    ("rollout", played(tasks=None, episodes=0), "episodes must be at least 1, got 0"),
    ("rollout", lambda: rollout(POINT, GOALS, UNIFORM, [1], 1, RNG), "parameters must be a dictionary .*, got list"),
    ("rollout", played(tasks=None, episodes=float("inf")), "episodes must be a whole number, got inf"),
    ("rollout", played(horizon=0), "horizon must be at least 1, got 0"),
    ("rollout", played(generator=0), "generator must be a torch.Generator, got 0"),
    ("rollout", played(policy=torch.relu), "policy must have the methods noise and act"),
    ("rollout", played(policy=UniformPolicy(GRID.action_space)), r"actions must have shape \[2, 2, 2\], got \[2, 2\]"),
    ("rollout", played(parameters={"w": 1.0}), r"parameters\['w'\] must be a tensor, got float"),
    ("rollout", lambda: rollout("CartPole", GOALS, UNIFORM, {}, 1, RNG), "family must be a TaskFamily"),
    ("rollout", networked(None, torch.Tensor.double), "must be of the tasks' dtype torch.float32, got torch.float64"),
    ("rollout", networked(None, lambda w: w.to("meta")), "must be on the tasks' device cpu, got meta"),
    ("rollout", networked(None, lambda w: w * torch.nan), "must be numbers, got NaN from the policy"),
    ("select_tasks", lambda: select_tasks(GOALS, 2), "index must choose some of the 2 tasks, got 2"),
    ("select_tasks", lambda: select_tasks(GOALS, "first"), "index must choose some of the 2 tasks, got 'first'"),
    ("select_tasks", lambda: select_tasks(GOALS["goal"], 0), "tasks must be a dictionary .*, got Tensor"),
    ("expand_tasks", lambda: expand_tasks(GOALS, 0), "episodes must be at least 1, got 0"),
]
EXEMPT = {
    "SPLITS": "a constant",
    "FewShot": "a record of tensors, checked by who uses it",
    "Policy": "a protocol",
    "Tasks": "a type",
    "Trajectories": "a record of tensors, made by `rollout`; its `select` is `select_tasks`",
}
