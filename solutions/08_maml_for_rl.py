# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises to chapter 08: MAML for reinforcement learning
#
# Five exercises: advantages of many tasks at once, one inner step, a trust region by hand, a meta-loss with three
# silent bugs, and an experiment on a new family of tasks. Fill in the cells marked `# YOUR CODE HERE`; the check under
# each answers at once, as often as you like. A function leaves its arguments as they are, and draws nothing at random
# unless it is handed a generator. Notation is that of [chapter 08](../chapters/08_maml_for_rl.ipynb).

# %% tags=["setup"]
import math

import torch

from metarl_core import plotting
from metarl_core.check import ch08
from metarl_core.session import begin

begin()


# %% [markdown]
# ## Exercise 1: Advantages of many tasks at once
#
# **Objective:** compute normalised advantages with a linear baseline, each task on its own, past all padding.
#
# **Kind:** implement · **Difficulty:** ★★☆ · **Time:** 20 min · **Run time:** 1 s
#
# Episodes of several tasks lie in tensors `[task, episode, time]`; an episode that ended early is padded, and `mask` is
# true where a step was taken. With discount $\gamma$, features $\phi$ and the steps $S_{\mathcal{T}}$ that were taken
# on task $\mathcal{T}$,
#
# $$R_t = \sum_{k \ge t} \gamma^{k - t} r_k, \qquad
# w_{\mathcal{T}} = \Big(\sum_{S_{\mathcal{T}}} \phi\phi^\top + 10^{-5} I\Big)^{-1} \sum_{S_{\mathcal{T}}} \phi R,
# \qquad
# A = \frac{(R - \phi^\top w_{\mathcal{T}}) - m_{\mathcal{T}}}{\sigma_{\mathcal{T}}}, \tag{1}$$
#
# with $m_{\mathcal{T}}$ and $\sigma_{\mathcal{T}}$ the mean and the standard deviation of
# $R - \phi^\top w_{\mathcal{T}}$ over $S_{\mathcal{T}}$ (with $1/n$, not $1/(n-1)$), and $A = 0$ on the padding. The
# last features are a clock and a constant: they are *not* zero on the padding.
#
# **Predict:** if the padding is fitted as well, on which side will the baseline be wrong at late times, when most of
# the steps there are padding?

# %% nbgrader={"grade": false, "grade_id": "task_advantages", "locked": false, "schema_version": 3, "solution": true, "task": false}
def task_advantages(rewards, features, mask, discount):
    """Normalised advantages (1).

    rewards: float64 [task, episode, time], zero on the padding; features: float64 [task, episode, time, f]; mask: bool
    [task, episode, time]; discount: γ. Returns float64 [task, episode, time], zero on the padding.
    """
    ### BEGIN SOLUTION
    returns = rewards.clone()
    for t in range(rewards.shape[-1] - 2, -1, -1):
        returns[..., t] += discount * returns[..., t + 1]
    real = mask.to(rewards.dtype)
    rows = (features * real[..., None]).flatten(1, 2)
    targets = (returns * real).flatten(1, 2)[..., None]
    gram = rows.mT @ rows + 1e-5 * torch.eye(rows.shape[-1], dtype=rewards.dtype)
    w = torch.linalg.solve(gram, rows.mT @ targets)
    raw = (targets - rows @ w).reshape(rewards.shape)  # zero on the padding: rows and targets are zero there
    count = real.sum((1, 2), keepdim=True)
    centred = (raw - raw.sum((1, 2), keepdim=True) / count) * real
    return centred / (centred.square().sum((1, 2), keepdim=True) / count).sqrt()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_task_advantages", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch08.check_task_advantages(task_advantages)
### BEGIN HIDDEN TESTS
hidden_generator = torch.Generator().manual_seed(99)
hidden_rewards = torch.randn(2, 4, 6, generator=hidden_generator, dtype=torch.float64)
hidden_features = torch.randn(2, 4, 6, 3, generator=hidden_generator, dtype=torch.float64)
hidden_mask = torch.ones(2, 4, 6, dtype=torch.bool)
hidden = [task_advantages(c * hidden_rewards, hidden_features, hidden_mask, 0.9) for c in (1, 50)]
assert torch.allclose(*hidden)
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Three things run over steps: the equations of the regression, the mean, and the standard deviation. Each must count
# the steps that were taken, and no others.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# Multiply features and returns by the mask before you form $\phi^\top\phi$ and $\phi^\top R$: a row of zeros adds
# nothing to either. The mean is a sum over masked values divided by `mask.sum((1, 2))`.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# returns backwards in time; X = features · mask, flattened to [task, step, f]; y = returns · mask; w = solve(XᵀX + 1e-5
# I, Xᵀy) for each task; raw = y − Xw; subtract the mean over valid steps, mask again; divide by the root of the mean
# square over valid steps.
# </details>

