# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises to chapter 12: Models and planning
#
# Five exercises: a model whose error looks small, a search for many environments at once, a derivation of what a step on the
# newest data is worth, a loss of windows with three silent bugs, and a planner that is broken and repaired. Fill in the cells
# marked `# YOUR CODE HERE`; the check under each answers at once, as often as you like. A function leaves its arguments as
# they are, and draws nothing at random. Notation is that of [chapter 12](../chapters/12_models_and_planning.ipynb).

# %% tags=["setup"]
import torch

from metarl_core import plotting
from metarl_core.check import ch12
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.swing_up import Planner, swing_up
from metarl_core.session import begin

begin()


# %% [markdown]
# ## Exercise 1: A model that looks exact
#
# **Objective:** find three silent bugs in the way a model's error is measured, and repair them.
#
# **Kind:** debug · **Difficulty:** ★★☆ · **Time:** 20 min · **Run time:** 1 s
#
# A linear model predicts how an observation *changes*. Let $x = (o, a)$ be observation and action in one vector, and
# $\Delta = o' - o$. Both are normalised with the training data, entry by entry: with means $m_x, m_\Delta$ and standard
# deviations $s_x, s_\Delta$ over all training steps, whose squares are mean squared deviations,
#
# $$\tilde x = \frac{x - m_x}{s_x}, \quad \tilde \Delta = \frac{\Delta - m_\Delta}{s_\Delta}, \qquad
# W = \arg\min_W \sum_{\text{train}} \lVert \tilde \Delta - W \tilde x \rVert^2 + \rho \lVert W \rVert^2. \tag{1}$$
#
# Its error on other data is measured with the *same* numbers,
#
# $$e = \text{the mean of } \big(\tilde \Delta - W \tilde x\big)^2 \text{ over all steps of the test data and all entries}, \tag{2}$$
#
# so that a model which predicts the mean change, whatever happens, has $e = 1$ where test data are like training data. A
# colleague measures 0.006, and plans with the model. The plans are useless.
#
# **Predict:** a cart moves by a hundredth of its usual distance from the middle in a step. What error does a model have in
# the colleague's measure that predicts "nothing moves", and in that of (2)?

# %% tags=["setup"]
def colleagues_error(train, test, ridge):
    inputs, targets = [], []
    for observations, actions, following in (train, test):
        inputs.append(torch.cat([observations, actions], -1))
        targets.append(following)
    scaled = []
    for values in (inputs, targets):
        every = torch.cat(values)
        mean, std = every.mean(0), every.std(correction=0)
        scaled.append([(value - mean) / std for value in values])
    (x, x_test), (y, y_test) = scaled
    gram = x.T @ x + ridge * torch.eye(x.shape[1]).to(x)
    weights = torch.linalg.solve(gram, x.T @ y)
    return (y_test - x_test @ weights).square().mean()


def steps_of_a_cart(number, wind, seed):
    """Steps of a cart that is pushed: position, velocity and push at random, the wind blows."""
    generator = seeded(seed)
    seen = torch.randn(number, 2, generator=generator).double() * torch.tensor([1.0, 2.0])
    push = 2 * torch.rand(number, 1, generator=generator).double() - 1
    change = 0.02 * torch.cat([seen[:, 1:], 10 * push + wind + 0 * seen[:, 1:]], 1)
    return seen, push, seen + change


# %%
calm, windy = steps_of_a_cart(50, 0.0, 1), steps_of_a_cart(500, 3.0, 2)
still = (windy[0], windy[1], windy[0])
print(f"the colleague's error, on windy days: {float(colleagues_error(calm, windy, 5.0)):.4f}")


