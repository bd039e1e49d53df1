# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02a Environments: fidelity, speed, physics
#
# **Is our CartPole Gymnasium's, how fast is a batch of them, and which physics does a fixed policy survive?**
#
# *An appendix to chapter 02. No later chapter needs it.*
#
# You will be able to
#
# - show that two environments are equal, and make a task family out of a list of Gymnasium environments
# - predict from two numbers how fast a batch of environments steps
# - find the range of a parameter in which a policy needs no adaptation
#
# Before you start: chapter 02, [Tasks and their distributions](02_tasks.ipynb).
#
# Reading: about 25 minutes. Running: at most 30 seconds and 1000 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]
import functools
import time
import warnings

import gymnasium
import numpy as np
import torch
from gymnasium.utils.env_checker import check_env

from metarl_core.agents.policies import UniformPolicy
from metarl_core.claims import claim
from metarl_core.figures import ch02a as figures
from metarl_core.figures.words import table
from metarl_core.randomness import seeded
from metarl_core.registration import FAMILIES
from metarl_core.results import load_benchmark
from metarl_core.session import begin
from metarl_core.tasks import CartPole, GymnasiumTasks, Pendulum, rollout
from metarl_core.tasks.controllers import CartPoleController, PendulumController

begin()
cartpole, pendulum = CartPole(), Pendulum()

# %% [markdown]
# ## Equal to Gymnasium
#
# Is our CartPole *the* CartPole? Take Gymnasium's, give it some physics, and step both from each state that it
# visits, in float64. If the equations of motion are the same, the largest difference over all steps is of the order of
# rounding.

# %%
original = gymnasium.make("CartPole-v1").unwrapped
NAMES = {"gravity": "gravity", "mass_cart": "masscart", "mass_pole": "masspole", "length": "length", "force": "force_mag"}
chooser, worst, compared, same_ends = np.random.default_rng(0), 0.0, 0, True
for trial in range(20):
    physics = cartpole.default_params if trial == 0 else cartpole.sample_tasks(1, seeded(trial))
    for ours, theirs in NAMES.items():
        setattr(original, theirs, float(physics[ours]))
    original.total_mass = original.masspole + original.masscart
    original.polemass_length = original.masspole * original.length
    params = {name: value.double()[:, None] for name, value in physics.items()}
    original.reset(seed=trial)
    ended = False
    while not ended:
        state, action = torch.tensor(np.array([[original.state]])), int(chooser.integers(2))
        _, _, ended, _, _ = original.step(action)
        following = cartpole.transition(state, torch.tensor([[action]]), None, params)
        worst = max(worst, float((following - torch.tensor(np.array(original.state))).abs().max()))
        same_ends &= bool(cartpole.terminal(following, None, params)) == ended
        compared += 1

# %% tags=["hide-input"]
claim(
    f"Over {compared} steps under 20 physics, the first of them CartPole-v1, the largest difference is {worst:.1e}, and "
    "both end at the same steps.",
    worst < 1e-12 and same_ends,
)

# %% [markdown]
# Gymnasium has a checker of its own, which steps an environment and complains where a rule of the interface is broken.
# All families pass it. The reverse direction takes three lines: any list of functions that make Gymnasium environments
# with equal spaces becomes a task family, whose tasks are indices into the list. It is no faster than the environments
# inside, but everything that works with a family works with it, MuJoCo's environments included.

# %%
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # advice about bounds; a broken rule raises
    for name in FAMILIES:
        check_env(gymnasium.make(name).unwrapped, skip_render_check=True)

makers = [functools.partial(gymnasium.make, "Pendulum-v1", g=g) for g in (6.0, 8.0, 10.0, 12.0)]
adapted = GymnasiumTasks(train=makers[:3], test=makers[3:], horizon=100)
runs = rollout(adapted, adapted.sample_tasks(3, seeded(0)), UniformPolicy(adapted.action_space), {}, 2, seeded(1))
print("observations", tuple(runs.observations.shape), "returns", runs.returns.round().tolist())


# %% [markdown]
# ## Speed: a loop, a vector, a batch
#
# How many environment steps per second can *one thread* do? Four ways to run CartPole:
#
# 1. a Python loop over `gymnasium.make("CartPole-v1")`;
# 2. `make_vec(..., vectorization_mode="sync")`: the same objects in a loop behind one call;
# 3. Gymnasium's own CartPole vector, written in NumPy;
# 4. our batch: once as a Gymnasium vector with its automatic resets and checks, once as bare functions.
#
# There is a fifth, `"async"`: one process for each environment. Every step then sends a message to each process and
# waits for the slowest, which pays where one step costs much more than a message. It is not run here; its number below
# comes from a table of the course's benchmarks.
#
# **Predict, then run.** Sort the four by steps per second at 1, at 100 and at 10,000 environments. By what factor does
# the fastest beat the Python loop?

