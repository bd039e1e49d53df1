# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises to chapter 09: The meta-policy gradient, done right
#
# Five exercises: DiCE with a mask, the two Hessians of a bandit, E-MAML's sampling term, a meta-gradient with three
# silent bugs, and an experiment on signs. Fill in the cells marked `# YOUR CODE HERE`; the check under each answers at
# once, as often as you like. A function leaves its arguments as they are, and draws nothing at random unless it is
# handed a generator. Notation is that of [chapter 09](../chapters/09_meta_policy_gradient.ipynb); $\bot$ marks what is
# held constant.

# %% tags=["setup"]
import torch

from metarl_core import plotting
from metarl_core.check import ch09
from metarl_core.session import begin

begin()


# %% [markdown]
# ## Exercise 1: A loss with all its derivatives
#
# **Objective:** implement DiCE for episodes of different lengths.
#
# **Kind:** implement · **Difficulty:** ★★☆ · **Time:** 20 min · **Run time:** 1 s
#
# With $x_t = \log \pi(a_t \mid s_t)$ and $c_t = \sum_{t' \le t} x_{t'}$ within an episode, $c_{-1} = 0$,
#
# $$L = -\frac1n \sum_{\text{episodes}} \sum_t \big(e^{c_t - \bot c_t} - e^{c_{t-1} - \bot c_{t-1}}\big)\, A_t, \tag{1}$$
#
# where $n$ is the number of steps taken in all episodes together. The *value* of $L$ is 0 and means nothing. What
# counts are its derivatives with respect to the $x_t$, and these are what the check looks at: gradient and Hessian,
# against the closed form that you find in the chapter under (09.7). Episodes may end early, each after one step or
# more; what stands in the padding of `log_pi` and `advantage` is arbitrary, infinite or NaN included.
#
# **Predict:** one episode of three steps with advantages 1, 10, 100. Which entries of the Hessian hold the 100?

# %% nbgrader={"grade": false, "grade_id": "dice_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dice_loss(log_pi, advantage, mask):
    """Equation (1).

    log_pi: float64 [episode, time], with a graph; advantage: float64 [episode, time], constant; mask: bool [episode,
    time], true where a step was taken. Returns a scalar tensor.
    """
    ### BEGIN SOLUTION
    own = torch.where(mask, log_pi, 0.0)  # times the mask would be NaN where the padding is infinite
    through = own.cumsum(-1)  # along time: each episode begins anew
    before = through - own
    weight = (through - through.detach()).exp() - (before - before.detach()).exp()
    return -(weight * torch.where(mask, advantage, 0.0)).sum() / mask.sum()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_dice_loss", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch09.check_dice_loss(dice_loss)
### BEGIN HIDDEN TESTS
hidden_x = torch.tensor([[-0.5, -1.0]], dtype=torch.float64)
hidden_loss = lambda x: dice_loss(x, torch.tensor([[3.0, 7.0]]).double(), torch.ones(1, 2, dtype=torch.bool))  # noqa: E731
hidden_hessian = torch.autograd.functional.hessian(hidden_loss, hidden_x).view(2, 2)
assert torch.allclose(hidden_hessian, -torch.tensor([[3.0, 7.0], [7.0, 7.0]]).double() / 2)
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Only one axis of the tensors is time. What must the log-probability of a step that was never taken be, so that it
# adds nothing to a sum?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $c_{t-1} = c_t - x_t$. And $\bot c$ is `c.detach()`.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# x = log_pi, zero in the padding; c = cumulative sum of x along time; b = c − x; w = exp(c − stop c) − exp(b − stop
# b); return −(sum of w · advantage over the steps taken) / (number of steps taken).
# </details>

# %%
x = torch.full((1, 3), -1.0, dtype=torch.float64)
advantages, everywhere = torch.tensor([[1.0, 10.0, 100.0]], dtype=torch.float64), torch.ones(1, 3, dtype=torch.bool)
losses = {
    "naive": lambda x: -(x * advantages).mean(),
    "LVC": lambda x: -((x - x.detach()).exp() * advantages).mean(),
    "DiCE": lambda x: dice_loss(x, advantages, everywhere),
}
for name, loss in losses.items():
    hessian = -3 * torch.autograd.functional.hessian(loss, x).view(3, 3)
    gradient = -3 * torch.autograd.functional.jacobian(loss, x).flatten()
    print(f"{name}: gradient {gradient.round().tolist()}, Hessian {hessian.round().int().tolist()}")