# %%
generator = torch.Generator().manual_seed(0)
horizon = 40
lengths = torch.randint(5, horizon + 1, (2, 30, 1), generator=generator)
mask = torch.arange(horizon) < lengths
clock = (torch.arange(horizon, dtype=torch.float64) / horizon).expand(2, 30, horizon)
features = torch.stack([clock, clock**2, torch.ones_like(clock)], -1)
noise = torch.randn(2, 30, horizon, generator=generator, dtype=torch.float64)
rewards = torch.tensor([1.0, 20.0])[:, None, None] * (noise - 1) * mask
advantage = task_advantages(rewards, features, mask, 0.95)
for task in range(2):
    values = advantage[task][mask[task]]
    print(
        f"task {task}: mean {round(float(values.mean()), 3) + 0:.3f}, deviation {float(values.std(correction=0)):.3f}"
    )
print("both tasks alike, although the rewards of one are twenty times as large")


# %% [markdown]
# **Expect:** mean 0 and deviation 1 for both tasks.
#
# **Interpret:** after this normalisation, which of the two tasks takes the longer inner step? And without it?
#
# <details><summary>Answer</summary>
#
# With it both take steps of about the same length, set by $\alpha$ and by how clearly actions and advantages go
# together. Without it the second task's step is twenty times as long, and no single $\alpha$ fits both. What is lost is
# the information that the second task is *more important*; if that is meant, it has to be put into the outer loss.
# </details>

# %% [markdown]
# ## Exercise 2: One inner step
#
# **Objective:** implement the policy-gradient step of one task for a normal policy with several action dimensions.
#
# **Kind:** implement · **Difficulty:** ★★☆ · **Time:** 15 min · **Run time:** 1 s
#
# The policy draws $a \sim \mathcal{N}\big(W s, \mathrm{diag}(e^{2\ell})\big)$: `weight` is $W$, `log_std` is $\ell$,
# and both are parameters. With the steps $S$ that were taken, one inner step is
#
# $$\theta' = \theta + \alpha\, \nabla_\theta \frac{1}{|S|} \sum_{(i, t) \in S} \log \pi_\theta(a^i_t \mid s^i_t)\, A^i_t. \tag{2}$$
#
# $\pi_\theta(a \mid s)$ is the density of the whole vector $a$. The tensors of $\theta'$ are wanted detached: no graph
# behind them, and no `requires_grad`.
#
# **Predict:** for two action dimensions, by which factor does a mean over dimensions in the place of their sum change
# $\theta' - \theta$? Would you notice in a learning curve?

# %% nbgrader={"grade": false, "grade_id": "inner_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def inner_step(theta, states, actions, advantage, mask, alpha):
    """θ' of equation (2).

    theta: {"weight": float64 [action, state], "log_std": float64 [action]}, with or without `requires_grad`; states:
    [episode, time, state]; actions: [episode, time, action]; advantage: [episode, time]; mask: bool [episode, time],
    true where a step was taken (the numbers elsewhere are finite and mean nothing); alpha: inner step size. Returns a
    dictionary like theta, without a graph; theta stays as it is.
    """
    ### BEGIN SOLUTION
    leaves = {name: value.detach().clone().requires_grad_() for name, value in theta.items()}
    std = leaves["log_std"].exp()
    z = (actions - states @ leaves["weight"].T) / std
    log_probability = (-0.5 * z**2 - leaves["log_std"] - 0.5 * math.log(2 * math.pi)).sum(-1)
    objective = (log_probability * advantage * mask).sum() / mask.sum()
    slopes = torch.autograd.grad(objective, list(leaves.values()))
    return {name: (value + alpha * s).detach() for (name, value), s in zip(leaves.items(), slopes, strict=True)}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_inner_step", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch08.check_inner_step(inner_step)
