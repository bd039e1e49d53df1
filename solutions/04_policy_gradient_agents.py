# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises to chapter 04: Policy-gradient agents
#
# Five exercises: the advantage that all actor-critics use, the loss of PPO, a density that is easy to get wrong, a
# loss with three silent bugs, and a baseline that is better than the mean. Fill in the cells marked
# `# YOUR CODE HERE`; the check under each answers at once, as often as you like. Notation is that of [chapter
# 04](../chapters/04_policy_gradient_agents.ipynb).

# %% tags=["setup"]
import math

import gymnasium
import numpy as np
import torch

from metarl_core import plotting
from metarl_core.agents import GaussianPolicy
from metarl_core.check import ch04
from metarl_core.parameters import initial_parameters
from metarl_core.session import begin

begin()


# %% [markdown]
# ## Exercise 1: Advantages with two kinds of end
#
# **Objective:** implement generalised advantage estimation for segments in which episodes end and begin.
#
# **Kind:** implement · **Difficulty:** ★★☆ · **Time:** 20 min · **Run time:** 1 s
#
# A segment of an environment has rewards $r_t$, values $V(s_t)$, and two flags for each step. After the last column
# comes one more value, $V$ of the observation after the last step. Wanted is
#
# $$\hat A_t = \sum_{k \ge 0} (\gamma\lambda)^k\, \delta_{t+k}, \qquad
# \delta_t = r_t + \gamma\, (1 - \text{terminated}_t)\, V(s_{t+1}) - V(s_t), \tag{1}$$
#
# where the sum stops after the first step, from $t$ on, that was terminated *or* truncated. $V(s_{t+1})$ is the next
# column's value, also at a truncated step: there the next column holds the episode's true last observation, as
# Gymnasium's vector environments give it.
#
# **Predict:** two episodes differ only in how they end: one terminates, one is cut by the time limit in a state of
# value 5. By how much do the advantages of their last steps differ, with $\gamma = 0.9$? And those of the last but
# one?