# %% [markdown]
# *Your prediction:*
#
# …

# %%
def steps_per_second(step, environments, seconds=0.25):
    """Environment steps per second: call `step` until `seconds` have passed, in three parts; take the best."""
    step()  # warm up
    best = 0.0
    for _ in range(3):
        calls, start = 0, time.perf_counter()
        while (passed := time.perf_counter() - start) < seconds / 3:
            step()
            calls += 1
        best = max(best, calls * environments / passed)
    return best


def plain_loop(steps):
    env, actions = gymnasium.make("CartPole-v1"), np.random.default_rng(0).integers(2, size=steps).tolist()
    env.reset(seed=0)

    def step():
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()

    return step


# %%
def vector(id, environments, **options):
    env = gymnasium.make_vec(id, num_envs=environments, **options)
    actions = np.random.default_rng(0).integers(2, size=environments)
    env.reset(seed=0)
    return lambda: env.step(actions)


def bare(environments):
    """Transition, reward, terminal, and a fresh state for those that fell."""
    generator = seeded(0)
    params = {name: value[:, None] for name, value in cartpole.sample_tasks(environments, generator).items()}
    action = torch.randint(2, (environments, 1), generator=generator)
    fresh = cartpole.initial(generator, params)
    holder = [fresh]

    @torch.inference_mode()
    def step():
        state = cartpole.transition(holder[0], action, generator, params)
        cartpole.reward(holder[0], action, state, generator, params)
        holder[0] = torch.where(cartpole.terminal(state, generator, params)[..., None], fresh, state)

    return step


# %%
numpy_vector = functools.partial(vector, "CartPole-v1", vectorization_mode="vector_entry_point")
sync_vector = functools.partial(vector, "CartPole-v1", vectorization_mode="sync")
our_vector = functools.partial(vector, "metarl/CartPole-v0")
SIZES = (1, 10, 100, 1000, 10_000, 100_000)
ways = {
    "Python loop": {1: steps_per_second(plain_loop(1000), 1000, seconds=0.6)},
    "make_vec, sync": {n: steps_per_second(sync_vector(n), n) for n in SIZES[:3]},
    "Gymnasium's NumPy vector": {n: steps_per_second(numpy_vector(n), n) for n in SIZES[:5]},
    "our Gymnasium vector": {n: steps_per_second(our_vector(n), n) for n in SIZES},
    "our bare functions": {n: steps_per_second(bare(n), n) for n in SIZES},
}
loop, rate = ways["Python loop"][1], ways["our bare functions"]
c0 = 1 / rate[1]  # seconds for a call, whatever the batch
c1 = (SIZES[-1] / rate[SIZES[-1]] - c0) / SIZES[-1]  # seconds for each environment on top
figures.speed(ways, lambda batch: batch / (c0 + c1 * batch))

# %% tags=["hide-input"]
slow = next(row for row in load_benchmark("environments")["rows"] if "async" in row["name"])
AT = (1, 100, 10_000)
shown = {name: rates | {n: loop for n in AT} if name == "Python loop" else rates for name, rates in ways.items()}
table(
    ("steps per second", "1 environment", "100", "10,000"),
    [(name, *(f"{rates[n]:,.0f}" if n in rates else "not run" for n in AT)) for name, rates in shown.items()],
)
fastest = {n: max(shown, key=lambda name: shown[name].get(n, 0)) for n in AT}
claim(
    f"The fastest at 1, 100 and 10,000 environments are: {', '.join(fastest.values())}. One bare environment in tensors is "
    f"slower than the Python loop; a batch of 10,000 makes {rate[10_000] / loop:,.0f} times the steps of the loop. In the "
    f"table of benchmarks, async with {slow['environments']} processes makes {slow['times_loop']} times the steps of the loop.",
    rate[10_000] > 5 * loop and rate[1] < loop,
)
claim(
    f"A call of the bare functions costs {1e6 * c0:.0f} µs plus {1e9 * c1:.0f} ns for each environment: the two are equal at "
    f"{c0 / c1:,.0f} environments, and a call with 800 takes {1 + 800 * c1 / c0:.1f} times as long as a call with one.",
    c1 > 0,
)