# %% nbgrader={"grade": false, "grade_id": "relative_error", "locked": false, "schema_version": 3, "solution": true, "task": false}
def relative_error(train, test, ridge):
    """Equation (2), repaired.

    train, test: tuples (observations, actions, following), float64 [step, observation], [step, action] and
    [step, observation]: o, a and o'; at least two steps of training, at least one of test data; ridge: ρ > 0. Returns e, a
    float64 tensor without axes.
    """
    inputs, targets = [], []
    for observations, actions, following in (train, test):
        inputs.append(torch.cat([observations, actions], -1))
        targets.append(following)
    scaled = []
    for values in (inputs, targets):
        every = torch.cat(values)
        mean, std = every.mean(0), every.std(correction=0)
        scaled.append([(value - mean) / std for value in values])
    ### BEGIN SOLUTION
    inputs, targets = [], []
    for observations, actions, following in (train, test):
        inputs.append(torch.cat([observations, actions], -1))
        targets.append(following - observations)  # the change
    scaled = []
    for values in (inputs, targets):
        mean, std = values[0].mean(0), values[0].std(0, correction=0)  # of training data, entry by entry
        scaled.append([(value - mean) / std for value in values])
    ### END SOLUTION
    (x, x_test), (y, y_test) = scaled
    gram = x.T @ x + ridge * torch.eye(x.shape[1]).to(x)
    weights = torch.linalg.solve(gram, x.T @ y)
    return (y_test - x_test @ weights).square().mean()


# %% nbgrader={"grade": true, "grade_id": "check_relative_error", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch12.check_relative_error(relative_error)
### BEGIN HIDDEN TESTS
hidden_seen, hidden_push = torch.tensor([[0.0], [2.0]]).double(), torch.tensor([[1.0], [-1.0]]).double()
hidden_train = (hidden_seen, hidden_push, hidden_seen + torch.tensor([[1.0], [3.0]]).double())
hidden_test = (hidden_seen[:1] + 1, 0 * hidden_push[:1], hidden_seen[:1] + 5)
assert (
    abs(relative_error(hidden_train, hidden_test, 1.0).item() - 4) < 1e-9
)  # average inputs, a change 2 deviations off
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Let the test data hold one step. May its own numbers enter the mean that is subtracted from it? And what would the error be
# of a model that says $o' = o$?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $\Delta = o' - o$; $m$ and $s$ are vectors, one number for each entry, and $s^2$ is the mean of $(\cdot - m)^2$ over the
# *training* steps.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# targets = following − observations, of both; mean and deviation over the steps (axis 0) of training alone; both sets
# normalised with them; the fit on training; the mean squared error on test.
# </details>

# %%
print(f"repaired, on calm days:   {float(relative_error(calm, steps_of_a_cart(500, 0.0, 3), 5.0)):.3f}")
print(f"repaired, on windy days:  {float(relative_error(calm, windy, 5.0)):.3f}")
print(f"'nothing moves', in the colleague's measure: {float(colleagues_error(still, windy, 1e-9)):.4f}")
print(f"'nothing moves', in that of (2):             {float(((windy[2] - windy[0]) / (calm[2] - calm[0]).std(0, correction=0)).square().mean()):.2f}")  # fmt: skip


# %% [markdown]
# **Expect:** 0.012 on calm days and 0.14 on windy ones, which the colleague's number of 0.006 says nothing of. A model in which
# nothing moves has 0.003 in his measure, and more than 1 in that of (2).
#
# **Interpret:** (a) In which of the three bugs does the model itself get worse, and in which only its measurement better? (b)
# Why does a ridge draw a model of $o'$ to another place than a model of $\Delta$?
#
# <details><summary>Answer</summary>
#
# The prediction: about $0.01^2$ in the colleague's measure, about one in (2). (a) With the ridge all three change the model a little.
# What matters is the measure: the error of $o'$ is counted in deviations of $o$, which are many times those of a change; and
# test statistics take out of the test data just what the model has not seen. One deviation for all entries lets the entries
# that vary most decide, and hides the others. (b) A ridge prefers $W = 0$. For a model of $\Delta$ that is "it goes on as on
# the average"; for a model of $o'$ it is "everything jumps to the middle", which no body does.
# </details>

