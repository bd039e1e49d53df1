# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 17a Cases of the foundations
#
# **What is wrong with these thirteen sentences and programs, and which experiment decides it?**
#
# *An appendix to chapter 17. No later chapter needs it.*
#
# You will be able to
#
# - diagnose thirteen cases that rest on chapters 01 to 05
# - say for each how it would have been noticed
#
# Before you start: chapter 17, [Reading critically](17_reading_critically.ipynb).
#
# Reading: about 35 minutes. Running: at most 30 seconds and 900 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]
import gymnasium
import numpy as np
import torch

from metarl_core.check import ch17
from metarl_core.claims import claim
from metarl_core.randomness import seeded
from metarl_core.session import begin

begin()

# %% [markdown]
# Thirteen cases from chapters 01 to 05, in the order of the course. Each shows its claim or its lines; **write a letter down before
# you run the cell below it.** `ch17.check_case(1, "A")` in a cell of your own answers, too.
#
# ## Tasks and objectives
#
# ### Case 1

# %% tags=["hide-input"]
ch17.show_case(1)

# %% [markdown]
# Two tasks with the return $J_i(\theta) = -\tfrac12 a_i (\theta - c_i)^2$, one flat ($a = 1$, $c = -1$), one steep ($a = 3$,
# $c = 1$). The objective of the case is best at the mean of the $c_i$ with weights $a_i$. With one step of size $\alpha$ inside, task
# $i$ is left with $(1 - \alpha a_i)(\theta - c_i)$, so that the weights become $a_i (1 - \alpha a_i)^2$.

# %%
curvature, best, alpha = np.array([1.0, 3.0]), np.array([-1.0, 1.0]), 0.3


def returns(theta, steps):
    """Of both tasks after gradient steps."""
    for _ in range(steps):
        theta = theta + alpha * curvature * (best - theta)
    return -curvature / 2 * (theta - best) ** 2


grid = np.linspace(-2, 2, 4001)
multi_task, adapted = (grid[np.argmax([returns(theta, steps).mean() for theta in grid])] for steps in (0, 1))

# %% tags=["hide-input"]
earned = {name: float(returns(theta, 1).mean()) for name, theta in (("multi", multi_task), ("meta", adapted))}
claim(
    f"Without adaptation the best θ is {multi_task:.2f}, with one step inside the objective it is {adapted:.2f}. After a step the "
    f"first earns {earned['multi']:.2f} and the second {earned['meta']:.2f}.",
    abs(multi_task - 0.5) < 1e-2 and adapted < -0.8 and earned["meta"] > earned["multi"],
)

# %% [markdown]
# **B**: the objective of meta-RL has an adaptation operator between θ and the return. Drawing one task at a time (the same article
# in code) is a noisier way to the same wrong place. *Noticed by:* asking where in the formula the second episode stands.
#
# ### Case 3

# %% tags=["hide-input"]
ch17.show_case(3)


# %%
class Goals:
    """As in the case."""

    def __init__(self, generator):
        self.goal = 2 * torch.rand(2, generator=generator) - 1

    def sample(self):
        return self.goal


family = Goals(seeded(1))
drawn = torch.stack([family.sample() for _ in range(100)])
remembered = drawn[0]  # a "learner" that has seen one task and looks at nothing afterwards
real = 2 * torch.rand(100, 2, generator=seeded(2)) - 1

# %% tags=["hide-input"]
errors = [float((goals - remembered).square().sum(1).mean()) for goals in (drawn[1:], real)]
claim(
    f"Of a hundred samples {len(drawn.unique(dim=0))} is different from the others. A learner that remembers the first goal and never "
    f"adapts errs by {errors[0]:.2f} on the others, and by {errors[1]:.2f} on goals that are drawn.",
    len(drawn.unique(dim=0)) == 1 and errors[0] == 0 and errors[1] > 0.5,
)

# %% [markdown]
# **B**. Draw inside `sample`, from a generator that moves on. *Noticed by:* two draws; and by a learner that cannot adapt, kept in
# every comparison.
#
# ### Case 4

# %% tags=["hide-input"]
ch17.show_case(4)

# %%
env = gymnasium.make("CartPole-v1")
state = env.reset(seed=0)
try:
    next_state, reward, done, _ = env.step(0)
    message = ""
except ValueError as error:
    message = str(error)
observation, reward, terminated, truncated, info = env.step(0)

# %% tags=["hide-input"]
claim(
    f"The old line stops: *{message}*. And `state` is a pair: `reset` returns {len(state)} values, which no message tells.",
    "unpack" in message and len(state) == 2,
)