# %% [markdown]
# **Expect:** three times the gradient 1, 10, 100. Hessians: zeros; 1, 10, 100 on the diagonal; and for DiCE the rows
# 1, 10, 100 · 10, 10, 100 · 100, 100, 100.
#
# **Interpret:** the advantages of a hundred steps are noise of size 1 around 0. How many noisy numbers does each loss
# feed into the second derivative?
#
# <details><summary>Answer</summary>
#
# None, a hundred, and ten thousand (made of a hundred, but each multiplied with another pair of scores). That is why
# DiCE is noisy at long horizons and LVC is not, and the price of LVC is that the entries off the diagonal are not all
# zero in the mean.
# </details>

# %% [markdown]
# ## Exercise 2: Two Hessians of a bandit
#
# **Objective:** derive what autodiff sees in the naive loss, and what it should see.
#
# **Kind:** derive · **Difficulty:** ★★☆ · **Time:** 25 min · **Run time:** 1 s
#
# One step, $k$ arms, logits $\theta \in \mathbb{R}^k$, $p = \operatorname{softmax}(\theta)$. Arm $a$ pays $q_a$ in
# the mean. The exact return and the naive surrogate in expectation, with a constant baseline $b$, are
#
# $$J(\theta) = \sum_a p_a q_a, \qquad S(\theta) = \sum_a (\bot p_a) \log p_a\, (q_a - b). \tag{2}$$
#
# Both have the gradient $p_i (q_i - \bar q)$ with $\bar q = \sum_a p_a q_a$. Derive both Hessians with respect to
# $\theta$ as functions of $p$, $q$ and $b$. (No automatic differentiation in your answer; the check uses it.)
#
# **Predict:** for which $b$ is the naive Hessian zero?

# %% nbgrader={"grade": false, "grade_id": "bandit_hessians", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bandit_hessians(p, q, b):
    """Hessians of J and of S in (2).

    p: float64 [k], probabilities; q: float64 [k], mean rewards; b: a number. Returns {"true": [k, k], "naive": [k, k]},
    float64.
    """
    ### BEGIN SOLUTION
    mean = (p * q).sum()
    covariance = torch.diag(p) - torch.outer(p, p)  # of the one-hot arm; minus this is the Hessian of any log p_a
    away = p * (q - mean)
    true = torch.diag(away) - torch.outer(away, p) - torch.outer(p, away)
    return {"true": true, "naive": -(mean - b) * covariance}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_bandit_hessians", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch09.check_bandit_hessians(bandit_hessians)
### BEGIN HIDDEN TESTS
hidden = bandit_hessians(torch.tensor([0.5, 0.5]).double(), torch.tensor([1.0, 0.0]).double(), 0.0)
assert float(hidden["true"].abs().max()) < 1e-12  # a sigmoid's second derivative vanishes in its middle
assert abs(float(hidden["naive"][0, 1]) - 0.125) < 1e-12
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# $\log p_a = \theta_a - \log \sum_c e^{\theta_c}$. In its second derivative the arm $a$ does not occur any more.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $\partial p_i / \partial \theta_j = p_i (\delta_{ij} - p_j)$, and so
# $\nabla^2 \log p_a = -(\operatorname{diag} p - p p^\top)$ for every $a$. For the true one, differentiate
# $p_i (q_i - \bar q)$ once more; $\bar q$ depends on $\theta$, too.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# d = p · (q − q̄). true = diag(d) − d pᵀ − p dᵀ. naive = −(q̄ − b) · (diag(p) − p pᵀ).
# </details>