# %% [markdown]
# The dotted line is a model with two numbers. A call costs a fixed overhead $c_0$ (Python, and the dispatch of some
# thirty tensor operations) and $c_1$ for each environment (arithmetic, memory):
#
# $$\text{steps per second}(B) = \frac{B}{c_0 + c_1 B}. \tag{02a.1}$$
#
# For small $B$ it grows like $B / c_0$: the run is **overhead-bound**, and doubling the batch costs nothing. For large
# $B$ it levels off at $1/c_1$, and a larger batch only takes longer. Between them, at $B = c_0 / c_1$, lies a sensible
# batch size. The model is drawn through the first and the last point; the points between them may lie off it, since
# $c_1$ depends on which of the processor's caches still holds the batch.
#
# A meta-batch of 40 tasks × 20 episodes is 800 environments; the line above says how many times longer its step takes
# than the step of a single one. Time steps cannot be batched like this, because they come one after the other.
#
# ## Physics: what a fixed policy survives
#
# Chapter 02 compared controllers on drawn tasks. Here one parameter changes at a time: the length of CartPole's pole,
# for three fixed policies that were tuned by hand at the ordinary length, and the length of the pendulum, for a
# controller designed for the task and one designed for ordinary physics.
#
# **Predict, then run.** The three policies for CartPole use the angle only; angle and angular velocity; all of the
# state. Which of them fails first as the pole grows?

# %% [markdown]
# *Your prediction:*
#
# …

# %%
def change(family, name, factors):
    """One task for each factor: the family's ordinary task with the parameter `name` multiplied."""
    tasks = {key: value.repeat(len(factors)) for key, value in family.default_params.items()}
    return {**tasks, name: tasks[name] * torch.tensor(factors)}


pole_factors = np.geomspace(0.125, 8, 13).tolist()
gains = {
    "angle only": (0.0, 0.0, 1.0, 0.0),
    "+ angular velocity": (0.0, 0.0, 1.0, 0.2),
    "+ position, velocity": (0.02, 0.05, 1.0, 0.15),
}
balanced = {}
for name, weights in gains.items():  # push right if gains · state > 0
    policy = {"gains": torch.tensor([weights]).expand(13, -1)}
    carts = change(cartpole, "length", pole_factors)
    balanced[name] = rollout(cartpole, carts, CartPoleController(), policy, 50, seeded(41)).returns

swing_factors = np.geomspace(1 / 2.25, 2.25, 11).tolist()
pendulums = change(pendulum, "length", swing_factors)
ordinary = {name: value.expand(11) for name, value in pendulum.default_params.items()}
swung = {}
for name, belief in {"designed for the task": pendulums, "designed for ordinary physics": ordinary}.items():
    swung[name] = rollout(pendulum, pendulums, PendulumController(), belief, 100, seeded(42)).returns
figures.physics(pole_factors, balanced, swing_factors, swung)

# %% tags=["hide-input"]
means = {name: returns.mean(1) for name, returns in balanced.items()}
claim(
    f"The policy that uses all of the state fails first: at four times the ordinary length it earns "
    f"{means['+ position, velocity'][10]:.0f}, the one with angle and angular velocity "
    f"{means['+ angular velocity'][10]:.0f}. From half to twice the length both keep the "
    f"pole up to the time limit, while the policy with the angle only earns {means['angle only'][4:9].min():.0f} to "
    f"{means['angle only'][4:9].max():.0f}.",
    bool(
        means["+ position, velocity"][10] < 0.7 * means["+ angular velocity"][10]
        and min(means[name][4:9].min() for name in list(means)[1:]) > 495
        and means["angle only"][8] < 150
    ),
)
within = torch.tensor([abs(np.log(factor)) < np.log(1.5) for factor in swing_factors])
apart = (swung["designed for the task"] - swung["designed for ordinary physics"]).mean(1)
claim(
    f"For the pendulum, knowing the length changes nothing within the range of training tasks, and is worth "
    f"{apart[-1]:.0f} at the longest.",
    bool(apart[within].abs().max() < 1 and apart[-1] > 300),
)

# %% [markdown]
# Bands are the middle half of the episodes; the grey stripe is the range of training tasks. In the stripe a *fixed*
# policy with angle and angular velocity balances every length. Of the three hand-tuned policies, the one that sees
# most fails first for long poles. This is one set of weights and one parameter: it shows that a policy tuned at one
# length need not work at another, and not that more inputs make a policy less robust.
#
# When only the length changes, the pendulum's controller for ordinary physics keeps up in the stripe. Chapter 02's
# drawn tasks change gravity, mass and length at once, and there it falls behind on training and test tasks, too. One
# parameter at a time can hide what several do together.
#
# ## Self-check
#
# **1.** A batch of 10 environments makes 50,000 steps a second, one of 100 makes 480,000. What about 20 environments,
# roughly?
#
# - A: 50,000, the processor is saturated
# - B: 100,000
# - C: 25,000 each
#
# <details><summary>Answer</summary>
#
# **B.** From 10 to 100 the rate grew almost tenfold, so the run is overhead-bound and the rate is proportional to the
# batch. **A** would need a flat curve. **C** mixes up the rate of one environment with that of all, and would give
# 500,000 in total.
# </details>
#
# Back to [02 Tasks and their distributions](02_tasks.ipynb) · [Exercises](../exercises/02_tasks_exercises.ipynb) · next: [02b The Gittins index](02b_gittins_index.ipynb)