### BEGIN HIDDEN TESTS
hidden_theta = {"weight": torch.zeros(1, 1, dtype=torch.float64), "log_std": torch.zeros(1, dtype=torch.float64)}
one = torch.ones(1, 1, 1, dtype=torch.float64)
hidden = inner_step(hidden_theta, one, 2 * one, one[..., 0], one[..., 0] > 0, 0.1)
assert math.isclose(hidden["weight"].item(), 0.2) and math.isclose(hidden["log_std"].item(), 0.3)
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# The logarithm of a product is a sum. Over what is the density of $a$ a product?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $\log \pi(a \mid s) = \sum_j \big[-\tfrac12 z_j^2 - \ell_j - \tfrac12 \log 2\pi\big]$ with
# $z_j = (a_j - (Ws)_j) / e^{\ell_j}$. The mean over steps is a masked sum divided by `mask.sum()`.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# Copies of theta that require gradients; z; log-density summed over the last axis; objective = sum of
# (log-density · advantage · mask) / number of valid steps; gradients; theta plus alpha times them, detached.
# </details>

# %%
generator = torch.Generator().manual_seed(1)
theta = {"weight": torch.zeros(2, 1, dtype=torch.float64), "log_std": torch.zeros(2, dtype=torch.float64)}
states = torch.ones(50, 10, 1, dtype=torch.float64)
actions = torch.randn(50, 10, 2, generator=generator, dtype=torch.float64)
goal = torch.tensor([1.0, -0.5], dtype=torch.float64)
reward = -(actions - goal).square().sum(-1)
advantage = (reward - reward.mean()) / reward.std(correction=0)
for alpha in (0.5, 1.0):
    after = inner_step(theta, states, actions, advantage, torch.ones(50, 10, dtype=torch.bool), alpha)
    moved = ", ".join(f"{value:.2f}" for value in after["weight"][:, 0].tolist())
    print(f"α = {alpha}: mean action ({moved}), standard deviations {after['log_std'].exp().numpy().round(2)}")


# %% [markdown]
# **Expect:** the mean action moves towards (1, −0.5), twice as far with twice the step size, and the deviations shrink
# below 1.
#
# **Interpret:** why do the standard deviations shrink although nobody rewards small noise?
#
# <details><summary>Answer</summary>
#
# The reward does: $-\lVert a - g \rVert^2$ has the mean $-\lVert \mu - g \rVert^2 - \sum_j \sigma_j^2$. Far draws are
# punished more than near ones are rewarded, so that the score of $\ell$, $z^2 - 1$, goes with negative advantages. In
# navigation the same happens, and a policy that has shrunk its noise has also shrunk what the next gradient step can
# learn from.
# </details>

# %% [markdown]
# ## Exercise 3: A trust region by hand
#
# **Objective:** derive TRPO's step for adapted policies where every matrix is known.
#
# **Kind:** derive · **Difficulty:** ★★★ · **Time:** 25 min · **Run time:** 1 s
#
# Policies are $\mathcal{N}(\theta, \sigma^2 I)$ with fixed $\sigma$, episodes have one step, and task $i$ has the loss
# $L_i(\theta) = \frac12 (\theta - c_i)^\top A_i (\theta - c_i)$ with a symmetric positive definite $A_i$. The inner
# step uses the exact gradient, $\theta_i' = \theta - \alpha \nabla L_i(\theta)$. Two normal distributions of the same
# covariance $\sigma^2 I$ have the divergence $\lVert \mu - \mu' \rVert^2 / (2\sigma^2)$. Let
#
# $$F(\theta) = \frac1n \sum_i L_i(\theta_i'), \qquad
# \bar D(d) = \frac1n \sum_i D_{\mathrm{KL}}\big(\pi_{\theta_i'(\theta)}\, \Vert\, \pi_{\theta_i'(\theta + d)}\big). \tag{3}$$
#
# Derive $g = \nabla F$ and the Hessian $H$ of $\bar D$ at $d = 0$, and with them the step $d$ that lowers $g^\top d$
# most while $\frac12 d^\top H d \le \delta$. Write it as `trust_region_step`. No automatic differentiation.
#
# **Predict:** a direction in which every inner step lands exactly at its $c_i$, whatever $\theta$ is: how far may
# $\theta$ move along it?