# %%
p, q = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64), torch.tensor([1.0, 4.0, 2.0], dtype=torch.float64)
baselines = torch.linspace(-3, 7, 41, dtype=torch.float64)
found = [bandit_hessians(p, q, float(b)) for b in baselines]
error = [float((h["naive"] - h["true"]).norm() / h["true"].norm()) for h in found]
figure, axes = plotting.figure(width=6.5, height=3.6)
axes.plot(baselines, error, color=plotting.RED, label="naive")
axes.axhline(1, color=plotting.SKY, linestyle="--", label="first order: the zero matrix")
axes.axvline(float((p * q).sum()), color="black", linestyle=":", label="b = mean reward")
axes.set(xlabel="baseline b", ylabel="relative error of the Hessian", ylim=(0, None))
axes.legend(fontsize=9, loc="upper center")
plotting.show(
    figure,
    "Relative error of the naive Hessian against the baseline: a V-like curve with its minimum near the mean "
    "reward, where it meets the line of first order at 1.",
)


# %% [markdown]
# **Expect:** a curve like a V that touches the line of first order near the dotted one.
#
# **Interpret:** is there a baseline with which naive would be right?
#
# <details><summary>Answer</summary>
#
# No. Whatever $b$ is, the naive Hessian is a multiple of one fixed matrix, the covariance of the arm. The true one is
# another matrix. The best $b$ makes the error a little smaller than 1 if the two happen to have something in common.
# </details>

# %% [markdown]
# ## Exercise 3: Credit for what was collected
#
# **Objective:** implement the term that E-MAML adds, for a batch of tasks.
#
# **Kind:** implement · **Difficulty:** ★★☆ · **Time:** 20 min · **Run time:** 1 s
#
# Task $i$ has support episodes with log-probabilities $x$, and an outcome $o_i$: what its adapted policy earned. The
# term is $\sum_n \Psi_n\, o$ of (09.14). As a baseline each task uses the mean outcome of the *other* tasks, which do
# not depend on its own support. To be descended:
#
# $$L = -\frac1T \sum_{i=1}^{T} \Big( o_i - \frac{1}{T-1} \sum_{j \ne i} o_j \Big) \sum_{\text{episodes}} \sum_t x_{i,t}. \tag{3}$$
#
# The outcome is a measured number. No gradient may flow into it, even if it happens to carry a graph.
#
# **Predict:** $T = 2$ tasks with outcomes 5 and 3. With which factors do their scores enter?

# %% nbgrader={"grade": false, "grade_id": "sampling_term", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sampling_term(log_pi, mask, outcome):
    """Equation (3).

    log_pi: float64 [task, episode, time], with a graph; mask: bool, the same shape, true where a step was taken (in
    the padding log_pi is arbitrary, infinite or NaN included); outcome: float64 [task], at least two tasks. Returns a
    scalar tensor.
    """
    ### BEGIN SOLUTION
    outcome = outcome.detach()
    others = (outcome.sum() - outcome) / (len(outcome) - 1)
    scores = torch.where(mask, log_pi, 0.0).sum((1, 2))  # all episodes together: the group is what was drawn
    return -(scores * (outcome - others)).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_sampling_term", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch09.check_sampling_term(sampling_term)
### BEGIN HIDDEN TESTS
hidden_logs, hidden_mask = -torch.ones(2, 3, 4, dtype=torch.float64), torch.ones(2, 3, 4, dtype=torch.bool)
hidden_logs[1] *= 2
assert abs(sampling_term(hidden_logs, hidden_mask, torch.tensor([5.0, 3.0]).double()).item() + 12) < 1e-9
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# The probability of a group of $N$ independent episodes is a product. What is its logarithm?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# Mean of the others: (sum of all − own) / ($T - 1$). Sum over episodes *and* steps, mean over tasks only.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# o = outcome, detached; others = (sum of o − o) / (T − 1); score = sum of log_pi over episodes and the steps
# taken; return −mean over tasks of score · (o − others).
# </details>

# %%
generator = torch.Generator().manual_seed(0)
for support in (
    1,
    10,
    100,
    1000,
):  # one-step episodes of a bandit with two arms, p = (0.5, 0.5), and outcome = share of arm 0
    arms = torch.randint(2, (4000, support, 1), generator=generator)
    logits = torch.zeros(4000, 2, dtype=torch.float64, requires_grad=True)
    log_pi = logits.log_softmax(-1)[:, None, None, :].expand(-1, support, 1, 2).gather(-1, arms[..., None])[..., 0]
    share = (arms == 0).double().mean((1, 2))
    (slope,) = torch.autograd.grad(sampling_term(log_pi, torch.ones_like(arms, dtype=torch.bool), share), logits)
    each = -4000 * slope[:, 0]
    print(f"N = {support:4}: mean {each.mean():.3f}, standard deviation {each.std():.3f}")


