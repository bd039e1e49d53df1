"""p(T): splits never share a task, train and test follow one distribution, and bad arguments say what is wrong."""

import gymnasium
import numpy as np
import pytest
import torch
from scipy import stats

from metarl_core.agents import UniformPolicy
from metarl_core.tasks import (
    BernoulliBandits,
    CartPole,
    GridGoals,
    GymnasiumTasks,
    Pendulum,
    PointNavigation,
    RotatedKeys,
    Sinusoids,
    TabularMDPs,
    TaskEnv,
    TaskVectorEnv,
    TurnedControls,
    expand_tasks,
    rollout,
    select_tasks,
)
from metarl_core.tasks.checks import check_action
from metarl_core.tasks.draws import stamp_split

CONTINUOUS = {
    "bandits": (BernoulliBandits(arms=3), ["means"]),
    "navigation": (PointNavigation(), ["goal"]),
    "cartpole": (CartPole(), ["gravity", "mass_cart", "mass_pole", "length", "force"]),
    "signed cartpole": (CartPole(hidden_sign=True), ["gravity", "mass_cart", "mass_pole", "length", "force"]),
    "pendulum": (Pendulum(), ["gravity", "mass", "length"]),
    "tabular": (TabularMDPs(states=3, actions=2), ["reward_means"]),
    "sinusoid": (Sinusoids(), ["amplitude", "phase"]),
}
FAMILIES = {name: family for name, (family, _) in CONTINUOUS.items()} | {
    "grid": GridGoals(),
    "keys": RotatedKeys(),
    "turned": TurnedControls(),
}
ENVIRONMENTS = {name: family for name, family in FAMILIES.items() if name != "sinusoid"}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(tasks, names):
    return torch.cat([tasks[name].flatten(1) if tasks[name].ndim > 1 else tasks[name][:, None] for name in names], 1)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_train_and_test_are_marked_by_a_bit(name):
    family, stamped = CONTINUOUS[name]
    bits = {}
    for split in ("train", "test"):
        tasks = family.sample_tasks(100_000, seeded(), split)
        bits[split] = rows(tasks, stamped).contiguous().view(torch.int32) & 1
    assert bool((bits["train"] == 0).all()) and bool((bits["test"] == 1).all())


@pytest.mark.parametrize("name", CONTINUOUS)
def test_no_task_in_two_splits(name):
    family, stamped = CONTINUOUS[name]
    seen = {}
    for seed, split in enumerate(("train", "test", "ood")):
        values = rows(family.sample_tasks(100_000, seeded(seed), split), stamped).numpy()
        seen[split] = {row.tobytes() for row in values}
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["ood"]
    assert not seen["test"] & seen["ood"]


@pytest.mark.parametrize("name", CONTINUOUS)
def test_train_and_test_follow_one_distribution(name):
    family, stamped = CONTINUOUS[name]
    train = rows(family.sample_tasks(20_000, seeded(1), "train"), stamped).numpy()
    test = rows(family.sample_tasks(20_000, seeded(2), "test"), stamped).numpy()
    for column in range(train.shape[1]):
        assert stats.ks_2samp(train[:, column], test[:, column]).pvalue > 1e-4
    same = seeded(3), seeded(3)
    first, second = family.sample_tasks(100, same[0], "train"), family.sample_tasks(100, same[1], "test")
    for key in first:
        assert torch.allclose(first[key], second[key], rtol=1e-6), "the stamp changes the last bit only"