# %% [markdown]
# **C**: `observation, reward, terminated, truncated, info`. The hasty repair, `done = terminated or truncated` everywhere, is the
# next case. *Noticed by:* the message, for one of its two faults.
#
# ### Case 5

# %% tags=["hide-input"]
ch17.show_case(5)


# %% [markdown]
# The agent does not see the clock, so its value is one number $V$. One target in ten has no future: $V = 1 + \gamma \tfrac{9}{10} V$.
# In truth nothing ever ends, and $V = 1 / (1 - \gamma)$.

# %%
def value_at_rest(merged, discount=0.9, limit=10):
    """Where TD targets of one state come to rest, averaged over the steps of an episode."""
    value, truncated = 0.0, np.arange(limit) == limit - 1
    for _ in range(2000):
        goes_on = 1.0 - truncated if merged else np.ones(limit)
        value = (1.0 + discount * goes_on * value).mean()
    return value


merged, kept_apart = value_at_rest(True), value_at_rest(False)

# %% tags=["hide-input"]
claim(
    f"With merged flags the value rests at {merged:.2f}, with flags kept apart at {kept_apart:.2f}, which is 1 / (1 − γ).",
    abs(merged - 1 / 0.19) < 1e-6 and abs(kept_apart - 10) < 1e-6,
)

# %% [markdown]
# **A**: half of the value is gone, and with it the reason to take care of the future. A current JAX reference for Meta-World takes
# the final states of its rollouts as terminal, and a comment in it says so. *Noticed by:* a world without an end, whose value is known.
#
# ## Agents
#
# ### Case 6

# %% tags=["hide-input"]
ch17.show_case(6)

# %% [markdown]
# One state, three actions, data from a behaviour policy $b$. The loss of the case is $-\sum_a b(a)\, r(a) \log \pi(a)$: with weights
# that do not depend on π, its minimum is $\pi \propto b\, r$. Q-learning fits $Q(a) = r(a)$ whatever $b$ is.

# %%
behaviour, reward = torch.tensor([0.7, 0.2, 0.1]).double(), torch.tensor([1.0, 2.0, 3.0]).double()
logits = torch.zeros(3).double().requires_grad_()
for _ in range(3000):
    loss = -(behaviour * reward * logits.log_softmax(0)).sum()
    (slope,) = torch.autograd.grad(loss, logits)
    logits = (logits - 0.3 * slope).detach().requires_grad_()
policy = logits.softmax(0).detach()

# %% tags=["hide-input"]
by_formula = behaviour * reward / (behaviour * reward).sum()
claim(
    f"It comes to rest at {[round(float(p), 2) for p in policy]}, which is behaviour times reward, and prefers the worst arm, which the "
    "data have most of. A greedy policy on fitted rewards takes the best.",
    torch.allclose(policy, by_formula, atol=1e-3) and int(policy.argmax()) == 0 and int(reward.argmax()) == 2,
)

# %% [markdown]
# **A**: the name promises what chapter 03 proves of *another* algorithm. *Noticed by:* asking for the three parts of the name (a
# Q-function, a target, a maximum), and by data from somebody else.
#
# ### Case 7

# %% tags=["hide-input"]
ch17.show_case(7)

# %% [markdown]
# Six action dimensions, and the best value one could wish for: $Q(a) = -\lVert a - a^* \rVert^2$, known exactly, as if the weights
# were meta-learned to perfection. A DQN has an output for each action, so it must cut $[-1, 1]^6$ into a grid.

# %%
target = 2 * torch.rand(200, 6, generator=seeded(3)).double() - 1
lost = {}
for cuts in (3, 5, 9):
    levels = torch.linspace(-1, 1, cuts).double()
    nearest = levels[(target[..., None] - levels).abs().argmin(-1)]
    lost[cuts**6] = float((nearest - target).square().sum(-1).mean())
action = torch.zeros_like(target)
for _ in range(20):
    action = action + 0.25 * (-2 * (action - target))  # an actor follows the slope of Q

# %% tags=["hide-input"]
far = float((action - target).square().sum(-1).mean())
claim(
    "With "
    + ", ".join(f"{outputs:,} outputs the best action loses {value:.3f}" for outputs, value in lost.items())
    + f"; twenty steps along the slope of Q lose {far:.0e}.",
    far < 1e-6 and min(lost.values()) > 1e-3,
)

# %% [markdown]
# **A**: no start changes the number of outputs. An actor answers this; meta-learning answers how soon a *new task* is learned.
# *Noticed by:* granting the claim its best case, and computing.
#
# ### Case 9