# %% [markdown]
# **Expect:** a mean near 0.25 in each row, the exact gradient of the expected share. A standard deviation near 0.35
# for 10 episodes, and for 1,000 as well.
#
# **Interpret:** with 1,000 episodes per task, why is the estimate no better than with 10?
#
# <details><summary>Answer</summary>
#
# The outcome is one number for all of them. The share of arm 0 varies less from task to task the more episodes there
# are (as $1/\sqrt N$), and it is multiplied by a sum of $N$ scores, which varies more (as $\sqrt N$). To do better
# one must know which episode was responsible for what: that is what DiCE's products of scores and rewards are.
# </details>

# %% [markdown]
# ## Exercise 4: LVC, it says
#
# **Objective:** find three silent bugs in a meta-gradient, and repair them.
#
# **Kind:** debug · **Difficulty:** ★★★ · **Time:** 25 min · **Run time:** 1 s
#
# One-step tasks with two-dimensional actions. The policy is $\mathcal{N}(\theta, \sigma^2 I)$,
# $\theta \in \mathbb{R}^2$. For each task there are $N$ actions that were drawn with the present $\theta$, their
# advantages, and a goal $g$. One inner step climbs the LVC surrogate,
#
# $$\theta' = \theta + \alpha \nabla_\theta \frac1N \sum_n \frac{\pi_\theta(a_n)}{\bot \pi_\theta(a_n)}\, A_n, \qquad
# L(\theta) = \frac1T \sum_{i=1}^{T} \lVert \theta'_i - g_i \rVert^2, \tag{4}$$
#
# and $L$ is to be descended by its gradient *through the step*. A colleague's function runs, and $\theta$ even
# improves. None of its bugs is among the six of appendix 09b.
#
# **Predict:** which of the bugs change $L$ itself, and which changes its gradient only?

# %% tags=["setup"]
def colleagues_lvc_loss(theta, tasks, alpha, sigma):
    losses = []
    for actions, advantage, goal in tasks:
        policy = torch.distributions.MultivariateNormal(theta, sigma * torch.eye(2, dtype=theta.dtype))
        log_pi = policy.log_prob(actions)
        ratio = (log_pi.detach() - log_pi).exp()
        surrogate = -(ratio * advantage).sum() / ratio.sum()
        (slope,) = torch.autograd.grad(surrogate, theta, create_graph=True)
        adapted = theta + alpha * slope
        losses.append((adapted - goal).square().sum())
    return torch.stack(losses).mean()


def some_tasks(theta, number, draws, sigma, seed=3):
    generator = torch.Generator().manual_seed(seed)
    tasks = []
    for _ in range(number):
        goal = torch.randn(2, generator=generator, dtype=torch.float64)
        actions = theta.detach() + sigma * torch.randn(draws, 2, generator=generator, dtype=torch.float64)
        reward = -(actions - goal).square().sum(-1)
        tasks.append((actions, reward + 4, goal))  # a fixed baseline of −4
    return tasks


def slope_of(loss, *arguments):
    theta = torch.tensor([1.5, -1.0], dtype=torch.float64, requires_grad=True)
    tasks = some_tasks(theta, 5, 1000, 0.5)
    value = loss(theta, tasks, *arguments)
    return value.item(), torch.autograd.grad(value, theta)[0].tolist()


# %%
for alpha in (0.0, 0.1, 0.2):
    value, slope = slope_of(colleagues_lvc_loss, alpha, 0.5)
    print(f"α = {alpha}: loss {value:.3f}, gradient {[round(v, 3) for v in slope]}")