def test_marginals_are_as_documented():
    means = BernoulliBandits().sample_tasks(20_000, seeded())["means"].flatten().numpy()
    assert stats.kstest(means, "uniform").pvalue > 1e-4
    goals = PointNavigation().sample_tasks(20_000, seeded())["goal"].numpy()
    for axis in range(2):
        assert stats.kstest(goals[:, axis] + 0.5, "uniform").pvalue > 1e-4
    assert abs(np.corrcoef(goals.T)[0, 1]) < 0.03 and abs(np.corrcoef((goals**2).T)[0, 1]) < 0.03
    ring = PointNavigation().sample_tasks(20_000, seeded(), "ood")["goal"].numpy()
    inner_quadrant = np.abs(ring).max(1) <= 0.75  # area of that ring over the whole: (0.75² − 0.5²) / (1 − 0.5²)
    assert inner_quadrant.mean() == pytest.approx(0.3125 / 0.75, abs=0.015)
    factor = CartPole(spread=3.0).sample_tasks(20_000, seeded())["force"].numpy() / 10
    assert stats.kstest(np.log(factor) / np.log(3) / 2 + 0.5, "uniform").pvalue > 1e-4
    tables = TabularMDPs(3, 2).sample_tasks(20_000, seeded())
    assert stats.kstest(tables["reward_means"].flatten().numpy(), "norm", (1, 1)).pvalue > 1e-4
    assert stats.kstest(tables["transitions"][..., 0].flatten().numpy(), "beta", (1, 2)).pvalue > 1e-4  # flat Dirichlet
    waves = Sinusoids().sample_tasks(20_000, seeded())
    assert stats.kstest(waves["amplitude"].numpy(), "uniform", (0.1, 4.9)).pvalue > 1e-4
    assert stats.kstest(waves["phase"].numpy(), "uniform", (0, np.pi)).pvalue > 1e-4


def test_out_of_distribution_lies_outside():
    goals = PointNavigation(half_width=0.3).sample_tasks(100_000, seeded(), "ood")["goal"].abs().amax(1)
    assert goals.min() >= 0.3 - 1e-6 and goals.max() <= 0.6 + 1e-6
    inside = PointNavigation(half_width=0.3).sample_tasks(100_000, seeded())["goal"].abs().amax(1)
    assert inside.max() <= 0.3 + 1e-6
    for family, default in ((CartPole(spread=2.0), CartPole().default_params), (Pendulum(), Pendulum().default_params)):
        train, ood = (family.sample_tasks(100_000, seeded(), split) for split in ("train", "ood"))
        for name, value in default.items():
            logs = (train[name] / value).log() / np.log(family.spread)
            assert logs.abs().max() <= 1 + 1e-5
            logs = (ood[name] / value).log() / np.log(family.spread)
            assert logs.abs().min() >= 1 - 1e-5 and logs.abs().max() <= 2 + 1e-5
            assert 0.45 < float((logs > 0).float().mean()) < 0.55
    means = BernoulliBandits(arms=4).sample_tasks(1000, seeded(), "ood")["means"]
    assert torch.allclose(means.sort(1).values, torch.tensor([0.1, 0.1, 0.1, 0.9]).expand(1000, 4))
    assert len(means.argmax(1).unique()) == 4
    assert Sinusoids().sample_tasks(100_000, seeded(), "ood")["amplitude"].min() >= 5
    tables = TabularMDPs().sample_tasks(500, seeded(), "ood")
    assert abs(float(tables["reward_means"].mean()) + 1) < 0.05
    plain = TabularMDPs().sample_tasks(500, seeded())["transitions"]
    assert tables["transitions"].amax(-1).mean() > 0.7 > 0.4 > plain.amax(-1).mean()


def test_keyboards():
    """All angles in each split; train and test angles marked by a bit, mirrored keyboards out of distribution."""
    family = RotatedKeys()
    for split, order in (("train", 1), ("test", 1), ("ood", -1)):
        tasks = family.sample_tasks(20_000, seeded(), split)
        assert bool((tasks["order"] == order).all())
        assert stats.kstest(tasks["angle"].numpy() / (2 * np.pi), "uniform").pvalue > 1e-4
        if split != "ood":
            assert bool((tasks["angle"].view(torch.int32) & 1 == (split == "test")).all())


def test_half_of_the_pushes_are_reversed():
    for split in ("train", "test", "ood"):
        plain = CartPole().sample_tasks(20_000, seeded(), split)
        tasks = CartPole(hidden_sign=True).sample_tasks(20_000, seeded(), split)
        assert 0.48 < float((tasks["force"] < 0).float().mean()) < 0.52
        assert torch.equal(tasks["force"].abs(), plain["force"]) and torch.equal(tasks["length"], plain["length"])