# %% nbgrader={"grade": false, "grade_id": "trust_region_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def trust_region_step(theta, curvature, centre, alpha, sigma, delta):
    """The step d in closed form.

    theta: float64 [d]; curvature: float64 [task, d, d], the A_i; centre: float64 [task, d], the c_i; alpha: inner step
    size; sigma: standard deviation of the policies; delta: δ. Returns float64 [d].
    """
    ### BEGIN SOLUTION
    factor = torch.eye(len(theta), dtype=theta.dtype) - alpha * curvature  # J_i, symmetric
    offset = factor @ (theta - centre)[..., None]  # θ_i' − c_i
    g = (factor @ curvature @ offset).mean(0)[:, 0]
    hessian = (factor @ factor).mean(0) / sigma**2  # J_iᵀ F_i J_i with F_i = I / σ²
    x = torch.linalg.solve(hessian, g)
    return -torch.sqrt(2 * delta / (x @ g)) * x
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_trust_region_step", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch08.check_trust_region_step(trust_region_step)
### BEGIN HIDDEN TESTS
line = torch.ones(1, 1, 1, dtype=torch.float64)
hidden = trust_region_step(torch.tensor([3.0]).double(), line, 0 * line[0], 0.5, 1.0, 0.02)
assert math.isclose(hidden.item(), -0.4)  # ½ · 0.5² · d² = 0.02
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# How far does $\theta_i'$ move when $\theta$ moves by $d$? Put that into the divergence of the two normal
# distributions.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $\theta_i'(\theta + d) - \theta_i'(\theta) = J_i d$ with $J_i = I - \alpha A_i$, so
# $\bar D(d) = \frac{1}{2\sigma^2} \frac1n \sum_i d^\top J_i^\top J_i d$. For $g$ use (05.5). Then (04.16).
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# J_i = I − α A_i; g = mean of J_i A_i J_i (θ − c_i); H = mean of J_i J_i / σ²; x = solve(H, g);
# d = −sqrt(2δ / (x·H x)) · x.
# </details>

# %%
sharp = torch.diag(torch.tensor([1.8, 0.3], dtype=torch.float64))
blunt = torch.diag(torch.tensor([0.9, 0.6], dtype=torch.float64))
goals = torch.tensor([[1.0, 1.0], [0.0, 1.0]], dtype=torch.float64)
figure, axes = plotting.figure(width=6.4, height=3.6)
for alpha, color in ((0.0, plotting.GREY), (0.25, plotting.BLUE), (0.5, plotting.RED)):
    step = trust_region_step(torch.zeros(2, dtype=torch.float64), torch.stack([sharp, blunt]), goals, alpha, 0.5, 0.01)
    axes.annotate("", step.tolist(), (0, 0), arrowprops={"arrowstyle": "->", "color": color, "linewidth": 2})
    axes.plot([], [], color=color, label=f"α = {alpha:g}")
axes.set(xlabel="θ₁, the steep direction", ylabel="θ₂, the flat direction", xlim=(-0.01, 0.15), ylim=(-0.01, 0.12))
axes.legend(fontsize=10, loc="upper right")
plotting.show(
    figure,
    "Trust-region steps from the origin as arrows for three inner step sizes. Without an inner step the arrow points "
    "mostly along the steep direction; with larger inner step sizes it gets longer and turns to the flat direction.",
)


# %% [markdown]
# **Expect:** three arrows; with a larger $\alpha$ they get longer and turn from the steep to the flat direction.
#
# **Interpret:** all three arrows change the *adapted* policies by the same divergence. Why do they turn, and why may
# the later ones be longer?
#
# <details><summary>Answer</summary>
#
# They turn because the inner step solves the steep direction of the first task: in $J A J$ its factor
# $(1 - \alpha \cdot 1.8)^2$ falls to a hundredth, so that there is nothing left for $\theta$ to improve. They get
# longer because $J$ shrinks a move of $\theta$ before it reaches any adapted policy. A trust region on $\theta$ itself
# ($F$ in the place of $J^\top F J$) would forbid moves that hardly change the policies which collect query episodes.
# They do change the policy that collects the *support* episodes, which is why ProMP adds a penalty on that one.
# </details>