# %% nbgrader={"grade": false, "grade_id": "meta_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def meta_loss(theta, tasks, alpha, sigma):
    """L of (4), repaired.

    theta: float64 [2], requires a gradient; tasks: list of (actions [N, 2], advantage [N], goal [2]); alpha, sigma:
    numbers. Returns a scalar tensor.
    """
    losses = []
    for actions, advantage, goal in tasks:
        policy = torch.distributions.MultivariateNormal(theta, sigma * torch.eye(2, dtype=theta.dtype))
        log_pi = policy.log_prob(actions)
        ratio = (log_pi.detach() - log_pi).exp()
        surrogate = -(ratio * advantage).sum() / ratio.sum()
        (slope,) = torch.autograd.grad(surrogate, theta, create_graph=True)
        adapted = theta + alpha * slope
        losses.append((adapted - goal).square().sum())
    ### BEGIN SOLUTION
    losses = []
    for actions, advantage, goal in tasks:
        log_pi = torch.distributions.Normal(theta, sigma).log_prob(actions).sum(-1)  # sigma is no covariance
        surrogate = ((log_pi - log_pi.detach()).exp() * advantage).mean()  # the present density above, and 1/N
        (slope,) = torch.autograd.grad(surrogate, theta, create_graph=True)
        adapted = theta + alpha * slope
        losses.append((adapted - goal).square().sum())
    ### END SOLUTION
    return torch.stack(losses).mean()


# %% nbgrader={"grade": true, "grade_id": "check_meta_loss", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch09.check_meta_loss(meta_loss)
### BEGIN HIDDEN TESTS
hidden_theta = torch.zeros(2, dtype=torch.float64, requires_grad=True)
hidden_task = (torch.tensor([[1.0, 0.0]]).double(), torch.tensor([2.0]).double(), torch.zeros(2).double())
hidden_value = meta_loss(hidden_theta, [hidden_task], 0.5, 1.0)
assert abs(hidden_value.item() - 1.0) < 1e-9  # θ' = (1, 0)
(hidden_slope,) = torch.autograd.grad(hidden_value, hidden_theta)
assert torch.allclose(hidden_slope, torch.tensor([2.0, 0.0]).double())  # H₁ and H₂ cancel along the action
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Compute by hand what $\theta'$ is for one action $(1, 0)$ with advantage 2, at $\theta = 0$, $\sigma = 2$,
# $\alpha = 1$. What would the colleague's step be for a *single* action? And what does the class of the policy take as
# its second argument?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# The covariance of $\mathcal{N}(\theta, \sigma^2 I)$ is $\sigma^2 I$. In (4) the present density stands above, the
# constant one below, and the sum is divided by $N$. With $u = \bot x - x$ the second derivative of $-e^{u}$ by $x$ is
# $-1$, that of $e^{x - \bot x}$ is $+1$, and both have the first derivative $+1$.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# For each task: log_pi at theta with standard deviation sigma, summed over dimensions; ratio = exp(log_pi − stop
# log_pi); slope = gradient of mean(ratio · advantage) with respect to theta, with graph; adapted = theta + α · slope;
# collect
# |adapted − goal|². Return the mean.
# </details>

# %%
for alpha in (0.0, 0.1, 0.2):
    value, slope = slope_of(meta_loss, alpha, 0.5)
    print(f"α = {alpha}: loss {value:.3f}, gradient {[round(v, 3) for v in slope]}")

# %% [markdown]
# **Expect:** at $\alpha = 0$ the same numbers as before. At $\alpha = 0.2$ a loss of about 1.7 instead of 2.9, and a
# gradient of about seven tenths of the colleague's length.
#
# **Interpret:** the expected return here is $-\lVert \theta - g \rVert^2$ up to a constant, so the exact Jacobian of
# the step is $(1 - 2\alpha) I$. For each bug name a test, as usual as possible, that it would pass.
#
# <details><summary>Answer</summary>
#
# The prediction: the covariance and the divided sum change $L$, the quotient that stands upside down changes its
# gradient only. The tests: with $\sigma = 1$ the covariance is right, and many a unit test has $\sigma = 1$. With
# centred advantages, which are the custom, the divided sum has the same gradient as the mean. Upside down, the first
# derivative is right, so that every test of the *step* is passed; in the second, $\psi\psi^\top A$ has the wrong sign.
# And at $\alpha = 0$ all three are right. A test of the gradient against finite differences of the closed form, at
# $\alpha > 0$, $\sigma \ne 1$ and with advantages that are not centred, finds all three.
# </details>