# %% nbgrader={"grade": false, "grade_id": "advantages", "locked": false, "schema_version": 3, "solution": true, "task": false}
def advantages(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    """Generalised advantage estimates, equation (1), for all environments at once.

    rewards, values: float64 [env, time]; final_values: float64 [env], V after the last column; terminated, truncated:
    bool [env, time]; discount: gamma; gae_lambda: lambda. Returns float64 [env, time]. The arguments stay as they are.
    """
    ### BEGIN SOLUTION
    following = torch.cat([values[:, 1:], final_values[:, None]], 1)
    delta = rewards + discount * following * ~terminated - values
    goes_on = ~(terminated | truncated)
    columns, running = [], torch.zeros_like(final_values)
    for time in reversed(range(rewards.shape[1])):
        running = delta[:, time] + discount * gae_lambda * goes_on[:, time] * running
        columns.append(running)
    return torch.stack(columns[::-1], 1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_gae", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch04.check_gae(advantages)
### BEGIN HIDDEN TESTS
never = torch.zeros(1, 3, dtype=torch.bool)
ones, zeros = torch.ones(1, 3, dtype=torch.float64), torch.zeros(1, 3, dtype=torch.float64)
assert advantages(ones, zeros, torch.full((1,), 8.0, dtype=torch.float64), never, never, 0.5, 1.0)[0].tolist() == [
    2.75,
    3.5,
    5.0,
]
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# There are two questions at each step, and the two flags answer them differently: "is there a future?" and "does the
# next column belong to my episode?"
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $\hat A_t = \delta_t + \gamma\lambda\, (1 - \text{terminated}_t)(1 - \text{truncated}_t)\, \hat A_{t+1}$, and
# $\hat A = 0$ behind the last column.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# Next values: the values from column 1 on, with the final values appended. Deltas by (1), for all columns at once.
# Then from the last column to the first: running = delta + gamma × lambda × (neither flag) × running; keep it.
# Reverse what you kept and stack it along time.
# </details>

# %%
length = 30
rewards = torch.ones(2, length, dtype=torch.float64)  # one of CartPole's rewards a step; the critic says 5 everywhere
values = torch.full((2, length), 5.0, dtype=torch.float64)
ends = torch.zeros(2, length, dtype=torch.bool)
ends[:, 19] = True
row = torch.tensor([[True], [False]])
result = advantages(rewards, values, torch.full((2,), 5.0, dtype=torch.float64), ends & row, ends & ~row, 0.9, 0.8)
figure, axes = plotting.figure(width=7, height=3.6)
for place, name, color, line in ((0, "terminated", plotting.RED, "-"), (1, "truncated", plotting.BLUE, "--")):
    axes.plot(result[place].numpy(), "o", linestyle=line, color=color, markersize=4, label=f"{name} at step 19")
axes.axvline(19.5, color=plotting.GREY, linewidth=1)
axes.set(xlabel="time step", ylabel="advantage")
axes.legend()
plotting.show(
    figure,
    "Advantages of two segments against time. Where the episode terminates at step 19 they fall to −4 there; where it "
    "is truncated they only fall to 0.5. From step 20 on both are equal.",
)


# %% [markdown]
# **Expect:** at step 19, −4 for the terminated and 0.5 for the truncated episode. Before it the difference dies away
# by the factor $\gamma\lambda = 0.72$ a step. After it the two lines coincide.
#
# **Interpret:** CartPole's reward is 1 whatever one does. How does the agent learn from the red line that falling is
# bad? And what would it learn from it if the pole had stood upright and time was merely up?
#
# <details><summary>Answer</summary>
#
# The actions just before the fall get negative advantages, since a future of value 5 went missing. Were a time limit
# treated in the same way, the very same lesson would be drawn from an episode that went perfectly: the last good
# actions would be punished.
# </details>

# %% [markdown]
# ## Exercise 2: The loss of PPO
#
# **Objective:** write the clipped loss so that its value *and* its gradient are right.
#
# **Kind:** implement · **Difficulty:** ★★☆ · **Time:** 15 min · **Run time:** 1 s
#
# With $\rho_i = \pi_\theta(a_i \mid s_i) / \pi_{\text{old}}(a_i \mid s_i)$, to be *minimised*,
#
# $$L = -\frac{1}{N} \sum_{i=1}^{N} \min\bigl(\rho_i \bar A_i,\; \mathrm{clip}(\rho_i, 1 - \epsilon, 1 + \epsilon)\, \bar A_i\bigr). \tag{2}$$
#
# Only $\log \pi_\theta$ depends on the parameters. $\bar A$ and $\log \pi_{\text{old}}$ are numbers; but they may
# come out of networks, with a graph attached, and your function must not rely on the caller for that.
#
# **Predict:** a sample has $\rho = 1.5$, $\epsilon = 0.2$. Is its gradient zero if $\bar A = +1$? If $\bar A = -1$?

# %% nbgrader={"grade": false, "grade_id": "ppo_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ppo_loss(log_pi, old_log_pi, advantage, clip):
    """Equation (2).

    log_pi, old_log_pi: log-probabilities of the actions taken, under the current policy and when they were drawn, [N];
    advantage: [N]; clip: epsilon. All may carry gradients. Returns a scalar tensor, of the dtype of its inputs.
    """
    ### BEGIN SOLUTION
    advantage = advantage.detach()
    ratio = (log_pi - old_log_pi.detach()).exp()
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_ppo_loss", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch04.check_ppo_loss(ppo_loss)
### BEGIN HIDDEN TESTS
level = torch.zeros(2, dtype=torch.float64)
assert float(ppo_loss(level, level, torch.tensor([3.0, 1.0], dtype=torch.float64), 0.2)) == -2.0
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Write the two products, compare them sample by sample, and only then average. Then ask of each input: may a gradient
# pass through it?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# `ratio = (log_pi - old_log_pi.detach()).exp()`. `torch.minimum` compares element by element; `clamp` limits the
# ratio and not the product.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# Detach the advantages and the old log-probabilities; ratio = exp of the difference; free = ratio × advantage; held =
# ratio limited to [1 − ε, 1 + ε], × advantage; return minus the mean of the elementwise minimum.
# </details>

# %%
ratio = torch.linspace(0.4, 1.8, 141, dtype=torch.float64)
figure, axes = plotting.figure(width=7, height=3.6)
for sign, color, line in ((1.0, plotting.BLUE, "-"), (-1.0, plotting.ORANGE, "--")):
    leaf = ratio.log().requires_grad_()
    loss = sum(ppo_loss(leaf[i : i + 1], torch.zeros(1), torch.full((1,), sign), 0.2) for i in range(len(leaf)))
    (slope,) = torch.autograd.grad(loss, leaf)
    axes.plot(ratio.numpy(), -slope.numpy(), color=color, linestyle=line, label=f"A = {sign:+.0f}")
axes.axvspan(0.8, 1.2, color=plotting.GREY, alpha=0.12, linewidth=0)
axes.set(xlabel="ratio ρ", ylabel="pull on log π (minus the gradient)")
axes.legend()
plotting.show(
    figure,
    "Minus the gradient of the loss with respect to log π against the ratio. For positive advantage "
    "it equals the ratio up to "
    "1.2 and is zero beyond; for negative advantage it is zero below 0.8 and minus the ratio above.",
)


# %% [markdown]
# **Expect:** the blue line is $\rho$ up to 1.2 and 0 beyond; the orange one is 0 up to 0.8 and $-\rho$ beyond. Both
# jump.
#
# **Interpret:** the pull grows with $\rho$. For a bad action that has become *more* probable, at $\rho = 5$, the pull
# is five times that at $\rho = 1$. Is that dangerous?
#
# <details><summary>Answer</summary>
#
# It pulls in the right direction, but without a bound: for $A < 0$ and $\rho > 1$ nothing limits a sample's weight.
# Most implementations clip the gradient's norm; "dual-clip" PPO limits this side as well.
# </details>

# %% [markdown]
# ## Exercise 3: A joint density
#
# **Objective:** compute the log-density of a normal policy with several action dimensions.
#
# **Kind:** implement · **Difficulty:** ★☆☆ · **Time:** 10 min · **Run time:** 1 s
#
# The action dimensions are independent given the state, each with its own mean and standard deviation:
#
# $$\pi(a \mid s) = \prod_{i=1}^{d} \frac{1}{\sqrt{2\pi}\, \sigma_i} \exp\Bigl(-\frac{(a_i - \mu_i)^2}{2\sigma_i^2}\Bigr). \tag{3}$$
#
# **Predict:** can $\log \pi(a \mid s)$ be positive? What happens to it at $a = \mu$ if all $\sigma_i$ are halved?

# %% nbgrader={"grade": false, "grade_id": "log_density", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_density(action, mean, log_std):
    """log π(a | s) of equation (3), without torch.distributions.

    action, mean: float64 [..., d]; log_std: float64 [d], log σ. Returns float64 [...]. mean and log_std may carry
    gradients, which pass through the result.
    """
    ### BEGIN SOLUTION
    standardised = (action - mean) / log_std.exp()
    return -(0.5 * standardised.square() + log_std + 0.5 * math.log(2 * math.pi)).sum(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_log_density", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ch04.check_log_density(log_density)
### BEGIN HIDDEN TESTS
origin = torch.zeros(1, 2, dtype=torch.float64)
assert abs(float(log_density(origin, origin, torch.zeros(2, dtype=torch.float64))) + math.log(2 * math.pi)) < 1e-12
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Take the logarithm of (3): the product becomes a sum over the last axis, and each factor gives three terms.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $\log \pi = -\sum_i \left[\tfrac{1}{2}\left((a_i - \mu_i)/\sigma_i\right)^2 + \log \sigma_i + \tfrac{1}{2} \log 2\pi\right]$.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# Standardise: (action − mean) / exp(log_std). Half of its square, plus log_std, plus half the logarithm of 2π; sum
# over the last axis; minus sign.
# </details>

# %%
space = gymnasium.spaces.Box(-1, 1, (4,), np.float32)
policy = GaussianPolicy(
    gymnasium.spaces.Box(-1, 1, (3,), np.float32), space, generator=torch.Generator().manual_seed(0)
)
parameters = {name: value.double() for name, value in initial_parameters(policy).items()}
observation = torch.randn(1000, 3, generator=torch.Generator().manual_seed(1)).double()
center, spread = policy.mean_and_std(parameters, observation)
action = center + spread * torch.randn(1000, 4, generator=torch.Generator().manual_seed(2)).double()
mine = log_density(action, center, spread.log())
theirs = policy.log_probability(parameters, observation, action)
print("largest difference from the package:", float((mine - theirs).abs().max()))
print("mean of -log π:", float(-mine.mean()), " entropy:", 4 * 0.5 * math.log(2 * math.pi * math.e))


# %% [markdown]
# **Expect:** a difference below $10^{-5}$. The mean of $-\log \pi$ is close to the entropy of four unit normals,
# 5.68.
#
# **Interpret:** somebody takes the mean over the four dimensions. By what factor does REINFORCE's gradient change?
# And what does the ratio of PPO become?
#
# <details><summary>Answer</summary>
#
# A quarter of the gradient. With Adam, which divides by the gradient's scale, that is not even noticed. PPO's ratio
# becomes $\rho^{1/4}$: the clip at 1.2 then acts at $\rho = 1.2^4 \approx 2.07$. Section 9 of the chapter shows how
# far the policy gets.
# </details>

# %% [markdown]
# ## Exercise 4: An actor-critic that learns, and is wrong
#
# **Objective:** find three silent bugs in an actor-critic loss, and repair them.
#
# **Kind:** debug · **Difficulty:** ★★★ · **Time:** 25 min · **Run time:** 1 s
#
# The loss that a colleague wanted, for a batch of single transitions, is
#
# $$L = \frac{1}{N} \sum_i \Bigl[-\log \pi(a_i \mid s_i)\, \frac{\bar\delta_i - m}{\sigma} + \tfrac{1}{2} \bigl(\bar y_i - V(s_i)\bigr)^2\Bigr], \qquad
# y_i = r_i + \gamma (1 - \text{terminated}_i) V(s_i'), \quad \delta_i = y_i - V(s_i), \tag{4}$$
#
# where a bar marks a constant, and $m$ and $\sigma$ are mean and standard deviation of the $\bar\delta_i$ in the
# batch (the biased one: divide by $N$). It has run for weeks. It learns CartPole. It fails on another problem, whose
# rewards are a hundred times larger, and nobody knows why. Read it before you run it.
#
# **Predict:** if all rewards and values are multiplied by 10, by what factor should the gradient with respect to
# $\log \pi$ change? And that with respect to $V(s)$?

# %% tags=["setup"]
def colleagues_loss(log_pi, value, next_value, rewards, terminated, discount):
    target = rewards + discount * next_value * ~terminated
    advantage = target - value
    standardised = (advantage - advantage.mean()) / advantage.var(correction=0)
    return -(log_pi * standardised).mean() + 0.5 * (target - value).square().mean()


def batch_of(scale, samples=200):
    """Leaves log π, V(s), V(s'), then rewards and flags, all returns in units of `scale`."""
    generator = torch.Generator().manual_seed(5)
    draw = lambda: torch.randn(samples, generator=generator, dtype=torch.float64)  # noqa: E731
    leaves = [(-0.7 + 0.1 * draw()).requires_grad_(), *((scale * draw()).requires_grad_() for _ in range(2))]
    return *leaves, scale * draw(), torch.rand(samples, generator=generator) < 0.1


def gradient_norms(loss, scale):
    """Lengths of the gradients with respect to log π, V(s) and V(s')."""
    batch = batch_of(scale)
    slopes = torch.autograd.grad(loss(*batch, 0.9), batch[:3], allow_unused=True)
    return [0.0 if slope is None else float(slope.norm()) for slope in slopes]


# %%
for scale in (1.0, 10.0, 100.0):
    print(f"returns × {scale:<5g} gradients:", [f"{norm:.4f}" for norm in gradient_norms(colleagues_loss, scale)])


# %% nbgrader={"grade": false, "grade_id": "actor_critic_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def actor_critic_loss(log_pi, value, next_value, rewards, terminated, discount):
    """Equation (4), repaired.

    log_pi, value, next_value: log π(a | s), V(s), V(s'), [N], all with gradients; rewards: [N]; terminated: bool [N];
    discount: gamma. Returns a scalar tensor, of the dtype of its inputs.
    """
    target = rewards + discount * next_value * ~terminated
    advantage = target - value
    standardised = (advantage - advantage.mean()) / advantage.var(correction=0)
    ### BEGIN SOLUTION
    target = target.detach()
    advantage = (target - value).detach()
    standardised = (advantage - advantage.mean()) / advantage.std(correction=0)
    ### END SOLUTION
    return -(log_pi * standardised).mean() + 0.5 * (target - value).square().mean()


# %% nbgrader={"grade": true, "grade_id": "check_actor_critic_loss", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch04.check_actor_critic_loss(actor_critic_loss)
### BEGIN HIDDEN TESTS
small, large = gradient_norms(actor_critic_loss, 1.0), gradient_norms(actor_critic_loss, 100.0)
assert abs(large[0] / small[0] - 1) < 1e-6 and abs(large[1] / small[1] - 100) < 1e-3 and small[2] == 0
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# The printed norms hold all three. One column should not change with the scale. One should grow with it. One should
# be zero.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# Bars in (4) are `.detach()`. A standardised quantity has no unit: $\delta$ divided by something that has $\delta$'s
# unit.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# target = (reward + γ (1 − terminated) next value), detached; advantage = (target − value), detached, but leave
# `value` in the critic's loss as it is; standardise with the standard deviation, `correction=0`.
# </details>

# %%
for scale in (1.0, 10.0, 100.0):
    print(f"returns × {scale:<5g} gradients:", [f"{norm:.4f}" for norm in gradient_norms(actor_critic_loss, scale)])

# %% [markdown]
# **Expect:** the first column is the same in each row, the second grows tenfold, the third is 0.
#
# **Interpret:** why did it work on CartPole and fail on the other problem? And why did no learning curve show the
# other two bugs?
#
# <details><summary>Answer</summary>
#
# Division by the variance makes the actor's gradient shrink like one over the scale of the rewards. On CartPole that
# scale is about 1; with rewards a hundred times larger the actor hardly moves while the critic's gradient grows a
# hundredfold. The gradient into $V(s')$ makes the critic learn something else (it minimises the Bellman error by
# moving the target, too), and the gradient of the actor's loss shifts it by a term the size of $\log \pi$, (04.23).
# Both bend the critic by a little; the actor still learns from what is left. Curves show whether an agent learns, not
# whether it does what is written.
# </details>

# %% [markdown]
# ## Exercise 5: Better than the mean
#
# **Objective:** derive the best constant baseline of a two-armed bandit, and see how much the usual one leaves.
#
# **Kind:** derive · **Difficulty:** ★★☆ · **Time:** 20 min · **Run time:** 1 s
#
# One step, two arms. The policy has a single parameter $\theta$ and pulls arm 1 with probability
# $p = 1 / (1 + e^{-\theta})$, so that
#
# $$\frac{d}{d\theta} \log \pi(1) = 1 - p, \qquad \frac{d}{d\theta} \log \pi(2) = -p. \tag{5}$$
#
# The rewards are fixed: $r_1 = 2$ and $r_2 = 7$; now $p = 0.8$. One pull of arm $a$ gives the estimate
# $\hat g = \frac{d}{d\theta} \log \pi(a)\, (r_a - b)$. By (04.7) with one step,
# $b^* = \mathbb{E}[(\frac{d}{d\theta} \log \pi)^2\, r] / \mathbb{E}[(\frac{d}{d\theta} \log \pi)^2]$. Find
#
# 1. `best_baseline`: $b^*$;
# 2. `variance_mean_baseline`: the variance of $\hat g$ if $b$ is the mean return;
# 3. `variance_best_baseline`: the variance of $\hat g$ if $b = b^*$.
#
# **Predict:** the mean return is 3, near the reward of the arm that is pulled most. On which side of it does $b^*$
# lie?

# %% nbgrader={"grade": false, "grade_id": "baselines", "locked": false, "schema_version": 3, "solution": true, "task": false}
best_baseline = ...  # a number
variance_mean_baseline = ...  # a number
variance_best_baseline = ...  # a number
### BEGIN SOLUTION
# Weights p (1 − p)² and (1 − p) p²; divide both by p (1 − p): the arms swap their probabilities.
best_baseline = 0.2 * 2 + 0.8 * 7
# Estimates with b = 3: 0.2 · (2 − 3) and −0.8 · (7 − 3); their mean is p (1 − p)(r₁ − r₂) = −0.8.
variance_mean_baseline = 0.8 * (-0.2) ** 2 + 0.2 * (-3.2) ** 2 - (-0.8) ** 2
# With b = 6: 0.2 · (2 − 6) = −0.8 and −0.8 · (7 − 6) = −0.8: both arms give the exact gradient.
variance_best_baseline = 0.0
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_best_baseline", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
ch04.check_best_baseline(best_baseline)

# %% nbgrader={"grade": true, "grade_id": "check_variance_mean_baseline", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
ch04.check_variance_mean_baseline(variance_mean_baseline)

# %% nbgrader={"grade": true, "grade_id": "check_variance_best_baseline", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
ch04.check_variance_best_baseline(variance_best_baseline)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# There are two arms, so each expectation is a sum of two terms: probability × something.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $b^* = \dfrac{p (1 - p)^2 r_1 + (1 - p) p^2 r_2}{p (1 - p)^2 + (1 - p) p^2}$, and
# $\mathrm{Var}[\hat g] = \mathbb{E}[\hat g^2] - \mathbb{E}[\hat g]^2$ with
# $\mathbb{E}[\hat g] = p (1 - p)(r_1 - r_2)$.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# Cancel $p (1 - p)$ in $b^*$: what is left are the rewards with the *other* arm's probability as weight. For a
# variance: the estimate of arm 1, the estimate of arm 2, mean of their squares with weights 0.8 and 0.2, minus the
# squared mean.
# </details>

# %%
arm = (torch.rand(200_000, generator=torch.Generator().manual_seed(0)) > 0.8).long()  # 0: arm 1, 1: arm 2
score, reward = torch.tensor([0.2, -0.8])[arm], torch.tensor([2.0, 7.0])[arm]
grid = torch.linspace(0, 9, 91)
variances = [float((score * (reward - b)).var()) for b in grid]
figure, axes = plotting.figure(width=7, height=3.6)
axes.plot(grid.numpy(), variances, color=plotting.BLUE, label="measured, 200 000 pulls")
marks = ((3.0, variance_mean_baseline, "s", "mean return"), (best_baseline, variance_best_baseline, "*", "yours: best"))
for b, variance, marker, name in marks:
    if isinstance(b, (int, float)) and isinstance(variance, (int, float)):
        axes.plot(b, variance, marker, color=plotting.RED, markersize=11, label=name)
axes.set(xlabel="baseline b", ylabel="variance of the estimate")
axes.legend()
plotting.show(
    figure,
    "Measured variance of the estimate against the baseline, a parabola that touches zero at the "
    "best baseline. The mean "
    "return lies on its left branch.",
)

# %% [markdown]
# **Expect:** a parabola that touches 0 at your $b^*$; the mean return lies on its left branch, at a quarter of the
# height that the parabola has at $b = 0$.
#
# **Interpret:** with $b^*$ a single pull of either arm gives the exact gradient. Why does nobody use it?
#
# <details><summary>Answer</summary>
#
# It needs the rewards of both arms, and if these were known there would be nothing to learn. With more than one
# parameter there is one best constant per parameter, with many states one per state, and all change with the policy.
# The mean return (or $V$) can be learned by regression. And a rare arm with a large score is exactly the one about
# which there are few data.
# </details>