# %% tags=["hide-input"]
ch17.show_case(9)

# %%
policy = torch.nn.Linear(2, 3)
before = [p.detach().clone() for p in policy.parameters()]
optimizer = torch.optim.Adam(policy.parameters(), lr=0.1)
for _ in range(100):
    optimizer.zero_grad()
    probabilities = policy(torch.ones(2)).softmax(-1)
    reward = probabilities[0].item()  # a world that likes the first action, as a number
    loss = torch.tensor(-reward, requires_grad=True)
    loss.backward()
    optimizer.step()

# %% tags=["hide-input"]
moved = max(float((p.detach() - q).abs().max()) for p, q in zip(policy.parameters(), before, strict=True))
gradients = [p.grad for p in policy.parameters()]
claim(
    f"After a hundred steps the parameters have moved by {moved}, and every `.grad` is {gradients[0]}.",
    moved == 0 and all(g is None for g in gradients),
)

# %% [markdown]
# **A**. The repair is (17.1), with an action that is *drawn*. *Noticed by:* one parameter before and after; the gradient's norm in
# the log, which must not be None or 0.
#
# ### Case 10

# %% tags=["hide-input"]
ch17.show_case(10)


# %%
def step_lengths(divided_by, scale):
    """Length of an inner step on a bandit whose rewards are written in other units."""
    rewards = scale * torch.randn(64, generator=seeded(5)).double()
    arms = torch.randint(3, (64,), generator=seeded(6))
    logits = torch.zeros(3).double().requires_grad_()
    advantages = (rewards - rewards.mean()) / (divided_by(rewards) + 1e-8)
    (slope,) = torch.autograd.grad((advantages * logits.log_softmax(0)[arms]).mean(), logits)
    return float(slope.norm())


lengths = {
    name: [step_lengths(by, scale) for scale in (1, 10)]
    for name, by in (("variance", torch.var), ("deviation", torch.std))
}

# %% tags=["hide-input"]
(v, v_tens), (s, s_tens) = lengths.values()
claim(
    f"In units ten times as small the step is {v_tens / v:.2f} times as long where advantages are divided by the variance, and "
    f"{s_tens / s:.2f} times where they are divided by the deviation.",
    abs(v_tens / v - 0.1) < 1e-3 and abs(s_tens / s - 1) < 1e-3,
)

# %% [markdown]
# **C**. In a meta-batch it is worse: tasks with small rewards take large inner steps. The line stands in the reference of case 5,
# under a name that promises the other thing. *Noticed by:* multiplying all rewards by ten.
#
# ## MAML in words and lines
#
# ### Case 11

# %% tags=["hide-input"]
ch17.show_case(11)


# %% [markdown]
# If it needed a model of an environment, it could not run where there is none. Lines through the origin, three support points each,
# one step; there is nothing to be in, and nothing to act on.

# %%
def line_loss(slope, tasks, generator):
    """Mean query loss over tasks [task], after a step on three support points."""
    x = torch.randn(len(tasks), 2, 3, generator=generator).double()
    y = tasks[:, None, None] * x
    inner = (2 * (slope * x[:, 0] - y[:, 0]) * x[:, 0]).mean(-1)
    return ((slope - 0.3 * inner)[:, None] * x[:, 1] - y[:, 1]).square().mean()


generator, slope = seeded(7), torch.tensor(0.0).double().requires_grad_()
held_out = 3 + torch.randn(2000, generator=seeded(8)).double()
first = line_loss(slope, held_out, seeded(9)).item()
for _ in range(200):
    (outer,) = torch.autograd.grad(
        line_loss(slope, 3 + torch.randn(20, generator=generator).double(), generator), slope
    )
    slope = (slope - 0.05 * outer).detach().requires_grad_()
last = line_loss(slope, held_out, seeded(9)).item()

# %% tags=["hide-input"]
claim(
    f"MAML lowers the query loss on held-out lines from {first:.2f} to {last:.2f}, and no environment exists.",
    last < first / 3,
)

# %% [markdown]
# **B**: the M is for *model-agnostic*, and its model is any network. Model-based meta-RL exists (chapter 12), and MAML can be used in
# it, as in GrBAL, and without. *Noticed by:* looking for the line that predicts a next state.
#
# ### Case 13

# %% tags=["hide-input"]
ch17.show_case(13)