# %% [markdown]
# ## Exercise 2: A search for many environments
#
# **Objective:** write a cross-entropy search that keeps its elites, for all environments of a batch and for each as if it were
# alone.
#
# **Kind:** implement · **Difficulty:** ★★☆ · **Time:** 25 min · **Run time:** 1 s
#
# In round $k = 1, 2, \dots$ and in each environment on its own, the candidates are
#
# $$a^{(c)} = \operatorname{clip}\big(\mu_{k-1} + \sigma_{k-1}\, \varepsilon_k^{(c)},\; \text{low},\; \text{high}\big), \tag{3}$$
#
# and, from the second round on, the elites of the round before *once more*. The elites are the $E$ best of all these, and
# $\mu_k$ and $\sigma_k$ are their mean and their standard deviation, number by number of the plan, as in (12.2), with
# $1 / E$. At first $\mu_0$ is a given plan and $\sigma_0 = (\text{high} - \text{low}) / 4$. What is wanted is not the last mean
# but **the best plan that was found**.
#
# **Predict:** two bodies are planned for in one batch, one with its motor turned round. What would become of the plans if the
# elites were the best candidates of both together?

# %% nbgrader={"grade": false, "grade_id": "search", "locked": false, "schema_version": 3, "solution": true, "task": false}
def search(score, low, high, noise, start, elites):
    """The best plan of each environment.

    score: from plans float64 [environment, candidate, time, action] to how good they are, [environment, candidate]; it takes
    any number of candidates; low, high: float64 [action]; noise: ε float64 [round, environment, candidate, time, action], at
    least one round; start: μ₀ [environment, time, action], inside the bounds; elites: E, at most the number of candidates.
    Returns [environment, time, action].
    """
    ### BEGIN SOLUTION
    mean, std = start, ((high - low) / 4).expand_as(start)
    best = noise.new_zeros(noise.shape[1], 0, *noise.shape[3:])
    for drawn in noise:
        plans = (mean.unsqueeze(1) + std.unsqueeze(1) * drawn).clamp(low, high)
        plans = torch.cat([best, plans], 1)
        order = score(plans).topk(elites, 1).indices  # [environment, elite], the best first
        best = plans.gather(1, order[..., None, None].expand(*order.shape, *plans.shape[2:]))
        mean, std = best.mean(1), best.std(1, correction=0)
    return best[:, 0]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_search", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch12.check_search(search)
### BEGIN HIDDEN TESTS
hidden_goals = torch.tensor([0.9, -3.0]).double()
hidden_plan = search(
    lambda plans: -(plans[..., 0, 0] - hidden_goals[:, None]).square(), -torch.ones(1).double(), torch.ones(1).double(),
    torch.tensor([[0.5, -1.0, 4.0], [1.0, -4.0, 0.0]]).double()[None, :, :, None, None], torch.zeros(2, 1, 1).double(), 1,
)  # fmt: skip
assert abs(hidden_plan.flatten() - torch.tensor([1.0, -1.0]).double()).max() < 1e-9
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Which axis of `score(plans)` counts the candidates of one environment? And what is scored: what was drawn, or what can be
# done?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# `topk(elites, 1).indices` is $[\text{environment}, \text{elite}]$, the best first. `gather(1, index)` takes them out of the
# plans, where the index has the shape of what is to come out.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# best = no plans; for each round: plans = clip(mean + std · noise); plans = best and plans; order = topk of score(plans) along
# candidates; best = plans at order; mean, std of best along candidates. Return the first of best.
# </details>

# %%
def reach(goals):
    """A point is pushed to a goal in eight steps; pushes of the second environment are turned round."""
    signs = torch.tensor([1.0, -1.0]).double()

    def score(plans):
        return -((signs[:, None, None] * plans[..., 0]).cumsum(-1) - goals[:, None, None]).square().sum(-1)

    return score


goals, one = torch.tensor([3.0, 3.0]).double(), torch.ones(1).double()
tries = torch.randn(6, 2, 60, 8, 1, generator=seeded(1)).double()
found = search(reach(goals), -one, one, tries, torch.zeros(2, 8, 1).double(), 8)
figure, axes = plotting.figure(width=6.0, height=3.4)
for plan, color, name in zip(found[..., 0], (plotting.BLUE, plotting.ORANGE), ("usual", "turned round"), strict=True):
    axes.plot(plan, "o-", color=color, label=name)