# %% [markdown]
# ## Exercise 5: How many groups make a sign?
#
# **Objective:** predict from a pilot how many groups of episodes each estimator needs for the sign of its
# meta-gradient, and put the prediction to the test.
#
# **Kind:** experiment · **Difficulty:** ★★★ · **Time:** 35 min · **Run time:** 5 s
#
# A bandit has two arms. In eight tasks of ten arm 1 pays 1 and arm 2 nothing, in the others it is the other way round.
# The policy takes arm 1 with probability $\sigma(\theta) = 1 / (1 + e^{-\theta})$, and $\theta = 0.25$. On a new task
# it makes $N = 20$ pulls, takes one step with $\alpha = 8$ along
#
# $$\hat g = \frac1N \sum_n r_n \nabla \log \pi(a_n), \qquad F_N(\theta) = \mathbb{E}\, J(\theta + \alpha \hat g), \tag{5}$$
#
# with the reward $r_n$ of pull $n$ and no baseline, and earns $J$, the probability of the arm that pays.
# `groups(n, generator)` draws $n$ groups of 20 pulls, each on a task of its own, and gives four estimates of
# $F_N'(\theta)$ from each of them: *first order*, *naive*, *LVC* (which is DiCE here, for there is one step) and *naive
# + sampling term*. What the query would tell is put in exactly.
#
# 1. **The truth.** Compute $F_N'(0.25)$, not by drawing: in a task there are 21 different groups.
# 2. **The pilot.** Draw 2,000 groups or more. Is LVC biased? Report the t interval of its estimates' mean less the
#    truth.
# 3. **The prediction.** Outer steps go the right way if the mean over a batch of $B$ groups has the sign of the truth.
#    With the mean $m$ and the standard deviation $s$ of your pilot, what is the smallest $B$ for which this holds in 95
#    % of batches? Take means for normal: a share of 0.95 lies above $m - 1.645\, s / \sqrt{B}$. Where no $B$ will do,
#    say `math.inf`.
# 4. **The test.** For each finite $B$ draw 500 batches or more, of *new* groups, and count the signs.
#
# **Predict:** order the four by the $B$ that they need. Is the one that is right in the mean the first?

# %% tags=["setup"]
import math

from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.bandit_groups import NAMES, groups

# %% nbgrader={"grade": false, "grade_id": "sign", "locked": false, "schema_version": 3, "solution": true, "task": false}
sign = {
    "truth": ...,  # F_N'(0.25), to six decimals or more
    "pilot": ...,  # {name: [n]} for each of NAMES, from groups(n, generator)
    "low": ...,  # lower end of the t interval of (mean of LVC) - (truth)
    "high": ...,  # its upper end
    "conclusion": ...,  # ch09.LVC_TOO_HIGH, ch09.LVC_TOO_LOW or ch09.NO_BIAS_SEEN
    "batch": ...,  # {name: B}, math.inf where no number will do
    "means": ...,  # {name: [batch]} where B is finite: the mean of each of your new batches
    "right": ...,  # {name: share of these with the sign of the truth}
}
### BEGIN SOLUTION
PULLS, SIZE = 20, 8.0


def objective(theta):
    """F_N of (5), over both kinds of tasks and all numbers of pulls of arm 1."""
    p, total = torch.sigmoid(theta), 0.0
    for k in range(PULLS + 1):
        chance = math.comb(PULLS, k) * p**k * (1 - p) ** (PULLS - k)
        one = torch.sigmoid(theta + SIZE * k / PULLS * (1 - p))  # arm 1 pays
        two = 1 - torch.sigmoid(theta - SIZE * (PULLS - k) / PULLS * p)  # arm 2 pays
        total = total + chance * (0.8 * one + 0.2 * two)
    return total


truth = float(torch.func.grad(objective)(torch.tensor(0.25, dtype=torch.float64)))
pilot = groups(20_000, seeded(0))
interval = t_interval(pilot["LVC"] - truth)
batch = {}
for name, values in pilot.items():
    mean, spread = float(values.mean()), float(values.std())
    batch[name] = math.ceil((1.645 * spread / mean) ** 2) if mean * truth > 0 else math.inf
fresh, means = seeded(1), {}
for name, size in batch.items():
    if size < math.inf:
        means[name] = groups(2_000 * size, fresh)[name].view(2_000, size).mean(1)