@pytest.mark.parametrize(
    "family", [GridGoals(), GridGoals(size=5, walls=((1, 1), (1, 2), (3, 3)), start=(0, 0)), GridGoals(size=3)]
)
def test_grid_goals_exhaustively(family):
    sets = {split: set(goals.tolist()) for split, goals in family.goals.items()}
    assert not sets["train"] & sets["test"] and not sets["train"] & sets["ood"] and not sets["test"] & sets["ood"]
    walls = {row * family.size + column for row, column in family.walls}
    reachable = {cell for cell in range(family.size**2) if family.distance[family.start, cell].isfinite()}
    assert set.union(*sets.values()) == reachable - {family.start} and not walls & reachable
    for split, goals in sets.items():
        drawn = family.sample_tasks(5000, seeded(), split)["goal"]
        assert set(drawn.tolist()) == goals
        counts = torch.bincount(drawn)[sorted(goals)].numpy()
        assert stats.chisquare(counts).pvalue > 1e-4 if len(goals) > 1 else True
    half = family.size // 2
    assert all((cell // family.size > half and cell % family.size > half) == (cell in sets["ood"])
               for cell in set.union(*sets.values()))  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("split", ["train", "test", "ood"])
def test_reproducible(name, split):
    first, again = (FAMILIES[name].sample_tasks(50, seeded(7), split) for _ in range(2))
    other = FAMILIES[name].sample_tasks(50, seeded(8), split)
    for key in first:
        assert torch.equal(first[key], again[key])
    assert any(not torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", FAMILIES)
def test_sample_tasks_refuses(name):
    with pytest.raises(ValueError, match="at least 1, got 0"):
        FAMILIES[name].sample_tasks(0, seeded())
    with pytest.raises(ValueError, match="train, test, ood, got 'valid'"):
        FAMILIES[name].sample_tasks(1, seeded(), "valid")


def test_stamp_changes_one_bit():
    values = torch.tensor([0.0, -1.5, 3.0e-5, 7.25])
    odd, even = stamp_split(values, "test"), stamp_split(values, "train")
    assert torch.allclose(odd, values) and torch.allclose(even, values)
    assert stamp_split(values, "ood") is values
    assert not (odd == even).any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_stamp_in_every_precision(dtype):
    values = torch.rand(200, generator=seeded()).to(dtype)
    odd, even = stamp_split(values, "test"), stamp_split(values, "train")
    assert odd.shape == even.shape == values.shape and odd.dtype == even.dtype == dtype
    step = torch.finfo(dtype).eps * values
    assert bool(((odd - values).abs() <= step).all()) and bool(((even - values).abs() <= step).all())
    assert not set(odd.tolist()) & set(even.tolist())


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("split", ["train", "test", "ood"])
def test_double_precision_tasks(name, split):
    """Under torch's default float64 and with `dtype`: as many tasks as asked for, of p(T), in double."""
    family = FAMILIES[name]
    given = family.sample_tasks(2000, seeded(), split, dtype=torch.float64)
    torch.set_default_dtype(torch.float64)
    try:
        default = family.sample_tasks(2000, seeded(), split)
    finally:
        torch.set_default_dtype(torch.float32)
    single = family.sample_tasks(2000, seeded(), split)
    for key, value in given.items():
        assert torch.equal(value, default[key]) and value.shape == single[key].shape
        assert value.dtype == (torch.float64 if single[key].is_floating_point() else torch.int64)
        spread = max(float(single[key].double().std()), 1e-6)
        assert abs(float(value.double().mean() - single[key].double().mean())) < 0.2 * spread
        if value.unique().numel() > 100:  # drawn in double, not cast from float32
            assert not torch.equal(value.float().double(), value)


@pytest.mark.parametrize(
    "make, given",
    [
        (lambda: BernoulliBandits(arms=1), "got 1"),
        (lambda: TabularMDPs(states=1), "states must be at least 2, got 1"),
        (lambda: TabularMDPs(actions=1), "actions must be at least 2, got 1"),
        (lambda: GridGoals(size=2), "got 2"),
        (lambda: GridGoals(reward="shaped"), "sparse, step, dense, got 'shaped'"),
        (lambda: GridGoals(walls=((9, 9),)), "7 × 7 grid"),
        (lambda: GridGoals(start=(7, 0)), "7 × 7 grid"),
        (lambda: GridGoals(walls=((3, 3),)), r"got \(3, 3\)"),
        (lambda: GridGoals(size=3, walls=((2, 2),)), "'ood'"),
        (lambda: PointNavigation(reward="shaped"), "distance, squared, sparse, got 'shaped'"),
        (lambda: PointNavigation(half_width=0.0), "got 0.0"),
        (lambda: PointNavigation(goal_radius=-1.0), "-1.0"),
        (lambda: CartPole(spread=1.0), "got 1.0"),
        (lambda: CartPole(spread=float("nan")), "got nan"),
        (lambda: RotatedKeys(keys=2), "got 2"),
        (lambda: RotatedKeys("sparse"), "distance, step, got 'sparse'"),
        (lambda: CartPole(varying=("colour",)), "colour"),
        (lambda: CartPole(varying=()), "got \\[\\]"),
        (lambda: Pendulum(spread=0.5), "got 0.5"),
        (lambda: GymnasiumTasks([]), "at least one"),
        (
            lambda: GymnasiumTasks([lambda: gymnasium.make("Blackjack-v1")]),
            "observations must lie in a Box or a Discrete",
        ),
    ],
)
def test_constructors_refuse(make, given):
    with pytest.raises(ValueError, match=given):
        make()


@pytest.mark.parametrize("family", [BernoulliBandits, TabularMDPs, GridGoals, PointNavigation, CartPole, Pendulum])
def test_horizon_is_at_least_one(family):
    with pytest.raises(ValueError, match="at least 1, got 0"):
        family(horizon=0)
    assert family(horizon=1).horizon == 1


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_malformed_tasks(name):
    family = ENVIRONMENTS[name]
    tasks = family.sample_tasks(3, seeded())
    assert family.check_tasks(tasks) == 3
    key = next(iter(tasks))
    with pytest.raises(ValueError, match="colour"):
        family.check_tasks({**tasks, "colour": torch.zeros(3)})
    with pytest.raises(ValueError, match="entries"):
        family.check_tasks({})
    with pytest.raises(ValueError, match="shape"):
        family.check_tasks({**tasks, key: tasks[key][..., None]})
    with pytest.raises(ValueError, match="at least one task, got zero"):
        family.check_tasks({name: value[:0] for name, value in tasks.items()})
    wrong = tasks[key].double() if name == "grid" else tasks[key].long()
    with pytest.raises(ValueError, match="must hold numbers like"):
        family.check_tasks({**tasks, key: wrong})
    if len(tasks) > 1:
        with pytest.raises(ValueError, match="shape"):
            family.check_tasks({**tasks, key: tasks[key][:2]})
    if name != "grid":
        for bad in (float("nan"), float("inf")):
            with pytest.raises(ValueError, match="finite"):
                family.check_tasks({**tasks, key: torch.full_like(tasks[key], bad)})
    with pytest.raises(ValueError):
        rollout(
            family,
            {name: value[:0] for name, value in tasks.items()},
            UniformPolicy(family.action_space),
            {},
            1,
            seeded(),
        )


@pytest.mark.parametrize("goal", [-1, 49, 10**6])
def test_grid_goal_on_the_grid(goal):
    with pytest.raises(ValueError, match=f"reached from the start, got {goal}"):
        GridGoals().check_tasks({"goal": torch.tensor([3, goal])})


def test_grid_goal_in_a_wall():
    with pytest.raises(ValueError, match="reached from the start, got 0"):
        GridGoals(walls=((0, 0),)).check_tasks({"goal": torch.tensor([0])})


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_step_refuses_wrong_actions(name):
    family = ENVIRONMENTS[name]
    params, rng = expand_tasks(family.sample_tasks(2, seeded()), 3), seeded()
    state = family.initial(rng, params)
    good = UniformPolicy(family.action_space).noise((2, 3), rng)
    state, observation, reward, terminated = family.step(state, good, rng, params)
    assert reward.shape == terminated.shape == (2, 3) and terminated.dtype == torch.bool
    with pytest.raises(ValueError, match="shape"):
        family.step(state, good[:1], rng, params)
    if good.is_floating_point():
        with pytest.raises(ValueError, match="NaN"):
            family.step(state, good * float("nan"), rng, params)
    else:
        with pytest.raises(ValueError, match=f"0 to {family.action_space.n - 1}, got {family.action_space.n}"):
            family.step(state, torch.full_like(good, int(family.action_space.n)), rng, params)
        with pytest.raises(ValueError, match="got -1"):
            family.step(state, torch.full_like(good, -1), rng, params)
        with pytest.raises(ValueError, match="integers"):
            family.step(state, good.float(), rng, params)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_gymnasium_environments_refuse_wrong_actions(name):
    family = ENVIRONMENTS[name]
    single, vector = TaskEnv(family), TaskVectorEnv(family, 3)
    for env in (single, vector):
        with pytest.raises(ValueError, match="reset"):
            env.step(env.action_space.sample())
        env.reset(seed=0)
        with pytest.raises(ValueError, match="shape"):
            env.step(np.zeros((7, 7), dtype=np.int64))
    if isinstance(family.action_space, gymnasium.spaces.Discrete):
        n = int(family.action_space.n)
        for wrong in (n, -1):
            with pytest.raises(ValueError, match=f"0 to {n - 1}, got {wrong}"):
                single.step(wrong)
            with pytest.raises(ValueError, match=f"0 to {n - 1}, got {wrong}"):
                vector.step(np.array([0, wrong, 0]))
        with pytest.raises(ValueError, match="integers"):
            single.step(0.5)
    else:
        for env in (single, vector):
            with pytest.raises(ValueError, match="NaN"):
                env.step(np.full(env.action_space.shape, np.nan, dtype=np.float32))


def test_gymnasium_environments_refuse_wrong_tasks():
    family = PointNavigation()
    with pytest.raises(ValueError, match="one task, got 2"):
        TaskEnv(family, {"goal": torch.zeros(2, 2)})
    with pytest.raises(ValueError, match="finite"):
        TaskEnv(family, {"goal": [float("nan"), 0.0]})
    with pytest.raises(ValueError, match="entries"):
        TaskEnv(family, {"mass": 1.0})
    with pytest.raises(ValueError, match="multiple of the number of tasks 2, got 3"):
        TaskVectorEnv(family, 3, {"goal": torch.zeros(2, 2)})
    with pytest.raises(ValueError, match="got 0"):
        TaskVectorEnv(family, 0)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        TaskVectorEnv(family, 1, max_episode_steps=0)
    with pytest.raises(ValueError, match="stateful"):
        TaskVectorEnv(GymnasiumTasks([lambda: gymnasium.make("CartPole-v1")]), 1)


def test_sinusoids_refuse():
    family = Sinusoids()
    tasks = family.sample_tasks(2, seeded())
    with pytest.raises(ValueError, match="got 0"):
        family.sample_data(tasks, 0, seeded())
    with pytest.raises(ValueError, match="phase"):
        family.sample_data({"amplitude": tasks["amplitude"]}, 5, seeded())


def test_check_action_allows_what_is_clipped():
    check_action(gymnasium.spaces.Box(-1, 1, (2,)), torch.full((1, 1, 2), 5.0), (1, 1))


def test_select_and_expand():
    tasks = TabularMDPs().sample_tasks(4, seeded())
    assert select_tasks(tasks, 2)["reward_means"].shape == (1, 10, 5)
    assert torch.equal(select_tasks(tasks, [3, 1])["reward_means"][1], tasks["reward_means"][1])
    wide = expand_tasks(tasks, 6)
    for name, value in tasks.items():
        assert wide[name].shape == (4, 6, *value.shape[1:])
        assert torch.equal(wide[name][:, 5], value)