axes.set(xlabel="step of the plan", ylabel="push", ylim=(-1.1, 1.1))
axes.legend()
plotting.show(
    figure,
    "Pushes of the best plans for two environments, against the step. One begins with two pushes near +1 and two near a half, "
    "and goes on around 0; the other, whose pushes are turned round, begins as its mirror image.",
)


# %% [markdown]
# **Expect:** two pushes of nearly full force and two of half of it, in one direction for the one body and in the other for the
# other; then little.
#
# **Interpret:** (a) With clipped candidates, some numbers of a plan lie exactly on the bound. Why is that no fault? (b) What
# can be lost by returning the best plan that was found rather than the mean, when the *model* is learned?
#
# <details><summary>Answer</summary>
#
# The prediction: elites of both bodies together are plans for the body that scores higher, or a mixture, whose mean pushes
# neither way. (a) The best push often *is* the strongest. Without clipping, the search would score pushes that the world then
# cuts off, and plan with an arm that is longer than its own. (b) The best of many candidates is the one whose score is too high
# by luck or by an error of the model: a maximum over errors. A mean of elites averages such errors out. With exact equations
# there is nothing to be lost, with learned ones it has to be tried.
# </details>

# %% [markdown]
# ## Exercise 3: How much is a step on the newest data worth?
#
# **Objective:** derive the best step size of a gradient step on a window, and the error that is left when the motor turns round
# within it.
#
# **Kind:** derive · **Difficulty:** ★★★ · **Time:** 30 min · **Run time:** 1 s
#
# The smallest world of this chapter: a push $a$ changes the velocity by $\Delta = b\, a$, and $b = +g$ or $b = -g$, each for
# half of the bodies. The model is $\hat\Delta = \theta a$. Pushes are independent and uniform on $[-u, u]$. A meta-trained model
# begins at $\theta = 0$, halfway between the bodies, and takes one step on the loss of the last $M$ steps,
#
# $$\theta' = -\alpha\, \frac{d}{d\theta}\, \frac1M \sum_{i=1}^{M} \big(\Delta_i - \theta a_i\big)^2 \Big|_{\theta = 0}, \qquad
# \text{then errs by } \mathbb{E}\big[(\Delta - \theta' a)^2\big] \text{ on a new push.} \tag{4}$$
#
# (a) Which $\alpha$ is the best, where all $M$ steps are of the present body? (b) The motor turned round so that only the
# newest $k$ of the $M$ steps are of the present body, and the $M - k$ older ones of the other sign. With *that* $\alpha$, how
# large is the expected error, in units of $\mathbb{E}[\Delta^2]$, which is the error of the fixed model? ($\mathbb{E}[a^2] =
# u^2 / 3$ and $\mathbb{E}[a^4] = u^4 / 5$.)
#
# **Predict:** the share of (b) for $M = 16$: just after the change, $k = 0$; at $k = 8$; and at $k = 16$. Where does it fall below
# 1, the error of a model that never adapts?

# %% nbgrader={"grade": false, "grade_id": "motor_share", "locked": false, "schema_version": 3, "solution": true, "task": false}
def motor_share(past, new, width):
    """The best step size, and the share of the fixed model's error that is left with it.

    past: M, int from 1 on; new: k, int from 0 to M; width: u > 0. Returns two floats, α of (a) and the share of (b).
    """
    ### BEGIN SOLUTION
    second, fourth = width**2 / 3, width**4 / 5
    spread = (fourth - second**2) / past  # variance of the mean of a² over the window
    alpha = second / (2 * (second**2 + spread))
    towards = second * (2 * new - past) / past  # expected mean of ±a²
    share = 1 - 4 * alpha * towards + 4 * alpha**2 * (towards**2 + spread)
    return alpha, share
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_motor_share", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch12.check_motor_share(motor_share)
### BEGIN HIDDEN TESTS
hidden_alpha, hidden_share = motor_share(1, 1, 1.0)
assert abs(hidden_alpha - 5 / 6) < 1e-6 and abs(hidden_share - 4 / 9) < 1e-6
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# With $\theta = 0$ the slope is a sum of $\Delta_i a_i$, and $\Delta_i = \pm b\, a_i$. Write $\theta' = 2 \alpha b D$: what is
# $D$, and what does the error depend on but on $\mathbb{E}[D]$ and $\mathbb{E}[D^2]$?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $D = \frac1M \sum_i \pm a_i^2$, so that the share is $\mathbb{E}[(1 - 2 \alpha D)^2]$ and the best step size is
# $\alpha = \mathbb{E}[D] / (2\, \mathbb{E}[D^2])$ for $k = M$. $D$ has the variance of a mean of $M$ independent terms.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# m = u²/3; v = (u⁴/5 − m²)/M; α = m / (2 (m² + v)); d = m (2k − M)/M; share = 1 − 4 α d + 4 α² (d² + v).
# </details>