# %% [markdown]
# ## Exercise 4: A meta-loss that looks right
#
# **Objective:** find three silent bugs in a meta-iteration, and repair them.
#
# **Kind:** debug · **Difficulty:** ★★★ · **Time:** 20 min · **Run time:** 1 s
#
# A policy $\mathcal{N}(\theta, \sigma^2 I)$ guesses a goal $c_i$ in one step, with reward $-\lVert a - c_i \rVert^2$. A
# colleague wrote the loss whose gradient is the meta-gradient. Wanted, for each task, with $N$ support actions drawn by
# $\pi_\theta$ and $N$ query actions drawn by $\pi_{\theta_i'}$ (actions and advantages are constants):
#
# $$\begin{gathered}
# L(\theta; D) = -\frac1N \sum_{a \in D} \frac{\pi_\theta(a)}{\pi_{\text{old}}(a)}\, A(a), \qquad
# A(a) = \frac{r(a) - \text{mean}}{\text{standard deviation}}, \\
# \theta_i' = \theta - \alpha \nabla L(\theta; D_i), \quad D_i \sim \pi_\theta, \qquad
# \text{loss} = \frac1n \sum_i L(\theta_i'; D_i'), \quad D_i' \sim \pi_{\theta_i'}.
# \end{gathered} \tag{4}$$
#
# The code runs, the policy learns something, and it adapts badly. Read it before you run it. `noise[i, 0]` is meant for
# the support actions of task $i$, `noise[i, 1]` for its query actions. Standard deviations divide by $N$.
#
# **Predict:** which of the three would you find by printing the loss alone?

# %% tags=["setup"]
def act(theta, noise, sigma):
    """Actions [N, d] of the policy, constants."""
    return (theta + sigma * noise).detach()


def log_density(theta, actions, sigma):
    """log π_θ(a) up to a constant, [N]."""
    return -(actions - theta).square().sum(-1) / (2 * sigma**2)


def rewards_of(actions, goal):
    return -(actions - goal).square().sum(-1)


def colleagues_loss(theta, goals, noise, alpha, sigma, inner_lr=0.1):
    losses = []
    for goal, (support_noise, query_noise) in zip(goals, noise, strict=True):

        def surrogate_of(collector, own_noise, goal=goal):
            actions = act(collector, own_noise, sigma)
            old = log_density(theta, actions, sigma).detach()
            reward = rewards_of(actions, goal)
            advantage = (reward - reward.mean()) / reward.var(correction=0)
            return lambda point: -((log_density(point, actions, sigma) - old).exp() * advantage).mean()

        inner = surrogate_of(theta, support_noise)
        (slope,) = torch.autograd.grad(inner(theta), theta, create_graph=True)
        adapted = theta - inner_lr * slope
        losses.append(surrogate_of(adapted, query_noise)(adapted))
    return torch.stack(losses).mean()


def some_goals(number, draws=40, seed=3):
    generator = torch.Generator().manual_seed(seed)
    goals = 2 * torch.randn(number, 2, generator=generator, dtype=torch.float64)
    return goals, torch.randn(number, 2, draws, 2, generator=generator, dtype=torch.float64)


# %%
goals, noise = some_goals(4)
theta = torch.zeros(2, dtype=torch.float64, requires_grad=True)
for alpha in (0.1, 0.5, 1.0):
    print(f"α = {alpha}: loss {colleagues_loss(theta, goals, noise, alpha, 0.5).item():.4f}")


# %% nbgrader={"grade": false, "grade_id": "meta_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def meta_loss(theta, goals, noise, alpha, sigma):
    """Equation (4), repaired.

    theta: float64 [d], requires a gradient; goals: [task, d]; noise: [task, 2, N, d], for support and query actions;
    alpha: inner step size; sigma: standard deviation. Returns the loss (4), a scalar tensor; its value and its gradient
    are judged.
    """
    losses, inner_lr = [], 0.1
    for goal, (support_noise, query_noise) in zip(goals, noise, strict=True):

        def surrogate_of(collector, own_noise, goal=goal):
            actions = act(collector, own_noise, sigma)
            old = log_density(theta, actions, sigma).detach()
            reward = rewards_of(actions, goal)
            advantage = (reward - reward.mean()) / reward.var(correction=0)
            return lambda point: -((log_density(point, actions, sigma) - old).exp() * advantage).mean()

        inner = surrogate_of(theta, support_noise)
        (slope,) = torch.autograd.grad(inner(theta), theta, create_graph=True)
        adapted = theta - inner_lr * slope
        losses.append(surrogate_of(adapted, query_noise)(adapted))

    ### BEGIN SOLUTION
    def surrogate_of(collector, own_noise, goal):
        actions = act(collector, own_noise, sigma)
        old = log_density(collector, actions, sigma).detach()  # of the policy that drew them
        reward = rewards_of(actions, goal)
        advantage = (reward - reward.mean()) / reward.std(correction=0)
        return lambda point: -((log_density(point, actions, sigma) - old).exp() * advantage).mean()

    losses = []
    for goal, (support_noise, query_noise) in zip(goals, noise, strict=True):
        inner = surrogate_of(theta, support_noise, goal)
        (slope,) = torch.autograd.grad(inner(theta), theta, create_graph=True)
        adapted = theta - alpha * slope
        losses.append(surrogate_of(adapted, query_noise, goal)(adapted))
    ### END SOLUTION
    return torch.stack(losses).mean()