# %%
grad, message = [], ""
try:
    for value in (1.0, 2.0):
        weights = [torch.tensor(value, requires_grad=True)]
        for w, grad in zip(weights, torch.autograd.grad(weights[0] ** 2, weights), strict=True):
            fast = w - 0.1 * grad
        grad.append(fast.item())
except AttributeError as error:
    message = str(error)

# %% tags=["hide-input"]
claim(f"The last line of the loop stops: *{message}*.", "append" in message)

# %% [markdown]
# **A**. (In the article a loop header was cut off as well, which no Python reads.) The case is
# harmless because it stops. *Noticed by:* running the code once before it is printed; by a linter.
#
# ### Case 14

# %% tags=["hide-input"]
ch17.show_case(14)


# %%
def updated(silenced, lr=0.1):
    """One iteration on L(p) = p² / 2 from p = 1: the parameter, or the message."""
    p = torch.nn.Parameter(torch.tensor(1.0))
    optimizer = torch.optim.SGD([p], lr=lr)
    loss = p**2 / 2
    loss.backward(retain_graph=silenced)
    if silenced:
        p.data -= lr * p.grad
        loss.backward()
        optimizer.step()
        return float(p.detach())
    try:
        p -= lr * p.grad
    except RuntimeError as error:
        return str(error).split(".")[0]


stops, twice = updated(False), updated(True)

# %% tags=["hide-input"]
claim(
    f"As it stands it stops: *{stops}*. Silenced, one iteration leads from 1 to {twice:.3f}, where one step of 0.1 leads to 0.9.",
    "in-place" in str(stops) and twice < 0.75,
)

# %% [markdown]
# **B**: one step by hand, then one with the sum of two gradients, the first of which was already used. It trains, at three times the
# step size, until that is too large. *Noticed by:* a loss whose step is known by hand.
#
# ### Case 15

# %% tags=["hide-input"]
ch17.show_case(15)


# %% [markdown]
# Tasks are points $c_i$ in the plane, normal around the origin, and a step brings θ a fixed part of the way to $c_i$: what is left is a
# constant times $\lVert \theta - c_i \rVert^2$. Back-propagating from $n$ test tasks leads θ to their mean. The reported loss is then
# $1 - 1/n$ of a task's variance, and that on tasks never trained on $1 + 1/n$.

# %%
def reported_and_true(n, repeats=20_000):
    """Mean loss on the n test tasks that were trained on, and on new ones, in units of the variance."""
    tasks = torch.randn(repeats, n, 2, generator=seeded(10)).double()
    theta, fresh = tasks.mean(1, keepdim=True), torch.randn(repeats, 50, 2, generator=seeded(11)).double()
    return [float((theta - some).square().sum(-1).mean() / 2) for some in (tasks, fresh)]


by_number = {n: reported_and_true(n) for n in (3, 10, 100)}

# %% tags=["hide-input"]
claim(
    "Reported, and on new tasks: "
    + "; ".join(f"{a:.2f} and {b:.2f} with {n} test tasks" for n, (a, b) in by_number.items())
    + ". With three the report is half of the truth.",
    all(abs(a - (1 - 1 / n)) < 0.02 and abs(b - (1 + 1 / n)) < 0.02 for n, (a, b) in by_number.items()),
)

# %% [markdown]
# **A**: the query sets of *training* tasks drive the meta-gradient; held-out tasks are never trained on. *Noticed by:* a third set
# of tasks that nobody has touched.
#
# ### Case 16

# %% tags=["hide-input"]
ch17.show_case(16)

# %%
centres, theta, errors_of_first = [-1.0, 0.5, 1.0], 0.0, []
for centre in centres:
    for _ in range(200):
        theta = theta - 0.05 * 2 * (theta - centre)
    errors_of_first.append((theta - centres[0]) ** 2)
after_training = theta  # `meta_update()` gets no loss, and so has nothing to follow

# %% tags=["hide-input"]
claim(
    f"After its own turn the error on the first task is {errors_of_first[0]:.3f}, at the end it is {errors_of_first[-1]:.2f}; the "
    f"start that suits all three, {np.mean(centres):.2f}, is not where it ends: {after_training:.2f}, the last task.",
    errors_of_first[0] < 1e-6 and abs(after_training - centres[-1]) < 1e-6,
)

# %% [markdown]
# **C**. The order of tasks decides, and no line asks how well the model does *after* adapting. *Noticed by:* the error on the first
# task, after the last one.
#
# Back to [17 Reading critically](17_reading_critically.ipynb) · [Exercises](../exercises/17_reading_critically_exercises.ipynb) · next: [17b Cases of meta-learning](17b_cases_of_meta_learning.ipynb)