# %%
windows = {past: [motor_share(past, min(k, past), 1.0)[1] for k in range(25)] for past in (4, 8, 16, 24)}
figure, axes = plotting.figure(width=6.8, height=3.8)
colors = (plotting.BLUE, plotting.ORANGE, plotting.GREEN, plotting.PURPLE)
for (past, shares), color in zip(windows.items(), colors, strict=True):
    axes.semilogy(shares, "o-", color=color, markersize=3, label=f"M = {past}")
axes.axhline(1, color=plotting.GREY, linestyle="--", label="never adapts")
axes.set(xlabel="steps since the change", ylabel="share of the fixed model's error")
axes.legend()
plotting.show(
    figure,
    "Expected error after one gradient step, in units of the fixed model's error, against the steps since the motor turned round, "
    "on a logarithmic axis, for windows of 4, 8, 16 and 24 steps. All begin near four and fall below one after half of their "
    "length. The shorter the window, the sooner; and the shorter, the higher is the error at which each ends.",
)


# %% [markdown]
# **Expect:** curves that begin between three and four, pass 1 when a little more than half of the window is of the new body, and
# end at $4 / (5M + 4)$: a short window is quick and never exact, a long one slow and in the end exact.
#
# **Interpret:** (a) An adapted model errs *more* than a fixed one just after the change, by a factor near four. Why four? (b)
# The pole of the chapter has fallen after about ten steps of wrong pushes. What does that say about $M$? (c) And what does a
# model of the chapter know beside this one that could do better than any $M$?
#
# <details><summary>Answer</summary>
#
# (a) The model believes in $-b$ where $b$ holds: it is wrong by $2b$, and squares make it four. (b) The sign of the model's
# belief changes at $k = M / 2$, and it should do so well before ten steps: a window of 16 is too long to save the pole, however
# well its $\theta$ is trained. (c) A mean over a window weighs all steps alike. A recurrent reader can learn to trust the newest
# ones, and to forget the others at once where they contradict each other; so can a filter that notices its own surprise.
# </details>

# %% [markdown]
# ## Exercise 4: Trained to adapt, it says
#
# **Objective:** find three silent bugs in the loss of a model that adapts while it runs, and repair them.
#
# **Kind:** debug · **Difficulty:** ★★★ · **Time:** 25 min · **Run time:** 1 s
#
# A network predicts the change of an observation, $f_\theta(o, a) = V \tanh\big(U (o, a)\big)$, $\theta = (U, V)$. With
#
# $$\mathcal{L}(\tau; \theta) = \text{the mean of } \big(o' - o - f_\theta(o, a)\big)^2 \text{ over the steps of } \tau \text{ and all entries}, \tag{5}$$
#
# the loss at a moment $t$ of an episode of $T$ steps, numbered from 0, is, as in (12.7),
#
# $$\ell_t = \mathcal{L}\big(\tau_{t : t+K};\; \theta - \alpha \nabla_\theta \mathcal{L}(\tau_{t-M : t}; \theta)\big). \tag{6}$$
#
# $\tau_{p:q}$ holds steps $p, \dots, q - 1$: in front of $t$ up to $M$ steps, at the beginning fewer, and with none $\theta$ stays
# as it is; from $t$ on up to $K$ steps, at the end fewer. $\ell_t$ is differentiated through the inner step. A colleague's losses
# fall in training, and his planner reacts late.
#
# **Predict:** one of the bugs makes the losses *lower* than they should be. Which kind of bug does that?