# %% nbgrader={"grade": true, "grade_id": "check_meta_loss", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch08.check_meta_loss(meta_loss)
### BEGIN HIDDEN TESTS
hidden_goals, hidden_noise = some_goals(3, seed=8)
hidden_theta = torch.zeros(2, dtype=torch.float64, requires_grad=True)
assert abs(meta_loss(hidden_theta, hidden_goals, hidden_noise, 0.5, 0.5).item()) < 1e-9  # ratios are 1, mean A is 0
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# One argument is never used. And the value of a quotient of densities is known where actions have just been drawn.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# Line by line against (4): who drew the actions whose $\pi_{\text{old}}$ it is? What is the divisor of $A$? What
# multiplies the slope?
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# For each task: support actions by θ, their advantages (standard deviation); slope of the surrogate at θ with its
# graph; adapted = θ − alpha · slope. Query actions by adapted with the second noise, their own old log-density and
# advantages; collect the surrogate of adapted on these.
# </details>

# %%
theta = torch.zeros(2, dtype=torch.float64, requires_grad=True)
for alpha in (0.1, 0.5, 1.0):
    loss = meta_loss(theta, goals, noise, alpha, 0.5)
    (slope,) = torch.autograd.grad(loss, theta)
    print(f"α = {alpha}: loss {abs(loss.item()):.4f}, length of its gradient {slope.norm().item():.3f}")

# %% [markdown]
# **Expect:** the loss is 0 for each $\alpha$, and its gradient is not.
#
# **Interpret:** the value of the repaired loss is 0 for every $\theta$. What does a curve of this loss over training
# tell?
#
# <details><summary>Answer</summary>
#
# Nothing. The surrogate is made for its gradient; its value at the point where it was sampled is minus the mean
# advantage, which is zero by construction. (The colleague's loss was negative and fell, which looked like learning: it
# measured how well a step fits its own episodes.) Plot the *return* of the query episodes.
# </details>

# %% [markdown]
# ## Exercise 5: Does it pay in a maze?
#
# **Objective:** compare MAML with *tuned* pre-training on a family that the chapter has not seen, say after how many
# tasks it has paid for itself, and defend both numbers.
#
# **Kind:** apply · **Difficulty:** ★★★ · **Time:** 40 min · **Run time:** 20 s
#
# **The family.** A maze like a star: five arms of three cells begin at a hub. A walker starts at the hub with five
# keys. There each key leads into an arm of its own. In an arm one key leads outward and the four others back by a cell,
# and *which* key that is, another one in each cell, is the same in all tasks. The end of an arm pays, ends the episode,
# and what the five ends pay is the task: few of them pay much. An episode has at most twelve steps. Policies are tables
# of logits, `[cell, key]`; a walker knows its cell, and not what the ends pay.
#
# **The methods.** `meta_train(seeds, inner_lr)` is MAML with one inner step on ten episodes, as in section 3 of the
# chapter. `pre_train(seeds)` is REINFORCE on the mean over tasks, with as many tasks, episodes and steps of Adam: 60
# iterations, 20 tasks in each, and on each task ten episodes before MAML's step and ten after it.
# `after_a_step(logits, tasks, step_size, generator)` gives the mean return after one step on ten episodes,
# `[seed, task]`, and `from_scratch(tasks, lr, generator)` what tables of their own earn that begin at zero,
# `[task, 1 + updates]`; each update takes ten episodes.
#
# **The questions.**
#
# 1. On `sample_tasks(n, generator, "test")`, with $n$ from 100 to 300: what does MAML earn after one step, less what
#    pre-training earns? Report the t interval over the seeds. MAML's $\alpha$ and the pre-trained tables' step size are
#    to suit each of them: choose both on *training* tasks. Step sizes that differ by a factor of two are near enough.
# 2. How many episodes on a new task does a table from scratch take, on the average over your held-out tasks, until it
#    earns what MAML earns after its ten? With a rate that suits it, too.
# 3. Let $M$ be the episodes of one meta-training, $s$ those from scratch. After how many new tasks has it paid:
#
# $$\text{the smallest whole number } n \text{ with } \quad M + 10\,n \le s\,n\ ? \tag{5}$$
#
# The check plays your tables again, trains a pair of them again, and tries other step sizes. That takes some seconds.
#
# **Predict:** (a) Who earns more after one step, and by how much, if both have a step size that suits them? (b) And if
# pre-training has to take MAML's? (c) After how many tasks has it paid: ten, a hundred, a thousand?