sign = {
    "truth": truth,
    "pilot": pilot,
    "low": interval.low,
    "high": interval.high,
    "conclusion": (
        ch09.LVC_TOO_HIGH if interval.low > 0 else ch09.LVC_TOO_LOW if interval.high < 0 else ch09.NO_BIAS_SEEN
    ),
    "batch": batch,
    "means": means,
    "right": {name: float((values * truth > 0).double().mean()) for name, values in means.items()},
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_sign", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch09.check_sign(sign)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# $\theta$ acts by two roads, (09.14): a derivative that holds the chances of the groups forgets one. And on which side
# of 0 is a mean's sign wrong?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# Of 20 pulls $k$ are of arm 1 with probability $\binom{20}{k} p^k (1 - p)^{20 - k}$; a pull of arm 1 has the score
# $1 - p$, one of arm 2 has $-p$. From $|m| = 1.645\, s / \sqrt{B}$ follows $B$.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# F(θ) = sum over k of chance(k; θ) · (0.8 σ(θ + 8 k/20 (1 − p)) + 0.2 (1 − σ(θ − 8 (20 − k)/20 p))), p = σ(θ); its
# derivative by autodiff, in float64. pilot = groups(20_000, …); t_interval(pilot["LVC"] − truth); B = ceil((1.645 s /
# m)²) if m · truth > 0, else inf. For each finite B: groups(2_000 · B, another generator)[name], in 2,000 rows; row
# means; share with the right sign.
# </details>

# %%
figure, axes = plotting.figure(width=7.0, height=3.8)
sizes = [2**power for power in range(10)]
many = groups(2**19, seeded(2))
colors = (plotting.SKY, plotting.RED, plotting.BLUE, plotting.PURPLE)
for name, color, marker in zip(NAMES, colors, "o^sD", strict=True):
    shares = [float((many[name].view(-1, size).mean(1) * float(sign["truth"]) > 0).double().mean()) for size in sizes]
    axes.plot(sizes, shares, marker=marker, markersize=4, color=color, label=name)
    if name in sign["right"]:
        axes.plot(sign["batch"][name], sign["right"][name], "*", markersize=13, color=color)
axes.axhline(0.95, color="black", linewidth=1, linestyle=":")
axes.set(xlabel="groups in a batch, B", ylabel="share of right signs", xscale="log", ylim=(0, 1.02))
axes.legend(fontsize=9, loc="center left")
plotting.show(
    figure,
    "Share of batches with the right sign against their size. First order reaches 0.95 at some ten groups, LVC at "
    "fifty, naive with the sampling term at a hundred and forty; naive falls towards 0. Stars, the predictions that "
    "were tried, lie on the dotted line at 0.95.",
)
for name in NAMES:
    tried = f"{float(sign['right'][name]):.3f}" if name in sign["right"] else "–"
    print(f"{name:22} B = {sign['batch'][name]:4}   right signs in new batches: {tried}")
print(f"LVC less the truth: [{sign['low']:.4f}, {sign['high']:.4f}]; {sign['conclusion']}")

# %% [markdown]
# **Expect:** a truth of 0.0261. First order needs about 11 groups, LVC about 45, naive with the sampling term about
# 140, and naive alone never gets there. Shares of 0.95, a little more or less.
#
# **Interpret:** (a) First order has the largest bias of the three that get there, and needs the fewest groups. How can
# that be, and what would have to be asked for the order to turn round? (b) Which pilot would have said "no bias of LVC
# was seen"? (c) Why may a share of right signs differ from 0.95 by more than counting 2,000 batches allows?
#
# <details><summary>Answer</summary>
#
# (a) For a sign it counts how far the mean lies from 0 in units of the noise, and first order's bias leads *away* from
# 0: its mean is 0.047, where the truth is 0.026. Ask for a number instead, say "within 0.01 of the truth in 95 % of
# batches", and no batch of first order will do, however large, while LVC's bias of about −0.002 leaves room. (b) A
# smaller one: with 2,000 groups the interval of LVC is some 0.009 wide, four times the bias. Not to have seen a bias is
# a statement about one's pilot. (c) $m$ and $s$ are those of a pilot, and have errors of their own; and a mean of
# eleven groups is not normal.
# </details>