# %% tags=["setup"]
def mean_loss(weights, observations, actions, following):
    hidden = torch.tanh(torch.cat([observations, actions], -1) @ weights["U"].T)
    return (following - observations - hidden @ weights["V"].T).square().mean()


def colleagues_losses(theta, observations, actions, following, moments, past, future, inner_lr):
    losses, weights = [], theta
    for moment in moments:
        support, query = slice(max(0, moment - past - 1), moment - 1), slice(max(0, moment - past), moment)
        if moment > 1:
            loss = mean_loss(weights, observations[support], actions[support], following[support])
            slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
            weights = {name: w - inner_lr * s for (name, w), s in zip(weights.items(), slopes, strict=True)}
        losses.append(mean_loss(weights, observations[query], actions[query], following[query]))
    return torch.stack(losses)


def an_episode(steps=40, seed=6):
    """A body whose motor turns round after half of the episode."""
    generator = seeded(seed)
    theta = {"U": 0.5 * torch.randn(8, 3, generator=generator), "V": 0.3 * torch.randn(2, 8, generator=generator)}
    theta = {name: value.double().requires_grad_() for name, value in theta.items()}
    seen, push = torch.randn(steps, 2, generator=generator), 2 * torch.rand(steps, 1, generator=generator) - 1
    sign = torch.where(torch.arange(steps) < steps // 2, 1.0, -1.0)[:, None]
    change = torch.cat([0.1 * seen[:, 1:], sign * push], 1)
    return theta, seen.double(), push.double(), (seen + change).double()


# %%
episode = an_episode()
print("the colleague's:", [round(x, 3) for x in colleagues_losses(*episode, [4, 10, 18, 24], 4, 4, 0.5).tolist()])


# %% nbgrader={"grade": false, "grade_id": "adapted_losses", "locked": false, "schema_version": 3, "solution": true, "task": false}
def adapted_losses(theta, observations, actions, following, moments, past, future, inner_lr):
    """Equation (6), repaired, for some moments of one episode.

    theta: {"U": float64 [hidden, observation + action], "V": [observation, hidden]}, both with requires_grad; observations:
    o [time, observation]; actions: a [time, action]; following: o' [time, observation]; moments: list of t, int from 0 to
    time - 1, in any order; past: M ≥ 1; future: K ≥ 1; inner_lr: α. Returns the losses, float64 [moment], with their graph.
    """
    losses, weights = [], theta
    for moment in moments:
        support, query = slice(max(0, moment - past - 1), moment - 1), slice(max(0, moment - past), moment)
        if moment > 1:
            loss = mean_loss(weights, observations[support], actions[support], following[support])
            slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
            weights = {name: w - inner_lr * s for (name, w), s in zip(weights.items(), slopes, strict=True)}
        losses.append(mean_loss(weights, observations[query], actions[query], following[query]))
    ### BEGIN SOLUTION
    losses = []
    for moment in moments:
        support, query = slice(max(0, moment - past), moment), slice(moment, moment + future)
        weights = theta  # each moment begins anew
        if moment > 0:
            loss = mean_loss(theta, observations[support], actions[support], following[support])
            slopes = torch.autograd.grad(loss, list(theta.values()), create_graph=True)
            weights = {name: w - inner_lr * s for (name, w), s in zip(theta.items(), slopes, strict=True)}
        losses.append(mean_loss(weights, observations[query], actions[query], following[query]))
    ### END SOLUTION
    return torch.stack(losses)


# %% nbgrader={"grade": true, "grade_id": "check_adapted_losses", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch12.check_adapted_losses(adapted_losses)
### BEGIN HIDDEN TESTS
hidden_theta = {
    "U": torch.tensor([[0.0, 1.0]]).double().requires_grad_(),
    "V": torch.zeros(1, 1).double().requires_grad_(),
}
hidden_seen, hidden_push = torch.zeros(3, 1).double(), torch.full((3, 1), 20.0).double()  # tanh is 1
hidden_losses = adapted_losses(hidden_theta, hidden_seen, hidden_push, hidden_seen + 1, [2, 0, 1], 2, 2, 0.25)
assert abs(hidden_losses.detach() - torch.tensor([0.25, 1.0, 0.25]).double()).max() < 1e-9
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Ask for one moment alone, and then for the same moment behind another one. Change a single step of the episode, number $t - 1$
# or $t$, and see which losses move.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# Support: steps $\max(0, t - M), \dots, t - 1$. Query: steps $t, \dots, \min(T, t + K) - 1$. The step starts at $\theta$.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# For each moment: support = slice(max(0, t − M), t); query = slice(t, t + K); weights = theta, and where t > 0 one step on the
# support, with create_graph; the loss of the query with these weights.
# </details>

# %%
moments = list(range(1, 40))
with_graph = adapted_losses(*episode, moments, 8, 1, 0.5)
theirs = colleagues_losses(*episode, moments, 8, 1, 0.5)
figure, axes = plotting.figure(width=6.8, height=3.6)
axes.plot(moments, with_graph.detach(), color=plotting.BLUE, label="equation (6)")
axes.plot(moments, theirs.detach(), color=plotting.ORANGE, label="the colleague's")
axes.axvline(20, color=plotting.RED, linestyle=":")
axes.set(xlabel="moment t", ylabel="loss")
axes.legend()
plotting.show(
    figure,
    "Losses at the moments of one episode whose motor turns round at step 20, marked by a dotted line. The loss of equation (6) "
    "varies from step to step between nearly 0 and 0.6. The colleague's is smooth, falls to nearly 0 before the line, and rises to "
    "0.2 behind it.",
)

# %% [markdown]
# **Expect:** a loss of single steps that is ragged, for this $\theta$ is not trained and eight steps do not tell all, beside a
# smooth curve that falls to nearly nothing: the colleague's weights fit the steps that they have seen.
#
# **Interpret:** (a) Which of the three bugs does *not* show in an episode without a change? (b) Which of them would one want to
# have on purpose, and under what name?
#
# <details><summary>Answer</summary>
#
# The prediction: the query that is the support itself. A loss on the data that were adapted to asks whether one *can* fit, not
# whether one can predict, and is lower. (a) The newest step that is left out: while the body stays as it is, the steps before
# it say the same. (b) Weights that are carried on are online gradient descent. It learns more while nothing changes, and has
# to unlearn it when something does; and as a *training* loss of $\theta$ it is another problem than (6), whose gradient goes back
# through all earlier moments.
# </details>

# %% [markdown]
# ## Exercise 5: Break a planner, and repair one
#
# **Objective:** find out what a planner lives on, its horizon, its candidates or its warm start, and whether more computing
# can stand in for one of them.
#
# **Kind:** apply · **Difficulty:** ★★★ · **Time:** 30 min · **Run time:** 10 s
#
# A pendulum hangs down, its motor is too weak to lift it, and an episode has 40 steps of a tenth of a second. The planner knows
# the equations. `swing_up(planner, seeds)` plays one episode for each seed and gives the mean reward of a step, 0 for hanging and
# 1 for upright. A colleague uses `Planner(horizon=3, candidates=400, warm_start=False)`: 2,400 imagined steps a search, two
# rounds of the cross-entropy method, and about 0.2.
#
# 1. **Repair it**: a planner that earns more than 0.45 with 600 imagined steps a search, or fewer.
# 2. **Break yours**, in three ways: with another horizon, with another number of candidates, without its warm start; in each
#    *nothing else* differs, and in each the mean over your seeds falls by 0.15 or more.
# 3. **Buy it back**: without the warm start, with the horizon of yours, and with ten times as many imagined steps a search as
#    yours or more. Does that do as well? Report the t interval of *yours less the dear one*, seed by seed.
#
# Horizons up to 30 and up to 500 candidates will do. Five seeds or more, the same for all. The check plays some of your planners
# again.
#
# **Predict:** which of the three does most harm? Can a planner that begins its search anew at every step be rescued by a search
# that is ten times as large?

# %% nbgrader={"grade": false, "grade_id": "planner", "locked": false, "schema_version": 3, "solution": true, "task": false}
planner = {
    "repaired": ...,  # Planner
    "short": ...,  # Planner: another horizon
    "thin": ...,  # Planner: another number of candidates
    "cold": ...,  # Planner: without the warm start
    "dear": ...,  # Planner: as "cold", with more candidates
    "seeds": ...,  # list of int: five or more
    "rewards": ...,  # {"repaired": [seed], "short": [seed], "thin": [seed], "cold": [seed], "dear": [seed]}
    "low": ...,  # lower end of the t interval of (repaired) - (dear)
    "high": ...,  # its upper end
    "conclusion": ...,  # ch12.WARM_WINS, ch12.DEAR_WINS or ch12.NOT_TOLD_APART
}
### BEGIN SOLUTION
planners = {
    "repaired": Planner(horizon=12, candidates=20, warm_start=True),
    "short": Planner(horizon=2, candidates=20, warm_start=True),
    "thin": Planner(horizon=12, candidates=2, warm_start=True),
    "cold": Planner(horizon=12, candidates=20, warm_start=False),
    "dear": Planner(horizon=12, candidates=300, warm_start=False),
}
seeds = list(range(10))
rewards = {name: swing_up(one, seeds) for name, one in planners.items()}
interval = t_interval(rewards["repaired"] - rewards["dear"])
planner = {
    **planners,
    "seeds": seeds,
    "rewards": rewards,
    "low": interval.low,
    "high": interval.high,
    "conclusion": ch12.WARM_WINS if interval.low > 0 else ch12.DEAR_WINS if interval.high < 0 else ch12.NOT_TOLD_APART,
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_planner", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch12.check_planner(planner)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# How many steps does one swing take? A planner that looks less far sees no reward that any push would change. And what does a
# plan of the step before know that twenty new candidates do not?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# Imagined steps of a search: 2 · candidates · horizon, `planner.imagined_steps`. The interval is that of chapter 04, of one
# difference for each seed.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# Try horizons of 5, 10, 15 with a warm start and as many candidates as fit. Then: another horizon (2), another number of
# candidates (2), warm_start=False; and with warm_start=False 300 candidates. swing_up of each with the same seeds; t_interval
# of the differences.
# </details>

# %%
colleague = swing_up(Planner(horizon=3, candidates=400, warm_start=False), planner["seeds"])
print(f"{'the colleague':10}  2400 imagined steps a search: {float(colleague.mean()):.2f}")
for name in ("repaired", "short", "thin", "cold", "dear"):
    mean = float(torch.as_tensor(planner["rewards"][name]).double().mean())
    print(f"{name:13} {planner[name].imagined_steps:5} imagined steps a search: {mean:.2f}")
print(f"repaired less dear: [{planner['low']:.2f}, {planner['high']:.2f}]")

# %% [markdown]
# **Expect:** with the solution's planners 0.52 for the repaired one with 480 imagined steps, below 0.2 for each of the three broken
# ones, and about half of the repaired one's reward for the dear one, with fifteen times its imagined steps.
#
# **Interpret:** (a) Why does a horizon that is too short not profit from more candidates? (b) A warm start costs nothing here. When
# could it do harm? (c) Your planner was chosen because it earned most on some seeds. On which seeds should its reward be reported?
#
# <details><summary>Answer</summary>
#
# (a) It finds the best of short plans with more certainty, and the best short plan leads nowhere: an error of the *question* is
# not mended by answering it better. (b) Where the world has changed since, or the old plan sits in a poor place that the search
# cannot leave, for the Gaussian around it is not wide enough. After a sudden change of the body this is not rare. (c) On others
# than those it was chosen on. With a reward that hardly varies between seeds the difference is small here; it need not be.
# </details>