# %% tags=["setup"]
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.star_maze import after_a_step, from_scratch, meta_train, pre_train, sample_tasks

# %% nbgrader={"grade": false, "grade_id": "payoff", "locked": false, "schema_version": 3, "solution": true, "task": false}
payoff = {
    "seeds": ...,  # list of int: five to twenty
    "maml_lr": ...,  # α, in training and at test
    "maml": ...,  # [seed, 16, 5], from meta_train(seeds, α)
    "pretrained_step": ...,  # the step size of the pre-trained tables
    "pretrained": ...,  # [seed, 16, 5], from pre_train(seeds)
    "held_out": ...,  # {"pays": [task, 5]}: 100 to 300 held-out tasks
    "returns_maml": ...,  # [seed, task], after one step
    "returns_pretrained": ...,  # the same for the other tables
    "low": ...,  # lower end of the t interval of (MAML) - (pre-training)
    "high": ...,  # its upper end
    "conclusion": ...,  # ch08.MAML_EARNS_MORE, ch08.PRETRAINING_EARNS_MORE or ch08.NOT_TOLD_APART
    "scratch_lr": ...,  # the rate from scratch
    "scratch_episodes": ...,  # int: s
    "paid_after": ...,  # int: n of (5)
}
### BEGIN SOLUTION
numbers = list(range(10))
training, held_out = sample_tasks(200, seeded(1)), sample_tasks(200, seeded(2), "test")


def earned_in_training(logits, size):
    return float(after_a_step(logits, training, size, seeded(3)).mean())


tables = {alpha: meta_train(numbers, alpha) for alpha in (20, 50, 100)}
alpha = max(tables, key=lambda size: earned_in_training(tables[size], size))
pretrained = pre_train(numbers)
size = max((5, 10, 20, 50, 100, 200), key=lambda size: earned_in_training(pretrained, size))
of_maml = after_a_step(tables[alpha], held_out, alpha, seeded(4))
of_pretrained = after_a_step(pretrained, held_out, size, seeded(5))
interval = t_interval((of_maml - of_pretrained).mean(1))


def episodes_from_scratch(tasks, lr, level):
    """Until the mean over tasks is at this level; more than there are where it never is."""
    above = (from_scratch(tasks, lr, seeded(6)).mean(0) >= level).nonzero()
    return 10 * int(above[0]) if len(above) else 10**6


there = earned_in_training(tables[alpha], alpha)  # MAML's level on the tasks that the rate is chosen on
scratch_lr = min((0.1, 0.2, 0.4), key=lambda lr: episodes_from_scratch(training, lr, there))
scratch_episodes = episodes_from_scratch(held_out, scratch_lr, of_maml.mean())
payoff = {
    "seeds": numbers,
    "maml_lr": alpha,
    "maml": tables[alpha],
    "pretrained_step": size,
    "pretrained": pretrained,
    "held_out": held_out,
    "returns_maml": of_maml,
    "returns_pretrained": of_pretrained,
    "low": interval.low,
    "high": interval.high,
    "conclusion": (
        ch08.MAML_EARNS_MORE
        if interval.low > 0
        else ch08.PRETRAINING_EARNS_MORE
        if interval.high < 0
        else ch08.NOT_TOLD_APART
    ),
    "scratch_lr": scratch_lr,
    "scratch_episodes": scratch_episodes,
    "paid_after": math.ceil(60 * 20 * 20 / (scratch_episodes - 10)),
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_payoff", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch08.check_payoff(payoff)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Whose step size did anybody look for? And which numbers of the report must not have been chosen on the tasks that it
# is measured on?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# One number for each seed, `(returns_maml - returns_pretrained).mean(1)`, goes into
# `metarl_core.evaluation.t_interval`. From scratch, update $u$ has seen $10\,u$ episodes. (5) solved for $n$ is a
# quotient, rounded up.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# training = 200 tasks, held_out = 200 of "test" from another seed; for each α of a few, a factor of two or so apart:
# meta_train(seeds, α) and its mean after a step of α on training; keep the best; pre_train once, and the best of a few
# step sizes on training; both on held_out; t interval of the row means of the difference. For each rate of a few: the
# first update at which from_scratch(training, …).mean(0) reaches what MAML earns on training; the best rate once more,
# on held_out, and with what MAML earns there; times ten.
# </details>

# %%
figure, axes = plotting.figure(1, 2, width=9.6, height=3.6)
some = sample_tasks(100, seeded(7))
step_sizes = (5, 10, 20, 50, 100, 200)
for kind, color, marker in (("maml", plotting.BLUE, "o"), ("pretrained", plotting.ORANGE, "s")):
    curve = [float(after_a_step(payoff[kind], some, each, seeded(8)).mean()) for each in step_sizes]
    axes[0].plot(step_sizes, curve, marker=marker, color=color, label=kind)
axes[0].axvline(payoff["maml_lr"], color="black", linestyle=":", label="MAML's α")
axes[0].set(xlabel="step size at test", ylabel="mean return after one step", xscale="log")
axes[0].legend(fontsize=9)
curve = from_scratch(payoff["held_out"], payoff["scratch_lr"], seeded(9)).mean(0)
axes[1].plot(10 * torch.arange(len(curve)), curve, color=plotting.GREY, label="from scratch")
level = float(torch.as_tensor(payoff["returns_maml"]).double().mean())
axes[1].plot(10, level, "o", color=plotting.BLUE, label="maml, after one step")
axes[1].axhline(level, color=plotting.BLUE, linewidth=1, linestyle="--")
axes[1].set(xlabel="episodes on the new task", ylabel="mean return")
axes[1].legend(fontsize=9)
plotting.show(
    figure,
    "Left: mean return after one step against the step size, for MAML and pre-training. Both curves rise to a maximum "
    "between 50 and 100 and fall behind it; at small step sizes pre-training lies above MAML. Right: return from "
    "scratch against episodes on the new task rises from near 0 and crosses the level that MAML has after ten "
    "episodes at about 200.",
)
print(f"MAML less pre-training: [{payoff['low']:.3f}, {payoff['high']:.3f}]; {payoff['conclusion']}")
print(f"from scratch {payoff['scratch_episodes']} episodes; paid after {payoff['paid_after']} tasks")

# %% [markdown]
# **Expect:** with the solution's tasks returns of about 0.5 for both, an interval of the difference that is about 0.03
# wide and reaches to 0, or nearly, and 134 tasks until the meta-training has paid. Where the best arm is always found,
# 0.6 is earned.
#
# **Interpret:** (a) Which statements does your interval exclude? (b) Your bill holds one meta-training. How many did
# you make to find $\alpha$, and how many tasks does it take if these are paid, too? (c) Pre-training would have the
# same bill. What has been shown to pay, then?
#
# <details><summary>Answer</summary>
#
# The prediction: (a) with step sizes that suit each, nobody by more than a few hundredths of a return of 0.5. (b) Here
# one and the same step size suits both, so that MAML's costs pre-training nothing; at $\alpha = 20$, which suits
# neither, pre-training earns *more* than a MAML that was trained for it. (c) A hundred or two. The questions: (a) The
# solution's interval, from −0.029 to 0.001, excludes that MAML is worth a visible part of the return here. It does not
# say that the two are equal: pre-training may be ahead by up to 0.03. More seeds would tell, decided on before looking
# again. (b) With three trainings for the choice of $\alpha$, all counted, $M$ is three times as large, and so is the
# number of tasks. (c) That it pays to have learned the keys, which are the same in all tasks, *somehow*. That they were
# learned through an inner step adds nothing that could be seen here. (Why, was not tried. One might vary the episodes
# before the step: with four or five, which arm pays is harder to see, and a start that searches well could be worth more.)
# </details>
